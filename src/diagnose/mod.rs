//! Why does run B differ from run A?
//!
//! The answer is layered. First the exact identity of the metric (energy per token = power × step time ÷ batch). Then the
//! causes: the conditions in which the runs differ, and what no condition explains, as an exact product of factors by the
//! Shapley value of a game whose players are the causes (see `game`). Each factor is divided by the mechanisms that
//! carried it, and a batch that memory forced is charged to what filled the memory (see `forced`).

mod caveats;
mod changes;
mod error;
mod evidence;
mod explain;
mod factors;
mod forced;
mod game;
mod limits;
mod measured;
mod next;
mod noise;
mod part;
mod players;
mod recommend;
mod result;
mod sets;
mod signs;
mod values;

pub use error::DiagnoseError;
pub use explain::{diagnose, diagnose_sets};
pub use result::{
    CauseFactor, Diagnosis, Evidence, ForcedBy, IdentityTerm, LatentValue, MechanismFactor, NextMeasurement,
    Recommendation, RunValue, UnexplainedFactor, Verdict,
};
