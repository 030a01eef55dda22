//! What a window of the meters says of a run.

use std::collections::BTreeMap;

use super::station::{Idle, Measured};
use crate::catalog::Catalog;
use crate::measure::energy::Estimates;
use crate::measure::meter::{GpuInfo, Recorder, Window};
use crate::runs::Value;

/// The latents, the power and the doubts of a window.
pub(super) fn of_window(window: &Window) -> Measured {
    let mut measured = Measured { observed: window.observed.clone(), ..Measured::default() };
    let mut say = |key: &str, text: String| measured.details.insert(key.to_owned(), text);
    say("window_s", format!("{:.4}", window.duration_s()));
    say("energy_j", number(window.energy_j));
    say("bound_j", number(window.bound_j));
    say("ticks", window.gpus.iter().map(|gpu| gpu.ticks).min().unwrap_or(0).to_string());
    let deviations = deviations(window);
    for (name, share) in deviations {
        say(&format!("cross_check_{name}"), format!("{share:+.4}"));
    }
    let mut throttled: BTreeMap<&str, f64> = BTreeMap::new();
    for (reason, share) in window.gpus.iter().flat_map(|gpu| &gpu.throttled) {
        let most = throttled.entry(reason).or_insert(0.0);
        *most = most.max(*share);
    }
    let throttled: Vec<String> = throttled.iter().map(|(reason, share)| format!("{reason} {share:.3}")).collect();
    if !throttled.is_empty() {
        say("throttled", throttled.join("; "));
    }
    for zone in &window.zones {
        say(&format!("processor_{}_j", zone.name), number(zone.energy_j));
    }
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

/// The largest deviation of each other estimator of power among the GPUs.
fn deviations(window: &Window) -> BTreeMap<&'static str, f64> {
    let mut largest: BTreeMap<&'static str, f64> = BTreeMap::new();
    for (name, share) in window.gpus.iter().filter_map(|gpu| gpu.estimates.as_ref()).flat_map(Estimates::deviations) {
        let most = largest.entry(name).or_insert(share);
        if share.abs() > most.abs() {
            *most = share;
        }
    }
    largest
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
    if let Some(first) = gpus.first() {
        if !first.name.is_empty() && gpus.iter().all(|gpu| gpu.name == first.name) {
            condition("gpu", Value::Name(Catalog::embedded().gpu_name(&first.name)));
        }
        let names = |get: fn(&GpuInfo) -> String| {
            gpus.iter().map(get).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
        };
        measured.details.insert("gpu_name".to_owned(), first.name.clone());
        measured.details.insert("gpu_uuid".to_owned(), names(|gpu| gpu.uuid.clone()));
        let limits = names(|gpu| gpu.power_limit_w.map_or_else(String::new, |watts| format!("{watts}")));
        if !limits.is_empty() {
            measured.details.insert("power_limit_w".to_owned(), limits);
        }
    }
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

/// A number with as many digits as a measurement can need.
pub(super) fn number(value: f64) -> String {
    if value.abs() >= 1000.0 { format!("{value:.2}") } else { format!("{value:.5}") }
}
