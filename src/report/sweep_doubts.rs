//! What to know about the points of a sweep: verdicts with their reasons, and caveats, each once.

use std::collections::BTreeMap;

use super::{Document, Text};
use crate::measure::sweep::{Retry, State, Status};
use crate::notes::{list, plural};
use crate::runs::Run;

/// Points that are named with a text, and texts that are shown of a kind.
const MOST_POINTS: usize = 3;
const MOST_TEXTS: usize = 12;

/// A text with the points it is of, in the order of the work.
struct Doubt<'a> {
    text: &'a str,
    points: Vec<&'a str>,
    /// Whether the other points have other numbers in it.
    varies: bool,
}

/// Tells below the table why points are not steady, and what to know of them.
pub(super) fn doubts(document: &mut Document, status: &Status) {
    let prefix = format!("{}/", status.name);
    let runs: Vec<(&str, &Run)> = status
        .visits
        .iter()
        .filter_map(|visit| match &visit.state {
            State::Complete(run) => Some((visit.id.strip_prefix(&prefix).unwrap_or(&visit.id), run.as_ref())),
            _ => None,
        })
        .collect();
    let verdicts =
        runs.iter().filter_map(|(id, run)| Some((*id, detail(run, "verdict").filter(|own| own.contains(':'))?)));
    let caveats = runs
        .iter()
        .flat_map(|(id, run)| detail(run, "caveats").into_iter().flat_map(|all| all.split("; ")).map(|own| (*id, own)));
    for (heading, found) in [("Verdicts", grouped(verdicts)), ("Caveats", grouped(caveats))] {
        if found.is_empty() {
            continue;
        }
        document.heading(heading).list(found.iter().take(MOST_TEXTS).map(|own| item(own, runs.len())));
        if found.len() > MOST_TEXTS {
            document.paragraph(format!("And {} more, in the details of the runs.", found.len() - MOST_TEXTS));
        }
    }
    let retry = Retry::default();
    let poor = runs.iter().filter(|(_, run)| retry.takes(run)).count();
    if poor > 0 {
        let text = Text::new().plain(format!("{} not good: measured anew by ", are(poor)));
        document.paragraph(text.code("joules sweep SWEEP.toml --out DIR --retry"));
    }
}

/// `2 visits are`.
fn are(count: usize) -> String {
    format!("{} {}", plural(count, "visit"), if count == 1 { "is" } else { "are" })
}

fn detail<'a>(run: &'a Run, name: &str) -> Option<&'a str> {
    run.details.get(name).map(String::as_str)
}

/// Each text once, in the order in which they came; texts that differ in numbers only are one.
fn grouped<'a>(texts: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Doubt<'a>> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut found: Vec<Doubt<'a>> = Vec::new();
    for (point, text) in texts {
        let place = *places.entry(without_numbers(text)).or_insert(found.len());
        match found.get_mut(place) {
            None => found.push(Doubt { text, points: vec![point], varies: false }),
            Some(own) => {
                own.points.push(point);
                own.varies |= own.text != text;
            }
        }
    }
    found
}

fn without_numbers(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit() && !matches!(c, '.' | ',')).collect()
}

fn item(doubt: &Doubt<'_>, all: usize) -> Text {
    let text = Text::new().plain(format!("{}. ", doubt.text.trim_end_matches('.')));
    let (named, rest) = doubt.points.split_at(doubt.points.len().min(MOST_POINTS));
    let mut points: Vec<String> = named.iter().map(|point| format!("`{point}`")).collect();
    if !rest.is_empty() {
        points.push(format!("{} more", rest.len()));
    }
    let points = if doubt.points.len() == all && all > 1 { "all points".to_owned() } else { list(&points) };
    let first = if doubt.varies { format!("; the numbers are those of `{}`", doubt.points[0]) } else { String::new() };
    text.dim(format!("({points}{first})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_told_once_with_the_points_it_is_of() {
        let texts = [("a", "3 of 9 requests failed"), ("a", "warm"), ("b", "4 of 8 requests failed"), ("c", "warm")];
        let found = grouped(texts.into_iter());
        let told: Vec<(&str, &[&str], bool)> =
            found.iter().map(|own| (own.text, own.points.as_slice(), own.varies)).collect();
        assert_eq!(told, [("3 of 9 requests failed", &["a", "b"][..], true), ("warm", &["a", "c"][..], false)]);
    }
}
