//! What a fitted model expects of runs that it has not seen: mean and spread of the log of every metric.
//!
//! Noise is taken at the mean of the residual process, each regime in both of its states. Near that point the log of a
//! metric is linear in the parameters θ, in the residual process g of each noisy node and in the noise ε of the run:
//!
//! ```text
//! ln m = μ + G·δθ + Σⱼ sⱼ (gⱼ + εⱼ),      var = G·Σ·Gᵀ + Σⱼ sⱼ² (var gⱼ + σⱼ²)
//! ```
//!
//! with Σ the posterior covariance of the parameters; levels that no run of the fit had keep their prior spread. Measured
//! runs given beside the fit (anchors) condition this Gaussian once more, parameters and residual process together.

use nalgebra::{DMatrix, DVector};

use super::fitted::Fitted;
use super::noise::Left;
use super::residual::Design;
use super::support::{View, views};
use crate::model::{Bound, Frame, Target};

/// Least and greatest probability of a state that another run's state may suggest.
const CERTAINTY: f64 = 0.02;
/// Variance of Student's t with four degrees of freedom over its squared scale.
const HEAVY: f64 = 2.0;

/// Gaussian updates by measured runs, each around the result of the one before.
const UPDATES: usize = 6;

/// The expectation for some runs.
pub(crate) struct Forecast {
    /// Nodes of the model that are metrics or identities, in its order.
    pub(crate) metrics: Vec<usize>,
    /// One for each run.
    pub(crate) rows: Vec<Expected>,
}

/// The expectation for one run: by metric.
pub(crate) struct Expected {
    /// Mean of the log; NaN where the metric has no meaning for the run.
    pub(crate) mean: Vec<f64>,
    /// Standard deviation of the log.
    pub(crate) spread: Vec<f64>,
    /// Probability of the second state of each regime.
    pub(crate) second: Vec<f64>,
    /// How the kinds of questions see the run.
    pub(crate) view: View,
    /// Constraints that the configuration breaks.
    pub(crate) broken: Vec<usize>,
}

/// Measured runs that the forecast is conditioned on.
pub(crate) struct Anchors {
    design: Option<Design>,
    /// Every observation.
    seen: Vec<Seen>,
    /// C⁻¹ over the observations.
    precision: DMatrix<f64>,
    /// C⁻¹ times what is left beyond the process.
    weights: DVector<f64>,
    /// The same for the states of every regime, over the anchors where both states are possible.
    states: Vec<StateAnchors>,
}

/// Anchors of one regime: their rows, and C⁻¹ times what their states are beyond the process.
struct StateAnchors {
    rows: Vec<usize>,
    weights: DVector<f64>,
}

struct Seen {
    row: usize,
    noisy: usize,
    whitened: DVector<f64>,
    beyond: f64,
}

/// One run in one combination of states, linear around the mean noise.
struct Linear {
    mean: Vec<f64>,
    variance: Vec<f64>,
}

/// Mean, variance and noise of the process of one noisy node, by run.
struct NodeNoise {
    mean: Vec<f64>,
    variance: Vec<f64>,
    noise: Vec<f64>,
}

impl Fitted {
    /// What is expected of the runs of a frame, whose measured outcomes are not looked at.
    ///
    /// `self` must have a coordinate for every level of the frame ([`Fitted::extended`]) for the spread to be whole.
    pub(crate) fn forecast(&self, frame: &Frame, anchors: Option<&Anchors>) -> Forecast {
        let mut frame = self.unmeasured(frame);
        self.raise_to_bounds(&mut frame);
        self.expect(frame, anchors, false)
    }

