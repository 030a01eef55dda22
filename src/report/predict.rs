//! Predictions for a reader and for programs.

use serde_json::{Value as Json, json as object};

use super::{Column, Document, Table, Text};
use crate::fit::Fitted;
use crate::notes::{list, plural};
use crate::predict::{Answer, MetricAnswer};
use crate::runs::{Run, run_json};
use crate::unit::{percent, show};

/// Metrics that are shown where nothing else is asked for, beside the model's own.
const TELLING: [&str; 4] = ["itl_p50", "batch_latency", "power", "throughput"];

/// The document of predictions.
pub fn document(models: &[Fitted], asked: &[Run], answers: &[Answer], metrics: &[String], given: &[Run]) -> Document {
    let mut document = Document::new(Text::new().plain(format!("Prediction of {}", plural(answers.len(), "run"))));
    if !given.is_empty() {
        let ids: Vec<String> = given.iter().map(|run| format!("`{}`", run.id)).collect();
        document.paragraph(format!("Given {}: what was measured there corrects what is like it.", list(&ids)).as_str());
    }
    match answers {
        [one] => single(&mut document, &asked[0], one, metrics),
        _ => table(&mut document, answers, &chosen(models, answers, metrics)),
    }
    notes(&mut document, models, answers);
    document
}

/// The metrics of a table: those asked for, else the models' own and the telling ones that some answer has.
fn chosen(models: &[Fitted], answers: &[Answer], metrics: &[String]) -> Vec<String> {
    if !metrics.is_empty() {
        return metrics.to_vec();
    }
    let own = models.iter().map(|own| own.model.default_metric.as_str());
    let mut names: Vec<String> = Vec::new();
    for name in own.chain(TELLING) {
        if names.len() < 3
            && !names.iter().any(|known| known == name)
            && answers.iter().any(|own| own.metric(name).is_some())
        {
            names.push(name.to_owned());
        }
    }
    names
}

fn single(document: &mut Document, run: &Run, answer: &Answer, metrics: &[String]) {
    let conditions: Vec<String> = run.conditions.iter().map(|(name, value)| format!("{name}={value}")).collect();
    document.paragraph(Text::new().dim(conditions.join(", ")));
    let mut table = Table::new([
        Column::left("metric"),
        Column::right("predicted"),
        Column::left("90 % interval"),
        Column::right("measured"),
        Column::right("off by"),
    ]);
    let is_shown = |own: &&MetricAnswer| metrics.is_empty() || metrics.contains(&own.metric);
    for own in answer.metrics.iter().filter(is_shown) {
        table.row([
            Text::new().code(&own.metric),
            Text::new().strong(show(own.predicted, &own.unit)),
            Text::new().plain(interval(own)),
            Text::new().plain(own.measured.map_or_else(String::new, |measured| show(measured, &own.unit))),
            Text::new().plain(own.measured.map_or_else(String::new, |measured| signed(own.predicted / measured))),
        ]);
    }
    document.table(table);
}

fn interval(own: &MetricAnswer) -> String {
    format!("{} – {}", show(own.interval[0], &own.unit), show(own.interval[1], &own.unit))
}

fn signed(ratio: f64) -> String {
    let sign = if ratio >= 1.0 { "+" } else { "−" };
    format!("{sign}{}", percent((ratio - 1.0).abs()))
}

fn table(document: &mut Document, answers: &[Answer], metrics: &[String]) {
    let heads = metrics.iter().map(|name| Column::right(Text::new().code(name)));
    let mut table = Table::new(std::iter::once(Column::left("run")).chain(heads).chain([Column::left("support")]));
    for answer in answers {
        let cells = metrics.iter().map(|name| match answer.metric(name) {
            Some(own) => {
                let half = (own.interval[1] / own.interval[0]).sqrt();
                Text::new().plain(format!("{} ×/÷{half:.2}", show(own.predicted, &own.unit)))
            }
            None => Text::new(),
        });
        let run = Text::new().plain(&answer.run);
        table.row(std::iter::once(run).chain(cells).chain([Text::new().plain(&answer.support)]));
    }
    table.note("×/÷f: the 90 % interval reaches from the value over f to the value times f.");
    document.table(table);
}

