//! A window of a load in numbers.

use super::histogram::Histogram;
use super::record::{CountedBy, Outcome, Record};
use super::tally::{LATE, Tally};
use crate::notes::{Caveat, plural};
use crate::stats;
use crate::unit::show;

/// Quantiles of a latency, seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantiles {
    /// Half are below.
    pub p50: f64,
    /// 90 % are below.
    pub p90: f64,
    /// 95 % are below.
    pub p95: f64,
    /// 99 % are below.
    pub p99: f64,
    /// Mean.
    pub mean: f64,
    /// Of so many times.
    pub count: u64,
}

/// What happened between two moments of a load.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Beginning, seconds of the clock.
    pub from: f64,
    /// End.
    pub to: f64,
    /// Output tokens that arrived; none outside the load's life.
    pub output_tokens: Option<f64>,
    /// Prompt tokens of requests whose first token came in the window; none if the server did not count them.
    pub prompt_tokens: Option<u64>,
    /// Requests whose first token came.
    pub begun: u64,
    /// Requests answered to the end.
    pub done: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Whether tokens may have come that are not counted: the server did not tell its own count with every chunk, so that
    /// some chunks count as one token each, however many they hold.
    pub may_miss_tokens: bool,
    /// Mean length of the answers that ended; none if none did.
    pub answer_length: Option<f64>,
    /// E\[l²\] / E\[l\]² of these lengths.
    pub answer_length_dispersion: Option<f64>,
    /// Mean number of requests sent and not ended.
    pub under_way: Option<f64>,
    /// Mean number of requests of which tokens came.
    pub decoding: Option<f64>,
    /// Time between tokens.
    pub between_tokens: Option<Quantiles>,
    /// How long after they were due requests were sent.
    pub sent_late: Option<Quantiles>,
    /// Time until the first token, from when the request was due.
    pub first_token: Option<Quantiles>,
    /// Time until the end, from when the request was due.
    pub whole: Option<Quantiles>,
    /// What to know about these numbers.
    pub caveats: Vec<Caveat>,
}

impl Quantiles {
    fn of(values: &[f64]) -> Option<Self> {
        let at = |share: f64| stats::quantile(values, share);
        Some(Self {
            p50: at(0.5)?,
            p90: at(0.9)?,
            p95: at(0.95)?,
            p99: at(0.99)?,
            mean: stats::mean(values)?,
            count: values.len() as u64,
        })
    }

    fn of_histogram(times: &Histogram) -> Option<Self> {
        let at = |share: f64| times.quantile(share);
        Some(Self {
            p50: at(0.5)?,
            p90: at(0.9)?,
            p95: at(0.95)?,
            p99: at(0.99)?,
            mean: times.mean()?,
            count: times.count(),
        })
    }
}

impl Summary {
    /// The window `from..to` (seconds of the clock) of a load.
    ///
    /// Times between tokens are those of tokens that arrived in it, its ends moved to quarters of a second; requests still
    /// under way are known by their tokens only.
    pub fn of(tally: &Tally, from: f64, to: f64) -> Self {
        let inside = |at: f64| at >= from && at <= to;
        let alive = |record: &&Record| !matches!(record.outcome, Outcome::Failed(_));
        let begun: Vec<&Record> =
            tally.records().iter().filter(alive).filter(|record| record.first_token.is_some_and(inside)).collect();
        let sent: Vec<&Record> = tally.records().iter().filter(|record| inside(record.sent)).collect();
        let ended: Vec<&Record> = tally.records().iter().filter(|record| inside(record.ended)).collect();
        let done: Vec<&Record> = ended.iter().copied().filter(|record| record.outcome == Outcome::Done).collect();
        let first: Vec<f64> = begun.iter().filter_map(|record| Some(record.first_token? - record.scheduled)).collect();
        let whole: Vec<f64> = done.iter().map(|record| record.ended - record.scheduled).collect();
        let late: Vec<f64> = sent.iter().map(|record| record.sent - record.scheduled).collect();
        let lengths: Vec<f64> = done.iter().map(|record| f64::from(record.output_tokens)).collect();
        let squares: Vec<f64> = lengths.iter().map(|length| length * length).collect();
        let answer_length = stats::mean(&lengths);
        let tokens = tally.tokens();
        let prompts: Option<Vec<u64>> = begun.iter().map(|record| record.prompt_tokens.map(u64::from)).collect();
        Self {
            from,
            to,
            output_tokens: tokens.at(to).zip(tokens.at(from)).map(|(end, begin)| end - begin),
            prompt_tokens: prompts.map(|prompts| prompts.iter().sum()),
            begun: begun.len() as u64,
            done: done.len() as u64,
            failed: ended.iter().filter(|record| matches!(record.outcome, Outcome::Failed(_))).count() as u64,
            may_miss_tokens: done.is_empty() || done.iter().any(|record| record.counted_by >= CountedBy::LastUsage),
            answer_length,
            answer_length_dispersion: stats::mean(&squares)
                .zip(answer_length)
                .filter(|(_, mean)| *mean > 0.0)
                .map(|(square, mean)| square / mean.powi(2)),
            under_way: tally.under_way().mean(from, to),
            decoding: tally.decoding().mean(from, to),
            between_tokens: Quantiles::of_histogram(&tally.between_tokens(from, to)),
            sent_late: Quantiles::of(&late),
            first_token: Quantiles::of(&first),
            whole: Quantiles::of(&whole),
            caveats: caveats(tally, &ended, &done).into_iter().chain(late_caveat(&late)).collect(),
        }
    }
}

