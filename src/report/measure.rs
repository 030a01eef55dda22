//! What a command took: energy with its bound first, then what it made, then what to know.

use std::path::Path;

use serde_json::{Value as Json, json as object};

use super::{Column, Document, Table, Text};
use crate::measure::command::{Baseline, Measured, Stretch, Verdict, verdict};
use crate::measure::meter::{GpuWindow, deviations, memory, processor};
use crate::notes::plural;
use crate::runs::{Run, known, run_json};
use crate::unit::{percent, show};

/// Whether nothing stands against the result.
pub fn is_clean(measured: &Measured) -> bool {
    measured.stretches.iter().all(|own| verdict(measured, own).0 == Verdict::Good) && measured.caveats.is_empty()
}

/// The document of a measurement.
pub fn document(measured: &Measured, runs: &[Run], out: Option<&Path>) -> Document {
    let energy: f64 = measured.stretches.iter().map(Stretch::energy_j).sum();
    let bound: f64 = measured.stretches.iter().map(Stretch::bound_j).sum();
    let is_whole = measured.stretches.iter().all(Stretch::is_valid);
    let mut document = Document::new(
        Text::new()
            .plain("Energy of ")
            .plain(plural(measured.gpus.len(), "GPU"))
            .plain(": ")
            .strong(format!("{} ± {}", show(energy, "J"), show(bound, "J")))
            .plain(if is_whole { "" } else { ", as far as it is known" }),
    );
    document.paragraph(format!("Measured until {}.", measured.ending.words()).as_str());
    for stretch in &measured.stretches {
        about(&mut document, measured, stretch, runs);
    }
    baselines(&mut document, measured);
    by_gpu(&mut document, measured);
    caveats(&mut document, measured);
    if let Some(folder) = out.filter(|_| !runs.is_empty()) {
        let shown = folder.display();
        document.paragraph(
            Text::new().plain("Next: ").code(format!("joules runs --runs {shown}")).plain(" lists the runs."),
        );
    }
    document
}

/// One stretch of work.
fn about(document: &mut Document, measured: &Measured, stretch: &Stretch, runs: &[Run]) {
    if !stretch.name.is_empty() {
        document.heading(Text::new().code(&stretch.name));
    }
    let (verdict, reasons) = verdict(measured, stretch);
    let told = match verdict {
        Verdict::Good => Text::new().good("good"),
        Verdict::Marked => Text::new().plain(format!("marked: {}", reasons.join(", "))),
        Verdict::Partial => Text::new().bad(format!("partial: {}", reasons.join(", "))),
    };
    let bound = format!("{} ± {}", show(stretch.energy_j(), "J"), show(stretch.bound_j(), "J"));
    let part = if stretch.is_valid() { "" } else { ", while it was known" };
    let power = format!("{}{part}", show(stretch.power_w(), "W"));
    let mut fields = vec![
        (Text::from("energy"), Text::new().strong(bound)),
        (Text::from("power"), Text::new().plain(power)),
        (Text::from("time"), Text::new().plain(show(stretch.duration_s(), "s"))),
        (Text::from("verdict"), told),
    ];
    let position = measured.stretches.iter().filter(|own| own.energy_j() > 0.0).position(|own| own == stretch);
    if let Some(run) = position.and_then(|at| runs.get(at)) {
        for (name, value) in run.metrics.iter().filter(|(name, _)| *name != "power") {
            let unit = known(name).map_or("1", |own| own.unit);
            fields.push((Text::new().code(name), Text::new().plain(show(*value, unit))));
        }
        for (name, value) in &run.observed {
            let unit = known(name).map_or("1", |own| own.unit);
            fields.push((Text::new().code(name), Text::new().dim(show(*value, unit))));
        }
    }
    let others = deviations(&stretch.windows);
    if !others.is_empty() {
        let words = others.iter().map(|(name, share)| format!("{name} {:+.2} %", 100.0 * share));
        let words = words.collect::<Vec<_>>().join(", ");
        fields.push((Text::from("cross-check"), Text::new().dim(format!("{words} against the counter"))));
    }
    if let Some(bytes) = memory(&stretch.windows) {
        fields.push((Text::from("memory used"), Text::new().dim(show(bytes, "B"))));
    }
    for (name, energy, bound) in processor(&stretch.windows) {
        let text = format!("{} ± {}, beside the GPUs", show(energy, "J"), show(bound, "J"));
        fields.push((Text::new().plain(name), Text::new().plain(text)));
    }
    document.fields(fields);
}

