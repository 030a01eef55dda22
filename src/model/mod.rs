//! Models: files of equations with units, checked and compiled.
//!
//! A [`Definition`] is the file as written. [`Model::new`] checks it — names, cycles, units, priors, groups, all faults
//! at once — reads the causal graph off the equations, and compiles them to a tape that evaluates columns of runs
//! and gives exact derivatives. The engine knows nothing of GPUs; what it explains is in the file.

mod build;
mod check;
mod compile;
mod compile_expression;
mod definition;
mod derive;
mod digest;
mod error;
mod expression;
mod fault;
mod frame;
mod generic;
mod graph;
mod groups;
#[cfg(test)]
mod laws;
mod lookups;
mod op;
mod parameter;
mod parse;
mod parse_node;
mod parse_parameter;
mod parse_residual;
mod prior;
mod reader;
mod shipped;
mod tape;
mod usage;

pub use definition::{
    CatalogReference, CauseDefinition, ConstraintDefinition, Definition, KernelDefinition, MechanismDefinition,
    NodeDefinition, ParameterDefinition, RegimeDefinition, ResidualDefinition, Role, ShiftDefinition, ValueKind,
};
pub use derive::canonical;
pub use error::ModelError;
pub use expression::{Expression, ExpressionKind, Function, Operator};
pub use fault::Fault;
pub use frame::{Frame, FrameError, FrameFault};
pub use graph::Graph;
pub(crate) use parameter::Slopes;
pub use parameter::{ParameterSpace, Term};
pub use prior::Prior;
pub use reader::Text;
pub use shipped::{Shipped, shipped};

pub(crate) use digest::{digest, text_code};
pub(crate) use frame::Input;
pub(crate) use op::{Op, Slot};
pub(crate) use tape::{Columns, Tape};

use std::collections::HashMap;

use crate::runs::Run;
use crate::unit::Unit;

/// A node of the checked model.
#[derive(Clone, Debug)]
pub struct Node {
    /// Name.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// What values it takes.
    pub kind: ValueKind,
    /// Unit of its values.
    pub unit: Unit,
    /// A sentence for readers.
    pub meaning: String,
    /// The equation as written, or the catalog look-up.
    pub equation: String,
    /// Where the equation comes from.
    pub source: String,
    /// Name under which runs may have measured it.
    pub observed: Option<String>,
    /// Tasks whose runs have it; none for all.
    pub tasks: Vec<String>,
    /// What has to come with a change of the condition; may be empty.
    pub needs: String,
    /// Slot of what the equation says.
    pub(crate) predicted: Slot,
    /// Slot of the value: the measured one where there is one, else predicted times noise.
    pub(crate) value: Slot,
}

impl Node {
    /// Whether it has a meaning for a run.
    pub fn is_of(&self, run: &Run) -> bool {
        self.tasks.is_empty() || run.name("task").is_some_and(|task| self.tasks.iter().any(|own| own == task))
    }

    /// Whether values of the node can be averaged and shown with a unit.
    pub fn is_number(&self) -> bool {
        self.kind == ValueKind::Number
    }
}

/// A node whose equation leaves something unsaid about each run.
#[derive(Clone, Debug)]
pub struct NoisyNode {
    /// Index of the node.
    pub node: usize,
    /// Name under which runs have measured it.
    pub observed: String,
    /// Slot of the standard deviation of its log noise.
    pub(crate) sigma: Slot,
    pub(crate) observed_input: usize,
    pub(crate) noise_input: usize,
}

/// A cause of answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// Name.
    pub name: String,
    /// A sentence for readers.
    pub meaning: String,
    /// Conditions it is made of.
    pub conditions: Vec<String>,
    /// Properties that belong to it and not to the cause of their keys.
    pub properties: Vec<String>,
    /// Noisy nodes (indices into [`Model::noisy`]) whose unexplained part it is.
    pub noises: Vec<usize>,
    /// Regimes whose state is part of what is unexplained.
    pub regimes: Vec<usize>,
    /// The node that stands for it in answers.
    pub show: Option<String>,
}

