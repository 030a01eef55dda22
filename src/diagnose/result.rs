//! The answer as values; its JSON is a stable contract.

use serde::Serialize;

use crate::notes::Caveat;
use crate::runs::more_is_worse;

/// Whether there is something to explain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The difference exceeds run-to-run noise.
    Different,
    /// It does not.
    WithinNoise,
    /// The runs count different things.
    NotComparable,
}

/// A run and its value of the metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunValue {
    /// The run's id.
    pub id: String,
    /// Measured, SI.
    pub value: f64,
}

/// What one mechanism carried of a cause's factor; the factors of a cause multiply to its own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MechanismFactor {
    /// The mechanism; `direct` for what passed none.
    pub mechanism: String,
    /// Factor on the metric.
    pub factor: f64,
}

/// Why a smaller batch was not a choice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ForcedBy {
    /// The constraint that forced it.
    pub constraint: String,
    /// Share of the batch's effect that is charged to the causes of the ceiling's change.
    pub share: f64,
    /// Largest batch that fits in A, and its 90 % interval.
    pub ceiling_a: f64,
    /// 90 % interval.
    pub ceiling_a_interval: [f64; 2],
    /// Largest batch that fits in B.
    pub ceiling_b: f64,
    /// 90 % interval.
    pub ceiling_b_interval: [f64; 2],
    /// Causes that the effect was charged to.
    pub causes: Vec<String>,
}

/// A cause with its factor on the metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CauseFactor {
    /// The cause.
    pub cause: String,
    /// Its value in A, in words.
    pub from: String,
    /// Its value in B, in words.
    pub to: String,
    /// Factor on the metric.
    pub factor: f64,
    /// 90 % interval.
    pub interval: [f64; 2],
    /// How it acts, largest first.
    pub mechanisms: Vec<MechanismFactor>,
    /// For a batch: what forced it.
    pub forced_by: Option<ForcedBy>,
}

/// A part that no condition explains.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnexplainedFactor {
    /// The unexplained term.
    pub cause: String,
    /// Factor on the metric.
    pub factor: f64,
    /// 90 % interval.
    pub interval: [f64; 2],
    /// What it stands for.
    pub meaning: String,
}

/// A latent that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LatentValue {
    /// The latent.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Value in A.
    pub a: f64,
    /// Value in B.
    pub b: f64,
    /// What it is.
    pub meaning: String,
    /// Its mechanism, if it has one.
    pub mechanism: Option<String>,
}

/// A term of the metric's own identity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IdentityTerm {
    /// The node.
    pub term: String,
    /// Its unit.
    pub unit: String,
    /// Value in A.
    pub a: f64,
    /// Value in B.
    pub b: f64,
    /// Its factor on the metric; the factors multiply to the ratio.
    pub factor: f64,
}

/// Measured rows that bear on the answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Evidence {
    /// A measured run between A and B: some causes as in A, the others as in B.
    Step {
        /// The run.
        run: String,
        /// Causes that are as in B.
        changed: Vec<String>,
        /// Measured ratio from A to it.
        ratio_from_a: f64,
        /// Measured ratio from it to B.
        ratio_to_b: f64,
    },
    /// Other pairs of the store that differ only in one cause.
    Pairs {
        /// The cause.
        cause: String,
        /// How many pairs differ only in it, in the same direction.
        pairs: usize,
        /// How many of them moved the metric the way that the answer says.
        agree: usize,
        /// Median measured ratio of these pairs.
        median_ratio: f64,
    },
}

/// A change that would recover the loss.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recommendation {
    /// The run to change.
    pub run: String,
    /// Conditions to set, in words of the command line.
    pub set: Vec<String>,
    /// Predicted factor on the metric.
    pub factor: f64,
    /// 90 % interval.
    pub interval: [f64; 2],
    /// The run that measured it, if the store has one; else it is predicted.
    pub measured: Option<String>,
    /// Predicted factor on the median time between tokens, where the model has it.
    pub latency_factor: Option<f64>,
    /// The sentence for a person.
    pub text: String,
}

/// The one measurement that would shrink the answer most.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NextMeasurement {
    /// The sentence for a person.
    pub text: String,
    /// Conditions of A to set for it, in words of the command line; empty where it is no new configuration.
    pub set: Vec<String>,
}

/// Why two runs differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnosis {
    /// Whether there is something to explain.
    pub verdict: Verdict,
    /// The metric.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// The first run.
    pub run_a: RunValue,
    /// The second run.
    pub run_b: RunValue,
    /// B over A.
    pub ratio: f64,
    /// Run-to-run spread of the log of the metric, and where it comes from.
    pub spread: crate::diagnose::noise::Spread,
    /// Causes, largest first.
    pub causes: Vec<CauseFactor>,
    /// What no cause explains, largest first.
    pub unexplained: Vec<UnexplainedFactor>,
    /// Latents that differ, largest change first.
    pub latents: Vec<LatentValue>,
    /// The metric's identity.
    pub identities: Vec<IdentityTerm>,
    /// Measured rows that bear on it.
    pub evidence: Vec<Evidence>,
    /// The sign that may explain the largest unexplained term, if one was measured.
    pub clue: Option<String>,
    /// What to measure next.
    pub next_measurement: Option<NextMeasurement>,
    /// What to do.
    pub recommendations: Vec<Recommendation>,
    /// What to know.
    pub caveats: Vec<Caveat>,
}

impl Diagnosis {
    /// Product of the factors of all causes.
    pub fn explained(&self) -> f64 {
        self.causes.iter().map(|cause| cause.factor.ln()).sum::<f64>().exp()
    }

    /// Product of the unexplained factors.
    pub fn unexplained(&self) -> f64 {
        self.unexplained.iter().map(|term| term.factor.ln()).sum::<f64>().exp()
    }

    /// Sizes of the explained and the unexplained part: sums of absolute logarithms.
    pub fn sizes(&self) -> (f64, f64) {
        let size = |factors: &mut dyn Iterator<Item = f64>| factors.map(|factor| factor.ln().abs()).sum();
        (
            size(&mut self.causes.iter().map(|cause| cause.factor)),
            size(&mut self.unexplained.iter().map(|term| term.factor)),
        )
    }

    /// Whether more of the metric is worse.
    pub fn more_is_worse(&self) -> bool {
        more_is_worse(&self.metric)
    }

    /// Whether the unexplained part is larger than the explained one.
    pub fn mostly_unexplained(&self) -> bool {
        let (explained, unexplained) = self.sizes();
        self.verdict == Verdict::Different && unexplained > explained
    }
}
