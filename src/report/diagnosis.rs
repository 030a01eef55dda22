//! A diagnosis as a document.

use super::{Align, Bars, Column, Document, Table, Text};
use crate::diagnose::{CauseFactor, Diagnosis, Evidence, ForcedBy, LatentValue, Verdict};
use crate::notes::{list, plural, words};
use crate::unit::{percent, show, show_plain};

/// Mechanisms named per cause.
const MECHANISMS: usize = 4;
/// Latents in the table.
const LATENTS: usize = 9;
/// Values of a cause are named in the headline up to this many characters.
const BRIEF: usize = 40;
/// A factor within this of 1 is not worth a line of its own.
const SMALL: f64 = 0.005;

/// The document of a diagnosis: headline, identity, causes, unexplained, latents, evidence, what to do, caveats.
pub fn diagnosis(answer: &Diagnosis) -> Document {
    let metric = metric_words(&answer.metric);
    let mut document = Document::new(title(answer, &metric));
    document.fields([
        ("A", Text::new().plain(&answer.run_a.id).plain("  ").strong(show(answer.run_a.value, &answer.unit))),
        ("B", Text::new().plain(&answer.run_b.id).plain("  ").strong(show(answer.run_b.value, &answer.unit))),
    ]);
    document.paragraph(headline(answer));
    identities(answer, &metric, &mut document);
    causes(answer, &mut document);
    latents(answer, &mut document);
    evidence(answer, &mut document);
    recommendations(answer, &mut document);
    if !answer.caveats.is_empty() {
        document.heading("Read with care");
        document.list(answer.caveats.iter().map(|caveat| Text::from(sentence(&caveat.text))));
    }
    document
}

/// A metric as a reader says it.
fn metric_words(metric: &str) -> String {
    match metric.split_once('_') {
        Some(("itl", "p50")) => "median time between tokens".to_owned(),
        Some(("itl", quantile)) => format!("{quantile} time between tokens"),
        Some(("ttft", "p50")) => "median time to the first token".to_owned(),
        Some(("ttft", quantile)) => format!("{quantile} time to the first token"),
        _ => words(metric),
    }
}

fn title(answer: &Diagnosis, metric: &str) -> String {
    match answer.ratio {
        ratio if (ratio - 1.0).abs() < 1e-12 => format!("A and B have the same {metric}"),
        ratio if ratio > 2.0 => format!("Why B has {} times the {metric} of A", show_plain(ratio)),
        ratio if ratio > 1.0 => format!("Why B has {} more {metric} than A", percent(ratio - 1.0)),
        ratio => format!("Why B has {} less {metric} than A", percent(1.0 - ratio)),
    }
}

/// The answer in one or two sentences.
fn headline(answer: &Diagnosis) -> Text {
    if let Some(misleads) = answer.caveats.iter().find(|caveat| caveat.code == "median_hides_stalls") {
        return Text::new().bad("First: ").plain(sentence(&misleads.text));
    }
    if answer.verdict == Verdict::NotComparable {
        let why = answer.caveats.iter().find(|caveat| caveat.code == "not_comparable");
        let why = why.map_or_else(String::new, |caveat| sentence(&caveat.text));
        return Text::new().bad("Not comparable: ").plain(why);
    }
    if answer.verdict == Verdict::WithinNoise {
        let repeats = answer
            .spread
            .repeats_needed
            .map_or_else(String::new, |count| format!(" {} on each side would settle it.", plural(count, "repeat")));
        return Text::new().strong("Within run-to-run noise").plain(format!(
            " ({} for one run: {}).{repeats}",
            percent(answer.spread.sd),
            answer.spread.source
        ));
    }
    if answer.mostly_unexplained() {
        let term = &answer.unexplained[0];
        let text = Text::new()
            .bad("Mostly unexplained: ")
            .strong(words(&term.cause).replace(" unexplained", ""))
            .plain(format!(" ×{} ({}).", factor(term.factor), term.meaning));
        return match &answer.clue {
            Some(clue) => text.plain(" A sign of why: ").strong(clue).plain("."),
            None => text,
        };
    }
    let named = |cause: &CauseFactor| {
        let values = format!("{} → {}, ", cause.from, cause.to);
        let values = if values.chars().count() < BRIEF && !cause.from.is_empty() { values } else { String::new() };
        format!("{} ({values}×{})", words(&cause.cause), factor(cause.factor))
    };
    let is_large = |cause: &&CauseFactor| cause.factor.ln().abs() > 0.2 * answer.causes[0].factor.ln().abs();
    let along = |cause: &&CauseFactor| (cause.factor > 1.0) == (answer.ratio > 1.0);
    let large: Vec<&CauseFactor> = answer.causes.iter().take(3).filter(is_large).collect();
    let main: Vec<String> = large.iter().copied().filter(along).map(named).collect();
    let against: Vec<String> = large.iter().copied().filter(|cause| !along(cause)).map(named).collect();
    let text = match main.split_first() {
        None if answer.causes.is_empty() => Text::from("No setting that the model knows differs."),
        None => Text::from("No single setting moves it this way."),
        Some((first, [])) => Text::new().plain("Because of ").strong(first).plain("."),
        Some((first, rest)) => Text::new().plain("Mainly ").strong(first).plain(format!(", then {}.", list(rest))),
    };
    let text = if against.is_empty() { text } else { text.plain(format!(" Against it: {}.", list(&against))) };
    match answer.causes.iter().find(|cause| cause.forced_by.as_ref().is_some_and(|forced| forced.share > 0.3)) {
        Some(batch) => {
            let grew = batch.forced_by.as_ref().is_some_and(|forced| forced.ceiling_b > forced.ceiling_a);
            let what = if grew { "More memory let the batch grow" } else { "Memory forced the batch down" };
            text.plain(format!(" {what}: {} → {}.", batch.from, batch.to))
        }
        None => text,
    }
}

