//! Charts as a reader sees them.

use joules::report::{Axis, Chart, Document, Point, Series, Text, TextStyle, render};
use unicode_width::UnicodeWidthStr as _;

/// The time-energy curves of two kinds of GPU; what no other point beats in both is marked.
fn frontier() -> Chart {
    let mut chart = Chart::new(
        "Energy per token over latency, points are batch sizes",
        Axis::log("median time between tokens", "s"),
        Axis::linear("energy per token", "J"),
    );
    let curve = |points: &[(u32, f64, f64, bool)]| -> Vec<Point> {
        let point = |&(batch, x, y, marked): &(u32, f64, f64, bool)| Point {
            marked,
            ..Point::new(x, y).labeled(batch.to_string()).within(0.92 * y, 1.09 * y)
        };
        points.iter().map(point).collect()
    };
    let b200 =
        [(8, 0.0091, 1.31, true), (32, 0.0124, 0.52, true), (128, 0.0248, 0.21, true), (512, 0.0661, 0.124, true)];
    let h100 =
        [(8, 0.0152, 1.22, false), (32, 0.0188, 0.55, false), (128, 0.0391, 0.27, false), (256, 0.071, 0.22, false)];
    chart.series(Series::curve("1 × B200", curve(&b200))).series(Series::curve("1 × H100", curve(&h100)));
    chart
}

fn shown(chart: Chart, style: &TextStyle) -> String {
    let mut document = Document::default();
    document.chart(chart);
    render::text(&document, style)
}

fn style(width: usize) -> TextStyle {
    TextStyle { width, ..TextStyle::default() }
}

#[test]
fn a_chart_at_eighty_columns() {
    insta::assert_snapshot!(shown(frontier(), &style(80)));
}

#[test]
fn a_chart_at_forty_columns_in_ascii() {
    let text = shown(frontier(), &TextStyle { unicode: false, ..style(40) });
    assert!(text.is_ascii());
    insta::assert_snapshot!(text);
}

/// A chart of these points on axes of this kind.
fn chart_of(points: &[(f64, f64)], logarithmic: bool) -> Chart {
    let axis = |title: &str, unit: &str| Axis { logarithmic, ..Axis::linear(title, unit) };
    let mut chart = Chart::new("", axis("x", "s"), axis("y", "J"));
    chart.series(Series::scatter("", points.iter().map(|&(x, y)| Point::new(x, y))));
    chart
}

fn empty_everywhere(chart: &Chart) -> bool {
    let mut document = Document::default();
    document.chart(chart.clone());
    let text = render::text(&document, &style(80)) + &render::markdown(&document);
    text.is_empty() && !render::html(&document).contains("<svg")
}

#[test]
fn a_chart_without_points_draws_nothing() {
    assert!(empty_everywhere(&Chart::new("label", Axis::default(), Axis::default())));
    assert!(empty_everywhere(&chart_of(&[], false)));
    assert!(empty_everywhere(&chart_of(&[(f64::NAN, 1.0), (1.0, f64::INFINITY), (f64::NEG_INFINITY, 1.0)], false)));
    assert!(empty_everywhere(&chart_of(&[(0.0, 1.0), (1.0, -1.0)], true)), "a log axis has no place for these");
    assert!(!empty_everywhere(&chart_of(&[(0.0, 1.0)], false)));
}

#[test]
fn one_point_stands_in_the_middle() {
    insta::assert_snapshot!(shown(chart_of(&[(0.02, 0.15), (f64::NAN, 9.0)], false), &style(40)));
}

#[test]
fn logarithmic_axes_have_ticks_at_powers() {
    insta::assert_snapshot!(shown(chart_of(&[(1e-4, 1e-2), (1e-2, 1.0), (1.0, 100.0)], true), &style(60)));
}

#[test]
fn series_beyond_the_signs_are_letters_and_names_from_outside_stay_within_the_width() {
    let mut chart = Chart::new("模型 label", Axis::linear("output length", "tokens"), Axis::linear("", ""));
    for at in 0..8 {
        let at = f64::from(at);
        let label = ["a", "模型", "x\u{1b}[31m", "a very long label that has no room at all"][at as usize % 4];
        let name = Text::new().plain(format!("series {at} of a name that is rather long"));
        chart.series(Series::scatter(name, [Point::new(100.0 * at, at * at).labeled(Text::new().plain(label))]));
    }
    let text = shown(chart, &style(30));
    assert!(text.lines().all(|line| line.width() <= 30), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn markdown_has_the_same_chart_in_a_fence() {
    let mut document = Document::default();
    document.chart(frontier());
    let page = render::markdown(&document);
    let text = render::text(&document, &style(76));
    assert_eq!(page, format!("```text\n{text}```\n"));
}
