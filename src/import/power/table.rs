//! Logs with a header of columns: which is which is told from their names.

use std::collections::BTreeMap;

use csv::StringRecord;

use super::log::{Domain, Log, Sample};
use super::time;
use crate::import::error::{Fault, FaultKind, Place};
use crate::import::record::is_no_number;
use crate::import::scale::{Scale, meant};
use crate::runs::Lines;

/// Faults of one log that are told; a log with more is of another form.
const MOST_FAULTS: usize = 20;

/// How to log what is read here.
const NVIDIA_LOG: &str = "nvidia-smi \
                          --query-gpu=timestamp,index,name,power.draw,temperature.gpu,clocks.sm,utilization.gpu \
                          --format=csv -lms 100";
const AMD_LOG: &str = "amd-smi metric -p -c -t -u -w 1 --csv";

/// Columns that only amd-smi has.
const AMD: &[&str] = &["socket_power", "average_socket_power", "current_socket_power", "gfx_activity", "umc_activity"];

/// Where the columns stand.
struct Columns {
    time: usize,
    power: usize,
    gpu: Option<usize>,
    host: Option<usize>,
    name: Option<usize>,
    temperature: Option<usize>,
    sm_clock: Option<usize>,
    utilization: Option<usize>,
    power_limit: Option<usize>,
    /// The unit in each column's header: `power.draw [W]`.
    units: Vec<Option<String>>,
    domain: Domain,
    header: StringRecord,
}

/// The name of a column without its unit, and the unit.
fn split_unit(cell: &str) -> (String, Option<String>) {
    let cell = cell.trim();
    match cell.split_once('[') {
        Some((name, unit)) => (name.trim().to_lowercase(), Some(unit.trim_end_matches(']').trim().to_owned())),
        None => (cell.to_lowercase(), None),
    }
}

fn is_power(name: &str) -> bool {
    name.contains("power")
        && !["limit", "cap", "max", "min", "management", "default", "state"].iter().any(|word| name.contains(word))
}

/// Whether a line is what `amd-smi … --watch` says before its header.
pub(in crate::import) fn is_preamble(line: &str) -> bool {
    line.trim_start().starts_with("'CTRL'")
}

/// Whether the first line of a text is the header of `nvidia-smi --query-gpu`.
pub(in crate::import) fn is_nvidia_smi(header: &str) -> bool {
    header.split(',').any(|cell| split_unit(cell).0.starts_with("power.draw"))
}

/// Whether it is that of `amd-smi`.
pub(in crate::import) fn is_amd_smi(header: &str) -> bool {
    let names: Vec<String> = header.split(',').map(|cell| split_unit(cell).0).collect();
    let has = |wanted: &[&str]| names.iter().any(|name| wanted.contains(&name.as_str()));
    has(&["socket_power", "power_usage", "average_socket_power", "current_socket_power"])
        && has(&["gpu", "gpu_id", "card", "device"])
}

impl Columns {
    fn of(header: &StringRecord) -> Result<Self, String> {
        let cells: Vec<(String, Option<String>)> = header.iter().map(split_unit).collect();
        let named = |names: &[&str]| names.iter().find_map(|name| cells.iter().position(|(cell, _)| cell == name));
        let powers = ["power.draw", "power.draw.average", "power.draw.instant", "socket_power", "power_usage"];
        let power = named(&powers).or_else(|| cells.iter().position(|(name, _)| is_power(name)));
        let time = cells.iter().position(|(name, _)| name.contains("time"));
        let (Some(time), Some(power)) = (time, power) else {
            let lacking = if power.is_none() { "power" } else { "time" };
            let is_amd = cells.iter().any(|(name, _)| AMD.contains(&name.as_str()));
            let command = if is_amd { AMD_LOG } else { NVIDIA_LOG };
            return Err(format!("there is no column of {lacking}; log with `{command}`"));
        };
        let domain = match cells[power].0.as_str() {
            "power.draw.instant" => Domain::Instant,
            "power.draw.average" => Domain::Average,
            "power.draw" => Domain::Draw,
            _ => Domain::Socket,
        };
        Ok(Self {
            time,
            power,
            domain,
            gpu: named(&["index", "gpu", "gpu_id", "gpu_index", "uuid", "pci.bus_id", "gpu_bus_id", "card", "device"]),
            host: named(&["hostname", "host", "node"]),
            name: named(&["name", "gpu_name", "market_name"]),
            temperature: named(&[
                "temperature.gpu",
                "hotspot_temperature",
                "temperature_hotspot",
                "hotspot",
                "edge_temperature",
                "edge",
                "temperature",
            ]),
            sm_clock: named(&[
                "clocks.sm",
                "clocks.current.sm",
                "clocks.gr",
                "clocks.current.graphics",
                "gfx_clk",
                "gfx_0_clk",
                "gfx_clock",
            ]),
            utilization: named(&["utilization.gpu", "gfx", "gfx_activity", "gfx_util"]),
            power_limit: named(&["power.limit", "enforced.power.limit"]),
            units: cells.into_iter().map(|(_, unit)| unit).collect(),
            header: header.clone(),
        })
    }

