//! How far predictions are from measurements, metric by metric and group by group.

use super::super::{Column, Document, Table, Text};
use crate::fit::{Accuracy, Summary};
use crate::unit::percent;

/// Metrics whose residuals are shown, where runs have them.
const METRICS: &[&str] = &["energy_per_token", "power", "itl_p50", "throughput"];
/// A group is marked whose median error is this many times that of all runs,
const WORSE: f64 = 1.5;
/// if it has at least so many runs.
const FEWEST: usize = 3;

/// Errors overall, then by group, metric by metric.
pub(super) fn residuals(document: &mut Document, summary: &Summary) {
    let all = |metric: &str| errors(summary, metric, "all").copied();
    let metrics: Vec<(&str, Accuracy)> = METRICS.iter().filter_map(|metric| Some((*metric, all(metric)?))).collect();
    if metrics.is_empty() {
        return;
    }
    document.heading("Residuals");
    document.paragraph(
        "How far a run's prediction, from its conditions alone, is from its measurement. These runs were fitted to, so \
         that runs of other kinds will be further off.",
    );
    let heads = |first: &str| {
        Table::new([
            Column::left(Text::new().plain(first)),
            Column::right("runs"),
            Column::right("median"),
            Column::right("mean"),
            Column::right("90 % below"),
            Column::left(""),
        ])
    };
    let mut table = heads("metric");
    for (metric, errors) in &metrics {
        table.row(row(metric, errors, Text::new()));
    }
    document.table(table);
    for (metric, overall) in metrics {
        let mut table = heads(metric);
        for (name, errors) in groups(summary, metric) {
            let is_worse = errors.runs >= FEWEST && errors.median > WORSE * overall.median;
            table.row(row(name, errors, if is_worse { Text::new().bad("worse") } else { Text::new() }));
        }
        if !table.is_empty() {
            document.table(table);
        }
    }
}

fn errors<'s>(summary: &'s Summary, metric: &str, group: &str) -> Option<&'s Accuracy> {
    summary.accuracy.iter().find(|(own, name, _)| own == metric && name == group).map(|(_, _, errors)| errors)
}

/// Groups of a metric, in the order of conditions that a reader expects; groups of a condition that only has one value
/// say what "all" says and are left out.
fn groups<'s>(summary: &'s Summary, metric: &str) -> Vec<(&'s str, &'s Accuracy)> {
    let mut found = Vec::new();
    for condition in ["task", "gpu", "gpus", "precision", "model"] {
        let prefix = format!("{condition}=");
        let mut own: Vec<(&str, &Accuracy)> = summary
            .accuracy
            .iter()
            .filter(|(name, group, _)| name == metric && group.starts_with(&prefix))
            .map(|(_, group, errors)| (group.as_str(), errors))
            .collect();
        let by_count = |group: &str| group[prefix.len()..].parse::<f64>().unwrap_or(f64::INFINITY);
        own.sort_by(|a, b| by_count(a.0).total_cmp(&by_count(b.0)).then(b.1.median.total_cmp(&a.1.median)));
        if own.len() > 1 {
            found.extend(own);
        }
    }
    found
}

fn row(name: &str, errors: &Accuracy, mark: Text) -> [Text; 6] {
    let share = |share: f64| Text::new().plain(percent(share));
    [
        Text::new().plain(name),
        Text::new().plain(errors.runs.to_string()),
        share(errors.median),
        share(errors.mean),
        share(errors.p90),
        mark,
    ]
}
