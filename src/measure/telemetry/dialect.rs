//! What the metrics of servers and exporters mean: one table of names.
//!
//! Read in the sources of vLLM (V1 and before), `SGLang`, TensorRT-LLM, text-generation-inference, llama.cpp, dcgm-exporter
//! (names before and since DCGM 4) and Zeus. A colon and an underscore are one letter here: collectors on the way replace one
//! by the other.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use Form::{Counter, Gauge, Histogram};
use Meaning::{
    CacheConfig, CachedPromptTokens, DramActivity, EndToEnd, Energy, FinishedTokens, FirstToken, Flops, InterToken,
    KvCapacity, KvUse, OutputTokens, Power, PowerCap, Preemptions, PromptTokens, ReadBytes, RequestOutputTokens,
    RequestPromptTokens, Requests, Running, SmActivity, SmClock, StepTokens, Temperature, TensorActivity, Utilization,
    Waiting, WriteBytes,
};
use Source::{Dcgm, LlamaCpp, Sglang, Tgi, TrtLlm, Vllm, Zeus};

/// Who names a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// vLLM.
    Vllm,
    /// `SGLang`.
    Sglang,
    /// TensorRT-LLM.
    TrtLlm,
    /// text-generation-inference.
    Tgi,
    /// llama.cpp.
    LlamaCpp,
    /// dcgm-exporter.
    Dcgm,
    /// Zeus.
    Zeus,
}

impl Source {
    /// Whether it is an inference server, not an exporter of GPUs.
    pub fn is_server(self) -> bool {
        !matches!(self, Self::Dcgm | Self::Zeus)
    }

    /// Its name as the condition `engine` has it.
    pub fn engine(self) -> &'static str {
        match self {
            Self::Vllm => "vllm",
            Self::Sglang => "sglang",
            Self::TrtLlm => "tensorrt_llm",
            Self::Tgi => "tgi",
            Self::LlamaCpp => "llama_cpp",
            Self::Dcgm => "dcgm-exporter",
            Self::Zeus => "zeus",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vllm => "vLLM",
            Self::Sglang => "SGLang",
            Self::TrtLlm => "TensorRT-LLM",
            Self::Tgi => "TGI",
            Self::LlamaCpp => "llama.cpp",
            Self::Dcgm => "dcgm-exporter",
            Self::Zeus => "Zeus",
        })
    }
}

/// What a metric measures, in the units stated here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Meaning {
    /// Requests in the running batch.
    Running,
    /// Requests that wait.
    Waiting,
    /// Share of the KV cache in use.
    KvUse,
    /// Tokens that the KV cache holds.
    KvCapacity,
    /// Configuration of the cache, in the labels.
    CacheConfig,
    /// Requests thrown out of the batch, counted.
    Preemptions,
    /// Prompt tokens, counted.
    PromptTokens,
    /// Those of them that a prefix cache held, counted.
    CachedPromptTokens,
    /// Output tokens, counted.
    OutputTokens,
    /// Output tokens, counted when their request ends.
    FinishedTokens,
    /// Requests answered, counted.
    Requests,
    /// Time between tokens, s.
    InterToken,
    /// Time to the first token, s.
    FirstToken,
    /// Time of a whole request, s.
    EndToEnd,
    /// Prompt tokens of a request.
    RequestPromptTokens,
    /// Output tokens of a request.
    RequestOutputTokens,
    /// Tokens of an engine step.
    StepTokens,
    /// Estimated operations of a GPU, FLOP, counted.
    Flops,
    /// Estimated bytes read by a GPU, B, counted.
    ReadBytes,
    /// Estimated bytes written by a GPU, B, counted.
    WriteBytes,
    /// Energy of a GPU, J, counted.
    Energy,
    /// Power of a GPU, W.
    Power,
    /// Clock of the multiprocessors, Hz.
    SmClock,
    /// Temperature of a GPU, K.
    Temperature,
    /// Share of time with work on the GPU.
    Utilization,
    /// Share of cycles with work on a multiprocessor.
    SmActivity,
    /// Share of cycles with work on the matrix units.
    TensorActivity,
    /// Share of cycles with memory traffic.
    DramActivity,
    /// Seconds below the clock wanted because of power, counted.
    PowerCap,
}

