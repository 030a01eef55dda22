//! Whether enough is known of a point under load.

use super::spec::Steady;
use crate::measure::Series;
use crate::unit::percent;

/// What is known of a point so far.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Judgement {
    /// Start of the window, s.
    pub(super) from: f64,
    /// Its end, s.
    pub(super) to: f64,
    /// Half-width of the 95 % interval of the energy per token, as a share of it.
    pub(super) interval: Option<f64>,
    /// Whether it may end.
    pub(super) is_enough: bool,
    /// What is lacking.
    pub(super) reasons: Vec<String>,
}

impl Judgement {
    /// For somebody who waits.
    pub(super) fn progress(&self) -> String {
        let known = self.interval.map_or_else(String::new, |share| format!(", J/token ± {}", percent(share)));
        format!("window {:.0} s{known}", (self.to - self.from).max(0.0))
    }

    /// `steady`, or what is lacking.
    pub(super) fn verdict(&self) -> String {
        if self.is_enough { "steady".to_owned() } else { format!("not steady: {}", self.reasons.join("; ")) }
    }
}

/// The share of its plateau that the running batch must have reached.
const PLATEAU: f64 = 0.85;
/// Length of a block, s.
const BLOCK: f64 = 1.0;

/// Judges the load until `now`, by the tokens that came, the requests that were decoding and the energy of all GPUs.
pub(super) fn judge(
    tokens: &Series,
    decoding: &Series,
    energy: &Series,
    begun: f64,
    now: f64,
    steady: &Steady,
) -> Judgement {
    // Beyond the last tick of the counter and the last token nothing is known.
    let end = |series: &Series| series.points().last().map_or(begun, |point| point.0);
    let last = end(energy).min(end(tokens)).min(now);
    let settled = begun + steady.settle;
    let plateau = decoding.mean(settled.max(last - 10.0), last).unwrap_or(0.0);
    let reached = decoding.points().iter().find(|&&(at, count)| at >= settled && count >= PLATEAU * plateau);
    let from = reached.map_or(settled, |point| point.0);
    let mut judgement = Judgement { from, to: last, interval: None, is_enough: false, reasons: Vec::new() };
    if last - from < steady.min_window {
        judgement.reasons.push(format!(
            "a window of {:.0} s is shorter than {:.0} s",
            (last - from).max(0.0),
            steady.min_window
        ));
    }
    judgement.interval = interval(tokens, energy, from, last);
    match judgement.interval {
        None => judgement.reasons.push("too few tokens".to_owned()),
        Some(share) if share > steady.precision => {
            judgement.reasons.push(format!("J/token is known to {} only", percent(share)));
        }
        Some(_) => {}
    }
    judgement.is_enough = judgement.reasons.is_empty();
    judgement
}

/// The 95 % interval of energy per token out of blocks: the ratio of sums, with the variance of its residuals
/// (Cochran, Sampling Techniques, 1977, chapter 6).
fn interval(tokens: &Series, energy: &Series, from: f64, to: f64) -> Option<f64> {
    let count = ((to - from) / BLOCK).floor() as usize;
    if count < 5 {
        return None;
    }
    let length = (to - from) / count as f64;
    let edge = |series: &Series, index: usize| series.at(from + length * index as f64);
    let mut blocks = Vec::new();
    for index in 0..count {
        let risen = |series: &Series| Some(edge(series, index + 1)? - edge(series, index)?);
        blocks.push((risen(energy)?, risen(tokens)?));
    }
    let (energy, tokens): (f64, f64) = blocks.iter().fold((0.0, 0.0), |sum, own| (sum.0 + own.0, sum.1 + own.1));
    if tokens <= 0.0 || energy <= 0.0 {
        return None;
    }
    let ratio = energy / tokens;
    let squares: f64 = blocks.iter().map(|own| (own.0 - ratio * own.1).powi(2)).sum();
    let error = (squares / (count as f64 * (count - 1) as f64)).sqrt();
    // Two standard errors, and a little more where the blocks are few.
    let quantile = 1.96 + 2.4 / count as f64;
    Some(quantile * error / (energy / count as f64))
}
