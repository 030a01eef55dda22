//! The whole check: from held-out predictions to verdicts.

use std::collections::BTreeMap;

use super::result::{Check, Conflict, Repeats, Test, Trend};
use super::{WhatIfScore, conflicts, limits, pairs, questions, repeats, rests, shuffled, trends};
use crate::catalog::Catalog;
use crate::fit::{Fitted, Left, Score, frame, predictions, relevant};
use crate::model::{Frame, FrameError, ValueKind};
use crate::notes::{list, plural};
use crate::runs::Run;
use crate::unit::percent;

/// Metrics that are checked where nothing else is asked for, beside the model's own.
const TELLING: [&str; 3] = ["itl_p50", "batch_latency", "power"];

/// What to check.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Metrics; none for the telling ones.
    pub metrics: Vec<String>,
    /// Whether the scores come from nested cross-validation.
    pub nested: bool,
    /// Whether every pair of runs that differ in one setting is asked about as a what-if.
    pub what_if: bool,
    /// Seed of the permutations.
    pub seed: u64,
}

/// What every part of a check looks at.
pub(super) struct Ground<'a> {
    pub(super) fitted: &'a Fitted,
    /// The runs of the fit, in its order.
    pub(super) runs: Vec<Run>,
    pub(super) frame: Frame,
    /// What the equations leave of them.
    pub(super) left: Left,
    /// Runs that differ in the mildest kind only are one group.
    pub(super) groups: Vec<usize>,
    /// ln measured − ln predicted by the equations alone, by run and metric.
    beyond: BTreeMap<(usize, String), f64>,
    /// The metrics that are checked,
    pub(super) metrics: Vec<String>,
    /// and the noisy nodes that they depend on.
    pub(super) noisy: Vec<usize>,
}

impl<'a> Ground<'a> {
    fn new(fitted: &'a Fitted, catalog: &Catalog, runs: &[Run], asked: &[String]) -> Result<Self, FrameError> {
        let runs = relevant(&fitted.model, catalog, runs);
        let (frame, _) = frame(&fitted.model, catalog, &runs)?;
        let left = Left::new(fitted, &frame);
        let mut known: Vec<&[Vec<f64>]> = Vec::new();
        let mut groups = Vec::new();
        for (index, row) in fitted.support.rows.iter().enumerate() {
            // A model without kinds of questions says of no two runs that they are alike.
            let Some(key) = row.get(1..) else {
                groups.push(index);
                continue;
            };
            groups.push(known.iter().position(|own| *own == key).unwrap_or_else(|| {
                known.push(key);
                known.len() - 1
            }));
        }
        let model = &fitted.model;
        let metrics = metrics(fitted, &runs, asked);
        let ends: Vec<usize> = metrics.iter().filter_map(|metric| model.node_index(metric)).collect();
        let above = model.graph.ancestors(&ends);
        let noisy = (0..model.noisy.len()).filter(|&noisy| above[model.noisy[noisy].node]).collect();
        let beyond = predictions(fitted, catalog, &runs)?
            .into_iter()
            .map(|own| ((own.run, own.metric), own.measured.ln() - own.predicted.ln()))
            .collect();
        Ok(Self { fitted, runs, frame, left, groups, beyond, metrics, noisy })
    }

    /// What a run has of a metric beyond the equations of the whole fit.
    pub(super) fn beyond_equations(&self, run: usize, metric: &str) -> Option<f64> {
        self.beyond.get(&(run, metric.to_owned())).copied().filter(|own| own.is_finite())
    }

    /// Log of a measured metric.
    pub(super) fn log(&self, run: usize, metric: &str) -> Option<f64> {
        self.runs[run].metrics.get(metric).map(|value| value.ln())
    }

    /// Values of a slot, by run.
    pub(super) fn values_of(&self, slot: u32) -> &[f64] {
        let rows = self.runs.len();
        &self.left.values[slot as usize * rows..][..rows]
    }

    /// Whether what a kind of question compares is a category and no size.
    pub(super) fn is_category(&self, kind: usize, place: usize) -> bool {
        let model = &self.fitted.model;
        model.node(&model.shifts[kind].by[place]).is_some_and(|node| node.kind != ValueKind::Number)
    }
}

/// Checks a model that was fitted to these runs; `scores` are its held-out predictions.
pub fn check(
    fitted: &Fitted,
    scores: &[Score],
    catalog: &Catalog,
    runs: &[Run],
    options: &Options,
) -> Result<Check, FrameError> {
    let ground = Ground::new(fitted, catalog, runs, &options.metrics)?;
    let noise = |metric: &str| repeats::spread_of_metric(&ground, metric).unwrap_or(limits::EXPECTED_NOISE);
    let trends = trends::trends(&ground);
    let conflicts = conflicts::conflicts(&ground);
    let repeats = repeats::repeats(&ground);
    let explained: Vec<Test> =
        ground.metrics.iter().map(|metric| shuffled::permuted_outcomes(scores, metric, options.seed)).collect();
    let is_explained = |metric: &str| {
        let place = ground.metrics.iter().position(|own| own == metric);
        place.is_none_or(|place| explained[place].passed != Some(false))
    };
    let mut tests: Vec<Test> = explained
        .iter()
        .max_by(|a, b| a.value.unwrap_or(0.0).total_cmp(&b.value.unwrap_or(0.0)))
        .cloned()
        .into_iter()
        .collect();
    tests.push(missing_term(&trends));
    tests.push(left_by_process(&trends));
    tests.push(lack_of_fit(repeats.as_ref()));
    tests.extend(prior_conflict(&conflicts));
    Ok(Check {
        model: fitted.model.name.clone(),
        digest: fitted.model.digest(),
        runs: ground.runs.len(),
        folds: fitted.folds().len(),
        nested: options.nested,
        questions: questions::questions(&ground, scores, &noise, &is_explained),
        tests,
        trends,
        repeats,
        conflicts,
        undecided: rests::undecided(&ground, catalog, runs)?,
        rests_on: rests::rests_on(&ground),
        what_if: if options.what_if { what_ifs(fitted, catalog, runs, &ground.metrics)? } else { Vec::new() },
    })
}

