//! What to do: changes of settings that would recover the loss, with predicted gain and cost in latency.

use nalgebra::DVector;

use super::evidence::{cause_conditions, same};
use super::factors::unshared_error;
use super::result::{Diagnosis, Recommendation};
use crate::catalog::Catalog;
use crate::fit::Fitted;
use crate::model::{FrameError, Model, canonical};
use crate::notes::{list, words};
use crate::predict::Abducted;
use crate::runs::{Run, Value};
use crate::stats::NORMAL_QUANTILE_90;
use crate::unit::percent;
use crate::whatif::intervene;

/// Settings that an operator may change, as opposed to properties of the load, the model or the machine.
const SETTINGS: [&str; 16] = [
    "batch_size",
    "precision",
    "gpus",
    "gpu",
    "concurrency",
    "enforce_eager",
    "compile_mode",
    "cudagraph_mode",
    "engine_version",
    "prefix_caching",
    "data_parallel",
    "gpu_memory_utilization",
    "kv_cache_tokens",
    "power_limit",
    "max_batched_tokens",
    "sm_clock",
];
/// A predicted gain below this is not worth a recommendation.
const WORTH: f64 = 0.02;
/// Recommendations at most.
const MOST: usize = 4;

/// Changes of the worse run towards the better one, and a larger batch where memory has room.
pub(super) fn recommendations(
    fitted: &Fitted,
    catalog: &Catalog,
    store: &[&Run],
    diagnosis: &Diagnosis,
    (a, b): (&Abducted, &Abducted),
) -> Result<Vec<Recommendation>, FrameError> {
    let b_is_worse = (diagnosis.ratio > 1.0) == diagnosis.more_is_worse();
    let (worse, better) = if b_is_worse { (b, a) } else { (a, b) };
    let mut found: Vec<Recommendation> = Vec::new();
    for change in changes(fitted, diagnosis, worse, better) {
        if let Some(recommendation) = evaluate(fitted, catalog, store, diagnosis, worse, &change)? {
            found.push(recommendation);
        }
    }
    let gain = |one: &Recommendation| {
        let log = one.factor.ln();
        if diagnosis.more_is_worse() { log } else { -log }
    };
    // Of changes with one effect the first in the list stays; a batch beyond the supply has that of the supply itself.
    found.sort_by(|x, y| gain(x).total_cmp(&gain(y)).then(x.set.cmp(&y.set)));
    found.dedup_by(|x, y| (x.factor / y.factor).ln().abs() < 1e-3);
    found.truncate(MOST);
    Ok(found)
}

/// Sets of changes to try.
fn changes(fitted: &Fitted, diagnosis: &Diagnosis, worse: &Abducted, better: &Abducted) -> Vec<Vec<(String, Value)>> {
    let model = &fitted.model;
    let mut found = Vec::new();
    for cause in &diagnosis.causes {
        let Some(cause) = model.cause(&cause.cause) else { continue };
        let set: Vec<(String, Value)> = cause
            .conditions
            .iter()
            .filter(|condition| SETTINGS.contains(&condition.as_str()))
            .filter(|condition| worse.run.conditions.get(*condition) != better.run.conditions.get(*condition))
            .filter_map(|condition| Some((condition.clone(), better.run.conditions.get(condition)?.clone())))
            .map(|(condition, value)| match (condition.as_str(), &value) {
                ("batch_size", Value::Number(batch)) => {
                    let supply = worse.value(model, "supply").unwrap_or(f64::INFINITY);
                    (condition, Value::Number(batch.min(supply)))
                }
                _ => (condition, value),
            })
            .collect();
        if !set.is_empty() {
            found.push(set);
        }
    }
    // A batch that memory forced needs memory: twice the GPUs, and the batch of the other run.
    let forced = diagnosis.causes.iter().any(|cause| cause.forced_by.as_ref().is_some_and(|forced| forced.share > 0.2));
    if let (true, Some(gpus), Some(batch)) = (forced, worse.run.number("gpus"), better.run.number("batch_size"))
        && worse.run.number("batch_size").is_some_and(|own| own < batch)
    {
        found.push(vec![
            ("gpus".to_owned(), Value::Number(2.0 * gpus)),
            ("batch_size".to_owned(), Value::Number(batch)),
        ]);
    }
    let batch = worse.value(model, "batch_size").unwrap_or(0.0);
    let supply = worse.value(model, "supply").unwrap_or(f64::INFINITY);
    let ceiling = worse.value(model, "batch_ceiling").unwrap_or(0.0);
    let room = ceiling.min(supply);
    let mut larger = batch;
    while larger * 2.0 <= room {
        larger *= 2.0;
    }
    if larger > batch && batch > 0.0 {
        found.push(vec![("batch_size".to_owned(), Value::Number(larger))]);
    }
    found
}

