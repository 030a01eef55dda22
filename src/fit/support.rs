//! What kind of question is it: what does a configuration change against everything that was measured?

use crate::model::{Model, Slot};

/// Runs of a fit as the kinds of questions see them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Support {
    /// `rows[i][k]`: the values by which kind k compares run i.
    pub(crate) rows: Vec<Vec<Vec<f64>>>,
}

/// A configuration as the kinds of questions see it: for each kind, the values that it compares.
pub(crate) type View = Vec<Vec<f64>>;

/// How far a configuration is from what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distance {
    /// A run of the fit has all of its conditions.
    Measured,
    /// Between runs of the fit that differ from it, and from each other, in the mildest kind only.
    Interpolation,
    /// The mildest, over all runs, of the most severe kind in which the configuration differs from a run.
    Shift(usize),
    /// Nothing was measured at all.
    Nothing,
}

impl Distance {
    /// Its name: `measured`, `interpolation`, or the kind's own.
    pub fn name(self, model: &Model) -> &str {
        match self {
            Self::Measured => "measured",
            Self::Interpolation => "interpolation",
            Self::Shift(kind) => &model.shifts[kind].kind,
            Self::Nothing => "nothing-measured",
        }
    }

    /// Its place in the order of severity: 0 for measured.
    pub fn severity(self, model: &Model) -> usize {
        match self {
            Self::Measured => 0,
            Self::Interpolation => 1,
            Self::Shift(kind) => kind + 2,
            Self::Nothing => model.shifts.len() + 2,
        }
    }
}

/// The views of evaluated values of `rows` runs.
pub(crate) fn views(model: &Model, values: &[f64], rows: usize) -> Vec<View> {
    let at = |slot: Slot, row: usize| values[slot as usize * rows + row];
    (0..rows)
        .map(|row| model.shifts.iter().map(|shift| shift.slots.iter().map(|&slot| at(slot, row)).collect()).collect())
        .collect()
}

/// The most severe kind in which two configurations differ.
pub(crate) fn worst(a: &View, b: &View) -> Option<usize> {
    (0..a.len()).rev().find(|&kind| a[kind] != b[kind])
}

impl Support {
    /// The distance of a configuration from the runs, and the index of the nearest one.
    pub(crate) fn distance(&self, view: &View) -> (Distance, Option<usize>) {
        if view.is_empty() {
            return (if self.rows.is_empty() { Distance::Nothing } else { Distance::Measured }, None);
        }
        let mut best: Option<(Option<usize>, f64, usize)> = None;
        for (index, row) in self.rows.iter().enumerate() {
            let kind = worst(view, row);
            let gap = gap(view, row);
            if best.is_none_or(|(known, distance, _)| (kind, gap) < (known, distance)) {
                best = Some((kind, gap, index));
            }
        }
        let Some((kind, _, index)) = best else { return (Distance::Nothing, None) };
        let distance = match kind {
            None => Distance::Measured,
            Some(0) if self.is_between(view) => Distance::Interpolation,
            Some(kind) => Distance::Shift(kind),
        };
        (distance, Some(index))
    }

    /// Whether runs that differ in the mildest kind only lie on both sides.
    fn is_between(&self, view: &View) -> bool {
        let near: Vec<&View> = self.rows.iter().filter(|row| worst(view, row) == Some(0)).collect();
        let lower = |row: &&&View| (0..view[0].len()).all(|i| row[0][i] <= view[0][i]);
        let upper = |row: &&&View| (0..view[0].len()).all(|i| row[0][i] >= view[0][i]);
        near.iter().any(|row| lower(&row)) && near.iter().any(|row| upper(&row))
    }
}

/// Distance in the values that are sizes, summed over logarithms; names count where they differ.
pub(crate) fn gap(a: &View, b: &View) -> f64 {
    a.iter()
        .flatten()
        .zip(b.iter().flatten())
        .map(|(a, b)| {
            if a == b {
                0.0
            } else if *a > 0.0 && *b > 0.0 {
                (a / b).ln().abs().min(10.0)
            } else {
                10.0
            }
        })
        .sum()
}
