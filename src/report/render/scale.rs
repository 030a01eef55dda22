//! Axes of charts: which values they span, where a value stands, where ticks are.

use super::super::{Axis, Chart, Point, Series, Text};
use crate::unit::show_tick;

/// Quantities are far below this; differences of what is drawn stay finite.
const LARGEST: f64 = 1e150;
/// Room beyond the outermost values, as a share of their distance.
const ROOM: f64 = 0.04;
/// A linear axis of positive values starts at zero if the smallest is below this share of the largest.
const NEAR_ZERO: f64 = 0.4;
/// Values closer than this share of their size are drawn as one.
const SAME: f64 = 1e-9;
/// Letters of a unit that stands at every tick; longer ones, such as `tokens`, stand at the axis once.
const SHORT_UNIT: usize = 4;

/// What a chart draws: its points that have a place, and its scales.
pub(super) struct Plot<'a> {
    /// From left to right.
    pub(super) x: Scale<'a>,
    /// From bottom to top.
    pub(super) y: Scale<'a>,
    /// The series that have points, in the order of the chart.
    pub(super) series: Vec<Drawn<'a>>,
}

/// A series and its points that have a place.
pub(super) struct Drawn<'a> {
    /// Name and kind.
    pub(super) series: &'a Series,
    /// In the order of its line.
    pub(super) points: Vec<&'a Point>,
}

/// Where the values of an axis stand.
pub(super) struct Scale<'a> {
    axis: &'a Axis,
    /// Both ends, in logs on a logarithmic axis.
    ends: [f64; 2],
}

/// A mark on an axis.
pub(super) struct Tick {
    /// Where it stands: 0 at the start of the axis, 1 at its end.
    pub(super) share: f64,
    /// Its value with its unit.
    pub(super) label: String,
}

impl<'a> Plot<'a> {
    /// What is to be drawn; `None` if no point has a place.
    pub(super) fn new(chart: &'a Chart) -> Option<Self> {
        let has_place = |point: &&Point| has_place(&chart.x, point.x) && has_place(&chart.y, point.y);
        let drawn = |series: &'a Series| Drawn { series, points: series.points.iter().filter(has_place).collect() };
        let series: Vec<Drawn<'a>> = chart.series.iter().map(drawn).filter(|own| !own.points.is_empty()).collect();
        let all = || series.iter().flat_map(|own| own.points.iter().copied());
        let x = Scale::new(&chart.x, all().map(|point| point.x), std::iter::empty())?;
        let intervals = all().filter_map(|point| point.interval).flat_map(|(low, high)| [low, high]);
        let y = Scale::new(&chart.y, all().map(|point| point.y), intervals)?;
        Some(Self { x, y, series })
    }

    /// Whether some points are to be found by the eye, and others are not.
    pub(super) fn has_marks(&self) -> bool {
        self.series.iter().flat_map(|own| &own.points).any(|point| point.marked)
    }

    /// Whether a point is drawn full and with its label: it is marked, or none is.
    pub(super) fn is_shown_fully(&self, point: &Point) -> bool {
        point.marked || !self.has_marks()
    }

    /// Whether the series have to be told apart.
    pub(super) fn has_legend(&self) -> bool {
        self.series.iter().any(|own| !own.series.name.is_empty())
    }

    /// The interval of a point as shares of the axis from its lower to its upper end, cut where the axis ends.
    pub(super) fn interval(&self, point: &Point) -> Option<(f64, f64)> {
        let (low, high) = point.interval?;
        let is_shown = low <= high && !(low == high && low == point.y);
        is_shown.then(|| (self.y.share_within(low), self.y.share_within(high)))
    }
}

/// Whether an axis has a place for a value.
fn has_place(axis: &Axis, value: f64) -> bool {
    value.abs() < LARGEST && (value > 1.0 / LARGEST || !axis.logarithmic)
}