impl Cause {
    /// Whether it is an unexplained term.
    pub fn is_unexplained(&self) -> bool {
        !self.noises.is_empty() || !self.regimes.is_empty()
    }
}

/// A limit that a configuration must keep.
#[derive(Clone, Debug)]
pub struct Constraint {
    /// Name.
    pub name: String,
    /// Slot of its truth.
    pub(crate) holds: Slot,
    /// The condition to lower where it does not hold.
    pub limits: String,
    /// The latent that is the largest feasible value of `limits`.
    pub ceiling: Option<usize>,
    /// The condition that may supply less than `limits` allows.
    pub supply: Option<String>,
    /// A sentence for readers.
    pub meaning: String,
    /// Latents (indices of nodes) that share the whole.
    pub(crate) parts: Vec<usize>,
    /// The latent that they share.
    pub(crate) whole: Option<usize>,
}

/// A state that differs run by run.
#[derive(Clone, Debug)]
pub struct Regime {
    /// Name.
    pub name: String,
    /// Its two states.
    pub states: [String; 2],
    pub(crate) input: usize,
    pub(crate) probability: Slot,
}

/// A parameter of the checked model.
#[derive(Clone, Debug)]
pub struct ModelParameter {
    /// As written.
    pub definition: ParameterDefinition,
    /// Slot of the truth of `where`, if there is one.
    pub(crate) only: Option<Slot>,
}

/// What one part of the residual process is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The log noise of a noisy node (index into [`Model::noisy`]).
    Noise(usize),
    /// The probability of the second state of a regime, beyond its prior.
    State(usize),
}

/// A component of the residual process: its kernel is 1 for equal levels, times a Gaussian in each feature of `rbf`,
/// times the product of the features of `linear`.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// Whether it acts on each target of the process.
    pub on: Vec<bool>,
    /// The levels as written, for readers.
    pub levels: Vec<String>,
    /// Features by name with their length scales.
    pub rbf: Vec<(String, f64)>,
    /// Features by name.
    pub linear: Vec<String>,
    /// Amplitude expected a priori, sd of the log.
    pub amplitude: f64,
    pub(crate) level_slots: Vec<Slot>,
    pub(crate) rbf_slots: Vec<(Slot, f64)>,
    pub(crate) linear_slots: Vec<Slot>,
}

/// What the equations miss.
#[derive(Clone, Debug, PartialEq)]
pub struct Residual {
    /// What it is about.
    pub targets: Vec<Target>,
    /// Its components.
    pub kernels: Vec<Kernel>,
    /// Slots whose values have a spread of their own.
    pub(crate) noise_slots: Vec<Slot>,
}

/// A kind of question.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    /// Name.
    pub kind: String,
    /// What differs, as written.
    pub by: Vec<String>,
    pub(crate) slots: Vec<Slot>,
}

