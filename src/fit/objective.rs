//! What the fit minimises: minus the log posterior, with its gradient and Gauss–Newton curvature.
//!
//! For run i and noisy node j with residual r = ln x − ln f(θ) and spread σ, under Student's t with ν degrees of freedom
//!
//! ```text
//! ℓ(r, σ)  = (ν+1)/2 · ln(1 + r²/(νσ²)) + ln σ
//! cost     = Σᵢ −ln Σₛ p(s) exp(−Σⱼ ℓ(rᵢⱼₛ, σᵢⱼₛ)) + ½ Σₖ θₖ²
//! ```
//!
//! s runs over the states of the run's regimes, p(s) is their prior probability; without regimes the sum has one term. θ are
//! the coordinates of [`ParameterSpace`], standard normal under the prior. The curvature replaces ℓ'' by w (ν+1)/(ν+3) with the
//! weight w = (ν+1)/(νσ²+r²) of iteratively reweighted least squares: E w = 1/σ², and the expected information about ln f is
//! (ν+1)/(ν+3)/σ². That about ln σ is its expectation 2ν/(ν+3)
//! (Lange, Little and Taylor, Robust statistical modeling using the t distribution, JASA 84, 1989).

use nalgebra::{DMatrix, DVector};

use super::likelihood::{DEGREES_OF_FREEDOM, Observation};
use crate::model::{Columns, Frame, Model, ParameterSpace, Slot};

/// Rows evaluated together.
const BLOCK: usize = 64;

/// The cost of a model on a frame of measured runs.
pub(crate) struct Objective<'a> {
    pub(crate) model: &'a Model,
    pub(crate) space: &'a ParameterSpace,
    pub(crate) frame: &'a Frame,
    /// One set of input columns per combination of regime states.
    states: Vec<Vec<Vec<f64>>>,
}

/// Cost with derivatives.
pub(crate) struct Curved {
    pub(crate) cost: f64,
    pub(crate) gradient: DVector<f64>,
    pub(crate) curvature: DMatrix<f64>,
}

impl<'a> Objective<'a> {
    pub(crate) fn new(model: &'a Model, space: &'a ParameterSpace, frame: &'a Frame) -> Self {
        let combinations = 1_usize << model.regimes.len();
        let states = (0..combinations)
            .map(|combination| {
                let mut frame = frame.clone();
                frame.set_states(model, combination);
                frame.inputs
            })
            .collect();
        Self { model, space, frame, states }
    }

    fn columns(&self, theta: &[f64]) -> (Vec<Columns>, crate::model::Slopes) {
        let (parameters, slopes) = self.space.columns(self.model, self.frame, theta);
        let columns = self
            .states
            .iter()
            .map(|inputs| Columns { inputs: inputs.clone(), parameters: parameters.clone() })
            .collect();
        (columns, slopes)
    }

    /// The cost alone.
    pub(crate) fn cost(&self, theta: &[f64]) -> f64 {
        let (columns, _) = self.columns(theta);
        let mut total = 0.5 * theta.iter().map(|x| x * x).sum::<f64>();
        let mut values = vec![Vec::new(); columns.len()];
        for start in (0..self.frame.rows).step_by(BLOCK) {
            let rows = start..(start + BLOCK).min(self.frame.rows);
            for (columns, values) in columns.iter().zip(&mut values) {
                self.model.tape.evaluate(columns, &rows, values);
            }
            for lane in 0..rows.len() {
                total += self.row(&values, rows.len(), start + lane, lane).0;
            }
        }
        if total.is_finite() { total } else { f64::MAX }
    }

    /// Cost of a run and the posterior probability of each of its states.
    fn row(&self, values: &[Vec<f64>], lanes: usize, row: usize, lane: usize) -> (f64, Vec<f64>) {
        let logs: Vec<f64> = values
            .iter()
            .enumerate()
            .map(|(combination, values)| {
                let prior = self.model.state_prior(values, lanes, lane, combination);
                let cost: f64 = self.observations(values, lanes, row, lane).iter().map(Observation::cost).sum();
                prior.ln() - cost
            })
            .collect();
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logs.iter().map(|log| (log - largest).exp()).sum();
        let total = largest + sum.ln();
        (-total, logs.iter().map(|log| (log - total).exp()).collect())
    }

