//! Columns side by side: tables and fields.

use super::super::{Align, Column, Table, Text, Tone};
use super::line::{join, longest_word, pad, text_width, wrap};

/// Spaces between columns, where there is room and where there is not.
const GAPS: [usize; 2] = [3, 2];
/// Columns of words are not made narrower than this, and words up to the second number are kept whole.
const WORDS: (usize, usize) = (8, 18);

/// The lines of a table of at most `width` columns. A table that does not fit even with wrapped cells becomes a list
/// of fields for every row.
pub(super) fn table(table: &Table, width: usize) -> Vec<Text> {
    if table.columns().is_empty() {
        return Vec::new();
    }
    let fitted = GAPS.into_iter().find_map(|gap| natural_widths(table, width, gap).map(|widths| (widths, gap)));
    let narrow = GAPS[GAPS.len() - 1];
    let mut lines = match fitted.or_else(|| shrunk_widths(table, width, narrow).map(|widths| (widths, narrow))) {
        Some((widths, gap)) => grid(table, &widths, gap),
        None => records(table, width),
    };
    if table.is_empty() {
        lines.push(Text::new().dim("none"));
    }
    if let Some(note) = table.footnote() {
        lines.push(Text::new());
        lines.extend(wrap(&note.with_tone(Tone::Dim), width));
    }
    lines
}

/// The cells of a column, its title first.
fn cells(table: &Table, column: usize) -> impl Iterator<Item = &Text> {
    std::iter::once(&table.columns()[column].title).chain(table.rows().iter().map(move |row| &row[column]))
}

/// Widths in which no cell is wrapped, if they fit.
fn natural_widths(table: &Table, width: usize, gap: usize) -> Option<Vec<usize>> {
    let widths: Vec<usize> =
        (0..table.columns().len()).map(|column| cells(table, column).map(text_width).max().unwrap_or(0)).collect();
    (total(&widths, gap) <= width).then_some(widths)
}

/// Widths that fit, taken from the widest column of words first, then from the widest of numbers; `None` if words
/// would have to be broken badly.
fn shrunk_widths(table: &Table, width: usize, gap: usize) -> Option<Vec<usize>> {
    let mut widths = natural_widths(table, usize::MAX, gap)?;
    let floors: Vec<usize> = (0..widths.len())
        .map(|column| {
            let word = cells(table, column).map(longest_word).max().unwrap_or(0);
            let floor = match table.columns()[column].align {
                Align::Left => word.clamp(WORDS.0, WORDS.1),
                Align::Right => word.clamp(2, WORDS.1),
            };
            floor.min(widths[column])
        })
        .collect();
    while total(&widths, gap) > width {
        let widest = |align: Align| {
            (0..widths.len())
                .filter(|column| table.columns()[*column].align == align && widths[*column] > floors[*column])
                .max_by_key(|column| widths[*column])
        };
        let column = widest(Align::Left).or_else(|| widest(Align::Right))?;
        widths[column] -= 1;
    }
    Some(widths)
}

fn total(widths: &[usize], gap: usize) -> usize {
    widths.iter().sum::<usize>() + gap * widths.len().saturating_sub(1)
}

/// Head, rule and rows.
fn grid(table: &Table, widths: &[usize], gap: usize) -> Vec<Text> {
    let aligns: Vec<Align> = table.columns().iter().map(|column| column.align).collect();
    let titles: Vec<Text> = table.columns().iter().map(|column| column.title.with_tone(Tone::Strong)).collect();
    let mut lines = row_of(&titles, widths, &aligns, gap);
    lines.push(Text::new().dim("─".repeat(total(widths, gap))));
    for row in table.rows() {
        lines.extend(row_of(row, widths, &aligns, gap));
    }
    lines
}

/// One row of cells, each wrapped into its own width.
fn row_of(cells: &[Text], widths: &[usize], aligns: &[Align], gap: usize) -> Vec<Text> {
    let wrapped: Vec<Vec<Text>> = cells.iter().zip(widths).map(|(cell, width)| wrap(cell, *width)).collect();
    side_by_side(&wrapped, widths, aligns, gap)
}

/// Columns of lines next to each other; a column may have fewer lines than its neighbors.
pub(super) fn side_by_side(columns: &[Vec<Text>], widths: &[usize], aligns: &[Align], gap: usize) -> Vec<Text> {
    let height = columns.iter().map(Vec::len).max().unwrap_or(0);
    let between = Text::new().plain(" ".repeat(gap));
    let line = |at: usize| {
        let padded =
            columns.iter().zip(widths).zip(aligns).enumerate().flat_map(|(column, ((lines, width), align))| {
                let cell = lines.get(at).cloned().unwrap_or_default();
                let before = if column == 0 { Text::new() } else { between.clone() };
                [before, pad(&cell, *width, *align)]
            });
        join(padded)
    };
    (0..height).map(line).collect()
}

/// A table that is too wide for a grid: the fields of one row that are not empty, a blank line, the fields of the next.
fn records(table: &Table, width: usize) -> Vec<Text> {
    let keys = table.columns().iter().map(|column| text_width(&column.title)).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (at, row) in table.rows().iter().enumerate() {
        if at > 0 {
            lines.push(Text::new());
        }
        let titles = table.columns().iter().map(|Column { title, .. }| title.clone());
        let pairs: Vec<(Text, Text)> = titles.zip(row.iter().cloned()).filter(|(_, cell)| !cell.is_empty()).collect();
        lines.extend(key_lines(&pairs, keys, width));
    }
    lines
}

/// `key  value` lines with the values in one column.
pub(super) fn fields(fields: &[(Text, Text)], width: usize) -> Vec<Text> {
    key_lines(fields, fields.iter().map(|(key, _)| text_width(key)).max().unwrap_or(0), width)
}

/// `key  value` lines whose values start after keys of `longest` columns, or at two fifths of the width.
fn key_lines(fields: &[(Text, Text)], longest: usize, width: usize) -> Vec<Text> {
    let [wide, narrow] = GAPS;
    let gap = if width < 40 { narrow } else { wide };
    let keys = longest.min(width * 2 / 5);
    let widths = [keys, width - keys - gap];
    fields
        .iter()
        .flat_map(|(key, value)| row_of(&[key.with_tone(Tone::Dim), value.clone()], &widths, &[Align::Left; 2], gap))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(own: &Table, width: usize) -> Vec<String> {
        table(own, width).iter().map(|line| line.words().trim_end().to_owned()).collect()
    }

    #[test]
    fn words_wrap_before_numbers_do() {
        let mut own = Table::new([Column::left("what"), Column::right("W")]);
        own.row(["idle power of the board", "75.5"]);
        assert_eq!(
            lines(&own, 40),
            ["what                         W", "──────────────────────────────", "idle power of the board   75.5"]
        );
        assert_eq!(
            lines(&own, 20),
            ["what               W", "────────────────────", "idle power of   75.5", "the board"]
        );
    }

    #[test]
    fn a_table_that_is_too_wide_becomes_fields() {
        let mut own = Table::new(["a", "b", "c"].map(Column::left));
        own.row(["long_identifier_1", "", "long_identifier_2"]).row(["x", "y"]).note("n");
        assert_eq!(lines(&own, 24), ["a  long_identifier_1", "c  long_identifier_2", "", "a  x", "b  y", "", "n"]);
    }

    #[test]
    fn a_table_without_rows_says_so() {
        assert_eq!(lines(&Table::new([Column::left("cause")]), 20), ["cause", "─────", "none"]);
        assert!(lines(&Table::default(), 20).is_empty());
    }
}
