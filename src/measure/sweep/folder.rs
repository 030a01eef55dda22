//! The folder of a sweep: what is complete, what was begun, and who is at work.
//!
//! ```text
//! NAME.csv NAME.toml   the store, made from the complete points
//! spec.toml            the file that the sweep was begun with
//! journal.jsonl        what has happened (journal-K.jsonl: in task K)
//! points/*.json        one file for each complete visit: it is there whole or not at all
//! series/*.csv         tokens, watts and running requests over the time of a visit (NAME-retryN.csv: when it was measured
//!                      anew); idle baselines
//! requests/*.csv       the requests of the window of a visit: moments, on the clock of its series, tokens and outcomes
//! logs/                output of servers and commands
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde_json::{Value as Json, json};

use super::compare::changes;
use super::error::SweepError;
use super::grow::grown;
use super::journal::{Journal, events, now};
use super::plan::{Plan, Visit};
use super::spec::Spec;
use super::store::refuse_foreign_store;
use crate::runs::{Run, read_json, read_text, run_json, write_whole};

/// The folder of a sweep, held by this process.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    journal: Journal,
    // Held until the folder is let go; the system lets go when a process dies.
    _locks: Vec<File>,
}

impl Folder {
    /// Opens a folder for work on the whole sweep, or on one task of it, and begins it if it is new.
    pub fn open(path: &Path, spec: &Spec, task: Option<usize>, extend: bool) -> Result<Self, SweepError> {
        refuse_foreign_store(path, &spec.name)?;
        for folder in ["points", "series", "requests", "logs"].map(|name| path.join(name)) {
            std::fs::create_dir_all(&folder).map_err(|source| SweepError::Folder {
                doing: "make",
                path: folder.clone(),
                source,
            })?;
        }
        let mut locks = vec![lock(path, ".lock", task.is_none())?];
        if let Some(task) = task {
            locks.push(lock(path, &format!(".lock-{task}"), true)?);
        } else {
            remove_unfinished(path);
        }
        let name = task.map_or_else(|| "journal.jsonl".to_owned(), |task| format!("journal-{task}.jsonl"));
        let journal = Journal::open(&path.join(name))?;
        let mut folder = Self { path: path.to_owned(), journal, _locks: locks };
        folder.begin(spec, extend)?;
        Ok(folder)
    }

    /// The file of the sweep in this folder, begun before.
    pub fn spec(path: &Path) -> Result<Spec, SweepError> {
        let file = path.join("spec.toml");
        if !file.is_file() {
            return Err(SweepError::NoSweep { folder: path.to_owned() });
        }
        Spec::parse("spec.toml", &read_text(&file)?)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn begin(&mut self, spec: &Spec, extend: bool) -> Result<(), SweepError> {
        let file = self.path.join("spec.toml");
        if file.is_file() {
            let before = Self::spec(&self.path)?;
            if before.text == spec.text {
                return Ok(());
            }
            self.check_change(&before, spec, extend)?;
        }
        write_whole(&[(file, spec.text.clone())])?;
        self.add("spec", &json!({ "name": spec.name, "points": spec.points.len() }))
    }

    /// A sweep may be extended by points, and its order, budget and batch system may change; nothing else.
    fn check_change(&self, before: &Spec, spec: &Spec, extend: bool) -> Result<(), SweepError> {
        let changes = changes(before, spec);
        let refuse = |help: &str| {
            let changes = changes.iter().map(|own| own.text.clone()).collect();
            Err(SweepError::Changed { folder: self.path.clone(), changes, help: help.to_owned() })
        };
        if changes.iter().any(|own| own.is_measured_otherwise) {
            return refuse("points measured in two ways do not belong together: give another folder with `--out`");
        }
        if !extend && changes.iter().any(|own| own.is_of_points) {
            return refuse("`--extend` goes on with the points added; another folder with `--out` begins anew");
        }
        let plan = Plan::new(&grown(&self.path, spec)?);
        let lost: Vec<String> = self
            .complete_ids()?
            .into_iter()
            .filter(|id| !plan.visits().any(|visit| visit.id == *id))
            .map(|id| format!("`{id}` is complete, but no point of the sweep any more"))
            .collect();
        if lost.is_empty() {
            return Ok(());
        }
        let help = "keep every point that was measured, under its name; or give another folder with `--out`".to_owned();
        Err(SweepError::Changed { folder: self.path.clone(), changes: lost, help })
    }

    /// Adds an event to the journal.
    pub fn add(&mut self, event: &str, more: &Json) -> Result<(), SweepError> {
        self.journal.add(event, more)
    }

    /// Keeps a visit: its run, and its tables, each with the folder of its kind (`series`, `requests`). The point is complete
    /// when this returns. The run of a visit that was complete before goes to the journal first; its tables stay, beside
    /// those of the new run.
    pub fn keep(&mut self, visit: &Visit, run: &Run, tables: Vec<(&str, String)>) -> Result<(), SweepError> {
        let name = file_name(&visit.id);
        let points = self.path.join("points");
        let point = points.join(format!("{name}.json"));
        let (mut run, mut table_name) = (run.clone(), name);
        if point.is_file() {
            let before = read_point(&point)?;
            let retries = before.details.get("retries").and_then(|count| count.parse().ok()).unwrap_or(0_usize) + 1;
            table_name = format!("{table_name}-retry{retries}");
            run.details.insert("retries".to_owned(), retries.to_string());
            self.add("replaced", &json!({ "visit": visit.id, "run": run_json(&before) }))?;
        }
        let mut files = Vec::new();
        for (kind, table) in tables {
            files.push((self.path.join(kind).join(format!("{table_name}.csv")), table));
        }
        let text = serde_json::to_string_pretty(&run_json(&run)).unwrap_or_default();
        // The last: with this move the visit is complete, or the new run is in the place of the old.
        files.push((point, text + "\n"));
        write_whole(&files)?;
        // A name in a folder is on disk when the folder is.
        let synced = File::open(&points).and_then(|folder| folder.sync_all());
        synced.map_err(|source| SweepError::Folder { doing: "write", path: points, source })?;
        self.add("done", &json!({ "visit": visit.id }))
    }

    /// The ids of the complete visits.
    pub fn complete_ids(&self) -> Result<Vec<String>, SweepError> {
        Ok(complete(&self.path)?.into_keys().collect())
    }
}

/// The runs of the complete visits of a folder, by id.
pub fn complete(path: &Path) -> Result<BTreeMap<String, Run>, SweepError> {
    let folder = path.join("points");
    let failed = |source| SweepError::Folder { doing: "read", path: folder.clone(), source };
    let mut found = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for entry in std::fs::read_dir(&folder).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') || !has_extension(&file, "json") {
            continue;
        }
        let run = read_point(&file)?;
        found.insert(run.id.clone(), run);
    }
    Ok(found)
}