    fn observations(&self, values: &[f64], lanes: usize, row: usize, lane: usize) -> Vec<Observation> {
        let at = |slot: Slot| values[slot as usize * lanes + lane];
        self.model
            .noisy
            .iter()
            .enumerate()
            .filter_map(|(noisy, own)| {
                let measured = self.frame.inputs[own.observed_input][row];
                (!measured.is_nan()).then(|| {
                    let predicted = at(self.model.nodes[own.node].predicted);
                    Observation { noisy, residual: measured.ln() - predicted.ln(), sigma: at(own.sigma), predicted }
                })
            })
            .collect()
    }

    /// Cost, gradient and curvature.
    pub(crate) fn curved(&self, theta: &[f64]) -> Curved {
        let size = self.space.len();
        let (columns, slopes) = self.columns(theta);
        let mut result = Curved {
            cost: 0.5 * theta.iter().map(|x| x * x).sum::<f64>(),
            gradient: DVector::from_column_slice(theta),
            curvature: DMatrix::identity(size, size),
        };
        let mut values = vec![Vec::new(); columns.len()];
        let mut adjoints = Vec::new();
        for start in (0..self.frame.rows).step_by(BLOCK) {
            let rows = start..(start + BLOCK).min(self.frame.rows);
            let lanes = rows.len();
            for (columns, values) in columns.iter().zip(&mut values) {
                self.model.tape.evaluate(columns, &rows, values);
            }
            let posterior: Vec<Vec<f64>> = (0..lanes)
                .map(|lane| {
                    let (cost, shares) = self.row(&values, lanes, start + lane, lane);
                    result.cost += cost;
                    shares
                })
                .collect();
            for (combination, values) in values.iter().enumerate() {
                let shares: Vec<f64> = posterior.iter().map(|shares| shares[combination]).collect();
                self.add_block(values, start, &shares, combination, &slopes, &mut adjoints, &mut result);
            }
        }
        result.curvature.fill_lower_triangle_with_upper_triangle();
        result
    }

    /// Adds one block's derivatives in one combination of states.
    #[expect(clippy::too_many_arguments, reason = "one block of one state: all of them vary")]
    #[expect(clippy::needless_range_loop, reason = "a lane indexes several columns at once")]
    fn add_block(
        &self,
        values: &[f64],
        start: usize,
        shares: &[f64],
        combination: usize,
        slopes: &crate::model::Slopes,
        adjoints: &mut Vec<f64>,
        result: &mut Curved,
    ) {
        let lanes = shares.len();
        let observed: Vec<Vec<Observation>> =
            (0..lanes)
                .map(|lane| {
                    if shares[lane] < 1e-9 { Vec::new() } else { self.observations(values, lanes, start + lane, lane) }
                })
                .collect();
        for (noisy, own) in self.model.noisy.iter().enumerate() {
            let find = |lane: usize| observed[lane].iter().find(|seen| seen.noisy == noisy);
            let predicted = self.model.nodes[own.node].predicted;
            // d ln f/dθ: seed the adjoint of f with 1/f.
            self.sweep(values, lanes, predicted, adjoints, |lane| find(lane).map_or(0.0, |seen| 1.0 / seen.predicted));
            for lane in 0..lanes {
                let Some(seen) = find(lane) else { continue };
                let gradient = self.pull_back(adjoints, lanes, start, lane, slopes);
                add(
                    result,
                    &gradient,
                    -shares[lane] * seen.weight() * seen.residual,
                    shares[lane] * seen.information(),
                );
            }
            // d ln σ/dθ.
            self.sweep(values, lanes, own.sigma, adjoints, |lane| find(lane).map_or(0.0, |seen| 1.0 / seen.sigma));
            for lane in 0..lanes {
                let Some(seen) = find(lane) else { continue };
                let gradient = self.pull_back(adjoints, lanes, start, lane, slopes);
                let nu = DEGREES_OF_FREEDOM;
                let slope = 1.0 - seen.weight() * seen.residual.powi(2);
                add(result, &gradient, shares[lane] * slope, shares[lane] * 2.0 * nu / (nu + 3.0));
            }
        }
        for (bit, regime) in self.model.regimes.iter().enumerate() {
            let is_second = combination >> bit & 1 == 1;
            let share = |lane: usize| values[regime.probability as usize * lanes + lane];
            self.sweep(values, lanes, regime.probability, adjoints, |lane| {
                if share(lane) > 0.0 && share(lane) < 1.0 { 1.0 } else { 0.0 }
            });
            for lane in 0..lanes {
                let p = share(lane);
                if !(p > 0.0 && p < 1.0) {
                    continue;
                }
                let gradient = self.pull_back(adjoints, lanes, start, lane, slopes);
                let slope = if is_second { -1.0 / p } else { 1.0 / (1.0 - p) };
                let information = if is_second { 1.0 / p.powi(2) } else { 1.0 / (1.0 - p).powi(2) };
                add(result, &gradient, shares[lane] * slope, shares[lane] * information);
            }
        }
    }

