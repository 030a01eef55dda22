//! Layout of a document: [`text`] for a terminal, [`markdown`] for a page.

mod bars;
mod line;
mod markdown;
mod plot;
mod scale;
mod table;
mod terminal;

pub use markdown::markdown;
pub use terminal::{TextStyle, text};
