//! Seeded randomness.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Random numbers from a seed; equal seeds give equal numbers in equal order.
#[derive(Clone, Debug)]
pub struct Draws {
    generator: ChaCha8Rng,
    spare: Option<f64>,
}

impl Draws {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self { generator: ChaCha8Rng::seed_from_u64(seed), spare: None }
    }

    /// Uniform in 0..1, the upper end excluded.
    pub fn uniform(&mut self) -> f64 {
        self.generator.random()
    }

    /// Standard normal, mean 0 and variance 1, by the polar method (Marsaglia and Bray, SIAM Review 6, 1964):
    /// of a point (u, v) uniform in the unit disk with s = u² + v², u √(-2 ln s / s) and v √(-2 ln s / s) are two.
    pub fn gaussian(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let u = 2.0 * self.uniform() - 1.0;
            let v = 2.0 * self.uniform() - 1.0;
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                let scale = (-2.0 * s.ln() / s).sqrt();
                self.spare = Some(v * scale);
                return u * scale;
            }
        }
    }

    /// `count` standard normal numbers.
    pub fn gaussians(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.gaussian()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{NORMAL_QUANTILE_90, mean, median};

    #[test]
    fn equal_seeds_give_equal_numbers() {
        assert_eq!(Draws::new(1).gaussians(9), Draws::new(1).gaussians(9));
        assert_ne!(Draws::new(2).gaussians(9), Draws::new(1).gaussians(9));
    }

    #[test]
    fn the_numbers_are_standard_normal() {
        let sample = Draws::new(5).gaussians(40_000);
        let squares: Vec<f64> = sample.iter().map(|x| x * x).collect();
        let inside = sample.iter().filter(|x| x.abs() < NORMAL_QUANTILE_90).count() as f64 / sample.len() as f64;
        // Five standard errors of each statistic.
        assert!(mean(&sample).unwrap().abs() < 0.025);
        assert!(median(&sample).unwrap().abs() < 0.032);
        assert!((mean(&squares).unwrap() - 1.0).abs() < 0.036);
        assert!((inside - 0.9).abs() < 0.008, "{inside}");
    }
}
