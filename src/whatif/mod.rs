//! Counterfactuals: what would this run have been with another setting?
//!
//! Abduction gives the run's noise and state, action sets conditions, prediction evaluates the equations again (Pearl,
//! Causality, 2009, section 7.1). What the model leaves unexplained of the run is carried over as far as runs like it share
//! it: the run conditions parameters and residual process, and the changed run is expected from there ([`what_if`]).
//! [`intervene`] is the bare step that keeps all of a run's noise.

mod ask;
mod budget;
mod caveats;
mod change;
mod frontier;
mod intervene;
mod limits;
mod mechanisms;
mod nearest;
mod reference;
mod result;

pub use ask::{WhatIfError, what_if};
pub use budget::{Budget, BudgetError};
pub use change::Change;
pub(crate) use change::typed;
pub use intervene::{Outcome, intervene};
pub(crate) use reference::Reference;
pub use result::{Answer, Limit, MechanismFactor, MetricAnswer, Neighbor, WhatIf};
