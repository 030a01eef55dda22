//! Raw results of the ML.ENERGY benchmark: `run/{llm|mllm|diffusion}/{task}/results/{org}/{model}/{gpu}/{knobs}/results.json`,
//! with `prometheus.json` beside it.
//!
//! The form is that of ml-energy/benchmark (commit c1d6557), of which the field names and the loop over diffusion runs were
//! read; what its numbers mean was read in `mlenergy_data/records/runs.py` of ml-energy/data: throughput is
//! (energy ÷ J/token) ÷ duration of the steady state, gaps of zero belong to the gap before them, and a run is stable if its
//! steady state lasted 20 s, its J/token is above zero, 85 % of the configured batch ran, and no smaller batch was unstable.
//! Files are read as streams: 100 MB of requests take no more memory than one of them.

mod diffusion;
mod gaps;
mod path;
mod prometheus;
mod results;
mod serving;
mod stability;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use crate::import::about::{About, SERVING};
use crate::import::collect::{Collected, Source};
use crate::import::error::{ImportError, Place};
use crate::import::read::document;
use crate::runs::{Run, Sweep};

pub(in crate::import) static ABOUT: About = About {
    name: "mlenergy",
    words: "raw results of the ML.ENERGY benchmark",
    tool: "ml-energy/benchmark",
    schema: "ml-energy/benchmark (c1d6557), ml-energy/data mlenergy_data/records/runs.py",
    scope: "GPU energy of all GPUs of the run by their energy counters, in the steady state; gaps between tokens over the whole run",
    units: &[
        ("steady_state_energy", "J"),
        ("steady_state_duration", "s"),
        ("results[].itl, ttft, latency", "s"),
        ("timeline.power", "W"),
        ("timeline.temperature", "°C"),
    ],
    defects: &[
        ("derived_request_energy", "the energy of a request is J/token × its length: no evidence of its own"),
        ("zero_gaps", "tokens that arrive together have gaps of 0 s; they are spread over the gap before them"),
        (
            "kv_over_pids",
            "`vllm:kv_cache_usage_perc` of the source is a mean over server processes of which all but one report 0; it is \
             read anew here, engine by engine",
        ),
        ("prefill_in_window", "prefill of the requests that come later is in the window and charged to output tokens"),
        ("failed_runs_kept", "a run whose requests failed is written like any other"),
        ("degrees_unknown", "degrees of parallelism stand in the benchmark's configuration, not in its results"),
    ],
    measures: "`steady_state_energy_per_token`, or `iteration_energy_measurements` of images and videos",
    needs: SERVING,
};

/// Folders below the one that is named in which results are looked for.
const DEEPEST: usize = 12;

/// Whether some `results.json` lies below a folder.
pub(in crate::import) fn has_results(folder: &Path) -> bool {
    let mut found = Vec::new();
    walk(folder, DEEPEST, &mut found, true);
    !found.is_empty()
}

/// Adds every `results.json` below a folder, in the order of the paths; links are not followed.
fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>, one_is_enough: bool) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        if one_is_enough && !found.is_empty() {
            return;
        }
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth > 0 {
            walk(&entry.path(), depth - 1, found, one_is_enough);
        } else if kind.is_file() && entry.file_name() == "results.json" {
            found.push(entry.path());
        }
    }
}

/// Imports every result below `root`, or the one file that it is.
pub(in crate::import) fn import(root: &Path) -> Result<Vec<Sweep>, ImportError> {
    let mut paths = Vec::new();
    if root.is_dir() {
        walk(root, DEEPEST, &mut paths, false);
    } else {
        paths.push(root.to_owned());
    }
    if paths.is_empty() {
        return Err(ImportError::NoRows { path: root.to_owned() });
    }
    let files: Vec<Source> = paths.into_iter().map(|path| Source { name: name(root, &path), path }).collect();
    let collected = Collected::default();
    let mut runs = Vec::new();
    for file in &files {
        match of_file(file, &collected) {
            Ok(run) => runs.extend(run),
            Err(fault) => collected.faults.borrow_mut().push(fault),
        }
    }
    stability::cascade(&mut runs);
    collected.sweep(&ABOUT, root, &files, runs).map(|sweep| vec![sweep])
}

/// How a file is called in messages: its path below what was imported.
fn name(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).ok().filter(|below| !below.as_os_str().is_empty());
    let shown = below.map_or_else(|| path.file_name().map(PathBuf::from).unwrap_or_default(), Path::to_owned);
    shown.to_string_lossy().replace('\\', "/")
}

fn of_file(file: &Source, collected: &Collected) -> Result<Option<Run>, crate::import::error::Fault> {
    let seen = RefCell::new(results::Seen::default());
    let object: Map<String, Json> = document(&file.path, &file.name, results::Results { seen: &seen })?;
    let seen = seen.into_inner();
    let record = collected.record(&object, Place::new(&file.name, ""));
    let told = path::told(&file.path);
    let mut run = if record.get("iteration_energy_measurements").is_some() {
        diffusion::run(&record, &told)
    } else {
        let beside = file.path.with_file_name("prometheus.json");
        let server = if beside.is_file() {
            let name = file.name.replace("results.json", "prometheus.json");
            match document(&beside, &name, prometheus::Server) {
                Ok(server) => Some(server),
                Err(fault) => {
                    collected.faults.borrow_mut().push(fault);
                    None
                }
            }
        } else {
            None
        };
        serving::run(&record, &told, &seen, server.as_ref())
    };
    run.details.insert("file".to_owned(), file.name.clone());
    collected.note_unread(&record);
    Ok(Some(run))
}
