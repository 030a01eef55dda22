//! A diverging bar chart in characters.

use super::super::{Align, Bar, Bars, Span, Text, Tone};
use super::line::{text_width, wrap};
use super::table::{fields, side_by_side};
use crate::unit::show_plain;

/// Spaces between name, chart and words.
const GAP: usize = 2;
/// Columns of the chart: fewer show nothing, more add nothing.
const CHART: (usize, usize) = (12, 44);
/// How far whiskers may stretch the scale beyond the longest bar; longer ones are cut and lose their end mark.
const STRETCH: f64 = 1.5;
/// The line of factor 1.
const AXIS: char = '│';

/// The lines of a chart of at most `width` columns; where there is no room for bars, names and words only.
pub(super) fn bars(bars: &Bars, width: usize) -> Vec<Text> {
    let mut lines = if bars.label.is_empty() { Vec::new() } else { wrap(&bars.label.with_tone(Tone::Strong), width) };
    let longest = |pick: fn(&Bar) -> &Text| bars.rows.iter().map(|bar| text_width(pick(bar))).max().unwrap_or(0);
    let names = longest(|bar| &bar.label).min(width * 2 / 5);
    let words = longest(|bar| &bar.text).min(width / 3);
    let chart = width.saturating_sub(names + words + 2 * GAP).min(CHART.1);
    if chart < CHART.0 {
        let pairs: Vec<(Text, Text)> = bars.rows.iter().map(|bar| (bar.label.clone(), bar.text.clone())).collect();
        lines.extend(fields(&pairs, width));
        return lines;
    }
    let scale = Scale::new(&bars.rows, chart);
    for bar in &bars.rows {
        let (name, text) = (wrap(&bar.label, names), wrap(&bar.text, words));
        let mut drawing = vec![scale.draw(bar)];
        drawing.resize(name.len().max(text.len()), scale.axis());
        lines.extend(side_by_side(&[name, drawing, text], &[names, chart, words], &[Align::Left; 3], GAP));
    }
    if !bars.rows.is_empty() {
        lines.push(Text::new().plain(" ".repeat(names + GAP)).dim(scale.ticks()));
    }
    lines
}

/// Where a log factor stands in a chart: `left` columns, the axis, `right` columns.
struct Scale {
    left: usize,
    right: usize,
    /// Log factor of one column; infinite if there is nothing to show.
    unit: f64,
}

impl Scale {
    /// A scale for these bars in `chart` columns, with as much room on each side as is used there.
    fn new(rows: &[Bar], chart: usize) -> Self {
        let (low, high) = reach(rows);
        let cells = chart - 1;
        let span = high - low;
        if !(span > 0.0 && span.is_finite()) {
            return Self { left: 0, right: cells, unit: f64::INFINITY };
        }
        let share = (-low / span * cells as f64).round() as usize;
        let left = share.clamp(usize::from(low < 0.0), cells - usize::from(high > 0.0));
        let right = cells - left;
        let unit = |end: f64, cells: usize| if cells == 0 { 0.0 } else { end / cells as f64 };
        Self { left, right, unit: unit(-low, left).max(unit(high, right)) }
    }

    /// The signed distance of a log factor from the axis in half columns.
    fn halves(&self, log_factor: f64) -> i64 {
        let furthest = [-2.0 * self.left as f64, 2.0 * self.right as f64];
        (2.0 * log_factor / self.unit).clamp(furthest[0], furthest[1]).round() as i64
    }

    /// The column in which a distance ends.
    fn column(&self, halves: i64) -> usize {
        let columns = halves.unsigned_abs().div_ceil(2) as usize;
        if halves < 0 { self.left - columns } else { self.left + columns }
    }

    /// The row of a chart with nothing but the axis.
    fn axis(&self) -> Text {
        toned(&self.blank())
    }

    fn blank(&self) -> Vec<char> {
        let mut cells = vec![' '; self.left + 1 + self.right];
        cells[self.left] = AXIS;
        cells
    }

    /// The row of a bar: its whisker behind, its block in front, the axis between.
    fn draw(&self, bar: &Bar) -> Text {
        let mut cells = self.blank();
        let reach = [-(self.left as f64), self.right as f64].map(|columns| columns * self.unit * (1.0 + 1e-9));
        let (low, high) = whisker(bar);
        let (from, to) = (self.column(self.halves(low)), self.column(self.halves(high)));
        if from < to {
            cells[from.min(self.left)..=to.max(self.left)].fill('─');
            cells[from] = if low < reach[0] { '─' } else { '├' };
            cells[to] = if high > reach[1] { '─' } else { '┤' };
            cells[self.left] = if from < self.left && to > self.left { '┼' } else { AXIS };
        }
        let halves = self.halves(length(bar));
        let end = self.column(halves);
        let (first, last) = if halves < 0 { (end, self.left) } else { (self.left + 1, end + 1) };
        if halves != 0 {
            cells[first..last].fill('█');
            if halves % 2 != 0 {
                cells[end] = if halves < 0 { '▐' } else { '▌' };
            }
        }
        toned(&cells)
    }

