//! What every observation works on: the rows, the GPU types in order, the models that explain.

use std::collections::{BTreeMap, BTreeSet};

use super::result::Doubt;
use super::row::{Kind, LeftOut, Row, row};
use crate::catalog::Catalog;
use crate::fit::Fitted;
use crate::notes::plural;
use crate::runs::Run;
use crate::unit::show_plain;

/// Rows of one key.
pub(super) type Groups<'g, K, R> = BTreeMap<K, Vec<&'g R>>;

/// The material of a study.
pub(super) struct Ground<'a> {
    /// One row for each configuration: of repeats the one of lowest energy.
    pub(super) rows: Vec<Row<'a>>,
    /// Runs that could become rows, repeats included.
    pub(super) runs: usize,
    /// Absolute log differences of repeats of one configuration, smallest first.
    pub(super) repeats: Vec<f64>,
    pub(super) catalog: &'a Catalog,
    pub(super) fitted: &'a [Fitted],
    /// Runs that are not studied.
    pub(super) left_out: Vec<Doubt>,
}

impl<'a> Ground<'a> {
    pub(super) fn new(runs: &[&'a Run], catalog: &'a Catalog, fitted: &'a [Fitted], metric: Option<&str>) -> Self {
        let mut rows = Vec::new();
        let mut left: BTreeMap<LeftOut, Vec<&str>> = BTreeMap::new();
        for run in runs {
            match row(run, catalog, metric) {
                Ok(row) => rows.push(row),
                Err(why) => left.entry(why).or_default().push(&run.id),
            }
        }
        name_lengths(&mut rows);
        name_settings(&mut rows);
        let count = rows.len();
        let (rows, repeats) = without_repeats(rows);
        let mut left_out: Vec<Doubt> = left.into_iter().map(|(why, ids)| left_out(why, &ids)).collect();
        if rows.len() < count {
            let text = format!(
                "{} of a configuration that took less energy in another run",
                plural(count - rows.len(), "repeat")
            );
            left_out.push(Doubt::new("repeats", text, "of repeats the run of lowest energy counts"));
        }
        Self { rows, runs: count, repeats, catalog, fitted, left_out }
    }

    /// Rows of these kinds.
    pub(super) fn of(&self, kinds: &[Kind]) -> Vec<&Row<'a>> {
        self.rows.iter().filter(|row| kinds.contains(&row.kind)).collect()
    }

