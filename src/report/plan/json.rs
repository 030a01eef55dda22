//! A plan for programs.

use serde_json::{Map, Value as Json, json as object};

use super::words::{GRAMS, HOUR, KILOWATT_HOUR, demand_unit, limit_name, limit_service};
use crate::plan::{
    Binding, Candidate, Demand, Deployment, Estimate, FrontierPoint, Gpu, Interval, LimitOf, Part, Plan, Relaxation,
    Served, Totals,
};
use crate::runs::{Name, known, run_json};

/// `{"goal", "limits", "deployments": […], "frontier": […], "binding": […], "rejected": […], …}`. Quantities are SI, with the
/// unit in their names; money is per hour, carbon in grams.
pub fn json(plan: &Plan) -> Json {
    let question = &plan.question;
    let deployments: Vec<Json> = plan.deployments.iter().map(|own| deployment(plan, own)).collect();
    let rejected: Vec<Json> =
        plan.rejected.iter().map(|(reason, count)| object!({ "reason": reason, "count": count })).collect();
    object!({
        "goal": question.goal.name(),
        "limits": limits(plan),
        "feasible": !plan.deployments.is_empty(),
        "deployments": deployments,
        "frontier": plan.frontier.iter().map(|point| frontier(plan, point)).collect::<Vec<Json>>(),
        "binding": plan.binding.iter().map(|own| binding(plan, own)).collect::<Vec<Json>>(),
        "relaxations": plan.relaxations.iter().map(|own| relaxation(plan, own)).collect::<Vec<Json>>(),
        "infeasible_at_s": plan.infeasible_at,
        "intervals": plan.intervals.iter().map(|own| interval(plan, own)).collect::<Vec<Json>>(),
        "totals": plan.totals.as_ref().map(|own| totals(plan, own)),
        "considered": plan.considered,
        "rejected": rejected,
        "caveats": plan.caveats,
    })
}

/// The name of a metric with its unit.
fn column(name: &str, unit: &str) -> String {
    let suffix = match unit {
        "s" => "_s",
        "J" => "_j",
        _ => "",
    };
    known(name).map_or_else(|| format!("{name}{suffix}"), Name::column)
}

fn limits(plan: &Plan) -> Json {
    let question = &plan.question;
    let services: Vec<Json> = question
        .services
        .iter()
        .map(|own| {
            let most: Map<String, Json> =
                own.limits.iter().map(|limit| (column(&limit.metric, &limit.unit), object!(limit.most))).collect();
            let demand = match &own.demand {
                Demand::Open => Json::Null,
                Demand::Constant(rate) => object!(rate.value),
                Demand::Curve(demand, _) => object!(demand),
            };
            object!({
                "service": own.name, "models": own.models, "task": own.task, "demand": demand, "demand_unit": demand_unit(own),
                "most": most,
            })
        })
        .collect();
    let by_type = |value: &dyn Fn(&Gpu) -> Json| -> Json {
        Json::Object(question.gpus.iter().map(|own| (own.name.clone(), value(own))).collect())
    };
    object!({
        "services": services,
        "gpus": by_type(&|own| object!(own.count)),
        "gpu_price_per_h": by_type(&|own| object!(own.price.map(|price| price * HOUR))),
        "power_budget_w": question.power_budget,
        "pue": question.pue,
        "electricity_price_per_kwh": question.electricity_price.map(|price| price * KILOWATT_HOUR),
        "carbon_intensity_g_per_kwh": question.carbon_intensity.map(|own| own * KILOWATT_HOUR * GRAMS),
        "currency": question.currency,
        "robust": question.robust,
    })
}

fn configuration(candidate: &Candidate) -> Json {
    run_json(&candidate.run)["conditions"].clone()
}

/// Adds metrics by their names with units.
fn add_metrics(to: &mut Map<String, Json>, plan: &Plan, service: usize, metrics: &[Option<Estimate>]) {
    for ((name, unit), own) in plan.shapes[service].metrics.iter().zip(metrics) {
        if let (Some(own), "s") = (own, unit.as_str()) {
            to.insert(column(name, unit), object!(own.value));
        }
    }
}

fn deployment(plan: &Plan, own: &Deployment) -> Json {
    let question = &plan.question;
    let mut to = Map::new();
    let config = match own.parts.as_slice() {
        [only] => configuration(&only.candidate),
        _ => Json::Null,
    };
    to.insert("config".to_owned(), config);
    to.insert("replicas".to_owned(), object!(own.replicas()));
    to.insert("gpus".to_owned(), object!(own.all_gpus()));
    let types = question.gpus.iter().zip(&own.gpus).filter(|(_, count)| **count > 0);
    let by_type: Map<String, Json> = types.map(|(gpu, count)| (gpu.name.clone(), object!(count))).collect();
    to.insert("gpus_by_type".to_owned(), Json::Object(by_type));
    to.insert("power_w".to_owned(), object!(own.power.value));
    to.insert("site_power_w".to_owned(), object!(own.site_power.value));
    to.insert("site_power_interval".to_owned(), object!(own.site_power.interval()));
    if let [only] = own.served.as_slice() {
        to.extend(served(plan, only));
    }
    to.insert("cost".to_owned(), object!(own.cost.map(|cost| cost.total() * HOUR)));
    to.insert("cost_of_gpus".to_owned(), object!(own.cost.map(|cost| cost.gpus * HOUR)));
    to.insert("carbon_g_per_h".to_owned(), object!(own.carbon.map(|carbon| carbon * GRAMS * HOUR)));
    let held: Vec<Json> = own
        .held
        .iter()
        .map(|held| {
            let service = held.service.map(|service| &question.services[service].name);
            object!({ "limit": held.limit, "service": service, "probability": held.probability })
        })
        .collect();
    to.insert("holds".to_owned(), object!(held));
    to.insert("safe_at".to_owned(), object!(own.safe_at()));
    to.insert("all_hold_at_least".to_owned(), object!(own.all_hold_at_least()));
    to.insert("proven".to_owned(), object!(own.proven));
    let parts: Vec<Json> = own.parts.iter().map(|part| part_json(plan, part)).collect();
    to.insert("parts".to_owned(), object!(parts));
    if question.services.len() > 1 {
        let services: Vec<Json> = own.served.iter().map(|own| Json::Object(served(plan, own))).collect();
        to.insert("services".to_owned(), object!(services));
    }
    Json::Object(to)
}

