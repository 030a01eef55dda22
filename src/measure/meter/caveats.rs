//! What a reader of a window must know.

use super::field::Field;
use super::window::{FEWEST_TICKS, GpuWindow, Window};
use crate::measure::energy::{BreakKind, DISAGREEMENT};
use crate::notes::Caveat;
use crate::unit::{percent, show};

/// Clocks that are held back for more of the window than this are told about.
const THROTTLED: f64 = 0.02;
/// A bound above this share of the energy is told about.
const WIDE: f64 = 0.05;
/// The momentary reading is told about from this deviation on.
const ALIASING: f64 = 0.05;

/// All caveats of a window, the gravest first.
pub(super) fn caveats(window: &Window) -> Vec<Caveat> {
    let mut found: Vec<Caveat> = window.gpus.iter().flat_map(|gpu| broken(gpu, window)).collect();
    if window.bound_j > WIDE * window.energy_j && window.energy_j > 0.0 {
        found.push(Caveat::new(
            "short_window",
            format!(
                "the energy of {} is known to {}: measure for longer, the doubt lies at its two edges",
                show(window.duration_s(), "s"),
                percent(window.bound_j / window.energy_j)
            ),
        ));
    }
    found.extend(window.gpus.iter().flat_map(held_back));
    found.extend(window.gpus.iter().flat_map(|gpu| disagreement(gpu, window)));
    found
}

/// What makes the energy of a GPU incomplete.
fn broken(gpu: &GpuWindow, window: &Window) -> Vec<Caveat> {
    let name = format!("GPU {}", gpu.gpu.index);
    let mut found = Vec::new();
    if let Some((at, reason)) = &gpu.lost {
        let text = format!("{name} ended {} into the window: {reason}", show((at - window.from).max(0.0), "s"));
        found.push(Caveat::new("gpu_lost", text));
    } else if gpu.energy_j.is_none() {
        let text =
            format!("the energy counter of {name} does not move any more, or has not yet: its energy is not known");
        found.push(Caveat::new("counter_stuck", text));
    } else if gpu.to < window.to {
        let text = format!(
            "the energy counter of {name} stopped {} into the window: what flowed after is not known",
            show((gpu.to - window.from).max(0.0), "s")
        );
        found.push(Caveat::new("counter_stuck", text));
    } else if gpu.ticks < FEWEST_TICKS {
        let text = format!(
            "the energy counter of {name} moved {} times inside, and {FEWEST_TICKS} are needed: measure for longer",
            gpu.ticks
        );
        found.push(Caveat::new("too_short", text));
    }
    for own in &gpu.breaks {
        let at = show((own.until - window.from).max(0.0), "s");
        let text = match own.kind {
            BreakKind::Reset => format!("the energy counter of {name} was set back {at} into the window"),
            BreakKind::Jump => {
                format!("the energy counter of {name} jumped by more than its power limit allows {at} into the window")
            }
        };
        found.push(Caveat::new("counter_broken", format!("{text}: what flowed meanwhile is not counted")));
    }
    if gpu.gpu.is_split {
        let text = format!(
            "{name} is split into instances (MIG): the energy is that of the whole GPU, which all instances share"
        );
        found.push(Caveat::new("mig", text));
    }
    found
}

/// Clocks that were held back.
fn held_back(gpu: &GpuWindow) -> Vec<Caveat> {
    let clock = gpu.fields.get(&Field::SmClock).map(|clock| format!(", at {}", show(*clock, "Hz"))).unwrap_or_default();
    let told = |(reason, share): (&&'static str, &f64)| {
        let code = if reason.starts_with("thermal") { "thermal_throttling" } else { "clocks_held_back" };
        let told = if gpu.throttle_counted.contains(reason) { "counted by the driver" } else { "of readings" };
        let (index, share) = (gpu.gpu.index, percent(*share));
        let text = format!("GPU {index}: clocks held back by {reason} for {share} of the window ({told}){clock}");
        Caveat::new(code, text)
    };
    gpu.throttled.iter().filter(|(_, share)| **share > THROTTLED).map(told).collect()
}

/// Estimators that contradict the counter by more than its own doubt.
fn disagreement(gpu: &GpuWindow, window: &Window) -> Vec<Caveat> {
    let (Some(estimates), Some(energy)) = (gpu.estimates, gpu.energy_j) else { return Vec::new() };
    let doubt = gpu.bound_j / energy;
    if window.duration_s() < 1.0 || doubt.is_nan() {
        return Vec::new();
    }
    let name = format!("GPU {}", gpu.gpu.index);
    estimates
        .deviations()
        .into_iter()
        .filter_map(|(estimator, deviation)| match estimator {
            "samples" if deviation.abs() > DISAGREEMENT + doubt => Some(Caveat::new(
                "estimators_disagree",
                format!("{name}: the driver's samples of power say {} than the energy counter", more(deviation)),
            )),
            "instant" if deviation.abs() > ALIASING + doubt => Some(Caveat::new(
                "instant_power_aliases",
                format!(
                    "{name}: readings of its momentary power say {} than the energy counter; a tool that sums them up \
                     is that wrong here",
                    more(deviation)
                ),
            )),
            _ => None,
        })
        .collect()
}

fn more(deviation: f64) -> String {
    format!("{} {}", percent(deviation.abs()), if deviation > 0.0 { "more" } else { "less" })
}
