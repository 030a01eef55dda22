//! Counterfactuals: what would this run have been with another setting?
//!
//! Abduction gives the run's noise and state, action sets conditions, prediction evaluates the equations again (Pearl,
//! Causality, 2009, section 7.1). What the model leaves unexplained of the run is carried over.

mod intervene;
mod reference;

pub use intervene::{Outcome, intervene};
pub(crate) use reference::Reference;
