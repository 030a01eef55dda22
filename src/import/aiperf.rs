//! Exports of `AIPerf` (`profile_export_aiperf.json`) and of its forerunner genai-perf (`*_genai_perf.json`).
//!
//! The form is that of `src/aiperf/common/models/export_models.py` and the exporters of ai-dynamo/aiperf: each metric is an
//! object `{unit, avg, p50 …}`, and the unit is read, not assumed: energy per token is in mJ, energy counters are in MJ.
//! Energy of all GPUs stands under `total_gpu_energy`, with a prefix `nvidia_` or `amd_` in newer releases.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;

use super::about::{About, SERVING, caveat};
use super::collect::{Collected, Source, json_files};
use super::error::{FaultKind, ImportError, Place};
use super::gpu;
use super::record::Record;
use crate::runs::{Run, Sweep, Value};

pub(super) static ABOUT: About = About {
    name: "aiperf",
    words: "an export of AIPerf or genai-perf",
    tool: "aiperf profile, genai-perf profile",
    schema: "ai-dynamo/aiperf, src/aiperf/common/models/export_models.py and src/aiperf/exporters/metrics_json_exporter.py",
    scope: "the profiled part of the benchmark, as the client saw it; energy of all GPUs that telemetry saw",
    units: &[("every metric", "as its field `unit` says: ms, requests/sec, mJ/token, J, MJ, W, …")],
    defects: &[
        (
            "energy_fallback",
            "where the energy counter fails, energy is mean power × duration, and the file does not say which",
        ),
        ("cap_unknown", "the cap on running requests is not recorded"),
    ],
    measures: "`output_token_throughput.avg`, `inter_token_latency.p50` or `time_to_first_token.p50`",
    needs: SERVING,
};

const SKIP: &[&str] = &["error_summary", "branch_stats", "timeslices", "server_metrics_data"];

/// Field, statistic, name here.
const METRICS: &[(&str, &str, &str)] = &[
    ("output_token_throughput", "avg", "throughput"),
    ("inter_token_latency", "p50", "itl_p50"),
    ("inter_token_latency", "p90", "itl_p90"),
    ("inter_token_latency", "p95", "itl_p95"),
    ("inter_token_latency", "p99", "itl_p99"),
    ("time_to_first_token", "p50", "ttft_p50"),
    ("time_to_first_token", "p90", "ttft_p90"),
    ("time_to_first_token", "p95", "ttft_p95"),
    ("time_to_first_token", "p99", "ttft_p99"),
    ("input_sequence_length", "avg", "prompt_tokens"),
    ("output_sequence_length", "avg", "output_tokens"),
];

/// The same for energy, of which the field may have the maker of the GPUs as its prefix.
const ENERGY: &[(&str, &str)] = &[
    ("energy_per_output_token", "energy_per_token"),
    ("energy_per_total_token", "energy_per_total_token"),
    ("energy_per_request", "energy_per_response"),
];

/// Powers by counter and by samples that differ by more than this share are told.
const DISAGREEMENT: f64 = 0.05;

const PREFIXES: &[&str] = &["", "nvidia_", "amd_"];

pub(super) fn import(root: &Path, files: &[Source]) -> Result<Vec<Sweep>, ImportError> {
    json_files(&ABOUT, root, files, SKIP, run).map(|sweep| vec![sweep])
}

fn run(record: &Record, place: &Place, collected: &Collected) -> Vec<Run> {
    if let Some(why) = unfinished(record) {
        record.fault("", FaultKind::Refused(why));
        return Vec::new();
    }
    collected.tell("tool_version", record.text("aiperf_version"));
    let mut run = Run::default();
    record.take_model(
        &mut run,
        &[
            "input_config.endpoint.model_names.0",
            "input_config.model_names.0",
            "input_config.models.0.name",
            "input_config.models.0",
            "input_config.model",
        ],
    );
    load(record, &mut run);
    for (field, statistic, name) in METRICS {
        // Lengths are counts: a missing unit says nothing wrong of them.
        record.take_with_unit(&mut run, &format!("{field}.{statistic}"), &format!("{field}.unit"), name);
    }
    for (field, name) in
        [("request_count", "requests"), ("benchmark_duration", "window_s"), ("error_request_count", "failed_requests")]
    {
        if let Some(value) = record.number(&format!("{field}.avg")) {
            run.details.insert(name.to_owned(), value.to_string());
        }
    }
    if record.positive("error_request_count.avg").is_some() {
        caveat(&mut run, "failed_requests", "some requests failed and are left out of the statistics");
    }
    record.take_detail(&mut run, "start_time", "window_from");
    record.take_detail(&mut run, "end_time", "window_to");
    telemetry(record, &mut run);
    energy(record, &mut run, place, collected);
    for field in
        SKIP.iter().chain(&["schema_version", "benchmark_id", "run_info", "request_throughput", "request_latency"])
    {
        record.get(field);
    }
    vec![run]
}

/// Why the export is of no finished benchmark.
fn unfinished(record: &Record) -> Option<String> {
    let is = |field: &str, on: bool| record.get(field).and_then(Json::as_bool) == Some(on);
    if is("is_complete", false) {
        let reason = record.get("incomplete_reason").and_then(Json::as_str);
        let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
        return Some(format!("the benchmark is not complete{reason}: its numbers are of a part of it"));
    }
    is("was_cancelled", true).then(|| "the benchmark was cancelled: its numbers are of a part of it".to_owned())
}

