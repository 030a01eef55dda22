//! Results of `vllm bench serve --save-result`: one object, or several that `--append-result` put one after the other.
//!
//! The form is that of `vllm/benchmarks/serve.py` of vllm-project/vllm, by its field names; the file was not read as a whole. The scripts that
//! grew out of the same one write the same names: `sglang.bench_serving`, `benchmark_serving.py` of TensorRT-LLM
//! (`tensorrt_llm/serve/scripts`) and of `InferenceX`. What `--metadata KEY=VALUE` adds stands at the top level as text;
//! keys that name a condition here (`gpu`, `num_gpus`, `max_num_seqs`, `tensor_parallel`, …) are taken as such.

use std::path::Path;

use serde_json::Value as Json;

use super::about::{About, SERVING, caveat};
use super::collect::{Collected, Source, json_files};
use super::error::{ImportError, Place};
use super::gpu;
use super::record::{Record, Take, detail, number};
use crate::runs::{Run, Sweep, condition_name};

pub(super) static ABOUT: About = About {
    name: "vllm-bench",
    words: "results of `vllm bench serve`",
    tool: "vllm bench serve --save-result (also sglang.bench_serving, benchmark_serving.py)",
    schema: "vllm-project/vllm, vllm/benchmarks/serve.py",
    scope: "the whole benchmark, ramp and tail included; what the client saw of it; no energy",
    units: &[
        ("duration", "s"),
        ("…_ms", "ms"),
        ("…_throughput", "1/s"),
        ("request_rate", "1/s, \"inf\" for all at once"),
    ],
    defects: &[
        ("whole_run", "rates are over the whole benchmark: ramp and tail lower them"),
        ("no_energy", "the tool measures no energy and no power: join a power log, or compare times alone"),
        (
            "bundled_tokens",
            "tokens that arrive together have gaps of zero: the median gap understates, the tails overstate",
        ),
        ("no_machine", "GPU, count of GPUs and the cap on running requests are not recorded"),
        ("no_time_of_day", "request times are of a monotonic clock, so that a power log cannot be aligned by them"),
    ],
    measures: "`output_throughput`, `median_itl_ms` or `median_ttft_ms`",
    needs: SERVING,
};

/// Lists with a value for each request or token.
const SKIP: &[&str] = &[
    "input_lens",
    "output_lens",
    "ttfts",
    "itls",
    "latencies",
    "start_times",
    "queue_times",
    "errors",
    "generated_texts",
    "input_texts",
    "reasoning_contents",
    "infer_input_lens",
    "acceptance_lengths",
    "server_info",
];

const TAKES: &[Take] = &[
    number("output_throughput", "throughput", "1/s"),
    number("median_itl_ms", "itl_p50", "ms"),
    number("p90_itl_ms", "itl_p90", "ms"),
    number("p95_itl_ms", "itl_p95", "ms"),
    number("p99_itl_ms", "itl_p99", "ms"),
    number("median_ttft_ms", "ttft_p50", "ms"),
    number("p90_ttft_ms", "ttft_p90", "ms"),
    number("p95_ttft_ms", "ttft_p95", "ms"),
    number("p99_ttft_ms", "ttft_p99", "ms"),
    number("max_concurrency", "concurrency", "1"),
    number("request_rate", "request_rate", "1/s"),
    detail("duration", "window_s"),
    detail("completed", "requests"),
    detail("failed", "failed_requests"),
    detail("num_prompts", "prompts_sent"),
    detail("burstiness", "burstiness"),
    detail("date", "date"),
    detail("backend", "backend"),
    detail("label", "label"),
    detail("total_input_tokens", "input_tokens"),
    detail("total_output_tokens", "output_tokens"),
    detail("total_token_throughput", "total_token_throughput_per_s"),
    detail("request_throughput", "request_throughput_per_s"),
    detail("median_tpot_ms", "tpot_p50_ms"),
    detail("median_e2el_ms", "request_latency_p50_ms"),
];

