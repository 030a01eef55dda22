//! What is asked for, judged before any server is: all that is wrong with it at once.

use super::error::PrometheusError;
use super::time::span;
use crate::runs::{Axis, Sweep, axes};

/// One of the two windows, as asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Id of the run that it becomes.
    pub id: String,
    /// The window, as typed.
    pub span: String,
    /// Conditions of this run only, as typed: `batch_size=256`.
    pub set: Vec<String>,
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Name of the sweep.
    pub name: String,
    /// Where Prometheus is, for the provenance.
    pub url: String,
    /// Matchers of the server's metrics, without braces.
    pub selector: String,
    /// Matchers of the GPUs' metrics.
    pub gpu_selector: String,
    /// Conditions of both runs.
    pub set: Vec<String>,
    /// The windows.
    pub sides: [Side; 2],
    /// The zone of times of day without one.
    pub zone: Option<jiff::tz::TimeZone>,
}

impl Question {
    /// Refuses what cannot be, as far as it can be told without a server. `now` is about the time, in seconds since 1970.
    pub fn check(&self, now: f64) -> Result<(), PrometheusError> {
        let mut faults = Vec::new();
        let zone = self.zone();
        for side in &self.sides {
            faults.extend(span(&side.span, now, &zone).err().map(PrometheusError::from));
        }
        for set in [&self.set, &self.sides[0].set, &self.sides[1].set] {
            faults.extend(conditions(set).err().into_iter().flatten());
        }
        for (option, text) in [("--selector", &self.selector), ("--gpu-selector", &self.gpu_selector)] {
            if let Err(near) = matchers(&plain(text)) {
                faults.push(PrometheusError::Matchers { option, text: text.clone(), near });
            }
        }
        let [a, b] = &self.sides;
        if a.id == b.id {
            faults.push(PrometheusError::SameId { id: a.id.clone() });
        }
        for (option, side) in ["--id-a", "--id-b"].into_iter().zip(&self.sides) {
            if side.id.trim().is_empty() {
                faults.push(PrometheusError::EmptyId { option });
            }
        }
        faults.extend(Sweep::check_name(&self.name).err().map(PrometheusError::from));
        match faults.len() {
            0 => Ok(()),
            1 => Err(faults.remove(0)),
            _ => Err(PrometheusError::Faults { faults }),
        }
    }

    /// The zone of times of day without one; without it, UTC.
    pub(super) fn zone(&self) -> jiff::tz::TimeZone {
        self.zone.clone().unwrap_or(jiff::tz::TimeZone::UTC)
    }
}

/// Matchers without the braces that people may write around them.
pub(super) fn plain(selector: &str) -> String {
    let selector = selector.trim();
    let inside = selector.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    inside.unwrap_or(selector).trim().trim_end_matches(',').to_owned()
}

/// Conditions as typed, each once and with one value; or all that is wrong with them.
pub(super) fn conditions(texts: &[String]) -> Result<Vec<Axis>, Vec<PrometheusError>> {
    let (mut all, mut faults): (Vec<Axis>, Vec<PrometheusError>) = (Vec::new(), Vec::new());
    for text in texts {
        match axes(text).map(<[Axis; 1]>::try_from) {
            Ok(Ok([(name, _)])) if all.iter().any(|(own, _)| *own == name) => {
                faults.push(PrometheusError::Twice { name });
            }
            Ok(Ok([(name, values)])) if values.len() == 1 => all.push((name, values)),
            Ok(_) => faults.push(PrometheusError::NotOne { text: text.clone() }),
            Err(error) => faults.push(error.into()),
        }
    }
    if faults.is_empty() { Ok(all) } else { Err(faults) }
}

/// Whether a text is a list of matchers, `name="value",other!~"a|b"`; else what stands where it is none.
fn matchers(text: &str) -> Result<(), String> {
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let near = || rest.chars().take(20).collect::<String>();
        rest = matcher(rest).ok_or_else(near)?.trim_start();
        match rest.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None if rest.is_empty() => {}
            None => return Err(rest.chars().take(20).collect()),
        }
    }
    Ok(())
}

/// What stands behind the first matcher of a text.
fn matcher(text: &str) -> Option<&str> {
    let name_end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    // A name of other characters is quoted.
    let rest = if name_end == 0 { quoted(text)? } else { &text[name_end..] };
    let rest = rest.trim_start();
    let operator = ["=~", "!~", "!=", "="].into_iter().find(|operator| rest.starts_with(operator))?;
    quoted(rest[operator.len()..].trim_start())
}

/// What stands behind a quoted text at the front.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| "\"'`".contains(*c))?;
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if quote != '`' => is_escaped = true,
            _ if c == quote => return Some(&text[at + 1..]),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_are_told_from_other_texts() {
        let case = |text: &str, expected: Result<(), &str>| {
            assert_eq!(matchers(&plain(text)), expected.map_err(str::to_owned), "{text}");
        };
        case("", Ok(()));
        case("model_name=\"m\",job!~'a|b'", Ok(()));
        case("{ Hostname = \"h\", \"my.label\"=~`x` , }", Ok(()));
        case(r#"path="a\"b,c""#, Ok(()));
        case("model_name=m", Err("model_name=m"));
        case("a=\"1\" b=\"2\"", Err("b=\"2\""));
        case("a=\"1", Err("a=\"1"));
        case("up{a=\"1\"}", Err("up{a=\"1\"}"));
        case("=\"1\"", Err("=\"1\""));
    }
}