    /// The same for runs that nothing was measured of ([`Fitted::unmeasured`]), whose bounded nodes are what the frame says of
    /// them; `in_doubt` where they are known no better than their equations.
    pub(crate) fn expect(&self, mut frame: Frame, anchors: Option<&Anchors>, in_doubt: bool) -> Forecast {
        let model = &self.model;
        let rows = frame.rows();
        let (values, _) = self.evaluate(&frame, &(0..rows));
        let design = model.residual.as_ref().map(|residual| Design::new(residual, &values, rows));
        let noises = self.node_noises(design.as_ref(), &values, rows);
        for (noisy, noise) in model.noisy.iter().zip(&noises) {
            frame.inputs[noisy.noise_input].clone_from(&noise.mean);
        }
        let second = self.second_states(design.as_ref(), &values, rows, anchors);
        let metrics: Vec<usize> = (0..model.nodes.len()).filter(|&node| model.nodes[node].role.is_outcome()).collect();
        let reach = anchors.map(|anchors| self.reach(anchors, design.as_ref(), rows));
        let mut mixed: Vec<Vec<(f64, Linear)>> = (0..rows).map(|_| Vec::new()).collect();
        let mut broken = vec![Vec::new(); rows];
        for combination in 0..1_usize << model.regimes.len() {
            frame.set_states(model, combination);
            let (values, slopes) = self.evaluate(&frame, &(0..rows));
            for row in 0..rows {
                let share: f64 = (0..model.regimes.len())
                    .map(|bit| if combination >> bit & 1 == 1 { second[bit][row] } else { 1.0 - second[bit][row] })
                    .product();
                if share <= 0.0 {
                    continue;
                }
                let lane = Lane { frame: &frame, slopes: &slopes, values: &values, rows, row };
                let cross = reach.as_ref().map(|reach| &reach[row]);
                mixed[row].push((share, self.linear(&lane, &metrics, &noises, anchors.zip(cross), in_doubt)));
                if broken[row].is_empty() {
                    let fails = |slot: u32| values[slot as usize * rows + row] == 0.0;
                    broken[row] = (0..model.constraints.len()).filter(|&i| fails(model.constraints[i].holds)).collect();
                }
            }
        }
        let views = views(model, &values, rows);
        let rows = mixed
            .into_iter()
            .zip(views)
            .zip(broken)
            .enumerate()
            .map(|(row, ((states, view), broken))| {
                let second = second.iter().map(|second| second[row]).collect();
                expected(&states, metrics.len(), second, view, broken)
            })
            .collect();
        Forecast { metrics, rows }
    }

    /// The runs as they are before anything is measured.
    pub(crate) fn unmeasured(&self, frame: &Frame) -> Frame {
        let model = &self.model;
        let mut frame = frame.clone();
        frame.set_states(model, 0);
        for noisy in &model.noisy {
            frame.inputs[noisy.observed_input].fill(f64::NAN);
            frame.inputs[noisy.noise_input].fill(0.0);
        }
        for bound in &model.bounds {
            frame.inputs[bound.noise_input].fill(0.0);
        }
        frame
    }

    fn node_noises(&self, design: Option<&Design>, values: &[f64], rows: usize) -> Vec<NodeNoise> {
        let model = &self.model;
        let own = |noisy: usize| self.process(Target::Noise(noisy)).zip(design);
        (0..model.noisy.len())
            .map(|noisy| {
                if let Some(((part, residual), design)) = own(noisy) {
                    let (mean, variance) = part.mean_and_variance(residual, design);
                    let noise = (0..rows).map(|row| part.noise_of(residual, design, row)).collect();
                    NodeNoise { mean: mean.as_slice().to_vec(), variance: variance.as_slice().to_vec(), noise }
                } else {
                    let slot = model.noisy[noisy].sigma as usize;
                    let noise = (0..rows).map(|row| HEAVY.sqrt() * values[slot * rows + row]).collect();
                    NodeNoise { mean: vec![0.0; rows], variance: vec![0.0; rows], noise }
                }
            })
            .collect()
    }

    /// Probability of the second state of each regime: the prior's, moved by what runs like it were found in.
    fn second_states(
        &self,
        design: Option<&Design>,
        values: &[f64],
        rows: usize,
        anchors: Option<&Anchors>,
    ) -> Vec<Vec<f64>> {
        let model = &self.model;
        model
            .regimes
            .iter()
            .enumerate()
            .map(|(index, regime)| {
                let prior = &values[regime.probability as usize * rows..][..rows];
                let moved = self.process(Target::State(index)).zip(design).map(|((part, residual), design)| {
                    let given = anchors.and_then(|anchors| anchors.design.as_ref().zip(anchors.states.get(index)));
                    part.mean(residual, design)
                        + given.map_or_else(
                            || DVector::zeros(rows),
                            |(own, states)| {
                                part.covariance(residual, design, &own.some(&states.rows)) * &states.weights
                            },
                        )
                });
                (0..rows)
                    .map(|row| match &moved {
                        Some(moved) if prior[row] > 0.0 && prior[row] < 1.0 => {
                            (prior[row] + moved[row]).clamp(CERTAINTY, 1.0 - CERTAINTY)
                        }
                        _ => prior[row].clamp(0.0, 1.0),
                    })
                    .collect()
            })
            .collect()
    }

