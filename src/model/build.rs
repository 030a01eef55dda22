//! Checks of the whole file: names, cycles, units, use. Then compilation.

use std::collections::HashMap;
use std::ops::Range;

use super::check::{Checker, Type};
use super::compile::compile;
use super::definition::{Definition, NodeDefinition, ValueKind};
use super::error::ModelError;
use super::expression::Expression;
use super::fault::{Fault, span};
use super::graph::Graph;
use super::groups::check_groups;
use super::lookups::{check_lookups, imply_catalog_nodes, unknown_entry};
use super::usage::{check_places, check_use};
use super::{Model, fault};
use crate::catalog::Catalog;
use crate::notes::nearest;
use crate::unit::Dimension;

impl Model {
    /// Checks and compiles a definition.
    pub fn new(mut definition: Definition, catalog: &Catalog) -> Result<Self, ModelError> {
        let mut faults = std::mem::take(&mut definition.faults);
        if !faults.iter().any(|fault| matches!(fault, Fault::Syntax { .. })) {
            imply_catalog_nodes(&mut definition, catalog);
            let names = names(&definition, &mut faults);
            check_lookups(&definition, catalog, &names, &mut faults);
            check_expressions(&definition, catalog, &names, &mut faults);
            check_places(&definition, &names, &mut faults);
            let graph = graph(&definition, &names);
            match graph.order() {
                Err(node) => faults.push(cycle(&definition, &graph, node)),
                Ok(order) => {
                    if !faults.iter().any(Fault::hides_names) {
                        check_use(&definition, &names, &graph, &mut faults);
                    }
                    check_groups(&definition, &names, &graph, &mut faults);
                    if faults.is_empty() {
                        return Ok(compile(definition, &graph, &order));
                    }
                }
            }
        }
        faults.sort_by_key(fault::Fault::offset);
        let mut seen: Vec<Fault> = Vec::new();
        faults.retain(|fault| {
            !seen.contains(fault) && {
                seen.push(fault.clone());
                true
            }
        });
        Err(ModelError::new(&definition.file, &definition.text, faults))
    }

