//! Reports of `trtllm-bench … --report_json`.
//!
//! The form is that of `ReportUtility.get_statistics_dict` in `tensorrt_llm/bench/dataclasses/reporting.py` of
//! NVIDIA/TensorRT-LLM. The results of its `benchmark_serving.py` have the form of `vllm bench serve`. The energy block that
//! some builds of it write has no public schema that could be checked, and is not read.

use std::path::Path;

use super::about::{About, SERVING, caveat};
use super::collect::{Collected, Source, json_files};
use super::error::{ImportError, Place};
use super::gpu;
use super::record::{Record, Take, detail, number};
use crate::runs::{Run, Sweep, Value};

pub(super) static ABOUT: About = About {
    name: "trtllm-bench",
    words: "a report of trtllm-bench",
    tool: "trtllm-bench --report_json",
    schema: "NVIDIA/TensorRT-LLM, tensorrt_llm/bench/dataclasses/reporting.py",
    scope: "from the first request to the end of the last one; no energy",
    units: &[("…_ms, ttft_percentiles, tpot_percentiles", "ms"), ("…_tok_s", "1/s")],
    defects: &[
        ("whole_run", "rates are over the whole benchmark: ramp and tail lower them"),
        (
            "itl_of_requests",
            "time per output token is averaged in each request first: percentiles are of requests, so the tails are left \
             out here",
        ),
        ("no_energy", "the tool measures no energy: compare times alone"),
    ],
    measures: "`performance.system_output_throughput_tok_s`",
    needs: SERVING,
};

const TAKES: &[Take] = &[
    number("world_info.world_size", "gpus", "1"),
    number("world_info.tp_size", "tensor_parallel", "1"),
    number("world_info.max_batch_size", "batch_size", "1"),
    number("world_info.max_num_tokens", "max_batched_tokens", "tokens"),
    detail("world_info.kv_cache_percentage", "kv_cache_share_of_free_memory"),
    number("request_info.avg_input_length", "prompt_tokens", "tokens"),
    number("request_info.avg_output_length", "output_tokens", "tokens"),
    number("performance.system_output_throughput_tok_s", "throughput", "1/s"),
    number("streaming_metrics.tpot_percentiles.p50", "itl_p50", "ms"),
    number("streaming_metrics.ttft_percentiles.p50", "ttft_p50", "ms"),
    number("streaming_metrics.ttft_percentiles.p90", "ttft_p90", "ms"),
    number("streaming_metrics.ttft_percentiles.p95", "ttft_p95", "ms"),
    number("streaming_metrics.ttft_percentiles.p99", "ttft_p99", "ms"),
    detail("request_info.num_requests", "requests"),
    detail("request_info.avg_num_concurrent_requests", "mean_concurrency"),
    detail("performance.total_latency_ms", "window_ms"),
    detail("engine.backend", "backend"),
    detail("engine.kv_cache_dtype", "kv_cache_dtype"),
    detail("world_info.scheduling_policy", "scheduling_policy"),
];

pub(super) fn import(root: &Path, files: &[Source]) -> Result<Vec<Sweep>, ImportError> {
    json_files(&ABOUT, root, files, &["dataset", "requests", "outputs"], run).map(|sweep| vec![sweep])
}

fn run(record: &Record, place: &Place, collected: &Collected) -> Vec<Run> {
    if record.number("world_info.pp_size").is_some_and(|stages| stages > 1.0) {
        collected.leave_out(place, "pipeline parallelism, for which there are no equations");
        return Vec::new();
    }
    let mut run = Run::default();
    record.get("dataset");
    record.take_model(&mut run, &["engine.model"]);
    record.take(&mut run, TAKES);
    run.conditions.insert("engine".to_owned(), Value::Name("tensorrt-llm".to_owned()));
    record.take_name(&mut run, &["engine.version"], "engine_version");
    precision(record, &mut run);
    if let Some(name) = record.text("machine.name") {
        record.put_condition(&mut run, "machine.name", "gpu", &gpu::name(name));
    }
    // TensorRT-LLM writes 1 for models without experts.
    if let Some(experts) = record.number("world_info.ep_size").filter(|experts| *experts > 1.0) {
        record.put(&mut run, "world_info.ep_size", "expert_parallel", experts);
    }
    if let Some(mode) = record.text("decoding_stats.mode") {
        record.put_condition(&mut run, "decoding_stats.mode", "speculative", mode);
    }
    if record.get("streaming_metrics").is_none() {
        caveat(&mut run, "no_streaming", "the benchmark did not stream, so that gaps between tokens were not measured");
    }
    vec![run]
}

/// The format of the weights: of the quantization, else of the engine.
fn precision(record: &Record, run: &mut Run) {
    let written = record.first(&["engine.quantization", "engine.dtype"]);
    let Some((path, value)) = written else { return };
    let Some(text) = value.as_str() else { return };
    let precision = match text.to_ascii_lowercase().as_str() {
        "bfloat16" => "bf16".to_owned(),
        "fp8_pb_wo" | "fp8_block_scales" => "fp8".to_owned(),
        other => other.to_owned(),
    };
    record.put_condition(run, path, "precision", &precision);
}
