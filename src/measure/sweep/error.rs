//! Why a sweep cannot be made.

use std::ops::Range;
use std::path::PathBuf;

use miette::{LabeledSpan, NamedSource};

use crate::measure::meter::NotAlone;
use crate::notes::{lines, plural};
use crate::runs::RunsError;

/// As many faults as a person reads at once.
const MOST_SHOWN: usize = 20;

/// One fault of a sweep's file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct Fault {
    /// File, line and column.
    pub place: String,
    /// What was found, what was expected, what to do.
    pub message: String,
    /// Bytes of the file.
    pub span: Range<usize>,
}

/// Why there is no sweep, or no more of it.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SweepError {
    /// A sweep's file with faults: all of them.
    #[error("the sweep has {}:\n{}", plural(faults.len(), "fault"), lines(faults, MOST_SHOWN))]
    #[diagnostic(help("`joules sweep --example` prints a file with every key explained"))]
    File {
        /// The file.
        #[source_code]
        source_code: NamedSource<String>,
        /// Every fault found.
        faults: Vec<Fault>,
        /// The same, for the drawing.
        #[label(collection)]
        labels: Vec<LabeledSpan>,
    },
    /// Runs on disk.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Runs(#[from] RunsError),
    /// The folder of the sweep, or a file in it.
    #[error("cannot {doing} `{}`", path.display())]
    #[diagnostic(help(
        "points that were complete are kept; make room or give the right to write, then run the same command again"
    ))]
    Folder {
        /// `write`, `read`, `make` …
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process at work in the folder.
    #[error("another `joules sweep` is at work in `{}`{}", folder.display(), holder.as_ref().map_or_else(String::new, |pid| format!(" (process {pid})")))]
    #[diagnostic(help("wait until it ends, stop it, or give another folder with `--out`"))]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// Its process, where known.
        holder: Option<String>,
    },
    /// A sweep that is not the one begun in the folder.
    #[error("`{}` holds a sweep that was begun with another file:\n{}", folder.display(), lines(changes, MOST_SHOWN))]
    #[diagnostic(help("{help}"))]
    Changed {
        /// The folder.
        folder: PathBuf,
        /// What differs: key, then and now.
        changes: Vec<String>,
        /// What to do.
        help: String,
    },
    /// A file that the sweep did not write, or a broken one.
    #[error("`{}` is no file of this sweep: {message}", path.display())]
    #[diagnostic(help("move it away; its point is then measured again"))]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A file that stands where the sweep would write its store, and is not that store.
    #[error("`{}` is there already, and this sweep did not write it: the sweep would overwrite it with its own runs", path.display())]
    #[diagnostic(help("give another folder with `--out`, move that file away, or change `name` in `[sweep]`"))]
    Occupied {
        /// The file.
        path: PathBuf,
    },
    /// A folder without a sweep.
    #[error("`{}` holds no sweep", folder.display())]
    #[diagnostic(help("`joules sweep SWEEP.toml --out DIR` begins one"))]
    NoSweep {
        /// The folder.
        folder: PathBuf,
    },
    /// A task that the plan does not have.
    #[error("there is no task {asked}: the sweep has {count}, numbered from 0")]
    #[diagnostic(help("`joules sweep SWEEP.toml --dry-run` lists them"))]
    NoTask {
        /// The number given.
        asked: usize,
        /// How many there are.
        count: usize,
    },
    /// Nothing to measure with.
    #[error("nothing can be measured here: {reason}")]
    #[diagnostic(help("`joules doctor` says what can be measured here, and what to fix"))]
    NoMeter {
        /// Why.
        reason: String,
    },
    /// Nothing to ask servers with.
    #[error("no server can be asked: {reason}")]
    #[diagnostic(help("the key is read from the variable that `--key-env` names, OPENAI_API_KEY by default"))]
    Client {
        /// Why.
        reason: String,
    },
    /// The GPUs are not those of the work alone.
    #[error(transparent)]
    #[diagnostic(transparent)]
    NotAlone(#[from] NotAlone),
    /// Ranges of which only what was measured tells the next value.
    #[error("{option} takes a sweep apart, and the values of `{knob}` are chosen one after the other")]
    #[diagnostic(help(
        "run the whole sweep in one job, such as `sbatch --wrap \"joules sweep SWEEP.toml --out DIR\"`, or write the values \
         as a list"
    ))]
    Apart {
        /// What was asked for.
        option: &'static str,
        /// The knob.
        knob: String,
    },
    /// A command of Slurm that failed.
    #[error("`{command}` failed: {message}")]
    #[diagnostic(help("{help}"))]
    Slurm {
        /// The command.
        command: String,
        /// What it said.
        message: String,
        /// What to do.
        help: String,
    },
}

impl SweepError {
    /// Whether the asking was at fault, and not the machine.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Folder { .. }
            | Self::NoMeter { .. }
            | Self::NotAlone(NotAlone::Others { .. })
            | Self::Slurm { .. }
            | Self::Runs(RunsError::Write { .. }) => false,
            Self::File { .. }
            | Self::Runs(_)
            | Self::NotAlone(NotAlone::Split { .. })
            | Self::Apart { .. }
            | Self::Client { .. }
            | Self::Locked { .. }
            | Self::Changed { .. }
            | Self::Foreign { .. }
            | Self::Occupied { .. }
            | Self::NoSweep { .. }
            | Self::NoTask { .. } => true,
        }
    }

    /// The error of these faults, of which there is at least one.
    pub(super) fn faulty(file: &str, text: &str, mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| fault.span.start);
        faults.dedup();
        let label = |fault: &Fault| LabeledSpan::new_with_span(Some(fault.message.clone()), fault.span.clone());
        let labels = faults.iter().map(label).collect();
        Self::File { source_code: NamedSource::new(file, text.to_owned()), faults, labels }
    }
}
