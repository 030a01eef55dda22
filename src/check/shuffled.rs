//! Does it matter to the model which outcome belongs to which run?
//!
//! Held-out predictions are compared with outcomes that were dealt out anew among the runs. A model that explains them no
//! better than it explains the true ones has learned nothing from the conditions.

use super::limits;
use super::result::Test;
use crate::fit::Score;
use crate::stats::Draws;
use crate::unit::percent;

/// The test for one metric.
pub(super) fn permuted_outcomes(scores: &[Score], metric: &str, seed: u64) -> Test {
    let own: Vec<(f64, f64)> = scores
        .iter()
        .filter(|score| score.metric == metric)
        .map(|score| (score.predicted.ln(), score.measured.ln()))
        .collect();
    let mut test = Test {
        name: "permuted-outcomes".to_owned(),
        value: None,
        limit: limits::SIGNIFICANT,
        passed: None,
        says: format!("too few runs could be held out to tell whether `{metric}` has to do with the conditions"),
    };
    if own.len() < limits::FEWEST_OUTCOMES {
        return test;
    }
    let error = |measured: &[f64]| -> f64 {
        own.iter().zip(measured).map(|((predicted, _), measured)| (predicted - measured).abs()).sum::<f64>()
    };
    let mut measured: Vec<f64> = own.iter().map(|(_, measured)| *measured).collect();
    let found = error(&measured);
    let mut draws = Draws::new(seed);
    let (mut as_good, mut total) = (0, 0.0);
    for _ in 0..limits::PERMUTATIONS {
        for last in (1..measured.len()).rev() {
            measured.swap(last, (draws.uniform() * (last + 1) as f64) as usize);
        }
        let permuted = error(&measured);
        as_good += usize::from(permuted <= found);
        total += permuted;
    }
    let probability = (1 + as_good) as f64 / (1 + limits::PERMUTATIONS) as f64;
    let share = found / (total / limits::PERMUTATIONS as f64);
    test.value = Some(probability);
    test.passed = Some(probability < limits::SIGNIFICANT);
    test.says = format!(
        "held-out errors of `{metric}` are {} of those against outcomes dealt out anew{}",
        percent(share),
        if probability < limits::SIGNIFICANT { "" } else { ": the conditions tell the model nothing" }
    );
    test
}
