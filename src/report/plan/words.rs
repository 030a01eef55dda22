//! The words of a plan: configurations, demands, limits, money.

use crate::notes::words;
use crate::plan::{Candidate, Cost, Curve, Demand, Goal, LimitOf, Plan, Question, Service};
use crate::unit::{percent, show, show_plain};

/// Seconds of an hour, joules of a kilowatt-hour, grams of a kilogram.
pub(super) const HOUR: f64 = 3600.0;
pub(super) const KILOWATT_HOUR: f64 = 3.6e6;
pub(super) const GRAMS: f64 = 1000.0;

/// `2 × H100, batch 256`, with what else differs among the candidates of its service.
pub(super) fn configuration(question: &Question, candidate: &Candidate) -> String {
    let service = &question.services[candidate.service];
    let mut parts = vec![format!("{} × {}", candidate.gpus, question.gpus[candidate.gpu].name)];
    if let Some(batch) = candidate.run.number("batch_size") {
        parts.push(format!("batch {batch}"));
    }
    if question.services.len() > 1 {
        parts.insert(0, service.name.clone());
    }
    if service.models.len() > 1 {
        let model = candidate.run.name("checkpoint").or_else(|| candidate.run.name("model"));
        parts.push(model.unwrap_or_default().to_owned());
    }
    for (name, values) in &service.axes {
        if values.len() > 1
            && !["gpus", "batch_size"].contains(&name.as_str())
            && let Some(value) = candidate.run.conditions.get(name)
        {
            parts.push(if name == "precision" { value.to_string() } else { format!("{} {value}", words(name)) });
        }
    }
    parts.join(", ")
}

/// What a service is asked for: `20000 tokens/s`.
pub(super) fn demand(service: &Service) -> String {
    match &service.demand {
        Demand::Open => "as much as can be".to_owned(),
        Demand::Constant(rate) => show(rate.value, &rate.item.rate_unit()),
        Demand::Curve(demand, item) => {
            let peak = demand.iter().copied().fold(0.0, f64::max);
            format!("a demand that peaks at {}", show(peak, &item.rate_unit()))
        }
    }
}

/// What the goal is, in words.
pub(super) fn goal(goal: Goal) -> &'static str {
    match goal {
        Goal::Energy => "the least energy",
        Goal::Cost => "the least cost",
        Goal::Carbon => "the least carbon",
        Goal::Gpus => "the fewest GPUs",
        Goal::Latency => "the shortest latency",
        Goal::Throughput => "the largest throughput",
    }
}

/// What a gain in the goal is, in words.
pub(super) fn gain(goal: Goal, share: f64) -> String {
    let share = percent(share);
    match goal {
        Goal::Energy => format!("saves {share} energy"),
        Goal::Cost => format!("saves {share} of the cost"),
        Goal::Carbon => format!("saves {share} carbon"),
        Goal::Gpus => format!("saves {share} of the GPUs"),
        Goal::Latency => format!("shortens the latency by {share}"),
        Goal::Throughput => format!("serves {share} more"),
    }
}

/// The name of a limit, as it is written in a plan.
pub(super) fn limit_name(plan: &Plan, limit: &LimitOf) -> String {
    match *limit {
        LimitOf::Metric { service, place } => plan.question.services[service].limits[place].metric.clone(),
        LimitOf::Gpus(gpu) => format!("gpu {}", plan.question.gpus[gpu].name),
        LimitOf::Power => "power_budget".to_owned(),
        LimitOf::Demand(_) => "demand".to_owned(),
        LimitOf::Robust => "robust".to_owned(),
        LimitOf::Memory { .. } => "memory".to_owned(),
    }
}

/// The service of a limit.
pub(super) fn limit_service(limit: &LimitOf) -> Option<usize> {
    match *limit {
        LimitOf::Metric { service, .. } | LimitOf::Demand(service) | LimitOf::Memory { service, .. } => Some(service),
        LimitOf::Gpus(_) | LimitOf::Power | LimitOf::Robust => None,
    }
}

/// A value of a limit, with its unit.
pub(super) fn limit_value(plan: &Plan, limit: &LimitOf, value: f64) -> String {
    match *limit {
        LimitOf::Metric { service, place } => show(value, &plan.question.services[service].limits[place].unit),
        LimitOf::Gpus(gpu) => format!("{value} {}", plan.question.gpus[gpu].name),
        LimitOf::Power => show(value, "W"),
        LimitOf::Demand(service) => show(value, &demand_unit(&plan.question.services[service])),
        LimitOf::Robust => format!("{} confidence", percent(value)),
        LimitOf::Memory { .. } => format!("batch {value}"),
    }
}

/// The unit of a service's demand.
pub(super) fn demand_unit(service: &Service) -> String {
    match &service.demand {
        Demand::Open => service.item.rate_unit(),
        Demand::Constant(rate) => rate.item.rate_unit(),
        Demand::Curve(_, item) => item.rate_unit(),
    }
}

/// `12.4 USD/h`, of which so much is electricity.
pub(super) fn cost(question: &Question, cost: &Cost) -> String {
    let currency = question.currency.as_deref().unwrap_or("");
    let total = format!("{} {currency}/h", show_plain(cost.total() * HOUR));
    if cost.gpus > 0.0 && cost.electricity > 0.0 {
        format!("{total}, of which electricity {}", show_plain(cost.electricity * HOUR))
    } else {
        total
    }
}

/// Kilograms as grams, kilograms or tonnes.
pub(super) fn mass(kilograms: f64) -> String {
    match kilograms {
        own if own >= 1000.0 => format!("{} t", show_plain(own / 1000.0)),
        own if own >= 1.0 => format!("{} kg", show_plain(own)),
        own => format!("{} g", show_plain(own * GRAMS)),
    }
}

/// Joules as a bill has them.
pub(super) fn kilowatt_hours(joules: f64) -> String {
    let value = joules / KILOWATT_HOUR;
    if value >= 1000.0 { format!("{} MWh", show_plain(value / 1000.0)) } else { format!("{} kWh", show_plain(value)) }
}

/// A share that is a probability: never quite sure, never quite impossible.
pub(super) fn probability(share: f64) -> String {
    match share {
        own if own > 0.999 => "> 99.9 %".to_owned(),
        own if own < 0.001 => "< 0.1 %".to_owned(),
        own if own > 0.99 => format!("{:.1} %", own * 100.0),
        own => percent(own),
    }
}

/// A time of the day: `06:30`.
pub(super) fn clock(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as i64;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// How long a curve is.
pub(super) fn span(curve: &Curve) -> f64 {
    curve.durations.iter().sum()
}
