//! All meters, read side by side from a start to a stop.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::time::ClockId;

use super::call::Overhead;
use super::choice::MeterChoice;
use super::error::{MeterError, NotAlone};
use super::gpu::{GpuInfo, GpuReader, ReadFault, SilentGpu};
use super::nvml::Driver;
use super::rapl::zones;
use super::record::{GpuRecord, Shared, ZoneRecord};
use super::trace::{Spool, Trace};
use super::watch::{Watch, watch_zones};
use super::window::{Window, gpu_window, whole, zone_window};
use crate::measure::clock::seconds_on;
use crate::measure::energy::Counter;
use crate::measure::{Clock, Series};
use crate::notes::Caveat;

/// Where Linux shows the counters of the processor.
const POWERCAP: &str = "/sys/class/powercap";
/// A counter that has not moved for so long has stopped, s.
const STOPPED: f64 = 2.0;

/// All meters, read side by side.
#[derive(Debug)]
pub struct Recorder {
    clock: Clock,
    driver_version: String,
    gpus: Vec<Arc<Shared<GpuRecord>>>,
    zones: Vec<Arc<Shared<ZoneRecord>>>,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    is_relaxed: Arc<AtomicBool>,
    spool: Spool,
    started: (f64, f64),
    is_replay: bool,
    silent: Vec<SilentGpu>,
    warnings: Vec<Caveat>,
}

impl Recorder {
    /// Starts reading: one thread for each GPU, one for the processor. A trace to replay is there at once, moved so that
    /// it begins now.
    pub fn start(clock: Clock, choice: &MeterChoice) -> Result<Self, MeterError> {
        if let Some(folder) = &choice.replay {
            return Ok(Self::replay(clock, Trace::read(folder)?));
        }
        let driver = Driver::open(choice.nvml_lib.as_deref())?;
        let (all, silent) = driver.gpus()?;
        let chosen: Vec<GpuInfo> = choice.select(&all, &silent)?.into_iter().map(|at| all[at].clone()).collect();
        let mut recorder = Self::empty(clock, driver.version());
        if choice.is_all() {
            recorder.silent = silent;
        }
        recorder.spool = choice.spool.as_deref().map(Spool::create).transpose()?.unwrap_or_default();
        for info in chosen {
            let name = format!("GPU {} ({})", info.index, info.uuid);
            let reader = driver.reader(info.index).map_err(|fault| unreadable(&name, &fault))?;
            recorder.watch(info, Box::new(reader));
        }
        recorder.watch_processor(choice.powercap.as_deref().unwrap_or(Path::new(POWERCAP)));
        Ok(recorder)
    }

