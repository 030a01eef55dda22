//! A recorded measurement on disk.
//!
//! A trace is a folder that `--replay` takes:
//!
//! | file | columns |
//! |---|---|
//! | `trace.toml` | `version`, `tool`, `driver_version`, `started_unix` (s since 1970 of moment 0), `[[gpu]]` with `index`, `name`, `uuid`, `power_limit_w`, `is_split`, `tick_period_s`, and `ended_s`, `ended` if it was lost; `[[zone]]` with `name`, `scope`, `ambiguous_s`; `[[window]]` with `name`, `from_s`, `to_s` (none: until the end) and what was made inside, `items`; `[measurement]`: what is known besides |
//! | `ticks.csv` | `gpu,early_s,late_s,counter_j`: between these moments the energy counter came to show this |
//! | `samples.csv` | `gpu,time_s,power_w`: mean power since the sample before |
//! | `states.csv` | `gpu,time_s` and a column for each [`Field`]; an empty cell was not read |
//! | `zones.csv` | `zone,early_s,late_s,counter_j`: the counters of the processor, made to rise for ever |
//!
//! Moments are seconds since the measurement began. Rows are written as they are seen, and a first `trace.toml` without
//! `[measurement]` when the work begins, so a trace that is cut off is short, not lost.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::MeterError;
use super::field::{Field, State};
use super::gpu::GpuInfo;
use super::record::{GpuRecord, ZoneRecord};
use super::window::{Window, gpu_window, whole, zone_window};
use crate::runs::{RunsError, write_whole};

/// Version of the form above.
pub(super) const VERSION: i64 = 1;
pub(super) const TICKS: &str = "ticks.csv";
pub(super) const SAMPLES: &str = "samples.csv";
pub(super) const STATES: &str = "states.csv";
pub(super) const ZONES: &str = "zones.csv";
pub(super) const HEADER: &str = "trace.toml";

/// A stretch of a trace that was meant: between two marks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceWindow {
    /// Its name; empty if it has none.
    pub name: String,
    /// Its start, s.
    pub from: f64,
    /// Its end, s; infinite until it is known.
    pub to: f64,
    /// What was made inside: `images`, `tokens` …, by name.
    pub items: BTreeMap<String, f64>,
}

/// All that was recorded.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Version of the GPUs' driver.
    pub driver_version: String,
    /// Time of day at moment 0, s since 1970.
    pub started_unix: f64,
    /// Stretches that were meant.
    pub windows: Vec<TraceWindow>,
    /// What is known besides, by whoever measured; nothing if it was cut off.
    pub measurement: toml::Table,
    pub(super) gpus: Vec<GpuRecord>,
    pub(super) zones: Vec<ZoneRecord>,
}

impl Trace {
    /// Its GPUs.
    pub fn gpus(&self) -> impl Iterator<Item = &GpuInfo> {
        self.gpus.iter().map(|record| &record.info)
    }

    /// What was seen between two moments.
    pub fn window(&self, from: f64, to: f64) -> Window {
        let gpus = self.gpus.iter().map(|record| gpu_window(record, from, to)).collect();
        let zones = self.zones.iter().filter_map(|record| zone_window(record, from, to)).collect();
        whole(from, to, gpus, zones)
    }

    /// The longest stretch that every GPU's counter covers: none without ticks.
    pub fn span(&self) -> Option<(f64, f64)> {
        let ends =
            |record: &GpuRecord| Some((record.counter.ticks().first()?.late, record.counter.ticks().last()?.early));
        let spans: Vec<(f64, f64)> = self.gpus.iter().filter_map(ends).collect();
        let from = spans.iter().map(|span| span.0).fold(f64::NEG_INFINITY, f64::max);
        let to = spans.iter().map(|span| span.1).fold(f64::INFINITY, f64::min);
        (!spans.is_empty() && to > from).then_some((from, to))
    }

    /// Writes `trace.toml` into the folder where the rows were written.
    pub fn finish(&self, folder: &Path) -> Result<(), RunsError> {
        let text = toml::to_string_pretty(&self.header()).expect("a table of TOML values is TOML");
        write_whole(&[(folder.join(HEADER), text)])
    }

    /// Frees the room of its samples on disk.
    pub fn forget_samples(folder: &Path) -> std::io::Result<()> {
        std::fs::write(folder.join(SAMPLES), "")
    }

