//! Putting an observation together.

use std::collections::BTreeMap;

use super::result::{Cell, Counterexample, Head, Number, Observation, Rows};
use super::row::Row;
use crate::stats::median;

/// Counter-examples that are named.
const MOST_COUNTEREXAMPLES: usize = 12;

/// Values by what they are of.
pub(super) type Pooled = BTreeMap<String, Vec<f64>>;

impl Observation {
    /// An observation without numbers yet.
    pub(super) fn new(code: &str, title: &str, definition: &str) -> Self {
        let (code, title, definition) = (code.to_owned(), title.to_owned(), definition.to_owned());
        Self { code, title, definition, ..Self::default() }
    }

    /// The same, with why it says nothing.
    pub(super) fn without(mut self, why: impl Into<String>) -> Self {
        self.missing = Some(why.into());
        self
    }

    /// Adds a number.
    pub(super) fn put(&mut self, of: &str, name: &str, value: f64, unit: &str) {
        let (name, unit, of) = (name.to_owned(), unit.to_owned(), of.to_owned());
        self.numbers.push(Number { name, value, unit, of });
    }

    /// Adds a number that may not exist.
    pub(super) fn put_some(&mut self, of: &str, name: &str, value: Option<f64>, unit: &str) {
        if let Some(value) = value {
            self.put(of, name, value, unit);
        }
    }

    /// Adds how many values there are (`count`), and `smallest_…`, `median_…`, `largest_…` of each pool.
    pub(super) fn put_spread(&mut self, pooled: &Pooled, count: &str, suffix: &str) {
        for (of, values) in pooled {
            self.put(of, count, values.len() as f64, count);
            self.put_some(of, &format!("smallest_{suffix}"), least(values), "1");
            self.put_some(of, &format!("median_{suffix}"), median(values), "1");
            self.put_some(of, &format!("largest_{suffix}"), most(values), "1");
        }
    }

    /// Adds the most striking of some counter-examples, those furthest from equality first.
    pub(super) fn counter(&mut self, mut found: Vec<Counterexample>) {
        found.sort_by(|x, y| y.ratio.ln().abs().total_cmp(&x.ratio.ln().abs()).then_with(|| x.b.cmp(&y.b)));
        found.truncate(MOST_COUNTEREXAMPLES);
        self.counterexamples.extend(found);
    }
}

impl Rows {
    /// A table of pools of ratios: how many there are, and how far they spread.
    pub(super) fn spread(title: &str, count: &str, pooled: &Pooled) -> Self {
        let columns = [("runs", ""), (count, count), ("least", "x"), ("median", "x"), ("most", "x")];
        let mut table = Self::new(title, &columns);
        for (of, ratios) in pooled {
            table.rows.push(vec![
                Cell::from(of.clone()),
                ratios.len().into(),
                least(ratios).into(),
                median(ratios).into(),
                most(ratios).into(),
            ]);
        }
        table
    }

    /// A table of columns with their units.
    pub(super) fn new(title: &str, columns: &[(&str, &str)]) -> Self {
        let head = |(name, unit): &(&str, &str)| Head { name: (*name).to_owned(), unit: (*unit).to_owned() };
        Self { title: title.to_owned(), columns: columns.iter().map(head).collect(), rows: Vec::new() }
    }
}

impl From<&str> for Cell {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for Cell {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Self::Number(count as f64)
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        Self::Number(count as f64)
    }
}

impl From<Option<f64>> for Cell {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Self::Empty(()), Self::Number)
    }
}

/// B goes the other way in its energy.
pub(super) fn by_energy(a: &Row<'_>, b: &Row<'_>, text: impl Into<String>) -> Counterexample {
    Counterexample {
        a: a.run.id.clone(),
        b: b.run.id.clone(),
        metric: b.metric.clone(),
        ratio: b.energy / a.energy,
        text: text.into(),
    }
}

pub(super) fn least(values: &[f64]) -> Option<f64> {
    values.iter().copied().min_by(f64::total_cmp)
}

pub(super) fn most(values: &[f64]) -> Option<f64> {
    values.iter().copied().max_by(f64::total_cmp)
}

/// How many values hold.
pub(super) fn count<T>(values: &[T], holds: impl Fn(&T) -> bool) -> f64 {
    values.iter().filter(|value| holds(value)).count() as f64
}

/// Each two of some things, in their order.
pub(super) fn pairs<T>(items: &[T]) -> impl Iterator<Item = (&T, &T)> {
    items.iter().enumerate().flat_map(|(at, one)| items[at + 1..].iter().map(move |other| (one, other)))
}
