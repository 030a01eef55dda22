//! The names of conditions, observed latents and metrics: one spelling in TOML, CSV, JSON, code and reports.

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Set from outside.
    Condition,
    /// A latent that was measured.
    Observed,
    /// A measured outcome.
    Metric,
}

/// What values a condition takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A real number.
    Number,
    /// A whole number of at least one.
    Count,
    /// A name out of an open set.
    Name,
    /// On or off.
    Flag,
}

/// One entry of the table of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// The spelling.
    pub name: &'static str,
    /// What it stands for.
    pub role: Role,
    /// What values it takes.
    pub kind: Kind,
    /// SI unit, or a label of a count.
    pub unit: &'static str,
    /// Other spellings accepted where people type.
    pub aliases: &'static [&'static str],
}

impl Name {
    /// The column of a sweep's CSV file: the name with its unit, `power_w`, `sm_clock_hz`; counts bare.
    pub fn column(&self) -> String {
        column_name(self.name, self.unit)
    }
}

/// Whether more of a metric is worse: of everything but throughput.
pub fn more_is_worse(metric: &str) -> bool {
    !metric.starts_with("throughput")
}

/// The name of a CSV column: a quantity carries its SI unit, a count or a name stands bare.
pub(super) fn column_name(name: &str, unit: &str) -> String {
    let suffix = match unit {
        "s" => "_s",
        "W" => "_w",
        "J" => "_j",
        "Hz" => "_hz",
        "1/s" => "_per_s",
        "1/J" => "_per_j",
        "B" => "_b",
        "K" => "_k",
        _ => "",
    };
    format!("{name}{suffix}")
}

const fn condition(name: &'static str, kind: Kind, unit: &'static str, aliases: &'static [&'static str]) -> Name {
    Name { name, role: Role::Condition, kind, unit, aliases }
}

const fn observed(name: &'static str, unit: &'static str) -> Name {
    Name { name, role: Role::Observed, kind: Kind::Number, unit, aliases: &[] }
}

const fn metric(name: &'static str, unit: &'static str) -> Name {
    Name { name, role: Role::Metric, kind: Kind::Number, unit, aliases: &[] }
}

const CONDITIONS: &[Name] = &[
    condition("task", Kind::Name, "1", &[]),
    condition("modality", Kind::Name, "1", &[]),
    condition("prompt_tokens", Kind::Number, "tokens", &["prompt_len"]),
    condition("output_tokens", Kind::Number, "tokens", &["avg_output_len"]),
    condition("output_tokens_dispersion", Kind::Number, "1", &[]),
    condition("request_repeats", Kind::Count, "1", &["num_request_repeats"]),
    condition("model", Kind::Name, "1", &["model_id"]),
    condition("checkpoint", Kind::Name, "1", &[]),
    condition("precision", Kind::Name, "1", &["weight_precision"]),
    condition("gpu", Kind::Name, "1", &["gpu_model"]),
    condition("gpu_unit", Kind::Name, "1", &["machine"]),
    condition("gpus", Kind::Count, "GPUs", &["num_gpus"]),
    condition("tensor_parallel", Kind::Count, "GPUs", &[]),
    condition("expert_parallel", Kind::Count, "GPUs", &[]),
    condition("data_parallel", Kind::Count, "GPUs", &[]),
    condition("ulysses", Kind::Count, "GPUs", &["ulysses_degree"]),
    condition("ring", Kind::Count, "GPUs", &["ring_degree"]),
    condition("batch_size", Kind::Count, "requests", &["max_num_seqs"]),
    condition("concurrency", Kind::Number, "requests", &[]),
    condition("request_rate", Kind::Number, "1/s", &["arrival"]),
    condition("burst", Kind::Count, "requests", &[]),
    condition("steps", Kind::Count, "steps", &["inference_steps"]),
    condition("height", Kind::Count, "pixels", &["image_height", "video_height"]),
    condition("width", Kind::Count, "pixels", &["image_width", "video_width"]),
    condition("frames", Kind::Count, "frames", &["num_frames"]),
    condition("gpu_memory_utilization", Kind::Number, "1", &[]),
    condition("kv_cache_tokens", Kind::Number, "tokens", &[]),
    condition("power_limit", Kind::Number, "W", &[]),
    condition("sm_clock", Kind::Number, "Hz", &[]),
    condition("engine", Kind::Name, "1", &[]),
    condition("engine_version", Kind::Name, "1", &[]),
    condition("driver_version", Kind::Name, "1", &[]),
    condition("enforce_eager", Kind::Flag, "1", &[]),
    condition("compile_mode", Kind::Name, "1", &[]),
    condition("cudagraph_mode", Kind::Name, "1", &[]),
    condition("prefix_caching", Kind::Flag, "1", &[]),
    condition("max_batched_tokens", Kind::Count, "tokens", &["max_num_batched_tokens"]),
    condition("speculative", Kind::Name, "1", &[]),
];

