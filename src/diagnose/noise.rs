//! The noise gate: is the difference more than two runs of one configuration differ by?

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::result::Verdict;
use crate::runs::{Run, Value};
use crate::stats::median;

/// Spread of two runs of one configuration on one machine, minutes apart, measured on an H200: 0.6 %.
pub(super) const ONE_MACHINE: f64 = 0.006;
/// Spread between GPUs of one type: up to 8 % between two of them, taken as two standard deviations.
const OTHER_MACHINE: f64 = 0.04;
/// Two runs of one configuration that are further apart than this in the logarithm differ in something unrecorded.
const NOT_A_REPEAT: f64 = 0.1;
/// Normal quantile of a two-sided test at 10 %.
const QUANTILE: f64 = crate::stats::NORMAL_QUANTILE_90;

/// Run-to-run standard deviation of the log of a metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Standard deviation of the logarithm.
    pub sd: f64,
    /// Where it comes from.
    pub source: String,
    /// Runs on each side that would settle a difference of this size, if it is within the noise.
    pub repeats_needed: Option<usize>,
}

/// Spread from repeated configurations in the store, else the stated prior; and the verdict on a log ratio.
pub(super) fn gate(runs: &[&Run], a: &Run, b: &Run, metric: &str, log_ratio: f64) -> (Spread, Verdict) {
    let one_machine = matches!((a.name("gpu_unit"), b.name("gpu_unit")), (Some(x), Some(y)) if x == y);
    let (sd, source) = match repeats(runs, metric, [&a.id, &b.id]).filter(|_| one_machine) {
        Some((sd, count)) => (sd.max(0.002), format!("{count} pairs of repeated configurations in the store")),
        None if one_machine => (ONE_MACHINE, "one machine, 0.6 % between repeats elsewhere".to_owned()),
        None => (OTHER_MACHINE, "other or unknown machine: GPUs of one type differ by up to 8 %".to_owned()),
    };
    let noise = sd * std::f64::consts::SQRT_2;
    judged(sd, source, log_ratio, QUANTILE * noise)
}

/// The verdict on a log ratio that noise alone exceeds in one of ten cases, with the repeats that would settle a smaller one.
pub(super) fn judged(sd: f64, source: String, log_ratio: f64, noise: f64) -> (Spread, Verdict) {
    if log_ratio.abs() > noise {
        return (Spread { sd, source, repeats_needed: None }, Verdict::Different);
    }
    // 80 % power at 5 %: n = 2·(2.8·σ/δ)².
    let needed = (2.0 * (2.8 * sd / log_ratio.abs().max(1e-9)).powi(2)).ceil();
    let repeats_needed = (needed < 1e4).then_some(needed as usize);
    (Spread { sd, source, repeats_needed }, Verdict::WithinNoise)
}

/// Robust standard deviation of the log of a metric over configurations that the store holds more than once: the median
/// distance of two runs of one configuration over 0.954, which it is for a normal distribution of standard deviation 1.
/// The two runs in question do not count, nor do pairs further apart than `NOT_A_REPEAT`; fewer than three pairs say too
/// little.
fn repeats(runs: &[&Run], metric: &str, asked: [&str; 2]) -> Option<(f64, usize)> {
    let mut groups: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for run in runs.iter().filter(|run| !asked.contains(&run.id.as_str())) {
        if let Some(value) = run.metrics.get(metric) {
            groups.entry(configuration(run)).or_default().push(value.ln());
        }
    }
    let mut distances = Vec::new();
    for logs in groups.values() {
        for (index, x) in logs.iter().enumerate() {
            distances.extend(logs[index + 1..].iter().map(|y| (x - y).abs()));
        }
    }
    distances.retain(|distance| *distance < NOT_A_REPEAT);
    let enough = distances.len() >= 3;
    median(&distances).filter(|_| enough).map(|distance| (distance / 0.954, distances.len()))
}

/// All conditions as one text.
fn configuration(run: &Run) -> String {
    let mut text = String::new();
    for (name, value) in &run.conditions {
        let shown = match value {
            Value::Number(number) => format!("{number:.3}"),
            other => other.to_string(),
        };
        let _ = write!(text, "{name}={shown};");
    }
    text
}
