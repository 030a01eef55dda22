//! TOML text → entries, with the place of every value and every fault at once.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use miette::NamedSource;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::entry::{Attribute, CatalogValue, Entry, Origin, Place, Shape, title};
use super::fault::{self, Fault, FaultKind};
use crate::unit::{Dimension, parse_quantity};

/// Prose about an entry or a value; never an attribute.
const PROSE: [&str; 3] = ["source", "unsure", "note"];

/// A file being read.
struct Reader<'a> {
    file: &'a Arc<NamedSource<String>>,
    faults: &'a mut Vec<Fault>,
    entries: Vec<(String, Entry)>,
}

/// An entry under construction: what messages call it, and what is known of it.
struct Draft {
    title: String,
    prose: BTreeMap<String, String>,
    like: Option<(String, Place)>,
    stated: BTreeMap<String, Attribute>,
}

type Key<'i> = Spanned<DeString<'i>>;
type Value<'i> = Spanned<DeValue<'i>>;

/// The entries of one file with the names of their tables, in the order of the file. Faults are added to `faults`.
pub(super) fn read(name: &str, text: &str, faults: &mut Vec<Fault>) -> Vec<(String, Entry)> {
    let file = Arc::new(NamedSource::new(name, text.to_owned()));
    let mut reader = Reader { file: &file, faults, entries: Vec::new() };
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let message = error.message().to_owned();
        reader.fault(FaultKind::Syntax { message }, error.span().unwrap_or(0..0));
    }
    for (table, value) in in_order(root.get_ref()) {
        match value.get_ref() {
            DeValue::Table(inner) if is_level(inner) => {
                for (key, value) in in_order(inner) {
                    reader.level(table.get_ref(), &[], key, value);
                }
            }
            _ => reader.fault(FaultKind::OutsideEntry { name: table.get_ref().to_string() }, table.span()),
        }
    }
    reader.entries
}

/// The pairs of a table as written (the parser sorts them by name).
fn in_order<'a, 'i>(table: &'a DeTable<'i>) -> Vec<(&'a Key<'i>, &'a Value<'i>)> {
    let mut pairs: Vec<_> = table.iter().collect();
    pairs.sort_by_key(|(key, _)| key.span().start);
    pairs
}

/// Whether a table holds further keys rather than attributes: all it has are tables, none of them a value with origin.
fn is_level(table: &DeTable<'_>) -> bool {
    table.iter().all(|(_, value)| value.get_ref().as_table().is_some_and(|inner| !inner.contains_key("value")))
        && !table.is_empty()
}

