//! What was measured of the metric in question, and the run's noise that gives exactly that.

use crate::catalog::Catalog;
use crate::fit::Fitted;
use crate::model::{FrameError, Model};
use crate::predict::{Abducted, MetricError};
use crate::whatif::intervene;

/// The measured value of a metric: as it stands in the run, else as its identity gives it from measured ones.
pub(super) fn measured(model: &Model, run: &Abducted, target: usize) -> Result<f64, MetricError> {
    run.measured_value(model, target).ok_or_else(|| MetricError::NotMeasured {
        run: run.run.id.clone(),
        metric: model.nodes[target].name.clone(),
        measured: run.run.metrics.keys().cloned().collect(),
    })
}

/// Makes the run's noise give exactly the measured value of the target, and returns the log gap there was.
///
/// A metric that is measured beside the ones it follows from differs from them by rounding. The gap goes to the noise that
/// moves the target one to one and stands nearest to it.
pub(super) fn reconcile(
    fitted: &Fitted,
    catalog: &Catalog,
    run: &mut Abducted,
    target: usize,
    measured: f64,
) -> Result<f64, FrameError> {
    let model = &fitted.model;
    let outcome = intervene(fitted, catalog, run, &[])?;
    let gap = measured.ln() - outcome.values[target].ln();
    if gap == 0.0 {
        return Ok(0.0);
    }
    let slopes = outcome.noise_slopes(fitted, target);
    let nearest = (0..model.noisy.len()).rev().find(|&noisy| (slopes[noisy].abs() - 1.0).abs() < 1e-9);
    if let Some(noisy) = nearest {
        run.noise[noisy] += gap * slopes[noisy].signum();
    }
    Ok(gap)
}
