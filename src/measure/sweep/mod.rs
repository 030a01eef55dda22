//! How is a whole grid measured, so that nothing of it is lost?
//!
//! A [`Spec`] is read from `SWEEP.toml` ([`EXAMPLE`] shows every key). Its [`Plan`] groups the points by the server they need,
//! shuffles blocks and points by the seed against drift, and puts a replicated anchor at both ends of a block. [`Drive`] goes
//! through it on a [`Station`]: idle baselines, the server, each point until its steady state is known well enough. Where
//! a knob is [`Adaptive`], the points measured so far say which value comes next. Each visit is kept in the [`Folder`] before the next begins; what is there is there whole, so that a sweep goes on where it was
//! stopped, whatever stopped it. [`merge`] makes a store of it.

mod body;
mod command;
mod compare;
mod curve;
mod drive;
mod error;
mod folder;
mod grow;
mod journal;
mod judge;
mod leftover;
mod load_settings;
mod loaded;
mod local;
mod merge;
mod outcome;
mod plan;
mod points;
mod queue;
mod read;
mod refine;
mod requests;
mod retry;
mod server;
mod slope;
mod slurm;
mod spec;
mod station;
mod status;
mod stop;
mod store;
mod tables;
mod template;
mod tenants;
mod told;
mod trial;

pub use curve::{Adaptive, Curve, Known};
pub use drive::{Drive, News, Summary};
pub use error::{Fault, SweepError};
pub use folder::{Folder, complete, history};
pub use grow::grown;
pub use leftover::end_leftover;
pub use load_settings::LoadSettings;
pub use local::Local;
pub use merge::{merge, spread};
pub use plan::{Block, Plan, Visit};
pub use queue::Queue;
pub use refine::Gap;
pub use retry::Retry;
pub use slope::Slope;
pub use slurm::{Program, Submission, queued, submit, wait};
pub use spec::{Baseline, Command, Conditional, Launch, Point, Server, Slurm, Spec, Steady};
pub use station::{Ending, Failed, Idle, Measured, Station, Tell};
pub use status::{State, Status, VisitStatus};
pub use stop::{Interrupted, Stop};
pub use template::Values;

/// A file with every key explained.
pub const EXAMPLE: &str = include_str!("example.toml");
