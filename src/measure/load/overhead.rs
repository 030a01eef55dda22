//! What the load generator itself costs, and whether it is in the way.

use std::sync::Mutex;
use std::sync::PoisonError;

use rustix::time::ClockId;

use crate::measure::Clock;
use crate::measure::clock::seconds_on;

/// Time between two looks at the event loop, seconds.
const TICK: f64 = 0.02;
/// A look later than this is late, seconds. Timers of the runtime are accurate to 1 ms.
const LATE: f64 = 0.01;
/// Share of late looks, and of a core, above which the client is in the way.
const MOST_LATE: f64 = 0.02;
const MOST_BUSY: f64 = 0.8;
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
    /// Share of looks at the event loop that came more than 10 ms late.
    pub late: f64,
    /// The latest of them, seconds.
    pub worst: f64,
}

impl Overhead {
    /// Why the client and not the server may limit what was measured; none if it does not.
    pub fn bottleneck(&self) -> Option<String> {
        let percent = |share: f64| (share * 100.0).round();
        if self.busiest > MOST_BUSY {
            return Some(format!(
                "the client is the bottleneck: one of its threads was busy {} % of the time; use fewer streams, or more \
                 cores for it",
                percent(self.busiest)
            ));
        }
        (self.late > MOST_LATE).then(|| {
            format!(
                "the client is the bottleneck: its event loop was more than 10 ms late {} % of the time (at worst {:.0} ms); \
                 other programs take its cores, or it has too many streams",
                percent(self.late),
                self.worst * 1e3
            )
        })
    }

    /// Of threads in a window; none if nothing was recorded there.
    pub(super) fn of(threads: &[impl AsRef<Costs>], from: f64, to: f64) -> Option<Self> {
        let mut whole = Self { cores: 0.0, busiest: 0.0, late: 0.0, worst: 0.0 };
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