const OBSERVED: &[Name] = &[
    observed("running_batch", "requests"),
    observed("waiting_requests", "requests"),
    observed("preemptions", "requests"),
    observed("kv_cache_use", "1"),
    observed("context_tokens", "tokens"),
    observed("prefill_ratio", "1"),
    observed("gpu_utilization", "1"),
    observed("sm_activity", "1"),
    observed("dram_activity", "1"),
    observed("tensor_activity", "1"),
    observed("kv_cache_capacity", "tokens"),
    observed("gpu_wait", "1"),
    observed("host_cpu", "1"),
    observed("gpu_processes", "1"),
    observed("power_cap_share", "1"),
    observed("sm_clock_mean", "Hz"),
    observed("static_power", "W"),
    observed("temperature", "K"),
];

const METRICS: &[Name] = &[
    metric("energy_per_token", "J"),
    metric("energy_per_total_token", "J"),
    metric("energy_per_response", "J"),
    metric("energy_per_image", "J"),
    metric("energy_per_video", "J"),
    metric("power", "W"),
    metric("throughput", "1/s"),
    metric("throughput_per_watt", "1/J"),
    metric("itl_p50", "s"),
    metric("itl_p90", "s"),
    metric("itl_p95", "s"),
    metric("itl_p99", "s"),
    metric("ttft_p50", "s"),
    metric("ttft_p90", "s"),
    metric("ttft_p95", "s"),
    metric("ttft_p99", "s"),
    metric("batch_latency", "s"),
];

/// Every condition of the product's table.
pub fn conditions() -> impl Iterator<Item = &'static Name> {
    CONDITIONS.iter()
}

/// Every latent that a source may have measured.
pub fn observed_latents() -> impl Iterator<Item = &'static Name> {
    OBSERVED.iter()
}

/// Every outcome.
pub fn metrics() -> impl Iterator<Item = &'static Name> {
    METRICS.iter()
}

/// Every name: conditions, observed latents, metrics.
pub(super) fn all() -> impl Iterator<Item = &'static Name> {
    conditions().chain(observed_latents()).chain(metrics())
}

/// The entry of exactly this spelling.
pub fn known(name: &str) -> Option<&'static Name> {
    all().find(|entry| entry.name == name)
}

/// The condition of this name or alias.
pub fn condition_name(name: &str) -> Option<&'static Name> {
    conditions().find(|entry| entry.name == name || entry.aliases.contains(&name))
}

/// The one spelling of a condition's value: `bfloat16` is `bf16`.
pub fn canonical_value<'a>(condition: &str, value: &'a str) -> &'a str {
    match (condition, value) {
        ("precision", "bfloat16" | "BF16") => "bf16",
        ("precision", "FP8") => "fp8",
        ("precision", "MXFP4") => "mxfp4",
        _ => value,
    }
}

/// Suffixes of published checkpoints, in any case, and the precision they spell.
const SUFFIXES: [(&str, &str); 5] =
    [("-fp8", "fp8"), ("-fp8-dynamic", "fp8"), ("-mxfp4", "mxfp4"), ("-nvfp4", "nvfp4"), ("-bf16", "bf16")];

/// Splits the name of a checkpoint into its base model and the precision that its suffix spells, if it has one:
/// `Qwen/Qwen3-32B-FP8` is `Qwen/Qwen3-32B` in `fp8`.
pub fn split_precision(checkpoint: &str) -> (&str, Option<&'static str>) {
    for (suffix, precision) in SUFFIXES {
        let Some(at) = checkpoint.len().checked_sub(suffix.len()) else { continue };
        if at > 0 && checkpoint.is_char_boundary(at) && checkpoint[at..].eq_ignore_ascii_case(suffix) {
            return (&checkpoint[..at], Some(precision));
        }
    }
    (checkpoint, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_that_spells_a_precision_is_split_off() {
        let case = |published: &str, base: &str, precision: Option<&str>| {
            assert_eq!(split_precision(published), (base, precision));
        };
        case("Qwen/Qwen3-VL-235B-A22B-Instruct-FP8", "Qwen/Qwen3-VL-235B-A22B-Instruct", Some("fp8"));
        case("Qwen/Qwen3-32B-fp8", "Qwen/Qwen3-32B", Some("fp8"));
        case("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", "RedHatAI/Llama-3.3-70B-Instruct", Some("fp8"));
        case("nvidia/NVIDIA-Nemotron-Nano-12B-v2-VL-BF16", "nvidia/NVIDIA-Nemotron-Nano-12B-v2-VL", Some("bf16"));
        case("openai/gpt-oss-120b", "openai/gpt-oss-120b", None);
        case("-FP8", "-FP8", None);
        case("é", "é", None);
    }

    #[test]
    fn no_two_names_share_a_column() {
        let mut columns: Vec<String> = all().map(Name::column).collect();
        let all = columns.len();
        columns.sort();
        columns.dedup();
        assert_eq!(columns.len(), all);
    }
}
