//! Runs: one measured steady state each, and the sweeps and stores that hold them.
//!
//! A [`Store`] is a folder of sweeps, a [`Sweep`] is `NAME.csv` with its provenance `NAME.toml`. Units stand in
//! the names of columns (`power_w`), a missing value is an empty cell, and what cannot be is refused with every
//! fault of the file at once. [`Store::find`] resolves a reference to one run, [`Store::filtered`] filters to many.

mod check;
mod column;
mod error;
mod grid;
mod json;
mod line;
mod names;
mod read;
mod reference;
mod run;
mod selector;
mod store;
mod sweep;
mod table;
mod write;

pub use check::{ValueFault, check_number, check_value, parse_value};
pub use column::{Column, DeclarationFault, declared};
pub use error::{Fault, RunsError};
pub use grid::{Axis, GridError, axes, expand, parse_configurations, set};
pub use json::{check_run, condition_json, read as read_json, run_json, runs_json};
pub use line::Lines;
pub use names::{
    Kind, Name, Role, canonical_value, condition_name, conditions, known, metrics, more_is_worse, observed_latents,
    split_precision,
};
pub use reference::{NearMiss, ReferenceError, read_run};
pub use run::{Run, Value};
pub use selector::{Selector, SelectorError, quantity};
pub use store::Store;
pub use sweep::{Sweep, number_duplicates, read_text};
pub use table::{Table, compare, csv, shown_value, table};
pub use write::write_whole;
