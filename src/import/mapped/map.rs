//! A map, read and checked: every fault at once, each with its place.

use std::path::Path;

use miette::{LabeledSpan, NamedSource};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reader::{self, Reader, Text};
use super::rule::Rule;
use super::take::{Take, takes};
use crate::import::error::{ImportError, MapFault};
use crate::notes::{did_you_mean, nearest, quoted};
use crate::runs::{self, Column, Kind, Role, Value, check_value, parse_value, read_text};

/// Which source column is which condition, latent or metric, and in which unit.
#[derive(Clone, Debug)]
pub struct Map {
    file: String,
    source: String,
    /// The sweep's name, if the map gives it.
    pub(super) name: Option<String>,
    pub(super) id: Option<Text>,
    pub(super) constants: Vec<(Column, Value)>,
    pub(super) targets: Vec<(Column, Vec<Take>)>,
    pub(super) details: Vec<(String, Vec<Take>)>,
    pub(super) rules: Vec<Rule>,
    /// Goes to the sweep's TOML, with the declared columns.
    pub(super) provenance: toml::Table,
}

/// Tables of targets, and what stands under them.
const SECTIONS: &[(&str, Role)] =
    &[("condition", Role::Condition), ("observed", Role::Observed), ("metric", Role::Metric)];

const KEYS: &[&str] =
    &["name", "id", "provenance", "column", "constant", "condition", "observed", "metric", "detail", "rule"];

impl Map {
    /// Reads a map file.
    pub fn read(path: &Path) -> Result<Self, ImportError> {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        Self::parse(&file, &read_text(path)?)
    }

    /// Reads the text of a map; `file` is its name in messages.
    pub fn parse(file: &str, source: &str) -> Result<Self, ImportError> {
        let mut reader = Reader::new(file, source);
        let mut map = Self {
            file: file.to_owned(),
            source: source.to_owned(),
            name: None,
            id: None,
            constants: Vec::new(),
            targets: Vec::new(),
            details: Vec::new(),
            rules: Vec::new(),
            provenance: toml::Table::new(),
        };
        match (DeTable::parse(source), source.parse::<toml::Table>()) {
            (Ok(spanned), Ok(plain)) => map.fill(&mut reader, spanned.get_ref(), &plain),
            (Err(error), _) | (_, Err(error)) => {
                reader.fault(error.span().unwrap_or_default(), error.message().to_owned());
            }
        }
        let faults = reader.faults;
        if faults.is_empty() { Ok(map) } else { Err(map.refused(faults)) }
    }

    fn fill(&mut self, reader: &mut Reader, table: &DeTable, plain: &toml::Table) {
        reader.deny_unknown(table, "a map", KEYS);
        self.name = reader.text(table, "name").map(|name| name.text);
        self.id = reader.text(table, "id");
        if let Some(toml::Value::Table(provenance)) = plain.get("provenance") {
            self.provenance = provenance.clone();
        }
        if let Some(columns) = plain.get("column") {
            self.provenance.insert("column".to_owned(), columns.clone());
        }
        let declared = runs::declared(&self.provenance).unwrap_or_else(|faults| {
            let span = reader::get(table, "column").map(Spanned::span).unwrap_or_default();
            for fault in faults {
                reader.fault(span.clone(), fault.to_string());
            }
            Vec::new()
        });
        self.read_rules(reader, table);
        for (section, role) in SECTIONS {
            let Some(entries) = reader.table(table, section) else { continue };
            for (key, value) in entries {
                if let Some(column) = target(reader, key, *role, &declared) {
                    let takes = takes(reader, value, Some(&column));
                    self.check_rules(reader, &takes);
                    self.targets.push((column, takes));
                }
            }
        }
        if let Some(entries) = reader.table(table, "detail") {
            for (key, value) in entries {
                let takes = takes(reader, value, None);
                self.check_rules(reader, &takes);
                self.details.push((key.get_ref().to_string(), takes));
            }
        }
        if let Some(entries) = reader.table(table, "constant") {
            for (key, value) in entries {
                let Some(column) = target(reader, key, Role::Condition, &declared) else { continue };
                match constant(&column, value.get_ref()) {
                    Ok(value) => self.constants.push((column, value)),
                    Err(message) => reader.fault(value.span(), message),
                }
            }
        }
        self.check_without(reader);
        if self.targets.is_empty() && reader.faults.is_empty() {
            let sections: Vec<String> = SECTIONS.iter().map(|(section, _)| format!("[{section}]")).collect();
            reader.fault(0..0, format!("the map maps nothing: it has no entry in {}", quoted(&sections, 3)));
        }
    }

    fn read_rules(&mut self, reader: &mut Reader, table: &DeTable) {
        let Some(rules) = reader.table(table, "rule") else { return };
        for (key, value) in rules {
            let name = Text { text: key.get_ref().to_string(), span: key.span() };
            match value.get_ref().as_table() {
                Some(table) => self.rules.extend(Rule::read(reader, &name, table)),
                None => reader.fault(value.span(), format!("rule `{}` must be a table", name.text)),
            }
        }
    }

