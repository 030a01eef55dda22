//! Putting the answer together.

use miette::Diagnostic;
use nalgebra::DVector;
use thiserror::Error;

use super::caveats::caveats;
use super::evidence::evidence;
use super::forced::{Charge, apply, charge};
use super::game::{Game, Part};
use super::next::next_measurement;
use super::recommend::recommendations;
use super::result::{
    CauseFactor, Diagnosis, IdentityTerm, LatentValue, MechanismFactor, RunValue, UnexplainedFactor, Verdict,
};
use super::sets::{gate_sets, pooled};
use crate::attribute::mechanism_shares;
use crate::catalog::Catalog;
use crate::fit::Fitted;
use crate::model::{FrameError, Model, Role};
use crate::notes::list;
use crate::predict::{Abducted, MetricError, abduct_pair};
use crate::runs::{Run, known};
use crate::stats::NORMAL_QUANTILE_90;
use crate::unit::show;

/// Standard deviation of the log of one measured quantity of one run, minutes apart on one machine.
const REPEAT_SPREAD: f64 = 0.006;
/// Share of a mechanism in the log that is rounding.
const DUST: f64 = 1e-7;
/// Log difference between a metric and what its parents make of it that is more than rounding.
const COLUMNS_DISAGREE: f64 = 0.03;

/// Why two runs cannot be diagnosed.
#[derive(Debug, Error, Diagnostic)]
pub enum DiagnoseError {
    /// One run against itself.
    #[error("run A and run B are the same run, `{run}`")]
    #[diagnostic(help("name two runs; `joules runs` lists them"))]
    SameRun {
        /// The run.
        run: String,
    },
    /// Runs of one side that are not repeats of each other.
    #[error("`{other}` is no repeat of `{first}`: they differ in `{condition}`")]
    #[diagnostic(help("runs that stand for one side must have the same conditions"))]
    NotARepeat {
        /// The side's first run.
        first: String,
        /// The other run.
        other: String,
        /// A condition that differs.
        condition: String,
    },
    /// A task that the model knows nothing of.
    #[error("run `{run}` has task `{task}`, which model `{model}` does not describe")]
    #[diagnostic(help("its tasks are {}; give a model for `{task}` with `--model` and `--fitted`", list(tasks)))]
    OtherTask {
        /// The run.
        run: String,
        /// Its task.
        task: String,
        /// The model.
        model: String,
        /// The model's tasks.
        tasks: Vec<String>,
    },
    /// No metric that both runs have.
    #[error(
        "runs `{a}` and `{b}` have no common metric that one model explains: {} against {}",
        list_or_none(metrics_a),
        list_or_none(metrics_b)
    )]
    #[diagnostic(help("choose two runs of one kind of task: what one counts, the other must count too"))]
    NoCommonMetric {
        /// The first run.
        a: String,
        /// Its metrics.
        metrics_a: Vec<String>,
        /// The second run.
        b: String,
        /// Its metrics.
        metrics_b: Vec<String>,
    },
    /// A metric that cannot be asked for.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Metric(#[from] MetricError),
    /// A run that does not fit the model.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Frame(#[from] FrameError),
}

fn list_or_none(items: &[String]) -> String {
    if items.is_empty() { "none".to_owned() } else { list(items) }
}

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
    let metric = metric.unwrap_or(&model.default_metric);
    let target = model.node_index(metric).filter(|&index| is_metric(model, index));
    let target = target.ok_or_else(|| MetricError::unknown(model, metric))?;
    let (mut first, mut second) = abduct_pair(fitted, catalog, a, b)?;
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
    let intervals = intervals(fitted, &game, &parts, (set_a.len(), set_b.len()));
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
        next_measurement: None,
        recommendations: Vec::new(),
        caveats: Vec::new(),
    };
    diagnosis.evidence = evidence(model, catalog, store, &diagnosis, (&first.run, &second.run));
    diagnosis.next_measurement = next_measurement(model, &diagnosis, &first.run, &second.run);
    diagnosis.recommendations = recommendations(fitted, catalog, &diagnosis, &first, &second)?;
    let disagree = (gaps.0.abs() > COLUMNS_DISAGREE, gaps.1.abs() > COLUMNS_DISAGREE);
    diagnosis.caveats = caveats(fitted, catalog, &diagnosis, &first, &second, disagree);
    Ok(diagnosis)
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

fn is_metric(model: &Model, index: usize) -> bool {
    matches!(model.nodes[index].role, Role::Metric | Role::Identity)
}

