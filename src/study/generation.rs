//! Does a newer GPU type save energy at the same latency?
//!
//! Numbers of `NEWER against OLDER, TASK, DEADLINE` (and `no deadline`): `comparisons`, `NEWER_wins`, `median_reduction`,
//! `smallest_reduction`, `largest_reduction` (1 − energy of the newer over that of the older). Of `NEWER against OLDER, TASK`
//! the same over all deadlines, and how the logs of the energy ratios come about, over the comparisons that could be split
//! (`comparisons_split`): `mean_log_ratio` = `mean_log_at_equal_batch` + `mean_log_latency_constraint` +
//! `mean_log_other_batch_limit`. `text without sourcegraph-fim` pools the text tasks of the published comparison.

use std::collections::BTreeMap;

use super::caveats::caveats;
use super::compose::{Pooled, by_energy, count, least, most};
use super::constants::{IMAGE_DEADLINES, NOT_POOLED, TOKEN_DEADLINES, VIDEO_DEADLINES};
use super::decompose::{Comparison, decompose};
use super::ground::{Ground, cheapest, groups};
use super::result::{Cell, Observation, Rows};
use super::row::{Kind, Row};
use super::split::{Split, deadline_share, split};
use crate::notes::plural;
use crate::stats::{mean, median};
use crate::unit::{percent, show};

const DEFINITION: &str = "For each task, model, precision and deadline: on each GPU type the run of lowest energy per item, over all \
    GPU counts and batches, among those that keep the deadline; compared where both types have one. The newer type (by memory \
    bandwidth) wins if it takes less. Deadlines: 50, 100 and 250 ms of median time between tokens; 10, 30 and 60 s of a batch of \
    images; 100, 500 and 1000 s of a batch of videos. Split of ln(energy ratio): the part at equal batch is measured where the \
    type with the larger batch also ran the smaller one on the same GPUs; of the rest, the part up to the largest batch that the \
    other type ran and that missed the deadline is the deadline's (latency_constraint), what is left is another limit of the batch \
    (memory, or the end of the sweep).";

/// The best runs of two GPU types within a deadline.
pub(super) struct Match<'g, 'a> {
    pub(super) old: &'g Row<'a>,
    pub(super) new: &'g Row<'a>,
    /// s; none for no deadline.
    pub(super) deadline: Option<f64>,
    pub(super) split: Option<Split>,
    /// Share of the deadline in what the batch brought.
    pub(super) by_deadline: f64,
}

impl Match<'_, '_> {
    fn ratio(&self) -> f64 {
        self.new.energy / self.old.energy
    }

    fn deadline_words(&self) -> String {
        self.deadline.map_or_else(|| "no deadline".to_owned(), |seconds| show(seconds, "s"))
    }
}

pub(super) fn observe(ground: &Ground<'_>) -> Observation {
    let mut found = Observation::new("gpu_generation", "GPU type at matched latency", DEFINITION);
    let rows: Vec<&Row<'_>> = ground.rows.iter().collect();
    let types = ground.gpu_types(&rows);
    if types.len() < 2 {
        return found.without(match types.first() {
            Some(only) => format!("all runs are of one GPU type, {only}"),
            None => "there are no runs to compare".to_owned(),
        });
    }
    let mut all = Vec::new();
    for (older, newer) in ground.gpu_pairs(&rows) {
        for own in groups(rows.iter().copied(), |row| (row.workload.clone(), row.checkpoint())).into_values() {
            all.extend(matches(&own, &older, &newer));
        }
    }
    if all.is_empty() {
        return found.without("no model ran one task on two GPU types");
    }
    let table = put_pools(&mut found, &all);
    found.tables.push(table);
    found.finding = finding(&all);
    let lost = all.iter().filter(|one| one.deadline.is_some() && one.ratio() > 1.0);
    found.counter(
        lost.map(|one| {
            let text =
                format!("{} takes more than {} at {}", one.new.hardware(), one.old.hardware(), one.deadline_words());
            by_energy(one.old, one.new, text)
        })
        .collect(),
    );
    let compared: Vec<_> = all.iter().map(|one| (one.old, one.new)).collect();
    found.caveats = caveats(ground, &compared);
    decompose(ground, &mut found, chosen(&all));
    found
}

