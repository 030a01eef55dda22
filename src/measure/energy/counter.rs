//! All that was seen of one energy counter, in bounded memory.

use super::tick::{Energy, Tick, energy_between, share};
use crate::stats::{mean, quantile};

/// Ticks that are kept with their full density; older ones are thinned to a tenth, which loses no energy: the counter is
/// cumulative, only the bound of a window that begins or ends so far back is wider.
const DENSE: usize = 18_000;
/// One of so many older ticks is kept.
const THINNED: usize = 10;
/// A tick that is known as well as this tells a rhythm, s.
const CLOSE: f64 = 0.03;
/// Ticks that pass unseen on purpose do so for less than this, s, and are not more; what is longer is a gap.
const LEAP: f64 = 1.3;
const MOST_UNSEEN: f64 = 100.0;
/// More than the power limit for so long is no load, but a counter that was set anew.
const EXCESS: f64 = 1.2;

/// Why a counter cannot be read across a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakKind {
    /// It went back: the driver was loaded again, or the GPU was reset.
    Reset,
    /// It jumped by more than the power limit allows.
    Jump,
}

/// A moment across which a counter cannot be read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Break {
    /// Before this moment all was well, s.
    pub after: f64,
    /// From this moment on it is well again, s.
    pub until: f64,
    /// What happened.
    pub kind: BreakKind,
}

/// The ticks of one counter.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    ticks: Vec<Tick>,
    breaks: Vec<Break>,
    /// The value that the first tick had, and what is added for values before a break: energies always rise.
    last_value: Option<f64>,
    /// How many ticks stand thinned at the front.
    thinned: usize,
    /// When the last read began, and what it showed.
    last_read: Option<(f64, f64)>,
}

impl Counter {
    /// Takes a read that lasted from `begin` to `end` and showed `value` joules; gives the tick, if the counter moved
    /// since the read before. `limit_w` is the highest power that can be, if known. Reads come in order.
    pub fn read(&mut self, begin: f64, end: f64, value: f64, limit_w: Option<f64>) -> Option<Tick> {
        let (before, shown) = self.last_read.replace((begin, value))?;
        if shown == value {
            return None;
        }
        // The read before may have looked at the counter as early as it began, this one as late as it ended.
        self.push(before, end, value, limit_w);
        self.ticks.last().copied()
    }

    /// Takes a read that began at `begin` after others were left out: that the counter moved says nothing of when.
    pub fn look(&mut self, begin: f64, value: f64) {
        self.last_read = Some((begin, value));
    }

    /// Adds a tick at which the counter showed `value` joules; `limit_w` is the highest power that can be, if known.
    /// Ticks come in order.
    pub fn push(&mut self, early: f64, late: f64, value: f64, limit_w: Option<f64>) {
        let energy = match (self.last_value, self.ticks.last()) {
            (Some(before), Some(last)) => {
                let most = limit_w.map_or(f64::INFINITY, |limit| EXCESS * limit * (late - last.early));
                let kind = if value < before {
                    Some(BreakKind::Reset)
                } else {
                    (value - before > most).then_some(BreakKind::Jump)
                };
                self.breaks.extend(kind.map(|kind| Break { after: last.late, until: late, kind }));
                last.energy_j + if kind.is_some() { 0.0 } else { value - before }
            }
            _ => 0.0,
        };
        self.last_value = Some(value);
        self.ticks.push(Tick { early, late, energy_j: energy });
        self.thin();
    }

    /// Keeps one of ten of the older half once there are too many.
    fn thin(&mut self) {
        if self.ticks.len() < self.thinned + 2 * DENSE {
            return;
        }
        let (mut at, from, to) = (0, self.thinned, self.thinned + DENSE);
        self.ticks.retain(|_| {
            at += 1;
            !(from..to).contains(&(at - 1)) || (at - 1 - from) % THINNED == 0
        });
        self.thinned += DENSE.div_ceil(THINNED);
    }

    /// The ticks that are kept, in order; energies since the first.
    pub fn ticks(&self) -> &[Tick] {
        &self.ticks
    }

    /// Moments across which it cannot be read.
    pub fn breaks(&self) -> &[Break] {
        &self.breaks
    }

    /// The energy between two moments, by the ticks and by samples of power inside them; across a break its parts are
    /// added, without what flowed during the break. None if the ticks do not reach both moments.
    pub fn energy(&self, samples: &[(f64, f64)], from: f64, to: f64) -> Option<Energy> {
        energy_between(&self.ticks, samples, from, to)
    }

