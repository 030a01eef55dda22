//! Benchmark Reports of llm-d, versions 0.2 and 0.2.1, as YAML or JSON.
//!
//! The form is that of `benchmark_report/schema_v0_2.py`, `schema_v0_2_1.py` and `schema_v0_2_components.py` of
//! llm-d/llm-d-benchmark. Each statistic names its units (`ms`, `s/token`, `percent`, `Watts` …), which are read. The form has
//! power and no energy; where power comes from (GPU, pod or node) it does not say.

use std::path::Path;

use serde_json::Value as Json;
use serde_saphyr::options::NonFiniteFloatPolicy;

use super::about::{About, SERVING, caveat};
use super::collect::{Collected, Source, json_files, of_file};
use super::error::{Fault, FaultKind, ImportError, Place};
use super::gpu;
use super::read::small_text;
use super::record::Record;
use crate::runs::{Run, Sweep, Value};

pub(super) static ABOUT: About = About {
    name: "llm-d",
    words: "a Benchmark Report of llm-d",
    tool: "llm-d-benchmark",
    schema: "llm-d/llm-d-benchmark, benchmark_report/schema_v0_2.py and schema_v0_2_1.py",
    scope: "the benchmark as its load generator saw it; power as the components' metrics have it",
    units: &[("every statistic", "as its field `units` says: ms, s/token, tokens/s, percent, Watts, …")],
    defects: &[
        ("power_scope", "power is a component's: the report does not say of which parts, nor over which time"),
        ("no_energy", "the form has no energy"),
        ("itl_or_tpot", "some tools write the mean gap of a request where others write each gap"),
        ("cap_unknown", "the cap on running requests stands in the engine's own arguments only"),
    ],
    measures: "`throughput` or `latency` under `results.request_performance.aggregate`",
    needs: SERVING,
};

/// Largest report that is read; time series make them long.
const MOST: u64 = 64_000_000;

const SKIP: &[&str] = &["time_series", "envars"];

/// Below `results.request_performance.aggregate`: statistic, name here.
const METRICS: &[(&str, &str, &str)] = &[
    ("throughput.output_token_rate", "mean", "throughput"),
    ("latency.inter_token_latency", "p50", "itl_p50"),
    ("latency.inter_token_latency", "p90", "itl_p90"),
    ("latency.inter_token_latency", "p95", "itl_p95"),
    ("latency.inter_token_latency", "p99", "itl_p99"),
    ("latency.time_to_first_token", "p50", "ttft_p50"),
    ("latency.time_to_first_token", "p90", "ttft_p90"),
    ("latency.time_to_first_token", "p95", "ttft_p95"),
    ("latency.time_to_first_token", "p99", "ttft_p99"),
    ("requests.input_length", "mean", "prompt_tokens"),
    ("requests.output_length", "mean", "output_tokens"),
];

/// Of the engine's metrics: statistic, name here, unit.
const OBSERVED: &[(&str, &str)] = &[
    ("kv_cache_usage", "kv_cache_use"),
    ("gpu_utilization", "gpu_utilization"),
    ("running_requests", "running_batch"),
    ("waiting_requests", "waiting_requests"),
    ("preemptions", "preemptions"),
];

pub(super) fn import(root: &Path, files: &[Source]) -> Result<Vec<Sweep>, ImportError> {
    let is_json = |file: &&Source| file.path.extension().is_some_and(|extension| extension == "json");
    if files.iter().all(|file| is_json(&file)) {
        return json_files(&ABOUT, root, files, SKIP, run).map(|sweep| vec![sweep]);
    }
    let collected = Collected::default();
    let mut runs = Vec::new();
    for file in files {
        let text = small_text(&file.path, MOST)?;
        match yaml(&file.name, &text) {
            Ok(document) => runs.extend(of_file(file, vec![document], &collected, run)),
            Err(fault) => collected.faults.borrow_mut().push(fault),
        }
    }
    collected.sweep(&ABOUT, root, files, runs).map(|sweep| vec![sweep])
}

