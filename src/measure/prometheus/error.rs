//! Why telemetry cannot be imported.

use miette::Diagnostic as _;

use super::time::SpanError;
use crate::measure::http::HttpError;
use crate::notes::{lines, list, plural, quoted};
use crate::runs::{GridError, RunsError};
use crate::unit::show;

/// As many names of metrics as a person reads.
const MOST_NAMES: usize = 8;

/// Why two windows of telemetry do not become two runs.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PrometheusError {
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A text that is no window.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Span(#[from] SpanError),
    /// A condition as typed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Grid(#[from] GridError),
    /// A `--set` of several values.
    #[error("`--set {text}` is not one condition with one value")]
    #[diagnostic(help("write one of them for each condition: `--set batch_size=256 --set precision=fp8`"))]
    NotOne {
        /// As written.
        text: String,
    },
    /// A condition that is typed twice.
    #[error("`{name}` is given twice")]
    #[diagnostic(help("give each condition once; `--set-a` and `--set-b` override `--set`"))]
    Twice {
        /// The condition.
        name: String,
    },
    /// Two runs of one id.
    #[error("both runs would have the id `{id}`")]
    #[diagnostic(help("give them two: `--id-a before --id-b after`"))]
    SameId {
        /// The id.
        id: String,
    },
    /// A run without an id.
    #[error("`{option}` is empty")]
    #[diagnostic(help("give the run an id: `{option} before`, or leave the option out"))]
    EmptyId {
        /// The option.
        option: &'static str,
    },
    /// A name that no sweep can have, or a store that cannot be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Runs(#[from] RunsError),
    /// A text that is no list of matchers.
    #[error("`{text}` of `{option}` is no list of matchers: it cannot be read from `{near}` on")]
    #[diagnostic(help(
        "matchers are written as `{option} 'model_name=\"m\",job=\"vllm\"'`, without braces and with the value in quotes"
    ))]
    Matchers {
        /// The option.
        option: &'static str,
        /// As written.
        text: String,
        /// What stands where it is none.
        near: String,
    },
    /// Several of these.
    #[error("what is asked for has {}:\n{}", plural(faults.len(), "fault"), lines(faults, usize::MAX))]
    #[diagnostic(help("{}", helps(faults)))]
    Faults {
        /// All of them.
        faults: Vec<PrometheusError>,
    },
    /// Something that answers, but not as Prometheus does.
    #[error("{url} is no Prometheus: {found}")]
    #[diagnostic(help(
        "give the address of the Prometheus server (usually port 9090), not the page of metrics of an inference server \
         or an exporter; behind a proxy, with the path before `/api/v1`"
    ))]
    NotPrometheus {
        /// What was asked.
        url: String,
        /// What came instead.
        found: String,
    },
    /// An answer that says no.
    #[error("{url} refuses ({status}): {message}")]
    #[diagnostic(help("{}", refusal_help(*status, message)))]
    Refused {
        /// What was asked.
        url: String,
        /// Status of HTTP.
        status: u16,
        /// What it says.
        message: String,
    },
    /// A window that is not over.
    #[error("window {run} ends {} in the future of Prometheus, where it is {now} now", show(*by, "s"))]
    #[diagnostic(help("end it at `now` or before"))]
    Future {
        /// Which window.
        run: String,
        /// By how much, s.
        by: f64,
        /// The time there.
        now: String,
    },
    /// A window older than what is kept.
    #[error("window {run} starts at {from}, but Prometheus keeps {retention} only")]
    #[diagnostic(help("take a later window, or ask a server that keeps more"))]
    Retention {
        /// Which window.
        run: String,
        /// Its start.
        from: String,
        /// What is kept.
        retention: String,
    },
    /// No series.
    #[error(
        "Prometheus has no {} in window {} ({} to {}){}",
        found.what, found.run, found.from, found.to, with_selector(&found.selector)
    )]
    #[diagnostic(help("{}", found.help()))]
    Nothing {
        /// What was looked for, and what is there.
        found: Box<Nothing>,
    },
    /// Series of several servers, models or parts that are no one run.
    #[error("window {run} holds {}: {}", what, list(found))]
    #[diagnostic(help("choose one with `{option}`"))]
    Several {
        /// Which window.
        run: String,
        /// `several models` …
        what: &'static str,
        /// Which.
        found: Vec<String>,
        /// An option that chooses.
        option: String,
    },
    /// Too few scrapes for what they are to measure.
    #[error(
        "window {run} ({}) has {found} {what}, one every {}: {needed} are needed",
        show(*length, "s"), show(*interval, "s")
    )]
    #[diagnostic(help(
        "take a window of at least {}, or let the exporter read and Prometheus scrape more often (dcgm-exporter reads \
         every 30 s unless told otherwise: `--collect-interval 1000`)",
        show(interval * (*needed as f64 + 1.0), "s")
    ))]
    TooFew {
        /// Which window.
        run: String,
        /// Its length, s.
        length: f64,
        /// What was sampled.
        what: &'static str,
        /// How many new values there are.
        found: usize,
        /// Their distance, s.
        interval: f64,
        /// How many there must be.
        needed: usize,
    },
    /// A window without tokens.
    #[error("the server put out no token in window {run}")]
    #[diagnostic(help("take a window in which it worked"))]
    Idle {
        /// Which window.
        run: String,
    },
    /// A GPU that used more than any does.
    #[error("GPU {gpu} would have used {} in window {run}", show(*power, "W"))]
    #[diagnostic(help("its energy counter is broken in this window, or is not in millijoules: take another window"))]
    Implausible {
        /// Which window.
        run: String,
        /// Its id.
        gpu: String,
        /// Its mean power, W.
        power: f64,
    },
}

