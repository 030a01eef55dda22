//! A chart of a page: an SVG whose places are shares of its size, so that it fits every width.

use std::fmt::Write as _;

use super::super::super::markup::escaped;
use super::super::super::{Chart, Column, Point, Table, Text};
use super::super::line::width as columns_of;
use super::super::scale::Plot;
use super::labels::{Place, Room, places};
use super::{caption, inline, percent, table};
use crate::unit::show;

/// Ticks of an axis at most.
const TICKS: (usize, usize) = (6, 7);
/// Colors of series in the style of the page.
const COLORS: usize = 6;
/// Signs of points: disk, square, triangle, diamond, triangle on its point, cross.
const SIGNS: [&str; 6] = [
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
    "M-3.6-3.6h7.2v7.2h-7.2Z",
    "M0-4.9L4.6 3.5H-4.6Z",
    "M0-5.2L5.2 0L0 5.2L-5.2 0Z",
    "M0 4.9L4.6-3.5H-4.6Z",
    "M-1.6-5h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4v-3.2h3.4Z",
];

/// The chart, its legend, and its points as a table for those who cannot point at them; nothing if no point has a place.
pub(super) fn chart(chart: &Chart) -> String {
    let Some(plot) = Plot::new(chart) else { return String::new() };
    let title = |class: &str, words: Text| {
        let words = inline(&words);
        if words.is_empty() { words } else { format!("<p class=\"{class}\">{words}</p>\n") }
    };
    format!(
        "<figure class=\"chart\">\n{}{}{}{}{}<details>\n<summary>Points as a table</summary>\n{}</details>\n</figure>\n",
        caption(&chart.label),
        title("y-title", plot.y.title()),
        drawing(chart, &plot),
        title("x-title", plot.x.title()),
        legend(&plot),
        table::table(&points(chart, &plot)),
    )
}

fn drawing(chart: &Chart, plot: &Plot<'_>) -> String {
    let ticks = plot.y.ticks(TICKS.1);
    let gutter = ticks.iter().map(|tick| columns_of(&tick.label)).max().unwrap_or(0);
    let count: usize = plot.series.iter().map(|drawn| drawn.points.len()).sum();
    let words =
        format!("{}: {} over {}, {count} points", chart.label.words(), chart.y.title.words(), chart.x.title.words());
    let mut text = format!(
        "<svg class=\"plot\" role=\"img\" aria-label=\"{}\" style=\"--gutter:{gutter}ch\">\n",
        escaped(words.trim_start_matches(": "))
    );
    for tick in ticks {
        let at = percent(1.0 - tick.share);
        let _ = writeln!(
            text,
            "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{at}\" y2=\"{at}\"/>\
             <text class=\"tick\" x=\"0\" y=\"{at}\" dx=\"-8\" dy=\"0.32em\" text-anchor=\"end\">{}</text>",
            escaped(&tick.label)
        );
    }
    for tick in plot.x.ticks(TICKS.0) {
        let at = percent(tick.share);
        let _ = writeln!(
            text,
            "<line class=\"grid\" x1=\"{at}\" x2=\"{at}\" y1=\"0\" y2=\"100%\"/>\
             <text class=\"tick\" x=\"{at}\" y=\"100%\" dy=\"1.5em\" text-anchor=\"middle\">{}</text>",
            escaped(&tick.label)
        );
    }
    text.push_str(
        "<line class=\"axis\" x1=\"0\" x2=\"100%\" y1=\"100%\" y2=\"100%\"/>\
         <line class=\"axis\" x1=\"0\" x2=\"0\" y1=\"0\" y2=\"100%\"/>\n",
    );
    curves(&mut text, plot);
    signs(&mut text, chart, plot);
    labels(&mut text, plot);
    text + "</svg>\n"
}

/// Intervals and lines, behind all points.
fn curves(text: &mut String, plot: &Plot<'_>) {
    for (at, drawn) in plot.series.iter().enumerate() {
        let _ = writeln!(text, "<g class=\"c{}\">", at % COLORS);
        for point in &drawn.points {
            if let Some((low, high)) = plot.interval(point) {
                let (x, y1, y2) = (percent(plot.x.share(point.x)), percent(1.0 - low), percent(1.0 - high));
                let _ = writeln!(text, "<line class=\"interval\" x1=\"{x}\" x2=\"{x}\" y1=\"{y1}\" y2=\"{y2}\"/>");
            }
        }
        for pair in drawn.points.windows(2).filter(|_| drawn.series.line) {
            let [(x1, y1), (x2, y2)] = [pair[0], pair[1]].map(|point| place(plot, point));
            let _ = writeln!(text, "<line class=\"curve\" x1=\"{x1}\" x2=\"{x2}\" y1=\"{y1}\" y2=\"{y2}\"/>");
        }
        text.push_str("</g>\n");
    }
}

