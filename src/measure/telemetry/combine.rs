//! Series of one metric with different labels become one.
//!
//! Labels name replicas (engines, servers), whose values add up, and processes of one engine that repeat its value:
//! those of an API server that knows nothing tell 0, so the largest is the engine's own. An average over them would
//! understate the cache by the number of processes.

use std::collections::BTreeMap;

use super::counter::{Rising, rising};
use super::text::Labels;
use crate::measure::Series;

/// Labels of processes that tell the same thing again: for gauges, and for counters.
const REPEATED_GAUGE: &[&str] = &["pid", "tp_rank", "pp_rank", "moe_ep_rank", "priority"];
const REPEATED_COUNTER: &[&str] = &["tp_rank", "pp_rank", "moe_ep_rank"];
/// Labels of the parts of a histogram and of the kinds of a count, which are no engines.
const NO_ENGINE: &[&str] = &["le", "finished_reason"];

/// A series as it was sampled.
pub(super) type Track<'a> = (&'a Labels, &'a [(f64, f64)]);

/// Tracks by what is left of their labels without `repeated`.
fn groups<'a>(tracks: &[Track<'a>], repeated: &[&str]) -> BTreeMap<Labels, Vec<&'a [(f64, f64)]>> {
    let mut groups: BTreeMap<Labels, Vec<&[(f64, f64)]>> = BTreeMap::new();
    for (labels, points) in tracks {
        groups.entry(without(labels, repeated)).or_default().push(points);
    }
    groups
}

fn without(labels: &Labels, left_out: &[&str]) -> Labels {
    labels.iter().filter(|(name, _)| !left_out.contains(&name.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// How many engines tell a metric.
pub(super) fn engines(tracks: &[Track]) -> usize {
    groups(tracks, &[REPEATED_GAUGE, NO_ENGINE].concat()).len()
}

/// The moments of several series, each once, in order.
fn moments<'a>(series: impl Iterator<Item = &'a Series>) -> Vec<f64> {
    let mut moments: Vec<f64> = series.flat_map(Series::points).map(|point| point.0).collect();
    moments.sort_by(f64::total_cmp);
    moments.dedup();
    moments
}

/// Several series as one: at every moment `join` of the values that there are.
fn joined(series: &[Series], join: impl Fn(&[f64]) -> f64) -> Series {
    let at = |moment: f64| {
        let values: Vec<f64> = series.iter().filter_map(|series| series.at(moment)).collect();
        (moment, join(&values))
    };
    moments(series.iter()).into_iter().map(at).collect()
}

/// A gauge of each engine: the largest value that its processes tell.
fn of_engines(tracks: &[Track]) -> Vec<Series> {
    let largest = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let of_engine = |processes: Vec<&[(f64, f64)]>| {
        let series: Vec<Series> = processes.into_iter().map(|points| points.iter().copied().collect()).collect();
        joined(&series, largest)
    };
    groups(tracks, REPEATED_GAUGE).into_values().map(of_engine).collect()
}

/// A gauge of all engines together.
pub(super) fn sum(tracks: &[Track]) -> Series {
    joined(&of_engines(tracks), |values| values.iter().sum())
}

/// The mean of a gauge over engines.
pub(super) fn mean(tracks: &[Track]) -> Series {
    joined(&of_engines(tracks), |values| values.iter().sum::<f64>() / values.len().max(1) as f64)
}

/// A counter of all engines together, since the first sample of any. One that appears later, after `spacing` and more,
/// has counted from zero, unless it shows more than it counts in that time: then it was only not sampled before. One that
/// ends keeps what it counted.
pub(super) fn counted(tracks: &[Track], spacing: f64) -> Rising {
    let start =
        tracks.iter().filter_map(|(_, points)| points.first()).map(|point| point.0).fold(f64::INFINITY, f64::min);
    let from_birth = |points: &[(f64, f64)]| {
        let mut points = points.to_vec();
        let largest_step = points.windows(2).map(|pair| pair[1].1 - pair[0].1).fold(0.0, f64::max);
        match points.first() {
            Some(&(at, value)) if at > start + 1.5 * spacing && value <= 3.0 * largest_step => {
                points.insert(0, (at - spacing, 0.0));
            }
            _ => {}
        }
        rising(&points)
    };
    let of_engine = |processes: Vec<&[(f64, f64)]>| {
        let counters: Vec<Rising> = processes.into_iter().map(from_birth).collect();
        added(&counters, |values| values.iter().copied().fold(0.0, f64::max))
    };
    let engines: Vec<Rising> = groups(tracks, REPEATED_COUNTER).into_values().map(of_engine).collect();
    added(&engines, |values| values.iter().sum())
}

/// Rising series as one: each is 0 before it began and keeps its last value.
fn added(counters: &[Rising], join: impl Fn(&[f64]) -> f64) -> Rising {
    let held = |series: &Series, moment: f64| {
        let points = series.points();
        let before = points.first().is_none_or(|first| moment < first.0);
        if before { 0.0 } else { series.at(moment).or(points.last().map(|last| last.1)).unwrap_or(0.0) }
    };
    let at = |moment: f64| {
        let values: Vec<f64> = counters.iter().map(|counter| held(&counter.series, moment)).collect();
        (moment, join(&values))
    };
    let series = moments(counters.iter().map(|counter| &counter.series)).into_iter().map(at).collect();
    let mut resets: Vec<f64> = counters.iter().flat_map(|counter| counter.resets.iter().copied()).collect();
    resets.sort_by(f64::total_cmp);
    resets.dedup();
    Rising { series, resets }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn engines_add_up_and_their_processes_do_not() {
        let own = [
            (labels(&[("engine", "0"), ("pid", "7")]), vec![(0.0, 0.6), (1.0, 0.8)]),
            (labels(&[("engine", "0"), ("pid", "8")]), vec![(0.0, 0.0), (1.0, 0.0)]),
            (labels(&[("engine", "1"), ("pid", "9")]), vec![(0.5, 0.2), (1.0, 0.4)]),
        ];
        let tracks: Vec<Track> = own.iter().map(|(labels, points)| (labels, points.as_slice())).collect();
        assert_eq!(engines(&tracks), 2);
        let total = sum(&tracks);
        assert!((total.at(1.0).unwrap() - 1.2).abs() < 1e-12);
        assert!((total.at(0.0).unwrap() - 0.6).abs() < 1e-12);
        assert!((mean(&tracks).at(1.0).unwrap() - 0.6).abs() < 1e-12);
    }

    #[test]
    fn a_process_that_is_born_counts_from_zero_and_one_that_dies_keeps_its_count() {
        let own = [
            (labels(&[("pod", "a")]), vec![(0.0, 50.0), (1.0, 60.0), (2.0, 70.0)]),
            (labels(&[("pod", "b")]), vec![(5.0, 8.0), (6.0, 18.0)]),
        ];
        let tracks: Vec<Track> = own.iter().map(|(labels, points)| (labels, points.as_slice())).collect();
        let counter = counted(&tracks, 1.0).series;
        assert_eq!(counter.points().last(), Some(&(6.0, 38.0)));
    }
}
