//! Rows of a foreign file, with their lines; nested values are reached by dotted paths.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use crate::import::error::{Fault, FaultKind, Place};
use crate::import::json::{described, parse};
use crate::runs::Lines;

/// One row of the source.
pub(in crate::import) struct Row {
    pub(in crate::import) place: Place,
    pub(in crate::import) object: Map<String, Json>,
}

impl Row {
    /// The value of a column, or of a path of nested objects; null and an empty cell count as missing.
    pub(super) fn get(&self, path: &str) -> Option<&Json> {
        at(&self.object, path).filter(|value| !value.is_null())
    }
}

fn at<'a>(object: &'a Map<String, Json>, path: &str) -> Option<&'a Json> {
    if let Some(value) = object.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    at(object.get(first)?.as_object()?, rest)
}

/// The number of a value; CSV has numbers as text.
pub(super) fn number_of(value: &Json) -> Option<f64> {
    match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The text of a value that is no list and no object.
pub(super) fn text_of(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(on) => Some(on.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// Every path that some row has, be it null there.
pub(super) fn paths(rows: &[Row]) -> BTreeSet<String> {
    fn walk(prefix: &str, object: &Map<String, Json>, paths: &mut BTreeSet<String>) {
        for (key, value) in object {
            let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            if let Json::Object(inner) = value {
                walk(&path, inner, paths);
            }
            paths.insert(path);
        }
    }
    let mut paths = BTreeSet::new();
    for row in rows {
        walk("", &row.object, &mut paths);
    }
    paths
}

/// The rows of JSON Lines, or every line that is none.
pub(super) fn of_json_lines(file: &str, text: &str) -> Result<Vec<Row>, Vec<Fault>> {
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = Place { line: index + 1, ..Place::new(file, "") };
        match parse(file, line) {
            Ok(Json::Object(object)) => rows.push(Row { place, object }),
            Ok(other) => {
                let kind = FaultKind::WrongType { expected: "an object", found: described(&other) };
                faults.push(Fault { place, kind });
            }
            Err(mut fault) => {
                fault.place.line = index + 1;
                faults.push(fault);
            }
        }
    }
    if faults.is_empty() { Ok(rows) } else { Err(faults) }
}

/// The rows of a CSV file with a header; empty cells are missing.
pub(in crate::import) fn of_csv(file: &str, text: &str) -> Result<Vec<Row>, Vec<Fault>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().cloned().unwrap_or_default();
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for (at, name) in header.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        if header.iter().take(at).any(|before| before == name) {
            let place = Place { line: 1, ..Place::new(file, "") };
            faults.push(Fault { place, kind: FaultKind::Refused(format!("the column `{name}` stands twice")) });
        }
    }
    let mut lines = Lines::new(text);
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let kind = FaultKind::Unreadable { message: error.to_string() };
                faults.push(Fault { place: Place::new(file, ""), kind });
                break;
            }
        };
        let line = lines.of(&record) as usize;
        let place = Place { line, ..Place::new(file, "") };
        if record.len() != header.len() {
            let message = format!("the row has {} cells, but the header has {}", record.len(), header.len());
            faults.push(Fault { place, kind: FaultKind::Unreadable { message } });
            continue;
        }
        let cell = |text: &str| if text.is_empty() { Json::Null } else { Json::String(text.to_owned()) };
        let object = header.iter().zip(&record).map(|(key, text)| (key.to_owned(), cell(text))).collect();
        rows.push(Row { place, object });
    }
    if faults.is_empty() { Ok(rows) } else { Err(faults) }
}
