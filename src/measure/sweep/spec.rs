//! What a sweep is: its points, how each is brought about, and how it is measured.

use std::collections::BTreeMap;

use super::curve::{Added, Curve};
use super::template::{Values, fill};

/// A sweep, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The name of its files, and what its run ids begin with.
    pub name: String,
    /// Seed of the order and of the prompts.
    pub seed: u64,
    /// How often each point is measured; at least 1.
    pub replicates: usize,
    /// Seconds after which no further point is begun.
    pub budget: Option<f64>,
    /// Values that pick the point of each block which is measured first and last.
    pub anchor: Values,
    /// Seconds of rest before each point; where `cool_to` is given, at most these.
    pub cooldown: f64,
    /// Temperature in K that a GPU must have fallen to before a point.
    pub cool_to: Option<f64>,
    /// The points: those of the file in its order, then those chosen for adaptive knobs.
    pub points: Vec<Point>,
    /// How many points the file gives.
    pub first: usize,
    /// What adaptive knobs are chosen for.
    pub curves: Vec<Curve>,
    pub(super) added: Vec<Added>,
    /// The server, if there is one.
    pub server: Option<Server>,
    /// Load on the server; its values are templates.
    pub load: Option<BTreeMap<String, String>>,
    /// When a point has been measured long enough.
    pub steady: Steady,
    /// What is measured instead of a load on a server.
    pub command: Option<Command>,
    /// Idle baselines.
    pub baseline: Baseline,
    /// How the work is handed to Slurm.
    pub slurm: Slurm,
    /// The file, as written.
    pub text: String,
}

/// One configuration to measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// What varies: `precision=fp8,concurrency=8`.
    pub id: String,
    /// Every placeholder: knobs, constants, variables.
    pub values: Values,
}

/// An inference server; texts are templates.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// The command that starts it; empty where it runs already.
    pub argv: Vec<String>,
    /// Further arguments, under conditions.
    pub arguments: Vec<Conditional>,
    /// Variables of its environment.
    pub env: BTreeMap<String, String>,
    /// Its working folder.
    pub cwd: Option<String>,
    /// Where it listens: `http://127.0.0.1:8000`.
    pub url: String,
    /// Path that answers 200 when it is ready.
    pub health: String,
    /// Path of its metrics; none if it has none.
    pub metrics: Option<String>,
    /// Seconds until it must be healthy.
    pub start_timeout: f64,
    /// The command that stops it; empty for a signal to it and all that it has started.
    pub stop: Vec<String>,
    /// Seconds after which a stopping server is killed.
    pub stop_timeout: f64,
}

/// Arguments that are added where the values of a point are these.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditional {
    /// Name and value.
    pub when: BTreeMap<String, String>,
    /// What is added.
    pub add: Vec<String>,
}

/// A command to be measured; texts are templates.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Variables of its environment.
    pub env: BTreeMap<String, String>,
    /// Its working folder.
    pub cwd: Option<String>,
    /// Seconds after which it is stopped, and its point has failed.
    pub timeout: f64,
    /// What it makes: `token`, `image`, `video`.
    pub item: Option<String>,
    /// How many it makes.
    pub items: Option<String>,
    /// Seconds that it must have taken to count; short commands are measured all the same, and marked.
    pub least: f64,
}

/// When a point has been measured long enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steady {
    /// Seconds of the shortest window.
    pub min_window: f64,
    /// Half-width of the interval of the energy per token, as a share of it.
    pub precision: f64,
    /// Seconds of load after which a point ends in any case.
    pub max_time: f64,
    /// Seconds of load before a window may begin.
    pub settle: f64,
    /// Seconds without a token after which a point is given up.
    pub stagnation: f64,
}

/// Idle baselines, in seconds each; 0 for none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Baseline {
    /// Before a server is started.
    pub no_context: f64,
    /// With the server loaded and idle.
    pub loaded: f64,
    /// Seconds of silence before each.
    pub settle: f64,
}

/// How the work is handed to Slurm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slurm {
    /// Options of `sbatch`: `partition`, `gres`, `time` …
    pub options: Vec<(String, String)>,
    /// Tasks at once.
    pub at_once: Option<usize>,
    /// Further lines of the head of the script, each beginning with `#SBATCH`.
    pub extra: Vec<String>,
    /// Lines of shell that a task begins with.
    pub setup: Vec<String>,
    /// The program; `joules` as it was called, by default.
    pub joules: Option<String>,
}

/// A process to start, its templates filled.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Launch {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Variables of its environment.
    pub env: BTreeMap<String, String>,
    /// Its working folder.
    pub cwd: Option<String>,
}

impl Server {
    /// The process for a point; points of the same launch share a server.
    pub(super) fn launch(&self, values: &Values) -> Result<Launch, String> {
        let mut argv = fill_all(&self.argv, values)?;
        for own in &self.arguments {
            let holds = |(name, expected): (&String, &String)| {
                values.get(name).is_some_and(|value| value.to_string() == *expected)
            };
            if own.when.iter().all(holds) {
                argv.extend(fill_all(&own.add, values)?);
            }
        }
        launch(argv, &self.env, self.cwd.as_deref(), values)
    }

    /// The command that stops it.
    pub(super) fn stopping(&self, values: &Values) -> Result<Option<Launch>, String> {
        if self.stop.is_empty() {
            return Ok(None);
        }
        launch(fill_all(&self.stop, values)?, &self.env, self.cwd.as_deref(), values).map(Some)
    }
}

impl Command {
    /// The process for a point.
    pub(super) fn launch(&self, values: &Values) -> Result<Launch, String> {
        launch(fill_all(&self.argv, values)?, &self.env, self.cwd.as_deref(), values)
    }

    /// How many items it makes at a point.
    pub(super) fn count(&self, values: &Values) -> Result<Option<f64>, String> {
        let Some(items) = &self.items else { return Ok(None) };
        let text = fill(items, values)?;
        match text.trim().parse::<f64>() {
            Ok(count) if count > 0.0 && count.is_finite() => Ok(Some(count)),
            _ => Err(format!("`items`: `{text}` is no number above zero")),
        }
    }
}

fn launch(
    argv: Vec<String>,
    env: &BTreeMap<String, String>,
    cwd: Option<&str>,
    values: &Values,
) -> Result<Launch, String> {
    let filled = |(name, text): (&String, &String)| Ok((name.clone(), fill(text, values)?));
    let env = env.iter().map(filled).collect::<Result<_, String>>()?;
    let cwd = cwd.map(|text| fill(text, values)).transpose()?;
    Ok(Launch { argv, env, cwd })
}

fn fill_all(texts: &[String], values: &Values) -> Result<Vec<String>, String> {
    texts.iter().map(|text| fill(text, values)).collect()
}
