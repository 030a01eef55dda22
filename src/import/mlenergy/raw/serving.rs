//! A result of language serving as a run.

use serde_json::Value as Json;

use super::path::Told;
use super::{prometheus, results, stability};
use crate::import::about::caveat;
use crate::import::mlenergy::task;
use crate::import::record::{Record, Take, detail, number, put_model};
use crate::notes::plural;
use crate::runs::{Run, Value};

/// The integral of power and the energy counter may differ by this share before it is told.
const DISAGREE: f64 = 0.05;

/// 0 °C in kelvin.
const FREEZING: f64 = 273.15;

const TAKES: &[Take] = &[
    number("num_gpus", "gpus", "1"),
    number("max_num_seqs", "batch_size", "1"),
    number("max_num_batched_tokens", "max_batched_tokens", "tokens"),
    number("num_request_repeats", "request_repeats", "1"),
    number("max_concurrency", "concurrency", "1"),
    number("request_rate", "request_rate", "1/s"),
    number("steady_state_energy_per_token", "energy_per_token", "J"),
    detail("steady_state_energy", "energy_j"),
    detail("steady_state_duration", "window_s"),
    detail("duration", "benchmark_s"),
    detail("completed", "requests"),
    detail("num_prompts", "prompts_sent"),
    detail("seed", "seed"),
    detail("date", "date"),
    detail("total_input_tokens", "input_tokens"),
    detail("total_output_tokens", "output_tokens"),
    detail("median_itl_ms", "itl_p50_unspread_ms"),
];

/// Fields that are told by others, or are derived from them.
const REST: &[&str] = &[
    "results",
    "timeline",
    "steady_state_measurement",
    "entire_benchmark_measurement",
    "endpoint_type",
    "burstiness",
    "max_output_tokens",
    "num_unique_prompts",
    "request_throughput",
    "total_token_throughput",
    "backend",
    "joules",
];

/// The run of one file.
pub(super) fn run(record: &Record, told: &Told, seen: &results::Seen, server: Option<&prometheus::Seen>) -> Run {
    let mut run = Run::default();
    record.take_model(&mut run, &["model_id"]);
    if let Some(model) = told.model.as_ref().filter(|_| run.name("model").is_none()) {
        put_model(&mut run, model);
    }
    of_path(record, told, &mut run);
    record.take(&mut run, TAKES);
    record.take_name(&mut run, &["gpu_model"], "gpu");
    record.take_name(&mut run, &["weight_precision"], "precision");
    for field in REST.iter().copied().chain(record.keys().map(String::as_str).filter(|key| key.ends_with("_ms"))) {
        record.get(field);
    }
    if run.number("request_rate") == Some(0.0) {
        run.conditions.remove("request_rate");
    }
    energy(record, &mut run);
    requests(record, seen, &mut run);
    of_server(record, server, &mut run);
    power_timeline(record, seen, &mut run);
    stability::judge(record, server, &mut run);
    run.id = id(&run);
    run
}

/// What only the path tells: the task; and what the file may lack.
fn of_path(record: &Record, told: &Told, run: &mut Run) {
    let mut set = |name: &str, value: &str| run.conditions.insert(name.to_owned(), Value::Name(value.to_owned()));
    if let Some(task) = told.task.as_deref() {
        set("task", task);
        if let Some(modality) = crate::import::mlenergy::task(task).and_then(|task| task.modality) {
            set("modality", modality);
        }
    }
    if let Some(gpu) = told.gpu.as_deref() {
        set("gpu", gpu);
    }
    for (knob, name) in
        [("num_gpus", "gpus"), ("max_num_seqs", "batch_size"), ("max_num_batched_tokens", "max_batched_tokens")]
    {
        if let Some(text) = told.knobs.get(knob).filter(|_| record.get(knob).is_none()) {
            record.put_condition(run, knob, name, text);
        }
    }
}

/// Power and throughput of the steady state; energy of an answer is J/token × its mean length.
fn energy(record: &Record, run: &mut Run) {
    run.details.insert("energy_scope".to_owned(), "gpu".to_owned());
    let (joules, seconds) = (record.positive("steady_state_energy"), record.positive("steady_state_duration"));
    let each = run.metrics.get("energy_per_token").copied();
    if let (Some(joules), Some(seconds)) = (joules, seconds) {
        record.put(run, "steady_state_energy", "power", joules / seconds);
        match each {
            Some(each) => record.put(run, "steady_state_energy_per_token", "throughput", joules / each / seconds),
            None => {
                if let Some(rate) = record.positive("output_throughput") {
                    record.put(run, "output_throughput", "throughput", rate);
                }
            }
        }
    }
    record.get("output_throughput");
    if let (Some(done), Some(tokens)) = (record.positive("completed"), record.positive("total_output_tokens")) {
        record.put(run, "total_output_tokens", "output_tokens", tokens / done);
        if let Some(each) = each {
            record.put(run, "total_output_tokens", "energy_per_response", each * tokens / done);
        }
    }
    if let (Some(done), Some(tokens)) = (record.positive("completed"), record.positive("total_input_tokens")) {
        record.put(run, "total_input_tokens", "prompt_tokens", tokens / done);
    }
}

