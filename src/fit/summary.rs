//! What a fit says: estimates with intervals, what the data left open, residuals by group.

use std::collections::BTreeMap;

use super::fitted::Fitted;
use super::objective::Objective;
use super::relevant;
use crate::catalog::Catalog;
use crate::model::{Frame, FrameError};
use crate::runs::Run;
use crate::stats::{NORMAL_QUANTILE_90, mean, median, quantile};

/// One parameter at one level.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterEstimate {
    /// The parameter.
    pub name: String,
    /// The level; empty for the pooled value.
    pub level: String,
    /// Value at the mode, SI.
    pub value: f64,
    /// Lower end of the 90 % interval.
    pub lower: f64,
    /// Upper end of the 90 % interval.
    pub upper: f64,
    /// Unit.
    pub unit: String,
    /// Share that the data decided: 1 − posterior spread / prior spread.
    pub decided: f64,
}

/// A combination of coordinates about which the data say little.
#[derive(Clone, Debug, PartialEq)]
pub struct WeakDirection {
    /// Posterior spread over prior spread; 1 means that the data say nothing.
    pub ratio: f64,
    /// Its largest members, with their weights.
    pub members: Vec<(String, f64)>,
}

/// A metric of a run, predicted without its measured outcomes.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Index of the run.
    pub run: usize,
    /// The metric.
    pub metric: String,
    /// Predicted, SI.
    pub predicted: f64,
    /// Measured, SI.
    pub measured: f64,
}

/// Absolute percentage errors of a group, as shares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    /// Number of runs.
    pub runs: usize,
    /// Median.
    pub median: f64,
    /// Mean.
    pub mean: f64,
    /// 90 % quantile.
    pub p90: f64,
}

/// All that is said about a fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Every parameter and level.
    pub estimates: Vec<ParameterEstimate>,
    /// Directions with a ratio above 0.7.
    pub weak: Vec<WeakDirection>,
    /// Number of coordinates.
    pub coordinates: usize,
    /// Errors by metric and group: (metric, "gpu=H100", errors).
    pub accuracy: Vec<(String, String, Accuracy)>,
}

/// Estimates with Laplace intervals: the prior's map applied to the ends of the interval of its coordinate.
pub fn estimates(fitted: &Fitted) -> Vec<ParameterEstimate> {
    let mut result = Vec::new();
    for (index, parameter) in fitted.model.parameters.iter().enumerate() {
        let definition = &parameter.definition;
        for level in fitted.space.pooled_and_levels(index) {
            let (prior, terms) = fitted.space.terms(&fitted.model, index, &level);
            let prior_variance: f64 = terms.iter().map(|term| term.weight.powi(2)).sum();
            let (x, spread) = fitted.coordinate(&terms);
            let at = |x: f64| prior.value(x).0;
            result.push(ParameterEstimate {
                name: definition.name.clone(),
                level,
                value: at(x),
                lower: at(x - NORMAL_QUANTILE_90 * spread),
                upper: at(x + NORMAL_QUANTILE_90 * spread),
                unit: definition.unit.label.clone(),
                decided: if prior_variance > 0.0 { 1.0 - spread / prior_variance.sqrt() } else { 0.0 },
            });
        }
    }
    result
}

/// Directions of the posterior that are as wide as the prior, widest first.
fn weak_directions(fitted: &Fitted) -> Vec<WeakDirection> {
    let curvature = &fitted.factor * fitted.factor.transpose();
    let eigen = curvature.symmetric_eigen();
    let mut weak: Vec<WeakDirection> = (0..fitted.theta.len())
        .filter_map(|index| {
            // The prior has unit spread in every direction; curvature λ gives posterior spread 1/√λ.
            let ratio = eigen.eigenvalues[index].max(1.0).powf(-0.5);
            (ratio > 0.7).then(|| {
                let vector = eigen.eigenvectors.column(index);
                let mut members: Vec<(String, f64)> =
                    fitted.space.names().iter().cloned().zip(vector.iter().copied()).collect();
                members.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
                members.truncate(4);
                WeakDirection { ratio, members }
            })
        })
        .collect();
    weak.sort_by(|a, b| b.ratio.total_cmp(&a.ratio));
    weak
}

