//! A checked definition to a tape.

use std::collections::HashMap;

use super::definition::{Definition, KernelDefinition, NodeDefinition};
use super::expression::Expression;
use super::frame::Input;
use super::graph::Graph;
use super::groups::causes;
use super::op::{Op, Slot};
use super::reader::Text;
use super::tape::{Tape, TapeBuilder};
use super::{Bound, Constraint, Kernel, Model, ModelParameter, Node, NoisyNode, Regime, Residual, Shift, Target};

/// A slot that is filled in when all nodes are compiled.
const UNSET: Slot = 0;

/// Compiles `definition`, whose nodes come in the order of `order`.
pub(super) fn compile(definition: Definition, graph: &Graph, order: &[usize]) -> Model {
    let mut compiler =
        Compiler { definition: &definition, tape: TapeBuilder::default(), inputs: Vec::new(), names: HashMap::new() };
    let mut nodes = Vec::new();
    let mut noisy = Vec::new();
    let mut bounds = Vec::new();
    for (new, &old) in order.iter().enumerate() {
        let own = &definition.nodes[old];
        let predicted = compiler.predicted(own, new);
        let mut value = predicted;
        if own.noise.is_some() {
            let noise_input = compiler.input(Input::Noise(new));
            let factor = compiler.input_slot(noise_input);
            let factor = compiler.tape.push(Op::Exp(factor));
            value = compiler.tape.push(Op::Multiply(predicted, factor));
            if own.at_least.is_some() {
                bounds.push(Bound { node: new, at_least: UNSET, sigma: UNSET, noise_input });
            } else if let Some(observed) = &own.observed {
                let observed_input = compiler.input(Input::Observed(new));
                let measured = compiler.input_slot(observed_input);
                value = compiler.tape.push(Op::Known(measured, value));
                let observed = observed.clone();
                noisy.push(NoisyNode { node: new, observed, sigma: UNSET, observed_input, noise_input });
            }
        }
        let value = compiler.tape.push(Op::Node(value));
        compiler.names.insert(own.name.clone(), value);
        nodes.push(Node {
            name: own.name.clone(),
            role: own.role,
            kind: own.kind,
            unit: own.unit.clone(),
            meaning: own.meaning.clone(),
            equation: equation_text(own),
            source: own.source.clone(),
            needs: own.needs.clone(),
            observed: own.observed.clone(),
            tasks: own.tasks.iter().map(|text| text.text.clone()).collect(),
            predicted,
            value,
        });
    }
    // Spreads and bounds may use nodes that come later in the order, so they are compiled when all nodes are there.
    for bound in &mut bounds {
        bound.at_least = compiler.part(definition.nodes[order[bound.node]].at_least.as_ref());
        bound.sigma = compiler.part(definition.nodes[order[bound.node]].noise.as_ref());
    }
    for own in &mut noisy {
        own.sigma = compiler.part(definition.nodes[order[own.node]].noise.as_ref());
    }
    let index: HashMap<String, usize> =
        nodes.iter().enumerate().map(|(index, node)| (node.name.clone(), index)).collect();
    let regimes = compiler.regimes();
    let constraints = compiler.constraints(&index);
    let parameters = compiler.parameters();
    let residual = compiler.residual(&index, &noisy);
    let shifts = compiler.shifts();
    let causes = causes(&definition, &index, &noisy);
    let mechanism_of = nodes
        .iter()
        .map(|node| {
            definition
                .mechanisms
                .iter()
                .position(|mechanism| mechanism.latents.iter().any(|latent| latent.text == node.name))
        })
        .collect();
    let references = order.iter().map(|&old| definition.nodes[old].from.clone()).collect();
    let default = |node: &NodeDefinition| node.missing.as_ref().map(|(text, _)| text.text.clone());
    let defaults = order.iter().map(|&old| default(&definition.nodes[old])).collect();
    let Compiler { tape, inputs, .. } = compiler;
    let tape = tape.finish();
    let parameter_slots = parameter_slots(&tape);
    Model {
        name: definition.name,
        file: definition.file,
        text: definition.text,
        tasks: definition.tasks,
        default_metric: definition.default_metric.text,
        latency: definition.latency.map(|text| text.text),
        requires: definition.requires.into_iter().map(|text| text.text).collect(),
        nodes,
        noisy,
        parameters,
        regimes,
        constraints,
        causes,
        mechanisms: definition.mechanisms.into_iter().map(|mechanism| mechanism.name).collect(),
        residual,
        shifts,
        graph: graph.renumbered(order),
        mechanism_of,
        bounds,
        references,
        defaults,
        index,
        inputs,
        parameter_slots,
        tape,
    }
}

/// The parameters that a tape reads, with their slots.
fn parameter_slots(tape: &Tape) -> Vec<(usize, Slot)> {
    let parameter = |(slot, op): (usize, &Op)| match op {
        Op::Parameter(index) => Some((*index as usize, slot as Slot)),
        _ => None,
    };
    tape.ops.iter().enumerate().filter_map(parameter).collect()
}

fn equation_text(node: &NodeDefinition) -> String {
    match (&node.equation, &node.from) {
        (Some((text, _)), _) => text.text.split_whitespace().collect::<Vec<_>>().join(" "),
        (None, Some(from)) => format!("{}[{}].{}", from.table, from.keys.join(", "), from.attribute),
        (None, None) => String::new(),
    }
}

