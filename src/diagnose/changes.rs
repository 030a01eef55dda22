//! What changed between two runs, before any cause is asked for: the terms of the metric's identity, and the latents.

use super::result::{IdentityTerm, LatentValue};
use crate::attribute::mechanism_shares;
use crate::catalog::Catalog;
use crate::fit::Fitted;
use crate::model::{FrameError, Model, Role};
use crate::predict::Abducted;
use crate::whatif::intervene;

/// Latents whose value differs by more than 0.1 %, largest change first.
pub(super) fn latents(model: &Model, a: &Abducted, b: &Abducted) -> Vec<LatentValue> {
    let mut found: Vec<LatentValue> = model
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.role == Role::Latent && node.is_number())
        .filter_map(|(index, node)| {
            let (x, y) = (a.values[index], b.values[index]);
            let differs = x.is_finite() && y.is_finite() && (x - y).abs() > 1e-3 * x.abs().max(y.abs());
            differs.then(|| LatentValue {
                name: node.name.clone(),
                unit: node.unit.label.clone(),
                a: x,
                b: y,
                meaning: node.meaning.clone(),
                mechanism: model.mechanism_of[index].map(|mechanism| model.mechanisms[mechanism].clone()),
            })
        })
        .collect();
    let size =
        |latent: &LatentValue| if latent.a > 0.0 && latent.b > 0.0 { (latent.b / latent.a).ln().abs() } else { 0.0 };
    found.sort_by(|x, y| size(y).total_cmp(&size(x)));
    found
}

/// The metric's own identity: factors of the nodes it is computed from, by the log-mean decomposition.
pub(super) fn identities(
    fitted: &Fitted,
    catalog: &Catalog,
    target: usize,
    a: &Abducted,
    b: &Abducted,
) -> Result<Vec<IdentityTerm>, FrameError> {
    let model = &fitted.model;
    if model.nodes[target].role != Role::Identity {
        return Ok(Vec::new());
    }
    let before = intervene(fitted, catalog, a, &[])?;
    let after = intervene(fitted, catalog, b, &[])?;
    let terms = identity_terms(model, target);
    let mut labels = vec![None; model.tape.ops.len()];
    for (label, &term) in terms.iter().enumerate() {
        labels[model.nodes[term].value as usize] = Some(label);
    }
    // Only what lies between the target and its terms may be passed: the terms end the descent.
    let shares = mechanism_shares(
        &model.tape.ending_at(&terms.iter().map(|&term| model.nodes[term].value).collect::<Vec<_>>()),
        &labels,
        terms.len(),
        before.slots(),
        after.slots(),
        model.nodes[target].value,
    );
    Ok(terms
        .iter()
        .zip(shares)
        .map(|(&term, share)| IdentityTerm {
            term: model.nodes[term].name.clone(),
            unit: model.nodes[term].unit.label.clone(),
            a: before.values[term],
            b: after.values[term],
            factor: share.exp(),
        })
        .collect())
}

/// Parents of an identity, identities themselves resolved only if nothing measured stands for them.
fn identity_terms(model: &Model, target: usize) -> Vec<usize> {
    let mut terms = Vec::new();
    for parent in model.graph.parents(target) {
        let is_outer = model.nodes[parent].role == Role::Identity && model.nodes[parent].name.starts_with("energy_");
        if is_outer { terms.extend(identity_terms(model, parent)) } else { terms.push(parent) }
    }
    terms.sort_unstable();
    terms.dedup();
    terms
}