/// Clients or rate.
fn load(record: &Record, run: &mut Run) {
    let first = |paths: &[&'static str]| paths.iter().find_map(|path| Some((*path, record.positive(path)?)));
    let concurrency = [
        "input_config.loadgen.concurrency",
        "input_config.concurrency",
        "input_config.perf_analyzer.stimulus.concurrency",
        "input_config.phases.0.concurrency",
    ];
    if let Some((path, clients)) = first(&concurrency) {
        record.put(run, path, "concurrency", clients);
    }
    if let Some((path, rate)) =
        first(&["input_config.loadgen.request_rate", "input_config.perf_analyzer.stimulus.request_rate"])
    {
        record.put(run, path, "request_rate", rate);
    }
}

/// The first of the prefixed fields that is there.
fn prefixed(record: &Record, field: &str) -> Option<String> {
    PREFIXES.iter().map(|prefix| format!("{prefix}{field}")).find(|name| record.get(name).is_some())
}

fn energy(record: &Record, run: &mut Run, _place: &Place, _collected: &Collected) {
    for (field, name) in ENERGY {
        if let Some(field) = prefixed(record, field) {
            record.take_with_unit(run, &format!("{field}.avg"), &format!("{field}.unit"), name);
        }
    }
    let total = prefixed(record, "total_gpu_energy");
    let joules = total.and_then(|field| record.si(&format!("{field}.avg"), &format!("{field}.unit"), "J"));
    let seconds = record.si("benchmark_duration.avg", "benchmark_duration.unit", "s");
    if let Some(joules) = joules.filter(|joules| *joules > 0.0) {
        run.details.insert("energy_j".to_owned(), joules.to_string());
        run.details.insert("energy_scope".to_owned(), "gpu".to_owned());
        if let Some(seconds) = seconds.filter(|seconds| *seconds > 0.0) {
            record.put(run, "total_gpu_energy", "power", joules / seconds);
        }
        let tokens = [("total_osl", "energy_per_token"), ("total_output_tokens", "energy_per_token")];
        for (field, name) in tokens {
            if let Some(tokens) = record.positive(&format!("{field}.avg")).filter(|_| !run.metrics.contains_key(name)) {
                record.put(run, field, name, joules / tokens);
            }
        }
    }
    if let Some(field) = prefixed(record, "average_gpu_power") {
        record.take_detail(run, &format!("{field}.avg"), "average_gpu_power_w");
    }
    sampled_power(record, run);
    if !run.metrics.contains_key("power") && !run.metrics.contains_key("energy_per_token") {
        caveat(run, "no_energy", "no energy and no power: GPU telemetry was off or failed");
    }
}

/// The sum of the GPUs' mean samples: the power where there is no energy over time, else a check of it.
fn sampled_power(record: &Record, run: &mut Run) {
    let Some(field) = prefixed(record, "total_gpu_power") else { return };
    let Some(counted) = run.metrics.get("power").copied() else {
        return record.take_with_unit(run, &format!("{field}.avg"), &format!("{field}.unit"), "power");
    };
    let sampled = record.si(&format!("{field}.avg"), &format!("{field}.unit"), "W");
    if let Some(sampled) = sampled.filter(|sampled| (sampled / counted - 1.0).abs() > DISAGREEMENT) {
        let seen = format!("energy over time is {counted:.0} W, the mean of the GPUs' power samples {sampled:.0} W");
        caveat(run, "power_disagrees", &seen);
    }
}

/// GPUs that telemetry saw, each once; power and energy out of their counters where the summary has none.
fn telemetry(record: &Record, run: &mut Run) {
    let Some(Json::Object(endpoints)) = record.get("telemetry_data.endpoints") else { return };
    let mut seen: BTreeMap<String, &Json> = BTreeMap::new();
    for endpoint in endpoints.values() {
        let Some(gpus) = endpoint.get("gpus").and_then(Json::as_object) else { continue };
        for (id, gpu) in gpus {
            let uuid = gpu.get("gpu_uuid").and_then(Json::as_str).unwrap_or(id);
            seen.insert(uuid.to_owned(), gpu);
        }
    }
    if seen.is_empty() {
        return;
    }
    run.conditions.insert("gpus".to_owned(), Value::Number(seen.len() as f64));
    let names = seen.values().filter_map(|gpu| gpu.get("gpu_name").and_then(Json::as_str));
    gpu::set(run, names, "telemetry saw");
    let watts: Option<Vec<f64>> = seen.values().map(|gpu| power_of(gpu)).collect();
    if let Some(watts) = watts
        && prefixed(record, "total_gpu_power").is_none()
        && prefixed(record, "total_gpu_energy").is_none()
    {
        record.put(run, "telemetry_data", "power", watts.iter().sum());
        run.details.insert("energy_scope".to_owned(), "gpu".to_owned());
    }
}

/// The mean power of one GPU, if it is said in watts.
fn power_of(gpu: &Json) -> Option<f64> {
    let metric = gpu.get("metrics")?.get("gpu_power_usage")?;
    let is_watts = metric.get("unit").and_then(Json::as_str).is_some_and(|unit| unit == "W" || unit == "Watts");
    metric.get("avg").and_then(Json::as_f64).filter(|watts| is_watts && *watts > 0.0)
}
