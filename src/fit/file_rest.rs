//! The tables of a fitted file beyond the equations: residual process, what was measured, and how true intervals are.

use std::fmt::Write as _;

use serde::Deserialize;

use super::file::{quoted, rounded};
use super::fitted::Fitted;
use super::residual::{Design, Part, Process, slots};
use super::support::Support;
use crate::model::{Model, Residual, Target};

/// `[residual]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProcessTable {
    columns: usize,
    part: Vec<PartTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartTable {
    on: String,
    amplitudes: Vec<f64>,
    noise: Vec<NoiseTable>,
    points: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoiseTable {
    level: Vec<f64>,
    spread: f64,
}

/// `[support]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SupportTable {
    kinds: Vec<String>,
    runs: String,
}

/// Appends the tables to the text of a fitted file.
pub(super) fn write_rest(text: &mut String, fitted: &Fitted) {
    let name = quoted(&fitted.model.name);
    if let (Some(process), Some(residual)) = (&fitted.residual, &fitted.model.residual) {
        let columns = slots(residual).len();
        let _ = write!(
            text,
            "\n# What the equations miss. A point is what the process sees of a run (names as numbers), what the equations\n\
             # left there, and the standard deviation of its noise.\n[{name}.residual]\ncolumns = {columns}\n",
        );
        for part in &process.parts {
            write_part(text, &fitted.model, residual, part);
        }
    }
    if !fitted.support.rows.is_empty() && !fitted.model.shifts.is_empty() {
        let kinds: Vec<String> = fitted.model.shifts.iter().map(|shift| quoted(&shift.kind)).collect();
        let _ = write!(
            text,
            "\n# What was measured, as the kinds of questions see it.\n[{name}.support]\nkinds = [{}]\nruns = \"\"\"\n",
            kinds.join(", ")
        );
        for row in &fitted.support.rows {
            let kinds: Vec<String> = row.iter().map(|values| joined(values)).collect();
            let _ = writeln!(text, "{}", kinds.join(" | "));
        }
        text.push_str("\"\"\"\n");
    }
    for (kind, metrics) in &fitted.calibration.factors {
        let _ = writeln!(text, "\n[{name}.calibration.{}]", quoted(kind));
        for (metric, own) in metrics {
            let _ = writeln!(text, "{metric} = {{ factor = {}, runs = {} }}", rounded(own.factor, 4), own.runs);
        }
    }
}

fn joined(values: &[f64]) -> String {
    values.iter().map(|value| format!("{value}")).collect::<Vec<_>>().join(" ")
}

fn write_part(text: &mut String, model: &Model, residual: &Residual, part: &Part) {
    let on = match part.target {
        Target::Noise(noisy) => &model.nodes[model.noisy[noisy].node].name,
        Target::State(regime) => &model.regimes[regime].name,
    };
    let amplitudes: Vec<f64> = part.amplitudes.iter().map(|one| rounded(*one, 4)).collect();
    let noise: Vec<String> = part
        .noise
        .iter()
        .map(|(level, spread)| format!("{{ level = [{}], spread = {:?} }}", decimals(level), rounded(*spread, 4)))
        .collect();
    let _ = write!(
        text,
        "\n[[{}.residual.part]]\non = {}\namplitudes = [{}]\nnoise = [{}]\npoints = \"\"\"\n",
        quoted(&model.name),
        quoted(on),
        decimals(&amplitudes),
        noise.join(", "),
    );
    let levels = Design::levels(residual);
    for row in 0..part.design.rows {
        for (column, values) in part.design.columns.iter().enumerate() {
            // Levels are compared, so they are kept to the last digit.
            let value = if levels.contains(&column) { values[row] } else { rounded(values[row], 6) };
            let _ = write!(text, "{value} ");
        }
        let _ = writeln!(text, "{} {}", rounded(part.values[row], 6), rounded(part.spreads[row], 4));
    }
    text.push_str("\"\"\"\n");
}

/// TOML keeps floats apart from integers.
fn decimals(values: &[f64]) -> String {
    values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(", ")
}

/// The residual process of a fitted file.
pub(super) fn process(model: &Model, table: ProcessTable) -> Result<Process, String> {
    let Some(residual) = &model.residual else {
        return Err(format!("it has a residual process, and model `{}` declares none", model.name));
    };
    let columns = slots(residual).len();
    if table.columns != columns {
        return Err(format!("its residual process has {} columns, and the model's has {columns}", table.columns));
    }
    let parts = table.part.into_iter().map(|own| part(model, residual, own, columns)).collect::<Result<_, _>>()?;
    Ok(Process { parts })
}

fn part(model: &Model, residual: &Residual, table: PartTable, columns: usize) -> Result<Part, String> {
    let place = format!("`residual.part` on `{}`", table.on);
    let node = model.noisy.iter().position(|noisy| model.nodes[noisy.node].name == table.on).map(Target::Noise);
    let regime = || model.regimes.iter().position(|regime| regime.name == table.on).map(Target::State);
    let target = node.or_else(regime).ok_or_else(|| format!("{place} is about nothing that the model has"))?;
    if table.amplitudes.len() != residual.kernels.len() {
        let (found, expected) = (table.amplitudes.len(), residual.kernels.len());
        return Err(format!("{place} has {found} amplitudes, and the model has {expected} components"));
    }
    let rows = numbers(&table.points).ok_or_else(|| format!("{place} holds something that is no number"))?;
    if let Some(row) = rows.iter().position(|row| row.len() != columns + 2) {
        return Err(format!("point {} of {place} has {} numbers, not {}", row + 1, rows[row].len(), columns + 2));
    }
    let column = |index: usize| rows.iter().map(|row| row[index]).collect::<Vec<f64>>();
    let design = Design { columns: (0..columns).map(column).collect(), rows: rows.len() };
    let noise = table.noise.into_iter().map(|own| (own.level, own.spread)).collect();
    Ok(Part::new(target, design, column(columns), column(columns + 1), table.amplitudes, noise))
}

/// One line of numbers for each row.
fn numbers(text: &str) -> Option<Vec<Vec<f64>>> {
    text.lines().map(|line| line.split_whitespace().map(|word| word.parse().ok()).collect()).collect()
}

/// What was measured, of a fitted file.
pub(super) fn support(model: &Model, table: &SupportTable) -> Result<Support, String> {
    if !table.kinds.iter().eq(model.shifts.iter().map(|shift| &shift.kind)) {
        return Err("its kinds of questions are not those of the model".to_owned());
    }
    let rows: Option<Vec<Vec<Vec<f64>>>> = table
        .runs
        .lines()
        .map(|line| line.split('|').map(|kind| numbers(kind.trim()).map(|rows| rows.concat())).collect())
        .collect();
    let rows = rows.ok_or("`support.runs` holds something that is no number")?;
    let shape = |row: &Vec<Vec<f64>>| {
        row.len() == model.shifts.len() && row.iter().zip(&model.shifts).all(|(own, shift)| own.len() == shift.by.len())
    };
    match rows.iter().position(|row| !shape(row)) {
        Some(row) => Err(format!("line {} of `support.runs` does not have the kinds' values", row + 1)),
        None => Ok(Support { rows }),
    }
}
