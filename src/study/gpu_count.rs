//! What do more GPUs cost, and bring, at equal batch?
//!
//! Numbers of `KIND, GPU`: `pairs`, `more_gpus_use_more_energy`, `more_gpus_are_faster`, `median_energy_ratio`,
//! `median_latency_ratio`, `largest_energy_ratio` (more GPUs over fewer).

use std::collections::BTreeMap;

use super::caveats::caveats;
use super::compose::{by_energy, count, most, pairs};
use super::decompose::{Comparison, decompose};
use super::ground::{Ground, cheapest, groups};
use super::result::{Cell, Observation, Rows};
use super::row::{Kind, Row};
use crate::notes::plural;
use crate::stats::median;
use crate::unit::{percent, show_plain};

const TOKENS: &str = "Runs of one task, model, precision, GPU type and batch on two GPU counts, each pair of counts; of several \
    ways to divide the work the cheapest. Energy per token and median time between tokens of the larger count over the smaller. \
    Multimodal tasks are counted apart.";
const ITEMS: &str = "Runs of one diffusion model, setting, precision, GPU type and batch on two GPU counts, each pair of counts; of \
    several sequence-parallel degrees the cheapest. Energy per item and time of a batch of the larger count over the smaller.";

/// One configuration on fewer and on more GPUs.
type Pair<'g, 'a> = (&'g Row<'a>, &'g Row<'a>);

/// Of language models.
pub(super) fn observe(ground: &Ground<'_>) -> Observation {
    let found = Observation::new("gpu_count", "More GPUs at equal batch", TOKENS);
    observed(
        ground,
        found,
        &[Kind::Text, Kind::Multimodal],
        "no model that makes tokens ran on two GPU counts at one batch",
    )
}

/// Of diffusion models.
pub(super) fn observe_diffusion(ground: &Ground<'_>) -> Observation {
    let found = Observation::new("diffusion_gpu_count", "Diffusion: more GPUs at equal batch", ITEMS);
    observed(ground, found, &[Kind::Image, Kind::Video], "no diffusion model ran on two GPU counts at one batch")
}

fn observed(ground: &Ground<'_>, mut found: Observation, kinds: &[Kind], missing: &str) -> Observation {
    let rows = ground.of(kinds);
    let own = on_two_counts(&rows);
    if own.is_empty() {
        return found.without(missing);
    }
    let mut pools: BTreeMap<String, Vec<Pair<'_, '_>>> = BTreeMap::new();
    for pair in own {
        pools.entry(format!("{}, {}", pair.0.kind.name(), pair.0.gpu)).or_default().push(pair);
    }
    let mut table = Rows::new(
        "More GPUs over fewer",
        &[
            ("runs", ""),
            ("pairs", "pairs"),
            ("more energy", "pairs"),
            ("faster", "pairs"),
            ("energy, median", "x"),
            ("most", "x"),
            ("latency, median", "x"),
        ],
    );
    for (of, pairs) in &mut pools {
        pairs.sort_by(|x, y| energy(x).total_cmp(&energy(y)));
        table.rows.push(put_pool(&mut found, of, pairs));
    }
    found.tables.push(table);
    found.finding = pools.iter().map(|(of, pairs)| sentence(of, pairs)).collect::<Vec<_>>().join(" ");
    let all = || pools.values().flatten();
    let less = all().filter(|pair| energy(pair) < 1.0);
    found.counter(
        less.map(|(few, many)| by_energy(few, many, format!("{} take less than {}", many.hardware(), few.hardware())))
            .collect(),
    );
    let compared: Vec<Pair<'_, '_>> = all().copied().collect();
    found.caveats = caveats(ground, &compared);
    // Of tokens from text, and of images and videos: the median pair of each GPU type.
    let shown = pools.iter().filter(|(_, pairs)| pairs[0].0.kind != Kind::Multimodal);
    let comparisons = shown.map(|(_, pairs)| {
        let (few, many) = pairs[pairs.len() / 2];
        let words = format!(
            "{} against {}: {}, {}, batch {}",
            many.hardware(),
            few.hardware(),
            few.checkpoint(),
            few.workload,
            few.batch
        );
        Comparison::new(words, few, many)
    });
    decompose(ground, &mut found, comparisons);
    found
}

fn on_two_counts<'g, 'a>(rows: &[&'g Row<'a>]) -> Vec<Pair<'g, 'a>> {
    let key = |row: &Row<'_>| (row.workload.clone(), row.checkpoint(), row.gpu.clone(), row.batch, row.rest.clone());
    let mut found = Vec::new();
    for own in groups(rows.iter().copied(), key).into_values() {
        let best: Vec<&Row<'_>> = groups(own, |row| row.gpus).into_values().filter_map(cheapest).collect();
        found.extend(pairs(&best).map(|(few, many)| (*few, *many)));
    }
    found
}

fn energy((few, many): &Pair<'_, '_>) -> f64 {
    many.energy / few.energy
}

fn latency((few, many): &Pair<'_, '_>) -> Option<f64> {
    Some(many.latency? / few.latency?)
}

fn put_pool(found: &mut Observation, of: &str, pairs: &[Pair<'_, '_>]) -> Vec<Cell> {
    let energies: Vec<f64> = pairs.iter().map(energy).collect();
    let latencies: Vec<f64> = pairs.iter().filter_map(latency).collect();
    let faster = (!latencies.is_empty()).then(|| count(&latencies, |ratio| *ratio < 1.0));
    let more = count(&energies, |ratio| *ratio > 1.0);
    found.put(of, "pairs", pairs.len() as f64, "pairs");
    found.put(of, "more_gpus_use_more_energy", more, "pairs");
    found.put_some(of, "more_gpus_are_faster", faster, "pairs");
    found.put_some(of, "median_energy_ratio", median(&energies), "1");
    found.put_some(of, "median_latency_ratio", median(&latencies), "1");
    found.put_some(of, "largest_energy_ratio", most(&energies), "1");
    vec![
        of.into(),
        pairs.len().into(),
        more.into(),
        faster.into(),
        median(&energies).into(),
        most(&energies).into(),
        median(&latencies).into(),
    ]
}

fn sentence(of: &str, pairs: &[Pair<'_, '_>]) -> String {
    let energies: Vec<f64> = pairs.iter().map(energy).collect();
    let latencies: Vec<f64> = pairs.iter().filter_map(latency).collect();
    let more = count(&energies, |ratio| *ratio > 1.0);
    let faster = if latencies.is_empty() {
        String::new()
    } else {
        let faster = count(&latencies, |ratio| *ratio < 1.0);
        format!(" and are faster in {}", percent(faster / latencies.len() as f64))
    };
    let middle = median(&energies).map_or_else(String::new, show_plain);
    format!(
        "{of}: more GPUs take more energy in {} of {}{faster} (median ×{middle}).",
        percent(more / energies.len() as f64),
        plural(pairs.len(), "pair")
    )
}
