//! Files of one foreign format become one sweep: each file gives runs, and all that is wrong with any comes at once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::about::About;
use super::error::{Fault, FaultKind, ImportError, Place};
use super::json::described;
use super::mapped::{Row, of_csv};
use super::read::{documents, small_text};
use super::record::Record;
use crate::notes::plural;
use crate::runs::{Run, Sweep, number_duplicates};

/// A file, and its name in messages and provenance.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) name: String,
}

impl Source {
    /// The name without its extension: what runs of this file are called.
    pub(super) fn stem(&self) -> String {
        let name = Path::new(&self.name);
        name.with_extension("").to_string_lossy().replace('\\', "/")
    }
}

/// What comes up while files are read.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) faults: RefCell<Vec<Fault>>,
    /// Fields that nothing has asked for.
    pub(super) unread: RefCell<BTreeSet<String>>,
    /// Parts of the files that are left out, each with its reason.
    pub(super) left_out: RefCell<Vec<Fault>>,
    /// What the files say of themselves: versions and the like.
    pub(super) told: RefCell<BTreeMap<&'static str, String>>,
}

impl Collected {
    /// A record whose faults are kept here.
    pub(super) fn record<'a>(&'a self, object: &'a serde_json::Map<String, Json>, place: Place) -> Record<'a> {
        Record::new(object, place, &self.faults)
    }

    /// The rows of a CSV file; none, with every fault kept here, if it cannot be read as such.
    pub(super) fn rows(&self, file: &Source, most: u64) -> Result<Vec<Row>, ImportError> {
        let text = small_text(&file.path, most)?;
        let rows = match of_csv(&file.name, &text) {
            Ok(rows) if rows.is_empty() => {
                let why = "there is no row below the header".to_owned();
                Err(vec![Fault { place: Place::new(&file.name, ""), kind: FaultKind::Refused(why) }])
            }
            other => other,
        };
        Ok(rows.unwrap_or_else(|faults| {
            self.faults.borrow_mut().extend(faults);
            Vec::new()
        }))
    }

    /// Keeps the names of the fields that `record` was not asked for.
    pub(super) fn note_unread(&self, record: &Record) {
        self.unread.borrow_mut().extend(record.unread());
    }

    /// Leaves a part out.
    pub(super) fn leave_out(&self, place: &Place, why: &str) {
        self.left_out.borrow_mut().push(Fault { place: place.clone(), kind: FaultKind::Refused(why.to_owned()) });
    }

    /// Keeps what a file says of itself.
    pub(super) fn tell(&self, key: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            let mut told = self.told.borrow_mut();
            let all = told.entry(key).or_default();
            if !all.split(", ").any(|one| one == value) {
                let comma = if all.is_empty() { "" } else { ", " };
                *all = format!("{all}{comma}{value}");
            }
        }
    }

    /// The sweep of what was collected, or every fault.
    pub(super) fn sweep(
        self,
        about: &About,
        root: &Path,
        files: &[Source],
        mut runs: Vec<Run>,
    ) -> Result<Sweep, ImportError> {
        let faults = self.faults.into_inner();
        if !faults.is_empty() {
            return Err(ImportError::Faulty { path: root.to_owned(), faults });
        }
        let left_out = self.left_out.into_inner();
        if runs.is_empty() {
            if left_out.is_empty() {
                return Err(ImportError::NoRows { path: root.to_owned() });
            }
            return Err(ImportError::Faulty { path: root.to_owned(), faults: left_out });
        }
        number_duplicates(runs.iter_mut());
        let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
        let mut provenance = about.provenance(&names, &self.told.into_inner());
        let list = |list: Vec<String>| toml::Value::Array(list.into_iter().map(toml::Value::String).collect());
        if !left_out.is_empty() {
            provenance.insert("left_out".to_owned(), list(left_out.iter().map(Fault::to_string).collect()));
        }
        let unread = self.unread.into_inner();
        if !unread.is_empty() {
            let note = format!("{} of the source not read", plural(unread.len(), "field"));
            provenance.insert("note".to_owned(), toml::Value::String(note));
            provenance.insert("ignored_fields".to_owned(), list(unread.into_iter().collect()));
        }
        Ok(Sweep::new(sweep_name(root, about), runs, provenance))
    }
}

/// A sweep is named like what it came from, in characters that a file name may have.
pub(super) fn sweep_name(root: &Path, about: &About) -> String {
    let stem = root.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let kept: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    let kept = kept.trim_matches(['.', '-']);
    if kept.is_empty() { about.name.to_owned() } else { kept.to_owned() }
}

/// Reads one document: gives its runs, with whatever is wrong kept in `Collected`.
pub(super) type OfDocument = fn(&Record, &Place, &Collected) -> Vec<Run>;

/// Imports files of JSON objects, or of lists of such.
pub(super) fn json_files(
    about: &About,
    root: &Path,
    files: &[Source],
    skip: &'static [&'static str],
    of_document: OfDocument,
) -> Result<Sweep, ImportError> {
    let collected = Collected::default();
    let mut runs = Vec::new();
    for file in files {
        match documents(&file.path, &file.name, skip) {
            Ok(found) => runs.extend(of_file(file, found, &collected, of_document)),
            Err(fault) => collected.faults.borrow_mut().push(fault),
        }
    }
    collected.sweep(about, root, files, runs)
}

/// The runs of one file, named after it.
pub(super) fn of_file(file: &Source, found: Vec<Json>, collected: &Collected, of_document: OfDocument) -> Vec<Run> {
    let several = found.len() > 1;
    let mut runs = Vec::new();
    for (index, document) in found.into_iter().enumerate() {
        let is_list = document.is_array();
        let items = if let Json::Array(items) = document { items } else { vec![document] };
        for (item, value) in items.iter().enumerate() {
            let path = match (is_list, several) {
                (true, _) => format!("[{item}]"),
                (false, true) => format!("[{index}]"),
                (false, false) => String::new(),
            };
            let place = Place::new(&file.name, path);
            let Json::Object(object) = value else {
                let kind = FaultKind::WrongType { expected: "an object", found: described(value) };
                collected.faults.borrow_mut().push(Fault { place, kind });
                continue;
            };
            let record = collected.record(object, place.clone());
            runs.extend(of_document(&record, &place, collected));
            collected.note_unread(&record);
        }
    }
    let many = runs.len() > 1;
    for (index, run) in runs.iter_mut().enumerate() {
        let stem = file.stem();
        run.id = if many { format!("{stem}/{}", index + 1) } else { stem };
        run.details.insert("file".to_owned(), file.name.clone());
    }
    runs
}
