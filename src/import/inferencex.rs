//! Aggregates of `InferenceX` (once `InferenceMAX`): `agg_*.json`, one object or a list of such.
//!
//! The form is that of `utils/process_result.py` and `utils/aggregate_power.py` of SemiAnalysisAI/InferenceX: every field
//! `…_ms` of the benchmark stands here in seconds without the suffix, rates are per GPU, and energy is of the whole
//! deployment where `power_metric_schema_version` is 2 and `power_valid` is 1; other versions divide otherwise and are not
//! taken.

use std::path::Path;

use serde_json::Value as Json;

use super::about::{About, SERVING, caveat};
use super::collect::{Collected, Source, json_files};
use super::error::{ImportError, Place};
use super::gpu;
use super::record::{Record, Take, detail, number};
use crate::runs::{Run, Sweep, Value};

pub(super) static ABOUT: About = About {
    name: "inferencex",
    words: "aggregates of InferenceX",
    tool: "InferenceX, utils/process_result.py",
    schema: "SemiAnalysisAI/InferenceX, utils/process_result.py and utils/aggregate_power.py",
    scope: "the whole benchmark; board power of all GPUs of the deployment, by trapezoids over nvidia-smi or amd-smi samples",
    units: &[
        ("median_itl, p99_ttft, …", "s, although the benchmark's own fields of these names are in ms"),
        ("…tput_per_gpu", "1/s for each GPU"),
        ("avg_power_w", "W for each GPU"),
        ("avg_total_gpu_power_w", "W"),
        ("joules_per_…", "J"),
    ],
    defects: &[
        ("whole_run", "power and rates are over the whole benchmark, ramp and tail included"),
        ("sampled_power", "energy is the integral of samples about a second apart: loads that pulse alias"),
        ("nominal_lengths", "isl and osl are what was asked for; drawn lengths are shorter where a range was set"),
        ("cap_unknown", "the cap on running requests is not recorded"),
    ],
    measures: "`output_tput_per_gpu`, `median_itl` or `median_ttft`",
    needs: SERVING,
};

const TAKES: &[Take] = &[
    number("conc", "concurrency", "1"),
    number("isl", "prompt_tokens", "tokens"),
    number("osl", "output_tokens", "tokens"),
    number("median_itl", "itl_p50", "s"),
    number("p90_itl", "itl_p90", "s"),
    number("p95_itl", "itl_p95", "s"),
    number("p99_itl", "itl_p99", "s"),
    number("median_ttft", "ttft_p50", "s"),
    number("p90_ttft", "ttft_p90", "s"),
    number("p95_ttft", "ttft_p95", "s"),
    number("p99_ttft", "ttft_p99", "s"),
    detail("image", "image"),
    detail("model", "served_as"),
    detail("median_tpot", "tpot_p50_s"),
    detail("median_intvty", "interactivity_p50"),
];

const POWER: &[Take] = &[
    number("avg_total_gpu_power_w", "power", "W"),
    number("joules_per_output_token", "energy_per_token", "J"),
    number("joules_per_total_token", "energy_per_total_token", "J"),
    number("joules_per_successful_query", "energy_per_response", "J"),
    detail("total_gpu_energy_j", "energy_j"),
];

pub(super) fn import(root: &Path, files: &[Source]) -> Result<Vec<Sweep>, ImportError> {
    json_files(&ABOUT, root, files, &[], run).map(|sweep| vec![sweep])
}

fn run(record: &Record, place: &Place, collected: &Collected) -> Vec<Run> {
    let keys: Vec<String> = record.keys().cloned().collect();
    for key in keys.iter().filter(|key| is_statistic(key)) {
        record.get(key);
    }
    if let Some(why) = without_equations(record) {
        for key in &keys {
            record.get(key);
        }
        collected.leave_out(place, why);
        return Vec::new();
    }
    let mut run = Run::default();
    record.take_model(&mut run, &["infmax_model_prefix_hf", "model"]);
    record.take(&mut run, TAKES);
    record.take_name(&mut run, &["precision"], "precision");
    record.take_name(&mut run, &["framework"], "engine");
    if let Some(hardware) = record.text("hw") {
        run.details.insert("hw".to_owned(), hardware.to_owned());
        record.put_condition(&mut run, "hw", "gpu", &gpu::name(hardware));
    }
    let degree = ["tp", "decode_tp"].into_iter().find_map(|field| Some((field, record.positive(field)?)));
    if let Some((field, degree)) = degree {
        record.put(&mut run, field, "tensor_parallel", degree);
    }
    let gpus = ["num_gpus", "num_decode_gpu"].into_iter().find_map(|field| record.positive(field));
    let gpus = gpus.or_else(|| Some(degree?.1 * record.positive("pp").unwrap_or(1.0)));
    if let Some(gpus) = gpus {
        record.put(&mut run, "tp", "gpus", gpus);
        if let Some(each) = record.positive("output_tput_per_gpu") {
            record.put(&mut run, "output_tput_per_gpu", "throughput", each * gpus);
        }
    }
    degrees(record, &mut run);
    speculation(record, &mut run);
    power(record, &mut run);
    vec![run]
}

