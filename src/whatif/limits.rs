//! Does a changed configuration keep every limit, and by how much?

use super::reference::{Expected, Reference};
use super::result::Limit;
use crate::model::{Constraint, Slot};
use crate::predict::input_of;
use crate::stats::{NORMAL_QUANTILE_90, normal_probability};

/// Values of a condition that are tried where a limit has no largest value.
const TRIED: u32 = 16;

/// The limits of every run of an expectation.
pub(super) fn limits(reference: &Reference<'_>, expected: &Expected) -> Vec<Vec<Limit>> {
    let (values, _) = reference.fitted.evaluate(&expected.frame, &(0..expected.frame.rows()));
    let constraints = &reference.fitted.model.constraints;
    (0..expected.frame.rows())
        .map(|row| {
            let with_proof = constraints.iter().zip(&expected.proven);
            with_proof.map(|(own, proven)| limit(reference, expected, &values, own, proven[row], row)).collect()
        })
        .collect()
}

fn limit(
    reference: &Reference<'_>,
    expected: &Expected,
    values: &[f64],
    constraint: &Constraint,
    proven: Option<f64>,
    row: usize,
) -> Limit {
    let model = &reference.fitted.model;
    let rows = expected.frame.rows();
    let at = |slot: Slot| values[slot as usize * rows + row];
    let of_node = |name: &str| model.node(name).map(|node| at(node.value));
    let asked = of_node(&constraint.limits).unwrap_or(f64::NAN);
    let supply = constraint.supply.as_deref().and_then(of_node).unwrap_or(f64::INFINITY);
    let demand = asked.min(supply);
    let is_proven = proven.is_some_and(|proven| demand <= proven);
    let holds = is_proven || at(constraint.holds) != 0.0;
    let ceiling = constraint.ceiling.map(|node| {
        let spread = reference.fitted.bound_spread(node);
        let ceiling = at(model.nodes[node].value);
        (ceiling.max(proven.unwrap_or(0.0)), spread)
    });
    let probability = ceiling
        .filter(|(_, spread)| *spread > 0.0)
        .map(|(ceiling, spread)| if is_proven { 1.0 } else { normal_probability((ceiling / demand).ln() / spread) });
    let largest = ceiling.map(|(ceiling, spread)| {
        let factor = (NORMAL_QUANTILE_90 * spread).exp();
        (ceiling, [(ceiling / factor).max(proven.unwrap_or(0.0)), ceiling * factor])
    });
    let shown = |node: usize| {
        let node = &model.nodes[node];
        (node.name.clone(), node.unit.label.clone(), at(node.value))
    };
    let allowed = if holds || largest.is_some() { Vec::new() } else { allowed(reference, expected, constraint, row) };
    Limit {
        constraint: constraint.name.clone(),
        meaning: constraint.meaning.clone(),
        holds,
        probability,
        condition: constraint.limits.clone(),
        largest,
        allowed,
        parts: constraint.parts.iter().map(|&node| shown(node)).collect(),
        whole: constraint.whole.map(shown),
    }
}

/// The small whole values of the limited condition that keep a constraint.
fn allowed(reference: &Reference<'_>, expected: &Expected, constraint: &Constraint, row: usize) -> Vec<f64> {
    let Some(input) = input_of(&reference.fitted.model, &constraint.limits) else { return Vec::new() };
    let mut frame = expected.frame.some(&vec![row; TRIED as usize]);
    for (tried, value) in frame.inputs[input].iter_mut().enumerate() {
        *value = tried as f64 + 1.0;
    }
    let rows = TRIED as usize;
    let (values, _) = reference.fitted.evaluate(&frame, &(0..rows));
    (0..rows)
        .filter(|tried| values[constraint.holds as usize * rows + tried] != 0.0)
        .map(|at| at as f64 + 1.0)
        .collect()
}
