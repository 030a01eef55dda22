//! Parts of a logarithm as factors with intervals: causes with their mechanisms, and what no cause explains.

use nalgebra::DVector;

use super::forced::Charge;
use super::game::Game;
use super::noise::ONE_MACHINE;
use super::part::Part;
use super::result::{CauseFactor, MechanismFactor, UnexplainedFactor};
use super::values::values;
use crate::catalog::Catalog;
use crate::fit::Fitted;
use crate::model::Model;
use crate::predict::{Abducted, unshared};
use crate::stats::NORMAL_QUANTILE_90;

/// Share of a mechanism in the log that is rounding.
const DUST: f64 = 1e-7;

/// Variance of Student's t with the fit's degrees of freedom at the 90 % quantile, over that of a normal with its scale:
/// (2.13 / 1.645)².
const HEAVY_TAILS: f64 = 1.68;
/// How far apart a cause with an effect puts two runs, whatever the size of the effect.
const CAUSE: f64 = 0.7;
/// Log factor below which a cause counts as without effect there.
const EFFECT: f64 = 0.01;

/// 90 % intervals: parameters (posterior), run-to-run noise of the measured values, and the error of the equations.
///
/// What the equations miss in the ratio of two runs is what the residual process does not share between them. A noisy node
/// without a process errs by its fitted spread σ, which two runs share the more, the less they differ: with distance d, the
/// sum of the causes' |φ| and of `CAUSE` for each cause with an effect, the error of their ratio has variance
/// `HEAVY_TAILS`·(σ²(A) + σ²(B))·(1 − exp(−d)). The error may lie in any cause in proportion to its size, and as much of it in
/// the unexplained part, since the product of all factors is fixed.
pub(super) fn intervals(
    fitted: &Fitted,
    game: &Game<'_>,
    parts: &[Part],
    (a, b): (&Abducted, &Abducted),
    repeats: (usize, usize),
) -> Vec<[f64; 2]> {
    let model = &fitted.model;
    let is_unexplained = |player: usize| model.causes[game.players[player]].is_unexplained();
    let size = |unexplained: bool| -> f64 {
        let of = parts.iter().enumerate().filter(|(player, _)| is_unexplained(*player) == unexplained);
        of.map(|(_, part)| part.log_factor.abs()).sum()
    };
    let (explained, unexplained) = (size(false), size(true));
    let has_effect = |player: &usize| !is_unexplained(*player) && parts[*player].log_factor.abs() > EFFECT;
    let effects = (0..parts.len()).filter(has_effect).count();
    let missed = unshared(fitted, a, b);
    let bare = |noisy: usize| missed[noisy].is_none();
    let variance = equation_variance(parts, a, |part| &part.noise_slopes.0, &bare)
        + equation_variance(parts, b, |part| &part.noise_slopes.1, &bare);
    let structure = unshared_error(variance, explained, effects) + process_variance(parts, &missed);
    parts
        .iter()
        .enumerate()
        .map(|(player, part)| {
            let parameters: DVector<f64> = fitted.whiten(&part.slope);
            let side = |slopes: &[f64], repeats: usize| {
                slopes.iter().map(|slope| (slope * ONE_MACHINE).powi(2)).sum::<f64>() / repeats as f64
            };
            let repeats = side(&part.noise_slopes.0, repeats.0) + side(&part.noise_slopes.1, repeats.1);
            let whole = if is_unexplained(player) { unexplained } else { explained };
            let structure = if whole > 0.0 { structure * part.log_factor.abs() / whole } else { 0.0 };
            let spread = (parameters.norm_squared() + repeats + structure + part.sampling_error.powi(2)).sqrt();
            let half = NORMAL_QUANTILE_90 * spread;
            [(part.log_factor - half).exp(), (part.log_factor + half).exp()]
        })
        .collect()
}

/// D²: variance of the equations' error in the log ratio of two configurations that lie so far apart; `variance` is the sum
/// of the two runs' own.
pub(super) fn unshared_error(variance: f64, log_distance: f64, effects: usize) -> f64 {
    HEAVY_TAILS * variance * (1.0 - (-log_distance - CAUSE * effects as f64).exp())
}

/// σ² of the log metric of a run: the spreads of those of its noises, weighted by how much the metric moves with them.
fn equation_variance(
    parts: &[Part],
    run: &Abducted,
    slopes: impl Fn(&Part) -> &Vec<f64>,
    counts: &dyn Fn(usize) -> bool,
) -> f64 {
    let move_of = |noisy: usize| parts.iter().map(|part| slopes(part)[noisy]).sum::<f64>();
    (0..run.spreads.len())
        .filter(|&noisy| counts(noisy))
        .map(|noisy| (move_of(noisy) * run.spreads[noisy]).powi(2))
        .sum()
}

/// The same for what the residual process does not share, with the mean of both runs' weights.
fn process_variance(parts: &[Part], missed: &[Option<f64>]) -> f64 {
    let of = |noisy: usize, missed: f64| {
        let (a, b) = parts
            .iter()
            .fold((0.0, 0.0), |(a, b), part| (a + part.noise_slopes.0[noisy], b + part.noise_slopes.1[noisy]));
        missed * f64::midpoint(f64::powi(a, 2), f64::powi(b, 2))
    };
    missed.iter().enumerate().filter_map(|(noisy, missed)| missed.map(|missed| of(noisy, missed))).sum()
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
