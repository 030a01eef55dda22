//! A document as lines of a terminal.

use super::super::{Block, Document, Span, Text, Tone};
use super::line::{hang, paint, text_width, wrap};
use super::{bars, plot, table};

/// The narrowest layout; a smaller width is taken as this.
const NARROWEST: usize = 20;
/// Prose is not made wider than this, for the eye must find back to the start of the next line.
const PROSE: usize = 100;

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextStyle {
    /// Columns; no line is wider. Values below 20 are taken as 20.
    pub width: usize,
    /// Whether tones become ANSI colors.
    pub colour: bool,
    /// Whether rules, bars and signs may be other than ASCII.
    pub unicode: bool,
}

impl Default for TextStyle {
    /// 80 columns, no color, Unicode.
    fn default() -> Self {
        Self { width: 80, colour: false, unicode: true }
    }
}

/// The document as text: one blank line between blocks, every line within the width, no spaces at line ends, a line
/// break at the end. Without `colour` there are no control sequences at all.
pub fn text(document: &Document, style: &TextStyle) -> String {
    let width = style.width.max(NARROWEST);
    let mut lines = Vec::new();
    if !document.title().is_empty() {
        lines.extend(heading(document.title(), width, Some("═")));
    }
    let mut close = false;
    for block in document.blocks() {
        let own = lay_out(block, width);
        if own.is_empty() {
            continue;
        }
        if !lines.is_empty() && !close {
            lines.push(Text::new());
        }
        // What belongs to a small heading stands right below it.
        close = matches!(block, Block::Heading(3.., _));
        lines.extend(own);
    }
    lines.iter().map(|line| paint(line, style.colour, style.unicode) + "\n").collect()
}

/// The lines of one block.
fn lay_out(block: &Block, width: usize) -> Vec<Text> {
    let prose = width.min(PROSE);
    match block {
        Block::Heading(0..=2, words) => heading(words, width, Some("─")),
        Block::Heading(_, words) => heading(words, width, None),
        Block::Paragraph(words) if words.is_empty() => Vec::new(),
        Block::Paragraph(words) => wrap(words, prose),
        Block::Table(own) => table::table(own, width),
        Block::Bars(own) => bars::bars(own, width),
        Block::Chart(own) => plot::plot(own, width),
        Block::List(items) => items.iter().flat_map(|item| hang("• ", wrap(item, prose - 2))).collect(),
        Block::Code(lines) => lines.iter().flat_map(|line| code(line, width)).collect(),
        Block::Fields(own) => table::fields(own, prose),
    }
}

/// Words, underlined if they head a section.
fn heading(words: &Text, width: usize, underline: Option<&str>) -> Vec<Text> {
    let mut lines = wrap(&words.with_tone(Tone::Strong), width);
    let longest = lines.iter().map(text_width).max().unwrap_or(0);
    lines.extend(underline.filter(|_| longest > 0).map(|stroke| Text::new().dim(stroke.repeat(longest))));
    lines
}

/// A line of code, indented; one that is too long goes on in the next line, further in.
fn code(line: &Span, width: usize) -> Vec<Text> {
    let spaces = line.text().len() - line.text().trim_start_matches(' ').len();
    let whole = Text::from(line.clone());
    if 2 + text_width(&whole) <= width {
        return hang("  ", vec![whole]);
    }
    let indent = 2 + spaces.min(width / 4);
    let mut lines = wrap(&whole, width - indent - 2);
    let rest = lines.split_off(1);
    let mut result = hang(&" ".repeat(indent), lines);
    result.extend(hang(&" ".repeat(indent + 2), rest));
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_stand_apart_and_small_headings_close() {
        let mut document = Document::new("T");
        document.paragraph("").subheading("s").paragraph("a b").list(["x", "y"]).list(Vec::<Text>::new());
        assert_eq!(text(&document, &TextStyle::default()), "T\n═\n\ns\na b\n\n• x\n• y\n");
    }

    #[test]
    fn an_empty_document_is_an_empty_text() {
        assert_eq!(text(&Document::default(), &TextStyle::default()), "");
    }

    #[test]
    fn code_keeps_its_spaces_where_it_fits() {
        let mut document = Document::default();
        document.code("a  = 1\n  b = aaaa bbbb cccc dddd");
        let style = TextStyle { width: 20, ..TextStyle::default() };
        assert_eq!(text(&document, &style), "  a  = 1\n    b = aaaa bbbb\n      cccc dddd\n");
    }
}
