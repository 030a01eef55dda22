//! What an importer brought, judged as a whole: was anything measured, and can the numbers be?

use std::collections::BTreeMap;
use std::path::Path;

use super::about::is_measured;
use super::detect::Detected;
use super::error::{Fault, FaultKind, ImportError, Place};
use crate::runs::{Run, Sweep, known};
use crate::unit::show;

/// No metric of a run is smaller or larger, in SI: what is was not measured, or is in another unit.
const SMALLEST: f64 = 1e-9;
const LARGEST: f64 = 1e12;

/// Refuses files of a known format of which nothing that was measured could be read, and metrics that cannot be: all of
/// them at once.
pub(super) fn judge(format: Detected, path: &Path, sweeps: &[Sweep]) -> Result<(), ImportError> {
    let runs = || sweeps.iter().flat_map(|sweep| &sweep.runs);
    let mut faults = format.about().map_or_else(Vec::new, |about| unmeasured(runs(), about.measures));
    faults.extend(runs().flat_map(impossible));
    if faults.is_empty() { Ok(()) } else { Err(ImportError::Faulty { path: path.to_owned(), faults }) }
}

/// The file of a run, as its provenance has it.
fn file(run: &Run) -> &str {
    run.details.get("file").map_or("", String::as_str)
}

fn unmeasured<'a>(runs: impl Iterator<Item = &'a Run>, expected: &'static str) -> Vec<Fault> {
    let mut files: BTreeMap<&str, bool> = BTreeMap::new();
    for run in runs {
        *files.entry(file(run)).or_default() |= is_measured(run);
    }
    let bare = files.into_iter().filter(|(_, is_measured)| !is_measured);
    bare.map(|(file, _)| Fault { place: Place::new(file, ""), kind: FaultKind::Unmeasured { expected } }).collect()
}

fn impossible(run: &Run) -> Vec<Fault> {
    let cannot_be = run.metrics.iter().filter(|(_, value)| !(SMALLEST..=LARGEST).contains(*value));
    let told = cannot_be.map(|(name, value)| {
        let unit = known(name).map_or("1", |known| known.unit);
        let message = format!("`{name}` of run `{}` would be {}, which cannot be", run.id, show(*value, unit));
        Fault { place: Place::new(file(run), ""), kind: FaultKind::Refused(message) }
    });
    told.collect()
}
