//! Names of GPUs as drivers and tools write them, and the name that the catalog has for the part.

use std::collections::BTreeSet;

use super::about::caveat;
use crate::catalog::Catalog;
use crate::notes::list;
use crate::runs::{Run, Value};

/// Words of a driver's name that say nothing of the part.
const NOISE: &[&str] = &["NVIDIA", "AMD", "INSTINCT", "TESLA", "GRAPHICS", "GPU", "ACCELERATOR"];

/// The catalog's name of a part: `NVIDIA H100 80GB HBM3` and `h100-sxm` are `H100`, `NVIDIA A100-SXM4-80GB` is `A100-80GB`.
/// A part that the catalog lacks keeps the words that name it: `AMD Instinct MI300X` is `MI300X`.
pub(super) fn name(written: &str) -> String {
    let upper = written.trim().to_uppercase();
    let words: Vec<&str> =
        upper.split([' ', '-', '_', ',']).filter(|word| !word.is_empty() && !NOISE.contains(word)).collect();
    let Some(first) = words.first() else { return written.trim().to_owned() };
    let catalog = Catalog::embedded();
    let mut known: Vec<&str> = catalog.keys("gpu");
    // The longest first: `A100-80GB` says more than `A100` would.
    known.sort_by_key(|key| std::cmp::Reverse(key.len()));
    let is_it = |key: &&&str| key.to_uppercase().split('-').all(|part| words.contains(&part));
    match known.iter().find(is_it) {
        Some(key) => (*key).to_owned(),
        None => (*first).to_owned(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_named_as_in_the_catalog() {
        let case = |written: &str, expected: &str| assert_eq!(name(written), expected, "{written}");
        case("NVIDIA H100 80GB HBM3", "H100");
        case("NVIDIA H200", "H200");
        case("h100-nv", "H100");
        case("b200-trt", "B200");
        case("NVIDIA A100-SXM4-80GB", "A100-80GB");
        case("NVIDIA L40S", "L40S");
        case("AMD Instinct MI300X", "MI300X");
        case("NVIDIA GH200 480GB", "GH200");
        case("", "");
    }
}
