//! Regression of values over time, with intervals that hold although neighbors in time are alike.
//!
//! ```text
//! y = X β + e        e_i = r e_{i−1} + u_i
//! β̂ = (Z'Z)⁻¹ Z'w        z_i = x_i − r x_{i−1},  w_i = y_i − r y_{i−1}
//! V = max of   s² (Z'Z)⁻¹   and   n/(n−k) · (Z'Z)⁻¹ Ω (Z'Z)⁻¹
//! Ω = Γ_0 + Σ_{j=1..S−1} (1 − j/S) (Γ_j + Γ_j')        Γ_j = Σ_i û_i û_{i−j} z_i z_{i−j}'
//! ```
//!
//! | symbol | meaning |
//! |---|---|
//! | `y` | n outcomes, in the order of time, evenly spaced |
//! | `X` | n × k, the regressors; `x_i` is a row |
//! | `r` | memory of the noise: the correlation of neighboring residuals, with (1 + 4r)/n for what it is too small |
//! | `V` | variances of β̂: those of noise of such memory, or those of any noise (Newey and West, Econometrica 55, 1987) |
//! | `S` | 1.3 √n (Lazarus and others, Journal of Business & Economic Statistics 36, 2018) |
//!
//! β̂ is that of Prais and Winsten (1954). The larger of the two intervals is told: the second is too narrow where few rows
//! decide, the first where noise is not of the assumed kind. The quantile of the second grows with S/n (Kiefer and
//! Vogelsang, Econometric Theory 21, 2005, table 1, Bartlett kernel, 95 %).

use nalgebra::{DMatrix, DVector};

use super::NORMAL_QUANTILE_90;

/// Rounds in which slopes and the memory of the noise are found together.
const ROUNDS: usize = 4;

/// The longest memory: beyond, a regression says nothing of the level.
const LONGEST_MEMORY: f64 = 0.95;

/// A smallest eigenvalue of X'X, columns scaled to one, below this share of the sum means that columns depend on each other.
const DEPENDENT: f64 = 1e-9;

/// One coefficient of a regression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// The estimate, in units of the outcome over those of the regressor.
    pub value: f64,
    /// The 90 % interval.
    pub interval: [f64; 2],
}

/// Regresses outcomes (n) on regressors (n × k), rows in the order of time: k slopes. None if there are not more rows than
/// regressors, or if regressors depend on each other.
pub fn regress(regressors: &DMatrix<f64>, outcomes: &DVector<f64>) -> Option<Vec<Slope>> {
    let (count, columns) = regressors.shape();
    if count <= columns {
        return None;
    }
    // Columns of like size keep the normal matrix well conditioned.
    let scale: Vec<f64> = regressors.column_iter().map(|column| column.amax().max(f64::MIN_POSITIVE)).collect();
    let mut scaled = regressors.clone();
    for (mut column, size) in scaled.column_iter_mut().zip(&scale) {
        column /= *size;
    }
    let mut found = least_squares(scaled.clone(), outcomes.clone())?;
    for _ in 0..ROUNDS {
        let residuals = outcomes - &scaled * &found.estimate;
        let memory = memory_of(residuals.as_slice());
        found = least_squares(without(&scaled, memory), without(outcomes, memory))?;
    }
    let spans = found.half_widths();
    let slope = |at: usize| {
        let (value, half) = (found.estimate[at] / scale[at], spans[at] / scale[at]);
        Slope { value, interval: [value - half, value + half] }
    };
    Some((0..columns).map(slope).collect())
}

/// `r`; none of it if neighbors are not alike.
fn memory_of(residuals: &[f64]) -> f64 {
    let products: Vec<f64> = residuals.windows(2).map(|pair| pair[0] * pair[1]).collect();
    let squares: f64 = residuals.iter().map(|own| own * own).sum();
    let raw = products.iter().sum::<f64>() / squares.max(f64::MIN_POSITIVE);
    (raw + (1.0 + 4.0 * raw) / residuals.len() as f64).clamp(0.0, LONGEST_MEMORY)
}

/// Rows (or values) less what they hold of the row before; the first is scaled to the same noise.
fn without<C: nalgebra::Dim>(
    rows: &nalgebra::OMatrix<f64, nalgebra::Dyn, C>,
    memory: f64,
) -> nalgebra::OMatrix<f64, nalgebra::Dyn, C>
where
    nalgebra::DefaultAllocator: nalgebra::allocator::Allocator<nalgebra::Dyn, C>,
{
    let first = (1.0 - memory * memory).sqrt();
    nalgebra::OMatrix::from_fn_generic(rows.shape_generic().0, rows.shape_generic().1, |row, column| match row {
        0 => first * rows[(0, column)],
        row => rows[(row, column)] - memory * rows[(row - 1, column)],
    })
}

