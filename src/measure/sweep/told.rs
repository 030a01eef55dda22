//! What a window of the meters says of a run.

use super::station::{Idle, Measured};
use crate::catalog::Catalog;
use crate::measure::meter::{GpuInfo, Recorder, Window, gpu_details, window_details};
use crate::runs::Value;

/// The latents, the power and the doubts of a window.
pub(super) fn of_window(window: &Window) -> Measured {
    let details = window_details(std::slice::from_ref(window));
    let mut measured = Measured { observed: window.observed.clone(), details, ..Measured::default() };
    if window.power_w > 0.0 {
        measured.metrics.insert("power".to_owned(), window.power_w);
    }
    let caveats: Vec<String> = window.caveats.iter().map(|caveat| caveat.text.clone()).collect();
    add_caveats(&mut measured, &caveats);
    measured
}

/// Adds caveats to those of a run. A semicolon stands between two of them, and none within one, so that a report can tell
/// them apart.
pub(super) fn add_caveats(measured: &mut Measured, caveats: &[String]) {
    for caveat in caveats {
        let all = measured.details.entry("caveats".to_owned()).or_default();
        let between = if all.is_empty() { "" } else { "; " };
        *all = format!("{all}{between}{}", caveat.replace("; ", ", "));
    }
}

/// Adds what the machine says of itself.
pub(super) fn add_machine(measured: &mut Measured, recorder: &Recorder) {
    let gpus = recorder.gpus();
    let mut condition = |name: &str, value: Value| measured.conditions.insert(name.to_owned(), value);
    if !gpus.is_empty() {
        condition("gpus", Value::Number(gpus.len() as f64));
    }
    if let Some(unit) = GpuInfo::unit(&gpus) {
        condition("gpu_unit", Value::Name(unit));
    }
    if !recorder.driver_version().is_empty() {
        condition("driver_version", Value::Name(recorder.driver_version().to_owned()));
    }
    if let Some(first) = gpus.first()
        && !first.name.is_empty()
        && gpus.iter().all(|gpu| gpu.name == first.name)
    {
        condition("gpu", Value::Name(Catalog::embedded().gpu_name(&first.name)));
    }
    measured.details.extend(gpu_details(&gpus));
}

/// A window in which nothing was to be done; none if its energy is not known.
pub(super) fn idle(kind: &'static str, when: &'static str, window: &Window) -> Option<Idle> {
    let seconds = window.duration_s();
    let is_known = window.valid && seconds > 0.0;
    is_known.then(|| Idle {
        kind,
        when,
        power: window.power_w,
        bound: window.bound_j / seconds,
        seconds,
        temperature: window.observed.get("temperature").copied(),
        sm_clock: window.observed.get("sm_clock_mean").copied(),
    })
}
