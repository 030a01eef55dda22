//! What names are used for: nothing stands idle, and every key names the kind of thing it is about.

use std::collections::HashMap;

use super::build::{Named, expressions, questions, unknown_name};
use super::definition::{Definition, NodeDefinition, RegimeDefinition, Role};
use super::expression::{Expression, ExpressionKind, Operator};
use super::fault::{Fault, span};
use super::graph::Graph;
use super::reader::Text;
use crate::notes::{list, nearest};

/// Every latent, property and parameter must lead to a metric, an identity or a constraint.
pub(super) fn check_use(
    definition: &Definition,
    names: &HashMap<String, Named>,
    graph: &Graph,
    faults: &mut Vec<Fault>,
) {
    let mut ends: Vec<usize> = Vec::new();
    let mut used_parameters: Vec<bool> = vec![false; definition.parameters.len()];
    let is_end = |node: &NodeDefinition| node.role.is_outcome() || node.observed.is_some() || node.show;
    ends.extend(definition.nodes.iter().enumerate().filter(|(_, node)| is_end(node)).map(|(index, _)| index));
    let constraints = definition.constraints.iter().map(|constraint| &constraint.require.1);
    let noises = definition.nodes.iter().filter_map(|node| node.noise.as_ref()).map(|(_, noise)| noise);
    let bounds = definition.nodes.iter().filter_map(|node| node.at_least.as_ref()).map(|(_, bound)| bound);
    let regimes = definition.regimes.iter().map(|regime| &regime.probability.1);
    for expression in constraints.chain(noises).chain(bounds).chain(regimes).chain(questions(definition)) {
        expression.names(&mut |name, _| match names.get(name) {
            Some(Named::Node(index)) => ends.push(*index),
            Some(Named::Parameter(index)) => used_parameters[*index] = true,
            _ => {}
        });
    }
    let shown = definition.constraints.iter().flat_map(|constraint| constraint.parts.iter().chain(&constraint.whole));
    for text in definition.parameters.iter().flat_map(|parameter| &parameter.per).chain(shown) {
        if let Some(Named::Node(index)) = names.get(&text.text) {
            ends.push(*index);
        }
    }
    for expression in expressions(definition) {
        expression.names(&mut |name, _| {
            if let Some(Named::Parameter(index)) = names.get(name) {
                used_parameters[*index] = true;
            }
        });
    }
    let used = graph.ancestors(&ends);
    let help = "use it in an equation, or take it away".to_owned();
    for (node, used) in definition.nodes.iter().zip(&used) {
        if !used && matches!(node.role, Role::Latent | Role::Property) {
            faults.push(Fault::Unused { name: node.name.clone(), at: span(&node.at), help: help.clone() });
        }
    }
    for (parameter, used) in definition.parameters.iter().zip(used_parameters) {
        if !used {
            faults.push(Fault::Unused { name: parameter.name.clone(), at: span(&parameter.at), help: help.clone() });
        }
    }
}

/// Keys that name nodes must name nodes of the right kind; identities are exact; a regime acts where it says.
pub(super) fn check_places(definition: &Definition, names: &HashMap<String, Named>, faults: &mut Vec<Fault>) {
    let mut checker = Places { definition, names, faults };
    let given = [Role::Condition, Role::Property];
    let outcomes = [Role::Metric, Role::Identity];
    for text in &definition.requires {
        checker.expect(text, "`requires`", &[Role::Condition]);
    }
    if !definition.default_metric.text.is_empty() {
        checker.expect(&definition.default_metric, "`default_metric`", &outcomes);
    }
    if let Some(latency) = &definition.latency {
        checker.expect(latency, "`latency`", &outcomes);
    }
    for parameter in &definition.parameters {
        for text in &parameter.per {
            checker.expect(text, &format!("`per` of `{}`", parameter.name), &given);
        }
    }
    for regime in &definition.regimes {
        checker.expect(&regime.affects, &format!("`affects` of `{}`", regime.name), &[Role::Latent]);
    }
    for constraint in &definition.constraints {
        let place = |key: &str| format!("`{key}` of `{}`", constraint.name);
        checker.expect(&constraint.limits, &place("limits"), &[Role::Condition]);
        if let Some(text) = &constraint.ceiling {
            checker.expect(text, &place("ceiling"), &[Role::Latent]);
        }
        if let Some(text) = &constraint.supply {
            checker.expect(text, &place("supply"), &[Role::Condition]);
        }
        for text in &constraint.parts {
            checker.expect(text, &place("parts"), &[Role::Latent]);
        }
        if let Some(whole) = &constraint.whole {
            checker.expect(whole, &place("whole"), &[Role::Latent]);
            constraint.parts.iter().for_each(|part| checker.same_unit(part, whole));
        }
    }
    let everything = [Role::Condition, Role::Property, Role::Latent, Role::Metric, Role::Identity];
    for cause in &definition.causes {
        if let Some(text) = &cause.show {
            checker.expect(text, &format!("`show` of `{}`", cause.name), &everything);
        }
    }
    for node in &definition.nodes {
        checker.equation(node);
    }
    checker.residual();
}