/// The points, each told wholly where one points at it.
fn signs(text: &mut String, chart: &Chart, plot: &Plot<'_>) {
    for (at, drawn) in plot.series.iter().enumerate() {
        let _ = writeln!(text, "<g class=\"c{}\">", at % COLORS);
        for point in &drawn.points {
            let (x, y) = place(plot, point);
            let class = if plot.is_shown_fully(point) { "full" } else { "hollow" };
            let _ = writeln!(
                text,
                "<svg x=\"{x}\" y=\"{y}\" overflow=\"visible\"><title>{}</title><path class=\"{class}\" d=\"{}\"/></svg>",
                escaped(&told(chart, &drawn.series.name, point)),
                sign(at)
            );
        }
        text.push_str("</g>\n");
    }
}

/// The sign of a series: with its color, no two of the first 36 are alike.
fn sign(series: usize) -> &'static str {
    SIGNS[(series + series / COLORS) % SIGNS.len()]
}

fn place(plot: &Plot<'_>, point: &Point) -> (String, String) {
    (percent(plot.x.share(point.x)), percent(1.0 - plot.y.share(point.y)))
}

/// Series, label and values of a point.
fn told(chart: &Chart, series: &Text, point: &Point) -> String {
    let names: Vec<String> =
        [series.words(), point.label.words()].into_iter().filter(|name| !name.is_empty()).collect();
    let interval = interval(chart, point).map_or_else(String::new, |interval| format!(" [{interval}]"));
    let values = format!("{}, {}{interval}", show(point.x, &chart.x.unit), show(point.y, &chart.y.unit));
    if names.is_empty() { values } else { format!("{}: {values}", names.join(", ")) }
}

fn interval(chart: &Chart, point: &Point) -> Option<String> {
    let (low, high) = point.interval.filter(|(low, high)| low <= high)?;
    Some(format!("{} to {}", show(low, &chart.y.unit), show(high, &chart.y.unit)))
}

/// Labels where there is room; those for which only a wide page has room are hidden on others.
fn labels(text: &mut String, plot: &Plot<'_>) {
    let points: Vec<&Point> = plot.series.iter().flat_map(|drawn| drawn.points.iter().copied()).collect();
    let room = |point: &&Point| Room {
        x: plot.x.share(point.x),
        y: 1.0 - plot.y.share(point.y),
        letters: if plot.is_shown_fully(point) { columns_of(&point.label.words()) } else { 0 },
    };
    let rooms: Vec<Room> = points.iter().map(room).collect();
    for (point, found) in points.iter().zip(places(&rooms)) {
        let Some((place_of_label, needs_width)) = found else { continue };
        let (dx, dy, anchor) = match place_of_label {
            Place::Right => ("8", "0.32em", "start"),
            Place::Left => ("-8", "0.32em", "end"),
            Place::Above => ("0", "-9", "middle"),
            Place::Below => ("0", "1.4em", "middle"),
        };
        let (x, y) = place(plot, point);
        let class = if needs_width { "label wide" } else { "label" };
        let _ = writeln!(
            text,
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" dx=\"{dx}\" dy=\"{dy}\" text-anchor=\"{anchor}\">{}</text>",
            escaped(&point.label.words())
        );
    }
}

/// The sign of every series with its name.
fn legend(plot: &Plot<'_>) -> String {
    if !plot.has_legend() {
        return String::new();
    }
    let entry = |(at, drawn): (usize, &super::super::scale::Drawn<'_>)| {
        let is_full = drawn.points.iter().any(|point| plot.is_shown_fully(point));
        let class = if is_full { "full" } else { "hollow" };
        format!(
            "<li class=\"c{}\"><svg class=\"sign\" viewBox=\"-7 -7 14 14\" aria-hidden=\"true\"><path class=\"{class}\" \
             d=\"{}\"/></svg>{}</li>\n",
            at % COLORS,
            sign(at),
            inline(&drawn.series.name)
        )
    };
    let entries: String = plot.series.iter().enumerate().map(entry).collect();
    format!("<ul class=\"legend\">\n{entries}</ul>\n")
}

/// What one would read on pointing at each point.
fn points(chart: &Chart, plot: &Plot<'_>) -> Table {
    let named = |axis: &Text, other: &str| if axis.is_empty() { Text::from(other) } else { axis.clone() };
    let mut table = Table::new([
        Column::left("series"),
        Column::left("point"),
        Column::right(named(&chart.x.title, "x")),
        Column::right(named(&chart.y.title, "y")),
        Column::right("interval"),
    ]);
    for drawn in &plot.series {
        for point in &drawn.points {
            let value = |value: f64, unit: &str| Text::new().plain(show(value, unit));
            table.row([
                drawn.series.name.clone(),
                point.label.clone(),
                value(point.x, &chart.x.unit),
                value(point.y, &chart.y.unit),
                Text::new().plain(interval(chart, point).unwrap_or_default()),
            ]);
        }
    }
    table
}
