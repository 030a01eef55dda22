//! Many changes of one run: a table, and latency against the metric asked about.

use super::super::{Axis, Chart, Column, Document, Point, Series, Table, Text};
use super::{Told, factor, may_not_fit, told};
use crate::notes::words;
use crate::unit::{percent, show, show_plain};
use crate::whatif::{Answer, WhatIf, typed};

/// Rows of the table at most; of more, those on the frontier and within the budgets are shown.
const MOST: usize = 60;
/// Caveats shown at most.
const CAVEATS: usize = 12;
/// Columns up to which values, and intervals, are kept in one line: more columns need the room.
const TIED: (usize, usize) = (9, 10);
/// Curves of a chart at most: more are one.
const CURVES: usize = 8;

/// The document of many answers.
pub(super) fn document(found: &WhatIf) -> Document {
    let mut document = Document::new(headline(found));
    let feasible = found.answers.iter().filter(|own| own.feasible).count();
    let now = |(name, unit): &(String, String)| {
        found.metrics_reference.get(name).map(|value| format!("{} {}", words(name), show(*value, unit)))
    };
    let now: Vec<String> =
        [Some(&found.metric), found.latency.as_ref()].into_iter().flatten().filter_map(now).collect();
    let mut fields = vec![
        (Text::from("run"), Text::new().code(&found.reference)),
        (Text::from("changes"), Text::new().plain(format!("{}, {feasible} feasible", found.answers.len()))),
    ];
    fields.push((Text::from("now"), Text::new().plain(now.join(", "))));
    let varying = varying(found);
    if let Some(first) = found.answers.first() {
        let fixed = first.set.iter().filter(|(name, _)| !varying.contains(name));
        fields.extend(fixed.map(|(name, value)| (Text::from("in all"), Text::new().code(typed(name, value)))));
    }
    for budget in &found.budgets {
        fields.push((Text::from("budget"), Text::new().plain(budget.words())));
    }
    document.fields(fields);
    if let Some(chart) = chart(found) {
        document.heading("Time and energy");
        document.chart(chart);
    }
    answers(&mut document, found);
    let told = told(&found.answers);
    if !told.is_empty() {
        document.heading("What to know");
        let whole = found.answers.len();
        let text = |own: &Told<'_>| {
            let of = match own.count {
                1 => format!("`{}`", own.first),
                count if count == whole => format!("all {whole}, such as `{}`", own.first),
                count => format!("{count} of {whole}, such as `{}`", own.first),
            };
            Text::from(format!("{of}: {}", own.caveat.text))
        };
        document.list(told.iter().take(CAVEATS).map(text));
        if told.len() > CAVEATS {
            document.paragraph(format!("… and {} more, in the JSON answer", told.len() - CAVEATS));
        }
    }
    document
}

fn headline(found: &WhatIf) -> Text {
    let what = words(&found.metric.0);
    let Some(best) = found.best.map(|index| &found.answers[index]) else {
        let why = if found.answers.iter().any(|own| own.feasible) { "keeps every budget" } else { "is feasible" };
        return Text::new().plain(format!("None of {} changes {why}", found.answers.len()));
    };
    let end = if found.more_is_worse { "least" } else { "most" };
    let value = best.metric(&found.metric.0).map_or_else(String::new, |own| {
        let value = show(own.predicted, &own.unit);
        match own.factor {
            1.0 => format!("{value}, as now"),
            factor if factor.is_finite() => format!("{value}, ×{} of now", show_plain(factor)),
            _ => value,
        }
    });
    let text = Text::new().code(best.name()).plain(format!(" has the {end} {what}: {value}"));
    match best.within.iter().copied().reduce(f64::min) {
        Some(probability) => text.plain(format!(", within budget with probability {}", percent(probability))),
        None => text,
    }
}

fn answers(document: &mut Document, found: &WhatIf) {
    document.heading("Answers");
    let metric = &found.metric.0;
    let latency = axis(found);
    let varying = varying(found);
    let mut heads: Vec<Column> = varying.iter().map(|name| Column::right(words(name))).collect();
    heads.extend(latency.map(|(name, _)| Column::right(words(name))));
    heads.extend([Column::right(words(metric)), Column::right("factor"), Column::left("90 % interval")]);
    heads.extend(found.budgets.iter().map(|own| Column::right(format!("keeps {}", words(&own.metric)))));
    heads.push(Column::left(""));
    let columns = heads.len();
    let mut table = Table::new(heads);
    let rows = shown(found);
    for &(index, own) in &rows {
        let value = |name: &str| own.metric(name).map_or_else(|| "–".to_owned(), |own| show(own.predicted, &own.unit));
        let value = |name: &str| Text::new().plain(tied(&value(name), columns <= TIED.0));
        let mut row: Vec<Text> = varying.iter().map(|name| Text::new().plain(value_of(own, name))).collect();
        row.extend(latency.map(|(name, _)| value(name)));
        row.push(value(metric));
        let (factor, interval) = own.metric(metric).map(factor).unwrap_or_default();
        row.extend([factor, Text::new().plain(tied(&interval, columns <= TIED.1))]);
        row.extend(own.within.iter().map(|probability| Text::new().plain(percent(*probability))));
        row.push(remark(own, found.best == Some(index)));
        table.row(row);
    }
    let note = note(found, &rows);
    if !note.is_empty() {
        table.note(note);
    }
    document.table(table);
}

