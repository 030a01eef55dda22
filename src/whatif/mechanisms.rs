//! How a change acts: the log-mean shares of its mechanisms, and what runs like it showed beyond the equations.

use super::intervene::intervene;
use super::reference::{Expected, Reference};
use super::result::MechanismFactor;
use crate::attribute::mechanism_shares;
use crate::catalog::Catalog;
use crate::model::{Frame, FrameError, Input, text_code};

/// A share below this is rounding.
const DUST: f64 = 1e-9;
/// What similar runs showed beyond the equations.
const SIMILAR: &str = "similar_runs";

/// By run of an expectation: factors that multiply to `factors` of a node.
pub(super) fn mechanisms(
    reference: &Reference<'_>,
    catalog: &Catalog,
    expected: &Expected,
    node: usize,
    factors: &[f64],
) -> Result<Vec<Vec<MechanismFactor>>, FrameError> {
    let model = &reference.fitted.model;
    let before = intervene(&reference.fitted, catalog, &reference.run, &[])?;
    let frame = with_noise(reference, expected);
    let rows = frame.rows();
    let (values, _) = reference.fitted.evaluate(&frame, &(0..rows));
    let labels = model.slot_mechanisms();
    let target = model.nodes[node].value;
    let of = |row: usize| {
        let after: Vec<f64> = values.chunks_exact(rows).map(|column| column[row]).collect();
        let shares = mechanism_shares(&model.tape, &labels, model.mechanisms.len(), before.slots(), &after, target);
        let rest = factors[row].ln() - shares.iter().sum::<f64>();
        let name = |index: usize| model.mechanisms.get(index).map_or("direct", String::as_str).to_owned();
        let mut found: Vec<(String, f64)> =
            shares.into_iter().enumerate().map(|(index, share)| (name(index), share)).collect();
        found.push((SIMILAR.to_owned(), rest));
        found.retain(|(_, share)| share.abs() > DUST);
        found.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        found.into_iter().map(|(mechanism, share)| MechanismFactor { mechanism, factor: share.exp() }).collect()
    };
    Ok((0..rows).map(of).collect())
}

/// The changed runs with the reference's own noise, each regime in its more probable state.
fn with_noise(reference: &Reference<'_>, expected: &Expected) -> Frame {
    let model = &reference.fitted.model;
    let mut frame = expected.frame.clone();
    for (index, input) in model.inputs.iter().enumerate() {
        if let Input::State(regime) = input {
            for (row, own) in expected.forecast.rows.iter().enumerate() {
                let state = usize::from(own.second[*regime] > 0.5);
                frame.inputs[index][row] = text_code(&model.regimes[*regime].states[state]);
            }
        }
    }
    for (noisy, noise) in model.noisy.iter().zip(&reference.run.noise) {
        frame.inputs[noisy.noise_input].fill(*noise);
    }
    frame
}
