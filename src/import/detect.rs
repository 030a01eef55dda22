//! Which importer a path needs.

use std::path::Path;

use super::error::ImportError;
use super::mapped::{Map, import_csv, import_jsonl};
use super::mlenergy;
use crate::runs::{Store, Sweep};

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detected {
    /// The tree of the public leaderboard.
    MlEnergy,
    /// A folder of sweeps, or one sweep.
    Store,
    /// A CSV file that needs a map.
    Csv,
    /// A JSON Lines file that needs a map.
    JsonLines,
}

/// Tells what lies at `path`. A CSV file that reads as a sweep is one.
pub fn detect(path: &Path) -> Result<Detected, ImportError> {
    let unknown = || ImportError::UnknownFormat { path: path.to_owned() };
    let failed = |source| crate::runs::RunsError::Read { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(failed)?.is_dir() {
        if mlenergy::looks_like_one(path) {
            return Ok(Detected::MlEnergy);
        }
        let mut names = std::fs::read_dir(path).map_err(failed)?.flatten().map(|entry| entry.path()).peekable();
        if names.peek().is_none() {
            return Err(ImportError::EmptyFolder { path: path.to_owned() });
        }
        let has_sweep = names.any(|file| file.extension().is_some_and(|extension| extension == "csv"));
        return if has_sweep { Ok(Detected::Store) } else { Err(unknown()) };
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv") if Sweep::read(path).is_ok() => Ok(Detected::Store),
        Some("csv") => Ok(Detected::Csv),
        Some("jsonl" | "ndjson") => Ok(Detected::JsonLines),
        _ => Err(unknown()),
    }
}

/// Imports what lies at `path` as the format that it is said to have; foreign CSV and JSON Lines need a map.
pub fn import(format: Detected, path: &Path, map: Option<&Map>) -> Result<Vec<Sweep>, ImportError> {
    match (format, map) {
        (Detected::MlEnergy, _) => mlenergy::import(path),
        // A map says that a CSV file is foreign, even where it reads as a sweep.
        (Detected::Csv | Detected::Store, Some(map)) => import_csv(path, map).map(|sweep| vec![sweep]),
        (Detected::JsonLines, Some(map)) => import_jsonl(path, map).map(|sweep| vec![sweep]),
        (Detected::Store, None) => Ok(Store::read(path)?.sweeps),
        (Detected::Csv | Detected::JsonLines, None) => Err(ImportError::NeedsMap { path: path.to_owned() }),
    }
}
