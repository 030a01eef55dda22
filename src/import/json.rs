//! Fields of a JSON object, taken by name and type; what is wrong is collected, not thrown.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::error::{Fault, FaultKind, Place};
use crate::runs::{Column, Run, Value, check_number, known};

/// The object of one row, and where its faults go.
pub(super) struct Fields<'a> {
    object: &'a Map<String, Json>,
    place: Place,
    faults: &'a RefCell<Vec<Fault>>,
    read: RefCell<BTreeSet<&'static str>>,
}

/// What a JSON value is, for a message.
pub(super) fn described(value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(on) => format!("`{on}`"),
        Json::Number(number) => format!("`{number}`"),
        Json::String(text) => format!("the text \"{text}\""),
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "an object".to_owned(),
    }
}

impl<'a> Fields<'a> {
    pub(super) fn new(object: &'a Map<String, Json>, place: Place, faults: &'a RefCell<Vec<Fault>>) -> Self {
        Self { object, place, faults, read: RefCell::default() }
    }

    /// Reports something about `field`, or about the whole if that is empty.
    pub(super) fn fault(&self, field: &str, kind: FaultKind) {
        let mut place = self.place.clone();
        if !field.is_empty() {
            let dot = if place.path.is_empty() { "" } else { "." };
            place.path = format!("{}{dot}{field}", place.path);
        }
        self.faults.borrow_mut().push(Fault { place, kind });
    }

    /// The value of a field; null counts as missing.
    pub(super) fn get(&self, field: &'static str) -> Option<&'a Json> {
        self.read.borrow_mut().insert(field);
        self.object.get(field).filter(|value| !value.is_null())
    }

    /// The fields that nothing has asked for.
    pub(super) fn unread(&self) -> impl Iterator<Item = &'a String> {
        let read = self.read.borrow().clone();
        self.object.keys().filter(move |key| !read.contains(key.as_str()))
    }

    fn required(&self, field: &'static str) -> Option<&'a Json> {
        let value = self.get(field);
        if value.is_none() {
            self.fault(field, FaultKind::Missing);
        }
        value
    }

    fn typed<T>(&self, field: &'static str, value: &Json, expected: &'static str, typed: Option<T>) -> Option<T> {
        if typed.is_none() {
            self.fault(field, FaultKind::WrongType { expected, found: described(value) });
        }
        typed
    }

    /// A text that must be there.
    pub(super) fn text(&self, field: &'static str) -> Option<&'a str> {
        let value = self.required(field)?;
        self.typed(field, value, "a text", value.as_str())
    }

    /// A text that may be missing.
    pub(super) fn optional_text(&self, field: &'static str) -> Option<&'a str> {
        let value = self.get(field)?;
        self.typed(field, value, "a text", value.as_str())
    }

    /// A number that may be missing, as it stands.
    pub(super) fn optional_number(&self, field: &'static str) -> Option<f64> {
        let value = self.get(field)?;
        self.typed(field, value, "a number", value.as_f64())
    }

    /// A list of numbers.
    pub(super) fn numbers(&self, field: &'static str) -> Option<Vec<f64>> {
        let value = self.required(field)?;
        let list = value.as_array().and_then(|list| list.iter().map(Json::as_f64).collect());
        self.typed(field, value, "a list of numbers", list)
    }

    /// Puts a number into the run under `name`, divided by `per_si` (1000 for ms); it must be there.
    pub(super) fn take(&self, run: &mut Run, field: &'static str, name: &'static str, per_si: f64) {
        if self.required(field).is_some() {
            self.take_optional(run, field, name, per_si);
        }
    }

    /// The same for a number that may be missing.
    pub(super) fn take_optional(&self, run: &mut Run, field: &'static str, name: &'static str, per_si: f64) {
        let Some(number) = self.optional_number(field) else { return };
        let column = Column::from(known(name).expect("importers name what the table knows"));
        match check_number(&column, number / per_si) {
            Ok(value) => column.insert(run, Value::Number(value)),
            Err(fault) => self.fault(field, fault.into()),
        }
    }

    /// Puts a number into the details, as it stands.
    pub(super) fn take_detail(&self, run: &mut Run, field: &'static str) {
        if let Some(number) = self.optional_number(field) {
            run.details.insert(field.to_owned(), number.to_string());
        }
    }
}

/// The JSON of a text; a fault with line and column if it is none.
pub(super) fn parse(file: &str, text: &str) -> Result<Json, Fault> {
    serde_json::from_str(text).map_err(|error| {
        let place = Place { file: file.to_owned(), line: error.line(), column: error.column(), path: String::new() };
        let whole = error.to_string();
        let message = whole.split(" at line ").next().unwrap_or(&whole).to_owned();
        let message = if error.is_eof() { format!("the file ends too early ({message})") } else { message };
        Fault { place, kind: FaultKind::NotJson { message } }
    })
}
