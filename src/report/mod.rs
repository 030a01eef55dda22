//! How does an answer look? One [`Document`] for the terminal, for Markdown and for a page of HTML.
//!
//! An answer builds a document out of blocks (headings, paragraphs, tables, bars, charts, lists, fields, code) and says
//! nothing of their layout; [`render`] lays it out. Every text is a [`Text`]: spans with a tone, free of control characters
//! from the moment they exist, so that no name of a run or a model can drive a terminal. What the answer to each
//! question says stands in a file of its own: [`runs`], [`import`], [`graph`], [`fit`], [`check`], [`study`].
//!
//! ```
//! use joules::report::{Column, Document, Table, TextStyle, render};
//!
//! let mut table = Table::new([Column::left("cause"), Column::right("factor")]);
//! table.row(["`output_length`", "×1.49"]);
//! let mut document = Document::new("Why run b uses **2.07 times** the energy of run a");
//! document.heading("Causes").table(table);
//! println!("{}", render::text(&document, &TextStyle::default()));
//! ```

mod block;
mod chart;
pub mod check;
mod diagnosis;
#[cfg(feature = "measure")]
pub mod doctor;
mod document;
pub mod export;
pub mod fit;
pub mod graph;
pub mod import;
mod markup;
#[cfg(feature = "measure")]
pub mod measure;
pub mod plan;
pub mod predict;
#[cfg(feature = "measure")]
pub mod prometheus;
pub mod render;
pub mod runs;
mod spent;
pub mod study;
#[cfg(feature = "measure")]
pub mod sweep;
#[cfg(feature = "measure")]
mod sweep_doubts;
mod text;
pub mod whatif;

pub use block::{Align, Bar, Bars, Block, Column, Table};
pub use chart::{Axis, Chart, Point, Series};
pub use diagnosis::diagnosis;
pub use document::Document;
pub use render::TextStyle;
pub use text::{Span, Text, Tone};
