//! The command line: arguments become a question, its answer is written, and an exit code says how it went.
//!
//! One file for each command: a struct of its arguments, and `run`, which loads what is asked about, calls the engine,
//! and hands a document or JSON to its output. [`Context`] knows the terminal and the catalog; the option groups that
//! commands share stand in `options`; every error becomes a [`Failure`], which is told once, here at the edge.
//!
//! | exit code | means |
//! |---|---|
//! | 0 | answered |
//! | 1 | failed: a file or the output could not be written, a measured command did not succeed |
//! | 2 | bad usage or bad input |
//! | 3 | answered, but a limit that was asked for is exceeded, or a check failed under `--strict` |
//! | 130 | interrupted; what was complete is kept |

mod check;
mod context;
mod diagnose;
#[cfg(feature = "measure")]
mod doctor;
mod failure;
mod fit;
mod graph;
#[cfg(feature = "measure")]
mod hold;
mod import;
#[cfg(feature = "measure")]
mod import_prometheus;
#[cfg(feature = "measure")]
mod measure;
#[cfg(feature = "measure")]
mod meters;
mod options;
mod plan;
mod predict;
mod runs;
mod study;
#[cfg(feature = "measure")]
mod sweep;
mod whatif;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use context::Context;
pub use failure::Failure;

/// Causal diagnosis of the energy of AI inference: why did this run use more joules than that one?
#[derive(Debug, Parser)]
#[command(name = "joules", version)]
#[command(after_help = "Without --runs and --fitted, commands use the data and the fitted models inside the binary.")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    catalog: options::CatalogSource,
}

#[derive(Debug, Subcommand)]
enum Command {
    Import(import::Import),
    // Boxed: it has more options than the others.
    #[cfg(feature = "measure")]
    Sweep(Box<sweep::Sweep>),
    Runs(runs::Runs),
    Graph(graph::Graph),
    Fit(fit::Fit),
    Check(check::Check),
    Predict(predict::Predict),
    // Boxed: it has more options than the others.
    Plan(Box<plan::Plan>),
    Diagnose(diagnose::Diagnose),
    Whatif(whatif::Whatif),
    Study(study::Study),
    #[cfg(feature = "measure")]
    Measure(Box<measure::Measure>),
    #[cfg(feature = "measure")]
    Doctor(doctor::Doctor),
    #[cfg(feature = "measure")]
    #[command(hide = true)]
    HoldContext(hold::Hold),
}

/// How an answered question ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The answer is written.
    Answered,
    /// The answer is written, and it exceeds a limit that was asked for.
    Exceeded,
    /// The work was interrupted; what was complete is kept.
    Interrupted,
    /// The answer is written, but the command that it is of failed.
    #[cfg(feature = "measure")]
    Unsuccessful,
}

impl Arguments {
    /// Reads the arguments of the process; help, the version and bad usage are told here and end it.
    pub fn read() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            // Where nobody reads the message, the exit code still tells.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        })
    }

    /// Answers what was asked, with what is stated beside the catalog inside the binary.
    pub fn run(&self, context: &mut Context) -> Result<Outcome, Failure> {
        self.catalog.extend(context)?;
        match &self.command {
            Command::Import(import) => import.run(context),
            #[cfg(feature = "measure")]
            Command::Sweep(sweep) => sweep.run(context),
            Command::Runs(runs) => runs.run(context),
            Command::Graph(graph) => graph.run(context),
            Command::Fit(fit) => fit.run(context),
            Command::Check(check) => check.run(context),
            Command::Predict(predict) => predict.run(context),
            Command::Plan(plan) => plan.run(context),
            Command::Diagnose(diagnose) => diagnose.run(context),
            Command::Whatif(whatif) => whatif.run(context),
            Command::Study(study) => study.run(context),
            #[cfg(feature = "measure")]
            Command::Measure(measure) => measure.run(context),
            #[cfg(feature = "measure")]
            Command::Doctor(doctor) => doctor.run(context),
            #[cfg(feature = "measure")]
            Command::HoldContext(hold) => Ok(hold.run(context)),
        }
    }
}

impl Outcome {
    /// The exit code.
    pub fn code(self) -> ExitCode {
        match self {
            Self::Answered => ExitCode::SUCCESS,
            Self::Exceeded => ExitCode::from(3),
            Self::Interrupted => ExitCode::from(130),
            #[cfg(feature = "measure")]
            Self::Unsuccessful => ExitCode::FAILURE,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_well_formed() {
        super::Arguments::command().debug_assert();
    }
}
