//! What has been seen of one GPU, and of one counter of the processor, so far.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::call::CallCost;
use super::field::{Field, State};
use super::gpu::{GpuInfo, Process};
use super::rapl::Zone;
use crate::measure::Series;
use crate::measure::energy::Counter;

/// Samples of power that are kept: half an hour of them. They only shape the energy inside a tick.
const SAMPLES: usize = 90_000;
/// Fewer samples in a second, or none for so long (s), do not tell the shape of power. They are fetched every second.
const FEWEST_SAMPLES: usize = 12;
const LATE: f64 = 3.0;
/// States that are kept with their full density, and how many of the older ones.
const STATES: usize = 4_000;
const THINNED: usize = 10;

/// A record that one thread writes and others read.
#[derive(Debug)]
pub(super) struct Shared<T> {
    record: Mutex<T>,
    pub(super) changed: Condvar,
}

impl<T> Shared<T> {
    pub(super) fn new(record: T) -> Self {
        Self { record: Mutex::new(record), changed: Condvar::new() }
    }

    /// The record. A thread that failed while writing leaves what it had seen.
    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a process was seen on a GPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stay {
    pub(super) first: f64,
    pub(super) last: f64,
}

/// What has been seen of one GPU.
#[derive(Clone, Debug, Default)]
pub(super) struct GpuRecord {
    pub(super) info: GpuInfo,
    pub(super) counter: Counter,
    /// Samples of power: moment, W.
    pub(super) samples: Vec<(f64, f64)>,
    states: Vec<State>,
    /// How many states stand thinned at the front.
    thinned: usize,
    pub(super) processes: BTreeMap<u32, Stay>,
    /// When the processes were last read.
    pub(super) processes_at: Option<f64>,
    /// When and why nothing more is seen.
    pub(super) ended: Option<(f64, String)>,
    /// What this GPU does not support.
    pub(super) missing: Vec<&'static str>,
    pub(super) cost: CallCost,
}

impl GpuRecord {
    pub(super) fn new(info: GpuInfo) -> Self {
        Self { info, ..Self::default() }
    }

    /// Adds samples, in order.
    pub(super) fn add_samples(&mut self, samples: impl IntoIterator<Item = (f64, f64)>) {
        for (at, power) in samples {
            if self.samples.last().is_none_or(|&(last, _)| at > last) {
                self.samples.push((at, power));
            }
        }
        if self.samples.len() > SAMPLES {
            self.samples.drain(..SAMPLES / 3);
        }
    }

    pub(super) fn add_state(&mut self, state: State) {
        self.states.push(state);
        if self.states.len() >= self.thinned + 2 * STATES {
            let (mut at, from) = (0, self.thinned);
            self.states.retain(|_| {
                at += 1;
                !(from..from + STATES).contains(&(at - 1)) || (at - 1 - from) % THINNED == 0
            });
            self.thinned += STATES.div_ceil(THINNED);
        }
    }

    pub(super) fn add_processes(&mut self, at: f64, processes: &[Process]) {
        self.processes_at = Some(at);
        for process in processes {
            self.processes.entry(process.pid).and_modify(|stay| stay.last = at).or_insert(Stay { first: at, last: at });
        }
    }

    pub(super) fn states(&self) -> &[State] {
        &self.states
    }

    /// Whether samples tell what happens between two ticks: they come, and closely.
    pub(super) fn tells_shape(&self) -> bool {
        let (Some(&(last, _)), Some(tick)) = (self.samples.last(), self.counter.ticks().last()) else { return false };
        let recent = self.samples.len() - self.samples.partition_point(|&(at, _)| at < last - 1.0);
        recent >= FEWEST_SAMPLES && tick.at() - last < LATE
    }

    /// A field over time.
    pub(super) fn series(&self, field: Field) -> Series {
        self.states.iter().filter_map(|state| Some((state.at, state.get(field)?))).collect()
    }

    /// Memory that it takes, B.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.counter.ticks()) + size_of_val(self.samples.as_slice()) + size_of_val(self.states())
    }
}

/// What has been seen of one counter of the processor.
#[derive(Clone, Debug)]
pub(super) struct ZoneRecord {
    pub(super) zone: Zone,
    pub(super) counter: Counter,
    /// When and why nothing more is seen.
    pub(super) ended: Option<(f64, String)>,
    /// Moments before which nothing is known, because the counter may have run over twice.
    pub(super) ambiguous: Vec<f64>,
}
