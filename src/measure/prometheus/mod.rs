//! Telemetry that a Prometheus server recorded: two windows of production become two runs.
//!
//! Raw samples with the times at which they were scraped are asked for, and all is computed here: the query language's
//! `increase` extrapolates to the ends of a window, and its sums lose the engines. Energy is the increase of the GPUs' energy
//! counters between two of their readings; tokens are counted between the same two moments, linear between scrapes. What
//! the readings leave open stands beside each number.

mod api;
mod conditions;
mod energy;
mod error;
mod fetch;
mod import;
mod question;
mod spent;
mod time;

pub use api::{Api, Ask};
pub use conditions::Needed;
pub use error::{Nothing, PrometheusError};
pub use import::{Imported, Window, import};
pub use question::{Question, Side};
pub use time::{Span, SpanError, rfc3339, span};
