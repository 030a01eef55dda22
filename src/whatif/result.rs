//! The answer as values.

use std::collections::BTreeMap;

use crate::notes::Caveat;
use crate::runs::Value;

/// The answers about one run.
#[derive(Clone, Debug, PartialEq)]
pub struct WhatIf {
    /// Id of the run.
    pub reference: String,
    /// Its metrics, SI: measured, else expected.
    pub metrics_reference: BTreeMap<String, f64>,
    /// Those of them that were measured, or follow from what was.
    pub measured: Vec<String>,
    /// The metric that answers are about, with its unit.
    pub metric: (String, String),
    /// Whether more of it is worse.
    pub more_is_worse: bool,
    /// The latency on the other axis of a frontier, with its unit.
    pub latency: Option<(String, String)>,
    /// Limits that were asked for.
    pub budgets: Vec<super::Budget>,
    /// One for each change, in the order asked.
    pub answers: Vec<Answer>,
    /// The best answer that is feasible and within all budgets.
    pub best: Option<usize>,
}

/// The counterfactual of one change.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Conditions with their new values.
    pub set: Vec<(String, Value)>,
    /// Whether every limit holds.
    pub feasible: bool,
    /// How each limit is kept or broken.
    pub limits: Vec<Limit>,
    /// What kind of question it is against what was measured.
    pub support: String,
    /// Severity of that kind, 0 for measured.
    pub severity: usize,
    /// Every metric that has a meaning for the changed run, in the order of the model.
    pub metrics: Vec<MetricAnswer>,
    /// How the change acts on the metric asked about, largest first; the factors multiply to its factor.
    pub mechanisms: Vec<MechanismFactor>,
    /// What has to come with the change: condition, words.
    pub needs: Vec<(String, String)>,
    /// Nearest measured runs.
    pub nearest: Vec<Neighbor>,
    /// What to know of the answer.
    pub caveats: Vec<Caveat>,
    /// Whether no feasible answer is better in both latency and the metric asked about.
    pub frontier: bool,
    /// Probability that each budget is kept, in their order.
    pub within: Vec<f64>,
}

/// One metric, before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricAnswer {
    /// The metric.
    pub metric: String,
    /// Its SI unit.
    pub unit: String,
    /// Predicted, SI.
    pub predicted: f64,
    /// Ends of its 90 % interval, SI.
    pub interval: [f64; 2],
    /// Predicted over the reference's.
    pub factor: f64,
    /// Ends of its 90 % interval.
    pub factor_interval: [f64; 2],
}

/// What one mechanism carries.
#[derive(Clone, Debug, PartialEq)]
pub struct MechanismFactor {
    /// The mechanism; `direct` for what passed none, `similar_runs` for what runs like it showed beyond the equations.
    pub mechanism: String,
    /// Factor on the metric.
    pub factor: f64,
}

/// A limit of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// The constraint.
    pub constraint: String,
    /// What it says.
    pub meaning: String,
    /// Whether it holds.
    pub holds: bool,
    /// Probability that it holds, where its ceiling is known roughly.
    pub probability: Option<f64>,
    /// The condition that it limits.
    pub condition: String,
    /// Largest value of that condition, with its 90 % interval.
    pub largest: Option<(f64, [f64; 2])>,
    /// Values of that condition, up to 16, that keep it; only where it is broken and nothing is the largest.
    pub allowed: Vec<f64>,
    /// Parts that share a whole: name, unit, value.
    pub parts: Vec<(String, String, f64)>,
    /// That whole.
    pub whole: Option<(String, String, f64)>,
}

/// A measured run near a changed one.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbor {
    /// Its id.
    pub id: String,
    /// The metric asked about, measured, SI.
    pub value: Option<f64>,
    /// What it has otherwise: condition, the run's value or none.
    pub otherwise: Vec<(String, Option<Value>)>,
}

impl Answer {
    /// One metric.
    pub fn metric(&self, name: &str) -> Option<&MetricAnswer> {
        self.metrics.iter().find(|own| own.metric == name)
    }

    /// `precision=fp8,batch_size=64`.
    pub fn name(&self) -> String {
        super::Change { set: self.set.clone() }.name()
    }
}
