//! What the data leave open: parameters that only their priors set, and trades between parameters.

use std::collections::BTreeSet;

use super::super::{Document, Text};
use crate::fit::{ParameterEstimate, Summary, WeakDirection};
use crate::notes::plural;
use crate::unit::percent;

/// As many trades between parameters as are put into words.
const MOST_TRADES: usize = 8;
/// Members of a direction with less weight than this share of the largest are left out of the words.
const SMALL: f64 = 0.4;
/// Below this share decided by the data, a parameter is its prior.
const UNTOUCHED: f64 = 0.02;
/// From this ratio of posterior to prior spread on, a direction is as wide as any other such one.
const MIXED: f64 = 0.995;

/// What the data leave open: what only the prior says, levels that share one decided sum with their pooled value, and
/// other trades, in words.
pub(super) fn undecided(document: &mut Document, summary: &Summary) {
    document.heading("What the data leave open");
    if summary.weak.is_empty() {
        document.paragraph("Nothing: every combination of parameters is decided by the data more than by its prior.");
        return;
    }
    document.paragraph(Text::new().plain(format!(
        "{} of {} of parameters {} set by the priors more than by the data.",
        summary.weak.len(),
        plural(summary.coordinates, "combination"),
        if summary.weak.len() == 1 { "is" } else { "are" },
    )));
    let alone: BTreeSet<String> =
        summary.estimates.iter().filter(|own| own.decided < UNTOUCHED).map(coordinate).collect();
    let (mut levels, mut trades) = (Vec::new(), Vec::new());
    for direction in &summary.weak {
        let members = telling(direction, &alone);
        let bases: BTreeSet<&str> = members.iter().map(|(name, _)| base(name)).collect();
        match bases.len() {
            0 => {}
            1 => levels.extend(bases),
            // Directions that the data do not touch at all can be mixed at will: no mixture of them is a finding.
            _ if direction.ratio < MIXED => trades.push(in_words(direction, &members)),
            _ => {}
        }
    }
    let named = |what: &str, mut names: Vec<&str>| {
        names.sort_unstable();
        names.dedup();
        (!names.is_empty()).then(|| Text::new().strong(what).plain(": ").plain(names.join(", ")))
    };
    let mut items: Vec<Text> = Vec::new();
    items.extend(named("Only the prior says", alone.iter().map(String::as_str).collect()));
    items.extend(named("Pooled value and levels are decided together, not each", levels));
    let more = trades.len().saturating_sub(MOST_TRADES);
    items.extend(trades.into_iter().take(MOST_TRADES));
    if more > 0 {
        items.push(Text::new().dim(format!("and {} more, in --format json", plural(more, "trade"))));
    }
    document.list(items);
}

/// The members that make a direction what it is, but for those that the data do not touch at all.
fn telling<'d>(direction: &'d WeakDirection, alone: &BTreeSet<String>) -> Vec<&'d (String, f64)> {
    let largest = direction.members.first().map_or(0.0, |(_, weight)| weight.abs());
    let tells = |(name, weight): &&(String, f64)| weight.abs() >= SMALL * largest && !alone.contains(name);
    direction.members.iter().filter(tells).collect()
}

/// The coordinate of an estimate: `layer_time`, `layer_time[0.24]`.
fn coordinate(estimate: &ParameterEstimate) -> String {
    if estimate.level.is_empty() { estimate.name.clone() } else { format!("{}[{}]", estimate.name, estimate.level) }
}

/// The parameter of a coordinate such as `layer_time[0.24]`.
fn base(coordinate: &str) -> &str {
    coordinate.split('[').next().unwrap_or(coordinate)
}

/// What can change together without the data noticing.
fn in_words(direction: &WeakDirection, members: &[&(String, f64)]) -> Text {
    let sign = members.first().map_or(1.0, |(_, weight)| weight.signum());
    let names = |with: bool| {
        let own = members.iter().filter(move |(_, weight)| (weight.signum() == sign) == with);
        own.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (up, down) = (names(true), names(false));
    let text = if down.is_empty() {
        Text::new().code(up).plain(" may rise or fall together")
    } else {
        Text::new().code(up).plain(" may rise where ").code(down).plain(" falls")
    };
    text.dim(format!(" ({} of the prior's spread is left)", percent(direction.ratio)))
}