fn is_statistic(key: &str) -> bool {
    let statistic = key.split('_').next().unwrap_or_default();
    let ends = ["ttft", "tpot", "itl", "e2el", "intvty"].iter().any(|metric| key.ends_with(metric));
    let known =
        ["tput_per_gpu", "input_tput_per_gpu", "is_multinode", "disagg", "infmax_model_prefix", "scenario_type"];
    (ends && (statistic.starts_with('p') || ["mean", "median", "std"].contains(&statistic))) || known.contains(&key)
}

/// Why this program has no equations for a row.
fn without_equations(record: &Record) -> Option<&'static str> {
    let is_on = |field: &str| match record.get(field) {
        Some(Json::Bool(on)) => *on,
        Some(Json::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    };
    // A row that says it is not disaggregated may still count its GPUs twice, once for each phase.
    if is_on("disagg") || (record.get("num_prefill_gpu").is_some() && record.get("disagg").is_none()) {
        return Some("prefill and decode run on GPUs of their own, for which there are no equations");
    }
    if record.number("pp").is_some_and(|stages| stages > 1.0) {
        return Some("pipeline parallelism, for which there are no equations");
    }
    None
}

fn degrees(record: &Record, run: &mut Run) {
    let experts = ["ep", "decode_ep"].into_iter().find_map(|field| Some((field, record.positive(field)?)));
    if let Some((field, experts)) = experts {
        record.put(run, field, "expert_parallel", experts);
    }
    let attention = record.first(&["dp_attention", "decode_dp_attention"]).map(|(_, value)| value);
    let attention = attention.map(|value| value.to_string().contains("true"));
    if attention == Some(true)
        && let Some(gpus) = run.number("gpus")
    {
        // Under attention data parallelism each GPU has the attention of its own requests.
        run.conditions.insert("data_parallel".to_owned(), Value::Number(gpus));
    }
}

fn speculation(record: &Record, run: &mut Run) {
    for field in ["spec_decoding", "mtp"] {
        let Some(how) = record.get(field) else { continue };
        let how = how.as_str().map_or_else(|| how.to_string(), str::to_owned);
        if !["none", "off", "false", "0"].contains(&how.to_ascii_lowercase().as_str()) {
            record.put_condition(run, field, "speculative", &how);
        }
    }
}

/// Power and energy, if they are of the form that counts the whole deployment and were found valid.
fn power(record: &Record, run: &mut Run) {
    let version = record.number("power_metric_schema_version");
    let is_valid = record.number("power_valid") == Some(1.0);
    let has_power = record.get("avg_power_w").is_some() || record.get("joules_per_output_token").is_some();
    for field in ["power_invalid_reasons", "joules_per_input_token", "power_audit"] {
        record.get(field);
    }
    if version == Some(2.0) && is_valid {
        record.take(run, POWER);
        run.details.insert("energy_scope".to_owned(), "gpu".to_owned());
        return;
    }
    for take in [
        "avg_total_gpu_power_w",
        "joules_per_total_token",
        "joules_per_successful_query",
        "joules_per_output_token",
        "total_gpu_energy_j",
    ] {
        record.get(take);
    }
    match (has_power, version) {
        (true, Some(2.0)) => {
            caveat(run, "power_not_valid", "the source found its power not valid; it is left out");
        }
        (true, version) => {
            let version = version.map_or_else(|| "none".to_owned(), |version| version.to_string());
            let text = format!(
                "power has schema version {version}, not 2: what it counts differs by topology; it is left out"
            );
            caveat(run, "power_schema", &text);
        }
        (false, _) => caveat(run, "no_energy", "the row has no power"),
    }
}
