//! What energy does a command take?
//!
//! [`measure`] reads the meters while a command runs (or a process that runs already, or for a while), with a baseline
//! before and after. The command may say where its work begins and ends ([`Marks`]), so that its set-up stays out of the
//! result. What came of it is a [`Measured`]: [`Stretch`]es of work with their energy, which become runs.

mod baseline;
mod child;
mod company;
mod error;
mod marks;
mod measured;
mod processor;
mod run;
mod stretch;
mod told;
mod verdict;

pub use baseline::{Baseline, baseline};
pub use child::Ending;
pub use error::MeasureError;
pub use marks::{MARKS, Mark, Marks};
pub use measured::{Measured, Plan, Subject, measure, replayed};
pub(in crate::measure) use run::item_metrics;
pub use run::{ITEMS, runs, sweep};
pub use stretch::Stretch;
pub use verdict::{Verdict, verdict};

pub(super) use processor::{family, group, is_known, stat};
