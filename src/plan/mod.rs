//! plan
mod amounts;
mod curve;
mod error;
mod file;
mod question;
mod read;
pub mod solve;
mod written;
pub use error::{PlanError,Fault};
pub use read::read;
pub use written::*;
pub use question::*;