/// Fields that other values tell already, or that say nothing of a run.
const KNOWN_REST: &[&str] = &[
    "tokenizer_id",
    "endpoint_type",
    "max_output_tokens_per_s",
    "max_concurrent_requests",
    "request_goodput",
    "request_goodput:",
    "rtfx",
];

pub(super) fn import(root: &Path, files: &[Source]) -> Result<Vec<Sweep>, ImportError> {
    json_files(&ABOUT, root, files, SKIP, run).map(|sweep| vec![sweep])
}

fn run(record: &Record, _place: &Place, _collected: &Collected) -> Vec<Run> {
    let mut run = Run::default();
    record.take_model(&mut run, &["model_id", "model"]);
    record.take(&mut run, TAKES);
    if run.number("request_rate") == Some(0.0) {
        run.conditions.remove("request_rate");
    }
    lengths(record, &mut run);
    for metric in ["itl", "ttft"] {
        let name = format!("{metric}_p50");
        if !run.metrics.contains_key(&name)
            && let Some(ms) = record.positive(&format!("p50_{metric}_ms"))
        {
            record.put_in(&mut run, &format!("p50_{metric}_ms"), &name, ms, "ms");
        }
    }
    metadata(record, &mut run);
    // InferenceX adds the time of day.
    record.take_detail(&mut run, "benchmark_start_time_unix", "window_from_unix_s");
    record.take_detail(&mut run, "benchmark_end_time_unix", "window_to_unix_s");
    failures(record, &mut run);
    for field in SKIP.iter().chain(KNOWN_REST) {
        record.get(field);
    }
    vec![run]
}

/// Mean lengths, out of the totals.
fn lengths(record: &Record, run: &mut Run) {
    let Some(completed) = record.positive("completed") else { return };
    for (total, name) in [("total_input_tokens", "prompt_tokens"), ("total_output_tokens", "output_tokens")] {
        if let Some(tokens) = record.positive(total) {
            record.put(run, total, name, tokens / completed);
        }
    }
}

/// Conditions that `--metadata` gave; statistics that have no name here are known all the same.
fn metadata(record: &Record, run: &mut Run) {
    let keys: Vec<String> = record.keys().cloned().collect();
    for key in keys {
        if is_statistic(&key) {
            record.get(&key);
        }
        let Some(known) = condition_name(&key) else { continue };
        // SGLang counts how many requests were on their way; what `--metadata` adds is text.
        if key == "concurrency" && record.get(&key).is_some_and(Json::is_number) {
            record.take_detail(run, &key, "mean_concurrency");
            continue;
        }
        if ["model", "request_rate", "output_tokens", "prompt_tokens"].contains(&known.name) {
            continue;
        }
        record.take_name(run, &[&key], known.name);
    }
    if let Some(written) = run.name("gpu").map(str::to_owned) {
        record.put_condition(run, "gpu", "gpu", &gpu::name(&written));
    }
}

/// `mean_itl_ms`, `p99.9_ttft_ms`, `std_e2e_latency_ms` …
fn is_statistic(key: &str) -> bool {
    let Some((statistic, rest)) = key.split_once('_') else { return false };
    let is_percentile = statistic.strip_prefix('p').is_some_and(|rank| rank.parse::<f64>().is_ok());
    (is_percentile || ["mean", "median", "std", "max", "min"].contains(&statistic)) && rest.ends_with("_ms")
}

fn failures(record: &Record, run: &mut Run) {
    let completed = record.number("completed");
    if let (Some(completed), Some(sent)) = (completed, record.number("num_prompts"))
        && completed < sent
    {
        caveat(run, "failed_requests", &format!("{} of {sent} requests did not complete", sent - completed));
    }
    if completed == Some(0.0) {
        caveat(run, "nothing_completed", "no request completed");
    }
    if record.get("spec_decode_acceptance_rate").is_some() && run.name("speculative").is_none() {
        caveat(run, "speculative", "the server decoded speculatively; how is not recorded");
    }
}