    /// GPU types of some rows from the oldest to the newest: by memory bandwidth, those the catalog lacks first.
    pub(super) fn gpu_types(&self, rows: &[&Row<'a>]) -> Vec<String> {
        let known: BTreeSet<&str> = rows.iter().map(|row| row.gpu.as_str()).collect();
        let bandwidth =
            |gpu: &str| self.catalog.get("gpu", &[gpu], "memory_bandwidth").and_then(|value| value.number());
        let mut types: Vec<(f64, &str)> = known.into_iter().map(|gpu| (bandwidth(gpu).unwrap_or(0.0), gpu)).collect();
        types.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
        types.into_iter().map(|(_, gpu)| gpu.to_owned()).collect()
    }

    /// The last of the GPU types.
    pub(super) fn newest(&self, rows: &[&Row<'a>]) -> String {
        self.gpu_types(rows).pop().unwrap_or_default()
    }

    /// Pairs of GPU types, the older first.
    pub(super) fn gpu_pairs(&self, rows: &[&Row<'a>]) -> Vec<(String, String)> {
        let types = self.gpu_types(rows);
        let pairs = |at: usize| types[at + 1..].iter().map(move |newer| (at, newer));
        (0..types.len()).flat_map(pairs).map(|(older, newer)| (types[older].clone(), newer.clone())).collect()
    }
}

/// Rows by a key, in its order.
pub(super) fn groups<'g, K: Ord, R>(rows: impl IntoIterator<Item = &'g R>, key: impl Fn(&R) -> K) -> Groups<'g, K, R> {
    let mut found: Groups<'g, K, R> = BTreeMap::new();
    for row in rows {
        found.entry(key(row)).or_default().push(row);
    }
    found
}

/// The row of lowest energy; the first of equals.
pub(super) fn cheapest<'g, 'a>(rows: impl IntoIterator<Item = &'g Row<'a>>) -> Option<&'g Row<'a>>
where
    'a: 'g,
{
    rows.into_iter().min_by(|a, b| a.energy.total_cmp(&b.energy))
}

/// Where the lengths of a task's requests were set by hand, they belong to the workload: they are then the same in
/// several runs, while measured means never are.
fn name_lengths(rows: &mut [Row<'_>]) {
    let lengths = |row: &Row<'_>| {
        let show = |name: &str| row.run.number(name).map(show_plain).unwrap_or_default();
        (show("prompt_tokens"), show("output_tokens"))
    };
    let mut seen: BTreeMap<String, (usize, BTreeSet<(String, String)>)> = BTreeMap::new();
    for row in rows.iter() {
        let own = seen.entry(row.task.clone()).or_default();
        own.0 += 1;
        own.1.insert((format!("{:?}", row.run.number("prompt_tokens")), format!("{:?}", row.output_tokens)));
    }
    for row in rows.iter_mut().filter(|row| row.kind.is_language()) {
        let (count, distinct) = &seen[&row.task];
        if distinct.len() > 1 && 2 * distinct.len() <= *count {
            let (prompt, output) = lengths(row);
            row.workload = format!("{} {prompt}+{output}", row.task);
        }
    }
}

/// Where a diffusion model ran with several settings, they belong to the workload.
fn name_settings(rows: &mut [Row<'_>]) {
    let setting = |row: &Row<'_>| ["steps", "height", "width", "frames"].map(|name| row.run.number(name));
    let mut seen: BTreeMap<(String, String), Vec<[Option<f64>; 4]>> = BTreeMap::new();
    for row in rows.iter() {
        let own = seen.entry((row.task.clone(), row.model.clone())).or_default();
        if !own.contains(&setting(row)) {
            own.push(setting(row));
        }
    }
    for row in rows.iter_mut().filter(|row| !row.kind.is_language()) {
        if seen[&(row.task.clone(), row.model.clone())].len() > 1 {
            row.workload = format!("{} {}", row.task, setting_words(row.run));
        }
    }
}

/// `50 steps, 768x1360, 81 frames`.
pub(super) fn setting_words(run: &Run) -> String {
    let number = |name: &str| run.number(name).map(show_plain);
    let size = number("height").zip(number("width")).map(|(height, width)| format!("{height}x{width}"));
    let parts = [number("steps").map(|n| format!("{n} steps")), size, number("frames").map(|n| format!("{n} frames"))];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Of the runs of one configuration the one of lowest energy, and how far they are apart.
fn without_repeats(rows: Vec<Row<'_>>) -> (Vec<Row<'_>>, Vec<f64>) {
    let mut sets: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        let place = (row.workload.clone(), row.checkpoint(), row.gpu.clone(), row.gpus, row.batch);
        sets.entry((place, row.parallel.clone(), row.rest.clone(), row.unit.clone())).or_default().push(index);
    }
    let mut repeats = Vec::new();
    let mut kept = BTreeSet::new();
    for set in sets.values() {
        for (place, &one) in set.iter().enumerate() {
            repeats.extend(set[place + 1..].iter().map(|&other| (rows[one].energy / rows[other].energy).ln().abs()));
        }
        kept.extend(set.iter().copied().min_by(|&a, &b| rows[a].energy.total_cmp(&rows[b].energy)));
    }
    repeats.sort_by(f64::total_cmp);
    let rows = rows.into_iter().enumerate().filter(|(index, _)| kept.contains(index)).map(|(_, row)| row).collect();
    (rows, repeats)
}

fn left_out(why: LeftOut, ids: &[&str]) -> Doubt {
    let (code, reason) = match why {
        LeftOut::NoEnergy => ("no_energy", "without the energy that is compared"),
        LeftOut::OpenLoop => ("open_loop", "whose requests came at a rate, so that no batch was set"),
        LeftOut::Incomplete => ("incomplete", "without a model, a GPU type or a batch size"),
    };
    Doubt::new(code, format!("{} {reason}", plural(ids.len(), "run")), "").by(ids[0])
}
