//! Data that tests use where it is at hand, and do without elsewhere.

use std::path::PathBuf;

/// The folder of shared data: `JOULES_SHARED_DATA`, or `../shared/data` beside the repository.
pub(crate) fn shared_data() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = std::env::var_os("JOULES_SHARED_DATA").map_or_else(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}
