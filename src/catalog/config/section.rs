//! Fields of a configuration, taken by name and type, and the entry that they become.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use miette::NamedSource;
use serde_json::{Map, Value as Json};

use super::fault::{ConfigFault, described};
use super::span;
use crate::catalog::entry::{Attribute, CatalogValue, Entry, Origin, Place, Shape};
use crate::unit::Dimension;

/// Beyond these no field of a model is what it says.
const MOST: f64 = 1e9;
const MOST_LAYERS: f64 = 1e4;

type Faults = RefCell<Vec<(ConfigFault, Range<usize>)>>;

/// An object of the file; what is wrong in it is collected, not thrown.
#[derive(Clone)]
pub(super) struct Section<'a> {
    object: &'a Map<String, Json>,
    path: Vec<&'static str>,
    file: &'a Arc<NamedSource<String>>,
    faults: &'a Faults,
}

impl<'a> Section<'a> {
    pub(super) fn root(object: &'a Map<String, Json>, file: &'a Arc<NamedSource<String>>, faults: &'a Faults) -> Self {
        Self { object, path: Vec::new(), file, faults }
    }

    /// An object inside this one.
    pub(super) fn section(&self, field: &'static str) -> Option<Self> {
        let object = self.get(field)?.as_object()?;
        let path = self.path.iter().copied().chain([field]).collect();
        Some(Self { object, path, ..self.clone() })
    }

    /// The file as a whole.
    pub(super) fn place(&self) -> Place {
        Place { file: Arc::clone(self.file), span: 0..0 }
    }

    /// Reports something about `field`, be it there or not.
    pub(super) fn fault(&self, field: &'static str, fault: ConfigFault) {
        let text = self.file.inner();
        let path: Vec<&str> = self.path.iter().copied().chain([field]).collect();
        let place = span::of(text, &path).or_else(|| span::of(text, &self.path)).unwrap_or(0..0);
        self.faults.borrow_mut().push((fault, place));
    }

    /// A field as messages name it: `text_config.hidden_size`.
    pub(super) fn named(&self, field: &'static str) -> String {
        self.path.iter().copied().chain([field]).collect::<Vec<_>>().join(".")
    }

