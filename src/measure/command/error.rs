//! Why a command was not measured.

use std::path::PathBuf;

use crate::measure::meter::{MeterError, NotAlone};
use crate::notes::quoted;
use crate::runs::RunsError;

/// Why a command was not measured.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum MeasureError {
    /// No meter.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Meter(#[from] MeterError),
    /// Runs that cannot be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Runs(#[from] RunsError),
    /// A command that does not start.
    #[error("cannot start `{command}`")]
    #[diagnostic(help(
        "give the program and its arguments behind `--`, such as `joules measure -- python generate.py`"
    ))]
    Start {
        /// Its first word.
        command: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Told to end before anything was measured.
    #[error("interrupted by signal {signal} before the work began: nothing was measured")]
    Interrupted {
        /// Its number.
        signal: i32,
    },
    /// A process to attach to that is not there.
    #[error("there is no process {pid}")]
    #[diagnostic(help("`nvidia-smi` lists the processes that use a GPU"))]
    NoProcess {
        /// Its number.
        pid: u32,
    },
    /// The GPUs are not those of the work alone.
    #[error(transparent)]
    #[diagnostic(transparent)]
    NotAlone(#[from] NotAlone),
    /// Items that are no known product.
    #[error("`{text}` does not say what was made")]
    #[diagnostic(help("write `--items images=64`; known are {}", quoted(&known[..], 9)))]
    Items {
        /// As written.
        text: String,
        /// What can be made.
        known: Vec<String>,
    },
    /// An item that is given twice.
    #[error("`--items {item}=…` is given twice")]
    #[diagnostic(help("give the sum of all that was made"))]
    ItemTwice {
        /// Which.
        item: String,
    },
    /// Signals that cannot be listened to.
    #[error("signals such as Ctrl-C cannot be listened to")]
    Signals {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The marks' file cannot be made.
    #[error("cannot make `{}` for the marks of the command", path.display())]
    MarksFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A trace whose telling cannot be read.
    #[error("`{}` cannot be replayed: {fault}", path.display())]
    #[diagnostic(help("take the `trace.toml` that `joules measure` wrote"))]
    TraceHead {
        /// Its folder.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
    /// A trace that covers nothing.
    #[error("`{}` holds no stretch of time that its counters cover", path.display())]
    #[diagnostic(help("a trace needs two ticks of every GPU's counter; measure for longer"))]
    EmptyTrace {
        /// Its folder.
        path: PathBuf,
    },
}