/// The value of a YAML text, of which JSON is a part.
pub(super) fn yaml(file: &str, text: &str) -> Result<Json, Fault> {
    // `.inf` is written for a load without a limit; as JSON, which has no such number, it becomes null.
    let options = serde_saphyr::options! { non_finite_float_policy: NonFiniteFloatPolicy::PassThrough };
    serde_saphyr::from_str_with_options::<Json>(text, options).map_err(|error| {
        let location = error.location();
        let place = Place {
            file: file.to_owned(),
            line: location.as_ref().map_or(0, |at| at.line() as usize),
            column: location.as_ref().map_or(0, |at| at.column() as usize),
            path: String::new(),
        };
        let whole = error.to_string();
        // The place is told already.
        let message = whole.lines().next().unwrap_or("it cannot be parsed");
        let message = message.rsplit_once(": ").map_or(message, |(_, message)| message);
        Fault { place, kind: FaultKind::Refused(format!("this is not YAML: {message}")) }
    })
}

fn run(record: &Record, place: &Place, collected: &Collected) -> Vec<Run> {
    let version = record.get("version").map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    match version.as_deref() {
        Some("0.2" | "0.2.1") => {}
        other => {
            let found = other.map_or_else(|| "no version".to_owned(), |version| format!("version {version}"));
            record.fault(
                "version",
                FaultKind::Refused(format!("the report has {found}; versions 0.2 and 0.2.1 are read")),
            );
            return Vec::new();
        }
    }
    collected.tell("report_version", version.as_deref());
    let mut run = Run::default();
    if let Some(why) = stack(record, place, &mut run, collected) {
        collected.leave_out(place, &why);
        return Vec::new();
    }
    let at = "results.request_performance.aggregate";
    for (statistic, which, name) in METRICS {
        record.take_with_unit(&mut run, &format!("{at}.{statistic}.{which}"), &format!("{at}.{statistic}.units"), name);
    }
    dispersion(record, &mut run, at);
    load(record, &mut run);
    record.take_detail(&mut run, "run.uid", "run_uid");
    record.take_detail(&mut run, "run.eid", "experiment");
    record.take_detail(&mut run, &format!("{at}.requests.total"), "requests");
    if let Some(failures) = record.positive(&format!("{at}.requests.failures")) {
        caveat(&mut run, "failed_requests", &format!("{failures} requests failed"));
    }
    components(record, &mut run);
    vec![run]
}

/// Model, GPUs and degrees of the one engine; the reason why there are no equations for a stack of several.
fn stack(record: &Record, place: &Place, run: &mut Run, collected: &Collected) -> Option<String> {
    let stack = record.get("scenario.stack").and_then(Json::as_array)?;
    let engines: Vec<&Json> = stack
        .iter()
        .filter_map(|part| part.get("standardized"))
        .filter(|part| part.get("accelerator").is_some())
        .collect();
    // Stacks without separate prefill call all of their engines `decode`.
    let is_prefill = |part: &&Json| part.get("role").and_then(Json::as_str) == Some("prefill");
    let count = |part: &Json| part.get("replicas").and_then(Json::as_f64).unwrap_or(1.0);
    if engines.iter().any(|part| is_prefill(part) && count(part) > 0.0) {
        return Some("prefill and decode run on GPUs of their own, for which there are no equations".to_owned());
    }
    if engines.iter().map(|part| count(part)).sum::<f64>() > 1.0 {
        return Some("several engines stand behind one endpoint, and the report does not part them".to_owned());
    }
    let Some(Json::Object(engine)) = engines.first() else { return None };
    let engine = collected.record(engine, Place::new(&place.file, "scenario.stack[…].standardized"));
    if engine.number("accelerator.parallelism.pp").is_some_and(|stages| stages > 1.0) {
        return Some("pipeline parallelism, for which there are no equations".to_owned());
    }
    engine.take_model(run, &["model.name"]);
    engine.take_name(run, &["tool"], "engine");
    engine.take_name(run, &["tool_version"], "engine_version");
    if let Some(model) = engine.text("accelerator.model") {
        engine.put_condition(run, "accelerator.model", "gpu", &gpu::name(model));
    }
    let counts = [
        ("accelerator.count", "gpus"),
        ("accelerator.parallelism.tp", "tensor_parallel"),
        ("accelerator.parallelism.ep", "expert_parallel"),
        ("accelerator.parallelism.dp", "data_parallel"),
    ];
    for (path, name) in counts {
        if let Some(count) = engine.positive(path) {
            engine.put(run, path, name, count);
        }
    }
    arguments(record, run);
    None
}

