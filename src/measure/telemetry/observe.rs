//! What a window of a record holds: latents and metrics of a run.

use std::collections::BTreeMap;

use super::counter::increase;
use super::dialect::{Meaning, Source};
use super::gpu::{Gpu, gpus};
use super::record::Record;
use crate::notes::{Caveat, plural};
use crate::stats::mean;
use crate::unit::{percent, show};

/// A window of which samples cover less than this share is told to be covered in part.
const WHOLE: f64 = 0.98;

/// A bucket wider than this share of its middle leaves a quantile in it little more than guessed.
const NARROW: f64 = 0.05;

/// What telemetry saw in a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Observed latents of a run, by name, SI.
    pub latents: BTreeMap<String, f64>,
    /// Metrics of a run that server metrics tell, by name, SI.
    pub metrics: BTreeMap<String, f64>,
    /// Mean lengths of the requests that were answered in the window: `prompt_tokens`, `output_tokens`.
    pub lengths: BTreeMap<String, f64>,
    /// What else was seen and has no name as a latent, by name with its unit.
    pub details: BTreeMap<String, f64>,
    /// Output tokens of the window.
    pub output_tokens: Option<f64>,
    /// Prompt tokens of the window that had to be computed.
    pub prompt_tokens: Option<f64>,
    /// Requests answered in the window.
    pub requests: Option<f64>,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
}

/// What `record` holds between two moments.
pub fn observe(record: &Record, from: f64, to: f64) -> Observed {
    let mut window = Window { record, from, to, found: Observed::default() };
    window.counts();
    window.gauges();
    window.latencies();
    window.cache();
    window.gpus(&gpus(record));
    window.gaps();
    window.found
}

struct Window<'a> {
    record: &'a Record,
    from: f64,
    to: f64,
    found: Observed,
}

