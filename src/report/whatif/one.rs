//! One change of one run.

use super::super::{Bars, Column, Document, Table, Text};
use super::{SURE, broken, factor, is_measured, may_not_fit};
use crate::notes::{either, list, words};
use crate::runs::Value;
use crate::unit::{percent, show, show_plain, show_range};
use crate::whatif::{Answer, Limit, MetricAnswer, WhatIf, typed};

/// Mechanisms shown; the others are summed.
const MECHANISMS: usize = 8;
/// A factor within this of 1 has no bar of its own.
const SMALL: f64 = 0.003;
/// Caveats about limits.
const LIMITS: [&str; 2] = ["infeasible", "may-not-fit"];
/// Conditions named for a neighbor.
const OTHERWISE: usize = 4;

/// The document of a single answer.
pub(super) fn document(found: &WhatIf, answer: &Answer) -> Document {
    let mut document = Document::new(headline(found, answer));
    document.fields([
        (Text::from("run"), Text::new().code(&found.reference)),
        (Text::from("change"), Text::new().code(answer.name())),
        (Text::from("question"), Text::new().plain(support(&answer.support))),
        (Text::from("feasible"), feasible(answer)),
    ]);
    metrics(&mut document, found, answer);
    mechanisms(&mut document, found, answer);
    limits(&mut document, answer);
    if !answer.needs.is_empty() {
        document.heading("What it needs");
        let need = |(name, text): &(String, String)| Text::new().code(name).plain(format!(": {text}"));
        document.list(answer.needs.iter().map(need));
    }
    nearest(&mut document, found, answer);
    if !found.budgets.is_empty() {
        document.heading("Budgets");
        let told = found.budgets.iter().zip(&answer.within);
        document.list(told.map(|(budget, probability)| {
            format!("`{}` is kept with probability {}", budget.words(), percent(*probability))
        }));
    }
    // Limits were told with their numbers.
    let told: Vec<&String> =
        answer.caveats.iter().filter(|own| !LIMITS.contains(&own.code.as_str())).map(|own| &own.text).collect();
    if !told.is_empty() {
        document.heading("What to know");
        document.list(told);
    }
    document
}

/// `unseen-gpu: the nearest runs of the fit have another GPU`.
fn support(kind: &str) -> String {
    match kind.strip_prefix("unseen-") {
        Some(what) => format!("{kind}: the nearest runs of the fit have another {}", words(what)),
        None if kind == "measured" => "measured: the run itself".to_owned(),
        None => format!("{kind}: between runs of the fit"),
    }
}

/// `yes`, `perhaps`, or what is broken.
fn feasible(answer: &Answer) -> Text {
    match &broken(answer)[..] {
        [] if may_not_fit(answer) => Text::from("perhaps"),
        [] => Text::new().good("yes"),
        broken => Text::new().bad("no").plain(format!(": {}", list(broken))),
    }
}

/// `precision=fp8 lowers energy per token by 21 %`.
fn headline(found: &WhatIf, answer: &Answer) -> Text {
    let (metric, _) = &found.metric;
    let text = Text::new().code(answer.name());
    let Some(own) = answer.metric(metric) else {
        return text.plain(format!(" leaves {} without a meaning", words(metric)));
    };
    let [low, high] = own.factor_interval;
    let what = words(metric);
    let is_unknown = |name: &str| {
        let name = format!("`{name}`");
        answer.caveats.iter().any(|own| own.code == "no-equation" && own.text.contains(&name))
    };
    let verb = if own.factor < 1.0 { "lowers" } else { "raises" };
    let unless = if answer.feasible { "" } else { ", but is not feasible" };
    let text = if answer.set.iter().all(|(name, _)| is_unknown(name)) {
        Text::new().plain("the model does not know what ").code(answer.name()).plain(" does")
    } else if !own.factor.is_finite() {
        text.plain(format!(" gives {} of {what}", show(own.predicted, &own.unit)))
    } else if answer.severity == 0 && own.factor == 1.0 {
        text.plain(" is how the run was measured")
    } else if own.factor == 1.0 {
        text.plain(format!(" changes nothing of {what}"))
    } else if low <= 1.0 && high >= 1.0 {
        text.plain(format!(" may change {what}: ×{}, not distinguishable from no change", show_plain(own.factor)))
    } else if own.factor < 2.0 {
        text.plain(format!(" {verb} {what} by {}", percent((own.factor - 1.0).abs())))
    } else {
        text.plain(format!(" {verb} {what} to {} times as much", show_plain(own.factor)))
    };
    text.plain(unless)
}

fn metrics(document: &mut Document, found: &WhatIf, answer: &Answer) {
    document.heading("Metrics");
    let heads = [
        Column::left("metric"),
        Column::right("now"),
        Column::right("then"),
        Column::left("90 % interval"),
        Column::right("factor"),
    ];
    let mut table = Table::new(heads);
    for own in &answer.metrics {
        let now = found.metrics_reference.get(&own.metric).map(|value| show(*value, &own.unit));
        let is_expected = !found.measured.contains(&own.metric);
        let now = now.map_or_else(|| "–".to_owned(), |now| if is_expected { format!("~ {now}") } else { now });
        let (factor, _) = factor(own);
        table.row([
            Text::new().code(&own.metric),
            Text::new().plain(now),
            Text::new().plain(show(own.predicted, &own.unit)),
            Text::new().plain(if is_measured(own) { "measured".to_owned() } else { interval(own) }),
            factor,
        ]);
    }
    if answer.metrics.iter().any(|own| !found.measured.contains(&own.metric)) {
        table.note("~: not measured, but expected of the run");
    }
    document.table(table);
}