/// What tells how many output tokens there were, the best first.
pub const OUTPUT: [Meaning; 3] = [OutputTokens, RequestOutputTokens, FinishedTokens];

/// How a metric is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A value that rises and falls.
    Gauge,
    /// A value that rises until the process restarts; with or without `_total`.
    Counter,
    /// `_bucket`, `_sum` and `_count`.
    Histogram,
}

/// Which series of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The only one of a gauge or a counter.
    Value,
    /// A bucket of a histogram.
    Bucket,
    /// The sum of a histogram.
    Sum,
    /// The count of a histogram.
    Count,
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// Who names it so.
    pub source: Source,
    /// What it measures.
    pub meaning: Meaning,
    /// Its name, without `_total`, `_bucket`, `_sum`, `_count`.
    pub name: &'static str,
    /// How it is told.
    pub form: Form,
    factor: f64,
    offset: f64,
}

impl Entry {
    /// A value of this metric in the units of its meaning.
    pub fn to_si(&self, value: f64) -> f64 {
        value * self.factor + self.offset
    }

    /// A regular expression for all names of its series, as Prometheus matches them.
    pub fn pattern(&self) -> String {
        let name = self.name.replace(':', "[:_]");
        match self.form {
            Form::Gauge => name,
            Form::Counter => format!("{name}(_total)?"),
            Form::Histogram => format!("{name}_(bucket|sum|count)"),
        }
    }
}

const fn told(source: Source, form: Form, meaning: Meaning, name: &'static str) -> Entry {
    Entry { source, meaning, name, form, factor: 1.0, offset: 0.0 }
}

const fn scaled(source: Source, form: Form, meaning: Meaning, name: &'static str, factor: f64, offset: f64) -> Entry {
    Entry { source, meaning, name, form, factor, offset }
}

/// 0 °C in kelvin.
const FREEZING: f64 = 273.15;