/// The answers that the table shows: all, or those of the frontier, or the best where there is none.
fn shown(found: &WhatIf) -> Vec<(usize, &Answer)> {
    let all = found.answers.iter().enumerate();
    if found.answers.len() <= MOST {
        return all.collect();
    }
    if axis(found).is_some() {
        return all.filter(|(index, own)| own.frontier || found.best == Some(*index)).collect();
    }
    let value = |own: &Answer| own.metric(&found.metric.0).map_or(f64::NAN, |own| own.predicted);
    let mut feasible: Vec<(usize, &Answer)> = all.filter(|(_, own)| own.feasible).collect();
    feasible.sort_by(|(_, a), (_, b)| value(a).total_cmp(&value(b)));
    if !found.more_is_worse {
        feasible.reverse();
    }
    feasible.truncate(MOST);
    feasible
}

/// The latency with its unit, where it is not the very metric asked about.
fn axis(found: &WhatIf) -> Option<&(String, String)> {
    found.latency.as_ref().filter(|(name, _)| *name != found.metric.0)
}

/// `1200MHz`: what an answer sets a condition to.
fn value_of(answer: &Answer, name: &str) -> String {
    let set = answer.set.iter().find(|set| set.0 == name);
    set.map_or_else(String::new, |(name, value)| typed(name, value)[name.len() + 1..].to_owned())
}

/// A text that does not break at its spaces.
fn tied(text: &str, is_tied: bool) -> String {
    if is_tied { text.replace(' ', "\u{a0}") } else { text.to_owned() }
}

/// `best`, `*` for the frontier, `no` where a limit is broken, `perhaps` where one may be.
fn remark(answer: &Answer, is_best: bool) -> Text {
    let text = match (is_best, answer.frontier) {
        _ if !answer.feasible => Text::new().bad("no"),
        (true, _) => Text::new().strong("best"),
        (_, true) => Text::from("*"),
        _ => Text::new(),
    };
    match may_not_fit(answer) {
        true if text.is_empty() => text.plain("perhaps"),
        true => text.plain(" perhaps"),
        false => text,
    }
}

/// What the remarks of the rows shown mean.
fn note(found: &WhatIf, rows: &[(usize, &Answer)]) -> String {
    let mut told = Vec::new();
    if let Some((latency, _)) = axis(found) {
        let both = format!("{} and {}", words(latency), words(&found.metric.0));
        told.push(format!("*: no feasible change is better in both {both}"));
    }
    if rows.iter().any(|(_, own)| !own.feasible) {
        told.push("no: it breaks a limit".to_owned());
    }
    if rows.iter().any(|(_, own)| may_not_fit(own)) {
        told.push("perhaps: it may break a limit".to_owned());
    }
    if rows.len() < found.answers.len() {
        told.push(format!("{} more are not shown", found.answers.len() - rows.len()));
    }
    told.join("; ")
}

/// Latency against the metric: one curve for each combination of what is set beside the first condition of many values.
fn chart(found: &WhatIf) -> Option<Chart> {
    let (latency, unit) = axis(found)?;
    let mut curves: Vec<(String, Vec<Point>)> = Vec::new();
    let along = along(found)?;
    for (index, own) in found.answers.iter().enumerate().filter(|(_, own)| own.feasible) {
        let (Some(x), Some(y)) = (own.metric(latency), own.metric(&found.metric.0)) else { continue };
        let rest: Vec<String> =
            own.set.iter().filter(|(name, _)| *name != along).map(|(name, value)| typed(name, value)).collect();
        let point = Point::new(x.predicted, y.predicted)
            .labeled(Text::new().plain(value_of(own, &along)))
            .within(y.interval[0], y.interval[1]);
        let point = if own.frontier || found.best == Some(index) { point.marked() } else { point };
        let name = if rest.is_empty() { along.clone() } else { rest.join(",") };
        match curves.iter_mut().find(|(known, _)| *known == name) {
            Some((_, points)) => points.push(point),
            None => curves.push((name, vec![point])),
        }
    }
    if curves.is_empty() {
        return None;
    }
    let axis = |name: &str, unit: &str| Axis::log(words(name), unit);
    let mut chart = Chart::new(
        Text::new().plain(format!("{} against {}, along {along}", words(&found.metric.0), words(latency))),
        axis(latency, unit),
        axis(&found.metric.0, &found.metric.1),
    );
    if curves.len() > CURVES {
        let all = curves.into_iter().flat_map(|(_, points)| points);
        chart.series(Series::scatter("all changes", all));
    } else {
        for (name, points) in curves {
            chart.series(Series::curve(Text::new().plain(name), points));
        }
    }
    let now = (found.metrics_reference.get(latency), found.metrics_reference.get(&found.metric.0));
    if let (Some(&x), Some(&y)) = now {
        chart.series(Series::scatter("the run as it is", [Point::new(x, y).labeled("now")]));
    }
    Some(chart)
}

/// The conditions that differ between answers.
fn varying(found: &WhatIf) -> Vec<String> {
    let Some(first) = found.answers.first() else { return Vec::new() };
    let differs =
        |(at, own): &(usize, &(String, crate::runs::Value))| found.answers.iter().any(|other| other.set[*at] != **own);
    first.set.iter().enumerate().filter(differs).map(|(_, (name, _))| name.clone()).collect()
}

/// The condition with most values.
fn along(found: &WhatIf) -> Option<String> {
    let first = found.answers.first()?;
    let values = |name: &str| {
        let mut values: Vec<String> = found
            .answers
            .iter()
            .flat_map(|own| &own.set)
            .filter(|own| own.0 == name)
            .map(|own| own.1.to_string())
            .collect();
        values.sort();
        values.dedup();
        values.len()
    };
    first.set.iter().map(|(name, _)| name).max_by_key(|name| values(name)).cloned()
}
