//! A cause's part of the change of a logarithm, with what it depends on.

use nalgebra::DVector;

/// A cause's part of the change of a logarithm.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// φ, in units of the natural logarithm.
    pub(super) log_factor: f64,
    /// Derivative of φ by the coordinates of the posterior.
    pub(super) slope: DVector<f64>,
    /// Derivative of φ by the log noise of run A and of run B, by noisy node.
    pub(super) noise_slopes: (Vec<f64>, Vec<f64>),
    /// Standard error of sampling; 0 where every coalition was evaluated.
    pub(super) sampling_error: f64,
}

impl Part {
    /// The part times a factor.
    pub(super) fn scaled(&self, factor: f64) -> Self {
        let scale = |slopes: &[f64]| slopes.iter().map(|slope| slope * factor).collect();
        Self {
            log_factor: self.log_factor * factor,
            slope: &self.slope * factor,
            noise_slopes: (scale(&self.noise_slopes.0), scale(&self.noise_slopes.1)),
            sampling_error: self.sampling_error * factor.abs(),
        }
    }

    /// Adds a multiple of another part.
    pub(super) fn add(&mut self, other: &Self, factor: f64) {
        self.log_factor += factor * other.log_factor;
        self.slope.axpy(factor, &other.slope, 1.0);
        for (own, slope) in self.noise_slopes.0.iter_mut().zip(&other.noise_slopes.0) {
            *own += factor * slope;
        }
        for (own, slope) in self.noise_slopes.1.iter_mut().zip(&other.noise_slopes.1) {
            *own += factor * slope;
        }
        self.sampling_error = self.sampling_error.hypot(factor * other.sampling_error);
    }
}
