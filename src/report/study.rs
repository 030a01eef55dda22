//! A study as a document: for each question the answer, what it rests on, what goes the other way, the causes.

use serde_json::Value as Json;

use super::{Column, Document, Table, Text};
use crate::diagnose::Verdict;
use crate::notes::{plural, words};
use crate::study::{Cell, Counterexample, Decomposition, Doubt, Head, Observation, Rows, Share, Study};
use crate::unit::{percent, show, show_plain};

/// Rows of a table that are shown; JSON has all of them.
const MOST_ROWS: usize = 14;
/// Counter-examples that are shown.
const MOST_COUNTEREXAMPLES: usize = 3;
/// A factor within this of 1 is not shown.
const SMALL: f64 = 0.005;
/// Of a cause, a part by a forced batch below this is not shown.
const SMALL_PART: f64 = 0.02;

/// The document of a study.
pub fn document(study: &Study) -> Document {
    let mut document = Document::new(format!("What {} say", plural(study.runs, "run")));
    let (said, missing): (Vec<&Observation>, Vec<&Observation>) =
        study.observations.iter().partition(|own| own.missing.is_none());
    if said.is_empty() {
        document.paragraph("Nothing can be compared in these runs; below is what each question misses.");
    }
    for observation in &said {
        observed(&mut document, observation);
    }
    let mut reasons: Vec<(&str, &str)> = Vec::new();
    for doubt in said.iter().flat_map(|own| &own.caveats).filter(|doubt| !doubt.why.is_empty()) {
        if !reasons.contains(&(&doubt.code, &doubt.why)) {
            reasons.push((&doubt.code, &doubt.why));
        }
    }
    if !reasons.is_empty() {
        document.heading("Why the words of care matter");
        document.list(reasons.iter().map(|(code, why)| Text::new().strong(words(code)).plain(format!(": {why}."))));
    }
    if !missing.is_empty() {
        document.heading("What these runs cannot say");
        document.list(missing.iter().map(|own| {
            let why = own.missing.as_deref().unwrap_or_default();
            Text::new().strong(&own.title).plain(format!(": {why}."))
        }));
    }
    if !study.left_out.is_empty() {
        document.heading("Left out");
        document.list(study.left_out.iter().map(left_out));
    }
    document.paragraph(Text::new().dim("All numbers, rows and run ids: --format json."));
    document
}

/// The JSON form: the study as it is.
pub fn json(study: &Study) -> Json {
    serde_json::to_value(study).expect("a study is a tree of JSON values")
}

fn observed(document: &mut Document, own: &Observation) {
    document.heading(own.title.as_str());
    document.paragraph(Text::new().strong(&own.finding));
    document.paragraph(Text::new().dim(&own.definition));
    for rows in &own.tables {
        document.subheading(rows.title.as_str());
        document.table(table(rows));
    }
    if !own.decomposition.is_empty() {
        document.subheading("Why: factors of the causes");
        document.list(own.decomposition.iter().map(divided));
    }
    if !own.counterexamples.is_empty() {
        document.subheading("The other way");
        let shown = own.counterexamples.iter().take(MOST_COUNTEREXAMPLES);
        document.list(shown.map(counterexample));
    }
    if !own.caveats.is_empty() {
        let texts: Vec<&str> = own.caveats.iter().map(|doubt| doubt.text.as_str()).collect();
        document.paragraph(Text::new().strong("With care: ").plain(texts.join("; ")).plain("."));
    }
}

fn table(rows: &Rows) -> Table {
    let column = |head: &Head| {
        if head.unit.is_empty() { Column::left(head.name.as_str()) } else { Column::right(head.name.as_str()) }
    };
    let mut table = Table::new(rows.columns.iter().map(column));
    for row in rows.rows.iter().take(MOST_ROWS) {
        table.row(row.iter().zip(&rows.columns).map(|(cell, head)| shown(cell, &head.unit)));
    }
    if rows.rows.len() > MOST_ROWS {
        table.note(format!("… and {} more.", rows.rows.len() - MOST_ROWS));
    }
    table
}

fn shown(cell: &Cell, unit: &str) -> Text {
    let text = Text::new();
    match cell {
        Cell::Empty(()) => text,
        Cell::Name(name) => text.plain(short(name)),
        Cell::Number(value) => text.plain(match unit {
            "x" => format!("×{}", factor(*value)),
            "1" => format!("{}{}", if *value > 0.0 { "+" } else { "" }, percent(*value)),
            "J" => show(*value, "J"),
            "params" => format!("{} B", show_plain(value / 1e9)),
            _ => show_plain(*value),
        }),
    }
}

/// A name without the owners of models in it: `Qwen3-32B bf16` for `Qwen/Qwen3-32B bf16`.
fn short(name: &str) -> String {
    name.split(' ').map(|word| word.rsplit('/').next().unwrap_or(word)).collect::<Vec<_>>().join(" ")
}

fn divided(own: &Decomposition) -> Text {
    let text =
        Text::new().strong(short(&own.comparison)).plain(format!(", {} ×{}", words(&own.metric), factor(own.ratio)));
    let text = match own.verdict {
        Verdict::Different => text,
        Verdict::WithinNoise => text.plain(" (within noise)"),
        Verdict::NotComparable => text.plain(" (not comparable)"),
    };
    let is_large = |share: &&Share| share.factor.ln().abs() > SMALL;
    let causes = own.causes.iter().filter(is_large).map(|share| labelled(share, &words(&share.cause)));
    let unexplained = own.unexplained.iter().filter(is_large);
    let unexplained =
        unexplained.map(|share| labelled(share, &words(&share.cause).replace(" unexplained", ", unexplained")));
    let all: Vec<String> = causes.chain(unexplained).collect();
    if all.is_empty() { text.plain(": no cause has an effect.") } else { text.plain(format!(": {}.", all.join("; "))) }
}

fn labelled(share: &Share, name: &str) -> String {
    let forced = if share.forced_by_memory.ln().abs() > SMALL_PART {
        format!(" (of it ×{} by the batch that memory allows)", factor(share.forced_by_memory))
    } else {
        String::new()
    };
    let [low, high] = share.interval.map(factor);
    format!("{name} ×{} [{low}, {high}]{forced}", factor(share.factor))
}

fn counterexample(own: &Counterexample) -> Text {
    Text::new().code(&own.b).plain(" against ").code(&own.a).plain(format!(": {} (×{}).", own.text, factor(own.ratio)))
}

fn factor(value: f64) -> String {
    if (0.1..100.0).contains(&value) { format!("{value:.2}") } else { show_plain(value) }
}

fn left_out(own: &Doubt) -> Text {
    let why = if own.why.is_empty() { String::new() } else { format!(": {}", own.why) };
    match own.examples.first() {
        Some(run) => Text::new().plain(&own.text).plain(", such as ").code(run).plain(why + "."),
        None => Text::new().plain(&own.text).plain(why + "."),
    }
}
