//! Does a narrower precision save energy, and from which batch on?
//!
//! Numbers of `NARROW against WIDE`: `pairs_left_out`. Of `NARROW against WIDE, batch …`: `pairs`, `NARROW_wins_energy`,
//! `smallest_energy_change`, `median_energy_change`, `largest_energy_change`, and the same of latency.

use std::collections::BTreeMap;

use super::caveats::caveats;
use super::compose::{by_energy, least, most, pairs};
use super::constants::{BATCH_BINS, PRECISIONS};
use super::decompose::{Comparison, decompose};
use super::ground::{Ground, cheapest, groups};
use super::result::{Cell, Doubt, Observation, Rows};
use super::row::{Kind, Row};
use crate::notes::plural;
use crate::unit::percent;

const DEFINITION: &str = "Runs in two precisions of one task, model, GPU type and count, batch and software, of text and \
    multimodal tasks. Change of energy per token and of the median time between tokens from the wider to the narrower, by bins \
    of the batch; the narrower wins where it takes less. The median is the upper of two middle values. Pairs whose parallelism \
    differs too are left out.";

/// One configuration in two precisions.
#[derive(Clone, Copy)]
struct Pair<'g, 'a> {
    wide: &'g Row<'a>,
    narrow: &'g Row<'a>,
}

impl Pair<'_, '_> {
    fn energy(&self) -> f64 {
        self.narrow.energy / self.wide.energy - 1.0
    }

    fn latency(&self) -> Option<f64> {
        Some(self.narrow.latency? / self.wide.latency? - 1.0)
    }
}

pub(super) fn observe(ground: &Ground<'_>) -> Observation {
    let mut found = Observation::new("precision", "Precision", DEFINITION);
    let rows = ground.of(&[Kind::Text, Kind::Multimodal]);
    let (own, left_out) = in_two_precisions(&rows);
    for (names, count) in &left_out {
        found.put(names, "pairs_left_out", *count as f64, "pairs");
    }
    if own.is_empty() {
        return found.without(match left_out.values().sum::<usize>() {
            0 => "no model ran in two precisions at one GPU count and batch".to_owned(),
            count => format!("all {} in two precisions differ in their parallelism too", plural(count, "pair")),
        });
    }
    let mut table = Rows::new(
        "By batch",
        &[
            ("precisions", ""),
            ("batch", ""),
            ("pairs", "pairs"),
            ("less energy", "pairs"),
            ("energy, from", "1"),
            ("median", "1"),
            ("to", "1"),
            ("faster", "pairs"),
            ("latency, median", "1"),
        ],
    );
    let mut bins: BTreeMap<(String, usize), Vec<Pair<'_, '_>>> = BTreeMap::new();
    for pair in &own {
        let bin = BATCH_BINS.iter().position(|(_, high)| pair.wide.batch <= *high).unwrap_or(BATCH_BINS.len() - 1);
        bins.entry((names(pair), bin)).or_default().push(*pair);
    }
    for ((names, bin), pairs) in &mut bins {
        pairs.sort_by(|x, y| x.energy().total_cmp(&y.energy()));
        table.rows.push(put_bin(&mut found, names, *bin, pairs));
    }
    found.tables.push(table);
    found.finding = finding(&bins);
    let losers = own.iter().filter(|pair| pair.energy() > 0.0);
    let text = |pair: &Pair<'_, '_>| format!("{} takes more at batch {}", pair.narrow.precision, pair.wide.batch);
    let large = losers.filter(|pair| pair.wide.batch > BATCH_BINS[2].1);
    found.counter(large.map(|pair| by_energy(pair.wide, pair.narrow, text(pair))).collect());
    let compared: Vec<_> = own.iter().map(|pair| (pair.wide, pair.narrow)).collect();
    found.caveats = caveats(ground, &compared);
    found.caveats.extend(left_out.iter().map(|(names, count)| {
        let text = format!("{} of {names} differ in parallelism too and are left out", plural(*count, "pair"));
        Doubt::new("parallelism_differs", text, "two settings would be compared at once")
    }));
    decompose(ground, &mut found, medians(&bins));
    found
}

fn names(pair: &Pair<'_, '_>) -> String {
    format!("{} against {}", pair.narrow.precision, pair.wide.precision)
}

