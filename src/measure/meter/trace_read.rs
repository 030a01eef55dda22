//! A trace read back from its folder; all of its faults at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::error::MeterError;
use super::field::{Field, State};
use super::gpu::GpuInfo;
use super::rapl::{Scope, Zone};
use super::record::{GpuRecord, ZoneRecord};
use super::trace::{HEADER, SAMPLES, STATES, TICKS, Trace, TraceWindow, VERSION, ZONES};
use crate::measure::energy::Counter;

/// Faults that are told of one trace.
const MOST_FAULTS: usize = 20;

impl Trace {
    /// Reads the folder of a trace.
    pub fn read(folder: &Path) -> Result<Self, MeterError> {
        let mut reader = Reader { folder, faults: Vec::new() };
        let trace = reader.trace();
        if reader.faults.is_empty() {
            Ok(trace)
        } else {
            let faults = crate::notes::lines(&reader.faults, MOST_FAULTS);
            Err(MeterError::Trace { path: folder.to_owned(), faults })
        }
    }
}

struct Reader<'a> {
    folder: &'a Path,
    faults: Vec<String>,
}

impl Reader<'_> {
    fn trace(&mut self) -> Trace {
        let header = self.header();
        let mut trace = Trace {
            driver_version: header.get("driver_version").and_then(toml::Value::as_str).unwrap_or_default().to_owned(),
            started_unix: number(&header, "started_unix").unwrap_or(0.0),
            ..Trace::default()
        };
        for (at, table) in tables(&header, "gpu").into_iter().enumerate() {
            match gpu(table) {
                Some(info) => {
                    let mut record = GpuRecord::new(info);
                    record.ended = ended(table);
                    trace.gpus.push(record);
                }
                None => self.faults.push(format!("{HEADER}: [[gpu]] {} lacks `index`, `name` or `uuid`", at + 1)),
            }
        }
        let indices: BTreeSet<u32> = trace.gpus.iter().map(|own| own.info.index).collect();
        if indices.len() < trace.gpus.len() {
            self.faults.push(format!("{HEADER}: two [[gpu]] have the same `index`"));
        }
        for (at, table) in tables(&header, "zone").into_iter().enumerate() {
            match zone(table) {
                Some(record) => trace.zones.push(record),
                None => self.faults.push(format!("{HEADER}: [[zone]] {} lacks `name` or a known `scope`", at + 1)),
            }
        }
        for (at, table) in tables(&header, "window").into_iter().enumerate() {
            match window(table) {
                Some(own) => trace.windows.push(own),
                None => self
                    .faults
                    .push(format!("{HEADER}: [[window]] {} lacks `from_s`, or `to_s` is not after it", at + 1)),
            }
        }
        trace.measurement = header.get("measurement").and_then(toml::Value::as_table).cloned().unwrap_or_default();
        if self.faults.is_empty() {
            self.rows_of(&mut trace);
        }
        trace
    }

    fn header(&mut self) -> toml::Table {
        let path = self.folder.join(HEADER);
        let table = match std::fs::read_to_string(&path).map(|text| text.parse::<toml::Table>()) {
            Ok(Ok(table)) => table,
            Ok(Err(error)) => {
                self.faults.push(format!("{HEADER} is not TOML: {}", error.message()));
                return toml::Table::new();
            }
            Err(error) => {
                self.faults.push(format!("{HEADER} cannot be read: {error}"));
                return toml::Table::new();
            }
        };
        if table.get("version").and_then(toml::Value::as_integer) != Some(VERSION) {
            self.faults.push(format!("{HEADER}: `version` must be {VERSION}"));
        }
        table
    }

    fn rows_of(&mut self, trace: &mut Trace) {
        let index: BTreeMap<String, usize> =
            trace.gpus.iter().enumerate().map(|(at, own)| (own.info.index.to_string(), at)).collect();
        let zones: BTreeMap<String, usize> =
            trace.zones.iter().enumerate().map(|(at, own)| (own.zone.name.clone(), at)).collect();
        self.rows(TICKS, &index, 3, |gpu, cells| {
            let [Some(early), Some(late), Some(value)] = cells[..] else { return false };
            let record = &mut trace.gpus[gpu];
            let in_order = record.counter.ticks().last().is_none_or(|last| early >= last.early) && late >= early;
            if in_order {
                record.counter.push(early, late, value, record.info.power_limit_w);
            }
            in_order
        });
        self.rows(SAMPLES, &index, 2, |gpu, cells| {
            let [Some(at), Some(power)] = cells[..] else { return false };
            trace.gpus[gpu].add_samples([(at, power)]);
            true
        });
        self.rows(STATES, &index, 1 + Field::COUNT, |gpu, cells| {
            let Some(at) = cells[0] else { return false };
            let mut state = State::new(at);
            for (field, value) in Field::ALL.into_iter().zip(&cells[1..]) {
                state.set(field, *value);
            }
            let is_in_order = trace.gpus[gpu].states().last().is_none_or(|last| last.at <= at);
            trace.gpus[gpu].add_state(state);
            is_in_order
        });
        self.rows(ZONES, &zones, 3, |zone, cells| {
            let [Some(early), Some(late), Some(value)] = cells[..] else { return false };
            let counter = &mut trace.zones[zone].counter;
            let is_in_order = counter.ticks().last().is_none_or(|last| early >= last.early) && late >= early;
            if is_in_order {
                counter.push(early, late, value, None);
            }
            is_in_order
        });
    }

    /// Reads the rows of one file: whose they are, and numbers.
    fn rows(
        &mut self,
        name: &str,
        owners: &BTreeMap<String, usize>,
        width: usize,
        mut take: impl FnMut(usize, &[Option<f64>]) -> bool,
    ) {
        let text = match std::fs::read_to_string(self.folder.join(name)) {
            Ok(text) => text,
            Err(error) => return self.faults.push(format!("{name} cannot be read: {error}")),
        };
        // A trace that was cut off may end in the middle of a row.
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        for (at, line) in whole.lines().enumerate().skip(1) {
            let mut cells = line.split(',');
            let owner = cells.next().and_then(|owner| owners.get(owner));
            let values: Result<Vec<Option<f64>>, ()> = cells.map(cell).collect();
            let fault = match (owner, values) {
                (None, _) => Some("names what is not in trace.toml"),
                (_, Err(())) => Some("holds what is no number"),
                (_, Ok(values)) if values.len() != width => Some("has the wrong number of cells"),
                (Some(owner), Ok(values)) => (!take(*owner, &values)).then_some("lacks a value, or is out of order"),
            };
            self.faults.extend(fault.map(|fault| format!("{name}: line {} {fault}", at + 1)));
        }
    }
}

