//! A plan as somebody wrote it, in a file or as options: names and texts, each with its place.

use std::collections::BTreeMap;
use std::ops::Range;

use super::error::Fault;

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// An option of the command line, with its dashes.
    Option(&'static str),
    /// Bytes of the file.
    File(Range<usize>),
}

/// A text and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The text; a number or a flag as its literal.
    pub text: String,
    /// Where it stands.
    pub at: At,
}

/// `name = value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The name.
    pub name: Said,
    /// The value; a list is joined by commas.
    pub value: Said,
}

/// What is said once for the whole site: the keys of a file, and the options of the same names with dashes.
pub const SITE_KEYS: [&str; 6] = ["goal", "robust", "power_budget", "pue", "electricity_price", "carbon_intensity"];
/// What is said by name: `gpu = { H100 = 16 }`, `--gpu H100=16`.
pub const SITE_TABLES: [&str; 2] = ["gpu", "gpu_price"];
/// What is said once for a service.
pub const SERVICE_KEYS: [&str; 3] = ["name", "task", "demand"];

/// A service as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WrittenService {
    /// Where it begins; none for options.
    pub at: Option<Range<usize>>,
    /// Texts by key, out of [`SERVICE_KEYS`].
    pub said: BTreeMap<String, Said>,
    /// The models that may serve it.
    pub model: Vec<Said>,
    /// Limits by metric.
    pub limit: Vec<Pair>,
    /// Further conditions: a value, a list or a range each.
    pub set: Vec<Pair>,
}

/// A plan as written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// Name and text of its file.
    pub file: Option<(String, String)>,
    /// Texts by key, out of [`SITE_KEYS`].
    pub said: BTreeMap<String, Said>,
    /// GPU types with their counts.
    pub gpu: Vec<Pair>,
    /// Prices by GPU type.
    pub gpu_price: Vec<Pair>,
    /// The services.
    pub services: Vec<WrittenService>,
    /// What could not even be taken apart.
    pub faults: Vec<Fault>,
}

impl Written {
    /// A fault of something written.
    pub(super) fn fault(&self, at: &At, message: impl Into<String>) -> Fault {
        match at {
            At::Option(option) => Fault { place: (*option).to_owned(), message: message.into(), span: None },
            At::File(span) => self.fault_in_file(span.clone(), message),
        }
    }

    /// A fault of bytes of the file, with line and column.
    pub(super) fn fault_in_file(&self, span: Range<usize>, message: impl Into<String>) -> Fault {
        let (name, text) = self.file.as_ref().map_or(("", ""), |(name, text)| (name.as_str(), text.as_str()));
        let before = text.get(..span.start).unwrap_or(text);
        let line = 1 + before.matches('\n').count();
        let column = 1 + before.rsplit('\n').next().unwrap_or("").chars().count();
        Fault { place: format!("{name}:{line}:{column}"), message: message.into(), span: Some(span) }
    }
}
