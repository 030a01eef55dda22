//! Options that several commands share, and the loading of what they name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::Value as Json;

use super::{Context, Failure};
use crate::catalog::{Catalog, CatalogFile};
use crate::fit::{Fitted, model_names, read_fitted};
use crate::model::{Model, Shipped, shipped};
use crate::notes::nearest;
use crate::report::{Document, render};
use crate::runs::{Run, Store, metrics, read_text, split_precision};

/// What is known beyond the catalog inside the binary. Every command has these options: the catalog of its context is
/// already extended when it runs.
#[derive(Args, Debug)]
pub(super) struct CatalogSource {
    /// TOML of GPUs, architectures, precisions or tasks, or a folder of such, in the form of models/catalog; what has
    /// the name of a known entry replaces it [repeatable]
    #[arg(long, value_name = "PATH", global = true, help_heading = "Catalog")]
    catalog: Vec<PathBuf>,
    /// A model that the catalog lacks: its Hugging Face config.json, or a TOML with [architecture."org/name"]. NAME is
    /// the model as the runs call it [repeatable; default of NAME: `_name_or_path` of the file, else its folder]
    #[arg(long, value_name = "[NAME=]PATH", global = true, help_heading = "Catalog")]
    architecture: Vec<String>,
}

impl CatalogSource {
    /// Adds to the catalog of a context, and says what was made of each configuration.
    pub(super) fn extend(&self, context: &mut Context) -> Result<(), Failure> {
        let mut files = Vec::new();
        for path in &self.catalog {
            files.extend(CatalogFile::of_catalog(path)?);
        }
        for argument in &self.architecture {
            files.push(CatalogFile::of_architecture(argument, |checkpoint| split_precision(checkpoint).0)?);
        }
        if files.is_empty() {
            return Ok(());
        }
        context.catalog = std::mem::take(&mut context.catalog).with(&files)?;
        for model in files.iter().filter_map(CatalogFile::model) {
            context.remark(&converted(&context.catalog, model));
        }
        Ok(())
    }
}

/// What a configuration became, for a person to check: most of it was never written by hand.
fn converted(catalog: &Catalog, model: &str) -> String {
    let of = |attribute: &str| catalog.get("architecture", &[model], attribute);
    let billions = |attribute: &str| {
        let number = of(attribute).and_then(|value| value.number());
        number.map_or_else(|| "?".to_owned(), |number| format!("{:.2}", number / 1e9))
    };
    let name = |attribute: &str| of(attribute).and_then(|value| value.name().map(str::to_owned)).unwrap_or_default();
    let unsure = catalog.origin("architecture", &[model], "layers").and_then(|origin| origin.unsure.clone());
    format!(
        "architecture `{model}`: {}, {} layers, {} billion weights of which {} active, {}{}",
        name("kind"),
        of("layers").and_then(|value| value.number()).unwrap_or_default(),
        billions("total_params"),
        billions("active_params"),
        name("native_precision"),
        unsure.map_or_else(String::new, |text| format!("\n  unsure: {}", text.replace("; ", "\n  unsure: "))),
    )
}

/// Which runs.
#[derive(Args, Debug)]
pub(super) struct RunSource {
    /// Store folder or sweep file with the runs [repeatable; default: the data inside the binary]
    #[arg(long, value_name = "PATH")]
    pub(super) runs: Vec<PathBuf>,
}

impl RunSource {
    /// All runs that it names, as one store.
    pub(super) fn store(&self) -> Result<Store, Failure> {
        if self.runs.is_empty() { Ok(Store::embedded()) } else { Ok(Store::read_all(&self.runs)?) }
    }
}

/// Which of the runs.
#[derive(Args, Debug)]
pub(super) struct Filter {
    /// Keep only runs with these conditions, key=value,… [repeatable: all must hold]
    #[arg(long = "where", value_name = "K=V")]
    keep: Vec<String>,
    /// Leave out runs with these conditions, key=value,… [repeatable: any does]
    #[arg(long = "without", value_name = "K=V")]
    drop: Vec<String>,
}

impl Filter {
    /// The runs that it leaves.
    pub(super) fn of(&self, store: &Store) -> Result<Store, Failure> {
        Ok(store.filtered(&self.keep, &self.drop)?)
    }

    /// The runs that it leaves, of which there must be some.
    pub(super) fn some_of(&self, store: &Store) -> Result<Store, Failure> {
        let left = self.of(store)?;
        if left.is_empty() { Err(Failure::NothingLeft { before: store.len() }) } else { Ok(left) }
    }
}

