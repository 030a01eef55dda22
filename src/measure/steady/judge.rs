//! The rule: a window is found, cut where it is not full or still moves, and held against what is wanted.

use super::batches::energy_per_token;
use super::blocks::Blocks;
use super::judgment::{Judgment, Reason, Verdict};
use super::trend::trend;
use crate::measure::Series;
use crate::measure::clock::GRID;
use crate::stats;

/// Share of blocks that may fall short: a gap now and then is part of serving.
const MOST_GAPS: f64 = 0.05;
/// The window begins and ends where running requests are at least this share of their plateau.
const AT_PLATEAU: f64 = 0.97;
/// So much of all clients must have a request under way.
const CLIENTS_ACTIVE: f64 = 0.95;
/// Share of the candidate that is cut from its beginning while it still moves.
const CUT: f64 = 0.1;
/// Standard deviations by which requests under way may grow by chance.
const CHANCE: f64 = 2.5;
/// Blocks without which a trend is not looked for.
const FEWEST_BLOCKS: usize = 8;
/// Share of the requests of a window that may fail: their energy was spent, but their tokens are not counted.
const MOST_FAILED: f64 = 0.01;
/// Share of the requests of an open loop that may be sent late.
const MOST_LATE: f64 = 0.1;

/// What makes a window good enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Running requests must be at least this share of their plateau.
    pub running_share: f64,
    /// A trend is one if it had less than this probability by chance,
    pub significance: f64,
    /// and if it changes the value by more than this share over the window.
    pub negligible_change: f64,
    /// Seconds of a block; windows begin and end at multiples of them, where meters are sure to look.
    pub block: f64,
    /// Shortest window, seconds.
    pub shortest: f64,
    /// Fewest ticks of each energy counter.
    pub fewest_ticks: usize,
    /// Wanted half width of the 90 % interval of the energy per token, as a share of it.
    pub precision: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            running_share: 0.85,
            significance: 0.01,
            negligible_change: 0.01,
            block: GRID,
            shortest: 30.0,
            fewest_ticks: 300,
            precision: 0.01,
        }
    }
}

/// What shows that the server always had more to do.
#[derive(Clone, Copy, Debug)]
pub enum Supply<'a> {
    /// More is offered than runs: requests wait (their number over time).
    Waiting(&'a Series),
    /// A closed loop in which all that is offered can run: all clients have a request under way (their number over time).
    Clients {
        /// Requests under way.
        under_way: &'a Series,
        /// Clients.
        clients: u64,
    },
    /// Requests come at a rate: nothing needs to wait. Those under way (their number over time) must not become ever more.
    Rate(&'a Series),
}

/// What was seen of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Output tokens since the load began.
    pub tokens: &'a Series,
    /// Energy counter of each GPU at its ticks, J.
    pub energy: &'a [Series],
    /// Requests that run.
    pub running: &'a Series,
    /// Requests whose first token has come, since the load began.
    pub begun: &'a Series,
    /// Requests that have ended, since the load began.
    pub ended: &'a Series,
    /// Requests that can run at once: the smaller of the batch and the clients.
    pub batch: u64,
    /// Requests in all; none for a load without end.
    pub requests: Option<u64>,
    /// What shows that there was more to do.
    pub supply: Supply<'a>,
    /// What went wrong with requests; none where it is not known.
    pub faults: Option<Faults<'a>>,
}

/// Requests that were not what they should have been, all since the load began.
#[derive(Clone, Copy, Debug)]
pub struct Faults<'a> {
    /// Requests that have failed.
    pub failed: &'a Series,
    /// Requests that were sent.
    pub sent: &'a Series,
    /// Those of them which the client sent later than they were due; none where they are not due one by one.
    pub late: Option<&'a Series>,
}