/// The change's effect, if it is worth saying and the configuration is feasible.
fn evaluate(
    fitted: &Fitted,
    catalog: &Catalog,
    store: &[&Run],
    diagnosis: &Diagnosis,
    run: &Abducted,
    change: &[(String, Value)],
) -> Result<Option<Recommendation>, FrameError> {
    let model = &fitted.model;
    let Some(target) = model.node_index(&diagnosis.metric) else { return Ok(None) };
    let set: Vec<(&str, Value)> = change.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let now = intervene(fitted, catalog, run, &[])?;
    let Ok(then) = intervene(fitted, catalog, run, &set) else { return Ok(None) };
    // What was measured needs no prediction.
    let twin = measured_twin(model, catalog, store, diagnosis, run, change);
    let ratio_to = |metric: &str| {
        let twin = twin?;
        Some(twin.metrics.get(metric)? / run.run.metrics.get(metric)?)
    };
    let predicted = then.values[target].ln() - now.values[target].ln();
    let log = ratio_to(&diagnosis.metric).map_or(predicted, f64::ln);
    let gain = if diagnosis.more_is_worse() { -log } else { log };
    if !gain.is_finite() || gain < WORTH || (twin.is_none() && !then.broken.is_empty()) {
        return Ok(None);
    }
    let spread = if twin.is_some() {
        diagnosis.spread.sd * std::f64::consts::SQRT_2
    } else {
        let slope: DVector<f64> = then.log_slope(fitted, run, target) - now.log_slope(fitted, run, target);
        let slopes = now.noise_slopes(fitted, target);
        let variance: f64 = slopes.iter().zip(&run.spreads).map(|(slope, spread)| (slope * spread).powi(2)).sum();
        fitted.spread(&slope).hypot(unshared_error(2.0 * variance, predicted.abs(), change.len()).sqrt())
    };
    let half = NORMAL_QUANTILE_90 * spread;
    if half > log.abs() {
        return Ok(None);
    }
    let latency = model.node_index("itl_p50").map(|node| then.values[node] / now.values[node]);
    let latency_factor = ratio_to("itl_p50").or(latency);
    let settings: Vec<String> = change.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let size = percent(log.exp_m1().abs());
    let direction = if log < 0.0 { "lowers" } else { "raises" };
    let latency = latency_factor.map_or_else(String::new, |factor| match factor {
        factor if factor > 1.01 => format!(", at {} more time between tokens", percent(factor - 1.0)),
        factor if factor < 0.99 => format!(", with {} less time between tokens", percent(1.0 - factor)),
        _ => ", at the same time between tokens".to_owned(),
    });
    let metric = words(&diagnosis.metric);
    Ok(Some(Recommendation {
        run: run.run.id.clone(),
        text: format!("{} on `{}` {direction} {metric} by {size}{latency}", list(&settings), run.run.id),
        set: settings,
        factor: log.exp(),
        interval: [(log - half).exp(), (log + half).exp()],
        measured: twin.map(|twin| twin.id.clone()),
        latency_factor,
    }))
}

/// A run of the store that is the changed run: equal in every condition of a cause.
fn measured_twin<'a>(
    model: &Model,
    catalog: &Catalog,
    store: &[&'a Run],
    diagnosis: &Diagnosis,
    run: &Abducted,
    change: &[(String, Value)],
) -> Option<&'a Run> {
    let mut wanted = run.run.clone();
    for (name, value) in change {
        wanted.conditions.insert(name.clone(), value.clone());
    }
    let is_twin = |other: &Run| {
        let other = canonical(other, catalog);
        cause_conditions(model)
            .map(|(_, condition)| condition)
            .filter(|condition| *condition != "checkpoint" && *condition != "request_repeats")
            .all(|condition| same(&wanted, &other, condition))
    };
    let mut candidates = store.iter().filter(|other| other.metrics.contains_key(&diagnosis.metric));
    candidates.find(|other| is_twin(other)).copied()
}