/// The metrics asked for, else the default ones of the runs and the telling ones, as far as runs have them.
fn metrics(fitted: &Fitted, runs: &[Run], asked: &[String]) -> Vec<String> {
    if !asked.is_empty() {
        return asked.to_vec();
    }
    let own = runs.iter().map(|run| fitted.model.default_metric_of(run));
    let mut found: Vec<String> = Vec::new();
    for name in own.chain(TELLING) {
        let is_measured = || runs.iter().any(|run| run.metrics.contains_key(name));
        if !found.iter().any(|known| known == name) && fitted.model.node(name).is_some() && is_measured() {
            found.push(name.to_owned());
        }
    }
    found
}

/// What-ifs between measured runs; metrics that tasks have in place of the default one are scored with it.
fn what_ifs(
    fitted: &Fitted,
    catalog: &Catalog,
    runs: &[Run],
    metrics: &[String],
) -> Result<Vec<WhatIfScore>, FrameError> {
    let model = &fitted.model;
    let is_default = |metric: &String| {
        *metric == model.default_metric || model.node(metric).is_some_and(|node| !node.tasks.is_empty())
    };
    let (defaults, others): (Vec<String>, Vec<String>) = metrics.iter().cloned().partition(is_default);
    let groups = std::iter::once(defaults).filter(|own| !own.is_empty()).chain(others.into_iter().map(|own| vec![own]));
    pairs::what_ifs(fitted, catalog, runs, &groups.collect::<Vec<_>>())
}

/// The strongest trends of a stage, in words.
fn told(trends: &[&Trend]) -> String {
    let own: Vec<String> = trends
        .iter()
        .take(3)
        .map(|trend| format!("`{}` of the noise of `{}` ({})", trend.parent, trend.node, percent(trend.share)))
        .collect();
    list(&own)
}

fn of_trends(name: &str, trends: &[Trend], after_process: bool, what: &str) -> Test {
    let own: Vec<&Trend> = trends.iter().filter(|trend| trend.after_process == after_process).collect();
    let is_strong = |trend: &Trend| trend.share > limits::MISSING_TERM && trend.effect.abs() > limits::EXPECTED_NOISE;
    let strong: Vec<&Trend> = own.iter().copied().filter(|trend| is_strong(trend)).collect();
    let largest = own.iter().map(|trend| trend.share).fold(0.0, f64::max);
    Test {
        name: name.to_owned(),
        value: Some(largest),
        limit: limits::MISSING_TERM,
        passed: Some(strong.is_empty()),
        says: if strong.is_empty() {
            format!(
                "no single cause explains more than {} of what {what}, or none by more than noise",
                percent(largest)
            )
        } else {
            format!("a term is missing in what {what}: {}", told(&strong))
        },
    }
}

fn missing_term(trends: &[Trend]) -> Test {
    of_trends("missing-term", trends, false, "the equations leave")
}

fn left_by_process(trends: &[Trend]) -> Test {
    of_trends("residual-trend", trends, true, "equations and residual process leave")
}

fn lack_of_fit(repeats: Option<&Repeats>) -> Test {
    let mut test = Test {
        name: "lack-of-fit".to_owned(),
        value: None,
        limit: limits::LACK_OF_FIT,
        passed: None,
        says: "no two runs have equal conditions, so that noise and lack of fit cannot be told apart".to_owned(),
    };
    let Some(repeats) = repeats else { return test };
    let significant = repeats.nodes.iter().filter(|own| own.is_metric && own.probability < limits::SIGNIFICANT);
    let worst = significant.max_by(|a, b| a.ratio.total_cmp(&b.ratio));
    let value = worst.map_or(1.0, |own| own.ratio);
    test.value = Some(value);
    test.passed = Some(value <= limits::LACK_OF_FIT);
    test.says = match worst {
        Some(own) => format!(
            "`{}`: {} left by the equations{}, where repeats differ by {}",
            own.node,
            percent(own.equations),
            own.process
                .map_or_else(String::new, |process| format!(", {} after the residual process", percent(process))),
            percent(own.equations / own.ratio.sqrt())
        ),
        None => format!("what is left is not significantly more than {} differ by", plural(repeats.runs, "repeat")),
    };
    test
}

fn prior_conflict(conflicts: &[Conflict]) -> [Test; 2] {
    let of = |name: &str, is_spread: bool, limit: f64, none: &str, some: &str| {
        let own: Vec<&Conflict> = conflicts.iter().filter(|own| own.is_spread == is_spread).collect();
        let told: Vec<String> =
            own.iter().take(4).map(|own| format!("`{}` ({:+.1})", own.parameter, own.distance)).collect();
        Test {
            name: name.to_owned(),
            value: own.first().map(|own| own.distance.abs()),
            limit,
            passed: Some(own.is_empty()),
            says: if own.is_empty() { none.to_owned() } else { format!("{some}: {}", list(&told)) },
        }
    };
    [
        of(
            "prior-conflict",
            false,
            limits::CONTRADICTS_PRIOR,
            "no parameter is driven away from what was known of it",
            "driven away from what was known, in standard deviations of the prior",
        ),
        of(
            "noise-too-wide",
            true,
            limits::SPREAD_TOO_WIDE,
            "the noise is as wide as was expected",
            "wider than was expected, in standard deviations of the prior",
        ),
    ]
}
