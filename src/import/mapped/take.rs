//! One entry of a map: from which source column a value is taken, and what is done with it.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reader::{Reader, Text, get};
use crate::import::scale::{Scale, ScaleFault};
use crate::notes::quoted;
use crate::runs::{Column, Kind};
use crate::unit::Unit;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Take {
    /// The source column, or the dotted path of a nested value.
    pub(super) from: Text,
    /// The value is a range `[a, b]`, of which the dispersion of a uniform draw is meant.
    pub(super) uniform: bool,
    /// A source column to divide by.
    pub(super) per: Option<Text>,
    pub(super) scale: Scale,
    /// Names of the source and names of this program; empty takes names as they are.
    pub(super) values: BTreeMap<String, String>,
    /// Take this word of the text, from 1.
    pub(super) word: Option<usize>,
    /// Only in rows under this rule.
    pub(super) when: Option<Text>,
    /// Only in rows not under this rule.
    pub(super) unless: Option<Text>,
    /// The source may lack the column.
    pub(super) optional: bool,
}

const KEYS: &[&str] = &["from", "uniform", "unit", "per", "values", "word", "when", "unless", "optional"];

/// The entry of a target: a source column, a table, or a list of either of which the first with a value counts.
pub(super) fn takes(reader: &mut Reader, value: &Spanned<DeValue>, column: Option<&Column>) -> Vec<Take> {
    match value.get_ref() {
        DeValue::Array(list) => list.iter().filter_map(|item| take(reader, item, column)).collect(),
        _ => take(reader, value, column).into_iter().collect(),
    }
}

fn take(reader: &mut Reader, value: &Spanned<DeValue>, column: Option<&Column>) -> Option<Take> {
    let empty = DeTable::new();
    let (table, bare) = match value.get_ref() {
        DeValue::String(text) => (&empty, Some(Text { text: text.to_string(), span: value.span() })),
        DeValue::Table(table) => (table, None),
        other => {
            let message = format!("expected a source column or a table with `from`, not a {}", other.type_str());
            reader.fault(value.span(), message);
            return None;
        }
    };
    reader.deny_unknown(table, "an entry", KEYS);
    let uniform = reader.text(table, "uniform");
    let from = bare.or_else(|| reader.text(table, "from"));
    if uniform.is_some() == from.is_some() {
        let none = get(table, "from").is_none() && get(table, "uniform").is_none();
        if none || from.is_some() {
            reader.fault(value.span(), "an entry takes one of `from` and `uniform`: the source column");
        }
        return None;
    }
    let unit = reader.text(table, "unit");
    let scale = scale(reader, unit.as_ref(), column, value);
    Some(Take {
        uniform: uniform.is_some(),
        from: uniform.or(from)?,
        per: reader.text(table, "per"),
        scale,
        values: values(reader, table, column),
        word: reader.ordinal(table, "word"),
        when: reader.text(table, "when"),
        unless: reader.text(table, "unless"),
        optional: reader.flag(table, "optional"),
    })
}

/// What turns the source's unit into the column's. A quantity must say its unit; a count need not.
fn scale(reader: &mut Reader, unit: Option<&Text>, column: Option<&Column>, entry: &Spanned<DeValue>) -> Scale {
    let Some(column) = column else {
        if let Some(unit) = unit {
            reader.fault(unit.span.clone(), "a detail is kept as text and takes no unit");
        }
        return Scale::ONE;
    };
    let is_number = matches!(column.kind, Kind::Number | Kind::Count);
    let own = Unit::parse(&column.unit).expect("names and declarations hold units that parse");
    let Some(unit) = unit else {
        if is_number && !own.dimension.is_one() {
            let message = format!("`{}` needs the unit of its source: `unit = \"{}\"`", column.name, column.unit);
            reader.fault(entry.span(), message);
        }
        return Scale::ONE;
    };
    if !is_number {
        reader.fault(unit.span.clone(), format!("`{}` is no quantity and takes no unit", column.name));
        return Scale::ONE;
    }
    match Scale::between(&unit.text, &column.unit) {
        Ok(scale) => return scale,
        Err(ScaleFault::Unknown(error)) => reader.fault(unit.span.clone(), error.to_string()),
        Err(ScaleFault::Other(due, found)) => {
            let message = format!("`{}` is measured in {due}, but `{}` is in {found}", column.name, unit.text);
            reader.fault(unit.span.clone(), message);
        }
    }
    Scale::ONE
}

/// The table of names.
fn values(reader: &mut Reader, table: &DeTable, column: Option<&Column>) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let Some(names) = reader.table(table, "values") else { return values };
    if let Some(column) = column.filter(|column| column.kind != Kind::Name) {
        let span = get(table, "values").map(Spanned::span).unwrap_or_default();
        reader.fault(span, format!("`{}` is no name; `values` translates names only", column.name));
    }
    for (key, value) in names {
        match value.get_ref().as_str() {
            Some(text) => {
                values.insert(key.get_ref().to_string(), text.to_owned());
            }
            None => reader.fault(value.span(), "the names of `values` are texts"),
        }
    }
    values
}

impl Take {
    /// The name that the source's `text` stands for, or what it could have been.
    pub(super) fn translated(&self, text: &str) -> Result<String, String> {
        let word = match self.word {
            Some(ordinal) => text.split_whitespace().nth(ordinal - 1).unwrap_or(""),
            None => text,
        };
        if self.values.is_empty() {
            return Ok(word.to_owned());
        }
        self.values.get(word).cloned().ok_or_else(|| quoted(&self.values.keys().collect::<Vec<_>>(), 12))
    }
}
