//! A chart in characters.

use super::super::{Chart, Point, Span, Text, Tone};
use super::line::{hang, join, text_width, width as columns_of, wrap};
use super::scale::{Plot, Tick};

/// Rows of the plot: one for so many columns, within these bounds.
const COLUMNS_PER_ROW: usize = 5;
const ROWS: (usize, usize) = (8, 13);
/// Columns of a plot at most.
const WIDEST: usize = 90;
/// Columns and rows from one tick to the next at least.
const APART: (usize, usize) = (12, 3);
/// Signs of a series: of points that the eye must find, and of others.
const MARKERS: [[char; 2]; 5] = [['●', '○'], ['■', '□'], ['▲', '△'], ['◆', '◇'], ['★', '☆']];
/// Signs of further series, in upper case where the eye must find them.
const LETTERS: &[u8] = b"bcefghijklmnpqrstuwyz";
/// What joins the points of a line.
const LINE: char = '∙';
/// Spaces between the entries of a legend.
const GAP: &str = "   ";

/// The lines of a chart of at most `width` columns; none if no point has a place.
pub(super) fn plot(chart: &Chart, width: usize) -> Vec<Text> {
    let Some(plot) = Plot::new(chart) else { return Vec::new() };
    let width = width.min(WIDEST);
    let rows = (width / COLUMNS_PER_ROW).clamp(ROWS.0, ROWS.1);
    let ticks = plot.y.ticks(rows / APART.1 + 1);
    let gutter = ticks.iter().map(|tick| columns_of(&tick.label)).max().unwrap_or(0).min(width / 3);
    let grid = Grid::drawn(&plot, width - gutter - 2, rows);
    let mut lines = Vec::new();
    for heading in [&chart.label.with_tone(Tone::Strong), &plot.y.title()] {
        lines.extend(Some(wrap(heading, width)).filter(|_| !heading.is_empty()).into_iter().flatten());
    }
    lines.extend(grid.rows().zip(gutters(&ticks, gutter, rows)).map(|(row, gutter)| join([gutter, row])));
    lines.extend(foot(&plot, gutter, grid.columns));
    if plot.has_legend() {
        lines.extend(legend(&plot, width));
    }
    lines
}

/// What stands left of every row: the ticks and the axis.
fn gutters(ticks: &[Tick], gutter: usize, rows: usize) -> Vec<Text> {
    let mut lines = vec![Text::new().dim(format!("{} │", " ".repeat(gutter))); rows];
    for tick in ticks.iter().filter(|tick| columns_of(&tick.label) <= gutter) {
        let spaces = " ".repeat(gutter - columns_of(&tick.label));
        lines[row_of(tick.share, rows)] = Text::new().dim(format!("{spaces}{} ┤", tick.label));
    }
    lines
}

/// The lines below the plot: the axis, its ticks, what it measures.
fn foot(plot: &Plot<'_>, gutter: usize, columns: usize) -> Vec<Text> {
    let mut axis = vec!['─'; columns];
    let mut labels = vec![' '; columns + 1];
    let mut free_from = 0;
    for tick in plot.x.ticks(columns / APART.0 + 1) {
        let at = column_of(tick.share, columns);
        axis[at] = '┬';
        let length = tick.label.chars().count();
        // In the middle below its mark, as far as the line allows. The labels are shifted by one, below the corner.
        let start = (at + 1).saturating_sub(length / 2).min(labels.len().saturating_sub(length));
        if start >= free_from && length <= labels.len() {
            labels[start..start + length].iter_mut().zip(tick.label.chars()).for_each(|(cell, c)| *cell = c);
            free_from = start + length + 1;
        }
    }
    let indent = " ".repeat(gutter + 1);
    let strings = [axis, labels].map(|cells| cells.into_iter().collect::<String>());
    let mut lines =
        vec![Text::new().dim(format!("{indent}└{}", strings[0])), Text::new().dim(format!("{indent}{}", strings[1]))];
    let title = plot.x.title();
    if !title.is_empty() {
        for line in wrap(&title, columns) {
            // At the right end, below the last ticks.
            let before = " ".repeat(gutter + 2 + columns - text_width(&line));
            lines.push(join([Text::new().plain(before), line]));
        }
    }
    lines
}

/// The sign of every series with its name, as many in a line as fit.
fn legend(plot: &Plot<'_>, width: usize) -> Vec<Text> {
    let mut lines: Vec<Text> = Vec::new();
    for (at, drawn) in plot.series.iter().enumerate() {
        let name = wrap(&drawn.series.name, width - 2);
        let marker = if drawn.points.iter().any(|point| plot.is_shown_fully(point)) { 0 } else { 1 };
        for entry in hang(&format!("{} ", marker_of(at, marker == 0)), name) {
            match lines.last_mut() {
                Some(line) if text_width(line) + GAP.len() + text_width(&entry) <= width => {
                    *line = join([line.clone().plain(GAP), entry]);
                }
                _ => lines.push(entry),
            }
        }
    }
    lines
}