/// The table. Of several names of one meaning that a source tells at once, the first counts.
pub const ENTRIES: &[Entry] = &[
    told(Vllm, Gauge, Running, "vllm:num_requests_running"),
    told(Vllm, Gauge, Waiting, "vllm:num_requests_waiting"),
    told(Vllm, Gauge, KvUse, "vllm:kv_cache_usage_perc"),
    told(Vllm, Gauge, KvUse, "vllm:gpu_cache_usage_perc"),
    told(Vllm, Gauge, CacheConfig, "vllm:cache_config_info"),
    told(Vllm, Counter, Preemptions, "vllm:num_preemptions"),
    told(Vllm, Counter, PromptTokens, "vllm:prompt_tokens"),
    told(Vllm, Counter, CachedPromptTokens, "vllm:prompt_tokens_cached"),
    told(Vllm, Counter, CachedPromptTokens, "vllm:prefix_cache_hits"),
    told(Vllm, Counter, OutputTokens, "vllm:generation_tokens"),
    told(Vllm, Counter, Requests, "vllm:request_success"),
    told(Vllm, Histogram, InterToken, "vllm:inter_token_latency_seconds"),
    told(Vllm, Histogram, InterToken, "vllm:time_per_output_token_seconds"),
    told(Vllm, Histogram, FirstToken, "vllm:time_to_first_token_seconds"),
    told(Vllm, Histogram, EndToEnd, "vllm:e2e_request_latency_seconds"),
    told(Vllm, Histogram, RequestPromptTokens, "vllm:request_prompt_tokens"),
    told(Vllm, Histogram, RequestOutputTokens, "vllm:request_generation_tokens"),
    told(Vllm, Histogram, StepTokens, "vllm:iteration_tokens_total"),
    told(Vllm, Counter, Flops, "vllm:estimated_flops_per_gpu"),
    told(Vllm, Counter, ReadBytes, "vllm:estimated_read_bytes_per_gpu"),
    told(Vllm, Counter, WriteBytes, "vllm:estimated_write_bytes_per_gpu"),
    told(Sglang, Gauge, Running, "sglang:num_running_reqs"),
    told(Sglang, Gauge, Waiting, "sglang:num_queue_reqs"),
    told(Sglang, Gauge, KvUse, "sglang:token_usage"),
    told(Sglang, Gauge, KvCapacity, "sglang:max_total_num_tokens"),
    told(Sglang, Counter, Preemptions, "sglang:num_retracted_requests"),
    told(Sglang, Counter, PromptTokens, "sglang:prompt_tokens"),
    told(Sglang, Counter, CachedPromptTokens, "sglang:cached_tokens"),
    told(Sglang, Counter, OutputTokens, "sglang:generation_tokens"),
    told(Sglang, Counter, Requests, "sglang:num_requests"),
    told(Sglang, Histogram, InterToken, "sglang:inter_token_latency_seconds"),
    told(Sglang, Histogram, InterToken, "sglang:time_per_output_token_seconds"),
    told(Sglang, Histogram, FirstToken, "sglang:time_to_first_token_seconds"),
    told(Sglang, Histogram, EndToEnd, "sglang:e2e_request_latency_seconds"),
    told(Sglang, Histogram, RequestPromptTokens, "sglang:prompt_tokens_histogram"),
    told(Sglang, Histogram, RequestOutputTokens, "sglang:generation_tokens_histogram"),
    told(TrtLlm, Gauge, Running, "trtllm_num_requests_running"),
    told(TrtLlm, Gauge, Waiting, "trtllm_num_requests_waiting"),
    told(TrtLlm, Gauge, KvUse, "trtllm_kv_cache_utilization"),
    told(TrtLlm, Counter, PromptTokens, "trtllm_prompt_tokens"),
    told(TrtLlm, Counter, CachedPromptTokens, "trtllm_prompt_cached_tokens"),
    told(TrtLlm, Counter, OutputTokens, "trtllm_generation_tokens"),
    told(TrtLlm, Counter, Requests, "trtllm_request_success"),
    told(TrtLlm, Histogram, InterToken, "trtllm_time_per_output_token_seconds"),
    told(TrtLlm, Histogram, FirstToken, "trtllm_time_to_first_token_seconds"),
    told(TrtLlm, Histogram, EndToEnd, "trtllm_e2e_request_latency_seconds"),
    told(Tgi, Gauge, Running, "tgi_batch_current_size"),
    told(Tgi, Gauge, Waiting, "tgi_queue_size"),
    told(Tgi, Counter, Requests, "tgi_request_success"),
    told(Tgi, Histogram, InterToken, "tgi_request_mean_time_per_token_duration"),
    told(Tgi, Histogram, EndToEnd, "tgi_request_duration"),
    told(Tgi, Histogram, RequestPromptTokens, "tgi_request_input_length"),
    told(Tgi, Histogram, RequestOutputTokens, "tgi_request_generated_tokens"),
    told(LlamaCpp, Gauge, Running, "llamacpp:requests_processing"),
    told(LlamaCpp, Gauge, Waiting, "llamacpp:requests_deferred"),
    told(LlamaCpp, Gauge, KvUse, "llamacpp:kv_cache_usage_ratio"),
    // Without those that the cache held.
    told(LlamaCpp, Counter, PromptTokens, "llamacpp:prompt_tokens"),
    told(LlamaCpp, Counter, FinishedTokens, "llamacpp:tokens_predicted"),
    scaled(Dcgm, Counter, Energy, "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", 1e-3, 0.0),
    told(Dcgm, Gauge, Power, "DCGM_FI_DEV_POWER_USAGE"),
    told(Dcgm, Gauge, Power, "DCGM_FI_DEV_BOARD_POWER_WATTS"),
    scaled(Dcgm, Gauge, SmClock, "DCGM_FI_DEV_SM_CLOCK", 1e6, 0.0),
    scaled(Dcgm, Gauge, Temperature, "DCGM_FI_DEV_GPU_TEMP", 1.0, FREEZING),
    scaled(Dcgm, Gauge, Temperature, "DCGM_FI_DEV_GPU_TEMP_CELSIUS", 1.0, FREEZING),
    // Percent under both names: the newer one says ratio and keeps the field's unit.
    scaled(Dcgm, Gauge, Utilization, "DCGM_FI_DEV_GPU_UTIL", 1e-2, 0.0),
    scaled(Dcgm, Gauge, Utilization, "DCGM_FI_DEV_GPU_UTIL_RATIO", 1e-2, 0.0),
    told(Dcgm, Gauge, SmActivity, "DCGM_FI_PROF_SM_ACTIVE"),
    told(Dcgm, Gauge, SmActivity, "DCGM_FI_PROF_SM_UTIL_RATIO"),
    told(Dcgm, Gauge, TensorActivity, "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"),
    told(Dcgm, Gauge, TensorActivity, "DCGM_FI_PROF_TENSOR_UTIL_RATIO"),
    told(Dcgm, Gauge, DramActivity, "DCGM_FI_PROF_DRAM_ACTIVE"),
    told(Dcgm, Gauge, DramActivity, "DCGM_FI_PROF_DRAM_UTIL_RATIO"),
    scaled(Dcgm, Counter, PowerCap, "DCGM_FI_DEV_POWER_VIOLATION", 1e-9, 0.0),
    scaled(Dcgm, Counter, PowerCap, "DCGM_FI_DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP_NS", 1e-9, 0.0),
    told(Zeus, Counter, Energy, "energy_monitor_gpu_energy_joules"),
    told(Zeus, Gauge, Power, "power_monitor_gpu_power_watts"),
];

