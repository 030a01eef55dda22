//! What can be wrong in a catalog file, each with a pointer to the place.

use std::fmt;
use std::path::PathBuf;

use miette::{Diagnostic, LabeledSpan, SourceCode};

use super::config::ConfigFault;
use super::entry::Place;
use crate::notes::{did_you_mean, plural};
use crate::unit::{Dimension, UnitError};

/// What must stand where a reader is told something.
pub(super) const PROSE: &str = "a text that says something";

/// Why no catalog came of some files.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A file or folder that cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A folder without files of a catalog.
    #[error("`{}` holds no file of a catalog, `*.toml`", path.display())]
    EmptyFolder {
        /// Which one.
        path: PathBuf,
    },
    /// A path that is neither.
    #[error("`{}` is neither a catalog (`.toml`) nor a model's configuration (`.json`)", path.display())]
    UnknownForm {
        /// Which one.
        path: PathBuf,
    },
    /// A name for what names its entries itself.
    #[error("`{name}` cannot name `{}`: a TOML names its architectures itself", path.display())]
    NamedEntries {
        /// The name.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// `=config.json`, `name=`.
    #[error("`{argument}` has {} the `=`", if argument.starts_with('=') { "no name before" } else { "no path behind" })]
    HalfNamed {
        /// As written.
        argument: String,
    },
    /// Every fault of the files.
    #[error("the catalog has {}", plural(faults.len(), "fault"))]
    Faulty {
        /// In the order of the files.
        faults: Vec<Fault>,
    },
}

impl Diagnostic for CatalogError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let text = match self {
            Self::Read { .. } | Self::Faulty { .. } => return None,
            Self::EmptyFolder { .. } => "`models/catalog` of the source code has examples",
            Self::UnknownForm { .. } => {
                "`*.toml` by the example of `models/catalog`, or the `config.json` of a checkpoint"
            }
            Self::NamedEntries { .. } => "write `[architecture.\"NAME\"]` in the file, and give its path alone",
            Self::HalfNamed { .. } => "write NAME=PATH, such as `Qwen/Qwen3-8B=config.json`",
        };
        Some(Box::new(text))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        match self {
            Self::Faulty { faults } => Some(Box::new(faults.iter().map(|fault| fault as &dyn Diagnostic))),
            _ => None,
        }
    }
}

/// One thing that is wrong, and where.
#[derive(Debug)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    pub(super) place: Place,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FaultKind {
    /// Not TOML.
    #[error("this is not TOML: {message}")]
    Syntax {
        /// What the parser says.
        message: String,
    },
    /// `"80 GQ"`, `"700"`.
    #[error("`{attribute}` of `{entry}` must be a quantity: {error}")]
    NoQuantity {
        /// The entry, such as `gpu.H100`.
        entry: String,
        /// The attribute.
        attribute: String,
        /// What the unit reader says.
        error: UnitError,
    },
    /// `80` where other entries have `"80 GB"`.
    #[error("`{attribute}` of `{entry}` has no unit; `{other}` has it in {expected}")]
    BareNumber {
        /// The entry.
        entry: String,
        /// The attribute.
        attribute: String,
        /// The dimension of the other entries.
        expected: Dimension,
        /// One of them.
        other: String,
    },
    /// `"80 s"` where other entries have `"80 GB"`.
    #[error("`{attribute}` of `{entry}` is in {found}, but that of `{other}` {}", measure(*expected))]
    OtherDimension {
        /// The entry.
        entry: String,
        /// The attribute.
        attribute: String,
        /// The dimension found.
        found: Dimension,
        /// The dimension of the other entries.
        expected: Dimension,
        /// One of them.
        other: String,
    },
    /// A flag where other entries have a number, or the like.
    #[error("`{attribute}` of `{entry}` is {found}, but that of `{other}` is {expected}")]
    OtherKind {
        /// The entry.
        entry: String,
        /// The attribute.
        attribute: String,
        /// What was found, with its article.
        found: &'static str,
        /// What the other entries have.
        expected: &'static str,
        /// One of them.
        other: String,
    },
    /// No `source`.
    #[error("`{entry}` does not say its source")]
    MissingSource {
        /// The entry.
        entry: String,
    },
    /// A list, a date, a table of something else.
    #[error("`{attribute}` of `{entry}` must be {expected}, but is {found}")]
    WrongType {
        /// The entry.
        entry: String,
        /// The attribute.
        attribute: String,
        /// What may stand here.
        expected: &'static str,
        /// What does.
        found: &'static str,
    },
    /// `inf`, `nan`, or a number beyond the range of the machine.
    #[error("`{attribute}` of `{entry}` must be a finite number")]
    NotFinite {
        /// The entry.
        entry: String,
        /// The attribute.
        attribute: String,
    },
    /// `x = 1` outside an entry.
    #[error("`{name}` stands outside an entry")]
    OutsideEntry {
        /// The name.
        name: String,
    },
    /// One key where the entries of the table have two.
    #[error("`{entry}` has {found}, but `{other}` has {expected}")]
    KeyCount {
        /// The entry.
        entry: String,
        /// Its number of keys, with the noun.
        found: String,
        /// That of the table's other entries.
        expected: String,
        /// One of them.
        other: String,
    },
    /// A name that no entry of the catalog has.
    #[error("`{entry}` has `{attribute}`, which no entry of table `{table}` has{}", did_you_mean(nearest.as_deref()))]
    UnknownAttribute {
        /// The entry.
        entry: String,
        /// The attribute.
        attribute: String,
        /// The table.
        table: String,
        /// A name that is close.
        nearest: Option<String>,
    },
    /// `[gpus.X]`.
    #[error("the catalog has no table `{table}`; did you mean `{nearest}`?")]
    UnknownTable {
        /// As written.
        table: String,
        /// A name that is close.
        nearest: String,
    },
    /// Something in a model's `config.json`.
    #[error(transparent)]
    Config(Box<ConfigFault>),
    /// `like` names no sibling, or one that is itself like another.
    #[error("`{entry}` is like `{like}`, which {reason}")]
    Like {
        /// The entry.
        entry: String,
        /// The name as written.
        like: String,
        /// Why that does not work.
        reason: &'static str,
        /// A name that is close.
        nearest: Option<String>,
    },
}

