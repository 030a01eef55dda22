//! Measured work as runs of a sweep.

use std::collections::BTreeMap;

use super::measured::Measured;
use super::stretch::Stretch;
use super::verdict::verdict;
use crate::catalog::Catalog;
use crate::measure::meter::{GpuInfo, gpu_details, window_details};
use crate::runs::{Run, Sweep, Value, number_duplicates, set};

/// What work can make.
pub const ITEMS: [&str; 4] = ["tokens", "responses", "images", "videos"];

/// Of the items that throughput counts, the metric of their energy.
const ENERGY: [(&str, &str); 4] = [
    ("tokens", "energy_per_token"),
    ("responses", "energy_per_response"),
    ("images", "energy_per_image"),
    ("videos", "energy_per_video"),
];

/// One run for each stretch that has energy, named `name`, or `name/stretch`; with the conditions that were stated.
pub fn runs(measured: &Measured, name: &str, stated: &[(String, Value)], catalog: &Catalog) -> Vec<Run> {
    let mut all: Vec<Run> = measured
        .stretches
        .iter()
        .filter(|stretch| stretch.energy_j() > 0.0)
        .map(|stretch| run(measured, stretch, name, stated, catalog))
        .collect();
    number_duplicates(all.iter_mut());
    all
}

fn run(measured: &Measured, stretch: &Stretch, name: &str, stated: &[(String, Value)], catalog: &Catalog) -> Run {
    let id = if stretch.name.is_empty() { name.to_owned() } else { format!("{name}/{}", stretch.name) };
    let mut run = Run { id, observed: stretch.observed(), ..Run::default() };
    set(&mut run, "gpus", Value::Number(measured.gpus.len() as f64));
    if let Some(gpu) = gpu_name(measured, catalog) {
        set(&mut run, "gpu", Value::Name(gpu));
    }
    if let Some(unit) = GpuInfo::unit(&measured.gpus) {
        set(&mut run, "gpu_unit", Value::Name(unit));
    }
    if !measured.driver_version.is_empty() {
        set(&mut run, "driver_version", Value::Name(measured.driver_version.clone()));
    }
    for (condition, value) in stated {
        set(&mut run, condition, value.clone());
    }
    run.observed.extend(measured.host_cpu.map(|busy| ("host_cpu".to_owned(), busy)));
    let waiting = [&measured.waiting, &measured.before, &measured.after].into_iter().flatten();
    let waiting = waiting.into_iter().find(|own| own.has_context);
    run.observed.extend(waiting.map(|own| ("static_power".to_owned(), own.power_w)));
    run.metrics = metrics(stretch);
    run.details = details(measured, stretch);
    run
}

/// The GPU as the catalog names it; none if the GPUs differ.
fn gpu_name(measured: &Measured, catalog: &Catalog) -> Option<String> {
    let first = measured.gpus.first()?;
    if measured.gpus.iter().any(|gpu| gpu.name != first.name) {
        return None;
    }
    Some(catalog.gpu_name(&first.name))
}

fn metrics(stretch: &Stretch) -> BTreeMap<String, f64> {
    // What was measured in part is not what the work took.
    if !stretch.is_valid() {
        return BTreeMap::new();
    }
    let mut metrics = item_metrics(&stretch.items, stretch.energy_j(), stretch.duration_s());
    metrics.insert("power".to_owned(), stretch.power_w());
    metrics
}

/// Metrics of items that were made with so much energy (J) in so many seconds.
pub(in crate::measure) fn item_metrics(
    items: &BTreeMap<String, f64>,
    energy_j: f64,
    seconds: f64,
) -> BTreeMap<String, f64> {
    let of = |(item, metric): (&str, &str)| Some((metric.to_owned(), energy_j / items.get(item)?));
    let mut metrics: BTreeMap<String, f64> = ENERGY.into_iter().filter_map(of).collect();
    if let Some(count) = ["tokens", "images", "videos", "responses"].iter().find_map(|item| items.get(*item)) {
        metrics.insert("throughput".to_owned(), count / seconds);
        metrics.insert("throughput_per_watt".to_owned(), count / energy_j);
    }
    metrics.retain(|_, value| *value > 0.0 && value.is_finite());
    metrics
}

fn details(measured: &Measured, stretch: &Stretch) -> BTreeMap<String, String> {
    let (verdict, reasons) = verdict(measured, stretch);
    let mut all = window_details(&stretch.windows);
    all.extend(gpu_details(&measured.gpus));
    let mut add = |name: &str, text: String| all.insert(name.to_owned(), text);
    add("windows", stretch.windows.len().to_string());
    add("verdict", verdict.name().to_owned());
    if !reasons.is_empty() {
        add("reasons", reasons.join(" "));
    }
    for (item, count) in &stretch.items {
        add(item, count.to_string());
    }
    let idle = [("before", &measured.before), ("after", &measured.after), ("waiting", &measured.waiting)];
    for (when, own) in idle {
        let Some(own) = own else { continue };
        let state = if own.has_context { "with_context" } else { "no_context" };
        add(&format!("idle_power_{when}_w"), format!("{:.2}", own.power_w));
        add(&format!("idle_state_{when}"), state.to_owned());
    }
    all
}

/// The runs with where they come from, ready to be written.
pub fn sweep(measured: &Measured, name: &str, runs: Vec<Run>, command: &str) -> Sweep {
    let mut provenance = toml::Table::new();
    let mut say = |key: &str, text: String| provenance.insert(key.to_owned(), text.into());
    say("source", "measured by joules measure".to_owned());
    say("tool", concat!("joules ", env!("CARGO_PKG_VERSION")).to_owned());
    say("command", command.to_owned());
    say("ended", measured.ending.words());
    say(
        "energy",
        "energy counters of the GPUs at their ticks, with a bound that power not being negative gives; GPUs only, the \
         processor stands beside"
            .to_owned(),
    );
    say("driver_version", measured.driver_version.clone());
    let seconds = measured.trace.started_unix as i64;
    if let Ok(moment) = jiff::Timestamp::from_second(seconds) {
        say("started", moment.to_string());
    }
    let caveats: Vec<toml::Value> = measured.all_caveats().into_iter().map(|own| own.text.into()).collect();
    if !caveats.is_empty() {
        provenance.insert("caveats".to_owned(), toml::Value::Array(caveats));
    }
    Sweep::new(name, runs, provenance)
}