/// Where each name of a series stands in the table.
static INDEX: LazyLock<HashMap<String, (usize, Part)>> = LazyLock::new(|| {
    let mut index = HashMap::new();
    for (at, entry) in ENTRIES.iter().enumerate() {
        let suffixes: &[(&str, Part)] = match entry.form {
            Gauge => &[("", Part::Value)],
            Counter => &[("", Part::Value), ("_total", Part::Value)],
            Histogram => &[("_bucket", Part::Bucket), ("_sum", Part::Sum), ("_count", Part::Count)],
        };
        for (suffix, part) in suffixes {
            index.insert(plain(&format!("{}{suffix}", entry.name)), (at, *part));
        }
    }
    index
});

fn plain(name: &str) -> String {
    name.replace(':', "_")
}

/// The place in [`ENTRIES`] of the metric that a series of this name belongs to, and which series of it this is.
pub fn find(name: &str) -> Option<(usize, Part)> {
    INDEX.get(plain(name).as_str()).copied()
}

/// The entries of a meaning, in the order of the table.
pub fn of_meaning(meaning: Meaning) -> impl Iterator<Item = (usize, &'static Entry)> {
    ENTRIES.iter().enumerate().filter(move |(_, entry)| entry.meaning == meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_source_are_known() {
        let case = |name: &str, source: Source, meaning: Meaning, part: Part| {
            let (at, own) = find(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!((ENTRIES[at].source, ENTRIES[at].meaning, own), (source, meaning, part), "{name}");
        };
        case("vllm:generation_tokens_total", Vllm, OutputTokens, Part::Value);
        case("vllm:generation_tokens", Vllm, OutputTokens, Part::Value);
        case("vllm_num_requests_running", Vllm, Running, Part::Value);
        case("vllm:iteration_tokens_total_sum", Vllm, StepTokens, Part::Sum);
        case("sglang_inter_token_latency_seconds_bucket", Sglang, InterToken, Part::Bucket);
        case("trtllm_kv_cache_utilization", TrtLlm, KvUse, Part::Value);
        case("tgi_request_generated_tokens_sum", Tgi, RequestOutputTokens, Part::Sum);
        case("llamacpp:tokens_predicted_total", LlamaCpp, FinishedTokens, Part::Value);
        case("energy_monitor_gpu_energy_joules_total", Zeus, Energy, Part::Value);
        assert_eq!(find("vllm:iteration_tokens_total"), None);
        assert_eq!(find("process_cpu_seconds_total"), None);
        assert_eq!(INDEX.len(), ENTRIES.iter().map(|entry| entry.form as usize + 1).sum::<usize>());
    }

    #[test]
    fn units_of_devices_become_si() {
        let case = |name: &str, value: f64, expected: f64| {
            let found = ENTRIES[find(name).unwrap().0].to_si(value);
            assert!((found - expected).abs() < 1e-9 * expected, "{name}: {found}");
        };
        case("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", 5000.0, 5.0);
        case("DCGM_FI_DEV_SM_CLOCK", 1980.0, 1.98e9);
        case("DCGM_FI_DEV_GPU_TEMP", 60.0, 333.15);
        case("DCGM_FI_DEV_GPU_UTIL", 97.0, 0.97);
        case("DCGM_FI_DEV_BOARD_POWER_WATTS", 700.0, 700.0);
    }
}
