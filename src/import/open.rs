//! One door to all importers.

use std::collections::BTreeMap;
use std::path::Path;

use super::about::is_measured;
use super::collect::Source;
use super::detect::{Detected, detect, files, of_file};
use super::error::{Fault, FaultKind, ImportError, Place};
use super::given::Given;
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
    refuse_unmeasured(format, path, &sweeps)?;
    options.given.apply(&mut sweeps);
    if let Some(log) = options.power {
        power::join(&mut sweeps, log, options.zone)?;
    }
    Ok(sweeps)
}

/// Refuses files of a known format of which nothing that was measured could be read, all of them at once.
fn refuse_unmeasured(format: Detected, path: &Path, sweeps: &[Sweep]) -> Result<(), ImportError> {
    let Some(about) = format.about() else { return Ok(()) };
    let mut files: BTreeMap<&str, bool> = BTreeMap::new();
    for run in sweeps.iter().flat_map(|sweep| &sweep.runs) {
        let file = run.details.get("file").map_or("", String::as_str);
        *files.entry(file).or_default() |= is_measured(run);
    }
    let bare = files.into_iter().filter(|(_, is_measured)| !is_measured);
    let faults: Vec<Fault> = bare
        .map(|(file, _)| Fault {
            place: Place::new(file, ""),
            kind: FaultKind::Unmeasured { expected: about.measures },
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(ImportError::Faulty { path: path.to_owned(), faults }) }
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
    let all = files(path)?;
    let own: Vec<Source> =
        all.iter().filter(|file| matches!(of_file(&file.path), Ok(Ok(found)) if found == format)).cloned().collect();
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
