//! `joules plan`: the best deployments for a demand under limits.

use std::path::{Path, PathBuf};

use clap::Args;

use super::options::{ModelSource, Output, RunSource, Work};
use super::{Context, Failure, Outcome};
use crate::fit::Fitted;
use crate::plan::{At, Pair, Question, Said, Written, WrittenService, plan, read};
use crate::report::plan::{document, json};
use crate::runs::{Run, read_text};

/// Plan the best deployments for a demand, within limits on latency, power, GPUs and energy
///
/// PLAN.toml says the same as the options, by the same names (data/plan.example.toml shows all of them), and may have
/// several services. A smallest plan has a model, a task and a demand. Without a demand, the largest service that the GPUs
/// and the power budget can carry is planned. Exit code 3 if no plan keeps all limits.
#[derive(Args, Debug)]
pub(super) struct Plan {
    /// File of the plan; options for the whole site replace what it says
    #[arg(value_name = "PLAN.toml")]
    file: Option<PathBuf>,
    /// Model to serve, as its checkpoint is called [repeatable: the best of them]
    #[arg(long, value_name = "NAME", conflicts_with = "file", value_delimiter = ',')]
    model: Vec<String>,
    /// What it is asked to do: gpqa, lm-arena-chat, text-to-image …
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    task: Option<String>,
    /// What it must serve: '20000 tokens/s', '30 requests/s', '2 images/s', or a CSV with time [h],demand [tokens/s]
    #[arg(long, value_name = "RATE", conflicts_with = "file", allow_hyphen_values = true)]
    demand: Option<String>,
    /// The most of a metric, such as `itl_p50=50ms` or `energy_per_token=0.5J` [repeatable]
    #[arg(long, value_name = "METRIC=MOST", conflicts_with = "file", value_delimiter = ',')]
    limit: Vec<String>,
    /// Search over a condition, such as `gpus=1,2,4`, `batch_size=8..512` or `precision=bf16,fp8` [repeatable; default: 1 to 8
    /// GPUs, batches of 8 to 4096, the checkpoint's own precision]
    #[arg(long, value_name = "NAME=VALUES", conflicts_with = "file")]
    set: Vec<String>,
    /// GPU type that may be used, with its count: H100=16, or H100 for as many as needed [repeatable; default: the types
    /// that were measured]
    #[arg(long, value_name = "TYPE=COUNT", value_delimiter = ',')]
    gpu: Vec<String>,
    /// Price of a GPU, such as 'H100=2.5 USD/h' [repeatable]
    #[arg(long, value_name = "TYPE=PRICE", value_delimiter = ',')]
    gpu_price: Vec<String>,
    /// The most power that the site may take, such as 20kW
    #[arg(long, value_name = "POWER", allow_hyphen_values = true)]
    power_budget: Option<String>,
    /// Power of the site over that of its GPUs [default: 1]
    #[arg(long, value_name = "RATIO", allow_hyphen_values = true)]
    pue: Option<String>,
    /// Price of electricity, such as '0.12 USD/kWh'
    #[arg(long, value_name = "PRICE", allow_hyphen_values = true)]
    electricity_price: Option<String>,
    /// Carbon of electricity, such as '350 g/kWh'
    #[arg(long, value_name = "INTENSITY", allow_hyphen_values = true)]
    carbon_intensity: Option<String>,
    /// What is to be best: energy, cost, carbon, gpus, latency or throughput [default: energy; throughput without a demand]
    #[arg(long, value_name = "GOAL")]
    goal: Option<String>,
    /// Confidence at which every limit must hold, such as 90%
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    robust: Option<String>,
    /// A measured run: its outcomes correct what is like it [repeatable]
    #[arg(long, value_name = "RUN")]
    given: Vec<String>,
    #[command(flatten)]
    source: RunSource,
    /// Model of the equations: a file, or the name of a shipped one [default: the shipped ones]
    #[arg(long, value_name = "FILE")]
    equations: Option<String>,
    /// Fitted parameters, made by `joules fit` [default: those inside the binary]
    #[arg(long, value_name = "FILE")]
    fitted: Option<PathBuf>,
    #[command(flatten)]
    work: Work,
    #[command(flatten)]
    output: Output,
}

impl Plan {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failure> {
        let models = ModelSource { model: self.equations.clone(), fitted: self.fitted.clone() }.all_fitted(context)?;
        let question = self.question(context, &models)?;
        let given = if self.given.is_empty() { Vec::new() } else { self.given()? };
        let answer = plan(question, &models, &context.catalog, &given)?;
        let used: Vec<&Fitted> = answer.question.services.iter().map(|own| &models[own.fitted]).take(1).collect();
        self.output.answer(context, &context.signed(document(&answer), &used), || json(&answer))?;
        Ok(if answer.deployments.is_empty() { Outcome::Exceeded } else { Outcome::Answered })
    }

    fn given(&self) -> Result<Vec<Run>, Failure> {
        let store = self.source.store()?;
        self.given.iter().map(|text| Ok(store.find(text)?.into_owned())).collect()
    }

    fn question(&self, context: &Context, models: &[Fitted]) -> Result<Question, Failure> {
        let mut written = match &self.file {
            None => Written { services: vec![self.service()], ..Written::default() },
            Some(path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                Written::parse(&name, &read_text(path)?)
            }
        };
        self.add_site(&mut written);
        let folder = self.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let open = |name: &str| read_text(&folder.join(name));
        Ok(read(&written, models, &context.catalog, &open)?)
    }

    /// The one service that the options say.
    fn service(&self) -> WrittenService {
        let said = |option: &'static str, text: &String| Said { text: text.clone(), at: At::Option(option) };
        let mut service = WrittenService::default();
        for (key, option, text) in [("task", "--task", &self.task), ("demand", "--demand", &self.demand)] {
            if let Some(text) = text {
                service.said.insert(key.to_owned(), said(option, text));
            }
        }
        service.model = self.model.iter().map(|text| said("--model", text)).collect();
        service.limit = pairs("--limit", &self.limit);
        service.set = pairs("--set", &self.set);
        service
    }

    /// What the options say for the whole site.
    fn add_site(&self, written: &mut Written) {
        let said = [
            ("goal", "--goal", &self.goal),
            ("robust", "--robust", &self.robust),
            ("power_budget", "--power-budget", &self.power_budget),
            ("pue", "--pue", &self.pue),
            ("electricity_price", "--electricity-price", &self.electricity_price),
            ("carbon_intensity", "--carbon-intensity", &self.carbon_intensity),
        ];
        for (key, option, text) in said {
            if let Some(text) = text {
                written.said.insert(key.to_owned(), Said { text: text.clone(), at: At::Option(option) });
            }
        }
        if !self.gpu.is_empty() {
            written.gpu = pairs("--gpu", &self.gpu);
        }
        if !self.gpu_price.is_empty() {
            written.gpu_price = pairs("--gpu-price", &self.gpu_price);
        }
    }
}

/// `name=value`; a name alone has an empty value.
fn pairs(option: &'static str, texts: &[String]) -> Vec<Pair> {
    let said = |text: &str| Said { text: text.trim().to_owned(), at: At::Option(option) };
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').unwrap_or((text.as_str(), ""));
        Pair { name: said(name), value: said(value) }
    };
    texts.iter().map(pair).collect()
}
