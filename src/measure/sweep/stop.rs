//! Being asked to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::measure::signals::listen;

/// Raised by a signal, looked at by everything that waits.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    raised: Arc<AtomicBool>,
}

/// The work was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

/// How often a wait looks up.
const STEP: Duration = Duration::from_millis(20);

impl Stop {
    /// Not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raised by `SIGINT` and `SIGTERM` from now on, which then do not end the process by themselves.
    pub fn on_signals() -> std::io::Result<Self> {
        let stop = Self::new();
        let raised = stop.clone();
        listen(&[2, 15], move |_| {
            raised.raise();
            true
        })?;
        Ok(stop)
    }

    /// Asks to stop.
    pub fn raise(&self) {
        self.raised.store(true, Ordering::SeqCst);
    }

    /// Whether it was asked to stop.
    pub fn is_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }

    /// Whether to go on.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.is_raised() { Err(Interrupted) } else { Ok(()) }
    }

    /// Waits so many seconds, or until it is asked to stop.
    pub fn wait(&self, seconds: f64) -> Result<(), Interrupted> {
        let end = Instant::now() + Duration::from_secs_f64(seconds.clamp(0.0, 1e8));
        loop {
            self.check()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(STEP));
        }
    }
}
