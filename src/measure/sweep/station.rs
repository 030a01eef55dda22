//! What a sweep asks of the place where its points are measured.

use std::collections::BTreeMap;

use super::plan::{Block, Visit};
use super::stop::Interrupted;
use crate::runs::Value;

/// What one visit gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Conditions that only the measurement knows: driver version, mean lengths.
    pub conditions: BTreeMap<String, Value>,
    /// Latents, by node name, SI.
    pub observed: BTreeMap<String, f64>,
    /// Outcomes, by metric name, SI.
    pub metrics: BTreeMap<String, f64>,
    /// Window, verdict, bounds … as text.
    pub details: BTreeMap<String, String>,
    /// A CSV text of what happened over time.
    pub series: Option<String>,
}

/// An idle baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Idle {
    /// `no_context` or `loaded`.
    pub kind: &'static str,
    /// `before` or `after` the block, or all of the work.
    pub when: &'static str,
    /// Mean power of all GPUs, W.
    pub power: f64,
    /// How far the power may be off, W.
    pub bound: f64,
    /// Seconds it was measured for.
    pub seconds: f64,
    /// Temperature of the GPUs, K.
    pub temperature: Option<f64>,
    /// Clock of the GPUs, Hz.
    pub sm_clock: Option<f64>,
}

/// Why a visit, or a block, gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What happened, for a person.
    pub reason: String,
    /// The last lines of the log of what failed.
    pub log: Vec<String>,
    /// Whether the server must be started again before anything else.
    pub is_server_down: bool,
}

impl Failed {
    /// A failure without a log.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), log: Vec::new(), is_server_down: false }
    }
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The point failed; the sweep goes on.
    Failed(Failed),
    /// Somebody else was on the GPUs meanwhile, who is told: the point may be measured anew.
    Disturbed(String),
    /// The sweep was asked to stop.
    Interrupted,
}

impl From<Interrupted> for Ending {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

impl From<Failed> for Ending {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

/// Tells what goes on. A text that begins with `\r` is soon followed by another: it is for a line that is written over.
pub type Tell<'a> = dyn FnMut(&str) + 'a;

/// Where points are measured.
pub trait Station {
    /// Makes ready for a block: baselines, and the server.
    fn enter(&mut self, block: &Block, tell: &mut Tell<'_>) -> Result<Vec<Idle>, Ending>;

    /// Lets the GPUs cool down before a visit.
    fn rest(&mut self, tell: &mut Tell<'_>) -> Result<(), Ending>;

    /// Measures a visit.
    fn measure(&mut self, visit: &Visit, tell: &mut Tell<'_>) -> Result<Measured, Ending>;

    /// Ends a block: baselines, then the server; quickly, where the sweep was asked to stop.
    fn leave(&mut self, block: &Block, tell: &mut Tell<'_>) -> Vec<Idle>;

    /// Ends the work: the baselines after its last block.
    fn finish(&mut self, tell: &mut Tell<'_>) -> Vec<Idle>;
}
