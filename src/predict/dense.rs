//! Many values of one condition: predicted at nodes, and between them along the logarithm of the condition.
//!
//! Metrics are smooth in a batch size; between two nodes a twelfth apart the logarithm of a metric is taken as linear in the
//! logarithm of the batch size. Where something switches between two nodes (a limit breaks, a state becomes the likelier one), the
//! place is found by halving.

use std::collections::BTreeMap;

use super::answer::{Answer, MetricAnswer};
use crate::model::FrameError;
use crate::runs::{Run, Value};

/// Least ratio of the values of two nodes.
const APART: f64 = 1.0 + 1.0 / 12.0;
/// A group of fewer configurations is predicted as it is.
const FEW: usize = 24;

/// Configurations predicted at once: bounds the memory that predictions take.
const AT_ONCE: usize = 8192;

/// Configurations that differ in one condition only, sorted by it: value and index.
pub(super) type Group = Vec<(f64, usize)>;

/// Predicts configurations, in their [`groups`], by `predict`; those that are close together between each other.
pub(super) fn predict_dense(
    asked: &[Run],
    groups: &[Group],
    predict: impl Fn(&[Run]) -> Result<Vec<Answer>, FrameError>,
) -> Result<Vec<Answer>, FrameError> {
    let mut answers: Vec<Option<Answer>> = vec![None; asked.len()];
    let fill = |answers: &mut Vec<Option<Answer>>, wanted: Vec<usize>| -> Result<(), FrameError> {
        for wanted in wanted.chunks(AT_ONCE) {
            let runs: Vec<Run> = wanted.iter().map(|&index| asked[index].clone()).collect();
            for (&index, answer) in wanted.iter().zip(predict(&runs)?) {
                answers[index] = Some(answer);
            }
        }
        Ok(())
    };
    let mut nodes: Vec<Vec<usize>> = groups.iter().map(nodes).collect();
    let own = |(group, nodes): (&Group, &Vec<usize>)| nodes.iter().map(|&at| group[at].1).collect::<Vec<usize>>();
    let mut wanted: Vec<usize> = groups.iter().zip(&nodes).flat_map(own).collect();
    // Where something switches between two nodes, the place is halved until it lies between neighbors.
    while !wanted.is_empty() {
        fill(&mut answers, std::mem::take(&mut wanted))?;
        for (group, nodes) in groups.iter().zip(&mut nodes) {
            let middles = middles(group, nodes, &answers);
            wanted.extend(middles.iter().map(|&at| group[at].1));
            nodes.extend(middles);
            nodes.sort_unstable();
        }
    }
    for (group, nodes) in groups.iter().zip(&nodes) {
        for pair in nodes.windows(2).filter(|pair| pair[1] - pair[0] > 1) {
            let ends = (group[pair[0]], group[pair[1]]);
            let (Some(low), Some(high)) = (answers[ends.0.1].clone(), answers[ends.1.1].clone()) else { continue };
            for &(value, index) in &group[pair[0] + 1..pair[1]] {
                if answers[index].is_none() {
                    let share = (value / ends.0.0).ln() / (ends.1.0 / ends.0.0).ln();
                    answers[index] = Some(between(&asked[index], &low, &high, share));
                }
            }
        }
    }
    Ok(answers.into_iter().flatten().collect())
}

/// One configuration of every group that agrees in all conditions but one.
pub(super) fn heads(asked: &[Run], groups: &[Group]) -> Vec<Run> {
    groups.iter().filter_map(|group| group.first()).map(|(_, index)| asked[*index].clone()).collect()
}

/// Configurations that agree in all other conditions; those without a number above zero stand alone.
pub(super) fn groups(asked: &[Run], along: &str) -> Vec<Group> {
    let mut found: BTreeMap<Vec<(&str, String)>, Group> = BTreeMap::new();
    for (index, run) in asked.iter().enumerate() {
        let others = run.conditions.iter().filter(|(name, _)| *name != along);
        let key = others.map(|(name, value): (&String, &Value)| (name.as_str(), value.to_string())).collect();
        let value = run.number(along).unwrap_or(1.0);
        found.entry(key).or_default().push((value, index));
    }
    let sorted = |mut group: Group| {
        group.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        group
    };
    found.into_values().map(sorted).collect()
}

/// The places of a group that are predicted by themselves: all of a small one.
fn nodes(group: &Group) -> Vec<usize> {
    let last = group.len() - 1;
    if group.len() < FEW || group[0].0 <= 0.0 {
        return (0..=last).collect();
    }
    let mut found = vec![0];
    let mut at = 0;
    while at < last {
        let next = group.partition_point(|(value, _)| *value < group[at].0 * APART);
        at = next.max(at + 1).min(last);
        found.push(at);
    }
    found
}

/// The middle of every two nodes between which something switches.
fn middles(group: &Group, nodes: &[usize], answers: &[Option<Answer>]) -> Vec<usize> {
    let of = |at: usize| answers[group[at].1].as_ref();
    let is_open = |pair: &&[usize]| {
        pair[1] - pair[0] > 1 && of(pair[0]).zip(of(pair[1])).is_some_and(|(low, high)| switches(low, high))
    };
    nodes.windows(2).filter(is_open).map(|pair| usize::midpoint(pair[0], pair[1])).collect()
}

/// Whether something is not smooth between two answers.
fn switches(low: &Answer, high: &Answer) -> bool {
    let likelier = |answer: &Answer| answer.states.iter().map(|(.., second)| *second > 0.5).collect::<Vec<bool>>();
    low.broken != high.broken || likelier(low) != likelier(high) || low.metrics.len() != high.metrics.len()
}

/// The answer a share of the way from one to another.
fn between(run: &Run, low: &Answer, high: &Answer, share: f64) -> Answer {
    let mixed = |a: f64, b: f64| (a.ln() * (1.0 - share) + b.ln() * share).exp();
    let metric = |(a, b): (&MetricAnswer, &MetricAnswer)| MetricAnswer {
        metric: a.metric.clone(),
        unit: a.unit.clone(),
        predicted: mixed(a.predicted, b.predicted),
        interval: [mixed(a.interval[0], b.interval[0]), mixed(a.interval[1], b.interval[1])],
        measured: run.metrics.get(&a.metric).copied(),
    };
    let milder = if low.severity >= high.severity { low } else { high };
    Answer {
        run: run.id.clone(),
        support: milder.support.clone(),
        severity: milder.severity,
        changes: milder.changes.clone(),
        broken: low.broken.clone(),
        states: low.states.clone(),
        metrics: low.metrics.iter().zip(&high.metrics).map(metric).collect(),
    }
}
