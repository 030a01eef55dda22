//! Are 90 % intervals 90 % intervals?
//!
//! The factor on the standard deviation is taken from the other folds of the same kind of question, as a conformal interval
//! takes it from runs that are not asked about. Where a kind has fewer than three folds (the two ends of a curve say little of
//! each other) it is taken from other groups of runs, dealt into six parts. Whether enough outcomes fall inside is a binomial test, with two corrections:
//!
//! ```text
//! n_e = n / (1 + (m − 1) ρ),          n' = n_e / 2
//! ```
//!
//! m is the mean size of the group that an outcome is in and ρ the intraclass correlation of being inside (the design effect:
//! Kish, Survey Sampling, 1965), because runs of a group are missed together; the half is for the factor, which is itself
//! estimated from about as many runs, so that the variance of the share doubles.

use std::collections::BTreeMap;

use statrs::distribution::{Binomial, DiscreteCDF};

use super::result::Coverage;
use crate::fit::{COVERAGE, Score};
use crate::stats::{NORMAL_QUANTILE_90, intraclass_correlation, mean_group_size, median, quantile};

/// Fewest outcomes in the other folds from which a factor is taken.
const ENOUGH: usize = 10;
/// Fewest folds that stand for each other, and parts that groups are dealt into where there are fewer.
const FOLDS: usize = 3;
const PARTS: usize = 6;

/// Coverage of the intervals of one kind and metric; `groups` has one entry for each score.
pub(super) fn coverage(scores: &[&Score], groups: &[usize]) -> Option<Coverage> {
    let parts = parts(scores, groups);
    let factor = |part: usize| {
        let others: Vec<f64> =
            scores.iter().zip(&parts).filter(|(_, own)| **own != part).map(|(score, _)| score.z().abs()).collect();
        let level = (COVERAGE * (1.0 + 1.0 / others.len().max(1) as f64)).min(1.0);
        if others.len() < ENOUGH { Some(NORMAL_QUANTILE_90) } else { quantile(&others, level) }
    };
    let mut by_part: BTreeMap<usize, f64> = BTreeMap::new();
    for &part in &parts {
        by_part.insert(part, factor(part)?);
    }
    let factors: Vec<f64> = parts.iter().map(|part| by_part[part]).collect();
    let half_widths: Vec<f64> = scores.iter().zip(&factors).map(|(score, factor)| factor * score.spread).collect();
    let is_inside = |(score, factor): (&&Score, &f64)| f64::from(u8::from(score.z().abs() <= *factor));
    let inside: Vec<f64> = scores.iter().zip(&factors).map(is_inside).collect();
    let share = inside.iter().sum::<f64>() / inside.len() as f64;
    let alike = intraclass_correlation(&inside, groups);
    let effective_runs = inside.len() as f64 / (1.0 + (mean_group_size(groups) - 1.0) * alike);
    let tried = (effective_runs / 2.0).round().max(1.0);
    let law = Binomial::new(COVERAGE, tried as u64).ok()?;
    // Rounded up: half an outcome is counted for the intervals, not against them.
    let probability = law.cdf((share * tried).ceil() as u64);
    Some(Coverage { share, half_width: median(&half_widths)?, effective_runs, probability })
}

/// The part that each outcome belongs to: others give it its factor.
fn parts(scores: &[&Score], groups: &[usize]) -> Vec<usize> {
    let folds: Vec<usize> = scores.iter().map(|score| score.fold).collect();
    let mut distinct = folds.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < FOLDS { groups.iter().map(|group| group % PARTS).collect() } else { folds }
}
