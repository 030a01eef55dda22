//! Kinds and dimensions of expressions.

use super::expression::{Expression, ExpressionKind, Function, Operator};
use super::fault::{Fault, span};
use crate::unit::Dimension;

/// What an expression is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Type {
    /// A number; `None` fits every dimension (`inf`).
    Number(Option<Dimension>),
    /// A condition that holds or not.
    Truth,
    /// A category.
    Text,
}

impl Type {
    fn words(self) -> String {
        match self {
            Self::Number(Some(dimension)) if !dimension.is_one() => format!("a number in {dimension}"),
            Self::Number(_) => "a number".to_owned(),
            Self::Truth => "a condition".to_owned(),
            Self::Text => "a category".to_owned(),
        }
    }
}

/// Infers types bottom up; `lookup` gives the type of a name. After a fault the part has no type and its surroundings
/// stay silent, so that one mistake is one message.
pub(super) struct Checker<'a> {
    pub(super) lookup: &'a dyn Fn(&str) -> Option<Type>,
    pub(super) faults: Vec<Fault>,
}

impl Checker<'_> {
    /// The type of an expression, if it has one.
    pub(super) fn infer(&mut self, expression: &Expression) -> Option<Type> {
        match &expression.kind {
            ExpressionKind::Number(_, dimension) => Some(Type::Number(*dimension)),
            ExpressionKind::Text(_) => Some(Type::Text),
            ExpressionKind::Truth(_) => Some(Type::Truth),
            ExpressionKind::Name(name) => (self.lookup)(name),
            ExpressionKind::Negate(inner) => self.number(inner, "what follows `-`").map(Type::Number),
            ExpressionKind::Not(inner) => self.truth(inner, "what follows `not`"),
            ExpressionKind::Binary(operator, left, right) => self.binary(*operator, left, right),
            ExpressionKind::Call(function, arguments) => self.call(*function, arguments),
        }
    }

    fn binary(&mut self, operator: Operator, left: &Expression, right: &Expression) -> Option<Type> {
        let symbol = operator.symbol();
        let side = format!("a side of `{symbol}`");
        match operator {
            Operator::Add | Operator::Subtract => self.same(symbol, &[left, right]).map(Type::Number),
            Operator::Multiply | Operator::Divide => {
                let (a, b) = (self.number(left, &side), self.number(right, &side));
                let (a, b) = (a?, b?);
                Some(Type::Number(a.zip(b).map(|(a, b)| if operator == Operator::Multiply { a * b } else { a / b })))
            }
            Operator::Power => self.power(left, right),
            Operator::And | Operator::Or => {
                let (a, b) = (self.truth(left, &side), self.truth(right, &side));
                a.and(b)
            }
            Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => {
                self.same(symbol, &[left, right]).map(|_| Type::Truth)
            }
            Operator::Equal | Operator::NotEqual => self.equality(symbol, left, right),
        }
    }

    fn equality(&mut self, symbol: &str, left: &Expression, right: &Expression) -> Option<Type> {
        let (a, b) = (self.infer(left), self.infer(right));
        let (a, b) = (a?, b?);
        match (a, b) {
            (Type::Number(x), Type::Number(y)) if x.is_none() || y.is_none() || x == y => Some(Type::Truth),
            (Type::Text, Type::Text) | (Type::Truth, Type::Truth) => Some(Type::Truth),
            _ => {
                self.faults.push(Fault::SidesDiffer {
                    operation: symbol.to_owned(),
                    left: a.words(),
                    right: b.words(),
                    left_at: span(&left.at),
                    right_at: span(&right.at),
                });
                None
            }
        }
    }

    /// A pure base takes any pure exponent; a base with a unit takes a literal one.
    fn power(&mut self, base: &Expression, exponent: &Expression) -> Option<Type> {
        let dimension = self.number(base, "the base of `^`");
        self.pure(exponent, "an exponent");
        let dimension = dimension?;
        let Some(dimension) = dimension.filter(|dimension| !dimension.is_one()) else {
            return Some(Type::Number(dimension));
        };
        let power = super::reader::constant(exponent).and_then(|exponent| dimension.power(exponent));
        if power.is_none() {
            let what = "the base of `^` with this exponent".to_owned();
            self.faults.push(Fault::NotPure { what, found: dimension.to_string(), at: span(&base.at) });
        }
        power.map(|power| Type::Number(Some(power)))
    }

    fn call(&mut self, function: Function, arguments: &[Expression]) -> Option<Type> {
        let name = function.name();
        match function {
            Function::If => {
                self.truth(&arguments[0], "the first argument of `if`");
                self.branches(&arguments[1], &arguments[2])
            }
            Function::Min | Function::Max | Function::Clip | Function::Mod => {
                self.same(name, &arguments.iter().collect::<Vec<_>>()).map(Type::Number)
            }
            Function::Smax | Function::Smin | Function::Softcap => {
                self.pure(&arguments[2], &format!("the sharpness of `{name}`"));
                self.same(name, &[&arguments[0], &arguments[1]]).map(Type::Number)
            }
            Function::Exp | Function::Log | Function::Log2 => {
                self.pure(&arguments[0], &format!("the argument of `{name}`"));
                Some(Type::Number(Some(Dimension::ONE)))
            }
            Function::Sqrt => {
                let dimension = self.number(&arguments[0], "the argument of `sqrt`")?;
                Some(Type::Number(dimension.and_then(|dimension| dimension.power(0.5))))
            }
        }
    }

    /// The branches of an `if`: two numbers in one unit, two categories, or two conditions.
    fn branches(&mut self, yes: &Expression, no: &Expression) -> Option<Type> {
        let (a, b) = (self.infer(yes), self.infer(no));
        match (a?, b?) {
            (Type::Text, Type::Text) => Some(Type::Text),
            (Type::Truth, Type::Truth) => Some(Type::Truth),
            (Type::Number(a), Type::Number(b)) if a.is_none() || b.is_none() || a == b => Some(Type::Number(a.or(b))),
            (a, b) => {
                self.faults.push(Fault::SidesDiffer {
                    operation: "if".to_owned(),
                    left: a.words(),
                    right: b.words(),
                    left_at: span(&yes.at),
                    right_at: span(&no.at),
                });
                None
            }
        }
    }

    /// Numbers that must agree in dimension; the first pair that does not is the fault.
    #[expect(clippy::option_option, reason = "without a type at all, and a type that fits every dimension, differ")]
    fn same(&mut self, operation: &str, sides: &[&Expression]) -> Option<Option<Dimension>> {
        let what = format!("a side of `{operation}`");
        let mut agreed: Option<(Dimension, &Expression)> = None;
        let mut whole = true;
        for side in sides {
            let Some(dimension) = self.number(side, &what) else {
                whole = false;
                continue;
            };
            match (agreed, dimension) {
                (Some((known, first)), Some(found)) if known != found => {
                    self.faults.push(Fault::SidesDiffer {
                        operation: operation.to_owned(),
                        left: known.to_string(),
                        right: found.to_string(),
                        left_at: span(&first.at),
                        right_at: span(&side.at),
                    });
                    return None;
                }
                (None, Some(found)) => agreed = Some((found, side)),
                _ => {}
            }
        }
        whole.then(|| agreed.map(|(dimension, _)| dimension))
    }

    #[expect(clippy::option_option, reason = "without a type at all, and a type that fits every dimension, differ")]
    fn number(&mut self, expression: &Expression, what: &str) -> Option<Option<Dimension>> {
        match self.infer(expression)? {
            Type::Number(dimension) => Some(dimension),
            other => {
                self.kind(what, "a number", other, expression);
                None
            }
        }
    }

    fn truth(&mut self, expression: &Expression, what: &str) -> Option<Type> {
        match self.infer(expression)? {
            Type::Truth => Some(Type::Truth),
            other => {
                self.kind(what, "a condition such as `gpus > 1`", other, expression);
                None
            }
        }
    }

    fn pure(&mut self, expression: &Expression, what: &str) {
        if let Some(Some(dimension)) = self.number(expression, what)
            && !dimension.is_one()
        {
            let found = dimension.to_string();
            self.faults.push(Fault::NotPure { what: what.to_owned(), found, at: span(&expression.at) });
        }
    }

    fn kind(&mut self, what: &str, expected: &str, found: Type, expression: &Expression) {
        self.faults.push(Fault::WrongKind {
            what: what.to_owned(),
            expected: expected.to_owned(),
            found: found.words(),
            at: span(&expression.at),
        });
    }
}
