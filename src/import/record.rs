//! One record of a source, of which numbers and names are taken by tables; what is wrong is collected, not thrown.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::about::caveat;
use super::error::{Fault, FaultKind, Place};
use super::json::described;
use super::scale::{Scale, ScaleFault, meant};
use crate::runs::{
    Column, Role, Run, Value, ValueFault, canonical_value, check_number, known, parse_value, split_precision,
};

/// One number of a source: where it stands, what it is here, and the unit that it has there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Take {
    from: &'static str,
    to: To,
    unit: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum To {
    Name(&'static str),
    Detail(&'static str),
}

impl Take {
    /// Where it stands in the source.
    pub(super) fn from(&self) -> &'static str {
        self.from
    }
}

/// A number that is a condition, an observed latent or a metric.
pub(super) const fn number(from: &'static str, to: &'static str, unit: &'static str) -> Take {
    Take { from, to: To::Name(to), unit }
}

/// A value that is kept beside the run, as it stands.
pub(super) const fn detail(from: &'static str, to: &'static str) -> Take {
    Take { from, to: To::Detail(to), unit: "1" }
}

/// One record and where its faults go.
pub(super) struct Record<'a> {
    object: &'a Map<String, Json>,
    place: Place,
    faults: &'a RefCell<Vec<Fault>>,
    read: RefCell<BTreeSet<String>>,
}

impl<'a> Record<'a> {
    pub(super) fn new(object: &'a Map<String, Json>, place: Place, faults: &'a RefCell<Vec<Fault>>) -> Self {
        Self { object, place, faults, read: RefCell::default() }
    }

    /// Reports something about what stands at `path`.
    pub(super) fn fault(&self, path: &str, kind: FaultKind) {
        let mut place = self.place.clone();
        let dot = if place.path.is_empty() || path.is_empty() { "" } else { "." };
        place.path = format!("{}{dot}{path}", place.path);
        self.faults.borrow_mut().push(Fault { place, kind });
    }

