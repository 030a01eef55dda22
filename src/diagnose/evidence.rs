//! Measured rows that bear on an answer.

use std::collections::BTreeMap;

use super::players::conditions_differ;
use super::result::{Diagnosis, Evidence};
use crate::catalog::Catalog;
use crate::model::{Cause, Model, canonical};
use crate::notes::list;
use crate::runs::{Run, Value};
use crate::stats::median;

/// Conditions that are outcomes of a task rather than settings: small differences do not make another configuration.
const MEASURED_CONDITIONS: [&str; 3] = ["output_tokens", "output_tokens_dispersion", "prompt_tokens"];
/// Log difference up to which they count as equal.
const SAME_LENGTH: f64 = 0.1;
/// Runs of one group that are paired with each other.
const GROUP: usize = 60;
/// Steps shown at most.
const STEPS: usize = 4;

/// Stepping stones between the two runs, and pairs elsewhere that differ only in one of the main causes.
pub(super) fn evidence(
    model: &Model,
    catalog: &Catalog,
    store: &[&Run],
    diagnosis: &Diagnosis,
    (a, b): (&Run, &Run),
) -> Vec<Evidence> {
    let runs: Vec<Run> = store
        .iter()
        .filter(|run| run.metrics.contains_key(&diagnosis.metric))
        .filter(|run| run.name("task").is_none_or(|task| model.takes(task)))
        .map(|run| canonical(run, catalog))
        .collect();
    let mut found = steps(model, &runs, diagnosis, a, b);
    for cause in diagnosis.causes.iter().take(3) {
        found.extend(pairs(model, catalog, &runs, diagnosis, &cause.cause, a, b));
    }
    found
}

/// Whether two runs have the same value of a condition.
pub(super) fn same(x: &Run, y: &Run, condition: &str) -> bool {
    match (x.conditions.get(condition), y.conditions.get(condition)) {
        (Some(Value::Number(x)), Some(Value::Number(y))) if MEASURED_CONDITIONS.contains(&condition) => {
            (x / y).ln().abs() < SAME_LENGTH
        }
        (x, y) => x == y,
    }
}

/// Conditions of a run that are part of some cause.
pub(super) fn cause_conditions(model: &Model) -> impl Iterator<Item = (usize, &String)> {
    model
        .causes
        .iter()
        .enumerate()
        .flat_map(|(index, cause)| cause.conditions.iter().map(move |condition| (index, condition)))
}

/// Runs that are as A in some causes and as B in the others.
fn steps(model: &Model, runs: &[Run], diagnosis: &Diagnosis, a: &Run, b: &Run) -> Vec<Evidence> {
    let mut found = Vec::new();
    for run in runs.iter().filter(|run| run.id != a.id && run.id != b.id) {
        let Some(changed) = side_of(model, run, a, b) else { continue };
        if changed.is_empty() || changed.len() == differing(model, a, b).len() {
            continue;
        }
        let value = run.metrics[&diagnosis.metric];
        found.push(Evidence::Step {
            run: run.id.clone(),
            changed,
            ratio_from_a: value / diagnosis.run_a.value,
            ratio_to_b: diagnosis.run_b.value / value,
        });
    }
    found.truncate(STEPS);
    found
}

/// Causes whose settings (not measured lengths) differ.
fn differing(model: &Model, a: &Run, b: &Run) -> Vec<String> {
    model
        .causes
        .iter()
        .filter(|cause| cause.conditions.iter().any(|condition| !same(a, b, condition)))
        .map(|cause| cause.name.clone())
        .collect()
}

/// The causes in which a run is as B, if it is as A or as B in every one; a cause that is as both counts as neither.
fn side_of(model: &Model, run: &Run, a: &Run, b: &Run) -> Option<Vec<String>> {
    let mut changed: Vec<String> = Vec::new();
    let mut kept: Vec<usize> = Vec::new();
    for (cause, condition) in cause_conditions(model) {
        let (as_a, as_b) = (same(run, a, condition), same(run, b, condition));
        match (as_a, as_b) {
            (true, true) => {}
            (true, false) => kept.push(cause),
            (false, true) => changed.push(model.causes[cause].name.clone()),
            (false, false) => return None,
        }
    }
    changed.dedup();
    let torn = kept.iter().any(|&cause| changed.contains(&model.causes[cause].name));
    (!torn).then_some(changed)
}

/// Other pairs that differ only in one cause, in the direction in which A and B differ.
fn pairs(
    model: &Model,
    catalog: &Catalog,
    runs: &[Run],
    diagnosis: &Diagnosis,
    name: &str,
    a: &Run,
    b: &Run,
) -> Option<Evidence> {
    let cause = model.cause(name)?;
    // A measured length is never set alone; its pairs would be pairs of tasks.
    if cause.conditions.is_empty() || cause.conditions.iter().all(|name| MEASURED_CONDITIONS.contains(&name.as_str())) {
        return None;
    }
    let mut groups: BTreeMap<String, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        groups.entry(rest(model, run, cause)).or_default().push(run);
    }
    let mut ratios = Vec::new();
    for group in groups.values() {
        // A sweep has tens of runs that differ in one setting; of thousands the first are evidence enough.
        let group = &group[..group.len().min(GROUP)];
        for x in group {
            for y in group {
                let is_asked = x.id == a.id && y.id == b.id;
                let lengths = MEASURED_CONDITIONS.iter().all(|condition| same(x, y, condition));
                if !is_asked
                    && lengths
                    && moves_alike(cause, (x, y), (a, b))
                    && conditions_differ(model, catalog, cause, x, y)
                {
                    ratios.push(y.metrics[&diagnosis.metric] / x.metrics[&diagnosis.metric]);
                }
            }
        }
    }
    let factor = diagnosis.causes.iter().find(|found| found.cause == name)?.factor;
    let agree = ratios.iter().filter(|ratio| (**ratio > 1.0) == (factor > 1.0)).count();
    Some(Evidence::Pairs { cause: name.to_owned(), pairs: ratios.len(), agree, median_ratio: median(&ratios)? })
}

/// All settings of a run but those of one cause, as one text.
fn rest(model: &Model, run: &Run, cause: &Cause) -> String {
    let mut conditions: Vec<&String> = cause_conditions(model)
        .map(|(_, condition)| condition)
        .filter(|condition| !cause.conditions.contains(condition))
        .filter(|condition| !MEASURED_CONDITIONS.contains(&condition.as_str()) && *condition != "request_repeats")
        .filter(|condition| *condition != "checkpoint" || !cause.conditions.iter().any(|own| own == "precision"))
        .collect();
    conditions.sort();
    let texts: Vec<String> = conditions
        .into_iter()
        .map(|condition| run.conditions.get(condition).map_or_else(String::new, ToString::to_string))
        .collect();
    list(&texts)
}

/// Whether a pair differs in the cause the way A and B do: numbers in the same direction, categories in the same values.
fn moves_alike(cause: &Cause, (x, y): (&Run, &Run), (a, b): (&Run, &Run)) -> bool {
    cause.conditions.iter().all(|condition| {
        let get = |run: &'_ Run| run.conditions.get(condition).cloned();
        match (get(a), get(b), get(x), get(y)) {
            (Some(Value::Number(a)), Some(Value::Number(b)), Some(Value::Number(x)), Some(Value::Number(y))) => {
                if a == b { x == y } else { (b > a) == (y > x) && x != y }
            }
            // The checkpoint's name follows from its model and precision.
            _ if condition == "checkpoint" => true,
            (a, b, x, y) => a == x && b == y,
        }
    })
}
