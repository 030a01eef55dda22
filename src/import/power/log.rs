//! A log of power: samples of each GPU over time, in SI.

use std::collections::BTreeMap;

/// One reading of a GPU. What the log lacks or marks as not available is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sample {
    /// s: since 1970 in the log's own time of day, or since its start.
    pub(super) time: f64,
    /// W.
    pub(super) power: Option<f64>,
    /// K.
    pub(super) temperature: Option<f64>,
    /// Hz.
    pub(super) sm_clock: Option<f64>,
    /// Share of time with a kernel, 0 to 1.
    pub(super) utilization: Option<f64>,
    /// W.
    pub(super) power_limit: Option<f64>,
    /// The line in the file.
    pub(super) line: usize,
}

/// Which power a log has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Domain {
    /// `power.draw`: averaged over about 1 s, or not, by the part.
    Draw,
    /// `power.draw.average`.
    Average,
    /// `power.draw.instant`.
    Instant,
    /// `pwr` of `dmon`: as `power.draw`.
    Dmon,
    /// Socket power of an AMD part.
    Socket,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Log {
    /// By the index, bus id or UUID that the log has.
    pub(super) gpus: BTreeMap<String, Vec<Sample>>,
    /// Names of the parts, as the driver writes them.
    pub(super) names: BTreeMap<String, String>,
    pub(super) domain: Domain,
    /// Whether times are Unix times; else they are the log's own time of day.
    pub(super) is_unix: bool,
    /// Whether the log has times at all; else samples are taken to be 1 s apart.
    pub(super) has_times: bool,
    /// What to doubt: a stable name, and what was seen.
    pub(super) notes: Vec<(&'static str, String)>,
}
