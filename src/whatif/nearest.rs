//! Measured runs near a changed one: what the answer may be held against.

use super::result::Neighbor;
use crate::catalog::Catalog;
use crate::fit::{Fitted, View, gap, views, worst};
use crate::model::{Frame, Role, canonical};
use crate::runs::{Run, Value};

/// Numbers that differ by less, such as lengths of answers between two runs of one load, are not told.
const SAME: f64 = 0.01;
/// Runs named for an answer at most.
const MOST: usize = 2;

/// The store's runs as kinds of questions see them.
pub(super) struct Measured {
    runs: Vec<Run>,
    views: Vec<View>,
}

impl Measured {
    /// Of the store's runs those that have a measured metric and that the model can take.
    pub(super) fn new(fitted: &Fitted, catalog: &Catalog, store: &[&Run], metric: &str) -> Self {
        let model = &fitted.model;
        let is_ours = |run: &&&Run| model.takes_run(run) && run.metrics.contains_key(metric);
        let runs: Vec<Run> = store.iter().filter(is_ours).map(|run| canonical(run, catalog)).collect();
        // A run that lacks what the model needs is no neighbor, and no fault of the question.
        let runs = match Frame::new(model, catalog, &runs) {
            Ok(_) => runs,
            Err(_) => {
                runs.into_iter().filter(|run| Frame::new(model, catalog, std::slice::from_ref(run)).is_ok()).collect()
            }
        };
        let views = Frame::new(model, catalog, &runs).map_or_else(
            |_| Vec::new(),
            |frame| views(model, &fitted.evaluate(&frame, &(0..runs.len())).0, runs.len()),
        );
        Self { runs, views }
    }

    /// The nearest to a run seen as `view`.
    pub(super) fn nearest(&self, fitted: &Fitted, run: &Run, view: &View, metric: &str) -> Vec<Neighbor> {
        let mut order: Vec<(Option<usize>, f64, usize)> =
            self.views.iter().enumerate().map(|(index, own)| (worst(view, own), gap(view, own), index)).collect();
        order.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        let conditions = fitted.model.nodes.iter().filter(|node| node.role == Role::Condition);
        let conditions: Vec<&str> = conditions.map(|node| node.name.as_str()).collect();
        let neighbor = |&(_, _, index): &(Option<usize>, f64, usize)| {
            let other = &self.runs[index];
            let differs = |name: &&&str| !is_alike(other.conditions.get(**name), run.conditions.get(**name));
            let told = |name: &&str| ((*name).to_owned(), other.conditions.get(*name).cloned());
            Neighbor {
                id: other.id.clone(),
                value: other.metrics.get(metric).copied(),
                otherwise: conditions.iter().filter(differs).map(told).collect(),
            }
        };
        order.iter().take(MOST).map(neighbor).collect()
    }
}

/// Whether two values are the same to a reader.
fn is_alike(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a.and_then(Value::number), b.and_then(Value::number)) {
        (Some(a), Some(b)) => (a - b).abs() <= SAME * a.abs().max(b.abs()),
        _ => a == b,
    }
}