fn baselines(document: &mut Document, measured: &Measured) {
    let all = [("before", &measured.before), ("after", &measured.after), ("with a CUDA context", &measured.waiting)];
    let item = |(when, own): (&str, &Option<Baseline>)| {
        let own = own.as_ref()?;
        let state = if own.has_context { "a process waiting on them (clocks up)" } else { "no process on them" };
        let heat = own.temperature_k.map(|kelvin| format!(", {:.0} °C", kelvin - 273.15)).unwrap_or_default();
        Some(format!("{when}: {} ± {} with {state}{heat}", show(own.power_w, "W"), show(own.bound_w, "W")))
    };
    let items: Vec<String> = all.into_iter().filter_map(item).collect();
    if !items.is_empty() {
        document.heading("Idle GPUs");
        document.list(items.iter().map(String::as_str));
    }
}

/// Each GPU, where there are several.
fn by_gpu(document: &mut Document, measured: &Measured) {
    let [stretch] = &measured.stretches[..] else { return };
    let [window] = &stretch.windows[..] else { return };
    if window.gpus.len() < 2 {
        return;
    }
    let mut table = Table::new([
        Column::left("GPU"),
        Column::left("name"),
        Column::right("energy"),
        Column::right("±"),
        Column::right("power"),
        Column::right("ticks"),
    ]);
    for gpu in &window.gpus {
        table.row(gpu_row(gpu, window.from));
    }
    document.heading("Each GPU").table(table);
}

fn gpu_row(gpu: &GpuWindow, from: f64) -> [String; 6] {
    let energy = gpu.energy_j;
    [
        gpu.gpu.index.to_string(),
        gpu.gpu.name.clone(),
        energy.map_or_else(|| "not known".to_owned(), |joules| show(joules, "J")),
        show(gpu.bound_j, "J"),
        energy.map_or_else(String::new, |joules| show(joules / (gpu.to - from), "W")),
        gpu.ticks.to_string(),
    ]
}

fn caveats(document: &mut Document, measured: &Measured) {
    let all = measured.all_caveats();
    if !all.is_empty() {
        document.heading("What to know");
        document.list(all.iter().map(|own| Text::new().plain(format!("{}.", own.text))));
    }
    if let Some(own) = &measured.overhead {
        let skew =
            own.edge_skew_s.map(|skew| format!("; ticks of the GPUs {} apart", show(skew, "s"))).unwrap_or_default();
        document.paragraph(Text::new().dim(format!("Measuring took {} of a core{skew}.", percent(own.cpu_share))));
    }
}

/// The same for programs.
pub fn json(measured: &Measured, runs: &[Run]) -> Json {
    let idle = |own: &Option<Baseline>| {
        own.as_ref().map(|own| {
            object!({
                "power_w": own.power_w, "bound_w": own.bound_w, "with_context": own.has_context,
                "temperature_k": own.temperature_k, "duration_s": own.duration_s,
            })
        })
    };
    let stretch = |own: &Stretch| {
        let (verdict, reasons) = verdict(measured, own);
        object!({
            "name": own.name,
            "energy_j": own.energy_j(),
            "bound_j": own.bound_j(),
            "power_w": own.power_w(),
            "duration_s": own.duration_s(),
            "verdict": verdict.name(),
            "reasons": reasons,
            "items": own.items,
            "observed": own.observed(),
            "cross_check": deviations(&own.windows),
            "memory_used_b": memory(&own.windows),
            "processor": processor(&own.windows).into_iter().map(|(name, energy, bound)| object!({"name": name, "energy_j": energy, "bound_j": bound})).collect::<Vec<_>>(),
            "windows": own.windows.iter().map(|window| object!({
                "from_s": window.from, "to_s": window.to, "energy_j": window.energy_j, "bound_j": window.bound_j,
                "valid": window.valid,
                "gpus": window.gpus.iter().map(|gpu| object!({
                    "index": gpu.gpu.index, "uuid": gpu.gpu.uuid, "energy_j": gpu.energy_j, "bound_j": gpu.bound_j,
                    "known_to_s": gpu.to, "ticks": gpu.ticks, "throttled": gpu.throttled,
                    "throttle_counted": gpu.throttle_counted,
                    "samples_w": gpu.estimates.and_then(|own| own.samples_w),
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        })
    };
    object!({
        "ended": measured.ending.words(),
        "driver_version": measured.driver_version,
        "stretches": measured.stretches.iter().map(stretch).collect::<Vec<_>>(),
        "idle_before": idle(&measured.before),
        "idle_after": idle(&measured.after),
        "idle_waiting": idle(&measured.waiting),
        "overhead": measured.overhead.as_ref().map(|own| object!({
            "cpu_share": own.cpu_share, "memory_b": own.bytes, "edge_skew_s": own.edge_skew_s,
            "call_median_s": own.calls.iter().map(crate::measure::meter::CallCost::median_s).collect::<Vec<_>>(),
        })),
        "runs": runs.iter().map(run_json).collect::<Vec<_>>(),
        "caveats": measured.all_caveats(),
    })
}
