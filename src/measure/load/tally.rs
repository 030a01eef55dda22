//! Tokens and requests over time, in bounded memory.

use std::collections::BTreeMap;

use super::histogram::Histogram;
use super::record::{Outcome, Record};
use crate::measure::Series;

/// Seconds of a bin of token counts.
const BIN: f64 = 0.01;
/// Seconds of a block of times between tokens.
const BLOCK: f64 = 0.25;
/// Most kinds of failures that are kept with their text.
const MOST_FAULTS: usize = 50;
/// A request sent later than this after it was due is late, seconds: ten times what timers are accurate to.
pub(super) const LATE: f64 = 0.01;

/// What happened in one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Bin {
    tokens: u32,
    /// Requests sent, and those of them sent late.
    sent: u32,
    late: u32,
    /// Requests whose first token came.
    begun: u32,
    /// Requests that ended, in any way, those of them that had begun, and those that failed.
    ended: u32,
    left: u32,
    failed: u32,
}

/// All that was seen of a load: counts per 10 ms, times between tokens per 0.25 s, one record per ended request.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Moment of the first bin's beginning, seconds of the clock.
    start: f64,
    bins: Vec<Bin>,
    blocks: Vec<Histogram>,
    records: Vec<Record>,
    faults: BTreeMap<String, u64>,
    /// What the server said last when it told a request to come back later.
    put_off: Option<String>,
    sent: u64,
    done: u64,
    failed: u64,
    /// Requests that failed in a way that waiting does not mend.
    lasting: u64,
    retries: u64,
}

/// Tokens that arrived together: when, how long after those before, and how many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived {
    pub(super) at: f64,
    /// None for the first of a request.
    pub(super) gap: Option<f64>,
    pub(super) tokens: u32,
}

impl Tally {
    pub(super) fn new(start: f64) -> Self {
        Self { start, ..Self::default() }
    }

    fn bin(&mut self, at: f64) -> &mut Bin {
        let place = ((at - self.start).max(0.0) / BIN) as usize;
        if place >= self.bins.len() {
            self.bins.resize(place + 1, Bin::default());
        }
        &mut self.bins[place]
    }

    fn block(&mut self, at: f64) -> &mut Histogram {
        let place = ((at - self.start).max(0.0) / BLOCK) as usize;
        if place >= self.blocks.len() {
            self.blocks.resize(place + 1, Histogram::default());
        }
        &mut self.blocks[place]
    }

    pub(super) fn sent(&mut self, scheduled: f64, at: f64) {
        self.sent += 1;
        let bin = self.bin(at);
        bin.sent += 1;
        bin.late += u32::from(at - scheduled > LATE);
    }

    pub(super) fn put_off(&mut self, said: String) {
        self.put_off = Some(said);
    }

    /// Tokens that came together share the time since those before them.
    pub(super) fn arrived(&mut self, arrived: Arrived) {
        self.add_tokens(arrived);
        match arrived.gap {
            None => self.bin(arrived.at).begun += 1,
            Some(gap) => self.block(arrived.at).add(gap / f64::from(arrived.tokens.max(1)), arrived.tokens),
        }
    }

    /// Puts back the first tokens of a request whose count is corrected: the request has begun already.
    pub(super) fn first_corrected(&mut self, arrived: Arrived) {
        self.add_tokens(arrived);
    }

    fn add_tokens(&mut self, arrived: Arrived) {
        let bin = self.bin(arrived.at);
        bin.tokens = bin.tokens.saturating_add(arrived.tokens);
    }

    /// Tokens of a request that failed are no work done.
    pub(super) fn take_back(&mut self, arrived: Arrived) {
        let bin = self.bin(arrived.at);
        bin.tokens = bin.tokens.saturating_sub(arrived.tokens);
        if let Some(gap) = arrived.gap {
            self.block(arrived.at).take_back(gap / f64::from(arrived.tokens.max(1)), arrived.tokens);
        }
    }

    pub(super) fn ended(&mut self, record: Record, fault: Option<String>) {
        let bin = self.bin(record.ended);
        bin.ended += 1;
        bin.left += u32::from(record.first_token.is_some());
        bin.failed += u32::from(matches!(record.outcome, Outcome::Failed(_)));
        self.lasting += u64::from(record.outcome.is_lasting());
        self.retries += u64::from(record.retries);
        match record.outcome {
            Outcome::Done => self.done += 1,
            Outcome::Failed(_) => self.failed += 1,
            Outcome::Abandoned => {}
        }
        self.records.push(record);
        if let Some(fault) = fault
            && (self.faults.len() < MOST_FAULTS || self.faults.contains_key(&fault))
        {
            *self.faults.entry(fault).or_default() += 1;
        }
    }

    /// Adds all that another thread saw of the same load.
    pub(super) fn merge(&mut self, other: &Self) {
        self.merge_counts(other);
        if self.blocks.len() < other.blocks.len() {
            self.blocks.resize(other.blocks.len(), Histogram::default());
        }
        for (mine, theirs) in self.blocks.iter_mut().zip(&other.blocks) {
            mine.merge(theirs);
        }
        self.records.extend_from_slice(&other.records);
        self.records.sort_by(|a, b| a.scheduled.total_cmp(&b.scheduled).then(a.ended.total_cmp(&b.ended)));
    }

