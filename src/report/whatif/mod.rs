//! What-ifs as documents: one answer told at length, or a frontier of many.

mod frontier;
mod json;
mod one;

pub use json::json;

use super::{Document, Text};
use crate::notes::{Caveat, words};
use crate::unit::show_plain;
use crate::whatif::{Answer, Limit, MetricAnswer, WhatIf};

/// The document of a what-if.
pub fn document(found: &WhatIf) -> Document {
    match &found.answers[..] {
        [only] => one::document(found, only),
        _ => frontier::document(found),
    }
}

/// `×0.79` and `0.73 to 0.86`, colored where it is a change beyond doubt.
fn factor(found: &WhatIf, own: &MetricAnswer) -> [Text; 2] {
    let [low, high] = own.factor_interval;
    let text = format!("×{}", show_plain(own.factor));
    let is_better = (own.factor < 1.0) == found.more_is_worse;
    let tone = if low <= 1.0 && high >= 1.0 {
        Text::new().plain(text)
    } else if is_better {
        Text::new().good(text)
    } else {
        Text::new().bad(text)
    };
    let interval =
        if low == high { "measured".to_owned() } else { format!("{} to {}", show_plain(low), show_plain(high)) };
    [tone, Text::new().plain(interval)]
}

/// `fits`, `may not fit`, or what is broken.
fn feasible(answer: &Answer) -> Text {
    let broken: Vec<&str> =
        answer.limits.iter().filter(|limit| !limit.holds).map(|limit| limit.constraint.as_str()).collect();
    let is_open = |limit: &Limit| limit.probability.is_some_and(|own| own < 0.95);
    match broken.first() {
        Some(first) => Text::new().bad("no").plain(format!(": {}", words(first))),
        None if answer.limits.iter().any(is_open) => Text::new().plain("perhaps"),
        None => Text::new().good("yes"),
    }
}

/// The caveats of several answers, each said once, with how many answers it is about.
fn shared<'a>(answers: impl Iterator<Item = &'a Answer>) -> Vec<(&'a Caveat, usize)> {
    let mut found: Vec<(&Caveat, usize)> = Vec::new();
    for caveat in answers.flat_map(|answer| &answer.caveats) {
        match found.iter_mut().find(|(known, _)| *known == caveat) {
            Some((_, count)) => *count += 1,
            None => found.push((caveat, 1)),
        }
    }
    found
}
