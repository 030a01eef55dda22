//! `joules check`: for which questions is a model to be trusted?

use std::time::Instant;

use clap::Args;

use super::options::{Filter, ModelSource, Output, RunSource, Work, known_metrics, models_for};
use super::{Context, Failure, Outcome};
use crate::check::{Check as Checked, Options, check};
use crate::fit::{Fitted, Score, Settings, cross_validate_nested, fit_and_validate, refit};
use crate::report::Document;
use crate::report::check::{document, json};
use crate::runs::Run;

/// Say for which questions a model is to be trusted, and for which not
///
/// The model is fitted to the runs, and to parts of them: runs that differ from all others in one kind of condition are
/// held out and predicted. Those predictions are compared with the measurements, with guesses that know no mechanism, and
/// with their own intervals. With --fitted, the search starts from those estimates.
#[derive(Args, Debug)]
pub(super) struct Check {
    #[command(flatten)]
    source: RunSource,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    model: ModelSource,
    /// Metric to check [repeatable; default: the model's own, latency and power]
    #[arg(long, value_name = "NAME")]
    metric: Vec<String>,
    /// Learn the residual process again in every fold: slower, and nothing of the runs held out is known
    #[arg(long)]
    nested: bool,
    /// End with exit code 3 if a test fails or a kind of question is not to be trusted
    #[arg(long)]
    strict: bool,
    /// Starting points of the search
    #[arg(long, value_name = "N", default_value_t = Settings::default().starts)]
    starts: usize,
    #[command(flatten)]
    work: Work,
    #[command(flatten)]
    output: Output,
}

impl Check {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failure> {
        let store = self.filter.some_of(&self.source.store()?)?;
        let runs: Vec<Run> = store.runs().cloned().collect();
        let asked = known_metrics(&self.metric, &runs.iter().collect::<Vec<_>>())?;
        let began = Instant::now();
        let mut checks: Vec<Checked> = Vec::new();
        let models = self.fitted(context, &runs)?;
        for (fitted, scores) in &models {
            let nested = self.nested.then(|| cross_validate_nested(fitted, &context.catalog, &runs)).transpose()?;
            let scores = nested.as_ref().unwrap_or(scores);
            let is_of = |metric: &&&str| fitted.model.node(metric).is_some();
            let metrics = asked.iter().filter(is_of).map(|metric| (*metric).to_owned()).collect();
            let options = Options { metrics, nested: self.nested, seed: self.work.seed };
            checks.push(check(fitted, scores, &context.catalog, &runs, &options)?);
        }
        context.remark(&format!("checked in {:.1} s", began.elapsed().as_secs_f64()));
        let models: Vec<&Fitted> = models.iter().map(|(fitted, _)| fitted).collect();
        let whole = context.signed(Document::joined(checks.iter().map(document)), &models);
        self.output.answer(context, &whole, || json(&checks))?;
        Ok(if self.strict && checks.iter().any(Checked::has_failed) { Outcome::Exceeded } else { Outcome::Answered })
    }

    /// Every model that takes some of the runs, fitted to them, with its held-out predictions.
    fn fitted(&self, context: &Context, runs: &[Run]) -> Result<Vec<(Fitted, Vec<Score>)>, Failure> {
        let settings = Settings { starts: self.starts, seed: self.work.seed, ..Settings::default() };
        let all: Vec<&Run> = runs.iter().collect();
        if self.model.fitted.is_some() {
            let known = self.model.all_fitted(context)?;
            let takes = |fitted: &&Fitted| runs.iter().any(|run| fitted.model.takes_run(run));
            let taking: Vec<&Fitted> = known.iter().filter(takes).collect();
            // A model that takes none of the runs says so itself.
            let taking = if taking.is_empty() { known.iter().take(1).collect() } else { taking };
            return taking.into_iter().map(|own| Ok(refit(own, &context.catalog, runs, &settings)?)).collect();
        }
        let models = models_for(context, self.model.model.as_deref(), &all)?;
        models.into_iter().map(|model| Ok(fit_and_validate(model, &context.catalog, runs, &settings)?)).collect()
    }
}
