//! Import: foreign results become sweeps, with their units crossed once and their provenance kept.
//!
//! [`detect()`] tells what lies at a path from what it holds; [`import`] reads it; [`complete`] says which conditions it
//! lacks, and [`Given`] are those that somebody says of all its runs.
//!
//! Each format has one module with an [`About`]: its source, scope, units and known defects. Its fields stand in tables there.
//! [`mapped`] reads any CSV or JSON Lines file by a map, a TOML file that says which source column is which condition,
//! latent or metric, and in which unit. Shared parts: `read` (streams of JSON), `record` (fields by tables), `scale` (units),
//! `collect` (files of one format become a sweep), `judge` (what came of them).

pub mod mapped;
pub mod mlenergy;

mod about;
mod aiperf;
mod codecarbon;
mod collect;
mod detect;
mod error;
mod given;
mod gpu;
mod guidellm;
mod inferencex;
mod inspect;
mod json;
mod judge;
mod llmd;
mod open;
mod power;
mod read;
mod record;
mod scale;
mod trtllm;
mod vllm;
mod zeus;

pub use about::About;
pub use detect::{Detected, detect};
pub use error::{Fault, FaultKind, ImportError, MapFault, Place};
pub use given::{Given, complete};
pub use inspect::{Doubt, Inspection, SweepInspection};
pub use open::{Options, import, zone};
pub use power::Window;
