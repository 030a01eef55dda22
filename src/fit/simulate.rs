//! Runs as a model would have produced them: what tests of a fit start from.

use super::frame;
use super::likelihood::DEGREES_OF_FREEDOM;
use crate::catalog::Catalog;
use crate::model::{FrameError, Model, canonical, text_code};
use crate::runs::Run;
use crate::stats::Draws;

/// The true value of a parameter at a level.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// The parameter.
    pub name: String,
    /// The level; empty for the pooled value.
    pub level: String,
    /// Its value, SI.
    pub value: f64,
}

/// Simulated runs, and what only a simulation knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulated {
    /// The runs, with outcomes in place of the measured ones.
    pub runs: Vec<Run>,
    /// Every parameter and level, in the order of a fit's estimates.
    pub parameters: Vec<Truth>,
    /// State of each regime, by run.
    pub states: Vec<Vec<usize>>,
}

/// Draws parameters from their priors, then states and noise of every run, and computes what would have been measured.
///
/// `spread` scales the draws of the coordinates: 1 is the prior, 0 its median. Noise follows the likelihood of the fit:
/// Student's t with [`DEGREES_OF_FREEDOM`] and the node's spread as its scale, added to the logarithm. A run gets the
/// outcomes that it has already, and all of them if it has none. Equal seeds give equal runs.
pub fn simulate(
    model: &Model,
    catalog: &Catalog,
    runs: &[Run],
    spread: f64,
    seed: u64,
) -> Result<Simulated, FrameError> {
    let mut runs: Vec<Run> = runs.iter().map(|run| canonical(run, catalog)).collect();
    let (mut frame, space) = frame(model, catalog, &runs)?;
    let mut draws = Draws::new(seed);
    let theta: Vec<f64> = (0..space.len()).map(|_| spread * draws.gaussian()).collect();
    let rows = 0..frame.rows();
    for noisy in &model.noisy {
        frame.inputs[noisy.observed_input].fill(f64::NAN);
    }
    let (parameters, _) = space.columns(model, &frame, &theta);
    let mut values = Vec::new();
    model.tape.evaluate(&frame.columns(parameters.clone()), &rows, &mut values);
    let at = |values: &[f64], slot: u32, row: usize| values[slot as usize * rows.len() + row];
    let mut states = vec![Vec::new(); rows.len()];
    for regime in &model.regimes {
        for row in rows.clone() {
            let state = usize::from(draws.uniform() < at(&values, regime.probability, row));
            frame.inputs[regime.input][row] = text_code(&regime.states[state]);
            states[row].push(state);
        }
    }
    // In the order of the graph: the spread of a node may depend on the noise of its ancestors.
    for noisy in &model.noisy {
        model.tape.evaluate(&frame.columns(parameters.clone()), &rows, &mut values);
        for row in rows.clone() {
            frame.inputs[noisy.noise_input][row] = at(&values, noisy.sigma, row) * student(&mut draws);
        }
    }
    model.tape.evaluate(&frame.columns(parameters), &rows, &mut values);
    for (row, run) in runs.iter_mut().enumerate() {
        let given = std::mem::take(&mut run.metrics);
        let seen = std::mem::take(&mut run.observed);
        let all = given.is_empty() && seen.is_empty();
        for node in &model.nodes {
            let value = at(&values, node.value, row);
            let outcome = node.role.is_outcome();
            match &node.observed {
                Some(name) if !outcome && (all || seen.contains_key(name)) => {
                    run.observed.insert(name.clone(), value);
                }
                _ if outcome && (all || given.contains_key(&node.name)) => {
                    run.metrics.insert(node.name.clone(), value);
                }
                _ => {}
            }
        }
    }
    let parameters = (0..model.parameters.len())
        .flat_map(|index| space.pooled_and_levels(index).map(move |level| (index, level)))
        .map(|(index, level)| Truth {
            name: model.parameters[index].definition.name.clone(),
            value: space.value(model, index, &level, &theta).0,
            level,
        })
        .collect();
    Ok(Simulated { runs, parameters, states })
}

/// Student's t: z / √(χ²/ν), with χ² a sum of ν squares of standard normal numbers.
fn student(draws: &mut Draws) -> f64 {
    let z = draws.gaussian();
    let squares: f64 = draws.gaussians(DEGREES_OF_FREEDOM as usize).iter().map(|x| x * x).sum();
    z / (squares / DEGREES_OF_FREEDOM).sqrt()
}
