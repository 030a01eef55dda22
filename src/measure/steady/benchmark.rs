//! The steady state of the ML.ENERGY benchmark, as its code has it.

use crate::measure::Series;

/// The window of the benchmark's rule: from the moment when `batch` requests have ever received a first token, to the moment
/// when `requests` - `batch` - 1 have ended, failed ones counted.
///
/// `begun` and `ended` count requests over time. None if the second moment is not after the first: by this rule there was
/// no steady state.
pub fn benchmark_window(begun: &Series, ended: &Series, requests: u64, batch: u64) -> Option<(f64, f64)> {
    let start = reaches(begun, batch as f64)?;
    let end = reaches(ended, requests.checked_sub(batch + 1)? as f64)?;
    (end > start).then_some((start, end))
}

/// The benchmark's energy per output token (J): counters as they stand at the ends of the window, not moved to their
/// ticks, by at least one token. None if a counter or the tokens do not cover the window.
pub fn benchmark_energy_per_token(tokens: &Series, energy: &[Series], window: (f64, f64)) -> Option<f64> {
    let (from, to) = window;
    let spent = energy.iter().map(|counter| Some(standing(counter, to)? - standing(counter, from)?));
    let spent: f64 = spent.sum::<Option<f64>>()?;
    let produced = (tokens.at(to)? - tokens.at(from)?).max(1.0);
    (!energy.is_empty()).then_some(spent / produced)
}

/// When a count reaches a number first.
fn reaches(count: &Series, number: f64) -> Option<f64> {
    count.points().iter().find(|&&(_, value)| value >= number).map(|&(at, _)| at)
}

/// What a counter that moves in ticks shows at a moment.
fn standing(counter: &Series, moment: f64) -> Option<f64> {
    let after = counter.points().partition_point(|&(at, _)| at <= moment);
    counter.points().get(after.checked_sub(1)?).map(|&(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: &[(f64, f64)]) -> Series {
        points.iter().copied().collect()
    }

    #[test]
    fn the_window_is_by_first_tokens_and_ended_requests() {
        let begun = series(&[(0.0, 0.0), (1.0, 2.0), (2.0, 4.0), (9.0, 10.0)]);
        let ended = series(&[(0.0, 0.0), (5.0, 3.0), (6.0, 5.0), (9.0, 10.0)]);
        assert_eq!(benchmark_window(&begun, &ended, 10, 4), Some((2.0, 6.0)));
        assert_eq!(benchmark_window(&begun, &ended, 10, 10), None);
        assert_eq!(benchmark_window(&begun, &ended, 5, 4), None);
        assert_eq!(benchmark_window(&begun, &ended, 100, 4), None);
    }

    #[test]
    fn counters_are_read_as_they_stand() {
        let tokens = series(&[(0.0, 0.0), (10.0, 100.0)]);
        let counter = series(&[(0.0, 0.0), (1.95, 200.0), (2.05, 210.0), (5.95, 600.0), (6.05, 610.0)]);
        let both = [counter.clone(), counter];
        assert_eq!(benchmark_energy_per_token(&tokens, &both, (2.0, 6.0)), Some(20.0));
        assert_eq!(benchmark_energy_per_token(&tokens, &[], (2.0, 6.0)), None);
    }
}