    /// Mean and variance of every metric of one run in one combination of states.
    fn linear(
        &self,
        lane: &Lane<'_>,
        metrics: &[usize],
        noises: &[NodeNoise],
        anchors: Option<(&Anchors, &DMatrix<f64>)>,
        in_doubt: bool,
    ) -> Linear {
        let model = &self.model;
        let mut result = Linear { mean: Vec::new(), variance: Vec::new() };
        let lane_values = lane.values();
        for &metric in metrics {
            let slot = model.nodes[metric].value;
            let value = lane_values[slot as usize];
            if !(value.is_finite() && value > 0.0) {
                result.mean.push(f64::NAN);
                result.variance.push(f64::NAN);
                continue;
            }
            let (gradient, inputs) = self.gradient_of(lane.frame, lane.slopes, &lane_values, lane.row, slot);
            let whitened = self.whiten(&gradient);
            let slopes: Vec<f64> = model.noisy.iter().map(|noisy| inputs[noisy.noise_input]).collect();
            let own: f64 = slopes
                .iter()
                .zip(noises)
                .map(|(slope, noise)| slope.powi(2) * (noise.variance[lane.row] + noise.noise[lane.row].powi(2)))
                .sum();
            let doubt = |bound: &Bound| inputs[bound.noise_input] * lane_values[bound.sigma as usize];
            let unproven: f64 =
                if in_doubt { model.bounds.iter().map(|bound| doubt(bound).powi(2)).sum() } else { 0.0 };
            let (mut mean, mut variance) = (value.ln(), whitened.norm_squared() + own + unproven);
            if let Some((anchors, reach)) = anchors {
                let cross = DVector::from_iterator(
                    anchors.seen.len(),
                    anchors.seen.iter().enumerate().map(|(index, seen)| {
                        whitened.dot(&seen.whitened) + slopes[seen.noisy] * reach[(seen.noisy, index)]
                    }),
                );
                // The parameters are at their new mean already; the residual process moves here.
                mean += anchors
                    .seen
                    .iter()
                    .enumerate()
                    .map(|(index, seen)| slopes[seen.noisy] * reach[(seen.noisy, index)] * anchors.weights[index])
                    .sum::<f64>();
                variance = (variance - cross.dot(&(&anchors.precision * &cross))).max(0.0);
            }
            result.mean.push(mean);
            result.variance.push(variance);
        }
        result
    }

    /// Covariance of the residual process between each run and each observation of the anchors: `[run][(noisy, seen)]`.
    fn reach(&self, anchors: &Anchors, design: Option<&Design>, rows: usize) -> Vec<DMatrix<f64>> {
        let model = &self.model;
        let mut reach = vec![DMatrix::zeros(model.noisy.len(), anchors.seen.len()); rows];
        for noisy in 0..model.noisy.len() {
            let Some(((part, residual), (design, own))) =
                self.process(Target::Noise(noisy)).zip(design.zip(anchors.design.as_ref()))
            else {
                continue;
            };
            let covariance = part.covariance(residual, design, own);
            for (index, seen) in anchors.seen.iter().enumerate().filter(|(_, seen)| seen.noisy == noisy) {
                for (row, reach) in reach.iter_mut().enumerate() {
                    reach[(noisy, index)] = covariance[(row, seen.row)];
                }
            }
        }
        reach
    }

    /// The model after measured runs were seen: parameters at their new mean, and the runs as anchors of a forecast. Levels as
    /// for [`Fitted::forecast`].
    ///
    /// Far from the fit's own runs the equations bend, so the Gaussian update is repeated around its own result: the iterated
    /// extended Kalman filter (Bell and Cathey, IEEE Transactions on Automatic Control 38, 1993).
    pub(crate) fn anchored(self, measured: &Frame) -> (Self, Option<Anchors>) {
        let prior = DVector::from_column_slice(&self.theta);
        let mut moved = self;
        let mut found = None;
        for _ in 0..UPDATES {
            let Some(anchors) = moved.anchors(measured, &prior) else { break };
            let mut whitened = DVector::zeros(prior.len());
            for (seen, weight) in anchors.seen.iter().zip(anchors.weights.iter()) {
                whitened.axpy(*weight, &seen.whitened, 1.0);
            }
            let theta = &prior + moved.unwhiten(&whitened);
            found = Some(anchors);
            if theta.iter().any(|x| !x.is_finite()) {
                break;
            }
            moved.theta = theta.as_slice().to_vec();
        }
        (moved, found)
    }

