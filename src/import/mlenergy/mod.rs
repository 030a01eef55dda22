//! The tree of the public ML.ENERGY leaderboard: `index.json`, `tasks/*.json`, `models/*.json`. Raw results of its benchmark
//! are read by `raw`, tables of its data set by `table`.
//!
//! A row stands in the file of its task and again, with its histogram of output lengths, in the file of its
//! model. Both are one run. Any file may be absent; rows that only one of the two has are imported as they are.

mod histogram;
mod merge;
pub(super) mod raw;
mod row;
pub(super) mod table;
mod tree;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::error::ImportError;
use crate::notes::plural;
use crate::runs::{Run, Sweep, number_duplicates};

pub(super) use tree::looks_like_one;

/// What the leaderboard does not export and the harness of its time ran with.
const ASSUMED_ENGINE: (&str, &str) = ("vllm", "0.11");

/// A task of the leaderboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Task {
    name: &'static str,
    /// Of the input; none for diffusion.
    modality: Option<&'static str>,
    /// Requests of one pass through its set; none for diffusion.
    requests: Option<u64>,
}

const fn serving(name: &'static str, modality: &'static str, requests: u64) -> Task {
    Task { name, modality: Some(modality), requests: Some(requests) }
}

/// The tasks, in the order of the index.
const TASKS: &[Task] = &[
    serving("gpqa", "text", 198),
    serving("lm-arena-chat", "text", 1024),
    serving("sourcegraph-fim", "text", 1024),
    serving("image-chat", "image", 1024),
    serving("video-chat", "video", 512),
    Task { name: "text-to-image", modality: None, requests: None },
    Task { name: "text-to-video", modality: None, requests: None },
];

/// Imports the tree at `dir`: one sweep for each task that has rows. All faults of the tree come at once.
pub fn import(dir: &Path) -> Result<Vec<Sweep>, ImportError> {
    let faults = RefCell::default();
    let tree = tree::read(dir, &faults)?;
    let rows = merge::rows(&tree, &faults);
    let mut ignored: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut runs: BTreeMap<&str, Vec<Run>> = BTreeMap::new();
    let count = rows.len();
    for row in rows {
        let unread = ignored.entry(row.task.name).or_default();
        if let Some(run) = row::run(&row, &faults, unread) {
            runs.entry(row.task.name).or_default().push(run);
        }
    }
    let faults = faults.into_inner();
    if !faults.is_empty() {
        return Err(ImportError::Faulty { path: dir.to_owned(), faults });
    }
    if count == 0 {
        return Err(ImportError::NoRows { path: dir.to_owned() });
    }
    let mut sweeps = Vec::new();
    for task in TASKS {
        let Some(mut runs) = runs.remove(task.name) else { continue };
        number_duplicates(runs.iter_mut());
        let ignored = ignored.remove(task.name).unwrap_or_default();
        sweeps.push(Sweep::new(task.name, runs, provenance(*task, &tree, ignored)));
    }
    Ok(sweeps)
}

/// Where the runs of a task come from, and what was assumed or left out.
fn provenance(task: Task, tree: &tree::Tree, ignored: BTreeSet<String>) -> toml::Table {
    let text = |text: &str| toml::Value::String(text.to_owned());
    let mut table = toml::Table::new();
    table.insert("format".to_owned(), text("mlenergy"));
    table.insert("source".to_owned(), text("public data of the ML.ENERGY leaderboard"));
    table.insert("url".to_owned(), text("https://github.com/ml-energy/leaderboard"));
    table.insert("task".to_owned(), text(task.name));
    if let Some(date) = tree.last_updated() {
        table.insert("last_updated".to_owned(), text(date));
    }
    table.insert(
        "scope".to_owned(),
        text("GPU energy only, of all GPUs of the run, in the steady state; latencies over the whole run"),
    );
    if task.requests.is_some() {
        let mut assumed = toml::Table::new();
        assumed.insert("engine".to_owned(), text(ASSUMED_ENGINE.0));
        assumed.insert("engine_version".to_owned(), text(ASSUMED_ENGINE.1));
        assumed.insert("why".to_owned(), text("not exported; the benchmark of that time ran it"));
        table.insert("assumed".to_owned(), toml::Value::Table(assumed));
    }
    if !ignored.is_empty() {
        let note = format!("{} of the source not read", plural(ignored.len(), "field"));
        table.insert("note".to_owned(), text(&note));
        table.insert(
            "ignored_fields".to_owned(),
            toml::Value::Array(ignored.into_iter().map(toml::Value::String).collect()),
        );
    }
    table
}

/// The task of this name.
fn task(name: &str) -> Option<Task> {
    TASKS.iter().copied().find(|task| task.name == name)
}