/// The sign of a point of the series at this place of the legend.
fn marker_of(series: usize, full: bool) -> char {
    match MARKERS.get(series) {
        Some([marked, other]) => {
            if full {
                *marked
            } else {
                *other
            }
        }
        None => {
            let letter = char::from(LETTERS[(series - MARKERS.len()) % LETTERS.len()]);
            if full { letter.to_ascii_uppercase() } else { letter }
        }
    }
}

/// The row of a share of the vertical axis, counted from the top.
fn row_of(share: f64, rows: usize) -> usize {
    ((1.0 - share).clamp(0.0, 1.0) * (rows - 1) as f64).round() as usize
}

/// The column of a share of the horizontal axis.
fn column_of(share: f64, columns: usize) -> usize {
    (share.clamp(0.0, 1.0) * (columns - 1) as f64).round() as usize
}

/// The cells of a plot.
struct Grid {
    columns: usize,
    /// From top to bottom, each from left to right.
    cells: Vec<Vec<(char, Tone)>>,
}

impl Grid {
    /// Intervals and lines behind, points before them, labels where there is room.
    fn drawn(plot: &Plot<'_>, columns: usize, rows: usize) -> Self {
        let mut grid = Self { columns, cells: vec![vec![(' ', Tone::Plain); columns]; rows] };
        let place = |point: &Point| (row_of(plot.y.share(point.y), rows), column_of(plot.x.share(point.x), columns));
        for drawn in &plot.series {
            for point in &drawn.points {
                if let Some((low, high)) = plot.interval(point) {
                    let column = place(point).1;
                    (row_of(high, rows)..=row_of(low, rows)).for_each(|row| grid.cells[row][column] = ('│', Tone::Dim));
                }
            }
        }
        for drawn in plot.series.iter().filter(|drawn| drawn.series.line) {
            for pair in drawn.points.windows(2) {
                grid.line(place(pair[0]), place(pair[1]));
            }
        }
        let points =
            || plot.series.iter().enumerate().flat_map(|(at, own)| own.points.iter().map(move |point| (at, *point)));
        // Marked points last: none of them is hidden by one that is not.
        for full in [false, true] {
            for (series, point) in points().filter(|(_, point)| plot.is_shown_fully(point) == full) {
                let (row, column) = place(point);
                grid.cells[row][column] =
                    (marker_of(series, full), if point.marked { Tone::Strong } else { Tone::Plain });
            }
        }
        for (_, point) in points().filter(|(_, point)| plot.is_shown_fully(point)) {
            grid.label(place(point), &point.label.words());
        }
        grid
    }

    /// Dots between two cells, where nothing else is.
    fn line(&mut self, from: (usize, usize), to: (usize, usize)) {
        let steps = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1));
        for step in 1..steps {
            let share = step as f64 / steps as f64;
            let between = |a: usize, b: usize| (a as f64 + share * (b as f64 - a as f64)).round() as usize;
            let cell = &mut self.cells[between(from.0, to.0)][between(from.1, to.1)];
            if cell.0 == ' ' {
                *cell = (LINE, Tone::Dim);
            }
        }
    }

    /// Words beside a point: right, left, above or below, wherever all cells are free. Words with characters that take
    /// no column or two are left out.
    fn label(&mut self, (row, column): (usize, usize), words: &str) {
        let length = words.chars().count();
        if length == 0 || columns_of(words) != length {
            return;
        }
        let middle = column.saturating_sub(length / 2);
        let right = Some((row, column + 1));
        let left = column.checked_sub(length).map(|start| (row, start));
        let above = row.checked_sub(1).map(|row| (row, middle));
        let below = Some((row + 1, middle));
        let is_free = |&(row, start): &(usize, usize)| {
            // A space on both sides keeps two labels, or a label and the point of another, apart.
            let around = start.saturating_sub(1)..(start + length + 1).min(self.columns);
            let own = |at: usize| at == column && (row, at) == (row, column);
            start + length <= self.columns
                && self
                    .cells
                    .get(row)
                    .is_some_and(|cells| around.clone().all(|at| own(at) || matches!(cells[at].0, ' ' | '│')))
                && self.cells[row][start..start + length].iter().all(|cell| cell.0 == ' ')
        };
        if let Some((row, start)) = [right, left, above, below].into_iter().flatten().find(is_free) {
            let cells = &mut self.cells[row][start..start + length];
            cells.iter_mut().zip(words.chars()).for_each(|(cell, c)| *cell = (c, Tone::Dim));
        }
    }

    fn rows(&self) -> impl Iterator<Item = Text> {
        self.cells.iter().map(|row| row.iter().map(|(c, tone)| Span::new(c.encode_utf8(&mut [0; 4]), *tone)).collect())
    }
}