    fn header(&self) -> toml::Table {
        let gpu = |record: &GpuRecord| {
            let mut table = toml::Table::new();
            table.insert("index".to_owned(), i64::from(record.info.index).into());
            table.insert("name".to_owned(), record.info.name.clone().into());
            table.insert("uuid".to_owned(), record.info.uuid.clone().into());
            table.extend(record.info.power_limit_w.map(|limit| ("power_limit_w".to_owned(), limit.into())));
            table.insert("is_split".to_owned(), record.info.is_split.into());
            table.extend(record.counter.period().map(|period| ("tick_period_s".to_owned(), period.into())));
            if let Some((at, reason)) = &record.ended {
                table.insert("ended_s".to_owned(), (*at).into());
                table.insert("ended".to_owned(), reason.clone().into());
            }
            toml::Value::Table(table)
        };
        let zone = |record: &ZoneRecord| {
            let named = [("name", record.zone.name.clone()), ("scope", record.zone.scope.name().to_owned())];
            let mut table: toml::Table = named.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
            table.insert("ambiguous_s".to_owned(), record.ambiguous.clone().into());
            toml::Value::Table(table)
        };
        let window = |own: &TraceWindow| {
            let items = own.items.iter().map(|(name, count)| (name.clone(), (*count).into())).collect();
            let mut table = toml::Table::new();
            table.insert("name".to_owned(), own.name.clone().into());
            table.insert("from_s".to_owned(), own.from.into());
            table.extend(own.to.is_finite().then(|| ("to_s".to_owned(), own.to.into())));
            table.insert("items".to_owned(), toml::Value::Table(items));
            toml::Value::Table(table)
        };
        let mut header = toml::Table::new();
        header.insert("version".to_owned(), VERSION.into());
        header.insert("tool".to_owned(), concat!("joules ", env!("CARGO_PKG_VERSION")).into());
        header.insert("driver_version".to_owned(), self.driver_version.clone().into());
        header.insert("started_unix".to_owned(), self.started_unix.into());
        header.insert("gpu".to_owned(), toml::Value::Array(self.gpus.iter().map(gpu).collect()));
        header.insert("zone".to_owned(), toml::Value::Array(self.zones.iter().map(zone).collect()));
        header.insert("window".to_owned(), toml::Value::Array(self.windows.iter().map(window).collect()));
        if !self.measurement.is_empty() {
            header.insert("measurement".to_owned(), toml::Value::Table(self.measurement.clone()));
        }
        header
    }
}

/// The rows of a trace, written while they are seen; or nothing at all.
#[derive(Clone, Debug, Default)]
pub(super) struct Spool(Option<Arc<Mutex<Files>>>);

#[derive(Debug)]
struct Files {
    folder: PathBuf,
    /// Ticks, samples, states, zones.
    rows: [File; 4],
    /// The first failure; nothing is written after it.
    failed: Option<std::io::Error>,
}

impl Spool {
    /// Makes the folder and the heads of its files.
    pub(super) fn create(folder: &Path) -> Result<Self, MeterError> {
        let fault = |source| MeterError::Write { path: folder.to_owned(), source };
        // Its own: what another measurement writes there is not touched.
        folder
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::create_dir(folder))
            .map_err(fault)?;
        let fields: Vec<&str> = Field::ALL.iter().map(|field| field.column()).collect();
        let states = format!("gpu,time_s,{}", fields.join(","));
        let heads =
            ["gpu,early_s,late_s,counter_j", "gpu,time_s,power_w", states.as_str(), "zone,early_s,late_s,counter_j"];
        let open = |(name, head): (&str, &str)| {
            let mut file = File::create(folder.join(name))?;
            writeln!(file, "{head}")?;
            Ok(file)
        };
        let [ticks, samples, states, zones] = [TICKS, SAMPLES, STATES, ZONES];
        let files = [
            open((ticks, heads[0])).map_err(fault)?,
            open((samples, heads[1])).map_err(fault)?,
            open((states, heads[2])).map_err(fault)?,
            open((zones, heads[3])).map_err(fault)?,
        ];
        Ok(Self(Some(Arc::new(Mutex::new(Files { folder: folder.to_owned(), rows: files, failed: None })))))
    }

    fn write(&self, file: usize, text: impl FnOnce() -> String) {
        let Some(files) = &self.0 else { return };
        let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.failed.is_none() {
            files.failed = files.rows[file].write_all(text().as_bytes()).err();
        }
    }

    pub(super) fn tick(&self, gpu: u32, early: f64, late: f64, value: f64) {
        self.write(0, || format!("{gpu},{early:.6},{late:.6},{value:.3}\n"));
    }

    pub(super) fn samples(&self, gpu: u32, samples: impl Iterator<Item = (f64, f64)>) {
        self.write(1, || {
            samples.fold(String::new(), |mut text, (at, power)| {
                let _ = writeln!(text, "{gpu},{at:.6},{power}");
                text
            })
        });
    }

    pub(super) fn state(&self, gpu: u32, state: &State) {
        self.write(2, || {
            let cell = |field: Field| state.get(field).map_or_else(String::new, |value| value.to_string());
            let cells: Vec<String> = Field::ALL.into_iter().map(cell).collect();
            format!("{gpu},{:.6},{}\n", state.at, cells.join(","))
        });
    }

    pub(super) fn zone(&self, zone: &str, early: f64, late: f64, energy: f64) {
        self.write(3, || format!("{zone},{early:.6},{late:.6},{energy:.6}\n"));
    }

    /// Makes sure that all is on the disk; tells the first failure of all.
    pub(super) fn close(&self) -> Result<(), MeterError> {
        let Some(files) = &self.0 else { return Ok(()) };
        let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = files.failed.take();
        let synced = files.rows.iter().try_for_each(File::sync_all);
        match failed.map_or(synced, Err) {
            Ok(()) => Ok(()),
            Err(source) => Err(MeterError::Write { path: files.folder.clone(), source }),
        }
    }
}
