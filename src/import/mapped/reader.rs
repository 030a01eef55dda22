//! TOML with the place of every value: what is wrong is collected, each fault with its span.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::import::error::{MapFault, Place};
use crate::notes::{did_you_mean, nearest, quoted};

/// A text and the bytes where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

/// Reads a map and keeps its faults.
pub(super) struct Reader<'a> {
    file: &'a str,
    source: &'a str,
    pub(super) faults: Vec<MapFault>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a str, source: &'a str) -> Self {
        Self { file, source, faults: Vec::new() }
    }

    /// Adds a fault about the bytes of `span`.
    pub(super) fn fault(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.faults.push(fault(self.file, self.source, span, message));
    }

    /// Refuses the keys of `table` that are not in `allowed`.
    pub(super) fn deny_unknown(&mut self, table: &DeTable, what: &str, allowed: &[&str]) {
        for key in table.keys().filter(|key| !allowed.contains(&key.get_ref().as_ref())) {
            let meant = did_you_mean(nearest(key.get_ref(), allowed.iter().copied()));
            let message = format!("{what} has no `{}`{meant}; it takes {}", key.get_ref(), quoted(allowed, 20));
            self.fault(key.span(), message);
        }
    }

    /// The table under `key`, if there is one.
    pub(super) fn table<'t, 'i>(&mut self, table: &'t DeTable<'i>, key: &str) -> Option<&'t DeTable<'i>> {
        let value = get(table, key)?;
        let found = value.get_ref().as_table();
        if found.is_none() {
            self.wrong(value, key, "a table");
        }
        found
    }

    /// The text under `key`, if there is one.
    pub(super) fn text(&mut self, table: &DeTable, key: &str) -> Option<Text> {
        let value = get(table, key)?;
        let found = value.get_ref().as_str().map(|text| Text { text: text.to_owned(), span: value.span() });
        if found.is_none() {
            self.wrong(value, key, "a text");
        }
        found
    }

    /// The flag under `key`; off if it is missing.
    pub(super) fn flag(&mut self, table: &DeTable, key: &str) -> bool {
        let Some(value) = get(table, key) else { return false };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong(value, key, "`true` or `false`");
            false
        })
    }

    /// The whole number under `key`, from 1.
    pub(super) fn ordinal(&mut self, table: &DeTable, key: &str) -> Option<usize> {
        let value = get(table, key)?;
        let found = value.get_ref().as_integer().and_then(|integer| integer.as_str().parse().ok());
        let found = found.filter(|number| *number > 0);
        if found.is_none() {
            self.wrong(value, key, "a whole number from 1");
        }
        found
    }

    /// The list of texts under `key`; empty if it is missing.
    pub(super) fn texts(&mut self, table: &DeTable, key: &str) -> Vec<Text> {
        let Some(value) = get(table, key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong(value, key, "a list of texts");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in list {
            match item.get_ref().as_str() {
                Some(text) => texts.push(Text { text: text.to_owned(), span: item.span() }),
                None => self.wrong(item, key, "a list of texts"),
            }
        }
        texts
    }

    fn wrong(&mut self, value: &Spanned<DeValue>, key: &str, expected: &str) {
        let message = format!("`{key}` must be {expected}, not of type {}", value.get_ref().type_str());
        self.fault(value.span(), message);
    }
}

/// The value under `key`.
pub(super) fn get<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> Option<&'t Spanned<DeValue<'i>>> {
    table.iter().find(|(own, _)| own.get_ref() == key).map(|(_, value)| value)
}

/// A fault of `source` with line and column.
pub(super) fn fault(file: &str, source: &str, span: Range<usize>, message: impl Into<String>) -> MapFault {
    let before = source.get(..span.start).unwrap_or(source);
    let line = 1 + before.matches('\n').count();
    let column = 1 + before.rsplit('\n').next().unwrap_or("").chars().count();
    let place = Place { file: file.to_owned(), line, column, path: String::new() };
    MapFault { place, message: message.into(), span }
}