impl<'a> Scale<'a> {
    /// A scale for these values. It is stretched for the ends of intervals, but not beyond twice its length to each side.
    fn new(axis: &'a Axis, values: impl Iterator<Item = f64>, ends: impl Iterator<Item = f64>) -> Option<Self> {
        let onto = |value: f64| if axis.logarithmic { value.ln() } else { value };
        let range = |values: &mut dyn Iterator<Item = f64>| {
            values.fold(None, |range: Option<[f64; 2]>, value| match range {
                None => Some([value, value]),
                Some([low, high]) => Some([low.min(value), high.max(value)]),
            })
        };
        let [mut low, mut high] = range(&mut values.map(onto))?;
        if let Some([lowest, highest]) = range(&mut ends.filter(|end| has_place(axis, *end)).map(onto)) {
            let stretch = if low < high { high - low } else { f64::MAX };
            (low, high) = (low.min(lowest.max(low - stretch)), high.max(highest.min(high + stretch)));
        }
        let size = low.abs().max(high.abs());
        // Logs of one value around 1 are near zero, and still one value.
        let same = SAME * if axis.logarithmic { size.max(1.0) } else { size };
        if high - low <= same || size < 1.0 / LARGEST {
            // One value stands in the middle.
            let around = if axis.logarithmic { std::f64::consts::LN_2 } else { size / 2.0 };
            let around = if around < 1.0 / LARGEST { 1.0 } else { around };
            return Some(Self { axis, ends: [low - around, high + around] });
        }
        let room = ROOM * (high - low);
        let starts_at_zero = !axis.logarithmic && low >= 0.0 && low < NEAR_ZERO * high;
        let start = if starts_at_zero { 0.0 } else { low - room };
        Some(Self { axis, ends: [start, high + room] })
    }

    /// A scale from end to end; in logs on a logarithmic axis.
    pub(super) fn between(axis: &'a Axis, low: f64, high: f64) -> Self {
        Self { axis, ends: [low, high] }
    }

    /// Where a value stands: 0 at the start of the axis, 1 at its end, beyond for what it does not span.
    pub(super) fn share(&self, value: f64) -> f64 {
        let place = if self.axis.logarithmic { value.ln() } else { value };
        (place - self.ends[0]) / (self.ends[1] - self.ends[0])
    }

    /// The same, cut at both ends; what has no place on a logarithmic axis stands at its start.
    fn share_within(&self, value: f64) -> f64 {
        let share = self.share(value);
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    /// At most `most` ticks at round values, from the start to the end.
    pub(super) fn ticks(&self, most: usize) -> Vec<Tick> {
        let most = most.max(1);
        if self.axis.logarithmic {
            let decades = self.decades(most);
            if decades.len() >= most.min(3) {
                return decades;
            }
        }
        self.multiples(most)
    }

    /// Both ends as values.
    fn values(&self) -> [f64; 2] {
        if self.axis.logarithmic { self.ends.map(f64::exp) } else { self.ends }
    }

    /// Ticks at the multiples of 1, 2 or 5 times a power of ten, the smallest such step with at most `most`.
    fn multiples(&self, most: usize) -> Vec<Tick> {
        let [low, high] = self.values();
        let like = low.abs().max(high.abs());
        if high - low <= SAME * like {
            // No step is small enough; only `between` can ask for this.
            return Vec::new();
        }
        let mut power = ((high - low) / most as f64).log10().floor();
        loop {
            for digit in [1.0, 2.0, 5.0] {
                let step = digit * 10_f64.powf(power);
                let (first, last) = ((low / step).ceil(), (high / step).floor());
                if last - first < most as f64 {
                    let count = (last - first + 1.0).max(0.0) as usize;
                    return (0..count).map(|at| self.tick((first + at as f64) * step, step, like)).collect();
                }
            }
            power += 1.0;
        }
    }

    /// Ticks at 1, 2 and 5 times the powers of ten, or at the powers, or at every second, third … of them: the finest with at
    /// most `most`.
    fn decades(&self, most: usize) -> Vec<Tick> {
        let [low, high] = self.ends.map(|end| end / std::f64::consts::LN_10);
        let powers = |every: i32| (low.floor() as i32..=high.ceil() as i32).filter(move |power| power % every == 0);
        let within = |digits: &'static [f64], every: i32| -> Vec<Tick> {
            let values =
                powers(every).flat_map(|power| digits.iter().map(move |digit| (digit * 10_f64.powi(power), power)));
            let ticks = values.map(|(value, power)| self.tick(value, 10_f64.powi(power), value));
            ticks.filter(|tick| (0.0..=1.0).contains(&tick.share)).collect()
        };
        let fine = within(&[1.0, 2.0, 5.0], 1);
        if fine.len() <= most {
            return fine;
        }
        let coarser = |every: &i32| within(&[1.0], *every).len() <= most;
        let every = (1..).find(coarser).unwrap_or(i32::MAX);
        within(&[1.0], every)
    }

