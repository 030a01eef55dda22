//! What the load generator itself costs, and whether it is in the way.
//!
//! Reading one piece of one stream costs about 10 us of CPU time, two thirds of it in the system: a read, and the
//! acknowledgment that goes with it. That is 1 % of a core for 100 streams at 10 tokens per second each, and more at the
//! pace of a fast server. Whether the cost matters is another question. Servers give a token to every stream at each
//! step, all at once: a thread that is busy for a tenth of the time sees the last of them a tenth of a step late. So the
//! verdict has three grades:
//!
//! | seen | verdict |
//! |---|---|
//! | a thread has no time left, or its event loop is late | the client is the bottleneck |
//! | more than 1 % of a core for 100 streams, and more than a tenth of a core in all | it may be |
//! | less | none: dear streams that are few are in nobody's way |
//!
//! How many cores the machine has does not enter: the streams of one thread share one core on any machine, and how much
//! of the others a server beside it needs is not known here.

use std::sync::Mutex;
use std::sync::PoisonError;

use rustix::time::ClockId;

use crate::measure::Clock;
use crate::measure::clock::seconds_on;
use crate::unit::{percent, show};

/// Time between two looks at the event loop, seconds.
const TICK: f64 = 0.02;
/// A look later than this is late, seconds. Timers of the runtime are accurate to 1 ms.
const LATE: f64 = 0.01;
/// Share of late looks, and of a core, above which the client is in the way.
const MOST_LATE: f64 = 0.02;
const MOST_BUSY: f64 = 0.8;
/// Share of a core for 100 streams, and for all, above which the client may be in the way.
const DEAR: f64 = 0.01;
const NOTABLE: f64 = 0.1;
/// Seconds of a block.
const BLOCK: f64 = 1.0;

/// What one thread cost in one second.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    at: f64,
    duration: f64,
    cpu: f64,
    looks: u32,
    late: u32,
    worst: f64,
}

/// The costs of one thread over time.
#[derive(Debug, Default)]
pub(super) struct Costs {
    seconds: Mutex<Vec<Second>>,
}

/// What the client cost in a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overhead {
    /// CPU time of all its threads, as a share of one core.
    pub cores: f64,
    /// The same of its busiest thread.
    pub busiest: f64,
    /// Mean number of streams: requests under way.
    pub streams: f64,
    /// Share of looks at the event loop that came more than 10 ms late.
    pub late: f64,
    /// The latest of them, seconds.
    pub worst: f64,
}

impl Overhead {
    /// CPU time for 100 streams, as a share of one core; none without streams.
    pub fn per_hundred_streams(&self) -> Option<f64> {
        (self.streams > 0.0).then(|| self.cores / self.streams * 100.0)
    }

    /// Why the client and not the server may limit what was measured, what it cost, and what to do; none if it does not.
    pub fn bottleneck(&self) -> Option<String> {
        let is_dear = self.per_hundred_streams().is_some_and(|share| share > DEAR) && self.cores > NOTABLE;
        let (verdict, remedy) = if self.busiest > MOST_BUSY {
            let why = format!("is the bottleneck: one of its threads was busy {} of the time", percent(self.busiest));
            (why, "use fewer streams, or more cores for it")
        } else if self.late > MOST_LATE {
            let why = format!(
                "is the bottleneck: its event loop was more than 10 ms late {} of the time",
                percent(self.late)
            );
            (why, "other programs take its cores, or it has too many streams")
        } else if is_dear {
            let why = format!(
                "may be the bottleneck: it costs more than {} of a core for 100 streams, and tokens that are sent at once \
                 are seen up to {} of the time of a step apart",
                percent(DEAR),
                percent(self.busiest)
            );
            (why, "let it run on cores that the server does not use, or use fewer streams")
        } else {
            return None;
        };
        Some(format!("the client {verdict} ({}); {remedy}", self.costs()))
    }

    /// All costs in a few words.
    fn costs(&self) -> String {
        let streams = match self.per_hundred_streams() {
            Some(share) => format!("for {:.0} streams, {} for 100", self.streams, percent(share)),
            None => "without a stream".to_owned(),
        };
        format!("{} of a core {streams}; at worst {} late", percent(self.cores), show(self.worst, "s"))
    }

