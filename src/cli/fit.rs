//! `joules fit`: estimates a model from runs.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use super::options::{Filter, Format, RunSource, Work, models_for};
use super::{Context, Failure, Outcome};
use crate::fit::{Fitted, Settings, Summary, fit, write_fitted};
use crate::report::Document;
use crate::report::fit::{json, summary};
use crate::runs::Run;

/// Estimate the parameters of a model from runs
///
/// Prints what the data say and what they leave open. With --out, writes the estimates for --fitted of other commands.
#[derive(Args, Debug)]
pub(super) struct Fit {
    #[command(flatten)]
    source: RunSource,
    #[command(flatten)]
    filter: Filter,
    /// Model file, or the name of a shipped model [default: the shipped one for the runs]
    #[arg(long, value_name = "FILE")]
    model: Option<String>,
    /// Starting points of the search
    #[arg(long, value_name = "N", default_value_t = Settings::default().starts)]
    starts: usize,
    /// Most iterations of the search
    #[arg(long, value_name = "N", default_value_t = Settings::default().iterations)]
    iterations: u64,
    /// Keep points between the runs in place of the runs, so that the file may be handed on
    #[arg(long)]
    shareable: bool,
    #[command(flatten)]
    work: Work,
    /// Form of the summary
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// File for the fitted parameters [default: none is written]
    #[arg(long, value_name = "FITTED.toml")]
    out: Option<PathBuf>,
}

impl Fit {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failure> {
        let store = self.filter.some_of(&self.source.store()?)?;
        let runs: Vec<Run> = store.runs().cloned().collect();
        let models = models_for(context, self.model.as_deref(), &runs.iter().collect::<Vec<_>>())?;
        let settings =
            Settings { starts: self.starts, iterations: self.iterations, seed: self.work.seed, ..Settings::default() };
        let began = Instant::now();
        let mut fitted = Vec::new();
        for model in models {
            let whole = fit(model, &context.catalog, &runs, &settings)?;
            let said = Summary::new(&whole, &context.catalog, &runs)?;
            fitted.push((if self.shareable { whole.shareable() } else { whole }, said));
        }
        context.remark(&format!("fitted in {:.1} s", began.elapsed().as_secs_f64()));
        if let Some(out) = &self.out {
            let all: Vec<&Fitted> = fitted.iter().map(|(fitted, _)| fitted).collect();
            context.write(&write_fitted(&all), Some(out))?;
        }
        let models: Vec<&Fitted> = fitted.iter().map(|(fitted, _)| fitted).collect();
        let document = Document::joined(fitted.iter().map(|(own, said)| summary(own, said, self.out.as_deref())));
        let document = context.signed(document, &models);
        let whole =
            || serde_json::json!({ "models": fitted.iter().map(|(own, said)| json(own, said)).collect::<Vec<_>>() });
        let text = self.format.text(context, None, &document, whole);
        context.write(&text, None)?;
        Ok(Outcome::Answered)
    }
}
