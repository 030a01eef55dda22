//! Candidates: every configuration of every service, predicted at its steady state.

use std::collections::BTreeMap;

use super::amounts::Item;
use super::error::PlanError;
use super::estimate::Estimate;
use super::question::{Demand, Question, Service};
use crate::catalog::Catalog;
use crate::fit::Fitted;
use crate::predict::{Answer, propose};
use crate::runs::{Axis, Run, Value, expand, set};
use crate::unit::Dimension;

/// GPUs of a replica where nothing else is said.
const GPUS: [f64; 4] = [1.0, 2.0, 4.0, 8.0];
/// Batch sizes of language models where nothing else is said: doublings from 8 to 4096 and what lies between.
const TOKEN_BATCHES: [f64; 19] = [
    8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0, 192.0, 256.0, 384.0, 512.0, 768.0, 1024.0, 1536.0, 2048.0,
    3072.0, 4096.0,
];
/// Batch sizes of images and videos.
const ITEM_BATCHES: [f64; 10] = [1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0];
/// Latencies that a service is told by, the first that its model has.
const LATENCIES: [&str; 2] = ["itl_p50", "batch_latency"];

/// One configuration of one service.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Index of the service.
    pub service: usize,
    /// Index of the GPU type.
    pub gpu: usize,
    /// GPUs of one replica.
    pub gpus: usize,
    /// Its conditions.
    pub run: Run,
    /// What kind of question it is against what was measured.
    pub support: String,
    /// What one replica makes per second.
    pub throughput: Estimate,
    /// W of all GPUs of one replica.
    pub power: Estimate,
    /// J of one item (token, image, video).
    pub energy: Estimate,
    /// Items of one request.
    pub per_request: f64,
    /// Metrics of [`Shape::metrics`].
    pub metrics: Vec<Option<Estimate>>,
}

impl Candidate {
    /// What tells it from others of the same arrangement: all conditions but `batch_size`.
    pub(super) fn arrangement(&self) -> (usize, Vec<(&str, String)>) {
        let own = self.run.conditions.iter().filter(|(name, _)| *name != "batch_size");
        (self.service, own.map(|(name, value)| (name.as_str(), value.to_string())).collect())
    }
}

/// What the metrics of a service are.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Every metric that is a time or an energy, with its SI unit, in the order of the model.
    pub metrics: Vec<(String, String)>,
    /// Index of the latency that the service is told by.
    pub latency: Option<usize>,
    /// The metric of the energy of one item.
    pub energy: String,
    /// Place in `metrics` of each limit.
    pub limited: Vec<usize>,
}

/// All candidates, those that cannot run, and what became of the rest.
#[derive(Clone, Debug)]
pub(super) struct Candidates {
    pub(super) list: Vec<Candidate>,
    /// Those that break a constraint of the model, with its name: predicted as if they ran.
    pub(super) broken: Vec<(Candidate, String)>,
    pub(super) shapes: Vec<Shape>,
    /// How many were refused for which reason before they could be limited by anything else.
    pub(super) rejected: BTreeMap<String, usize>,
    pub(super) considered: usize,
}

/// Predicts every candidate.
pub(super) fn candidates(
    question: &Question,
    models: &[Fitted],
    catalog: &Catalog,
    given: &[Run],
) -> Result<Candidates, PlanError> {
    let shapes = question.services.iter().map(|own| shape(own, &models[own.fitted])).collect();
    let mut found =
        Candidates { list: Vec::new(), broken: Vec::new(), shapes, rejected: BTreeMap::new(), considered: 0 };
    for (index, service) in question.services.iter().enumerate() {
        let fitted = &models[service.fitted];
        let anchors: Vec<Run> = given.iter().filter(|run| fitted.model.takes_run(run)).cloned().collect();
        for (gpu, own) in question.gpus.iter().enumerate() {
            let mut runs = Vec::new();
            for model in &service.models {
                for run in expand(&base(service, model, &own.name, catalog), &all_axes(service))? {
                    found.considered += 1;
                    match refusal(&run, own.count, catalog) {
                        Some(reason) => *found.rejected.entry(reason).or_insert(0) += 1,
                        None => runs.push(run),
                    }
                }
            }
            let answers = propose(fitted, catalog, &runs, &anchors, "batch_size")?;
            for (run, answer) in runs.into_iter().zip(answers) {
                found.take(service, index, gpu, run, &answer);
            }
        }
    }
    Ok(found)
}

impl Candidates {
    fn take(&mut self, service: &Service, index: usize, gpu: usize, run: Run, answer: &Answer) {
        let Some(candidate) = candidate(service, index, gpu, run, answer, &self.shapes[index]) else {
            *self.rejected.entry("no prediction".to_owned()).or_insert(0) += 1;
            return;
        };
        match answer.broken.first() {
            Some(constraint) => {
                let reason = format!("does not fit: `{constraint}`");
                *self.rejected.entry(reason).or_insert(0) += 1;
                self.broken.push((candidate, constraint.clone()));
            }
            None => self.list.push(candidate),
        }
    }
}

