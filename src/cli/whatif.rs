//! `joules whatif`: the counterfactual of a run.

use clap::Args;

use super::options::{ModelSource, Output, RunSource, Work};
use super::{Context, Failure, Outcome};
use crate::report::whatif::{document, json};
use crate::runs::{Axis, GridError, Run, axes};
use crate::whatif::{Budget, Change, what_if};

/// Say what a measured run would have been with other settings
///
/// RUN is the id of a run, a selector such as task=gpqa,gpu=B200,gpus=1, or a run file. One change is told at length: every
/// metric, how the change acts, whether it fits, what it needs. Lists and ranges give a frontier of latency and energy.
#[derive(Args, Debug)]
pub(super) struct Whatif {
    /// The run that is asked about
    #[arg(value_name = "RUN")]
    run: String,
    /// What is to be different: name=value, a list name=a,b, or a range name=8..1024 (doubling; /64 for steps)
    /// [repeatable: a grid]
    #[arg(long, value_name = "NAME=VALUES")]
    set: Vec<String>,
    /// A limit on a metric, such as `itl_p50=50ms` or `throughput>=5000 tokens/s`: the best within it is chosen [repeatable]
    #[arg(long, value_name = "METRIC=LIMIT")]
    budget: Vec<String>,
    /// Metric that answers are about [default: the model's, energy per token]
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    #[command(flatten)]
    source: RunSource,
    #[command(flatten)]
    model: ModelSource,
    #[command(flatten)]
    work: Work,
    #[command(flatten)]
    output: Output,
}

impl Whatif {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failure> {
        let store = self.source.store()?;
        let run = store.find(&self.run)?;
        let changes = Change::grid(&self.axes()?);
        let fitted = self.model.fitted_for(context, &[&run])?;
        let budgets =
            self.budget.iter().map(|text| Budget::parse(text, &fitted.model)).collect::<Result<Vec<_>, _>>()?;
        let runs: Vec<&Run> = store.runs().collect();
        let found = what_if(&fitted, &context.catalog, &runs, &run, &changes, self.metric.as_deref(), &budgets)?;
        let document = context.signed(document(&found), &[&fitted]);
        self.output.answer(context, &document, || json(&found))?;
        Ok(Outcome::Answered)
    }

    /// What is to be different; no condition twice.
    fn axes(&self) -> Result<Vec<Axis>, Failure> {
        let all: Vec<Axis> = self.set.iter().map(|text| Ok(axes(text)?)).collect::<Result<Vec<_>, Failure>>()?.concat();
        let is_twice = |(index, (name, _)): &(usize, &Axis)| all[..*index].iter().any(|(own, _)| own == name);
        if let Some((_, (name, _))) = all.iter().enumerate().find(is_twice) {
            return Err(GridError::Twice { name: name.clone() }.into());
        }
        Ok(all)
    }
}
