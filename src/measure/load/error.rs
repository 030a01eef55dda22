//! Why no load can be started.

use std::io;
use std::path::PathBuf;

use crate::notes::lines;

/// As many faults as a person reads at once.
const MOST_SHOWN: usize = 20;

/// Faults of a plan of load, of its data set, or of this machine.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// What is asked for cannot be done.
    #[error("this load cannot be made:\n{}", lines(faults, MOST_SHOWN))]
    Plan {
        /// All faults.
        faults: Vec<String>,
    },
    /// A data set that cannot be read.
    #[error("cannot read prompts from {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A data set with wrong entries.
    #[error("{} holds no usable prompts:\n{}", path.display(), lines(faults, MOST_SHOWN))]
    Dataset {
        /// The file.
        path: PathBuf,
        /// All faults, with their places.
        faults: Vec<String>,
    },
    /// No thread or runtime.
    #[error("cannot start the load generator: {source}")]
    Start {
        /// What the system said.
        source: io::Error,
    },
}