struct Places<'a> {
    definition: &'a Definition,
    names: &'a HashMap<String, Named>,
    faults: &'a mut Vec<Fault>,
}

impl Places<'_> {
    /// Parts are shown against their whole.
    fn same_unit(&mut self, part: &Text, whole: &Text) {
        let unit = |text: &Text| match self.names.get(&text.text) {
            Some(Named::Node(index)) => Some(self.definition.nodes[*index].unit.dimension),
            _ => None,
        };
        if let (Some(left), Some(right)) = (unit(part), unit(whole))
            && left != right
        {
            self.faults.push(Fault::SidesDiffer {
                operation: "parts".to_owned(),
                left: left.to_string(),
                right: right.to_string(),
                left_at: span(&part.at),
                right_at: span(&whole.at),
            });
        }
    }

    fn expect(&mut self, text: &Text, place: &str, roles: &[Role]) {
        let Some(&named) = self.names.get(&text.text) else {
            self.faults.push(unknown_name(&text.text, &text.at, self.names));
            return;
        };
        if matches!(named, Named::Node(index) if roles.contains(&self.definition.nodes[index].role)) {
            return;
        }
        let expected = match roles {
            [Role::Condition, Role::Property] => "a condition or a property",
            [Role::Metric, Role::Identity] => "a metric or an identity",
            [only] => only.article(),
            _ => "a node",
        };
        let near =
            self.definition.nodes.iter().filter(|node| roles.contains(&node.role)).map(|node| node.name.as_str());
        let near: Vec<&str> = near.take(4).collect();
        self.faults.push(Fault::Misplaced {
            name: text.text.clone(),
            what: self.article(named),
            place: place.to_owned(),
            expected,
            at: span(&text.at),
            help: if near.is_empty() {
                format!("this file has no {}", roles[0].table())
            } else {
                format!("name one such as {}", list(&near.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>()))
            },
        });
    }

    /// The residual process is about noises and states, and its kernels and the kinds of questions see causes only.
    fn residual(&mut self) {
        let has_noise = |node: &NodeDefinition| {
            node.noise.is_some() && node.at_least.is_none() && (node.observed.is_some() || node.role == Role::Metric)
        };
        for text in self.definition.residual.iter().flat_map(|own| &own.on) {
            let named = self.names.get(&text.text).copied();
            match named {
                None => self.faults.push(unknown_name(&text.text, &text.at, self.names)),
                Some(Named::Regime(_)) => {}
                Some(Named::Node(index)) if has_noise(&self.definition.nodes[index]) => {}
                Some(other) => self.faults.push(Fault::Misplaced {
                    name: text.text.clone(),
                    what: self.article(other),
                    place: "`on` of [residual]".to_owned(),
                    expected: "nodes that are measured with noise, and regimes",
                    at: span(&text.at),
                    help: "write `noise = { lognormal = 0.1 }` in its table, or name another node".to_owned(),
                }),
            }
        }
        if let Some(own) = &self.definition.residual {
            for text in own.kernels.iter().flat_map(|kernel| &kernel.on) {
                if !own.on.iter().any(|on| on.text == text.text) {
                    let known: Vec<&str> = own.on.iter().map(|on| on.text.as_str()).collect();
                    self.faults.push(Fault::UnknownName {
                        name: text.text.clone(),
                        at: span(&text.at),
                        help: Some(format!("a kernel acts on what `on` of [residual] lists: {}", list(&known))),
                    });
                }
            }
        }
        for node in &self.definition.nodes {
            for text in node.tasks.iter().filter(|text| !self.definition.tasks.contains(&text.text)) {
                let help = format!("the tasks of this model are {}", list(&self.definition.tasks));
                self.faults.push(Fault::UnknownName { name: text.text.clone(), at: span(&text.at), help: Some(help) });
            }
        }
        let mut outside = Vec::new();
        for expression in questions(self.definition) {
            expression.names(&mut |name, at| {
                let Some(&named) = self.names.get(name) else { return };
                if !matches!(named, Named::Node(index)
                    if matches!(self.definition.nodes[index].role, Role::Condition | Role::Property))
                {
                    outside.push((name.to_owned(), self.article(named), at.clone()));
                }
            });
        }
        for (name, what, at) in outside {
            self.faults.push(Fault::Misplaced {
                name,
                what,
                place: "a residual process or a kind of question".to_owned(),
                expected: "conditions and properties",
                at: span(&at),
                help: "what is known before a run is measured: conditions, and what the catalog says of them"
                    .to_owned(),
            });
        }
    }

    fn article(&self, named: Named) -> &'static str {
        match named {
            Named::Node(index) => self.definition.nodes[index].role.article(),
            Named::Parameter(_) => "a parameter",
            Named::Regime(_) => "a regime",
        }
    }

    /// An identity reads nodes only; a regime's state is read by one latent, and compared with one of its states.
    fn equation(&mut self, node: &NodeDefinition) {
        let expressions = [&node.equation, &node.missing, &node.noise, &node.at_least];
        for (_, expression) in expressions.into_iter().flatten() {
            expression.names(&mut |name, at| match self.names.get(name) {
                Some(Named::Parameter(_)) if node.role == Role::Identity => self.faults.push(Fault::Misplaced {
                    name: name.to_owned(),
                    what: "a parameter",
                    place: format!("the identity `{}`", node.name),
                    expected: "nodes only",
                    at: span(at),
                    help: "an identity is exact: make it a metric with noise, or use the parameter in a latent"
                        .to_owned(),
                }),
                Some(Named::Regime(index)) if self.definition.regimes[*index].affects.text != node.name => {
                    let affects = &self.definition.regimes[*index].affects.text;
                    self.faults.push(Fault::Misplaced {
                        name: name.to_owned(),
                        what: "a regime",
                        place: format!("the equation of `{}`", node.name),
                        expected: "nodes and parameters",
                        at: span(at),
                        help: format!("`{name}` affects `{affects}`: use its state there, and `{affects}` here"),
                    });
                }
                _ => {}
            });
            self.states(expression);
        }
    }

    /// `host == "staled"` where the states are `healthy` and `stalled`.
    fn states(&mut self, expression: &Expression) {
        match &expression.kind {
            ExpressionKind::Binary(operator, left, right) => {
                if matches!(operator, Operator::Equal | Operator::NotEqual) {
                    self.state(left, right);
                    self.state(right, left);
                }
                self.states(left);
                self.states(right);
            }
            ExpressionKind::Negate(inner) | ExpressionKind::Not(inner) => self.states(inner),
            ExpressionKind::Call(_, arguments) => arguments.iter().for_each(|argument| self.states(argument)),
            _ => {}
        }
    }

    fn state(&mut self, regime: &Expression, state: &Expression) {
        let (ExpressionKind::Name(name), ExpressionKind::Text(text)) = (&regime.kind, &state.kind) else { return };
        let Some(Named::Regime(index)) = self.names.get(name) else { return };
        let RegimeDefinition { states, .. } = &self.definition.regimes[*index];
        if states.contains(text) {
            return;
        }
        let near = nearest(text, states.iter().map(String::as_str));
        let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
        self.faults.push(Fault::UnknownName {
            name: text.clone(),
            at: span(&state.at),
            help: Some(format!("{near}the states of `{name}` are {}", list(states))),
        });
    }
}
