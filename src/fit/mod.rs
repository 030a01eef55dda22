//! Fitting: what do the runs say about the parameters of a model, and how surely?
//!
//! Four functions in a row, each callable alone: [`frame`] binds runs to the model, `Objective::new` is
//! minus the log posterior with exact derivatives, `solve` finds its mode with argmin, and [`Fitted`] keeps the mode
//! with its Laplace approximation. [`Summary`] says what the data decided and what they did not.

mod calibration;
mod file;
mod file_rest;
mod fitted;
mod folds;
mod forecast;
#[cfg(test)]
mod laws;
mod likelihood;
mod nested;
mod noise;
mod objective;
mod reliance;
mod residual;
mod seen;
mod simulate;
mod solver;
mod summary;
mod support;

pub(crate) use calibration::held_out;
pub use calibration::{COVERAGE, Calibration, Factor, Score, cross_validate};
pub use file::{FittedFileError, model_names, read_fitted, write_fitted};
pub use fitted::{Fitted, Record};
pub use folds::Fold;
pub(crate) use forecast::{Anchors, Expected as ExpectedRun, Forecast};
pub use likelihood::DEGREES_OF_FREEDOM;
pub use nested::cross_validate_nested;
pub(crate) use noise::Left;
pub(crate) use reliance::{Reliance, effective_parameters, reliance, spread_coordinates};
pub(crate) use residual::Design;
pub use residual::Process;
pub use seen::{Seen, Varied};
pub use simulate::{Simulated, Truth, simulate};
pub use solver::{Settings, Stopped};
pub(crate) use summary::frame_states;
pub use summary::{Accuracy, ParameterEstimate, Prediction, Summary, WeakDirection, accuracy, estimates, predictions};
pub use support::{Distance, Support};

use miette::Diagnostic;
use thiserror::Error;

use crate::catalog::Catalog;
use crate::model::{Frame, FrameError, Model, ParameterSpace, Slopes, canonical};
use crate::runs::Run;
use calibration::{cross_validated, observations};
use objective::Objective;
use solver::{Solution, resolve, solve};
pub(crate) use support::{View, gap, views, worst};

/// Why a model could not be fitted.
#[derive(Debug, Error, Diagnostic)]
pub enum FitError {
    /// No run of the model's tasks has a measured outcome.
    #[error("no run to fit `{model}` to: {found} runs were given, none of them with a measured outcome of its tasks")]
    #[diagnostic(help("the model's tasks are {}; choose runs with `--runs` and `--where`", tasks.join(", ")))]
    NoRuns {
        /// The model.
        model: String,
        /// How many runs there were.
        found: usize,
        /// The model's tasks.
        tasks: Vec<String>,
    },
    /// An equation that gives no number.
    #[error("`{node}` is not a positive number for run `{run}` at the priors' medians, so nothing can be fitted to it")]
    #[diagnostic(help(
        "look for a logarithm, a root or a difference that can be negative, in `{node}` or what it uses"
    ))]
    NotANumber {
        /// The noisy node.
        node: String,
        /// The first such run.
        run: String,
    },
    /// Runs that do not fit the model.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Frame(#[from] FrameError),
}

/// The runs of a model's tasks that have something to fit to, in canonical form.
pub fn relevant(model: &Model, catalog: &Catalog, runs: &[Run]) -> Vec<Run> {
    let is_measured = |run: &Run| {
        model
            .noisy
            .iter()
            .any(|noisy| run.metrics.contains_key(&noisy.observed) || run.observed.contains_key(&noisy.observed))
    };
    runs.iter().filter(|run| model.takes_run(run) && is_measured(run)).map(|run| canonical(run, catalog)).collect()
}

/// Binds runs to the model, and lays out one coordinate per pooled value, group and level that the runs have.
pub fn frame(model: &Model, catalog: &Catalog, runs: &[Run]) -> Result<(Frame, ParameterSpace), FrameError> {
    let frame = Frame::new(model, catalog, runs)?;
    let levels = used_levels(model, &frame);
    Ok((frame, ParameterSpace::new(model, &levels)))
}

/// Levels of each parameter among the rows where its `where` holds.
fn used_levels(model: &Model, frame: &Frame) -> Vec<Vec<String>> {
    let pooled = ParameterSpace::new(model, &vec![Vec::new(); model.parameters.len()]);
    let (parameters, _): (_, Slopes) = pooled.columns(model, frame, &vec![0.0; pooled.len()]);
    let columns = frame.columns(parameters);
    let mut values = Vec::new();
    let mut used: Vec<Vec<bool>> = frame.level_names.iter().map(|names| vec![false; names.len()]).collect();
    for row in 0..frame.rows() {
        model.tape.evaluate(&columns, &(row..row + 1), &mut values);
        for (index, parameter) in model.parameters.iter().enumerate() {
            if parameter.only.is_none_or(|slot| values[slot as usize] != 0.0) {
                used[index][frame.levels[index][row] as usize] = true;
            }
        }
    }
    frame
        .level_names
        .iter()
        .zip(used)
        .map(|(names, used)| names.iter().zip(used).filter(|(_, used)| *used).map(|(name, _)| name.clone()).collect())
        .collect()
}