fn part_json(plan: &Plan, part: &Part) -> Json {
    let own = &part.candidate;
    let shape = &plan.shapes[own.service];
    let mut to = Map::new();
    to.insert("service".to_owned(), object!(plan.question.services[own.service].name));
    to.insert("config".to_owned(), configuration(own));
    to.insert("replicas".to_owned(), object!(part.replicas));
    to.insert("gpus".to_owned(), object!(part.replicas * own.gpus));
    to.insert("power_w".to_owned(), object!(own.power.value * part.replicas as f64));
    to.insert("throughput".to_owned(), object!(own.throughput.value * part.replicas as f64));
    add_metrics(&mut to, plan, own.service, &own.metrics);
    to.insert(column(&shape.energy, "J"), object!(own.energy.value));
    to.insert("interval".to_owned(), object!(own.energy.interval()));
    to.insert("support".to_owned(), object!(own.support));
    Json::Object(to)
}

/// What a service gets; energy is for each item served.
fn served(plan: &Plan, own: &Served) -> Map<String, Json> {
    let service = &plan.question.services[own.service];
    let mut to = Map::new();
    to.insert("service".to_owned(), object!(service.name));
    to.insert("demand".to_owned(), object!(own.demand));
    to.insert("demand_unit".to_owned(), object!(demand_unit(service)));
    to.insert("supply".to_owned(), object!(own.supply.value));
    to.insert("headroom".to_owned(), object!(own.headroom()));
    to.insert("throughput".to_owned(), object!(own.throughput.value));
    to.insert("throughput_interval".to_owned(), object!(own.throughput.interval()));
    add_metrics(&mut to, plan, own.service, &own.metrics);
    to.insert(column(&plan.shapes[own.service].energy, "J"), object!(own.energy.value));
    to.insert("interval".to_owned(), object!(own.energy.interval()));
    to
}

fn frontier(plan: &Plan, own: &FrontierPoint) -> Json {
    let shape = &plan.shapes[own.candidate.service];
    let latency = shape.latency.map_or("latency", |place| shape.metrics[place].0.as_str());
    let mut to = Map::new();
    to.insert("service".to_owned(), object!(plan.question.services[own.candidate.service].name));
    to.insert("config".to_owned(), configuration(&own.candidate));
    to.insert("replicas".to_owned(), object!(own.replicas));
    to.insert("gpus".to_owned(), object!(own.replicas * own.candidate.gpus));
    to.insert("power_w".to_owned(), object!(own.power));
    to.insert(column(latency, "s"), object!(own.latency.value));
    to.insert(column(&shape.energy, "J"), object!(own.energy.value));
    to.insert("interval".to_owned(), object!(own.energy.interval()));
    to.insert("within_limits".to_owned(), object!(own.within));
    Json::Object(to)
}

/// The SI unit of a limit's values.
fn unit_of(plan: &Plan, limit: &LimitOf) -> String {
    match *limit {
        LimitOf::Metric { service, place } => plan.question.services[service].limits[place].unit.clone(),
        LimitOf::Gpus(_) => "GPUs".to_owned(),
        LimitOf::Power => "W".to_owned(),
        LimitOf::Demand(service) => demand_unit(&plan.question.services[service]),
        LimitOf::Robust => "1".to_owned(),
        LimitOf::Memory { .. } => "requests".to_owned(),
    }
}

fn binding(plan: &Plan, own: &Binding) -> Json {
    let service = limit_service(&own.limit).map(|service| &plan.question.services[service].name);
    let step = |step: Option<(f64, f64)>| step.map(|(value, gain)| object!({ "value": value, "gain": gain }));
    object!({
        "limit": limit_name(plan, &own.limit), "service": service, "unit": unit_of(plan, &own.limit), "value": own.value,
        "relaxed": step(own.relaxed), "next": step(own.next), "gain_without": own.without,
    })
}

fn relaxation(plan: &Plan, own: &Relaxation) -> Json {
    let service = limit_service(&own.limit).map(|service| &plan.question.services[service].name);
    object!({
        "limit": limit_name(plan, &own.limit), "service": service, "unit": unit_of(plan, &own.limit), "given": own.given,
        "needed": own.needed,
    })
}

fn interval(plan: &Plan, own: &Interval) -> Json {
    object!({ "start_s": own.start, "duration_s": own.duration, "deployment": deployment(plan, &own.deployment) })
}

fn totals(plan: &Plan, own: &Totals) -> Json {
    let by_type: Map<String, Json> =
        plan.question.gpus.iter().zip(&own.gpus).map(|(gpu, count)| (gpu.name.clone(), object!(count))).collect();
    object!({
        "duration_s": own.duration, "site_energy_j": own.energy, "gpus_by_type": by_type,
        "gpus": own.gpus.iter().sum::<usize>(), "cost": own.cost.map(|cost| cost.total()),
        "cost_of_peak": own.cost_of_peak.map(|cost| cost.total()), "carbon_g": own.carbon.map(|carbon| carbon * GRAMS),
    })
}