    /// The factors at the ends and at the axis, where they do not collide.
    fn ticks(&self) -> String {
        let total = self.left + 1 + self.right;
        let label = |log_factor: f64| {
            let factor = show_plain(log_factor.exp());
            let is_fraction = factor.contains('.') && !factor.contains('e');
            format!("×{}", if is_fraction { factor.trim_end_matches('0') } else { &factor })
        };
        let mut row = vec![' '; total];
        let axis = "×1".chars().collect::<Vec<_>>();
        let at = self.left.min(total - axis.len());
        row[at..at + axis.len()].copy_from_slice(&axis);
        let low: Vec<char> = label(-(self.left as f64) * self.unit).chars().collect();
        if self.left > low.len() {
            row[..low.len()].copy_from_slice(&low);
        }
        let high: Vec<char> = label(self.right as f64 * self.unit).chars().collect();
        if self.right > high.len() + axis.len() && self.unit.is_finite() {
            row[total - high.len()..].copy_from_slice(&high);
        }
        row.into_iter().collect()
    }
}

/// Blocks are plain, what surrounds them is dim.
fn toned(cells: &[char]) -> Text {
    let tone = |c: char| if matches!(c, '█' | '▌' | '▐') { Tone::Plain } else { Tone::Dim };
    cells.iter().map(|c| Span::new(c.encode_utf8(&mut [0; 4]), tone(*c))).collect()
}

/// The log factors between which bars and whiskers are drawn; 0 is within.
pub(super) fn reach(rows: &[Bar]) -> (f64, f64) {
    let longest = rows.iter().map(|bar| length(bar).abs()).fold(0.0, f64::max);
    let limit = if longest > 0.0 { STRETCH * longest } else { f64::MAX };
    let ends = |bar: &Bar| {
        let (low, high) = whisker(bar);
        [length(bar), low.max(-limit), high.min(limit)]
    };
    rows.iter().flat_map(ends).fold((0.0, 0.0), |(low, high), end| (f64::min(low, end), f64::max(high, end)))
}

/// The log factor, or 0 if it is not a number.
pub(super) fn length(bar: &Bar) -> f64 {
    if bar.log_factor.is_finite() { bar.log_factor } else { 0.0 }
}

/// The interval, or the bar's own end twice if there is none.
pub(super) fn whisker(bar: &Bar) -> (f64, f64) {
    match bar.interval {
        Some((low, high)) if low <= high => (low, high),
        _ => (length(bar), length(bar)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(chart: &Bars, width: usize) -> Vec<String> {
        bars(chart, width).iter().map(|line| line.words().trim_end().to_owned()).collect()
    }

    #[test]
    fn bars_lean_to_the_side_of_their_effect() {
        let mut chart = Bars::default();
        chart.bar("a", 2.0_f64.ln(), "×2").bar("b", 0.5_f64.ln(), "×0.5");
        let expected = ["a        │██████  ×2", "b  ██████│        ×0.5", "   ×0.5  ×1   ×2"];
        assert_eq!(drawn(&chart, 22), expected);
    }

    #[test]
    fn an_interval_shows_whether_the_sign_is_sure() {
        let mut chart = Bars::default();
        chart.bar_with_interval("a", 1.0, (0.5, 1.5), "").bar_with_interval("b", 0.25, (-0.5, 1.0), "");
        assert_eq!(drawn(&chart, 17)[..2], ["a     │█████▌─┤", "b  ├──┼█▌───┤"]);
    }

    #[test]
    fn bars_without_length_or_number_are_only_an_axis() {
        let mut chart = Bars::new("label");
        chart.bar("a", 0.0, "×1").bar("b", f64::NAN, "?").bar_with_interval("c", 0.0, (f64::NAN, 1.0), "x");
        let lines = drawn(&chart, 30);
        assert_eq!(lines[0], "label");
        assert!(lines[1..4].iter().all(|line| line.contains('│') && !line.contains('█')), "{lines:?}");
        assert!(bars(&Bars::default(), 30).is_empty());
    }
}