impl<'a> Seen<'a> {
    pub(super) fn supply_series(&self) -> &'a Series {
        match self.supply {
            Supply::Waiting(series) | Supply::Clients { under_way: series, .. } | Supply::Rate(series) => series,
        }
    }

    /// Whether a block with this mean of the supply had more to do.
    fn is_supplied(&self, mean: f64) -> bool {
        match self.supply {
            Supply::Waiting(_) => mean > 0.0,
            Supply::Clients { clients, .. } => mean >= CLIENTS_ACTIVE * clients as f64,
            Supply::Rate(_) => true,
        }
    }

    /// From when the batch has filled once to when it can no longer be refilled, by counts; as far as all was recorded. Its
    /// ends are multiples of `grid` seconds.
    fn candidate(&self, grid: f64) -> Option<(f64, f64)> {
        let reaches = |series: &Series, number: f64| {
            series.points().iter().find(|&&(_, value)| value >= number).map(|&(at, _)| at)
        };
        let last = |series: &Series| series.points().last().map(|&(at, _)| at);
        let first = |series: &Series| series.points().first().map(|&(at, _)| at);
        let mut start = reaches(self.begun, self.batch as f64)?;
        let mut end = last(self.tokens)?;
        if let Some(left) = self.requests.and_then(|requests| requests.checked_sub(self.batch + 1)) {
            end = end.min(reaches(self.ended, left as f64).unwrap_or(end));
        }
        for counter in self.energy {
            start = start.max(first(counter)?);
            end = end.min(last(counter)?);
        }
        let (start, end) = ((start / grid).ceil() * grid, (end / grid).floor() * grid);
        (end > start).then_some((start, end))
    }
}

/// The steady state of what was seen so far. Cheap enough to be asked every second.
///
/// 1. The candidate is by counts, as in the ML.ENERGY benchmark: from the first token of the request that fills the batch, to
///    when fewer requests are left than fill it.
/// 2. Its ends are cut to where the batch is full; within, it must stay so, and there must be more to do. An open loop has no
///    batch to fill, and the number of its requests moves by chance: what is cut is the time until as many requests have
///    ended as are usually under way.
/// 3. What its energy per token needs to settle is cut from the left, and more while tokens per second or power drift.
/// 4. Edges are ticks of each counter; it must be long enough, and its energy per token known well enough.
/// 5. Its requests must be answered, and sent when they were due.
pub fn judge(seen: &Seen, rules: &Rules) -> Judgment {
    let begun = seen.begun.points().last().map_or(0.0, |&(_, begun)| begun);
    let Some((from, to)) = seen.candidate(rules.block) else {
        return nothing(Reason::NeverFull { begun, batch: seen.batch });
    };
    let Some(all) = Blocks::of(seen, from, to, rules.block) else {
        return nothing(Reason::Short { seconds: to - from, needed: rules.shortest });
    };
    let (full, mut reasons) = if matches!(seen.supply, Supply::Rate(_)) {
        (answered_part(&all, seen.ended), Vec::new())
    } else {
        let full = full_part(&all, rules);
        let reasons = gaps(seen, &full, rules);
        (full, reasons)
    };
    let (settled, drifts) = settled_part(seen, &full, rules);
    reasons.extend(drifts);
    conclude(seen, &settled, to, reasons, rules)
}

fn nothing(reason: Reason) -> Judgment {
    Judgment {
        verdict: Verdict::NoWindow,
        reasons: vec![reason],
        window: None,
        rate: None,
        throughput: None,
        running: None,
    }
}

/// What running requests usually are: most blocks reach it.
fn plateau(blocks: &Blocks) -> f64 {
    stats::quantile(&blocks.running, 0.75).unwrap_or(0.0)
}

/// From the first to the last block that is full.
fn full_part(blocks: &Blocks, rules: &Rules) -> Blocks {
    let least = AT_PLATEAU.max(rules.running_share) * plateau(blocks);
    let is_full = |running: &f64| *running >= least;
    let first = blocks.running.iter().position(is_full).unwrap_or(0);
    let last = blocks.running.iter().rposition(is_full).unwrap_or(blocks.len() - 1);
    blocks.part(first, last + 1)
}

