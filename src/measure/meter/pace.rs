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
/// A tick that is known no better than this came before it was looked for, s.
const EARLY: f64 = 0.02;
/// Between two reads of a counter that has stopped, s.
const SLOW: f64 = 0.05;
/// Ticks wobble about a steady rhythm: how much of the distance of one tick from its expected moment is believed.
const GAIN: f64 = 0.25;
/// Ticks come this far apart, s; another rhythm is not believed.
const RHYTHMS: std::ops::Range<f64> = 0.015..2.0;

/// The rhythm of a counter, learned from its ticks.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    period: Option<f64>,
    last: Option<f64>,
    /// How long before an expected tick to read, beyond the guard, s.
    earlier: f64,
}

impl Pace {
    /// Takes a tick that was seen.
    pub(super) fn tick(&mut self, tick: &Tick) {
        let width = tick.late - tick.early;
        // One that came before it was looked for came hardly long before: its middle would mislead.
        let at = if width < EARLY { tick.at() } else { tick.late - STEP / 2.0 };
        let Some(last) = self.last else {
            self.last = Some(at);
            return;
        };
        let gap = at - last;
        self.last = Some(at);
        match self.period {
            None => self.period = RHYTHMS.contains(&gap).then_some(gap),
            Some(period) if (0.5..1.6).contains(&(gap / period)) => {
                self.period = Some(period + (gap - period) / 16.0);
                self.last = Some(last + period + GAIN * (gap - period));
            }
            Some(period) if gap < period / 2.0 => self.period = Some(gap.max(RHYTHMS.start)),
            // A tick that was missed doubles the gap and says nothing of the rhythm.
            Some(_) => {}
        }
    }

    /// Takes how long a call took, s.
    pub(super) fn called(&mut self, seconds: f64) {
        self.earlier += (CALLS * seconds.min(HELD_UP) - self.earlier) / 16.0;
    }

    /// When to read next, s; `now` is the end of the last read.
    pub(super) fn next(&self, now: f64) -> f64 {
        let (Some(last), Some(period)) = (self.last, self.period) else { return now + SEARCH };
        let expected = last + period;
        let begin = expected - GUARD - self.earlier;
        if now < begin - STEP / 2.0 {
            begin
        } else if now < expected + 3.0 * period {
            now + STEP
        } else {
            now + SLOW
        }
    }

    /// Whether nothing moves near `now`, so that there is time for other calls.
    pub(super) fn is_quiet(&self, now: f64) -> bool {
        match (self.last, self.period) {
            (Some(last), Some(period)) => now < last + period * 0.7 || now > last + 2.0 * period,
            _ => true,
        }
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
                if ticks > 50 {
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
