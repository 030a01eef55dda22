//! What the data decide, and which predictions rest on what they do not.

use std::collections::BTreeMap;

use super::judge::Ground;
use super::result::{RestsOn, Undecided};
use crate::catalog::Catalog;
use crate::fit::{Reliance, Summary, effective_parameters, reliance};
use crate::model::FrameError;
use crate::runs::Run;
use crate::stats::median;

/// Below this share decided by the data, a parameter is its prior.
const UNTOUCHED: f64 = 0.02;
/// Parameters named.
const NAMED: usize = 4;

/// What the data leave to the priors.
pub(super) fn undecided(ground: &Ground<'_>, catalog: &Catalog, runs: &[Run]) -> Result<Undecided, FrameError> {
    let summary = Summary::new(ground.fitted, catalog, runs)?;
    let is_known = |name: &str| {
        let parameters = &ground.fitted.model.parameters;
        parameters.iter().any(|own| own.definition.name == name && own.definition.prior.is_fixed())
    };
    let untouched = summary
        .estimates
        .iter()
        .filter(|own| own.decided < UNTOUCHED && !is_known(&own.name))
        .map(|own| if own.level.is_empty() { own.name.clone() } else { format!("{}[{}]", own.name, own.level) })
        .collect();
    Ok(Undecided {
        coordinates: summary.coordinates,
        weak: summary.weak.len(),
        effective: effective_parameters(ground.fitted),
        untouched,
    })
}

/// What the predictions of some metrics rest on, over the runs of the fit as if they had not been measured.
pub(super) fn rests_on(ground: &Ground<'_>) -> Vec<RestsOn> {
    let model = &ground.fitted.model;
    let mut frame = ground.frame.clone();
    for noisy in &model.noisy {
        frame.inputs[noisy.observed_input].fill(f64::NAN);
    }
    ground
        .metrics
        .iter()
        .filter_map(|metric| {
            let all = reliance(ground.fitted, &frame, model.node_index(metric)?);
            let over = |of: fn(&Reliance) -> f64| median(&all.iter().map(of).collect::<Vec<f64>>());
            let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
            for (name, part) in all.iter().flat_map(|own| &own.members) {
                *sums.entry(name).or_default() += part;
            }
            let mut parameters: Vec<(&str, f64)> = sums.into_iter().filter(|(_, sum)| *sum > 0.0).collect();
            parameters.sort_by(|a, b| b.1.total_cmp(&a.1));
            Some(RestsOn {
                metric: metric.clone(),
                spread: over(|own| own.spread)?,
                prior_share: over(|own| own.weak)?,
                parameters: parameters.into_iter().take(NAMED).map(|(name, _)| name.to_owned()).collect(),
            })
        })
        .collect()
}