    /// Sets one adjoint per lane and sweeps back.
    fn sweep(&self, values: &[f64], lanes: usize, slot: Slot, adjoints: &mut Vec<f64>, seed: impl Fn(usize) -> f64) {
        adjoints.clear();
        adjoints.resize(values.len(), 0.0);
        for lane in 0..lanes {
            adjoints[slot as usize * lanes + lane] = seed(lane);
        }
        self.model.tape.backward(values, lanes, adjoints);
    }

    /// The adjoints of a run's parameters as derivatives by coordinate.
    fn pull_back(
        &self,
        adjoints: &[f64],
        lanes: usize,
        start: usize,
        lane: usize,
        slopes: &crate::model::Slopes,
    ) -> Vec<(usize, f64)> {
        let mut gradient = Vec::with_capacity(64);
        for &(parameter, slot) in &self.model.parameter_slots {
            let adjoint = adjoints[slot as usize * lanes + lane];
            if adjoint != 0.0 {
                let level = self.frame.levels[parameter][start + lane] as usize;
                gradient.extend(slopes[parameter][level].iter().map(|&(index, slope)| (index, adjoint * slope)));
            }
        }
        gradient
    }

    /// Posterior probability of the second state of each regime, by run.
    pub(crate) fn states(&self, theta: &[f64]) -> Vec<Vec<f64>> {
        let (columns, _) = self.columns(theta);
        let mut values = vec![Vec::new(); columns.len()];
        let mut result = Vec::with_capacity(self.frame.rows);
        for start in (0..self.frame.rows).step_by(BLOCK) {
            let rows = start..(start + BLOCK).min(self.frame.rows);
            for (columns, values) in columns.iter().zip(&mut values) {
                self.model.tape.evaluate(columns, &rows, values);
            }
            for lane in 0..rows.len() {
                let (_, shares) = self.row(&values, rows.len(), start + lane, lane);
                let second = (0..self.model.regimes.len()).map(|bit| {
                    shares.iter().enumerate().filter(|(mask, _)| mask >> bit & 1 == 1).map(|(_, share)| share).sum()
                });
                result.push(second.collect());
            }
        }
        result
    }
}

/// Adds `slope · g` to the gradient and `weight · g gᵀ` to the upper triangle of the curvature.
fn add(result: &mut Curved, gradient: &[(usize, f64)], slope: f64, weight: f64) {
    for &(i, gi) in gradient {
        result.gradient[i] += slope * gi;
        for &(j, gj) in gradient {
            if i <= j {
                result.curvature[(i, j)] += weight * gi * gj;
            }
        }
    }
}