    fn tick(&self, value: f64, step: f64, like: f64) -> Tick {
        let unit = if self.is_unit_short() { self.axis.unit.as_str() } else { "" };
        Tick { share: self.share(value), label: show_tick(value, step, like, unit) }
    }

    fn is_unit_short(&self) -> bool {
        self.axis.unit.chars().count() <= SHORT_UNIT || self.axis.unit.starts_with("FLOP")
    }

    /// What the axis measures, with the unit where the ticks do not show it.
    pub(super) fn title(&self) -> Text {
        let title = self.axis.title.clone();
        if self.is_unit_short() {
            return title;
        }
        let gap = if title.is_empty() { "" } else { ", " };
        title.plain(gap).plain(&self.axis.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis, values: &[f64], most: usize) -> Vec<String> {
        let scale = Scale::new(axis, values.iter().copied(), std::iter::empty()).unwrap();
        scale.ticks(most).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_are_round_and_few() {
        let linear = |unit: &str| Axis::linear("", unit);
        assert_eq!(labels(&linear("s"), &[0.01, 0.05], 4), ["0 ms", "20 ms", "40 ms"]);
        assert_eq!(labels(&linear("J"), &[1.0, 1.9], 6), ["1.0 J", "1.2 J", "1.4 J", "1.6 J", "1.8 J"]);
        assert_eq!(labels(&linear("tokens"), &[64.0, 1024.0], 3), ["0", "500", "1000"]);
        assert_eq!(labels(&linear("W"), &[0.0], 3), ["-1 W", "0 W", "1 W"]);
        let log = Axis::log("", "s");
        assert_eq!(labels(&log, &[1e-3, 10.0], 6), ["1 ms", "10 ms", "100 ms", "1 s", "10 s"]);
        assert_eq!(labels(&log, &[0.011, 0.12], 4), ["10 ms", "20 ms", "50 ms", "100 ms"]);
        assert_eq!(labels(&log, &[0.011, 0.014], 4), ["11 ms", "12 ms", "13 ms", "14 ms"]);
        assert_eq!(labels(&Axis::log("", ""), &[1e-9, 1e9], 5).len(), 4);
    }

    #[test]
    fn ticks_end_for_every_range() {
        let extremes = [-1e149, -1.0, -1e-300, 0.0, 5e-324, 1e-140, 1.0, 1.0 + 1e-12, 1e15, 1e15 + 2.0, 1e149];
        for low in extremes {
            for high in extremes {
                for axis in [Axis::linear("", "s"), Axis::log("", "J")] {
                    let chosen = [low, high].into_iter().filter(|value| has_place(&axis, *value));
                    if let Some(scale) = Scale::new(&axis, chosen, std::iter::empty()) {
                        assert!(scale.ticks(5).len() <= 5, "{low} {high} {axis:?}");
                        assert!(scale.ticks(5).iter().all(|tick| tick.share.is_finite()));
                    }
                }
            }
        }
    }
}
