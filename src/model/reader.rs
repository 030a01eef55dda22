//! Reads the tables of a model file, noting every fault and going on.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::expression::{Expression, ExpressionKind, parse};
use super::fault::{Fault, span};
use crate::notes::nearest;
use crate::unit::Unit;

/// A text with the bytes between its quotes.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Text {
    /// The text.
    pub text: String,
    /// Bytes of the file.
    pub at: Range<usize>,
}

/// Faults found so far, and the file they are found in.
pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) faults: Vec<Fault>,
    /// Names whose unit is at fault: what uses them is not checked for units, so that one mistake is one message.
    pub(super) unsure: Vec<String>,
}

/// One table of the file, with the keys it may have.
pub(super) struct Entry<'a, 't> {
    /// As a reader would call it: "`[latent.weight_time]`".
    pub(super) place: String,
    /// The table's name in its header.
    pub(super) at: Range<usize>,
    pub(super) table: &'a DeTable<'t>,
}

impl<'t> Reader<'t> {
    /// The sub-tables of `[kind.NAME]`, in the order of the file.
    pub(super) fn entries<'a>(&mut self, root: &'a DeTable<'t>, kind: &str) -> Vec<(String, Entry<'a, 't>)> {
        let Some(value) = root.get(kind) else { return Vec::new() };
        let Some(table) = self.table(kind, value) else { return Vec::new() };
        let mut entries = Vec::new();
        for (name, value) in table {
            if let Some(inner) = self.table(name.get_ref(), value) {
                let place = format!("[{kind}.{}]", name.get_ref());
                entries.push((name.get_ref().to_string(), Entry { place, at: name.span(), table: inner }));
            }
        }
        entries.sort_by_key(|(_, entry)| entry.at.start);
        entries
    }

    /// A value that must be a table.
    pub(super) fn table<'a>(&mut self, key: &str, value: &'a Spanned<DeValue<'t>>) -> Option<&'a DeTable<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_type(key, "a table", value);
        }
        table
    }

    /// Faults every key that is not in `allowed`.
    pub(super) fn only(&mut self, entry: &Entry<'_, 't>, allowed: &[&str]) {
        for key in entry.table.keys() {
            let name: &str = key.get_ref();
            if !allowed.contains(&name) {
                let help = nearest(name, allowed.iter().copied()).map_or_else(
                    || format!("the keys are {}", allowed.join(", ")),
                    |known| format!("did you mean `{known}`?"),
                );
                self.faults.push(Fault::UnknownKey {
                    name: name.to_owned(),
                    place: entry.place.clone(),
                    at: span(&key.span()),
                    help,
                });
            }
        }
    }

    /// A text.
    pub(super) fn string(&mut self, entry: &Entry<'_, 't>, key: &str) -> Option<Text> {
        let value = entry.table.get(key)?;
        self.as_text(key, value)
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, entry: &Entry<'_, 't>, key: &str, help: &str) -> Option<Text> {
        if entry.table.get(key).is_none() {
            self.missing(entry, key, help);
        }
        self.string(entry, key)
    }

    /// Faults a key that is not there.
    pub(super) fn missing(&mut self, entry: &Entry<'_, 't>, key: &str, help: &str) {
        self.faults.push(Fault::MissingKey {
            name: key.to_owned(),
            place: entry.place.clone(),
            at: span(&entry.at),
            help: help.to_owned(),
        });
    }

    /// A value as a text; numbers and truths as their literal, so that `missing = 0` needs no quotes.
    pub(super) fn literal(&mut self, entry: &Entry<'_, 't>, key: &str) -> Option<Text> {
        let value = entry.table.get(key)?;
        match value.get_ref() {
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => {
                let at = value.span();
                Some(Text { text: self.text[at.clone()].to_owned(), at })
            }
            _ => self.as_text(key, value),
        }
    }

    /// An expression.
    pub(super) fn expression(&mut self, entry: &Entry<'_, 't>, key: &str) -> Option<(Text, Expression)> {
        let text = self.literal(entry, key)?;
        self.parse(&text).map(|expression| (text, expression))
    }

    /// The expression of a text.
    pub(super) fn parse(&mut self, text: &Text) -> Option<Expression> {
        match parse(&text.text, text.at.start) {
            Ok(expression) => Some(expression),
            Err(fault) => {
                self.faults.push(fault);
                None
            }
        }
    }

    /// The unit of what is called `name`; dimension 1 if there is none.
    pub(super) fn unit(&mut self, entry: &Entry<'_, 't>, name: &str, required: bool) -> Unit {
        let before = self.faults.len();
        let unit = self.unit_text(entry, required);
        if self.faults.len() > before {
            self.unsure.push(name.to_owned());
        }
        unit
    }

    fn unit_text(&mut self, entry: &Entry<'_, 't>, required: bool) -> Unit {
        let one = Unit { label: "1".to_owned(), factor: 1.0, dimension: crate::unit::Dimension::ONE };
        let text = if required {
            self.required(entry, "unit", "write `unit = \"s\"`; counts have their own name, such as `tokens`")
        } else {
            self.string(entry, "unit")
        };
        let Some(text) = text else { return one };
        match Unit::parse(&text.text) {
            Ok(unit) => unit,
            Err(reason) => {
                let help = "units are products and quotients such as `s`, `TB/s`, `W`, `tokens/s`, `1`".to_owned();
                self.faults.push(Fault::Unit { reason, at: span(&text.at), help });
                one
            }
        }
    }

    /// A list of texts.
    pub(super) fn strings(&mut self, entry: &Entry<'_, 't>, key: &str) -> Vec<Text> {
        let Some(value) = entry.table.get(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, "a list of texts such as `[\"flow\", \"pressure\"]`", value);
            return Vec::new();
        };
        array.iter().filter_map(|item| self.as_text(key, item)).collect()
    }

    /// A list of expressions, each a text.
    pub(super) fn expressions(&mut self, entry: &Entry<'_, 't>, key: &str) -> Vec<(Text, Expression)> {
        let texts = self.strings(entry, key);
        texts.into_iter().filter_map(|text| self.parse(&text).map(|expression| (text, expression))).collect()
    }

    /// The tables of `[[name]]`, or of a list of tables.
    pub(super) fn array<'a>(&mut self, table: &'a DeTable<'t>, name: &str, place: &str) -> Vec<Entry<'a, 't>> {
        let Some(value) = table.get(name) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(name, &format!("a list of tables, each below `{place}`"), value);
            return Vec::new();
        };
        array
            .iter()
            .filter_map(|item| {
                let table = self.table(name, item)?;
                Some(Entry { place: place.to_owned(), at: item.span(), table })
            })
            .collect()
    }

    /// A number.
    pub(super) fn number(&mut self, entry: &Entry<'_, 't>, key: &str) -> Option<f64> {
        let (text, expression) = self.expression(entry, key)?;
        let value = constant(&expression);
        if value.is_none() {
            self.faults.push(Fault::WrongType {
                key: key.to_owned(),
                expected: "a number".to_owned(),
                found: format!("`{}`", text.text),
                at: span(&text.at),
            });
        }
        value
    }

    /// A truth; false if it is not there.
    pub(super) fn flag(&mut self, entry: &Entry<'_, 't>, key: &str) -> bool {
        let Some(value) = entry.table.get(key) else { return false };
        let found = value.get_ref().as_bool();
        if found.is_none() {
            self.wrong_type(key, "`true` or `false`", value);
        }
        found.unwrap_or(false)
    }

    pub(super) fn wrong_type(&mut self, key: &str, expected: &str, value: &Spanned<DeValue<'t>>) {
        self.faults.push(Fault::WrongType {
            key: key.to_owned(),
            expected: expected.to_owned(),
            found: format!("a {}", value.get_ref().type_str())
                .replace("a string", "a text")
                .replace("a array", "a list"),
            at: span(&value.span()),
        });
    }

    fn as_text(&mut self, key: &str, value: &Spanned<DeValue<'t>>) -> Option<Text> {
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(key, "a text in quotes", value);
            return None;
        };
        let outer = value.span();
        let raw = &self.text[outer.clone()];
        // An escape shifts what follows it by one byte; the start of the text is right in every case.
        let opening = raw.find(text).unwrap_or_else(|| raw.len() - raw.trim_start_matches(['"', '\'']).len());
        let start = outer.start + opening;
        Some(Text { text: text.to_owned(), at: start..(start + text.len()).min(outer.end) })
    }
}

/// The value of a literal with an optional sign.
pub(super) fn constant(expression: &Expression) -> Option<f64> {
    match &expression.kind {
        ExpressionKind::Number(value, _) => Some(*value),
        ExpressionKind::Negate(inner) => constant(inner).map(|value| -value),
        _ => None,
    }
}
