//! The CSV form of runs, written; and files that are there whole or not at all.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::check::{check_number, check_value};
use super::column::{Column, nearest_name, of_name};
use super::error::{Fault, RunsError};
use super::names::{self, Role};
use super::read::DETAIL;
use super::run::Run;

/// The text of a cell: the shortest that reads back as the same number.
fn cell(run: &Run, column: &Column) -> String {
    match column.role {
        Role::Condition => run.conditions.get(&column.name).map(ToString::to_string),
        Role::Observed => run.observed.get(&column.name).map(ToString::to_string),
        Role::Metric => run.metrics.get(&column.name).map(ToString::to_string),
    }
    .unwrap_or_default()
}

/// The columns that some run has, in the order of the name table, then of `declared`.
pub(super) fn columns_of<'a>(runs: impl Iterator<Item = &'a Run>, declared: &[Column]) -> Vec<Column> {
    let mut used = HashSet::new();
    for run in runs {
        used.extend(run.conditions.keys().chain(run.observed.keys()).chain(run.metrics.keys()).map(String::as_str));
    }
    let mut columns: Vec<Column> = names::all()
        .map(Column::from)
        .chain(declared.iter().cloned())
        .filter(|column| used.contains(column.name.as_str()))
        .collect();
    columns.sort_by_key(|column| column.role);
    columns
}

/// The CSV text of `runs`; their values are checked first.
pub(super) fn csv<'a>(runs: impl Iterator<Item = &'a Run> + Clone, declared: &[Column]) -> Result<String, Vec<Fault>> {
    let faults: Vec<Fault> = check(runs.clone(), declared);
    if !faults.is_empty() {
        return Err(faults);
    }
    let columns = columns_of(runs.clone(), declared);
    let details: BTreeSet<&String> = runs.clone().flat_map(|run| run.details.keys()).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut record = vec!["id".to_owned()];
    record.extend(columns.iter().map(Column::header));
    record.extend(details.iter().map(|name| format!("{DETAIL}{name}")));
    let infallible = "a vector takes every byte, and every record has the header's length";
    writer.write_record(&record).expect(infallible);
    for run in runs {
        record.clear();
        record.push(run.id.clone());
        record.extend(columns.iter().map(|column| cell(run, column)));
        record.extend(details.iter().map(|name| run.details.get(*name).cloned().unwrap_or_default()));
        writer.write_record(&record).expect(infallible);
    }
    let bytes = writer.into_inner().map_err(|error| error.to_string()).expect(infallible);
    Ok(String::from_utf8(bytes).expect("every cell was text"))
}

/// Names, values and ids of `runs` that could not be read back.
pub(super) fn check<'a>(runs: impl Iterator<Item = &'a Run>, declared: &[Column]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut ids = HashMap::new();
    for (index, run) in runs.enumerate() {
        let line = index as u64 + 2;
        if run.id.is_empty() {
            faults.push(Fault::EmptyId { line });
        } else if let Some(first) = ids.insert(run.id.as_str(), line) {
            faults.push(Fault::DuplicateId { line, first, id: run.id.clone() });
        }
        let mut examine = |name: &String, role: Role, test: &dyn Fn(&Column) -> Result<(), super::ValueFault>| {
            let (id, name) = (run.id.clone(), name.clone());
            match of_name(&name, declared).filter(|column| column.role == role) {
                None => {
                    let nearest = nearest_name(&name, declared);
                    faults.push(Fault::UndeclaredName { id, name, nearest });
                }
                Some(column) => faults.extend(test(&column).err().map(|fault| Fault::Value { id, name, fault })),
            }
        };
        for (name, value) in &run.conditions {
            examine(name, Role::Condition, &|column| check_value(column, value));
        }
        for (name, number) in &run.observed {
            examine(name, Role::Observed, &|column| check_number(column, *number).map(|_| ()));
        }
        for (name, number) in &run.metrics {
            examine(name, Role::Metric, &|column| check_number(column, *number).map(|_| ()));
        }
    }
    faults
}

/// Writes every file beside its place and then moves all of them there: a failure leaves nothing half-written.
pub fn write_whole(files: &[(PathBuf, String)]) -> Result<(), RunsError> {
    let mut waiting = Vec::new();
    let written = files.iter().try_for_each(|(path, text)| {
        let beside = temporary(path);
        waiting.push(beside.clone());
        let mut file = std::fs::File::create(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let moved = written
        .and_then(|()| files.iter().zip(&waiting).try_for_each(|((path, _), beside)| std::fs::rename(beside, path)));
    moved.map_err(|source| {
        for beside in &waiting {
            // What was moved or never made is not there any more, which is what is wanted.
            let _ = std::fs::remove_file(beside);
        }
        let path = files.get(waiting.len().saturating_sub(1)).map_or_else(PathBuf::new, |(path, _)| path.clone());
        RunsError::Write { path, source }
    })
}

/// A hidden name in the same folder, so that the move cannot cross file systems.
fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}.part", std::process::id()))
}
