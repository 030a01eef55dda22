//! Energy per token of a window, with its interval by batch means.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::measure::Series;
use crate::stats;

/// Shortest batch, seconds: ten ticks of a counter of 100 ms.
const SHORTEST_BATCH: f64 = 1.0;
/// Most and fewest batches.
const MOST: usize = 32;
const FEWEST: usize = 6;
/// Batches whose neighbors are more alike than this are made longer.
const MOST_ALIKE: f64 = 0.25;

/// Energy per output token of a window. Each GPU counts between the ticks of its own counter, and tokens between the same
/// two moments.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Rate {
    /// Energy per output token of all GPUs, J.
    pub energy_per_token: f64,
    /// Half the width of its 90 % interval, J; none with too few batches.
    pub half_width: Option<f64>,
    /// First and last tick of each GPU, seconds.
    pub edges: Vec<(f64, f64)>,
    /// Ticks of the counter that has the fewest.
    pub ticks: usize,
    /// Energy of all GPUs between their edges, J.
    pub energy: f64,
    /// Output tokens between the edges, mean over GPUs.
    pub tokens: f64,
    /// Mean power of all GPUs, W.
    pub power: f64,
}

impl Rate {
    /// Half the width of the interval as a share of the value.
    pub fn precision(&self) -> Option<f64> {
        self.half_width.map(|half| half / self.energy_per_token)
    }
}

/// The energy per token between two moments. None if a counter has no two ticks there, if tokens were not counted over
/// all of it, or if none came.
pub fn energy_per_token(tokens: &Series, energy: &[Series], from: f64, to: f64) -> Option<Rate> {
    let spans = energy.iter().map(|counter| span(counter, tokens, from, to)).collect::<Option<Vec<Span>>>()?;
    let value: f64 = spans.iter().map(|span| span.energy / span.tokens).sum();
    let first = spans.first()?;
    Some(Rate {
        energy_per_token: value,
        half_width: half_width(&spans, tokens, energy, from, to),
        edges: spans.iter().map(|span| (span.from, span.to)).collect(),
        ticks: spans.iter().map(|span| span.ticks).min().unwrap_or(first.ticks),
        energy: spans.iter().map(|span| span.energy).sum(),
        tokens: spans.iter().map(|span| span.tokens).sum::<f64>() / spans.len() as f64,
        power: spans.iter().map(|span| span.energy / (span.to - span.from)).sum(),
    })
}

/// One counter between two of its ticks.
struct Span {
    from: f64,
    to: f64,
    ticks: usize,
    energy: f64,
    tokens: f64,
}

fn span(counter: &Series, tokens: &Series, from: f64, to: f64) -> Option<Span> {
    let (first, last) = (tokens.points().first()?.0, tokens.points().last()?.0);
    let inside = counter.between(from.max(first), to.min(last));
    let (begin, end) = (inside.first()?, inside.last()?);
    let produced = tokens.at(end.0)? - tokens.at(begin.0)?;
    let span = Span { from: begin.0, to: end.0, ticks: inside.len() - 1, energy: end.1 - begin.1, tokens: produced };
    (span.ticks > 0 && produced > 0.0).then_some(span)
}

/// Half the width of the 90 % interval, by batches (Law and Carson, Operations Research 27(5), 1979): the most whose
/// neighbors are not alike. Energy per token is a ratio: what counts is by how much the energy of a batch differs from what
/// its tokens make expected, as the tokens of batches differ (Cochran, Sampling Techniques, 1977, section 6.4).
fn half_width(spans: &[Span], tokens: &Series, energy: &[Series], from: f64, to: f64) -> Option<f64> {
    let mut count = (((to - from) / SHORTEST_BATCH) as usize).min(MOST);
    while count >= FEWEST {
        let rests = batch_rests(spans, tokens, energy, from, to, count)?;
        let mean = stats::mean(&rests)?;
        let spread: f64 = rests.iter().map(|rest| (rest - mean).powi(2)).sum();
        let alike: f64 = rests.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
        if spread == 0.0 || alike / spread <= MOST_ALIKE || count / 2 < FEWEST {
            let n = count as f64;
            let quantile = StudentsT::new(0.0, 1.0, n - 1.0).ok()?.inverse_cdf(0.95);
            return Some(quantile * (spread / (n - 1.0) / n).sqrt());
        }
        count /= 2;
    }
    None
}

/// What the energy of each batch differs by from that of its tokens, per token of a mean batch, J.
fn batch_rests(
    spans: &[Span],
    tokens: &Series,
    energy: &[Series],
    from: f64,
    to: f64,
    count: usize,
) -> Option<Vec<f64>> {
    let length = (to - from) / count as f64;
    let rest = |batch: usize| {
        let begin = from + length * batch as f64;
        // Neighbors share the tick between them: no energy is left out.
        let end = begin + length;
        let one = |(counter, span): (&Series, &Span)| {
            let edges = (tick_at(counter, begin)?, tick_at(counter, end)?);
            let produced = tokens.at(edges.1.0)? - tokens.at(edges.0.0)?;
            let rest = edges.1.1 - edges.0.1 - produced * span.energy / span.tokens;
            Some(rest * count as f64 / span.tokens)
        };
        energy.iter().zip(spans).map(one).sum::<Option<f64>>()
    };
    (0..count).map(rest).collect()
}

/// The first tick at or after a moment, or the last there is.
fn tick_at(counter: &Series, moment: f64) -> Option<(f64, f64)> {
    let after = counter.points().partition_point(|&(at, _)| at < moment);
    counter.points().get(after).or(counter.points().last()).copied()
}
