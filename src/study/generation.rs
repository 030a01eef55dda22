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
use super::result::{Cell, Counterexample, Observation, Rows};
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

/// What stands for a deadline where there is none.
const NO_DEADLINE: &str = "no deadline";

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

    /// The newer type takes more.
    fn lost(&self) -> Counterexample {
        let (old, new) = (self.old.hardware(), self.new.hardware());
        by_energy(self.old, self.new, format!("{new} takes more than {old} at {}", self.deadline_words()))
    }

    fn deadline_words(&self) -> String {
        self.deadline.map_or_else(|| NO_DEADLINE.to_owned(), |seconds| show(seconds, "s"))
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
    put_pools(&mut found, &all);
    found.finding = finding(&all);
    for is_text in [true, false] {
        let lost = all.iter().filter(|one| one.deadline.is_some() && one.ratio() > 1.0);
        found.counter(lost.filter(|one| (one.new.kind == Kind::Text) == is_text).map(Match::lost).collect());
    }
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

/// Numbers and tables of every pool: over all deadlines, for each of them, and without one.
fn put_pools(found: &mut Observation, all: &[Match<'_, '_>]) {
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
    let columns =
        [("runs", ""), ("pairs", "pairs"), ("newer less", "pairs"), ("median", "x"), ("least", "x"), ("most", "x")];
    let mut ratios = Rows::new("Energy of the newer type over the older", &columns);
    let columns = [
        ("runs", ""),
        ("pairs", "pairs"),
        ("mean", "x"),
        ("equal batch", "x"),
        ("deadline", "x"),
        ("other limit", "x"),
    ];
    let mut parts = Rows::new("The geometric mean over all deadlines, and the parts that multiply to it", &columns);
    for (of, matches) in &whole {
        let own: Vec<f64> = matches.iter().map(|one| one.ratio()).collect();
        ratios.rows.push(put_ratios(found, of, &own));
        parts.rows.extend(put_splits(found, of, matches));
    }
    for (of, own) in &by_deadline {
        let row = put_ratios(found, of, own);
        if of.ends_with(NO_DEADLINE) {
            ratios.rows.push(row);
        }
    }
    found.tables.push(ratios);
    if !parts.rows.is_empty() {
        found.tables.push(parts);
    }
}

fn put_ratios(found: &mut Observation, of: &str, ratios: &[f64]) -> Vec<Cell> {
    let newer = of.split(' ').next().unwrap_or_default().to_lowercase();
    let wins = count(ratios, |ratio| *ratio < 1.0);
    let [middle, low, high] = [median(ratios), least(ratios), most(ratios)];
    found.put(of, "comparisons", ratios.len() as f64, "pairs");
    found.put(of, &format!("{newer}_wins"), wins, "pairs");
    found.put_some(of, "median_reduction", middle.map(|ratio| 1.0 - ratio), "1");
    found.put_some(of, "smallest_reduction", high.map(|ratio| 1.0 - ratio), "1");
    found.put_some(of, "largest_reduction", low.map(|ratio| 1.0 - ratio), "1");
    vec![of.into(), ratios.len().into(), wins.into(), middle.into(), low.into(), high.into()]
}

/// The parts of the mean log ratio of a pool; none if no comparison could be split.
fn put_splits(found: &mut Observation, of: &str, matches: &[&Match<'_, '_>]) -> Option<Vec<Cell>> {
    let known: Vec<(f64, Split)> = matches.iter().filter_map(|one| Some((one.ratio().ln(), one.split?))).collect();
    let part = |get: fn(&(f64, Split)) -> f64| mean(&known.iter().map(get).collect::<Vec<f64>>());
    let parts = [
        ("mean_log_ratio", part(|(log, _)| *log)?),
        ("mean_log_at_equal_batch", part(|(_, split)| split.at_equal_batch)?),
        ("mean_log_latency_constraint", part(|(_, split)| split.latency_constraint)?),
        ("mean_log_other_batch_limit", part(|(_, split)| split.other_batch_limit)?),
    ];
    found.put(of, "comparisons_split", known.len() as f64, "pairs");
    for (name, value) in &parts {
        found.put(of, name, *value, "1");
    }
    let factors = parts.iter().map(|(_, value)| Cell::from(value.exp()));
    Some([Cell::from(of), known.len().into()].into_iter().chain(factors).collect())
}

fn finding(all: &[Match<'_, '_>]) -> String {
    let has_deadlines = all.iter().any(|one| one.deadline.is_some());
    let counts =
        |one: &&Match<'_, '_>| one.deadline.is_some() == has_deadlines && !NOT_POOLED.contains(&one.new.task.as_str());
    let within = if has_deadlines { "" } else { ", without a deadline," };
    let mut pooled: BTreeMap<(Kind, String), Vec<f64>> = BTreeMap::new();
    for one in all.iter().filter(counts) {
        let types = format!("{} takes less than {}{within}", one.new.gpu, one.old.gpu);
        pooled.entry((one.new.kind, types)).or_default().push(one.ratio());
    }
    let sentence = |((kind, types), ratios): (&(Kind, String), &Vec<f64>)| {
        let wins = ratios.iter().filter(|ratio| **ratio < 1.0).count();
        Some(format!(
            "{types} in {wins} of {} of {} tasks (median {}).",
            plural(ratios.len(), "comparison"),
            kind.name(),
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