    /// The value at a path of nested objects, `metrics.power.mean`; null and an empty text are missing. A key that itself
    /// has dots is found too.
    pub(super) fn get(&self, path: &str) -> Option<&'a Json> {
        let top = if self.object.contains_key(path) { path } else { path.split('.').next().unwrap_or(path) };
        self.read.borrow_mut().insert(top.to_owned());
        let value = at(self.object, path)?;
        (!value.is_null() && value.as_str() != Some("")).then_some(value)
    }

    /// The first of several paths that has a value, with the path.
    pub(super) fn first<'p>(&self, paths: &[&'p str]) -> Option<(&'p str, &'a Json)> {
        paths.iter().find_map(|path| Some((*path, self.get(path)?)))
    }

    /// The top-level fields that nothing has asked for.
    pub(super) fn unread(&self) -> Vec<String> {
        let read = self.read.borrow();
        self.object.keys().filter(|key| !read.contains(*key)).cloned().collect()
    }

    /// Every top-level field.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a String> {
        self.object.keys()
    }

    /// A text, if it stands there; something else is a fault.
    pub(super) fn text(&self, path: &str) -> Option<&'a str> {
        let value = self.get(path)?;
        if value.as_str().is_none() {
            self.fault(path, FaultKind::WrongType { expected: "a text", found: described(value) });
        }
        value.as_str()
    }

    /// A number, if it stands there: also as text, as CSV and some tools write it. What is not finite, and the minus one
    /// that some tools write for what they do not know, is missing.
    pub(super) fn number(&self, path: &str) -> Option<f64> {
        let value = self.get(path)?;
        let number = match value {
            Json::String(text) if is_no_number(text) => return None,
            Json::String(text) => text.trim().parse().ok(),
            other => other.as_f64(),
        };
        if number.is_none() {
            self.fault(path, FaultKind::WrongType { expected: "a number", found: described(value) });
        }
        number.filter(|number| number.is_finite())
    }

    /// A number above zero, if it stands there.
    pub(super) fn positive(&self, path: &str) -> Option<f64> {
        self.number(path).filter(|number| *number > 0.0)
    }

    /// Takes what a table says.
    pub(super) fn take(&self, run: &mut Run, takes: &[Take]) {
        for take in takes {
            match take.to {
                To::Detail(name) => self.take_detail(run, take.from, name),
                To::Name(name) => {
                    let Some(value) = self.number(take.from) else { continue };
                    self.put_in(run, take.from, name, value, take.unit);
                }
            }
        }
    }

    /// Takes a number whose unit stands beside it.
    pub(super) fn take_with_unit(&self, run: &mut Run, from: &str, unit_at: &str, to: &str) {
        let Some(value) = self.number(from) else { return };
        match self.get(unit_at) {
            None => caveat(run, "no_unit", &format!("`{from}` has no unit in the source and is left out")),
            Some(_) => {
                if let Some(unit) = self.text(unit_at) {
                    self.put_in(run, from, to, value, &meant(unit));
                }
            }
        }
    }

    /// A number whose unit stands beside it, in the SI unit `own`.
    pub(super) fn si(&self, from: &str, unit_at: &str, own: &str) -> Option<f64> {
        let (value, unit) = (self.number(from)?, self.text(unit_at)?);
        let scale = Scale::between(&meant(unit), own).ok();
        if scale.is_none() {
            self.fault(unit_at, FaultKind::Unit { found: unit.to_owned(), expected: own.to_owned() });
        }
        scale.map(|scale| scale.to_si(value))
    }

    /// Puts a number of the source into the run, in SI.
    pub(super) fn put_in(&self, run: &mut Run, from: &str, to: &str, value: f64, unit: &str) {
        let column = Column::from(known(to).expect("importers name what the table knows"));
        match Scale::between(unit, &column.unit) {
            Ok(scale) => self.put(run, from, to, scale.to_si(value)),
            Err(ScaleFault::Unknown(_) | ScaleFault::Other(..)) => {
                self.fault(from, FaultKind::Unit { found: unit.to_owned(), expected: column.unit });
            }
        }
    }

    /// Puts a number in SI into the run. A metric of zero was not measured, and is left out with a word about it.
    pub(super) fn put(&self, run: &mut Run, from: &str, to: &str, value: f64) {
        let column = Column::from(known(to).expect("importers name what the table knows"));
        match check_number(&column, value) {
            Ok(value) => column.insert(run, Value::Number(value)),
            Err(ValueFault::Zero { .. }) if column.role == Role::Metric => {
                caveat(run, "zero_left_out", &format!("`{from}` is 0 in the source, taken as not measured"));
            }
            Err(fault) => self.fault(from, fault.into()),
        }
    }

    /// Puts a name, a flag or a number that is written as text into a condition.
    pub(super) fn put_condition(&self, run: &mut Run, from: &str, to: &str, text: &str) {
        let column = Column::from(known(to).expect("importers name what the table knows"));
        match parse_value(&column, text) {
            Ok(value) => {
                column.insert(run, value);
            }
            Err(fault) => self.fault(from, fault.into()),
        }
    }

    /// Takes a name from the first of several paths.
    pub(super) fn take_name(&self, run: &mut Run, from: &[&str], to: &str) {
        if let Some((path, value)) = self.first(from) {
            match plain(value) {
                Some(text) => self.put_condition(run, path, to, text.trim()),
                None => self.fault(path, FaultKind::WrongType { expected: "a name", found: described(value) }),
            }
        }
    }

    /// Takes the published name of a model: its base, its checkpoint, and the precision that its suffix spells.
    pub(super) fn take_model(&self, run: &mut Run, from: &[&str]) {
        let Some((path, value)) = self.first(from) else { return };
        match value.as_str() {
            Some(published) => put_model(run, published.trim()),
            None => self.fault(path, FaultKind::WrongType { expected: "a model name", found: described(value) }),
        }
    }

    /// Keeps a value beside the run.
    pub(super) fn take_detail(&self, run: &mut Run, from: &str, to: &str) {
        if let Some(text) = self.get(from).and_then(plain) {
            run.details.insert(to.to_owned(), text);
        }
    }
}

/// The model of a run, of the name that it was published under.
pub(super) fn put_model(run: &mut Run, published: &str) {
    let (base, precision) = split_precision(published);
    let mut set = |name: &str, value: &str| run.conditions.insert(name.to_owned(), Value::Name(value.to_owned()));
    set("model", base);
    set("checkpoint", published);
    if let Some(precision) = precision {
        set("precision", canonical_value("precision", precision));
    }
}

fn at<'a>(object: &'a Map<String, Json>, path: &str) -> Option<&'a Json> {
    if let Some(value) = object.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    match object.get(first)? {
        Json::Object(inner) => at(inner, rest),
        Json::Array(list) => {
            let (index, rest) = rest.split_once('.').unwrap_or((rest, ""));
            let item = list.get(index.parse::<usize>().ok()?)?;
            if rest.is_empty() { Some(item) } else { at(item.as_object()?, rest) }
        }
        _ => None,
    }
}

/// What tools write where there is no number.
pub(super) fn is_no_number(text: &str) -> bool {
    let bare = text.trim().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    matches!(
        bare.as_str(),
        "" | "inf" | "-inf" | "infinity" | "nan" | "n/a" | "na" | "-" | "none" | "null" | "not supported"
    ) || bare.starts_with("unknown error")
        || bare.starts_with("gpu is lost")
}

/// The text of a value that is no list and no object.
fn plain(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(on) => Some(on.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}