/// Of an open loop, what follows the time it takes to fill: its beginning, when few requests have come, is over when as many
/// have ended as are usually under way (twice the mean time of an answer). At most half is cut, and nothing
/// where they never do: then requests come too fast, which is told.
fn answered_part(blocks: &Blocks, ended: &Series) -> Blocks {
    let usual = stats::median(&blocks.supply).unwrap_or(0.0);
    let is_filled = |block: usize| {
        let begin = blocks.from + blocks.length * block as f64;
        ended.at(begin).is_some_and(|ended| ended >= usual)
    };
    let first = (0..blocks.len()).find(|block| is_filled(*block)).unwrap_or(0);
    blocks.part(first.min(blocks.len() / 2), blocks.len())
}

/// What is missing within.
fn gaps(seen: &Seen, blocks: &Blocks, rules: &Rules) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let plateau = plateau(blocks);
    let share = |count: usize| count as f64 / blocks.len() as f64;
    let low = share(blocks.running.iter().filter(|running| **running < rules.running_share * plateau).count());
    if low > MOST_GAPS {
        let lowest = blocks.running.iter().copied().fold(f64::INFINITY, f64::min);
        reasons.push(Reason::BatchFalls { share: low, plateau, lowest });
    }
    let missing = share(blocks.supply.iter().filter(|mean| !seen.is_supplied(**mean)).count());
    if missing > MOST_GAPS {
        reasons.push(Reason::SupplyEnds { share: missing });
    }
    reasons
}

/// The part that no longer moves, with what still moves if none does not.
fn settled_part(seen: &Seen, blocks: &Blocks, rules: &Rules) -> (Blocks, Vec<Reason>) {
    let step = ((blocks.len() as f64 * CUT).ceil() as usize).max(1);
    let least = FEWEST_BLOCKS.max((rules.shortest / blocks.length).ceil() as usize);
    let mut first = match seen.supply {
        // Its energy per token moves with the number of its requests: what would be cut is chance.
        Supply::Rate(_) => 0,
        _ => transient(blocks, blocks.len().saturating_sub(least)),
    };
    loop {
        let part = blocks.part(first, blocks.len());
        let drifts = drifts(seen, &part, rules);
        if drifts.is_empty() || blocks.len() < first + step + least {
            return (part, drifts);
        }
        first += step;
    }
}

/// How many first blocks make the mean energy per token less certain than leaving them out does, at most `most` and at most
/// half of all: the marginal standard error rule (White, Simulation 69(6), 1997).
fn transient(blocks: &Blocks, most: usize) -> usize {
    let rates: Vec<f64> = blocks.power.iter().zip(&blocks.throughput).map(|(power, speed)| power / speed).collect();
    if rates.iter().any(|rate| !rate.is_finite()) {
        return 0;
    }
    let error = |first: usize| {
        let rest = &rates[first..];
        let mean = rest.iter().sum::<f64>() / rest.len() as f64;
        rest.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / (rest.len() as f64).powi(2)
    };
    let most = most.min(rates.len() / 2);
    (0..=most).min_by(|a, b| error(*a).total_cmp(&error(*b))).unwrap_or(0)
}

fn drifts(seen: &Seen, blocks: &Blocks, rules: &Rules) -> Vec<Reason> {
    let significant = |values: &[f64]| {
        trend(values)
            .filter(|found| found.probability < rules.significance && found.change.abs() > rules.negligible_change)
    };
    let is_open = matches!(seen.supply, Supply::Rate(_));
    // In an open loop both follow the number of requests, which moves by chance: a drift is hidden in that.
    let drift = |values: &[f64]| {
        significant(values).or_else(|| significant(&unexplained(values, &blocks.running)).filter(|_| is_open))
    };
    let throughput = drift(&blocks.throughput).map(Reason::ThroughputDrifts);
    let power = drift(&blocks.power).map(Reason::PowerDrifts);
    let backlog = Some(&blocks.supply).filter(|_| is_open).and_then(|under_way| backlog(under_way));
    backlog.into_iter().chain(throughput).chain(power).collect()
}

