//! Rules: what is true of a row, and what then happens to it.

use serde_json::Value as Json;
use toml::de::{DeTable, DeValue};

use super::reader::{Reader, Text, get};
use super::rows::{Row, number_of, text_of};

/// Two numbers of a source are the same within its printed digits.
const SAME: f64 = 1e-9;

/// A named statement about a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    /// How entries refer to it.
    pub(super) name: String,
    /// The source column it looks at.
    pub(super) from: Text,
    /// A source column to divide by.
    pub(super) per: Option<Text>,
    test: Test,
    /// A row under the rule is left out.
    pub(super) skip_row: bool,
    /// Sections or targets that a row under the rule does not have.
    pub(super) without: Vec<Text>,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Equals(String),
    Contains(String),
    DiffersFrom(Text),
    Missing,
}

const KEYS: &[&str] = &["from", "per", "equals", "contains", "differs_from", "missing", "skip_row", "without"];

impl Rule {
    /// Reads `[rule.NAME]`.
    pub(super) fn read(reader: &mut Reader, name: &Text, table: &DeTable) -> Option<Self> {
        reader.deny_unknown(table, "a rule", KEYS);
        let from = reader.text(table, "from");
        if from.is_none() {
            reader
                .fault(name.span.clone(), format!("rule `{}` needs `from`: the source column it looks at", name.text));
        }
        let mut tests = Vec::new();
        if let Some(value) = get(table, "equals") {
            match value.get_ref() {
                DeValue::String(text) => tests.push(Test::Equals(text.to_string())),
                DeValue::Integer(number) => tests.push(Test::Equals(number.to_string())),
                DeValue::Float(number) => tests.push(Test::Equals(number.to_string())),
                DeValue::Boolean(on) => tests.push(Test::Equals(on.to_string())),
                _ => reader.fault(value.span(), "`equals` must be a text, a number or a flag"),
            }
        }
        tests.extend(reader.text(table, "contains").map(|text| Test::Contains(text.text)));
        tests.extend(reader.text(table, "differs_from").map(Test::DiffersFrom));
        if reader.flag(table, "missing") {
            tests.push(Test::Missing);
        }
        if tests.len() != 1 {
            let message =
                format!("rule `{}` takes one of `equals`, `contains`, `differs_from` and `missing`", name.text);
            reader.fault(name.span.clone(), message);
        }
        let per = reader.text(table, "per");
        let skip_row = reader.flag(table, "skip_row");
        let without = reader.texts(table, "without");
        Some(Self { name: name.text.clone(), from: from?, per, test: tests.pop()?, skip_row, without })
    }

    /// The source columns it needs.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Text> {
        let other = if let Test::DiffersFrom(other) = &self.test { Some(other) } else { None };
        [Some(&self.from), self.per.as_ref(), other].into_iter().flatten()
    }

    /// Whether the row is under the rule. A missing value equals nothing, contains nothing and differs from nothing.
    pub(super) fn holds(&self, row: &Row) -> bool {
        let value = row.get(&self.from.text);
        let Some(value) = value else { return self.test == Test::Missing };
        match &self.test {
            Test::Missing => false,
            Test::Contains(part) => text_of(value).is_some_and(|text| text.contains(part.as_str())),
            Test::Equals(text) => match (self.number(row, value), text.parse::<f64>()) {
                (Some(a), Ok(b)) => same(a, b),
                _ => text_of(value).as_ref() == Some(text),
            },
            Test::DiffersFrom(other) => match row.get(&other.text) {
                None => false,
                Some(other) => match (self.number(row, value), number_of(other)) {
                    (Some(a), Some(b)) => !same(a, b),
                    _ => text_of(value) != text_of(other),
                },
            },
        }
    }

    fn number(&self, row: &Row, value: &Json) -> Option<f64> {
        let number = number_of(value)?;
        match &self.per {
            None => Some(number),
            Some(per) => Some(number / number_of(row.get(&per.text)?)?),
        }
    }
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= SAME * a.abs().max(b.abs())
}
