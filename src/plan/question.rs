//! A plan, read and checked: what is asked, in SI.

use super::amounts::{Item, Rate};
use crate::runs::Axis;

/// What is to be least, or most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Least energy for the demand.
    Energy,
    /// Least money: GPU-hours and electricity.
    Cost,
    /// Least carbon dioxide.
    Carbon,
    /// Fewest GPUs.
    Gpus,
    /// Shortest latency.
    Latency,
    /// The largest demand that the limits can carry.
    Throughput,
}

impl Goal {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Energy, Self::Cost, Self::Carbon, Self::Gpus, Self::Latency, Self::Throughput];

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Energy => "energy",
            Self::Cost => "cost",
            Self::Carbon => "carbon",
            Self::Gpus => "gpus",
            Self::Latency => "latency",
            Self::Throughput => "throughput",
        }
    }
}

/// What a service is asked to serve.
#[derive(Clone, Debug, PartialEq)]
pub enum Demand {
    /// As much as the limits can carry.
    Open,
    /// The same all the time.
    Constant(Rate),
    /// By interval of [`Question::curve`], 1/s.
    Curve(Vec<f64>, Item),
}

/// A metric may not exceed a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// The metric.
    pub metric: String,
    /// The most, SI.
    pub most: f64,
    /// SI unit of the metric.
    pub unit: String,
}

/// One service.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its name in answers.
    pub name: String,
    /// Index of the fitted model that predicts it.
    pub fitted: usize,
    /// The models that may serve it.
    pub models: Vec<String>,
    /// The task.
    pub task: String,
    /// What it makes.
    pub item: Item,
    /// How much of it.
    pub demand: Demand,
    /// Limits that every replica keeps.
    pub limits: Vec<Limit>,
    /// Conditions to search over, besides model, task and GPU.
    pub axes: Vec<Axis>,
}

/// A GPU type that may be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Gpu {
    /// Its name.
    pub name: String,
    /// How many there are; none for as many as one likes.
    pub count: Option<usize>,
    /// Money per second of one GPU.
    pub price: Option<f64>,
}

/// The intervals of a demand that changes over the day.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// When each interval begins, s.
    pub starts: Vec<f64>,
    /// How long it lasts, s.
    pub durations: Vec<f64>,
    /// kg of CO2 equivalent per J, by interval.
    pub carbon_intensity: Option<Vec<f64>>,
    /// Money per J, by interval.
    pub electricity_price: Option<Vec<f64>>,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What is to be least or most.
    pub goal: Goal,
    /// Confidence at which every limit must hold; none for the expected values.
    pub robust: Option<f64>,
    /// The services, at least one.
    pub services: Vec<Service>,
    /// GPU types, at least one.
    pub gpus: Vec<Gpu>,
    /// W at the meter of the site.
    pub power_budget: Option<f64>,
    /// Power of the site over that of its GPUs, at least 1.
    pub pue: f64,
    /// Money per J.
    pub electricity_price: Option<f64>,
    /// kg of CO2 equivalent per J.
    pub carbon_intensity: Option<f64>,
    /// The label of all money.
    pub currency: Option<String>,
    /// Intervals, if a demand changes over the day.
    pub curve: Option<Curve>,
}
