//! `joules study`: what a whole sweep says.

use clap::Args;

use super::options::{Filter, ModelSource, Output, RunSource, known_metrics};
use super::{Context, Failure, Outcome};
use crate::report::study::{document, json};
use crate::runs::Run;
use crate::study::study;

/// Say what a whole sweep says: the effect of task, batch, GPU type, precision, GPU count …
///
/// The observations of "Where Do the Joules Go?", recomputed for any runs: each with its definition, the numbers,
/// counter-examples, what speaks against them, and the main comparisons divided into causes. What the runs cannot say is told.
#[derive(Args, Debug)]
pub(super) struct Study {
    #[command(flatten)]
    source: RunSource,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    model: ModelSource,
    /// Energy to compare, such as `energy_per_response` [default: per token, image or video]
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    #[command(flatten)]
    output: Output,
}

impl Study {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failure> {
        let store = self.filter.some_of(&self.source.store()?)?;
        let runs: Vec<&Run> = store.runs().collect();
        let metric = self.metric(&runs)?;
        let fitted = self.model.all_fitted(context)?;
        let answer = study(&runs, &context.catalog, &fitted, metric);
        self.output.answer(context, &document(&answer), || json(&answer))?;
        Ok(Outcome::Answered)
    }

    /// The metric asked for: one that the runs have, and an energy per something.
    fn metric(&self, runs: &[&Run]) -> Result<Option<&str>, Failure> {
        let Some(metric) = &self.metric else { return Ok(None) };
        known_metrics(std::slice::from_ref(metric), runs)?;
        if metric.starts_with("energy_per_") {
            Ok(Some(metric))
        } else {
            Err(Failure::NoEnergy { metric: metric.clone() })
        }
    }
}
