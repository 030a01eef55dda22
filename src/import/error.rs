//! What can be wrong with foreign results and with maps.

use std::fmt;
use std::path::PathBuf;

use miette::LabeledSpan;

use crate::notes::{lines, plural};
use crate::runs::{RunsError, ValueFault};

/// As many faults as a person reads at once.
pub(super) const MOST_SHOWN: usize = 20;

/// Where in the foreign files something is.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Place {
    /// The file, relative to what was imported.
    pub file: String,
    /// Line, from 1; 0 if only the path inside the file is known.
    pub line: usize,
    /// Column, from 1; 0 if unknown.
    pub column: usize,
    /// Path inside the file: `configurations[3].num_gpus`.
    pub path: String,
}

impl Place {
    /// A place in `file` that is known by its path only.
    pub fn new(file: &str, path: impl Into<String>) -> Self {
        Self { file: file.to_owned(), path: path.into(), ..Self::default() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        if !self.path.is_empty() {
            write!(f, ", `{}`", self.path)?;
        }
        Ok(())
    }
}

/// One fault of foreign results.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{place}: {kind}")]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What.
    pub kind: FaultKind,
}

/// What can be wrong at a place.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FaultKind {
    /// Text that is no JSON.
    #[error("this is not JSON: {message}")]
    NotJson {
        /// What the parser says.
        message: String,
    },
    /// Bytes of another encoding.
    #[error("a byte that is not UTF-8 text; save the file as UTF-8")]
    NotUtf8,
    /// A field that must be there.
    #[error("missing")]
    Missing,
    /// A value of another type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What was due.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A value that cannot be.
    #[error(transparent)]
    Value(#[from] ValueFault),
    /// A name out of a closed set.
    #[error("`{found}` is unknown; known are {known}")]
    UnknownName {
        /// The name.
        found: String,
        /// What it can be.
        known: String,
    },
    /// Two files that should say the same.
    #[error("{here} here, but {there} in {other}")]
    Disagreement {
        /// The value here.
        here: String,
        /// The value there.
        there: String,
        /// The other place.
        other: Box<Place>,
    },
    /// A second file of the same model and task.
    #[error("`{other}` holds the same rows already")]
    SecondFile {
        /// The first.
        other: String,
    },
    /// A histogram that counts nothing.
    #[error("{0}")]
    Histogram(&'static str),
    /// Nothing at all.
    #[error("the file is empty")]
    Empty,
    /// A unit that does not measure what is due.
    #[error("the unit `{found}` is not one of {expected}")]
    Unit {
        /// The unit as written.
        found: String,
        /// The unit here.
        expected: String,
    },
    /// A file of a known format without a measured number.
    #[error("nothing that was measured could be read: expected {expected}, above zero")]
    Unmeasured {
        /// Where such numbers stand.
        expected: &'static str,
    },
    /// Something that this program does not take, and why.
    #[error("{0}")]
    Refused(String),
    /// Text that cannot be read.
    #[error("cannot be read: {message}")]
    Unreadable {
        /// Why.
        message: String,
    },
}

/// One fault of a map, with the bytes of the map that it is about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct MapFault {
    /// Where in the map.
    pub place: Place,
    /// What, and what was expected.
    pub message: String,
    /// The bytes.
    pub span: std::ops::Range<usize>,
}

