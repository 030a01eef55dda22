//! Repeated runs of one configuration as one side of a diagnosis.

use std::collections::BTreeMap;

use super::error::DiagnoseError;
use super::noise::{Spread, gate, judged};
use super::result::Verdict;
use crate::notes::plural;
use crate::runs::{Run, Value};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Conditions that are measured rather than set, so that repeats need not agree in them to the last digit.
const MEASURED: [&str; 2] = ["output_tokens", "output_tokens_dispersion"];
/// Log difference up to which they agree.
const SAME: f64 = 0.1;

/// One run that stands for its repeats: the geometric mean of what each of them measured, under their common conditions.
pub(super) fn pooled(runs: &[&Run]) -> Result<Run, DiagnoseError> {
    let mut pooled = runs[0].clone();
    for other in &runs[1..] {
        if let Some(condition) = differing(&pooled, other) {
            return Err(DiagnoseError::NotARepeat { first: runs[0].id.clone(), other: other.id.clone(), condition });
        }
    }
    if runs.len() > 1 {
        pooled.id = format!("{} and {}", runs[0].id, plural(runs.len() - 1, "repeat"));
    }
    pooled.metrics = means(runs, |run| &run.metrics);
    pooled.observed = means(runs, |run| &run.observed);
    Ok(pooled)
}

/// Geometric means of the quantities that every run has; arithmetic where one is not positive.
fn means(runs: &[&Run], of: impl Fn(&Run) -> &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    if let [only] = runs {
        return of(only).clone();
    }
    let count = runs.len() as f64;
    of(runs[0])
        .keys()
        .filter_map(|name| {
            let values: Option<Vec<f64>> = runs.iter().map(|run| of(run).get(name).copied()).collect();
            let values = values?;
            let mean = if values.iter().all(|value| *value > 0.0) {
                (values.iter().map(|value| value.ln()).sum::<f64>() / count).exp()
            } else {
                values.iter().sum::<f64>() / count
            };
            Some((name.clone(), mean))
        })
        .collect()
}

/// A condition in which two runs are not repeats of each other.
fn differing(a: &Run, b: &Run) -> Option<String> {
    let names = a.conditions.keys().chain(b.conditions.keys());
    names
        .filter(|name| match (a.conditions.get(*name), b.conditions.get(*name)) {
            (Some(Value::Number(x)), Some(Value::Number(y))) if MEASURED.contains(&name.as_str()) => {
                (x / y).ln().abs() > SAME
            }
            (x, y) => x != y,
        })
        .min()
        .cloned()
}

/// The noise gate for two sets: Student's t on the logs with the sets' pooled spread, where one of them has repeats.
pub(super) fn gate_sets(store: &[&Run], a: &[&Run], b: &[&Run], metric: &str, log_ratio: f64) -> (Spread, Verdict) {
    let logs = |runs: &[&Run]| -> Vec<f64> {
        runs.iter().filter_map(|run| run.metrics.get(metric)).map(|value| value.ln()).collect()
    };
    let (logs_a, logs_b) = (logs(a), logs(b));
    let freedom = (logs_a.len() + logs_b.len()).saturating_sub(2);
    if freedom == 0 || logs_a.is_empty() || logs_b.is_empty() {
        return gate(store, a[0], b[0], metric, log_ratio);
    }
    let squares = |logs: &[f64]| {
        let mean = logs.iter().sum::<f64>() / logs.len() as f64;
        logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>()
    };
    let sd = ((squares(&logs_a) + squares(&logs_b)) / freedom as f64).sqrt();
    let error = sd * (1.0 / logs_a.len() as f64 + 1.0 / logs_b.len() as f64).sqrt();
    let quantile = StudentsT::new(0.0, 1.0, freedom as f64).map_or(1.96, |student| student.inverse_cdf(0.95));
    let source = format!("{} in A and {} in B", plural(logs_a.len(), "run"), plural(logs_b.len(), "run"));
    judged(sd, source, log_ratio, quantile * error)
}
