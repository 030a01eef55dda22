//! The loop that reads one GPU until it is told to stop, or the GPU is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::field::Field;
use super::gpu::{GpuReader, NO_COUNTER, ReadFault};
use super::pace::Pace;
use super::rapl::Unwrapped;
use super::record::{GpuRecord, Shared, ZoneRecord};
use super::trace::Spool;
use crate::measure::Clock;

/// Between two readings of the state, s: no multiple or fraction of what loads and clocks repeat at.
const STATE: f64 = 0.47;
/// Between two fetches of the driver's samples, s; it keeps those of 2.4 s.
const SAMPLES: f64 = 0.9;
/// Between two looks at the processes, s.
const PROCESSES: f64 = 1.0;
/// Between two readings of the processor's counters, s.
const ZONES: f64 = 0.1;
/// A counter of the processor moves about every millisecond, s.
const ZONE_STEP: f64 = 0.0015;
/// Samples of the future, or of so long ago, mean that the time of day was set, s.
const CLOCK_SET: f64 = 5.0;

/// Reads one GPU.
pub(super) struct Watch {
    pub(super) reader: Box<dyn GpuReader>,
    pub(super) record: Arc<Shared<GpuRecord>>,
    pub(super) clock: Clock,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) is_relaxed: Arc<AtomicBool>,
    pub(super) spool: Spool,
}

/// What the loop remembers.
#[derive(Default)]
struct Memory {
    pace: Pace,
    next_state: f64,
    next_samples: f64,
    next_processes: f64,
    /// Moment of the newest sample, µs since 1970.
    seen_us: u64,
    /// When the counter was read last and will be next, and whether ticks pass unseen between.
    read: f64,
    next_energy: f64,
    leaps: bool,
    /// Readings that failed one after the other.
    failures: u32,
}

impl Memory {
    /// When something is due. While ticks pass unseen, the state is read at moments of its own: always at the same phase of
    /// a load that repeats each second, it would not be what the load does.
    fn next(&self) -> f64 {
        let has_time = self.leaps && self.next_state < self.next_energy && self.pace.is_quiet(self.next_state);
        if has_time { self.next_state } else { self.next_energy }
    }
}

impl Watch {
    /// Runs until told to stop, or until the GPU is lost.
    pub(super) fn run(mut self) {
        let mut memory = Memory::default();
        while !self.stop.load(Ordering::Relaxed) {
            if let Err(reason) = self.step(&mut memory) {
                self.record.lock().ended = Some((self.clock.now(), reason));
                break;
            }
            // Not a sleep: who wants to know more at once does not wait for the end of a second.
            std::thread::park_timeout(Duration::from_secs_f64((memory.next() - self.clock.now()).max(0.0)));
        }
        if self.record.lock().ended.is_none() {
            // The last seconds.
            let _ = self.samples(&mut memory);
        }
        self.record.changed.notify_all();
    }

    /// A read of the counter if it is due, and what else is while there is time: each may take milliseconds.
    fn step(&mut self, memory: &mut Memory) -> Result<(), String> {
        let is_relaxed = self.is_relaxed.load(Ordering::Relaxed);
        if self.clock.now() >= memory.next_energy || !is_relaxed {
            self.energy(memory)?;
            memory.pace.relax(is_relaxed && self.record.lock().tells_shape());
            memory.leaps = memory.pace.leaps(memory.read);
            memory.next_energy = memory.pace.next(self.clock.now());
        }
        if let Some(now) = self.time_for(memory, memory.next_state) {
            memory.next_state = now + STATE;
            self.state()?;
        }
        if let Some(now) = self.time_for(memory, memory.next_samples) {
            memory.next_samples = now + SAMPLES;
            self.samples(memory)?;
        }
        if let Some(now) = self.time_for(memory, memory.next_processes) {
            memory.next_processes = now + PROCESSES;
            self.processes()?;
        }
        Ok(())
    }

    /// The moment, if what was due at `due` can be done before the counter moves.
    fn time_for(&self, memory: &Memory, due: f64) -> Option<f64> {
        let now = self.clock.now();
        (now >= due && memory.pace.is_quiet(now)).then_some(now)
    }

