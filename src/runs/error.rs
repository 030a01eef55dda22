//! What can be wrong with a sweep or a store on disk.

use std::path::PathBuf;

use super::check::ValueFault;
use super::column::DeclarationFault;
use crate::notes::{did_you_mean, lines, plural};

/// As many faults of one file as a person reads at once.
const MOST_SHOWN: usize = 20;

/// One fault of a sweep's CSV file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// A cell that cannot be.
    #[error("line {line}, column `{column}`: {fault}")]
    Cell {
        /// Line of the file, from 1.
        line: u64,
        /// The header of the column.
        column: String,
        /// What is wrong.
        fault: ValueFault,
    },
    /// A header that no table has.
    #[error("line 1: column `{column}` is neither known nor declared{}", did_you_mean(nearest.as_deref()))]
    UnknownColumn {
        /// The header as written.
        column: String,
        /// What it may have meant.
        nearest: Option<String>,
    },
    /// Two headers of one meaning.
    #[error("line 1: column `{column}` stands twice")]
    DuplicateColumn {
        /// The header as written.
        column: String,
    },
    /// No column `id`.
    #[error("line 1: there is no column `id`; expected one, with a name for each run")]
    NoIdColumn,
    /// A row without an id.
    #[error("line {line}, column `id`: the run has no id")]
    EmptyId {
        /// Line of the file.
        line: u64,
    },
    /// Two rows of one id.
    #[error("line {line}, column `id`: `{id}` stands on line {first} already")]
    DuplicateId {
        /// Line of the file.
        line: u64,
        /// Where it stood first.
        first: u64,
        /// The id.
        id: String,
    },
    /// A row that ends early, or goes on too long.
    #[error("line {line}: the row has {}, but the header has {expected}", plural(*found, "cell"))]
    RowLength {
        /// Line of the file.
        line: u64,
        /// Cells of the row.
        found: usize,
        /// Cells of the header.
        expected: usize,
    },
    /// Text that is not CSV.
    #[error("{message}")]
    Csv {
        /// What the reader says, with its line.
        message: String,
    },
    /// A run holds a name that no table has.
    #[error("run `{id}`: `{name}` is neither known nor declared{}", did_you_mean(nearest.as_deref()))]
    UndeclaredName {
        /// The run.
        id: String,
        /// The name.
        name: String,
        /// What it may have meant.
        nearest: Option<String>,
    },
    /// A run holds a value that cannot be.
    #[error("run `{id}`, `{name}`: {fault}")]
    Value {
        /// The run.
        id: String,
        /// The name.
        name: String,
        /// What is wrong.
        fault: ValueFault,
    },
    /// A bad declaration of a column.
    #[error("in its TOML: {0}")]
    Declaration(DeclarationFault),
}

/// Why a store cannot be read or written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RunsError {
    /// A file that cannot be opened or read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file that cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file that is not text.
    #[error("`{}` is not UTF-8 text: line {line} has a byte that cannot be", path.display())]
    #[diagnostic(help("save the file as UTF-8"))]
    NotText {
        /// The file.
        path: PathBuf,
        /// Line of the first such byte.
        line: usize,
    },
    /// A sweep with faults: all of them.
    #[error("`{file}` has {}:\n{}", plural(faults.len(), "fault"), lines(faults, MOST_SHOWN))]
    #[diagnostic(help(
        "correct these places; leave a cell empty where nothing was measured, and declare columns of your own \
         in the sweep's TOML as `[column.NAME]` with `role`, `kind` and `unit`"
    ))]
    Faulty {
        /// The file, or the sweep's name.
        file: String,
        /// Every fault found.
        faults: Vec<Fault>,
    },
    /// Provenance that is not TOML.
    #[error("`{file}` is not TOML")]
    #[diagnostic(help("it holds where the runs come from, as `key = \"value\"` lines"))]
    Provenance {
        /// The file.
        file: String,
        /// Where and why.
        #[source]
        source: toml::de::Error,
    },
    /// A folder or file without a run.
    #[error("`{}` holds no run", path.display())]
    #[diagnostic(help(
        "a store is a folder of `NAME.csv` sweeps, or one such file; `joules import` makes one from foreign results"
    ))]
    Empty {
        /// The folder or file.
        path: PathBuf,
    },
    /// One id in two sweeps.
    #[error("two sweeps of the store share {}:\n{}", plural(ids.len(), "run id"), lines(ids, MOST_SHOWN))]
    #[diagnostic(help("ids name runs across the whole store: rename one of each pair, or read the sweeps apart"))]
    SharedIds {
        /// Each id, with its two sweeps.
        ids: Vec<String>,
    },
    /// A sweep whose name is no file name, or which stands twice.
    #[error("`{name}` cannot be the name of a sweep here")]
    #[diagnostic(help("use letters, digits, `-`, `_` and `.`, and each name once in a store"))]
    SweepName {
        /// The name.
        name: String,
    },
    /// A run file of the JSON form with faults.
    #[error("`{file}` is not a run: {message}")]
    #[diagnostic(help("expected an element of the answer of `joules runs --format json`"))]
    Json {
        /// The file.
        file: String,
        /// What is wrong, and where.
        message: String,
    },
}
