//! What a sweep asks of the place where its points are measured.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::merge::text;
use super::plan::{Block, Visit};
use super::server::Process;
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
    /// A CSV text of the requests.
    pub requests: Option<String>,
}

/// The kinds of idle baselines: without a CUDA context, with one that does nothing, with the server loaded.
pub(super) const KINDS: [&str; 3] = ["no_context", "context", "loaded"];

/// An idle baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Idle {
    /// `no_context`, `context` or `loaded`.
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failed {
    /// What happened, for a person.
    pub reason: String,
    /// The last lines of the log of what failed.
    pub log: Vec<String>,
    /// That log, where there is one.
    pub log_file: Option<PathBuf>,
    /// Whether the server must be started again before anything else.
    pub is_server_down: bool,
}

impl Failed {
    /// A failure without a log.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }

    /// Of a command, with its log.
    pub(super) fn of_command(reason: String, process: &Process) -> Self {
        Self { reason, log: process.tail(), log_file: Some(process.log().to_owned()), is_server_down: false }
    }

    /// Of a server that must be started again; with its log, where the sweep has started it.
    pub(super) fn of_server(reason: String, process: Option<&Process>) -> Self {
        let (log, log_file) = process.map(|own| (own.tail(), own.log().to_owned())).unzip();
        Self { reason, log: log.unwrap_or_default(), log_file, is_server_down: true }
    }

    /// What the journal says of it.
    pub(super) fn json(&self) -> Json {
        json!({ "reason": self.reason, "log": self.log, "log_file": self.log_file })
    }

    /// What a journal said of it.
    pub(super) fn of_json(event: &Json) -> Self {
        let log = event.get("log").and_then(Json::as_array).into_iter().flatten();
        Self {
            reason: text(event, "reason").to_owned(),
            log: log.filter_map(Json::as_str).map(str::to_owned).collect(),
            log_file: event.get("log_file").and_then(Json::as_str).map(PathBuf::from),
            is_server_down: false,
        }
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
