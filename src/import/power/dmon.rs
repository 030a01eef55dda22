//! Logs of `nvidia-smi dmon`: columns of a table, with their names and units in lines that begin with `#`.

use std::collections::BTreeMap;

use super::log::{Domain, Log, Sample};
use super::time;
use crate::import::error::{Fault, FaultKind, Place};
use crate::import::scale::Scale;

/// Seconds between rows where the log has no times: what `dmon` does if it is not told otherwise.
const USUAL_INTERVAL: f64 = 1.0;

/// Whether a text is such a log.
pub(in crate::import) fn is_dmon(text: &str) -> bool {
    text.lines()
        .find(|line| !line.trim().is_empty())
        .and_then(names)
        .is_some_and(|names| names.iter().any(|name| name == "gpu") && names.iter().any(|name| name == "pwr"))
}

/// The names of a header line.
fn names(line: &str) -> Option<Vec<String>> {
    let rest = line.trim().strip_prefix('#')?;
    Some(cells(rest).map(str::to_lowercase).collect())
}

/// The cells of a line; `--format csv` has commas between them.
fn cells(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| c.is_whitespace() || c == ',').filter(|cell| !cell.is_empty())
}

/// Reads the log.
pub(super) fn read(file: &str, text: &str) -> Result<Log, Vec<Fault>> {
    let mut log = Log {
        gpus: BTreeMap::new(),
        names: BTreeMap::new(),
        domain: Domain::Dmon,
        is_unix: false,
        has_times: false,
        notes: Vec::new(),
    };
    let (mut columns, mut faults): (Vec<String>, Vec<Fault>) = (Vec::new(), Vec::new());
    let count = text.lines().count();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        if let Some(names) = names(line) {
            if names.iter().any(|name| name == "gpu") {
                log.has_times = names.iter().any(|name| name == "time");
                columns = names;
            }
            continue;
        }
        let cells: Vec<&str> = cells(line).collect();
        if cells.len() != columns.len() {
            let message = format!("the row has {} cells, but the header has {}", cells.len(), columns.len());
            if index + 1 == count {
                log.notes.push(("torn_last_row", format!("line {}: {message}; it is left out", index + 1)));
            } else {
                let place = Place { line: index + 1, ..Place::new(file, "") };
                faults.push(Fault { place, kind: FaultKind::Refused(message) });
            }
        } else if let Err(message) = take(&columns, &cells, index + 1, &mut log) {
            let place = Place { line: index + 1, ..Place::new(file, "") };
            faults.push(Fault { place, kind: FaultKind::Refused(message) });
        }
        if faults.len() >= 20 {
            break;
        }
    }
    if faults.is_empty() { Ok(log) } else { Err(faults) }
}

fn take(columns: &[String], cells: &[&str], line: usize, log: &mut Log) -> Result<(), String> {
    let cell = |name: &str| columns.iter().position(|column| column == name).map(|at| cells[at]);
    let number = |name: &str, unit: &str, own: &str| match cell(name) {
        None | Some("-") => Ok(None),
        Some(text) => {
            let number: f64 = text.parse().map_err(|_| format!("`{text}` of `{name}` is not a number"))?;
            let value = Scale::between(unit, own).map_err(|_| format!("`{name}` is not in {own}"))?.to_si(number);
            if value.is_finite() && value >= 0.0 {
                Ok(Some(value))
            } else {
                Err(format!("`{text}` of `{name}` cannot be"))
            }
        }
    };
    let gpu = cell("gpu").unwrap_or("0").to_owned();
    let samples = log.gpus.entry(gpu).or_default();
    let time = match cell("time") {
        Some(time) => time::of_dmon(cell("date"), time).ok_or_else(|| format!("`{time}` is not a time"))?,
        None => samples.len() as f64 * USUAL_INTERVAL,
    };
    samples.push(Sample {
        time,
        line,
        power: number("pwr", "W", "W")?.filter(|power| *power > 0.0),
        temperature: number("gtemp", "degC", "K")?,
        sm_clock: number("pclk", "MHz", "Hz")?,
        utilization: number("sm", "percent", "1")?,
        power_limit: None,
    });
    Ok(())
}
