//! Whose the store is that stands in the folder of a sweep.

use std::path::Path;

use super::error::SweepError;
use super::folder::complete;
use crate::runs::{Sweep, read_text};

/// What `NAME.toml` of a sweep says of its source.
pub(super) const SOURCE: &str =
    "measured by `joules sweep`: one row for each point, of which `detail.verdict` says whether its state was steady";

/// `NAME.csv` and `NAME.toml` are written over at each merge: what others have put there is refused.
///
/// The two are this sweep's own where a sweep was begun in the folder and the TOML file says that a sweep has made it, or,
/// without that file, where each run is a complete point.
pub(super) fn refuse_foreign_store(folder: &Path, name: &str) -> Result<(), SweepError> {
    let [table, about] = ["csv", "toml"].map(|extension| folder.join(format!("{name}.{extension}")));
    let is_begun = folder.join("spec.toml").is_file();
    if about.exists() {
        if !is_begun || !is_of_a_sweep(&about) {
            return Err(SweepError::Occupied { path: about });
        }
    } else if table.exists() && !(is_begun && is_of_complete_points(&table, folder)?) {
        return Err(SweepError::Occupied { path: table });
    }
    Ok(())
}

fn is_of_a_sweep(about: &Path) -> bool {
    let provenance = read_text(about).ok().and_then(|text| text.parse::<toml::Table>().ok());
    provenance.is_some_and(|own| own.get("source").and_then(toml::Value::as_str) == Some(SOURCE))
}

fn is_of_complete_points(table: &Path, folder: &Path) -> Result<bool, SweepError> {
    let points = complete(folder)?;
    Ok(Sweep::read(table).is_ok_and(|sweep| sweep.runs.iter().all(|run| points.contains_key(&run.id))))
}
