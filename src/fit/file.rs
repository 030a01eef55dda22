//! Fitted parameters on disk: a TOML file for people, with the posterior for the program.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use miette::Diagnostic;
use nalgebra::DMatrix;
use serde::Deserialize;
use thiserror::Error;

use super::calibration::{Calibration, Factor};
use super::file_rest::{ProcessTable, SupportTable, process, support, write_rest};
use super::fitted::{Fitted, Record};
use super::seen::{Seen, Varied};
use super::summary::estimates;
use crate::model::{Model, ParameterSpace};

/// Version of the file's form.
const FORMAT: u32 = 3;

/// Why a fitted file cannot be used.
#[derive(Debug, Error, Diagnostic)]
pub enum FittedFileError {
    /// No TOML, or not this form.
    #[error("{file} is not a file of fitted parameters: {reason}")]
    #[diagnostic(help("make one with `joules fit --out {file}`"))]
    Form {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// Fitted with another model.
    #[error(
        "{file} was fitted with model `{found}` (digest {found_digest}), not with `{expected}` (digest {expected_digest})"
    )]
    #[diagnostic(help("fit again with `joules fit`, or give the model it was fitted with as `--model FILE`"))]
    OtherModel {
        /// The file.
        file: String,
        /// The model it names.
        found: String,
        /// Its digest.
        found_digest: String,
        /// The model at hand.
        expected: String,
        /// Its digest.
        expected_digest: String,
    },
}

