//! A model with its estimates.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use super::calibration::Calibration;
use super::residual::{Part, Process};
use super::seen::Seen;
use super::solver::{Settings, Solution};
use super::support::Support;
use crate::model::{Frame, Model, Op, ParameterSpace, Residual, Slopes, Slot, Target, Term};
use crate::runs::Run;
use crate::stats::NORMAL_QUANTILE_90;

/// How a fit was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Runs by sweep.
    pub sources: BTreeMap<String, usize>,
    /// Log posterior at the mode, up to a constant.
    pub log_posterior: f64,
    /// Why the search stopped.
    pub stopped: String,
    /// Log posterior that every start reached in its first legs.
    pub starts: Vec<f64>,
    /// Seed of the starting points.
    pub seed: u64,
    /// Whether points that are no runs stand for the runs.
    pub shareable: bool,
    /// What the runs had.
    pub seen: Seen,
}

impl Record {
    pub(super) fn new(model: &Model, runs: &[Run], solution: &Solution, settings: &Settings) -> Self {
        let mut sources = BTreeMap::new();
        for run in runs {
            *sources.entry(run.source.clone()).or_insert(0) += 1;
        }
        Self {
            sources,
            log_posterior: -solution.curved.cost,
            stopped: solution.stopped.to_string(),
            starts: solution.starts.iter().map(|cost| -cost).collect(),
            seed: settings.seed,
            shareable: false,
            seen: Seen::new(model, runs),
        }
    }

    /// Number of runs.
    pub fn runs(&self) -> usize {
        self.sources.values().sum()
    }
}

/// A model, the mode of its posterior, and the curvature there (Laplace approximation).
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The model.
    pub model: Model,
    /// Its coordinates.
    pub space: ParameterSpace,
    /// The mode.
    pub theta: Vec<f64>,
    /// How it was made.
    pub record: Record,
    /// What the equations miss, if the model file says what it looks like.
    pub residual: Option<Process>,
    /// What was measured, as the kinds of questions see it.
    pub support: Support,
    /// How far predictions were off where nothing was measured, by kind of question.
    pub calibration: Calibration,
    /// Lower Cholesky factor L of the curvature H = L·Lᵀ; the posterior covariance is H⁻¹.
    pub(super) factor: DMatrix<f64>,
}

impl Fitted {
    pub(super) fn new(
        model: Model,
        space: ParameterSpace,
        theta: Vec<f64>,
        curvature: DMatrix<f64>,
        record: Record,
    ) -> Self {
        let size = theta.len();
        // The curvature is I plus outer products, so it is positive definite up to rounding.
        let factor = curvature.cholesky().map_or_else(|| DMatrix::identity(size, size), |factor| factor.l());
        Self {
            model,
            space,
            theta,
            record,
            residual: None,
            support: Support::default(),
            calibration: Calibration::default(),
            factor,
        }
    }

