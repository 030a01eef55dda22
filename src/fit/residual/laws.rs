//! Laws of the residual process, on processes that were drawn.

use nalgebra::{DMatrix, DVector};

use super::{Design, Part, exactly, through};
use crate::model::{Kernel, Residual, Target};
use crate::stats::Draws;

const GROUP: u32 = 0;
const SIZE: u32 = 1;

/// What all runs share, and what the runs of a group share; both smooth in a size.
fn residual() -> Residual {
    let kernel = |levels: Vec<u32>, length: f64| Kernel {
        on: vec![true],
        levels: Vec::new(),
        rbf: Vec::new(),
        linear: Vec::new(),
        amplitude: 0.1,
        level_slots: levels,
        rbf_slots: vec![(SIZE, length)],
        linear_slots: Vec::new(),
    };
    Residual {
        targets: vec![Target::Noise(0)],
        kernels: vec![kernel(vec![GROUP], 2.0), kernel(vec![], 3.0)],
        noise_slots: Vec::new(),
    }
}

/// Runs of `groups` groups at sizes 0 to 7, with values drawn from the process and noise.
fn drawn(groups: usize, amplitudes: [f64; 2], noise: f64, seed: u64) -> (Residual, Design, Vec<f64>) {
    let residual = residual();
    let rows = groups * 8;
    let columns =
        vec![(0..rows).map(|row| (row / 8) as f64).collect(), (0..rows).map(|row| (row % 8) as f64).collect()];
    let design = Design { columns, rows };
    let mut draws = Draws::new(seed);
    let spreads = vec![noise; rows];
    let part = Part::new(Target::Noise(0), design.clone(), vec![0.0; rows], spreads, amplitudes.to_vec(), vec![]);
    let covariance = part.prior(&residual, &design, &design) + DMatrix::identity(rows, rows) * noise.powi(2);
    let root = covariance.cholesky().unwrap().l();
    let values = root * DVector::from_vec(draws.gaussians(rows));
    (residual, design, values.as_slice().to_vec())
}

fn close(a: &DVector<f64>, b: &DVector<f64>, tolerance: f64) {
    assert!((a - b).amax() < tolerance, "off by {}", (a - b).amax());
}

#[test]
fn amplitudes_and_noise_are_found_again() {
    let (residual, design, values) = drawn(40, [0.2, 0.05], 0.03, 5);
    let part = exactly(&residual, Target::Noise(0), design, values);
    assert!((part.amplitudes[0] / 0.2).ln().abs() < 0.3, "{:?}", part.amplitudes);
    assert!((part.noise[0].1 / 0.03).ln().abs() < 0.2, "{:?}", part.noise);
}

#[test]
fn what_a_run_has_beyond_goes_to_its_group_and_not_to_others() {
    let (residual, design, values) = drawn(12, [0.2, 0.001], 0.02, 6);
    let part = exactly(&residual, Target::Noise(0), design.clone(), values.clone());
    let new_group = Design { columns: vec![vec![99.0], vec![3.0]], rows: 1 };
    let (mean, variance) = part.mean_and_variance(&residual, &new_group);
    assert!(mean[0].abs() < 0.05 && variance[0] > 0.02, "{mean} {variance}");
    let (mean, variance) = part.mean_and_variance(&residual, &design.some(&[3]));
    assert!((mean[0] - values[3]).abs() < 0.06 && variance[0] < 0.001, "{mean} {variance}");
}

#[test]
fn leaving_runs_out_is_the_same_as_never_having_seen_them() {
    let (residual, design, values) = drawn(6, [0.2, 0.1], 0.05, 7);
    let part = exactly(&residual, Target::Noise(0), design.clone(), values.clone());
    let out: Vec<bool> = (0..design.rows).map(|row| row % 5 == 0 || row < 4).collect();
    let rest: Vec<usize> = (0..design.rows).filter(|&row| !out[row]).collect();
    let fewer = part.without(&residual, &out, &values);
    let take = |from: &[f64]| rest.iter().map(|&row| from[row]).collect::<Vec<f64>>();
    let fresh = Part::new(
        part.target,
        design.some(&rest),
        take(&values),
        take(&part.spreads),
        part.amplitudes.clone(),
        part.noise.clone(),
    );
    let (a, b) = (fewer.mean_and_variance(&residual, &design), fresh.mean_and_variance(&residual, &design));
    close(&a.0, &b.0, 1e-9);
    close(&a.1, &b.1, 1e-9);
}

#[test]
fn the_sparse_process_agrees_with_the_exact_one() {
    let (residual, design, values) = drawn(30, [0.15, 0.1], 0.05, 8);
    let exact = exactly(&residual, Target::Noise(0), design.clone(), values.clone());
    let spreads: Vec<f64> = vec![exact.noise[0].1; design.rows];
    let same =
        Part::new(exact.target, design.clone(), values.clone(), spreads, exact.amplitudes.clone(), exact.noise.clone());
    let between = Design {
        columns: vec![design.columns[0].clone(), design.columns[1].iter().map(|x| x + 0.5).collect()],
        ..design
    };
    let (mean, variance) = same.mean_and_variance(&residual, &between);
    for (count, tolerance) in [(240, 3e-3), (120, 0.06)] {
        let sparse = through(&residual, &exact, same.design.clone(), values.clone(), count);
        assert!(sparse.design.rows <= count);
        let (own, spread) = sparse.mean_and_variance(&residual, &between);
        close(&own, &mean, tolerance);
        close(&spread.map(f64::sqrt), &variance.map(f64::sqrt), tolerance);
    }
}

#[test]
fn shared_points_say_the_same_and_are_no_runs() {
    let (residual, design, values) = drawn(20, [0.15, 0.1], 0.02, 9);
    let exact = exactly(&residual, Target::Noise(0), design.clone(), values);
    let points = super::between(&residual, &design);
    let row = |design: &Design, row: usize| [design.columns[0][row], design.columns[1][row]];
    let runs: Vec<[f64; 2]> = (0..design.rows).map(|index| row(&design, index)).collect();
    assert!((0..points.rows).all(|index| !runs.contains(&row(&points, index))));
    let shared = exact.condensed(&residual, points.clone()).unwrap();
    close(&shared.mean(&residual, &points), &exact.mean(&residual, &points), 0.01);
    close(&shared.mean(&residual, &design), &exact.mean(&residual, &design), 0.05);
}

#[test]
fn one_run_gone_wrong_does_not_bend_its_neighbours() {
    let (residual, design, mut values) = drawn(20, [0.1, 0.05], 0.01, 10);
    let before = exactly(&residual, Target::Noise(0), design.clone(), values.clone());
    values[43] += 1.0;
    let after = exactly(&residual, Target::Noise(0), design.clone(), values);
    assert!(after.spreads[43] > 0.1, "{}", after.spreads[43]);
    let near = design.some(&[42, 44]);
    // Taken at its word it would lift them by 0.7.
    close(&after.mean(&residual, &near), &before.mean(&residual, &near), 0.15);
}