/// Every measured metric of the given runs, predicted from their conditions alone: measured outcomes and latents of a run
/// are not used for it, except that a run's regime is the more probable one a priori.
pub fn predictions(fitted: &Fitted, catalog: &Catalog, runs: &[Run]) -> Result<Vec<Prediction>, FrameError> {
    let runs = relevant(&fitted.model, catalog, runs);
    let mut frame = Frame::new(&fitted.model, catalog, &runs)?;
    for noisy in &fitted.model.noisy {
        frame.inputs[noisy.observed_input].fill(f64::NAN);
    }
    let mixtures = mixtures(fitted, &frame);
    let mut result = Vec::new();
    for (row, run) in runs.iter().enumerate() {
        for node in fitted.model.metrics() {
            let Some(&measured) = run.metrics.get(&node.name) else { continue };
            let predicted = mixtures
                .iter()
                .map(|(shares, values)| shares[row] * values[node.value as usize * runs.len() + row].ln())
                .sum::<f64>()
                .exp();
            result.push(Prediction { run: row, metric: node.name.clone(), predicted, measured });
        }
    }
    Ok(result)
}

/// For every combination of regime states: its prior probability by run, and all values.
fn mixtures(fitted: &Fitted, frame: &Frame) -> Vec<(Vec<f64>, Vec<f64>)> {
    let model = &fitted.model;
    let rows = frame.rows();
    (0..1_usize << model.regimes.len())
        .map(|combination| {
            let mut frame = frame.clone();
            frame.set_states(model, combination);
            let (values, _) = fitted.evaluate(&frame, &(0..rows));
            let shares = (0..rows).map(|row| model.state_prior(&values, rows, row, combination)).collect();
            (shares, values)
        })
        .collect()
}

/// Errors of one metric over some predictions.
pub fn accuracy(predictions: &[&Prediction]) -> Option<Accuracy> {
    let errors: Vec<f64> = predictions.iter().map(|one| (one.predicted / one.measured - 1.0).abs()).collect();
    Some(Accuracy { runs: errors.len(), median: median(&errors)?, mean: mean(&errors)?, p90: quantile(&errors, 0.9)? })
}

impl Summary {
    /// Summarises a fit on the runs it was made from.
    pub fn new(fitted: &Fitted, catalog: &Catalog, runs: &[Run]) -> Result<Self, FrameError> {
        let relevant = relevant(&fitted.model, catalog, runs);
        let predictions = predictions(fitted, catalog, runs)?;
        let mut groups: BTreeMap<(String, String), Vec<&Prediction>> = BTreeMap::new();
        for prediction in &predictions {
            let run = &relevant[prediction.run];
            let mut add = |group: String| {
                groups.entry((prediction.metric.clone(), group)).or_default().push(prediction);
            };
            add("all".to_owned());
            for condition in ["task", "gpu", "gpus", "precision", "model"] {
                if let Some(value) = run.conditions.get(condition) {
                    add(format!("{condition}={value}"));
                }
            }
        }
        let accuracy = groups
            .into_iter()
            .filter_map(|((metric, group), members)| Some((metric, group, accuracy(&members)?)))
            .collect();
        Ok(Self {
            estimates: estimates(fitted),
            weak: weak_directions(fitted),
            coordinates: fitted.theta.len(),
            accuracy,
        })
    }
}

/// Posterior probability of the second state of each regime, by row of a frame.
pub(crate) fn frame_states(fitted: &Fitted, frame: &Frame) -> Vec<Vec<f64>> {
    Objective::new(&fitted.model, &fitted.space, frame).states(&fitted.theta)
}
