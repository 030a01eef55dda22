//! Which deployments serve a demand best within limits?
//!
//! A *candidate* is a configuration of a service (model, GPU type and count, batch size, precision …) at its steady state, as
//! the fitted model predicts it with intervals. A *deployment* is a whole number of replicas of candidates that together
//! serve every demand within the GPUs, the power budget of the site and the limits on latency and energy.
//!
//! ```text
//! TOML or options ─► Written ─► read ─► Question ─► candidates (predict) ─► solve (exact integer program) ─► Plan
//! ```
//!
//! Every replica runs at its own operating point. Throughput per watt is what a power-capped site lives on ("Where Do the
//! Joules Go?", section 5.4): with an open demand the largest service within the budget is found. With a confidence, each
//! limit must hold at that confidence: predictions are taken as log-normal, and replicas err together.

mod amounts;
mod answer;
mod bounds;
mod candidate;
mod curve;
mod deployment;
mod error;
mod estimate;
mod file;
mod frontier;
mod question;
mod read;
mod read_service;
mod search;
pub mod solve;
mod written;

pub use amounts::{Item, Rate};
pub use answer::{Interval, Plan, Totals, plan};
pub use bounds::{Binding, LimitOf, Relaxation};
pub use candidate::{Candidate, Shape};
pub use deployment::{Cost, Deployment, Held, Part, Served};
pub use error::{Fault, PlanError};
pub use estimate::Estimate;
pub use frontier::FrontierPoint;
pub use question::{Curve, Demand, Goal, Gpu, Limit, Question, Service};
pub use read::{Open, read};
pub use written::{At, Pair, SERVICE_KEYS, SITE_KEYS, SITE_TABLES, Said, Written, WrittenService};