/// Which model, with which estimates.
#[derive(Args, Debug)]
pub(super) struct ModelSource {
    /// Model file, or the name of a shipped model [default: the shipped one]
    #[arg(long, value_name = "FILE")]
    pub(super) model: Option<String>,
    /// Fitted parameters, made by `joules fit` [default: those inside the binary]
    #[arg(long, value_name = "FILE")]
    pub(super) fitted: Option<PathBuf>,
}

impl ModelSource {
    /// The model for these runs with its estimates.
    pub(super) fn fitted_for(&self, context: &Context, runs: &[&Run]) -> Result<Fitted, Failure> {
        if self.model.is_none() && self.fitted.is_none() {
            return shipped_fitted(context, shipped_for(context, runs)?);
        }
        if let Some(path) = &self.fitted {
            let all = self.read(context, path)?;
            let taken = |fitted: &Fitted| runs.iter().filter(|run| fitted.model.takes_run(run)).count();
            let known = all.iter().flat_map(|fitted| fitted.model.tasks.clone()).collect();
            // Of several models the one that takes most of the runs; a model that takes none says so itself.
            return all.into_iter().max_by_key(taken).ok_or_else(|| no_model_for(runs, known));
        }
        if let Some(fitted) = self.fitted(context)? {
            return Ok(fitted);
        }
        // A model without estimates, or a name that is no model at all, which is the first thing to say.
        let name = self.model.clone().unwrap_or_default();
        model_of(context, &name)?;
        Err(Failure::NotFitted { model: name })
    }

    /// What was asked for by name: none if that is a model without estimates, the first shipped model if nothing was.
    pub(super) fn fitted(&self, context: &Context) -> Result<Option<Fitted>, Failure> {
        let own = match (&self.fitted, &self.model) {
            (Some(path), _) => return Ok(self.read(context, path)?.into_iter().next()),
            (None, Some(name)) => shipped_named(context, name),
            (None, None) => shipped().next(),
        };
        own.map(|own| shipped_fitted(context, own)).transpose()
    }

    /// Every model with its estimates that was asked for: those of the file, else all that are shipped.
    pub(super) fn all_fitted(&self, context: &Context) -> Result<Vec<Fitted>, Failure> {
        match (&self.fitted, &self.model) {
            (Some(path), _) => self.read(context, path),
            (None, Some(_)) => Ok(vec![self.fitted_for(context, &[])?]),
            (None, None) => shipped().map(|own| shipped_fitted(context, own)).collect(),
        }
    }

    /// The estimates of a file: of the model that is given beside it, or else of the shipped ones that it names.
    fn read(&self, context: &Context, path: &Path) -> Result<Vec<Fitted>, Failure> {
        let file = path.display().to_string();
        let text = read_text(path)?;
        if let Some(name) = &self.model {
            return Ok(vec![read_fitted(&file, &text, model_of(context, name)?)?]);
        }
        model_names(&file, &text)?
            .into_iter()
            .map(|wanted| match shipped_named(context, &wanted) {
                Some(own) => Ok(read_fitted(&file, &text, parsed(context, own)?)?),
                None => Err(Failure::ModelNotAtHand { file: path.to_owned(), model: wanted }),
            })
            .collect()
    }
}

/// The model of a file, or the shipped one of this name.
pub(super) fn model_of(context: &Context, name: &str) -> Result<Model, Failure> {
    let path = PathBuf::from(name);
    if path.is_file() {
        return Ok(Model::parse(name, &read_text(&path)?, &context.catalog)?);
    }
    let names = || shipped().filter_map(|own| parsed(context, own).ok()).map(|model| model.name).collect();
    let own = shipped_named(context, name);
    parsed(context, own.ok_or_else(|| Failure::UnknownModel { name: name.to_owned(), shipped: names() })?)
}

/// The shipped model that takes most of these runs.
pub(super) fn shipped_for(context: &Context, runs: &[&Run]) -> Result<Shipped, Failure> {
    let mut known = Vec::new();
    let mut best: Option<(usize, Shipped)> = None;
    for own in shipped() {
        let model = parsed(context, own)?;
        let taken = runs.iter().filter(|run| run.name("task").is_some_and(|task| model.takes(task))).count();
        known.extend(model.tasks);
        if taken > best.map_or(0, |(most, _)| most) {
            best = Some((taken, own));
        }
    }
    best.map(|(_, own)| own).ok_or_else(|| no_model_for(runs, known))
}

