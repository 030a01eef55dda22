//! What is left of the measurements, held against everything that could have caused it.
//!
//! For every noisy node that a checked metric depends on: the noise that the equations leave, and what each run has beyond the residual process that knows all
//! other runs, against every ancestor of the node in the causal graph and against every recorded condition that the model
//! does not know. Trends are kept by the procedure of Benjamini and Hochberg over all pairs of a node.

use super::association::{Against, Association, association};
use super::judge::Ground;
use super::limits;
use super::result::Trend;
use crate::model::{Role, Target, ValueKind, text_code};
use crate::runs::Value;
use crate::stats::discoveries;

/// Share of the runs in which a parent must be a size above 0.
const MOST: f64 = 0.8;

/// Trends of all nodes, the largest share first.
pub(super) fn trends(ground: &Ground<'_>) -> Vec<Trend> {
    let mut found = Vec::new();
    for &noisy in &ground.noisy {
        found.extend(of_values(ground, noisy, &ground.left.noise[noisy], false));
        if let Some(left) = beyond_process(ground, noisy) {
            found.extend(of_values(ground, noisy, &left, true));
        }
    }
    found.sort_by(|a, b| b.share.total_cmp(&a.share));
    found
}

/// What each run has of a node beyond the equations and beyond what the process knows from all others; NaN where it was not
/// measured. None if the model has no process there, or one that stands for runs by other points.
pub(super) fn beyond_process(ground: &Ground<'_>, noisy: usize) -> Option<Vec<f64>> {
    let fitted = ground.fitted;
    let part = fitted.residual.as_ref()?.part(Target::Noise(noisy))?;
    let left = part.left_out(fitted.model.residual.as_ref()?);
    let noise = &ground.left.noise[noisy];
    let present: Vec<usize> = (0..noise.len()).filter(|&row| !noise[row].is_nan()).collect();
    if present.len() != left.len() {
        return None;
    }
    let mut result = vec![f64::NAN; noise.len()];
    for (row, left) in present.into_iter().zip(left) {
        result[row] = left;
    }
    Some(result)
}

/// What a node's noise may go with: name, rows that have it, and its values there.
struct Parent {
    name: String,
    rows: Vec<usize>,
    against: Against,
}

fn of_values(ground: &Ground<'_>, noisy: usize, noise: &[f64], after_process: bool) -> Vec<Trend> {
    let present: Vec<usize> = (0..noise.len()).filter(|&row| noise[row].is_finite()).collect();
    let pairs: Vec<(String, Association)> = parents(ground, noisy, &present)
        .into_iter()
        .filter_map(|parent| {
            let values: Vec<f64> = parent.rows.iter().map(|&row| noise[row]).collect();
            let groups: Vec<usize> = parent.rows.iter().map(|&row| ground.groups[row]).collect();
            Some((parent.name, association(&values, &parent.against, &groups)?))
        })
        .collect();
    let probabilities: Vec<f64> = pairs.iter().map(|(_, own)| own.probability).collect();
    let node = &ground.fitted.model.nodes[ground.fitted.model.noisy[noisy].node].name;
    let mut seen: Vec<Association> = Vec::new();
    pairs
        .into_iter()
        .zip(discoveries(&probabilities, limits::FALSE_DISCOVERIES))
        .filter(|((_, own), stands)| *stands && own.effect.abs() > limits::WORTH_NAMING)
        .filter_map(|((parent, own), _)| {
            // Parents that say the same of every run are one parent: the first, which is nearest to what is set.
            let is_known = seen.iter().any(|known| known.share == own.share && known.probability == own.probability);
            seen.push(own);
            (!is_known).then(|| Trend {
                node: node.clone(),
                parent,
                after_process,
                effect: own.effect,
                share: own.share,
                probability: own.probability,
            })
        })
        .collect()
}

/// Conditions first, then properties, latents and metrics upstream, each in the order of the graph; then what the model does
/// not know.
fn parents(ground: &Ground<'_>, noisy: usize, present: &[usize]) -> Vec<Parent> {
    let model = &ground.fitted.model;
    let own = model.noisy[noisy].node;
    let above = model.graph.ancestors(&[own]);
    let mut order: Vec<usize> = (0..model.nodes.len()).filter(|&node| above[node] && node != own).collect();
    order.sort_by_key(|&node| match model.nodes[node].role {
        Role::Condition => 0,
        Role::Property => 1,
        _ => 2,
    });
    let of_model = order.into_iter().filter_map(|index| {
        let node = &model.nodes[index];
        let all = ground.values_of(node.value);
        let against = |rows: &[usize]| -> Vec<f64> { rows.iter().map(|&row| all[row]).collect() };
        if node.kind != ValueKind::Number {
            return Some(Parent {
                name: node.name.clone(),
                rows: present.to_vec(),
                against: Against::Category(against(present)),
            });
        }
        sizes(&node.name, present, |row| Some(all[row]))
    });
    of_model.chain(unknown_conditions(ground, present)).collect()
}

fn sizes(name: &str, present: &[usize], value: impl Fn(usize) -> Option<f64>) -> Option<Parent> {
    let (rows, logs): (Vec<usize>, Vec<f64>) = present
        .iter()
        .filter_map(|&row| value(row).filter(|value| value.is_finite() && *value > 0.0).map(|value| (row, value.ln())))
        .unzip();
    let is_most = rows.len() as f64 >= MOST * present.len() as f64;
    is_most.then(|| Parent { name: name.to_owned(), rows, against: Against::Size(logs) })
}

/// Conditions that runs have and the model has not.
fn unknown_conditions(ground: &Ground<'_>, present: &[usize]) -> Vec<Parent> {
    let mut names: Vec<&String> = ground.runs.iter().flat_map(|run| run.conditions.keys()).collect();
    names.sort();
    names.dedup();
    let is_unknown = |name: &&&String| ground.fitted.model.node(name).is_none();
    names
        .iter()
        .filter(is_unknown)
        .filter_map(|name| {
            let value = |row: usize| ground.runs[row].conditions.get(*name);
            if present.iter().any(|&row| value(row).is_some_and(|value| value.number().is_some())) {
                return sizes(name, present, |row| value(row).and_then(Value::number));
            }
            let rows: Vec<usize> = present.iter().copied().filter(|&row| value(row).is_some()).collect();
            let codes = rows.iter().filter_map(|&row| value(row)).map(|own| text_code(&own.to_string())).collect();
            Some(Parent { name: (*name).clone(), rows, against: Against::Category(codes) })
        })
        .collect()
}
