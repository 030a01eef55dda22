//! The cooperative game of a diagnosis: v(S) = ln metric with the causes in S taken from run B, the rest from run A.

use std::collections::{BTreeSet, HashMap};

use nalgebra::DVector;

use super::part::Part;
use super::players::{fill_noise, players};
use crate::attribute::{mechanism_shares, sampled_shapley, shapley_linear, shapley_weights};
use crate::catalog::Catalog;
use crate::fit::Fitted;
use crate::model::{Columns, Frame, FrameError, Slopes, Slot};
use crate::predict::Abducted;

/// Up to this many players every coalition is evaluated.
const EXACT_PLAYERS: usize = 12;
/// Permutations walked beyond that.
const PERMUTATIONS: usize = 64;
/// Up to this many players mechanism shares are averaged over every coalition.
const EXACT_SHARES: usize = 7;

/// Evaluated coalitions of two runs.
pub(super) struct Game<'a> {
    fitted: &'a Fitted,
    /// Causes (indices into the model's) that differ.
    pub(super) players: Vec<usize>,
    frame: Frame,
    values: Vec<f64>,
    slopes: Slopes,
    row_of: HashMap<usize, usize>,
    runs: (&'a Abducted, &'a Abducted),
}

impl<'a> Game<'a> {
    /// Evaluates the coalitions of two abducted runs.
    pub(super) fn new(
        fitted: &'a Fitted,
        catalog: &Catalog,
        a: &'a Abducted,
        b: &'a Abducted,
    ) -> Result<Self, FrameError> {
        let players = players(&fitted.model, catalog, a, b);
        let masks = masks(players.len());
        let mut frame = Frame::mixed(&fitted.model, catalog, (&a.run, &b.run), &players, &masks)?;
        fill_noise(&fitted.model, &mut frame, a, b, &players, &masks);
        let (parameters, slopes) = fitted.space.columns(&fitted.model, &frame, &fitted.theta);
        let columns: Columns = frame.columns(parameters);
        let mut values = Vec::new();
        fitted.model.tape.evaluate(&columns, &(0..masks.len()), &mut values);
        let row_of = masks.iter().enumerate().map(|(row, &mask)| (mask, row)).collect();
        Ok(Self { fitted, players, frame, values, slopes, row_of, runs: (a, b) })
    }

    fn lanes(&self) -> usize {
        self.frame.rows()
    }

    /// Row of the coalition of all players.
    fn everyone(&self) -> usize {
        (1 << self.players.len()) - 1
    }

    /// ln of a slot for a coalition.
    fn log(&self, slot: Slot, mask: usize) -> f64 {
        self.values[slot as usize * self.lanes() + self.row_of[&mask]].ln()
    }

    /// Value of a slot with all causes from A, and with all from B.
    pub(super) fn ends(&self, slot: Slot) -> (f64, f64) {
        (self.log(slot, 0).exp(), self.log(slot, self.everyone()).exp())
    }

    /// φ of every player for ln of a slot, with derivatives.
    pub(super) fn parts(&self, slot: Slot) -> Vec<Part> {
        let count = self.players.len();
        let zero = || DVector::zeros(self.fitted.theta.len());
        let noisy = self.fitted.model.noisy.len();
        let masks = masks(count);
        let gradients: Vec<(DVector<f64>, Vec<f64>)> = masks
            .iter()
            .map(|mask| {
                let row = self.row_of[mask];
                self.fitted.log_gradient(&self.frame, &self.slopes, &self.values, self.lanes(), row, slot)
            })
            .collect();
        let (log_factors, errors, weights) = self.combine(slot, &masks);
        (0..count)
            .map(|player| {
                let mut part = Part {
                    log_factor: log_factors[player],
                    slope: zero(),
                    noise_slopes: (vec![0.0; noisy], vec![0.0; noisy]),
                    sampling_error: errors[player],
                };
                for ((row, &mask), (gradient, inputs)) in masks.iter().enumerate().zip(&gradients) {
                    let weight = weights[player][row];
                    if weight == 0.0 {
                        continue;
                    }
                    part.slope.axpy(weight, gradient, 1.0);
                    for (index, own) in self.fitted.model.noisy.iter().enumerate() {
                        let from_b = self.noise_from_b(index, mask);
                        let side = if from_b { &mut part.noise_slopes.1 } else { &mut part.noise_slopes.0 };
                        side[index] += weight * inputs[own.noise_input];
                        let run = if from_b { self.runs.1 } else { self.runs.0 };
                        part.slope.axpy(weight * inputs[own.noise_input], &run.noise_slopes[index], 1.0);
                    }
                }
                part
            })
            .collect()
    }

