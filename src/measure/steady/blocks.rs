//! Series cut into blocks of about a second.

use super::judge::Seen;

/// Most blocks; longer windows have longer ones.
const MOST: f64 = 240.0;

/// What happened in each of equally long blocks of a window.
pub(super) struct Blocks {
    pub(super) from: f64,
    pub(super) length: f64,
    /// Tokens per second.
    pub(super) throughput: Vec<f64>,
    /// W of all GPUs.
    pub(super) power: Vec<f64>,
    /// Mean running requests.
    pub(super) running: Vec<f64>,
    /// Mean of what shows that there was always more to do.
    pub(super) supply: Vec<f64>,
}

impl Blocks {
    /// Of a window; none if it holds no block that tokens and counters cover.
    pub(super) fn of(seen: &Seen, from: f64, to: f64, shortest: f64) -> Option<Self> {
        let length = shortest * ((to - from) / MOST / shortest).ceil().max(1.0);
        let count = ((to - from) / length).floor() as usize;
        let mut blocks = Self { from, length, throughput: vec![], power: vec![], running: vec![], supply: vec![] };
        for place in 0..count {
            let begin = from + length * place as f64;
            let end = begin + length;
            blocks.throughput.push((seen.tokens.at(end)? - seen.tokens.at(begin)?) / length);
            let spent = seen.energy.iter().map(|counter| Some(counter.at(end)? - counter.at(begin)?));
            blocks.power.push(spent.sum::<Option<f64>>()? / length);
            blocks.running.push(seen.running.mean(begin, end)?);
            blocks.supply.push(seen.supply_series().mean(begin, end)?);
        }
        (count > 0).then_some(blocks)
    }

    /// Only some of the blocks.
    pub(super) fn part(&self, first: usize, end: usize) -> Self {
        let cut = |values: &[f64]| values[first..end].to_vec();
        Self {
            from: self.from + self.length * first as f64,
            length: self.length,
            throughput: cut(&self.throughput),
            power: cut(&self.power),
            running: cut(&self.running),
            supply: cut(&self.supply),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.throughput.len()
    }

    pub(super) fn to(&self) -> f64 {
        self.from + self.length * self.len() as f64
    }
}
