//! How do other programs read runs?
//!
//! [`mlenergy`](fn@mlenergy) makes the tree of results that the ML.ENERGY benchmark writes, for `mlenergy-data` and whatever is built on
//! it; [`openmetrics`](fn@openmetrics) makes gauges that Prometheus and its node exporter read. Both make texts and write no file. What was
//! not measured is left out, never zero.

mod mlenergy;
mod openmetrics;

pub use mlenergy::{MlEnergy, mlenergy};
pub use openmetrics::openmetrics;
