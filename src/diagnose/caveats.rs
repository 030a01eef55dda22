//! What a reader must know before believing an answer.

use super::explain::COUNTED;
use super::result::{Diagnosis, Verdict};
use super::signs::Sign;
use crate::catalog::{Catalog, CatalogValue};
use crate::fit::Fitted;
use crate::notes::{Caveat, list};
use crate::predict::Abducted;
use crate::unit::{percent, show};

/// Median latency below this share of the mean step time hides stalls.
const HIDDEN: f64 = 0.8;
/// A window shorter than this many turnovers of the batch is short.
const SHORT: f64 = 2.0;
/// Running requests below this share of what was configured and supplied are worth a word.
const UNFILLED: f64 = 0.95;

/// Verdicts of measurements that are what they say.
const TRUSTED: [&str; 3] = ["steady", "measured", "good"];

/// All caveats, the ones that question the metric first.
pub(super) fn caveats(
    fitted: &Fitted,
    catalog: &Catalog,
    diagnosis: &Diagnosis,
    a: &Abducted,
    b: &Abducted,
    signs: &[Sign],
    (a_disagrees, b_disagrees): (bool, bool),
) -> Vec<Caveat> {
    let mut found = Vec::new();
    let both = [("A", a), ("B", b)];
    measured(&both, &mut found);
    hidden_stalls(diagnosis, &both, &mut found);
    if diagnosis.mostly_unexplained() {
        found.push(Caveat::new(
            "mostly_unexplained",
            "the model leaves more unexplained than it explains: look at what it does not know (host, contention, clocks)",
        ));
    }
    for (disagrees, (side, _)) in [a_disagrees, b_disagrees].into_iter().zip(&both) {
        if disagrees {
            found.push(Caveat::new(
                "columns_disagree",
                format!("in {side} the metric and the columns it follows from differ by more than 3 %: check the measurement"),
            ));
        }
    }
    found.extend(signs.iter().map(|sign| sign.caveat.clone()));
    prefill(a, b, &mut found);
    windows(catalog, &both, &mut found);
    settings(fitted, diagnosis, a, b, &mut found);
    split(fitted, diagnosis, b, &mut found);
    found
}

/// Runs whose own measurement was not trusted by who made it.
fn measured(both: &[(&str, &Abducted); 2], found: &mut Vec<Caveat>) {
    for (side, run) in both {
        let Some(verdict) = run.run.details.get("verdict") else { continue };
        let word = verdict.split(':').next().unwrap_or_default();
        if !TRUSTED.contains(&word) {
            found.push(Caveat::new("doubtful_measurement", format!("{side} was measured as `{verdict}`")));
        }
    }
}

/// Median latency far from the mean step time: the median skips the stalls.
fn hidden_stalls(diagnosis: &Diagnosis, both: &[(&str, &Abducted); 2], found: &mut Vec<Caveat>) {
    if !diagnosis.metric.starts_with("itl_") {
        return;
    }
    let mut misled: Vec<(f64, Caveat)> = Vec::new();
    for (side, run) in both {
        let (Some(&running), Some(&throughput), Some(&itl)) =
            (run.run.observed.get("running_batch"), run.run.metrics.get("throughput"), run.run.metrics.get("itl_p50"))
        else {
            continue;
        };
        let mean = running / throughput;
        if itl < HIDDEN * mean {
            misled.push((itl / mean, Caveat::new(
                "median_hides_stalls",
                format!(
                    "the metric misleads in {side}: the median time between tokens is {}, but running requests ÷ throughput \
                     is {}; compare throughput or itl_p90 instead",
                    show(itl, "s"),
                    show(mean, "s"),
                ),
            )));
        }
    }
    misled.sort_by(|x, y| x.0.total_cmp(&y.0));
    found.extend(misled.into_iter().map(|(_, caveat)| caveat));
}

/// Windows with different amounts of prefill.
fn prefill(a: &Abducted, b: &Abducted, found: &mut Vec<Caveat>) {
    if let (Some(own), Some(others)) = (a.run.observed.get("prefill_ratio"), b.run.observed.get("prefill_ratio"))
        && (own - others).abs() > 0.25 * own.max(*others).max(0.2)
        && a.run.conditions.get("prompt_tokens") == b.run.conditions.get("prompt_tokens")
        && a.run.conditions.get("output_tokens") == b.run.conditions.get("output_tokens")
    {
        found.push(Caveat::new(
            "prefill_differs",
            format!(
                "the windows hold different amounts of prefill: {own:.2} and {others:.2} prompt tokens per output token"
            ),
        ));
    }
}

