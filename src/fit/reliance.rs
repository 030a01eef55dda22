//! What predictions rest on: how much of their uncertainty comes from what the data left to the priors.

use std::collections::BTreeSet;

use nalgebra::DVector;

use super::fitted::Fitted;
use crate::model::Frame;

/// Ratio of posterior to prior spread above which a direction is weakly decided.
const WEAK: f64 = 0.7;

/// What the prediction of one metric rests on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reliance {
    /// Standard deviation of the log that the parameters alone give.
    pub(crate) spread: f64,
    /// Share of that variance from weakly decided directions.
    pub(crate) weak: f64,
    /// Coordinates with their part of that variance, the largest first.
    pub(crate) members: Vec<(String, f64)>,
}

/// For each run of a frame, what the log of an outcome rests on.
///
/// With curvature H = Σ λᵢ vᵢ vᵢᵀ and derivative g of the log, the variance is Σ (vᵢ·g)²/λᵢ; directions with
/// 1/√λᵢ > 0.7 are weak. Coordinate k has the part `gₖ (Σ_weak g)ₖ` of what they give.
pub(crate) fn reliance(fitted: &Fitted, frame: &Frame, node: usize) -> Vec<Reliance> {
    let eigen = (&fitted.factor * fitted.factor.transpose()).symmetric_eigen();
    let rows = frame.rows();
    let (values, slopes) = fitted.evaluate(frame, &(0..rows));
    let slot = fitted.model.nodes[node].value;
    let one = |row: usize| {
        let (gradient, _) = fitted.log_gradient(frame, &slopes, &values, rows, row, slot);
        let along = eigen.eigenvectors.tr_mul(&gradient);
        let spreads = eigen.eigenvalues.map(|value| value.max(1.0).powf(-0.5));
        let total: f64 = along.iter().zip(&spreads).map(|(g, spread)| (g * spread).powi(2)).sum();
        let of_weak = DVector::from_iterator(
            along.len(),
            along.iter().zip(&spreads).map(|(g, &spread)| if spread > WEAK { g * spread * spread } else { 0.0 }),
        );
        let pushed = &eigen.eigenvectors * &of_weak;
        let mut members: Vec<(String, f64)> = (0..gradient.len())
            .map(|index| (fitted.space.names()[index].clone(), gradient[index] * pushed[index]))
            .collect();
        members.sort_by(|a, b| b.1.total_cmp(&a.1));
        members.truncate(5);
        let weak = along.dot(&of_weak);
        Reliance { spread: total.sqrt(), weak: if total > 0.0 { weak / total } else { 0.0 }, members }
    };
    let is_finite = |row: &usize| {
        let value = values[slot as usize * rows + row];
        value.is_finite() && value > 0.0
    };
    (0..rows).filter(is_finite).map(one).collect()
}

/// How many combinations of parameters the data decide: Σ 1 − 1/λᵢ.
pub(crate) fn effective_parameters(fitted: &Fitted) -> f64 {
    let eigen = (&fitted.factor * fitted.factor.transpose()).symmetric_eigenvalues();
    eigen.iter().map(|value| 1.0 - 1.0 / value.max(1.0)).sum()
}

/// The coordinates that move the spread of a noisy node for the runs of a frame.
pub(crate) fn spread_coordinates(fitted: &Fitted, frame: &Frame, noisy: usize) -> BTreeSet<usize> {
    let rows = frame.rows();
    let (values, slopes) = fitted.evaluate(frame, &(0..rows));
    let slot = fitted.model.noisy[noisy].sigma;
    let mut found = BTreeSet::new();
    for row in 0..rows {
        let (gradient, _) = fitted.log_gradient(frame, &slopes, &values, rows, row, slot);
        found.extend((0..gradient.len()).filter(|&index| gradient[index] != 0.0));
    }
    found
}
