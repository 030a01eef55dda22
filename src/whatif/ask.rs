//! Putting the answers together.

use std::collections::BTreeMap;

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
use crate::fit::Fitted;
use crate::model::{FrameError, Model, Role, canonical};
use crate::predict::MetricError;
use crate::runs::{Run, more_is_worse};

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
    let reference = Reference::new(fitted, catalog, run, &asked)?;
    let expected = reference.expect(catalog, &asked)?;
    let before = metrics_of(model, run, &expected, asked.len() - 1);
    let metrics: Vec<Vec<MetricAnswer>> = (0..changes.len())
        .map(|row| {
            let is_same = same_conditions(model, &asked[row], &reference.run.run);
            after(fitted, &expected, row, &before, &asked[row], is_same.then_some(run))
        })
        .collect();
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
        let (distance, _) = fitted.support.distance(view);
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
        metrics_reference: before,
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

/// The reference's metrics: measured, else expected.
fn metrics_of(model: &Model, run: &Run, expected: &Expected, row: usize) -> BTreeMap<String, f64> {
    let own = &expected.forecast.rows[row];
    let of = |(at, &node): (usize, &usize)| {
        let node = &model.nodes[node];
        let value = run.metrics.get(&node.name).copied().unwrap_or_else(|| own.mean[at].exp());
        (value.is_finite() && node.is_of(run)).then(|| (node.name.clone(), value))
    };
    expected.forecast.metrics.iter().enumerate().filter_map(of).collect()
}

/// The metrics of a changed run; `same` is the reference where nothing is different: what was measured needs no prediction.
fn after(
    fitted: &Fitted,
    expected: &Expected,
    row: usize,
    before: &BTreeMap<String, f64>,
    run: &Run,
    same: Option<&Run>,
) -> Vec<MetricAnswer> {
    let own = &expected.forecast.rows[row];
    let (distance, _) = fitted.support.distance(&own.view);
    let of = |(at, &node): (usize, &usize)| {
        let node = &fitted.model.nodes[node];
        let measured = same.and_then(|same| same.metrics.get(&node.name));
        let mean = measured.map_or(own.mean[at], |value| value.ln());
        if !mean.is_finite() || !node.is_of(run) {
            return None;
        }
        let factor = fitted.calibration.factor(fitted, distance, &node.name);
        let half = if measured.is_some() { 0.0 } else { factor * own.spread[at] };
        let from = before.get(&node.name).copied().unwrap_or(f64::NAN);
        let ends = [(mean - half).exp(), (mean + half).exp()];
        Some(MetricAnswer {
            metric: node.name.clone(),
            unit: node.unit.label.clone(),
            predicted: mean.exp(),
            interval: ends,
            factor: mean.exp() / from,
            factor_interval: ends.map(|end| end / from),
        })
    };
    expected.forecast.metrics.iter().enumerate().filter_map(of).collect()
}

/// Whether two runs agree in every condition of the model.
fn same_conditions(model: &Model, a: &Run, b: &Run) -> bool {
    let conditions = model.nodes.iter().filter(|node| node.role == Role::Condition);
    conditions.map(|node| &node.name).all(|name| a.conditions.get(name) == b.conditions.get(name))
}
