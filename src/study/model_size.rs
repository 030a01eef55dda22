//! Which parameters cost energy: all of them, or those that are active?
//!
//! Numbers of `TASK, GPU: DENSE over MOE, PRECISION`: `dense_over_moe`, `batch_of_moe`, `batch_of_dense`, and at the largest
//! batch that both ran `equal_batch`, `dense_over_moe_at_equal_batch`. Of `TASK, GPU`: `pairs`, `moe_uses_less`,
//! `median_dense_over_moe`. Of `dense models, TASK, GPU`: `pairs`, `larger_uses_more`.

use super::caveats::caveats;
use super::compose::{Pooled, by_energy, count, pairs};
use super::constants::{MOST_DECOMPOSED, SIMILAR_SIZE};
use super::decompose::{Comparison, decompose};
use super::ground::{Ground, cheapest, groups};
use super::result::{Cell, Counterexample, Observation, Rows};
use super::row::{Build, Kind, Row};
use crate::stats::median;
use crate::unit::show_plain;

const DEFINITION: &str = "Text tasks; for every task and GPU type the run of lowest energy per token of each model, over all GPU \
    counts and batches. A mixture of experts is held against dense models of the same precision whose total parameters are \
    within a quarter, at these runs and at the largest batch that both ran (each at its cheapest GPU count). Dense models of one \
    maker and precision are held against each other, the larger by more than a quarter.";

/// A mixture of experts and a dense model of similar size.
struct Pair<'g, 'a> {
    moe: &'g Row<'a>,
    dense: &'g Row<'a>,
    equal: Option<(&'g Row<'a>, &'g Row<'a>)>,
}

pub(super) fn observe(ground: &Ground<'_>) -> Observation {
    let mut found = Observation::new("model_size", "Model size and architecture", DEFINITION);
    let rows = ground.of(&[Kind::Text]);
    if groups(rows.iter().copied(), |row| row.model.clone()).len() < 2 {
        return found.without("fewer than two models ran text tasks");
    }
    let mut table = Rows::new(
        "Cheapest run of each model",
        &[
            ("model", ""),
            ("task, GPUs", ""),
            ("total", "params"),
            ("active", "params"),
            ("batch", "requests"),
            ("energy", "J"),
        ],
    );
    let (mut mixed, mut dense_pairs): (Vec<Pair<'_, '_>>, Vec<(&Row<'_>, &Row<'_>)>) = (Vec::new(), Vec::new());
    let newest = ground.newest(&rows);
    for own in groups(rows.iter().copied(), |row| (row.workload.clone(), row.gpu.clone())).into_values() {
        let by_model = groups(own.iter().copied(), Row::checkpoint);
        let mut best: Vec<&Row<'_>> = by_model.into_values().filter_map(cheapest).collect();
        best.sort_by(|x, y| x.total_params.unwrap_or(0.0).total_cmp(&y.total_params.unwrap_or(0.0)));
        mixed.extend(similar(&best, &own));
        dense_pairs.extend(
            pairs(&best).map(|(small, large)| (*small, *large)).filter(|(small, large)| of_one_maker(small, large)),
        );
        table.rows.extend(best.iter().filter(|row| row.gpu == newest).map(|row| model_row(row)));
    }
    if mixed.is_empty() && dense_pairs.is_empty() {
        return found.without(
            "no two models can be compared: none are of similar size, and none of one maker differ in size alone",
        );
    }
    put_mixed(&mixed, &mut found);
    let mut pooled = Pooled::new();
    for (small, large) in &dense_pairs {
        let of = format!("dense models, {}, {}", small.workload, small.gpu);
        pooled.entry(of).or_default().push(large.energy / small.energy);
    }
    for (of, ratios) in &pooled {
        found.put(of, "pairs", ratios.len() as f64, "pairs");
        found.put(of, "larger_uses_more", count(ratios, |ratio| *ratio > 1.0), "pairs");
    }
    found.finding = finding(&mixed, &dense_pairs, &newest);
    found.tables.push(table);
    found.counter(against(&mixed, &dense_pairs));
    let compared: Vec<_> = mixed.iter().map(|pair| (pair.dense, pair.moe)).chain(dense_pairs).collect();
    found.caveats = caveats(ground, &compared);
    let chosen = mixed.iter().filter(|pair| pair.moe.gpu == newest).take(MOST_DECOMPOSED).map(|pair| {
        let words = format!("{} against {}, {}, {newest}", pair.moe.model, pair.dense.model, pair.moe.workload);
        Comparison::new(words, pair.dense, pair.moe)
    });
    decompose(ground, &mut found, chosen);
    found
}

/// Mixtures of experts beside dense models of similar size.
fn similar<'g, 'a>(best: &[&'g Row<'a>], own: &[&'g Row<'a>]) -> Vec<Pair<'g, 'a>> {
    let built = |build: Build| best.iter().copied().filter(move |row| row.build == build);
    let mut found = Vec::new();
    for moe in built(Build::MixtureOfExperts) {
        for dense in built(Build::Dense).filter(|dense| dense.precision == moe.precision) {
            let Some((one, other)) = moe.total_params.zip(dense.total_params) else { continue };
            if (one / other).max(other / one) <= SIMILAR_SIZE {
                found.push(Pair { moe, dense, equal: at_equal_batch(own, moe, dense) });
            }
        }
    }
    found
}

