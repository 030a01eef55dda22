//! The error of a model file: all its faults.

use miette::{Diagnostic, NamedSource};
use thiserror::Error;

use super::fault::Fault;

/// All faults of one model file.
#[derive(Debug, Error, Diagnostic)]
#[error("{file} has {}", crate::notes::plural(faults.len(), "fault"))]
pub struct ModelError {
    /// The file's name as given.
    pub file: String,
    #[source_code]
    text: NamedSource<String>,
    /// Every fault, in the order of the file.
    #[related]
    pub faults: Vec<Fault>,
}

impl ModelError {
    /// Collects the faults of a file.
    pub(crate) fn new(file: &str, text: &str, faults: Vec<Fault>) -> Self {
        Self { file: file.to_owned(), text: NamedSource::new(file, text.to_owned()), faults }
    }
}

impl Fault {
    /// Whether something was not read because of it, so that what that would have used looks unused.
    pub(crate) fn hides_names(&self) -> bool {
        matches!(
            self,
            Self::UnknownKey { .. }
                | Self::MissingKey { .. }
                | Self::WrongType { .. }
                | Self::Expression { .. }
                | Self::UnknownName { .. }
                | Self::Duplicate { .. }
                | Self::Arguments { .. }
                | Self::UnknownEntry { .. }
        )
    }

    /// Where the fault is, for sorting.
    pub(crate) fn offset(&self) -> usize {
        self.labels().and_then(|mut labels| labels.next()).map_or(0, |label| label.offset())
    }
}
