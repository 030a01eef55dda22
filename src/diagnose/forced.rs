//! A batch that memory forced.
//!
//! b = min(batch size, supply), c = ceiling. S is the run with the smaller b, L the other, `r = min(b_L, c_L)`. If `r > b_S`
//! and `c_S < r`, the batch of S could not have been kept at L's, and
//!
//! ```text
//! share = clip(ln(r / max(b_S, c_S)) / ln(r / b_S), 0, 1)
//! ```
//!
//! of the batch's φ is charged to the causes of the ceiling's change, in proportion `φᵢ(ln c) / ln(c_B / c_A)`.

use super::game::Game;
use super::part::Part;
use super::result::ForcedBy;
use crate::fit::Fitted;
use crate::model::Constraint;
use crate::predict::Abducted;
use crate::stats::NORMAL_QUANTILE_90;

/// How the φ of one cause is divided.
#[derive(Clone, Debug)]
pub(super) struct Charge {
    /// Player whose φ is divided.
    pub(super) player: usize,
    /// Share that is charged elsewhere.
    pub(super) share: f64,
    /// Proportion by player; sums to 1.
    pub(super) proportions: Vec<f64>,
    /// What the answer says about it.
    pub(super) forced_by: ForcedBy,
}

/// The charge of a constraint, if it forced the batch.
pub(super) fn charge(
    fitted: &Fitted,
    game: &Game<'_>,
    constraint: &Constraint,
    a: &Abducted,
    b: &Abducted,
) -> Option<Charge> {
    let model = &fitted.model;
    let ceiling = constraint.ceiling?;
    let player = game.players.iter().position(|&cause| model.cause_of(&constraint.limits) == Some(cause))?;
    let ceiling_slot = model.nodes[ceiling].value;
    let (ceiling_a, ceiling_b) = game.ends(ceiling_slot);
    let batch = |run: &Abducted| {
        let limit = run.value(model, &constraint.limits)?;
        let supply = constraint.supply.as_ref().and_then(|name| run.value(model, name)).unwrap_or(f64::INFINITY);
        Some(limit.min(supply))
    };
    let (batch_a, batch_b) = (batch(a)?, batch(b)?);
    let (small, large) = if batch_a <= batch_b {
        ((batch_a, ceiling_a), (batch_b, ceiling_b))
    } else {
        ((batch_b, ceiling_b), (batch_a, ceiling_a))
    };
    let reached = large.0.min(large.1);
    if !(reached > small.0 && small.1 < reached) {
        return None;
    }
    let share = ((reached / small.0.max(small.1)).ln() / (reached / small.0).ln()).clamp(0.0, 1.0);
    let parts = game.parts(ceiling_slot);
    let whole: f64 = parts.iter().map(|part| part.log_factor).sum();
    if share <= 0.0 || whole == 0.0 {
        return None;
    }
    let mut proportions: Vec<f64> = parts.iter().map(|part| part.log_factor / whole).collect();
    // The batch is not a cause of its own ceiling; rounding aside this changes nothing.
    proportions[player] = 0.0;
    let sum: f64 = proportions.iter().sum();
    for proportion in &mut proportions {
        *proportion /= sum;
    }
    let causes = proportions
        .iter()
        .zip(&game.players)
        .filter(|(proportion, _)| proportion.abs() > 1e-3)
        .map(|(_, &cause)| model.causes[cause].name.clone())
        .collect();
    let spread = fitted.bound_spread(ceiling);
    let interval = |value: f64| {
        let factor = (NORMAL_QUANTILE_90 * spread).exp();
        [value / factor, value * factor]
    };
    let forced_by = ForcedBy {
        constraint: constraint.name.clone(),
        share,
        ceiling_a,
        ceiling_a_interval: interval(ceiling_a),
        ceiling_b,
        ceiling_b_interval: interval(ceiling_b),
        causes,
    };
    Some(Charge { player, share, proportions, forced_by })
}

/// Moves what is charged elsewhere from the batch's part to the others.
pub(super) fn apply(charge: &Charge, parts: &mut [Part]) -> f64 {
    let moved = parts[charge.player].scaled(charge.share);
    parts[charge.player] = parts[charge.player].scaled(1.0 - charge.share);
    for (part, &proportion) in parts.iter_mut().zip(&charge.proportions) {
        part.add(&moved, proportion);
    }
    moved.log_factor
}
