//! The residual process of one target: observations, amplitudes, and the Gaussian that follows from them.

use std::sync::OnceLock;

use nalgebra::{DMatrix, DVector};

use super::design::{Design, components, diagonals};
use super::inverse::inverse;
use super::learn::Learned;
use crate::model::{Residual, Target};

/// Variance that keeps points that are nearly the same apart, in units of that of the process.
const JITTER: f64 = 1e-5;
/// Least information of a point that stands for runs, in units of what is known without any run.
const LEAST: f64 = 0.01;

/// Observations of one target with what was learned from them.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) target: Target,
    /// The runs, or what stands for them.
    pub(crate) design: Design,
    /// What the equations left of each.
    pub(crate) values: Vec<f64>,
    /// Standard deviation of the noise of each.
    pub(crate) spreads: Vec<f64>,
    /// Amplitude of every component.
    pub(crate) amplitudes: Vec<f64>,
    /// Levels of the noise, and the standard deviation at each.
    pub(crate) noise: Vec<(Vec<f64>, f64)>,
    pub(super) solved: OnceLock<Solved>,
}

/// P = K⁻¹ over the observations, and α = P y.
#[derive(Clone, Debug)]
pub(super) struct Solved {
    precision: DMatrix<f64>,
    weights: DVector<f64>,
}

impl Part {
    pub(crate) fn new(
        target: Target,
        design: Design,
        values: Vec<f64>,
        spreads: Vec<f64>,
        amplitudes: Vec<f64>,
        noise: Vec<(Vec<f64>, f64)>,
    ) -> Self {
        Self { target, design, values, spreads, amplitudes, noise, solved: OnceLock::new() }
    }

    pub(super) fn learned(
        target: Target,
        design: Design,
        values: Vec<f64>,
        learned: Learned,
        levels: &[usize],
        keys: Vec<Vec<f64>>,
    ) -> Self {
        let spreads =
            levels.iter().zip(&learned.inflation).map(|(&level, inflation)| learned.noise[level] * inflation).collect();
        let noise = keys.into_iter().zip(learned.noise).collect();
        Self::new(target, design, values, spreads, learned.amplitudes, noise)
    }

    /// Covariance of the process between two sets of runs, before anything is observed.
    pub(super) fn prior(&self, residual: &Residual, a: &Design, b: &Design) -> DMatrix<f64> {
        let mut total = DMatrix::zeros(a.rows, b.rows);
        for (component, amplitude) in components(residual, a, b).iter().zip(&self.amplitudes) {
            if *amplitude > 0.0 {
                total.zip_apply(component, |sum, k| *sum += amplitude.powi(2) * k);
            }
        }
        total
    }

    fn prior_variance(&self, residual: &Residual, design: &Design) -> DVector<f64> {
        let mut total = DVector::zeros(design.rows);
        for (component, amplitude) in diagonals(residual, design).iter().zip(&self.amplitudes) {
            for (sum, k) in total.iter_mut().zip(component) {
                *sum += amplitude.powi(2) * k;
            }
        }
        total
    }

    /// Computes what is long to compute, once; copies made later have it.
    pub(crate) fn prepare(&self, residual: &Residual) {
        self.solved(residual);
    }

    fn solved(&self, residual: &Residual) -> &Solved {
        self.solved.get_or_init(|| {
            let mut covariance = self.prior(residual, &self.design, &self.design);
            for (row, spread) in self.spreads.iter().enumerate() {
                covariance[(row, row)] += spread.powi(2);
            }
            let size = self.design.rows;
            // Noise is positive, so the covariance is positive definite up to rounding; without it nothing is carried.
            let precision = inverse(&covariance).map_or_else(|| DMatrix::zeros(size, size), |(precision, _)| precision);
            let weights = &precision * DVector::from_column_slice(&self.values);
            Solved { precision, weights }
        })
    }

    /// Variance of the difference of the process at two runs, before anything is observed.
    pub(crate) fn unshared(&self, residual: &Residual, a: &Design, b: &Design) -> f64 {
        let both = self.prior_variance(residual, a)[0] + self.prior_variance(residual, b)[0];
        (both - 2.0 * self.prior(residual, a, b)[(0, 0)]).max(0.0)
    }

    /// Mean of the process at some runs.
    pub(crate) fn mean(&self, residual: &Residual, at: &Design) -> DVector<f64> {
        self.prior(residual, at, &self.design) * &self.solved(residual).weights
    }

    /// Mean and variance of the process at some runs.
    pub(crate) fn mean_and_variance(&self, residual: &Residual, at: &Design) -> (DVector<f64>, DVector<f64>) {
        let solved = self.solved(residual);
        let cross = self.prior(residual, &self.design, at);
        let reach = &solved.precision * &cross;
        let mut variance = self.prior_variance(residual, at);
        for (row, variance) in variance.iter_mut().enumerate() {
            *variance = (*variance - cross.column(row).dot(&reach.column(row))).max(0.0);
        }
        (cross.tr_mul(&solved.weights), variance)
    }

    /// What each observation has beyond what all others say of it: αᵢ / Pᵢᵢ (Rasmussen and Williams, eq. 5.12).
    pub(crate) fn left_out(&self, residual: &Residual) -> Vec<f64> {
        let solved = self.solved(residual);
        (0..self.values.len()).map(|row| solved.weights[row] / solved.precision[(row, row)]).collect()
    }

