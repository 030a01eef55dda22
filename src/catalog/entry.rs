//! Entries of a catalog and the places they were written at.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use miette::NamedSource;

use crate::unit::Dimension;

/// What an attribute is.
#[derive(Clone, Debug, PartialEq)]
pub enum CatalogValue {
    /// A quantity in SI base units, or a count.
    Number(f64),
    /// A name out of an open set.
    Name(String),
    /// On or off.
    Flag(bool),
}

impl CatalogValue {
    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        if let Self::Number(value) = self { Some(*value) } else { None }
    }

    /// The name, if it is one.
    pub fn name(&self) -> Option<&str> {
        if let Self::Name(text) = self { Some(text) } else { None }
    }

    /// The flag, if it is one.
    pub fn flag(&self) -> Option<bool> {
        if let Self::Flag(on) = self { Some(*on) } else { None }
    }
}

/// Where an entry, or one of its values, comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Data sheet, paper or configuration file.
    pub source: String,
    /// What to doubt.
    pub unsure: Option<String>,
}

/// A stretch of a file.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) file: Arc<NamedSource<String>>,
    pub(super) span: Range<usize>,
}

/// What one attribute may be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Number(Dimension),
    Name,
    Flag,
}

/// One value as read or derived.
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    pub(super) value: CatalogValue,
    pub(super) shape: Shape,
    /// Missing for what was derived.
    pub(super) place: Option<Place>,
    /// Origin of this value where it differs from that of its entry.
    pub(super) origin: Option<Origin>,
}

/// One entry: what its files state, and all that can be looked up.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) keys: Vec<String>,
    pub(super) origin: Origin,
    pub(super) like: Option<(String, Place)>,
    pub(super) stated: BTreeMap<String, Attribute>,
    /// Stated, taken from `like`, and derived.
    pub(super) all: BTreeMap<String, Attribute>,
}

impl Entry {
    /// The entry as a person would name it: `gpu.H100`.
    pub(super) fn title(&self, table: &str) -> String {
        title(table, &self.keys)
    }
}

/// A table and keys as a person would name them: `precision.default.fp8`.
pub(super) fn title(table: &str, keys: &[String]) -> String {
    let is_bare = |key: &str| key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    keys.iter().fold(
        table.to_owned(),
        |text, key| {
            if is_bare(key) { format!("{text}.{key}") } else { format!("{text}.\"{key}\"") }
        },
    )
}