    /// Adds its counts over time and its faults, without records and latencies.
    pub(super) fn merge_counts(&mut self, other: &Self) {
        if self.bins.len() < other.bins.len() {
            self.bins.resize(other.bins.len(), Bin::default());
        }
        for (mine, theirs) in self.bins.iter_mut().zip(&other.bins) {
            mine.tokens = mine.tokens.saturating_add(theirs.tokens);
            mine.sent += theirs.sent;
            mine.late += theirs.late;
            mine.begun += theirs.begun;
            mine.ended += theirs.ended;
            mine.left += theirs.left;
            mine.failed += theirs.failed;
        }
        for (fault, count) in &other.faults {
            *self.faults.entry(fault.clone()).or_default() += count;
        }
        if self.put_off.is_none() {
            self.put_off.clone_from(&other.put_off);
        }
        self.sent += other.sent;
        self.done += other.done;
        self.failed += other.failed;
        self.lasting += other.lasting;
        self.retries += other.retries;
    }

    /// Requests that ended, in the order in which they were due.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// What failures said, with how often each was seen.
    pub fn faults(&self) -> &BTreeMap<String, u64> {
        &self.faults
    }

    /// What most failures said; where none failed yet, why requests are sent again; none without either.
    pub fn usual_fault(&self) -> Option<&str> {
        let first_of_most = self.faults.iter().rev().max_by_key(|(_, count)| **count);
        first_of_most.map(|(fault, _)| fault.as_str()).or(self.put_off.as_deref())
    }

    /// Requests sent; one that is sent again counts once.
    pub fn sent_requests(&self) -> u64 {
        self.sent
    }

    /// How often requests were sent again.
    pub fn retries(&self) -> u64 {
        self.retries
    }

    /// Requests answered to the end.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Requests that failed.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// Requests that failed in a way that waiting does not mend (see [`Outcome::is_lasting`]).
    pub fn lasting(&self) -> u64 {
        self.lasting
    }

    /// Output tokens of all requests since the load began; those of failed requests are not among them.
    pub fn tokens(&self) -> Series {
        self.summed(|bin| f64::from(bin.tokens))
    }

    /// Requests under way: sent and not ended.
    pub fn under_way(&self) -> Series {
        self.summed(|bin| f64::from(bin.sent) - f64::from(bin.ended))
    }

    /// Requests of which tokens are coming: their first came, their last did not.
    pub fn decoding(&self) -> Series {
        self.summed(|bin| f64::from(bin.begun) - f64::from(bin.left))
    }

    /// Requests whose first token has come, since the load began.
    pub fn begun(&self) -> Series {
        self.summed(|bin| f64::from(bin.begun))
    }

    /// Requests that have ended in any way, since the load began.
    pub fn ended_requests(&self) -> Series {
        self.summed(|bin| f64::from(bin.ended))
    }

    /// Requests that have failed, since the load began.
    pub fn failed_requests(&self) -> Series {
        self.summed(|bin| f64::from(bin.failed))
    }

    /// Requests that were sent, since the load began.
    pub fn sent_over_time(&self) -> Series {
        self.summed(|bin| f64::from(bin.sent))
    }

    /// Those of them that were sent more than 10 ms after they were due.
    pub fn sent_late(&self) -> Series {
        self.summed(|bin| f64::from(bin.late))
    }

    /// Running sum at the end of each bin in which it changed; a bin before a change is there too, so that lines between
    /// points are true.
    fn summed(&self, change: impl Fn(&Bin) -> f64) -> Series {
        let mut series: Series = [(self.start, 0.0)].into_iter().collect();
        let mut sum = 0.0;
        let mut still = false;
        for (place, bin) in self.bins.iter().enumerate() {
            let at = self.start + BIN * place as f64;
            let change = change(bin);
            if change == 0.0 {
                still = true;
                continue;
            }
            if still {
                series.push(at, sum);
            }
            still = false;
            sum += change;
            series.push(at + BIN, sum);
        }
        if still {
            series.push(self.start + BIN * self.bins.len() as f64, sum);
        }
        series
    }

    /// Times between tokens of a window, whose ends are moved to quarters of a second.
    pub fn between_tokens(&self, from: f64, to: f64) -> Histogram {
        let place = |at: f64| ((at - self.start).max(0.0) / BLOCK).round() as usize;
        let mut whole = Histogram::default();
        for block in self.blocks.iter().take(place(to)).skip(place(from)) {
            whole.merge(block);
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_failures_are_taken_back() {
        let mut tally = Tally::new(10.0);
        let first = Arrived { at: 10.5, gap: None, tokens: 1 };
        let second = Arrived { at: 10.6, gap: Some(0.1), tokens: 4 };
        tally.sent(10.0, 10.0);
        tally.arrived(first);
        tally.arrived(second);
        let mut other = Tally::new(10.0);
        other.arrived(Arrived { at: 12.0, gap: Some(0.02), tokens: 2 });
        tally.merge(&other);
        let tokens = tally.tokens();
        assert_eq!((tokens.at(10.0), tokens.at(10.7), tokens.at(12.01)), (Some(0.0), Some(5.0), Some(7.0)));
        assert_eq!(tally.decoding().at(11.0), Some(1.0));
        let times = tally.between_tokens(10.0, 13.0);
        assert_eq!(times.count(), 6);
        assert!((times.quantile(0.9).unwrap() / 0.025 - 1.0).abs() < 0.006);
        tally.take_back(second);
        tally.take_back(first);
        assert_eq!(tally.tokens().at(12.01), Some(2.0));
        assert_eq!(tally.between_tokens(10.0, 11.0).count(), 0);
    }
}
