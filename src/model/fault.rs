//! What can be wrong with a model file, each with its place.

use std::ops::Range;

use miette::{Diagnostic, SourceSpan};
use thiserror::Error;

use crate::unit::Dimension;

/// One fault, pointing at its place.
#[derive(Clone, Debug, PartialEq, Error, Diagnostic)]
pub enum Fault {
    /// The file is no TOML.
    #[error("this is not TOML: {reason}")]
    #[diagnostic(help("a model file is TOML: `key = value` lines below `[table.name]` headers, texts in quotes"))]
    Syntax {
        /// The parser's own words.
        reason: String,
        /// Where.
        #[label("here")]
        at: SourceSpan,
    },
    /// A table or key that the language does not have.
    #[error("`{name}` is not a key of {place}")]
    UnknownKey {
        /// The key as written.
        name: String,
        /// The kind of table it stands in.
        place: String,
        /// Where.
        #[label("not a key")]
        at: SourceSpan,
        /// The nearest key, or all of them.
        #[help]
        help: String,
    },
    /// A key without which the table says nothing.
    #[error("{place} needs `{name}`")]
    MissingKey {
        /// The key.
        name: String,
        /// The table.
        place: String,
        /// Where.
        #[label("has no `{name}`")]
        at: SourceSpan,
        /// What to write.
        #[help]
        help: String,
    },
    /// A value of another type than the language expects.
    #[error("`{key}` must be {expected}, but is {found}")]
    WrongType {
        /// The key.
        key: String,
        /// In words.
        expected: String,
        /// In words.
        found: String,
        /// Where.
        #[label("{found}")]
        at: SourceSpan,
    },
    /// A text that is no unit.
    #[error("{reason}")]
    Unit {
        /// The unit's own error.
        reason: crate::unit::UnitError,
        /// Where.
        #[label("not a unit")]
        at: SourceSpan,
        /// What units there are.
        #[help]
        help: String,
    },
    /// An expression that does not parse.
    #[error("expected {expected}, found {found}")]
    #[diagnostic(help("an equation is made of names, numbers with units, `+ - * / ^`, comparisons and functions"))]
    Expression {
        /// In words.
        expected: String,
        /// The token.
        found: String,
        /// Where.
        #[label("expected {expected}")]
        at: SourceSpan,
    },
    /// A name that nothing defines.
    #[error("`{name}` is not defined")]
    UnknownName {
        /// The name.
        name: String,
        /// Where.
        #[label("not defined")]
        at: SourceSpan,
        /// The nearest name.
        #[help]
        help: Option<String>,
    },
    /// A table or attribute that the catalog lacks.
    #[error("{place} `{name}`")]
    UnknownEntry {
        /// The table or attribute.
        name: String,
        /// What lacks it, in words.
        place: String,
        /// Where.
        #[label("not in the catalog")]
        at: SourceSpan,
        /// The nearest one.
        #[help]
        help: String,
    },
    /// A name that exists, but is no such thing as belongs here.
    #[error("`{name}` is {what}, but {place} takes {expected}")]
    Misplaced {
        /// The name.
        name: String,
        /// What it is, in words.
        what: &'static str,
        /// The key or equation, in words.
        place: String,
        /// What belongs here, in words.
        expected: &'static str,
        /// Where.
        #[label("{what}")]
        at: SourceSpan,
        /// What to do.
        #[help]
        help: String,
    },
    /// Two definitions of one name.
    #[error("`{name}` is defined twice")]
    #[diagnostic(help("nodes, parameters and regimes share one list of names: rename one of them"))]
    Duplicate {
        /// The name.
        name: String,
        /// The second place.
        #[label("second definition")]
        at: SourceSpan,
        /// The first place.
        #[label("first definition")]
        first: SourceSpan,
    },
    /// Nodes that define each other.
    #[error("the equations form a cycle: {}", path.join(" → "))]
    Cycle {
        /// The nodes, first and last the same.
        path: Vec<String>,
        /// The equation that closes it.
        #[label("closes the cycle")]
        at: SourceSpan,
        /// What to do.
        #[help]
        help: String,
    },
    /// A node whose equation measures something else.
    #[error("`{node}` must be in {expected}, but {what} is in {found}")]
    NodeUnit {
        /// The node.
        node: String,
        /// What gives the value: the equation or the catalog.
        what: &'static str,
        /// Dimension of its unit.
        expected: Dimension,
        /// Dimension of its equation.
        found: Dimension,
        /// Where.
        #[label("{found}")]
        at: SourceSpan,
        /// The missing factor.
        #[help]
        help: String,
    },
    /// Two sides that cannot be added or compared.
    #[error("`{operation}` needs the same on both sides, but has {left} and {right}")]
    #[diagnostic(help("give both sides the same unit; a bare number has none, so write `0 s` or `40 us`"))]
    SidesDiffer {
        /// The operator or function.
        operation: String,
        /// Dimension of the first side.
        left: String,
        /// Dimension of the second side.
        right: String,
        /// Where the first stands.
        #[label("{left}")]
        left_at: SourceSpan,
        /// Where the second stands.
        #[label("{right}")]
        right_at: SourceSpan,
    },
    /// An argument that must be a pure number.
    #[error("{what} must be a pure number, but is in {found}")]
    #[diagnostic(help("divide by something in {found}, so that the unit cancels"))]
    NotPure {
        /// In words.
        what: String,
        /// Its dimension.
        found: String,
        /// Where.
        #[label("{found}")]
        at: SourceSpan,
    },
    /// A condition where a number is due, a text where a condition is due.
    #[error("{what} must be {expected}, but is {found}")]
    WrongKind {
        /// In words.
        what: String,
        /// In words.
        expected: String,
        /// In words.
        found: String,
        /// Where.
        #[label("{found}")]
        at: SourceSpan,
    },
    /// A function with too few or too many arguments.
    #[error("`{function}` takes {expected}, but has {found}")]
    Arguments {
        /// The function.
        function: String,
        /// In words.
        expected: String,
        /// How many there are.
        found: usize,
        /// Where.
        #[label("{found} given")]
        at: SourceSpan,
        /// How it is called.
        #[help]
        help: String,
    },
    /// A latent that no metric depends on.
    #[error("`{name}` is used by nothing")]
    Unused {
        /// The node or parameter.
        name: String,
        /// Where.
        #[label("no metric depends on it")]
        at: SourceSpan,
        /// What to do.
        #[help]
        help: String,
    },
    /// A parameter without a prior.
    #[error("parameter `{name}` has no prior")]
    MissingPrior {
        /// The parameter.
        name: String,
        /// Where.
        #[label("no `prior`")]
        at: SourceSpan,
        /// What to write.
        #[help]
        help: String,
    },
    /// A prior, pool or level that cannot be.
    #[error("{reason}")]
    Prior {
        /// In words.
        reason: String,
        /// Where.
        #[label("here")]
        at: SourceSpan,
        /// What to write.
        #[help]
        help: String,
    },
    /// A condition, noise or latent that belongs to two groups, or to none.
    #[error("{reason}")]
    Grouping {
        /// In words.
        reason: String,
        /// Where.
        #[label("here")]
        at: SourceSpan,
        /// What to do.
        #[help]
        help: String,
    },
}

/// A byte range as miette wants it.
pub(crate) fn span(range: &Range<usize>) -> SourceSpan {
    SourceSpan::new(range.start.into(), range.end.saturating_sub(range.start))
}