/// Series that were looked for and are not there.
#[derive(Clone, Debug, PartialEq)]
pub struct Nothing {
    /// Which window.
    pub run: String,
    /// Start of the window.
    pub from: String,
    /// End of the window.
    pub to: String,
    /// What was asked for.
    pub what: &'static str,
    /// The matchers in use.
    pub selector: String,
    /// The option that sets them.
    pub option: &'static str,
    /// Names that were looked for.
    pub looked_for: Vec<String>,
    /// Names there that could mean it; without the matchers, whole series.
    pub nearby: Vec<String>,
    /// Whether there are some without the matchers.
    pub matched_without: bool,
}

impl Nothing {
    fn help(&self) -> String {
        let there = if self.nearby.is_empty() {
            "nothing there has a name like these: is the server scraped by this Prometheus?".to_owned()
        } else {
            format!("there is {}", quoted(&self.nearby, MOST_NAMES))
        };
        if self.matched_without {
            return format!("there are some without the matchers: correct `{}`; {there}", self.option);
        }
        format!("looked for {}; {there}", quoted(&self.looked_for, MOST_NAMES))
    }
}

/// What to do about each of several faults.
fn helps(faults: &[PrometheusError]) -> String {
    let mut helps: Vec<String> = faults.iter().filter_map(|fault| Some(fault.help()?.to_string())).collect();
    let mut told = std::collections::HashSet::new();
    helps.retain(|help| told.insert(help.clone()));
    helps.join("\n")
}

fn with_selector(selector: &str) -> String {
    if selector.is_empty() { String::new() } else { format!(" with `{selector}`") }
}

fn refusal_help(status: u16, message: &str) -> &'static str {
    match status {
        401 | 403 => "it wants a key: put it into a variable and name that with `--key-env`",
        _ if message.contains("parse error") => {
            "matchers are written as `--selector 'model_name=\"m\",job=\"vllm\"'`, without braces"
        }
        _ => "that is what Prometheus answers to the query; narrow `--selector` and `--gpu-selector`, or the window",
    }
}