    /// Reads, checks and compiles the text of a model file.
    pub fn parse(file: &str, text: &str, catalog: &Catalog) -> Result<Self, ModelError> {
        Self::new(Definition::parse(file, text), catalog)
    }
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Named {
    Node(usize),
    Parameter(usize),
    Regime(usize),
}

/// Every expression of the file.
pub(super) fn expressions(definition: &Definition) -> Vec<&Expression> {
    let nodes = definition.nodes.iter().flat_map(|node| {
        [&node.equation, &node.missing, &node.noise, &node.at_least].into_iter().flatten().map(|(_, parsed)| parsed)
    });
    let parameters = definition.parameters.iter().filter_map(|parameter| parameter.only.as_ref()).map(|(_, e)| e);
    let regimes = definition.regimes.iter().map(|regime| &regime.probability.1);
    let constraints = definition.constraints.iter().map(|constraint| &constraint.require.1);
    nodes.chain(parameters).chain(regimes).chain(constraints).chain(questions(definition)).collect()
}

/// Expressions of the residual process and of the kinds of questions: no equation uses them.
pub(super) fn questions(definition: &Definition) -> impl Iterator<Item = &Expression> {
    let residual = definition.residual.iter();
    let features = residual.clone().flat_map(|own| own.features.iter().map(|(_, (_, parsed))| parsed));
    let levels = residual.clone().flat_map(|own| own.kernels.iter().flat_map(|kernel| &kernel.levels));
    let noise = residual.flat_map(|own| &own.noise);
    let shifts = definition.shifts.iter().flat_map(|shift| &shift.by);
    features.chain(levels.chain(noise).chain(shifts).map(|(_, parsed)| parsed))
}

/// The table of names; duplicates are faults.
fn names(definition: &Definition, faults: &mut Vec<Fault>) -> HashMap<String, Named> {
    let nodes = definition.nodes.iter().enumerate().map(|(i, node)| (&node.name, &node.at, Named::Node(i)));
    let parameters = definition.parameters.iter().enumerate().map(|(i, own)| (&own.name, &own.at, Named::Parameter(i)));
    let regimes = definition.regimes.iter().enumerate().map(|(i, own)| (&own.name, &own.at, Named::Regime(i)));
    let mut names: HashMap<String, Named> = HashMap::new();
    let mut places: HashMap<&String, &Range<usize>> = HashMap::new();
    let mut all: Vec<_> = nodes.chain(parameters).chain(regimes).collect();
    all.sort_by_key(|(_, at, _)| at.start);
    for (name, at, what) in all {
        if let Some(first) = places.insert(name, at) {
            faults.push(Fault::Duplicate { name: name.clone(), at: span(at), first: span(first) });
        }
        names.insert(name.clone(), what);
    }
    names
}

pub(super) fn unknown_name(name: &str, at: &Range<usize>, names: &HashMap<String, Named>) -> Fault {
    let mut sorted: Vec<&str> = names.keys().map(String::as_str).collect();
    sorted.sort_unstable();
    let help = nearest(name, sorted).map_or_else(
        || format!("no name is near it: define it, such as in `[condition.{name}]` or `[parameter.{name}]`"),
        |near| format!("did you mean `{near}`?"),
    );
    let help = Some(help);
    Fault::UnknownName { name: name.to_owned(), at: span(at), help }
}

fn type_of(definition: &Definition, named: Named) -> Type {
    match named {
        Named::Node(index) => {
            let node = &definition.nodes[index];
            match node.kind {
                ValueKind::Number => Type::Number(Some(node.unit.dimension)),
                ValueKind::Name => Type::Text,
                ValueKind::Flag => Type::Truth,
            }
        }
        Named::Parameter(index) => Type::Number(Some(definition.parameters[index].unit.dimension)),
        Named::Regime(_) => Type::Text,
    }
}

/// Names, kinds and units of every expression.
fn check_expressions(
    definition: &Definition,
    catalog: &Catalog,
    names: &HashMap<String, Named>,
    faults: &mut Vec<Fault>,
) {
    for expression in expressions(definition) {
        expression.names(&mut |name, at| {
            if !names.contains_key(name) {
                let looked_up = name.split_once('.').filter(|(table, _)| names.contains_key(*table));
                let fault = looked_up.and_then(|(table, attribute)| unknown_entry(catalog, table, attribute, at));
                faults.push(fault.unwrap_or_else(|| unknown_name(name, at, names)));
            }
        });
    }
    let is_unsure = |name: &str| definition.unsure.iter().any(|unsure| unsure == name);
    let lookup = |name: &str| names.get(name).filter(|_| !is_unsure(name)).map(|&named| type_of(definition, named));
    let mut checker = Checker { lookup: &lookup, faults: Vec::new() };
    for node in &definition.nodes {
        for (_, expression) in [&node.equation, &node.missing, &node.at_least].into_iter().flatten() {
            if is_unsure(&node.name) {
                let _ = checker.infer(expression);
            } else {
                check_node(&mut checker, node, expression);
            }
        }
        if let Some((_, noise)) = &node.noise {
            expect(&mut checker, noise, Type::Number(Some(Dimension::ONE)), &format!("the noise of `{}`", node.name));
        }
    }
    for parameter in &definition.parameters {
        if let Some((_, only)) = &parameter.only {
            expect(&mut checker, only, Type::Truth, &format!("`where` of `{}`", parameter.name));
        }
    }
    for regime in &definition.regimes {
        let what = format!("the probability of `{}`", regime.name);
        expect(&mut checker, &regime.probability.1, Type::Number(Some(Dimension::ONE)), &what);
    }
    for constraint in &definition.constraints {
        expect(&mut checker, &constraint.require.1, Type::Truth, &format!("`require` of `{}`", constraint.name));
    }
    for (name, (_, feature)) in definition.residual.iter().flat_map(|own| &own.features) {
        expect(&mut checker, feature, Type::Number(Some(Dimension::ONE)), &format!("feature `{}`", name.text));
    }
    let levels = definition.residual.iter().flat_map(|own| own.kernels.iter().flat_map(|kernel| &kernel.levels));
    let noise = definition.residual.iter().flat_map(|own| &own.noise);
    for (_, level) in levels.chain(noise).chain(definition.shifts.iter().flat_map(|shift| &shift.by)) {
        let _ = checker.infer(level);
    }
    faults.extend(checker.faults);
}

/// A node's expression must be what the node is.
fn check_node(checker: &mut Checker<'_>, node: &NodeDefinition, expression: &Expression) {
    let Some(found) = checker.infer(expression) else { return };
    match (node.kind, found) {
        (ValueKind::Number, Type::Number(None)) | (ValueKind::Name, Type::Text) | (ValueKind::Flag, Type::Truth) => {}
        (ValueKind::Number, Type::Number(Some(dimension))) => {
            if dimension != node.unit.dimension {
                checker.faults.push(Fault::NodeUnit {
                    node: node.name.clone(),
                    what: "its equation",
                    expected: node.unit.dimension,
                    found: dimension,
                    at: span(&expression.at),
                    help: format!(
                        "the equation lacks a factor in {}, or the unit is wrong",
                        node.unit.dimension / dimension
                    ),
                });
            }
        }
        (kind, found) => checker.faults.push(Fault::WrongKind {
            what: format!("`{}`", node.name),
            expected: match kind {
                ValueKind::Number => "a number",
                ValueKind::Name => "a category",
                ValueKind::Flag => "a condition",
            }
            .to_owned(),
            found: words(found).to_owned(),
            at: span(&expression.at),
        }),
    }
}

fn words(found: Type) -> &'static str {
    match found {
        Type::Number(_) => "a number",
        Type::Truth => "a condition",
        Type::Text => "a category",
    }
}

