//! Load on an inference server, and what comes back: tokens over time and latencies.
//!
//! A [`LoadPlan`] says what is asked, of whom and when: a closed loop of clients, an open loop that does not wait for the
//! server, or bursts. [`start`] runs it in threads of its own. Output tokens are credited when they arrive, by the server's
//! own counts where it tells them; those of requests that fail are taken out again. A [`Tally`] holds counts per 10 ms and
//! times between tokens per 0.25 s, so that hours fit into memory; a [`Summary`] is a window of it in numbers. The load
//! generator measures itself ([`Overhead`]) and says so when it is, or may be, the bottleneck.
//!
//! Latencies of an open loop count from when a request was due, not from when it was sent (coordinated omission: Tene, How
//! not to measure latency, 2015).

mod active;
mod arrival;
mod chunk;
mod dataset;
mod error;
mod follow;
mod histogram;
mod lengths;
mod overhead;
mod plan;
mod prefill;
mod record;
mod refusal;
mod request;
mod running;
mod send;
mod sse;
mod summary;
mod tally;

pub use arrival::Arrival;
pub use dataset::{Entry, Prompt, dataset};
pub use error::LoadError;
pub use histogram::Histogram;
pub use lengths::Lengths;
pub use overhead::Overhead;
pub use plan::{Endpoint, LoadPlan, Prompts};
pub use record::{CountedBy, Outcome, Record};
pub use running::{Finished, Running, start};
pub use sse::Events;
pub use summary::{Quantiles, Summary};
pub use tally::Tally;