/// A number, or nothing where nothing was read.
fn cell(text: &str) -> Result<Option<f64>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Some).ok_or(())
}

fn tables<'a>(header: &'a toml::Table, key: &str) -> Vec<&'a toml::Table> {
    let all = header.get(key).and_then(toml::Value::as_array);
    all.into_iter().flatten().filter_map(toml::Value::as_table).collect()
}

fn number(table: &toml::Table, key: &str) -> Option<f64> {
    let value = table.get(key)?;
    let number = value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
    number.filter(|number| number.is_finite())
}

fn text(table: &toml::Table, key: &str) -> Option<String> {
    table.get(key).and_then(toml::Value::as_str).map(str::to_owned)
}

fn gpu(table: &toml::Table) -> Option<GpuInfo> {
    Some(GpuInfo {
        index: u32::try_from(table.get("index")?.as_integer()?).ok()?,
        name: text(table, "name")?,
        uuid: text(table, "uuid")?,
        power_limit_w: number(table, "power_limit_w"),
        is_split: table.get("is_split").and_then(toml::Value::as_bool).unwrap_or(false),
    })
}

/// When and why a GPU was lost.
fn ended(table: &toml::Table) -> Option<(f64, String)> {
    Some((number(table, "ended_s")?, text(table, "ended").unwrap_or_default()))
}

fn zone(table: &toml::Table) -> Option<ZoneRecord> {
    let scope = text(table, "scope")?;
    let scope = [Scope::CpuPackage, Scope::Dram].into_iter().find(|own| own.name() == scope)?;
    let zone =
        Zone { name: text(table, "name")?, scope, folder: PathBuf::new(), range_j: f64::INFINITY, refused: None };
    let ambiguous = table.get("ambiguous_s").and_then(toml::Value::as_array);
    let ambiguous = ambiguous.into_iter().flatten().filter_map(toml::Value::as_float).collect();
    Some(ZoneRecord { zone, counter: Counter::default(), ended: None, ambiguous })
}

fn window(table: &toml::Table) -> Option<TraceWindow> {
    let from = number(table, "from_s")?;
    let to = if table.contains_key("to_s") { number(table, "to_s")? } else { f64::INFINITY };
    let items = table.get("items").and_then(toml::Value::as_table);
    let items = items.into_iter().flatten().filter_map(|(name, _)| Some((name.clone(), number(items?, name)?)));
    (to > from).then(|| TraceWindow { name: text(table, "name").unwrap_or_default(), from, to, items: items.collect() })
}