/// Pairs that differ in precision alone, and how many differ in parallelism too.
fn in_two_precisions<'g, 'a>(rows: &[&'g Row<'a>]) -> (Vec<Pair<'g, 'a>>, BTreeMap<String, usize>) {
    let width = |row: &Row<'_>| PRECISIONS.iter().position(|name| *name == row.precision);
    let key = |row: &Row<'_>| {
        (row.workload.clone(), row.model.clone(), row.gpu.clone(), row.gpus, row.batch, row.rest.clone())
    };
    let (mut found, mut left_out) = (Vec::new(), BTreeMap::new());
    for own in groups(rows.iter().copied().filter(|row| width(row).is_some()), key).into_values() {
        let sides = groups(own, |row| (width(row), row.parallel.clone()));
        let sides: Vec<&Row<'_>> = sides.into_values().filter_map(cheapest).collect();
        for (wide, narrow) in pairs(&sides).filter(|(wide, narrow)| wide.precision != narrow.precision) {
            let pair = Pair { wide, narrow };
            if wide.parallel == narrow.parallel {
                found.push(pair);
            } else {
                *left_out.entry(names(&pair)).or_default() += 1;
            }
        }
    }
    (found, left_out)
}

fn bin_words(bin: usize) -> String {
    match BATCH_BINS[bin] {
        (0, high) => format!("up to {high}"),
        (low, u64::MAX) => format!("above {}", low - 1),
        (low, high) => format!("{low} to {high}"),
    }
}

/// Numbers and table row of a bin; its pairs are sorted by the change of energy.
fn put_bin(found: &mut Observation, names: &str, bin: usize, pairs: &[Pair<'_, '_>]) -> Vec<Cell> {
    let of = format!("{names}, batch {}", bin_words(bin));
    let narrow = &pairs[0].narrow.precision;
    found.put(&of, "pairs", pairs.len() as f64, "pairs");
    let energy: Vec<f64> = pairs.iter().map(Pair::energy).collect();
    let mut latency: Vec<f64> = pairs.iter().filter_map(Pair::latency).collect();
    latency.sort_by(f64::total_cmp);
    let mut wins = [None, None];
    for (at, (metric, changes)) in [("energy", &energy), ("latency", &latency)].into_iter().enumerate() {
        if !changes.is_empty() {
            let own = changes.iter().filter(|change| **change < 0.0).count() as f64;
            wins[at] = Some(own);
            found.put(&of, &format!("{narrow}_wins_{metric}"), own, "pairs");
            found.put_some(&of, &format!("smallest_{metric}_change"), least(changes), "1");
            found.put_some(&of, &format!("median_{metric}_change"), upper_median(changes), "1");
            found.put_some(&of, &format!("largest_{metric}_change"), most(changes), "1");
        }
    }
    vec![
        names.into(),
        bin_words(bin).into(),
        pairs.len().into(),
        wins[0].into(),
        least(&energy).into(),
        upper_median(&energy).into(),
        most(&energy).into(),
        wins[1].into(),
        upper_median(&latency).into(),
    ]
}

/// The middle of sorted values; of two the upper.
fn upper_median(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len() / 2).copied()
}

fn finding(bins: &BTreeMap<(String, usize), Vec<Pair<'_, '_>>>) -> String {
    let sentence = |((names, bin), pairs): (&(String, usize), &Vec<Pair<'_, '_>>)| {
        let wins = pairs.iter().filter(|pair| pair.energy() < 0.0).count();
        let middle = pairs[pairs.len() / 2].energy();
        let sign = if middle > 0.0 { "+" } else { "" };
        format!(
            "{names}, batch {}: less energy in {wins} of {} (median {sign}{}).",
            bin_words(*bin),
            plural(pairs.len(), "pair"),
            percent(middle)
        )
    };
    bins.iter().map(sentence).collect::<Vec<_>>().join(" ")
}

/// The median pair of the bin of smallest and of largest batches, for each pair of precisions.
fn medians<'g, 'a>(bins: &BTreeMap<(String, usize), Vec<Pair<'g, 'a>>>) -> Vec<Comparison<'g, 'a>> {
    let mut ends: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (names, bin) in bins.keys() {
        let own = ends.entry(names.as_str()).or_insert((*bin, *bin));
        own.1 = *bin;
    }
    let comparison = |names: &str, bin: usize| {
        let pairs = &bins[&(names.to_owned(), bin)];
        let pair = pairs[pairs.len() / 2];
        let at = format!("{}, {}, batch {}", pair.wide.workload, pair.wide.configuration(), pair.wide.batch);
        Comparison::new(format!("{names} at the median of batches {}: {at}", bin_words(bin)), pair.wide, pair.narrow)
    };
    let both = |(names, (first, last)): (&str, (usize, usize))| {
        let last = (last > first).then(|| comparison(names, last));
        [Some(comparison(names, first)), last]
    };
    ends.into_iter().flat_map(both).flatten().collect()
}
