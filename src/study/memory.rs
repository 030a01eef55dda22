//! Do more GPUs save energy where their memory lets a larger batch run?
//!
//! Numbers of `TASK, MODEL, FEWER to MORE`: `largest_batch_from`, `largest_batch_to`, `energy_reduction` (1 − energy of more
//! GPUs over that of fewer). Of `larger batch, KIND, GPU` and `no larger batch, KIND, GPU`: `comparisons`,
//! `more_gpus_use_less`, `median_reduction`, `largest_reduction`.

use super::caveats::caveats;
use super::compose::{Pooled, by_energy, count, most, pairs};
use super::decompose::{Comparison, decompose};
use super::ground::{Ground, cheapest, groups};
use super::result::{Cell, Observation, Rows};
use super::row::{Kind, Row};
use crate::notes::plural;
use crate::stats::median;
use crate::unit::percent;

const DEFINITION: &str = "Each task, model, precision and GPU type that ran on two GPU counts, each pair of counts: the run of \
    lowest energy per token at each count, over all batches, and the largest batch that each count ran. The largest batch of a \
    sweep is not always what memory allows.";

/// The cheapest runs of two counts, and their largest batches.
struct Pair<'g, 'a> {
    few: &'g Row<'a>,
    many: &'g Row<'a>,
    largest: [u64; 2],
}

impl Pair<'_, '_> {
    fn reduction(&self) -> f64 {
        1.0 - self.many.energy / self.few.energy
    }

    fn grows(&self) -> bool {
        self.largest[1] > self.largest[0]
    }
}

pub(super) fn observe(ground: &Ground<'_>) -> Observation {
    let mut found = Observation::new("memory_unlocked", "Batches that more GPUs unlock", DEFINITION);
    let rows = ground.of(&[Kind::Text, Kind::Multimodal]);
    let own = on_two_counts(&rows);
    if own.is_empty() {
        return found.without("no model that makes tokens ran on two GPU counts");
    }
    let mut table = Rows::new(
        "Cheapest run of each count",
        &[
            ("model", ""),
            ("task", ""),
            ("GPUs", ""),
            ("largest batch", "requests"),
            ("with more", "requests"),
            ("energy", "1"),
        ],
    );
    let mut pooled = Pooled::new();
    for pair in &own {
        let few = pair.few;
        let counts = format!("{} to {}", few.hardware(), pair.many.hardware());
        let of = format!("{}, {}, {counts}", few.workload, few.checkpoint());
        found.put(&of, "largest_batch_from", pair.largest[0] as f64, "requests");
        found.put(&of, "largest_batch_to", pair.largest[1] as f64, "requests");
        found.put(&of, "energy_reduction", pair.reduction(), "1");
        let pool = if pair.grows() { "larger batch" } else { "no larger batch" };
        pooled.entry(format!("{pool}, {}, {}", few.kind.name(), few.gpu)).or_default().push(pair.reduction());
        table.rows.push(vec![
            Cell::from(few.checkpoint()),
            few.workload.clone().into(),
            counts.into(),
            pair.largest[0].into(),
            pair.largest[1].into(),
            (-pair.reduction()).into(),
        ]);
    }
    for (of, reductions) in &pooled {
        found.put(of, "comparisons", reductions.len() as f64, "pairs");
        found.put(of, "more_gpus_use_less", count(reductions, |one| *one > 0.0), "pairs");
        found.put_some(of, "median_reduction", median(reductions), "1");
        found.put_some(of, "largest_reduction", most(reductions), "1");
    }
    found.tables.push(table);
    found.finding = pooled.iter().map(|(of, values)| sentence(of, values)).collect::<Vec<_>>().join(" ");
    let against = own.iter().filter(|pair| pair.grows() && pair.reduction() < 0.0);
    let text = |pair: &Pair<'_, '_>| {
        format!("more energy although the largest batch grows from {} to {}", pair.largest[0], pair.largest[1])
    };
    found.counter(against.map(|pair| by_energy(pair.few, pair.many, text(pair))).collect());
    let compared: Vec<_> = own.iter().map(|pair| (pair.few, pair.many)).collect();
    found.caveats = caveats(ground, &compared);
    let comparisons: Vec<_> = ground.gpu_types(&rows).iter().filter_map(|gpu| largest(&own, gpu)).collect();
    decompose(ground, &mut found, comparisons);
    found
}

fn on_two_counts<'g, 'a>(rows: &[&'g Row<'a>]) -> Vec<Pair<'g, 'a>> {
    let key = |row: &Row<'_>| (row.workload.clone(), row.checkpoint(), row.gpu.clone());
    let mut found = Vec::new();
    for own in groups(rows.iter().copied(), key).into_values() {
        let counts: Vec<(&Row<'_>, u64)> = groups(own, |row| row.gpus)
            .into_values()
            .filter_map(|curve| {
                let largest = curve.iter().map(|row| row.batch).max()?;
                Some((cheapest(curve)?, largest))
            })
            .collect();
        found.extend(pairs(&counts).map(|(few, many)| Pair { few: few.0, many: many.0, largest: [few.1, many.1] }));
    }
    found
}

fn sentence(of: &str, reductions: &[f64]) -> String {
    let less = reductions.iter().filter(|one| **one > 0.0).count();
    let most = most(reductions)
        .filter(|one| *one > 0.0)
        .map_or_else(String::new, |one| format!(", up to {} less", percent(one)));
    format!("{of}: more GPUs take less energy in {less} of {}{most}.", plural(reductions.len(), "comparison"))
}

/// The largest saving by an unlocked batch on text tasks.
fn largest<'g, 'a>(own: &[Pair<'g, 'a>], gpu: &str) -> Option<Comparison<'g, 'a>> {
    let of = own.iter().filter(|pair| pair.few.gpu == gpu && pair.few.kind == Kind::Text && pair.grows());
    let pair = of.max_by(|x, y| x.reduction().total_cmp(&y.reduction()))?;
    let words = format!(
        "{} against {}: {}, {}",
        pair.many.hardware(),
        pair.few.hardware(),
        pair.few.checkpoint(),
        pair.few.workload
    );
    Some(Comparison::new(words, pair.few, pair.many))
}