fn identities(answer: &Diagnosis, metric: &str, document: &mut Document) {
    if answer.identities.is_empty() {
        return;
    }
    document.heading("What changed in the identity");
    let mut table = Table::new([Column::left(metric), Column::right("A"), Column::right("B"), Column::right("factor")]);
    for term in &answer.identities {
        table.row([
            words(&term.term),
            show(term.a, &term.unit),
            show(term.b, &term.unit),
            format!("×{}", factor(term.factor)),
        ]);
    }
    document.table(table);
}

fn causes(answer: &Diagnosis, document: &mut Document) {
    document.heading(format!("Causes, multiplying to ×{}", factor(answer.ratio)));
    let mut bars = Bars::new("factor, with its 90 % interval");
    for cause in answer.causes.iter().filter(|cause| cause.factor.ln().abs() > SMALL) {
        bars.bar_with_interval(
            words(&cause.cause),
            cause.factor.ln(),
            logs(cause.interval),
            labelled(cause.factor, cause.interval),
        );
    }
    for term in answer.unexplained.iter().filter(|term| term.factor.ln().abs() > SMALL) {
        let name = words(&term.cause).replace(" unexplained", ", unexplained");
        bars.bar_with_interval(name, term.factor.ln(), logs(term.interval), labelled(term.factor, term.interval));
    }
    document.bars(bars);
    document.list(answer.causes.iter().filter(|cause| is_worth(cause)).map(cause_line));
    let small: Vec<String> =
        answer.causes.iter().filter(|cause| !is_worth(cause)).map(|cause| words(&cause.cause)).collect();
    if !small.is_empty() {
        document.paragraph(format!("Within half a percent of no effect: {}.", list(&small)));
    }
}

/// Whether a cause deserves a line: it has an effect, or memory took it over.
fn is_worth(cause: &CauseFactor) -> bool {
    cause.factor.ln().abs() > SMALL || cause.forced_by.is_some()
}

fn cause_line(cause: &CauseFactor) -> Text {
    let mut text = Text::new().strong(words(&cause.cause));
    if !(cause.from.is_empty() && cause.to.is_empty()) {
        text = text.plain(": ").plain(&cause.from).plain(" → ").plain(&cause.to);
    }
    let how: Vec<String> = cause
        .mechanisms
        .iter()
        .filter(|one| one.factor.ln().abs() > SMALL)
        .take(MECHANISMS)
        .map(|one| format!("{} ×{}", words(&one.mechanism), factor(one.factor)))
        .collect();
    if !how.is_empty() {
        text = text.plain(format!("; through {}", list(&how)));
    }
    if let Some(forced) = &cause.forced_by {
        text = text.plain(". ").plain(forced_words(forced));
    }
    text
}

fn forced_words(forced: &ForcedBy) -> String {
    let ceiling = |value: f64, interval: [f64; 2]| {
        format!("{} ({} to {})", show_plain(value), show_plain(interval[0]), show_plain(interval[1]))
    };
    format!(
        "Memory forced {} of the batch's effect, charged to {}: the largest batch that fits is {} in A and {} in B",
        percent(forced.share),
        list(&forced.causes.iter().map(|cause| words(cause)).collect::<Vec<_>>()),
        ceiling(forced.ceiling_a, forced.ceiling_a_interval),
        ceiling(forced.ceiling_b, forced.ceiling_b_interval),
    )
}