/// The knobs that the engine's own arguments set.
fn arguments(record: &Record, run: &mut Run) {
    let Some(stack) = record.get("scenario.stack").and_then(Json::as_array) else { return };
    let knobs = [
        ("max_num_seqs", "batch_size"),
        ("max_num_batched_tokens", "max_batched_tokens"),
        ("gpu_memory_utilization", "gpu_memory_utilization"),
    ];
    for (index, part) in stack.iter().enumerate() {
        let Some(arguments) = part.get("native").and_then(|native| native.get("args")).and_then(Json::as_object) else {
            continue;
        };
        for (key, _) in arguments {
            let plain = key.trim_start_matches('-').replace('-', "_");
            if let Some((_, name)) = knobs.iter().find(|(knob, _)| *knob == plain) {
                record.take_name(run, &[&format!("scenario.stack.{index}.native.args.{key}")], name);
            }
        }
    }
}

fn load(record: &Record, run: &mut Run) {
    let at = "scenario.load.standardized";
    if let Some(clients) = record.positive(&format!("{at}.concurrency")) {
        record.put(run, "concurrency", "concurrency", clients);
    }
    if let Some(rate) = record.positive(&format!("{at}.rate_qps")) {
        record.put(run, "rate_qps", "request_rate", rate);
    }
    record.take_detail(run, &format!("{at}.tool"), "load_generator");
    if record
        .get("scenario.load.metadata.concurrent_with")
        .and_then(Json::as_array)
        .is_some_and(|list| !list.is_empty())
    {
        caveat(run, "shared_endpoint", "other treatments ran at the same time, and the numbers are of their sum");
    }
}

/// E[l²]/E[l]², out of the standard deviation.
fn dispersion(record: &Record, run: &mut Run, at: &str) {
    let mean = record.positive(&format!("{at}.requests.output_length.mean"));
    let deviation = record.number(&format!("{at}.requests.output_length.stddev"));
    if let (Some(mean), Some(deviation)) = (mean, deviation) {
        record.put(run, "output_length", "output_tokens_dispersion", 1.0 + (deviation / mean).powi(2));
    }
}

/// Power and server metrics of the components.
fn components(record: &Record, run: &mut Run) {
    let at = "results.observability.components";
    let count = record.get(at).and_then(Json::as_array).map_or(0, Vec::len);
    let mut watts = Vec::new();
    // A router has queues of its own, and no cache of keys and values.
    let is_engine = |index: &usize| {
        let own = |field: &str| record.get(&format!("{at}.{index}.aggregate.{field}")).is_some();
        ["kv_cache_usage", "gpu_utilization", "power_consumption"].into_iter().any(own)
    };
    let engines: Vec<usize> = (0..count).filter(is_engine).collect();
    for index in &engines {
        let at = format!("{at}.{index}.aggregate");
        let si =
            |field: &str, unit: &str| record.si(&format!("{at}.{field}.mean"), &format!("{at}.{field}.units"), unit);
        watts.extend(si("power_consumption", "W").filter(|power| *power > 0.0));
        for (field, name) in OBSERVED {
            if engines.len() == 1
                && let Some(value) = si(field, "1")
            {
                record.put(run, field, name, value);
            }
        }
    }
    if watts.is_empty() {
        caveat(run, "no_energy", "the report has no power");
        return;
    }
    run.metrics.insert("power".to_owned(), watts.iter().sum());
    if watts.len() > 1 {
        caveat(run, "power_scope", &format!("power is the sum of {} components", watts.len()));
    }
    if let Some(Value::Number(gpus)) = run.conditions.get("gpus") {
        let each = watts.iter().sum::<f64>() / gpus;
        if each < 30.0 {
            caveat(run, "power_scope", &format!("{each:.0} W for each GPU is less than any GPU idles at"));
        }
    }
}
