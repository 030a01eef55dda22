//! A run as a study compares it.

use std::fmt::Write as _;

use crate::catalog::Catalog;
use crate::model::canonical;
use crate::runs::{Run, Value};

/// What a run makes, and from what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Tokens from text.
    Text,
    /// Tokens from images or videos.
    Multimodal,
    /// Images.
    Image,
    /// Videos.
    Video,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Multimodal => "multimodal",
            Self::Image => "image",
            Self::Video => "video",
        }
    }

    /// Whether tokens are made.
    pub(super) fn is_language(self) -> bool {
        matches!(self, Self::Text | Self::Multimodal)
    }
}

/// How a model is built, as far as a study cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Build {
    Dense,
    MixtureOfExperts,
    Other,
}

/// A run with what it is compared by.
#[derive(Clone, Debug)]
pub(super) struct Row<'a> {
    pub(super) run: &'a Run,
    pub(super) kind: Kind,
    /// The task; with the lengths or the setting where these were set.
    pub(super) workload: String,
    pub(super) task: String,
    /// `image` or `video` for multimodal tasks.
    pub(super) modality: String,
    pub(super) model: String,
    pub(super) precision: String,
    pub(super) gpu: String,
    pub(super) gpus: u64,
    /// Requests that may run at once, or items of a batch.
    pub(super) batch: u64,
    /// J per item of work.
    pub(super) energy: f64,
    /// The metric that `energy` is.
    pub(super) metric: String,
    /// Median time between tokens, or time of a batch, s.
    pub(super) latency: Option<f64>,
    pub(super) power: Option<f64>,
    pub(super) throughput: Option<f64>,
    pub(super) output_tokens: Option<f64>,
    /// J.
    pub(super) energy_per_response: Option<f64>,
    pub(super) total_params: Option<f64>,
    pub(super) active_params: Option<f64>,
    pub(super) build: Build,
    /// Data parallelism of attention, sequence-parallel degrees, degrees that were set by hand.
    pub(super) parallel: String,
    pub(super) ulysses: Option<u64>,
    pub(super) ring: Option<u64>,
    /// Every other condition: software, clocks, memory.
    pub(super) rest: String,
    /// The machine, where it is recorded.
    pub(super) unit: String,
}

/// Conditions that have a place of their own in a row, or that a task brings about rather than a person.
const OWN: [&str; 20] = [
    "task",
    "modality",
    "prompt_tokens",
    "output_tokens",
    "output_tokens_dispersion",
    "request_repeats",
    "model",
    "checkpoint",
    "precision",
    "gpu",
    "gpu_unit",
    "gpus",
    "batch_size",
    "concurrency",
    "steps",
    "height",
    "width",
    "frames",
    "tensor_parallel",
    "expert_parallel",
];
/// Ways of dividing the work of one number of GPUs.
const PARALLEL: [&str; 5] = ["data_parallel", "tensor_parallel", "expert_parallel", "ulysses", "ring"];

/// Why a run is no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LeftOut {
    /// It measured no energy per item.
    NoEnergy,
    /// Requests come at a rate: no batch was set.
    OpenLoop,
    /// A condition that all comparisons need is not recorded.
    Incomplete,
}

/// The row of a run. `metric` is compared instead of the energy per token, image or video.
pub(super) fn row<'a>(run: &'a Run, catalog: &Catalog, metric: Option<&str>) -> Result<Row<'a>, LeftOut> {
    let (metric, energy) = energy(run, metric).ok_or(LeftOut::NoEnergy)?;
    if run.conditions.contains_key("request_rate") || run.conditions.contains_key("burst") {
        return Err(LeftOut::OpenLoop);
    }
    let own = canonical(run, catalog);
    let text = |name: &str| own.name(name).unwrap_or_default().to_owned();
    let count = |name: &str| own.number(name).map(|number| number.round() as u64);
    let batch = match (own.number("batch_size"), own.number("concurrency")) {
        (Some(most), Some(clients)) => Some(most.min(clients)),
        (most, clients) => most.or(clients),
    };
    let (Some(model), Some(gpu), Some(batch)) = (own.name("model"), own.name("gpu"), batch) else {
        return Err(LeftOut::Incomplete);
    };
    let output_tokens = own.number("output_tokens");
    let is_per_token = metric == "energy_per_token";
    let of_tokens = output_tokens.filter(|_| is_per_token).map(|tokens| tokens * energy);
    let kind = kind(&own, catalog);
    let metrics = |name: &str| run.metrics.get(name).copied();
    Ok(Row {
        kind,
        workload: text("task"),
        task: text("task"),
        modality: text("modality"),
        model: model.to_owned(),
        precision: text("precision"),
        gpu: gpu.to_owned(),
        gpus: count("gpus").unwrap_or(1),
        batch: batch.round().max(1.0) as u64,
        energy,
        metric,
        latency: metrics(if kind.is_language() { "itl_p50" } else { "batch_latency" }),
        power: metrics("power"),
        throughput: metrics("throughput"),
        output_tokens,
        energy_per_response: metrics("energy_per_response").or(of_tokens),
        total_params: params(run, catalog, model, "total_params"),
        active_params: params(run, catalog, model, "active_params"),
        build: build(run, catalog, model),
        parallel: joined(&own, |name| PARALLEL.contains(&name)),
        ulysses: count("ulysses"),
        ring: count("ring"),
        rest: joined(&own, |name| !OWN.contains(&name) && !PARALLEL.contains(&name)),
        unit: text("gpu_unit"),
        run,
    })
}

