//! Prompt tokens over time, as a client can know them.

use super::record::Record;
use super::tally::Tally;
use crate::measure::Series;

/// First tokens that come so close together come of one step of the server, s.
const STEP: f64 = 0.005;

/// Prompts that were computed together.
struct Batch {
    /// When it was known to be asked for, s.
    sent: f64,
    /// When its first tokens came, s.
    first_token: f64,
    tokens: f64,
}

impl Tally {
    /// Prompt tokens computed since the load began, seconds of the clock. A server takes in prompts in the order in which
    /// they come, so each is spread over the time from when it was sent, or from the first token of the one before it if
    /// that came later, to its own first token. A prompt of which the server told no length counts as the mean of the
    /// others; none if it told no length at all. What a prefix cache saved is counted like the rest.
    ///
    /// Only requests that have ended are known: it is complete when the load is over.
    pub fn prompt_tokens(&self) -> Option<Series> {
        let lengths: Vec<f64> = self.records().iter().filter_map(|own| own.prompt_tokens.map(f64::from)).collect();
        let mean = crate::stats::mean(&lengths)?;
        let begin = self.tokens().points().first()?.0;
        let mut series: Series = [(begin, 0.0)].into_iter().collect();
        let mut total = 0.0;
        for batch in batches(self.records(), mean) {
            // Points that are not later than the last are left out: this one then stands there already.
            series.push(batch.sent, total);
            total += batch.tokens;
            series.push(batch.first_token, total);
        }
        let ended = self.records().iter().map(|own| own.ended).fold(begin, f64::max);
        series.push(ended, total);
        Some(series)
    }
}

/// Prompts in the order of their first tokens, those of one step together.
fn batches(records: &[Record], mean: f64) -> Vec<Batch> {
    let of = |own: &Record| {
        let tokens = own.prompt_tokens.map_or(mean, f64::from);
        Some(Batch { sent: own.sent, first_token: own.first_token?, tokens })
    };
    let mut all: Vec<Batch> = records.iter().filter_map(of).collect();
    all.sort_by(|a, b| a.first_token.total_cmp(&b.first_token).then(a.sent.total_cmp(&b.sent)));
    let mut batches: Vec<Batch> = Vec::new();
    for next in all {
        match batches.last_mut() {
            Some(last) if next.first_token - last.first_token < STEP => {
                last.sent = last.sent.min(next.sent);
                last.tokens += next.tokens;
            }
            _ => batches.push(next),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(requests: &[(f64, f64, Option<u32>)]) -> Tally {
        let mut tally = Tally::new(10.0);
        for &(sent, first_token, prompt_tokens) in requests {
            let record = Record { prompt_tokens, ..Record::of_one_token(sent, sent, first_token, 14.0) };
            tally.ended(record, None);
        }
        tally
    }

    #[test]
    fn prompts_are_spread_over_the_time_in_which_they_were_computed() {
        // Two in one step, one behind them, and one of unknown length that was sent later.
        let found =
            tally(&[(10.0, 11.001, Some(100)), (10.0, 11.0, Some(300)), (10.0, 12.0, Some(200)), (13.0, 13.5, None)]);
        let series = found.prompt_tokens().unwrap();
        for (at, tokens) in [(10.0, 0.0), (10.5, 200.0), (11.0, 400.0), (11.5, 500.0), (12.5, 600.0), (14.0, 800.0)] {
            assert!((series.at(at).unwrap() - tokens).abs() < 0.5, "{at}: {:?}", series.at(at));
        }
        assert_eq!(tally(&[(10.0, 11.0, None)]).prompt_tokens(), None);
        assert_eq!(tally(&[]).prompt_tokens(), None);
    }
}
