//! `joules predict`: metrics with intervals for configurations never run.

use std::collections::BTreeSet;
use std::path::Path;

use clap::{Args, ValueEnum};

use super::options::{Filter, ModelSource, Output, Work, json_text, no_model_for};
use super::{Context, Failure, Outcome};
use crate::fit::Fitted;
use crate::predict::{Answer, MetricError, predict};
use crate::report::predict::{csv, document, json};
use crate::report::render;
use crate::runs::{Axis, Run, Store, axes, expand, parse_configurations, read_json, read_text};

/// Predict every metric of configurations that were never run, with 90 % intervals
///
/// CONFIGURATION is a list of conditions such as model=Qwen/Qwen3-32B,gpu=B200,gpus=1,2,batch_size=8..1024 (commas
/// separate conditions and values, `a..b` doubles, `a..b/s` steps), a TOML file of [[configuration]] tables, a CSV or JSON
/// file of runs, or the id of a run to start from. What was measured of the runs asked about is never used.
#[derive(Args, Debug)]
pub(super) struct Predict {
    /// What to predict; without it, every run of --runs
    #[arg(value_name = "CONFIGURATION")]
    configurations: Vec<String>,
    /// Set a condition in every configuration: name=value, a list or a range [repeatable: a grid]
    #[arg(long, value_name = "NAME=VALUES")]
    set: Vec<String>,
    /// Store folder or sweep file with the runs asked about, and those that references name [repeatable; default: the data
    /// inside the binary]
    #[arg(long, value_name = "PATH")]
    runs: Vec<std::path::PathBuf>,
    #[command(flatten)]
    filter: Filter,
    /// A measured run to start from (an anchor): its outcomes correct the prediction as far as it is like what is asked
    /// [repeatable]
    #[arg(long, value_name = "RUN")]
    given: Vec<String>,
    /// Metric to show [repeatable; default: the telling ones; CSV and JSON: all]
    #[arg(long, value_name = "NAME")]
    metric: Vec<String>,
    #[command(flatten)]
    model: ModelSource,
    #[command(flatten)]
    work: Work,
    #[command(flatten)]
    output: Output<Format>,
}

/// How predictions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person at a terminal
    Text,
    /// For a page of others
    Markdown,
    /// A page of its own, for a browser
    Html,
    /// For a program
    Json,
    /// For a spreadsheet: run,metric,unit,predicted,lower,upper,measured,support
    Csv,
}

impl Predict {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failure> {
        let store = if self.runs.is_empty() { Store::embedded() } else { Store::read_all(&self.runs)? };
        let given =
            self.given.iter().map(|text| Ok(store.find(text)?.into_owned())).collect::<Result<Vec<Run>, Failure>>()?;
        let asked = self.asked(&store, &given)?;
        let models = self.model.all_fitted(context)?;
        let answers = answers(context, &models, &asked, &given)?;
        self.check_metrics(&models)?;
        let shown = |name: &str| self.metric.is_empty() || self.metric.iter().any(|own| own == name);
        let whole = || {
            let places: BTreeSet<usize> = asked.iter().filter_map(|run| taking(&models, run)).collect();
            let used: Vec<&Fitted> = places.into_iter().map(|place| &models[place]).collect();
            context.signed(document(&models, &asked, &answers, &self.metric, &given), &used)
        };
        let out = self.output.out.as_deref();
        let text = match self.output.format {
            Format::Text => render::text(&whole(), &context.style(out)),
            Format::Markdown => render::markdown(&whole()),
            Format::Html => render::html(&whole()),
            Format::Json => json_text(&json(&models, &asked, &answers, &shown)),
            Format::Csv => csv(&answers, &shown),
        };
        context.write(&text, out)?;
        Ok(Outcome::Answered)
    }