/// The measured value of a metric: as it stands in the run, else as its identity gives it from measured ones.
fn measured(model: &Model, run: &Abducted, target: usize) -> Result<f64, MetricError> {
    let node = &model.nodes[target];
    if let Some(&value) = run.run.metrics.get(&node.name) {
        return Ok(value);
    }
    let from_measured = node.role == Role::Identity
        && model
            .noisy
            .iter()
            .enumerate()
            .filter(|(_, noisy)| model.nodes[noisy.node].role == Role::Metric && leads_to(model, noisy.node, target))
            .all(|(index, _)| run.measured[index]);
    if from_measured {
        return Ok(run.values[target]);
    }
    Err(MetricError::NotMeasured {
        run: run.run.id.clone(),
        metric: node.name.clone(),
        measured: run.run.metrics.keys().cloned().collect(),
    })
}

fn leads_to(model: &Model, from: usize, to: usize) -> bool {
    model.graph.ancestors(&[to])[from]
}

/// Makes the run's noise give exactly the measured value of the target, and returns the log gap there was.
///
/// A metric that is measured beside the ones it follows from differs from them by rounding. The gap goes to the noise that
/// moves the target one to one and stands nearest to it.
fn reconcile(
    fitted: &Fitted,
    catalog: &Catalog,
    run: &mut Abducted,
    target: usize,
    measured: f64,
) -> Result<f64, FrameError> {
    let model = &fitted.model;
    let outcome = crate::whatif::intervene(fitted, catalog, run, &[])?;
    let gap = measured.ln() - outcome.values[target].ln();
    if gap == 0.0 {
        return Ok(0.0);
    }
    let slopes = outcome.noise_slopes(fitted, target);
    let nearest = (0..model.noisy.len()).rev().find(|&noisy| (slopes[noisy].abs() - 1.0).abs() < 1e-9);
    if let Some(noisy) = nearest {
        run.noise[noisy] += gap * slopes[noisy].signum();
    }
    Ok(gap)
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

/// 90 % intervals: parameters (posterior), run-to-run noise of the measured values, and the chance that what is unexplained
/// is an error in the causes' effects, which is divided among them by the root of their share.
fn intervals(fitted: &Fitted, game: &Game<'_>, parts: &[Part], repeats: (usize, usize)) -> Vec<[f64; 2]> {
    let model = &fitted.model;
    let is_unexplained = |player: usize| model.causes[game.players[player]].is_unexplained();
    let unexplained: f64 =
        parts.iter().enumerate().filter(|(player, _)| is_unexplained(*player)).map(|(_, part)| part.log_factor).sum();
    let explained: f64 = parts
        .iter()
        .enumerate()
        .filter(|(player, _)| !is_unexplained(*player))
        .map(|(_, part)| part.log_factor.abs())
        .sum();
    parts
        .iter()
        .enumerate()
        .map(|(player, part)| {
            let parameters: DVector<f64> = fitted.whiten(&part.slope);
            let side = |slopes: &[f64], repeats: usize| {
                slopes.iter().map(|slope| (slope * REPEAT_SPREAD).powi(2)).sum::<f64>() / repeats as f64
            };
            let repeats = side(&part.noise_slopes.0, repeats.0) + side(&part.noise_slopes.1, repeats.1);
            let structure = if is_unexplained(player) || explained == 0.0 {
                0.0
            } else {
                unexplained.powi(2) * part.log_factor.abs() / explained
            };
            let spread = (parameters.norm_squared() + repeats + structure + part.sampling_error.powi(2)).sqrt();
            let half = NORMAL_QUANTILE_90 * spread;
            [(part.log_factor - half).exp(), (part.log_factor + half).exp()]
        })
        .collect()
}

/// Causes and unexplained terms, each largest first; exactly no change is left out.
#[expect(clippy::too_many_arguments, reason = "everything that an answer is made of")]
fn factors(
    fitted: &Fitted,
    catalog: &Catalog,
    game: &Game<'_>,
    parts: &[Part],
    shares: &[Vec<f64>],
    intervals: &[[f64; 2]],
    charges: &[Charge],
    (a, b): (&Abducted, &Abducted),
) -> (Vec<CauseFactor>, Vec<UnexplainedFactor>) {
    let model = &fitted.model;
    // A batch that memory forced altogether has no factor of its own left, but is what a reader looks for.
    let is_forced = |player: usize| charges.iter().any(|charge| charge.player == player);
    let mut order: Vec<usize> =
        (0..parts.len()).filter(|&player| parts[player].log_factor != 0.0 || is_forced(player)).collect();
    order.sort_by(|&x, &y| parts[y].log_factor.abs().total_cmp(&parts[x].log_factor.abs()).then(x.cmp(&y)));
    let (mut causes, mut unexplained) = (Vec::new(), Vec::new());
    for player in order {
        let cause = &model.causes[game.players[player]];
        let factor = parts[player].log_factor.exp();
        if cause.is_unexplained() {
            unexplained.push(UnexplainedFactor {
                cause: cause.name.clone(),
                factor,
                interval: intervals[player],
                meaning: cause.meaning.clone(),
            });
            continue;
        }
        let (from, to) = super::evidence::words(model, catalog, cause, &a.run, &b.run);
        causes.push(CauseFactor {
            cause: cause.name.clone(),
            from,
            to,
            factor,
            interval: intervals[player],
            mechanisms: mechanisms(model, &shares[player]),
            forced_by: charges.iter().find(|charge| charge.player == player).map(|charge| charge.forced_by.clone()),
        });
    }
    (causes, unexplained)
}

fn mechanisms(model: &Model, shares: &[f64]) -> Vec<MechanismFactor> {
    let name = |index: usize| model.mechanisms.get(index).map_or("direct", String::as_str).to_owned();
    // Rounding is no mechanism: it goes to the largest share, so that the product stays exact.
    let dust: f64 = shares.iter().filter(|share| share.abs() < DUST).sum();
    let mut found: Vec<(usize, f64)> =
        shares.iter().copied().enumerate().filter(|(_, share)| share.abs() >= DUST).collect();
    found.sort_by(|x, y| y.1.abs().total_cmp(&x.1.abs()).then(x.0.cmp(&y.0)));
    if let Some((_, largest)) = found.first_mut() {
        *largest += dust;
    }
    found.into_iter().map(|(index, share)| MechanismFactor { mechanism: name(index), factor: share.exp() }).collect()
}

/// Latents whose value differs by more than 0.1 %, largest change first.
fn latents(model: &Model, a: &Abducted, b: &Abducted) -> Vec<LatentValue> {
    let mut found: Vec<LatentValue> = model
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.role == Role::Latent && node.is_number())
        .filter_map(|(index, node)| {
            let (x, y) = (a.values[index], b.values[index]);
            let differs = x.is_finite() && y.is_finite() && (x - y).abs() > 1e-3 * x.abs().max(y.abs());
            differs.then(|| LatentValue {
                name: node.name.clone(),
                unit: node.unit.label.clone(),
                a: x,
                b: y,
                meaning: node.meaning.clone(),
                mechanism: model.mechanism_of[index].map(|mechanism| model.mechanisms[mechanism].clone()),
            })
        })
        .collect();
    let size =
        |latent: &LatentValue| if latent.a > 0.0 && latent.b > 0.0 { (latent.b / latent.a).ln().abs() } else { 0.0 };
    found.sort_by(|x, y| size(y).total_cmp(&size(x)));
    found
}

