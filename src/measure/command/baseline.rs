//! What GPUs draw that do nothing.

use crate::measure::meter::{Field, Recorder, Window};
use crate::measure::{Clock, meter::GpuWindow};

/// A GPU that is busy for more of the time than this does not idle.
const BUSY: f64 = 0.02;
/// More memory than this is in use only if some process has a context, B: the driver alone keeps less.
const CONTEXT: f64 = 1.5e9;

/// What the GPUs drew while nothing ran.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Baseline {
    /// Power of all GPUs, W.
    pub power_w: f64,
    /// How far it may be off, W.
    pub bound_w: f64,
    /// Whether processes had contexts: then the clocks are up and the power is some 40 W higher on a GPU.
    pub has_context: bool,
    /// Temperature, K.
    pub temperature_k: Option<f64>,
    /// How long it was looked at, s.
    pub duration_s: f64,
}

/// Looks at the GPUs for so long; none if they do not idle.
pub fn baseline(recorder: &Recorder, clock: Clock, from: f64) -> Option<Baseline> {
    let to = clock.now();
    recorder.wait_past(to);
    of_window(&recorder.window(from, to))
}

/// The baseline of a window; none if its GPUs did not idle, or their energy is not known.
fn of_window(window: &Window) -> Option<Baseline> {
    let busy = |gpu: &GpuWindow| gpu.fields.get(&Field::GpuUtilization).is_none_or(|share| *share > BUSY);
    if !window.valid || window.gpus.iter().any(busy) {
        return None;
    }
    let context = |gpu: &GpuWindow| {
        !gpu.processes.is_empty() || gpu.fields.get(&Field::MemoryUsed).is_some_and(|bytes| *bytes > CONTEXT)
    };
    // Between ticks the mean is surer than between the edges.
    let by_ticks: Option<Vec<(f64, f64)>> = window.gpus.iter().map(|gpu| gpu.tick_power_w).collect();
    let (power_w, bound_w) = match by_ticks {
        Some(all) => all.iter().fold((0.0, 0.0), |sum, own| (sum.0 + own.0, sum.1 + own.1)),
        None => (window.power_w, window.bound_j / window.duration_s()),
    };
    Some(Baseline {
        power_w,
        bound_w,
        has_context: window.gpus.iter().any(context),
        temperature_k: window.observed.get("temperature").copied(),
        duration_s: window.duration_s(),
    })
}
