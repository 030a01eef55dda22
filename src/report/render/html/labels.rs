//! Where beside the points of a chart their labels have room.

/// Letters and lines in pixels, with a margin.
const LETTER: f64 = 7.0;
const LINE: f64 = 15.0;
/// From the middle of a point to its label, and half of what a point covers.
const AWAY: f64 = 8.0;
const POINT: f64 = 5.0;
/// How far a label may reach below the axis: not as far as its ticks.
const LOW: f64 = 3.0;
/// A cloud of more labeled points is drawn without labels: nobody could read them.
const MANY: usize = 200;
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

/// The place of every label, and whether only a wide page has it; `None` where there is none. Labels stand on the lines
/// between two points only where there is no room beside them.
pub(super) fn places(rooms: &[Room], lines: &[(usize, usize)]) -> Vec<Option<(Place, bool)>> {
    let mut found: Vec<Option<(Place, bool)>> = vec![None; rooms.len()];
    if rooms.iter().filter(|room| room.letters > 0).count() > MANY {
        return found;
    }
    for (sizes, lines, needs_width) in [
        (&[NARROW, WIDE][..], lines, false),
        (&[NARROW, WIDE], &[], false),
        (&[WIDE], lines, true),
        (&[WIDE], &[], true),
    ] {
        for at in 0..rooms.len() {
            if found[at].is_none() && rooms[at].letters > 0 {
                let fits = |place: &Place| {
                    sizes.iter().all(|size| {
                        let own = label(&rooms[at], *place, *size);
                        is_free(own, rooms, &found, *size)
                            && !lines.iter().any(|line| crosses(own, rooms, *line, *size))
                    })
                };
                let place = [Place::Right, Place::Above, Place::Below, Place::Left].into_iter().find(fits);
                found[at] = place.map(|place| (place, needs_width));
            }
        }
    }
    found
}

/// Whether an area is within the plot, on no point and on no label that has its place already.
fn is_free(own: Area, rooms: &[Room], found: &[Option<(Place, bool)>], size: (f64, f64)) -> bool {
    let is_inside = own[0] >= 0.0 && own[1] <= size.0 + AWAY && own[2] >= 0.0 && own[3] <= size.1 + LOW;
    is_inside
        && rooms.iter().zip(found).all(|(room, found)| {
            let has_label = found.is_some_and(|(other, _)| overlap(own, label(room, other, size)));
            !has_label && !overlap(own, point(room, size))
        })
}

/// Whether the line between two points passes through an area: whether a part of it is within both of its ranges.
fn crosses(own: Area, rooms: &[Room], (from, to): (usize, usize), size: (f64, f64)) -> bool {
    let (from, to) = (&rooms[from], &rooms[to]);
    let within = |from: f64, to: f64, low: f64, high: f64| {
        let ends = [(low - from) / (to - from), (high - from) / (to - from)];
        if from == to && (low..high).contains(&from) {
            [0.0, 1.0]
        } else {
            [ends[0].min(ends[1]), ends[0].max(ends[1])]
        }
    };
    let x = within(from.x * size.0, to.x * size.0, own[0], own[1]);
    let y = within(from.y * size.1, to.y * size.1, own[2], own[3]);
    x[0].max(y[0]).max(0.0) < x[1].min(y[1]).min(1.0)
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
        let case = |rooms: &[Room], expected: &[Option<(Place, bool)>]| assert_eq!(places(rooms, &[]), expected);
        case(&[room(0.5, 0.5, 3)], &[Some((Place::Right, false))]);
        case(&[room(1.0, 0.05, 3)], &[Some((Place::Left, false))]);
        case(&[room(0.5, 0.5, 0)], &[None]);
        case(&[room(0.5, 0.5, 500)], &[None]);
        case(&[room(0.5, 0.5, 3), room(0.54, 0.5, 3)], &[Some((Place::Above, false)), Some((Place::Right, false))]);
    }

    #[test]
    fn labels_stand_beside_lines() {
        let rooms = [room(0.3, 0.5, 3), room(0.9, 0.5, 0)];
        assert_eq!(places(&rooms, &[(0, 1)])[0], Some((Place::Above, false)));
        let steep = [room(0.5, 0.1, 3), room(0.5, 0.9, 3)];
        assert_eq!(places(&steep, &[(0, 1)]), [Some((Place::Right, false)); 2]);
    }

    #[test]
    fn a_label_that_needs_a_wide_page_says_so() {
        assert_eq!(places(&[room(0.5, 0.5, 40)], &[]), [Some((Place::Right, true))]);
    }
}
