//! Where beside the points of a chart their labels have room.

/// Letters and lines in pixels, with a margin.
const LETTER: f64 = 7.0;
const LINE: f64 = 15.0;
/// From the middle of a point to its label, and half of what a point covers.
const AWAY: f64 = 8.0;
const POINT: f64 = 5.0;
/// Sizes of the plot in pixels on a narrow and on a wide page: what fits at both fits between.
const NARROW: (f64, f64) = (250.0, 256.0);
const WIDE: (f64, f64) = (640.0, 320.0);

/// A point and its label.
pub(super) struct Room {
    /// Share of the width, from the left.
    pub(super) x: f64,
    /// Share of the height, from the top.
    pub(super) y: f64,
    /// Width of the label; 0 for none.
    pub(super) letters: usize,
}

/// On which side of its point a label stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Right,
    Left,
    Above,
    Below,
}

/// Left, right, top and bottom in pixels.
type Area = [f64; 4];

/// The place of every label, and whether only a wide page has it; `None` where there is none.
pub(super) fn places(rooms: &[Room]) -> Vec<Option<(Place, bool)>> {
    let mut found: Vec<Option<(Place, bool)>> = vec![None; rooms.len()];
    for (sizes, needs_width) in [(&[NARROW, WIDE][..], false), (&[WIDE][..], true)] {
        for at in 0..rooms.len() {
            if found[at].is_none() && rooms[at].letters > 0 {
                let fits = |place: &Place| sizes.iter().all(|size| is_free(rooms, &found, at, *place, *size));
                let place = [Place::Right, Place::Left, Place::Above, Place::Below].into_iter().find(fits);
                found[at] = place.map(|place| (place, needs_width));
            }
        }
    }
    found
}

/// Whether a label stands within the plot, on no point and on no label that has its place already.
fn is_free(rooms: &[Room], found: &[Option<(Place, bool)>], at: usize, place: Place, size: (f64, f64)) -> bool {
    let own = label(&rooms[at], place, size);
    let is_inside = own[0] >= 0.0 && own[1] <= size.0 + AWAY && own[2] >= 0.0 && own[3] <= size.1;
    is_inside
        && rooms.iter().zip(found).all(|(room, found)| {
            let has_label = found.is_some_and(|(other, _)| overlap(own, label(room, other, size)));
            !has_label && !overlap(own, point(room, size))
        })
}

fn overlap(a: Area, b: Area) -> bool {
    a[0] < b[1] && b[0] < a[1] && a[2] < b[3] && b[2] < a[3]
}

fn point(room: &Room, size: (f64, f64)) -> Area {
    let (x, y) = (room.x * size.0, room.y * size.1);
    [x - POINT, x + POINT, y - POINT, y + POINT]
}

fn label(room: &Room, place: Place, size: (f64, f64)) -> Area {
    let (x, y) = (room.x * size.0, room.y * size.1);
    let width = room.letters as f64 * LETTER;
    match place {
        Place::Right => [x + AWAY, x + AWAY + width, y - LINE / 2.0, y + LINE / 2.0],
        Place::Left => [x - AWAY - width, x - AWAY, y - LINE / 2.0, y + LINE / 2.0],
        Place::Above => [x - width / 2.0, x + width / 2.0, y - AWAY - LINE, y - AWAY],
        Place::Below => [x - width / 2.0, x + width / 2.0, y + AWAY, y + AWAY + LINE],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(x: f64, y: f64, letters: usize) -> Room {
        Room { x, y, letters }
    }

    #[test]
    fn labels_stay_inside_and_apart() {
        assert_eq!(places(&[room(0.5, 0.5, 3)]), [Some((Place::Right, false))]);
        assert_eq!(places(&[room(1.0, 0.5, 3)]), [Some((Place::Left, false))]);
        assert_eq!(places(&[room(0.5, 0.5, 0)]), [None]);
        assert_eq!(places(&[room(0.5, 0.5, 500)]), [None]);
        let close = places(&[room(0.5, 0.5, 3), room(0.54, 0.5, 3)]);
        assert_eq!(close, [Some((Place::Left, false)), Some((Place::Right, false))]);
    }

    #[test]
    fn a_label_that_needs_a_wide_page_says_so() {
        assert_eq!(places(&[room(0.5, 0.5, 40)]), [Some((Place::Right, true))]);
    }
}
