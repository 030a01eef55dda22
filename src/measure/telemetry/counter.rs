//! Counters: values that rise until their process restarts.

use crate::measure::Series;

/// A counter made to rise for good.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rising {
    /// What was counted since the first sample.
    pub series: Series,
    /// When it had started again from zero: the moments of the first samples after.
    pub resets: Vec<f64>,
}

/// The counter of raw samples `(moment, value)`. One that falls has started again from zero, so what it shows then was
/// counted since; what was counted between the last sample and the restart is lost.
///
/// ```text
/// r_0 = 0,     r_i = r_i-1 + (v_i - v_i-1   if v_i >= v_i-1,   else v_i)
/// ```
pub fn rising(points: &[(f64, f64)]) -> Rising {
    let mut rising = Rising::default();
    let mut total = 0.0;
    let mut before: Option<f64> = None;
    for &(at, value) in points.iter().filter(|(_, value)| value.is_finite()) {
        total += match before {
            None => 0.0,
            Some(last) if value >= last => value - last,
            Some(_) => {
                rising.resets.push(at);
                value
            }
        };
        before = Some(value);
        rising.series.push(at, total);
    }
    rising
}

/// The increase of a rising series between two moments, as far as its samples cover them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Increase {
    /// What was counted.
    pub(super) amount: f64,
    /// The part of the time between the moments that samples cover, s.
    pub(super) covered: f64,
}

/// The increase between two moments, linear between samples, never beyond the first and the last of them.
pub(super) fn increase(series: &Series, from: f64, to: f64) -> Option<Increase> {
    let (first, last) = (series.points().first()?.0, series.points().last()?.0);
    let (from, to) = (from.max(first), to.min(last));
    if to <= from {
        return None;
    }
    Some(Increase { amount: series.at(to)? - series.at(from)?, covered: to - from })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_does_not_take_away_what_was_counted() {
        let counted = rising(&[(0.0, 100.0), (1.0, 110.0), (2.0, 4.0), (3.0, 14.0)]);
        assert_eq!(counted.series.points(), [(0.0, 0.0), (1.0, 10.0), (2.0, 14.0), (3.0, 24.0)]);
        assert_eq!(counted.resets, [2.0]);
    }

    #[test]
    fn an_increase_ends_where_the_samples_end() {
        let series = rising(&[(0.0, 0.0), (10.0, 100.0)]).series;
        assert_eq!(increase(&series, 2.0, 4.0), Some(Increase { amount: 20.0, covered: 2.0 }));
        assert_eq!(increase(&series, 5.0, 20.0), Some(Increase { amount: 50.0, covered: 5.0 }));
        assert_eq!(increase(&series, 11.0, 20.0), None);
        assert_eq!(increase(&Series::new(), 0.0, 1.0), None);
    }
}
