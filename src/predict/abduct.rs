//! Abduction of one run.

use miette::Diagnostic;
use nalgebra::DVector;
use thiserror::Error;

use crate::catalog::Catalog;
use crate::fit::{Design, Fitted, frame_states};
use crate::model::{Frame, FrameError, Model, Role, Target, canonical, text_code};
use crate::notes::{list, nearest};
use crate::runs::Run;

/// A metric that cannot be asked for.
#[derive(Clone, Debug, PartialEq, Error, Diagnostic)]
pub enum MetricError {
    /// The model has no such metric.
    #[error("model `{model}` has no metric `{metric}`")]
    #[diagnostic(help("{}its metrics are {}", near.as_ref().map_or_else(String::new, |near| format!("did you mean `{near}`? ")), list(known)))]
    Unknown {
        /// The metric asked for.
        metric: String,
        /// The model.
        model: String,
        /// The nearest metric.
        near: Option<String>,
        /// All metrics.
        known: Vec<String>,
    },
    /// The run has no measured value of it, nor of what it follows from.
    #[error("run `{run}` has no measured `{metric}`, and it does not follow from what was measured")]
    #[diagnostic(help("this run has {}; ask for one of them with `--metric`", list(measured)))]
    NotMeasured {
        /// The run.
        run: String,
        /// The metric.
        metric: String,
        /// What was measured.
        measured: Vec<String>,
    },
}

impl MetricError {
    /// No metric of that name.
    pub fn unknown(model: &Model, metric: &str) -> Self {
        let known: Vec<String> = model.metrics().map(|node| node.name.clone()).collect();
        let near = nearest(metric, known.iter().map(String::as_str)).map(str::to_owned);
        Self::Unknown { metric: metric.to_owned(), model: model.name.clone(), near, known }
    }
}

/// A run with everything the model says about it.
#[derive(Clone, Debug)]
pub struct Abducted {
    /// The run in canonical form.
    pub run: Run,
    /// Log noise of each noisy node (as in [`Model::noisy`]); 0 where nothing was measured.
    pub noise: Vec<f64>,
    /// Derivative of each log noise by the coordinates of the posterior.
    pub(crate) noise_slopes: Vec<DVector<f64>>,
    /// Whether each noisy node was measured.
    pub measured: Vec<bool>,
    /// Index of the more probable state of each regime, and its posterior probability.
    pub states: Vec<(usize, f64)>,
    /// Log factor of each bounded node (as in the model's bounds) that the run proves, at least 0.
    pub(crate) bounds: Vec<f64>,
    /// Value of every node.
    pub values: Vec<f64>,
    /// Spread of the log noise of each noisy node.
    pub(crate) spreads: Vec<f64>,
    /// What the residual process sees of the run.
    design: Option<Design>,
}

/// Variance of what the equations miss in the difference of two runs, by noisy node: the residual process is shared as far as
/// the runs share its causes. None for a node without a process.
pub(crate) fn unshared(fitted: &Fitted, a: &Abducted, b: &Abducted) -> Vec<Option<f64>> {
    (0..fitted.model.noisy.len())
        .map(|noisy| {
            let (part, residual) = fitted.process(Target::Noise(noisy))?;
            Some(part.unshared(residual, a.design.as_ref()?, b.design.as_ref()?))
        })
        .collect()
}

impl Abducted {
    /// A node's value.
    pub fn value(&self, model: &Model, name: &str) -> Option<f64> {
        model.node_index(name).map(|index| self.values[index])
    }

    /// The measured value of a metric: as it stands in the run, else as its identity gives it from measured ones.
    pub fn measured_value(&self, model: &Model, target: usize) -> Option<f64> {
        let node = &model.nodes[target];
        if let Some(&value) = self.run.metrics.get(&node.name) {
            return Some(value);
        }
        let ancestors = model.graph.ancestors(&[target]);
        let is_part = |at: usize| model.nodes[at].role == Role::Metric && ancestors[at];
        let mut parts = model.noisy.iter().zip(&self.measured).filter(|(noisy, _)| is_part(noisy.node));
        let follows = node.role == Role::Identity && parts.all(|(_, measured)| *measured);
        follows.then(|| self.values[target])
    }
}

