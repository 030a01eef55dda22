//! Runs for a reader: a list that fits the page, one run wholly, two runs side by side.

use std::collections::BTreeSet;

use super::spent::{is_told, spent, table as table_of_uses};
use super::{Column, Document, Table, Text};
use crate::notes::plural;
use crate::runs::{self, Column as Name, Kind, Role, Run, Sweep, shown_value};
use crate::unit::{percent, show as shown};

/// Conditions that people choose runs by; all others follow in the order of the name table.
const TELLING: &[&str] = &[
    "model",
    "batch_size",
    "concurrency",
    "request_rate",
    "gpus",
    "gpu",
    "precision",
    "task",
    "steps",
    "height",
    "width",
    "frames",
    "data_parallel",
];

/// Metrics that a list shows if there is room, most telling first.
const METRICS: &[&str] =
    &["energy_per_token", "energy_per_image", "energy_per_video", "power", "itl_p50", "batch_latency", "throughput"];

/// As many columns as a long id takes in a list before it is wrapped.
const LONGEST_ID: usize = 60;

/// Columns between two cells.
const GAP: usize = 2;

/// A list of runs: what all of them share above it, what differs and the metrics asked for in it, as far as `width`
/// allows.
pub fn list(runs: &[&Run], metrics: &[&str], width: Option<usize>) -> Document {
    let mut document = Document::new(plural(runs.len(), "run"));
    if runs.is_empty() {
        document.paragraph("No run is left. Without `--where` and `--without`, `joules runs` lists all of them.");
        return document;
    }
    let full = runs::table(runs, &[]);
    let is_metric = |name: &str| runs.iter().any(|run| run.metrics.contains_key(name));
    let shared = shared_by(runs);
    if !shared.is_empty() && runs.len() > 1 {
        document.paragraph(Text::new().dim("The same in all: ").plain(shared));
    }
    let chosen = chosen_columns(&full, metrics, &is_metric, width);
    let heads = chosen.iter().map(|&at| match full.header[at].as_str() {
        name if is_metric(name) || is_number(&full, at) => Column::right(Text::new().plain(name)),
        name => Column::left(Text::new().plain(name)),
    });
    let mut table = Table::new(heads);
    for row in &full.rows {
        table.row(chosen.iter().map(|&at| Text::new().plain(&row[at])));
    }
    let left_out: Vec<&str> =
        (1..full.header.len()).filter(|at| !chosen.contains(at)).map(|at| full.header[at].as_str()).collect();
    if metrics.is_empty() && !left_out.is_empty() {
        table.note(format!("Not shown: {}. A run wholly: joules runs RUN. All: --format csv.", left_out.join(", ")));
    }
    document.table(table);
    document
}

fn is_number(table: &runs::Table, column: usize) -> bool {
    let starts = |cell: &String| cell.is_empty() || cell.starts_with(|first: char| first.is_ascii_digit());
    table.rows.iter().all(|row| starts(&row[column]))
}

/// Which columns of the full table are shown: the id, the metrics asked for, and the most telling that fit.
fn chosen_columns(
    full: &runs::Table,
    metrics: &[&str],
    is_metric: &dyn Fn(&str) -> bool,
    width: Option<usize>,
) -> Vec<usize> {
    let room = width.unwrap_or(usize::MAX);
    let place = |name: &&str| full.header.iter().position(|title| title == *name);
    let mut wanted: Vec<usize> = metrics.iter().filter_map(place).collect();
    let asked = wanted.len() + 1;
    wanted.insert(0, 0);
    if metrics.is_empty() {
        wanted.extend(METRICS.iter().filter_map(place).take(1));
    }
    let mut telling: Vec<usize> = TELLING.iter().filter_map(place).filter(|&at| !is_spelled(full, at)).collect();
    telling.sort_by_key(|&at| std::cmp::Reverse(distinct(full, at)));
    wanted.extend(telling);
    if metrics.is_empty() {
        wanted.extend(METRICS.iter().filter_map(place));
    }
    wanted.extend((1..full.header.len()).filter(|&at| metrics.is_empty() || !is_metric(&full.header[at])));
    let (mut chosen, mut used) = (Vec::new(), 0_usize);
    for (rank, at) in wanted.into_iter().enumerate() {
        let cells = full.rows.iter().map(|row| row[at].chars().count());
        let longest = cells.chain([full.header[at].chars().count()]).max().unwrap_or(0);
        let takes = GAP + if at == 0 { longest.min(LONGEST_ID) } else { longest };
        if !chosen.contains(&at) && (rank < asked || used + takes <= room.saturating_add(GAP)) {
            chosen.push(at);
            used = used.saturating_add(takes);
        }
    }
    chosen.sort_unstable();
    chosen
}