    /// Of threads in a window with so many streams on average; none if nothing was recorded there.
    pub(super) fn of(threads: &[impl AsRef<Costs>], streams: f64, from: f64, to: f64) -> Option<Self> {
        let mut whole = Self { cores: 0.0, busiest: 0.0, streams, late: 0.0, worst: 0.0 };
        let (mut looks, mut late) = (0_u32, 0_u32);
        for costs in threads {
            let seconds = costs.as_ref().seconds.lock().unwrap_or_else(PoisonError::into_inner);
            let inside: Vec<&Second> = seconds.iter().filter(|second| (from..=to).contains(&second.at)).collect();
            let duration: f64 = inside.iter().map(|second| second.duration).sum();
            if duration > 0.0 {
                let share = inside.iter().map(|second| second.cpu).sum::<f64>() / duration;
                whole.cores += share;
                whole.busiest = whole.busiest.max(share);
            }
            looks += inside.iter().map(|second| second.looks).sum::<u32>();
            late += inside.iter().map(|second| second.late).sum::<u32>();
            whole.worst = inside.iter().map(|second| second.worst).fold(whole.worst, f64::max);
        }
        whole.late = f64::from(late) / f64::from(looks.max(1));
        (looks > 0).then_some(whole)
    }
}

impl Costs {
    /// Looks at the thread it runs on, for ever.
    pub(super) async fn watch(&self, clock: Clock) {
        let mut second = Second { at: clock.now(), ..Second::default() };
        let mut cpu = seconds_on(ClockId::ThreadCPUTime);
        loop {
            let due = clock.now() + TICK;
            tokio::time::sleep_until(clock.instant(due).into()).await;
            let now = clock.now();
            second.looks += 1;
            second.late += u32::from(now - due > LATE);
            second.worst = second.worst.max(now - due);
            if now - second.at >= BLOCK {
                let spent = seconds_on(ClockId::ThreadCPUTime);
                second.duration = now - second.at;
                second.cpu = spent - cpu;
                second.at = now;
                self.seconds.lock().unwrap_or_else(PoisonError::into_inner).push(second);
                second = Second { at: now, ..Second::default() };
                cpu = spent;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(cores: f64, streams: f64) -> Overhead {
        Overhead { cores, busiest: cores, streams, late: 0.0, worst: 0.002 }
    }

    #[test]
    fn a_cheap_client_and_a_small_one_are_in_nobodys_way() {
        for silent in [
            // Dear for its streams, but hardly there.
            cost(0.02, 64.0),
            cost(0.055, 100.0),
            cost(0.099, 5.0),
            // Busy with very many.
            cost(0.5, 5100.0),
            Overhead { late: 0.02, worst: 0.4, ..cost(0.02, 64.0) },
            cost(0.02, 0.0),
        ] {
            assert_eq!(silent.bottleneck(), None, "{silent:?}");
        }
    }

    #[test]
    fn a_client_that_costs_more_than_its_due_says_what_and_what_to_do() {
        assert_eq!(
            cost(0.22, 1000.0).bottleneck().unwrap(),
            "the client may be the bottleneck: it costs more than 1.0 % of a core for 100 streams, and tokens that are sent \
             at once are seen up to 22 % of the time of a step apart (22 % of a core for 1000 streams, 2.2 % for 100; at \
             worst 2 ms late); let it run on cores that the server does not use, or use fewer streams"
        );
        assert!(cost(0.11, 1000.0).bottleneck().is_some());
        let of_four_threads = Overhead { busiest: 0.06, ..cost(0.22, 1000.0) };
        assert!(of_four_threads.bottleneck().unwrap().contains("seen up to 6.0 % of the time of a step apart"));
    }

    #[test]
    fn a_client_without_time_is_the_bottleneck() {
        assert_eq!(
            cost(0.85, 9000.0).bottleneck().unwrap(),
            "the client is the bottleneck: one of its threads was busy 85 % of the time (85 % of a core for 9000 streams, \
             0.9 % for 100; at worst 2 ms late); use fewer streams, or more cores for it"
        );
        let late = Overhead { late: 0.05, worst: 0.041, ..cost(0.02, 64.0) };
        assert_eq!(
            late.bottleneck().unwrap(),
            "the client is the bottleneck: its event loop was more than 10 ms late 5.0 % of the time (2.0 % of a core for \
             64 streams, 3.1 % for 100; at worst 41 ms late); other programs take its cores, or it has too many streams"
        );
        assert!(Overhead { late: 0.05, ..cost(0.01, 0.0) }.bottleneck().unwrap().contains("without a stream"));
    }
}
