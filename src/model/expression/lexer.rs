//! Text to tokens.

use std::ops::Range;

use crate::model::fault::{Fault, span};
use crate::unit::{Dimension, Unit};

/// A word, number or sign.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// In SI, with the dimension of the unit written after it.
    Number(f64, Dimension),
    /// In quotes.
    Text(String),
    /// A name, possibly with one dot, or one of the words `and`, `or`, `not`.
    Word(String),
    /// An operator, parenthesis or comma.
    Sign(&'static str),
    /// After the last token.
    End,
}

const SIGNS: [&str; 14] = ["<=", ">=", "==", "!=", "+", "-", "*", "/", "^", "(", ")", ",", "<", ">"];

/// All tokens of `text`, which begins at byte `start` of the file.
pub(super) fn tokens(text: &str, start: usize) -> Result<Vec<(Token, Range<usize>)>, Fault> {
    let mut result = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let rest = &text[at..];
        let (token, length) = if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|d: char| d.is_ascii_digit()))
        {
            number(rest, start + at)?
        } else if c.is_alphabetic() || c == '_' {
            let length = rest.find(|d: char| !(d.is_alphanumeric() || d == '_' || d == '.')).unwrap_or(rest.len());
            (Token::Word(rest[..length].to_owned()), length)
        } else if c == '"' || c == '\'' {
            quoted(rest, c, start + at)?
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (Token::Sign(sign), sign.len())
        } else {
            let range = start + at..start + at + c.len_utf8();
            return Err(Fault::Expression {
                expected: "an operator, a name or a number".to_owned(),
                found: format!("`{c}`"),
                at: span(&range),
            });
        };
        result.push((token, start + at..start + at + length));
        at += length;
    }
    result.push((Token::End, start + text.len()..start + text.len()));
    Ok(result)
}

/// A number with an optional unit: `0.5`, `1e-3`, `40 us`, `3.35 TB/s`. A unit goes on after `/` or `*` only without a
/// space, so that `2 GB / x` is a division.
fn number(rest: &str, start: usize) -> Result<(Token, usize), Fault> {
    let bytes = rest.as_bytes();
    let mut end = 0;
    while end < bytes.len() {
        let sign_of_exponent = matches!(bytes[end], b'+' | b'-') && end > 0 && matches!(bytes[end - 1], b'e' | b'E');
        let exponent = matches!(bytes[end], b'e' | b'E')
            && bytes.get(end + 1).is_some_and(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-'));
        if !(bytes[end].is_ascii_digit() || matches!(bytes[end], b'.' | b'_') || exponent || sign_of_exponent) {
            break;
        }
        end += 1;
    }
    let value: f64 = rest[..end].replace('_', "").parse().map_err(|_| Fault::Expression {
        expected: "a number".to_owned(),
        found: format!("`{}`", &rest[..end]),
        at: span(&(start..start + end)),
    })?;
    let gap = rest[end..].len() - rest[end..].trim_start().len();
    let unit_start = end + gap;
    let symbol_end = |from: usize| {
        rest[from..].find(|c: char| !(c.is_alphabetic() || c == '%')).map_or(rest.len(), |length| from + length)
    };
    let mut unit_end = symbol_end(unit_start);
    if unit_end == unit_start || !Unit::is_symbol(&rest[unit_start..unit_end]) {
        return Ok((Token::Number(value, Dimension::ONE), end));
    }
    while rest[unit_end..].starts_with(['/', '*']) {
        let next = symbol_end(unit_end + 1);
        if next == unit_end + 1 || !Unit::is_symbol(&rest[unit_end + 1..next]) {
            break;
        }
        unit_end = next;
    }
    let unit = Unit::parse(&rest[unit_start..unit_end]).map_err(|reason| Fault::Unit {
        reason,
        at: span(&(start + unit_start..start + unit_end)),
        help: "units are products and quotients such as `us`, `TB/s`, `tokens`".to_owned(),
    })?;
    Ok((Token::Number(value * unit.factor, unit.dimension), unit_end))
}

/// A category in single or double quotes.
fn quoted(rest: &str, quote: char, start: usize) -> Result<(Token, usize), Fault> {
    match rest[1..].find(quote) {
        Some(length) => Ok((Token::Text(rest[1..=length].to_owned()), length + 2)),
        None => Err(Fault::Expression {
            expected: format!("a closing `{quote}`"),
            found: "the end".to_owned(),
            at: span(&(start..start + rest.len())),
        }),
    }
}