/// The model asked for by name, else the shipped ones that take any of these runs.
pub(super) fn models_for(context: &Context, name: Option<&str>, runs: &[&Run]) -> Result<Vec<Model>, Failure> {
    match name {
        Some(name) => Ok(vec![model_of(context, name)?]),
        None => shipped_models(context, runs),
    }
}

/// The shipped models that take any of these runs.
fn shipped_models(context: &Context, runs: &[&Run]) -> Result<Vec<Model>, Failure> {
    let all = shipped().map(|own| parsed(context, own)).collect::<Result<Vec<Model>, Failure>>()?;
    let known = all.iter().flat_map(|model| model.tasks.clone()).collect();
    let taking: Vec<Model> = all.into_iter().filter(|model| runs.iter().any(|run| model.takes_run(run))).collect();
    if taking.is_empty() { Err(no_model_for(runs, known)) } else { Ok(taking) }
}

/// No model takes the tasks of these runs.
pub(super) fn no_model_for(runs: &[&Run], known: Vec<String>) -> Failure {
    let tasks: BTreeSet<String> = runs.iter().filter_map(|run| run.name("task").map(str::to_owned)).collect();
    Failure::NoModelFor { tasks: tasks.into_iter().collect(), known }
}

/// The shipped model of this name, or of this file.
fn shipped_named(context: &Context, name: &str) -> Option<Shipped> {
    shipped().find(|own| own.file == name || parsed(context, *own).is_ok_and(|model| model.name == name))
}

/// A shipped model, checked and compiled.
pub(super) fn parsed(context: &Context, own: Shipped) -> Result<Model, Failure> {
    Ok(Model::parse(own.file, own.text, &context.catalog)?)
}

fn shipped_fitted(context: &Context, own: Shipped) -> Result<Fitted, Failure> {
    let file = own.file.replace("models/", "models/fitted/");
    Ok(read_fitted(&file, own.fitted, parsed(context, own)?)?)
}

/// Chance and work: neither changes an answer beyond its stated uncertainty.
#[derive(Args, Debug)]
pub(super) struct Work {
    /// Seed of everything that is drawn; the same seed gives the same answer
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// Threads to use; results do not depend on it
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<usize>,
}

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For a person at a terminal
    Text,
    /// For a page of others
    Markdown,
    /// A page of its own, for a browser
    Html,
    /// For a program
    Json,
}

/// Where an answer goes, and in which form.
#[derive(Args, Debug)]
pub(super) struct Output<F: ValueEnum + Send + Sync + 'static = Format> {
    /// Form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: F,
    /// File for the answer [default: standard output]
    #[arg(long, value_name = "PATH")]
    pub(super) out: Option<PathBuf>,
}

impl Output {
    /// Writes an answer; `json` is made only if it is asked for.
    pub(super) fn answer(
        &self,
        context: &Context,
        document: &Document,
        json: impl FnOnce() -> Json,
    ) -> Result<(), Failure> {
        let out = self.out.as_deref();
        context.write(&self.format.text(context, out, document, json), out)
    }
}

impl Format {
    /// The text of an answer.
    pub(super) fn text(
        self,
        context: &Context,
        out: Option<&Path>,
        document: &Document,
        json: impl FnOnce() -> Json,
    ) -> String {
        match self {
            Self::Text => render::text(document, &context.style(out)),
            Self::Markdown => render::markdown(document),
            Self::Html => render::html(document),
            Self::Json => json_text(&json()),
        }
    }
}

/// JSON for programs and for eyes.
pub(super) fn json_text(json: &Json) -> String {
    let text = serde_json::to_string_pretty(json).expect("a tree of JSON values is JSON");
    text + "\n"
}

/// The metrics asked for; each must be one of the runs'.
pub(super) fn known_metrics<'a>(asked: &'a [String], runs: &[&Run]) -> Result<Vec<&'a str>, Failure> {
    let mut known: Vec<&str> = metrics().map(|name| name.name).collect();
    known.retain(|name| runs.iter().any(|run| run.metrics.contains_key(*name)));
    let own: BTreeSet<&str> = runs.iter().flat_map(|run| run.metrics.keys().map(String::as_str)).collect();
    known.extend(own.iter().filter(|name| metrics().all(|known| known.name != **name)));
    for metric in asked {
        if !known.contains(&metric.as_str()) {
            return Err(Failure::UnknownMetric {
                metric: metric.clone(),
                nearest: nearest(metric, known.iter().copied()).map(str::to_owned),
                known: known.into_iter().map(str::to_owned).collect(),
            });
        }
    }
    Ok(asked.iter().map(String::as_str).collect())
}
