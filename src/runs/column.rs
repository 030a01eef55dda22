//! Columns of a sweep: those of the name table, and those that the sweep's own TOML declares.

use super::names::{self, Kind, Name, Role};
use super::run::{Run, Value};
use crate::notes::nearest;
use crate::unit::Unit;

/// What one column of a sweep holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name without a unit.
    pub name: String,
    /// Condition, observed latent or metric.
    pub role: Role,
    /// What its cells may be.
    pub kind: Kind,
    /// SI unit, or the label of a count.
    pub unit: String,
}

impl From<&Name> for Column {
    fn from(name: &Name) -> Self {
        Self { name: name.name.to_owned(), role: name.role, kind: name.kind, unit: name.unit.to_owned() }
    }
}

impl Column {
    /// The column of this name, out of the name table and `declared`.
    pub fn named(name: &str, declared: &[Self]) -> Option<Self> {
        of_name(name, declared)
    }

    /// The name in a CSV header, with its unit.
    pub fn header(&self) -> String {
        names::column_name(&self.name, &self.unit)
    }

    /// Whether `run` has a value of this column.
    pub fn is_in(&self, run: &Run) -> bool {
        match self.role {
            Role::Condition => run.conditions.contains_key(&self.name),
            Role::Observed => run.observed.contains_key(&self.name),
            Role::Metric => run.metrics.contains_key(&self.name),
        }
    }

    /// Puts a value of this column where it belongs in `run`; what was measured must be a number.
    pub fn insert(&self, run: &mut Run, value: Value) {
        let name = self.name.clone();
        match (self.role, value.number()) {
            (Role::Condition, _) => {
                run.conditions.insert(name, value);
            }
            (Role::Observed, Some(number)) => {
                run.observed.insert(name, number);
            }
            (Role::Metric, Some(number)) => {
                run.metrics.insert(name, number);
            }
            (Role::Observed | Role::Metric, None) => {}
        }
    }
}

/// What is wrong with a `[column.NAME]` table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeclarationFault {
    /// The table of declared columns, or one of its entries, is no table.
    #[error("`column.{name}` must be a table with `role`, `kind` and `unit`")]
    NotATable {
        /// The declared name.
        name: String,
    },
    /// The name stands in the table of names already.
    #[error("`column.{name}` declares a name that is known without declaration")]
    Known {
        /// The declared name.
        name: String,
    },
    /// A key that no declaration has.
    #[error("`column.{name}` has no key `{key}`; it takes `role`, `kind` and `unit`")]
    UnknownKey {
        /// The declared name.
        name: String,
        /// The key as written.
        key: String,
    },
    /// A key is missing or has a value it cannot take.
    #[error("`column.{name}.{key}` must be {expected}")]
    Key {
        /// The declared name.
        name: String,
        /// The key.
        key: &'static str,
        /// What it can be.
        expected: &'static str,
    },
}

/// The columns that a sweep's provenance declares under `[column.NAME]`.
pub fn declared(provenance: &toml::Table) -> Result<Vec<Column>, Vec<DeclarationFault>> {
    let (mut columns, mut faults) = (Vec::new(), Vec::new());
    let table = match provenance.get("column") {
        None => return Ok(columns),
        Some(toml::Value::Table(table)) => table,
        Some(_) => return Err(vec![DeclarationFault::NotATable { name: "…".to_owned() }]),
    };
    for (name, entry) in table {
        match entry.as_table() {
            Some(entry) => columns.extend(declaration(name, entry, &mut faults)),
            None => faults.push(DeclarationFault::NotATable { name: name.clone() }),
        }
    }
    if faults.is_empty() { Ok(columns) } else { Err(faults) }
}