/// Why foreign results cannot be imported.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ImportError {
    /// A folder without anything.
    #[error("`{}` is an empty folder", path.display())]
    #[diagnostic(help("the leaderboard's tree is a folder with `index.json`, `tasks/` and `models/`"))]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A path that holds nothing this program knows.
    #[error("`{}` is not a leaderboard: it has neither `index.json` nor `tasks/` nor `models/`", path.display())]
    #[diagnostic(help("{}", hint.as_deref().unwrap_or("name the folder `public/data` of the leaderboard's repository")))]
    NoLeaderboard {
        /// The folder.
        path: PathBuf,
        /// Where one was found instead.
        hint: Option<String>,
    },
    /// A tree in which no task or model file has a row.
    #[error("`{}` holds no row", path.display())]
    #[diagnostic(help(
        "expected rows: in a leaderboard under `configurations` of `tasks/*.json` or `models/*.json`, elsewhere one a line"
    ))]
    NoRows {
        /// The folder or file.
        path: PathBuf,
    },
    /// Foreign results with faults: all of them.
    #[error("`{}` has {}:\n{}", path.display(), plural(faults.len(), "fault"), lines(faults, MOST_SHOWN))]
    #[diagnostic(help("nothing was imported; correct these places, or fetch the files again"))]
    Faulty {
        /// The folder or file.
        path: PathBuf,
        /// Every fault found.
        faults: Vec<Fault>,
    },
    /// A map with faults: all of them.
    #[error("the map has {}:\n{}", plural(faults.len(), "fault"), lines(faults, MOST_SHOWN))]
    #[diagnostic(help("the form of a map is described in `data/README.md`"))]
    Map {
        /// The map.
        #[source_code]
        source_code: miette::NamedSource<String>,
        /// Every fault found.
        faults: Vec<MapFault>,
        /// The same, for the drawing.
        #[label(collection)]
        labels: Vec<LabeledSpan>,
    },
    /// A file that needs a map and got none.
    #[error("`{}` needs a map", path.display())]
    #[diagnostic(help(
        "a map is a TOML file that says which source column is which condition or metric, and in which unit: `--map MAP.toml`"
    ))]
    NeedsMap {
        /// The file.
        path: PathBuf,
    },
    /// A file of no known kind.
    #[error("`{}` is of no format that is known here: {seen}", path.display())]
    #[diagnostic(help(
        "`joules import --help` lists the formats; for others, write their rows as JSON Lines and import them with \
         `--map MAP.toml`"
    ))]
    UnknownFormat {
        /// The path.
        path: PathBuf,
        /// What was seen of it.
        seen: String,
    },
    /// A file that is said to be of one format and looks like another.
    #[error("`{}` is not {expected}: it looks like {found}", path.display())]
    #[diagnostic(help("{help}"))]
    OtherFormat {
        /// The path.
        path: PathBuf,
        /// What it was said to be, in words.
        expected: String,
        /// What it looks like, in words.
        found: String,
        /// What to do.
        help: String,
    },
    /// A folder with files of several formats.
    #[error("`{}` holds files of several formats: {found}", path.display())]
    #[diagnostic(help("import them one by one, or name one format: its files alone are read"))]
    SeveralFormats {
        /// The folder.
        path: PathBuf,
        /// The formats, each with a file of it.
        found: String,
    },
    /// A file without a byte.
    #[error("`{}` is empty", path.display())]
    #[diagnostic(help("the program that writes it may not have ended well: run it again"))]
    EmptyFile {
        /// The file.
        path: PathBuf,
    },
    /// A file that is larger than its format ever is.
    #[error("`{}` is larger than {} MB", path.display(), most / 1_000_000)]
    #[diagnostic(help("cut it to the time that you want"))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Most bytes that are read.
        most: u64,
    },
    /// Runs that lack conditions which their format does not record.
    #[error("{} cannot be asked about yet:\n{}", plural(*runs, "run"), lines(lacking, MOST_SHOWN))]
    #[diagnostic(help("{help}"))]
    Incomplete {
        /// How many.
        runs: usize,
        /// Each set of missing conditions, with the files.
        lacking: Vec<String>,
        /// What to type.
        help: String,
    },
    /// What is said of all runs cannot be.
    #[error("{message}")]
    #[diagnostic(help("write one condition and one value: `--set gpu=H100 --set gpus=2`"))]
    Given {
        /// Why.
        message: String,
    },
    /// A zone that cannot be.
    #[error("`{text}` is not a zone")]
    #[diagnostic(help("write what the log's time of day is ahead of UTC: `+02:00`, `-0530` or `UTC`"))]
    Zone {
        /// As written.
        text: String,
    },
    /// A window that cannot be.
    #[error("the window `{text}` cannot be: {reason}")]
    #[diagnostic(help(
        "write `FROM..TO` in seconds after the first sample (`10..70`), in Unix seconds, or in the log's own time of day \
         (`2026-01-02 10:00:00..2026-01-02 10:01:00`)"
    ))]
    Window {
        /// As written.
        text: String,
        /// Why.
        reason: String,
    },
    /// A file that cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Runs(#[from] RunsError),
}