/// Gaps, first tokens and lengths of the requests; failures.
fn requests(record: &Record, seen: &results::Seen, run: &mut Run) {
    for (name, probability) in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)] {
        if let Some(gap) = seen.gaps.percentile(probability) {
            record.put(run, "results", ["itl", name].join("_").as_str(), gap);
        }
        if let Some(first) = seen.first_tokens.percentile(probability) {
            record.put(run, "results", ["ttft", name].join("_").as_str(), first);
        }
    }
    if seen.tokens > 0.0 {
        let dispersion = seen.squares * seen.succeeded as f64 / (seen.tokens * seen.tokens);
        record.put(run, "results", "output_tokens_dispersion", dispersion.max(1.0));
    }
    let sent = record.number("num_prompts");
    let missing = sent.zip(record.number("completed")).map_or(0.0, |(sent, done)| sent - done);
    let failed = (seen.failed as f64).max(missing);
    if failed > 0.0 {
        caveat(
            run,
            "failed_requests",
            &format!(
                "{} failed; the benchmark keeps such a run as if it were whole",
                plural(failed as usize, "request")
            ),
        );
    }
}

/// Means of the server's gauges.
fn of_server(record: &Record, server: Option<&prometheus::Seen>, run: &mut Run) {
    let Some(server) = server else {
        caveat(
            run,
            "no_server_metrics",
            "there is no readable `prometheus.json` beside the result: the running batch is unknown",
        );
        return;
    };
    let stat = |name: &str| server.stats.get(name).and_then(Json::as_f64);
    for (name, to) in
        [("vllm:num_requests_running", "running_batch"), ("vllm:num_requests_waiting", "waiting_requests")]
    {
        if let Some(value) = stat(name) {
            record.put(run, name, to, value);
        }
    }
    if server.stats.keys().any(|name| name.starts_with("vllm:")) {
        run.conditions.insert("engine".to_owned(), Value::Name("vllm".to_owned()));
    }
    if let Some(share) = stat("vllm:kv_cache_usage_perc") {
        run.details.insert("kv_cache_use_of_source".to_owned(), share.to_string());
    }
    match (server.kv_cache_use, stat("vllm:kv_cache_usage_perc")) {
        (Some(share), _) => {
            record.put(run, "vllm:kv_cache_usage_perc", "kv_cache_use", share);
            if server.kv_series > 1 {
                let text = format!(
                    "{} series of the KV cache's use: the source averages them, here each engine's highest counts",
                    server.kv_series
                );
                caveat(run, "kv_over_pids", &text);
            }
        }
        (None, Some(_)) => caveat(
            run,
            "kv_over_pids",
            "the source's use of the KV cache may be a mean over processes that report 0; without snapshots it is left out",
        ),
        (None, None) => {}
    }
}

/// Temperature, and what the sampled power says of the counter's.
fn power_timeline(record: &Record, seen: &results::Seen, run: &mut Run) {
    if let Some(celsius) = seen.temperature {
        record.put(run, "timeline.temperature", "temperature", celsius + FREEZING);
    }
    let of = |domain: &str| seen.power.iter().find(|(name, _)| name == domain);
    if seen.power.is_empty() {
        return;
    }
    let Some((_, average)) = of("device_average") else {
        if of("device_instant").is_some() {
            caveat(
                run,
                "instant_power",
                "only instantaneous power was sampled, which aliases: it cannot check the energy counter",
            );
        }
        return;
    };
    if let (Some(average), Some(counter)) = (average, run.metrics.get("power").copied())
        && (average / counter - 1.0).abs() > DISAGREE
    {
        caveat(
            run,
            "power_disagrees",
            &format!("averaged power samples say {average:.0} W, the energy counter {counter:.0} W"),
        );
    }
}

/// `gpqa/Chat-8B/bf16/1xH100/b8`, with what is known.
fn id(run: &Run) -> String {
    let base = run.name("model").map_or("model", |model| model.rsplit('/').next().unwrap_or(model));
    let count = |name: &str| run.number(name).map_or_else(|| "?".to_owned(), |number| number.to_string());
    let task = run.name("task").and_then(task).map(|task| task.name).or_else(|| run.name("task")).unwrap_or("task");
    let precision = run.name("precision").map_or_else(String::new, |precision| format!("/{precision}"));
    format!("{task}/{base}{precision}/{}x{}/b{}", count("gpus"), run.name("gpu").unwrap_or("GPU"), count("batch_size"))
}
