//! `joules import prometheus`: two windows of telemetry become two runs.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Context, Failure, Outcome};
use crate::measure::Clock;
use crate::measure::http::{Blocking, HttpError, Options, Url};
use crate::measure::prometheus::{Api, PrometheusError, Question, Side, import};
use crate::report::{prometheus, render};
use crate::runs::{RunsError, Store};

/// Turn two windows of production telemetry into two runs
///
/// Reads what a Prometheus server recorded of an inference server (vLLM, `SGLang`, TensorRT-LLM, TGI) and of its GPUs
/// (dcgm-exporter, Zeus). What the telemetry cannot tell is given with --set: it says what a diagnosis needs.
///
/// In a window of at least 120 scrapes whose load varies, energy is split by what it was spent on: prompt tokens, output
/// tokens, and the power that grew with neither, each with a 90 % interval.
#[derive(Args, Debug)]
pub(super) struct ImportPrometheus {
    /// Address of the Prometheus server
    #[arg(long, value_name = "URL")]
    url: String,
    /// First window: 2026-11-20T10:00..10:30 (local time, or with Z, an offset or [Zone]), -2h..-1h, or Unix seconds
    #[arg(long, value_name = "FROM..TO", allow_hyphen_values = true)]
    a: String,
    /// Second window
    #[arg(long, value_name = "FROM..TO", allow_hyphen_values = true)]
    b: String,
    /// Which server's metrics: matchers such as `model_name="m",job="vllm"`
    #[arg(long, value_name = "MATCHERS", default_value = "")]
    selector: String,
    /// Which GPUs' metrics: those that the server runs on, such as `Hostname="h"`
    #[arg(long, value_name = "MATCHERS", default_value = "")]
    gpu_selector: String,
    /// A condition of both runs that telemetry does not tell, such as `batch_size=256` [repeatable]
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// A condition of the first run [repeatable]
    #[arg(long, value_name = "NAME=VALUE")]
    set_a: Vec<String>,
    /// A condition of the second run [repeatable]
    #[arg(long, value_name = "NAME=VALUE")]
    set_b: Vec<String>,
    /// Id of the first run
    #[arg(long, value_name = "ID", default_value = "a")]
    id_a: String,
    /// Id of the second run
    #[arg(long, value_name = "ID", default_value = "b")]
    id_b: String,
    /// Name of the sweep that holds both
    #[arg(long, value_name = "NAME", default_value = "prometheus")]
    name: String,
    /// Store folder for the runs; a sweep of the same name is replaced
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Environment variable that holds a bearer token for the server
    #[arg(long, value_name = "NAME")]
    key_env: Option<String>,
    /// Longest time that one query may take, s
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
}

impl ImportPrometheus {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failure> {
        let (question, clock) = (self.question(), Clock::start());
        question.check(clock.unix(clock.now())).map_err(Box::new)?;
        if self.out.exists() && !self.out.is_dir() {
            let source = std::io::ErrorKind::NotADirectory.into();
            return Err(RunsError::Write { path: self.out.clone(), source }.into());
        }
        let key = self.key_env.as_ref().map(|name| key(name)).transpose()?;
        let failed = |error: HttpError| Box::new(PrometheusError::from(error));
        let url = Url::parse(&self.url).map_err(failed)?;
        let client = Blocking::new(Options { key, ..Options::default() }).map_err(failed)?;
        let limit = Duration::from_secs(self.timeout);
        let ask = |path: &str, form: &[(&str, &str)]| {
            let to = url.join(path);
            // Queries grow longer than the addresses that a proxy takes.
            let answer = match path {
                "/api/v1/query" => client.post_form(&to, form, limit)?,
                _ => client.get(&to.with_query(form), limit)?,
            };
            Ok((answer.status, answer.text().into_owned()))
        };
        let mut api = Api::new(self.url.clone(), ask);
        let found = import(&mut api, &question, &context.catalog, &clock).map_err(Box::new)?;
        let document = prometheus::imported(&found, &self.out);
        Store::new(vec![found.sweep])?.write(&self.out)?;
        context.write(&render::text(&document, &context.style(None)), None)?;
        Ok(Outcome::Answered)
    }

    fn question(&self) -> Question {
        let side =
            |id: &str, span: &str, set: &[String]| Side { id: id.to_owned(), span: span.to_owned(), set: set.to_vec() };
        Question {
            name: self.name.clone(),
            url: self.url.clone(),
            selector: self.selector.clone(),
            gpu_selector: self.gpu_selector.clone(),
            set: self.set.clone(),
            sides: [side(&self.id_a, &self.a, &self.set_a), side(&self.id_b, &self.b, &self.set_b)],
            zone: Some(jiff::tz::TimeZone::system()),
        }
    }
}

/// The key of a variable.
fn key(name: &str) -> Result<String, Failure> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    value.ok_or_else(|| Failure::NoKey { name: name.to_owned() })
}
