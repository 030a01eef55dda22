//! What a document is made of.

use super::{Chart, Span, Text};

/// One block of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A heading: level 2 for a section, 3 for a part of one (level 1 is the title).
    Heading(u8, Text),
    /// Running text.
    Paragraph(Text),
    /// Rows and columns.
    Table(Table),
    /// A diverging bar chart.
    Bars(Bars),
    /// Points and curves over two axes.
    Chart(Chart),
    /// Bullets.
    List(Vec<Text>),
    /// Lines to be taken letter by letter, such as a command or an equation.
    Code(Vec<Span>),
    /// `key  value` lines.
    Fields(Vec<(Text, Text)>),
}

/// To which side the cells of a column lean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Align {
    /// Words.
    #[default]
    Left,
    /// Numbers.
    Right,
}

/// Head of a table's column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What stands above it.
    pub title: Text,
    /// To which side it leans.
    pub align: Align,
}

impl Column {
    /// A column of words.
    pub fn left(title: impl Into<Text>) -> Self {
        Self { title: title.into(), align: Align::Left }
    }

    /// A column of numbers.
    pub fn right(title: impl Into<Text>) -> Self {
        Self { title: title.into(), align: Align::Right }
    }
}

/// Rows and columns, with a note below.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Text>>,
    note: Option<Text>,
}

impl Table {
    /// A table without rows.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new(), note: None }
    }

    /// Adds a row. Missing cells are empty.
    ///
    /// # Panics
    /// If there are more cells than columns.
    pub fn row<C: Into<Text>>(&mut self, cells: impl IntoIterator<Item = C>) -> &mut Self {
        let mut cells: Vec<Text> = cells.into_iter().map(Into::into).collect();
        assert!(cells.len() <= self.columns.len(), "a row of {} cells in {} columns", cells.len(), self.columns.len());
        cells.resize(self.columns.len(), Text::new());
        self.rows.push(cells);
        self
    }

    /// Sets the note below the table.
    pub fn note(&mut self, note: impl Into<Text>) -> &mut Self {
        self.note = Some(note.into());
        self
    }

    /// The heads of the columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The rows, each with one cell for every column.
    pub fn rows(&self) -> &[Vec<Text>] {
        &self.rows
    }

    /// The note below.
    pub fn footnote(&self) -> Option<&Text> {
        self.note.as_ref()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// A diverging bar chart around factor 1: bars to the left lower the outcome, bars to the right raise it.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Bars {
    /// What the bars show; empty for none.
    pub label: Text,
    /// From top to bottom.
    pub rows: Vec<Bar>,
}

/// One bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// The name on the left.
    pub label: Text,
    /// Length: natural log of a factor; 0 has no bar, negative values point left. A value that is not finite has none.
    pub log_factor: f64,
    /// The words on the right, such as `×1.49`.
    pub text: Text,
    /// The interval of `log_factor`, drawn as a whisker.
    pub interval: Option<(f64, f64)>,
}

impl Bars {
    /// A chart without bars.
    pub fn new(label: impl Into<Text>) -> Self {
        Self { label: label.into(), rows: Vec::new() }
    }

    /// Adds a bar.
    pub fn bar(&mut self, label: impl Into<Text>, log_factor: f64, text: impl Into<Text>) -> &mut Self {
        self.rows.push(Bar { label: label.into(), log_factor, text: text.into(), interval: None });
        self
    }

    /// Adds a bar with the interval of its log factor.
    pub fn bar_with_interval(
        &mut self,
        label: impl Into<Text>,
        log_factor: f64,
        interval: (f64, f64),
        text: impl Into<Text>,
    ) -> &mut Self {
        self.rows.push(Bar { label: label.into(), log_factor, text: text.into(), interval: Some(interval) });
        self
    }
}