    fn empty(clock: Clock, driver_version: String) -> Self {
        Self {
            clock,
            driver_version,
            gpus: Vec::new(),
            zones: Vec::new(),
            threads: Vec::new(),
            stop: Arc::default(),
            is_relaxed: Arc::default(),
            spool: Spool::default(),
            started: (clock.now(), seconds_on(ClockId::ProcessCPUTime)),
            is_replay: false,
            silent: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn replay(clock: Clock, trace: Trace) -> Self {
        let mut recorder = Self::empty(clock, trace.driver_version.clone());
        recorder.is_replay = true;
        recorder.gpus = trace.gpus.into_iter().map(|record| Arc::new(Shared::new(record))).collect();
        recorder.zones = trace.zones.into_iter().map(|record| Arc::new(Shared::new(record))).collect();
        recorder
    }

    /// Reads one GPU from now on.
    fn watch(&mut self, info: GpuInfo, reader: Box<dyn GpuReader>) {
        let name = format!("gpu-{}", info.index);
        let record = Arc::new(Shared::new(GpuRecord::new(info)));
        self.gpus.push(Arc::clone(&record));
        let (stop, is_relaxed) = (Arc::clone(&self.stop), Arc::clone(&self.is_relaxed));
        let watch = Watch { reader, record, clock: self.clock, stop, is_relaxed, spool: self.spool.clone() };
        self.spawn(&name, move || watch.run());
    }

    fn watch_processor(&mut self, powercap: &Path) {
        let (readable, refused): (Vec<_>, Vec<_>) =
            zones(powercap).into_iter().partition(|zone| zone.refused.is_none());
        if let Some((zone, reason)) = refused.first().and_then(|zone| Some((zone, zone.refused.as_ref()?))) {
            self.warnings.push(Caveat::new(
                "no_processor_energy",
                format!("the energy of the processor ({}) is not measured: {reason}", zone.name),
            ));
        }
        let record = |zone| ZoneRecord { zone, counter: Counter::default(), ended: None, ambiguous: Vec::new() };
        self.zones = readable.into_iter().map(|zone| Arc::new(Shared::new(record(zone)))).collect();
        if !self.zones.is_empty() {
            let (clock, stop, spool) = (self.clock, Arc::clone(&self.stop), self.spool.clone());
            let zones: Vec<_> = self.zones.iter().map(Arc::clone).collect();
            self.spawn("processor", move || watch_zones(&zones, clock, &stop, &spool));
        }
    }

    /// Runs a loop in a thread of this name until the recorder stops.
    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) {
        match std::thread::Builder::new().name(name.to_owned()).spawn(work) {
            Ok(thread) => self.threads.push(thread),
            Err(error) => {
                self.warnings.push(Caveat::new("no_thread", format!("{name} is not read, no thread starts: {error}")));
            }
        }
    }

    /// Reads less, if `is_relaxed`: of a counter only the ticks around whole seconds of the clock, where samples tell what
    /// happens between. A window that begins and ends at whole seconds is then known as well as ever, another one to a
    /// second's energy. Else, and at first, every tick.
    pub fn relax(&self, is_relaxed: bool) {
        if self.is_relaxed.swap(is_relaxed, Ordering::Relaxed) && !is_relaxed {
            self.wake();
        }
    }

    fn wake(&self) {
        for thread in &self.threads {
            thread.thread().unpark();
        }
    }

    /// The GPUs that are read.
    pub fn gpus(&self) -> Vec<GpuInfo> {
        self.gpus.iter().map(|shared| shared.lock().info.clone()).collect()
    }

    /// GPUs that were to be read with all others, and that do not answer.
    pub fn silent(&self) -> &[SilentGpu] {
        &self.silent
    }

    /// Refuses where the energy of a GPU cannot be read at all.
    pub fn refuse_uncounted(&self) -> Result<(), MeterError> {
        let ended = |shared: &Arc<Shared<GpuRecord>>| {
            let record = shared.lock();
            let (_, reason) = record.ended.clone().filter(|_| record.counter.ticks().is_empty())?;
            Some(MeterError::NotCounted { gpu: record.info.index, reason })
        };
        self.gpus.iter().find_map(ended).map_or(Ok(()), Err)
    }

    /// Refuses where a GPU is split into instances.
    pub fn refuse_split(&self) -> Result<(), NotAlone> {
        match self.gpus().iter().find(|gpu| gpu.is_split) {
            Some(split) => Err(NotAlone::Split { gpu: split.index }),
            None => Ok(()),
        }
    }

    /// Version of the GPUs' driver.
    pub fn driver_version(&self) -> &str {
        &self.driver_version
    }

    /// Whether a recorded trace is played.
    pub fn is_replay(&self) -> bool {
        self.is_replay
    }

    /// The energy of each GPU over time, J since its first tick, at its ticks from a moment on; at those that passed unseen,
    /// by samples.
    pub fn counters(&self, since: f64) -> Vec<Series> {
        let series = |record: &GpuRecord| record.counter.moves(&record.samples, since).collect();
        self.gpus.iter().map(|shared| series(&shared.lock())).collect()
    }

    /// Waits until every counter has surely moved after `moment`, so that a window that ends there can be told. False if
    /// one has stopped or its GPU is lost; then nothing more will come of it.
    pub fn wait_past(&self, moment: f64) -> bool {
        let seen = |counter: &Counter| counter.ticks().last().map(|tick| tick.early);
        // All are waited for, also behind one that will not move.
        let mut all = true;
        for shared in &self.gpus {
            all &= self.wait(shared, moment, |record| (seen(&record.counter), record.ended.is_some()));
        }
        for shared in &self.zones {
            all &= self.wait(shared, moment, |record| (seen(&record.counter), record.ended.is_some()));
        }
        all
    }

    fn wait<T>(&self, shared: &Shared<T>, moment: f64, seen: impl Fn(&T) -> (Option<f64>, bool)) -> bool {
        let mut record = shared.lock();
        loop {
            let (last, has_ended) = seen(&record);
            if last.is_some_and(|early| early >= moment) {
                return true;
            }
            let patience = moment.max(last.unwrap_or(moment)) + STOPPED - self.clock.now();
            if has_ended || self.is_replay || patience <= 0.0 {
                return false;
            }
            let waited = shared.changed.wait_timeout(record, Duration::from_secs_f64(patience));
            record = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    /// Waits until the processes of every GPU were read after `moment`; not for long, and not where they are not told.
    pub fn wait_processes(&self, moment: f64) {
        let is_missing = |record: &GpuRecord| record.ended.is_some() || record.missing.contains(&"processes");
        for shared in &self.gpus {
            self.wait(shared, moment, |record| (record.processes_at, is_missing(record)));
        }
    }

    /// The processes that were seen between two moments: the index of the GPU, and the number of the process.
    pub fn processes(&self, from: f64, to: f64) -> Vec<(u32, u32)> {
        let mut found = Vec::new();
        for shared in &self.gpus {
            let record = shared.lock();
            let inside = record.processes.iter().filter(|(_, stay)| stay.last >= from && stay.first <= to);
            found.extend(inside.map(|(pid, _)| (record.info.index, *pid)));
        }
        found
    }

    /// What was seen between two moments.
    pub fn window(&self, from: f64, to: f64) -> Window {
        let gpus = self.gpus.iter().map(|shared| gpu_window(&shared.lock(), from, to)).collect();
        let zones = self.zones.iter().filter_map(|shared| zone_window(&shared.lock(), from, to)).collect();
        whole(from, to, gpus, zones)
    }

    /// What to know of the meters themselves: what is missing, each once.
    pub fn warnings(&self) -> Vec<Caveat> {
        let silent = self.silent.iter().map(|SilentGpu { index, reason }| {
            Caveat::new("gpu_silent", format!("GPU {index} does not answer, and is left out: {reason}"))
        });
        let mut all: Vec<Caveat> = silent.chain(self.warnings.iter().cloned()).collect();
        for shared in &self.gpus {
            let record = shared.lock();
            let missing = crate::notes::list(&record.missing);
            if !missing.is_empty() {
                let text = format!("GPU {} does not tell {missing}: left out", record.info.index);
                all.push(Caveat::new("not_supported", text));
            }
        }
        all
    }

    /// What measuring cost so far.
    pub fn overhead(&self) -> Overhead {
        let wall = self.clock.now() - self.started.0;
        let last = |shared: &Arc<Shared<GpuRecord>>| Some(shared.lock().counter.ticks().last()?.at());
        let mut lasts: Vec<f64> = self.gpus.iter().filter_map(last).collect();
        let latest = lasts.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // One that has stopped, or was lost, has no edge here.
        lasts.retain(|last| *last > latest - STOPPED);
        let ends = latest - lasts.iter().copied().fold(f64::INFINITY, f64::min);
        Overhead {
            calls: self.gpus.iter().map(|shared| shared.lock().cost.clone()).collect(),
            cpu_share: if wall > 0.0 { (seconds_on(ClockId::ProcessCPUTime) - self.started.1) / wall } else { 0.0 },
            bytes: self.gpus.iter().map(|shared| shared.lock().bytes() as u64).sum(),
            edge_skew_s: (lasts.len() > 1).then_some(ends),
        }
    }

    /// The time between ticks of each GPU's counter, s.
    pub fn tick_periods(&self) -> Vec<Option<f64>> {
        self.gpus.iter().map(|shared| shared.lock().counter.period()).collect()
    }

    /// Stops reading, and gives all that was recorded, and whether the rows of a spool are on disk. What its folder
    /// lacks is a last `trace.toml`: [`Trace::finish`].
    pub fn stop(mut self) -> (Trace, Result<(), MeterError>) {
        self.halt();
        (self.trace(), self.spool.close())
    }

    /// All that was recorded until now.
    pub fn trace(&self) -> Trace {
        Trace {
            driver_version: self.driver_version.clone(),
            started_unix: self.clock.unix(0.0),
            windows: Vec::new(),
            measurement: toml::Table::new(),
            gpus: self.gpus.iter().map(|shared| shared.lock().clone()).collect(),
            zones: self.zones.iter().map(|shared| shared.lock().clone()).collect(),
        }
    }

    fn halt(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake();
        for thread in self.threads.drain(..) {
            // What a thread that failed had seen is in its record.
            let _ = thread.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.halt();
    }
}

fn unreadable(name: &str, fault: &ReadFault) -> MeterError {
    let reason = match fault {
        ReadFault::NotSupported => "it is not supported".to_owned(),
        ReadFault::Lost(reason) | ReadFault::Failed(reason) => reason.clone(),
    };
    MeterError::Driver { reason: format!("{name} cannot be read: {reason}") }
}
