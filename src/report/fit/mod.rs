//! What a fit says, for a reader: from which runs, why the search stopped, estimates, what stays open, residuals.

mod residuals;
mod undecided;

use std::path::Path;

use serde_json::{Value as Json, json as object};

use super::graph::in_unit;
use super::{Column, Document, Table, Text};
use crate::fit::{Fitted, Summary};
use crate::unit::percent;

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
    residuals::residuals(&mut document, summary);
    estimates(&mut document, fitted, summary);
    undecided::undecided(&mut document, summary);
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
