//! What GPUs draw that do nothing.

use std::sync::mpsc::Receiver;

use super::child::{Ending, Event, wait_until};
use super::measured::{Plan, Subject};
use crate::measure::Clock;
use crate::measure::meter::{Field, GpuWindow, Recorder, Window};
use crate::notes::Caveat;

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

/// Tells of a command that has no idle power beside it, though it was asked for.
pub(super) fn without_baseline(
    plan: &Plan,
    before: Option<&Baseline>,
    after: Option<&Baseline>,
    ended: Ending,
) -> Option<Caveat> {
    let lacking = [("before", before.is_none()), ("after", after.is_none() && ended.is_good())];
    let when: Vec<&str> = lacking.into_iter().filter(|own| own.1).map(|own| own.0).collect();
    let is_asked = plan.baseline_s > 0.0 && matches!(plan.subject, Subject::Command(_));
    let text = || {
        format!(
            "idle power is not known {} the command: the GPUs did not idle, or too shortly, or do not tell whether they do",
            when.join(" and ")
        )
    };
    (is_asked && !when.is_empty()).then(|| Caveat::new("no_baseline", text()))
}

/// Idle GPUs after the work; none if they do not idle.
pub(super) fn rest(
    plan: &Plan,
    recorder: &Recorder,
    events: &Receiver<Event>,
    clock: Clock,
    to: f64,
) -> Option<Baseline> {
    // The field of utilization looks back a second.
    let begin = to + 1.0;
    let (ending, _) = wait_until(Some(begin + plan.baseline_s), events, clock, || false);
    if ending == Ending::Time { baseline(recorder, clock, begin) } else { None }
}

/// Idle GPUs with a context on each, if it is asked for; where none can be opened, why.
pub(super) fn waiting(
    plan: &Plan,
    recorder: &Recorder,
    events: &Receiver<Event>,
    clock: Clock,
    caveats: &mut Vec<Caveat>,
) -> Option<Baseline> {
    if !plan.with_context {
        return None;
    }
    let holder = plan.meters.holder.as_ref().ok_or_else(|| "no program is known that holds it".to_owned());
    let found = holder.and_then(|holder| holder.open(&recorder.gpus())).and_then(|_contexts| {
        let found = rest(plan, recorder, events, clock, clock.now());
        found.ok_or_else(|| "the GPUs did not idle".to_owned())
    });
    let told = |reason: &String| {
        Caveat::new("no_context_baseline", format!("idle power with a CUDA context is not known: {reason}"))
    };
    caveats.extend(found.as_ref().err().map(told));
    found.ok()
}
