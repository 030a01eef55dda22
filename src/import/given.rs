//! Conditions that somebody says of all runs of an import, because the source lacks them.

use std::collections::BTreeMap;

use super::about::caveat;
use super::detect::Detected;
use super::error::{ImportError, MOST_SHOWN};
use crate::notes::list;
use crate::runs::{Run, Sweep, Value, axes, set};

/// Conditions with one value each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given(Vec<(String, Value)>);

impl Given {
    /// Reads `name=value` texts.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, ImportError> {
        let mut given: Vec<(String, Value)> = Vec::new();
        for text in texts {
            let found = axes(text.as_ref()).map_err(|error| ImportError::Given { message: error.to_string() })?;
            for (name, values) in found {
                let [value] = values.as_slice() else {
                    let message = format!(
                        "`{}` gives `{name}` {} values, but it holds for all runs",
                        text.as_ref(),
                        values.len()
                    );
                    return Err(ImportError::Given { message });
                };
                if given.iter().any(|(own, _)| *own == name) {
                    return Err(ImportError::Given { message: format!("`{name}` is given twice") });
                }
                given.push((name, value.clone()));
            }
        }
        Ok(Self(given))
    }

    /// Sets the conditions in every run, and keeps in it which they are. What the source says otherwise is told.
    pub(super) fn apply(&self, sweeps: &mut [Sweep]) {
        if self.0.is_empty() {
            return;
        }
        let names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        for run in sweeps.iter_mut().flat_map(|sweep| &mut sweep.runs) {
            for (name, value) in &self.0 {
                let before = run.conditions.get(name).cloned();
                if before.as_ref() == Some(value) {
                    continue;
                }
                let kept: BTreeMap<String, Value> = run.conditions.clone();
                set(run, name, value.clone());
                // What follows from a condition is taken back only where the condition was another one.
                if before.is_none() {
                    for (other, value) in kept {
                        run.conditions.entry(other).or_insert(value);
                    }
                }
                if let Some(before) = before {
                    caveat(
                        run,
                        "given_otherwise",
                        &format!("`{name}` was said to be {value}; the source has {before}"),
                    );
                }
            }
            run.details.insert("given".to_owned(), names.join(", "));
        }
    }
}

/// Refuses runs that lack a condition which they cannot be asked about without: all of them at once.
pub fn complete(format: Detected, sweeps: &[Sweep]) -> Result<(), ImportError> {
    let lacking = lacking(format, sweeps);
    if lacking.is_empty() {
        return Ok(());
    }
    let mut names: Vec<&str> = lacking.keys().flat_map(|names| names.iter().copied()).collect();
    names.sort_unstable();
    names.dedup();
    let example = |name: &&str| match *name {
        "gpu" => "--set gpu=H100".to_owned(),
        "gpus" => "--set gpus=1".to_owned(),
        "batch_size" => "--set batch_size=256".to_owned(),
        "model" => "--set model=Qwen/Qwen3-8B".to_owned(),
        other => format!("--set {other}=…"),
    };
    let typed: Vec<String> = names.iter().map(example).collect();
    let batch = if names.contains(&"batch_size") {
        ". `batch_size` is the server's cap on running requests (vLLM: `--max-num-seqs`)"
    } else {
        ""
    };
    let lines = lacking.iter().map(|(names, files)| {
        let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let rest = if files.len() > 3 { format!(" and {} more", files.len() - 3) } else { String::new() };
        format!("{} missing in {}{rest}", list(&quoted), files.iter().take(3).cloned().collect::<Vec<_>>().join(", "))
    });
    Err(ImportError::Incomplete {
        runs: lacking.values().map(Vec::len).sum(),
        lacking: lines.take(MOST_SHOWN).collect(),
        help: format!("say what the source does not record, for all runs: `{}`{batch}", typed.join(" ")),
    })
}

/// Each set of conditions that runs lack, with their files or ids.
pub(super) fn lacking(format: Detected, sweeps: &[Sweep]) -> BTreeMap<Vec<&'static str>, Vec<String>> {
    let mut lacking: BTreeMap<Vec<&'static str>, Vec<String>> = BTreeMap::new();
    for run in sweeps.iter().flat_map(|sweep| &sweep.runs) {
        let missing: Vec<&'static str> =
            format.needs(run).iter().filter(|name| !run.conditions.contains_key(**name)).copied().collect();
        if !missing.is_empty() {
            lacking.entry(missing).or_default().push(named(run));
        }
    }
    lacking
}

/// How a run is found in its source.
fn named(run: &Run) -> String {
    match run.details.get("file") {
        Some(file) => format!("{} ({file})", run.id),
        None => run.id.clone(),
    }
}