pub(super) struct Compiler<'d> {
    pub(super) definition: &'d Definition,
    pub(super) tape: TapeBuilder,
    inputs: Vec<Input>,
    /// Value slot of every node compiled so far.
    pub(super) names: HashMap<String, Slot>,
}

impl Compiler<'_> {
    /// The index of an input, made where it is new.
    pub(super) fn input(&mut self, input: Input) -> usize {
        self.inputs.iter().position(|known| *known == input).unwrap_or_else(|| {
            self.inputs.push(input);
            self.inputs.len() - 1
        })
    }

    pub(super) fn input_slot(&mut self, input: usize) -> Slot {
        self.tape.push(Op::Input(input as u32))
    }

    fn regimes(&mut self) -> Vec<Regime> {
        self.definition
            .regimes
            .iter()
            .enumerate()
            .map(|(index, regime)| Regime {
                name: regime.name.clone(),
                states: [regime.states[0].clone(), regime.states[1].clone()],
                input: self.input(Input::State(index)),
                probability: self.expression(&regime.probability.1),
            })
            .collect()
    }

    fn constraints(&mut self, index: &HashMap<String, usize>) -> Vec<Constraint> {
        self.definition
            .constraints
            .iter()
            .map(|constraint| Constraint {
                name: constraint.name.clone(),
                holds: self.expression(&constraint.require.1),
                limits: constraint.limits.text.clone(),
                ceiling: constraint.ceiling.as_ref().and_then(|text| index.get(&text.text).copied()),
                supply: constraint.supply.as_ref().map(|text| text.text.clone()),
                meaning: constraint.meaning.clone(),
                parts: constraint.parts.iter().filter_map(|text| index.get(&text.text).copied()).collect(),
                whole: constraint.whole.as_ref().and_then(|text| index.get(&text.text).copied()),
            })
            .collect()
    }

    fn parameters(&mut self) -> Vec<ModelParameter> {
        self.definition
            .parameters
            .iter()
            .map(|parameter| ModelParameter {
                definition: parameter.clone(),
                only: parameter.only.as_ref().map(|(_, only)| self.expression(only)),
            })
            .collect()
    }

    fn residual(&mut self, index: &HashMap<String, usize>, noisy: &[NoisyNode]) -> Option<Residual> {
        let own = self.definition.residual.as_ref()?;
        let target = |text: &Text| {
            let node = noisy.iter().position(|noisy| Some(&noisy.node) == index.get(&text.text)).map(Target::Noise);
            let regime = || self.definition.regimes.iter().position(|regime| regime.name == text.text);
            node.or_else(|| regime().map(Target::State))
        };
        let targets: Vec<Target> = own.on.iter().filter_map(target).collect();
        let acts = |kernel: &KernelDefinition, text: &Text| {
            let is_node = index.contains_key(&text.text);
            kernel.on.iter().any(|on| on.text == text.text) || (kernel.on.is_empty() && is_node)
        };
        let features: HashMap<&str, Slot> =
            own.features.iter().map(|(name, (_, parsed))| (name.text.as_str(), self.expression(parsed))).collect();
        let texts = |texts: &[Text]| texts.iter().map(|text| text.text.clone()).collect();
        let kernels = own
            .kernels
            .iter()
            .map(|kernel| Kernel {
                on: own.on.iter().filter(|text| target(text).is_some()).map(|text| acts(kernel, text)).collect(),
                levels: kernel.levels.iter().map(|(text, _)| text.text.clone()).collect(),
                rbf: kernel.rbf.iter().map(|(name, length)| (name.text.clone(), *length)).collect(),
                linear: texts(&kernel.linear),
                amplitude: kernel.amplitude,
                level_slots: kernel.levels.iter().map(|(_, parsed)| self.expression(parsed)).collect(),
                rbf_slots: kernel.rbf.iter().map(|(name, length)| (features[name.text.as_str()], *length)).collect(),
                linear_slots: kernel.linear.iter().map(|name| features[name.text.as_str()]).collect(),
            })
            .collect();
        let noise_slots = own.noise.iter().map(|(_, parsed)| self.expression(parsed)).collect();
        Some(Residual { targets, kernels, noise_slots })
    }

    fn shifts(&mut self) -> Vec<Shift> {
        self.definition
            .shifts
            .iter()
            .map(|shift| Shift {
                kind: shift.kind.text.clone(),
                by: shift.by.iter().map(|(text, _)| text.text.clone()).collect(),
                slots: shift.by.iter().map(|(_, parsed)| self.expression(parsed)).collect(),
            })
            .collect()
    }

    /// A part of a node that is known to be there.
    fn part(&mut self, part: Option<&(Text, Expression)>) -> Slot {
        let (_, expression) = part.expect("only nodes that have this part are listed");
        self.expression(expression)
    }

    /// What a node is before its noise: the run's or catalog's value, else its default; or its equation.
    fn predicted(&mut self, node: &NodeDefinition, index: usize) -> Slot {
        if let Some((_, equation)) = &node.equation {
            return self.expression(equation);
        }
        let input = self.input(Input::Given(index));
        let given = self.input_slot(input);
        match &node.missing {
            Some((_, missing)) => {
                let missing = self.expression(missing);
                self.tape.push(Op::Known(given, missing))
            }
            None => given,
        }
    }
}