/// `9682 to 12055`, with units only where they are not those of the prediction beside it.
fn interval(own: &MetricAnswer) -> String {
    let text = show_range(own.interval, &own.unit);
    let predicted = show(own.predicted, &own.unit);
    let bare = predicted.split_once(' ').and_then(|(_, unit)| text.strip_suffix(unit)).map(str::trim_end);
    match bare.filter(|bare| bare.split(' ').count() == 3) {
        Some(bare) => bare.to_owned(),
        None => text,
    }
}

fn mechanisms(document: &mut Document, found: &WhatIf, answer: &Answer) {
    let large: Vec<_> = answer.mechanisms.iter().filter(|own| own.factor.ln().abs() > SMALL).take(MECHANISMS).collect();
    let Some(whole) = answer.metric(&found.metric.0).filter(|_| !large.is_empty()) else { return };
    document.heading("How it acts");
    let mut bars = Bars::new(format!("factor on {}; they multiply to the whole", words(&found.metric.0)));
    for own in &large {
        bars.bar(words(&own.mechanism), own.factor.ln(), format!("×{:.2}", own.factor));
    }
    let rest: f64 = whole.factor.ln() - large.iter().map(|own| own.factor.ln()).sum::<f64>();
    if rest.abs() > SMALL {
        bars.bar("all others", rest, format!("×{:.2}", rest.exp()));
    }
    let ends = (whole.factor_interval[0].ln(), whole.factor_interval[1].ln());
    bars.bar_with_interval(Text::new().strong("together"), whole.factor.ln(), ends, format!("×{:.2}", whole.factor));
    document.bars(bars);
    if large.iter().any(|own| own.mechanism == "similar_runs") {
        document.paragraph(
            Text::new().dim("`similar runs`: what measured runs like it showed beyond the equations".replace('`', "")),
        );
    }
}

fn limits(document: &mut Document, answer: &Answer) {
    let told: Vec<Text> = answer.limits.iter().filter_map(limit).collect();
    if !told.is_empty() {
        document.heading("Limits");
        document.list(told);
    }
}

/// `memory: weights 16 GB, … of 171 GB; batch_size up to about 131 (98 to 170)`.
fn limit(limit: &Limit) -> Option<Text> {
    let mark = Text::new().strong(words(&limit.constraint));
    let mark = if limit.holds { mark.good(" kept") } else { mark.bad(" broken") };
    let open = limit.probability.filter(|own| limit.holds && *own < SURE);
    let mark = match open {
        Some(probability) => mark.plain(format!(", but not surely ({})", percent(probability))),
        None => mark,
    };
    let told = facts(limit);
    if told.is_empty() && limit.holds {
        return None;
    }
    let text = if told.is_empty() { Text::new() } else { Text::from(format!(": {}", told.join("; "))) };
    Some(text.spans().iter().cloned().fold(mark, |mut mark, span| {
        mark.push(span);
        mark
    }))
}

/// What is known of a limit: what shares the room, the largest value, the values that keep it.
fn facts(limit: &Limit) -> Vec<String> {
    let mut told = Vec::new();
    let parts: Vec<String> =
        limit.parts.iter().map(|(name, unit, value)| format!("{} {}", words(name), show(*value, unit))).collect();
    if !parts.is_empty() {
        let whole = limit.whole.as_ref();
        let whole = whole.map(|(name, unit, value)| format!(" of {} of {}", show(*value, unit), words(name)));
        told.push(format!("{}{}", list(&parts), whole.unwrap_or_default()));
    } else if !limit.holds && !limit.meaning.is_empty() {
        told.push(limit.meaning.clone());
    }
    if let Some((largest, [low, high])) = limit.largest {
        let [largest, low, high] = [largest, low, high].map(|value| show_plain(value.floor()));
        told.push(format!("`{}` up to about {largest} ({low} to {high})", limit.condition));
    }
    if !limit.allowed.is_empty() {
        let allowed: Vec<String> = limit.allowed.iter().map(|value| show_plain(*value)).collect();
        told.push(format!("`{}` may be {}", limit.condition, either(&allowed)));
    }
    told
}

fn nearest(document: &mut Document, found: &WhatIf, answer: &Answer) {
    if answer.nearest.is_empty() {
        return;
    }
    document.heading("Nearest measured runs");
    document.list(answer.nearest.iter().map(|own| {
        let value = own.value.map_or_else(|| "–".to_owned(), |value| show(value, &found.metric.1));
        let mut otherwise: Vec<String> =
            own.otherwise.iter().take(OTHERWISE).map(|(name, value)| condition(name, value.as_ref())).collect();
        if own.otherwise.len() > OTHERWISE {
            otherwise.push(format!("{} more", own.otherwise.len() - OTHERWISE));
        }
        let differs = if otherwise.is_empty() {
            "the very configuration".to_owned()
        } else {
            format!("it has {}", list(&otherwise))
        };
        Text::new().code(&own.id).plain(format!(": {value}; {differs}"))
    }));
}

/// `output_tokens=7035`, or `no concurrency`.
fn condition(name: &str, value: Option<&Value>) -> String {
    match value {
        Some(Value::Number(number)) if number.fract() != 0.0 => format!("{name}={}", show_plain(*number)),
        Some(value) => typed(name, value),
        None => format!("no {name}"),
    }
}
