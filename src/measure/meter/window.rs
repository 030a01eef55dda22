//! What was seen between two moments.

use std::collections::{BTreeMap, BTreeSet};

use super::field::{Field, State};
use super::gpu::GpuInfo;
use super::rapl::Scope;
use super::record::{GpuRecord, ZoneRecord};
use super::throttle::{counted_share, held_back};
use crate::measure::energy::{Break, Estimates, compare};
use crate::notes::Caveat;

/// A window of fewer ticks says little: its edges weigh more than what is between them.
pub(super) const FEWEST_TICKS: usize = 5;

/// What one GPU did between two moments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GpuWindow {
    /// Which GPU.
    pub gpu: GpuInfo,
    /// Energy until `to`, J; the true energy is within `bound_j` of it. None if the counter does not reach the start.
    pub energy_j: Option<f64>,
    /// The end of what is known of its energy, s: that of the window, unless the GPU was lost or its counter stopped.
    pub to: f64,
    /// How far the energy may be off, J.
    pub bound_j: f64,
    /// Ticks of the counter inside, seen or passed unseen.
    pub ticks: usize,
    /// Mean power between the first and the last tick inside, W, and how far it may be off.
    pub tick_power_w: Option<(f64, f64)>,
    /// Mean power by other estimators, as cross-checks.
    pub estimates: Option<Estimates>,
    /// What was read of it, as the mean over the window (rises of counters: per second).
    pub fields: BTreeMap<Field, f64>,
    /// The share of the window for which each reason held the clocks back.
    pub throttled: BTreeMap<&'static str, f64>,
    /// Those of these reasons of which the driver counted the time; the others are shares of readings.
    pub throttle_counted: BTreeSet<&'static str>,
    /// Moments across which its counter cannot be read.
    pub breaks: Vec<Break>,
    /// When and why it was lost, if it was before the end.
    pub lost: Option<(f64, String)>,
    /// Processes seen on it inside, by number.
    pub processes: Vec<u32>,
}

/// What one counter of the processor showed between two moments.
#[derive(Clone, Debug, PartialEq)]
pub struct ZoneWindow {
    /// What it counts.
    pub name: String,
    /// Whose energy.
    pub scope: Scope,
    /// Energy, J, and how far it may be off.
    pub energy_j: f64,
    /// How far the energy may be off, J.
    pub bound_j: f64,
}

/// What was seen between two moments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// Its start, s.
    pub from: f64,
    /// Its end, s.
    pub to: f64,
    /// Energy of all GPUs, J; of those that can be told, if some cannot: then it is not `valid`.
    pub energy_j: f64,
    /// The true energy is no farther away than this, J.
    pub bound_j: f64,
    /// Mean power of all GPUs, W.
    pub power_w: f64,
    /// Each GPU.
    pub gpus: Vec<GpuWindow>,
    /// Each counter of the processor that was read; never added to the GPUs.
    pub zones: Vec<ZoneWindow>,
    /// Observed latents by their names, SI: means over the GPUs.
    pub observed: BTreeMap<String, f64>,
    /// Whether the energy is that of all GPUs over the whole window.
    pub valid: bool,
    /// What to know of it.
    pub caveats: Vec<Caveat>,
}

impl Window {
    /// Its length, s.
    pub fn duration_s(&self) -> f64 {
        self.to - self.from
    }
}

/// What a GPU did between two moments.
pub(super) fn gpu_window(record: &GpuRecord, from: f64, to: f64) -> GpuWindow {
    let known_to = record.counter.ticks().last().map_or(from, |tick| tick.early.min(to));
    let energy = if known_to > from { record.counter.energy(&record.samples, from, known_to) } else { None };
    let breaks: Vec<Break> = record.counter.breaks_between(from, to).copied().collect();
    let held_back = held_back(record, inside(record.states(), from, to), from, to);
    let (average, instant) = (record.series(Field::PowerAverage), record.series(Field::PowerInstant));
    let counter_w = energy.map(|own| own.energy_j / (known_to - from));
    let seen = |stay: &super::record::Stay| stay.last >= from && stay.first <= to;
    GpuWindow {
        gpu: record.info.clone(),
        energy_j: energy.map(|own| own.energy_j),
        to: known_to,
        bound_j: energy.map_or(0.0, |own| own.bound_j),
        ticks: energy.map_or(0, |_| record.counter.moves(&[], from).filter(|&(at, _)| at <= known_to).count()),
        tick_power_w: record.counter.tick_power(from, to),
        estimates: counter_w.map(|power| compare(power, &record.samples, &average, &instant, from, known_to)),
        fields: fields(record, from, to),
        throttled: held_back.shares,
        throttle_counted: held_back.counted,
        breaks,
        lost: record.ended.clone().filter(|(at, _)| *at < to),
        processes: record.processes.iter().filter(|(_, stay)| seen(stay)).map(|(pid, _)| *pid).collect(),
    }
}

