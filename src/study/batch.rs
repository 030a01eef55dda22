//! What does a larger batch save?
//!
//! Numbers of `TASK, CONFIGURATION`: `batch_from`, `batch_to`, `energy_ratio` (the first over the second). Of `text` and
//! `multimodal`: `curves`, `smallest_ratio`, `median_ratio`, `largest_ratio`. Of `elasticity, KIND`, medians over curves:
//! `elasticity_first_step`, `elasticity_overall`, `elasticity_last_step`. Of `steps, KIND, GPU`: `steps`, `energy_rises`,
//! `latency_falls`, `power_falls`, `throughput_falls`.

use std::collections::BTreeMap;

use super::caveats::caveats;
use super::compose::{Pooled, by_energy, least, most};
use super::constants::{ENERGY_RISES, LATENCY_FALLS, REFERENCE_BATCH};
use super::decompose::{Comparison, decompose};
use super::ground::{Ground, groups};
use super::result::{Cell, Counterexample, Observation, Rows};
use super::row::{Kind, Row};
use crate::notes::plural;
use crate::stats::median;
use crate::unit::{percent, show_plain};

const DEFINITION: &str = "A curve is the runs of one task, model, precision, GPU type and count, parallelism, software and \
    machine at different batches. Energy per token at batch 16 (or the smallest above it; the smallest of all where no curve has \
    two such) over that at the largest batch. A step leads from one batch of a curve to the next larger one; the elasticity is \
    the change of ln energy per change of ln batch. Energy rises where it grows by more than 2 %, latency falls where the median \
    time between tokens shrinks by more than 5 %, power and throughput fall where they shrink at all.";

/// Curves of tokens, each from its smallest batch to its largest.
type Curve<'g, 'a> = Vec<&'g Row<'a>>;

pub(super) fn observe(ground: &Ground<'_>) -> Observation {
    let mut found = Observation::new("batch_effect", "Batch size", DEFINITION);
    let rows = ground.of(&[Kind::Text, Kind::Multimodal]);
    let curves = curves(&rows);
    if curves.iter().all(|curve| curve.len() < 2) {
        return found.without("no configuration that makes tokens ran at two batch sizes");
    }
    let mut table = Rows::new(
        "Energy at the smaller batch over energy at the larger",
        &[("model and GPUs", ""), ("task", ""), ("from", "requests"), ("to", "requests"), ("energy", "x")],
    );
    let mut effects: Vec<(f64, &Row<'_>, &Row<'_>)> = Vec::new();
    let is_large = curves.iter().any(|curve| ends(curve, REFERENCE_BATCH).is_some());
    let from = if is_large { REFERENCE_BATCH } else { 0 };
    for curve in &curves {
        let Some((start, last)) = ends(curve, from) else { continue };
        let ratio = start.energy / last.energy;
        let of = format!("{}, {}", last.workload, last.configuration());
        found.put(&of, "batch_from", start.batch as f64, "requests");
        found.put(&of, "batch_to", last.batch as f64, "requests");
        found.put(&of, "energy_ratio", ratio, "1");
        table.rows.push(vec![
            Cell::from(last.configuration()),
            last.workload.clone().into(),
            start.batch.into(),
            last.batch.into(),
            ratio.into(),
        ]);
        effects.push((ratio, start, last));
    }
    effects.sort_by(|x, y| y.0.total_cmp(&x.0));
    let mut pooled = Pooled::new();
    for (ratio, _, last) in &effects {
        pooled.entry(last.kind.name().to_owned()).or_default().push(*ratio);
    }
    found.put_spread(&pooled, "curves", "ratio");
    elasticities(&curves, &mut found);
    let against = steps(&curves, &mut found);
    found.finding = finding(&pooled, &found);
    if !table.rows.is_empty() {
        found.tables.push(table);
    }
    found.counter(against);
    let compared: Vec<_> = effects.iter().map(|(_, start, last)| (*start, *last)).collect();
    found.caveats = caveats(ground, &compared);
    let text: Vec<_> = effects.iter().filter(|(_, _, last)| last.kind == Kind::Text).collect();
    let chosen = [text.first(), text.get(text.len() / 2).filter(|_| text.len() > 2)].into_iter().flatten();
    let comparisons = chosen.map(|(_, start, last)| {
        let words = format!("batch {} to {}, {}, {}", start.batch, last.batch, last.workload, last.configuration());
        Comparison::new(words, start, last)
    });
    decompose(ground, &mut found, comparisons);
    found
}