/// Finds the noise and states of a run under which the equations give what was measured.
pub fn abduct(fitted: &Fitted, catalog: &Catalog, run: &Run) -> Result<Abducted, FrameError> {
    let mut frame = measured_frame(fitted, catalog, run)?;
    let bounds = bounds(fitted, &mut frame);
    Ok(abduct_in(fitted, canonical(run, catalog), &frame, bounds))
}

/// Abducts two runs that are to be compared. What one of them proves of a bounded node (a batch that ran was feasible)
/// is carried over to the other: the model's error there is taken to be common to both.
pub fn abduct_pair(fitted: &Fitted, catalog: &Catalog, a: &Run, b: &Run) -> Result<(Abducted, Abducted), FrameError> {
    let mut frames = [measured_frame(fitted, catalog, a)?, measured_frame(fitted, catalog, b)?];
    let own: Vec<Vec<f64>> = frames.iter_mut().map(|frame| bounds(fitted, frame)).collect();
    let common: Vec<f64> = own[0].iter().zip(&own[1]).map(|(a, b)| a.max(*b)).collect();
    let [mut frame_a, mut frame_b] = frames;
    for (bound, factor) in fitted.model.bounds.iter().zip(&common) {
        frame_a.inputs[bound.noise_input][0] = *factor;
        frame_b.inputs[bound.noise_input][0] = *factor;
    }
    Ok((
        abduct_in(fitted, canonical(a, catalog), &frame_a, common.clone()),
        abduct_in(fitted, canonical(b, catalog), &frame_b, common),
    ))
}

/// A run as one row, each regime in its more probable state.
fn measured_frame(fitted: &Fitted, catalog: &Catalog, run: &Run) -> Result<Frame, FrameError> {
    let mut frame = Frame::new(&fitted.model, catalog, &[canonical(run, catalog)])?;
    for (regime, (state, _)) in fitted.model.regimes.iter().zip(states(fitted, &frame)) {
        frame.inputs[regime.input][0] = text_code(&regime.states[state]);
    }
    Ok(frame)
}

/// The more probable state of each regime, with its posterior probability.
fn states(fitted: &Fitted, frame: &Frame) -> Vec<(usize, f64)> {
    let second = frame_states(fitted, frame).into_iter().next().unwrap_or_default();
    second.into_iter().map(|second| if second > 0.5 { (1, second) } else { (0, 1.0 - second) }).collect()
}

fn abduct_in(fitted: &Fitted, run: Run, frame: &Frame, bounds: Vec<f64>) -> Abducted {
    let model = &fitted.model;
    let (values, slopes) = fitted.evaluate(frame, &(0..1));
    let mut noise = Vec::new();
    let mut measured = Vec::new();
    let mut noise_slopes = Vec::new();
    for noisy in &model.noisy {
        let seen = frame.inputs[noisy.observed_input][0];
        let predicted = values[model.nodes[noisy.node].predicted as usize];
        measured.push(!seen.is_nan());
        noise.push(if seen.is_nan() { 0.0 } else { seen.ln() - predicted.ln() });
        noise_slopes.push(if seen.is_nan() {
            DVector::zeros(fitted.theta.len())
        } else {
            -fitted.log_gradient(frame, &slopes, &values, 1, 0, model.nodes[noisy.node].predicted).0
        });
    }
    let states = states(fitted, frame);
    let spreads = model.noisy.iter().map(|noisy| values[noisy.sigma as usize]).collect();
    let design = model.residual.as_ref().map(|residual| Design::new(residual, &values, 1));
    let values = model.nodes.iter().map(|node| values[node.value as usize]).collect();
    Abducted { run, noise, noise_slopes, measured, states, bounds, values, spreads, design }
}

/// Raises every bounded node to what the run proves it to have been.
fn bounds(fitted: &Fitted, frame: &mut Frame) -> Vec<f64> {
    fitted.raise_to_bounds(frame);
    fitted.model.bounds.iter().map(|bound| frame.inputs[bound.noise_input][0]).collect()
}
