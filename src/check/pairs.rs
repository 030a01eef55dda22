//! Pairs of measured runs that differ in one setting: was the change foreseen from the first run, without the second?

use serde::Serialize;

use crate::catalog::Catalog;
use crate::fit::{Fitted, Fold, frame, held_out, relevant};
use crate::model::FrameError;
use crate::runs::Run;
use crate::stats::{mean, median};
use crate::whatif::Reference;

/// A measured change below this is no change whose direction could be told.
const DECIDED: f64 = 0.03;
/// Degrees that a count of GPUs brings; one of them may differ with it.
const DEGREES: [&str; 4] = ["tensor_parallel", "expert_parallel", "ulysses", "ring"];

/// What became of all what-ifs of one kind about one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WhatIfScore {
    /// Kind of question that the changed run is, having been held out.
    pub kind: String,
    /// Settings that change.
    pub changes: Vec<String>,
    /// Metrics, one for each task: `energy_per_token`, or `energy_per_image` and `energy_per_video`.
    pub metrics: Vec<String>,
    /// Pairs of measured runs.
    pub pairs: usize,
    /// Those that differ by more than 3 %.
    pub decided: usize,
    /// Share of these whose direction was foreseen.
    pub right: Option<f64>,
    /// Median of |ln foreseen ratio − ln measured ratio|.
    pub error: f64,
    /// Share of the measured ratios inside the 90 % interval.
    pub inside: f64,
}

/// One pair and one metric, all as logarithms of B/A.
struct Pair {
    kind: usize,
    metric: usize,
    measured: f64,
    foreseen: f64,
    half: f64,
}

/// Asks `what if` of every run that a fold keeps, for every run that the fold holds out and that differs from it in nothing
/// but one setting of the fold's kind. `metrics` are groups of metrics that are scored together.
pub(super) fn what_ifs(
    fitted: &Fitted,
    catalog: &Catalog,
    runs: &[Run],
    metrics: &[Vec<String>],
) -> Result<Vec<WhatIfScore>, FrameError> {
    let runs = relevant(&fitted.model, catalog, runs);
    let mut found = Vec::new();
    for fold in fitted.folds() {
        pairs_of(fitted, catalog, &runs, &fold, metrics, &mut found)?;
    }
    let mut scores = Vec::new();
    for (group, names) in metrics.iter().enumerate() {
        for (kind, shift) in fitted.model.shifts.iter().enumerate() {
            let own: Vec<&Pair> = found.iter().filter(|pair| pair.kind == kind && pair.metric == group).collect();
            scores.extend(score(&own, &shift.kind, &shift.by, names));
        }
    }
    Ok(scores)
}

/// The pairs of a fold.
fn pairs_of(
    fitted: &Fitted,
    catalog: &Catalog,
    runs: &[Run],
    fold: &Fold,
    metrics: &[Vec<String>],
    found: &mut Vec<Pair>,
) -> Result<(), FrameError> {
    let (whole, _) = frame(&fitted.model, catalog, runs)?;
    let mut out = vec![false; runs.len()];
    fold.out.iter().for_each(|&run| out[run] = true);
    let held = held_out(fitted, &whole, &out);
    let views = &fitted.support.rows;
    let by = &fitted.model.shifts[fold.kind].by;
    let is_pair = |a: usize, b: usize| {
        let is_kind = |kind: usize| (views[a][kind] == views[b][kind]) != (kind == fold.kind);
        (0..views[a].len()).all(is_kind) && is_single(by, &runs[a], &runs[b])
    };
    for a in (0..runs.len()).filter(|&a| !out[a]) {
        let seconds: Vec<usize> = fold.out.iter().copied().filter(|&b| is_pair(a, b)).collect();
        if seconds.is_empty() {
            continue;
        }
        let asked: Vec<Run> = seconds.iter().map(|&b| runs[b].clone()).collect();
        let expected = Reference::new(&held, catalog, &runs[a], &asked)?.expect(catalog, &asked)?.forecast;
        for (row, &b) in expected.rows.iter().zip(&seconds) {
            let (distance, _) = held.support.distance(&row.view);
            for (at, &node) in expected.metrics.iter().enumerate() {
                let name = &fitted.model.nodes[node].name;
                let Some(metric) = metrics.iter().position(|group| group.contains(name)) else { continue };
                let (Some(from), Some(to)) = (runs[a].metrics.get(name), runs[b].metrics.get(name)) else { continue };
                found.push(Pair {
                    kind: fold.kind,
                    metric,
                    measured: (to / from).ln(),
                    foreseen: row.mean[at] - from.ln(),
                    half: fitted.calibration.factor(fitted, distance, name) * row.spread[at],
                });
            }
        }
    }
    Ok(())
}

/// Whether two runs differ in one setting of a kind, and in one of the degrees that come with it at most.
fn is_single(by: &[String], a: &Run, b: &Run) -> bool {
    let differs = |name: &&str| a.conditions.get(*name) != b.conditions.get(*name);
    let degrees = DEGREES.iter().filter(|name| differs(name)).count();
    let settings = by.iter().map(String::as_str).filter(|name| !DEGREES.contains(name) && differs(name)).count();
    degrees <= 1 && settings <= 1
}

fn score(pairs: &[&Pair], kind: &str, changes: &[String], metrics: &[String]) -> Option<WhatIfScore> {
    let share = |holds: &dyn Fn(&Pair) -> bool, of: &[&Pair]| {
        mean(&of.iter().map(|pair| f64::from(u8::from(holds(pair)))).collect::<Vec<f64>>())
    };
    let decided: Vec<&Pair> = pairs.iter().copied().filter(|pair| pair.measured.abs() > DECIDED).collect();
    let errors: Vec<f64> = pairs.iter().map(|pair| (pair.foreseen - pair.measured).abs()).collect();
    Some(WhatIfScore {
        kind: kind.to_owned(),
        changes: changes.to_vec(),
        metrics: metrics.to_vec(),
        pairs: pairs.len(),
        decided: decided.len(),
        right: share(&|pair| pair.foreseen * pair.measured > 0.0, &decided),
        error: median(&errors)?,
        inside: share(&|pair| (pair.foreseen - pair.measured).abs() <= pair.half, pairs)?,
    })
}
