//! The likelihood of one observation: Student's t, in the notation of [`super::objective`].

/// Degrees of freedom of the noise: heavy enough that a stalled run does not bend the equations.
pub const DEGREES_OF_FREEDOM: f64 = 4.0;

/// One observation of one run: its node, residual and spread.
#[derive(Clone, Copy)]
pub(super) struct Observation {
    pub(super) noisy: usize,
    pub(super) residual: f64,
    pub(super) sigma: f64,
    pub(super) predicted: f64,
}

impl Observation {
    /// ℓ(r, σ).
    pub(super) fn cost(&self) -> f64 {
        let nu = DEGREES_OF_FREEDOM;
        f64::midpoint(nu, 1.0) * (self.residual / self.sigma).powi(2).mul_add(1.0 / nu, 1.0).ln() + self.sigma.ln()
    }

    /// w, of iteratively reweighted least squares.
    pub(super) fn weight(&self) -> f64 {
        let nu = DEGREES_OF_FREEDOM;
        (nu + 1.0) / (nu * self.sigma.powi(2) + self.residual.powi(2))
    }

    /// Information about ln f: the weight, less what heavy tails take from it.
    pub(super) fn information(&self) -> f64 {
        let nu = DEGREES_OF_FREEDOM;
        self.weight() * (nu + 1.0) / (nu + 3.0)
    }
}
