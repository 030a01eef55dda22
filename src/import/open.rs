//! One door to all importers.

use std::path::Path;

use super::collect::Source;
use super::detect::{Detected, detect, files, is_json, of_file};
use super::error::{Fault, FaultKind, ImportError, Place};
use super::given::Given;
use super::judge::judge;
use super::mapped::{Map, import_csv, import_jsonl};
use super::power::Window;
use super::{aiperf, codecarbon, guidellm, inferencex, llmd, mlenergy, power, trtllm, vllm, zeus};
use crate::runs::{Store, Sweep};

/// What an import is told beside the path.
#[derive(Clone, Debug, Default)]
pub struct Options<'a> {
    /// Map of a CSV or JSON Lines file.
    pub map: Option<&'a Map>,
    /// Conditions of all runs.
    pub given: Given,
    /// The part of a log of power.
    pub window: Option<Window>,
    /// A log of power for runs that have none.
    pub power: Option<&'a Path>,
    /// What the log's time of day is ahead of UTC, s.
    pub zone: Option<f64>,
}

/// What `+02:00` or `UTC` is ahead of UTC, s.
pub fn zone(text: &str) -> Result<f64, ImportError> {
    power::zone(text).ok_or_else(|| ImportError::Zone { text: text.to_owned() })
}

/// Imports what lies at `path` as the format that it is said to have; foreign CSV and JSON Lines need a map.
pub fn import(format: Detected, path: &Path, options: &Options) -> Result<Vec<Sweep>, ImportError> {
    let mut sweeps = match (format, options.map) {
        (Detected::MlEnergy, _) => leaderboard(path)?,
        // A map says that a CSV file is foreign, even where it reads as a sweep.
        (Detected::Csv | Detected::Store, Some(map)) => vec![import_csv(path, map)?],
        (Detected::JsonLines, Some(map)) => vec![import_jsonl(path, map)?],
        (Detected::Store, None) => Store::read(path)?.sweeps,
        (Detected::Csv | Detected::JsonLines, None) => {
            return Err(ImportError::NeedsMap { path: path.to_owned() });
        }
        (_, _) => foreign(format, path, options)?,
    };
    judge(format, path, &sweeps)?;
    options.given.apply(&mut sweeps);
    if let Some(log) = options.power {
        power::join(&mut sweeps, log, options.zone)?;
    }
    Ok(sweeps)
}

/// The leaderboard is a folder; a file is something else.
fn leaderboard(path: &Path) -> Result<Vec<Sweep>, ImportError> {
    match path.is_file().then(|| of_file(path)).transpose()? {
        Some(Ok(found)) => Err(other(path, Detected::MlEnergy, found)),
        Some(Err(seen)) => Err(ImportError::UnknownFormat { path: path.to_owned(), seen }),
        None => mlenergy::import(path),
    }
}

fn foreign(format: Detected, path: &Path, options: &Options) -> Result<Vec<Sweep>, ImportError> {
    if format == Detected::MlEnergyRaw {
        return mlenergy::raw::import(path);
    }
    let files = sources(format, path)?;
    match format {
        Detected::VllmBench => vllm::import(path, &files),
        Detected::GuideLlm => guidellm::import(path, &files),
        Detected::AiPerf => aiperf::import(path, &files),
        Detected::InferenceX => inferencex::import(path, &files),
        Detected::LlmD => llmd::import(path, &files),
        Detected::TrtLlm => trtllm::import(path, &files),
        Detected::NvidiaSmi => power::import(&power::NVIDIA, path, &files, options.window.as_ref()),
        Detected::AmdSmi => power::import(&power::AMD, path, &files, options.window.as_ref()),
        Detected::Zeus => zeus::import(path, &files),
        Detected::CodeCarbon => codecarbon::import(path, &files),
        _ => mlenergy::table::import(path, &files),
    }
}

/// The files of this format at a path: the file itself, or those of the folder that are of it.
fn sources(format: Detected, path: &Path) -> Result<Vec<Source>, ImportError> {
    let is_folder = path.is_dir();
    if !is_folder {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match of_file(path) {
            Ok(Ok(found)) if found != format => return Err(other(path, format, found)),
            Err(error) => return Err(error),
            // What cannot be told is left to the importer, which says what it misses.
            Ok(_) => {}
        }
        return Ok(vec![Source { path: path.to_owned(), name }]);
    }
    if format == Detected::MlEnergyTable {
        return mlenergy::table::tables(path);
    }
    let (mut own, mut faults) = (Vec::new(), Vec::new());
    for file in files(path)? {
        match of_file(&file.path) {
            Ok(Ok(found)) if found == format => own.push(file),
            // A result that was cut off must not be missed among the others.
            Err(ImportError::Faulty { faults: found, .. }) => faults.extend(found),
            Err(ImportError::EmptyFile { .. }) if is_json(&file.path) => {
                faults.push(Fault { place: Place::new(&file.name, ""), kind: FaultKind::Empty });
            }
            _ => {}
        }
    }
    if !own.is_empty() && !faults.is_empty() {
        return Err(ImportError::Faulty { path: path.to_owned(), faults });
    }
    if own.is_empty() {
        return Err(match detect(path) {
            Ok(found) => other(path, format, found),
            Err(error) => error,
        });
    }
    Ok(own)
}

/// The error of a path that is said to be one thing and looks like another.
fn other(path: &Path, expected: Detected, found: Detected) -> ImportError {
    let help = match found.about() {
        Some(about) => format!("import it as `{}`, or leave the format out", about.name),
        None => "leave the format out, and what lies there is detected".to_owned(),
    };
    ImportError::OtherFormat {
        path: path.to_owned(),
        expected: expected.words().to_owned(),
        found: found.words().to_owned(),
        help,
    }
}