impl FaultKind {
    /// What to do about it.
    fn advice(&self) -> Option<String> {
        let text = match self {
            Self::Syntax { .. } | Self::NotFinite { .. } | Self::KeyCount { .. } => return None,
            Self::NoQuantity { error: UnitError::NoUnit { found }, .. } => {
                format!("write a count without quotes, `{found}`, and a quantity with its unit, such as \"{found} W\"")
            }
            Self::NoQuantity { .. } => {
                "text that starts with a digit is read as a quantity, such as \"80 GB\"; let a name start with a letter"
                    .to_owned()
            }
            Self::BareNumber { expected, .. } => {
                format!("write it as text with a unit of {expected}, such as {}", example(*expected))
            }
            Self::OtherDimension { expected, .. } if expected.is_one() => {
                "write a count without quotes and unit".to_owned()
            }
            Self::OtherKind { expected: "a quantity", .. } => {
                "write a number with its unit as text, such as \"80 GB\"".to_owned()
            }
            Self::OtherDimension { .. } | Self::OtherKind { .. } => {
                "an attribute means one thing in all entries of a table; choose another name for another thing"
                    .to_owned()
            }
            Self::MissingSource { .. } => {
                "add `source = \"…\"`: the data sheet, paper or file that the values are from".to_owned()
            }
            Self::WrongType { expected: PROSE, .. } => {
                "`source`, `unsure` and `note` are sentences for a reader".to_owned()
            }
            Self::WrongType { .. } => {
                "a value is a number, a text, a flag, or `{ value = …, source = \"…\" }`".to_owned()
            }
            Self::OutsideEntry { .. } => "values belong to an entry with a key, such as `[gpu.H100]`".to_owned(),
            Self::UnknownAttribute { table, .. } => {
                format!(
                    "the header of `models/catalog` lists the attributes; your own belong to a table of your own, not to `{table}`"
                )
            }
            Self::UnknownTable { .. } => "tables of your own need names that are less alike".to_owned(),
            Self::Config(fault) => return fault.advice(),
            Self::Like { nearest, .. } => format!("did you mean `{}`?", nearest.as_deref()?),
        };
        Some(text)
    }
}

/// What a dimension is called in a comparison.
fn measure(dimension: Dimension) -> String {
    if dimension.is_one() { "is a count".to_owned() } else { format!("in {dimension}") }
}

/// A quantity as somebody would write it.
fn example(dimension: Dimension) -> &'static str {
    let cases = [
        (Dimension::BYTES, "\"80 GB\""),
        (Dimension::POWER, "\"700 W\""),
        (Dimension::FREQUENCY, "\"1980 MHz\""),
        (Dimension::TIME, "\"40 us\""),
        (Dimension::BYTES / Dimension::TIME, "\"3.35 TB/s\""),
        (Dimension::FLOP / Dimension::TIME, "\"989.4 TFLOP/s\""),
    ];
    cases.iter().find(|(known, _)| *known == dimension).map_or("\"1 J\"", |(_, text)| text)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for Fault {}

impl Diagnostic for Fault {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.kind.advice().map(|text| Box::new(text) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.place.file)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some("here".to_owned()), self.place.span.clone()))))
    }
}
