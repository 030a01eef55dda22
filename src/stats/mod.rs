//! Samples, intervals and robust estimates, and seeded randomness.
//!
//! A statistic of no values does not exist, so these functions return an `Option`; they never return "not a number"
//! for numbers. [`Estimate`] is what a result looks like: a value with its standard error and interval. [`Draws`] is
//! the one source of Gaussian numbers: equal seeds give equal bytes.

mod draws;
mod estimate;
mod sample;

pub use draws::Draws;
pub use estimate::{Estimate, Interval, NORMAL_QUANTILE_90};
pub use sample::{mean, mean_absolute_percentage, median, median_absolute_deviation, quantile};