    /// Covariance of the process between two sets of runs, given the observations.
    pub(crate) fn covariance(&self, residual: &Residual, a: &Design, b: &Design) -> DMatrix<f64> {
        let from = self.prior(residual, &self.design, a);
        let to = self.prior(residual, &self.design, b);
        self.prior(residual, a, b) - from.tr_mul(&(&self.solved(residual).precision * to))
    }

    /// Standard deviation of the noise of a run; of an unknown noise level, the largest among the levels most like it.
    pub(crate) fn noise_of(&self, residual: &Residual, design: &Design, row: usize) -> f64 {
        let level = design.noise_level(residual, row);
        let like = |known: &[f64]| known.iter().zip(&level).filter(|(a, b)| a == b).count();
        let most = self.noise.iter().map(|(known, _)| like(known)).max().unwrap_or(0);
        let nearest = self.noise.iter().filter(|(known, _)| like(known) == most);
        nearest.map(|(_, spread)| *spread).fold(0.0, f64::max)
    }

    /// The same process with other values of its observations, and without some of them.
    ///
    /// With F what is left out and R the rest:
    ///
    /// ```text
    /// K_RR⁻¹ = P_RR − P_RF P_FF⁻¹ P_FR
    /// ```
    pub(crate) fn without(&self, residual: &Residual, out: &[bool], values: &[f64]) -> Self {
        let rest: Vec<usize> = (0..out.len()).filter(|&row| !out[row]).collect();
        let gone: Vec<usize> = (0..out.len()).filter(|&row| out[row]).collect();
        let whole = &self.solved(residual).precision;
        let part = |rows: &[usize], columns: &[usize]| {
            DMatrix::from_fn(rows.len(), columns.len(), |i, j| whole[(rows[i], columns[j])])
        };
        let take = |from: &[f64]| rest.iter().map(|&row| from[row]).collect::<Vec<f64>>();
        let mut precision = part(&rest, &rest);
        if !gone.is_empty() {
            let cross = part(&gone, &rest);
            if let Some((inner, _)) = inverse(&part(&gone, &gone)) {
                precision -= cross.tr_mul(&(inner * &cross));
            }
        }
        let values = take(values);
        let weights = &precision * DVector::from_column_slice(&values);
        let part = Self::new(
            self.target,
            self.design.some(&rest),
            values,
            take(&self.spreads),
            self.amplitudes.clone(),
            self.noise.clone(),
        );
        let _ = part.solved.set(Solved { precision, weights });
        part
    }

    /// A process over the runs of `at` alone that says nearly the same.
    ///
    /// With Z the new runs, m is the mean there and B the information that the observations hold about the process there (the
    /// fully independent training conditional: Quiñonero-Candela and Rasmussen, JMLR 6, 2005). Each new run gets the noise σ and
    /// the value v, for which the mean at Z is m exactly:
    ///
    /// ```text
    /// Λ = diag(K − K_xz K_zz⁻¹ K_zx) + noise,    B = K_zz⁻¹ K_zx Λ⁻¹ K_xz K_zz⁻¹
    /// m = K_zz (K_zz + K_zx Λ⁻¹ K_xz)⁻¹ K_zx Λ⁻¹ y,    σ = 1/√B_zz,    v = m + σ² K_zz⁻¹ m
    /// ```
    pub(crate) fn condensed(&self, residual: &Residual, at: Design) -> Option<Self> {
        let size = at.rows;
        let mut own = self.prior(residual, &at, &at);
        own += DMatrix::identity(size, size) * (JITTER * own.diagonal().mean().max(1e-12));
        // K_zz = L Lᵀ and V = L⁻¹ K_zx: then I + V Λ⁻¹ Vᵀ is well conditioned, however near points lie to each other.
        let root = own.clone().cholesky()?.l();
        let v = root.solve_lower_triangular(&self.prior(residual, &at, &self.design))?;
        let mut left = self.prior_variance(residual, &self.design);
        for (row, left) in left.iter_mut().enumerate() {
            *left = (*left - v.column(row).norm_squared()).max(0.0) + self.spreads[row].powi(2);
        }
        let mut weighted = v.clone();
        for (row, left) in left.iter().enumerate() {
            weighted.column_mut(row).scale_mut(1.0 / left);
        }
        let (outer, _) = inverse(&(DMatrix::identity(size, size) + &weighted * v.transpose()))?;
        let whitened = outer * (&weighted * DVector::from_column_slice(&self.values));
        let mean = &root * &whitened;
        let upper = root.transpose();
        // K_zz⁻¹ m, and K_zz⁻¹ K_zx.
        let pull = upper.solve_upper_triangular(&whitened)?;
        let reach = upper.solve_upper_triangular(&v)?;
        let information: Vec<f64> = (0..size)
            .map(|z| reach.row(z).iter().zip(left.iter()).map(|(reach, left)| reach * reach / left).sum())
            .collect();
        let floor = |z: usize| LEAST / own[(z, z)].max(1e-12);
        let spreads: Vec<f64> = information.iter().enumerate().map(|(z, own)| own.max(floor(z)).powf(-0.5)).collect();
        let values = (0..size).map(|z| mean[z] + spreads[z].powi(2) * pull[z]).collect();
        Some(Self::new(self.target, at, values, spreads, self.amplitudes.clone(), self.noise.clone()))
    }
}