#[derive(Deserialize)]
struct FittedFile {
    format: u32,
    /// By model name.
    #[serde(flatten)]
    models: BTreeMap<String, ModelTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelTable {
    digest: String,
    fit: FitTable,
    #[serde(default)]
    #[serde(rename = "parameter")]
    _parameters: BTreeMap<String, toml::Value>,
    posterior: PosteriorTable,
    #[serde(default)]
    residual: Option<ProcessTable>,
    #[serde(default)]
    support: Option<SupportTable>,
    #[serde(default)]
    calibration: BTreeMap<String, BTreeMap<String, Factor>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FitTable {
    #[serde(rename = "runs")]
    _runs: usize,
    sources: BTreeMap<String, usize>,
    stopped: String,
    log_posterior: f64,
    starts: Vec<f64>,
    seed: u64,
    shareable: bool,
    varied: BTreeMap<String, Varied>,
    usual: BTreeMap<String, BTreeMap<String, f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PosteriorTable {
    levels: BTreeMap<String, Vec<String>>,
    mode: Vec<f64>,
    factor: String,
}

/// What the runs had: conditions on one line each, then the usual lengths.
fn write_seen(text: &mut String, name: &str, seen: &Seen) {
    let _ = writeln!(text, "\n[{name}.fit.varied]");
    for (condition, varied) in &seen.varied {
        let shown = |range: [f64; 2]| format!(", range = {:?}", range.map(|end| rounded(end, 3)));
        let range = varied.range.map_or_else(String::new, shown);
        let _ = writeln!(text, "{condition} = {{ values = {}, alone = {}{range} }}", varied.values, varied.alone);
    }
    let _ = writeln!(text, "\n[{name}.fit.usual]");
    for (condition, tasks) in &seen.usual {
        let tasks: Vec<String> =
            tasks.iter().map(|(task, value)| format!("{} = {:?}", quoted(task), rounded(*value, 3))).collect();
        let _ = writeln!(text, "{condition} = {{ {} }}", tasks.join(", "));
    }
}

/// The text of a fitted file: one or several fitted models, each of its own name.
pub fn write_fitted(fitted: &[&Fitted]) -> String {
    let mut text = format!(
        "# Models with their parameters, estimated by `joules fit`. The tables `parameter` are for readers; the program reads\n\
         # `posterior`: the mode in standard normal coordinates and the Cholesky factor of the curvature there.\n\n\
         format = {FORMAT}\n"
    );
    for fitted in fitted {
        write_model(&mut text, fitted);
    }
    text
}

fn write_model(text: &mut String, fitted: &Fitted) {
    let name = quoted(&fitted.model.name);
    let _ = write!(
        text,
        "\n[{name}]\ndigest = \"{}\"\n\n[{name}.fit]\nruns = {}\nstopped = {}\nlog_posterior = {:?}\n\
         starts = {:?}\nseed = {}\nshareable = {}\n\n[{name}.fit.sources]\n",
        fitted.model.digest(),
        fitted.record.runs(),
        quoted(&fitted.record.stopped),
        fitted.record.log_posterior,
        fitted.record.starts,
        fitted.record.seed,
        fitted.record.shareable,
    );
    for (source, count) in &fitted.record.sources {
        let _ = writeln!(text, "{} = {count}", quoted(source));
    }
    write_seen(text, &name, &fitted.record.seen);
    for estimate in estimates(fitted) {
        let key = if estimate.level.is_empty() {
            estimate.name.clone()
        } else {
            format!("{}.{}", estimate.name, quoted(&estimate.level))
        };
        let _ = write!(
            text,
            "\n[{name}.parameter.{key}]\nvalue = {:e}\ninterval = [{:e}, {:e}]\nunit = {}\ndecided_by_data = {:.2}\n",
            rounded(estimate.value, 4),
            rounded(estimate.lower, 4),
            rounded(estimate.upper, 4),
            quoted(&estimate.unit),
            estimate.decided,
        );
    }
    let _ = write!(text, "\n[{name}.posterior]\nmode = [");
    for (index, value) in fitted.theta.iter().enumerate() {
        let _ = write!(text, "{}{value:?}", if index % 6 == 0 { "\n  " } else { " " });
        text.push(',');
    }
    text.push_str("\n]\nfactor = \"\"\"\n");
    for row in 0..fitted.theta.len() {
        for column in 0..=row {
            let _ =
                write!(text, "{}{:e}", if column == 0 { "" } else { " " }, rounded(fitted.factor[(row, column)], 6));
        }
        text.push('\n');
    }
    let _ = write!(text, "\"\"\"\n\n[{name}.posterior.levels]\n");
    for (index, parameter) in fitted.model.parameters.iter().enumerate() {
        let levels: Vec<String> = fitted.space.levels(index).map(quoted).collect();
        if !levels.is_empty() {
            let _ = writeln!(text, "{} = [{}]", parameter.definition.name, levels.join(", "));
        }
    }
    write_rest(text, fitted);
}

pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// `value` with so many significant digits.
pub(super) fn rounded(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits - 1).parse().unwrap_or(value)
}

/// The models that a fitted file holds.
pub fn model_names(file: &str, text: &str) -> Result<Vec<String>, FittedFileError> {
    Ok(parsed(file, text)?.models.into_keys().collect())
}

fn parsed(file: &str, text: &str) -> Result<FittedFile, FittedFileError> {
    let form = |reason: String| FittedFileError::Form { file: file.to_owned(), reason };
    let parsed: FittedFile = toml::from_str(text).map_err(|error| form(error.message().to_owned()))?;
    if parsed.format != FORMAT {
        return Err(form(format!("its format is {}, and this version reads {FORMAT}", parsed.format)));
    }
    if parsed.models.is_empty() {
        return Err(form("it holds no model".to_owned()));
    }
    Ok(parsed)
}

/// Reads what a fitted file has for a model.
pub fn read_fitted(file: &str, text: &str, model: Model) -> Result<Fitted, FittedFileError> {
    let form = |reason: String| FittedFileError::Form { file: file.to_owned(), reason };
    let mut models = parsed(file, text)?.models;
    let own = model.digest();
    let found: Vec<(String, String)> =
        models.iter().map(|(name, table)| (name.clone(), table.digest.clone())).collect();
    let Some(parsed) = models.remove(&model.name).filter(|table| table.digest == own) else {
        let same = found.iter().find(|(name, _)| *name == model.name).or(found.first()).cloned();
        let (found, found_digest) = same.unwrap_or_default();
        return Err(FittedFileError::OtherModel {
            file: file.to_owned(),
            found,
            found_digest,
            expected: model.name,
            expected_digest: own,
        });
    };
    let levels: Vec<Vec<String>> = model
        .parameters
        .iter()
        .map(|parameter| parsed.posterior.levels.get(&parameter.definition.name).cloned().unwrap_or_default())
        .collect();
    let space = ParameterSpace::new(&model, &levels);
    let size = space.len();
    let entries: Vec<f64> = parsed
        .posterior
        .factor
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| form("`posterior.factor` holds something that is no number".to_owned()))?;
    if parsed.posterior.mode.len() != size || entries.len() != size * (size + 1) / 2 {
        return Err(form(format!(
            "its posterior has {} coordinates, but its levels need {size}",
            parsed.posterior.mode.len()
        )));
    }
    let mut factor = DMatrix::zeros(size, size);
    let mut entries = entries.into_iter();
    for row in 0..size {
        for column in 0..=row {
            factor[(row, column)] = entries.next().unwrap_or(0.0);
        }
    }
    let record = Record {
        sources: parsed.fit.sources,
        log_posterior: parsed.fit.log_posterior,
        stopped: parsed.fit.stopped,
        starts: parsed.fit.starts,
        seed: parsed.fit.seed,
        shareable: parsed.fit.shareable,
        seen: Seen { varied: parsed.fit.varied, usual: parsed.fit.usual },
    };
    let residual = parsed.residual.map(|table| process(&model, table)).transpose().map_err(form)?;
    let support = parsed.support.map(|table| support(&model, &table)).transpose().map_err(form)?.unwrap_or_default();
    let calibration = Calibration { factors: parsed.calibration };
    Ok(Fitted { model, space, theta: parsed.posterior.mode, record, residual, support, calibration, factor })
}
