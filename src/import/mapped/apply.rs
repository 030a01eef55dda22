//! A map applied to rows.

use std::path::Path;

use serde_json::Value as Json;

use super::map::Map;
use super::rows::{Row, number_of, paths, text_of};
use super::rule::Rule;
use super::take::Take;
use crate::import::error::{Fault, FaultKind, ImportError, Place};
use crate::import::json::described;
use crate::notes::{did_you_mean, list, nearest};
use crate::runs::{Column, Kind, Role, Run, Sweep, Value, check_number, number_duplicates, parse_value};

/// The sweep that `map` makes of `rows`.
pub(super) fn sweep(path: &Path, map: &Map, rows: Result<Vec<Row>, Vec<Fault>>) -> Result<Sweep, ImportError> {
    let faulty = |faults| ImportError::Faulty { path: path.to_owned(), faults };
    let rows = rows.map_err(faulty)?;
    if rows.is_empty() {
        return Err(ImportError::NoRows { path: path.to_owned() });
    }
    check_sources(map, &rows)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = map.name.clone().unwrap_or(stem);
    let mut faults = Vec::new();
    let mut runs: Vec<Run> = rows.iter().filter_map(|row| run(map, row, &name, &mut faults)).collect();
    if !faults.is_empty() {
        return Err(faulty(faults));
    }
    refuse_unmeasured(path, map, &runs)?;
    number_duplicates(runs.iter_mut());
    Ok(Sweep::new(name, runs, map.provenance.clone()))
}

/// Refuses rows of which none has a value in any metric of the map. A map without metrics is of rows to be asked about.
fn refuse_unmeasured(path: &Path, map: &Map, runs: &[Run]) -> Result<(), ImportError> {
    let metrics = map.targets.iter().filter(|(column, _)| column.role == Role::Metric);
    let sources: Vec<String> =
        metrics.flat_map(|(_, takes)| takes).map(|take| format!("`{}`", take.from.text)).collect();
    if sources.is_empty() || runs.iter().any(|run| !run.metrics.is_empty()) {
        return Ok(());
    }
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let message = format!("no row has a value in a column that the map takes as a metric: {}", list(&sources));
    let faults = vec![Fault { place: Place::new(&file, ""), kind: FaultKind::Refused(message) }];
    Err(ImportError::Faulty { path: path.to_owned(), faults })
}

