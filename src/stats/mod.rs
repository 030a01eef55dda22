//! Statistics of samples, and seeded randomness.
//!
//! A statistic of no values does not exist, so these functions return an `Option`; they never return "not a number"
//! for numbers. [`Draws`] is the one source of Gaussian numbers: equal seeds give equal bytes.

mod draws;
mod groups;
mod rank;
mod regression;
mod sample;

pub use draws::Draws;
pub use groups::{intraclass_correlation, mean_group_size};
pub use rank::{correlation, discoveries, ranks};
pub use regression::{Slope, regress};
pub use sample::{NORMAL_QUANTILE_90, mean, median, normal_probability, quantile};
