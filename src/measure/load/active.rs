//! One request under way.

use std::sync::{Arc, Mutex, PoisonError};

use super::record::{CountedBy, Outcome, Record};
use super::request::Request;
use super::tally::{Arrived, Tally};
use crate::measure::Clock;

/// Ticks per second of the moments kept while a request is under way.
const TICKS: f64 = 1e5;

/// The tally of one thread.
pub(super) type Shared = Arc<Mutex<Tally>>;

/// A request under way. Dropped before its end, it counts as abandoned.
pub(super) struct Active {
    tally: Shared,
    clock: Clock,
    /// More tokens than these, of the answer and of the prompt, cannot be.
    most: (u32, u32),
    record: Record,
    /// Ticks after it was sent, and tokens, of each arrival.
    arrivals: Vec<(u32, u32)>,
    over: bool,
}

impl Active {
    pub(super) fn begin(tally: &Shared, clock: Clock, scheduled: f64, request: &Request) -> Self {
        let sent = clock.now();
        tally.lock().unwrap_or_else(PoisonError::into_inner).sent(scheduled, sent);
        let record = Record {
            scheduled,
            sent,
            first_token: None,
            ended: sent,
            prompt_tokens: None,
            wanted: request.wanted,
            output_tokens: 0,
            counted_by: CountedBy::RunningUsage,
            outcome: Outcome::Abandoned,
            retries: 0,
        };
        Self { tally: Arc::clone(tally), clock, most: request.most_tokens(), record, arrivals: Vec::new(), over: false }
    }

    /// Tokens credited so far.
    pub(super) fn tokens(&self) -> u32 {
        self.record.output_tokens
    }

    pub(super) fn wanted(&self) -> u32 {
        self.record.wanted
    }

    /// More output tokens than these cannot be.
    pub(super) fn most_tokens(&self) -> u32 {
        self.most.0
    }

    /// The same of the prompt.
    pub(super) fn most_prompt_tokens(&self) -> u32 {
        self.most.1
    }

    /// The server told it to come back later.
    pub(super) fn sent_again(&mut self, said: String) {
        self.record.retries += 1;
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).put_off(said);
    }

    pub(super) fn prompt_is(&mut self, tokens: u32) {
        self.record.prompt_tokens = Some(tokens);
    }

    pub(super) fn knows_prompt(&self) -> bool {
        self.record.prompt_tokens.is_some()
    }

    /// Tokens that arrive now.
    pub(super) fn credit(&mut self, tokens: u32) {
        if tokens == 0 {
            return;
        }
        let ticks = ((self.clock.now() - self.record.sent).max(0.0) * TICKS) as u32;
        let before = self.arrivals.last().map(|&(ticks, _)| ticks);
        let arrived = self.arrived(before, ticks, tokens);
        self.arrivals.push((ticks, tokens));
        self.record.first_token.get_or_insert(arrived.at);
        self.record.output_tokens = self.record.output_tokens.saturating_add(tokens);
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).arrived(arrived);
    }

    fn arrived(&self, before: Option<u32>, ticks: u32, tokens: u32) -> Arrived {
        let at = self.record.sent + f64::from(ticks) / TICKS;
        Arrived { at, gap: before.map(|before| f64::from(ticks - before) / TICKS), tokens }
    }

    fn all_arrived(&self) -> Vec<Arrived> {
        let before = std::iter::once(None).chain(self.arrivals.iter().map(|&(ticks, _)| Some(ticks)));
        before.zip(&self.arrivals).map(|(before, &(ticks, tokens))| self.arrived(before, ticks, tokens)).collect()
    }

    /// Corrects the count to what the server said at the end: its tokens are spread evenly over the arrivals.
    fn correct(&mut self, total: u32) {
        let counted = u64::from(self.record.output_tokens);
        if counted == 0 {
            return self.credit(total);
        }
        let before = self.all_arrived();
        let mut seen = 0;
        let mut given = 0;
        for (_, tokens) in &mut self.arrivals {
            seen += u64::from(*tokens);
            let until = (seen * u64::from(total) / counted) as u32;
            *tokens = until - given;
            given = until;
        }
        self.record.output_tokens = total;
        let after = self.all_arrived();
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        for (before, after) in before.into_iter().zip(after) {
            tally.take_back(before);
            if after.gap.is_some() {
                tally.arrived(after);
            } else {
                tally.first_corrected(after);
            }
        }
    }

    /// The answer is complete: true. `total` is the server's count, if it gave one at the end.
    pub(super) fn done(mut self, counted_by: CountedBy, total: Option<u32>) -> bool {
        if let Some(total) = total
            && total != self.record.output_tokens
        {
            self.correct(total);
        }
        self.record.counted_by = counted_by;
        self.end(Outcome::Done, None);
        true
    }

    /// The request failed: false. `text` says how.
    pub(super) fn failed(mut self, code: &'static str, text: String) -> bool {
        self.end(Outcome::Failed(code), Some(text));
        false
    }

    fn end(&mut self, outcome: Outcome, fault: Option<String>) {
        self.over = true;
        self.record.ended = self.clock.now();
        self.record.outcome = outcome;
        let arrived = if fault.is_some() { self.all_arrived() } else { Vec::new() };
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        for arrived in arrived {
            tally.take_back(arrived);
        }
        tally.ended(self.record.clone(), fault);
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        if !self.over {
            self.end(Outcome::Abandoned, None);
        }
    }
}
