//! Metrics of runs that were never measured, with intervals.

use std::borrow::Cow;

use super::dense::{groups, heads, predict_dense};
use super::proof::Proof;
use crate::catalog::Catalog;
use crate::fit::{Anchors, Fitted, Forecast, Support, views};
use crate::model::{Frame, FrameError, canonical};
use crate::runs::Run;

/// One metric of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricAnswer {
    /// The metric.
    pub metric: String,
    /// Its SI unit.
    pub unit: String,
    /// Predicted, SI.
    pub predicted: f64,
    /// Ends of the 90 % interval, SI.
    pub interval: [f64; 2],
    /// Measured, SI, where the run has it; never used to predict it.
    pub measured: Option<f64>,
}

/// What is expected of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The run's id.
    pub run: String,
    /// What kind of question it is against what was measured.
    pub support: String,
    /// The severity of that kind: 0 for measured, rising.
    pub severity: usize,
    /// What the nearest measured run has otherwise, as far as the kinds of questions compare: `gpus`, `batch_size`.
    pub changes: Vec<String>,
    /// Constraints that the configuration breaks.
    pub broken: Vec<String>,
    /// Probability of the second state of each regime, where both are possible: (regime, state, probability).
    pub states: Vec<(String, String, f64)>,
    /// Every metric that has a meaning for the run, in the order of the model.
    pub metrics: Vec<MetricAnswer>,
}

impl Answer {
    /// One metric.
    pub fn metric(&self, name: &str) -> Option<&MetricAnswer> {
        self.metrics.iter().find(|own| own.metric == name)
    }
}

/// Predicts every metric of `asked`, from their conditions alone. Measured runs in `given` condition the prediction: what
/// they show of the parameters, of a GPU or a model without measurements above all, and of what the equations miss.
///
/// A configuration that is asked about is taken to have run: it is feasible as far as the model's bounds say.
pub fn predict(fitted: &Fitted, catalog: &Catalog, asked: &[Run], given: &[Run]) -> Result<Vec<Answer>, FrameError> {
    answered(fitted, catalog, asked, given, true)
}

/// Predicts configurations that nobody has run: of what fits, only what measured runs prove is taken for granted. Many values
/// of one condition, named by `along`, are predicted at nodes and between them.
pub fn propose(
    fitted: &Fitted,
    catalog: &Catalog,
    asked: &[Run],
    given: &[Run],
    along: &str,
) -> Result<Vec<Answer>, FrameError> {
    let groups = groups(asked, along);
    let own: Vec<Run> = heads(asked, &groups).iter().chain(given).map(|run| canonical(run, catalog)).collect();
    let levels = Frame::new(&fitted.model, catalog, &own)?.level_names;
    let whole = fitted.knowing(&levels);
    predict_dense(asked, &groups, |runs| answered(&whole, catalog, runs, given, false))
}

fn answered(
    fitted: &Fitted,
    catalog: &Catalog,
    asked: &[Run],
    given: &[Run],
    have_run: bool,
) -> Result<Vec<Answer>, FrameError> {
    let model = &fitted.model;
    let in_form = |runs: &[Run]| runs.iter().map(|run| canonical(run, catalog)).collect::<Vec<Run>>();
    let (mut own, anchors) = (in_form(asked), in_form(given));
    for run in &mut own {
        fitted.record.seen.fill(run);
    }
    let (frame, measured) = (Frame::new(model, catalog, &own)?, Frame::new(model, catalog, &anchors)?);
    let levels: Vec<Vec<String>> = frame
        .level_names
        .iter()
        .zip(&measured.level_names)
        .map(|(own, given)| own.iter().chain(given).cloned().collect())
        .collect();
    let whole = fitted.knowing(&levels);
    let (whole, anchored) = if given.is_empty() {
        (whole, None)
    } else {
        let (moved, anchors) = whole.into_owned().anchored(&measured);
        (Cow::Owned(moved), anchors)
    };
    let mut support = Cow::Borrowed(&fitted.support);
    if !given.is_empty() {
        let (values, _) = whole.evaluate(&measured, &(0..given.len()));
        support.to_mut().rows.extend(views(model, &values, given.len()));
    }
    let forecast = if have_run {
        whole.forecast(&frame, anchored.as_ref())
    } else {
        unproven(&whole, &frame, anchored.as_ref(), &support)
    };
    let answers = own.iter().zip(&forecast.rows).map(|(run, expected)| {
        let (distance, nearest) = support.distance(&expected.view);
        let metrics = forecast
            .metrics
            .iter()
            .enumerate()
            .filter(|(index, node)| expected.mean[*index].is_finite() && model.nodes[**node].is_of(run))
            .map(|(index, &node)| {
                let node = &model.nodes[node];
                let half = fitted.calibration.factor(fitted, distance, &node.name) * expected.spread[index];
                let mean = expected.mean[index];
                MetricAnswer {
                    metric: node.name.clone(),
                    unit: node.unit.label.clone(),
                    predicted: mean.exp(),
                    interval: [(mean - half).exp(), (mean + half).exp()],
                    measured: run.metrics.get(&node.name).copied(),
                }
            })
            .collect();
        Answer {
            run: run.id.clone(),
            support: distance.name(model).to_owned(),
            severity: distance.severity(model),
            changes: nearest.map_or_else(Vec::new, |nearest| changes(fitted, &support, nearest, &expected.view)),
            broken: expected.broken.iter().map(|&index| model.constraints[index].name.clone()).collect(),
            states: model
                .regimes
                .iter()
                .zip(&expected.second)
                .filter(|(_, second)| **second > 0.0 && **second < 1.0)
                .map(|(regime, second)| (regime.name.clone(), regime.states[1].clone(), *second))
                .collect(),
            metrics,
        }
    });
    Ok(answers.collect())
}

/// The forecast of configurations that nobody has run.
fn unproven(whole: &Fitted, frame: &Frame, anchors: Option<&Anchors>, support: &Support) -> Forecast {
    let model = &whole.model;
    let mut frame = whole.unmeasured(frame);
    let (values, _) = whole.evaluate(&frame, &(0..frame.rows()));
    let proof = Proof::new(model, support, &views(model, &values, frame.rows()));
    proof.raise(whole, &mut frame);
    let mut forecast = whole.expect(frame.clone(), anchors, true);
    for (row, expected) in forecast.rows.iter_mut().enumerate() {
        expected.broken.retain(|&constraint| !proof.holds(model, &frame, constraint, row));
    }
    forecast
}

/// What the nearest measured run has otherwise.
fn changes(fitted: &Fitted, support: &Support, nearest: usize, view: &[Vec<f64>]) -> Vec<String> {
    let shifts = fitted.model.shifts.iter();
    let own = shifts.zip(view.iter().zip(&support.rows[nearest]));
    own.flat_map(|(shift, (asked, near))| {
        shift.by.iter().zip(asked.iter().zip(near)).filter(|(_, (asked, near))| asked != near).map(|(by, _)| by.clone())
    })
    .collect()
}