/// A noisy node and a row where the equations give no positive number to take the logarithm of.
fn not_a_number(model: &Model, frame: &Frame, space: &ParameterSpace) -> Option<(usize, usize)> {
    let (parameters, _): (_, Slopes) = space.columns(model, frame, &vec![0.0; space.len()]);
    let mut values = Vec::new();
    model.tape.evaluate(&frame.columns(parameters), &(0..frame.rows()), &mut values);
    model.noisy.iter().find_map(|noisy| {
        let slot = model.nodes[noisy.node].predicted as usize;
        let is_measured = |row: &usize| !frame.inputs[noisy.observed_input][*row].is_nan();
        let is_bad = |row: &usize| {
            let value = values[slot * frame.rows() + row];
            !(value.is_finite() && value > 0.0)
        };
        (0..frame.rows()).filter(is_measured).find(is_bad).map(|row| (noisy.node, row))
    })
}

/// Fits a model to runs.
pub fn fit(model: Model, catalog: &Catalog, runs: &[Run], settings: &Settings) -> Result<Fitted, FitError> {
    fit_and_validate(model, catalog, runs, settings).map(|(fitted, _)| fitted)
}

/// Fits a model to runs, and gives the held-out predictions that its calibration rests on.
pub fn fit_and_validate(
    model: Model,
    catalog: &Catalog,
    runs: &[Run],
    settings: &Settings,
) -> Result<(Fitted, Vec<Score>), FitError> {
    let start = |objective: &Objective<'_>| solve(objective, settings);
    fitted_from(model, catalog, runs, settings, start)
}

/// Fits the model of `known` to runs, from where its estimates ended; levels that it does not know start at their priors.
pub fn refit(
    known: &Fitted,
    catalog: &Catalog,
    runs: &[Run],
    settings: &Settings,
) -> Result<(Fitted, Vec<Score>), FitError> {
    let start = |objective: &Objective<'_>| {
        let names = objective.space.names().iter();
        let own = |name: &String| known.space.names().iter().position(|known| known == name);
        let theta: Vec<f64> = names.map(|name| own(name).map_or(0.0, |index| known.theta[index])).collect();
        resolve(objective, &theta, settings)
    };
    fitted_from(known.model.clone(), catalog, runs, settings, start)
}

fn fitted_from(
    model: Model,
    catalog: &Catalog,
    runs: &[Run],
    settings: &Settings,
    search: impl FnOnce(&Objective<'_>) -> Solution,
) -> Result<(Fitted, Vec<Score>), FitError> {
    let relevant = relevant(&model, catalog, runs);
    if relevant.is_empty() {
        return Err(FitError::NoRuns { model: model.name.clone(), found: runs.len(), tasks: model.tasks.clone() });
    }
    let (frame, space) = frame(&model, catalog, &relevant)?;
    if let Some((node, row)) = not_a_number(&model, &frame, &space) {
        return Err(FitError::NotANumber { node: model.nodes[node].name.clone(), run: relevant[row].id.clone() });
    }
    let solution = search(&Objective::new(&model, &space, &frame));
    let record = Record::new(&model, &relevant, &solution, settings);
    let theta = solution.theta.as_slice().to_vec();
    let mut fitted = Fitted::new(model, space, theta, solution.curved.curvature, record);
    let scores = complete(&mut fitted, &frame, &relevant, settings.calibrate);
    Ok((fitted, scores))
}

/// What follows once the equations are fitted: the residual process, what was measured, and how true intervals are; the
/// latter by the held-out predictions that are given back.
fn complete(fitted: &mut Fitted, frame: &Frame, runs: &[Run], calibrate: bool) -> Vec<Score> {
    let left = Left::new(fitted, frame);
    fitted.support = Support { rows: views(&fitted.model, &left.values, runs.len()) };
    if let Some(residual) = &fitted.model.residual {
        let design = Design::new(residual, &left.values, runs.len());
        fitted.residual = Some(Process::learn(residual, &design, &observations(fitted, &left), fitted.record.seed));
    }
    let scores = if calibrate { cross_validated(fitted, frame, runs) } else { Vec::new() };
    fitted.calibration = Calibration::new(fitted, &scores);
    scores
}