/// One declaration; its faults are added to `faults`.
fn declaration(name: &str, entry: &toml::Table, faults: &mut Vec<DeclarationFault>) -> Option<Column> {
    let before = faults.len();
    let name = name.to_owned();
    if names::condition_name(&name).is_some() || names::known(&name).is_some() || name == "id" {
        faults.push(DeclarationFault::Known { name: name.clone() });
    }
    for key in entry.keys().filter(|key| !["role", "kind", "unit", "meaning"].contains(&key.as_str())) {
        faults.push(DeclarationFault::UnknownKey { name: name.clone(), key: key.clone() });
    }
    let text = |key: &str| entry.get(key).and_then(toml::Value::as_str);
    let mut refuse = |key, expected| faults.push(DeclarationFault::Key { name: name.clone(), key, expected });
    let role = match text("role") {
        Some("condition") => Role::Condition,
        Some("observed") => Role::Observed,
        Some("metric") => Role::Metric,
        _ => {
            refuse("role", "`condition`, `observed` or `metric`");
            Role::Condition
        }
    };
    let kind = match text("kind") {
        Some("number") => Kind::Number,
        Some("count") => Kind::Count,
        Some("name") if role == Role::Condition => Kind::Name,
        Some("flag") if role == Role::Condition => Kind::Flag,
        _ if role == Role::Condition => {
            refuse("kind", "`number`, `count`, `name` or `flag`");
            Kind::Number
        }
        _ => {
            refuse("kind", "`number` or `count`: what was measured is a number");
            Kind::Number
        }
    };
    let unit = if entry.contains_key("unit") { text("unit").unwrap_or("") } else { "1" };
    if Unit::parse(unit).is_ok_and(|unit| unit.factor == 1.0) {
        (faults.len() == before).then(|| Column { name, role, kind, unit: unit.to_owned() })
    } else {
        refuse("unit", "an SI base unit such as \"s\", \"W\", \"J\", or a count such as \"tokens\"");
        None
    }
}

/// The column of this header, out of the name table (aliases of conditions included) and `declared`.
pub(super) fn of_header(header: &str, declared: &[Column]) -> Option<Column> {
    let alias = || names::all().find(|name| name.aliases.contains(&header) && name.column() == name.name);
    names::all()
        .find(|name| name.column() == header)
        .or_else(alias)
        .map(Column::from)
        .or_else(|| declared.iter().find(|column| column.header() == header || column.name == header).cloned())
}

/// The column of this name, out of the name table and `declared`.
pub(super) fn of_name(name: &str, declared: &[Column]) -> Option<Column> {
    names::known(name).map(Column::from).or_else(|| declared.iter().find(|column| column.name == name).cloned())
}

/// The header nearest to a misspelled one.
pub(super) fn nearest_header(header: &str, declared: &[Column]) -> Option<String> {
    let columns = || names::all().map(Column::from).chain(declared.iter().cloned());
    // The bare name without its unit is the commonest slip: `power` where `power_w` is meant.
    let bare = columns().find(|column| column.name == header).map(|column| column.header());
    let headers: Vec<String> = columns().map(|column| column.header()).chain(["id".to_owned()]).collect();
    bare.or_else(|| nearest(header, headers.iter().map(String::as_str)).map(str::to_owned))
}

/// The name nearest to a misspelled one.
pub(super) fn nearest_name(name: &str, declared: &[Column]) -> Option<String> {
    let names = names::all().map(|entry| entry.name).chain(declared.iter().map(|column| column.name.as_str()));
    nearest(name, names).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_column_is_read_and_a_bad_one_says_what_it_takes() {
        let good: toml::Table =
            "[column.fan_speed]\nrole = \"observed\"\nkind = \"number\"\nunit = \"Hz\"".parse().unwrap();
        assert_eq!(declared(&good).unwrap()[0].header(), "fan_speed_hz");
        let bad: toml::Table =
            "[column.fan_speed]\nrole = \"seen\"\nkind = \"name\"\nunit = \"rpm\"\n[column.power]".parse().unwrap();
        let text: Vec<String> = declared(&bad).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(text[0], "`column.fan_speed.role` must be `condition`, `observed` or `metric`");
        assert!(text.iter().any(|line| line.contains("`column.power` declares a name that is known")), "{text:?}");
    }

    #[test]
    fn a_bare_metric_is_pointed_to_its_column_with_unit() {
        assert_eq!(nearest_header("power", &[]).as_deref(), Some("power_w"));
        assert_eq!(nearest_header("energy_per_tokn_j", &[]).as_deref(), Some("energy_per_token_j"));
    }
}
