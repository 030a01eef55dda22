//! A causal graph for a reader: a tree for the terminal, its equations, its paths, and drawings of it.
//!
//! [`View`] is a model with a choice of its nodes. [`tree()`], [`equations()`] and [`paths`] are documents; [`dot`],
//! [`mermaid`] and [`svg()`] are drawings in the languages of others; [`json`] is for programs.

mod drawing;
mod equations;
mod svg;
mod tree;
mod view;

pub use drawing::{dot, json, mermaid};
pub use equations::{equations, paths};
pub use svg::svg;
pub use tree::tree;
pub use view::View;
pub(super) use view::in_unit;
