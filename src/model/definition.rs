//! A model file as written: tables, texts and expressions, not yet checked against each other.

use std::ops::Range;

use super::expression::Expression;
use super::fault::Fault;
use super::prior::Prior;
use super::reader::Text;
use crate::unit::Unit;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A knob, or a property of the load, given by the run.
    Condition,
    /// Looked up in a catalog.
    Property,
    /// Computed by an equation, measured only sometimes.
    Latent,
    /// An observed outcome.
    Metric,
    /// Exact: no noise, no parameters.
    Identity,
}

impl Role {
    /// Whether it can be asked for: a metric, or what follows exactly from metrics.
    pub fn is_outcome(self) -> bool {
        matches!(self, Self::Metric | Self::Identity)
    }

    /// The table's name in the file.
    pub fn table(self) -> &'static str {
        match self {
            Self::Condition => "condition",
            Self::Property => "property",
            Self::Latent => "latent",
            Self::Metric => "metric",
            Self::Identity => "identity",
        }
    }

    /// In a sentence.
    pub(super) fn article(self) -> &'static str {
        match self {
            Self::Condition => "a condition",
            Self::Property => "a property",
            Self::Latent => "a latent",
            Self::Metric => "a metric",
            Self::Identity => "an identity",
        }
    }
}

/// What values a node takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// A number in the node's unit.
    Number,
    /// A category.
    Name,
    /// On or off.
    Flag,
}

/// `architecture[model].layers`: a table of the catalog, the conditions that select the entry, the attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogReference {
    /// Table of the catalog.
    pub table: String,
    /// Conditions or properties whose values select the entry.
    pub keys: Vec<String>,
    /// Attribute of the entry.
    pub attribute: String,
    /// Place of the look-up.
    pub at: Range<usize>,
}

/// One node as written.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeDefinition {
    /// Name, unique in the file.
    pub name: String,
    /// Place of the name.
    pub at: Range<usize>,
    /// What it is.
    pub role: Role,
    /// What values it takes.
    pub kind: ValueKind,
    /// A sentence for readers.
    pub meaning: String,
    /// Unit of its values.
    pub unit: Unit,
    /// How it follows from other nodes.
    pub equation: Option<(Text, Expression)>,
    /// Parents of a generic equation.
    pub parents: Vec<(Text, Expression)>,
    /// What stands in where a run or catalog has no value.
    pub missing: Option<(Text, Expression)>,
    /// Catalog look-up of a property.
    pub from: Option<CatalogReference>,
    /// Name under which runs may have measured it.
    pub observed: Option<String>,
    /// Standard deviation of the logarithm of what the equation does not say about one run.
    pub noise: Option<(Text, Expression)>,
    /// What a measured run proves the node to have been at least.
    pub at_least: Option<(Text, Expression)>,
    /// Computed for readers of answers, though nothing depends on it.
    pub show: bool,
    /// Tasks whose runs have it; none for all.
    pub tasks: Vec<Text>,
    /// Where the equation comes from.
    pub source: String,
    /// Where it stops being true.
    pub valid: String,
    /// What has to come with a change of the condition.
    pub needs: String,
}

/// One parameter as written.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterDefinition {
    /// Name, unique in the file.
    pub name: String,
    /// Place of the name.
    pub at: Range<usize>,
    /// A sentence for readers.
    pub meaning: String,
    /// Unit of its values.
    pub unit: Unit,
    /// Conditions or properties; one value per combination.
    pub per: Vec<Text>,
    /// The outer groups of nested pooling; a part of `per`.
    pub within: Vec<Text>,
    /// Where the parameter acts; elsewhere it is 0.
    pub only: Option<(Text, Expression)>,
    /// Prior of the pooled value.
    pub prior: Prior,
    /// Spread of levels around the pooled value.
    pub pool: f64,
    /// Spread of the outer groups of nested pooling.
    pub pool_within: f64,
    /// Levels with a prior of their own.
    pub levels: Vec<(Text, Prior)>,
    /// Where the prior comes from.
    pub source: String,
}

/// A state that differs run by run.
#[derive(Clone, Debug, PartialEq)]
pub struct RegimeDefinition {
    /// Name, compared with a state in equations: `host == "stalled"`.
    pub name: String,
    /// Place of the name.
    pub at: Range<usize>,
    /// A sentence for readers.
    pub meaning: String,
    /// Two states; the first is the ordinary one.
    pub states: Vec<String>,
    /// Probability of the second state.
    pub probability: (Text, Expression),
    /// The latent whose equation may use it.
    pub affects: Text,
}

