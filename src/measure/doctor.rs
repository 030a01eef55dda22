//! What can be measured on this machine, how surely, and what is missing.

use std::path::Path;
use std::time::Duration;

use super::energy::{Estimates, compare};
use super::meter::{
    CallCost, Driver, GpuWindow, MeterChoice, MeterError, NO_COUNTER, Overhead, Recorder, SilentGpu, Zone, zones,
};
use super::{Clock, Series};
use crate::notes::Caveat;

/// Where Linux shows the counters of the processor.
const POWERCAP: &str = "/sys/class/powercap";

/// What was found on this machine.
#[derive(Debug)]
pub struct Checkup {
    /// The GPUs, or why none can be measured.
    pub gpus: Result<GpuCheckup, MeterError>,
    /// Counters of the processor, readable or not.
    pub zones: Vec<Zone>,
}

/// What was found of the GPUs.
#[derive(Debug)]
pub struct GpuCheckup {
    /// Version of the driver.
    pub driver_version: String,
    /// Each GPU.
    pub gpus: Vec<GpuState>,
    /// GPUs that do not answer at all.
    pub silent: Vec<SilentGpu>,
    /// What measuring costs.
    pub overhead: Overhead,
    /// What is missing.
    pub warnings: Vec<Caveat>,
    /// How long it was looked at, s.
    pub duration_s: f64,
    /// Whether the estimators were to be compared.
    pub is_self_test: bool,
}

/// One GPU as it was found.
#[derive(Debug)]
pub struct GpuState {
    /// What it did meanwhile.
    pub window: GpuWindow,
    /// Whether its energy could be measured from beginning to end.
    pub is_measured: bool,
    /// Time between ticks of its energy counter, s.
    pub tick_period_s: Option<f64>,
    /// What a call for its energy costs.
    pub call: CallCost,
}

impl GpuState {
    /// Whether it has an energy counter at all, as far as its driver says.
    pub fn has_counter(&self) -> bool {
        self.window.lost.as_ref().is_none_or(|(_, reason)| reason != NO_COUNTER)
    }

    /// Estimators of its mean power.
    pub fn estimates(&self) -> Option<Estimates> {
        self.window.estimates
    }
}

impl Checkup {
    /// Whether the energy of every GPU can be measured.
    pub fn is_good(&self) -> bool {
        self.gpus.as_ref().is_ok_and(|own| own.unmeasured().is_empty())
    }
}

impl GpuCheckup {
    /// How many GPUs were to be looked at.
    pub fn count(&self) -> usize {
        self.gpus.len() + self.silent.len()
    }

    /// The indices of those whose energy cannot be measured.
    pub fn unmeasured(&self) -> Vec<u32> {
        let blind = self.gpus.iter().filter(|gpu| !gpu.is_measured).map(|gpu| gpu.window.gpu.index);
        let mut all: Vec<u32> = blind.chain(self.silent.iter().map(|own| own.index)).collect();
        all.sort_unstable();
        all
    }
}

/// Looks at all meters for so long (s).
pub fn checkup(choice: &MeterChoice, seconds: f64, is_self_test: bool) -> Checkup {
    let powercap = choice.powercap.as_deref().unwrap_or(Path::new(POWERCAP));
    Checkup { gpus: gpus(choice, seconds, is_self_test), zones: zones(powercap) }
}

fn gpus(choice: &MeterChoice, seconds: f64, is_self_test: bool) -> Result<GpuCheckup, MeterError> {
    let clock = Clock::start();
    let recorder = Recorder::start(clock, choice)?;
    // The first ticks teach the rhythm.
    std::thread::sleep(Duration::from_secs_f64(0.6));
    let from = clock.now();
    let polled = if is_self_test { poll(choice, &recorder, clock, seconds)? } else { Vec::new() };
    std::thread::sleep(Duration::from_secs_f64((from + seconds - clock.now()).max(0.0)));
    let to = clock.now();
    recorder.wait_past(to + 0.5);
    let mut window = recorder.window(from, to);
    for (gpu, (average, instant)) in window.gpus.iter_mut().zip(&polled) {
        if let Some(estimates) = &mut gpu.estimates {
            let densely = compare(estimates.counter_w, &[], average, instant, from, to - 0.5);
            (estimates.average_w, estimates.instant_w) = (densely.average_w, densely.instant_w);
        }
    }
    let overhead = recorder.overhead();
    let states = window.gpus.into_iter().zip(recorder.tick_periods()).zip(&overhead.calls);
    let state = |((window, tick_period_s), call): ((GpuWindow, _), &CallCost)| GpuState {
        is_measured: window.energy_j.is_some() && window.lost.is_none() && window.to >= to,
        window,
        tick_period_s,
        call: call.clone(),
    };
    let gpus = states.map(state).collect();
    Ok(GpuCheckup {
        driver_version: recorder.driver_version().to_owned(),
        gpus,
        silent: recorder.silent().to_vec(),
        warnings: recorder.warnings(),
        overhead,
        duration_s: to - from,
        is_self_test,
    })
}

/// What other tools would read of the power of each GPU.
fn poll(
    choice: &MeterChoice,
    recorder: &Recorder,
    clock: Clock,
    seconds: f64,
) -> Result<Vec<(Series, Series)>, MeterError> {
    if choice.replay.is_some() {
        return Ok(Vec::new());
    }
    let driver = Driver::open(choice.nvml_lib.as_deref())?;
    let indices: Vec<u32> = recorder.gpus().iter().map(|gpu| gpu.index).collect();
    Ok(std::thread::scope(|scope| {
        let threads: Vec<_> =
            indices.iter().map(|&index| scope.spawn(move || driver.poll_power(index, clock, seconds))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
    }))
}
