//! Title and blocks, written top to bottom.

use super::block::{Bars, Block, Table};
use super::chart::Chart;
use super::text::{Span, Text, Tone};

/// An answer, ready to be laid out.
///
/// ```
/// # use joules::report::Document;
/// let mut document = Document::new("Diagnosis");
/// document.heading("Causes").paragraph("Run b has **longer answers** (`output_length`).");
/// if document.blocks().len() > 1 {
///     document.list(["one", "two"]);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Document {
    title: Text,
    made_by: Option<Text>,
    blocks: Vec<Block>,
}

impl Document {
    /// A document without blocks; an empty title is not shown.
    pub fn new(title: impl Into<Text>) -> Self {
        Self { title: title.into(), made_by: None, blocks: Vec::new() }
    }

    /// What stands above everything.
    pub fn title(&self) -> &Text {
        &self.title
    }

    /// How the answer was made: the command, the version, what was read. A page that is kept shows it below the title; a
    /// terminal shows the command above the answer anyway.
    pub fn made_by(&self) -> Option<&Text> {
        self.made_by.as_ref()
    }

    /// Says how the answer was made.
    pub fn sign(&mut self, made_by: impl Into<Text>) -> &mut Self {
        self.made_by = Some(made_by.into());
        self
    }

    /// The blocks from top to bottom.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Adds any block.
    pub fn push(&mut self, block: Block) -> &mut Self {
        self.blocks.push(block);
        self
    }

    /// Adds the blocks of another document, whose title becomes a heading. What is said of their making stays behind.
    pub fn append(&mut self, other: Self) -> &mut Self {
        if !other.title.is_empty() {
            self.blocks.push(Block::Heading(2, other.title));
        }
        self.blocks.extend(other.blocks);
        self
    }

    /// Several documents as one: the title of the first stands above all.
    pub fn joined(documents: impl IntoIterator<Item = Self>) -> Self {
        let mut documents = documents.into_iter();
        let mut whole = documents.next().unwrap_or_default();
        for own in documents {
            whole.append(own);
        }
        whole
    }

    /// Starts a section.
    pub fn heading(&mut self, text: impl Into<Text>) -> &mut Self {
        self.push(Block::Heading(2, text.into()))
    }

    /// Starts a part of a section.
    pub fn subheading(&mut self, text: impl Into<Text>) -> &mut Self {
        self.push(Block::Heading(3, text.into()))
    }

    /// Adds running text.
    pub fn paragraph(&mut self, text: impl Into<Text>) -> &mut Self {
        self.push(Block::Paragraph(text.into()))
    }

    /// Adds a table.
    pub fn table(&mut self, table: Table) -> &mut Self {
        self.push(Block::Table(table))
    }

    /// Adds a diverging bar chart.
    pub fn bars(&mut self, bars: Bars) -> &mut Self {
        self.push(Block::Bars(bars))
    }

    /// Adds points and curves over two axes.
    pub fn chart(&mut self, chart: Chart) -> &mut Self {
        self.push(Block::Chart(chart))
    }

    /// Adds bullets.
    pub fn list<T: Into<Text>>(&mut self, items: impl IntoIterator<Item = T>) -> &mut Self {
        self.push(Block::List(items.into_iter().map(Into::into).collect()))
    }

    /// Adds lines to be taken letter by letter; tabs and control characters are made safe as in [`Span`].
    pub fn code(&mut self, text: impl AsRef<str>) -> &mut Self {
        let line = |line: &str| Span::new(line.trim_end(), Tone::Code);
        self.push(Block::Code(text.as_ref().lines().map(line).collect()))
    }

    /// Adds `key  value` lines.
    pub fn fields<K: Into<Text>, V: Into<Text>>(&mut self, fields: impl IntoIterator<Item = (K, V)>) -> &mut Self {
        self.push(Block::Fields(fields.into_iter().map(|(key, value)| (key.into(), value.into())).collect()))
    }
}
