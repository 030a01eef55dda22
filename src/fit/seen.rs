//! What the runs of a fit had: which conditions varied, which of them alone, and the usual lengths of every task.
//!
//! It says what the data of a fit can identify, without any of its runs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::model::{Model, Role};
use crate::runs::{Run, Value};
use crate::stats::median;

/// Conditions that are measured rather than set: runs of one load agree in them only roughly.
const MEASURED: [&str; 3] = ["output_tokens", "output_tokens_dispersion", "prompt_tokens"];
/// What follows from another condition, and need not be equal where that one is compared.
const FOLLOWING: [(&str, &[&str]); 5] = [
    ("task", &["modality", "output_tokens", "output_tokens_dispersion", "prompt_tokens", "request_repeats"]),
    ("output_tokens", &["output_tokens_dispersion"]),
    ("gpus", &["ulysses", "ring", "tensor_parallel", "expert_parallel"]),
    ("ulysses", &["ring"]),
    ("ring", &["ulysses"]),
];
/// Measured conditions are equal as far as their logarithms, in steps of a quarter, are.
const STEP: f64 = 1.25;

/// How one condition varied among the runs of a fit.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Varied {
    /// Different values, runs without one being one more.
    pub values: usize,
    /// Groups of runs that differ in nothing else.
    pub alone: usize,
    /// Smallest and largest value of a number, SI.
    pub range: Option<[f64; 2]>,
}

/// What the runs of a fit had.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// By condition of the model.
    pub varied: BTreeMap<String, Varied>,
    /// Medians of measured conditions, by condition and task.
    pub usual: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Seen {
    /// Of runs in canonical form.
    pub(super) fn new(model: &Model, runs: &[Run]) -> Self {
        let conditions = || model.nodes.iter().filter(|node| node.role == Role::Condition).map(|node| &node.name);
        let varied = conditions().map(|name| (name.clone(), varied(conditions().map(String::as_str), runs, name)));
        let usual = MEASURED.iter().map(|name| ((*name).to_owned(), usual(runs, name)));
        Self { varied: varied.collect(), usual: usual.filter(|(_, tasks)| !tasks.is_empty()).collect() }
    }

    /// Gives a run the usual lengths of its task, where it says none.
    pub fn fill(&self, run: &mut Run) {
        let Some(task) = run.name("task").map(str::to_owned) else { return };
        for (condition, tasks) in &self.usual {
            if let Some(value) = tasks.get(&task) {
                run.conditions.entry(condition.clone()).or_insert(Value::Number(*value));
            }
        }
    }
}

fn varied<'a>(conditions: impl Iterator<Item = &'a str>, runs: &[Run], name: &str) -> Varied {
    let following = FOLLOWING.iter().find(|(own, _)| *own == name).map_or(&[][..], |(_, following)| *following);
    let others: Vec<&str> = conditions.filter(|own| *own != name && !following.contains(own)).collect();
    let mut groups: BTreeMap<Vec<String>, BTreeSet<String>> = BTreeMap::new();
    for run in runs {
        let key = others.iter().map(|other| told(run, other)).collect();
        groups.entry(key).or_default().insert(told(run, name));
    }
    let values: BTreeSet<&String> = groups.values().flatten().collect();
    let numbers = || runs.iter().filter_map(|run| run.number(name));
    let (low, high) = (numbers().fold(f64::INFINITY, f64::min), numbers().fold(f64::NEG_INFINITY, f64::max));
    Varied {
        values: values.len(),
        alone: groups.values().filter(|values| values.len() > 1).count(),
        range: (low <= high).then_some([low, high]),
    }
}

/// A value as far as runs can agree in it.
fn told(run: &Run, condition: &str) -> String {
    match run.conditions.get(condition) {
        Some(Value::Number(value)) if MEASURED.contains(&condition) => (value.ln() / STEP.ln()).round().to_string(),
        Some(value) => value.to_string(),
        None => String::new(),
    }
}

fn usual(runs: &[Run], condition: &str) -> BTreeMap<String, f64> {
    let mut tasks: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for run in runs {
        if let (Some(task), Some(value)) = (run.name("task"), run.number(condition)) {
            tasks.entry(task.to_owned()).or_default().push(value);
        }
    }
    tasks.into_iter().filter_map(|(task, values)| Some((task, median(&values)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(batch: f64, gpu: &str, answer: f64) -> Run {
        let mut run = Run::default();
        run.conditions.insert("batch_size".to_owned(), Value::Number(batch));
        run.conditions.insert("gpu".to_owned(), Value::Name(gpu.to_owned()));
        run.conditions.insert("output_tokens".to_owned(), Value::Number(answer));
        run
    }

    #[test]
    fn a_condition_varies_alone_where_only_lengths_differ_a_little() {
        let runs = [run(8.0, "H100", 500.0), run(16.0, "H100", 505.0), run(32.0, "B200", 500.0)];
        let of = |name| varied(["batch_size", "gpu", "output_tokens"].into_iter(), &runs, name);
        assert_eq!(of("batch_size"), Varied { values: 3, alone: 1, range: Some([8.0, 32.0]) });
        assert_eq!((of("gpu").values, of("gpu").alone), (2, 0));
    }
}
