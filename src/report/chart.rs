//! Points and curves over two axes, such as the time-energy curve of a frontier.

use super::Text;

/// Points and curves over two axes.
///
/// Values are SI; the renderers write the ticks with fitting units. A point that is not finite, or not positive on a
/// logarithmic axis, is left out; a chart without points draws nothing.
///
/// ```
/// # use joules::report::{Axis, Chart, Document, Point, Series};
/// let mut chart =
///     Chart::new("Energy over latency", Axis::log("time between tokens", "s"), Axis::linear("energy per token", "J"));
/// let points = [(64.0, 0.020, 0.31), (256.0, 0.050, 0.15)];
/// let points = points.map(|(batch, x, y): (f64, f64, f64)| Point::new(x, y).labeled(batch.to_string()));
/// chart.series(Series::curve("B200", points));
/// Document::new("Frontier").chart(chart);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What the chart shows; empty for none.
    pub label: Text,
    /// From left to right.
    pub x: Axis,
    /// From bottom to top.
    pub y: Axis,
    /// In the order of the legend; later ones are drawn above earlier ones.
    pub series: Vec<Series>,
}

/// What an axis measures.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Axis {
    /// The quantity, such as `time between tokens`.
    pub title: Text,
    /// SI unit of the values; empty or `1` for counts.
    pub unit: String,
    /// Equal distances are equal factors.
    pub logarithmic: bool,
}

/// Points that belong together.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Series {
    /// What the legend says.
    pub name: Text,
    /// In the order in which a line joins them.
    pub points: Vec<Point>,
    /// Whether a line joins them.
    pub line: bool,
}

/// One point.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Point {
    /// On the horizontal axis.
    pub x: f64,
    /// On the vertical axis.
    pub y: f64,
    /// What it is, such as its batch size; may be empty.
    pub label: Text,
    /// Interval of `y`.
    pub interval: Option<(f64, f64)>,
    /// Whether the eye must find it: on the frontier, or the reference.
    pub marked: bool,
}

impl Chart {
    /// A chart without points.
    pub fn new(label: impl Into<Text>, x: Axis, y: Axis) -> Self {
        Self { label: label.into(), x, y, series: Vec::new() }
    }

    /// Adds points that belong together.
    pub fn series(&mut self, series: Series) -> &mut Self {
        self.series.push(series);
        self
    }
}

impl Axis {
    /// Equal distances are equal differences.
    pub fn linear(title: impl Into<Text>, unit: impl Into<String>) -> Self {
        Self { title: title.into(), unit: unit.into(), logarithmic: false }
    }

    /// Equal distances are equal factors.
    pub fn log(title: impl Into<Text>, unit: impl Into<String>) -> Self {
        Self { title: title.into(), unit: unit.into(), logarithmic: true }
    }
}

impl Series {
    /// Points joined by a line, in this order.
    pub fn curve(name: impl Into<Text>, points: impl IntoIterator<Item = Point>) -> Self {
        Self { name: name.into(), points: points.into_iter().collect(), line: true }
    }

    /// Points that stand alone.
    pub fn scatter(name: impl Into<Text>, points: impl IntoIterator<Item = Point>) -> Self {
        Self { name: name.into(), points: points.into_iter().collect(), line: false }
    }
}

impl Point {
    /// A point without label and interval, not marked.
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y, ..Self::default() }
    }

    /// The same point with the words beside it.
    #[must_use]
    pub fn labeled(self, label: impl Into<Text>) -> Self {
        Self { label: label.into(), ..self }
    }

    /// The same point with the interval of its `y`.
    #[must_use]
    pub fn within(self, low: f64, high: f64) -> Self {
        Self { interval: Some((low, high)), ..self }
    }

    /// The same point, for the eye to find.
    #[must_use]
    pub fn marked(self) -> Self {
        Self { marked: true, ..self }
    }
}
