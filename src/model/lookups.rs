//! Catalog look-ups: the tables and attributes that a model file names, and the levels that follow from them.

use std::collections::HashMap;
use std::ops::Range;

use super::build::{Named, expressions, unknown_name};
use super::definition::{CatalogReference, Definition, NodeDefinition, ParameterDefinition, Role, ValueKind};
use super::fault::{Fault, span};
use crate::catalog::Catalog;
use crate::notes::{list, nearest};
use crate::unit::Unit;

/// `gpu.tdp` in an equation, or in a list of latents, is short for a property looked up by the condition `gpu`.
pub(super) fn imply_catalog_nodes(definition: &mut Definition, catalog: &Catalog) {
    let mut found: Vec<(String, Range<usize>)> = Vec::new();
    for expression in expressions(definition) {
        expression.names(&mut |name, at| found.push((name.to_owned(), at.clone())));
    }
    let grouped = definition.causes.iter().flat_map(|cause| &cause.from);
    let grouped = grouped.chain(definition.mechanisms.iter().flat_map(|mechanism| &mechanism.latents));
    found.extend(grouped.map(|text| (text.text.clone(), text.at.clone())));
    for (name, at) in found {
        let Some((table, attribute)) = name.split_once('.') else { continue };
        let Some(dimension) = catalog.unit(table, attribute) else { continue };
        let is_there = |node: &NodeDefinition, name: &str| node.name == name;
        if definition.nodes.iter().any(|node| is_there(node, &name))
            || !definition.nodes.iter().any(|node| is_there(node, table))
        {
            continue;
        }
        definition.nodes.push(NodeDefinition {
            name: name.clone(),
            at: at.clone(),
            role: Role::Property,
            kind: ValueKind::Number,
            meaning: String::new(),
            unit: Unit { label: dimension.to_string(), factor: 1.0, dimension },
            equation: None,
            parents: Vec::new(),
            missing: None,
            from: Some(CatalogReference {
                table: table.to_owned(),
                keys: vec![table.to_owned()],
                attribute: attribute.to_owned(),
                at: at.clone(),
            }),
            observed: None,
            noise: None,
            at_least: None,
            show: false,
            tasks: Vec::new(),
            source: String::new(),
            valid: String::new(),
            needs: String::new(),
        });
    }
}

/// Look-ups must name a table and attribute that the catalog has, of the kind and in the unit that it has.
pub(super) fn check_lookups(
    definition: &Definition,
    catalog: &Catalog,
    names: &HashMap<String, Named>,
    faults: &mut Vec<Fault>,
) {
    for node in &definition.nodes {
        let Some(from) = &node.from else { continue };
        for key in from.keys.iter().filter(|key| !matches!(names.get(*key), Some(Named::Node(_)))) {
            faults.push(unknown_name(key, &from.at, names));
        }
        if let Some(fault) = unknown_entry(catalog, &from.table, &from.attribute, &from.at) {
            faults.push(fault);
        } else {
            faults.extend(shape_fault(node, from, catalog));
        }
    }
    for parameter in &definition.parameters {
        check_levels(definition, catalog, parameter, faults);
    }
}

/// A table or attribute that the catalog lacks.
pub(super) fn unknown_entry(catalog: &Catalog, table: &str, attribute: &str, at: &Range<usize>) -> Option<Fault> {
    let fault = |name: &str, place: String, known: &[&str]| {
        let help = nearest(name, known.iter().copied()).map_or_else(
            || if known.is_empty() { "it is empty".to_owned() } else { format!("it has {}", list(known)) },
            |near| format!("did you mean `{near}`?"),
        );
        Some(Fault::UnknownEntry { name: name.to_owned(), place, at: span(at), help })
    };
    let tables: Vec<&str> = catalog.tables().collect();
    if !tables.contains(&table) {
        return fault(table, "the catalog has no table".to_owned(), &tables);
    }
    let attributes = catalog.attributes(table);
    if attributes.contains(&attribute) {
        return None;
    }
    fault(attribute, format!("table `{table}` of the catalog has no attribute"), &attributes)
}

/// An attribute in another unit, or of another kind, than its property.
fn shape_fault(node: &NodeDefinition, from: &CatalogReference, catalog: &Catalog) -> Option<Fault> {
    match (catalog.unit(&from.table, &from.attribute), node.kind) {
        (Some(dimension), ValueKind::Number) if dimension != node.unit.dimension => Some(Fault::NodeUnit {
            node: node.name.clone(),
            what: "the catalog's value",
            expected: node.unit.dimension,
            found: dimension,
            at: span(&from.at),
            help: format!("write `unit = \"{dimension}\"`, or any other name of that unit"),
        }),
        (Some(_), ValueKind::Number) | (None, ValueKind::Name | ValueKind::Flag) => None,
        (unit, _) => Some(Fault::WrongKind {
            what: format!("`{}`", node.name),
            expected: if unit.is_some() { "a number (leave `type` out)" } else { "`type = \"name\"` or `\"flag\"`" }
                .to_owned(),
            found: if unit.is_some() { "declared as another kind" } else { "declared as a number" }.to_owned(),
            at: span(&from.at),
        }),
    }
}

/// A level with a prior of its own must be one that a run can be at.
fn check_levels(definition: &Definition, catalog: &Catalog, parameter: &ParameterDefinition, faults: &mut Vec<Fault>) {
    for (level, _) in &parameter.levels {
        let parts: Vec<&str> = level.text.split(" | ").collect();
        let mut refuse = |reason: String, help: String| {
            faults.push(Fault::Prior { reason, at: span(&level.at), help });
        };
        if parts.len() != parameter.per.len() {
            let keys: Vec<&str> = parameter.per.iter().map(|key| key.text.as_str()).collect();
            let reason = format!("`{}` has no level `{}`", parameter.name, level.text);
            refuse(
                reason,
                if keys.is_empty() {
                    "write `per = [\"gpu\"]`, or take `level` away".to_owned()
                } else {
                    format!("a level has a value for each of {}, written `level.\"{}\"`", list(&keys), keys.join(" | "))
                },
            );
            continue;
        }
        for (key, part) in parameter.per.iter().zip(parts) {
            let known = values_of(definition, catalog, &key.text);
            if !known.is_empty() && !known.contains(&part) {
                let help = nearest(part, known.iter().copied())
                    .map_or_else(|| format!("they are {}", list(&known)), |near| format!("did you mean `{near}`?"));
                refuse(format!("`{part}` is none of the values of `{}` that the catalog knows", key.text), help);
            }
        }
    }
}

/// The values that a condition can take, where a required property is looked up by it alone; else none are known.
fn values_of<'a>(definition: &'a Definition, catalog: &'a Catalog, key: &str) -> Vec<&'a str> {
    let is_required = |node: &&NodeDefinition| node.role == Role::Property && node.missing.is_none();
    definition
        .nodes
        .iter()
        .filter(is_required)
        .filter_map(|node| node.from.as_ref())
        .find(|from| from.keys == [key])
        .map(|from| catalog.keys(&from.table))
        .unwrap_or_default()
}
