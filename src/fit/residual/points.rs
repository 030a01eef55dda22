//! Which points stand for many runs.

use super::{Design, Part};
use crate::model::Residual;

/// Runs chosen one after the other, each where the process is least known from those before: the pivots of an incomplete
/// Cholesky factorisation (Burt, Rasmussen and van der Wilk, Convergence of sparse variational inference in Gaussian
/// processes regression, JMLR 21, 2020).
pub(super) fn pivots(residual: &Residual, part: &Part, count: usize) -> Vec<usize> {
    let rows = part.design.rows;
    let single = |row: usize| part.design.some(&[row]);
    let mut left: Vec<f64> = (0..rows).map(|row| part.prior(residual, &single(row), &single(row))[(0, 0)]).collect();
    let largest = left.iter().copied().fold(0.0, f64::max);
    let mut chosen = Vec::new();
    let mut columns: Vec<Vec<f64>> = Vec::new();
    while chosen.len() < count.min(rows) {
        let Some((pivot, &variance)) = left.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)) else { break };
        if variance <= 1e-8 * largest {
            break;
        }
        let root = variance.sqrt();
        let cross = part.prior(residual, &part.design, &single(pivot));
        let column: Vec<f64> = (0..rows)
            .map(|row| {
                let known: f64 = columns.iter().map(|column| column[row] * column[pivot]).sum();
                (cross[(row, 0)] - known) / root
            })
            .collect();
        for (left, own) in left.iter_mut().zip(&column) {
            *left = (*left - own * own).max(0.0);
        }
        left[pivot] = 0.0;
        columns.push(column);
        chosen.push(pivot);
    }
    chosen
}

/// How far beside its run a point lies that stands for a run alone at its levels, in the units of every feature.
const BESIDE: f64 = 0.25;

/// Points of which none is a run: half-way between neighbouring runs that agree in every level, and beside a run that has its
/// levels alone.
pub(super) fn between(residual: &Residual, design: &Design) -> Design {
    let levels = Design::levels(residual);
    let features: Vec<usize> = (0..design.columns.len()).filter(|column| !levels.contains(column)).collect();
    let bits = |columns: &[usize], row: usize| -> Vec<u64> {
        columns.iter().map(|&column| design.columns[column][row].to_bits()).collect()
    };
    let mut rows: Vec<usize> = (0..design.rows).collect();
    rows.sort_by(|&a, &b| {
        let order = |column: &usize| design.columns[*column][a].total_cmp(&design.columns[*column][b]);
        bits(&levels, a)
            .cmp(&bits(&levels, b))
            .then_with(|| features.iter().map(order).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal))
    });
    let mut points: Vec<Vec<f64>> = Vec::new();
    for group in rows.chunk_by(|&a, &b| bits(&levels, a) == bits(&levels, b)) {
        let before = points.len();
        for pair in group.windows(2).filter(|pair| bits(&features, pair[0]) != bits(&features, pair[1])) {
            let middle = |column: &Vec<f64>| {
                let (a, b) = (column[pair[0]], column[pair[1]]);
                if a == b { a } else { f64::midpoint(a, b) }
            };
            points.push(design.columns.iter().map(middle).collect());
        }
        if points.len() == before {
            let beside = |column: usize| {
                let own = design.columns[column][group[0]];
                if features.contains(&column) { own + BESIDE } else { own }
            };
            points.push((0..design.columns.len()).map(beside).collect());
        }
    }
    let columns = (0..design.columns.len()).map(|column| points.iter().map(|point| point[column]).collect()).collect();
    Design { columns, rows: points.len() }
}
