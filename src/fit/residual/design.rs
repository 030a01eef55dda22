//! What the residual process sees of runs, and how alike two runs are to it.

use nalgebra::DMatrix;

use crate::model::{Residual, Slot};

/// Runs as the residual process sees them: levels and features, one column for each that the model names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Design {
    /// `columns[k][row]`: the value of the k-th slot of [`slots`].
    pub(crate) columns: Vec<Vec<f64>>,
    pub(crate) rows: usize,
}

/// The slots that a residual process reads, each once, in the order of the model file.
pub(crate) fn slots(residual: &Residual) -> Vec<Slot> {
    let kernels = residual.kernels.iter().flat_map(|kernel| {
        let features = kernel.rbf_slots.iter().map(|(slot, _)| slot).chain(&kernel.linear_slots);
        kernel.level_slots.iter().chain(features)
    });
    let mut found = Vec::new();
    for slot in kernels.chain(&residual.noise_slots) {
        if !found.contains(slot) {
            found.push(*slot);
        }
    }
    found
}

impl Design {
    /// Takes the columns out of evaluated values of `rows` runs.
    pub(crate) fn new(residual: &Residual, values: &[f64], rows: usize) -> Self {
        let column = |slot: Slot| values[slot as usize * rows..][..rows].to_vec();
        Self { columns: slots(residual).into_iter().map(column).collect(), rows }
    }

    /// Some of the rows.
    pub(crate) fn some(&self, rows: &[usize]) -> Self {
        let take = |column: &Vec<f64>| rows.iter().map(|&row| column[row]).collect();
        Self { columns: self.columns.iter().map(take).collect(), rows: rows.len() }
    }

    /// The columns that are levels, of a component or of the noise.
    pub(crate) fn levels(residual: &Residual) -> Vec<usize> {
        let all: Vec<Slot> = residual.kernels.iter().flat_map(|kernel| kernel.level_slots.clone()).collect();
        let mut found = positions(residual, &all);
        found.extend(positions(residual, &residual.noise_slots));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The combination of noise levels of a row.
    pub(crate) fn noise_level(&self, residual: &Residual, row: usize) -> Vec<f64> {
        let at = positions(residual, &residual.noise_slots);
        at.into_iter().map(|column| self.columns[column][row]).collect()
    }
}

fn positions(residual: &Residual, wanted: &[Slot]) -> Vec<usize> {
    let known = slots(residual);
    wanted.iter().filter_map(|slot| known.iter().position(|own| own == slot)).collect()
}

/// The kernel of every component between two sets of runs, with amplitude 1.
pub(crate) fn components(residual: &Residual, a: &Design, b: &Design) -> Vec<DMatrix<f64>> {
    residual
        .kernels
        .iter()
        .map(|kernel| {
            let levels = positions(residual, &kernel.level_slots);
            let linear = positions(residual, &kernel.linear_slots);
            let smooth: Vec<(usize, f64)> = kernel
                .rbf_slots
                .iter()
                .flat_map(|&(slot, length)| positions(residual, &[slot]).into_iter().map(move |at| (at, length)))
                .collect();
            DMatrix::from_fn(a.rows, b.rows, |i, j| {
                if levels.iter().any(|&at| a.columns[at][i] != b.columns[at][j]) {
                    return 0.0;
                }
                let distance: f64 =
                    smooth.iter().map(|&(at, length)| ((a.columns[at][i] - b.columns[at][j]) / length).powi(2)).sum();
                let product: f64 = linear.iter().map(|&at| a.columns[at][i] * b.columns[at][j]).product();
                product * (-0.5 * distance).exp()
            })
        })
        .collect()
}

/// The kernel of every component of each run with itself, with amplitude 1: `[component][row]`.
pub(crate) fn diagonals(residual: &Residual, design: &Design) -> Vec<Vec<f64>> {
    residual
        .kernels
        .iter()
        .map(|kernel| {
            let linear = positions(residual, &kernel.linear_slots);
            (0..design.rows).map(|row| linear.iter().map(|&at| design.columns[at][row].powi(2)).product()).collect()
        })
        .collect()
}
