//! One row of the leaderboard as a run: names and units of this program.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::merge::Row;
use super::{ASSUMED_ENGINE, Task, histogram};
use crate::import::error::{Fault, FaultKind};
use crate::import::json::{Fields, described};
use crate::runs::{Run, Value, canonical_value, split_precision};

/// The precisions that the leaderboard names, as this program does.
const PRECISIONS: &[&str] = &["bf16", "fp8", "mxfp4"];

/// Milliseconds of a second.
const MS: f64 = 1e3;

/// The run of a row; none if something it needs is missing. Fields that nothing reads are added to `unread`.
pub(super) fn run(row: &Row, faults: &RefCell<Vec<Fault>>, unread: &mut BTreeSet<String>) -> Option<Run> {
    let fields = Fields::new(&row.object, row.place.clone(), faults);
    let mut run = Run::default();
    let base = general(&fields, row.task, &mut run);
    if row.task.requests.is_some() {
        serving(&fields, row.task, &mut run, faults, row);
    } else {
        diffusion(&fields, row.task, &mut run);
    }
    unread.extend(fields.unread().cloned());
    run.id = id(row.task, &base?, &run)?;
    Some(run)
}

/// What rows of every task have. Returns the last part of the base model's name.
fn general(fields: &Fields, task: Task, run: &mut Run) -> Option<String> {
    let mut set = |name: &str, value: &str| run.conditions.insert(name.to_owned(), Value::Name(value.to_owned()));
    set("task", task.name);
    let checkpoint = fields.text("model_id");
    let precision = fields.text("weight_precision").map(|text| canonical_value("precision", text));
    if let Some(precision) = precision {
        if PRECISIONS.contains(&precision) {
            set("precision", precision);
        } else {
            let known = "`bfloat16`, `fp8` and `mxfp4`".to_owned();
            fields.fault("weight_precision", FaultKind::UnknownName { found: precision.to_owned(), known });
        }
    }
    if let Some(gpu) = fields.text("gpu_model") {
        set("gpu", gpu);
    }
    let mut base = None;
    if let Some(checkpoint) = checkpoint {
        // A suffix that does not spell the row's own precision is part of the name.
        let (stem, suffix) = split_precision(checkpoint);
        let model = if suffix.is_some() && suffix == precision { stem } else { checkpoint };
        set("model", model);
        set("checkpoint", checkpoint);
        base = Some(model.rsplit('/').next().unwrap_or(model).to_owned());
    }
    fields.take(run, "num_gpus", "gpus", 1.0);
    fields.take(run, "avg_power_watts", "power", 1.0);
    fields.take_optional(run, "throughput_per_watt", "throughput_per_watt", 1.0);
    fields.take_detail(run, "activated_params_billions");
    fields.take_detail(run, "total_params_billions");
    for field in ["nickname", "architecture"] {
        if let Some(text) = fields.optional_text(field).filter(|text| !text.is_empty()) {
            run.details.insert(field.to_owned(), text.to_owned());
        }
    }
    base
}