    /// Entries may name only rules that are there.
    fn check_rules(&self, reader: &mut Reader, takes: &[Take]) {
        for name in takes.iter().flat_map(|take| take.when.iter().chain(&take.unless)) {
            if !self.rules.iter().any(|rule| rule.name == name.text) {
                let meant = nearest(&name.text, self.rules.iter().map(|rule| rule.name.as_str()));
                let message = format!("there is no rule `{}`{}", name.text, did_you_mean(meant));
                reader.fault(name.span.clone(), message);
            }
        }
    }

    /// Rules may take away only what the map gives.
    fn check_without(&self, reader: &mut Reader) {
        let mut names: Vec<&str> = SECTIONS.iter().map(|(section, _)| *section).chain(["detail", "constant"]).collect();
        names.extend(self.targets.iter().map(|(column, _)| column.name.as_str()));
        names.extend(self.constants.iter().map(|(column, _)| column.name.as_str()));
        for what in self.rules.iter().flat_map(|rule| &rule.without) {
            if !names.contains(&what.text.as_str()) {
                let meant = did_you_mean(nearest(&what.text, names.iter().copied()));
                reader.fault(what.span.clone(), format!("the map has no section and no target `{}`{meant}", what.text));
            }
        }
    }

    /// Every source column that must be there.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Text> {
        let all = self.targets.iter().flat_map(|(_, takes)| takes).chain(self.details.iter().flat_map(|(_, t)| t));
        let needed = all.filter(|take| !take.optional).flat_map(|take| std::iter::once(&take.from).chain(&take.per));
        self.id.iter().chain(needed).chain(self.rules.iter().flat_map(Rule::sources))
    }

    /// A fault about a place of the map.
    pub(super) fn fault(&self, at: &Text, message: String) -> MapFault {
        reader::fault(&self.file, &self.source, at.span.clone(), message)
    }

    /// The error of these faults.
    pub(super) fn refused(&self, mut faults: Vec<MapFault>) -> ImportError {
        faults.sort_by_key(|fault| fault.span.start);
        let label = |fault: &MapFault| LabeledSpan::new_with_span(Some(fault.message.clone()), fault.span.clone());
        let labels = faults.iter().map(label).collect();
        ImportError::Map { source_code: NamedSource::new(&self.file, self.source.clone()), faults, labels }
    }
}

/// The column that a key of a section names.
fn target(reader: &mut Reader, key: &Spanned<toml::de::DeString>, role: Role, declared: &[Column]) -> Option<Column> {
    let name = key.get_ref().as_ref();
    let column = Column::named(name, declared);
    let heading = |role: Role| SECTIONS.iter().find(|(_, own)| *own == role).map_or("", |(section, _)| *section);
    match column {
        Some(column) if column.role == role => return Some(column),
        Some(column) => {
            let own = heading(column.role);
            reader.fault(key.span(), format!("`{name}` is a name of `[{own}]`, not of `[{}]`", heading(role)));
        }
        None => {
            let names = runs::conditions().chain(runs::observed_latents()).chain(runs::metrics());
            let of_role: Vec<&str> = names
                .filter(|entry| entry.role == role)
                .map(|entry| entry.name)
                .chain(declared.iter().map(|column| column.name.as_str()))
                .collect();
            let alias = runs::condition_name(name).filter(|_| role == Role::Condition).map(|entry| entry.name);
            let meant = did_you_mean(alias.or_else(|| nearest(name, of_role)));
            let message =
                format!("`{name}` is no {}{meant}; your own are declared as `[column.{name}]`", heading(role));
            reader.fault(key.span(), message);
        }
    }
    None
}

/// A constant, in SI.
fn constant(column: &Column, value: &DeValue) -> Result<Value, String> {
    let value = match value {
        DeValue::String(text) if column.kind == Kind::Name => Value::Name(text.to_string()),
        DeValue::Integer(number) => return parse_value(column, number.as_str()).map_err(|fault| fault.to_string()),
        DeValue::Float(number) => return parse_value(column, number.as_str()).map_err(|fault| fault.to_string()),
        DeValue::Boolean(on) => Value::Flag(*on),
        DeValue::String(text) => match crate::unit::parse_quantity(text) {
            Ok((number, unit))
                if crate::unit::Unit::parse(&column.unit).is_ok_and(|own| own.dimension == unit.dimension) =>
            {
                Value::Number(number)
            }
            Ok((_, unit)) => {
                return Err(format!("`{}` is measured in {}, not in {}", column.name, column.unit, unit.label));
            }
            Err(error) => return Err(error.to_string()),
        },
        other => return Err(format!("expected a text, a number or a flag, not a {}", other.type_str())),
    };
    check_value(column, &value).map_err(|fault| fault.to_string())?;
    Ok(value)
}
