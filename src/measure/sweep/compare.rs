//! What differs between the file that a sweep was begun with and that of now.

use std::collections::{BTreeMap, BTreeSet};

use super::spec::Spec;

/// One key that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Key, then and now.
    pub(super) text: String,
    /// Whether it changes which points there are.
    pub(super) is_of_points: bool,
    /// Whether it changes what is measured, or how.
    pub(super) is_measured_otherwise: bool,
}

/// What differs, in the order of the keys. Budget and batch system are nobody's measurement.
pub(super) fn changes(before: &Spec, now: &Spec) -> Vec<Change> {
    let (then, now) = (flat(&before.text), flat(&now.text));
    let keys: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let mut changes = Vec::new();
    for key in keys {
        let (then, now) = (then.get(key), now.get(key));
        let is_free = key.starts_with("slurm.") || key == "sweep.budget";
        if then == now || is_free {
            continue;
        }
        let shown = |value: Option<&String>| value.map_or_else(|| "nothing".to_owned(), |text| format!("`{text}`"));
        let of_points = ["knobs.", "points", "sweep.replicates", "sweep.anchor", "sweep.seed"];
        let is_of_points = of_points.iter().any(|start| key.starts_with(start));
        changes.push(Change {
            text: format!("`{key}`: {} then, {} now", shown(then), shown(now)),
            is_of_points,
            is_measured_otherwise: !is_of_points,
        });
    }
    changes
}

/// The values of a file as text, by dotted key.
fn flat(text: &str) -> BTreeMap<String, String> {
    fn add(prefix: &str, value: &toml::Value, found: &mut BTreeMap<String, String>) {
        match value {
            toml::Value::Table(table) => {
                for (name, value) in table {
                    add(&format!("{prefix}.{name}"), value, found);
                }
            }
            other => {
                found.insert(prefix.to_owned(), other.to_string());
            }
        }
    }
    let mut found = BTreeMap::new();
    for (name, value) in text.parse::<toml::Table>().unwrap_or_default() {
        add(&name, &value, &mut found);
    }
    found
}
