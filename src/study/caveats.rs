//! What the runs themselves say against a comparison of them. Only what is recorded can be seen.

use std::collections::BTreeMap;

use super::constants::{CHANCE, HIDDEN_STALLS, NOT_A_REPEAT, OTHER_LENGTH, SHORT_WINDOW, SLOW_HOST, UNFILLED};
use super::ground::Ground;
use super::result::Doubt;
use super::row::Row;
use crate::notes::plural;
use crate::stats::median;
use crate::unit::percent;

/// Two runs that are compared.
type Pair<'g, 'a> = (&'g Row<'a>, &'g Row<'a>);

/// The doubts about an observation that rests on these pairs.
pub(super) fn caveats(ground: &Ground<'_>, pairs: &[Pair<'_, '_>]) -> Vec<Doubt> {
    let both = pairs.iter().flat_map(|(a, b)| [*a, *b]);
    let rows: BTreeMap<&str, &Row<'_>> = both.map(|row| (row.run.id.as_str(), row)).collect();
    let mut found = Vec::new();
    found.extend(noise(ground, pairs));
    found.extend(PAIR_SIGNS.iter().filter_map(|sign| in_pairs(sign, pairs)));
    found.extend(short_windows(ground, &rows));
    found.extend(RUN_SIGNS.iter().filter_map(|sign| in_runs(sign, &rows)));
    found
}

/// How many of the differences could be chance.
fn noise(ground: &Ground<'_>, pairs: &[Pair<'_, '_>]) -> Option<Doubt> {
    let close: Vec<f64> = ground.repeats.iter().copied().filter(|distance| *distance < NOT_A_REPEAT).collect();
    let limit = median(&close).unwrap_or(CHANCE.ln_1p());
    let why = match (ground.repeats.first(), ground.repeats.last()) {
        (Some(low), Some(high)) => format!(
            "{} of repeated configurations differ by {} to {}; those far apart, in something that is not recorded",
            plural(ground.repeats.len(), "pair"),
            percent(low.exp_m1()),
            percent(high.exp_m1())
        ),
        _ => format!("nothing was measured twice; elsewhere GPUs of one type differ by up to {}", percent(CHANCE)),
    };
    let small: Vec<&Pair<'_, '_>> = pairs.iter().filter(|(a, b)| (b.energy / a.energy).ln().abs() < limit).collect();
    let (a, b) = small.first()?;
    let text = format!(
        "{} of {} differ in energy by less than {}, which may be chance",
        small.len(),
        plural(pairs.len(), "pair"),
        percent(limit.exp_m1())
    );
    Some(Doubt::new("noise", text, &why).by(&a.run.id).by(&b.run.id))
}

/// A sign: its code, what the runs do, why it matters, and whether it is seen.
struct Sign<Seen> {
    code: &'static str,
    what: &'static str,
    why: &'static str,
    seen: Seen,
}

