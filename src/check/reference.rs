//! Guesses that know no mechanism: what a model must beat to be worth its equations.
//!
//! Two of them, made from the same runs as each held-out prediction. *Nearest*: the run that differs least, copied (equal in
//! the most severe kinds of difference first, then nearest in the logs of sizes). *Regression*: the log of the metric is
//! linear in the logs of all conditions and properties that are sizes and in indicators of the categories that kinds of
//! questions compare, with a ridge penalty of one (Hoerl and Kennard, Technometrics 12, 1970) on standardised columns.

use nalgebra::{DMatrix, DVector};

use super::judge::Ground;
use crate::fit::{Fold, gap, worst};
use crate::model::{Role, ValueKind};

/// Penalty on the squares of standardised coefficients, against squares of errors.
const RIDGE: f64 = 1.0;

/// Guesses for held-out runs: `of(run)` in the order of the fold.
pub(super) struct Guess {
    /// The nearest run.
    pub(super) near: Option<usize>,
    /// Log of the metric of the nearest run.
    pub(super) nearest: Option<f64>,
    /// Log of the metric by regression.
    pub(super) regression: Option<f64>,
}

/// Columns of a regression, standardised over all runs.
pub(super) struct Features(DMatrix<f64>);

impl Features {
    pub(super) fn new(ground: &Ground<'_>) -> Self {
        let model = &ground.fitted.model;
        let rows = ground.runs.len();
        let mut columns: Vec<Vec<f64>> = Vec::new();
        for node in &model.nodes {
            if matches!(node.role, Role::Condition | Role::Property) && node.kind == ValueKind::Number {
                let own = ground.values_of(node.value);
                if own.iter().all(|value| value.is_finite() && *value > 0.0) {
                    columns.push(own.iter().map(|value| value.ln()).collect());
                }
            }
        }
        for (kind, shift) in model.shifts.iter().enumerate() {
            for place in 0..shift.by.len() {
                let own: Vec<f64> = ground.fitted.support.rows.iter().map(|row| row[kind][place]).collect();
                if ground.is_category(kind, place) {
                    let mut levels = own.clone();
                    levels.sort_by(f64::total_cmp);
                    levels.dedup();
                    let is = |level: f64| own.iter().map(|value| f64::from(u8::from(*value == level))).collect();
                    columns.extend(levels.into_iter().map(is));
                } else if own.iter().all(|value| value.is_finite() && *value > 0.0) {
                    columns.push(own.iter().map(|value| value.ln()).collect());
                }
            }
        }
        let standardised: Vec<Vec<f64>> = columns.into_iter().filter_map(|column| standard(&column)).collect();
        Self(DMatrix::from_fn(rows, standardised.len(), |row, column| standardised[column][row]))
    }
}

fn standard(column: &[f64]) -> Option<Vec<f64>> {
    let count = column.len() as f64;
    let mean = column.iter().sum::<f64>() / count;
    let spread = (column.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
    (spread > 1e-9).then(|| column.iter().map(|value| (value - mean) / spread).collect())
}

/// The guesses for the runs of a fold, in its order.
pub(super) fn guesses(ground: &Ground<'_>, features: &Features, fold: &Fold, metric: &str) -> Vec<Guess> {
    let kept: Vec<usize> = (0..ground.runs.len())
        .filter(|run| fold.out.binary_search(run).is_err() && ground.log(*run, metric).is_some())
        .collect();
    let fitted = regression(ground, features, &kept, metric);
    let views = &ground.fitted.support.rows;
    fold.out
        .iter()
        .map(|&run| {
            let apart = |other: &usize| (worst(&views[run], &views[*other]), gap(&views[run], &views[*other]));
            let nearest = kept.iter().min_by(|a, b| {
                let ((kind_a, gap_a), (kind_b, gap_b)) = (apart(a), apart(b));
                kind_a.cmp(&kind_b).then(gap_a.total_cmp(&gap_b))
            });
            Guess {
                near: nearest.copied(),
                nearest: nearest.and_then(|&other| ground.log(other, metric)),
                regression: fitted.as_ref().map(|(mean, slopes)| mean + (features.0.row(run) * slopes)[0]),
            }
        })
        .collect()
}

fn regression(ground: &Ground<'_>, features: &Features, kept: &[usize], metric: &str) -> Option<(f64, DVector<f64>)> {
    let logs: Vec<f64> = kept.iter().filter_map(|&run| ground.log(run, metric)).collect();
    let own = features.0.select_rows(kept);
    let mean = logs.iter().sum::<f64>() / (logs.len().max(1) as f64);
    let left = DVector::from_iterator(logs.len(), logs.iter().map(|log| log - mean));
    // Columns have their means over all runs; an intercept of its own corrects for those of the runs that are left.
    let with_one = own.insert_column(features.0.ncols(), 1.0);
    let mut normal = with_one.tr_mul(&with_one);
    for index in 0..features.0.ncols() {
        normal[(index, index)] += RIDGE;
    }
    let all = normal.cholesky()?.solve(&with_one.tr_mul(&left));
    let slopes = all.rows(0, features.0.ncols()).into_owned();
    Some((mean + all[features.0.ncols()], slopes))
}
