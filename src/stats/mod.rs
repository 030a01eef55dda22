//! Statistics of samples, and seeded randomness.
//!
//! A statistic of no values does not exist, so these functions return an `Option`; they never return "not a number"
//! for numbers. [`Draws`] is the one source of Gaussian numbers: equal seeds give equal bytes.

mod draws;
mod sample;

pub use draws::Draws;
pub use sample::{NORMAL_QUANTILE_90, mean, median, quantile};
