//! Charts as a reader sees them.

use joules::report::{Axis, Chart, Document, Point, Series, TextStyle, render};

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