/// Whether two runs show a sign; none where it is not recorded.
type OfPair = fn(&Row<'_>, &Row<'_>) -> Option<bool>;
/// Whether a run shows a sign.
type OfRun = fn(&Row<'_>) -> Option<bool>;

/// Signs that two runs differ in more than what is compared.
const PAIR_SIGNS: [Sign<OfPair>; 5] = [
    Sign {
        code: "repeats_differ",
        what: "repeat the request set a different number of times",
        why: "repeats may find their prompts in the cache",
        seen: |a, b| Some(a.run.number("request_repeats")? != b.run.number("request_repeats")?),
    },
    Sign {
        code: "batches_differ",
        what: "ran different batches",
        why: "part of the difference is the batch's, as the causes say",
        seen: |a, b| Some(a.batch != b.batch && !(a.gpu == b.gpu && a.is_on_curve_of(b))),
    },
    Sign {
        code: "other_machine",
        what: "ran on different machines",
        why: "GPUs of one type differ by up to 8 %",
        seen: |a, b| Some(a.gpu == b.gpu && !a.unit.is_empty() && !b.unit.is_empty() && a.unit != b.unit),
    },
    Sign {
        code: "lengths_differ",
        what: "have answers of different length though task and model are the same",
        why: "even the energy per token then compares different work",
        seen: |a, b| {
            let log = (a.output_tokens? / b.output_tokens?).ln().abs();
            Some(a.workload == b.workload && a.model == b.model && log > OTHER_LENGTH)
        },
    },
    Sign {
        code: "software_differs",
        what: "differ in software or other settings too",
        why: "not all of the difference is due to what is compared",
        seen: |a, b| Some(a.rest != b.rest && a.model == b.model),
    },
];

/// Signs that a run is not what its conditions say.
const RUN_SIGNS: [Sign<OfRun>; 3] = [
    Sign {
        code: "batch_not_filled",
        what: "ran fewer requests than 95 % of the batch",
        why: "the batch that ran is smaller than its label",
        seen: |row| Some(row.run.observed.get("running_batch")? < &(UNFILLED * row.batch as f64)),
    },
    Sign {
        code: "median_hides_stalls",
        what: "have a median time between tokens far below running requests ÷ throughput",
        why: "a deadline on the median lets stalls pass",
        seen: |row| {
            let mean = row.run.observed.get("running_batch")? / row.throughput?;
            Some(row.kind.is_language() && row.latency? < HIDDEN_STALLS * mean)
        },
    },
    Sign {
        code: "slow_steps",
        what: "have a 90th percentile of the time between tokens well above its median",
        why: "prefills, or a host that keeps the GPU waiting, interrupt decoding",
        seen: |row| Some(*row.run.metrics.get("itl_p90")? > SLOW_HOST * row.run.metrics.get("itl_p50")?),
    },
];

fn in_pairs(sign: &Sign<OfPair>, pairs: &[Pair<'_, '_>]) -> Option<Doubt> {
    let seen: Vec<&Pair<'_, '_>> = pairs.iter().filter(|(a, b)| (sign.seen)(a, b) == Some(true)).collect();
    let (a, b) = seen.first()?;
    let text = format!("{} of {} {}", seen.len(), plural(pairs.len(), "pair"), sign.what);
    Some(Doubt::new(sign.code, text, sign.why).by(&a.run.id).by(&b.run.id))
}

fn in_runs(sign: &Sign<OfRun>, rows: &BTreeMap<&str, &Row<'_>>) -> Option<Doubt> {
    let seen: Vec<&&Row<'_>> = rows.values().filter(|row| (sign.seen)(row) == Some(true)).collect();
    let text = format!("{} of {} {}", seen.len(), plural(rows.len(), "run"), sign.what);
    Some(Doubt::new(sign.code, text, sign.why).by(&seen.first()?.run.id))
}

/// Windows that saw only the beginning of answers.
fn short_windows(ground: &Ground<'_>, rows: &BTreeMap<&str, &Row<'_>>) -> Option<Doubt> {
    let requests = |row: &Row<'_>| {
        let recorded = row.run.details.get("requests").and_then(|text| text.parse::<f64>().ok());
        let set = ground.catalog.get("task", &[&row.task], "requests").and_then(|value| value.number());
        recorded.or_else(|| Some(set? * row.run.number("request_repeats").unwrap_or(1.0)))
    };
    let is_short = |row: &&&Row<'_>| {
        row.kind.is_language() && requests(row).is_some_and(|count| count < SHORT_WINDOW * row.batch as f64)
    };
    let short: Vec<&&Row<'_>> = rows.values().filter(is_short).collect();
    let text = format!("{} of {} had fewer requests than two batches", short.len(), plural(rows.len(), "run"));
    let why = "the steady window is short and sees the beginning of answers";
    Some(Doubt::new("short_window", text, why).by(&short.first()?.run.id))
}
