//! Intervals that are true: how far predictions were off, in units of their own standard deviation, where nothing was
//! measured.
//!
//! For every kind of question the runs that make it such a question are held out, the equations are fitted and the residual
//! process is conditioned without them, and the held-out outcomes are compared with what was expected. The 90 % quantile of
//! |error| / standard deviation is the factor by which an interval of that kind is widened or narrowed (normalised split
//! conformal prediction: Lei et al., Distribution-free predictive inference for regression, JASA 113, 2018). Runs held out
//! together err together, so the quantile is taken at (g + 1)/g of 90 % for g groups of runs.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::fitted::Fitted;
use super::folds::Fold;
use super::forecast::Forecast;
use super::noise::Left;
use super::objective::Objective;
use super::residual::Process;
use super::solver::continued;
use super::support::Distance;
use crate::catalog::Catalog;
use crate::model::{Frame, FrameError, Target};
use crate::runs::Run;
use crate::stats::{NORMAL_QUANTILE_90, quantile};

/// Nominal coverage of intervals.
pub const COVERAGE: f64 = 0.9;
/// Least number of held-out runs from which a factor is taken.
const ENOUGH: usize = 20;
/// A kind without enough runs takes the factor of the next milder one, widened by this.
const WIDER: f64 = 1.25;

/// One held-out outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Index of the run among those of the fit.
    pub run: usize,
    /// Number of the fold.
    pub fold: usize,
    /// What kind of question it was.
    pub distance: Distance,
    /// The metric.
    pub metric: String,
    /// Predicted, SI.
    pub predicted: f64,
    /// Predicted by the equations alone, SI.
    pub equations: f64,
    /// Measured, SI.
    pub measured: f64,
    /// Standard deviation of the log that was expected.
    pub spread: f64,
}

impl Score {
    /// ln measured − ln predicted, in standard deviations.
    pub fn z(&self) -> f64 {
        (self.measured.ln() - self.predicted.ln()) / self.spread
    }
}

/// What was found for one kind of question and one metric.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factor {
    /// Half-width of the 90 % interval of the log over its standard deviation.
    pub factor: f64,
    /// Held-out outcomes that it rests on.
    pub runs: usize,
}

/// Half-widths by kind of question and metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    /// `factors[kind][metric]`; kinds are those of `Distance::name`.
    pub factors: BTreeMap<String, BTreeMap<String, Factor>>,
}

impl Calibration {
    /// From held-out outcomes.
    pub(crate) fn new(fitted: &Fitted, scores: &[Score]) -> Self {
        let mut members: BTreeMap<(String, String), Vec<&Score>> = BTreeMap::new();
        for score in scores {
            let kind = score.distance.name(&fitted.model).to_owned();
            members.entry((kind, score.metric.clone())).or_default().push(score);
        }
        let mut factors: BTreeMap<String, BTreeMap<String, Factor>> = BTreeMap::new();
        for ((kind, metric), scores) in members {
            let runs = scores.len();
            let groups = fitted.support.curves(scores.iter().map(|score| score.run));
            let level = (COVERAGE * (1.0 + 1.0 / groups.max(1) as f64)).min(1.0);
            let sizes: Vec<f64> = scores.iter().map(|score| score.z().abs()).collect();
            if runs >= ENOUGH
                && let Some(factor) = quantile(&sizes, level)
            {
                factors.entry(kind).or_default().insert(metric, Factor { factor, runs });
            }
        }
        Self { factors }
    }

    /// The factor for a question: its own kind's, else that of the next milder kind that has one, widened by a quarter for
    /// each step; without any the normal one. A measured configuration is as far away as an interpolated one.
    pub fn factor(&self, fitted: &Fitted, distance: Distance, metric: &str) -> f64 {
        let model = &fitted.model;
        let mut kinds: Vec<&str> = vec![Distance::Interpolation.name(model)];
        let last = match distance {
            Distance::Measured | Distance::Interpolation => 0,
            Distance::Shift(kind) => kind + 1,
            Distance::Nothing => model.shifts.len(),
        };
        kinds.extend(model.shifts.iter().take(last).map(|shift| shift.kind.as_str()));
        let own = |kind: &&str| self.factors.get(*kind).and_then(|metrics| metrics.get(metric));
        kinds
            .iter()
            .rev()
            .enumerate()
            .find_map(|(steps, kind)| own(kind).map(|known| known.factor * WIDER.powf(steps as f64)))
            .unwrap_or(NORMAL_QUANTILE_90)
    }
}