/// Windows, fill and repeats.
fn windows(catalog: &Catalog, both: &[(&str, &Abducted); 2], found: &mut Vec<Caveat>) {
    for (side, run) in both {
        let repeats = run.run.number("request_repeats").unwrap_or(1.0);
        let set = run.run.name("task").and_then(|task| match catalog.get("task", &[task], "requests") {
            Some(CatalogValue::Number(count)) => Some(count),
            _ => None,
        });
        if let (Some(set), Some(batch)) = (set, run.run.number("batch_size"))
            && set * repeats < SHORT * batch
        {
            found.push(Caveat::new(
                "short_window",
                format!(
                    "{side} has {} requests for a batch of {batch}: its steady window is short and sees young contexts",
                    set * repeats
                ),
            ));
        }
        let configured = run.run.number("batch_size").unwrap_or(f64::INFINITY);
        let supplied = run.run.number("concurrency").or_else(|| run.run.number("burst")).unwrap_or(f64::INFINITY);
        if let Some(&running) = run.run.observed.get("running_batch") {
            let expected = configured.min(supplied);
            if running < UNFILLED * expected {
                found.push(Caveat::new(
                    "batch_not_filled",
                    format!(
                        "{side} ran {} requests on average, {} of what it could",
                        show(running, "1"),
                        percent(running / expected)
                    ),
                ));
            }
        }
    }
    let repeats = both.map(|(_, run)| run.run.number("request_repeats"));
    if let [Some(x), Some(y)] = repeats
        && x != y
    {
        found.push(Caveat::new(
            "repeats_differ",
            format!("the request set was repeated (×{x} in A, ×{y} in B): repeats find their prompts in the cache"),
        ));
    }
}

/// Settings that differ without an equation, other machines, assumptions of the importer.
fn settings(fitted: &Fitted, diagnosis: &Diagnosis, a: &Abducted, b: &Abducted, found: &mut Vec<Caveat>) {
    let model = &fitted.model;
    let units = (a.run.name("gpu_unit"), b.run.name("gpu_unit"));
    if let (Some(x), Some(y)) = units
        && x != y
    {
        found.push(Caveat::new(
            "other_machine",
            format!("A ran on machine {x}, B on machine {y}: GPUs of one type differ by up to 8 %"),
        ));
    }
    if a.run.source != b.run.source
        && !a.run.source.is_empty()
        && !b.run.source.is_empty()
        && a.run.name("task") == b.run.name("task")
    {
        found.push(Caveat::new(
            "other_source",
            format!(
                "A comes from `{}`, B from `{}`: check that both count the same energy, window and tokens",
                a.run.source, b.run.source
            ),
        ));
    }
    for detail in COUNTED {
        if let (Some(x), Some(y)) = (a.run.details.get(detail), b.run.details.get(detail))
            && x != y
        {
            let text = format!("A and B count different things: {detail} is `{x}` in A and `{y}` in B");
            found.push(Caveat::new("not_comparable", text));
        }
    }
    let without: Vec<String> = model
        .causes
        .iter()
        .flat_map(|cause| &cause.conditions)
        .filter(|name| *name != "gpu_unit" && *name != "checkpoint")
        .filter(|name| model.node_index(name).is_none())
        .filter(|name| a.run.conditions.get(*name) != b.run.conditions.get(*name))
        .cloned()
        .collect();
    if !without.is_empty() {
        found.push(Caveat::new(
            "no_equation",
            format!(
                "the model has no equation for {}, which differ{}: the effect is in the unexplained part",
                list(&without),
                if without.len() == 1 { "s" } else { "" }
            ),
        ));
    }
    let assumed = (a.run.details.get("assumed"), b.run.details.get("assumed"));
    match assumed {
        (Some(x), Some(y)) if x == y => {
            found.push(Caveat::new("assumed", format!("assumed, not recorded, in both runs: {x}")));
        }
        _ => {
            for (side, text) in [("A", assumed.0), ("B", assumed.1)] {
                found.extend(
                    text.map(|text| Caveat::new("assumed", format!("assumed, not recorded, in {side}: {text}"))),
                );
            }
        }
    }
    if diagnosis.verdict == Verdict::WithinNoise {
        found.push(Caveat::new("within_noise", "the difference is within run-to-run noise: its causes may be chance"));
    }
}

/// The split of power into static and dynamic, where the data do not decide it.
fn split(fitted: &Fitted, diagnosis: &Diagnosis, run: &Abducted, found: &mut Vec<Caveat>) {
    let blamed = diagnosis.causes.iter().flat_map(|cause| &cause.mechanisms).any(|mechanism| {
        matches!(mechanism.mechanism.as_str(), "static_power" | "communication") && mechanism.factor.ln().abs() > 0.02
    });
    let Some(gpu) = run.run.name("gpu").filter(|_| blamed) else { return };
    let Some(interval) = fitted.level_interval("idle_power_share", gpu) else { return };
    let Some(power) = fitted.model.node("static_power").map(|_| interval) else { return };
    found.push(Caveat::new(
        "static_split",
        format!(
            "static against idle and communication power is not decided by the data: a waiting {gpu} draws {} to {} of its \
             rated power (90 %), so read the static and communication shares together",
            percent(power.0),
            percent(power.1)
        ),
    ));
}
