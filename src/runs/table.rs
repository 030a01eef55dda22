//! Runs as tables of text: lists, comparisons, CSV. How they are drawn is the report's affair.

use super::column::{Column, of_name};
use super::error::{Fault, RunsError};
use super::names::{self, Role};
use super::run::{Run, Value};
use super::write;
use crate::unit::show;

/// A header and rows of the same length.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Table {
    /// One title for each column.
    pub header: Vec<String>,
    /// The rows, each as long as the header.
    pub rows: Vec<Vec<String>>,
}

/// The value of `name` in `run`, for a person: `26.7 ms`, `B200`; nothing where it is missing.
pub fn shown_value(run: &Run, column: &Column) -> String {
    let number = match column.role {
        Role::Condition => match run.conditions.get(&column.name) {
            Some(Value::Number(number)) => Some(*number),
            Some(other) => return other.to_string(),
            None => None,
        },
        Role::Observed => run.observed.get(&column.name).copied(),
        Role::Metric => run.metrics.get(&column.name).copied(),
    };
    // A count has its name as title already.
    let unit = if crate::unit::Unit::parse(&column.unit).is_ok_and(|unit| unit.dimension.is_one()) {
        "1"
    } else {
        &column.unit
    };
    number.map(|number| show(number, unit)).unwrap_or_default()
}

/// The list of runs: ids, the conditions in which they differ, and the metrics asked for (all, if none is named).
pub fn table(runs: &[&Run], metrics: &[&str]) -> Table {
    let columns = columns(runs);
    let differs = |column: &Column| {
        let first = runs.first().map(|run| shown_value(run, column));
        runs.iter().any(|run| Some(shown_value(run, column)) != first)
    };
    let wanted = |column: &&Column| match column.role {
        Role::Condition => column.name != "checkpoint" && differs(column),
        Role::Observed => false,
        Role::Metric => metrics.is_empty() || metrics.contains(&column.name.as_str()),
    };
    let chosen: Vec<&Column> = columns.iter().filter(wanted).collect();
    let mut header = vec!["run".to_owned()];
    header.extend(chosen.iter().map(|column| column.name.clone()));
    let row = |run: &&Run| {
        let mut row = vec![run.id.clone()];
        row.extend(chosen.iter().map(|column| shown_value(run, column)));
        row
    };
    Table { header, rows: runs.iter().map(row).collect() }
}

/// Runs side by side: a row for each name that one of them has, only those that differ if `changes_only`.
pub fn compare(runs: &[&Run], changes_only: bool) -> Table {
    let mut header = vec!["name".to_owned()];
    header.extend(runs.iter().map(|run| run.id.clone()));
    let mut rows = Vec::new();
    for column in columns(runs) {
        let values: Vec<String> = runs.iter().map(|run| shown_value(run, &column)).collect();
        if !changes_only || values.iter().any(|value| *value != values[0]) {
            rows.push([vec![column.name.clone()], values].concat());
        }
    }
    Table { header, rows }
}

/// One CSV text of runs of any sweeps; `declared` are the columns that their sweeps declare.
pub fn csv(runs: &[&Run], declared: &[Column]) -> Result<String, RunsError> {
    write::csv(runs.iter().copied(), declared)
        .map_err(|faults: Vec<Fault>| RunsError::Faulty { file: "the runs".to_owned(), faults })
}

/// The columns of the runs; those that no table knows are shown as plain numbers and names.
fn columns(runs: &[&Run]) -> Vec<Column> {
    let mut own = Vec::new();
    for run in runs {
        let roles = [
            (Role::Condition, run.conditions.keys().collect::<Vec<_>>()),
            (Role::Observed, run.observed.keys().collect()),
            (Role::Metric, run.metrics.keys().collect()),
        ];
        for (role, name) in roles.iter().flat_map(|(role, names)| names.iter().map(move |name| (*role, *name))) {
            if of_name(name, &own).is_none() {
                own.push(Column { name: name.clone(), role, kind: names::Kind::Number, unit: "1".to_owned() });
            }
        }
    }
    write::columns_of(runs.iter().copied(), &own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_shows_what_differs() {
        let csv = "id,gpu,gpus,power_w,itl_p50_s\na,H100,1,700,0.0267\nb,H100,2,1400.5,\n";
        let sweep = crate::runs::Sweep::parse("s", csv, "").unwrap();
        let runs: Vec<&Run> = sweep.runs.iter().collect();
        let list = table(&runs, &[]);
        assert_eq!(list.header, ["run", "gpus", "power", "itl_p50"]);
        assert_eq!(list.rows[1], ["b", "2", "1400 W", ""]);
        let both = compare(&runs, true);
        assert_eq!(both.rows[0], ["gpus", "1", "2"]);
        assert_eq!(both.rows.len(), 3);
    }
}