/// A limit that a configuration must keep.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstraintDefinition {
    /// Name.
    pub name: String,
    /// Place of the name.
    pub at: Range<usize>,
    /// What must hold.
    pub require: (Text, Expression),
    /// The condition to lower where it does not.
    pub limits: Text,
    /// The latent that is the largest value of `limits` that can run.
    pub ceiling: Option<Text>,
    /// The condition that may supply less than `limits` allows.
    pub supply: Option<Text>,
    /// A sentence for readers.
    pub meaning: String,
    /// Latents that share the whole.
    pub parts: Vec<Text>,
    /// The latent that they share.
    pub whole: Option<Text>,
}

/// Conditions, properties or noises that are one cause in answers.
#[derive(Clone, Debug, PartialEq)]
pub struct CauseDefinition {
    /// Name.
    pub name: String,
    /// Place of the name.
    pub at: Range<usize>,
    /// A sentence for readers.
    pub meaning: String,
    /// Conditions and properties.
    pub from: Vec<Text>,
    /// Noisy nodes: then the cause is an unexplained term.
    pub noise: Vec<Text>,
    /// The node whose value stands for the cause in answers, where it is not a condition of `from`.
    pub show: Option<Text>,
}

/// Latents that are one mechanism in answers.
#[derive(Clone, Debug, PartialEq)]
pub struct MechanismDefinition {
    /// Name.
    pub name: String,
    /// Place of the name.
    pub at: Range<usize>,
    /// A sentence for readers.
    pub meaning: String,
    /// Latents.
    pub latents: Vec<Text>,
}

/// One component of the residual process: runs at equal levels share a smooth function of some features.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelDefinition {
    /// Place of the table.
    pub at: Range<usize>,
    /// What of the process's `on` it acts on; none for all nodes.
    pub on: Vec<Text>,
    /// Expressions on which two runs must agree to share it.
    pub levels: Vec<(Text, Expression)>,
    /// Features with the distance over which the function changes.
    pub rbf: Vec<(Text, f64)>,
    /// Features in which it is linear.
    pub linear: Vec<Text>,
    /// Standard deviation of the log, expected a priori.
    pub amplitude: f64,
}

/// What the equations miss, as written.
#[derive(Clone, Debug, PartialEq)]
pub struct ResidualDefinition {
    /// Place of the table.
    pub at: Range<usize>,
    /// Noisy nodes and regimes that it is about.
    pub on: Vec<Text>,
    /// Pure numbers that kernels name.
    pub features: Vec<(Text, (Text, Expression))>,
    /// The components, whose sum it is.
    pub kernels: Vec<KernelDefinition>,
    /// Expressions whose values have a spread of their own.
    pub noise: Vec<(Text, Expression)>,
}

/// A kind of question: what a query changes against everything measured.
#[derive(Clone, Debug, PartialEq)]
pub struct ShiftDefinition {
    /// Name, such as `unseen-batch`.
    pub kind: Text,
    /// Expressions that differ from every measured run.
    pub by: Vec<(Text, Expression)>,
}

/// A model file as written.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The file's name as given.
    pub file: String,
    /// The whole text, for messages.
    pub text: String,
    /// Name of the model.
    pub name: String,
    /// Tasks whose runs go to this model.
    pub tasks: Vec<String>,
    /// Metric of answers where none is asked for.
    pub default_metric: Text,
    /// The latency that users wait for.
    pub latency: Option<Text>,
    /// Conditions without which nothing can be computed.
    pub requires: Vec<Text>,
    /// Nodes in the order of the file.
    pub nodes: Vec<NodeDefinition>,
    /// Parameters in the order of the file.
    pub parameters: Vec<ParameterDefinition>,
    /// Regimes.
    pub regimes: Vec<RegimeDefinition>,
    /// Constraints.
    pub constraints: Vec<ConstraintDefinition>,
    /// Causes in the order of the file.
    pub causes: Vec<CauseDefinition>,
    /// Mechanisms in the order of the file.
    pub mechanisms: Vec<MechanismDefinition>,
    /// What the equations miss.
    pub residual: Option<ResidualDefinition>,
    /// Kinds of questions, the mildest first.
    pub shifts: Vec<ShiftDefinition>,
    /// Names whose unit is at fault.
    pub(super) unsure: Vec<String>,
    /// Faults of single tables; checks of the whole are added when a model is made of it.
    pub(super) faults: Vec<Fault>,
}
