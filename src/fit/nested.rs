//! Cross-validation with nothing kept from the runs held out: the amplitudes of the residual process are learned again in
//! every fold.
//!
//! [`super::cross_validate`] keeps the amplitudes of the whole fit, which have seen the runs that a fold leaves out. What that
//! is worth is the difference to the errors found here (nested cross-validation: Varma and Simon, Bias in error estimation
//! when using cross-validation for model selection, BMC Bioinformatics 7, 2006).

use super::calibration::{Score, held_out, predicted};
use super::fitted::Fitted;
use crate::catalog::Catalog;
use crate::model::{Frame, FrameError};
use crate::runs::Run;

/// Held-out predictions of all kinds of questions, each by a residual process that never saw the runs asked about.
pub fn cross_validate_nested(fitted: &Fitted, catalog: &Catalog, runs: &[Run]) -> Result<Vec<Score>, FrameError> {
    let runs = super::relevant(&fitted.model, catalog, runs);
    let frame = Frame::new(&fitted.model, catalog, &runs)?;
    let mut scores = Vec::new();
    for (number, fold) in fitted.folds().iter().enumerate() {
        let mut out = vec![false; runs.len()];
        for &run in &fold.out {
            out[run] = true;
        }
        let mut held = held_out(fitted, &frame, &out);
        if let (Some(process), Some(residual)) = (&held.residual, &fitted.model.residual) {
            held.residual = Some(process.relearned(residual, fitted.record.seed));
        }
        scores.extend(predicted(&held, &frame, &runs, fold, number));
    }
    Ok(scores)
}
