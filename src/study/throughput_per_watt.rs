//! How much work does a watt do, on which GPU type?
//!
//! Numbers of `all runs`: `runs` (with power and throughput), `largest_deviation_from_energy`. Of `OLDER over NEWER, TASK` and
//! `OLDER over NEWER, text, 70 billion parameters and more`: `models`, `smallest_ratio`, `median_ratio`, `largest_ratio`.

use super::caveats::caveats;
use super::compose::{Pooled, by_energy, most};
use super::constants::LARGE_MODEL;
use super::ground::{Ground, cheapest, groups};
use super::result::{Observation, Rows};
use super::row::{Kind, Row};
use crate::notes::plural;
use crate::stats::median;
use crate::unit::{percent, show_plain};

/// A deviation below this is rounding.
const ROUNDING: f64 = 1e-6;

const DEFINITION: &str = "Throughput over power, in items per joule: the inverse of energy per item. How far energy × throughput ÷ power \
    is from 1 is told for all runs. GPU types are compared by the run of lowest energy per item of each task, model and \
    precision, without a deadline; large models are those of 70 billion parameters and more, on text tasks.";

pub(super) fn observe(ground: &Ground<'_>) -> Observation {
    let mut found = Observation::new("throughput_per_watt", "Throughput per watt", DEFINITION);
    let deviations: Vec<f64> =
        ground.rows.iter().filter_map(|row| Some((row.energy * per_watt(row)? - 1.0).abs())).collect();
    let Some(largest) = most(&deviations) else {
        return found.without("no run has both throughput and power");
    };
    found.put("all runs", "runs", deviations.len() as f64, "runs");
    found.put("all runs", "largest_deviation_from_energy", largest, "1");
    let rows: Vec<&Row<'_>> = ground.rows.iter().filter(|row| per_watt(row).is_some()).collect();
    let (mut pooled, mut compared) = (Pooled::new(), Vec::new());
    for (older, newer) in ground.gpu_pairs(&rows) {
        for own in groups(rows.iter().copied(), |row| (row.workload.clone(), row.checkpoint())).into_values() {
            let best = |gpu: &str| cheapest(own.iter().copied().filter(|row| row.gpu == gpu));
            let Some((old, new)) = best(&older).zip(best(&newer)) else { continue };
            let Some(ratio) = per_watt(old).zip(per_watt(new)).map(|(old, new)| old / new) else { continue };
            let head = format!("{older} over {newer}");
            pooled.entry(format!("{head}, {}", old.workload)).or_default().push(ratio);
            if old.kind == Kind::Text && old.total_params.is_some_and(|total| total >= LARGE_MODEL) {
                pooled.entry(format!("{head}, text, 70 billion parameters and more")).or_default().push(ratio);
            }
            compared.push((new, old));
        }
    }
    found.put_spread(&pooled, "models", "ratio");
    let exact = if largest < ROUNDING { "to rounding".to_owned() } else { format!("within {}", percent(largest)) };
    let mut sentences = vec![format!(
        "Throughput per watt is the inverse of energy per item {exact} in {}.",
        plural(deviations.len(), "run")
    )];
    let table = Rows::spread("Items per joule of the older GPU type over the newer", "models", &pooled);
    if pooled.is_empty() {
        sentences.push("GPU types cannot be compared: no model ran one task on two.".to_owned());
    } else {
        found.tables.push(table);
        let all: Vec<f64> = compared.iter().map(|(new, old)| new.energy / old.energy).collect();
        sentences.extend(median(&all).map(|middle| {
            format!("The older GPU type does ×{} of the newer's work per joule (median of models).", show_plain(middle))
        }));
    }
    found.finding = sentences.join(" ");
    let against = compared.iter().filter(|(new, old)| old.energy < new.energy);
    found.counter(against.map(|(new, old)| by_energy(new, old, "the older GPU type takes less energy")).collect());
    found.caveats = caveats(ground, &compared);
    found
}

/// Items per joule.
fn per_watt(row: &Row<'_>) -> Option<f64> {
    Some(row.throughput? / row.power?)
}
