//! Measurement: meters, load, server metrics, steady states, sweeps.
//!
//! All that happens in a measurement is told on one [`Clock`]: seconds since it was started. What was seen over time is a
//! [`Series`]; what is concluded from series (the energy of a window, a steady state) is computed by functions that know
//! no device, so that a recorded or an invented series is judged like a live one.

mod clock;
pub mod command;
pub mod doctor;
pub mod energy;
pub mod http;
pub mod load;
pub mod meter;
pub mod prometheus;
mod series;
mod signals;
pub mod steady;
pub mod sweep;
pub mod telemetry;

pub use clock::Clock;
pub use series::Series;
