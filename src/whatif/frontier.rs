//! Which answers are worth having: the frontier of latency and the metric asked about, and limits on metrics.

use super::budget::Budget;
use super::result::{Answer, MetricAnswer, WhatIf};
use crate::stats::{NORMAL_QUANTILE_90, normal_probability};

/// Probability that a metric keeps a budget, its logarithm taken as normal with the interval given.
pub(super) fn within(metrics: &[MetricAnswer], budget: &Budget) -> f64 {
    let Some(own) = metrics.iter().find(|own| own.metric == budget.metric) else { return 0.0 };
    let spread = (own.interval[1] / own.interval[0]).ln() / (2.0 * NORMAL_QUANTILE_90);
    let room = (budget.limit / own.predicted).ln() * if budget.at_most { 1.0 } else { -1.0 };
    if spread > 0.0 { normal_probability(room / spread) } else { f64::from(u8::from(room >= 0.0)) }
}

/// Marks the feasible answers than which no other is better in both axes.
pub(super) fn mark_frontier(found: &mut WhatIf) {
    let Some((latency, _)) = &found.latency else { return };
    let sign = if found.more_is_worse { 1.0 } else { -1.0 };
    let place = |answer: &Answer| {
        let of = |name: &str| answer.metric(name).map(|own| own.predicted);
        answer.feasible.then(|| Some((of(latency)?, sign * of(&found.metric.0)?)))?
    };
    let mut order: Vec<(f64, f64, usize)> =
        found.answers.iter().enumerate().filter_map(|(at, own)| place(own).map(|(x, y)| (x, y, at))).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    let mut lowest = f64::INFINITY;
    for (_, y, at) in order {
        if y < lowest {
            lowest = y;
            found.answers[at].frontier = true;
        }
    }
}

/// The best feasible answer that is more likely than not to keep every budget.
pub(super) fn best(found: &WhatIf) -> Option<usize> {
    let sign = if found.more_is_worse { 1.0 } else { -1.0 };
    let value = |at: usize| Some(sign * found.answers[at].metric(&found.metric.0)?.predicted);
    let is_allowed = |at: &usize| {
        let answer = &found.answers[*at];
        answer.feasible && answer.within.iter().all(|probability| *probability >= 0.5)
    };
    let allowed = (0..found.answers.len()).filter(is_allowed).filter_map(|at| value(at).map(|value| (value, at)));
    allowed.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))).map(|(_, at)| at)
}
