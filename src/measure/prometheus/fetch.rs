//! The samples of a window, out of Prometheus.

use super::api::Api;
use super::error::{Nothing, PrometheusError};
use super::time::{Span, duration, rfc3339};
use crate::measure::telemetry::dialect::{ENTRIES, Entry, Form, Meaning, OUTPUT, Source};
use crate::measure::telemetry::{Labels, Record};

/// Samples that are asked for beyond the ends of a window, so that counts can be read at its ends, s.
const MARGIN: f64 = 60.0;

/// How far back series are looked for that the matchers leave out, s.
const RECENT: f64 = 300.0;

/// As many of them as are told.
const MOST_TOLD: usize = 6;

/// Matchers for the two kinds of series, without braces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selectors {
    pub(super) server: String,
    pub(super) gpu: String,
}

/// A window that is asked about.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked<'a> {
    /// The run that it becomes.
    pub(super) run: &'a str,
    pub(super) span: Span,
    pub(super) selectors: &'a Selectors,
    /// The time of Prometheus, in seconds since 1970.
    pub(super) now: f64,
}

/// The samples of servers and GPUs in a window and a little around it. Both must be there.
pub(super) fn fetch(api: &mut Api, asked: &Asked) -> Result<Record, PrometheusError> {
    let (from, to) = (asked.span.from - MARGIN, (asked.span.to + MARGIN).min(asked.now));
    let server = |form: fn(Form) -> bool| move |source: Source, own: Form| source.is_server() && form(own);
    let queries = [
        selector(&asked.selectors.server, server(|form| form != Form::Histogram)),
        selector(&asked.selectors.server, server(|form| form == Form::Histogram)),
        selector(&asked.selectors.gpu, |source, _| !source.is_server()),
    ];
    let mut record = Record::default();
    for query in &queries {
        for (labels, points) in api.samples(query, from, to)? {
            let name = labels.get("__name__").cloned().unwrap_or_default();
            for (at, value) in points {
                record.add(&name, &labels, at, value);
            }
        }
    }
    if !has(&record, &OUTPUT, &asked.span) {
        return Err(nothing(api, asked, "output tokens of a server", &OUTPUT));
    }
    let energy = [Meaning::Energy, Meaning::Power];
    if !has(&record, &energy, &asked.span) {
        return Err(nothing(api, asked, "energy or power of a GPU", &energy));
    }
    Ok(record)
}

/// Whether any of these has a sample in the window.
fn has(record: &Record, meanings: &[Meaning], span: &Span) -> bool {
    record.tracks().any(|(key, points)| {
        meanings.contains(&ENTRIES[key.entry].meaning)
            && points.iter().any(|(at, _)| (span.from..=span.to).contains(at))
    })
}

/// A selector of all series of some kinds, with the user's matchers.
fn selector(matchers: &str, wanted: impl Fn(Source, Form) -> bool) -> String {
    of_entries(matchers, |entry| wanted(entry.source, entry.form))
}

fn of_entries(matchers: &str, wanted: impl Fn(&Entry) -> bool) -> String {
    let patterns: Vec<String> = ENTRIES.iter().filter(|entry| wanted(entry)).map(Entry::pattern).collect();
    let and = if matchers.is_empty() { String::new() } else { format!(",{matchers}") };
    format!("{{__name__=~\"{}\"{and}}}", patterns.join("|"))
}

/// Why there is nothing: the window is older than what is kept, the matchers leave all out, or nobody tells it.
fn nothing(api: &mut Api, asked: &Asked, what: &'static str, meanings: &[Meaning]) -> PrometheusError {
    let is_server = meanings.contains(&Meaning::OutputTokens);
    let (matchers, option) = if is_server {
        (asked.selectors.server.clone(), "--selector")
    } else {
        (asked.selectors.gpu.clone(), "--gpu-selector")
    };
    let span = &asked.span;
    let all = api.names(span.from, span.to);
    if all.is_empty()
        && let Some(retention) = api.retention()
        && duration(&retention).is_some_and(|kept| asked.now - kept > span.from)
    {
        return PrometheusError::Retention { run: asked.run.to_owned(), from: rfc3339(span.from), retention };
    }
    let without = if matchers.is_empty() { Vec::new() } else { left_out(api, span, meanings) };
    let words: &[&str] = if is_server {
        &["token", "request", "vllm", "sglang", "trtllm", "tgi", "llamacpp"]
    } else {
        &["gpu", "dcgm", "power", "energy", "joule", "watt"]
    };
    let is_near = |name: &&String| words.iter().any(|word| name.to_ascii_lowercase().contains(word));
    let matched_without = !without.is_empty();
    let found = Nothing {
        run: asked.run.to_owned(),
        from: rfc3339(span.from),
        to: rfc3339(span.to),
        what,
        selector: matchers,
        option,
        looked_for: ENTRIES
            .iter()
            .filter(|entry| meanings.contains(&entry.meaning))
            .map(|own| own.name.into())
            .collect(),
        nearby: if matched_without { without } else { all.iter().filter(is_near).cloned().collect() },
        matched_without,
    };
    PrometheusError::Nothing { found: Box::new(found) }
}

/// Series that are there when nobody's matchers stand in the way.
fn left_out(api: &mut Api, span: &Span, meanings: &[Meaning]) -> Vec<String> {
    let query = of_entries("", |entry| meanings.contains(&entry.meaning) && entry.form != Form::Histogram);
    let found = api.samples(&query, span.from.max(span.to - RECENT), span.to).unwrap_or_default();
    let mut told: Vec<String> = found.iter().map(|(labels, _)| shown(labels)).collect();
    told.sort();
    told.dedup();
    told.truncate(MOST_TOLD);
    told
}

/// A series by the labels that people choose by.
fn shown(labels: &Labels) -> String {
    let telling = ["model_name", "engine", "namespace", "pod", "Hostname", "job", "instance"];
    let told = telling.iter().filter_map(|name| labels.get(*name).map(|value| format!("{name}=\"{value}\"")));
    let told: Vec<String> = told.collect();
    format!("{}{{{}}}", labels.get("__name__").map(String::as_str).unwrap_or_default(), told.join(","))
}