/// How many values a column has.
fn distinct(table: &runs::Table, column: usize) -> usize {
    table.rows.iter().map(|row| &row[column]).collect::<BTreeSet<_>>().len()
}

/// Whether every id says the name already, as `gpqa/Qwen3-32B/bf16/1xB200/b8` does; a number in an id may be anything.
fn is_spelled(table: &runs::Table, column: usize) -> bool {
    let last = |value: &str| value.rsplit('/').next().unwrap_or_default().to_owned();
    !is_number(table, column)
        && table.rows.iter().all(|row| !row[column].is_empty() && row[0].contains(&last(&row[column])))
}

/// `name value` of every condition that all runs have alike.
fn shared_by(runs: &[&Run]) -> String {
    let Some(first) = runs.first() else { return String::new() };
    let shared = conditions(first)
        .into_iter()
        .filter(|column| runs.iter().all(|run| shown_value(run, column) == shown_value(first, column)))
        .map(|column| format!("{} {}", column.name, shown_value(first, &column)));
    shared.collect::<Vec<_>>().join(", ")
}

/// The conditions of a run, in the order of the name table.
fn conditions(run: &Run) -> Vec<Name> {
    let known = runs::conditions().map(Name::from).filter(|column| column.is_in(run));
    let own = run.conditions.keys().filter(|name| runs::known(name).is_none());
    known.chain(own.map(|name| named(name, Role::Condition, None))).collect()
}

/// The column of a name, also of one that only its sweep knows.
fn named(name: &str, role: Role, sweep: Option<&Sweep>) -> Name {
    let declared = sweep.and_then(|sweep| sweep.declared().ok()).unwrap_or_default();
    let unknown = || Name { name: name.to_owned(), role, kind: Kind::Number, unit: "1".to_owned() };
    Name::named(name, &declared).unwrap_or_else(unknown)
}

/// One run wholly: what was set, what came out, what was seen on the way, and where it comes from.
pub fn show(run: &Run, sweep: Option<&Sweep>) -> Document {
    let mut document = Document::new(Text::new().code(&run.id));
    let text = |text: &str| Text::new().plain(text);
    let set = conditions(run).into_iter().map(|column| {
        let column = named(&column.name, Role::Condition, sweep);
        let value = run.number(&column.name).map(|number| quantity(number, &column.unit));
        (text(&column.name), text(&value.unwrap_or_else(|| shown_value(run, &column))))
    });
    document.subheading("Conditions").fields(set);
    for (title, role, values) in [("Metrics", Role::Metric, &run.metrics), ("Observed", Role::Observed, &run.observed)]
    {
        let order = runs::metrics().chain(runs::observed_latents()).filter(|name| values.contains_key(name.name));
        let own = values.keys().filter(|name| runs::known(name).is_none()).map(String::as_str);
        let names: Vec<&str> = order.map(|name| name.name).chain(own).collect();
        let field = |name: &&str| {
            let column = named(name, role, sweep);
            (text(name), text(&quantity(values[*name], &column.unit)))
        };
        if !names.is_empty() {
            document.subheading(title).fields(names.iter().map(field));
        }
    }
    let uses = spent(run);
    if let Some(uses) = &uses {
        document.subheading("What the energy was spent on").table(table_of_uses(run, uses));
    }
    document.subheading("Provenance");
    let mut origin = vec![(text("sweep"), text(&run.source))];
    let others = run.details.iter().filter(|(name, _)| uses.is_none() || !is_told(name));
    origin.extend(others.map(|(name, value)| {
        let (name, value) = detail(name, value);
        (text(&name), text(&value))
    }));
    for (name, value) in sweep.into_iter().flat_map(|sweep| &sweep.provenance) {
        match value {
            toml::Value::Table(_) if name == "column" => {}
            toml::Value::String(words) => origin.push((text(name), text(words))),
            toml::Value::Array(items) => {
                let words = items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
                origin
                    .extend(words.enumerate().map(|(at, words)| (text(if at == 0 { name } else { "" }), text(&words))));
            }
            other => origin.push((text(name), text(&other.to_string()))),
        }
    }
    document.fields(origin);
    document
}