/// A solution of least squares.
struct Found {
    estimate: DVector<f64>,
    inverse: DMatrix<f64>,
    /// `û_i (Z'Z)⁻¹ z_i`, n × k: how far each row moves each slope.
    influences: DMatrix<f64>,
    /// Mean square of `û`.
    variance: f64,
}

fn least_squares(rows: DMatrix<f64>, outcomes: DVector<f64>) -> Option<Found> {
    let normal = rows.tr_mul(&rows);
    if normal.symmetric_eigenvalues().min() <= DEPENDENT * normal.trace() {
        return None;
    }
    let inverse = normal.try_inverse()?;
    let estimate = &inverse * rows.tr_mul(&outcomes);
    let residuals = outcomes - &rows * &estimate;
    let variance = residuals.norm_squared() / (rows.nrows() - rows.ncols()) as f64;
    let mut influences = rows * &inverse;
    for (mut row, residual) in influences.row_iter_mut().zip(residuals.iter()) {
        row *= *residual;
    }
    Some(Found { estimate, inverse, influences, variance })
}

impl Found {
    /// Half of the 90 % interval of each slope.
    fn half_widths(&self) -> Vec<f64> {
        let (count, columns) = self.influences.shape();
        let span = ((1.3 * (count as f64).sqrt()).ceil() as usize).min(count);
        let robust = quantile(span as f64 / count as f64);
        let few = count as f64 / (count - columns) as f64;
        let half = |at: usize| {
            let of_memory = (self.variance * self.inverse[(at, at)]).max(0.0).sqrt();
            let influences: Vec<f64> = self.influences.column(at).iter().copied().collect();
            let of_any = (long_run(&influences, span) * few).max(0.0).sqrt();
            (NORMAL_QUANTILE_90 * of_memory).max(robust * of_any)
        };
        (0..columns).map(half).collect()
    }
}

/// The variance of a sum of values whose neighbors, up to `span` apart, are alike.
fn long_run(values: &[f64], span: usize) -> f64 {
    let product = |lag: usize| values.iter().zip(&values[lag..]).map(|(a, b)| a * b).sum::<f64>();
    let weight = |lag: usize| 1.0 - lag as f64 / span as f64;
    product(0) + (1..span).map(|lag| 2.0 * weight(lag) * product(lag)).sum::<f64>()
}

/// The 95 % quantile of a slope over the root of its variance, where S/n is `share`.
fn quantile(share: f64) -> f64 {
    1.6449 + 2.1859 * share + 0.3142 * share.powi(2) - 0.3427 * share.powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Draws;

    /// Slopes of 2 on a slow wave and 5 on one, under noise of which each value holds `memory` of the one before.
    fn slopes(seed: u64, memory: f64) -> Vec<Slope> {
        let mut draws = Draws::new(seed);
        let (mut noise, mut wave) = (draws.gaussian() / (1.0 - memory * memory).sqrt(), 0.0);
        let rows: Vec<(f64, f64)> = (0..150)
            .map(|_| {
                noise = memory * noise + draws.gaussian();
                wave = 0.7 * wave + draws.gaussian();
                (wave, 2.0 * wave + 5.0 + noise)
            })
            .collect();
        let regressors = DMatrix::from_fn(rows.len(), 2, |row, column| if column == 0 { rows[row].0 } else { 1.0 });
        regress(&regressors, &DVector::from_iterator(rows.len(), rows.iter().map(|row| row.1))).unwrap()
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say_though_noise_has_a_memory() {
        for memory in [0.0, 0.6, 0.85] {
            let holds = |at: usize, truth: f64| {
                let held = |seed: &u64| {
                    let [low, high] = slopes(*seed, memory)[at].interval;
                    low <= truth && truth <= high
                };
                (0..400).filter(held).count() as f64 / 400.0
            };
            for (at, truth) in [(0, 2.0), (1, 5.0)] {
                let share = holds(at, truth);
                // Three standard errors of a share of 400.
                assert!((0.855..0.95).contains(&share), "slope {at}, memory {memory}: {share}");
            }
        }
    }

    #[test]
    fn regressors_that_depend_on_each_other_have_no_slopes() {
        let twice = DMatrix::from_fn(30, 2, |row, column| (row as f64).sin() * (column + 1) as f64);
        assert_eq!(regress(&twice, &DVector::from_element(30, 1.0)), None);
        assert_eq!(regress(&DMatrix::from_element(2, 2, 1.0), &DVector::from_element(2, 1.0)), None);
    }
}
