//! Causes and mechanisms: every condition and noise in one cause, every latent in at most one mechanism.

use std::collections::HashMap;

use super::build::{Named, unknown_name};
use super::definition::{Definition, Role};
use super::fault::{Fault, span};
use super::graph::Graph;
use super::reader::Text;
use super::{Cause, NoisyNode};
use crate::runs::condition_name;

/// Checks the groups of a file.
pub(super) fn check_groups(
    definition: &Definition,
    names: &HashMap<String, Named>,
    graph: &Graph,
    faults: &mut Vec<Fault>,
) {
    let is_whole = !faults.iter().any(Fault::hides_names);
    let mut cause_of: HashMap<&str, &str> = HashMap::new();
    for cause in &definition.causes {
        for text in cause.from.iter().chain(&cause.noise) {
            once(&mut cause_of, &cause.name, text, "cause", faults);
        }
        for text in &cause.from {
            let role = role_of(definition, names, &text.text);
            let is_known_condition = condition_name(&text.text).is_some();
            match role {
                Some(Role::Condition | Role::Property) => {}
                None if is_known_condition => {}
                None => faults.push(unknown_name(&text.text, &text.at, names)),
                Some(other) => faults.push(Fault::Grouping {
                    reason: format!("`{}` is {}, and a cause is made of conditions", text.text, other.article()),
                    at: span(&text.at),
                    help: "a mechanism is made of latents; the part of a node that its equation does not say \
                           stands under `noise`"
                        .to_owned(),
                }),
            }
        }
        for text in &cause.noise {
            let noisy = definition.nodes.iter().any(|node| node.name == text.text && node.noise.is_some())
                || definition.regimes.iter().any(|regime| regime.name == text.text);
            if !names.contains_key(&text.text) {
                faults.push(unknown_name(&text.text, &text.at, names));
            } else if !noisy && is_whole {
                faults.push(Fault::Grouping {
                    reason: format!("`{}` has no noise", text.text),
                    at: span(&text.at),
                    help: "write `noise = { lognormal = 0.02 }` in its table, or take it out of the cause".to_owned(),
                });
            }
        }
    }
    if is_whole {
        check_members(definition, &cause_of, graph, faults);
    }
    check_mechanisms(definition, names, faults);
}

/// Conditions that reach a metric, and noises, must have a cause.
fn check_members(definition: &Definition, cause_of: &HashMap<&str, &str>, graph: &Graph, faults: &mut Vec<Fault>) {
    let ends: Vec<usize> = definition
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.role.is_outcome())
        .map(|(index, _)| index)
        .collect();
    let reaches = graph.ancestors(&ends);
    for (node, reaches) in definition.nodes.iter().zip(reaches) {
        let what = match node.role {
            Role::Condition if reaches => "condition",
            // A bound is a noise of its own that no cause is charged with: both runs share it.
            _ if node.noise.is_some() && node.at_least.is_none() => "noise of",
            _ => continue,
        };
        if !cause_of.contains_key(node.name.as_str()) {
            faults.push(Fault::Grouping {
                reason: format!("{what} `{}` belongs to no cause", node.name),
                at: span(&node.at),
                help: "name it in the `from` (or `noise`) of one `[cause.…]`".to_owned(),
            });
        }
    }
}

fn check_mechanisms(definition: &Definition, names: &HashMap<String, Named>, faults: &mut Vec<Fault>) {
    let mut mechanism_of: HashMap<&str, &str> = HashMap::new();
    for mechanism in &definition.mechanisms {
        for text in &mechanism.latents {
            once(&mut mechanism_of, &mechanism.name, text, "mechanism", faults);
            match (names.contains_key(&text.text), role_of(definition, names, &text.text)) {
                (false, _) => faults.push(unknown_name(&text.text, &text.at, names)),
                (true, None | Some(Role::Condition)) => faults.push(Fault::Grouping {
                    reason: format!("`{}` is no latent, and a mechanism is made of latents", text.text),
                    at: span(&text.at),
                    help: "conditions belong to a cause; parameters are part of the latents that use them".to_owned(),
                }),
                _ => {}
            }
        }
    }
}

/// A member of two groups is a fault.
fn once<'d>(
    group_of: &mut HashMap<&'d str, &'d str>,
    group: &'d str,
    text: &'d Text,
    kind: &str,
    faults: &mut Vec<Fault>,
) {
    if let Some(first) = group_of.insert(&text.text, group) {
        faults.push(Fault::Grouping {
            reason: format!("`{}` belongs to two {kind}s, `{first}` and `{group}`", text.text),
            at: span(&text.at),
            help: format!("leave it in one {kind}"),
        });
    }
}

fn role_of(definition: &Definition, names: &HashMap<String, Named>, name: &str) -> Option<Role> {
    match names.get(name) {
        Some(Named::Node(index)) => Some(definition.nodes[*index].role),
        _ => None,
    }
}

/// The causes of a checked file.
pub(super) fn causes(definition: &Definition, index: &HashMap<String, usize>, noisy: &[NoisyNode]) -> Vec<Cause> {
    let is_property = |name: &str| definition.nodes.iter().any(|node| node.name == name && node.role == Role::Property);
    definition
        .causes
        .iter()
        .map(|cause| {
            let (properties, conditions) =
                cause.from.iter().map(|text| text.text.clone()).partition(|name| is_property(name));
            let noises = cause
                .noise
                .iter()
                .filter_map(|text| noisy.iter().position(|noise| Some(&noise.node) == index.get(&text.text)))
                .collect();
            let regimes = cause
                .noise
                .iter()
                .filter_map(|text| definition.regimes.iter().position(|regime| regime.name == text.text))
                .collect();
            let show = cause.show.as_ref().map(|text| text.text.clone());
            Cause {
                name: cause.name.clone(),
                meaning: cause.meaning.clone(),
                conditions,
                properties,
                noises,
                regimes,
                show,
            }
        })
        .collect()
}
