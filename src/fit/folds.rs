//! Which runs to hold out so that predicting them is a question of a given kind.

use super::fitted::Fitted;
use super::support::Support;

/// Most folds of a kind that takes whole entries away, such as a model.
const FOLDS: usize = 6;

/// Runs to be held out together, and those of them whose question then is of the kind that is tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Fold {
    /// Kind of question, an index of the model's shifts; none for interpolation.
    pub kind: usize,
    /// Indices of the runs left out.
    pub out: Vec<usize>,
}

impl Fitted {
    /// The folds of all kinds of questions, in the order of [`super::Score::fold`].
    pub fn folds(&self) -> Vec<Fold> {
        (0..self.model.shifts.len()).flat_map(|kind| self.support.folds(kind)).collect()
    }
}

/// What the runs of a group agree in, and their indices by the value that they differ in.
type Group<'a> = (&'a [Vec<f64>], Vec<(&'a Vec<f64>, Vec<usize>)>);

impl Support {
    /// The folds of one kind.
    ///
    /// Runs that agree in every more severe kind form a group; the values that the kind takes in a group are held out one at a
    /// time. In the mildest kind every group gives its first, middle and last value to the three folds; in the others
    /// the held-out entries are dealt to at most so many folds (`FOLDS`), so that the other groups stay.
    pub fn folds(&self, kind: usize) -> Vec<Fold> {
        let groups = self.groups(kind);
        let mut folds: Vec<Vec<usize>> = Vec::new();
        if kind == 0 {
            for pick in [0.5, 1.0, 0.0] {
                let mut out = Vec::new();
                for values in groups.iter().filter(|values| values.len() >= 4) {
                    out.extend(&values[((values.len() - 1) as f64 * pick).round() as usize]);
                }
                folds.push(out);
            }
        } else {
            // Each group gives two of its entries, to two different folds; groups alternate between their ends, so that
            // a fold holds both low and high values. A single group gives all of its entries.
            let mut entries: Vec<(usize, &Vec<usize>)> = Vec::new();
            if let [only] = &groups[..] {
                entries.extend(only.iter().enumerate());
            } else {
                for (index, values) in groups.iter().filter(|values| values.len() > 1).enumerate() {
                    let (mut first, mut last) = (&values[0], &values[values.len() - 1]);
                    if index % 2 == 1 {
                        std::mem::swap(&mut first, &mut last);
                    }
                    entries.push((index, first));
                    entries.push((index + FOLDS / 2, last));
                }
            }
            folds = vec![Vec::new(); FOLDS];
            for (index, entry) in entries {
                folds[index % FOLDS].extend(entry);
            }
        }
        folds
            .into_iter()
            .filter(|out| !out.is_empty())
            .map(|mut out| {
                out.sort_unstable();
                out.dedup();
                Fold { kind, out }
            })
            .collect()
    }

    /// Runs by group (equal in every kind beyond `kind`) and by their value in it, sorted by value.
    fn groups(&self, kind: usize) -> Vec<Vec<Vec<usize>>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            let (beyond, own) = (&row[kind + 1..], &row[kind]);
            let group = if let Some(group) = groups.iter().position(|(key, _)| *key == beyond) {
                group
            } else {
                groups.push((beyond, Vec::new()));
                groups.len() - 1
            };
            let values = &mut groups[group].1;
            match values.iter_mut().find(|(value, _)| *value == own) {
                Some((_, members)) => members.push(index),
                None => values.push((own, vec![index])),
            }
        }
        groups
            .into_iter()
            .map(|(_, mut values)| {
                values.sort_by(|a, b| {
                    a.0.iter()
                        .zip(b.0)
                        .map(|(a, b)| a.total_cmp(b))
                        .find(|o| o.is_ne())
                        .unwrap_or(std::cmp::Ordering::Equal)
                });
                values.into_iter().map(|(_, members)| members).collect()
            })
            .collect()
    }

    /// How many groups some runs fall into that differ in the mildest kind only: runs of a group err together.
    pub(crate) fn curves(&self, runs: impl Iterator<Item = usize>) -> usize {
        let mut seen: Vec<&[Vec<f64>]> = Vec::new();
        for run in runs {
            let key = self.rows.get(run).and_then(|row| row.get(1..)).unwrap_or_default();
            if !seen.contains(&key) {
                seen.push(key);
            }
        }
        seen.len()
    }

    /// The runs that a fold leaves.
    pub(crate) fn without(&self, out: &[bool]) -> Self {
        Self { rows: self.rows.iter().zip(out).filter(|(_, out)| !**out).map(|(row, _)| row.clone()).collect() }
    }

    /// Of every group that differs in the mildest kind only, the first and the last run.
    pub(crate) fn ends(&self) -> Self {
        if self.rows.first().is_none_or(Vec::is_empty) {
            return self.clone();
        }
        let ends = |values: Vec<Vec<usize>>| {
            let (first, last) = (values.first()?.first().copied()?, values.last()?.last().copied()?);
            Some(if first == last { vec![first] } else { vec![first, last] })
        };
        let mut kept: Vec<usize> = self.groups(0).into_iter().filter_map(ends).flatten().collect();
        kept.sort_unstable();
        Self { rows: kept.into_iter().map(|row| self.rows[row].clone()).collect() }
    }
}
