//! What the runs themselves say against a comparison of them. Only what is recorded can be seen.

use std::collections::BTreeMap;

use super::constants::{CHANCE, HIDDEN_STALLS, SHORT_WINDOW, SLOW_HOST, UNFILLED};
use super::ground::Ground;
use super::row::Row;
use crate::notes::{Caveat, plural};
use crate::stats::median;
use crate::unit::percent;

/// The caveats of an observation that rests on these pairs, each row at most once.
pub(super) fn caveats(ground: &Ground<'_>, pairs: &[(&Row<'_>, &Row<'_>)]) -> Vec<Caveat> {
    let rows: BTreeMap<&str, &Row<'_>> =
        pairs.iter().flat_map(|(a, b)| [*a, *b]).map(|row| (row.run.id.as_str(), row)).collect();
    let mut found = Vec::new();
    found.extend(noise(ground, pairs));
    found.extend(differing(pairs));
    found.extend(windows(ground, &rows));
    found.extend(seen_in(&rows));
    found
}

/// How many of the differences could be chance.
fn noise(ground: &Ground<'_>, pairs: &[(&Row<'_>, &Row<'_>)]) -> Option<Caveat> {
    let (limit, source) = match (ground.repeats.first(), ground.repeats.last()) {
        (Some(low), Some(high)) => (
            median(&ground.repeats).unwrap_or(CHANCE),
            format!(
                "{} of repeated configurations differ by {} to {}",
                plural(ground.repeats.len(), "pair"),
                percent(low.exp_m1()),
                percent(high.exp_m1())
            ),
        ),
        _ => (
            CHANCE,
            format!("nothing was measured twice; elsewhere GPUs of one type differ by up to {}", percent(CHANCE)),
        ),
    };
    let small = pairs.iter().filter(|(a, b)| (b.energy / a.energy).ln().abs() < limit).count();
    let text = format!(
        "{small} of {} differ in energy by less than {}, which may be chance: {source}",
        plural(pairs.len(), "pair"),
        percent(limit.exp_m1())
    );
    (small > 0).then(|| Caveat::new("noise", text))
}

/// Pairs whose runs differ in more than what is compared.
fn differing(pairs: &[(&Row<'_>, &Row<'_>)]) -> Vec<Caveat> {
    let mut found = Vec::new();
    let repeats = |row: &Row<'_>| row.run.number("request_repeats");
    let mut add = |code: &str, what: &str, why: &str, differs: &dyn Fn(&Row<'_>, &Row<'_>) -> bool| {
        let own: Vec<_> = pairs.iter().filter(|(a, b)| differs(a, b)).collect();
        if let Some((a, b)) = own.first() {
            let text = format!(
                "{} of {} {what}, such as `{}` and `{}`: {why}",
                own.len(),
                plural(pairs.len(), "pair"),
                a.run.id,
                b.run.id
            );
            found.push(Caveat::new(code, text));
        }
    };
    add(
        "repeats_differ",
        "repeat the request set a different number of times",
        "repeats may find prompts in the cache",
        &|a, b| repeats(a).is_some() && repeats(b).is_some() && repeats(a) != repeats(b),
    );
    add("other_machine", "ran on different machines", "GPUs of one type differ by up to 8 %", &|a, b| {
        a.gpu == b.gpu && !a.unit.is_empty() && !b.unit.is_empty() && a.unit != b.unit
    });
    add(
        "lengths_differ",
        "have answers of different length though task and model are the same",
        "compare energy per token, with care",
        &|a, b| {
            let (Some(one), Some(other)) = (a.output_tokens, b.output_tokens) else { return false };
            a.workload == b.workload && a.model == b.model && (one / other).ln().abs() > 0.3
        },
    );
    add(
        "software_differs",
        "differ in software or other settings too",
        "not all of the difference is what is compared",
        &|a, b| a.rest != b.rest && a.model == b.model,
    );
    found
}

/// Windows that saw only the beginning of answers.
fn windows(ground: &Ground<'_>, rows: &BTreeMap<&str, &Row<'_>>) -> Option<Caveat> {
    let requests = |row: &Row<'_>| {
        let recorded = row.run.details.get("requests").and_then(|text| text.parse::<f64>().ok());
        let set = ground.catalog.get("task", &[&row.task], "requests").and_then(|value| value.number());
        recorded.or_else(|| Some(set? * row.run.number("request_repeats").unwrap_or(1.0)))
    };
    let is_short = |row: &&&Row<'_>| {
        row.kind.is_language() && requests(row).is_some_and(|count| count < SHORT_WINDOW * row.batch as f64)
    };
    let short: Vec<_> = rows.values().filter(is_short).collect();
    let first = short.first()?;
    let text = format!(
        "{} of {} had fewer requests than two batches, such as `{}`: the window is short and sees young contexts",
        short.len(),
        plural(rows.len(), "run"),
        first.run.id
    );
    Some(Caveat::new("short_window", text))
}

/// Signs in single runs.
fn seen_in(rows: &BTreeMap<&str, &Row<'_>>) -> Vec<Caveat> {
    let metric = |row: &Row<'_>, name: &str| row.run.metrics.get(name).copied();
    let running = |row: &Row<'_>| row.run.observed.get("running_batch").copied();
    let mut found = Vec::new();
    let mut add = |code: &str, what: &str, why: &str, has: &dyn Fn(&Row<'_>) -> Option<bool>| {
        let own: Vec<_> = rows.values().filter(|row| has(row) == Some(true)).collect();
        if let Some(first) = own.first() {
            let of = plural(rows.len(), "run");
            found.push(Caveat::new(code, format!("{} of {of} {what}, such as `{}`: {why}", own.len(), first.run.id)));
        }
    };
    add(
        "batch_not_filled",
        "ran fewer requests than 95 % of the batch",
        "the real batch is smaller than its label",
        &|row| Some(running(row)? < UNFILLED * row.batch as f64),
    );
    add(
        "median_hides_stalls",
        "have a median time between tokens far below running requests ÷ throughput",
        "a deadline on the median lets them pass",
        &|row| {
            let implied = running(row)? / row.throughput?;
            Some(row.kind.is_language() && row.latency? < HIDDEN_STALLS * implied)
        },
    );
    add(
        "slow_host",
        "have a 90th percentile of the time between tokens well above its median",
        "the host may have kept the GPU waiting, as 1xB200 hosts of the public data do",
        &|row| Some(metric(row, "itl_p90")? > SLOW_HOST * metric(row, "itl_p50")?),
    );
    found
}
