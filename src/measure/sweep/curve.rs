//! A knob whose values are chosen one after the other, where the curve of energy and throughput over it bends most.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeValue;

use super::points::one_value;
use super::refine::{Gap, gaps};
use super::spec::{Point, Spec};
use super::tables::{Reader, Said, share};
use super::template::Values;
use crate::runs::{Run, Value};
use crate::stats::mean;

/// Values that a curve begins with, unless the file says otherwise.
const FIRST: usize = 4;
/// More values than anybody measures one after the other.
const MOST: usize = 1000;

/// `{ from = 8, to = 1024, points = 10, tolerance = "2 %" }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Adaptive {
    /// The knob.
    pub knob: String,
    /// Its least value, above 0.
    pub from: f64,
    /// Its largest value.
    pub to: f64,
    /// How many values are measured first, spaced evenly in the logarithm.
    pub first: usize,
    /// The most values in all.
    pub points: usize,
    /// No value is added where interpolation in the logarithms is surely better than this share.
    pub tolerance: Option<f64>,
}

impl Adaptive {
    /// Whether its values are whole numbers: its ends are.
    pub(super) fn is_whole(&self) -> bool {
        self.from.fract() == 0.0 && self.to.fract() == 0.0
    }

    /// The values that are measured first.
    pub(super) fn first_values(&self) -> Vec<Value> {
        let last = (self.first - 1).max(1) as f64;
        let at = |step: usize| self.from * (self.to / self.from).powf(step as f64 / last);
        let mut values: Vec<f64> = (0..self.first).map(|step| self.rounded(at(step))).collect();
        values.dedup();
        values.into_iter().map(Value::Number).collect()
    }

    /// A value as a person would write it: whole, or of three digits; inside the range.
    pub(super) fn rounded(&self, value: f64) -> f64 {
        let digits = if self.is_whole() { 0 } else { (2 - value.log10().floor() as i32).max(0) };
        let text = format!("{value:.*}", usize::try_from(digits).unwrap_or(0));
        text.parse::<f64>().unwrap_or(value).clamp(self.from, self.to)
    }
}

/// The points that differ in nothing but an adaptive knob.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// What the other knobs are: `precision=fp8`; empty if there is no other.
    pub name: String,
    /// The same as values.
    pub others: Values,
    /// The knob that varies.
    pub range: Adaptive,
}

/// A value that was chosen for a curve.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Added {
    /// The curve's name.
    pub(super) curve: String,
    /// Its knob.
    pub(super) knob: String,
    /// The value.
    pub(super) value: f64,
}

/// How far a curve is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// How many values it has so far.
    pub values: usize,
    /// The gap that is known least, if any is left.
    pub widest: Option<Gap>,
    /// Whether a further value is wanted there.
    pub wants_more: bool,
}

impl Curve {
    pub(super) fn new(others: Values, range: Adaptive) -> Self {
        let parts: Vec<String> = others.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Self { name: parts.join(","), others, range }
    }

    /// Whether a point is one of this curve.
    pub fn has(&self, values: &Values) -> bool {
        let same = |(name, value): (&String, &Value)| values.get(name) == Some(value);
        self.at(values).is_some() && self.others.iter().all(same)
    }

    fn at(&self, values: &Values) -> Option<f64> {
        let inside = self.range.from..=self.range.to;
        values.get(&self.range.knob).and_then(Value::number).filter(|value| inside.contains(value))
    }

    /// The values of one of its points, as the grid gives them.
    pub(super) fn point(&self, value: f64) -> Values {
        let mut values = self.others.clone();
        values.insert(self.range.knob.clone(), Value::Number(value));
        values
    }

    /// How far it is known by these runs. Values that failed are values too: they are not tried again for ever.
    pub fn known(&self, spec: &Spec, runs: &BTreeMap<String, Run>) -> Known {
        let points: Vec<&Point> = spec.points.iter().filter(|point| self.has(&point.values)).collect();
        let mut knots = Vec::new();
        let mut failed = Vec::new();
        let metrics = metrics(runs);
        for point in &points {
            let Some(at) = self.at(&point.values) else { continue };
            match logs(&format!("{}/{}", spec.name, point.id), &metrics, runs) {
                Some(logs) => knots.push((at, logs)),
                None => failed.push(at),
            }
        }
        knots.sort_by(|a, b| a.0.total_cmp(&b.0));
        let holds_failed = |gap: &Gap| failed.iter().any(|at| (gap.from..gap.to).contains(at));
        let mut open = gaps(&knots, &self.range);
        open.retain(|gap| !holds_failed(gap));
        // The first of those which are known least.
        let widest = open.into_iter().reduce(|most, own| if own.error > most.error { own } else { most });
        let is_wide = widest.as_ref().is_some_and(|gap| gap.error > self.range.tolerance.unwrap_or(0.0));
        Known { values: points.len(), widest, wants_more: is_wide && points.len() < self.range.points }
    }
}

