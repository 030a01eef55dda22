//! Units: what a number measures, checked when a model is loaded and crossed once at every border.
//!
//! Inside, every quantity is an `f64` in SI base units. [`Dimension`] is what equations are checked
//! with, [`Unit`] is a name such as `"TB/s"` with its factor, [`show`] writes a value with the digits
//! a person wants.

mod dimension;
mod format;
mod symbol;

pub use dimension::Dimension;
pub use format::{percent, show, show_plain, show_tick};
pub use symbol::{Unit, UnitError, parse_quantity};