fn deadlines(kind: Kind) -> [f64; 3] {
    match kind {
        Kind::Text | Kind::Multimodal => TOKEN_DEADLINES,
        Kind::Image => IMAGE_DEADLINES,
        Kind::Video => VIDEO_DEADLINES,
    }
}

/// The comparisons of one task and model.
fn matches<'g, 'a>(own: &[&'g Row<'a>], older: &str, newer: &str) -> Vec<Match<'g, 'a>> {
    let best = |gpu: &str, deadline: Option<f64>| {
        let keeps = |row: &Row<'_>| deadline.is_none_or(|limit| row.latency.is_some_and(|latency| latency <= limit));
        cheapest(own.iter().copied().filter(|row| row.gpu == gpu && keeps(row)))
    };
    let all = deadlines(own[0].kind).into_iter().map(Some).chain([None]);
    all.filter_map(|deadline| {
        let (old, new) = (best(older, deadline)?, best(newer, deadline)?);
        let split = deadline.and_then(|limit| split(old, new, own, limit));
        let by_deadline = deadline.map_or(0.0, |limit| deadline_share(old, new, own, limit));
        Some(Match { old, new, deadline, split, by_deadline })
    })
    .collect()
}

/// What a comparison counts towards.
fn pools(one: &Match<'_, '_>) -> Vec<String> {
    let head = format!("{} against {}", one.new.gpu, one.old.gpu);
    let mut pools = vec![format!("{head}, {}", one.new.workload)];
    if one.new.kind == Kind::Text && !NOT_POOLED.contains(&one.new.task.as_str()) {
        pools.push(format!("{head}, text without {}", NOT_POOLED.join(" and ")));
    }
    pools
}

/// Numbers of every pool, and the table of those over all deadlines.
fn put_pools(found: &mut Observation, all: &[Match<'_, '_>]) -> Rows {
    let mut by_deadline = Pooled::new();
    let mut whole: BTreeMap<String, Vec<&Match<'_, '_>>> = BTreeMap::new();
    for one in all {
        for pool in pools(one) {
            by_deadline.entry(format!("{pool}, {}", one.deadline_words())).or_default().push(one.ratio());
            if one.deadline.is_some() {
                whole.entry(pool).or_default().push(one);
            }
        }
    }
    for (of, ratios) in &by_deadline {
        put_ratios(found, of, ratios);
    }
    let mut table = Rows::new(
        "Over all deadlines: energy of the newer type, and the parts of its mean (factors)",
        &[
            ("task", ""),
            ("pairs", "pairs"),
            ("newer wins", "pairs"),
            ("median", "x"),
            ("least", "x"),
            ("most", "x"),
            ("split", "pairs"),
            ("mean", "x"),
            ("equal batch", "x"),
            ("deadline", "x"),
            ("other limit", "x"),
        ],
    );
    for (of, matches) in &whole {
        let ratios: Vec<f64> = matches.iter().map(|one| one.ratio()).collect();
        put_ratios(found, of, &ratios);
        let parts = put_splits(found, of, matches);
        let mut cells = vec![Cell::from(of.clone()), ratios.len().into(), count(&ratios, |ratio| *ratio < 1.0).into()];
        cells.extend([median(&ratios), least(&ratios), most(&ratios)].map(Cell::from));
        cells.extend(parts.map(Cell::from));
        table.rows.push(cells);
    }
    table
}

fn put_ratios(found: &mut Observation, of: &str, ratios: &[f64]) {
    let newer = of.split(' ').next().unwrap_or_default().to_lowercase();
    found.put(of, "comparisons", ratios.len() as f64, "pairs");
    found.put(of, &format!("{newer}_wins"), count(ratios, |ratio| *ratio < 1.0), "pairs");
    found.put_some(of, "median_reduction", median(ratios).map(|ratio| 1.0 - ratio), "1");
    found.put_some(of, "smallest_reduction", most(ratios).map(|ratio| 1.0 - ratio), "1");
    found.put_some(of, "largest_reduction", least(ratios).map(|ratio| 1.0 - ratio), "1");
}

