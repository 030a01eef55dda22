//! `joules runs`: list, show, compare, export.

use std::borrow::Cow;
use std::path::Path;

use clap::{Args, ValueEnum};

use super::options::{Filter, Output, RunSource, json_text, known_metrics};
use super::{Context, Failure, Outcome};
use crate::export::{mlenergy, openmetrics};
use crate::report::export::exported;
use crate::report::runs::{compare, list, show};
use crate::report::{Document, render};
use crate::runs::{Column, Run, RunsError, Store, csv, runs_json, write_whole};

/// List, show, compare and export runs
///
/// Without REF: a list. REF is the id of a run, a selector such as task=gpqa,gpu=B200,gpus=1, or a run file.
///
/// Other programs read runs by --format csv, json, openmetrics (gauges; --out FILE.prom) and mlenergy (--out DIR, a tree of
/// results). What was not measured is left out.
#[derive(Args, Debug)]
pub(super) struct Runs {
    /// Runs to show wholly
    #[arg(value_name = "REF")]
    references: Vec<String>,
    /// Show only what differs between two runs
    #[arg(long, num_args = 2, value_names = ["REF", "REF"], conflicts_with = "references")]
    compare: Option<Vec<String>>,
    /// Metric to list [repeatable; default: energy, then what fits]
    #[arg(long, value_name = "NAME")]
    metric: Vec<String>,
    #[command(flatten)]
    source: RunSource,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    output: Output<Format>,
}

/// How runs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person at a terminal
    Text,
    /// For a page of others
    Markdown,
    /// A page of its own, for a browser
    Html,
    /// For a program: {"runs":[{"id","conditions","observed","metrics","source"}]}
    Json,
    /// For a spreadsheet, and for --runs
    Csv,
    /// Gauges for Prometheus, and for the textfile collector of its node exporter
    Openmetrics,
    /// Results as the ML.ENERGY benchmark writes them, into the folder --out: for `mlenergy-data`
    Mlenergy,
}

impl Runs {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failure> {
        let store = self.filter.of(&self.source.store()?)?;
        let named = self.compare.as_deref().unwrap_or(&self.references);
        let named = named.iter().map(|text| store.find(text)).collect::<Result<Vec<_>, _>>()?;
        let runs: Vec<&Run> =
            if named.is_empty() { store.runs().collect() } else { named.iter().map(Cow::as_ref).collect() };
        let metrics = known_metrics(&self.metric, &runs)?;
        let out = self.output.out.as_deref();
        let style = context.style(out);
        let document = |width: Option<usize>| -> Document {
            match (&self.compare, &runs[..]) {
                (Some(_), [a, b]) => compare(a, b),
                _ if named.is_empty() => list(&runs, &metrics, width),
                _ => shown(&runs, &store),
            }
        };
        let text = match self.output.format {
            Format::Text => render::text(&document(Some(style.width)), &style),
            Format::Markdown => render::markdown(&context.signed(document(None), &[])),
            Format::Html => render::html(&context.signed(document(Some(render::PAGE_COLUMNS)), &[])),
            Format::Json => json_text(&runs_json(runs.iter().copied())),
            Format::Csv => csv(&runs, &declared(&store)?)?,
            Format::Openmetrics => openmetrics(runs.iter().copied()),
            // A tree is no text.
            Format::Mlenergy => return export_tree(context, &runs, out),
        };
        context.write(&text, out)?;
        Ok(Outcome::Answered)
    }
}

/// Writes results as the ML.ENERGY benchmark does.
fn export_tree(context: &Context, runs: &[&Run], out: Option<&Path>) -> Result<Outcome, Failure> {
    let folder = out.ok_or(Failure::NoFolder { format: "mlenergy" })?;
    let export = mlenergy(runs.iter().copied(), &context.catalog);
    if export.exported == 0 {
        let first = export.left_out.first().cloned().unwrap_or_default();
        return Err(Failure::NothingExported { count: runs.len(), run: first.0, why: first.1 });
    }
    let mut files = Vec::new();
    for (below, text) in &export.files {
        let path = folder.join(below);
        let above = path.parent().unwrap_or(folder).to_owned();
        std::fs::create_dir_all(&above).map_err(|source| RunsError::Write { path: above, source })?;
        files.push((path, text.clone()));
    }
    write_whole(&files)?;
    context.write(&render::text(&exported(&export, folder), &context.style(None)), None)?;
    Ok(Outcome::Answered)
}

/// Each run wholly, with the provenance of its sweep.
fn shown(runs: &[&Run], store: &Store) -> Document {
    let mut document = Document::default();
    for run in runs {
        document.append(show(run, store.sweeps.iter().find(|sweep| sweep.name == run.source)));
    }
    document
}

/// The columns that the sweeps declare themselves.
fn declared(store: &Store) -> Result<Vec<Column>, Failure> {
    let mut columns: Vec<Column> = Vec::new();
    for sweep in &store.sweeps {
        columns.extend(sweep.declared()?);
    }
    columns.sort_by(|a, b| a.name.cmp(&b.name));
    columns.dedup_by(|a, b| a.name == b.name);
    Ok(columns)
}
