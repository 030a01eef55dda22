//! When to read the energy counter next, so that its ticks are seen closely and seldom in vain.
//!
//! Every tick is looked for, or, where that is enough, only those around whole seconds of the common clock. What is counted
//! between them is in the next value all the same; only a window that begins or ends elsewhere is known less closely.

use crate::measure::clock::GRID;
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
/// A tick that is known no better than this came before it was looked for, or its read was held up, s.
const LOST: f64 = 0.03;
/// After so many of those, one behind the other, the rhythm is learned anew.
const STRIKES: u32 = 3;
/// So many ticks tell a rhythm.
const KNOWN: u32 = 4;
/// How far ticks come from where they should, s², and by how much where they should and the time between them wander from
/// tick to tick, s².
const JITTER: f64 = 0.003 * 0.003;
const WANDER: [f64; 2] = [1e-7, 1e-9];
/// After ticks that passed unseen, the counter is looked at once this share of a period before the next: where nothing
/// moves, so that a look that comes late takes no tick for one of those.
const LOOK: f64 = 0.5;

/// The rhythm of a counter, learned from its ticks by a Kalman filter: when the last tick should have come, and the time
/// between ticks.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    period: f64,
    /// When the last tick came, by the rhythm.
    last: f64,
    /// Before this moment the last tick was surely not yet there, s.
    seen: f64,
    /// How far these two may be off: variance of `last`, covariance, variance of `period`, s².
    doubt: [f64; 3],
    /// Ticks that tell it.
    ticks: u32,
    /// Ticks, one behind the other, that were not seen closely.
    strikes: u32,
    /// Reads since a rhythm was looked for.
    searched: u32,
    /// How long before an expected tick to read, beyond the guard, s.
    earlier: f64,
    /// Whether only ticks around whole seconds are looked for.
    is_relaxed: bool,
}

impl Pace {
    /// Takes a tick that was seen.
    pub(super) fn tick(&mut self, tick: &Tick) {
        let (at, width) = (tick.at(), tick.late - tick.early);
        let variance = width * width / 12.0 + JITTER;
        self.strikes = if width > LOST { self.strikes + 1 } else { 0 };
        let steps = ((at - self.last) / self.period).round();
        self.seen = tick.early;
        match self.ticks {
            0 | 1 if width > LOST => self.ticks = 0,
            1 if RHYTHMS.contains(&(at - self.last)) => {
                (self.period, self.last, self.ticks) = (at - self.last, at, 2);
                self.doubt = [variance, variance, 2.0 * variance];
            }
            0 | 1 => self.begin(at),
            _ if self.strikes >= STRIKES => self.ticks = 0,
            _ if self.strikes > 0 => {
                self.advance(steps.max(1.0));
                self.keep_within(tick);
            }
            _ if steps < 1.0 => self.begin(at),
            _ => {
                self.ticks = self.ticks.saturating_add(1);
                self.advance(steps);
                self.correct(at, variance);
            }
        }
    }

    fn begin(&mut self, at: f64) {
        (self.last, self.ticks) = (at, 1);
    }

    fn advance(&mut self, steps: f64) {
        let [last, both, period] = self.doubt;
        self.last += steps * self.period;
        self.doubt = [
            last + steps * (2.0 * both + steps * period + WANDER[0]),
            both + steps * period,
            period + steps * WANDER[1],
        ];
    }

    /// Draws the rhythm nearer to a tick that was seen closely.
    fn correct(&mut self, at: f64, variance: f64) {
        let [last, both, period] = self.doubt;
        let (off, whole) = (at - self.last, last + variance);
        self.last += off * last / whole;
        self.period += off * both / whole;
        self.doubt = [last * variance / whole, both * variance / whole, period - both * both / whole];
    }

    /// Of a tick that was not seen closely, it is known only when it was not.
    fn keep_within(&mut self, tick: &Tick) {
        let moved = self.last.clamp(tick.early, tick.late) - self.last;
        self.last += moved;
        self.doubt[0] += moved * moved;
    }

    /// Whether only ticks around whole seconds are to be looked for from now on.
    pub(super) fn relax(&mut self, is_relaxed: bool) {
        self.is_relaxed = is_relaxed;
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
        let expected = self.expected();
        let begin = expected - GUARD - self.earlier;
        let look = expected - LOOK * self.period;
        if self.leaps(now) && now < look {
            look
        } else if now < begin - STEP / 2.0 {
            begin
        } else if now < expected + 3.0 * self.period {
            now + STEP
        } else {
            now + SLOW
        }
    }

    /// When the tick comes that is to be seen next, s.
    fn expected(&self) -> f64 {
        let next = self.last + self.period;
        if !self.is_relaxed {
            return next;
        }
        // The first moment behind which no tick was seen yet, and the last tick that is surely seen before it.
        let moment = (self.seen / GRID).ceil() * GRID;
        let margin = GUARD + 2.0 * STEP + self.earlier;
        let skipped = ((moment - margin - next) / self.period).floor().max(0.0);
        next + skipped * self.period
    }

