//! `joules doctor`: what can be measured here.

use clap::Args;

use super::meters::Meters;
use super::options::{Format, Output};
use super::{Context, Failure, Outcome};
use crate::measure::command::MeasureError;
use crate::measure::doctor::checkup;
use crate::measure::meter::MeterError;
use crate::report::doctor;

/// Say what can be measured on this machine, how surely, and what to fix
///
/// Takes a few seconds. GPUs are only read: nothing runs on them, and nothing is set.
#[derive(Args, Debug)]
pub(super) struct Doctor {
    /// Compare all estimators of power for 10 s, under whatever load there is, and show what they did under periodic loads
    /// on a GPU where that was measured
    #[arg(long)]
    self_test: bool,
    /// End with exit code 3 if the energy of some GPU cannot be measured
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    meters: Meters,
    #[command(flatten)]
    output: Output,
}

/// How long the meters are looked at, s.
const LOOK: f64 = 3.0;
const SELF_TEST: f64 = 10.0;

impl Doctor {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failure> {
        let seconds = if self.self_test { SELF_TEST } else { LOOK };
        let found = checkup(&self.meters.choice(), seconds, self.self_test);
        // A wrong question about GPUs is no finding.
        if found.gpus.as_ref().is_err_and(MeterError::is_bad_input)
            && let Err(error) = found.gpus
        {
            return Err(MeasureError::from(error).into());
        }
        let mut document = doctor::document(&found);
        if matches!(self.output.format, Format::Markdown | Format::Html) {
            document = context.signed(document, &[]);
        }
        self.output.answer(context, &document, || doctor::json(&found))?;
        Ok(if self.strict && !found.is_good() { Outcome::Exceeded } else { Outcome::Answered })
    }
}
