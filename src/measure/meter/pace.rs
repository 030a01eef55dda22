//! When to read the energy counter next, so that its ticks are seen closely and seldom in vain.

use crate::measure::energy::Tick;

/// Between two reads while the rhythm is not known, s.
const SEARCH: f64 = 0.01;
/// Between two reads near an expected tick, s: one before it and one after it mostly do. To see it more closely would
/// cost more calls (on a busy driver of 3 ms each) and sharpen no bound, for that is a whole tick's energy.
const STEP: f64 = 0.01;
/// How long before an expected tick to read, s: ticks come up to 3 ms early, after one that came as late.
const GUARD: f64 = 0.007;
/// A slow call hides when it looked: so many times its length earlier, but not for one that was held up, s.
const CALLS: f64 = 1.4;
const HELD_UP: f64 = 0.005;
/// After so many reads without a rhythm there may be none.
const PATIENCE: u32 = 500;
/// Between two reads of a counter that has stopped, or has no rhythm, s.
const SLOW: f64 = 0.05;
/// Ticks come this far apart, s; another rhythm is not believed.
const RHYTHMS: std::ops::Range<f64> = 0.015..2.0;
/// A tick that is known no better than this came before it was looked for: the rhythm is wrong, s.
const LOST: f64 = 0.03;
/// So many ticks tell a rhythm.
const KNOWN: u32 = 4;
/// Ticks wobble about their rhythm: how much of the distance of a tick from its expected moment is believed, and of that
/// of the time between ticks; the pair that forgets at one rate (Benedict and Bordner 1962).
const GAIN: f64 = 0.25;
const PERIOD_GAIN: f64 = GAIN * GAIN / (2.0 - GAIN);

/// The rhythm of a counter, learned from its ticks: a straight line of moment over number, at first by least squares over
/// all of them, later with the older ones forgotten.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    period: f64,
    /// When the last tick came, by the rhythm.
    last: f64,
    /// Ticks that tell it.
    ticks: u32,
    /// Reads since a rhythm was looked for.
    searched: u32,
    /// How long before an expected tick to read, beyond the guard, s.
    earlier: f64,
}

impl Pace {
    /// Takes a tick that was seen.
    pub(super) fn tick(&mut self, tick: &Tick) {
        let off = tick.at() - self.last - self.period;
        match self.ticks {
            _ if tick.late - tick.early > LOST => self.ticks = 0,
            1 if RHYTHMS.contains(&(tick.at() - self.last)) => {
                self.period = tick.at() - self.last;
                self.last = tick.at();
                self.ticks = 2;
            }
            0 | 1 => self.begin(tick.at()),
            // A tick that was missed says nothing of the rhythm.
            _ if off > 0.6 * self.period => self.last = tick.at(),
            _ if off < -0.6 * self.period => self.begin(tick.at()),
            _ => {
                self.ticks += 1;
                let n = f64::from(self.ticks);
                let expected = self.last + self.period;
                self.last = expected + off * GAIN.max(2.0 * (2.0 * n - 1.0) / (n * (n + 1.0)));
                self.period += off * PERIOD_GAIN.max(6.0 / (n * (n + 1.0)));
            }
        }
    }

    fn begin(&mut self, at: f64) {
        self.last = at;
        self.ticks = 1;
    }

    /// Takes how long a call took, s.
    pub(super) fn called(&mut self, seconds: f64) {
        self.searched = if self.ticks < KNOWN { self.searched.saturating_add(1) } else { 0 };
        self.earlier += (CALLS * seconds.min(HELD_UP) - self.earlier) / 16.0;
    }

    /// When to read next, s; `now` is the end of the last read.
    pub(super) fn next(&self, now: f64) -> f64 {
        if self.ticks < KNOWN {
            return now + if self.searched < PATIENCE { SEARCH } else { SLOW };
        }
        let expected = self.last + self.period;
        let begin = expected - GUARD - self.earlier;
        if now < begin - STEP / 2.0 {
            begin
        } else if now < expected + 3.0 * self.period {
            now + STEP
        } else {
            now + SLOW
        }
    }

    /// Whether nothing moves near `now`, so that there is time for other calls.
    pub(super) fn is_quiet(&self, now: f64) -> bool {
        let since = now - self.last;
        self.ticks < KNOWN || since < 0.7 * self.period || since > 2.0 * self.period
    }
}

#[cfg(test)]
mod tests {
    use super::{Pace, Tick};

    /// Plays a counter that ticks at `tick(k)`; returns reads per tick and the widest doubt about a tick once the rhythm
    /// is known.
    fn play(tick: impl Fn(f64) -> f64, call: f64) -> (f64, f64) {
        let shown = |t: f64| (0..2000).map(f64::from).take_while(|&k| tick(k) <= t).count();
        let (mut pace, mut now, mut reads, mut ticks, mut widest) = (Pace::default(), 0.0, 0, 0, 0.0_f64);
        let (mut value, mut begun) = (shown(0.0), 0.0);
        while now < 20.0 {
            let (begin, seen) = (now, shown(now));
            now += call;
            pace.called(call);
            reads += 1;
            if seen != value {
                let found = Tick { early: begun, late: now, energy_j: 0.0 };
                pace.tick(&found);
                ticks += 1;
                if ticks > 4 {
                    widest = widest.max(found.late - found.early);
                }
            }
            (value, begun) = (seen, begin);
            now = pace.next(now).max(now);
        }
        (f64::from(reads) / f64::from(ticks), widest)
    }

    #[test]
    fn ticks_are_seen_closely_with_few_reads() {
        for (jitter, call) in [(0.0, 1e-5), (0.0032, 1e-5), (0.0032, 0.003)] {
            let (reads, widest) = play(|k| 0.033 + 0.1 * k + jitter * (k * 1.7).sin(), call);
            assert!(reads < 2.6, "{reads} reads for a tick");
            assert!(widest < 0.018, "a tick is known to {widest} s");
        }
    }
}