/// What a curve is judged by: energy for what is made, else power; and throughput.
fn metrics(runs: &BTreeMap<String, Run>) -> Vec<&'static str> {
    let energy = ["energy_per_token", "energy_per_image", "energy_per_video", "energy_per_response", "power"];
    let is_told = |name: &&str| runs.values().any(|run| run.metrics.contains_key(*name));
    energy.into_iter().find(is_told).into_iter().chain(Some("throughput").filter(is_told)).collect()
}

/// The logarithms of the metrics of a point, as means over its repeats; none if none is valid.
fn logs(id: &str, metrics: &[&str], runs: &BTreeMap<String, Run>) -> Option<Vec<f64>> {
    let is_valid = |run: &&Run| !run.details.get("verdict").is_some_and(|text| text.contains("not-valid"));
    let own: Vec<&Run> =
        runs.iter().filter(|(run, _)| run.split('#').next() == Some(id)).map(|(_, run)| run).filter(is_valid).collect();
    let log = |metric: &&str| {
        let logs: Vec<f64> = own.iter().filter_map(|run| run.metrics.get(*metric)).map(|value| value.ln()).collect();
        mean(&logs).filter(|log| log.is_finite())
    };
    metrics.iter().map(log).collect()
}

impl<'t> Reader<'t> {
    /// The table of an adaptive knob.
    pub(super) fn adaptive(&mut self, name: &Said, value: &Spanned<DeValue<'t>>) -> Option<Adaptive> {
        let own = self.as_section(format!("`{}`", name.text), value)?;
        self.only(&own, &["from", "to", "points", "first", "tolerance"]);
        let known = self.faults.len();
        let mut end = |key: &str| {
            let Some(said) = self.said(&own, key) else {
                let message = format!(
                    "`{0}` needs `{key}`: `{0} = {{ from = 8, to = 1024, points = 10 }}`, or a list of values",
                    name.text
                );
                self.fault(&own.at, message);
                return None;
            };
            match one_value(&name.text, &said.text) {
                Ok(number) if number > 0.0 && number.is_finite() => Some(number),
                Ok(_) => {
                    self.fault(&said.at, format!("`{key}` must be above 0, so that it has a logarithm"));
                    None
                }
                Err(message) => {
                    self.fault(&said.at, message);
                    None
                }
            }
        };
        let (from, to) = (end("from"), end("to"));
        let points = self.count(&own, "points", 3);
        let first = self.count(&own, "first", 3);
        let tolerance = self.parsed(&own, "tolerance", share);
        if self.faults.len() > known {
            return None;
        }
        let (from, to) = (from?, to?);
        let Some(points) = points else {
            self.fault(&own.at, format!("`{}` needs `points`: the most values that are measured", name.text));
            return None;
        };
        let first = first.unwrap_or(FIRST.min(points));
        if from >= to {
            self.fault(&own.at, format!("`from` ({from}) must be below `to` ({to})"));
        }
        if first > points || points > MOST {
            self.fault(&own.at, format!("`points` must be at least `first` ({first}), and at most {MOST}"));
        }
        (self.faults.len() == known).then(|| Adaptive { knob: name.text.clone(), from, to, first, points, tolerance })
    }
}

#[cfg(test)]
mod tests {
    use super::{Adaptive, Value};

    fn range(from: f64, to: f64, first: usize) -> Adaptive {
        Adaptive { knob: "concurrency".to_owned(), from, to, first, points: 9, tolerance: None }
    }

    #[test]
    fn first_values_are_spaced_evenly_in_the_logarithm() {
        let case = |own: Adaptive, expected: &[f64]| {
            let expected: Vec<Value> = expected.iter().copied().map(Value::Number).collect();
            assert_eq!(own.first_values(), expected);
        };
        case(range(8.0, 512.0, 4), &[8.0, 32.0, 128.0, 512.0]);
        case(range(1.0, 3.0, 5), &[1.0, 2.0, 3.0]);
        case(range(0.5, 8.0, 3), &[0.5, 2.0, 8.0]);
        case(range(0.5, 7.0, 3), &[0.5, 1.87, 7.0]);
    }
}
