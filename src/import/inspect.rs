//! What an import would bring, before it is done.

use std::collections::BTreeMap;

use super::about::caveats;
use super::detect::Detected;
use super::error::ImportError;
use super::given::lacking;
use crate::runs::{Column, Sweep};

/// What lies at a path, and what it would become.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspection {
    /// The format.
    pub format: Detected,
    /// One entry for each sweep.
    pub sweeps: Vec<SweepInspection>,
}

/// One sweep that an import would write.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepInspection {
    /// Its name.
    pub name: String,
    /// How many runs it has.
    pub runs: usize,
    /// Each column, and how many runs have a value there.
    pub columns: Vec<(Column, usize)>,
    /// Each detail, and how many runs have it.
    pub details: BTreeMap<String, usize>,
    /// What the provenance assumes or leaves out, as `key: value` of its entries `assumed`, `left_out` and `ignored_fields`.
    pub notes: Vec<String>,
    /// Conditions that runs lack and cannot be asked about without, with the count of runs.
    pub lacking: Vec<(Vec<String>, usize)>,
    /// What to doubt in single runs, by its stable name.
    pub caveats: BTreeMap<String, Doubt>,
}

/// A doubt about single runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doubt {
    /// How many runs it is about.
    pub runs: usize,
    /// What was seen in the first of them.
    pub seen: String,
}

impl Inspection {
    /// What an import brought.
    pub fn of(format: Detected, sweeps: &[Sweep]) -> Result<Self, ImportError> {
        Ok(Self { format, sweeps: sweeps.iter().map(|sweep| of_sweep(format, sweep)).collect::<Result<_, _>>()? })
    }
}

fn of_sweep(format: Detected, sweep: &Sweep) -> Result<SweepInspection, ImportError> {
    let filled = |column: &Column| sweep.runs.iter().filter(|run| column.is_in(run)).count();
    let columns = sweep.columns()?.into_iter().map(|column| {
        let count = filled(&column);
        (column, count)
    });
    let mut details = BTreeMap::new();
    for name in sweep.runs.iter().flat_map(|run| run.details.keys()) {
        *details.entry(name.clone()).or_insert(0) += 1;
    }
    let notes = ["assumed", "left_out", "ignored_fields"].iter().filter_map(|key| {
        let value = sweep.provenance.get(*key)?;
        Some(format!("{key}: {value}"))
    });
    let mut doubts: BTreeMap<String, Doubt> = BTreeMap::new();
    for (code, seen) in sweep.runs.iter().flat_map(caveats) {
        let doubt = doubts.entry(code.to_owned()).or_insert_with(|| Doubt { runs: 0, seen: seen.to_owned() });
        doubt.runs += 1;
    }
    let lacking = lacking(format, std::slice::from_ref(sweep)).into_iter();
    Ok(SweepInspection {
        lacking: lacking.map(|(names, runs)| (names.into_iter().map(str::to_owned).collect(), runs.len())).collect(),
        caveats: doubts,
        name: sweep.name.clone(),
        runs: sweep.runs.len(),
        columns: columns.collect(),
        details,
        notes: notes.collect(),
    })
}
