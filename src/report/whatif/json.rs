//! The stable JSON of a what-if.

use serde_json::{Map, Value as Json, json as object};

use crate::runs::{Value, condition_json};
use crate::whatif::{Answer, Limit, WhatIf};

/// Everything that was found.
pub fn json(found: &WhatIf) -> Json {
    let budgets: Vec<Json> = found
        .budgets
        .iter()
        .map(|own| object!({ "metric": own.metric, "unit": own.unit, "limit": own.limit, "at_most": own.at_most }))
        .collect();
    object!({
        "reference": found.reference,
        "metric": found.metric.0,
        "metrics_reference": found.metrics_reference,
        "measured": found.measured,
        "budgets": budgets,
        "best": found.best,
        "answers": found.answers.iter().map(answer).collect::<Vec<Json>>(),
    })
}

fn answer(own: &Answer) -> Json {
    let metrics: Vec<Json> = own
        .metrics
        .iter()
        .map(|own| {
            object!({ "metric": own.metric, "unit": own.unit, "predicted": own.predicted, "interval": own.interval,
                      "factor": own.factor, "factor_interval": own.factor_interval })
        })
        .collect();
    let mechanisms: Vec<Json> =
        own.mechanisms.iter().map(|own| object!({ "mechanism": own.mechanism, "factor": own.factor })).collect();
    let nearest: Vec<Json> = own
        .nearest
        .iter()
        .map(|own| object!({ "run": own.id, "measured": own.value, "otherwise": otherwise(&own.otherwise) }))
        .collect();
    let broken: Vec<&str> = own.limits.iter().filter(|own| !own.holds).map(|own| own.constraint.as_str()).collect();
    object!({
        "do": own.set.iter().map(|(name, value)| (name.clone(), condition_json(value))).collect::<Map<String, Json>>(),
        "feasible": own.feasible,
        "limits": broken,
        "feasibility": own.limits.iter().map(limit).collect::<Vec<Json>>(),
        "support": own.support,
        "metrics": metrics,
        "mechanisms": mechanisms,
        "needs": map(&own.needs),
        "nearest": nearest,
        "frontier": own.frontier,
        "within_budgets": own.within,
        "caveats": own.caveats.iter().map(|own| object!({ "code": own.code, "text": own.text })).collect::<Vec<Json>>(),
    })
}

fn limit(own: &Limit) -> Json {
    let part = |(name, unit, value): &(String, String, f64)| object!({ "name": name, "unit": unit, "value": value });
    object!({
        "constraint": own.constraint, "meaning": own.meaning, "holds": own.holds, "probability": own.probability,
        "condition": own.condition, "largest": own.largest.map(|(largest, _)| largest),
        "largest_interval": own.largest.map(|(_, interval)| interval), "allowed": own.allowed,
        "parts": own.parts.iter().map(part).collect::<Vec<Json>>(), "whole": own.whole.as_ref().map(part),
    })
}

fn otherwise(pairs: &[(String, Option<Value>)]) -> Map<String, Json> {
    pairs.iter().map(|(name, value)| (name.clone(), value.as_ref().map_or(Json::Null, condition_json))).collect()
}

fn map(pairs: &[(String, String)]) -> Map<String, Json> {
    pairs.iter().map(|(name, value)| (name.clone(), Json::from(value.as_str()))).collect()
}