    fn energy(&mut self, memory: &mut Memory) -> Result<(), String> {
        let begin = self.clock.now();
        let value = self.reader.energy();
        let end = self.clock.now();
        memory.pace.called(end - begin);
        let mut record = self.record.lock();
        record.cost.add(end - begin);
        let value = match value {
            Ok(value) => value,
            Err(ReadFault::Lost(reason)) => return Err(reason),
            Err(ReadFault::NotSupported) => return Err(NO_COUNTER.to_owned()),
            Err(ReadFault::Failed(reason)) => {
                memory.failures += 1;
                return if memory.failures > 50 { Err(reason) } else { Ok(()) };
            }
        };
        memory.failures = 0;
        memory.read = begin;
        let (index, limit) = (record.info.index, record.info.power_limit_w);
        if std::mem::take(&mut memory.leaps) {
            record.counter.look(begin, value);
        } else if let Some(tick) = record.counter.read(begin, end, value, limit) {
            memory.pace.tick(&tick);
            self.spool.tick(index, tick.early, tick.late, value);
            self.record.changed.notify_all();
        }
        Ok(())
    }

    fn state(&mut self) -> Result<(), String> {
        let at = self.clock.now();
        match self.reader.state(at) {
            Ok(mut state) => {
                let mut record = self.record.lock();
                let present = |stay: &&super::record::Stay| at - stay.last < 2.5 * PROCESSES;
                let processes = record.processes.values().filter(present).count();
                state.set(Field::Processes, record.processes_at.map(|_| processes as f64));
                if record.states().is_empty() {
                    let missing = Field::ALL.into_iter().filter(|field| state.get(*field).is_none());
                    record.missing.extend(missing.filter(|field| !comes_later(*field)).map(Field::column));
                }
                self.spool.state(record.info.index, &state);
                record.add_state(state);
                Ok(())
            }
            Err(ReadFault::Lost(reason)) => Err(reason),
            Err(_) => Ok(()),
        }
    }

    fn samples(&mut self, memory: &mut Memory) -> Result<(), String> {
        if self.record.lock().missing.contains(&"samples") {
            return Ok(());
        }
        match self.reader.samples(memory.seen_us) {
            Ok(fresh) => {
                let (now, zero) = (self.clock.now(), self.clock.unix(0.0));
                let newest = fresh.iter().map(|own| own.0).max().unwrap_or(0) as f64 / 1e6 - zero;
                // Where the time of day was set since, the newest sample is taken as of now.
                let shift = if (now - newest).abs() > CLOCK_SET { now - newest } else { 0.0 };
                memory.seen_us = fresh.iter().map(|own| own.0).max().unwrap_or(0).max(memory.seen_us);
                let moments = fresh.iter().map(|&(at, power)| (at as f64 / 1e6 - zero + shift, power));
                let mut record = self.record.lock();
                self.spool.samples(record.info.index, moments.clone());
                record.add_samples(moments);
                Ok(())
            }
            Err(ReadFault::Lost(reason)) => Err(reason),
            Err(ReadFault::NotSupported) => {
                self.record.lock().missing.push("samples");
                Ok(())
            }
            Err(ReadFault::Failed(_)) => Ok(()),
        }
    }

    fn processes(&mut self) -> Result<(), String> {
        if self.record.lock().missing.contains(&"processes") {
            return Ok(());
        }
        match self.reader.processes() {
            Ok(all) => {
                let at = self.clock.now();
                self.record.lock().add_processes(at, &all);
                Ok(())
            }
            Err(ReadFault::Lost(reason)) => Err(reason),
            Err(ReadFault::NotSupported) => {
                self.record.lock().missing.push("processes");
                Ok(())
            }
            Err(ReadFault::Failed(_)) => Ok(()),
        }
    }
}

/// Processes are read after the first state; activity comes with the second, and only on Hopper and later.
fn comes_later(field: Field) -> bool {
    matches!(field, Field::Processes | Field::SmActivity | Field::DramActivity | Field::TensorActivity)
}

/// Reads the counters of the processor until told to stop.
pub(super) fn watch_zones(zones: &[Arc<Shared<ZoneRecord>>], clock: Clock, stop: &AtomicBool, spool: &Spool) {
    let mut unwrapped = vec![Unwrapped::default(); zones.len()];
    while !stop.load(Ordering::Relaxed) {
        for (shared, counter) in zones.iter().zip(&mut unwrapped) {
            let mut record = shared.lock();
            if record.ended.is_some() {
                continue;
            }
            let begin = clock.now();
            let shown = record.zone.read();
            let end = clock.now();
            match shown {
                Err(reason) => record.ended = Some((end, reason)),
                Ok(shown) => match counter.take(end, shown, record.zone.range_j) {
                    None => record.ambiguous.push(end),
                    Some(energy) => {
                        record.counter.push(begin - ZONE_STEP, end, energy, None);
                        spool.zone(&record.zone.name, begin - ZONE_STEP, end, energy);
                    }
                },
            }
            shared.changed.notify_all();
        }
        std::thread::sleep(Duration::from_secs_f64(ZONES));
    }
}