impl Window<'_> {
    fn caveat(&mut self, code: &str, text: String) {
        self.found.caveats.push(Caveat::new(code, text));
    }

    fn latent(&mut self, name: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.found.latents.insert(name.to_owned(), value);
        }
    }

    /// The increase of a counter in the window; where samples cover a part of it, at the rate of that part.
    fn count(&mut self, meaning: Meaning) -> Option<f64> {
        let counter = self.record.counter(meaning).or_else(|| match meaning {
            Meaning::OutputTokens => {
                let counter = self.record.output_tokens()?;
                self.caveat(
                    "tokens_counted_at_end",
                    "this server counts the tokens of a request when it ends: in a window with few requests, tokens of \
                     before are counted and tokens under way are not"
                        .to_owned(),
                );
                Some(counter)
            }
            Meaning::PromptTokens => self.record.counted_sum(Meaning::RequestPromptTokens),
            _ => None,
        })?;
        let length = self.to - self.from;
        let found = increase(&counter.series, self.from, self.to)?;
        if meaning == Meaning::OutputTokens {
            if found.covered < WHOLE * length {
                let share = percent(found.covered / length);
                let text =
                    format!("samples of output tokens cover {share} of the window; their rate is taken for all of it");
                self.caveat("partial_window", text);
            }
            let resets = counter.resets.iter().filter(|at| **at > self.from && **at <= self.to).count();
            if resets > 0 {
                let text = format!(
                    "the server's counters started again {}: what was counted right before is lost, up to one scrape each",
                    plural(resets, "time")
                );
                self.caveat("counter_reset", text);
            }
        }
        Some(found.amount * length / found.covered)
    }

    fn counts(&mut self) {
        let length = self.to - self.from;
        let output = self.count(Meaning::OutputTokens);
        let cached = self.count(Meaning::CachedPromptTokens).unwrap_or(0.0);
        let prompt = self.count(Meaning::PromptTokens).map(|all| (all - cached).max(0.0));
        self.found.output_tokens = output.filter(|tokens| *tokens > 0.0);
        self.found.prompt_tokens = prompt;
        self.found.requests = self.count(Meaning::Requests);
        if let Some(output) = self.found.output_tokens {
            self.found.metrics.insert("throughput".to_owned(), output / length);
            self.latent("prefill_ratio", prompt.map(|prompt| prompt / output));
        }
        let preemptions = self.count(Meaning::Preemptions);
        self.latent("preemptions", preemptions);
        let lengths =
            [("prompt_tokens", Meaning::RequestPromptTokens), ("output_tokens", Meaning::RequestOutputTokens)];
        for (name, meaning) in lengths {
            let of_requests = self.record.histogram(meaning, self.from, self.to).and_then(|delta| delta.mean());
            let (tokens, requests) = (if name == "output_tokens" { output } else { prompt }, self.found.requests);
            let by_counts = tokens.zip(requests).filter(|(_, requests)| *requests >= 1.0).map(|(all, of)| all / of);
            if let Some(tokens) = of_requests.or(by_counts).filter(|tokens| *tokens > 0.0) {
                self.found.lengths.insert(name.to_owned(), tokens);
            }
        }
        let estimates = [
            ("estimated_flops_per_gpu", Meaning::Flops),
            ("estimated_read_bytes_per_gpu", Meaning::ReadBytes),
            ("estimated_write_bytes_per_gpu", Meaning::WriteBytes),
        ];
        for (name, meaning) in estimates {
            if let Some(amount) = self.count(meaning).filter(|amount| *amount > 0.0) {
                self.found.details.insert(name.to_owned(), amount);
            }
        }
    }

    fn gauges(&mut self) {
        let (from, to) = (self.from, self.to);
        let over = |series: Option<crate::measure::Series>| series.and_then(|series| series.mean(from, to));
        let running = over(self.record.sum(Meaning::Running));
        let waiting = over(self.record.sum(Meaning::Waiting));
        let kv_use = over(self.record.mean(Meaning::KvUse));
        self.latent("running_batch", running);
        self.latent("waiting_requests", waiting);
        self.latent("kv_cache_use", kv_use);
    }

    /// Mean and quantiles of latencies. The mean is exact; a quantile is known up to its bucket.
    fn latencies(&mut self) {
        for (name, meaning) in [("itl", Meaning::InterToken), ("ttft", Meaning::FirstToken), ("e2e", Meaning::EndToEnd)]
        {
            let Some(delta) = self.record.histogram(meaning, self.from, self.to) else { continue };
            let Some(mean) = delta.mean() else { continue };
            self.found.details.insert(format!("{name}_mean_s"), mean);
            if name == "e2e" {
                continue;
            }
            let mut coarse = Vec::new();
            for (label, probability) in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)] {
                let Some(quantile) = delta.quantile(probability) else { continue };
                let [low, high] = quantile.bucket;
                if high - low > NARROW * (high + low) / 2.0 {
                    coarse.push(format!("{label} between {} and {}", show(low, "s"), show(high, "s")));
                }
                // Below the first bound nothing is known but that bound.
                if low > 0.0 {
                    self.found.metrics.insert(format!("{name}_{label}"), quantile.value);
                }
            }
            if !coarse.is_empty() {
                let text = format!(
                    "quantiles of {name} are known up to the buckets of the server's histogram ({}); the mean, {}, is exact",
                    coarse.join(", "),
                    show(mean, "s")
                );
                self.caveat("bucket_quantized", text);
            }
        }
    }

    /// The size of the KV cache and what a running request holds of it.
    fn cache(&mut self) {
        let number =
            |labels: &super::text::Labels, name: &str| labels.get(name).and_then(|text| text.parse::<f64>().ok());
        let mut told: Vec<(String, f64)> = Vec::new();
        for labels in self.record.labels(Meaning::CacheConfig) {
            let product = number(labels, "num_gpu_blocks").zip(number(labels, "block_size")).map(|(a, b)| a * b);
            if let Some(tokens) = product.filter(|tokens| *tokens > 0.0) {
                let of = |name: &str| labels.get(name).cloned().unwrap_or_default();
                told.push((format!("{} {} {}", of("instance"), of("pod"), of("engine")), tokens));
            }
        }
        told.sort_by(|a, b| a.0.cmp(&b.0));
        told.dedup_by(|a, b| a.0 == b.0);
        let of_labels = (!told.is_empty()).then(|| told.iter().map(|own| own.1).sum::<f64>());
        let of_gauge = || self.record.sum(Meaning::KvCapacity)?.mean(self.from, self.to);
        let capacity = of_labels.or_else(of_gauge).filter(|tokens| *tokens > 0.0);
        self.latent("kv_cache_capacity", capacity);
        let latents = &self.found.latents;
        let (running, used) = (latents.get("running_batch").copied(), latents.get("kv_cache_use").copied());
        if let (Some(capacity), Some(used), Some(running)) = (capacity, used, running)
            && running >= 1.0
            && used > 0.0
        {
            self.latent("context_tokens", Some(used * capacity / running));
            let text = "context tokens are the used part of the KV cache over the running requests: too few where requests \
                        share a prefix";
            self.caveat("context_from_kv_cache", text.to_owned());
        }
    }

    /// Means over the GPUs of the record.
    fn gpus(&mut self, gpus: &[Gpu]) {
        let (from, to) = (self.from, self.to);
        let latents = [
            ("sm_clock_mean", Meaning::SmClock),
            ("temperature", Meaning::Temperature),
            ("gpu_utilization", Meaning::Utilization),
            ("sm_activity", Meaning::SmActivity),
            ("tensor_activity", Meaning::TensorActivity),
            ("dram_activity", Meaning::DramActivity),
        ];
        for (name, meaning) in latents {
            let means: Vec<f64> = gpus.iter().filter_map(|gpu| gpu.gauges.get(&meaning)?.mean(from, to)).collect();
            self.latent(name, mean(&means));
        }
        let share = |gpu: &Gpu| {
            let found = increase(gpu.power_cap.as_ref()?, from, to)?;
            Some((found.amount / found.covered).clamp(0.0, 1.0))
        };
        let shares: Vec<f64> = gpus.iter().filter_map(share).collect();
        self.latent("power_cap_share", mean(&shares));
    }

    fn gaps(&mut self) {
        let sources = self.record.sources();
        let meaning = [Meaning::OutputTokens, Meaning::Running].into_iter().find(|own| self.record.engines(*own) > 0);
        let Some(meaning) = meaning.filter(|_| sources.iter().copied().any(Source::is_server)) else { return };
        let gaps = self.record.gaps(meaning, self.from, self.to);
        if gaps.is_empty() {
            return;
        }
        let longest = gaps.iter().map(|[start, end]| end - start).fold(0.0, f64::max);
        let inside: f64 = gaps.iter().map(|[start, end]| end.min(self.to) - start.max(self.from)).sum();
        let text = format!(
            "{} of the server's metrics, the longest {}, {} of the window: counts are right, means of gauges are drawn \
             straight through",
            plural(gaps.len(), "gap"),
            show(longest, "s"),
            percent(inside / (self.to - self.from))
        );
        self.caveat("scrape_gap", text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::telemetry::parse;

    /// Two engines that each run 8 requests at 400 tokens/s; 10 scrapes.
    fn record() -> Record {
        let mut record = Record::default();
        for second in 0..=10_u32 {
            let mut lines = Vec::new();
            for engine in 0..2 {
                let of = format!("engine=\"{engine}\",model_name=\"m\"");
                lines.push(format!(
                    "vllm:num_requests_running{{{of}}} 8\nvllm:num_requests_waiting{{{of}}} 1\n\
                     vllm:kv_cache_usage_perc{{{of},pid=\"1\"}} 0.5\nvllm:kv_cache_usage_perc{{{of},pid=\"2\"}} 0\n\
                     vllm:generation_tokens_total{{{of}}} {tokens}\nvllm:prompt_tokens_total{{{of}}} {prompt}\n\
                     vllm:cache_config_info{{{of},block_size=\"16\",num_gpu_blocks=\"1000\"}} 1\n\
                     vllm:num_preemptions_total{{{of}}} {second}\n\
                     vllm:inter_token_latency_seconds_bucket{{{of},le=\"0.01\"}} 0\n\
                     vllm:inter_token_latency_seconds_bucket{{{of},le=\"0.025\"}} {tokens}\n\
                     vllm:inter_token_latency_seconds_bucket{{{of},le=\"+Inf\"}} {tokens}\n\
                     vllm:inter_token_latency_seconds_sum{{{of}}} {sum}\n\
                     vllm:inter_token_latency_seconds_count{{{of}}} {tokens}\n",
                    tokens = 7000 + 400 * second,
                    prompt = 100 * second,
                    sum = f64::from(7000 + 400 * second) * 0.02,
                ));
            }
            record.add_page(f64::from(second), &parse(&lines.concat()));
        }
        record
    }

    #[test]
    fn engines_of_a_window_are_told_as_one_run() {
        let found = observe(&record(), 2.5, 7.5);
        let near = |name: &str, value: f64| {
            let own = found.latents.get(name).or(found.metrics.get(name)).copied().unwrap_or(f64::NAN);
            assert!((own - value).abs() < 1e-9 * value, "{name}: {own}");
        };
        near("running_batch", 16.0);
        near("waiting_requests", 2.0);
        near("kv_cache_use", 0.5);
        near("kv_cache_capacity", 32_000.0);
        near("context_tokens", 1000.0);
        near("prefill_ratio", 0.25);
        near("preemptions", 10.0);
        near("throughput", 800.0);
        near("itl_p50", 0.0175);
        assert!((found.details["itl_mean_s"] - 0.02).abs() < 1e-9);
        let codes: Vec<&str> = found.caveats.iter().map(|caveat| caveat.code.as_str()).collect();
        assert_eq!(codes, ["bucket_quantized", "context_from_kv_cache"]);
    }

    #[test]
    fn a_window_beyond_the_samples_is_told_to_be_covered_in_part() {
        let found = observe(&record(), 8.0, 12.0);
        assert!((found.metrics["throughput"] - 800.0).abs() < 1e-9);
        assert!(found.caveats.iter().any(|caveat| caveat.code == "partial_window"), "{:?}", found.caveats);
        assert_eq!(observe(&record(), 20.0, 30.0).output_tokens, None);
        assert_eq!(observe(&Record::default(), 0.0, 1.0), Observed::default());
    }
}
