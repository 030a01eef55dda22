//! The wording of messages: caveats, plurals, lists, nearest names.

mod wording;

pub use wording::{did_you_mean, edit_distance, either, lines, list, nearest, plural, quoted, words};

/// Something that an answer's reader must know: what was seen, with numbers; why it matters; what to do.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Caveat {
    /// A stable name, such as `short_window`.
    pub code: String,
    /// The sentence for a person.
    pub text: String,
}

impl Caveat {
    /// A caveat with its code and sentence.
    pub fn new(code: &str, text: impl Into<String>) -> Self {
        Self { code: code.to_owned(), text: text.into() }
    }
}
