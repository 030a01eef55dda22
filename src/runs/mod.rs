//! Runs: one measured steady state each, and the sweeps and stores that hold them.

mod names;
mod run;

pub use names::{Kind, Name, Role, condition_name, conditions, known, metrics, observed_latents};
pub use run::{Run, Value};
