//! Ulysses or ring: which division of a sequence over GPUs takes less energy?
//!
//! Numbers of `all counts` and `N GPUs`: `pairs`, `ulysses_uses_less`, `median_ring_over_ulysses`.

use super::caveats::caveats;
use super::compose::{Pooled, by_energy, count};
use super::decompose::{Comparison, decompose};
use super::ground::{Ground, cheapest, groups};
use super::result::{Cell, Observation, Rows};
use super::row::{Kind, Row};
use crate::stats::median;
use crate::unit::show_plain;

const DEFINITION: &str = "Runs of one diffusion model, setting, precision, GPU type, count of two or more and batch: all GPUs by ring \
    over all by Ulysses, in energy per item.";

pub(super) fn observe(ground: &Ground<'_>) -> Observation {
    let mut found = Observation::new("sequence_parallel_kind", "Diffusion: Ulysses or ring", DEFINITION);
    let mut own = in_two_kinds(&ground.of(&[Kind::Image, Kind::Video]));
    if own.is_empty() {
        return found.without("no diffusion model ran divided by Ulysses and by ring on the same GPUs");
    }
    own.sort_by(|x, y| ratio(x).total_cmp(&ratio(y)));
    let mut pooled = Pooled::new();
    for pair in &own {
        for pool in ["all counts".to_owned(), format!("{} GPUs", pair.0.gpus)] {
            pooled.entry(pool).or_default().push(ratio(pair));
        }
    }
    let mut table =
        Rows::new("Ring over Ulysses", &[("GPUs", ""), ("pairs", "pairs"), ("Ulysses less", "pairs"), ("median", "x")]);
    for (of, ratios) in &pooled {
        let less = count(ratios, |ratio| *ratio > 1.0);
        found.put(of, "pairs", ratios.len() as f64, "pairs");
        found.put(of, "ulysses_uses_less", less, "pairs");
        found.put_some(of, "median_ring_over_ulysses", median(ratios), "1");
        table.rows.push(vec![Cell::from(of.clone()), ratios.len().into(), less.into(), median(ratios).into()]);
    }
    found.tables.push(table);
    let less = own.iter().filter(|pair| ratio(pair) > 1.0).count();
    let middle = show_plain(ratio(&own[own.len() / 2]));
    found.finding = format!(
        "Ulysses takes less than ring in {less} of {} pairs; the median of ring over Ulysses is ×{middle}.",
        own.len()
    );
    let against = own.iter().filter(|pair| ratio(pair) < 1.0);
    found.counter(against.map(|(ulysses, ring)| by_energy(ulysses, ring, "ring takes less than Ulysses")).collect());
    found.caveats = caveats(ground, &own);
    let (ulysses, ring) = own[own.len() / 2];
    let words = format!("ring against Ulysses: {}, batch {}", ulysses.configuration(), ulysses.batch);
    decompose(ground, &mut found, [Comparison::new(words, ulysses, ring)]);
    found
}

fn ratio((ulysses, ring): &(&Row<'_>, &Row<'_>)) -> f64 {
    ring.energy / ulysses.energy
}

fn in_two_kinds<'g, 'a>(rows: &[&'g Row<'a>]) -> Vec<(&'g Row<'a>, &'g Row<'a>)> {
    let key = |row: &Row<'_>| {
        (row.workload.clone(), row.checkpoint(), row.gpu.clone(), row.gpus, row.batch, row.rest.clone())
    };
    let several = rows.iter().copied().filter(|row| row.gpus > 1);
    let of_group = |own: Vec<&'g Row<'a>>| {
        let all_by = |ulysses: bool| {
            let (by, other) = (move |row: &Row<'_>| row.ulysses.zip(row.ring), ulysses);
            let is_pure = move |row: &&Row<'a>| {
                by(row).is_some_and(|(u, r)| if other { r == 1 && u > 1 } else { u == 1 && r > 1 })
            };
            cheapest(own.iter().copied().filter(is_pure))
        };
        all_by(true).zip(all_by(false))
    };
    groups(several, key).into_values().filter_map(of_group).collect()
}
