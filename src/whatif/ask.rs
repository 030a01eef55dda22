//! Putting the answers together.

use std::collections::{BTreeMap, BTreeSet};

use super::budget::Budget;
use super::caveats::{Changed, caveats, needs};
use super::change::Change;
use super::frontier::{best, mark_frontier, within};
use super::limits::limits;
use super::mechanisms::mechanisms;
use super::nearest::Measured;
use super::reference::{Expected, Reference};
use super::result::{Answer, MetricAnswer, WhatIf};
use crate::catalog::Catalog;
use crate::fit::{Distance, ExpectedRun, Fitted};
use crate::model::{FrameError, Model, Role, canonical};
use crate::notes::{did_you_mean, list, nearest};
use crate::predict::MetricError;
use crate::runs::{Run, more_is_worse};

/// Logarithms of two expectations differ by this, where only the order of sums does.
const ROUNDING: f64 = 1e-12;

/// Why a what-if has no answer.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum WhatIfError {
    /// Nothing is to change.
    #[error("nothing is to be different")]
    #[diagnostic(help(
        "say what: `--set batch_size=256`, a list `--set gpus=1,2,4`, or a range `--set batch_size=8..1024`"
    ))]
    NothingSet,
    /// The metric.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Metric(#[from] MetricError),
    /// A configuration that the model cannot take.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Frame(#[from] FrameError),
    /// A task that is not the model's.
    #[error("model `{model}` is not for task `{task}`{}", did_you_mean(near.as_deref()))]
    #[diagnostic(help("its tasks are {}", list(known)))]
    Task {
        /// The model.
        model: String,
        /// The task asked for.
        task: String,
        /// The nearest of the model's.
        near: Option<String>,
        /// All of them.
        known: Vec<String>,
    },
}

/// How a changed run stands to the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Nothing is different: what was measured needs no prediction.
    Same,
    /// Nothing that the model sees is different.
    Alike,
    /// Something is different.
    Different,
}

/// What would a run have been under each of these changes? `store` gives neighbors and lengths of answers, and may be empty;
/// `metric` is what the answers are about (none for the model's own).
pub fn what_if(
    fitted: &Fitted,
    catalog: &Catalog,
    store: &[&Run],
    run: &Run,
    changes: &[Change],
    metric: Option<&str>,
    budgets: &[Budget],
) -> Result<WhatIf, WhatIfError> {
    let model = &fitted.model;
    if changes.is_empty() || changes.iter().any(|change| change.set.is_empty()) {
        return Err(WhatIfError::NothingSet);
    }
    let metric = metric.unwrap_or_else(|| model.default_metric_of(run));
    let target = model.node_index(metric).filter(|&index| model.nodes[index].role.is_outcome());
    let target = target.ok_or_else(|| MetricError::unknown(model, metric))?;
    let changed: Vec<(Run, Option<String>)> =
        changes.iter().map(|change| change.of(run, store, &fitted.record.seen)).collect();
    let mut asked: Vec<Run> = changed.iter().map(|(run, _)| canonical(run, catalog)).collect();
    asked.push(Run { id: run.id.clone(), conditions: run.conditions.clone(), ..Run::default() });
    if let Some(other) = asked.iter().find(|own| own.name("task") != run.name("task") && !model.takes_run(own)) {
        return Err(not_its_task(model, other));
    }
    let reference = Reference::new(fitted, catalog, run, &asked)?;
    let expected = reference.expect(catalog, &asked)?;
    let before = Before::new(&reference, run, &expected, asked.len() - 1);
    let standing: Vec<Standing> = changes
        .iter()
        .enumerate()
        .map(|(row, change)| {
            if is_same(model, change, &asked[row], &reference.run.run) {
                Standing::Same
            } else if is_alike(&expected.forecast.rows[row], &expected.forecast.rows[changes.len()]) {
                Standing::Alike
            } else {
                Standing::Different
            }
        })
        .collect();
    let metrics: Vec<Vec<MetricAnswer>> =
        (0..changes.len()).map(|row| after(fitted, &expected, row, &before, &asked[row], standing[row])).collect();
    let factor =
        |row: &Vec<MetricAnswer>| row.iter().find(|own| own.metric == metric).map_or(f64::NAN, |own| own.factor);
    let mut factors: Vec<f64> = metrics.iter().map(factor).collect();
    factors.push(1.0);
    let mut mechanisms = mechanisms(&reference, catalog, &expected, target, &factors)?.into_iter();
    let mut limits = limits(&reference, &expected).into_iter();
    let measured = Measured::new(&reference.fitted, catalog, store, metric);
    let mut answers = Vec::new();
    for (row, (change, metrics)) in changes.iter().zip(metrics).enumerate() {
        let view = &expected.forecast.rows[row].view;
        let is_measured = standing[row] == Standing::Same && before.measured.contains(metric);
        let distance = if is_measured { Distance::Measured } else { fitted.support.distance(view).0 };
        let limits = limits.next().unwrap_or_default();
        let mut answer = Answer {
            set: change.set.clone(),
            feasible: limits.iter().all(|limit| limit.holds),
            limits,
            support: distance.name(model).to_owned(),
            severity: distance.severity(model),
            within: budgets.iter().map(|budget| within(&metrics, budget)).collect(),
            metrics,
            mechanisms: mechanisms.next().unwrap_or_default(),
            needs: needs(model, change, &run.conditions),
            nearest: measured.nearest(&reference.fitted, &asked[row], view, metric),
            caveats: Vec::new(),
            frontier: false,
        };
        let own =
            Changed { run: &asked[row], assumed: changed[row].1.as_deref(), expected: &expected.forecast.rows[row] };
        answer.caveats = caveats(&reference, &answer, &own, target);
        answers.push(answer);
    }
    let unit = |name: &str| model.node(name).map_or_else(String::new, |node| node.unit.label.clone());
    let mut found = WhatIf {
        reference: run.id.clone(),
        measured: before.measured.into_iter().collect(),
        metrics_reference: before.values,
        metric: (metric.to_owned(), unit(metric)),
        more_is_worse: more_is_worse(metric),
        latency: model.latency.as_ref().map(|name| (name.clone(), unit(name))),
        budgets: budgets.to_vec(),
        answers,
        best: None,
    };
    mark_frontier(&mut found);
    found.best = best(&found);
    Ok(found)
}