/// Every source column that the map needs must stand in some row.
fn check_sources(map: &Map, rows: &[Row]) -> Result<(), ImportError> {
    let known = paths(rows);
    let missing = map.sources().filter(|source| !known.contains(&source.text));
    let faults: Vec<_> = missing
        .map(|source| {
            let meant = did_you_mean(nearest(&source.text, known.iter().map(String::as_str)));
            map.fault(source, format!("the source has no column `{}`{meant}", source.text))
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(map.refused(faults)) }
}

/// The run of a row; none if a rule leaves it out.
fn run(map: &Map, row: &Row, sweep: &str, faults: &mut Vec<Fault>) -> Option<Run> {
    let rules: Vec<&Rule> = map.rules.iter().filter(|rule| rule.holds(row)).collect();
    if rules.iter().any(|rule| rule.skip_row) {
        return None;
    }
    let without = |section: &str, name: &str| {
        rules.iter().flat_map(|rule| &rule.without).any(|what| what.text == section || what.text == name)
    };
    let mut run = Run { id: format!("{sweep}/{}", row.place.line), ..Run::default() };
    if let Some(id) = &map.id {
        match row.get(&id.text).and_then(text_of) {
            Some(text) => run.id = text,
            None => faults.push(at(row, &id.text, FaultKind::Missing)),
        }
    }
    for (column, value) in map.constants.iter().filter(|(column, _)| !without("constant", &column.name)) {
        column.insert(&mut run, value.clone());
    }
    for (column, takes) in &map.targets {
        let section = match column.role {
            Role::Condition => "condition",
            Role::Observed => "observed",
            Role::Metric => "metric",
        };
        if !without(section, &column.name)
            && let Some(take) = chosen(takes, row, &rules)
        {
            match value(take, column, row) {
                Ok(value) => column.insert(&mut run, value),
                Err(kind) => faults.push(at(row, &take.from.text, kind)),
            }
        }
    }
    for (name, takes) in map.details.iter().filter(|(name, _)| !without("detail", name)) {
        let Some(take) = chosen(takes, row, &rules) else { continue };
        let text = row.get(&take.from.text).map(|value| text_of(value).unwrap_or_else(|| value.to_string()));
        let Some(text) = text.filter(|text| !text.is_empty()) else { continue };
        match take.translated(&text) {
            Ok(text) => {
                run.details.insert(name.clone(), text);
            }
            Err(known) => faults.push(at(row, &take.from.text, FaultKind::UnknownName { found: text, known })),
        }
    }
    Some(run)
}

fn at(row: &Row, path: &str, kind: FaultKind) -> Fault {
    Fault { place: Place { path: path.to_owned(), ..row.place.clone() }, kind }
}

/// The first entry that has a value in this row.
fn chosen<'a>(takes: &'a [Take], row: &Row, rules: &[&Rule]) -> Option<&'a Take> {
    let holds = |name: &str| rules.iter().any(|rule| rule.name == name);
    takes.iter().find(|take| {
        take.when.as_ref().is_none_or(|rule| holds(&rule.text))
            && !take.unless.as_ref().is_some_and(|rule| holds(&rule.text))
            && row.get(&take.from.text).is_some()
            && take.per.as_ref().is_none_or(|per| row.get(&per.text).is_some())
    })
}

/// The value of an entry, in SI.
fn value(take: &Take, column: &Column, row: &Row) -> Result<Value, FaultKind> {
    let json = row.get(&take.from.text).ok_or(FaultKind::Missing)?;
    let wrong = |expected| FaultKind::WrongType { expected, found: described(json) };
    match column.kind {
        Kind::Number | Kind::Count => {
            let mut number = if take.uniform {
                dispersion(json).ok_or_else(|| wrong("a range [a, b] with 0 ≤ a ≤ b"))?
            } else {
                number_of(json).ok_or_else(|| wrong("a number"))?
            };
            if let Some(per) = take.per.as_ref().and_then(|per| row.get(&per.text)) {
                number /= number_of(per)
                    .ok_or_else(|| FaultKind::WrongType { expected: "a number to divide by", found: described(per) })?;
            }
            Ok(Value::Number(check_number(column, take.scale.to_si(number))?))
        }
        Kind::Name | Kind::Flag => {
            let text = text_of(json).ok_or_else(|| wrong("a name"))?;
            let name = take.translated(&text).map_err(|known| FaultKind::UnknownName { found: text.clone(), known })?;
            Ok(parse_value(column, &name)?)
        }
    }
}

/// `E[l²]/E[l]²` of lengths drawn evenly from a to b: 1 + (b−a)²/(3(a+b)²).
fn dispersion(range: &Json) -> Option<f64> {
    let [a, b] = range.as_array()?.as_slice() else { return None };
    let (a, b) = (number_of(a)?, number_of(b)?);
    let spread = (b - a) / (a + b);
    (0.0 <= a && a <= b && b > 0.0).then_some(1.0 + spread * spread / 3.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_uniform_range_has_its_dispersion() {
        assert_eq!(dispersion(&json!([600, 600])), Some(1.0));
        assert_eq!(dispersion(&json!([300, 900])), Some(1.0 + 0.25 / 3.0));
        assert_eq!(dispersion(&json!([0, 2])), Some(4.0 / 3.0));
        assert_eq!(dispersion(&json!([2, 1])), None);
        assert_eq!(dispersion(&json!("300")), None);
    }
}
