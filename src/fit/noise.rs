//! What the equations leave of measured runs: the log noise of every noisy node and the posterior of every state.

use super::fitted::Fitted;
use super::summary::frame_states;
use crate::model::{Frame, Target, text_code};

/// Noise and states of the runs of a frame.
pub(crate) struct Left {
    /// `noise[noisy][row]`: ln measured − ln predicted, given what was measured upstream; NaN where nothing was measured.
    pub(crate) noise: Vec<Vec<f64>>,
    /// `states[regime][row]`: posterior minus prior probability of the second state; NaN where only one is possible.
    pub(crate) states: Vec<Vec<f64>>,
    /// Values of all slots, each regime in its more probable state.
    pub(crate) values: Vec<f64>,
    /// The frame in those states.
    pub(crate) frame: Frame,
}

impl Left {
    /// Of measured runs.
    pub(crate) fn new(fitted: &Fitted, measured: &Frame) -> Self {
        let model = &fitted.model;
        let rows = measured.rows();
        let second = frame_states(fitted, measured);
        let mut frame = measured.clone();
        for (index, regime) in model.regimes.iter().enumerate() {
            for (row, second) in second.iter().enumerate() {
                frame.inputs[regime.input][row] = text_code(&regime.states[usize::from(second[index] > 0.5)]);
            }
        }
        let (values, _) = fitted.evaluate(&frame, &(0..rows));
        let at = |slot: u32, row: usize| values[slot as usize * rows + row];
        let noise = model
            .noisy
            .iter()
            .map(|noisy| {
                let predicted = model.nodes[noisy.node].predicted;
                let seen = &frame.inputs[noisy.observed_input];
                (0..rows).map(|row| seen[row].ln() - at(predicted, row).ln()).collect()
            })
            .collect();
        let states = model
            .regimes
            .iter()
            .enumerate()
            .map(|(index, regime)| {
                let prior = |row: usize| at(regime.probability, row);
                let surprise = |row: usize| {
                    if prior(row) > 0.0 && prior(row) < 1.0 { second[row][index] - prior(row) } else { f64::NAN }
                };
                (0..rows).map(surprise).collect()
            })
            .collect();
        Self { noise, states, values, frame }
    }

    /// The observations of a target.
    pub(crate) fn of(&self, target: Target) -> &[f64] {
        match target {
            Target::Noise(noisy) => &self.noise[noisy],
            Target::State(regime) => &self.states[regime],
        }
    }
}
