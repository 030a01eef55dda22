//! One intervention on one abducted run.

use nalgebra::DVector;

use crate::catalog::Catalog;
use crate::fit::Fitted;
use crate::model::{Frame, FrameError, Input, canonical, text_code};
use crate::predict::Abducted;
use crate::runs::Value;

/// A run as it would have been.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Value of every node.
    pub values: Vec<f64>,
    /// Names of the constraints that the configuration breaks.
    pub broken: Vec<String>,
    frame: Frame,
    slots: Vec<f64>,
}

impl Outcome {
    /// Derivative of the logarithm of a node by the coordinates of the posterior, the run's noise held.
    pub(crate) fn log_slope(&self, fitted: &Fitted, run: &Abducted, node: usize) -> DVector<f64> {
        let (_, slopes) = fitted.space.columns(&fitted.model, &self.frame, &fitted.theta);
        let slot = fitted.model.nodes[node].value;
        let (mut slope, inputs) = fitted.log_gradient(&self.frame, &slopes, &self.slots, 1, 0, slot);
        for (noisy, noise_slope) in fitted.model.noisy.iter().zip(&run.noise_slopes) {
            slope.axpy(inputs[noisy.noise_input], noise_slope, 1.0);
        }
        slope
    }
}

impl Outcome {
    /// Values of all slots of the tape.
    pub(crate) fn slots(&self) -> &[f64] {
        &self.slots
    }

    /// Derivative of the logarithm of a node by the log noise of every noisy node.
    pub(crate) fn noise_slopes(&self, fitted: &Fitted, node: usize) -> Vec<f64> {
        let (_, slopes) = fitted.space.columns(&fitted.model, &self.frame, &fitted.theta);
        let slot = fitted.model.nodes[node].value;
        let (_, inputs) = fitted.log_gradient(&self.frame, &slopes, &self.slots, 1, 0, slot);
        fitted.model.noisy.iter().map(|noisy| inputs[noisy.noise_input]).collect()
    }
}

/// Sets conditions of a run, and evaluates the model with the run's own noise and states.
///
/// Conditions that follow from a changed one are derived again: setting `gpus` takes back parallel degrees.
pub fn intervene(
    fitted: &Fitted,
    catalog: &Catalog,
    run: &Abducted,
    set: &[(&str, Value)],
) -> Result<Outcome, FrameError> {
    let model = &fitted.model;
    let mut changed = run.run.clone();
    for (name, value) in set {
        if *name == "gpus" {
            for degree in ["tensor_parallel", "expert_parallel"] {
                changed.conditions.remove(degree);
            }
        }
        changed.conditions.insert((*name).to_owned(), value.clone());
    }
    let mut frame = Frame::new(model, catalog, &[canonical(&changed, catalog)])?;
    for (index, input) in model.inputs.iter().enumerate() {
        match input {
            Input::Given(_) => {}
            Input::Observed(_) => frame.inputs[index][0] = f64::NAN,
            Input::Noise(_) => {
                if let Some(noisy) = model.noisy.iter().position(|noisy| noisy.noise_input == index) {
                    frame.inputs[index][0] = run.noise[noisy];
                } else if let Some(bound) = model.bounds.iter().position(|bound| bound.noise_input == index) {
                    frame.inputs[index][0] = run.bounds[bound];
                }
            }
            Input::State(regime) => {
                frame.inputs[index][0] = text_code(&model.regimes[*regime].states[run.states[*regime].0]);
            }
        }
    }
    let (slots, _) = fitted.evaluate(&frame, &(0..1));
    let broken = model
        .constraints
        .iter()
        .filter(|constraint| slots[constraint.holds as usize] == 0.0)
        .map(|constraint| constraint.name.clone())
        .collect();
    let values = model.nodes.iter().map(|node| slots[node.value as usize]).collect();
    Ok(Outcome { values, broken, frame, slots })
}
