//! What does a fitted model say about a run: its latents, its noise, its state, and what it would measure?
//!
//! [`predict`] answers for runs that were never measured, with intervals, and conditions on measured ones that are given;
//! [`propose`] does so for configurations that nobody has run, of which it is not known whether they fit.
//! [`abduct`] is the first of the three steps of a counterfactual (abduction, action, prediction; Pearl, Causality, 2009,
//! section 7.1): it finds the noise and the states under which the equations give exactly what was measured.

mod abduct;
mod answer;
mod dense;
mod proof;

pub(crate) use abduct::unshared;
pub use abduct::{Abducted, MetricError, abduct, abduct_pair};
pub use answer::{Answer, MetricAnswer, predict, propose};
pub(crate) use proof::{Proof, input_of};