/// Values without what goes with another quantity by a straight line.
fn unexplained(values: &[f64], by: &[f64]) -> Vec<f64> {
    let (Some(mean), Some(center)) = (stats::mean(values), stats::mean(by)) else { return values.to_vec() };
    let spread: f64 = by.iter().map(|own| (own - center).powi(2)).sum();
    let common: f64 = values.iter().zip(by).map(|(value, own)| (value - mean) * (own - center)).sum();
    let slope = if spread > 0.0 { common / spread } else { 0.0 };
    values.iter().zip(by).map(|(value, own)| value - slope * (own - center)).collect()
}

/// Whether requests under way become ever more: by more than [`CHANCE`] standard deviations of the difference of their
/// numbers at two moments. Where all are answered as they come (M/G/∞) such a number is of Poisson, so that the variance of
/// the difference is at most twice the mean. The test of the trend itself says little of a number that carries over from
/// block to block.
fn backlog(under_way: &[f64]) -> Option<Reason> {
    let usual = stats::median(under_way)?;
    let growth = trend(under_way)?.change * usual;
    (growth > CHANCE * (2.0 * usual).sqrt()).then_some(Reason::BacklogGrows { growth, usual })
}

fn conclude(seen: &Seen, blocks: &Blocks, end: f64, mut reasons: Vec<Reason>, rules: &Rules) -> Judgment {
    // What is left behind the last whole block belongs to the window if it was not cut there.
    let to = if end - blocks.to() < blocks.length { end } else { blocks.to() };
    let from = blocks.from;
    let is_steady = reasons.is_empty();
    let seconds = to - from;
    if seconds < rules.shortest {
        reasons.push(Reason::Short { seconds, needed: rules.shortest });
    }
    let rate = energy_per_token(seen.tokens, seen.energy, from, to);
    if let Some(rate) = &rate
        && rate.ticks < rules.fewest_ticks
    {
        reasons.push(Reason::FewTicks { ticks: rate.ticks, needed: rules.fewest_ticks });
    }
    let is_long = is_steady && reasons.is_empty();
    match rate.as_ref().map(super::Rate::precision) {
        None => reasons.push(Reason::NoEnergy),
        Some(Some(precision)) if precision <= rules.precision => {}
        Some(precision) => reasons.push(Reason::Wide { precision, wanted: rules.precision }),
    }
    let verdict = match (is_steady && rate.is_some(), is_long, reasons.is_empty()) {
        (false, ..) => Verdict::NotSteady,
        (true, false, _) => Verdict::TooShort,
        (true, true, false) => Verdict::Imprecise,
        (true, true, true) => Verdict::Steady,
    };
    let (failing, late) = (failing(seen, from, to), sent_late(seen, from, to));
    let verdict = match verdict {
        _ if failing.is_some() => Verdict::NotValid,
        // A client that cannot keep up makes a load that is no steady one, which is told first.
        Verdict::NotSteady => Verdict::NotSteady,
        _ if late.is_some() => Verdict::NotValid,
        other => other,
    };
    reasons.splice(0..0, failing);
    reasons.extend(late);
    let produced = seen.tokens.at(to).zip(seen.tokens.at(from)).map(|(end, begin)| end - begin);
    Judgment {
        verdict,
        reasons,
        window: Some((from, to)),
        rate,
        throughput: produced.map(|tokens| tokens / seconds),
        running: seen.running.mean(from, to),
    }
}

fn risen(series: &Series, from: f64, to: f64) -> Option<f64> {
    Some(series.at(to)? - series.at(from)?)
}

/// Whether too many requests of a window failed.
fn failing(seen: &Seen, from: f64, to: f64) -> Option<Reason> {
    let failed = risen(seen.faults?.failed, from, to)?;
    let ended = risen(seen.ended, from, to)?;
    (failed > MOST_FAILED * ended).then_some(Reason::RequestsFail { failed, ended })
}

/// Whether the client of an open loop did not keep its schedule.
fn sent_late(seen: &Seen, from: f64, to: f64) -> Option<Reason> {
    let faults = seen.faults?;
    let (late, sent) = (risen(faults.late?, from, to)?, risen(faults.sent, from, to)?);
    (late > MOST_LATE * sent).then_some(Reason::SentLate { late, sent })
}