fn expect(checker: &mut Checker<'_>, expression: &Expression, expected: Type, what: &str) {
    let Some(found) = checker.infer(expression) else { return };
    let fits = match (expected, found) {
        (Type::Number(Some(wanted)), Type::Number(dimension)) => dimension.is_none_or(|dimension| dimension == wanted),
        (wanted, found) => wanted == found,
    };
    if !fits {
        checker.faults.push(Fault::WrongKind {
            what: what.to_owned(),
            expected: if matches!(expected, Type::Truth) { "a condition" } else { "a pure number" }.to_owned(),
            found: match found {
                Type::Number(Some(dimension)) => format!("a number in {dimension}"),
                other => words(other).to_owned(),
            },
            at: span(&expression.at),
        });
    }
}

/// Edges from every node that an equation, a default, a noise or a parameter's levels use.
fn graph(definition: &Definition, names: &HashMap<String, Named>) -> Graph {
    let mut edges = Vec::new();
    for (child, node) in definition.nodes.iter().enumerate() {
        for parent in parents(definition, names, node) {
            edges.push((parent, child));
        }
    }
    Graph::new(definition.nodes.len(), &edges)
}

/// Nodes that a node reads, also through the levels and `where` of its parameters and the regimes it uses.
fn parents(definition: &Definition, names: &HashMap<String, Named>, node: &NodeDefinition) -> Vec<usize> {
    let mut found = Vec::new();
    let mut open: Vec<&Expression> =
        [&node.equation, &node.missing].into_iter().flatten().map(|(_, expression)| expression).collect();
    let mut seen_parameters = Vec::new();
    while let Some(expression) = open.pop() {
        expression.names(&mut |name, _| match names.get(name) {
            Some(Named::Node(index)) => found.push(*index),
            Some(Named::Parameter(index)) if !seen_parameters.contains(index) => {
                seen_parameters.push(*index);
                let parameter = &definition.parameters[*index];
                open.extend(parameter.only.as_ref().map(|(_, only)| only));
                let levels = parameter.per.iter().filter_map(|key| match names.get(&key.text) {
                    Some(Named::Node(index)) => Some(*index),
                    _ => None,
                });
                let is_given = |index: &usize| definition.nodes[*index].equation.is_none();
                found.extend(levels.filter(is_given));
            }
            _ => {}
        });
    }
    if let Some(from) = &node.from {
        found.extend(from.keys.iter().filter_map(|key| match names.get(key) {
            Some(Named::Node(index)) => Some(*index),
            _ => None,
        }));
    }
    found
}

fn cycle(definition: &Definition, graph: &Graph, node: usize) -> Fault {
    let indices = graph.cycle_through(node);
    let mut path: Vec<String> = indices.iter().map(|&index| definition.nodes[index].name.clone()).collect();
    path.extend(path.first().cloned());
    let first = &definition.nodes[indices[0]];
    let at = first.equation.as_ref().map_or(&first.at, |(text, _)| &text.at);
    let help = "a cause cannot depend on its effect: take one of these names out of an equation".to_owned();
    Fault::Cycle { path, at: span(at), help }
}
