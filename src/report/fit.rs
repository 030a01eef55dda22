//! What a fit says, for a reader: from which runs, why the search stopped, estimates, what stays open, residuals.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value as Json, json as object};

use super::graph::in_unit;
use super::{Column, Document, Table, Text};
use crate::fit::{Accuracy, Fitted, ParameterEstimate, Summary, WeakDirection};
use crate::notes::plural;
use crate::unit::percent;

/// Metrics whose residuals are shown, where runs have them.
const METRICS: &[&str] = &["energy_per_token", "power", "itl_p50", "throughput"];
/// A group is marked whose median error is this many times that of all runs,
const WORSE: f64 = 1.5;
/// if it has at least so many runs.
const FEWEST: usize = 3;
/// As many trades between parameters as are put into words.
const MOST_TRADES: usize = 8;
/// Members of a direction with less weight than this share of the largest are left out of the words.
const SMALL: f64 = 0.4;
/// Below this share decided by the data, a parameter is its prior.
const UNTOUCHED: f64 = 0.02;
/// From this ratio of posterior to prior spread on, a direction is as wide as any other such one.
const MIXED: f64 = 0.995;

/// The document of a fit; `written` is the file that its parameters were written to.
pub fn summary(fitted: &Fitted, summary: &Summary, written: Option<&Path>) -> Document {
    let record = &fitted.record;
    let mut document = Document::new(Text::new().plain("Fit of model ").code(&fitted.model.name));
    let sources: Vec<String> = record.sources.iter().map(|(source, runs)| format!("{source} {runs}")).collect();
    let mut fields = vec![
        (Text::from("runs"), Text::new().strong(record.runs().to_string()).plain(format!(": {}", sources.join(", ")))),
        (Text::from("search"), Text::new().plain(&record.stopped)),
        (Text::from("starts"), Text::new().plain(starts(&record.starts))),
        (Text::from("seed"), Text::new().plain(record.seed.to_string())),
    ];
    fields.push(match written {
        Some(path) => (Text::from("written"), Text::new().code(path.display().to_string())),
        None => (Text::from("written"), Text::new().dim("nowhere; --out FITTED.toml keeps the estimates")),
    });
    document.fields(fields);
    accuracy(&mut document, summary);
    estimates(&mut document, fitted, summary);
    weak(&mut document, summary);
    document
}

/// How far apart the starts ended.
fn starts(reached: &[f64]) -> String {
    let best = reached.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let behind: Vec<String> = reached.iter().map(|own| format!("{:.1}", best - own)).collect();
    match reached.len() {
        0 | 1 => "1, so that other modes were not looked for".to_owned(),
        count => format!("{count}; behind the best after their first legs by {} in log posterior", behind.join(", ")),
    }
}

