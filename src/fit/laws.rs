//! The shipped model: derivatives of what the fit minimises are those of finite differences.

use super::frame;
use super::objective::Objective;
use crate::catalog::Catalog;
use crate::model::{Model, canonical, shipped};
use crate::runs::{Run, Store, Value};
use crate::stats::Draws;

#[test]
fn the_gradient_of_the_shipped_model_is_its_derivative() {
    let catalog = Catalog::embedded();
    let model = shipped().next().map(|own| Model::parse(own.file, own.text, &catalog).unwrap()).unwrap();
    let mut runs: Vec<Run> = Store::embedded().runs().step_by(6).cloned().collect();
    // Single-GPU B200 runs have two states, and images a prefill of their own.
    for (index, task) in ["lm-arena-chat", "image-chat", "gpqa"].into_iter().enumerate() {
        let mut run = runs[index].clone();
        run.conditions.insert("gpu".to_owned(), Value::Name("B200".to_owned()));
        run.conditions.insert("task".to_owned(), Value::Name(task.to_owned()));
        runs.push(run);
    }
    let runs: Vec<Run> = runs.iter().map(|run| canonical(run, &catalog)).collect();
    let (frame, space) = frame(&model, &catalog, &runs).unwrap();
    let objective = Objective::new(&model, &space, &frame);
    let mut draws = Draws::new(3);
    let theta: Vec<f64> = (0..space.len()).map(|_| 0.3 * draws.gaussian()).collect();
    let curved = objective.curved(&theta);
    assert!((curved.cost - objective.cost(&theta)).abs() < 1e-9 * curved.cost.abs());
    let mut moved = 0;
    for index in 0..space.len() {
        let step = 1e-5;
        let at = |shift: f64| {
            let mut theta = theta.clone();
            theta[index] += shift;
            objective.cost(&theta)
        };
        let numeric = (at(step) - at(-step)) / (2.0 * step);
        let exact = curved.gradient[index];
        // Rounding of a cost of some hundreds over the step, and the square of the step.
        let tolerance = 1e-4 * (1.0 + exact.abs());
        assert!((numeric - exact).abs() < tolerance, "{}: {numeric} instead of {exact}", space.names()[index]);
        moved += usize::from((exact - theta[index]).abs() > 1e-6);
    }
    assert!(moved > 60, "only {moved} coordinates act on these runs");
}
