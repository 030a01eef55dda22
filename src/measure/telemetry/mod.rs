//! Server metrics: what an inference server and the exporters of its GPUs tell on their `/metrics` pages.
//!
//! A [`Page`] is one such page, read by our own parser: a bad line is counted and left out, the good ones are kept. The
//! [`dialect`] says what a metric means, whoever names it. A [`Record`] keeps samples over time; a [`Scraper`] fills one
//! from a live server, `prometheus` from a server that recorded it. [`observe`] says what a window of a record holds:
//! latents and metrics of a run, with caveats.
//!
//! Counters are read as counters: a restart does not make them fall, and their increase is taken between samples as they
//! are, never extrapolated. Engines are summed, processes of one engine are not averaged.

pub mod dialect;

mod combine;
mod counter;
mod gpu;
mod histogram;
mod observe;
mod record;
mod scraper;
mod split;
mod text;

pub use counter::{Rising, rising};
pub use gpu::{Gpu, gpus};
pub use histogram::{Delta, Quantile};
pub use observe::{Observed, observe};
pub use record::{Key, Record};
pub use scraper::Scraper;
pub use split::{Cost, Counts, Split, SplitError, split, split_details};
pub use text::{Fault, FaultKind, Labels, Page, Sample, parse};