fn inside(states: &[State], from: f64, to: f64) -> &[State] {
    let first = states.partition_point(|state| state.at < from);
    let end = states.partition_point(|state| state.at <= to);
    &states[first..end.max(first)]
}

/// Means of what was read; of counters of time, the share of time in which they rose.
fn fields(record: &GpuRecord, from: f64, to: f64) -> BTreeMap<Field, f64> {
    let mean = |field: Field| {
        let series = record.series(field);
        match field {
            Field::PowerViolation | Field::ThermalViolation => counted_share(&series, from, to),
            Field::ThrottleReasons => None,
            _ if series.points().is_empty() => None,
            _ => series.mean(from, to),
        }
    };
    Field::ALL.into_iter().filter_map(|field| Some((field, mean(field)?))).collect()
}

/// What a counter of the processor showed between two moments.
pub(super) fn zone_window(record: &ZoneRecord, from: f64, to: f64) -> Option<ZoneWindow> {
    if record.ambiguous.iter().any(|at| (from..to).contains(at)) {
        return None;
    }
    let energy = record.counter.energy(&[], from, to)?;
    Some(ZoneWindow {
        name: record.zone.name.clone(),
        scope: record.zone.scope,
        energy_j: energy.energy_j,
        bound_j: energy.bound_j,
    })
}

/// All GPUs and counters together.
pub(super) fn whole(from: f64, to: f64, gpus: Vec<GpuWindow>, zones: Vec<ZoneWindow>) -> Window {
    let energy_j: f64 = gpus.iter().filter_map(|gpu| gpu.energy_j).sum();
    let is_whole =
        |gpu: &GpuWindow| gpu.energy_j.is_some() && gpu.to >= to && gpu.breaks.is_empty() && gpu.ticks >= FEWEST_TICKS;
    let mut window = Window {
        from,
        to,
        energy_j,
        bound_j: gpus.iter().map(|gpu| gpu.bound_j).sum(),
        power_w: gpus.iter().filter_map(|gpu| Some(gpu.energy_j? / (gpu.to - from))).sum(),
        valid: !gpus.is_empty() && gpus.iter().all(is_whole),
        observed: observed(&gpus),
        caveats: Vec::new(),
        gpus,
        zones,
    };
    window.caveats = super::caveats::caveats(&window);
    window
}

/// Means over the GPUs by the names of observed latents.
fn observed(gpus: &[GpuWindow]) -> BTreeMap<String, f64> {
    let named = [
        (Field::GpuUtilization, "gpu_utilization"),
        (Field::SmActivity, "sm_activity"),
        (Field::DramActivity, "dram_activity"),
        (Field::TensorActivity, "tensor_activity"),
        (Field::SmClock, "sm_clock_mean"),
        (Field::Temperature, "temperature"),
        (Field::Processes, "gpu_processes"),
    ];
    let mean = |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    let of = |field: Field| mean(gpus.iter().filter_map(|gpu| gpu.fields.get(&field).copied()).collect());
    let mut found: BTreeMap<String, f64> =
        named.into_iter().filter_map(|(field, name)| Some((name.to_owned(), of(field)?))).collect();
    let capped = |gpu: &GpuWindow| {
        let known = gpu.fields.contains_key(&Field::PowerViolation) || !gpu.throttled.is_empty();
        known.then(|| gpu.throttled.get("power cap").copied().unwrap_or(0.0))
    };
    if let Some(share) = mean(gpus.iter().filter_map(capped).collect()) {
        found.insert("power_cap_share".to_owned(), share);
    }
    found
}
