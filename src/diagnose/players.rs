//! The players of a game: the causes in which two runs differ, and what each coalition of them takes from which run.

use crate::catalog::Catalog;
use crate::model::{Cause, Frame, Input, Model, text_code};
use crate::predict::Abducted;
use crate::runs::Run;

/// Causes whose conditions, properties, noises or states differ.
pub(super) fn players(model: &Model, catalog: &Catalog, a: &Abducted, b: &Abducted) -> Vec<usize> {
    let noise_differs = |noise: &usize| a.noise[*noise] != b.noise[*noise];
    let state_differs = |regime: &usize| a.states[*regime].0 != b.states[*regime].0;
    model
        .causes
        .iter()
        .enumerate()
        .filter(|(_, cause)| {
            conditions_differ(model, catalog, cause, &a.run, &b.run)
                || cause.noises.iter().any(noise_differs)
                || cause.regimes.iter().any(state_differs)
        })
        .map(|(index, _)| index)
        .collect()
}

/// Whether a condition or property of a cause differs between two runs.
pub(super) fn conditions_differ(model: &Model, catalog: &Catalog, cause: &Cause, a: &Run, b: &Run) -> bool {
    cause.conditions.iter().any(|name| a.conditions.get(name) != b.conditions.get(name))
        || cause.properties.iter().any(|name| model.property(catalog, a, name) != model.property(catalog, b, name))
}

/// Noise, states and bounds of every coalition.
pub(super) fn fill_noise(
    model: &Model,
    frame: &mut Frame,
    a: &Abducted,
    b: &Abducted,
    players: &[usize],
    masks: &[usize],
) {
    let charged = |mask: usize, member: &dyn Fn(&Cause) -> bool| {
        players.iter().enumerate().any(|(bit, &cause)| mask >> bit & 1 == 1 && member(&model.causes[cause]))
    };
    for (index, input) in model.inputs.iter().enumerate() {
        match input {
            Input::Given(_) => {}
            Input::Observed(_) => frame.inputs[index].fill(f64::NAN),
            Input::Noise(_) => {
                if let Some(noisy) = model.noisy.iter().position(|noisy| noisy.noise_input == index) {
                    for (row, &mask) in masks.iter().enumerate() {
                        let from_b = charged(mask, &|cause| cause.noises.contains(&noisy));
                        frame.inputs[index][row] = if from_b { b.noise[noisy] } else { a.noise[noisy] };
                    }
                } else if let Some(bound) = model.bounds.iter().position(|bound| bound.noise_input == index) {
                    frame.inputs[index].fill(a.bounds[bound]);
                }
            }
            Input::State(regime) => {
                for (row, &mask) in masks.iter().enumerate() {
                    let from_b = charged(mask, &|cause| cause.regimes.contains(regime));
                    let state = if from_b { b.states[*regime].0 } else { a.states[*regime].0 };
                    frame.inputs[index][row] = text_code(&model.regimes[*regime].states[state]);
                }
            }
        }
    }
}