/// Both models at the largest batch that both ran, each at its cheapest.
fn at_equal_batch<'g, 'a>(own: &[&'g Row<'a>], a: &Row<'a>, b: &Row<'a>) -> Option<(&'g Row<'a>, &'g Row<'a>)> {
    let of = |row: &Row<'_>| {
        let checkpoint = row.checkpoint();
        own.iter().copied().filter(move |other| other.checkpoint() == checkpoint)
    };
    let batch = of(a).map(|row| row.batch).filter(|batch| of(b).any(|row| row.batch == *batch)).max()?;
    let at = |row: &Row<'_>| cheapest(of(row).filter(|row| row.batch == batch));
    Some((at(a)?, at(b)?))
}

/// Whether two dense models of one maker differ in size; the first is the smaller.
fn of_one_maker(small: &Row<'_>, large: &Row<'_>) -> bool {
    let maker = |row: &Row<'_>| row.model.split('/').next().unwrap_or_default().to_owned();
    let is_larger =
        small.total_params.zip(large.total_params).is_some_and(|(small, large)| large > SIMILAR_SIZE * small);
    is_larger
        && [small, large].iter().all(|row| row.build == Build::Dense)
        && maker(small) == maker(large)
        && small.precision == large.precision
}

fn model_row(row: &Row<'_>) -> Vec<Cell> {
    vec![
        row.checkpoint().into(),
        format!("{}, {}", row.workload, row.hardware()).into(),
        row.total_params.into(),
        row.active_params.into(),
        row.batch.into(),
        row.energy.into(),
    ]
}

fn put_mixed(mixed: &[Pair<'_, '_>], found: &mut Observation) {
    let mut pooled = Pooled::new();
    for Pair { moe, dense, equal } in mixed {
        let of = format!("{}, {}: {} over {}, {}", moe.workload, moe.gpu, dense.model, moe.model, moe.precision);
        found.put(&of, "dense_over_moe", dense.energy / moe.energy, "1");
        found.put(&of, "batch_of_moe", moe.batch as f64, "requests");
        found.put(&of, "batch_of_dense", dense.batch as f64, "requests");
        if let Some((moe, dense)) = equal {
            found.put(&of, "equal_batch", moe.batch as f64, "requests");
            found.put(&of, "dense_over_moe_at_equal_batch", dense.energy / moe.energy, "1");
        }
        pooled.entry(format!("{}, {}", moe.workload, moe.gpu)).or_default().push(dense.energy / moe.energy);
    }
    for (of, ratios) in &pooled {
        found.put(of, "pairs", ratios.len() as f64, "pairs");
        found.put(of, "moe_uses_less", count(ratios, |ratio| *ratio > 1.0), "pairs");
        found.put_some(of, "median_dense_over_moe", median(ratios), "1");
    }
}

fn against(mixed: &[Pair<'_, '_>], dense_pairs: &[(&Row<'_>, &Row<'_>)]) -> Vec<Counterexample> {
    let moe = mixed.iter().filter(|pair| pair.moe.energy > pair.dense.energy);
    let moe = moe.map(|pair| by_energy(pair.dense, pair.moe, "the mixture of experts takes more than the dense model"));
    let dense = dense_pairs.iter().filter(|(small, large)| large.energy < small.energy);
    moe.chain(dense.map(|(small, large)| by_energy(small, large, "the larger dense model takes less"))).collect()
}

fn finding(mixed: &[Pair<'_, '_>], dense_pairs: &[(&Row<'_>, &Row<'_>)], newest: &str) -> String {
    let mut sentences = Vec::new();
    let own = mixed.iter().filter(|pair| pair.moe.gpu == newest);
    if let Some(pair) = own.max_by(|x, y| (x.dense.energy / x.moe.energy).total_cmp(&(y.dense.energy / y.moe.energy))) {
        let equal = pair.equal.map_or_else(String::new, |(moe, dense)| {
            format!(", {} at batch {} for both", show_plain(dense.energy / moe.energy), moe.batch)
        });
        sentences.push(format!(
            "{} takes {} times the energy per token of {} ({}, {newest}, batch {} against {}){equal}.",
            pair.dense.model,
            show_plain(pair.dense.energy / pair.moe.energy),
            pair.moe.model,
            pair.moe.workload,
            pair.dense.batch,
            pair.moe.batch,
        ));
    }
    if !dense_pairs.is_empty() {
        let more = dense_pairs.iter().filter(|(small, large)| large.energy > small.energy).count();
        sentences.push(format!("Of dense models the larger takes more in {more} of {} pairs.", dense_pairs.len()));
    }
    sentences.join(" ")
}
