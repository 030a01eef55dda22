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
/// GPUs with a context are looked at for so long where nothing is said, s.
const USUAL: f64 = 5.0;

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

/// Looks at the GPUs once the work is over.
pub(super) struct Look<'a> {
    pub(super) recorder: &'a Recorder,
    pub(super) clock: Clock,
    pub(super) events: &'a Receiver<Event>,
}

impl Look<'_> {
    /// Idle GPUs after work that ended at `to`, and with a context on each, as far as the plan asks for them, until somebody
    /// interrupts it.
    pub(super) fn after(
        &self,
        plan: &Plan,
        to: f64,
        caveats: &mut Vec<Caveat>,
    ) -> (Option<Baseline>, Option<Baseline>) {
        let after = if plan.baseline_s > 0.0 { self.rest(to, plan.baseline_s) } else { Ok(None) };
        let Ok(after) = after else { return (None, None) };
        let waiting = if plan.with_context { self.waiting(plan) } else { Ok(None) };
        let told = |reason: &String| {
            Caveat::new("no_context_baseline", format!("idle power with a CUDA context is not known: {reason}"))
        };
        caveats.extend(waiting.as_ref().err().map(told));
        (after, waiting.ok().flatten())
    }

    /// Idle GPUs from a moment on; none if they do not idle.
    fn rest(&self, from: f64, seconds: f64) -> Result<Option<Baseline>, Ending> {
        // The field of utilization looks back a second.
        let begin = from + 1.0;
        match wait_until(Some(begin + seconds), self.events, self.clock, || false).0 {
            Ending::Time => Ok(baseline(self.recorder, self.clock, begin)),
            ending => Err(ending),
        }
    }

    /// Idle GPUs with a context on each; else why that is not known.
    fn waiting(&self, plan: &Plan) -> Result<Option<Baseline>, String> {
        let holder = plan.meters.holder.as_ref().ok_or("no program is known that holds one")?;
        let _contexts = holder.open(&self.recorder.gpus())?;
        let seconds = if plan.baseline_s > 0.0 { plan.baseline_s } else { USUAL };
        let found = self.rest(self.clock.now(), seconds).map_err(Ending::words)?;
        found.map(Some).ok_or_else(|| "the GPUs did not idle".to_owned())
    }
}
