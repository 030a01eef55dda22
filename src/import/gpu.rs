//! The GPU of a run, by the names that sources write.

use std::collections::BTreeSet;

use super::about::caveat;
use crate::catalog::Catalog;
use crate::notes::list;
use crate::runs::{Run, Value};

/// The name that the shipped catalog has for a part.
pub(super) fn name(written: &str) -> String {
    Catalog::embedded().gpu_name(written)
}

/// Sets the part of a run by the names written for its GPUs; where they are several, a caveat says that `source` has them.
pub(super) fn set<'a>(run: &mut Run, written: impl IntoIterator<Item = &'a str>, source: &str) {
    let names: BTreeSet<String> = written.into_iter().map(name).collect();
    match Vec::from_iter(names).as_slice() {
        [] => {}
        [one] => {
            run.conditions.insert("gpu".to_owned(), Value::Name(one.clone()));
        }
        several => caveat(run, "several_gpus", &format!("{source} {}", list(several))),
    }
}
