//! What can be measured on a machine: findings first, then numbers.

use miette::Diagnostic as _;
use serde_json::{Value as Json, json as object};

use super::{Column, Document, Table, Text};
use crate::measure::doctor::{Checkup, GpuCheckup, GpuState};
use crate::measure::energy::ALIASING;
use crate::measure::meter::{Field, SilentGpu, Zone};
use crate::notes::list;
use crate::unit::{percent, show};

/// Calls that take longer smear the edges of a window over many GPUs, s.
const SLOW_CALL: f64 = 0.02;
/// What is told of several calls.
const NOT_KNOWN: &str = "–";

/// The document of a checkup.
pub fn document(found: &Checkup) -> Document {
    let mut document = Document::new(Text::new().plain(headline(found)));
    match &found.gpus {
        Err(error) => {
            document.heading("GPUs");
            document.paragraph(Text::new().bad("No GPU: ").plain(error.to_string()));
            if let Some(help) = error.help() {
                document.paragraph(Text::new().plain(format!("What to do: {help}.")));
            }
        }
        Ok(own) => gpus(&mut document, own),
    }
    processor(&mut document, &found.zones);
    document
}

/// How much of this machine can be measured, and what of it cannot.
fn headline(found: &Checkup) -> String {
    let (unmeasured, count) = match &found.gpus {
        Ok(own) => (own.unmeasured(), own.count()),
        Err(_) => return "The energy of GPUs cannot be measured here".to_owned(),
    };
    let names: Vec<String> = unmeasured.iter().map(ToString::to_string).collect();
    let plural = if names.len() == 1 { "" } else { "s" };
    match count - names.len() {
        _ if names.is_empty() => "Energy can be measured here".to_owned(),
        0 => "The energy of GPUs cannot be measured here".to_owned(),
        rest => {
            format!(
                "The energy of {rest} of {count} GPUs can be measured here, not that of GPU{plural} {}",
                list(&names)
            )
        }
    }
}

fn gpus(document: &mut Document, own: &GpuCheckup) {
    document.heading("GPUs");
    document.fields([
        ("driver", own.driver_version.clone()),
        ("looked at for", show(own.duration_s, "s")),
        (
            "measuring costs",
            format!("{:.1} % of a core, {}", 100.0 * own.overhead.cpu_share, show(own.overhead.bytes as f64, "B")),
        ),
    ]);
    let mut table = Table::new([
        Column::left("GPU"),
        Column::left("name"),
        Column::right("power"),
        Column::right("limit"),
        Column::right("tick"),
        Column::right("call (p99)"),
        Column::right("SM clock"),
        Column::right("heat"),
    ]);
    for gpu in &own.gpus {
        table.row(row(gpu));
    }
    table.note(
        "Power by the energy counter. Tick: time between two moves of the counter. Call: what one reading of it takes.",
    );
    document.table(table);
    document.list(own.gpus.iter().flat_map(findings).chain(own.silent.iter().map(silent)).chain(missing(own)));
    if own.is_self_test {
        self_test(document, own);
    }
}

fn row(gpu: &GpuState) -> [String; 8] {
    let field = |field: Field, unit: &str| {
        gpu.window.fields.get(&field).map_or_else(|| NOT_KNOWN.to_owned(), |value| show(*value, unit))
    };
    let or_dash =
        |value: Option<f64>, unit: &str| value.map_or_else(|| NOT_KNOWN.to_owned(), |value| show(value, unit));
    let call = match (gpu.call.median_s(), gpu.call.p99_s()) {
        (Some(median), Some(p99)) => format!("{} ({})", show(median, "s"), show(p99, "s")),
        _ => NOT_KNOWN.to_owned(),
    };
    let celsius = gpu.window.fields.get(&Field::Temperature);
    [
        gpu.window.gpu.index.to_string(),
        gpu.window.gpu.name.trim_start_matches("NVIDIA ").to_owned(),
        or_dash(gpu.window.tick_power_w.map(|own| own.0), "W"),
        or_dash(gpu.window.gpu.power_limit_w, "W"),
        or_dash(gpu.tick_period_s, "s"),
        call,
        field(Field::SmClock, "Hz"),
        celsius.map_or_else(|| NOT_KNOWN.to_owned(), |kelvin| format!("{:.0} °C", kelvin - 273.15)),
    ]
}