impl Reader<'_> {
    fn place(&self, span: Range<usize>) -> Place {
        Place { file: Arc::clone(self.file), span }
    }

    fn fault(&mut self, kind: FaultKind, span: Range<usize>) {
        let place = self.place(span);
        self.faults.push(Fault { kind, place });
    }

    /// Goes down one key: to an entry, or to the next key.
    fn level(&mut self, table: &str, above: &[String], key: &Key<'_>, value: &Value<'_>) {
        let keys: Vec<String> = above.iter().cloned().chain([key.get_ref().to_string()]).collect();
        match value.get_ref() {
            DeValue::Table(inner) if is_level(inner) => {
                for (key, value) in in_order(inner) {
                    self.level(table, &keys, key, value);
                }
            }
            DeValue::Table(inner) => self.entry(table, keys, key.span(), inner),
            _ => self.fault(FaultKind::OutsideEntry { name: title(table, &keys) }, key.span()),
        }
    }

    /// Reads one entry.
    fn entry(&mut self, table: &str, keys: Vec<String>, span: Range<usize>, values: &DeTable<'_>) {
        let mut draft =
            Draft { title: title(table, &keys), prose: BTreeMap::new(), like: None, stated: BTreeMap::new() };
        for (key, value) in in_order(values) {
            let name = key.get_ref().as_ref();
            if PROSE.contains(&name) {
                self.prose(&mut draft, name, value);
            } else if name == "like" {
                match value.get_ref() {
                    DeValue::String(text) => draft.like = Some((text.to_string(), self.place(value.span()))),
                    _ => self.wrong_type(&draft, name, "the name of another entry", value),
                }
            } else if let Some(attribute) = self.attribute(&draft, name, value) {
                draft.stated.insert(name.to_owned(), attribute);
            }
        }
        if !draft.prose.contains_key("source") && !values.contains_key("source") {
            self.fault(FaultKind::MissingSource { entry: draft.title.clone() }, span);
        }
        let origin =
            Origin { source: draft.prose.remove("source").unwrap_or_default(), unsure: draft.prose.remove("unsure") };
        let entry = Entry { keys, origin, like: draft.like, stated: draft.stated, all: BTreeMap::new() };
        self.entries.push((table.to_owned(), entry));
    }

    /// Reads a text about the entry.
    fn prose(&mut self, draft: &mut Draft, name: &str, value: &Value<'_>) {
        match value.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => {
                draft.prose.insert(name.to_owned(), text.to_string());
            }
            _ => self.wrong_type(draft, name, fault::PROSE, value),
        }
    }

    /// Reads one value, bare or with its origin.
    fn attribute(&mut self, draft: &Draft, name: &str, value: &Value<'_>) -> Option<Attribute> {
        let DeValue::Table(inner) = value.get_ref() else {
            return self.plain(draft, name, value);
        };
        let Some(plain) = inner.get("value") else {
            self.wrong_type(draft, name, "a value", value);
            return None;
        };
        let mut about = Draft { title: format!("{}.{name}", draft.title), prose: BTreeMap::new(), ..Draft::empty() };
        for (key, text) in in_order(inner) {
            let key_name = key.get_ref().as_ref();
            if PROSE.contains(&key_name) {
                self.prose(&mut about, key_name, text);
            } else if key_name != "value" {
                self.wrong_type(&about, key_name, "`value`, `source`, `unsure` or `note`", text);
            }
        }
        let mut attribute = self.plain(draft, name, plain)?;
        let source = about.prose.remove("source");
        if source.is_none() && !inner.contains_key("source") {
            self.fault(FaultKind::MissingSource { entry: about.title }, value.span());
        }
        attribute.origin = source.map(|source| Origin { source, unsure: about.prose.remove("unsure") });
        Some(attribute)
    }

    /// Reads a number, text or flag.
    fn plain(&mut self, draft: &Draft, name: &str, value: &Value<'_>) -> Option<Attribute> {
        let number = |number: f64| (CatalogValue::Number(number), Shape::Number(Dimension::ONE));
        let (read, shape) = match value.get_ref() {
            DeValue::Boolean(on) => (CatalogValue::Flag(*on), Shape::Flag),
            DeValue::Integer(digits) => {
                number(i64::from_str_radix(digits.as_str(), digits.radix()).map_or(f64::NAN, |whole| whole as f64))
            }
            DeValue::Float(digits) => number(digits.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::String(text) if starts_with_number(text) => match parse_quantity(text) {
                Ok((number, unit)) => (CatalogValue::Number(number), Shape::Number(unit.dimension)),
                Err(error) => {
                    let kind = FaultKind::NoQuantity { entry: draft.title.clone(), attribute: name.to_owned(), error };
                    self.fault(kind, value.span());
                    return None;
                }
            },
            DeValue::String(text) => (CatalogValue::Name(text.to_string()), Shape::Name),
            _ => {
                self.wrong_type(draft, name, "a number, a text or a flag", value);
                return None;
            }
        };
        if read.number().is_some_and(|number| !number.is_finite()) {
            let kind = FaultKind::NotFinite { entry: draft.title.clone(), attribute: name.to_owned() };
            self.fault(kind, value.span());
            return None;
        }
        Some(Attribute { value: read, shape, place: Some(self.place(value.span())), origin: None })
    }

    fn wrong_type(&mut self, draft: &Draft, name: &str, expected: &'static str, value: &Value<'_>) {
        let found = match value.get_ref() {
            DeValue::String(text) if text.trim().is_empty() => "an empty text",
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "a flag",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let kind = FaultKind::WrongType { entry: draft.title.clone(), attribute: name.to_owned(), expected, found };
        self.fault(kind, value.span());
    }
}

/// Whether a text means a quantity: a digit, perhaps behind a sign.
fn starts_with_number(text: &str) -> bool {
    text.trim_start().trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit())
}

impl Draft {
    fn empty() -> Self {
        Self { title: String::new(), prose: BTreeMap::new(), like: None, stated: BTreeMap::new() }
    }
}
