//! Means over a window: trapezoids between samples, with straight lines to the edges of the window.

/// The integral of a quantity over `[from, to]`, divided by its length. `samples` are (time, value) in the order of time.
/// None if they do not reach over the window, or there are fewer than two.
pub(super) fn mean(samples: &[(f64, f64)], from: f64, to: f64) -> Option<f64> {
    let (first, last) = (samples.first()?, samples.last()?);
    if samples.len() < 2 || first.0 > from || last.0 < to || from >= to {
        return None;
    }
    let mut area = 0.0;
    for pair in samples.windows(2) {
        let ((a, va), (b, vb)) = (pair[0], pair[1]);
        let (left, right) = (a.max(from), b.min(to));
        if right <= left || b <= a {
            continue;
        }
        let at = |time: f64| va + (vb - va) * (time - a) / (b - a);
        area += (right - left) * (at(left) + at(right)) / 2.0;
    }
    Some(area / (to - from))
}

/// Samples of one time become one, their mean: some tools write times that are coarser than their samples.
pub(super) fn merged(samples: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut merged: Vec<(f64, f64)> = Vec::with_capacity(samples.len());
    let mut same = 0.0;
    for &(time, value) in samples {
        match merged.last_mut() {
            Some(last) if last.0 == time => {
                same += 1.0;
                last.1 += (value - last.1) / (same + 1.0);
            }
            _ => {
                same = 0.0;
                merged.push((time, value));
            }
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_of_the_window_and_not_of_the_samples() {
        let ramp = [(0.0, 0.0), (1.0, 100.0), (4.0, 400.0)];
        assert_eq!(mean(&ramp, 0.0, 4.0), Some(200.0));
        assert_eq!(mean(&ramp, 0.5, 1.5), Some(100.0));
        assert_eq!(mean(&ramp, 2.0, 3.0), Some(250.0));
        assert_eq!(mean(&ramp, -1.0, 3.0), None);
        assert_eq!(mean(&ramp, 3.0, 5.0), None);
        assert_eq!(mean(&ramp[..1], 0.0, 0.0), None);
        assert_eq!(merged(&[(1.0, 2.0), (1.0, 4.0), (1.0, 6.0), (2.0, 5.0)]), [(1.0, 4.0), (2.0, 5.0)]);
    }
}
