//! Any CSV or JSON Lines file, by a map: which source column is which condition, latent or metric, in which unit.
//!
//! A map is a TOML file (its form: `data/README.md`). It is checked whole before a row is read; then every row is
//! checked. Faults of the map point into the map, faults of rows into the rows.

mod apply;
mod map;
mod reader;
mod rows;
mod rule;
mod take;

use std::path::Path;

pub use map::Map;
pub(super) use rows::{Row, of_csv};

use super::error::ImportError;
use crate::runs::{Sweep, read_text};

/// Imports a CSV file with a header line.
pub fn import_csv(path: &Path, map: &Map) -> Result<Sweep, ImportError> {
    let text = read_text(path)?;
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    apply::sweep(path, map, rows::of_csv(&file, &text))
}

/// Imports a file with one JSON object on each line.
pub fn import_jsonl(path: &Path, map: &Map) -> Result<Sweep, ImportError> {
    let text = read_text(path)?;
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    apply::sweep(path, map, rows::of_json_lines(&file, &text))
}
