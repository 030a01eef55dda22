//! Values over time.

/// Values over time: moments in seconds since the measurement began, rising, each with a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    points: Vec<(f64, f64)>,
}

impl Series {
    /// No values yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value. One that is not later than the last, or is no number, is left out.
    pub fn push(&mut self, at: f64, value: f64) {
        let later = self.points.last().is_none_or(|&(last, _)| at > last);
        if later && value.is_finite() {
            self.points.push((at, value));
        }
    }

    /// All `(moment, value)`, in order.
    pub fn points(&self) -> &[(f64, f64)] {
        &self.points
    }

    /// Those with `from <= moment <= to`.
    pub fn between(&self, from: f64, to: f64) -> &[(f64, f64)] {
        let first = self.points.partition_point(|&(at, _)| at < from);
        let last = self.points.partition_point(|&(at, _)| at <= to);
        &self.points[first..last.max(first)]
    }

    /// The value at a moment, linear between neighbours; none outside the recorded span.
    pub fn at(&self, moment: f64) -> Option<f64> {
        let after = self.points.partition_point(|&(at, _)| at < moment);
        let &(right, above) = self.points.get(after)?;
        if right == moment {
            return Some(above);
        }
        let &(left, below) = self.points.get(after.checked_sub(1)?)?;
        Some(below + (above - below) * (moment - left) / (right - left))
    }

    /// The mean over time of a gauge between two moments, linear between its values, held constant beyond the first and
    /// the last; none without any value.
    pub fn mean(&self, from: f64, to: f64) -> Option<f64> {
        if to <= from {
            return None;
        }
        let held = |moment: f64| {
            self.at(moment).or_else(|| {
                let end = if self.points.first()?.0 > moment { self.points.first() } else { self.points.last() };
                end.map(|&(_, value)| value)
            })
        };
        let mut area = 0.0;
        let mut before = (from, held(from)?);
        let inside = self.between(from, to).iter().copied();
        for point in inside.chain([(to, held(to)?)]) {
            area += f64::midpoint(before.1, point.1) * (point.0 - before.0);
            before = point;
        }
        Some(area / (to - from))
    }
}

impl FromIterator<(f64, f64)> for Series {
    fn from_iter<I: IntoIterator<Item = (f64, f64)>>(points: I) -> Self {
        let mut series = Self::new();
        for (at, value) in points {
            series.push(at, value);
        }
        series
    }
}

#[cfg(test)]
mod tests {
    use super::Series;

    #[test]
    fn a_series_is_read_between_its_points() {
        let ramp: Series = [(0.0, 0.0), (2.0, 4.0), (1.0, 9.0), (4.0, 4.0)].into_iter().collect();
        assert_eq!(ramp.points().len(), 3);
        assert_eq!(ramp.at(1.0), Some(2.0));
        assert_eq!(ramp.at(5.0), None);
        assert_eq!(ramp.between(0.5, 4.0).len(), 2);
        assert_eq!(ramp.mean(0.0, 4.0), Some(3.0));
        assert_eq!(ramp.mean(4.0, 8.0), Some(4.0));
        assert_eq!(Series::new().mean(0.0, 1.0), None);
    }
}
