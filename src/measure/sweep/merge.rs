//! From complete points to a store: `NAME.csv`, `NAME.toml`, and the idle baselines.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value as Json;

use super::error::SweepError;
use super::folder::{complete, history};
use super::plan::Plan;
use super::slope::slopes;
use super::spec::Spec;
use super::station::KINDS;
use super::store::{SOURCE, refuse_foreign_store};
use crate::notes::plural;
use crate::runs::{Run, Sweep, write_whole};
use crate::stats::mean;
use crate::unit::{percent, show};

/// The sweep of the complete points of a folder, in the order of the file; written into the folder if there is any.
pub fn merge(folder: &Path, spec: &Spec, plan: &Plan) -> Result<Sweep, SweepError> {
    let mut found = complete(folder)?;
    let mut order: Vec<(usize, usize, &str)> =
        plan.visits().map(|visit| (visit.point, visit.repeat, visit.id.as_str())).collect();
    order.sort_unstable();
    let runs: Vec<Run> = order.iter().filter_map(|(_, _, id)| found.remove(*id)).collect();
    let events = history(folder)?;
    let baselines = baselines(&events);
    let sweep = Sweep::new(&spec.name, runs, provenance(spec, plan, &events));
    if sweep.runs.is_empty() {
        return Ok(sweep);
    }
    refuse_foreign_store(folder, &spec.name)?;
    if !baselines.is_empty() {
        write_whole(&[(folder.join("series").join("baselines.csv"), baselines)])?;
    }
    let sweep = Sweep { provenance: with_results(sweep.provenance.clone(), &sweep.runs, &events), ..sweep };
    sweep.write(folder)?;
    Ok(sweep)
}

fn provenance(spec: &Spec, plan: &Plan, events: &[Json]) -> toml::Table {
    let mut table = toml::Table::new();
    let mut say = |key: &str, text: String| {
        table.insert(key.to_owned(), toml::Value::String(text));
    };
    say("source", SOURCE.to_owned());
    say("made_by", format!("joules sweep {}.toml", spec.name));
    say("sweep", spec.text.clone());
    say("tool", format!("joules {}", env!("CARGO_PKG_VERSION")));
    let order = format!(
        "{} in {}, shuffled with seed {}",
        plural(plan.len(), "visit"),
        plural(plan.blocks.len(), "block"),
        spec.seed
    );
    say("order", order);
    if let Some(first) = events.first().and_then(|event| event.get("time")).and_then(Json::as_str) {
        say("begun", first.to_owned());
    }
    table
}

/// Adds what the runs themselves show: the spread of repeats, the drift of anchors, the baselines.
fn with_results(mut table: toml::Table, runs: &[Run], events: &[Json]) -> toml::Table {
    if let Some((share, count)) = spread(runs) {
        let text = format!("{} between repeats of a point ({count} points), root of the mean square", percent(share));
        table.insert("spread".to_owned(), toml::Value::String(text));
    }
    let mut all = |key: &str, detail: &str| {
        let mut values: Vec<&str> = runs.iter().filter_map(|run| run.details.get(detail)).map(String::as_str).collect();
        values.sort_unstable();
        values.dedup();
        if !values.is_empty() {
            table.insert(key.to_owned(), toml::Value::String(values.join(", ")));
        }
    };
    all("hardware", "gpu_name");
    all("gpu_uuid", "gpu_uuid");
    let failed = events.iter().filter(|event| text(event, "event") == "failed").count();
    if failed > 0 {
        let text = format!("{} failed and were tried again, or are missing", plural(failed, "visit"));
        table.insert("failed".to_owned(), toml::Value::String(text));
    }
    let energy = "energy counter of the driver, summed over the GPUs; interpolated inside its ticks by samples of power; \
                  `detail.bound_j` is how far it may be off. GPUs only: no processor, no host";
    table.insert("energy".to_owned(), toml::Value::String(energy.to_owned()));
    for kind in KINDS {
        let powers: Vec<f64> = events
            .iter()
            .filter(|event| text(event, "event") == "baseline" && text(event, "kind") == kind)
            .filter_map(|event| event.get("power_w")?.as_f64())
            .collect();
        let (Some(mean), Some(least)) = (mean(&powers), powers.iter().copied().reduce(f64::min)) else { continue };
        let most = powers.iter().copied().fold(least, f64::max);
        let text = format!("{} ({} to {}, {} times)", show(mean, "W"), show(least, "W"), show(most, "W"), powers.len());
        table.insert(format!("idle_{kind}"), toml::Value::String(text));
    }
    for (kind, slope) in slopes(events) {
        table.insert(format!("idle_{kind}_slope"), toml::Value::String(slope.words()));
    }
    table
}

/// What run-to-run spread is measured on, best first.
const SPREAD_OF: [&str; 5] =
    ["energy_per_token", "energy_per_image", "energy_per_video", "energy_per_response", "power"];

/// The relative standard deviation between repeats of a point, pooled over the points that have some, and how many have.
pub fn spread(runs: &[Run]) -> Option<(f64, usize)> {
    let metric = SPREAD_OF.into_iter().find(|metric| runs.iter().any(|run| run.metrics.contains_key(*metric)))?;
    let mut groups: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for run in runs {
        if let Some(value) = run.metrics.get(metric) {
            groups.entry(run.id.split('#').next().unwrap_or_default()).or_default().push(value.ln());
        }
    }
    let (mut squares, mut degrees, mut count) = (0.0, 0.0, 0);
    for logs in groups.values().filter(|logs| logs.len() > 1) {
        let mean = mean(logs)?;
        squares += logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>();
        degrees += (logs.len() - 1) as f64;
        count += 1;
    }
    (count > 0).then(|| ((squares / degrees).sqrt(), count))
}

/// The baselines of the journals as CSV; empty if there are none.
fn baselines(events: &[Json]) -> String {
    let columns = ["time", "block", "kind", "when", "power_w", "bound_w", "seconds", "temperature_k", "sm_clock_hz"];
    let mut rows = String::new();
    for event in events.iter().filter(|event| text(event, "event") == "baseline") {
        let cells = columns.map(|name| match event.get(name) {
            Some(Json::String(text)) => text.clone(),
            Some(Json::Number(number)) => number.to_string(),
            _ => String::new(),
        });
        let _ = writeln!(rows, "{}", cells.join(","));
    }
    if rows.is_empty() { rows } else { format!("{}\n{rows}", columns.join(",")) }
}

pub(super) fn text<'a>(event: &'a Json, key: &str) -> &'a str {
    event.get(key).and_then(Json::as_str).unwrap_or_default()
}
