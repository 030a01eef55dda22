//! What prompt and output tokens of a window cost.

use super::energy::Energy;
use crate::measure::Series;
use crate::measure::telemetry::dialect::Meaning;
use crate::measure::telemetry::{Counts, Record, Split, SplitError, gpus, split};

/// Scrapes in a block of time whose energy is compared with others: counters of GPUs and of the server are scraped at
/// different moments, up to one scrape apart.
const SCRAPES: f64 = 4.0;

/// Splits the energy of a window, or says why it cannot be split.
pub(super) fn spent(record: &Record, energy: &Energy) -> Result<Split, SplitError> {
    let series = |meaning| record.counter(meaning).map(|counter| counter.series);
    let (output, prompt) = (series(Meaning::OutputTokens), computed_prompts(record));
    let joules: Vec<Series> = gpus(record).into_iter().filter_map(|gpu| Some(gpu.energy?.series)).collect();
    let slowest = record.spacing(Meaning::OutputTokens).unwrap_or(0.0).max(energy.interval);
    let counts = Counts { energy: &joules, prompt: prompt.as_ref(), output: output.as_ref(), idle: None };
    // Blocks of whole tenths of a second are told more easily.
    split(&counts, [energy.from, energy.to], (SCRAPES * slowest * 10.0).ceil() / 10.0)
}

/// Prompt tokens less those that a prefix cache saved.
fn computed_prompts(record: &Record) -> Option<Series> {
    let all = record.counter(Meaning::PromptTokens)?.series;
    let Some(cached) = record.counter(Meaning::CachedPromptTokens) else { return Some(all) };
    let less = |&(at, tokens): &(f64, f64)| Some((at, tokens - cached.series.at(at)?));
    Some(all.points().iter().filter_map(less).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::telemetry::parse;

    /// A server at one scrape a second: 0.01 J a prompt token, of which a fifth is cached, 0.2 J an output token, 100 W.
    fn record(is_bursty: bool) -> Record {
        let (mut record, mut totals) = (Record::default(), [1e6, 5000.0, 1000.0, 7000.0]);
        for second in 0..200_u32 {
            let page = format!(
                "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{{UUID=\"GPU-1\"}} {}\nvllm:prompt_tokens_total {}\n\
                 vllm:prompt_tokens_cached_total {}\nvllm:generation_tokens_total {}\n",
                totals[0] * 1e3,
                totals[1],
                totals[2],
                totals[3]
            );
            record.add_page(f64::from(second), &parse(&page));
            let varied = 500.0 + f64::from(second * 7919 % 400);
            let (burst, output) = match second % 20 {
                _ if !is_bursty => (2000.0, 800.0),
                0..7 => (10_000.0, varied),
                7..13 => (2000.0, varied),
                _ => (0.0, 0.0),
            };
            totals[0] += 0.01 * 0.8 * burst + 0.2 * output + 100.0;
            totals[1] += burst;
            totals[2] += 0.2 * burst;
            totals[3] += output;
        }
        record
    }

    #[test]
    fn bursts_of_prompts_tell_what_a_token_costs_and_a_steady_load_does_not() {
        let energy = Energy { from: 2.0, to: 198.0, interval: 1.0, ..Energy::default() };
        let found = spent(&record(true), &energy).unwrap();
        let near = |value: f64, truth: f64| assert!((value / truth - 1.0).abs() < 1e-3, "{found:?}");
        near(found.prompt_token.value, 0.01);
        near(found.output_token.value, 0.2);
        near(found.base_power.value, 100.0);
        assert_eq!(found.block, 4.0);
        assert_eq!(spent(&record(false), &energy), Err(SplitError::Busy));
        let nothing = spent(&Record::default(), &energy).unwrap_err();
        assert_eq!(nothing.to_string(), "prompt tokens were not counted over time");
    }
}