/// A checked and compiled model.
#[derive(Clone, Debug)]
pub struct Model {
    /// Name of the model.
    pub name: String,
    /// The file it was read from.
    pub file: String,
    /// The whole text of that file.
    pub text: String,
    /// Tasks whose runs go to this model.
    pub tasks: Vec<String>,
    /// Metric of answers where none is asked for.
    pub default_metric: String,
    /// The latency that users wait for, where the model has one.
    pub latency: Option<String>,
    /// Conditions without which nothing can be computed.
    pub requires: Vec<String>,
    /// Nodes, each after its parents.
    pub nodes: Vec<Node>,
    /// Noisy nodes, in the order of the graph.
    pub noisy: Vec<NoisyNode>,
    /// Parameters in the order of the file.
    pub parameters: Vec<ModelParameter>,
    /// Regimes.
    pub regimes: Vec<Regime>,
    /// Constraints.
    pub constraints: Vec<Constraint>,
    /// Causes in the order of the file.
    pub causes: Vec<Cause>,
    /// Mechanisms in the order of the file.
    pub mechanisms: Vec<String>,
    /// What the equations miss.
    pub residual: Option<Residual>,
    /// Kinds of questions, the mildest first.
    pub shifts: Vec<Shift>,
    /// The causal graph.
    pub graph: Graph,
    /// Mechanism of a node, if it has one.
    pub(crate) mechanism_of: Vec<Option<usize>>,
    /// Nodes with a lower bound that a measured run proves: (node, slot of the bound, noise input of the node).
    pub(crate) bounds: Vec<Bound>,
    /// Parameters that the tape reads, with their slots.
    pub(crate) parameter_slots: Vec<(usize, Slot)>,
    /// Catalog look-ups, by node.
    pub(crate) references: Vec<Option<CatalogReference>>,
    /// What stands in for a missing value, as written, by node.
    pub(crate) defaults: Vec<Option<String>>,
    pub(crate) index: HashMap<String, usize>,
    pub(crate) inputs: Vec<Input>,
    pub(crate) tape: Tape,
}

/// A lower bound of a node that a measured run proves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    pub(crate) node: usize,
    pub(crate) at_least: Slot,
    /// Slot of the standard deviation of the log of what the equation leaves unsaid.
    pub(crate) sigma: Slot,
    pub(crate) noise_input: usize,
}

impl Model {
    /// The node of a name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.index.get(name).map(|&index| &self.nodes[index])
    }

    /// Whether runs of this task go to the model.
    pub fn takes(&self, task: &str) -> bool {
        self.tasks.iter().any(|own| own == task)
    }

    /// Whether a run goes to the model: a model without tasks takes every run.
    pub fn takes_run(&self, run: &Run) -> bool {
        self.tasks.is_empty() || run.name("task").is_some_and(|task| self.takes(task))
    }

    /// The metric that answers about a run are about: the model's default, or the first outcome of the run's own task where
    /// the default has no meaning for it.
    pub fn default_metric_of(&self, run: &Run) -> &str {
        let default = self.node(&self.default_metric);
        if default.is_none_or(|node| node.is_of(run)) {
            return &self.default_metric;
        }
        let own = self.metrics().find(|node| !node.tasks.is_empty() && node.is_of(run));
        own.map_or(&self.default_metric, |node| &node.name)
    }

    /// The index of a node.
    pub fn node_index(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// The cause that a condition or explicitly named property belongs to.
    pub fn cause_of(&self, name: &str) -> Option<usize> {
        self.causes.iter().position(|cause| cause.conditions.iter().chain(&cause.properties).any(|own| own == name))
    }

    /// How likely a combination of regime states is a priori, in one lane of evaluated values: bit `i` set is the second
    /// state of regime `i`.
    pub(crate) fn state_prior(&self, values: &[f64], lanes: usize, lane: usize, combination: usize) -> f64 {
        self.regimes
            .iter()
            .enumerate()
            .map(|(bit, regime)| {
                let share = values[regime.probability as usize * lanes + lane].clamp(0.0, 1.0);
                if combination >> bit & 1 == 1 { share } else { 1.0 - share }
            })
            .product()
    }

    /// Mechanism of every slot: that of the node whose value it is.
    pub(crate) fn slot_mechanisms(&self) -> Vec<Option<usize>> {
        let mut labels = vec![None; self.tape.ops.len()];
        for (node, mechanism) in self.nodes.iter().zip(&self.mechanism_of) {
            labels[node.value as usize] = *mechanism;
        }
        labels
    }

    /// Metrics and identities: what can be asked for.
    pub fn metrics(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.role.is_outcome())
    }

    /// A short digest of the text of its file.
    pub fn digest(&self) -> String {
        format!("{:016x}", digest(&self.text))
    }
}