    /// Moments and energies (J) of its ticks from a moment on, with those that passed unseen within about a second: the
    /// rhythm tells when they were, and samples of power what share of the energy between two that were seen had flowed.
    pub fn moves<'a>(&'a self, samples: &'a [(f64, f64)], since: f64) -> impl Iterator<Item = (f64, f64)> + 'a {
        let period = self.period().unwrap_or(f64::INFINITY);
        let first = self.ticks.partition_point(|tick| tick.at() < since).saturating_sub(1);
        let seen = self.ticks[first..].iter();
        let next = self.ticks.get(first + 1..).unwrap_or_default().iter().map(Some).chain([None]);
        let all = seen.zip(next).flat_map(move |(tick, next)| {
            let gap = next.map_or(0.0, |next| next.at() - tick.at());
            let unseen = if gap < LEAP { ((gap / period).round() - 1.0).clamp(0.0, MOST_UNSEEN) as u32 } else { 0 };
            let between = (1..=unseen).filter_map(move |count| {
                let at = tick.at() + gap * f64::from(count) / f64::from(unseen + 1);
                Some((at, tick.energy_j + (next?.energy_j - tick.energy_j) * share(tick, next?, samples, at)))
            });
            std::iter::once((tick.at(), tick.energy_j)).chain(between)
        });
        all.filter(move |&(at, _)| at >= since)
    }

    /// Breaks between two moments.
    pub fn breaks_between(&self, from: f64, to: f64) -> impl Iterator<Item = &Break> {
        self.breaks.iter().filter(move |own| own.until > from && own.after < to)
    }

    /// Mean power from the first to the last tick between two moments, W, and how far it may be off because a tick is
    /// seen only between two reads.
    pub fn tick_power(&self, from: f64, to: f64) -> Option<(f64, f64)> {
        let first = self.ticks.partition_point(|tick| tick.at() < from);
        let end = self.ticks.partition_point(|tick| tick.at() <= to);
        let (first, last) = (self.ticks.get(first)?, self.ticks.get(end.checked_sub(1)?)?);
        let (span, doubt) = (last.at() - first.at(), (first.late - first.early + last.late - last.early) / 2.0);
        if span <= doubt {
            return None;
        }
        let power = (last.energy_j - first.energy_j) / span;
        Some((power, power * doubt / (span - doubt)))
    }

    /// The time between ticks among the last thousand, s, by those that were seen closely: the time of all gaps over the ticks
    /// that fit into them, where some passed unseen.
    pub fn period(&self) -> Option<f64> {
        let recent = &self.ticks[self.ticks.len().saturating_sub(1000)..];
        let close = |tick: &Tick| tick.late - tick.early < CLOSE;
        let pairs = recent.windows(2).filter(|pair| close(&pair[0]) && close(&pair[1]));
        let gaps: Vec<f64> = pairs.map(|pair| pair[1].at() - pair[0].at()).filter(|gap| *gap < LEAP).collect();
        // At least a quarter of them is of neighbors.
        let usual = quantile(&gaps, 0.25)?;
        let next: Vec<f64> = gaps.iter().copied().filter(|gap| (0.5..1.5).contains(&(gap / usual))).collect();
        let usual = mean(&next)?;
        let ticks: f64 = gaps.iter().map(|gap| (gap / usual).round()).sum();
        (ticks > 0.0).then(|| gaps.iter().sum::<f64>() / ticks)
    }
}

#[cfg(test)]
mod tests {
    use super::{BreakKind, Counter};

    #[test]
    fn a_day_is_kept_in_little_memory_and_loses_no_joule() {
        let mut counter = Counter::default();
        let day = 864_000_u32;
        for k in 0..=day {
            let at = f64::from(k) * 0.1;
            counter.push(at - 0.004, at + 0.004, 5000.0 + 31.0 * f64::from(k), Some(700.0));
        }
        assert!(counter.ticks().len() < 130_000, "{}", counter.ticks().len());
        let whole = counter.energy(&[], 1.05, 86_399.05).unwrap();
        assert!((whole.energy_j - 310.0 * 86_398.0).abs() < whole.bound_j, "{whole:?}");
        assert!(whole.bound_j < 700.0, "{whole:?}");
        let recent = counter.energy(&[], 86_000.05, 86_010.05).unwrap();
        assert!(recent.bound_j < 32.0, "{recent:?}");
    }

    #[test]
    fn a_reset_and_a_jump_are_seen_and_add_nothing() {
        let mut counter = Counter::default();
        let push = |counter: &mut Counter, k: u32, value: f64| {
            let at = f64::from(k) * 0.1;
            counter.push(at, at + 0.01, value, Some(700.0));
        };
        for k in 0..20 {
            push(&mut counter, k, 100.0 + 30.0 * f64::from(k));
        }
        push(&mut counter, 20, 5.0);
        push(&mut counter, 21, 35.0);
        push(&mut counter, 22, 9e6);
        push(&mut counter, 23, 9e6 + 30.0);
        let kinds: Vec<BreakKind> = counter.breaks().iter().map(|own| own.kind).collect();
        assert_eq!(kinds, [BreakKind::Reset, BreakKind::Jump]);
        assert_eq!(counter.breaks_between(0.5, 1.0).count(), 0);
        let found = counter.energy(&[], 0.115, 2.25).unwrap_or_default();
        assert!((found.energy_j - 20.0 * 30.0).abs() <= 60.0, "{found:?}");
        assert!(counter.ticks().windows(2).all(|pair| pair[1].energy_j >= pair[0].energy_j));
    }
}
