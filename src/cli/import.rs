//! `joules import`: foreign results into a store.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{Context, Failure, Outcome};
use crate::import::mapped::Map;
use crate::import::{Detected, Given, Inspection, Options, Window, complete, detect, import, zone};
use crate::report::import::{imported, inspected};
use crate::report::render;
use crate::runs::Store;

/// Turn foreign results into a store of runs
///
/// Without FORMAT, what lies at PATH is detected from what it holds: a file, or a folder with files of one format. CSV and
/// JSON Lines files of no known format need a map. Nothing is written unless all of it can be.
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
    /// A condition that the source lacks, for all runs: `gpu=H100` [repeatable]
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// The part of a power log: seconds after its first sample (`10..70`), Unix seconds, or times of day as it has them
    #[arg(long, value_name = "FROM..TO")]
    window: Option<String>,
    /// A power log for results without energy, joined by their times
    #[arg(long, value_name = "LOG")]
    power: Option<PathBuf>,
    /// What the power log's time of day is ahead of UTC: `+02:00`
    #[arg(long, value_name = "OFFSET", requires = "power", allow_hyphen_values = true)]
    zone: Option<String>,
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
    /// ML.ENERGY: the leaderboard's tree, raw results of the benchmark, tables of the data set
    Mlenergy,
    /// `vllm bench serve --save-result`, and scripts that write the same
    VllmBench,
    /// GuideLLM, `benchmarks.json`
    Guidellm,
    /// AIPerf, `profile_export_aiperf.json`; genai-perf
    #[value(alias = "genai-perf")]
    Aiperf,
    /// InferenceX (InferenceMAX), `agg_*.json`
    #[value(alias = "inferencemax")]
    Inferencex,
    /// llm-d Benchmark Report 0.2, YAML or JSON
    LlmD,
    /// `trtllm-bench --report_json`
    TrtllmBench,
    /// Power log: `nvidia-smi --query-gpu=… --format=csv`, or `nvidia-smi dmon`
    NvidiaSmi,
    /// Power log: `amd-smi … --csv`
    AmdSmi,
    /// Zeus, `ZeusMonitor(log_file=…)`
    Zeus,
    /// CodeCarbon, `emissions.csv`
    Codecarbon,
    /// A CSV file, by a map
    Csv,
    /// A JSON Lines file, by a map
    Jsonl,
}

impl Format {
    /// What lies at `path`, if it is said to be of this format.
    fn at(self, path: &Path) -> Detected {
        match self {
            Self::Mlenergy => match detect(path) {
                Ok(found @ (Detected::MlEnergyRaw | Detected::MlEnergyTable)) => found,
                _ => Detected::MlEnergy,
            },
            Self::VllmBench => Detected::VllmBench,
            Self::Guidellm => Detected::GuideLlm,
            Self::Aiperf => Detected::AiPerf,
            Self::Inferencex => Detected::InferenceX,
            Self::LlmD => Detected::LlmD,
            Self::TrtllmBench => Detected::TrtLlm,
            Self::NvidiaSmi => Detected::NvidiaSmi,
            Self::AmdSmi => Detected::AmdSmi,
            Self::Zeus => Detected::Zeus,
            Self::Codecarbon => Detected::CodeCarbon,
            Self::Csv => Detected::Csv,
            Self::Jsonl => Detected::JsonLines,
        }
    }
}

impl Import {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failure> {
        #[cfg(feature = "measure")]
        if let Some(Remote::Prometheus(prometheus)) = &self.remote {
            return prometheus.run(context);
        }
        let path = self.path.as_deref().expect("clap requires a path where no subcommand is given");
        let map = self.map.as_deref().map(Map::read).transpose()?;
        let options = Options {
            map: map.as_ref(),
            given: Given::parse(&self.set)?,
            window: self.window.as_deref().map(Window::parse).transpose()?,
            power: self.power.as_deref(),
            zone: self.zone.as_deref().map(zone).transpose()?,
        };
        let format = match self.format {
            Some(format) => format.at(path),
            None => detect(path)?,
        };
        let store = Store::new(import(format, path, &options)?)?;
        if !self.inspect {
            complete(format, &store.sweeps)?;
        }
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
