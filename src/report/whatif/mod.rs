//! What-ifs as documents: one answer told at length, or a frontier of many.

mod frontier;
mod json;
mod one;

pub use json::json;

use super::{Document, Text};
use crate::notes::{Caveat, words};
use crate::runs::more_is_worse;
use crate::unit::show_plain;
use crate::whatif::{Answer, MetricAnswer, WhatIf};

/// A limit that is kept with this probability is.
const SURE: f64 = 0.95;

/// The document of a what-if.
pub fn document(found: &WhatIf) -> Document {
    match &found.answers[..] {
        [only] => one::document(found, only),
        _ => frontier::document(found),
    }
}

/// `×0.79` and `0.73 to 0.86`, colored where it is a change beyond doubt.
fn factor(own: &MetricAnswer) -> (Text, String) {
    if !own.factor.is_finite() {
        return (Text::from("–"), "–".to_owned());
    }
    let [low, high] = own.factor_interval;
    let text = format!("×{}", show_plain(own.factor));
    let is_better = (own.factor < 1.0) == more_is_worse(&own.metric);
    let tone = if low <= 1.0 && high >= 1.0 {
        Text::new().plain(text)
    } else if is_better {
        Text::new().good(text)
    } else {
        Text::new().bad(text)
    };
    let interval =
        if is_measured(own) { "measured".to_owned() } else { format!("{} to {}", show_plain(low), show_plain(high)) };
    (tone, interval)
}

/// Whether a metric was measured so, and not predicted.
fn is_measured(own: &MetricAnswer) -> bool {
    own.interval[0] == own.interval[1]
}

/// The names of the limits that an answer breaks.
fn broken(answer: &Answer) -> Vec<String> {
    answer.limits.iter().filter(|limit| !limit.holds).map(|limit| words(&limit.constraint)).collect()
}

/// Whether an answer that keeps every limit by the best guess may break one.
fn may_not_fit(answer: &Answer) -> bool {
    answer.feasible && answer.limits.iter().any(|limit| limit.probability.is_some_and(|own| own < SURE))
}

/// Caveats of one kind: those of several answers are told once, in the words of the first.
struct Told<'a> {
    caveat: &'a Caveat,
    /// Name of the answer it is from.
    first: String,
    count: usize,
}

/// The caveats of several answers. Those that differ only by numbers, or from the first number on, are one.
fn told(answers: &[Answer]) -> Vec<Told<'_>> {
    let kind = |caveat: &Caveat| {
        (caveat.code.clone(), caveat.text.split(|c: char| c.is_ascii_digit()).next().map(str::to_owned))
    };
    let mut found: Vec<Told<'_>> = Vec::new();
    for (answer, caveat) in answers.iter().flat_map(|answer| answer.caveats.iter().map(move |own| (answer, own))) {
        match found.iter_mut().find(|known| kind(known.caveat) == kind(caveat)) {
            Some(known) => known.count += 1,
            None => found.push(Told { caveat, first: answer.name(), count: 1 }),
        }
    }
    found
}