/// The metric's own identity: factors of the nodes it is computed from, by the log-mean decomposition.
fn identities(
    fitted: &Fitted,
    catalog: &Catalog,
    target: usize,
    a: &Abducted,
    b: &Abducted,
) -> Result<Vec<IdentityTerm>, FrameError> {
    let model = &fitted.model;
    if model.nodes[target].role != Role::Identity {
        return Ok(Vec::new());
    }
    let before = crate::whatif::intervene(fitted, catalog, a, &[])?;
    let after = crate::whatif::intervene(fitted, catalog, b, &[])?;
    let terms = identity_terms(model, target);
    let mut labels = vec![None; model.tape.ops.len()];
    for (label, &term) in terms.iter().enumerate() {
        labels[model.nodes[term].value as usize] = Some(label);
    }
    // Only what lies between the target and its terms may be passed: the terms end the descent.
    let shares = mechanism_shares(
        &model.tape.ending_at(&terms.iter().map(|&term| model.nodes[term].value).collect::<Vec<_>>()),
        &labels,
        terms.len(),
        before.slots(),
        after.slots(),
        model.nodes[target].value,
    );
    Ok(terms
        .iter()
        .zip(shares)
        .map(|(&term, share)| IdentityTerm {
            term: model.nodes[term].name.clone(),
            unit: model.nodes[term].unit.label.clone(),
            a: before.values[term],
            b: after.values[term],
            factor: share.exp(),
        })
        .collect())
}

/// Parents of an identity, identities themselves resolved only if nothing measured stands for them.
fn identity_terms(model: &Model, target: usize) -> Vec<usize> {
    let mut terms = Vec::new();
    for parent in model.graph.parents(target) {
        let is_outer = model.nodes[parent].role == Role::Identity && model.nodes[parent].name.starts_with("energy_");
        if is_outer { terms.extend(identity_terms(model, parent)) } else { terms.push(parent) }
    }
    terms.sort_unstable();
    terms.dedup();
    terms
}

/// A value of a condition with its unit, in words: `7035 tokens`, `fp8`.
pub(super) fn condition_words(run: &Run, condition: &str) -> String {
    match run.conditions.get(condition) {
        None => "not recorded".to_owned(),
        Some(crate::runs::Value::Number(value)) => {
            let unit = known(condition).map_or("1", |name| name.unit);
            show(*value, unit)
        }
        Some(other) => other.to_string(),
    }
}

/// Whether the headline must say that more is unexplained than explained.
impl Diagnosis {
    /// Whether the unexplained part is larger than the explained one.
    pub fn mostly_unexplained(&self) -> bool {
        let (explained, unexplained) = self.sizes();
        self.verdict == Verdict::Different && unexplained > explained
    }
}