    /// The same estimates, with a coordinate for every level of these that has none yet.
    pub(crate) fn knowing(&self, levels: &[Vec<String>]) -> Cow<'_, Self> {
        let knows = |(parameter, new): (usize, &Vec<String>)| {
            new.iter().all(|level| level.is_empty() || self.space.levels(parameter).any(|own| own == level))
        };
        if levels.iter().enumerate().all(knows) {
            return Cow::Borrowed(self);
        }
        // What is long to compute is computed before it is copied.
        if let (Some(process), Some(residual)) = (&self.residual, &self.model.residual) {
            for part in &process.parts {
                part.prepare(residual);
            }
        }
        Cow::Owned(self.extended(levels))
    }

    /// The same estimates with a coordinate for every further level: such a level keeps its prior spread.
    pub(crate) fn extended(&self, levels: &[Vec<String>]) -> Self {
        let all: Vec<Vec<String>> = levels
            .iter()
            .enumerate()
            .map(|(parameter, new)| {
                let mut all: Vec<String> = self.space.levels(parameter).map(str::to_owned).collect();
                all.extend(new.iter().filter(|level| !level.is_empty()).cloned());
                all.sort();
                all.dedup();
                all
            })
            .collect();
        let space = ParameterSpace::new(&self.model, &all);
        let old: Vec<Option<usize>> =
            space.names().iter().map(|name| self.space.names().iter().position(|own| own == name)).collect();
        let own = &self.factor * self.factor.transpose();
        let curvature = DMatrix::from_fn(space.len(), space.len(), |i, j| match (old[i], old[j]) {
            (Some(a), Some(b)) => own[(a, b)],
            _ => f64::from(u8::from(i == j)),
        });
        let theta: Vec<f64> = old.iter().map(|old| old.map_or(0.0, |index| self.theta[index])).collect();
        let mut extended = Self::new(self.model.clone(), space, theta, curvature, self.record.clone());
        extended.residual.clone_from(&self.residual);
        extended.support = self.support.clone();
        extended.calibration = self.calibration.clone();
        extended
    }

    /// L⁻¹·g: a derivative by coordinate in the posterior's own units, so that its squared length is the variance
    /// g·H⁻¹·g of the quantity differentiated.
    pub(crate) fn whiten(&self, gradient: &DVector<f64>) -> DVector<f64> {
        self.factor.solve_lower_triangular(gradient).unwrap_or_else(|| gradient.clone())
    }

    /// The residual process of a target, with the model's description of it.
    pub(crate) fn process(&self, target: Target) -> Option<(&Part, &Residual)> {
        self.residual.as_ref()?.part(target).zip(self.model.residual.as_ref())
    }

    /// The equations alone, for a forecast: no residual process, nothing of what was measured.
    pub(super) fn equations(&self) -> Self {
        Self {
            model: self.model.clone(),
            space: self.space.clone(),
            theta: self.theta.clone(),
            record: self.record.clone(),
            residual: None,
            support: Support::default(),
            calibration: Calibration::default(),
            factor: self.factor.clone(),
        }
    }

    /// Raises every bounded node of the runs of a frame to what the model's bounds say it was at least.
    pub(crate) fn raise_to_bounds(&self, frame: &mut Frame) {
        let rows = frame.rows();
        for bound in &self.model.bounds {
            let (values, _) = self.evaluate(frame, &(0..rows));
            let at = |slot: Slot, row: usize| values[slot as usize * rows + row].ln();
            let predicted = self.model.nodes[bound.node].predicted;
            let factor = |row: usize| (at(bound.at_least, row) - at(predicted, row)).max(0.0);
            frame.inputs[bound.noise_input] =
                (0..rows).map(factor).map(|factor| if factor.is_finite() { factor } else { 0.0 }).collect();
        }
    }

    /// L⁻ᵀ·w: a step of the coordinates out of the posterior's own units.
    pub(crate) fn unwhiten(&self, whitened: &DVector<f64>) -> DVector<f64> {
        self.factor.transpose().solve_upper_triangular(whitened).unwrap_or_else(|| whitened.clone())
    }

    /// Posterior standard deviation of a quantity with this derivative by coordinate.
    pub fn spread(&self, gradient: &DVector<f64>) -> f64 {
        self.whiten(gradient).norm()
    }

    /// Standard deviation of the log of what the equation of a bounded node leaves unsaid, where it is a constant; 0 else.
    pub(crate) fn bound_spread(&self, node: usize) -> f64 {
        let bound = self.model.bounds.iter().find(|bound| bound.node == node);
        match bound.map(|bound| self.model.tape.ops[bound.sigma as usize]) {
            Some(Op::Constant(spread)) => spread,
            _ => 0.0,
        }
    }

    /// 90 % interval of a parameter at a level.
    pub fn level_interval(&self, parameter: &str, level: &str) -> Option<(f64, f64)> {
        let index = self.model.parameters.iter().position(|own| own.definition.name == parameter)?;
        let (prior, terms) = self.space.terms(&self.model, index, level);
        let (x, spread) = self.coordinate(&terms);
        let half = NORMAL_QUANTILE_90 * spread;
        Some((prior.value(x - half).0, prior.value(x + half).0))
    }

    /// Mode and posterior standard deviation of a sum of coordinates.
    pub(super) fn coordinate(&self, terms: &[Term]) -> (f64, f64) {
        let mut gradient = DVector::zeros(self.theta.len());
        let mut x = 0.0;
        for term in terms {
            gradient[term.index] += term.weight;
            x += term.weight * self.theta[term.index];
        }
        (x, self.spread(&gradient))
    }

    /// Derivative of `ln slot` in one lane of evaluated values: by the coordinates, and by every input column.
    pub(crate) fn log_gradient(
        &self,
        frame: &Frame,
        slopes: &Slopes,
        values: &[f64],
        lanes: usize,
        lane: usize,
        slot: Slot,
    ) -> (DVector<f64>, Vec<f64>) {
        let lane_values: Vec<f64> = (0..self.model.tape.ops.len()).map(|slot| values[slot * lanes + lane]).collect();
        self.gradient_of(frame, slopes, &lane_values, lane, slot)
    }

    /// The same for values of that lane alone; `lane` is its row in the frame.
    pub(crate) fn gradient_of(
        &self,
        frame: &Frame,
        slopes: &Slopes,
        lane_values: &[f64],
        lane: usize,
        slot: Slot,
    ) -> (DVector<f64>, Vec<f64>) {
        let mut adjoints = vec![0.0; lane_values.len()];
        adjoints[slot as usize] = 1.0 / lane_values[slot as usize];
        self.model.tape.backward(lane_values, 1, &mut adjoints);
        let mut gradient = DVector::zeros(self.theta.len());
        for &(parameter, slot) in &self.model.parameter_slots {
            let adjoint = adjoints[slot as usize];
            if adjoint != 0.0 {
                let level = frame.levels[parameter][lane] as usize;
                for &(index, slope) in &slopes[parameter][level] {
                    gradient[index] += adjoint * slope;
                }
            }
        }
        let mut inputs = vec![0.0; self.model.inputs.len()];
        for (slot, op) in self.model.tape.ops.iter().enumerate() {
            if let Op::Input(index) = op {
                inputs[*index as usize] = adjoints[slot];
            }
        }
        (gradient, inputs)
    }

    /// Values of all slots for rows of a frame, at the mode.
    pub(crate) fn evaluate(&self, frame: &Frame, rows: &Range<usize>) -> (Vec<f64>, Slopes) {
        let (parameters, slopes) = self.space.columns(&self.model, frame, &self.theta);
        let mut values = Vec::new();
        self.model.tape.evaluate(&frame.columns(parameters), rows, &mut values);
        (values, slopes)
    }
}

impl Fitted {
    /// The same with points that are nobody's runs in place of the runs: what may be handed on.
    ///
    /// The residual process is conditioned on points half-way between neighbouring runs. Of what was measured, the ends of
    /// every group are kept: which models, tasks, GPUs and counts there were, and between which batch sizes.
    #[must_use]
    pub fn shareable(&self) -> Self {
        let mut shared = self.clone();
        if let (Some(process), Some(residual)) = (&self.residual, &self.model.residual) {
            shared.residual = Some(process.shareable(residual));
        }
        shared.support = self.support.ends();
        shared.record.shareable = true;
        shared
    }
}
