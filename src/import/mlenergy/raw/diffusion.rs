//! A result of image or video generation as a run.

use serde_json::Value as Json;

use super::path::Told;
use crate::import::about::caveat;
use crate::import::error::FaultKind;
use crate::import::record::{Record, Take, detail, number, put_model};
use crate::runs::{Run, Value};

const TAKES: &[Take] = &[
    number("batch_size", "batch_size", "1"),
    number("ulysses_degree", "ulysses", "1"),
    number("ring_degree", "ring", "1"),
    number("num_frames", "frames", "1"),
    number("inference_steps", "steps", "1"),
    number("height", "height", "1"),
    number("width", "width", "1"),
    detail("fps", "fps"),
    detail("use_torch_compile", "torch_compile"),
    detail("seed", "seed"),
    detail("date", "date"),
];

/// Knobs of the path, and what they are here.
const KNOBS: &[(&str, &str)] =
    &[("batch", "batch_size"), ("uly", "ulysses"), ("ring", "ring"), ("steps", "steps"), ("frames", "frames")];

/// The run of one file.
pub(super) fn run(record: &Record, told: &Told) -> Run {
    let mut run = Run::default();
    record.take_model(&mut run, &["model_id"]);
    if let Some(model) = told.model.as_ref().filter(|_| run.name("model").is_none()) {
        put_model(&mut run, model);
    }
    record.take(&mut run, TAKES);
    of_path(record, told, &mut run);
    record.take_name(&mut run, &["gpu_model"], "gpu");
    let degrees = run.number("ulysses").unwrap_or(1.0) * run.number("ring").unwrap_or(1.0);
    record.put(&mut run, "ulysses_degree", "gpus", degrees);
    let is_video = run.number("frames").is_some();
    if run.name("task").is_none() {
        let task = if is_video { "text-to-video" } else { "text-to-image" };
        run.conditions.insert("task".to_owned(), Value::Name(task.to_owned()));
    }
    energy(record, &mut run, is_video);
    for field in ["timeline", "entire_benchmark_measurement", "total_energy_measurement"] {
        record.get(field);
    }
    run.id = id(&run);
    run
}

fn of_path(record: &Record, told: &Told, run: &mut Run) {
    if let Some(task) = &told.task {
        run.conditions.insert("task".to_owned(), Value::Name(task.clone()));
    }
    if let Some(gpu) = &told.gpu {
        run.conditions.insert("gpu".to_owned(), Value::Name(gpu.clone()));
    }
    for (knob, name) in KNOBS {
        if let Some(text) = told.knobs.get(*knob).filter(|_| !run.conditions.contains_key(*name)) {
            record.put_condition(run, knob, name, text);
        }
    }
    if let Some((height, width)) = told.knobs.get("size").and_then(|size| size.split_once('x'))
        && !run.conditions.contains_key("height")
    {
        record.put_condition(run, "size", "height", height);
        record.put_condition(run, "size", "width", width);
    }
}

/// Means over the batches that were measured.
fn energy(record: &Record, run: &mut Run, is_video: bool) {
    let Some(Json::Array(batches)) = record.get("iteration_energy_measurements") else {
        record.fault("iteration_energy_measurements", FaultKind::Missing);
        return;
    };
    let measured: Vec<(f64, f64)> = batches.iter().filter_map(of_batch).collect();
    if measured.len() < batches.len() {
        caveat(
            run,
            "batches_left_out",
            &format!("{} of {} batches have no time or no energy", batches.len() - measured.len(), batches.len()),
        );
    }
    if measured.is_empty() {
        caveat(run, "no_energy", "no batch has a time and an energy");
        return;
    }
    let count = measured.len() as f64;
    let (seconds, joules) = measured.iter().fold((0.0, 0.0), |(s, j), (seconds, joules)| (s + seconds, j + joules));
    let at = "iteration_energy_measurements";
    record.put(run, at, "batch_latency", seconds / count);
    record.put(run, at, "power", joules / seconds);
    if let Some(batch) = run.number("batch_size") {
        let name = if is_video { "energy_per_video" } else { "energy_per_image" };
        record.put(run, at, name, joules / count / batch);
        record.put(run, at, "throughput", batch * count / seconds);
    }
    run.details.insert("batches".to_owned(), measured.len().to_string());
    run.details.insert("energy_scope".to_owned(), "gpu".to_owned());
    if measured.len() < 3 {
        caveat(run, "few_batches", &format!("{} batches were measured", measured.len()));
    }
}

/// Time, s, and energy of all GPUs, J.
fn of_batch(batch: &Json) -> Option<(f64, f64)> {
    let seconds = batch.get("time")?.as_f64().filter(|seconds| *seconds > 0.0)?;
    let joules: f64 = batch.get("gpu_energy")?.as_object()?.values().filter_map(Json::as_f64).sum();
    (joules > 0.0).then_some((seconds, joules))
}

/// `text-to-image/Paint/1xH100/u1r1/b4`.
fn id(run: &Run) -> String {
    let base = run.name("model").map_or("model", |model| model.rsplit('/').next().unwrap_or(model));
    let count = |name: &str| run.number(name).map_or_else(|| "?".to_owned(), |number| number.to_string());
    format!(
        "{}/{base}/{}x{}/u{}r{}/b{}",
        run.name("task").unwrap_or("task"),
        count("gpus"),
        run.name("gpu").unwrap_or("GPU"),
        count("ulysses"),
        count("ring"),
        count("batch_size")
    )
}