fn candidate(
    service: &Service,
    index: usize,
    gpu: usize,
    run: Run,
    answer: &Answer,
    shape: &Shape,
) -> Option<Candidate> {
    let estimate = |name: &str| {
        let metric = answer.metric(name)?;
        Estimate::new(metric.predicted, metric.interval)
    };
    let energy = estimate(&shape.energy)?;
    let in_requests = match &service.demand {
        Demand::Constant(rate) => rate.item == Item::Request,
        Demand::Curve(_, item) => *item == Item::Request,
        Demand::Open => false,
    };
    let per_request = match estimate("energy_per_response") {
        Some(response) if in_requests => response.value / energy.value,
        _ => 1.0,
    };
    Some(Candidate {
        service: index,
        gpu,
        gpus: run.number("gpus")? as usize,
        support: answer.support.clone(),
        throughput: estimate("throughput")?,
        power: estimate("power")?,
        energy,
        per_request,
        metrics: shape.metrics.iter().map(|(name, _)| estimate(name)).collect(),
        run,
    })
}

fn shape(service: &Service, fitted: &Fitted) -> Shape {
    let conditions = [("task".to_owned(), Value::Name(service.task.clone()))].into();
    let run = Run { conditions, ..Run::default() };
    let told = [Dimension::TIME, Dimension::ENERGY];
    let metrics: Vec<(String, String)> = fitted
        .model
        .metrics()
        .filter(|node| node.is_of(&run) && told.contains(&node.unit.dimension))
        .map(|node| (node.name.clone(), node.unit.label.clone()))
        .collect();
    let place = |name: &str| metrics.iter().position(|(own, _)| own == name);
    let is_time = |name: &str| place(name).filter(|&place| metrics[place].1 == "s");
    let limits = service.limits.iter().map(|limit| limit.metric.as_str());
    let latency = limits.chain(LATENCIES).find_map(is_time);
    let limited = service.limits.iter().filter_map(|limit| place(&limit.metric)).collect();
    Shape { latency, energy: fitted.model.default_metric_of(&run).to_owned(), limited, metrics }
}

/// What all candidates of a service, a model and a GPU type have in common.
fn base(service: &Service, model: &str, gpu: &str, catalog: &Catalog) -> Run {
    let mut run = Run::default();
    let name = |text: &str| Value::Name(text.to_owned());
    set(&mut run, "task", name(&service.task));
    // A checkpoint that the catalog has under its whole name keeps it.
    if catalog.contains("architecture", &[model]) {
        run.conditions.insert("model".to_owned(), name(model));
    } else {
        set(&mut run, "model", name(model));
    }
    if !run.conditions.contains_key("precision") {
        let native = catalog.get("architecture", &[model], "native_precision");
        if let Some(native) = native.as_ref().and_then(|value| value.name()) {
            run.conditions.insert("precision".to_owned(), name(native));
        }
    }
    run.conditions.insert("gpu".to_owned(), name(gpu));
    run
}

/// The axes of a service with those that it leaves open.
fn all_axes(service: &Service) -> Vec<Axis> {
    let mut axes = Vec::new();
    let numbers = |values: &[f64]| values.iter().map(|value| Value::Number(*value)).collect::<Vec<Value>>();
    let has = |name: &str| service.axes.iter().any(|(own, _)| own == name);
    // A count of GPUs takes back degrees, so that it comes before them.
    match service.axes.iter().find(|(own, _)| own == "gpus") {
        Some(own) => axes.push(own.clone()),
        None => axes.push(("gpus".to_owned(), numbers(&GPUS))),
    }
    axes.extend(service.axes.iter().filter(|(own, _)| own != "gpus").cloned());
    if !has("batch_size") {
        let batches: &[f64] = if service.item == Item::Token { &TOKEN_BATCHES } else { &ITEM_BATCHES };
        axes.push(("batch_size".to_owned(), numbers(batches)));
    }
    axes
}

/// Why a configuration cannot run, as far as that is known without a prediction.
fn refusal(run: &Run, count: Option<usize>, catalog: &Catalog) -> Option<String> {
    let gpu = run.name("gpu")?;
    let model = run.name("model")?;
    let gpus = run.number("gpus")?;
    if count.is_some_and(|count| gpus > count as f64) {
        return Some(format!("one replica needs more `{gpu}` than are given"));
    }
    if let Some(precision) = run.name("precision") {
        let arithmetic = catalog.get("precision", &[model, precision], "arithmetic");
        let units = arithmetic.as_ref().and_then(|value| value.name()).map(|name| format!("peak_flops_{name}"));
        if units.is_some_and(|units| catalog.get("gpu", &[gpu], &units).is_none()) {
            return Some(format!("`{gpu}` has no units for `{precision}`"));
        }
    }
    let data = run.number("data_parallel").unwrap_or(1.0);
    let tensor = gpus / data;
    let heads = catalog.get("architecture", &[model], "heads").and_then(|value| value.number());
    let splits = |whole: f64| whole % tensor == 0.0;
    if tensor.fract() != 0.0 || heads.is_some_and(|heads| !splits(heads)) {
        return Some("the attention heads cannot be divided over so many GPUs".to_owned());
    }
    None
}
