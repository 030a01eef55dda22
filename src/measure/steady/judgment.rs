//! What is concluded of a window, and why.

use std::fmt;

use serde::Serialize;

use super::batches::Rate;
use super::trend::Trend;

/// May the window be used?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Yes.
    Steady,
    /// It is steady and long enough, but its energy per token is not known well enough yet.
    Imprecise,
    /// Nothing speaks against it but its length.
    TooShort,
    /// It is not one state.
    NotSteady,
    /// It is not the load that was asked for.
    NotValid,
    /// There is none.
    NoWindow,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Steady => "steady",
            Self::Imprecise => "imprecise",
            Self::TooShort => "too-short",
            Self::NotSteady => "not-steady",
            Self::NotValid => "not-valid",
            Self::NoWindow => "no-window",
        })
    }
}

/// What speaks against a window.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// The batch was never full once, or nothing was recorded.
    NeverFull {
        /// Requests whose first token came.
        begun: f64,
        /// Needed.
        batch: u64,
    },
    /// Running requests fell far below what they usually were.
    BatchFalls {
        /// Share of blocks in which they did.
        share: f64,
        /// What they usually were.
        plateau: f64,
        /// The lowest block.
        lowest: f64,
    },
    /// There was not always more to do.
    SupplyEnds {
        /// Share of blocks in which there was not.
        share: f64,
    },
    /// Requests under way become ever more.
    BacklogGrows {
        /// By so many over the window.
        growth: f64,
        /// Their median.
        usual: f64,
    },
    /// Tokens per second rise or fall.
    ThroughputDrifts(Trend),
    /// Power rises or falls.
    PowerDrifts(Trend),
    /// Requests fail: the energy for them was spent, and their tokens are not counted.
    RequestsFail {
        /// Requests of the window that failed.
        failed: f64,
        /// All that ended in it.
        ended: f64,
    },
    /// The client is the bottleneck: it sent requests later than they were due.
    SentLate {
        /// Requests of the window that were sent late.
        late: f64,
        /// All that were sent in it.
        sent: f64,
    },
    /// Too few seconds.
    Short {
        /// Found, s.
        seconds: f64,
        /// Needed, s.
        needed: f64,
    },
    /// Too few ticks of an energy counter.
    FewTicks {
        /// Found.
        ticks: usize,
        /// Needed.
        needed: usize,
    },
    /// The interval of the energy per token is wide, or there are too few batches for one.
    Wide {
        /// Half its width, as a share of the value.
        precision: Option<f64>,
        /// Wanted.
        wanted: f64,
    },
    /// No energy per token: a counter stood still, or no token came.
    NoEnergy,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| share * 100.0;
        match self {
            Self::NeverFull { begun, batch } => {
                write!(f, "only {begun:.0} of the {batch} requests that fill the batch ever got a token")
            }
            Self::BatchFalls { share, plateau, lowest } => write!(
                f,
                "running requests fell to {lowest:.1} from the usual {plateau:.1}, and were too low in {:.0} % of the time",
                percent(*share)
            ),
            Self::SupplyEnds { share } => {
                write!(
                    f,
                    "there was not always more to do: requests were missing in {:.0} % of the time",
                    percent(*share)
                )
            }
            Self::BacklogGrows { growth, usual } => write!(
                f,
                "requests come faster than they are answered: those under way, {usual:.0} in the middle, grow by {growth:.0} \
                 over the window"
            ),
            Self::ThroughputDrifts(trend) => drift(f, "tokens per second", trend),
            Self::PowerDrifts(trend) => drift(f, "power", trend),
            Self::RequestsFail { failed, ended } => write!(
                f,
                "{failed:.0} of {ended:.0} requests failed ({:.1} %): energy was spent on them, and none of their tokens count",
                percent(failed / ended.max(1.0))
            ),
            Self::SentLate { late, sent } => write!(
                f,
                "the client is the bottleneck: it sent {late:.0} of {sent:.0} requests later than they were due, so that this \
                 is not the load asked for; let it run on cores that the server does not use, or lower the rate"
            ),
            Self::Short { seconds, needed } => write!(f, "{seconds:.1} s long, but {needed:.0} s are needed"),
            Self::FewTicks { ticks, needed } => {
                write!(f, "{ticks} ticks of the energy counter, but {needed} are needed")
            }
            Self::Wide { precision: Some(found), wanted } => write!(
                f,
                "energy per token is known to ±{:.1} % only, and ±{:.1} % is wanted",
                percent(*found),
                percent(*wanted)
            ),
            Self::Wide { precision: None, .. } => f.write_str("too short for an interval of the energy per token"),
            Self::NoEnergy => f.write_str("no energy per token: an energy counter stood still, or no token came"),
        }
    }
}

fn drift(f: &mut fmt::Formatter<'_>, what: &str, trend: &Trend) -> fmt::Result {
    let word = if trend.change > 0.0 { "rises" } else { "falls" };
    let change = trend.change.abs() * 100.0;
    write!(
        f,
        "{what} {word} by {change:.1} % over the window (chance of that without a trend: {:.1e})",
        trend.probability
    )
}

/// What is concluded of a measurement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgment {
    /// May it be used?
    pub verdict: Verdict,
    /// What speaks against it; empty if it is steady.
    pub reasons: Vec<Reason>,
    /// The window, seconds of the clock; none if there is none.
    pub window: Option<(f64, f64)>,
    /// Energy per token in it.
    pub rate: Option<Rate>,
    /// Output tokens per second in it.
    pub throughput: Option<f64>,
    /// Mean running requests in it.
    pub running: Option<f64>,
}

impl Judgment {
    /// Whether the measurement may stop: what is wanted is reached.
    pub fn is_enough(&self) -> bool {
        self.verdict == Verdict::Steady
    }

    /// The reasons as one text, for a person; empty if it is steady.
    pub fn why(&self) -> String {
        let reasons: Vec<String> = self.reasons.iter().map(ToString::to_string).collect();
        reasons.join("; ")
    }
}