    /// φ, its sampling error, and the weight of every coalition in it.
    fn combine(&self, slot: Slot, masks: &[usize]) -> (Vec<f64>, Vec<f64>, Vec<Vec<f64>>) {
        let count = self.players.len();
        let logs: Vec<f64> = masks.iter().map(|&mask| self.log(slot, mask)).collect();
        if count <= EXACT_PLAYERS {
            let linear = shapley_linear(count);
            let weights = (0..count).map(|player| masks.iter().map(|&mask| linear.weight(player, mask)).collect());
            return (linear.apply(&logs), vec![0.0; count], weights.collect());
        }
        let row_of: HashMap<usize, usize> = masks.iter().enumerate().map(|(row, &mask)| (mask, row)).collect();
        let sampled = sampled_shapley(count, PERMUTATIONS, 1, |coalition| logs[row_of[&mask_of(coalition)]]);
        // The estimate is linear in v: the weight of a coalition is the estimate of the game that is 1 there alone.
        let mut weights = vec![vec![0.0; masks.len()]; count];
        for (row, &mask) in masks.iter().enumerate() {
            let unit =
                sampled_shapley(count, PERMUTATIONS, 1, |coalition| f64::from(u8::from(mask_of(coalition) == mask)));
            for (player, value) in unit.values.into_iter().enumerate() {
                weights[player][row] = value;
            }
        }
        (sampled.values, sampled.standard_errors, weights)
    }

    /// Whether the noise of a noisy node is taken from B in a coalition.
    fn noise_from_b(&self, noisy: usize, mask: usize) -> bool {
        let model = &self.fitted.model;
        self.players
            .iter()
            .enumerate()
            .any(|(bit, &cause)| mask >> bit & 1 == 1 && model.causes[cause].noises.contains(&noisy))
    }

    /// How a player's part of ln of a slot divides by mechanism; the last entry is what went through none of them.
    /// The shares add up to `log_factor`.
    pub(super) fn shares(&self, player: usize, slot: Slot, log_factor: f64) -> Vec<f64> {
        let model = &self.fitted.model;
        let labels = model.slot_mechanisms();
        let count = self.players.len();
        let bit = 1 << player;
        let pairs: Vec<(usize, f64)> = if count <= EXACT_SHARES {
            let weights = shapley_weights(count);
            (0..1_usize << count)
                .filter(|mask| mask & bit == 0)
                .map(|mask| (mask, weights[mask.count_ones() as usize]))
                .collect()
        } else {
            vec![(0, 0.5), (self.everyone() & !bit, 0.5)]
        };
        let mut total = vec![0.0; model.mechanisms.len() + 1];
        for (mask, weight) in pairs {
            let (Some(&before), Some(&after)) = (self.row_of.get(&mask), self.row_of.get(&(mask | bit))) else {
                continue;
            };
            let lane = |row: usize| -> Vec<f64> {
                (0..model.tape.ops.len()).map(|slot| self.values[slot * self.lanes() + row]).collect()
            };
            let shares =
                mechanism_shares(&model.tape, &labels, model.mechanisms.len(), &lane(before), &lane(after), slot);
            for (sum, share) in total.iter_mut().zip(shares) {
                *sum += weight * share;
            }
        }
        spread_rest(&mut total, log_factor);
        total
    }
}

/// Makes the shares add up to `whole`: the difference goes to them in proportion to their sizes.
fn spread_rest(shares: &mut [f64], whole: f64) {
    let rest = whole - shares.iter().sum::<f64>();
    let size: f64 = shares.iter().map(|share| share.abs()).sum();
    let last = shares.len() - 1;
    if size > 0.0 {
        for share in shares.iter_mut() {
            *share += rest * share.abs() / size;
        }
    } else {
        shares[last] += rest;
    }
}

/// The coalitions to evaluate: all of them, or those that the sampled orders pass.
fn masks(players: usize) -> Vec<usize> {
    if players <= EXACT_PLAYERS {
        return (0..1 << players).collect();
    }
    let mut masks = BTreeSet::from([0, (1 << players) - 1]);
    sampled_shapley(players, PERMUTATIONS, 1, |coalition| {
        masks.insert(mask_of(coalition));
        0.0
    });
    masks.into_iter().collect()
}

fn mask_of(coalition: &[bool]) -> usize {
    coalition.iter().enumerate().map(|(bit, &inside)| usize::from(inside) << bit).sum()
}
