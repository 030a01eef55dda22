//! Why a question has no answer.

use std::path::PathBuf;

use crate::catalog::CatalogError;
use crate::diagnose::DiagnoseError;
use crate::fit::{FitError, FittedFileError};
use crate::import::ImportError;
#[cfg(feature = "measure")]
use crate::measure::command::MeasureError;
#[cfg(feature = "measure")]
use crate::measure::meter::NotAlone;
use crate::model::{FrameError, ModelError};
use crate::notes::{did_you_mean, quoted};
use crate::plan::PlanError;
use crate::predict::MetricError;
use crate::runs::{GridError, ReferenceError, RunsError, SelectorError};
use crate::whatif::{BudgetError, WhatIfError};

/// Exit code of what could not be written.
const FAILED: u8 = 1;
/// Exit code of work that was told to end.
#[cfg(feature = "measure")]
const INTERRUPTED: u8 = 130;
/// Exit code of bad usage and bad input.
const BAD_INPUT: u8 = 2;

/// Everything that can end a command; the errors of the library, and those of the arguments.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum Failure {
    /// Runs on disk.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Runs(#[from] RunsError),
    /// A reference to a run.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Reference(#[from] ReferenceError),
    /// A filter of runs.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Selector(#[from] SelectorError),
    /// Foreign results.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Import(#[from] ImportError),
    /// A file of a catalog, or a model's configuration.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Catalog(#[from] CatalogError),
    /// A model file.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Model(#[from] ModelError),
    /// Runs that a model cannot take.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Frame(#[from] FrameError),
    /// A fit.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fit(#[from] FitError),
    /// A configuration as typed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Grid(#[from] GridError),
    /// A metric that a model does not have.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Metric(#[from] MetricError),
    /// A what-if.
    #[error(transparent)]
    #[diagnostic(transparent)]
    WhatIf(#[from] WhatIfError),
    /// A limit on a metric.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Budget(#[from] BudgetError),
    /// A plan.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Plan(#[from] PlanError),
    /// A sweep.
    #[cfg(feature = "measure")]
    #[error(transparent)]
    #[diagnostic(transparent)]
    Sweep(#[from] crate::measure::sweep::SweepError),
    /// A diagnosis.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Diagnose(#[from] DiagnoseError),
    /// A file of fitted parameters.
    #[error(transparent)]
    #[diagnostic(transparent)]
    FittedFile(#[from] FittedFileError),
    /// Telemetry that does not become runs.
    #[cfg(feature = "measure")]
    #[error(transparent)]
    #[diagnostic(transparent)]
    Prometheus(#[from] Box<crate::measure::prometheus::PrometheusError>),
    /// A variable that should hold a key.
    #[cfg(feature = "measure")]
    #[error("there is no environment variable `{name}`, or it is empty")]
    #[diagnostic(help("put the key into it, and give its name, not the key: `--key-env NAME`"))]
    NoKey {
        /// Its name.
        name: String,
    },
    /// A format that is a folder of files.
    #[error("runs in the format `{format}` are a folder of files, and no folder is named")]
    #[diagnostic(help("add `--out DIR`"))]
    NoFolder {
        /// The format.
        format: &'static str,
    },
    /// Runs of which none can be written in a format.
    #[error("of {} none can be exported; `{run}`: {why}", crate::notes::plural(*count, "run"))]
    #[diagnostic(help("the format needs what is missing; `joules runs RUN` shows what is known of a run"))]
    NothingExported {
        /// How many there are.
        count: usize,
        /// The first of them.
        run: String,
        /// Why it cannot.
        why: String,
    },
    /// A measurement.
    #[cfg(feature = "measure")]
    #[error(transparent)]
    #[diagnostic(transparent)]
    Measure(#[from] MeasureError),
    /// A metric that a study cannot compare.
    #[error("a study compares energy, and `{metric}` is none")]
    #[diagnostic(help(
        "name one of the metrics `energy_per_…`; for others, `joules diagnose A B --metric {metric}` compares two runs"
    ))]
    NoEnergy {
        /// As written.
        metric: String,
    },
    /// A metric that neither the runs nor the model have.
    #[error("`{metric}` is no metric of these runs{}", did_you_mean(nearest.as_deref()))]
    #[diagnostic(help("these runs have {}", quoted(known, 20)))]
    UnknownMetric {
        /// As written.
        metric: String,
        /// What it may have meant.
        nearest: Option<String>,
        /// What there is.
        known: Vec<String>,
    },
    /// A node that the model does not have.
    #[error("`{node}` is no node of model `{model}`{}", did_you_mean(nearest.as_deref()))]
    #[diagnostic(help("`joules graph` draws all of them"))]
    UnknownNode {
        /// As written.
        node: String,
        /// The model.
        model: String,
        /// What it may have meant.
        nearest: Option<String>,
    },
    /// A node that is no cause of the other.
    #[error("in model `{model}` no path leads from `{from}` to `{to}`{}", if *reverse { ", only from the second to the first" } else { "" })]
    #[diagnostic(help("a change of `{from}` does not act on `{to}`; `joules graph --to {to}` draws what does"))]
    NoPath {
        /// The model.
        model: String,
        /// The supposed cause.
        from: String,
        /// The supposed effect.
        to: String,
        /// Whether the second is a cause of the first.
        reverse: bool,
    },
    /// Neither a file nor a shipped model.
    #[error("`{name}` is neither a model file nor the name of a shipped model")]
    #[diagnostic(help("the shipped models are {}", quoted(shipped, 10)))]
    UnknownModel {
        /// As written.
        name: String,
        /// What there is.
        shipped: Vec<String>,
    },
    /// A fitted file whose model is not at hand.
    #[error("`{}` was fitted with model `{model}`, which is not one of the shipped", file.display())]
    #[diagnostic(help("give its file too: `--model FILE`"))]
    ModelNotAtHand {
        /// The fitted file.
        file: PathBuf,
        /// The model it names.
        model: String,
    },
    /// A model of one's own without estimates.
    #[error("`{model}` has no fitted parameters")]
    #[diagnostic(help(
        "fit it first, `joules fit --model {model} --out fitted.toml`, and give `--fitted fitted.toml`"
    ))]
    NotFitted {
        /// As written.
        model: String,
    },
    /// Runs that no shipped model is for.
    #[error("no shipped model is for {}", if tasks.is_empty() { "runs without a `task`".to_owned() } else { format!("runs of task {}", quoted(tasks, 5)) })]
    #[diagnostic(help(
        "the shipped models are for {}: say which it is (`--set task=…` where runs are measured or imported), or give a model of your own as `--model FILE`",
        quoted(known, 20)
    ))]
    NoModelFor {
        /// Tasks of the runs.
        tasks: Vec<String>,
        /// Tasks of the shipped models.
        known: Vec<String>,
    },
    /// A filter that leaves no run.
    #[error("no run is left of the {before} given")]
    #[diagnostic(help("`joules runs --where …` shows what a filter leaves"))]
    NothingLeft {
        /// How many there were.
        before: usize,
    },
    /// A condition with several values where one run is meant.
    #[error("`{name}` is given several values, and a measured run has one")]
    #[diagnostic(help("measure once for each; `joules sweep` does that for a grid"))]
    SeveralValues {
        /// The condition.
        name: String,
    },
    /// A prediction of nothing.
    #[error("nothing to predict")]
    #[diagnostic(help(
        "give a configuration, such as `joules predict model=Qwen/Qwen3-32B,gpu=B200,gpus=1,batch_size=8..1024`, or rows with `--runs`"
    ))]
    NothingAsked,
    /// A file of configurations with faults.
    #[error("{} does not say what to predict:\n{faults}", file.display())]
    #[diagnostic(help(
        "write `[[configuration]]` tables with conditions, such as `batch_size = \"8..1024\"` or `gpus = [1, 2]`"
    ))]
    Configurations {
        /// The file.
        file: PathBuf,
        /// All of its faults.
        faults: String,
    },
    /// Standard output that takes no more.
    #[error("cannot write the answer")]
    Output {
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Failure {
    /// The exit code: 1 where an answer could not be written, 2 where it could not be asked for, 130 where it was told to
    /// end; a path that cannot be read is a bad one, be it absent or closed to us.
    pub fn code(&self) -> u8 {
        match self {
            Self::Output { .. }
            | Self::Runs(RunsError::Write { .. })
            | Self::Import(ImportError::Runs(RunsError::Write { .. })) => FAILED,
            #[cfg(feature = "measure")]
            Self::Measure(MeasureError::Interrupted { .. }) => INTERRUPTED,
            // Nothing was measured, though the question was a good one.
            #[cfg(feature = "measure")]
            Self::Measure(error) if !is_bad_input(error) => FAILED,
            #[cfg(feature = "measure")]
            Self::Sweep(error) if !error.is_bad_input() => FAILED,
            _ => BAD_INPUT,
        }
    }
}

/// Whether a measurement failed by how it was asked for, not by the machine.
#[cfg(feature = "measure")]
fn is_bad_input(error: &MeasureError) -> bool {
    match error {
        MeasureError::Meter(error) => error.is_bad_input(),
        MeasureError::Runs(RunsError::Write { .. })
        | MeasureError::MarksFile { .. }
        | MeasureError::NotAlone(NotAlone::Others { .. }) => false,
        _ => true,
    }
}