/// Fits without the runs of a fold: the equations from where the whole fit ended, the residual process with the amplitudes
/// of the whole fit.
pub(crate) fn held_out(fitted: &Fitted, frame: &Frame, out: &[bool]) -> Fitted {
    let rest: Vec<usize> = (0..out.len()).filter(|&row| !out[row]).collect();
    let kept = frame.some(&rest);
    let solution = continued(&Objective::new(&fitted.model, &fitted.space, &kept), &fitted.theta);
    let theta = solution.theta.as_slice().to_vec();
    let mut fold = Fitted::new(
        fitted.model.clone(),
        fitted.space.clone(),
        theta,
        solution.curved.curvature,
        fitted.record.clone(),
    );
    fold.support = fitted.support.without(out);
    if let (Some(process), Some(residual)) = (&fitted.residual, &fitted.model.residual) {
        let left = Left::new(&fold, frame);
        let parts = process
            .parts
            .iter()
            .map(|part| {
                let own = left.of(part.target);
                let present: Vec<usize> = (0..out.len()).filter(|&row| !own[row].is_nan()).collect();
                let values: Vec<f64> = present.iter().map(|&row| own[row]).collect();
                let out: Vec<bool> = present.iter().map(|&row| out[row]).collect();
                part.without(residual, &out, &values)
            })
            .collect();
        fold.residual = Some(Process { parts });
    }
    fold
}

/// Predicts the runs of a fold without them.
pub(crate) fn scores(fitted: &Fitted, frame: &Frame, runs: &[Run], fold: &Fold, number: usize) -> Vec<Score> {
    let mut out = vec![false; runs.len()];
    for &run in &fold.out {
        out[run] = true;
    }
    predicted(&held_out(fitted, frame, &out), frame, runs, fold, number)
}

/// Predicts the runs of a fold with what was fitted to the others.
pub(crate) fn predicted(held: &Fitted, frame: &Frame, runs: &[Run], fold: &Fold, number: usize) -> Vec<Score> {
    let asked = frame.some(&fold.out);
    let forecast = held.forecast(&asked, None);
    let equations = held.equations().forecast(&asked, None);
    collect(held, &forecast, &equations, runs, fold, number)
}

fn collect(
    held: &Fitted,
    forecast: &Forecast,
    equations: &Forecast,
    runs: &[Run],
    fold: &Fold,
    number: usize,
) -> Vec<Score> {
    let mut scores = Vec::new();
    for ((&run, row), bare) in fold.out.iter().zip(&forecast.rows).zip(&equations.rows) {
        let (distance, _) = held.support.distance(&row.view);
        for (index, &node) in forecast.metrics.iter().enumerate() {
            let metric = &held.model.nodes[node].name;
            let Some(&measured) = runs[run].metrics.get(metric) else { continue };
            if row.mean[index].is_finite() {
                scores.push(Score {
                    run,
                    fold: number,
                    distance,
                    metric: metric.clone(),
                    predicted: row.mean[index].exp(),
                    equations: bare.mean[index].exp(),
                    measured,
                    spread: row.spread[index],
                });
            }
        }
    }
    scores
}

/// Held-out predictions of all kinds of questions.
pub fn cross_validate(fitted: &Fitted, catalog: &Catalog, runs: &[Run]) -> Result<Vec<Score>, FrameError> {
    let runs = super::relevant(&fitted.model, catalog, runs);
    let frame = Frame::new(&fitted.model, catalog, &runs)?;
    Ok(cross_validated(fitted, &frame, &runs))
}

pub(crate) fn cross_validated(fitted: &Fitted, frame: &Frame, runs: &[Run]) -> Vec<Score> {
    fitted.folds().iter().enumerate().flat_map(|(number, fold)| scores(fitted, frame, runs, fold, number)).collect()
}

/// What the residual process is told of the runs of a fit.
pub(crate) fn observations(fitted: &Fitted, left: &Left) -> Vec<Vec<f64>> {
    let targets: &[Target] = fitted.model.residual.as_ref().map_or(&[], |residual| &residual.targets);
    targets.iter().map(|&target| left.of(target).to_vec()).collect()
}
