//! Steady states: which part of a measurement counts, whether it may, and how well it is known.
//!
//! Functions of series alone: tokens, energy counters, running and waiting requests. [`judge`] finds the window, holds it
//! against the rules of [`Rules`] and gives a [`Judgment`]: verdict, reasons, energy per token with its interval. Called
//! every second it also says when to stop. [`benchmark_window`] is the rule of the ML.ENERGY benchmark, for comparison.

mod batches;
mod benchmark;
mod blocks;
mod judge;
mod judgment;
mod trend;

#[cfg(test)]
mod invented;

pub use batches::{Rate, energy_per_token};
pub use benchmark::{benchmark_energy_per_token, benchmark_window};
pub use judge::{Faults, Rules, Seen, Supply, judge};
pub use judgment::{Judgment, Reason, Verdict};
pub use trend::{Trend, trend};
