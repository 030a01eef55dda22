//! Layout of a document: [`text`] for a terminal, [`markdown`] for a page of others, [`html`] for a page of its own.

mod bars;
mod html;
mod line;
mod markdown;
mod plot;
mod scale;
mod table;
mod terminal;

pub use html::html;
pub use markdown::markdown;
pub use terminal::{TextStyle, text};
