//! Why two runs cannot be diagnosed.

use miette::Diagnostic;
use thiserror::Error;

use crate::model::FrameError;
use crate::notes::list;
use crate::predict::MetricError;

/// Why two runs cannot be diagnosed.
#[derive(Debug, Error, Diagnostic)]
pub enum DiagnoseError {
    /// One run against itself.
    #[error("run A and run B are the same run, `{run}`")]
    #[diagnostic(help("name two runs; `joules runs` lists them"))]
    SameRun {
        /// The run.
        run: String,
    },
    /// Runs of one side that are not repeats of each other.
    #[error("`{other}` is no repeat of `{first}`: they differ in `{condition}`")]
    #[diagnostic(help("runs that stand for one side must have the same conditions"))]
    NotARepeat {
        /// The side's first run.
        first: String,
        /// The other run.
        other: String,
        /// A condition that differs.
        condition: String,
    },
    /// A task that the model knows nothing of.
    #[error("run `{run}` has task `{task}`, which model `{model}` does not describe")]
    #[diagnostic(help("its tasks are {}; give a model for `{task}` with `--model` and `--fitted`", list(tasks)))]
    OtherTask {
        /// The run.
        run: String,
        /// Its task.
        task: String,
        /// The model.
        model: String,
        /// The model's tasks.
        tasks: Vec<String>,
    },
    /// No metric that both runs have.
    #[error(
        "runs `{a}` and `{b}` have no common metric that one model explains: {} against {}",
        list_or_none(metrics_a),
        list_or_none(metrics_b)
    )]
    #[diagnostic(help("choose two runs of one kind of task: what one counts, the other must count too"))]
    NoCommonMetric {
        /// The first run.
        a: String,
        /// Its metrics.
        metrics_a: Vec<String>,
        /// The second run.
        b: String,
        /// Its metrics.
        metrics_b: Vec<String>,
    },
    /// A metric that cannot be asked for.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Metric(#[from] MetricError),
    /// A run that does not fit the model.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Frame(#[from] FrameError),
}

fn list_or_none(items: &[String]) -> String {
    if items.is_empty() { "none".to_owned() } else { list(items) }
}
