//! Is this model to be trusted? For which questions, and for which not?
//!
//! Everything rests on runs that were held out: for each kind of question (what differs from all that was measured) the runs
//! that make it such a question are predicted without them. [`check`] holds those predictions against the measurements and
//! against guesses that know no mechanism, asks whether intervals are as true as they say, looks for what the residuals still
//! have to do with conditions and latents, for repeats that the model cannot follow, for parameters that the data drive away
//! from what is known of them, and gives a [`Verdict`] for each kind of question and metric.
//!
//! Thresholds are set beforehand ([`limits`]), relative to the naive guess and to noise, and not to any data set. The tests
//! follow Gelman et al., Bayesian Data Analysis, 2013, chapter 6 (posterior predictive checks), and Eulig et al., Toward
//! falsifying causal graphs using a permutation-based test, 2023.

mod association;
mod conflicts;
mod coverage;
mod judge;
pub mod limits;
mod pairs;
mod questions;
mod reference;
mod repeats;
mod rests;
mod result;
mod shuffled;
mod trends;
mod verdict;

pub use judge::{Options, check};
pub use pairs::WhatIfScore;
pub use result::{
    Check, Conflict, Coverage, Errors, Question, Repeats, RestsOn, SpreadOf, Test, Trend, Undecided, Verdict,
};