    /// Measured runs as anchors, linear around the present parameters; `prior` are those before any of them was seen.
    fn anchors(&self, measured: &Frame, prior: &DVector<f64>) -> Option<Anchors> {
        let model = &self.model;
        let rows = measured.rows();
        let left = Left::new(self, measured);
        let (_, slopes) = self.space.columns(model, &left.frame, &self.theta);
        let design = model.residual.as_ref().map(|residual| Design::new(residual, &left.values, rows));
        let noises = self.node_noises(design.as_ref(), &left.values, rows);
        let way = DVector::from_column_slice(&self.theta) - prior;
        let mut seen = Vec::new();
        for (noisy, own) in model.noisy.iter().enumerate() {
            for row in (0..rows).filter(|&row| !left.noise[noisy][row].is_nan()) {
                let lane = Lane { frame: &left.frame, slopes: &slopes, values: &left.values, rows, row };
                let slot = model.nodes[own.node].predicted;
                let (gradient, _) = self.gradient_of(lane.frame, lane.slopes, &lane.values(), row, slot);
                let beyond = left.noise[noisy][row] - noises[noisy].mean[row] + gradient.dot(&way);
                seen.push(Seen { row, noisy, whitened: self.whiten(&gradient), beyond });
            }
        }
        let mut covariance = DMatrix::from_fn(seen.len(), seen.len(), |a, b| seen[a].whitened.dot(&seen[b].whitened));
        for (noisy, own_noise) in noises.iter().enumerate() {
            let process = self
                .process(Target::Noise(noisy))
                .zip(design.as_ref())
                .map(|((part, residual), design)| part.covariance(residual, design, design));
            let own: Vec<usize> = (0..seen.len()).filter(|&index| seen[index].noisy == noisy).collect();
            for &a in &own {
                for &b in &own {
                    covariance[(a, b)] += process.as_ref().map_or(0.0, |process| process[(seen[a].row, seen[b].row)]);
                }
                covariance[(a, a)] += own_noise.noise[seen[a].row].powi(2).max(1e-8);
            }
        }
        let precision = covariance.cholesky()?.inverse();
        let weights = &precision * DVector::from_iterator(seen.len(), seen.iter().map(|seen| seen.beyond));
        let states =
            (0..model.regimes.len()).map(|regime| self.state_anchors(regime, design.as_ref(), &left)).collect();
        Some(Anchors { design, seen, precision, weights, states })
    }
}

impl Fitted {
    /// What the states of measured runs say beyond the process of their regime.
    fn state_anchors(&self, regime: usize, design: Option<&Design>, left: &Left) -> StateAnchors {
        let rows: Vec<usize> =
            (0..left.states[regime].len()).filter(|&row| !left.states[regime][row].is_nan()).collect();
        let Some(((part, residual), design)) = self.process(Target::State(regime)).zip(design) else {
            return StateAnchors { rows: Vec::new(), weights: DVector::zeros(0) };
        };
        let own = design.some(&rows);
        let mut covariance = part.covariance(residual, &own, &own);
        for (index, _) in rows.iter().enumerate() {
            covariance[(index, index)] += part.noise_of(residual, &own, index).powi(2).max(1e-6);
        }
        let seen = DVector::from_iterator(rows.len(), rows.iter().map(|&row| left.states[regime][row]));
        let beyond = seen - part.mean(residual, &own);
        let weights = covariance.cholesky().map_or_else(|| DVector::zeros(rows.len()), |factor| factor.solve(&beyond));
        StateAnchors { rows, weights }
    }
}

/// One run among evaluated values.
struct Lane<'a> {
    frame: &'a Frame,
    slopes: &'a crate::model::Slopes,
    values: &'a [f64],
    rows: usize,
    row: usize,
}

impl Lane<'_> {
    fn values(&self) -> Vec<f64> {
        self.values.chunks_exact(self.rows).map(|column| column[self.row]).collect()
    }
}

/// The more probable state for the mean; the spread is that of all states around it.
fn expected(states: &[(f64, Linear)], metrics: usize, second: Vec<f64>, view: View, broken: Vec<usize>) -> Expected {
    let total: f64 = states.iter().map(|(share, _)| share).sum();
    let likely = states.iter().max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, linear)| linear);
    let mut mean = Vec::new();
    let mut spread = Vec::new();
    for metric in 0..metrics {
        let center = likely.map_or(f64::NAN, |linear| linear.mean[metric]);
        let around = |linear: &Linear| linear.variance[metric] + (linear.mean[metric] - center).powi(2);
        let variance: f64 = states.iter().map(|(share, linear)| share / total * around(linear)).sum();
        mean.push(center);
        spread.push(variance.sqrt());
    }
    Expected { mean, spread, second, view, broken }
}
