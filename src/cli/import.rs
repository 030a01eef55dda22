//! `joules import`: foreign results into a store.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Context, Failure, Outcome};
use crate::import::mapped::Map;
use crate::import::{Detected, Inspection, detect, import};
use crate::report::import::{imported, inspected};
use crate::report::render;
use crate::runs::Store;

/// Turn foreign results into a store of runs
///
/// Without FORMAT, what lies at PATH is detected: the leaderboard's tree, a store, or a CSV or JSON Lines file, which
/// needs a map. Nothing is written unless all of it can be.
#[derive(Args, Debug)]
#[command(allow_missing_positional = true, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Import {
    #[cfg(feature = "measure")]
    #[command(subcommand)]
    remote: Option<Remote>,
    /// What lies at PATH [default: detected]
    #[arg(value_name = "FORMAT")]
    format: Option<Format>,
    /// Folder or file with the results
    #[arg(value_name = "PATH", required = true)]
    path: Option<PathBuf>,
    /// Map of a CSV or JSON Lines file: what its columns are, in which units
    #[arg(long, value_name = "MAP.toml")]
    map: Option<PathBuf>,
    /// Store folder for the runs; sweeps of the same names are replaced
    #[arg(long, value_name = "DIR", required_unless_present = "inspect")]
    out: Option<PathBuf>,
    /// Say what an import would bring, and write nothing
    #[arg(long, conflicts_with = "out")]
    inspect: bool,
}

/// What is imported over the network.
#[cfg(feature = "measure")]
#[derive(Debug, clap::Subcommand)]
enum Remote {
    Prometheus(Box<super::import_prometheus::ImportPrometheus>),
}

/// What can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The tree of the ML.ENERGY leaderboard
    Mlenergy,
    /// A CSV file, by a map
    Csv,
    /// A JSON Lines file, by a map
    Jsonl,
}

impl Import {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failure> {
        #[cfg(feature = "measure")]
        if let Some(Remote::Prometheus(prometheus)) = &self.remote {
            return prometheus.run(context);
        }
        let path = self.path.as_deref().expect("clap requires a path where no subcommand is given");
        let map = self.map.as_deref().map(Map::read).transpose()?;
        let format = match self.format {
            Some(Format::Mlenergy) => Detected::MlEnergy,
            Some(Format::Csv) => Detected::Csv,
            Some(Format::Jsonl) => Detected::JsonLines,
            None => detect(path)?,
        };
        let store = Store::new(import(format, path, map.as_ref())?)?;
        let inspection = Inspection::of(format, &store.sweeps)?;
        let document = match &self.out {
            Some(folder) => {
                store.write(folder)?;
                imported(&inspection, folder)
            }
            None => inspected(&inspection, path),
        };
        context.write(&render::text(&document, &context.style(None)), None)?;
        Ok(Outcome::Answered)
    }
}