/// The reference's metrics.
struct Before {
    /// By name, SI: measured, else as they follow from measured ones, else expected.
    values: BTreeMap<String, f64>,
    /// Those that are not merely expected.
    measured: BTreeSet<String>,
}

impl Before {
    /// `row` of the expectation is the reference itself.
    fn new(reference: &Reference<'_>, run: &Run, expected: &Expected, row: usize) -> Self {
        let model = &reference.fitted.model;
        let mut own = Self { values: BTreeMap::new(), measured: BTreeSet::new() };
        let means = &expected.forecast.rows[row].mean;
        for (&node, mean) in
            expected.forecast.metrics.iter().zip(means).filter(|(node, _)| model.nodes[**node].is_of(run))
        {
            let name = &model.nodes[node].name;
            let measured = reference.run.measured_value(model, node);
            let value = measured.unwrap_or_else(|| mean.exp());
            if value.is_finite() {
                own.values.insert(name.clone(), value);
                own.measured.extend(measured.map(|_| name.clone()));
            }
        }
        own
    }
}

/// The metrics of a changed run, which stands so to the reference.
fn after(
    fitted: &Fitted,
    expected: &Expected,
    row: usize,
    before: &Before,
    run: &Run,
    standing: Standing,
) -> Vec<MetricAnswer> {
    let own = &expected.forecast.rows[row];
    let (distance, _) = fitted.support.distance(&own.view);
    let of = |(at, &node): (usize, &usize)| {
        let node = &fitted.model.nodes[node];
        let from = before.values.get(&node.name).copied().unwrap_or(f64::NAN);
        let predicted = if standing == Standing::Different { own.mean[at].exp() } else { from };
        if !predicted.is_finite() || !node.is_of(run) {
            return None;
        }
        let is_measured = standing == Standing::Same && before.measured.contains(&node.name);
        let half =
            if is_measured { 0.0 } else { fitted.calibration.factor(fitted, distance, &node.name) * own.spread[at] };
        let interval = [predicted / half.exp(), predicted * half.exp()];
        Some(MetricAnswer {
            metric: node.name.clone(),
            unit: node.unit.label.clone(),
            predicted,
            interval,
            factor: predicted / from,
            factor_interval: if standing == Standing::Same { [1.0, 1.0] } else { interval.map(|end| end / from) },
        })
    };
    expected.forecast.metrics.iter().enumerate().filter_map(of).collect()
}

/// Whether a change sets what is so already.
fn is_same(model: &Model, change: &Change, changed: &Run, reference: &Run) -> bool {
    let conditions = model.nodes.iter().filter(|node| node.role == Role::Condition);
    let names = conditions.map(|node| &node.name).chain(change.set.iter().map(|(name, _)| name));
    names.into_iter().all(|name| changed.conditions.get(name) == reference.conditions.get(name))
}

/// Whether a model expects the same of two runs: no condition that differs acts on anything.
fn is_alike(a: &ExpectedRun, b: &ExpectedRun) -> bool {
    let equal = |a: &[f64], b: &[f64]| {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() <= ROUNDING || (a.is_nan() && b.is_nan()) || a == b)
    };
    equal(&a.mean, &b.mean) && equal(&a.spread, &b.spread) && equal(&a.second, &b.second)
}

fn not_its_task(model: &Model, run: &Run) -> WhatIfError {
    let task = run.name("task").unwrap_or_default().to_owned();
    let near = nearest(&task, model.tasks.iter().map(String::as_str)).map(str::to_owned);
    WhatIfError::Task { model: model.name.clone(), task, near, known: model.tasks.clone() }
}
