//! `equation = "generic"`: a regularised cubic where no form is known.
//!
//! With parents p₁ … pₙ (positive numbers, zᵢ = ln pᵢ in SI units), categories c and truths t the equation becomes
//!
//! ```text
//! y = 1 unit · exp(b₀ + Σᵢ (bᵢ₁ zᵢ + bᵢ₂ zᵢ² + bᵢ₃ zᵢ³) + Σᵢ<ⱼ bᵢⱼ zᵢ zⱼ + Σ_c b_c[level] + Σ_t b_t [t])
//! ```
//!
//! over parameters named after the node and its parents: `y_level`, `y_by_p`, `y_by_p_squared`, `y_by_p_cubed`,
//! `y_by_p_q`, `y_at_c`, `y_if_t`. Their priors are normal around 0, the narrower the higher the order, so that a bend
//! must be earned by data. A parent written as a quotient (`"pressure / 4e5"`) is centred where its logarithm is 0: the
//! terms are then nearly independent, which the priors assume. A parameter that the file has already keeps its own prior.

use std::ops::Range;

use super::definition::{Definition, NodeDefinition, ParameterDefinition, Role, ValueKind};
use super::expression::{Expression, ExpressionKind, Function, Operator};
use super::prior::Prior;
use super::reader::Text;
use crate::unit::{Dimension, Unit};

/// The word that stands for an unknown form.
pub(super) const GENERIC: &str = "generic";

/// Prior spreads: of the level, in log units; of the exponents; of bends and interactions; of cubes.
const LEVEL: f64 = 10.0;
const LINEAR: f64 = 1.0;
const SQUARE: f64 = 0.3;
const CUBE: f64 = 0.1;

/// Replaces every generic equation by its cubic, and adds the parameters.
pub(super) fn expand(definition: &mut Definition) {
    for index in 0..definition.nodes.len() {
        let node = &definition.nodes[index];
        let Some((text, _)) = node.equation.as_ref().filter(|(text, _)| text.text.trim() == GENERIC) else { continue };
        let mut cubic = Cubic { definition, node, at: text.at.clone(), parameters: Vec::new() };
        let sum = cubic.exponent();
        let exp = cubic.make(ExpressionKind::Call(Function::Exp, vec![sum]));
        let unit = cubic.make(ExpressionKind::Number(1.0, Some(node.unit.dimension)));
        let equation = cubic.binary(Operator::Multiply, unit, exp);
        let (text, added) = (text.clone(), cubic.parameters);
        for parameter in added {
            if !definition.parameters.iter().any(|known| known.name == parameter.name) {
                definition.parameters.push(parameter);
            }
        }
        definition.nodes[index].equation = Some((text, equation));
    }
}

/// The expansion of one node.
struct Cubic<'d> {
    definition: &'d Definition,
    node: &'d NodeDefinition,
    /// Place of the word `generic`.
    at: Range<usize>,
    parameters: Vec<ParameterDefinition>,
}

impl Cubic<'_> {
    fn exponent(&mut self) -> Expression {
        let mut sum = self.parameter("level", LEVEL, None);
        let mut logs: Vec<(String, Expression)> = Vec::new();
        for (text, parent) in &self.node.parents {
            let word = word(parent);
            let term = match self.node_of(parent).map(|node| (node.kind, node.role)) {
                Some((ValueKind::Name, Role::Condition | Role::Property)) => {
                    self.parameter(&format!("at_{word}"), LINEAR, Some(text))
                }
                Some((ValueKind::Flag, _)) => {
                    let (one, zero) = (self.number(1.0), self.number(0.0));
                    let truth = self.make(ExpressionKind::Call(Function::If, vec![parent.clone(), one, zero]));
                    self.weighted(&format!("if_{word}"), LINEAR, truth)
                }
                _ => {
                    let log = self.log(parent);
                    logs.push((word.clone(), log.clone()));
                    let square = self.power(&log, 2.0);
                    let cube = self.power(&log, 3.0);
                    let linear = self.weighted(&format!("by_{word}"), LINEAR, log);
                    let square = self.weighted(&format!("by_{word}_squared"), SQUARE, square);
                    let cube = self.weighted(&format!("by_{word}_cubed"), CUBE, cube);
                    let bent = self.binary(Operator::Add, linear, square);
                    self.binary(Operator::Add, bent, cube)
                }
            };
            sum = self.binary(Operator::Add, sum, term);
        }
        for (index, (first, a)) in logs.iter().enumerate() {
            for (second, b) in &logs[index + 1..] {
                let product = self.binary(Operator::Multiply, a.clone(), b.clone());
                let term = self.weighted(&format!("by_{first}_{second}"), SQUARE, product);
                sum = self.binary(Operator::Add, sum, term);
            }
        }
        sum
    }

    /// The logarithm of a parent; a node alone is taken in SI units, anything else must be a pure number.
    fn log(&self, parent: &Expression) -> Expression {
        let dimension = self.node_of(parent).map_or(Dimension::ONE, |node| node.unit.dimension);
        let one = self.make(ExpressionKind::Number(1.0, Some(dimension)));
        let pure = if dimension.is_one() { parent.clone() } else { self.binary(Operator::Divide, parent.clone(), one) };
        // A parent in a unit is then pointed at itself, not at the word `generic`.
        Expression { at: parent.at.clone(), kind: ExpressionKind::Call(Function::Log, vec![pure]) }
    }

    fn node_of(&self, parent: &Expression) -> Option<&NodeDefinition> {
        let ExpressionKind::Name(name) = &parent.kind else { return None };
        self.definition.nodes.iter().find(|node| node.name == *name)
    }

    fn weighted(&mut self, suffix: &str, spread: f64, factor: Expression) -> Expression {
        let weight = self.parameter(suffix, spread, None);
        self.binary(Operator::Multiply, weight, factor)
    }

    /// Adds a parameter with a normal prior around 0 and names it.
    fn parameter(&mut self, suffix: &str, spread: f64, per: Option<&Text>) -> Expression {
        let name = format!("{}_{suffix}", self.node.name);
        self.parameters.push(ParameterDefinition {
            name: name.clone(),
            at: self.at.clone(),
            meaning: format!("of the generic equation of `{}`", self.node.name),
            unit: Unit { label: "1".to_owned(), factor: 1.0, dimension: Dimension::ONE },
            per: per.cloned().into_iter().collect(),
            within: Vec::new(),
            only: None,
            prior: Prior::Normal { mean: 0.0, sd: spread },
            pool: spread,
            pool_within: spread,
            levels: Vec::new(),
            source: String::new(),
        });
        self.make(ExpressionKind::Name(name))
    }

    fn power(&self, base: &Expression, exponent: f64) -> Expression {
        self.binary(Operator::Power, base.clone(), self.number(exponent))
    }

    fn number(&self, value: f64) -> Expression {
        self.make(ExpressionKind::Number(value, Some(Dimension::ONE)))
    }

    fn binary(&self, operator: Operator, left: Expression, right: Expression) -> Expression {
        self.make(ExpressionKind::Binary(operator, Box::new(left), Box::new(right)))
    }

    fn make(&self, kind: ExpressionKind) -> Expression {
        Expression { kind, at: self.at.clone() }
    }
}

/// What a parent is called in the names of parameters: the names it is made of.
fn word(parent: &Expression) -> String {
    let mut names = Vec::new();
    parent.names(&mut |name, _| names.push(name.replace('.', "_")));
    names.join("_")
}