    /// A number of a row in SI: its unit stands in the cell, else in the header, else it is `usual`.
    fn number(&self, row: &StringRecord, column: Option<usize>, usual: &str, own: &str) -> Result<Option<f64>, String> {
        let Some(column) = column else { return Ok(None) };
        let cell = row.get(column).unwrap_or_default().trim();
        if is_no_number(cell) {
            return Ok(None);
        }
        let (number, unit) = cell.split_once(' ').unwrap_or((cell.trim_end_matches('%'), ""));
        let name = self.header.get(column).unwrap_or_default().trim();
        let number: f64 = number.parse().map_err(|_| format!("`{cell}` of `{name}` is not a number"))?;
        let unit = match (unit.trim(), &self.units[column]) {
            ("", Some(unit)) => unit,
            ("", None) => usual,
            (unit, _) => unit,
        };
        let scale = Scale::between(&meant(unit), own).map_err(|_| format!("`{cell}` of `{name}` is not in {own}"))?;
        let value = scale.to_si(number);
        if value.is_finite() && value >= 0.0 { Ok(Some(value)) } else { Err(format!("`{cell}` of `{name}` cannot be")) }
    }

    fn sample(&self, row: &StringRecord, time: f64, line: usize) -> Result<Sample, String> {
        Ok(Sample {
            time,
            line,
            // An AMD driver that cannot read a sensor says 0; no GPU draws nothing.
            power: self.number(row, Some(self.power), "W", "W")?.filter(|power| *power > 0.0),
            // The same of temperature: no part of a running machine is at 0 °C.
            temperature: self.number(row, self.temperature, "degC", "K")?.filter(|kelvin| *kelvin > 273.15),
            sm_clock: self.number(row, self.sm_clock, "MHz", "Hz")?,
            utilization: self.number(row, self.utilization, "percent", "1")?,
            power_limit: self.number(row, self.power_limit, "W", "W")?.filter(|limit| *limit > 0.0),
        })
    }
}

/// Reads a log with a header.
pub(super) fn read(file: &str, text: &str) -> Result<Log, Vec<Fault>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
    let mut rows = reader.records();
    let fault = |line: usize, message: String| Fault {
        place: Place { line, ..Place::new(file, "") },
        kind: FaultKind::Refused(message),
    };
    let header = rows.find(|row| row.as_ref().is_ok_and(|row| !row.get(0).is_some_and(is_preamble)));
    let Some(Ok(header)) = header else {
        return Err(vec![Fault { place: Place::new(file, ""), kind: FaultKind::Empty }]);
    };
    let columns = Columns::of(&header).map_err(|message| vec![fault(1, message)])?;
    let mut log = Log {
        gpus: BTreeMap::new(),
        names: BTreeMap::new(),
        domain: columns.domain,
        is_unix: false,
        has_times: true,
        notes: Vec::new(),
    };
    let (mut faults, mut torn, mut lines) = (Vec::new(), None, Lines::new(text));
    for row in rows {
        let Ok(row) = row else { break };
        let line = lines.of(&row) as usize;
        if let Some((line, cells)) = torn.take() {
            faults.push(fault(line, format!("the row has {cells} cells, but the header has {}", header.len())));
        }
        // A log that was begun anew in the same file has its header again.
        if row.iter().map(str::trim).eq(header.iter().map(str::trim)) || row.get(0).is_some_and(is_preamble) {
            continue;
        }
        if row.len() != header.len() {
            torn = Some((line, row.len()));
            continue;
        }
        if let Err(message) = take(&columns, &row, line, &mut log) {
            faults.push(fault(line, message));
        }
        if faults.len() >= MOST_FAULTS {
            break;
        }
    }
    if let Some((line, cells)) = torn {
        log.notes.push((
            "torn_last_row",
            format!("line {line} ends after {cells} of {} cells and is left out", header.len()),
        ));
    }
    if faults.is_empty() { Ok(log) } else { Err(faults) }
}

/// Adds one row to the log.
fn take(columns: &Columns, row: &StringRecord, line: usize, log: &mut Log) -> Result<(), String> {
    let written = row.get(columns.time).unwrap_or_default();
    let (seconds, is_unix) = time::seconds(written).ok_or_else(|| format!("`{}` is not a time", written.trim()))?;
    log.is_unix = is_unix;
    let cell = |column: Option<usize>| column.and_then(|column| row.get(column)).map(str::trim);
    // GPUs of several machines have the same indices.
    let host = cell(columns.host).map_or_else(String::new, |host| format!("{host}/"));
    let gpu = format!("{host}{}", cell(columns.gpu).unwrap_or("0"));
    let sample = columns.sample(row, seconds, line)?;
    if let Some(name) = cell(columns.name).filter(|name| !is_no_number(name)) {
        log.names.insert(gpu.clone(), name.to_owned());
    }
    log.gpus.entry(gpu).or_default().push(sample);
    Ok(())
}