/// Units at the ends of names of details, and as they are shown.
const SUFFIXES: [(&str, &str); 6] = [("_j", "J"), ("_w", "W"), ("_s", "s"), ("_k", "K"), ("_hz", "Hz"), ("_ms", "ms")];

/// A detail as a person reads it: `energy_j`, `1234.5` is `energy`, `1.23 kJ`. What is no number stays as it is.
fn detail(name: &str, value: &str) -> (String, String) {
    let unit_of = |(suffix, unit): &(&str, &'static str)| Some((name.strip_suffix(suffix)?, *unit));
    match (SUFFIXES.iter().find_map(unit_of), value.parse::<f64>()) {
        (Some((name, unit)), Ok(number)) if number.is_finite() => (name.to_owned(), quantity(number, unit)),
        _ => (name.to_owned(), value.to_owned()),
    }
}

/// Two runs side by side: only what differs.
pub fn compare(a: &Run, b: &Run) -> Document {
    let mut document = Document::new("Two runs, where they differ");
    let name = |run: &Run| Text::new().code(&run.id).dim(format!(" of {}", run.source));
    document.fields([("A", name(a)), ("B", name(b))]);
    let alike = shared_by(&[a, b]);
    if !alike.is_empty() {
        document.paragraph(Text::new().dim("The same in both: ").plain(alike));
    }
    let rows = runs::compare(&[a, b], true).rows;
    let roles = [("Conditions", Role::Condition), ("Observed", Role::Observed), ("Metrics", Role::Metric)];
    for (title, role) in roles {
        let of_role = |run: &Run, name: &str| match role {
            Role::Condition => run.conditions.contains_key(name),
            Role::Observed => run.observed.contains_key(name),
            Role::Metric => run.metrics.contains_key(name),
        };
        let mut table =
            Table::new([Column::left(title), Column::right("A"), Column::right("B"), Column::right("B/A − 1")]);
        for row in rows.iter().filter(|row| of_role(a, &row[0]) || of_role(b, &row[0])) {
            let cell = |cell: &String| if cell.is_empty() { Text::new().dim("–") } else { Text::new().plain(cell) };
            let change = change(a, b, &row[0]).map_or_else(Text::new, |change| Text::new().plain(change));
            table.row([Text::new().plain(&row[0]), cell(&row[1]), cell(&row[2]), change]);
        }
        if !table.is_empty() {
            document.table(table);
        }
    }
    if rows.is_empty() {
        document.paragraph("They differ in nothing that was recorded.");
    }
    document
}

/// A value with its unit; one of a thing is no plural.
fn quantity(value: f64, unit: &str) -> String {
    shown(
        value,
        if value == 1.0 {
            unit.strip_suffix('s').filter(|one| one.len() > 1 && !one.contains('/')).unwrap_or(unit)
        } else {
            unit
        },
    )
}

/// The change of a number from `a` to `b`, signed.
fn change(a: &Run, b: &Run, name: &str) -> Option<String> {
    let value = |run: &Run| {
        run.number(name).or_else(|| run.metrics.get(name).copied()).or_else(|| run.observed.get(name).copied())
    };
    let ratio = value(b)? / value(a)?;
    if !ratio.is_finite() {
        return None;
    }
    let sign = if ratio < 1.0 { "−" } else { "+" };
    Some(if ratio >= 10.0 { format!("×{ratio:.0}") } else { format!("{sign}{}", percent((ratio - 1.0).abs())) })
}

#[cfg(test)]
mod tests {
    use super::detail;

    #[test]
    fn details_are_shown_with_their_units() {
        let case = |name: &str, value: &str, expected: (&str, &str)| {
            assert_eq!(detail(name, value), (expected.0.to_owned(), expected.1.to_owned()));
        };
        case("energy_j", "15030.12", ("energy", "15.0 kJ"));
        case("window_s", "30.0000", ("window", "30 s"));
        case("power_limit_w", "700 700", ("power_limit_w", "700 700"));
        case("requests_finished", "12", ("requests_finished", "12"));
        case("torch", "2.11.0", ("torch", "2.11.0"));
    }
}
