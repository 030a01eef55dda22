//! Amplitudes of the components and spreads of the noise, by marginal likelihood.
//!
//! With K = Σ `s_c²` `K_c` + diag(σ²), P = K⁻¹ and α = P y, the cost in x = (ln s, ln σ) is
//!
//! ```text
//! ½ yᵀα + ½ ln|K| + ½ Σ ((x − x₀)/τ)²,    gradient ½ (tr(P K') − αᵀK'α) + (x − x₀)/τ²,    K' = dK/dx = 2 s² K_c
//! ```
//!
//! (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, section 5.4), and the curvature is the average
//! information ½ αᵀK'P K'α (Gilmour, Thompson and Cullis, Average information REML, Biometrics 51, 1995). x₀ is the
//! expected amplitude. Runs whose leave-one-out error exceeds three standard deviations get a wider noise of their own,
//! after which the amplitudes are learned once more: one step of Huber's estimator.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error, Executor, Gradient, Hessian, State};
use argmin::solver::trustregion::{Steihaug, TrustRegion};
use nalgebra::{DMatrix, DVector};

use super::inverse::inverse;

/// Spread of the log of amplitudes and noises around what is expected.
const SPREAD: f64 = 1.0;
/// Noise that is expected, sd of the log.
const NOISE: f64 = 0.03;
/// Leave-one-out error, in standard deviations, beyond which a run counts as an outlier.
const OUTLIER: f64 = 3.0;
/// Iterations of the search, before and after outliers are found.
const ITERATIONS: [u64; 2] = [25, 12];

/// One target to learn from: values, components and noise levels of the same rows.
pub(super) struct Sample<'a> {
    pub(super) values: DVector<f64>,
    pub(super) components: &'a [DMatrix<f64>],
    /// Expected amplitude of every component.
    pub(super) expected: Vec<f64>,
    /// Noise level of every row.
    pub(super) levels: Vec<usize>,
    pub(super) level_count: usize,
}

/// What was learned.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Learned {
    pub(super) amplitudes: Vec<f64>,
    /// Standard deviation of the noise by level.
    pub(super) noise: Vec<f64>,
    /// Factor on the standard deviation of the noise, by row: 1 but for outliers.
    pub(super) inflation: Vec<f64>,
}

/// One evaluation, kept because cost, gradient and curvature are asked for one after the other.
#[derive(Clone)]
struct Point {
    x: DVector<f64>,
    cost: f64,
    gradient: DVector<f64>,
    curvature: DMatrix<f64>,
}

struct Marginal<'a> {
    sample: &'a Sample<'a>,
    inflation: &'a [f64],
    last: RefCell<Option<Point>>,
}

impl Sample<'_> {
    fn start(&self) -> DVector<f64> {
        let noise = std::iter::repeat_n(NOISE.ln(), self.level_count);
        DVector::from_iterator(
            self.expected.len() + self.level_count,
            self.expected.iter().map(|amplitude| amplitude.ln()).chain(noise),
        )
    }

    /// K for these logarithms.
    fn covariance(&self, x: &DVector<f64>, inflation: &[f64]) -> DMatrix<f64> {
        let rows = self.values.len();
        let mut total = DMatrix::zeros(rows, rows);
        for (component, x) in self.components.iter().zip(x.iter()) {
            let weight = (2.0 * x).exp();
            total.zip_apply(component, |sum, k| *sum += weight * k);
        }
        for row in 0..rows {
            let sigma = x[self.components.len() + self.levels[row]].exp() * inflation[row];
            total[(row, row)] += sigma.powi(2);
        }
        total
    }
}

