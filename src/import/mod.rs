//! Import: foreign results become sweeps, with their units crossed once and their provenance kept.
//!
//! [`mlenergy::import`] reads the tree of the public ML.ENERGY leaderboard. [`mapped`] reads any CSV or JSON
//! Lines file by a map, a TOML file that says which source column is which condition, latent or metric, and in
//! which unit. [`detect()`] says which of them a path needs.

pub mod mapped;
pub mod mlenergy;

mod detect;
mod error;
mod inspect;
mod json;

pub use detect::{Detected, detect, import};
pub use error::{Fault, FaultKind, ImportError, MapFault, Place};
pub use inspect::{Inspection, SweepInspection};
