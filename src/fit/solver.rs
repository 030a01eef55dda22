//! The search for the mode: argmin's trust region on exact gradients, from several starts.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error, Executor, Gradient, Hessian, State};
use argmin::solver::trustregion::{Steihaug, TrustRegion};
use nalgebra::{DMatrix, DVector};

use super::objective::{Curved, Objective};
use crate::stats::Draws;

/// Iterations from a point that is near the mode.
const NEAR: u64 = 5;
/// Iterations between two looks at the gradient.
const LEG: u64 = 12;

/// Why the search stopped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stopped {
    /// The gradient, scaled by the curvature, is below the tolerance.
    Converged {
        /// Newton decrement g·H⁻¹·g / 2: what a full Newton step would still gain in log posterior.
        decrement: f64,
    },
    /// The iterations were used up.
    IterationLimit {
        /// As above.
        decrement: f64,
        /// Iterations made.
        iterations: u64,
    },
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Converged { decrement } => {
                write!(f, "converged: a further Newton step would gain {decrement:.1e} in log posterior")
            }
            Self::IterationLimit { decrement, iterations } => write!(
                f,
                "stopped after {iterations} iterations, where a Newton step would still gain {decrement:.1e} in log \
                 posterior: fit again with more `--iterations`"
            ),
        }
    }
}

/// Settings of the search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Number of starting points: the prior medians, then draws from the prior shrunk to half its spread.
    pub starts: usize,
    /// Most iterations of the last leg.
    pub iterations: u64,
    /// Newton decrement below which the search has converged.
    pub tolerance: f64,
    /// Seed of the starting points.
    pub seed: u64,
    /// Whether runs are held out to see how true intervals are; else predictions have their nominal ones.
    pub calibrate: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { starts: 3, iterations: 200, tolerance: 0.2, seed: 1, calibrate: true }
    }
}

/// The mode and how it was reached.
pub(crate) struct Solution {
    pub(crate) theta: DVector<f64>,
    pub(crate) curved: Curved,
    pub(crate) stopped: Stopped,
    /// Cost reached from every start after its first legs.
    pub(crate) starts: Vec<f64>,
}

/// The objective as argmin's problem.
struct Problem<'a, 'o>(&'a Objective<'o>, RefCell<Option<Point>>);

/// A point with its gradient and curvature.
type Point = (DVector<f64>, DVector<f64>, DMatrix<f64>);

impl Problem<'_, '_> {
    /// Gradient and curvature come from the same sweep; the last point's are kept.
    fn at(&self, theta: &DVector<f64>) -> (DVector<f64>, DMatrix<f64>) {
        if let Some((known, gradient, curvature)) = self.1.borrow().as_ref()
            && known == theta
        {
            return (gradient.clone(), curvature.clone());
        }
        let Curved { gradient, curvature, .. } = self.0.curved(theta.as_slice());
        *self.1.borrow_mut() = Some((theta.clone(), gradient.clone(), curvature.clone()));
        (gradient, curvature)
    }
}

impl CostFunction for Problem<'_, '_> {
    type Param = DVector<f64>;
    type Output = f64;
    fn cost(&self, theta: &DVector<f64>) -> Result<f64, Error> {
        Ok(self.0.cost(theta.as_slice()))
    }
}

impl Gradient for Problem<'_, '_> {
    type Param = DVector<f64>;
    type Gradient = DVector<f64>;
    fn gradient(&self, theta: &DVector<f64>) -> Result<DVector<f64>, Error> {
        Ok(self.at(theta).0)
    }
}

impl Hessian for Problem<'_, '_> {
    type Param = DVector<f64>;
    type Hessian = DMatrix<f64>;
    fn hessian(&self, theta: &DVector<f64>) -> Result<DMatrix<f64>, Error> {
        Ok(self.at(theta).1)
    }
}

/// One leg of argmin's trust region; the point stays where it is if the solver gives up.
fn leg(objective: &Objective<'_>, theta: &DVector<f64>, radius: f64, iterations: u64) -> DVector<f64> {
    let run = || -> Result<DVector<f64>, Error> {
        let inner = Steihaug::new().with_epsilon(1e-6)?.with_max_iters(2 * theta.len() as u64 + 10);
        let solver = TrustRegion::new(inner).with_radius(radius)?.with_max_radius(50.0)?;
        let result = Executor::new(Problem(objective, None.into()), solver)
            .configure(|state| state.param(theta.clone()).max_iters(iterations))
            .ctrlc(false)
            .run()?;
        Ok(result.state().get_best_param().cloned().unwrap_or_else(|| theta.clone()))
    };
    run().unwrap_or_else(|_| theta.clone())
}

/// Finds the mode: two legs from every start, then the best one to the end.
pub(crate) fn solve(objective: &Objective<'_>, settings: &Settings) -> Solution {
    let size = objective.space.len();
    let mut random = Draws::new(settings.seed);
    let mut best: Option<(f64, DVector<f64>)> = None;
    let mut starts = Vec::new();
    for start in 0..settings.starts.max(1) {
        let scale = if start == 0 { 0.0 } else { 0.5 };
        let theta = DVector::from_fn(size, |_, _| scale * random.gaussian());
        let theta = leg(objective, &leg(objective, &theta, 2.0, LEG), 4.0, LEG);
        let cost = objective.cost(theta.as_slice());
        starts.push(cost);
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, theta));
        }
    }
    let (_, theta) = best.expect("there is at least one start");
    to_the_end(objective, theta, starts, settings)
}

/// Finds the mode from one given point.
pub(crate) fn resolve(objective: &Objective<'_>, from: &[f64], settings: &Settings) -> Solution {
    let theta = leg(objective, &DVector::from_column_slice(from), 2.0, LEG);
    let starts = vec![objective.cost(theta.as_slice())];
    to_the_end(objective, theta, starts, settings)
}

/// Legs until the gradient says that the mode is reached.
fn to_the_end(objective: &Objective<'_>, mut theta: DVector<f64>, starts: Vec<f64>, settings: &Settings) -> Solution {
    let mut iterations = 2 * LEG;
    loop {
        let curved = objective.curved(theta.as_slice());
        let decrement = newton_decrement(&curved);
        if decrement < settings.tolerance {
            return Solution { theta, curved, stopped: Stopped::Converged { decrement }, starts };
        }
        if iterations >= settings.iterations {
            return Solution { theta, curved, stopped: Stopped::IterationLimit { decrement, iterations }, starts };
        }
        theta = leg(objective, &theta, 4.0, LEG);
        iterations += LEG;
    }
}

/// Goes on from a point that is near the mode.
pub(crate) fn continued(objective: &Objective<'_>, from: &[f64]) -> Solution {
    let theta = leg(objective, &DVector::from_column_slice(from), 2.0, NEAR);
    let curved = objective.curved(theta.as_slice());
    let decrement = newton_decrement(&curved);
    Solution { theta, curved, stopped: Stopped::Converged { decrement }, starts: Vec::new() }
}

/// g·H⁻¹·g / 2.
fn newton_decrement(curved: &Curved) -> f64 {
    curved
        .curvature
        .clone()
        .cholesky()
        .map_or(f64::INFINITY, |factor| 0.5 * curved.gradient.dot(&factor.solve(&curved.gradient)))
}
