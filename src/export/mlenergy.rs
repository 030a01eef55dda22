//! Runs as raw results of the ML.ENERGY benchmark, in the tree that `mlenergy_data` reads (`LLMRuns.from_raw_results`; read
//! in ml-energy/data, `records/runs.py` and `raw/path_parser.py`):
//!
//! ```text
//! llm/{gpu}/current/run/{llm|mllm}/{task}/results/{org}/{model}/{GPU}/num_gpus+1+max_num_seqs+128+run+{id}/results.json
//!                                                                                                  …/prometheus.json
//! configs/vllm/{task}/{org}/{model}/model_info.json
//! configs/vllm/{task}/{org}/{model}/{GPU}/monolithic.config.yaml
//! ```
//!
//! The benchmark keeps every request; a run keeps quantiles. `mlenergy_data` leaves out a result without requests, so one is
//! made up to carry the times between tokens, and says so: its 101 times have the measured 50, 90, 95 and 99 percentiles and
//! straight lines between them. Their mean is not measured.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Map, Value as Json, json};

use crate::catalog::Catalog;
use crate::runs::{Run, Value, split_precision};

/// What the made-up request says of itself.
const NO_REQUEST: &str = "made up by joules to carry `itl`: 101 times with the measured 50, 90, 95 and 99 percentiles";

/// The texts of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MlEnergy {
    /// Path below the folder of the export, and text; in the order of the paths.
    pub files: BTreeMap<PathBuf, String>,
    /// Runs that became results.
    pub exported: usize,
    /// Id of each run that cannot become a result, with why.
    pub left_out: Vec<(String, String)>,
}

/// What a result must have.
struct Needed<'a> {
    task: &'a str,
    /// `org/name`, with the precision if the name must spell it.
    model: String,
    gpu: &'a str,
    gpus: f64,
    batch_size: f64,
    per_token: f64,
    energy: f64,
    seconds: f64,
    gaps: [f64; 4],
}

/// Makes the tree. `catalog` tells sizes of models, without which `mlenergy_data` reads no result of a model.
pub fn mlenergy<'a>(runs: impl IntoIterator<Item = &'a Run>, catalog: &Catalog) -> MlEnergy {
    let mut export = MlEnergy::default();
    let mut degrees: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    for run in runs {
        let needed = match needed(run) {
            Ok(needed) => needed,
            Err(why) => {
                export.left_out.push((run.id.clone(), why));
                continue;
            }
        };
        let config = PathBuf::from("configs/vllm").join(name(needed.task)).join(model_path(&needed.model));
        let Some(info) = model_info(run, &needed, catalog) else {
            let why = format!("no size of `{}` is known; give it with `--architecture`", needed.model);
            export.left_out.push((run.id.clone(), why));
            continue;
        };
        export.files.insert(config.join("model_info.json"), text(&info));
        degrees.entry(config.join(name(needed.gpu)).join("monolithic.config.yaml")).or_default().insert(parallel(run));
        let folder = free_folder(&export, &needed, &run.id);
        export.files.insert(folder.join("results.json"), text(&results(run, &needed)));
        if let Some(server) = server(run) {
            export.files.insert(folder.join("prometheus.json"), text(&server));
        }
        export.exported += 1;
    }
    // One file serves all GPU counts: where they differ, the reader's own rule (as many as there are GPUs) is the best guess.
    for (path, texts) in degrees {
        let only = if texts.len() == 1 { texts.into_iter().next() } else { None };
        export.files.insert(path, only.unwrap_or_else(|| "{}\n".to_owned()));
    }
    export
}

/// What must be known of a run, or what is missing.
fn needed(run: &Run) -> Result<Needed<'_>, String> {
    if run.metrics.contains_key("energy_per_image") || run.metrics.contains_key("energy_per_video") {
        return Err("only language serving is exported".to_owned());
    }
    let mut missing = Vec::new();
    let mut name = |key: &'static str| {
        let found = run.name(key);
        missing.extend(found.is_none().then_some(key));
        found.unwrap_or_default()
    };
    let (task, _, gpu) = (name("task"), name("model"), name("gpu"));
    let mut number = |key: &'static str, value: Option<f64>| {
        let found = value.filter(|value| value.is_finite() && *value > 0.0);
        missing.extend(found.is_none().then_some(key));
        found.unwrap_or_default()
    };
    let metric = |key: &str| run.metrics.get(key).copied();
    let (gpus, batch_size) = (number("gpus", run.number("gpus")), number("batch_size", run.number("batch_size")));
    let per_token = number("energy_per_token", metric("energy_per_token"));
    let seconds = number("window_s", detail(run, "window_s"));
    let energy = detail(run, "energy_j").or_else(|| Some(metric("power")? * seconds));
    let energy = number("power", energy);
    let gaps = ["itl_p50", "itl_p90", "itl_p95", "itl_p99"].map(|key| number(key, metric(key)));
    if missing.is_empty() {
        Ok(Needed { task, model: published(run), gpu, gpus, batch_size, per_token, energy, seconds, gaps })
    } else {
        Err(format!("not known: {}", missing.join(", ")))
    }
}

