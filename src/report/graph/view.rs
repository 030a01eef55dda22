//! A model with a choice of its nodes, and what its file says of each.

use std::collections::BTreeSet;

use crate::fit::{Fitted, ParameterEstimate, estimates};
use crate::model::{Definition, Model, Node, NodeDefinition, ParameterDefinition, RegimeDefinition, Role};
use crate::notes::nearest;
use crate::stats::NORMAL_QUANTILE_90;
use crate::unit::{Unit, show, show_plain};

/// What is drawn of a model.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// The model.
    pub model: &'a Model,
    /// Its file as written, for what a compiled model no longer holds.
    definition: Definition,
    /// Whether each node is shown.
    shown: Vec<bool>,
    /// Estimates of its parameters, or their priors.
    estimates: Vec<ParameterEstimate>,
    /// Whether the estimates are fitted.
    pub is_fitted: bool,
}

impl<'a> View<'a> {
    /// The whole of a model; without a fit its parameters are shown as their priors have them.
    pub fn new(model: &'a Model, fitted: Option<&Fitted>) -> Self {
        let priors = || model.parameters.iter().map(|own| prior(&own.definition)).collect();
        Self {
            model,
            definition: Definition::parse(&model.file, &model.text),
            shown: vec![true; model.nodes.len()],
            estimates: fitted.map_or_else(priors, estimates),
            is_fitted: fitted.is_some(),
        }
    }

    /// Only what follows from `from` and leads to `to`.
    #[must_use]
    pub fn between(mut self, from: Option<usize>, to: Option<usize>) -> Self {
        if let Some(from) = from {
            self.keep(&self.model.graph.descendants(&[from]));
        }
        if let Some(to) = to {
            self.keep(&self.model.graph.ancestors(&[to]));
        }
        self
    }

    /// Only what these nodes follow from, and what follows from them.
    #[must_use]
    pub fn around(mut self, nodes: &[usize]) -> Self {
        let (above, below) = (self.model.graph.ancestors(nodes), self.model.graph.descendants(nodes));
        let either: Vec<bool> = above.into_iter().zip(below).map(|(above, below)| above || below).collect();
        self.keep(&either);
        self
    }

    fn keep(&mut self, kept: &[bool]) {
        self.shown.iter_mut().zip(kept).for_each(|(shown, kept)| *shown &= kept);
    }

    /// Indices of the nodes shown, parents first.
    pub fn nodes(&self) -> impl Iterator<Item = usize> {
        (0..self.shown.len()).filter(|&node| self.shown[node])
    }

    /// The node of an index.
    pub(super) fn node(&self, index: usize) -> &'a Node {
        &self.model.nodes[index]
    }

    /// Direct causes that are shown.
    pub(super) fn parents(&self, node: usize) -> Vec<usize> {
        self.model.graph.parents(node).into_iter().filter(|&parent| self.shown[parent]).collect()
    }

    /// Direct effects that are shown.
    pub(super) fn children(&self, node: usize) -> Vec<usize> {
        self.model.graph.children(node).into_iter().filter(|&child| self.shown[child]).collect()
    }

    /// Edges between nodes that are shown, as (cause, effect).
    pub(super) fn edges(&self) -> Vec<(usize, usize)> {
        self.nodes().flat_map(|child| self.parents(child).into_iter().map(move |parent| (parent, child))).collect()
    }

    /// Whether each node is given by the run or a catalog alone: nothing computed leads to it.
    pub(super) fn given(&self) -> Vec<bool> {
        let mut given = vec![false; self.model.nodes.len()];
        for (index, node) in self.model.nodes.iter().enumerate() {
            let is_input = matches!(node.role, Role::Condition | Role::Property);
            given[index] = is_input && self.model.graph.parents(index).iter().all(|&parent| given[parent]);
        }
        given
    }

    /// The node as its file has it; catalog attributes that equations only name have no entry of their own.
    pub(super) fn written(&self, node: usize) -> Option<&NodeDefinition> {
        let name = &self.node(node).name;
        self.definition.nodes.iter().find(|own| own.name == *name)
    }

    /// The hidden states that act on a node: name, states, and the probability of the second.
    pub(super) fn regimes(&self, node: usize) -> impl Iterator<Item = &RegimeDefinition> {
        let name = &self.node(node).name;
        self.definition.regimes.iter().filter(move |regime| regime.affects.text == *name)
    }

    /// Parameters that the equation, the default, the noise, the bound and the hidden states of a node use, in the
    /// order of the file.
    pub(super) fn parameters(&self, node: usize) -> Vec<&ParameterDefinition> {
        let Some(written) = self.written(node) else { return Vec::new() };
        let texts = [&written.equation, &written.missing, &written.noise, &written.at_least];
        let expressions = texts.into_iter().flatten().map(|(_, parsed)| parsed);
        let mut used = BTreeSet::new();
        for expression in expressions.chain(self.regimes(node).map(|regime| &regime.probability.1)) {
            expression.names(&mut |name, _| {
                used.insert(name.to_owned());
            });
        }
        self.definition.parameters.iter().filter(|own| used.contains(&own.name)).collect()
    }

    /// The estimates of a parameter: the pooled value, then its levels.
    pub(super) fn estimates(&self, parameter: &str) -> impl Iterator<Item = &ParameterEstimate> {
        self.estimates.iter().filter(move |estimate| estimate.name == parameter)
    }

    /// The node that a mistyped name may have meant.
    pub fn nearest(&self, name: &str) -> Option<&'a str> {
        nearest(name, self.model.nodes.iter().map(|node| node.name.as_str()))
    }
}

/// What the prior alone says of a parameter.
fn prior(definition: &ParameterDefinition) -> ParameterEstimate {
    let at = |x: f64| definition.prior.value(x).0;
    ParameterEstimate {
        name: definition.name.clone(),
        level: String::new(),
        value: at(0.0),
        lower: at(-NORMAL_QUANTILE_90),
        upper: at(NORMAL_QUANTILE_90),
        unit: definition.unit.label.clone(),
        decided: 0.0,
    }
}

/// A value in SI, shown in the unit of this label.
pub(in crate::report) fn in_unit(value: f64, label: &str) -> String {
    match Unit::parse(label) {
        Ok(unit) if unit.factor != 1.0 => format!("{} {label}", show_plain(value / unit.factor)),
        _ => show(value, label),
    }
}