/// What is to be known of one GPU, with what to do.
fn findings(gpu: &GpuState) -> Vec<Text> {
    let index = gpu.window.gpu.index;
    let name = format!("GPU {index}");
    let mut found = Vec::new();
    if let Some((_, reason)) = &gpu.window.lost {
        let advice = if gpu.has_counter() {
            reset(index)
        } else {
            ". The driver counts energy from the Volta generation on; choose other GPUs with `--gpus`.".to_owned()
        };
        found.push(Text::new().bad(format!("{name} cannot be measured: {reason}")).plain(advice));
    } else if !gpu.is_measured {
        found.push(Text::new().bad(format!("{name}: its energy counter does not move")).plain(format!(
            ". See whether it moves under load; if not, choose other GPUs with `--gpus`, or reset it (as root: `nvidia-smi \
             --gpu-reset -i {index}`)."
        )));
    } else {
        let edge = gpu.window.tick_power_w.zip(gpu.tick_period_s).map(|(power, tick)| power.0 * tick);
        let edge = edge.map(|joules| format!(": an edge of a window is sure to about {}", show(joules, "J")));
        found
            .push(Text::new().good(format!("{name} has an energy counter")).plain(edge.unwrap_or_default()).plain("."));
    }
    if gpu.call.p99_s().is_some_and(|p99| p99 > SLOW_CALL) {
        found.push(Text::new().plain(format!(
            "{name}: calls of the driver are slow: see who else polls it (exporters, monitors). In a virtual machine calls \
             take some milliseconds."
        )));
    }
    if gpu.window.gpu.is_split {
        found.push(
            Text::new()
                .bad(format!("{name} is split into instances (MIG)"))
                .plain(": only the energy of the whole GPU is counted, all instances together."),
        );
    }
    for (reason, share) in &gpu.window.throttled {
        let told = if gpu.window.throttle_counted.contains(reason) { "counted by the driver" } else { "of readings" };
        found.push(
            Text::new().plain(format!(
                "{name}: clocks were held back by {reason} for {} of the time ({told}).",
                percent(*share)
            )),
        );
    }
    if !gpu.window.processes.is_empty() {
        let pids: Vec<String> = gpu.window.processes.iter().map(ToString::to_string).collect();
        found.push(Text::new().plain(format!(
            "{name} is used by process {}: their energy cannot be told from that of a measured command.",
            list(&pids)
        )));
    }
    found
}

/// A GPU that does not answer.
fn silent(SilentGpu { index, reason }: &SilentGpu) -> Text {
    Text::new().bad(format!("GPU {index} does not answer: {reason}")).plain(reset(*index))
}

/// What to do about a GPU that is lost.
fn reset(index: u32) -> String {
    format!(". One that is lost needs a reset (as root: `nvidia-smi --gpu-reset -i {index}`) or a reboot.")
}

fn missing(own: &GpuCheckup) -> Vec<Text> {
    let told = own.warnings.iter().filter(|caveat| caveat.code != "gpu_silent");
    told.map(|caveat| Text::new().plain(format!("{}.", caveat.text))).collect()
}

/// Estimators side by side.
fn self_test(document: &mut Document, own: &GpuCheckup) {
    document.heading("Self-test of the sensors");
    let mut table = Table::new([
        Column::left("GPU"),
        Column::right("counter"),
        Column::right("samples"),
        Column::right("one-second mean"),
        Column::right("momentary"),
    ]);
    for gpu in &own.gpus {
        let Some(estimates) = gpu.estimates() else { continue };
        let against = |power: Option<f64>| {
            let share = power.map(|power| power / estimates.counter_w - 1.0);
            share.map_or_else(|| NOT_KNOWN.to_owned(), |share| format!("{:+.1} %", 100.0 * share))
        };
        table.row([
            gpu.window.gpu.index.to_string(),
            show(estimates.counter_w, "W"),
            against(estimates.samples_w),
            against(estimates.average_w),
            against(estimates.instant_w),
        ]);
    }
    table.note(
        "Deviations from the energy counter. Momentary readings look for a short time of each 0.1 s: under a periodic load \
         they can be half or more off, which is why no energy is ever summed from them.",
    );
    document.table(table);
    aliasing(document);
}