/// What kind of question it was, what does not fit, and what is hidden.
fn notes(document: &mut Document, models: &[Fitted], answers: &[Answer]) {
    let mut lines: Vec<String> = Vec::new();
    if let [one] = answers {
        let changes: Vec<String> = one.changes.iter().map(|name| format!("`{name}`")).collect();
        let against = if changes.is_empty() {
            "the fit has a run with these conditions".to_owned()
        } else {
            format!("the nearest measured run differs in {}", list(&changes))
        };
        lines.push(format!("Support: `{}`; {against}.", one.support));
        for (regime, state, share) in &one.states {
            lines.push(format!(
                "`{regime}` is {state} with probability {}; the interval covers both states.",
                percent(*share)
            ));
        }
    }
    let broken: Vec<&Answer> = answers.iter().filter(|own| !own.broken.is_empty()).collect();
    if let Some(first) = broken.first() {
        lines.push(format!(
            "{} may not fit: the limit `{}` does not hold ({}). It is predicted as if it ran.",
            plural(broken.len(), "configuration"),
            first.broken.join("`, `"),
            first.run,
        ));
    }
    let uncalibrated = |own: &&Answer| {
        models.iter().all(|fitted| !fitted.calibration.factors.contains_key(&own.support)) && own.support != "measured"
    };
    let mut kinds: Vec<String> = answers.iter().filter(uncalibrated).map(|own| format!("`{}`", own.support)).collect();
    kinds.sort();
    kinds.dedup();
    if !kinds.is_empty() {
        lines.push(format!(
            "No runs of the fit were held out as {}: these intervals rest on milder questions, widened.",
            list(&kinds)
        ));
    }
    if !lines.is_empty() {
        document.list(lines.iter().map(String::as_str));
    }
}

/// One row for every run and metric: `run,metric,unit,predicted,lower,upper,measured,support`.
pub fn csv(answers: &[Answer], shown: &dyn Fn(&str) -> bool) -> String {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let mut write = |cells: [String; 8]| {
        // Writing to memory does not fail.
        let _ = writer.write_record(cells);
    };
    write(["run", "metric", "unit", "predicted", "lower", "upper", "measured", "support"].map(str::to_owned));
    for answer in answers {
        for own in answer.metrics.iter().filter(|own| shown(&own.metric)) {
            write([
                answer.run.clone(),
                own.metric.clone(),
                own.unit.clone(),
                own.predicted.to_string(),
                own.interval[0].to_string(),
                own.interval[1].to_string(),
                own.measured.map_or_else(String::new, |measured| measured.to_string()),
                answer.support.clone(),
            ]);
        }
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// `{"predictions": [{"run", "conditions", "support", "changes", "limits", "states", "metrics": […]}]}`.
pub fn json(models: &[Fitted], asked: &[Run], answers: &[Answer], shown: &dyn Fn(&str) -> bool) -> Json {
    let predictions: Vec<Json> = asked
        .iter()
        .zip(answers)
        .map(|(run, answer)| {
            let metrics: Vec<Json> = answer
                .metrics
                .iter()
                .filter(|own| shown(&own.metric))
                .map(|own| {
                    object!({
                        "metric": own.metric, "unit": own.unit, "predicted": own.predicted, "interval": own.interval,
                        "measured": own.measured,
                    })
                })
                .collect();
            let states: Vec<Json> = answer
                .states
                .iter()
                .map(|(regime, state, share)| object!({ "regime": regime, "state": state, "probability": share }))
                .collect();
            object!({
                "run": answer.run, "conditions": run_json(run)["conditions"], "support": answer.support,
                "changes": answer.changes, "feasible": answer.broken.is_empty(), "limits": answer.broken,
                "states": states, "metrics": metrics,
            })
        })
        .collect();
    let fitted: Vec<Json> = models
        .iter()
        .map(|own| object!({ "model": own.model.name, "digest": own.model.digest(), "runs": own.record.runs() }))
        .collect();
    object!({ "predictions": predictions, "models": fitted })
}
