//! The one measurement that would shrink the answer most.

use super::result::{Diagnosis, Evidence, NextMeasurement, Verdict};
use crate::model::Model;
use crate::runs::Run;

/// What to measure next: repeats while the difference may be noise, the unexplained part while it dominates, else the run
/// that would measure the least certain cause alone.
pub(super) fn next_measurement(model: &Model, answer: &Diagnosis, a: &Run, b: &Run) -> Option<NextMeasurement> {
    if answer.verdict == Verdict::WithinNoise {
        let count = answer.spread.repeats_needed?;
        let text = format!("measure both runs {count} times: that many settle a difference of this size");
        return Some(NextMeasurement { text, set: Vec::new() });
    }
    if answer.mostly_unexplained() {
        let text = "repeat B with the host's CPU, the other processes on its GPUs and their clocks recorded: what is \
                    unexplained lies where the model has no equation"
            .to_owned();
        return Some(NextMeasurement { text, set: Vec::new() });
    }
    if answer.causes.len() < 2 {
        return None;
    }
    let width = |interval: [f64; 2]| (interval[1] / interval[0]).ln();
    let mut causes: Vec<_> = answer.causes.iter().collect();
    causes.sort_by(|x, y| width(y.interval).total_cmp(&width(x.interval)));
    causes.into_iter().find_map(|cause| {
        let set: Vec<String> = model
            .cause(&cause.cause)?
            .conditions
            .iter()
            .filter(|name| a.conditions.get(*name) != b.conditions.get(*name))
            .filter_map(|name| Some(format!("{name}={}", b.conditions.get(name)?)))
            .collect();
        // What is measured already, or cannot be set alone, is no proposal.
        let is_measured = answer.evidence.iter().any(|item| match item {
            Evidence::Step { changed, .. } => *changed == [cause.cause.clone()],
            Evidence::Pairs { .. } => false,
        });
        (!set.is_empty() && !is_measured && width(cause.interval) > 0.05).then(|| NextMeasurement {
            text: format!(
                "measure A with the {} of B ({}): its factor, now between {:.2} and {:.2}, would be a measured one",
                cause.cause.replace('_', " "),
                cause.to,
                cause.interval[0],
                cause.interval[1]
            ),
            set,
        })
    })
}
