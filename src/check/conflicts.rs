//! Parameters that the data drive away from what was known of them beforehand.
//!
//! Every coordinate of the fit is standard normal under its prior. An equation with a wrong unit or a lost factor cannot be
//! repaired by the parameter beside it without taking that parameter far from its prior (Evans and Moshonov, Checking for
//! prior-data conflict, Bayesian Analysis 1, 2006); where the prior holds it, the spread of the noise takes the rest.

use std::collections::BTreeSet;

use super::judge::Ground;
use super::limits;
use super::result::Conflict;
use crate::fit::spread_coordinates;

/// Coordinates beyond their limits, the most distant first.
pub(super) fn conflicts(ground: &Ground<'_>) -> Vec<Conflict> {
    let fitted = ground.fitted;
    let spreads: BTreeSet<usize> =
        (0..fitted.model.noisy.len()).flat_map(|noisy| spread_coordinates(fitted, &ground.frame, noisy)).collect();
    let mut found: Vec<Conflict> = fitted
        .theta
        .iter()
        .enumerate()
        .filter_map(|(index, &distance)| {
            let is_spread = spreads.contains(&index);
            let is_beyond =
                if is_spread { distance > limits::SPREAD_TOO_WIDE } else { distance.abs() > limits::CONTRADICTS_PRIOR };
            is_beyond.then(|| Conflict { parameter: fitted.space.names()[index].clone(), distance, is_spread })
        })
        .collect();
    found.sort_by(|a, b| b.distance.abs().total_cmp(&a.distance.abs()));
    found
}