/// The run of a complete visit.
fn read_point(file: &Path) -> Result<Run, SweepError> {
    let foreign = |message: String| SweepError::Foreign { path: file.to_owned(), message };
    let runs = read_json(file).map_err(|error| foreign(error.to_string()))?;
    let [run] = &runs[..] else { return Err(foreign("it does not hold one run".to_owned())) };
    if file.file_name().is_none_or(|name| name != format!("{}.json", file_name(&run.id)).as_str()) {
        return Err(foreign(format!("it holds the run `{}`, which is not its name", run.id)));
    }
    Ok(run.clone())
}

/// The events of all journals of a folder, in the order of their time.
pub fn history(path: &Path) -> Result<Vec<Json>, SweepError> {
    let failed = |source| SweepError::Folder { doing: "read", path: path.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with("journal") && has_extension(&file, "jsonl") {
            files.push(file);
        }
    }
    files.sort();
    let mut all = Vec::new();
    for file in files {
        all.extend(events(&file)?);
    }
    all.sort_by_key(|event| event.get("time").and_then(Json::as_str).unwrap_or_default().to_owned());
    Ok(all)
}

fn has_extension(file: &Path, extension: &str) -> bool {
    file.extension().is_some_and(|own| own == extension)
}

/// The name of the files of a visit: its id without what file systems mind, and a digest that keeps ids apart.
pub(super) fn file_name(id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "=,._-".contains(c) { c } else { '_' };
    let readable: String = id.chars().map(plain).take(120).collect();
    // FNV-1a, 64 bits (Fowler, Noll, Vo): short and stable; a collision is found when the file is read.
    let digest = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{readable}-{:08x}", (digest >> 32) ^ (digest & 0xffff_ffff))
}

/// Takes a lock of the folder, for oneself or shared among tasks; the file names its holder.
pub(super) fn lock(folder: &Path, name: &str, alone: bool) -> Result<File, SweepError> {
    let path = folder.join(name);
    let failed = |source| SweepError::Folder { doing: "open", path: path.clone(), source };
    let mut options = File::options();
    let mut file = options.create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
    let kind = if alone { FlockOperation::NonBlockingLockExclusive } else { FlockOperation::NonBlockingLockShared };
    match flock(&file, kind) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            let holder = Some(holder.trim().to_owned()).filter(|holder| !holder.is_empty());
            return Err(SweepError::Locked { folder: folder.to_owned(), holder });
        }
        Err(error) => return Err(failed(error.into())),
    }
    if alone {
        // For the message above only.
        let _ = file.set_len(0).and_then(|()| write!(file, "{} since {}", std::process::id(), now()));
    }
    Ok(file)
}

/// Removes files that a crash left before they were in place.
fn remove_unfinished(path: &Path) {
    for folder in [path.to_owned(), path.join("points"), path.join("series"), path.join("requests")] {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for file in entries.flatten().map(|entry| entry.path()) {
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if name.starts_with('.') && has_extension(&file, "part") {
                let _ = std::fs::remove_file(&file);
            }
        }
    }
}
