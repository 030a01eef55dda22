//! Putting the answer together.

use super::caveats::caveats;
use super::changes::{identities, latents};
use super::error::DiagnoseError;
use super::evidence::evidence;
use super::factors::{factors, intervals};
use super::forced::{Charge, apply, charge};
use super::game::Game;
use super::limits::aligned;
use super::measured::{measured, reconcile};
use super::next::next_measurement;
use super::part::Part;
use super::recommend::recommendations;
use super::result::{Diagnosis, RunValue, Verdict};
use super::sets::{gate_sets, pooled};
use super::signs::{clue, signs};
use crate::catalog::Catalog;
use crate::fit::Fitted;
use crate::model::Model;
use crate::predict::{Abducted, MetricError, abduct_pair};
use crate::runs::Run;

/// Log difference between a metric and what its parents make of it that is more than rounding.
const COLUMNS_DISAGREE: f64 = 0.03;

/// Explains the difference of `metric` between two runs. `store` gives the evidence; it may be empty.
pub fn diagnose(
    fitted: &Fitted,
    catalog: &Catalog,
    store: &[&Run],
    a: &Run,
    b: &Run,
    metric: Option<&str>,
) -> Result<Diagnosis, DiagnoseError> {
    diagnose_sets(fitted, catalog, store, &[a], &[b], metric)
}

/// Explains the difference of `metric` between two sets of repeated runs; each set is one configuration, and not empty.
pub fn diagnose_sets(
    fitted: &Fitted,
    catalog: &Catalog,
    store: &[&Run],
    set_a: &[&Run],
    set_b: &[&Run],
    metric: Option<&str>,
) -> Result<Diagnosis, DiagnoseError> {
    let model = &fitted.model;
    let (a, b) = (&pooled(set_a)?, &pooled(set_b)?);
    check(model, a, b)?;
    let metric = metric.unwrap_or_else(|| model.default_metric_of(a));
    let target = model.node_index(metric).filter(|&index| model.nodes[index].role.is_outcome());
    let target = target.ok_or_else(|| MetricError::unknown(model, metric))?;
    let (mut first, mut second) = {
        let (a, b) = aligned(model, catalog, a, b);
        abduct_pair(fitted, catalog, &a, &b)?
    };
    let values = (measured(model, &first, target)?, measured(model, &second, target)?);
    let gaps = (
        reconcile(fitted, catalog, &mut first, target, values.0)?,
        reconcile(fitted, catalog, &mut second, target, values.1)?,
    );
    let game = Game::new(fitted, catalog, &first, &second)?;
    let slot = model.nodes[target].value;
    let mut parts = game.parts(slot);
    let mut shares: Vec<Vec<f64>> =
        parts.iter().enumerate().map(|(player, part)| game.shares(player, slot, part.log_factor)).collect();
    let charges = charge_batch(fitted, &game, &first, &second, &mut parts, &mut shares);
    let log_ratio = (values.1 / values.0).ln();
    close(&mut parts, log_ratio);
    let (spread, verdict) = gate_sets(store, set_a, set_b, metric, log_ratio);
    let verdict = if counts_alike(a, b) { verdict } else { Verdict::NotComparable };
    let intervals = intervals(fitted, &game, &parts, (&first, &second), (set_a.len(), set_b.len()));
    let (causes, unexplained) =
        factors(fitted, catalog, &game, &parts, &shares, &intervals, &charges, (&first, &second));
    let mut diagnosis = Diagnosis {
        verdict,
        metric: metric.to_owned(),
        unit: model.nodes[target].unit.label.clone(),
        run_a: RunValue { id: a.id.clone(), value: values.0 },
        run_b: RunValue { id: b.id.clone(), value: values.1 },
        ratio: values.1 / values.0,
        spread,
        causes,
        unexplained,
        latents: latents(model, &first, &second),
        identities: identities(fitted, catalog, target, &first, &second)?,
        evidence: Vec::new(),
        clue: None,
        next_measurement: None,
        recommendations: Vec::new(),
        caveats: Vec::new(),
    };
    let signs = signs(fitted, &first, &second);
    diagnosis.clue = clue(&diagnosis, &signs);
    diagnosis.evidence = evidence(model, catalog, store, &diagnosis, (&first.run, &second.run));
    diagnosis.next_measurement = next_measurement(model, &diagnosis, &first.run, &second.run);
    diagnosis.recommendations = recommendations(fitted, catalog, store, &diagnosis, (&first, &second))?;
    let disagree = (gaps.0.abs() > COLUMNS_DISAGREE, gaps.1.abs() > COLUMNS_DISAGREE);
    diagnosis.caveats = caveats(fitted, catalog, &diagnosis, &first, &second, &signs, disagree);
    Ok(diagnosis)
}

/// What a source says of the energy and tokens that it counts; runs that differ in it cannot be compared.
pub(super) const COUNTED: [&str; 2] = ["energy_scope", "tokens_counted"];

/// Whether two runs count the same things, as far as they say.
fn counts_alike(a: &Run, b: &Run) -> bool {
    COUNTED.iter().all(|detail| match (a.details.get(*detail), b.details.get(*detail)) {
        (Some(x), Some(y)) => x == y,
        _ => true,
    })
}

fn check(model: &Model, a: &Run, b: &Run) -> Result<(), DiagnoseError> {
    if a.id == b.id && a == b {
        return Err(DiagnoseError::SameRun { run: a.id.clone() });
    }
    let metrics = |run: &Run| run.metrics.keys().cloned().collect::<Vec<_>>();
    let (metrics_a, metrics_b) = (metrics(a), metrics(b));
    let is_ours = |run: &Run| run.name("task").is_none_or(|task| model.takes(task));
    if is_ours(a) != is_ours(b) || !metrics_a.iter().any(|metric| metrics_b.contains(metric)) {
        return Err(DiagnoseError::NoCommonMetric { a: a.id.clone(), metrics_a, b: b.id.clone(), metrics_b });
    }
    match [a, b].into_iter().find(|run| !is_ours(run)) {
        Some(run) => Err(DiagnoseError::OtherTask {
            run: run.id.clone(),
            task: run.name("task").unwrap_or("none").to_owned(),
            model: model.name.clone(),
            tasks: model.tasks.clone(),
        }),
        None => Ok(()),
    }
}

/// Charges forced batches, in the parts and in their mechanisms.
fn charge_batch(
    fitted: &Fitted,
    game: &Game<'_>,
    a: &Abducted,
    b: &Abducted,
    parts: &mut [Part],
    shares: &mut [Vec<f64>],
) -> Vec<Charge> {
    let model = &fitted.model;
    let mut charges = Vec::new();
    for constraint in &model.constraints {
        let Some(charge) = charge(fitted, game, constraint, a, b) else { continue };
        let moved = apply(&charge, parts);
        shares[charge.player].iter_mut().for_each(|share| *share *= 1.0 - charge.share);
        let label = constraint.ceiling.and_then(|ceiling| model.mechanism_of[ceiling]);
        let label = label.unwrap_or(model.mechanisms.len());
        for (share, proportion) in shares.iter_mut().zip(&charge.proportions) {
            share[label] += moved * proportion;
        }
        charges.push(charge);
    }
    charges
}

/// Takes up the rounding that sums of many logarithms leave, in the largest part, so that the product is the ratio.
fn close(parts: &mut [Part], log_ratio: f64) {
    let rest = log_ratio - parts.iter().map(|part| part.log_factor).sum::<f64>();
    if let Some(part) = parts.iter_mut().max_by(|a, b| a.log_factor.abs().total_cmp(&b.log_factor.abs())) {
        part.log_factor += rest;
    }
}