/// Rows of text and multimodal serving.
fn serving(fields: &Fields, task: Task, run: &mut Run, faults: &RefCell<Vec<Fault>>, row: &Row) {
    let mut set = |name: &str, value: &str| run.conditions.insert(name.to_owned(), Value::Name(value.to_owned()));
    set("engine", ASSUMED_ENGINE.0);
    set("engine_version", ASSUMED_ENGINE.1);
    if let Some(modality) = task.modality {
        set("modality", modality);
    }
    run.details.insert("assumed".to_owned(), "engine, engine_version".to_owned());
    fields.take(run, "max_num_seqs", "batch_size", 1.0);
    fields.take(run, "avg_output_len", "output_tokens", 1.0);
    fields.take(run, "avg_batch_size", "running_batch", 1.0);
    for degree in ["tensor_parallel", "expert_parallel", "data_parallel"] {
        fields.take_optional(run, degree, degree, 1.0);
    }
    fields.take(run, "energy_per_token_joules", "energy_per_token", 1.0);
    fields.take(run, "energy_per_request_joules", "energy_per_response", 1.0);
    fields.take(run, "output_throughput_tokens_per_sec", "throughput", 1.0);
    fields.take(run, "median_itl_ms", "itl_p50", MS);
    fields.take(run, "p90_itl_ms", "itl_p90", MS);
    fields.take(run, "p95_itl_ms", "itl_p95", MS);
    fields.take(run, "p99_itl_ms", "itl_p99", MS);
    if let Some(notes) = fields.optional_text("parallelization_notes").filter(|notes| !notes.is_empty()) {
        run.details.insert("parallelization".to_owned(), notes.to_owned());
    }
    match fields.get("output_length_distribution") {
        None => {}
        Some(Json::Object(object)) => lengths(object, task, run, faults, row),
        Some(other) => {
            let kind = FaultKind::WrongType { expected: "an object", found: described(other) };
            fields.fault("output_length_distribution", kind);
        }
    }
}

/// Dispersion, requests and repeats, out of the histogram.
fn lengths(object: &Map<String, Json>, task: Task, run: &mut Run, faults: &RefCell<Vec<Fault>>, row: &Row) {
    let mut place = row.twin.as_ref().unwrap_or(&row.place).clone();
    place.path.push_str(".output_length_distribution");
    let fields = Fields::new(object, place, faults);
    let (Some(bins), Some(counts)) = (fields.numbers("bins"), fields.numbers("counts")) else { return };
    match histogram::lengths(&bins, &counts) {
        Err(kind) => fields.fault("", kind),
        Ok(lengths) => {
            run.conditions.insert("output_tokens_dispersion".to_owned(), Value::Number(lengths.dispersion));
            run.details.insert("requests".to_owned(), lengths.requests.to_string());
            let repeats = task.requests.and_then(|size| histogram::repeats(lengths.requests, size));
            if let Some(repeats) = repeats {
                run.conditions.insert("request_repeats".to_owned(), Value::Number(repeats));
            }
        }
    }
}

/// Rows of image and video generation.
fn diffusion(fields: &Fields, task: Task, run: &mut Run) {
    fields.take(run, "batch_size", "batch_size", 1.0);
    fields.take(run, "ulysses_degree", "ulysses", 1.0);
    fields.take(run, "ring_degree", "ring", 1.0);
    fields.take(run, "inference_steps", "steps", 1.0);
    fields.take(run, "batch_latency_s", "batch_latency", 1.0);
    if task.name == "text-to-image" {
        fields.take(run, "image_height", "height", 1.0);
        fields.take(run, "image_width", "width", 1.0);
        fields.take(run, "energy_per_image_joules", "energy_per_image", 1.0);
        fields.take(run, "throughput_images_per_sec", "throughput", 1.0);
    } else {
        fields.take(run, "video_height", "height", 1.0);
        fields.take(run, "video_width", "width", 1.0);
        fields.take(run, "num_frames", "frames", 1.0);
        fields.take(run, "energy_per_video_joules", "energy_per_video", 1.0);
        fields.take(run, "throughput_videos_per_sec", "throughput", 1.0);
        fields.take_detail(run, "fps");
    }
}

/// `gpqa/Qwen3-8B/bf16/1xB200/b8`; with its degrees for diffusion.
fn id(task: Task, base: &str, run: &Run) -> Option<String> {
    let (precision, gpu) = (run.name("precision")?, run.name("gpu")?);
    let (gpus, batch) = (run.number("gpus")?, run.number("batch_size")?);
    let degrees = match (run.number("ulysses"), run.number("ring")) {
        (Some(ulysses), Some(ring)) => format!("/u{ulysses}r{ring}"),
        _ => String::new(),
    };
    Some(format!("{}/{base}/{precision}/{gpus}x{gpu}{degrees}/b{batch}", task.name))
}
