//! `joules diagnose`: why run B differs from run A.

use std::borrow::Cow;

use clap::Args;

use super::options::{ModelSource, Output, RunSource, Work, models_for, no_model_for};
use super::{Context, Failure, Outcome};
use crate::diagnose::{Diagnosis, Verdict, diagnose_sets};
use crate::fit::{Fitted, Settings, fit};
use crate::report::diagnosis;
use crate::runs::Run;

/// Explain why run B uses more (or less) than run A
///
/// A and B are ids of runs, selectors such as task=gpqa,gpu=B200,gpus=1, or run files. The answer is an exact
/// product of causes and of what no cause explains, with the mechanisms, the measured evidence and what to do.
#[derive(Args, Debug)]
pub(super) struct Diagnose {
    /// The run to compare with
    #[arg(value_name = "A")]
    a: String,
    /// The run to explain
    #[arg(value_name = "B")]
    b: String,
    /// A repeat of A: with repeats the difference is held against their own spread [repeatable]
    #[arg(long, value_name = "REF")]
    repeat_a: Vec<String>,
    /// A repeat of B [repeatable]
    #[arg(long, value_name = "REF")]
    repeat_b: Vec<String>,
    /// Metric to explain [default: the model's, energy per token]
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    /// End with exit code 3 if B is worse than A by more than this, and by more than noise: 5%, or 0.05
    #[arg(long, value_name = "SHARE", value_parser = share)]
    fail_above: Option<f64>,
    #[command(flatten)]
    source: RunSource,
    #[command(flatten)]
    model: ModelSource,
    /// Estimate the model from the runs first, as `joules fit` does: from a new sweep straight to its diagnosis
    #[arg(long, conflicts_with = "fitted")]
    refit: bool,
    #[command(flatten)]
    work: Work,
    #[command(flatten)]
    output: Output,
}

impl Diagnose {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failure> {
        let store = self.source.store()?;
        let side = |first: &String, repeats: &[String]| -> Result<Vec<Cow<'_, Run>>, Failure> {
            std::iter::once(first).chain(repeats).map(|text| Ok(store.find(text)?)).collect()
        };
        let (a, b) = (side(&self.a, &self.repeat_a)?, side(&self.b, &self.repeat_b)?);
        let (a, b): (Vec<&Run>, Vec<&Run>) = (a.iter().map(Cow::as_ref).collect(), b.iter().map(Cow::as_ref).collect());
        let runs: Vec<&Run> = store.runs().collect();
        let pair = [a[0], b[0]];
        let fitted =
            if self.refit { self.refitted(context, &pair, &runs) } else { self.model.fitted_for(context, &pair) }?;
        let answer = diagnose_sets(&fitted, &context.catalog, &runs, &a, &b, self.metric.as_deref())?;
        let document = context.signed(diagnosis(&answer), &[&fitted]);
        self.output.answer(context, &document, || json(&answer))?;
        Ok(if self.fail_above.is_some_and(|limit| exceeds(&answer, limit)) {
            Outcome::Exceeded
        } else {
            Outcome::Answered
        })
    }

    /// The model that takes the two runs, estimated from all runs at hand.
    fn refitted(&self, context: &Context, pair: &[&Run], runs: &[&Run]) -> Result<Fitted, Failure> {
        let model = models_for(context, self.model.model.as_deref(), pair)?.into_iter().next();
        let model = model.ok_or_else(|| no_model_for(pair, Vec::new()))?;
        let runs: Vec<Run> = runs.iter().copied().cloned().collect();
        Ok(fit(model, &context.catalog, &runs, &Settings { seed: self.work.seed, ..Settings::default() })?)
    }
}

fn json(answer: &Diagnosis) -> serde_json::Value {
    serde_json::to_value(answer).expect("an answer is a tree of JSON values")
}

/// Whether B is worse by more than `limit`, beyond run-to-run noise.
fn exceeds(answer: &Diagnosis, limit: f64) -> bool {
    let worse = if answer.more_is_worse() { answer.ratio } else { 1.0 / answer.ratio };
    answer.verdict == Verdict::Different && worse > 1.0 + limit
}

/// `5%` or `0.05`.
fn share(text: &str) -> Result<f64, String> {
    let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 0.01));
    match number.trim().parse::<f64>() {
        Ok(value) if value.is_finite() && value >= 0.0 && (scale < 1.0 || value < 1.0) => Ok(value * scale),
        Ok(value) if value >= 1.0 => Err(format!("write `{value}%` for percent; a bare number is a share below 1")),
        _ => Err("expected a share such as `5%` or `0.05`".to_owned()),
    }
}
