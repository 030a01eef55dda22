//! `/metrics`, in the names of each server, consistent with what was served.

use std::fmt::Write;

use super::engine::{BOUNDS, Histogram, Served};
use super::script::{Flavor, Script};

/// Names of: running, waiting, KV use, prompt tokens, output tokens, finished, token times, first token, whole request.
const NAMES: [(Flavor, [&str; 9]); 4] = [
    (
        Flavor::Vllm,
        [
            "vllm:num_requests_running",
            "vllm:num_requests_waiting",
            "vllm:kv_cache_usage_perc",
            "vllm:prompt_tokens_total",
            "vllm:generation_tokens_total",
            "vllm:request_success_total",
            "vllm:inter_token_latency_seconds",
            "vllm:time_to_first_token_seconds",
            "vllm:e2e_request_latency_seconds",
        ],
    ),
    (
        Flavor::Sglang,
        [
            "sglang:num_running_reqs",
            "sglang:num_queue_reqs",
            "sglang:token_usage",
            "sglang:prompt_tokens_total",
            "sglang:generation_tokens_total",
            "sglang:num_requests_total",
            "sglang:inter_token_latency_seconds",
            "sglang:time_to_first_token_seconds",
            "sglang:e2e_request_latency_seconds",
        ],
    ),
    (
        Flavor::TrtLlm,
        [
            "trtllm_num_requests_running",
            "trtllm_num_requests_waiting",
            "trtllm_kv_cache_utilization",
            "trtllm_prompt_tokens_total",
            "trtllm_generation_tokens_total",
            "trtllm_request_success_total",
            "trtllm_time_per_output_token_seconds",
            "trtllm_time_to_first_token_seconds",
            "trtllm_e2e_request_latency_seconds",
        ],
    ),
    (
        Flavor::Tgi,
        [
            "tgi_batch_current_size",
            "tgi_queue_size",
            "",
            "tgi_request_input_length_sum",
            "tgi_request_generated_tokens_sum",
            "tgi_request_count",
            "tgi_request_mean_time_per_token_duration",
            "",
            "tgi_request_duration",
        ],
    ),
];

pub(crate) fn text(script: &Script, served: &Served) -> String {
    let (_, names) = NAMES.iter().find(|(flavor, _)| *flavor == script.flavor).unwrap();
    let [running, waiting, kv, prompt, output, finished, between, first, whole] = names;
    let labels = match script.flavor {
        Flavor::Vllm => format!(r#"engine="0",model_name="{}""#, script.model),
        Flavor::Tgi => String::new(),
        _ => format!(r#"model_name="{}""#, script.model),
    };
    let mut text = String::new();
    let use_of_memory = served.running as f64 / script.batch as f64 * 0.5;
    for (name, value) in [(running, served.running as f64), (waiting, served.waiting as f64), (kv, use_of_memory)] {
        sample(&mut text, name, "gauge", &labels, value);
    }
    for (name, value) in [(prompt, served.prompt_tokens), (output, served.output_tokens), (finished, served.finished)] {
        sample(&mut text, name, "counter", &labels, value as f64);
    }
    if script.flavor == Flavor::Vllm {
        sample(&mut text, "vllm:num_preemptions_total", "counter", &labels, 0.0);
    }
    for (name, histogram) in [(between, &served.between_tokens), (first, &served.first_token), (whole, &served.whole)] {
        buckets(&mut text, name, &labels, histogram);
    }
    text
}

fn sample(text: &mut String, name: &str, kind: &str, labels: &str, value: f64) {
    if !name.is_empty() {
        let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        write!(text, "# HELP {name} scripted\n# TYPE {name} {kind}\n{name}{braces} {value:?}\n").unwrap();
    }
}

fn buckets(text: &mut String, name: &str, labels: &str, histogram: &Histogram) {
    if name.is_empty() {
        return;
    }
    let comma = if labels.is_empty() { "" } else { "," };
    let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    write!(text, "# HELP {name} scripted\n# TYPE {name} histogram\n").unwrap();
    let mut below = 0;
    for (place, count) in histogram.counts.iter().enumerate() {
        below += count;
        let bound = BOUNDS.get(place).map_or("+Inf".to_owned(), |bound| format!("{bound:?}"));
        writeln!(text, r#"{name}_bucket{{{labels}{comma}le="{bound}"}} {below}"#).unwrap();
    }
    writeln!(text, "{name}_sum{braces} {:?}\n{name}_count{braces} {below}", histogram.sum).unwrap();
}
