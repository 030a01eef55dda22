//! What windows say of a run besides its metrics, as text under stable names.

use std::collections::BTreeMap;

use super::field::Field;
use super::gpu::GpuInfo;
use super::window::Window;
use crate::measure::energy::Estimates;

/// The details of the windows of one run, by their names: energy and its bound (J), cross-checks as shares of deviation from
/// the counter, the share of time for which each reason held clocks back, memory (B), and the processor's energy (J).
pub fn window_details(windows: &[Window]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut say = |name: &str, text: String| all.insert(name.to_owned(), text);
    let sum = |of: fn(&Window) -> f64| windows.iter().map(of).sum::<f64>();
    say("window_s", format!("{:.4}", sum(Window::duration_s)));
    if windows.iter().flat_map(|window| &window.gpus).any(|gpu| gpu.energy_j.is_some()) {
        say("energy_j", number(sum(|window| window.energy_j)));
        say("bound_j", number(sum(|window| window.bound_j)));
    }
    say("energy_scope", "gpu".to_owned());
    let ticks = |window: &Window| window.gpus.iter().map(|gpu| gpu.ticks).min().unwrap_or(0);
    say("ticks", windows.iter().map(ticks).sum::<usize>().to_string());
    for (name, share) in deviations(windows) {
        say(&format!("cross_check_{name}"), format!("{share:+.4}"));
    }
    let throttled: Vec<String> =
        throttled(windows).iter().map(|(reason, share)| format!("{reason} {share:.3}")).collect();
    if !throttled.is_empty() {
        say("throttled", throttled.join("; "));
    }
    if let Some(bytes) = memory(windows) {
        say("memory_used_b", format!("{bytes:.0}"));
    }
    for (name, energy, bound) in processor(windows) {
        let name = name.replace(['/', '-'], "_");
        say(&format!("processor_{name}_j"), number(energy));
        say(&format!("processor_{name}_bound_j"), number(bound));
    }
    all
}

/// What GPUs say of themselves, in their order.
pub fn gpu_details(gpus: &[GpuInfo]) -> BTreeMap<String, String> {
    let joined = |get: fn(&GpuInfo) -> String| {
        let texts: Vec<String> = gpus.iter().map(get).filter(|text| !text.is_empty()).collect();
        (!texts.is_empty()).then(|| texts.join(" "))
    };
    let all = [
        ("gpu_name", gpus.first().map(|gpu| gpu.name.clone()).filter(|name| !name.is_empty())),
        ("gpu_uuid", joined(|gpu| gpu.uuid.clone())),
        ("power_limit_w", joined(|gpu| gpu.power_limit_w.map_or_else(String::new, |watts| watts.to_string()))),
    ];
    all.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?))).collect()
}

/// The largest deviation of each other estimator of power from the counter, of all GPUs and windows.
pub fn deviations(windows: &[Window]) -> BTreeMap<&'static str, f64> {
    let mut largest: BTreeMap<&'static str, f64> = BTreeMap::new();
    let estimates = windows.iter().flat_map(|window| &window.gpus).filter_map(|gpu| gpu.estimates.as_ref());
    for (name, share) in estimates.flat_map(Estimates::deviations) {
        let most = largest.entry(name).or_insert(share);
        if share.abs() > most.abs() {
            *most = share;
        }
    }
    largest
}

/// Energy of each counter of the processor that was seen in each window, J: name, energy, bound.
pub fn processor(windows: &[Window]) -> Vec<(String, f64, f64)> {
    let mut sums: BTreeMap<&str, (f64, f64, usize)> = BTreeMap::new();
    for zone in windows.iter().flat_map(|window| &window.zones) {
        let sum = sums.entry(&zone.name).or_default();
        *sum = (sum.0 + zone.energy_j, sum.1 + zone.bound_j, sum.2 + 1);
    }
    // One that was not seen in each window has no sum.
    let whole = sums.into_iter().filter(|(_, sum)| sum.2 == windows.len());
    whole.map(|(name, sum)| (name.to_owned(), sum.0, sum.1)).collect()
}

/// Memory in use on the GPU that uses most, in the mean of a window, B.
pub fn memory(windows: &[Window]) -> Option<f64> {
    let gpus = windows.iter().flat_map(|window| &window.gpus);
    gpus.filter_map(|gpu| gpu.fields.get(&Field::MemoryUsed).copied()).max_by(f64::total_cmp)
}

fn throttled(windows: &[Window]) -> BTreeMap<&'static str, f64> {
    let mut largest: BTreeMap<&'static str, f64> = BTreeMap::new();
    for (reason, share) in windows.iter().flat_map(|window| &window.gpus).flat_map(|gpu| &gpu.throttled) {
        let most = largest.entry(reason).or_insert(0.0);
        *most = most.max(*share);
    }
    largest
}

/// A number with as many digits as a measurement can need.
pub fn number(value: f64) -> String {
    if value.abs() >= 1000.0 { format!("{value:.2}") } else { format!("{value:.5}") }
}