fn latents(answer: &Diagnosis, document: &mut Document) {
    let shown = telling(answer);
    if shown.is_empty() {
        return;
    }
    document.heading("Latent factors that changed");
    let mut table = Table::new([
        Column::left("latent"),
        Column::right("A"),
        Column::right("B"),
        Column { title: Text::from("B / A"), align: Align::Right },
    ]);
    for latent in shown {
        let ratio =
            if latent.a > 0.0 && latent.b > 0.0 { format!("×{}", factor(latent.b / latent.a)) } else { String::new() };
        table.row([words(&latent.name), show(latent.a, &latent.unit), show(latent.b, &latent.unit), ratio]);
    }
    document.table(table);
}

/// The latents that tell most: those that summarise, then the two that moved most of each mechanism that carried most.
fn telling(answer: &Diagnosis) -> Vec<&LatentValue> {
    let mut weights: Vec<(&str, f64)> = Vec::new();
    for one in answer.causes.iter().flat_map(|cause| &cause.mechanisms) {
        let size = one.factor.ln().abs();
        match weights.iter_mut().find(|(name, _)| *name == one.mechanism) {
            Some((_, sum)) => *sum += size,
            None => weights.push((&one.mechanism, size)),
        }
    }
    weights.retain(|(_, size)| *size > SMALL);
    weights.sort_by(|x, y| y.1.total_cmp(&x.1));
    let summary = answer.latents.iter().filter(|latent| READERS.contains(&latent.name.as_str()));
    let carried = weights.iter().flat_map(|(mechanism, _)| {
        answer.latents.iter().filter(move |latent| latent.mechanism.as_deref() == Some(*mechanism)).take(2)
    });
    summary.chain(carried).take(LATENTS).collect()
}

/// Latents that summarise: shown whether or not they belong to a mechanism.
const READERS: [&str; 4] = ["arithmetic_intensity", "utilisation", "memory_footprint", "static_share"];

fn evidence(answer: &Diagnosis, document: &mut Document) {
    if answer.evidence.is_empty() {
        return;
    }
    document.heading("Evidence in measured runs");
    document.list(answer.evidence.iter().map(|item| {
        match item {
            Evidence::Step { run, changed, ratio_from_a, ratio_to_b } => Text::new()
                .plain("with ")
                .plain(list(&changed.iter().map(|cause| words(cause)).collect::<Vec<_>>()))
                .plain(" as in B, the rest as in A, ")
                .code(run)
                .plain(format!(
                    " measured ×{}; the remaining step to B is ×{}",
                    factor(*ratio_from_a),
                    factor(*ratio_to_b)
                )),
            Evidence::Pairs { cause, pairs, agree, median_ratio } => Text::new().plain(format!(
                "{} differ only in {} and in the same direction; {agree} moved the same way (median ×{})",
                plural(*pairs, "other pair"),
                words(cause),
                factor(*median_ratio)
            )),
        }
    }));
}

fn recommendations(answer: &Diagnosis, document: &mut Document) {
    document.heading("What to do");
    settings(answer, document);
    if let Some(next) = &answer.next_measurement {
        document.paragraph(Text::new().plain("To be surer, ").plain(&next.text).plain("."));
    }
}

fn settings(answer: &Diagnosis, document: &mut Document) {
    if answer.recommendations.is_empty() {
        document.paragraph(match answer.unexplained.first() {
            Some(term) if answer.mostly_unexplained() => {
                format!("No setting recovers this. Look at the {}: {}.", words(&term.cause), term.meaning)
            }
            _ => "No setting of these runs is predicted to recover more than 2 %.".to_owned(),
        });
        return;
    }
    document.list(answer.recommendations.iter().map(|one| {
        Text::new()
            .plain("set ")
            .strong(list(&one.set))
            .plain(" on ")
            .code(&one.run)
            .plain(if one.measured.is_some() { ": measured ×" } else { ": ×" })
            .plain(format!("{} ", factor(one.factor)))
            .dim(format!("[{}, {}]", factor(one.interval[0]), factor(one.interval[1])))
            .plain(
                one.latency_factor
                    .map_or_else(String::new, |latency| format!(", time between tokens ×{}", factor(latency))),
            )
    }));
}

fn factor(value: f64) -> String {
    if (0.1..100.0).contains(&value) { format!("{value:.2}") } else { show_plain(value) }
}

fn labelled(value: f64, interval: [f64; 2]) -> String {
    format!("×{} [{}, {}]", factor(value), factor(interval[0]), factor(interval[1]))
}

fn logs(interval: [f64; 2]) -> (f64, f64) {
    (interval[0].ln(), interval[1].ln())
}

/// Upper-case first letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect::<String>() + ".")
}
