//! How the energy ratio of two GPU types at one deadline comes about: at equal batch, by the batches that the deadline let
//! them run, and by other limits of the batch.
//!
//! With S the run of the smaller batch b and L that of the larger, E the energy per item, `L(b)` the run of L's GPUs at b,
//! c the largest batch that S's GPUs ran and that missed the deadline:
//!
//! ```text
//! ln(E_L / E_S) = ln(E_L(b) / E_S) + ln(E_L / E_L(b)),      share of the deadline = ln(min(b_L, c) / b) / ln(b_L / b)
//! ```

use super::ground::cheapest;
use super::row::Row;

/// The three parts of ln(new / old).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split {
    pub(super) at_equal_batch: f64,
    pub(super) latency_constraint: f64,
    pub(super) other_batch_limit: f64,
}

/// Share of the batch's effect that the deadline brought about.
pub(super) fn deadline_share(old: &Row<'_>, new: &Row<'_>, runs: &[&Row<'_>], deadline: f64) -> f64 {
    let (small, large) = if old.batch <= new.batch { (old, new) } else { (new, old) };
    let missed = |row: &&&Row<'_>| {
        row.gpu == small.gpu
            && row.is_on_curve_of(small)
            && row.batch > small.batch
            && row.latency.is_some_and(|latency| latency > deadline)
    };
    let Some(most) = runs.iter().filter(missed).map(|row| row.batch).max() else { return 0.0 };
    let log = |batch: u64| (batch as f64 / small.batch as f64).ln();
    if large.batch == small.batch { 0.0 } else { log(most.min(large.batch)) / log(large.batch) }
}

/// The split; none where the GPUs of the larger batch did not run the smaller one.
pub(super) fn split(old: &Row<'_>, new: &Row<'_>, runs: &[&Row<'_>], deadline: f64) -> Option<Split> {
    let total = (new.energy / old.energy).ln();
    if old.batch == new.batch {
        return Some(Split { at_equal_batch: total, latency_constraint: 0.0, other_batch_limit: 0.0 });
    }
    let is_new_small = new.batch < old.batch;
    let (small, large) = if is_new_small { (new, old) } else { (old, new) };
    let on_curve = |row: &&&Row<'_>| row.gpu == large.gpu && row.is_on_curve_of(large) && row.batch == small.batch;
    let lowered = cheapest(runs.iter().filter(on_curve).copied())?;
    let equal = (lowered.energy / small.energy).ln();
    let at_equal_batch = if is_new_small { -equal } else { equal };
    let share = deadline_share(old, new, runs, deadline);
    let by_batch = total - at_equal_batch;
    Some(Split { at_equal_batch, latency_constraint: share * by_batch, other_batch_limit: (1.0 - share) * by_batch })
}