    /// The value of a field; null counts as missing.
    pub(super) fn get(&self, field: &str) -> Option<&'a Json> {
        self.object.get(field).filter(|value| !value.is_null())
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.get(field).is_some()
    }

    fn typed<T>(&self, field: &'static str, expected: &'static str, typed: Option<T>) -> Option<T> {
        if typed.is_none()
            && let Some(value) = self.get(field)
        {
            let found = described(value);
            self.fault(field, ConfigFault::WrongValue { field: self.named(field), expected, found });
        }
        typed
    }

    /// Reports that a field is not there.
    pub(super) fn missing(&self, field: &'static str) {
        self.fault(field, ConfigFault::Missing { fields: vec![self.named(field)] });
    }

    /// A text that may be missing.
    pub(super) fn text(&self, field: &'static str) -> Option<&'a str> {
        self.typed(field, "a text", self.get(field)?.as_str())
    }

    /// A flag that may be missing.
    pub(super) fn flag(&self, field: &'static str) -> Option<bool> {
        self.typed(field, "true or false", self.get(field)?.as_bool())
    }

    /// A whole number of at least 0 that may be missing.
    pub(super) fn whole(&self, field: &'static str) -> Option<f64> {
        let value = self.get(field)?.as_f64().filter(|number| number.fract() == 0.0 && (0.0..=MOST).contains(number));
        self.typed(field, "a whole number from 0 to 1e9", value)
    }

    /// A whole number of at least 1 that may be missing.
    pub(super) fn count(&self, field: &'static str) -> Option<f64> {
        let value = self.get(field)?.as_f64().filter(|number| number.fract() == 0.0 && (1.0..=MOST).contains(number));
        self.typed(field, "a whole number from 1 to 1e9", value)
    }

    /// A whole number of at least 1 that must be there.
    pub(super) fn required(&self, field: &'static str) -> Option<f64> {
        if !self.has(field) {
            self.missing(field);
        }
        self.count(field)
    }

    /// As [`Section::required`], under the first of several names that is there.
    pub(super) fn required_of(&self, fields: &[&'static str]) -> Option<f64> {
        self.required(fields.iter().find(|field| self.has(field)).unwrap_or(&fields[0]))
    }

    /// The number of layers, which must be there.
    pub(super) fn layers(&self, field: &'static str) -> Option<f64> {
        let layers = self.required(field)?;
        self.typed(field, "a whole number from 1 to 10000", (layers <= MOST_LAYERS).then_some(layers))
    }

    /// A positive number that may be missing.
    pub(super) fn ratio(&self, field: &'static str) -> Option<f64> {
        let value = self.get(field)?.as_f64().filter(|number| *number > 0.0 && *number <= MOST);
        self.typed(field, "a positive number", value)
    }

    /// A list of texts that may be missing.
    pub(super) fn texts(&self, field: &'static str) -> Option<Vec<&'a str>> {
        let texts = self.get(field)?.as_array().and_then(|list| list.iter().map(Json::as_str).collect());
        self.typed(field, "a list of texts", texts)
    }

    /// A list of whole numbers that may be missing.
    pub(super) fn wholes(&self, field: &'static str) -> Option<Vec<u64>> {
        let numbers = self.get(field)?.as_array().and_then(|list| list.iter().map(Json::as_u64).collect());
        self.typed(field, "a list of whole numbers", numbers)
    }
}

/// An entry under construction.
pub(super) struct Draft {
    place: Place,
    stated: BTreeMap<String, Attribute>,
    unsure: Vec<String>,
}

impl Draft {
    pub(super) fn new(place: Place) -> Self {
        Self { place, stated: BTreeMap::new(), unsure: Vec::new() }
    }

    fn state(&mut self, name: &str, value: CatalogValue, shape: Shape) {
        let attribute = Attribute { value, shape, place: Some(self.place.clone()), origin: None };
        self.stated.insert(name.to_owned(), attribute);
    }

    /// States a count; what is missing has been told.
    pub(super) fn count(&mut self, name: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.state(name, CatalogValue::Number(value), Shape::Number(Dimension::ONE));
        }
    }

    /// States a quantity of bytes.
    pub(super) fn bytes(&mut self, name: &str, value: f64) {
        self.state(name, CatalogValue::Number(value), Shape::Number(Dimension::BYTES));
    }

    pub(super) fn name(&mut self, name: &str, value: &str) {
        self.state(name, CatalogValue::Name(value.to_owned()), Shape::Name);
    }

    pub(super) fn flag(&mut self, name: &str, on: bool) {
        self.state(name, CatalogValue::Flag(on), Shape::Flag);
    }

    /// Says what is not in the file but assumed.
    pub(super) fn doubt(&mut self, text: impl Into<String>) {
        self.unsure.push(text.into());
    }

    /// A number that was stated.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.stated.get(name)?.value.number()
    }

    /// What was stated, as lines of TOML.
    pub(super) fn lines(&self) -> Vec<String> {
        let text = |value: &CatalogValue| match value {
            CatalogValue::Number(number) => number.to_string(),
            CatalogValue::Name(name) => toml::Value::from(name.as_str()).to_string(),
            CatalogValue::Flag(on) => on.to_string(),
        };
        self.stated.iter().map(|(name, attribute)| format!("{name} = {}", text(&attribute.value))).collect()
    }

    pub(super) fn entry(mut self, model: &str, source: String) -> Entry {
        self.name("family", model);
        let unsure = (!self.unsure.is_empty()).then(|| self.unsure.join("; "));
        Entry {
            keys: vec![model.to_owned()],
            origin: Origin { source, unsure },
            like: None,
            stated: self.stated,
            all: BTreeMap::new(),
        }
    }
}