/// The parts of the mean log ratio of a pool; as factors: how many, the mean, equal batch, deadline, other limits.
fn put_splits(found: &mut Observation, of: &str, matches: &[&Match<'_, '_>]) -> [Option<f64>; 5] {
    let known: Vec<(f64, Split)> = matches.iter().filter_map(|one| Some((one.ratio().ln(), one.split?))).collect();
    let part = |get: fn(&Split) -> f64| mean(&known.iter().map(|(_, split)| get(split)).collect::<Vec<f64>>());
    let parts = [
        ("mean_log_ratio", mean(&known.iter().map(|(log, _)| *log).collect::<Vec<f64>>())),
        ("mean_log_at_equal_batch", part(|split| split.at_equal_batch)),
        ("mean_log_latency_constraint", part(|split| split.latency_constraint)),
        ("mean_log_other_batch_limit", part(|split| split.other_batch_limit)),
    ];
    if !known.is_empty() {
        found.put(of, "comparisons_split", known.len() as f64, "pairs");
    }
    for (name, value) in parts {
        found.put_some(of, name, value, "1");
    }
    let factor = |at: usize| parts[at].1.map(f64::exp);
    [Some(known.len() as f64), factor(0), factor(1), factor(2), factor(3)]
}

fn finding(all: &[Match<'_, '_>]) -> String {
    let mut pooled: BTreeMap<(String, &str), Vec<f64>> = BTreeMap::new();
    for one in all.iter().filter(|one| one.deadline.is_some() && !NOT_POOLED.contains(&one.new.task.as_str())) {
        let types = format!("{} takes less than {}", one.new.gpu, one.old.gpu);
        pooled.entry((types, one.new.kind.name())).or_default().push(one.ratio());
    }
    let sentence = |((types, kind), ratios): (&(String, &str), &Vec<f64>)| {
        let wins = ratios.iter().filter(|ratio| **ratio < 1.0).count();
        Some(format!(
            "{types} in {wins} of {} of {kind} tasks (median {}).",
            plural(ratios.len(), "comparison"),
            percent(median(ratios)? - 1.0)
        ))
    };
    pooled.iter().filter_map(sentence).collect::<Vec<_>>().join(" ")
}

/// Per kind: the largest saving without a deadline, and where the newer type loses most within one (tokens from text), or the
/// largest saving within one.
fn chosen<'g, 'a>(all: &[Match<'g, 'a>]) -> Vec<Comparison<'g, 'a>> {
    let comparison = |one: &Match<'g, 'a>| {
        let words = format!("{}, {}, {}", one.new.checkpoint(), one.new.workload, one.deadline_words());
        let words = format!("{} against {}: {words}", one.new.hardware(), one.old.hardware());
        Comparison { by_deadline: one.by_deadline, ..Comparison::new(words, one.old, one.new) }
    };
    let mut found = Vec::new();
    for kind in [Kind::Text, Kind::Image, Kind::Video] {
        let own = || all.iter().filter(move |one| one.new.kind == kind);
        let best = own().filter(|one| one.deadline.is_none()).min_by(|x, y| x.ratio().total_cmp(&y.ratio()));
        found.extend(best.map(comparison));
        if kind == Kind::Text {
            let late = || own().filter(|one| one.deadline.is_some());
            let worst = late().filter(|one| one.ratio() > 1.0).max_by(|x, y| x.ratio().total_cmp(&y.ratio()));
            found.extend(worst.map(comparison));
            let bound =
                late().max_by(|x, y| x.by_deadline.total_cmp(&y.by_deadline).then(y.ratio().total_cmp(&x.ratio())));
            let is_other =
                |one: &&Match<'_, '_>| one.by_deadline > 0.0 && worst.is_none_or(|worst| !std::ptr::eq(*one, worst));
            found.extend(bound.filter(is_other).map(comparison));
        }
    }
    found
}
