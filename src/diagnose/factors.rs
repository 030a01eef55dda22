//! Parts of a logarithm as factors with intervals: causes with their mechanisms, and what no cause explains.

use nalgebra::DVector;

use super::forced::Charge;
use super::game::Game;
use super::part::Part;
use super::result::{CauseFactor, MechanismFactor, UnexplainedFactor};
use super::values::values;
use crate::catalog::Catalog;
use crate::fit::Fitted;
use crate::model::Model;
use crate::predict::Abducted;
use crate::stats::NORMAL_QUANTILE_90;

/// Standard deviation of the log of one measured quantity of one run, minutes apart on one machine.
const REPEAT_SPREAD: f64 = 0.006;
/// Share of a mechanism in the log that is rounding.
const DUST: f64 = 1e-7;

/// 90 % intervals: parameters (posterior), run-to-run noise of the measured values, and the chance that what is unexplained
/// is an error in the causes' effects, which is divided among them by the root of their share.
pub(super) fn intervals(fitted: &Fitted, game: &Game<'_>, parts: &[Part], repeats: (usize, usize)) -> Vec<[f64; 2]> {
    let model = &fitted.model;
    let is_unexplained = |player: usize| model.causes[game.players[player]].is_unexplained();
    let unexplained: f64 =
        parts.iter().enumerate().filter(|(player, _)| is_unexplained(*player)).map(|(_, part)| part.log_factor).sum();
    let explained: f64 = parts
        .iter()
        .enumerate()
        .filter(|(player, _)| !is_unexplained(*player))
        .map(|(_, part)| part.log_factor.abs())
        .sum();
    parts
        .iter()
        .enumerate()
        .map(|(player, part)| {
            let parameters: DVector<f64> = fitted.whiten(&part.slope);
            let side = |slopes: &[f64], repeats: usize| {
                slopes.iter().map(|slope| (slope * REPEAT_SPREAD).powi(2)).sum::<f64>() / repeats as f64
            };
            let repeats = side(&part.noise_slopes.0, repeats.0) + side(&part.noise_slopes.1, repeats.1);
            let structure = if is_unexplained(player) || explained == 0.0 {
                0.0
            } else {
                unexplained.powi(2) * part.log_factor.abs() / explained
            };
            let spread = (parameters.norm_squared() + repeats + structure + part.sampling_error.powi(2)).sqrt();
            let half = NORMAL_QUANTILE_90 * spread;
            [(part.log_factor - half).exp(), (part.log_factor + half).exp()]
        })
        .collect()
}

/// Causes and unexplained terms, each largest first; exactly no change is left out.
#[expect(clippy::too_many_arguments, reason = "everything that an answer is made of")]
pub(super) fn factors(
    fitted: &Fitted,
    catalog: &Catalog,
    game: &Game<'_>,
    parts: &[Part],
    shares: &[Vec<f64>],
    intervals: &[[f64; 2]],
    charges: &[Charge],
    (a, b): (&Abducted, &Abducted),
) -> (Vec<CauseFactor>, Vec<UnexplainedFactor>) {
    let model = &fitted.model;
    // A batch that memory forced altogether has no factor of its own left, but is what a reader looks for.
    let is_forced = |player: usize| charges.iter().any(|charge| charge.player == player);
    let mut order: Vec<usize> =
        (0..parts.len()).filter(|&player| parts[player].log_factor != 0.0 || is_forced(player)).collect();
    order.sort_by(|&x, &y| parts[y].log_factor.abs().total_cmp(&parts[x].log_factor.abs()).then(x.cmp(&y)));
    let (mut causes, mut unexplained) = (Vec::new(), Vec::new());
    for player in order {
        let cause = &model.causes[game.players[player]];
        let factor = parts[player].log_factor.exp();
        if cause.is_unexplained() {
            unexplained.push(UnexplainedFactor {
                cause: cause.name.clone(),
                factor,
                interval: intervals[player],
                meaning: cause.meaning.clone(),
            });
            continue;
        }
        let (from, to) = values(model, catalog, cause, &a.run, &b.run);
        causes.push(CauseFactor {
            cause: cause.name.clone(),
            from,
            to,
            factor,
            interval: intervals[player],
            mechanisms: mechanisms(model, &shares[player]),
            forced_by: charges.iter().find(|charge| charge.player == player).map(|charge| charge.forced_by.clone()),
        });
    }
    (causes, unexplained)
}

fn mechanisms(model: &Model, shares: &[f64]) -> Vec<MechanismFactor> {
    let name = |index: usize| model.mechanisms.get(index).map_or("direct", String::as_str).to_owned();
    // Rounding is no mechanism: it goes to the largest share, so that the product stays exact.
    let dust: f64 = shares.iter().filter(|share| share.abs() < DUST).sum();
    let mut found: Vec<(usize, f64)> =
        shares.iter().copied().enumerate().filter(|(_, share)| share.abs() >= DUST).collect();
    found.sort_by(|x, y| y.1.abs().total_cmp(&x.1.abs()).then(x.0.cmp(&y.0)));
    if let Some((_, largest)) = found.first_mut() {
        *largest += dust;
    }
    found.into_iter().map(|(index, share)| MechanismFactor { mechanism: name(index), factor: share.exp() }).collect()
}
