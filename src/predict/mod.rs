//! What does a fitted model say about a run: its latents, its noise, its state, and what it would measure?
//!
//! [`predict`] answers for runs that were never measured, with intervals, and conditions on measured ones that are given.
//! [`abduct`] is the first of the three steps of a counterfactual (abduction, action, prediction; Pearl, Causality, 2009,
//! section 7.1): it finds the noise and the states under which the equations give exactly what was measured.

mod abduct;
mod answer;

pub(crate) use abduct::unshared;
pub use abduct::{Abducted, MetricError, abduct, abduct_pair};
pub use answer::{Answer, MetricAnswer, predict};