    /// Whether ticks pass unseen after a read at `before` until the one that is waited for: what the counter then shows
    /// first says nothing of when.
    pub(super) fn leaps(&self, before: f64) -> bool {
        self.is_relaxed && self.ticks >= KNOWN && self.expected() > before + 1.2 * self.period
    }

    /// Whether nothing moves near `now`, so that there is time for other calls; or nothing moves at all.
    pub(super) fn is_quiet(&self, now: f64) -> bool {
        self.ticks < KNOWN || self.next(now) > now + 0.3 * self.period || now > self.expected() + self.period
    }
}

#[cfg(test)]
mod tests {
    use super::{GRID, Pace, Tick};
    use crate::stats::Draws;

    /// Plays a counter that ticks at `tick(k)`, relaxed after 10 s if `is_relaxed`; a read takes `call` seconds, up to four
    /// times that now and then, and begins up to `late` seconds late. Gives reads a second and the ticks seen from then on.
    fn play(tick: impl Fn(f64) -> f64, [call, late]: [f64; 2], is_relaxed: bool) -> (f64, Vec<Tick>) {
        const RELAXED: f64 = 10.0;
        const END: f64 = 60.0;
        let shown = |t: f64| (0..3100).map(f64::from).take_while(|&k| tick(k) <= t).count();
        let (mut pace, mut now, mut reads, mut ticks) = (Pace::default(), 0.0, 0, Vec::new());
        let (mut value, mut begun, mut leaps, mut draws) = (shown(0.0), 0.0, false, Draws::new(7));
        while now < END {
            pace.relax(is_relaxed && now > RELAXED);
            let (begin, held_up) = (now, if draws.uniform() < 0.03 { 4.0 } else { 1.0 });
            now += call * held_up;
            let seen = shown(begin + draws.uniform() * (now - begin));
            pace.called(now - begin);
            reads += u32::from(now > RELAXED);
            if seen != value && !leaps {
                let found = Tick { early: begun, late: now, energy_j: 0.0 };
                pace.tick(&found);
                ticks.push(found);
            }
            (value, begun) = (seen, begin);
            leaps = pace.leaps(begun);
            now = pace.next(now).max(now) + late * draws.uniform();
        }
        ticks.retain(|tick| tick.early > RELAXED);
        (f64::from(reads) / (END - RELAXED), ticks)
    }

    /// How far ticks come from their rhythm, how long a read takes, how late it begins, s.
    const COUNTERS: [(f64, [f64; 2]); 6] = [
        (0.0, [1e-5, 1e-4]),
        (0.0, [0.003, 1e-4]),
        (0.0032, [1e-5, 1e-4]),
        (0.0032, [0.003, 1e-4]),
        (0.0032, [0.003, 0.004]),
        (0.002, [0.004, 0.002]),
    ];

    #[test]
    fn ticks_are_seen_closely_with_few_reads() {
        for (jitter, times) in COUNTERS {
            let (reads, ticks) = play(|k| 0.033 + 0.1 * k + jitter * (k * 1.7).sin(), times, false);
            assert!(reads < 25.0, "{reads} reads a second");
            assert!(ticks.len() > 490, "{} ticks", ticks.len());
            let closely = ticks.iter().filter(|tick| tick.late - tick.early < 0.03).count();
            assert!(closely > 460, "{closely} of {} ticks were seen closely", ticks.len());
        }
    }

    #[test]
    fn around_whole_seconds_they_are_with_fewer() {
        for (jitter, times) in COUNTERS {
            for (phase, period) in [(0.033, 0.1), (0.0, 0.1), (0.07, 0.0963), (0.0, 0.02), (0.01, 0.9)] {
                let (jitter, at) = (f64::min(jitter, 0.1 * period), |k: f64| phase + period * k);
                let (reads, ticks) = play(|k| at(k) + jitter * (k * 1.7).sin(), times, true);
                let most = 2.6 * (2.4 + 0.1 / period);
                assert!(reads < most, "{reads} reads a second every {period} s");
                let is_close = |second: &f64| {
                    let before = ticks.iter().rfind(|tick| tick.late <= *second).unwrap();
                    let after = ticks.iter().find(|tick| tick.early >= *second).unwrap();
                    after.late - before.early < 3.0 * period + 0.09
                };
                let close = (12..56).map(|second| f64::from(second) * GRID).filter(is_close).count();
                // A read that is held up for as long as a tick takes may miss one.
                let fewest = if period < 5.0 * times[0] + times[1] { 40 } else { 44 };
                assert!(close >= fewest, "{close} of 44 seconds, ticks every {period} s, reads of {times:?} s");
            }
        }
    }
}