/// A detail that is a number.
fn detail(run: &Run, name: &str) -> Option<f64> {
    run.details.get(name)?.parse().ok().filter(|value: &f64| value.is_finite())
}

/// The name of the checkpoint; one that was made lower in precision by the engine is told by a suffix, as published ones are.
fn published(run: &Run) -> String {
    let model = run.name("model").unwrap_or_default();
    let checkpoint = run.name("checkpoint").unwrap_or(model);
    let precision = run.name("precision").filter(|own| *own != "bf16" && run.name("checkpoint").is_none());
    match precision {
        Some(precision) if split_precision(checkpoint).1.is_none() => {
            format!("{checkpoint}-{}", precision.to_uppercase())
        }
        _ => checkpoint.to_owned(),
    }
}

/// A text as the name of a file: whatever a run is called, it stays one name below its folder.
fn name(text: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let name: String = text.chars().map(kept).take(200).collect();
    if name.chars().all(|c| c == '.') { format!("_{name}") } else { name }
}

/// `org/model`; a model without an organization is `local`.
fn model_path(model: &str) -> PathBuf {
    let (org, own) = model.split_once('/').unwrap_or(("local", model));
    PathBuf::from(name(org)).join(name(own))
}

/// The folder of a run that no run before it has.
fn free_folder(export: &MlEnergy, needed: &Needed, id: &str) -> PathBuf {
    let suite = if matches!(needed.task, "image-chat" | "video-chat") { "mllm" } else { "llm" };
    let gpu = name(needed.gpu);
    let above = PathBuf::from(format!("llm/{}/current/run/{suite}", gpu.to_lowercase()))
        .join(name(needed.task))
        .join("results")
        .join(model_path(&needed.model))
        .join(&gpu);
    let knobs = format!("num_gpus+{}+max_num_seqs+{}+run+{}", needed.gpus, needed.batch_size, name(id));
    let folders = (1..).map(|count| if count == 1 { knobs.clone() } else { format!("{knobs}_{count}") });
    let mut folders = folders.map(|folder| above.join(folder));
    folders
        .find(|folder| !export.files.contains_key(&folder.join("results.json")))
        .expect("there are more numbers than files")
}

/// `results.json`.
fn results(run: &Run, needed: &Needed) -> Json {
    let mut all = Map::new();
    let mut put = |key: &str, value: Json| drop(all.insert(key.to_owned(), value));
    let count = |value: f64| if value.fract() == 0.0 { json!(value as i64) } else { json!(value) };
    put("model_id", json!(needed.model));
    put("gpu_model", json!(needed.gpu));
    put("num_gpus", count(needed.gpus));
    put("max_num_seqs", count(needed.batch_size));
    put("steady_state_duration", json!(needed.seconds));
    put("steady_state_energy", json!(needed.energy));
    put("steady_state_energy_per_token", json!(needed.per_token));
    put("output_throughput", json!(needed.energy / needed.per_token / needed.seconds));
    if let Some(precision) = run.name("precision") {
        put("weight_precision", json!(if precision == "bf16" { "bfloat16" } else { precision }));
    }
    let knobs = [
        ("max_num_batched_tokens", "max_batched_tokens"),
        ("num_request_repeats", "request_repeats"),
        ("max_concurrency", "concurrency"),
        ("request_rate", "request_rate"),
    ];
    for (key, condition) in knobs {
        if let Some(value) = run.number(condition) {
            put(key, count(value));
        }
    }
    if let Some(done) = detail(run, "requests_finished").filter(|done| *done > 0.0) {
        put("completed", count(done));
        put("num_prompts", count(done + detail(run, "requests_failed").unwrap_or(0.0)));
        for (key, condition) in [("total_input_tokens", "prompt_tokens"), ("total_output_tokens", "output_tokens")] {
            if let Some(mean) = run.number(condition) {
                put(key, count((mean * done).round()));
            }
        }
    }
    for (key, metric) in [("median_ttft_ms", "ttft_p50"), ("p90_ttft_ms", "ttft_p90"), ("p99_ttft_ms", "ttft_p99")] {
        if let Some(seconds) = run.metrics.get(metric) {
            put(key, json!(seconds * 1e3));
        }
    }
    put("results", json!([{ "success": true, "itl": gaps(needed.gaps), "note": NO_REQUEST }]));
    put("joules", json!({ "version": env!("CARGO_PKG_VERSION"), "run": run.id, "sweep": run.source }));
    Json::Object(all)
}

