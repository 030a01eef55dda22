//! How much energy flowed between two moments, and how surely is that known?
//!
//! The energy counter of a GPU moves in steps, about every 0.1 s; a recorder sees each step somewhere between two reads
//! ([`Tick`]). Power is never negative, so the energy at any moment lies between that of the last tick surely before it and
//! that of the first tick surely after it: the [`Energy`] of a window has a bound that holds whatever the load did. Inside a
//! tick the energy is shared out as the driver's samples of power say, which only makes the estimate better.
//!
//! Readings of the momentary power are never summed: the sensor looks for a short time of each 0.1 s, so a load with a
//! period near that is misread by half or more ("Part-time Power Measurements", arXiv 2312.02741). [`compare`] shows how
//! far the estimators disagree, [`ALIASING`] how far they did on a real GPU.

mod aliasing;
mod compare;
mod counter;
#[cfg(test)]
mod laws;
mod samples;
mod tick;

pub use aliasing::{ALIASING, Aliasing};
pub use compare::{DISAGREEMENT, Estimates, compare};
pub use counter::{Break, BreakKind, Counter};
pub use samples::{Integral, integral};
pub use tick::{Energy, Tick, energy_between};