/// Requests of an open loop that the client sent later than its timers are accurate.
fn late_caveat(late: &[f64]) -> Option<Caveat> {
    let p99 = stats::quantile(late, 0.99).filter(|p99| *p99 > LATE)?;
    let worst = stats::quantile(late, 1.0)?;
    let text = format!(
        "the client sent requests late: 1 % of {} came {} or more after they were due (at worst {}), and latencies count \
         from when they were due; other programs take its cores, or the rate is too high for it",
        plural(late.len(), "request"),
        show(p99, "s"),
        show(worst, "s")
    );
    Some(Caveat::new("requests_sent_late", text))
}

fn caveats(tally: &Tally, ended: &[&Record], done: &[&Record]) -> Vec<Caveat> {
    let mut caveats = Vec::new();
    let by = |kind: CountedBy| done.iter().filter(|record| record.counted_by == kind).count();
    if by(CountedBy::Chunks) > 0 {
        caveats.push(Caveat::new(
            "tokens_from_chunks",
            format!(
                "the server told no token counts for {} of {}: each chunk of text was counted as one token, which is too few \
                 where a chunk holds several",
                by(CountedBy::Chunks),
                plural(done.len(), "answer")
            ),
        ));
    }
    if by(CountedBy::LastUsage) > 0 {
        caveats.push(Caveat::new(
            "tokens_spread",
            format!(
                "the server told the token counts of {} of {} at their end only: tokens of answers under way at the ends of \
                 the window are chunks",
                by(CountedBy::LastUsage),
                plural(done.len(), "answer")
            ),
        ));
    }
    let failed = ended.iter().filter(|record| matches!(record.outcome, Outcome::Failed(_))).count();
    if failed > 0 {
        let said = tally.usual_fault().map(|text| format!(", most often: {text}"));
        let text = format!(
            "{failed} of {} failed{}; their tokens are not counted, but the energy was spent",
            plural(ended.len(), "request"),
            said.unwrap_or_default()
        );
        caveats.push(Caveat::new("requests_failed", text));
    }
    let short = done.iter().filter(|record| record.output_tokens < record.wanted).count();
    if short > 0 {
        let text = format!(
            "{short} of {} ended before the length asked for: lengths are the model's own, not those of the plan",
            plural(done.len(), "answer")
        );
        caveats.push(Caveat::new("answers_short", text));
    }
    caveats
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(scheduled: f64, sent: f64) -> Record {
        Record::of_one_token(scheduled, sent, sent + 0.1, sent + 0.2)
    }

    #[test]
    fn a_delay_of_the_client_is_in_the_latencies_and_is_told() {
        let mut tally = Tally::new(0.0);
        for due in [1.0, 1.5, 1.75] {
            tally.ended(record(due, 2.0), None);
        }
        let summary = Summary::of(&tally, 0.0, 10.0);
        let (late, first) = (summary.sent_late.unwrap(), summary.first_token.unwrap());
        assert!((late.p50 - 0.5).abs() < 1e-9 && (first.p50 - 0.6).abs() < 1e-9 && first.count == 3);
        assert_eq!(
            summary.caveats[0].text,
            "the client sent requests late: 1 % of 3 requests came 990 ms or more after they were due (at worst 1 s), and \
             latencies count from when they were due; other programs take its cores, or the rate is too high for it"
        );
        let mut punctual = Tally::new(0.0);
        punctual.ended(record(1.0, 1.002), None);
        assert!(Summary::of(&punctual, 0.0, 10.0).caveats.is_empty());
    }
}