impl Marginal<'_> {
    fn at(&self, x: &DVector<f64>) -> Option<Point> {
        if let Some(known) = self.last.borrow().as_ref()
            && known.x == *x
        {
            return Some(known.clone());
        }
        let point = self.evaluate(x)?;
        *self.last.borrow_mut() = Some(point.clone());
        Some(point)
    }

    fn evaluate(&self, x: &DVector<f64>) -> Option<Point> {
        let Sample { values, components, .. } = self.sample;
        let (precision, logarithm) = inverse(&self.sample.covariance(x, self.inflation))?;
        let alpha = &precision * values;
        let deviation = (x - self.sample.start()) / SPREAD;
        let cost = 0.5 * (values.dot(&alpha) + logarithm + deviation.norm_squared());
        let size = x.len();
        let mut gradient = &deviation / SPREAD;
        // K'α of every coordinate, side by side.
        let mut pushed = DMatrix::zeros(values.len(), size);
        for (index, component) in components.iter().enumerate() {
            let weight = 2.0 * (2.0 * x[index]).exp();
            let column = component * &alpha * weight;
            gradient[index] += 0.5 * (weight * precision.dot(component) - alpha.dot(&column));
            pushed.set_column(index, &column);
        }
        for row in 0..values.len() {
            let index = components.len() + self.sample.levels[row];
            let weight = 2.0 * (2.0 * x[index]).exp() * self.inflation[row].powi(2);
            gradient[index] += 0.5 * weight * (precision[(row, row)] - alpha[row].powi(2));
            pushed[(row, index)] = weight * alpha[row];
        }
        let curvature = 0.5 * pushed.tr_mul(&(&precision * &pushed)) + DMatrix::identity(size, size) / SPREAD.powi(2);
        Some(Point { x: x.clone(), cost, gradient, curvature })
    }
}

impl CostFunction for &Marginal<'_> {
    type Param = DVector<f64>;
    type Output = f64;
    fn cost(&self, x: &DVector<f64>) -> Result<f64, Error> {
        Ok(self.at(x).map_or(f64::MAX, |point| point.cost))
    }
}

impl Gradient for &Marginal<'_> {
    type Param = DVector<f64>;
    type Gradient = DVector<f64>;
    fn gradient(&self, x: &DVector<f64>) -> Result<DVector<f64>, Error> {
        Ok(self.at(x).map_or_else(|| DVector::zeros(x.len()), |point| point.gradient))
    }
}

impl Hessian for &Marginal<'_> {
    type Param = DVector<f64>;
    type Hessian = DMatrix<f64>;
    fn hessian(&self, x: &DVector<f64>) -> Result<DMatrix<f64>, Error> {
        Ok(self.at(x).map_or_else(|| DMatrix::identity(x.len(), x.len()), |point| point.curvature))
    }
}

/// The best amplitudes and noises from `start`; `start` itself if the search gives up.
fn search(sample: &Sample<'_>, inflation: &[f64], start: &DVector<f64>, iterations: u64) -> DVector<f64> {
    let marginal = Marginal { sample, inflation, last: RefCell::new(None) };
    let run = || -> Result<DVector<f64>, Error> {
        let inner = Steihaug::new().with_epsilon(1e-6)?.with_max_iters(4 * start.len() as u64);
        let solver = TrustRegion::new(inner).with_radius(2.0)?.with_max_radius(8.0)?;
        let result = Executor::new(&marginal, solver)
            .configure(|state| state.param(start.clone()).max_iters(iterations))
            .ctrlc(false)
            .run()?;
        Ok(result.state().get_best_param().cloned().unwrap_or_else(|| start.clone()))
    };
    run().unwrap_or_else(|_| start.clone())
}

/// Learns amplitudes, noises and outliers of one target.
pub(super) fn learn(sample: &Sample<'_>) -> Learned {
    let rows = sample.values.len();
    let mut inflation = vec![1.0; rows];
    let mut x = search(sample, &inflation, &sample.start(), ITERATIONS[0]);
    if let Some((precision, _)) = inverse(&sample.covariance(&x, &inflation)) {
        let alpha = &precision * &sample.values;
        for row in 0..rows {
            // The leave-one-out error over its standard deviation (Rasmussen and Williams, eq. 5.12).
            let variance = 1.0 / precision[(row, row)];
            let z = alpha[row].abs() * variance.sqrt();
            if z > OUTLIER {
                // The run's own noise takes the whole excess, so that its error becomes three standard deviations.
                let sigma = x[sample.components.len() + sample.levels[row]].exp();
                inflation[row] = (1.0 + variance * ((z / OUTLIER).powi(2) - 1.0) / sigma.powi(2)).sqrt();
            }
        }
        x = search(sample, &inflation, &x, ITERATIONS[1]);
    }
    let count = sample.components.len();
    Learned {
        amplitudes: x.iter().take(count).map(|x| x.exp()).collect(),
        noise: x.iter().skip(count).map(|x| x.exp()).collect(),
        inflation,
    }
}