/// Errors overall, then by group, metric by metric.
fn accuracy(document: &mut Document, summary: &Summary) {
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

fn estimates(document: &mut Document, fitted: &Fitted, summary: &Summary) {
    document.heading("Estimates");
    document.paragraph(
        "Modes with 90 % intervals; a level stands below its pooled value. The last column says how much of the prior's \
         spread the data took away: near 0 % the estimate is the prior.",
    );
    let mut table = Table::new([
        Column::left("parameter"),
        Column::right("estimate"),
        Column::left("90 % interval"),
        Column::right("decided by data"),
    ]);
    for estimate in &summary.estimates {
        let is_known = fitted
            .model
            .parameters
            .iter()
            .any(|own| own.definition.name == estimate.name && own.definition.prior.is_fixed());
        if is_known {
            continue;
        }
        let name = match estimate.level.as_str() {
            "" => Text::new().plain(&estimate.name),
            level => Text::new().dim("· ").plain(level),
        };
        let show = |value: f64| Text::new().plain(in_unit(value, &estimate.unit));
        let interval =
            format!("{} … {}", in_unit(estimate.lower, &estimate.unit), in_unit(estimate.upper, &estimate.unit));
        table.row([
            name,
            show(estimate.value),
            Text::new().plain(interval),
            Text::new().plain(percent(estimate.decided.max(0.0))),
        ]);
    }
    document.table(table);
}

/// What the data leave open: what only the prior says, levels that share one decided sum with their pooled value, and
/// other trades, in words.
fn weak(document: &mut Document, summary: &Summary) {
    document.heading("What the data leave open");
    if summary.weak.is_empty() {
        document.paragraph("Nothing: every combination of parameters is decided by the data more than by its prior.");
        return;
    }
    document.paragraph(Text::new().plain(format!(
        "{} of {} of parameters {} set by the priors more than by the data.",
        summary.weak.len(),
        plural(summary.coordinates, "combination"),
        if summary.weak.len() == 1 { "is" } else { "are" },
    )));
    let alone: BTreeSet<String> =
        summary.estimates.iter().filter(|own| own.decided < UNTOUCHED).map(coordinate).collect();
    let (mut levels, mut trades) = (Vec::new(), Vec::new());
    for direction in &summary.weak {
        let members = telling(direction, &alone);
        let bases: BTreeSet<&str> = members.iter().map(|(name, _)| base(name)).collect();
        match bases.len() {
            0 => {}
            1 => levels.extend(bases),
            // Directions that the data do not touch at all can be mixed at will: no mixture of them is a finding.
            _ if direction.ratio < MIXED => trades.push(in_words(direction, &members)),
            _ => {}
        }
    }
    let named = |what: &str, mut names: Vec<&str>| {
        names.sort_unstable();
        names.dedup();
        (!names.is_empty()).then(|| Text::new().strong(what).plain(": ").plain(names.join(", ")))
    };
    let mut items: Vec<Text> = Vec::new();
    items.extend(named("Only the prior says", alone.iter().map(String::as_str).collect()));
    items.extend(named("Pooled value and levels are decided together, not each", levels));
    let more = trades.len().saturating_sub(MOST_TRADES);
    items.extend(trades.into_iter().take(MOST_TRADES));
    if more > 0 {
        items.push(Text::new().dim(format!("and {} more, in --format json", plural(more, "trade"))));
    }
    document.list(items);
}

/// The members that make a direction what it is, but for those that the data do not touch at all.
fn telling<'d>(direction: &'d WeakDirection, alone: &BTreeSet<String>) -> Vec<&'d (String, f64)> {
    let largest = direction.members.first().map_or(0.0, |(_, weight)| weight.abs());
    let tells = |(name, weight): &&(String, f64)| weight.abs() >= SMALL * largest && !alone.contains(name);
    direction.members.iter().filter(tells).collect()
}

/// The coordinate of an estimate: `layer_time`, `layer_time[0.24]`.
fn coordinate(estimate: &ParameterEstimate) -> String {
    if estimate.level.is_empty() { estimate.name.clone() } else { format!("{}[{}]", estimate.name, estimate.level) }
}

/// The parameter of a coordinate such as `layer_time[0.24]`.
fn base(coordinate: &str) -> &str {
    coordinate.split('[').next().unwrap_or(coordinate)
}

/// What can change together without the data noticing.
fn in_words(direction: &WeakDirection, members: &[&(String, f64)]) -> Text {
    let sign = members.first().map_or(1.0, |(_, weight)| weight.signum());
    let names = |with: bool| {
        let own = members.iter().filter(move |(_, weight)| (weight.signum() == sign) == with);
        own.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (up, down) = (names(true), names(false));
    let text = if down.is_empty() {
        Text::new().code(up).plain(" may rise or fall together")
    } else {
        Text::new().code(up).plain(" may rise where ").code(down).plain(" falls")
    };
    text.dim(format!(" ({} of the prior's spread is left)", percent(direction.ratio)))
}

/// The fit for programs.
pub fn json(fitted: &Fitted, summary: &Summary) -> Json {
    let record = &fitted.record;
    let estimates: Vec<Json> = summary
        .estimates
        .iter()
        .map(|own| {
            object!({
                "parameter": own.name,
                "level": if own.level.is_empty() { Json::Null } else { object!(own.level) },
                "value": own.value,
                "interval": [own.lower, own.upper],
                "unit": own.unit,
                "decided_by_data": own.decided,
            })
        })
        .collect();
    let residuals: Vec<Json> = summary
        .accuracy
        .iter()
        .map(|(metric, group, own)| {
            object!({
                "metric": metric, "group": group, "runs": own.runs,
                "median": own.median, "mean": own.mean, "p90": own.p90,
            })
        })
        .collect();
    let weak: Vec<Json> = summary
        .weak
        .iter()
        .map(|own| object!({ "ratio": own.ratio, "members": own.members.iter().map(|(name, weight)| object!({"parameter": name, "weight": weight})).collect::<Vec<_>>() }))
        .collect();
    object!({
        "model": fitted.model.name,
        "runs": record.runs(),
        "sources": record.sources,
        "stopped": record.stopped,
        "log_posterior": record.log_posterior,
        "starts": record.starts,
        "seed": record.seed,
        "coordinates": summary.coordinates,
        "estimates": estimates,
        "residuals": residuals,
        "undecided": weak,
    })
}
