//! Runs with equal conditions: how far apart are they, and how much further is the model from them?
//!
//! With sets c of `n_c` runs of equal conditions, r the noise that the equations leave and `r̄_c` its mean in a set, over all
//! runs of sweeps that have repeats
//!
//! ```text
//! pure error   s²  = Σ (r − r̄_c)² / Σ (n_c − 1)
//! lack of fit  l²  = Σ n_c r̄_c² / max(C − p, C/2)           F = l² / s²
//! ```
//!
//! (at least half a percent squared), with C sets (those of one run included) and p parameters that the data decide, at most half of the sets (Draper and Smith,
//! Applied Regression Analysis, 1998, section 2.1).

use std::collections::{BTreeMap, BTreeSet};

use statrs::distribution::{ContinuousCDF, FisherSnedecor};

use super::judge::Ground;
use super::result::{Repeats, SpreadOf};
use super::trends::beyond_process;
use crate::fit::effective_parameters;
use crate::stats::median;

/// The condition that names a machine: runs that differ in it alone repeat each other on another machine.
const MACHINE: &str = "gpu_unit";
/// Fewest pairs of repeats that a spread is taken from.
const FEWEST: usize = 3;
/// Median of the size of a standard normal number.
const NORMAL_MEDIAN: f64 = 0.674_489_75;
/// Least spread of repeats: meters and clocks are no better than this.
const LEAST: f64 = 0.005;

/// What repeats say; none if no two runs have equal conditions.
pub(super) fn repeats(ground: &Ground<'_>) -> Option<Repeats> {
    let sets = sets(ground, false);
    let sources: BTreeSet<&str> =
        sets.iter().filter(|set| set.len() > 1).map(|set| ground.runs[set[0]].source.as_str()).collect();
    // What repeats say of one sweep need not hold for runs that somebody else measured.
    let sets: Vec<Vec<usize>> =
        sets.into_iter().filter(|set| sources.contains(ground.runs[set[0]].source.as_str())).collect();
    let repeated: Vec<&Vec<usize>> = sets.iter().filter(|set| set.len() > 1).collect();
    if repeated.is_empty() {
        return None;
    }
    let decided = effective_parameters(ground.fitted);
    let nodes = ground.noisy.iter().filter_map(|&noisy| spread_of(ground, noisy, &sets, decided)).collect();
    Some(Repeats { sets: repeated.len(), runs: repeated.iter().map(|set| set.len()).sum(), nodes })
}

/// Spread of the log of a metric among repeats, if there are at least [`FEWEST`] pairs of them: the median difference of a
/// pair over that of a pair from the standard normal, so that a disturbed run does not count as noise.
pub(super) fn spread_of_metric(ground: &Ground<'_>, metric: &str) -> Option<f64> {
    let mut differences = Vec::new();
    for set in sets(ground, false) {
        let logs: Vec<f64> = set.iter().filter_map(|&run| ground.log(run, metric)).collect();
        for (index, log) in logs.iter().enumerate() {
            differences.extend(logs[..index].iter().map(|other| (log - other).abs()));
        }
    }
    let typical = median(&differences).filter(|_| differences.len() >= FEWEST)?;
    Some(typical / (NORMAL_MEDIAN * std::f64::consts::SQRT_2))
}

/// Runs by their conditions; those of different machines apart, if asked for.
fn sets(ground: &Ground<'_>, by_machine: bool) -> Vec<Vec<usize>> {
    let mut found: BTreeMap<Vec<(String, String)>, Vec<usize>> = BTreeMap::new();
    for (index, run) in ground.runs.iter().enumerate() {
        let conditions = run.conditions.iter().filter(|(name, _)| by_machine || *name != MACHINE);
        let key = conditions.map(|(name, value)| (name.clone(), value.to_string())).collect();
        found.entry(key).or_default().push(index);
    }
    found.into_values().collect()
}

/// Variance within sets, and its degrees of freedom; values that are not numbers are left out.
fn pure_error(sets: &[Vec<usize>], values: &[f64]) -> Option<(f64, f64)> {
    let (mut squares, mut free) = (0.0, 0.0);
    for set in sets {
        let own: Vec<f64> = set.iter().map(|&row| values[row]).filter(|value| value.is_finite()).collect();
        let mean = own.iter().sum::<f64>() / own.len().max(1) as f64;
        squares += own.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        free += own.len().saturating_sub(1) as f64;
    }
    (free > 0.0).then(|| (squares / free, free))
}

fn spread_of(ground: &Ground<'_>, noisy: usize, sets: &[Vec<usize>], decided: f64) -> Option<SpreadOf> {
    let noise = &ground.left.noise[noisy];
    let (pure, free) = pure_error(sets, noise)?;
    let same = pure_error(&self::sets(ground, true), noise);
    // What repeats of all machines have beyond repeats of one machine is the difference between machines.
    let between =
        same.and_then(|(same, own)| (free > own).then(|| ((pure * free - same * own) / (free - own)).max(0.0).sqrt()));
    let mut squares = 0.0;
    let mut count = 0.0;
    for set in sets {
        let own: Vec<f64> = set.iter().map(|&row| noise[row]).filter(|value| value.is_finite()).collect();
        if !own.is_empty() {
            squares += own.iter().sum::<f64>().powi(2) / own.len() as f64;
            count += 1.0;
        }
    }
    let left = (count - decided).max(count / 2.0);
    let lack = squares / left;
    let ratio = lack / pure.max(LEAST.powi(2));
    let law = FisherSnedecor::new(left, free).ok()?;
    let process = beyond_process(ground, noisy).map(|own| {
        let values = sets.iter().flatten().map(|&row| own[row]);
        let squares: Vec<f64> = values.filter(|value| value.is_finite()).map(|value| value * value).collect();
        (squares.iter().sum::<f64>() / squares.len().max(1) as f64).sqrt()
    });
    let node = &ground.fitted.model.nodes[ground.fitted.model.noisy[noisy].node];
    Some(SpreadOf {
        node: node.name.clone(),
        is_metric: node.role.is_outcome(),
        same_machine: same.map(|(variance, _)| variance.sqrt()),
        between_machines: between,
        equations: lack.sqrt(),
        process,
        ratio,
        probability: law.sf(ratio),
    })
}
