//! What the equations miss: an additive Gaussian process on the log noise of the nodes that the model file names.
//!
//! Components are products of an indicator (two runs at equal levels), Gaussians in features and linear features. Their
//! amplitudes are learned by marginal likelihood ([`learn`]). Conditioned on the runs of a fit, the process carries what one
//! run has beyond the equations to runs that share its causes, and no further. Up to [`EXACT`] runs it is exact; beyond, it
//! is conditioned through [`INDUCING`] of the runs.

mod design;
mod inverse;
#[cfg(test)]
mod laws;
mod learn;
mod part;
mod points;

use nalgebra::{DMatrix, DVector};

use design::components;
pub(crate) use design::{Design, slots};
pub(crate) use part::Part;

use crate::model::{Residual, Target};
use crate::stats::Draws;
use learn::{Sample, learn};
use points::{between, pivots};

/// Runs up to which the process is exact.
const EXACT: usize = 3000;
/// Runs that stand for all of them beyond that, and from which amplitudes are learned.
const INDUCING: usize = 1200;

/// The residual process of a fitted model.
#[derive(Clone, Debug)]
pub struct Process {
    /// One for each target of the model file.
    pub(crate) parts: Vec<Part>,
}

impl Process {
    /// Learns a process from the noise of runs: `noise[target][row]`, NaN where nothing was measured.
    pub(crate) fn learn(residual: &Residual, design: &Design, noise: &[Vec<f64>], seed: u64) -> Self {
        let parts = residual
            .targets
            .iter()
            .zip(noise)
            .filter_map(|(&target, noise)| {
                let present: Vec<usize> = (0..design.rows).filter(|&row| !noise[row].is_nan()).collect();
                let values: Vec<f64> = present.iter().map(|&row| noise[row]).collect();
                (present.len() > 1).then(|| learned(residual, target, design.some(&present), values, seed))
            })
            .collect();
        Self { parts }
    }

    /// The same observations with amplitudes, noises and outliers learned from them alone.
    pub(crate) fn relearned(&self, residual: &Residual, seed: u64) -> Self {
        let own = |part: &Part| learned(residual, part.target, part.design.clone(), part.values.clone(), seed);
        Self { parts: self.parts.iter().map(own).collect() }
    }

    /// The part that is about a target.
    pub(crate) fn part(&self, target: Target) -> Option<&Part> {
        self.parts.iter().find(|part| part.target == target)
    }

    /// The same process over points between the runs, of which none is a run.
    pub(crate) fn shareable(&self, residual: &Residual) -> Self {
        let parts =
            self.parts.iter().filter_map(|part| part.condensed(residual, between(residual, &part.design))).collect();
        Self { parts }
    }
}

/// Learns one target: exactly, or beyond [`EXACT`] runs from some of them and through inducing points.
fn learned(residual: &Residual, target: Target, design: Design, values: Vec<f64>, seed: u64) -> Part {
    if design.rows <= EXACT {
        return exactly(residual, target, design, values);
    }
    let mut draws = Draws::new(seed);
    let mut order: Vec<(f64, usize)> = (0..design.rows).map(|row| (draws.uniform(), row)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let rows: Vec<usize> = order.into_iter().take(INDUCING).map(|(_, row)| row).collect();
    let some = exactly(residual, target, design.some(&rows), rows.iter().map(|&row| values[row]).collect());
    through(residual, &some, design, values, INDUCING)
}

fn exactly(residual: &Residual, target: Target, design: Design, values: Vec<f64>) -> Part {
    let keys: Vec<Vec<f64>> = (0..design.rows).map(|row| design.noise_level(residual, row)).collect();
    let mut distinct: Vec<Vec<f64>> = Vec::new();
    let levels: Vec<usize> = keys
        .into_iter()
        .map(|key| {
            distinct.iter().position(|known| *known == key).unwrap_or_else(|| {
                distinct.push(key);
                distinct.len() - 1
            })
        })
        .collect();
    let place = residual.targets.iter().position(|own| *own == target).unwrap_or(0);
    let acting: Vec<bool> = residual.kernels.iter().map(|kernel| kernel.on[place]).collect();
    let chosen = |(kernel, acts): (DMatrix<f64>, &bool)| acts.then_some(kernel);
    let sample = Sample {
        values: DVector::from_column_slice(&values),
        components: &components(residual, &design, &design)
            .into_iter()
            .zip(&acting)
            .filter_map(chosen)
            .collect::<Vec<_>>(),
        expected: residual
            .kernels
            .iter()
            .zip(&acting)
            .filter(|(_, acts)| **acts)
            .map(|(own, _)| own.amplitude)
            .collect(),
        levels: levels.clone(),
        level_count: distinct.len(),
    };
    let mut learned = learn(&sample);
    let mut amplitudes = learned.amplitudes.into_iter();
    learned.amplitudes = acting.iter().map(|acts| if *acts { amplitudes.next().unwrap_or(0.0) } else { 0.0 }).collect();
    Part::learned(target, design, values, learned, &levels, distinct)
}

/// A process over all runs with known amplitudes, conditioned through `count` inducing points.
fn through(residual: &Residual, known: &Part, design: Design, values: Vec<f64>, count: usize) -> Part {
    let spreads = (0..design.rows).map(|row| known.noise_of(residual, &design, row)).collect();
    let whole = Part::new(known.target, design, values, spreads, known.amplitudes.clone(), known.noise.clone());
    let inducing = whole.design.some(&pivots(residual, &whole, count));
    whole.condensed(residual, inducing).unwrap_or_else(|| known.clone())
}