    /// The runs to predict; an anchor is not asked about.
    fn asked(&self, store: &Store, given: &[Run]) -> Result<Vec<Run>, Failure> {
        let grid: Vec<Axis> =
            self.set.iter().map(|text| Ok(axes(text)?)).collect::<Result<Vec<_>, Failure>>()?.concat();
        let mut bases: Vec<Run> = Vec::new();
        for text in &self.configurations {
            bases.extend(configurations(text, store)?);
        }
        if self.configurations.is_empty() {
            if self.runs.is_empty() {
                return Err(Failure::NothingAsked);
            }
            let all = self.filter.some_of(store)?;
            bases.extend(all.runs().filter(|run| given.iter().all(|own| own.id != run.id)).cloned());
        }
        if grid.is_empty() {
            return Ok(bases);
        }
        Ok(bases.iter().map(|base| expand(base, &grid)).collect::<Result<Vec<_>, _>>()?.concat())
    }

    fn check_metrics(&self, models: &[Fitted]) -> Result<(), Failure> {
        let unknown = |name: &&String| models.iter().all(|own| !own.model.metrics().any(|node| node.name == **name));
        match self.metric.iter().find(unknown) {
            Some(metric) => Err(MetricError::unknown(&models[0].model, metric).into()),
            None => Ok(()),
        }
    }
}

/// The configurations that one argument names.
fn configurations(text: &str, store: &Store) -> Result<Vec<Run>, Failure> {
    if let Some(run) = store.get(text) {
        return Ok(vec![run.clone()]);
    }
    let path = Path::new(text);
    let extension = path.extension().and_then(|own| own.to_str()).unwrap_or_default().to_ascii_lowercase();
    if path.is_file() || matches!(extension.as_str(), "toml" | "csv" | "json") {
        return match extension.as_str() {
            "toml" => parse_configurations(&read_text(path)?)
                .map_err(|faults| Failure::Configurations { file: path.to_owned(), faults }),
            "json" => Ok(read_json(path)?),
            _ => Ok(Store::read(path)?.runs().cloned().collect()),
        };
    }
    if text.contains('=') {
        return Ok(expand(&Run::default(), &axes(text)?)?);
    }
    // Neither a run nor a file nor conditions: the store knows what is near.
    Ok(vec![store.find(text)?.into_owned()])
}

/// The answers in the order of the questions, each by the model that takes it.
fn answers(context: &Context, models: &[Fitted], asked: &[Run], given: &[Run]) -> Result<Vec<Answer>, Failure> {
    let mut found: Vec<Option<Answer>> = vec![None; asked.len()];
    let mut model_of: Vec<usize> = Vec::new();
    for run in asked {
        let known = || models.iter().flat_map(|own| own.model.tasks.clone()).collect();
        model_of.push(taking(models, run).ok_or_else(|| no_model_for(&[run], known()))?);
    }
    for (index, fitted) in models.iter().enumerate() {
        let rows: Vec<usize> = (0..asked.len()).filter(|&row| model_of[row] == index).collect();
        if rows.is_empty() {
            continue;
        }
        let own: Vec<Run> = rows.iter().map(|&row| asked[row].clone()).collect();
        let anchors: Vec<Run> = given.iter().filter(|run| fitted.model.takes_run(run)).cloned().collect();
        for (row, answer) in rows.into_iter().zip(predict(fitted, &context.catalog, &own, &anchors)?) {
            found[row] = Some(answer);
        }
    }
    Ok(found.into_iter().flatten().collect())
}

/// The model that a run goes to: the one of its task, or without a task the one that requires most of what it has.
fn taking(models: &[Fitted], run: &Run) -> Option<usize> {
    if run.conditions.contains_key("task") {
        return models.iter().position(|own| own.model.takes_run(run));
    }
    let has_all = |own: &Fitted| own.model.requires.iter().all(|name| run.conditions.contains_key(name));
    let fitting = models.iter().enumerate().filter(|(_, own)| has_all(own));
    fitting.max_by_key(|(_, own)| own.model.requires.len()).map(|(index, _)| index).or(Some(0))
}