/// What is known of such sensors under loads that no self-test makes.
fn aliasing(document: &mut Document) {
    let mut table = Table::new([
        Column::right("period"),
        Column::right("busy"),
        Column::right("samples"),
        Column::right("one-second mean"),
        Column::right("momentary"),
    ]);
    for own in ALIASING {
        let off = |share: f64| format!("{:+.1} %", 100.0 * share);
        table.row([show(own.period_s, "s"), percent(own.duty), off(own.samples), off(own.average), off(own.instant)]);
    }
    table.note(
        "Deviations from the energy counter, measured on one H200 (driver 580.159.04) whose load was switched on and off. A \
         step of decoding takes 5 to 100 ms. The self-test runs no load: what is above is of the load that was there.",
    );
    document.subheading("The same sensors under periodic loads").table(table);
}

fn processor(document: &mut Document, zones: &[Zone]) {
    document.heading("Processor");
    if zones.is_empty() {
        document.paragraph(
            "No energy counters (RAPL): /sys/class/powercap has none. Virtual machines hide them, containers mask them; on \
             a machine of your own load the module `intel_rapl_msr`.",
        );
        return;
    }
    let item = |zone: &Zone| match &zone.refused {
        None => Text::new()
            .good(format!("{}: ", zone.name))
            .plain(format!("can be read; starts again after {}.", show(zone.range_j, "J"))),
        Some(reason) => Text::new().bad(format!("{}: ", zone.name)).plain(format!("cannot be read, {reason}.")),
    };
    document.list(zones.iter().map(item));
    if zones.iter().any(|zone| zone.refused.is_some()) {
        document.paragraph(
            "To let a group read them, as root (lasts until a reboot; a udev rule makes it stay). In a container, mount \
             /sys/class/powercap and /sys/devices/virtual/powercap read-only.",
        );
        document.code(
            "chgrp -R power /sys/class/powercap/intel-rapl:*/\nchmod g+r /sys/class/powercap/intel-rapl:*/energy_uj",
        );
    }
}

/// The same for programs.
pub fn json(found: &Checkup) -> Json {
    let gpus = match &found.gpus {
        Err(error) => object!({"error": error.to_string(), "help": error.help().map(|help| help.to_string())}),
        Ok(own) => object!({
            "driver_version": own.driver_version,
            "duration_s": own.duration_s,
            "cpu_share": own.overhead.cpu_share,
            "memory_b": own.overhead.bytes,
            "edge_skew_s": own.overhead.edge_skew_s,
            "warnings": own.warnings,
            "unmeasured": own.unmeasured(),
            "gpus": own.gpus.iter().map(gpu_json).collect::<Vec<_>>(),
            "aliasing_h200": own.is_self_test.then(|| ALIASING.map(|own| object!({
                "period_s": own.period_s, "duty": own.duty, "samples": own.samples, "average": own.average,
                "instant": own.instant,
            }))),
        }),
    };
    let zone = |zone: &Zone| object!({"name": zone.name, "scope": zone.scope.name(), "range_j": zone.range_j, "refused": zone.refused});
    object!({
        "measurable": found.is_good(),
        "gpu": gpus,
        "processor": found.zones.iter().map(zone).collect::<Vec<_>>(),
    })
}

fn gpu_json(gpu: &GpuState) -> Json {
    let window = &gpu.window;
    let estimates = gpu.estimates();
    object!({
        "index": window.gpu.index,
        "name": window.gpu.name,
        "uuid": window.gpu.uuid,
        "power_limit_w": window.gpu.power_limit_w,
        "mig": window.gpu.is_split,
        "measurable": gpu.is_measured,
        "tick_period_s": gpu.tick_period_s,
        "call_median_s": gpu.call.median_s(),
        "call_p99_s": gpu.call.p99_s(),
        "energy_j": window.energy_j,
        "bound_j": window.bound_j,
        "estimates_w": estimates.map(|own| object!({
            "counter": own.counter_w, "samples": own.samples_w, "average": own.average_w, "instant": own.instant_w,
        })),
        "state": window.fields.iter().map(|(field, value)| (field.column().to_owned(), Json::from(*value))).collect::<serde_json::Map<_, _>>(),
        "throttled": window.throttled,
        "throttle_counted": window.throttle_counted,
        "processes": window.processes,
        "lost": window.lost.as_ref().map(|(_, reason)| reason),
    })
}
