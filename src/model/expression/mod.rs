//! Expressions: the text of an equation as a tree, each part with its place in the file.

mod lexer;
mod parser;

use std::ops::Range;

use crate::unit::Dimension;

pub(crate) use parser::parse;

/// A part of an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// What it is.
    pub kind: ExpressionKind,
    /// Bytes of the file it stands in.
    pub at: Range<usize>,
}

/// What a part of an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpressionKind {
    /// A literal in SI; `None` for `inf`, which fits every dimension.
    Number(f64, Option<Dimension>),
    /// A category: `"fp8"`.
    Text(String),
    /// `true`, `false`.
    Truth(bool),
    /// A node, a parameter, a regime, or an attribute of a catalog (`gpu.tdp`).
    Name(String),
    /// `-x`.
    Negate(Box<Expression>),
    /// `not c`.
    Not(Box<Expression>),
    /// `a + b`, `a < b`, `a and b` …
    Binary(Operator, Box<Expression>, Box<Expression>),
    /// `smax(a, b, 3)`.
    Call(Function, Vec<Expression>),
}

/// Operators of two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `^`
    Power,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `and`
    And,
    /// `or`
    Or,
}

impl Operator {
    /// As written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Power => "^",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::And => "and",
            Self::Or => "or",
        }
    }
}

/// The functions of the language. There are no others, and users cannot add any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// `if(c, a, b)`: only the branch taken is evaluated and differentiated.
    If,
    /// Smallest of two or more.
    Min,
    /// Largest of two or more.
    Max,
    /// Natural exponential.
    Exp,
    /// Natural logarithm.
    Log,
    /// Logarithm to base 2.
    Log2,
    /// Square root.
    Sqrt,
    /// `smax(a, b, p) = (a^p + b^p)^(1/p)`: a maximum with a rounded corner.
    Smax,
    /// `smin(a, b, p) = (a^-p + b^-p)^(-1/p)`.
    Smin,
    /// `softcap(x, room, q) = x / (1 + (x/room)^q)^(1/q)`: x while there is room, never more than the room.
    Softcap,
    /// `clip(x, low, high)`.
    Clip,
    /// `mod(a, b)`: what is left of a after taking away b as often as it goes; 0 where b divides a.
    Mod,
}

impl Function {
    /// Every function with its name.
    pub const ALL: [(&'static str, Self); 12] = [
        ("if", Self::If),
        ("min", Self::Min),
        ("max", Self::Max),
        ("exp", Self::Exp),
        ("log", Self::Log),
        ("log2", Self::Log2),
        ("sqrt", Self::Sqrt),
        ("smax", Self::Smax),
        ("smin", Self::Smin),
        ("softcap", Self::Softcap),
        ("clip", Self::Clip),
        ("mod", Self::Mod),
    ];

    /// As written.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, function)| *function == self).map_or("", |(name, _)| name)
    }

    /// How it is called.
    pub fn signature(self) -> &'static str {
        match self {
            Self::If => "if(condition, then, else)",
            Self::Min => "min(a, b, …)",
            Self::Max => "max(a, b, …)",
            Self::Exp => "exp(x)",
            Self::Log => "log(x)",
            Self::Log2 => "log2(x)",
            Self::Sqrt => "sqrt(x)",
            Self::Smax => "smax(a, b, sharpness)",
            Self::Smin => "smin(a, b, sharpness)",
            Self::Softcap => "softcap(x, room, sharpness)",
            Self::Clip => "clip(x, low, high)",
            Self::Mod => "mod(a, b)",
        }
    }

    /// Fewest and most arguments.
    pub fn arity(self) -> (usize, usize) {
        match self {
            Self::If | Self::Smax | Self::Smin | Self::Softcap | Self::Clip => (3, 3),
            Self::Min | Self::Max => (2, 16),
            Self::Mod => (2, 2),
            Self::Exp | Self::Log | Self::Log2 | Self::Sqrt => (1, 1),
        }
    }
}

impl Expression {
    /// Calls `visit` with every name and its place.
    pub fn names(&self, visit: &mut impl FnMut(&str, &Range<usize>)) {
        match &self.kind {
            ExpressionKind::Number(..) | ExpressionKind::Text(_) | ExpressionKind::Truth(_) => {}
            ExpressionKind::Name(name) => visit(name, &self.at),
            ExpressionKind::Negate(inner) | ExpressionKind::Not(inner) => inner.names(visit),
            ExpressionKind::Binary(_, left, right) => {
                left.names(visit);
                right.names(visit);
            }
            ExpressionKind::Call(_, arguments) => arguments.iter().for_each(|argument| argument.names(visit)),
        }
    }
}
