//! Tokens to a tree. Binding, from loose to tight: `or`, `and`, `not`, comparison, `+ -`, `* /`, unary `-`, `^`.

use std::ops::Range;

use super::lexer::{Token, tokens};
use super::{Expression, ExpressionKind, Function, Operator};
use crate::model::fault::{Fault, span};
use crate::notes::nearest;

/// Parses `text`, which begins at byte `start` of the file.
pub(crate) fn parse(text: &str, start: usize) -> Result<Expression, Fault> {
    let mut parser = Parser { tokens: tokens(text, start)?, position: 0, depth: 0 };
    if let Some((_, at)) = parser.tokens.get(MOST_TOKENS) {
        return Err(too_much("a shorter equation: name its parts as latents", at));
    }
    let expression = parser.either()?;
    match parser.peek() {
        Token::End => Ok(expression),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

/// Words and signs of the longest equation; what walks over it is recursive.
const MOST_TOKENS: usize = 4000;

/// Parts of an equation that stand inside each other.
const MOST_DEPTH: usize = 300;

struct Parser {
    tokens: Vec<(Token, Range<usize>)>,
    position: usize,
    /// Open parts around the present one.
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.position].0
    }

    fn place(&self) -> Range<usize> {
        self.tokens[self.position].1.clone()
    }

    fn advance(&mut self) -> (Token, Range<usize>) {
        let token = self.tokens[self.position].clone();
        self.position = (self.position + 1).min(self.tokens.len() - 1);
        token
    }

    fn take_sign(&mut self, signs: &[&'static str]) -> Option<&'static str> {
        match *self.peek() {
            Token::Sign(sign) if signs.contains(&sign) => {
                self.advance();
                Some(sign)
            }
            _ => None,
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Token::Word(found) if found == word);
        if found {
            self.advance();
        }
        found
    }

    fn unexpected(&self, expected: &str) -> Fault {
        let found = match self.peek() {
            Token::Number(value, _) => format!("the number `{value}`"),
            Token::Text(text) => format!("the text \"{text}\""),
            Token::Word(word) => format!("`{word}`"),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::End => "the end".to_owned(),
        };
        Fault::Expression { expected: expected.to_owned(), found, at: span(&self.place()) }
    }

    /// Parses a part that may stand inside itself.
    fn nested(&mut self, part: fn(&mut Self) -> Result<Expression, Fault>) -> Result<Expression, Fault> {
        if self.depth >= MOST_DEPTH {
            return Err(too_much("fewer parts inside each other: name some as latents", &self.place()));
        }
        self.depth += 1;
        let result = part(self);
        self.depth -= 1;
        result
    }

    fn either(&mut self) -> Result<Expression, Fault> {
        let mut left = self.both()?;
        while self.take_word("or") {
            left = binary(Operator::Or, left, self.both()?);
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Expression, Fault> {
        let mut left = self.negation()?;
        while self.take_word("and") {
            left = binary(Operator::And, left, self.negation()?);
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Expression, Fault> {
        let start = self.place().start;
        if self.take_word("not") {
            let inner = self.nested(Self::negation)?;
            let at = start..inner.at.end;
            return Ok(Expression { kind: ExpressionKind::Not(Box::new(inner)), at });
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expression, Fault> {
        let left = self.sum()?;
        let Some(sign) = self.take_sign(&["<", "<=", ">", ">=", "==", "!="]) else { return Ok(left) };
        let operator = match sign {
            "<" => Operator::Less,
            "<=" => Operator::LessEqual,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterEqual,
            "==" => Operator::Equal,
            _ => Operator::NotEqual,
        };
        Ok(binary(operator, left, self.sum()?))
    }

    fn sum(&mut self) -> Result<Expression, Fault> {
        let mut left = self.product()?;
        while let Some(sign) = self.take_sign(&["+", "-"]) {
            let operator = if sign == "+" { Operator::Add } else { Operator::Subtract };
            left = binary(operator, left, self.product()?);
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expression, Fault> {
        let mut left = self.signed()?;
        while let Some(sign) = self.take_sign(&["*", "/"]) {
            let operator = if sign == "*" { Operator::Multiply } else { Operator::Divide };
            left = binary(operator, left, self.signed()?);
        }
        Ok(left)
    }

    fn signed(&mut self) -> Result<Expression, Fault> {
        let start = self.place().start;
        if self.take_sign(&["-"]).is_some() {
            let inner = self.nested(Self::signed)?;
            let at = start..inner.at.end;
            return Ok(Expression { kind: ExpressionKind::Negate(Box::new(inner)), at });
        }
        self.power()
    }

    fn power(&mut self) -> Result<Expression, Fault> {
        let base = self.atom()?;
        if self.take_sign(&["^"]).is_some() {
            return Ok(binary(Operator::Power, base, self.nested(Self::signed)?));
        }
        Ok(base)
    }

    fn atom(&mut self) -> Result<Expression, Fault> {
        match self.peek().clone() {
            Token::Number(value, dimension) => {
                let (_, at) = self.advance();
                Ok(Expression { kind: ExpressionKind::Number(value, Some(dimension)), at })
            }
            Token::Text(text) => {
                let (_, at) = self.advance();
                Ok(Expression { kind: ExpressionKind::Text(text), at })
            }
            Token::Sign("(") => {
                let (_, open) = self.advance();
                let mut inner = self.nested(Self::either)?;
                inner.at = open.start..self.close()?;
                Ok(inner)
            }
            Token::Word(word) if !matches!(word.as_str(), "and" | "or" | "not") => self.word(word),
            _ => Err(self.unexpected("a name, a number or `(`")),
        }
    }

    fn word(&mut self, word: String) -> Result<Expression, Fault> {
        let (_, at) = self.advance();
        if self.take_sign(&["("]).is_some() {
            return self.call(&word, &at);
        }
        let kind = match word.as_str() {
            "inf" => ExpressionKind::Number(f64::INFINITY, None),
            "true" => ExpressionKind::Truth(true),
            "false" => ExpressionKind::Truth(false),
            _ => ExpressionKind::Name(word),
        };
        Ok(Expression { kind, at })
    }

    fn call(&mut self, name: &str, at: &Range<usize>) -> Result<Expression, Fault> {
        let Some(&(_, function)) = Function::ALL.iter().find(|(known, _)| *known == name) else {
            let near = nearest(name, Function::ALL.iter().map(|(known, _)| *known));
            return Err(Fault::UnknownName {
                name: name.to_owned(),
                at: span(at),
                help: Some(near.map_or_else(
                    || format!("the functions are {}", Function::ALL.map(|(known, _)| known).join(", ")),
                    |known| format!("did you mean `{known}`?"),
                )),
            });
        };
        let mut arguments = vec![self.nested(Self::either)?];
        while self.take_sign(&[","]).is_some() {
            arguments.push(self.nested(Self::either)?);
        }
        let at = at.start..self.close()?;
        let (fewest, most) = function.arity();
        if arguments.len() < fewest || arguments.len() > most {
            let expected = if fewest == most { format!("{fewest} arguments") } else { format!("{fewest} or more") };
            let found = arguments.len();
            let help = format!("write `{}`", function.signature());
            return Err(Fault::Arguments { function: name.to_owned(), expected, found, at: span(&at), help });
        }
        Ok(Expression { kind: ExpressionKind::Call(function, arguments), at })
    }

    /// The end of the closing parenthesis.
    fn close(&mut self) -> Result<usize, Fault> {
        let end = self.place().end;
        self.take_sign(&[")"]).map(|_| end).ok_or_else(|| self.unexpected("`)`"))
    }
}

fn too_much(expected: &str, at: &Range<usize>) -> Fault {
    Fault::Expression { expected: expected.to_owned(), found: "too much".to_owned(), at: span(at) }
}

fn binary(operator: Operator, left: Expression, right: Expression) -> Expression {
    let at = left.at.start..right.at.end;
    Expression { kind: ExpressionKind::Binary(operator, Box::new(left), Box::new(right)), at }
}
