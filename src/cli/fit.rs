//! `joules fit`: estimates a model from runs.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use super::options::{Filter, Format, RunSource, Work, model_of, parsed, shipped_for};
use super::{Context, Failure, Outcome};
use crate::fit::{Settings, Summary, fit, write_fitted};
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
        let all = self.source.store()?;
        let store = self.filter.of(&all)?;
        if store.is_empty() {
            return Err(Failure::NothingLeft { before: all.len() });
        }
        let runs: Vec<Run> = store.runs().cloned().collect();
        let model = match &self.model {
            Some(name) => model_of(context, name)?,
            None => parsed(context, shipped_for(context, &runs.iter().collect::<Vec<_>>())?)?,
        };
        let settings =
            Settings { starts: self.starts, iterations: self.iterations, seed: self.work.seed, ..Settings::default() };
        let began = Instant::now();
        let fitted = fit(model, &context.catalog, &runs, &settings)?;
        let said = Summary::new(&fitted, &context.catalog, &runs)?;
        context.remark(&format!("fitted in {:.1} s", began.elapsed().as_secs_f64()));
        if let Some(out) = &self.out {
            context.write(&write_fitted(&fitted), Some(out))?;
        }
        let document = summary(&fitted, &said, self.out.as_deref());
        let text = self.format.text(context, None, &document, || json(&fitted, &said));
        context.write(&text, None)?;
        Ok(Outcome::Answered)
    }
}
