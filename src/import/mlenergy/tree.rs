//! The files of the tree, parsed and named; what they say is checked elsewhere.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::{TASKS, Task, task};
use crate::import::error::{Fault, FaultKind, ImportError, Place};
use crate::import::json::{described, parse};
use crate::runs::{RunsError, read_text};

/// A file with rows of one task.
pub(super) struct RowFile {
    /// Relative to the tree.
    pub(super) file: String,
    pub(super) task: Task,
    /// What stands beside the rows: model id, precision and so on.
    pub(super) head: Map<String, Json>,
    pub(super) rows: Vec<Map<String, Json>>,
}

/// The leaderboard as it lies on disk.
pub(super) struct Tree {
    index: Option<Json>,
    /// `tasks/*.json`.
    pub(super) tasks: Vec<RowFile>,
    /// `models/*.json`.
    pub(super) models: Vec<RowFile>,
}

impl Tree {
    /// When the data were exported, as the index says.
    pub(super) fn last_updated(&self) -> Option<&str> {
        self.index.as_ref()?.get("last_updated")?.as_str()
    }
}

/// Whether `dir` has any of the three parts.
pub(in crate::import) fn looks_like_one(dir: &Path) -> bool {
    dir.join("index.json").is_file() || dir.join("tasks").is_dir() || dir.join("models").is_dir()
}

/// Reads whatever part of the tree is there.
pub(super) fn read(dir: &Path, faults: &RefCell<Vec<Fault>>) -> Result<Tree, ImportError> {
    let failed = |source| ImportError::Runs(RunsError::Read { path: dir.to_owned(), source });
    if !looks_like_one(dir) {
        return Err(if std::fs::read_dir(dir).map_err(failed)?.next().is_none() {
            ImportError::EmptyFolder { path: dir.to_owned() }
        } else {
            ImportError::NoLeaderboard { path: dir.to_owned(), hint: below(dir) }
        });
    }
    let index = dir.join("index.json");
    let index = if index.is_file() { json(&index, "index.json", faults) } else { None };
    if let Some(json) = index.as_ref().filter(|json| !json.is_object()) {
        let kind = FaultKind::WrongType { expected: "an object", found: described(json) };
        faults.borrow_mut().push(Fault { place: Place::new("index.json", ""), kind });
    }
    let tree = Tree { index, tasks: folder(dir, "tasks", faults)?, models: folder(dir, "models", faults)? };
    second_files(&tree, faults);
    Ok(tree)
}

/// A leaderboard in one of the usual places below `dir`.
fn below(dir: &Path) -> Option<String> {
    ["data", "public/data", "leaderboard/public/data"]
        .iter()
        .map(|place| dir.join(place))
        .find(|place| looks_like_one(place))
        .map(|place| format!("there is one in `{}`", place.display()))
}

fn json(path: &Path, name: &str, faults: &RefCell<Vec<Fault>>) -> Option<Json> {
    let read = read_text(path).map_err(|error| {
        let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        Fault { place: Place::new(name, ""), kind: FaultKind::Unreadable { message: cause } }
    });
    read.and_then(|text| parse(name, &text)).map_err(|fault| faults.borrow_mut().push(fault)).ok()
}

/// The `*.json` files of one folder of the tree, in the order of their names.
fn folder(dir: &Path, name: &str, faults: &RefCell<Vec<Fault>>) -> Result<Vec<RowFile>, ImportError> {
    let path = dir.join(name);
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let failed = |source| ImportError::Runs(RunsError::Read { path: path.clone(), source });
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(&path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.extension().is_some_and(|extension| extension == "json") {
            files.push(file);
        }
    }
    files.sort();
    let named = files.iter().map(|file| {
        let name = format!("{name}/{}", file.file_name().unwrap_or_default().to_string_lossy());
        json(file, &name, faults).and_then(|json| row_file(name, json, faults))
    });
    Ok(named.flatten().collect())
}

/// Task and rows of one file.
fn row_file(file: String, json: Json, faults: &RefCell<Vec<Fault>>) -> Option<RowFile> {
    let fault = |path: String, kind| faults.borrow_mut().push(Fault { place: Place::new(&file, path), kind });
    let wrong = |expected, json: &Json| FaultKind::WrongType { expected, found: described(json) };
    let Json::Object(mut head) = json else {
        fault(String::new(), wrong("an object", &json));
        return None;
    };
    let task = match head.get("task") {
        None => Err(FaultKind::Missing),
        Some(Json::String(name)) => task(name).ok_or_else(|| {
            let known: Vec<&str> = TASKS.iter().map(|task| task.name).collect();
            FaultKind::UnknownName { found: name.clone(), known: crate::notes::list(&known) }
        }),
        Some(other) => Err(wrong("a text", other)),
    };
    let task = task.map_err(|kind| fault("task".to_owned(), kind)).ok();
    let rows = match head.shift_remove("configurations") {
        None => Err(FaultKind::Missing),
        Some(Json::Array(rows)) => Ok(rows),
        Some(other) => Err(wrong("a list", &other)),
    };
    let rows = rows.map_err(|kind| fault("configurations".to_owned(), kind)).ok()?;
    let mut objects = Vec::with_capacity(rows.len());
    for (index, row) in rows.into_iter().enumerate() {
        match row {
            Json::Object(row) => objects.push(row),
            other => fault(format!("configurations[{index}]"), wrong("an object", &other)),
        }
    }
    let task = task?;
    Some(RowFile { file, task, head, rows: objects })
}

/// Two files of the same rows would count them twice.
fn second_files(tree: &Tree, faults: &RefCell<Vec<Fault>>) {
    for files in [&tree.tasks, &tree.models] {
        for (index, file) in files.iter().enumerate() {
            let same =
                |other: &&RowFile| other.task == file.task && other.head.get("model_id") == file.head.get("model_id");
            if let Some(first) = files[..index].iter().find(same) {
                let kind = FaultKind::SecondFile { other: first.file.clone() };
                faults.borrow_mut().push(Fault { place: Place::new(&file.file, ""), kind });
            }
        }
    }
}