/// The metric that is compared, and its value.
fn energy(run: &Run, metric: Option<&str>) -> Option<(String, f64)> {
    let usual = ["energy_per_token", "energy_per_image", "energy_per_video"];
    let found = match metric {
        Some(name) => Some(name),
        None => usual.into_iter().find(|name| run.metrics.contains_key(*name)),
    }?;
    run.metrics.get(found).filter(|energy| **energy > 0.0).map(|energy| (found.to_owned(), *energy))
}

fn kind(run: &Run, catalog: &Catalog) -> Kind {
    let output = run.name("task").and_then(|task| catalog.get("task", &[task], "output"));
    let makes = |what: &str, metric: &str| {
        run.metrics.contains_key(metric) || output.as_ref().and_then(|found| found.name()) == Some(what)
    };
    match run.name("modality") {
        _ if makes("images", "energy_per_image") => Kind::Image,
        _ if makes("videos", "energy_per_video") => Kind::Video,
        Some("image" | "video") => Kind::Multimodal,
        _ => Kind::Text,
    }
}

/// Parameters of a model as the source of the run counts them, else as the catalog does.
fn params(run: &Run, catalog: &Catalog, model: &str, which: &str) -> Option<f64> {
    let detail = if which == "total_params" { "total_params_billions" } else { "activated_params_billions" };
    let recorded = run.details.get(detail).and_then(|text| text.parse::<f64>().ok()).map(|billions| billions * 1e9);
    let recorded = recorded.filter(|count| count.is_finite() && *count > 0.0);
    let known = |name: &str| catalog.get("architecture", &[model], name).and_then(|value| value.number());
    recorded.or_else(|| known(&format!("published_{which}"))).or_else(|| known(which))
}

fn build(run: &Run, catalog: &Catalog, model: &str) -> Build {
    let known = catalog.get("architecture", &[model], "kind");
    let known = known.as_ref().and_then(|kind| kind.name());
    match run.details.get("architecture").map(String::as_str).or(known) {
        Some("MoE" | "moe") => Build::MixtureOfExperts,
        Some("Dense Transformer" | "dense") => Build::Dense,
        _ => Build::Other,
    }
}

/// Conditions as one text, in the order of their names.
fn joined(run: &Run, wanted: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    for (name, value) in run.conditions.iter().filter(|(name, _)| wanted(name)) {
        // A degree of one is what is meant where none is recorded.
        if !(PARALLEL.contains(&name.as_str()) && *value == Value::Number(1.0)) {
            let _ = write!(text, "{name}={value};");
        }
    }
    text
}

impl Row<'_> {
    /// Model and precision.
    pub(super) fn checkpoint(&self) -> String {
        [self.model.as_str(), &self.precision].join(" ").trim_end().to_owned()
    }

    /// `2xH100`.
    pub(super) fn hardware(&self) -> String {
        format!("{}x{}", self.gpus, self.gpu)
    }

    /// Model, precision, GPUs.
    pub(super) fn configuration(&self) -> String {
        format!("{} {}", self.checkpoint(), self.hardware())
    }

    /// Whether this may be a row of the other's curve: all but the batch is equal, up to the machine.
    pub(super) fn is_on_curve_of(&self, other: &Self) -> bool {
        let key = |row: &Self| (row.gpus, row.gpu.clone(), row.parallel.clone(), row.rest.clone());
        key(self) == key(other) && self.checkpoint() == other.checkpoint() && self.workload == other.workload
    }
}