/// 101 times of which the k-th is the k-th percentile, s.
fn gaps([p50, p90, p95, p99]: [f64; 4]) -> Vec<f64> {
    let knots = [(0.0, p50), (50.0, p50), (90.0, p90), (95.0, p95), (99.0, p99), (100.0, p99)];
    let at = |rank: f64| {
        let pair = knots.windows(2).find(|pair| rank <= pair[1].0).unwrap_or(&knots[4..]);
        let (left, right) = (pair[0], pair[1]);
        left.1 + (right.1 - left.1) * (rank - left.0) / (right.0 - left.0)
    };
    (0..=100).map(|rank| at(f64::from(rank))).collect()
}

/// `prometheus.json`: what vLLM told of itself; the names are its own, so nothing is told of other engines.
fn server(run: &Run) -> Option<Json> {
    if run.name("engine") != Some("vllm") {
        return None;
    }
    let named = [
        ("vllm:num_requests_running", "running_batch"),
        ("vllm:num_requests_waiting", "waiting_requests"),
        ("vllm:kv_cache_usage_perc", "kv_cache_use"),
    ];
    let told: Map<String, Json> =
        named.into_iter().filter_map(|(key, name)| Some((key.to_owned(), json!(run.observed.get(name)?)))).collect();
    (!told.is_empty()).then(|| json!({ "steady_state_stats": told, "timeline": [] }))
}

/// `model_info.json`; none without the size of the model.
fn model_info(run: &Run, needed: &Needed, catalog: &Catalog) -> Option<Json> {
    let model = run.name("model")?;
    let of = |attribute: &str| catalog.get("architecture", &[model], attribute);
    let billions = |attribute: &str| Some(of(attribute)?.number()? / 1e9);
    let total = billions("total_params")?;
    // There, active weights are those of the experts that a token goes through: of other models all are active.
    let has_experts = of("experts").and_then(|own| own.number()).is_some_and(|count| count > 1.0);
    let active = if has_experts { billions("active_params").unwrap_or(total) } else { total };
    let mut info = json!({
        "nickname": needed.model.rsplit('/').next(),
        "architecture": if has_experts { "MoE" } else { "Dense" },
        "total_parameters_billion": total,
        "active_parameters_billion": active,
    });
    if let Some(precision) = run.name("precision") {
        info["weight_precision"] = json!(if precision == "bf16" { "bfloat16" } else { precision });
    }
    Some(info)
}

/// `monolithic.config.yaml`: the degrees that are known.
fn parallel(run: &Run) -> String {
    let degree = |name: &str| run.conditions.get(name).and_then(Value::number);
    let mut lines = String::new();
    if let Some(expert) = degree("expert_parallel").filter(|own| *own > 1.0) {
        let _ = writeln!(lines, "enable-expert-parallel: true\nexpert-parallel-size: {expert}");
    }
    for (key, name) in [("tensor-parallel-size", "tensor_parallel"), ("data-parallel-size", "data_parallel")] {
        if let Some(count) = degree(name) {
            let _ = writeln!(lines, "{key}: {count}");
        }
    }
    if lines.is_empty() { "{}\n".to_owned() } else { lines }
}

fn text(json: &Json) -> String {
    format!("{json:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_between_tokens_have_the_measured_percentiles() {
        let times = gaps([0.02, 0.03, 0.04, 0.08]);
        assert_eq!((times.len(), times[0], times[100]), (101, 0.02, 0.08));
        for (rank, truth) in [(50, 0.02), (90, 0.03), (95, 0.04), (99, 0.08)] {
            assert!((times[rank] - truth).abs() < 1e-12);
        }
        assert!(times.windows(2).all(|pair| pair[0] <= pair[1]));
    }

    #[test]
    fn no_name_leaves_its_folder() {
        assert_eq!(["..", "a/../b", "Qwen3-8B", "ü+x"].map(name), ["_..", "a_.._b", "Qwen3-8B", "__x"]);
        assert_eq!(model_path("../../etc/passwd"), PathBuf::from("_../.._etc_passwd"));
        assert_eq!(model_path("own"), PathBuf::from("local/own"));
    }
}