/// Runs that differ in the batch alone, from the smallest to the largest.
pub(super) fn curves<'g, 'a>(rows: &[&'g Row<'a>]) -> Vec<Curve<'g, 'a>> {
    let key = |row: &Row<'_>| {
        let place = (row.workload.clone(), row.checkpoint(), row.gpu.clone(), row.gpus);
        (place, row.parallel.clone(), row.rest.clone(), row.unit.clone())
    };
    let sorted = |mut curve: Curve<'g, 'a>| {
        curve.sort_by_key(|row| row.batch);
        curve
    };
    groups(rows.iter().copied(), key).into_values().map(sorted).collect()
}

/// The smallest batch of at least `from`, and the largest.
fn ends<'g, 'a>(curve: &[&'g Row<'a>], from: u64) -> Option<(&'g Row<'a>, &'g Row<'a>)> {
    let start = curve.iter().find(|row| row.batch >= from)?;
    let last = curve.last()?;
    (start.batch < last.batch).then_some((*start, *last))
}

fn elasticities(curves: &[Curve<'_, '_>], found: &mut Observation) {
    let of = |a: &Row<'_>, b: &Row<'_>| (b.energy / a.energy).ln() / (b.batch as f64 / a.batch as f64).ln();
    let mut by_kind: BTreeMap<Kind, [Vec<f64>; 3]> = BTreeMap::new();
    for curve in curves {
        if let [first, second, ..] = curve[..]
            && let [.., before, last] = curve[..]
        {
            let own = by_kind.entry(first.kind).or_default();
            own[0].push(of(first, second));
            own[1].push(of(first, last));
            own[2].push(of(before, last));
        }
    }
    for (kind, values) in by_kind {
        let pool = format!("elasticity, {}", kind.name());
        found.put_some(&pool, "elasticity_first_step", median(&values[0]), "1");
        found.put_some(&pool, "elasticity_overall", median(&values[1]), "1");
        found.put_some(&pool, "elasticity_last_step", median(&values[2]), "1");
    }
}

/// Counts steps that go the other way; those whose energy rises are the counter-examples.
fn steps(curves: &[Curve<'_, '_>], found: &mut Observation) -> Vec<Counterexample> {
    let mut counts: BTreeMap<String, [f64; 5]> = BTreeMap::new();
    let mut against = Vec::new();
    for (a, b) in curves.iter().flat_map(|curve| curve.windows(2).map(|step| (step[0], step[1]))) {
        let own = counts.entry(format!("steps, {}, {}", a.kind.name(), a.gpu)).or_default();
        let below = |x: Option<f64>, y: Option<f64>, factor: f64| x.zip(y).is_some_and(|(x, y)| y < factor * x);
        let holds = [
            true,
            b.energy > ENERGY_RISES * a.energy,
            below(a.latency, b.latency, LATENCY_FALLS),
            below(a.power, b.power, 1.0),
            below(a.throughput, b.throughput, 1.0),
        ];
        own.iter_mut().zip(holds).for_each(|(count, holds)| *count += f64::from(u8::from(holds)));
        if holds[1] {
            against.push(by_energy(a, b, format!("batch {} takes more energy than {}", b.batch, a.batch)));
        }
    }
    for (of, counts) in counts {
        let names = ["steps", "energy_rises", "latency_falls", "power_falls", "throughput_falls"];
        names.iter().zip(counts).for_each(|(name, count)| found.put(&of, name, count, "steps"));
    }
    against
}

fn finding(pooled: &Pooled, found: &Observation) -> String {
    let total = |name: &str| -> f64 {
        found.numbers.iter().filter(|number| number.name == name).map(|number| number.value).sum()
    };
    let (steps, falls) = (total("steps"), total("power_falls"));
    let sentence = |kind: &str| {
        let values = pooled.get(kind)?;
        Some(format!(
            "Larger batches divide the energy per token of {kind} tasks by {} to {} (median {}, {}).",
            show_plain(least(values)?),
            show_plain(most(values)?),
            show_plain(median(values)?),
            plural(values.len(), "curve")
        ))
    };
    let of_power = format!("Power falls in {} of {steps} steps ({}).", falls, percent(falls / steps.max(1.0)));
    let sentences = ["text", "multimodal"].into_iter().filter_map(sentence);
    sentences.chain([of_power]).collect::<Vec<_>>().join(" ")
}
