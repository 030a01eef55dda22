//! References: how one run is named where people type. An id, a selector, or a path to a run file.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::error::RunsError;
use super::run::Run;
use super::selector::{Failing, Selector, SelectorError, shown};
use super::store::Store;
use super::sweep::Sweep;
use super::{json, names};
use crate::notes::{lines, nearest, plural, quoted};

/// As many ids as a message lists.
const MOST_IDS: usize = 8;

/// As many values of a key as a message lists.
const MOST_VALUES: usize = 8;

/// Why a reference names no single run.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ReferenceError {
    /// A selector that means several runs.
    #[error("`{text}` matches {}: {}", plural(ids.len(), "run"), quoted(ids, MOST_IDS))]
    #[diagnostic(help("{}", tell_apart(keys)))]
    Ambiguous {
        /// The reference.
        text: String,
        /// What it matches.
        ids: Vec<String>,
        /// The conditions in which these runs differ, with their values.
        keys: Vec<(String, Vec<String>)>,
    },
    /// A selector that means none.
    #[error("no run matches `{text}`; the nearest:\n{}", lines(nearest, MOST_IDS))]
    #[diagnostic(help("{}", values_that_exist(values)))]
    NoMatch {
        /// The reference.
        text: String,
        /// The runs that fail the fewest keys.
        nearest: Vec<NearMiss>,
        /// For each failing key, the values of the runs that have all the rest.
        values: Vec<(String, Vec<String>)>,
    },
    /// Neither an id nor a selector nor a file.
    #[error("`{text}` is no run: no id, no selector (`key=value,…`) and no file{}", crate::notes::did_you_mean(nearest.as_deref()))]
    #[diagnostic(help("`joules runs` lists the ids"))]
    Unknown {
        /// The reference.
        text: String,
        /// The id it may have meant.
        nearest: Option<String>,
    },
    /// A run file that holds several.
    #[error("`{text}` holds {}, expected one", plural(*count, "run"))]
    #[diagnostic(help("read it with `--runs`, and name the run by its id"))]
    NotOne {
        /// The path.
        text: String,
        /// How many.
        count: usize,
    },
    /// A text with `=` that is no selector.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Selector(#[from] SelectorError),
    /// A run file that cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    File(#[from] RunsError),
}

/// A run that almost matches.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{id}`: {}{}", failing.join(", "), and_others(*others))]
pub struct NearMiss {
    /// Its id.
    pub id: String,
    /// What it fails: `gpus is 2, not gpus=4`.
    pub failing: Vec<String>,
    /// How many runs more fail the same.
    pub others: usize,
}

fn and_others(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" (and {} more like it)", plural(count, "run")) }
}

/// `tell them apart by `gpus` (1, 2)`.
fn tell_apart(keys: &[(String, Vec<String>)]) -> String {
    if keys.is_empty() {
        return "they differ in no condition: name one by its id".to_owned();
    }
    format!("tell them apart by {}, or name one by its id", values_of(keys))
}

fn values_that_exist(keys: &[(String, Vec<String>)]) -> String {
    if keys.is_empty() {
        return "no run has all the rest: leave out a key, or list the runs with `joules runs --where …`".to_owned();
    }
    format!("the runs that have all the rest have {}", values_of(keys))
}

fn values_of(keys: &[(String, Vec<String>)]) -> String {
    let one = |(key, values): &(String, Vec<String>)| {
        let more = if values.len() > MOST_VALUES { " …" } else { "" };
        format!("`{key}` ({}{more})", values[..values.len().min(MOST_VALUES)].join(", "))
    };
    keys.iter().map(one).collect::<Vec<_>>().join(", ")
}

impl Store {
    /// The one run that `text` names: an exact id, else a selector if it contains `=`, else a path to a run file.
    pub fn find(&self, text: &str) -> Result<Cow<'_, Run>, ReferenceError> {
        if let Some(run) = self.get(text) {
            return Ok(Cow::Borrowed(run));
        }
        let path = Path::new(text);
        if !text.contains('=') {
            return if path.is_file() { read_run(text).map(Cow::Owned) } else { Err(self.unknown(text)) };
        }
        let selector = match Selector::parse(text, self) {
            Ok(selector) => selector,
            Err(_) if path.is_file() => return read_run(text).map(Cow::Owned),
            Err(error) => return Err(error.into()),
        };
        let matched: Vec<&Run> = self.runs().filter(|run| selector.matches(run)).collect();
        match matched[..] {
            [run] => Ok(Cow::Borrowed(run)),
            [] => Err(self.no_match(text, &selector)),
            _ => Err(ReferenceError::Ambiguous {
                text: text.to_owned(),
                ids: matched.iter().map(|run| run.id.clone()).collect(),
                keys: differing(&matched),
            }),
        }
    }

    fn unknown(&self, text: &str) -> ReferenceError {
        let nearest = nearest(text, self.runs().map(|run| run.id.as_str())).map(str::to_owned);
        ReferenceError::Unknown { text: text.to_owned(), nearest }
    }

    fn no_match(&self, text: &str, selector: &Selector) -> ReferenceError {
        let failing: Vec<(&Run, Vec<Failing>)> = self.runs().map(|run| (run, selector.failing(run))).collect();
        let fewest = failing.iter().map(|(_, keys)| keys.len()).min().unwrap_or(0);
        let mut values: BTreeMap<&str, BTreeSet<Sortable>> = BTreeMap::new();
        let mut near: Vec<_> = failing.iter().filter(|(_, keys)| keys.len() == fewest).collect();
        let distance = |keys: &[Failing]| keys.iter().map(Failing::distance).sum::<f64>();
        near.sort_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b)));
        let mut nearest: Vec<NearMiss> = Vec::new();
        for (run, keys) in near {
            if let [Failing { key, has: Some(has), .. }] = &keys[..] {
                values.entry(key).or_default().insert(Sortable::new(has));
            }
            let failing: Vec<String> = keys.iter().map(Failing::to_string).collect();
            match nearest.iter_mut().find(|near| near.failing == failing) {
                Some(near) => near.others += 1,
                None => nearest.push(NearMiss { id: run.id.clone(), failing, others: 0 }),
            }
        }
        ReferenceError::NoMatch { text: text.to_owned(), nearest, values: in_order(values) }
    }
}

/// Text that sorts as a number if it is one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Sortable(Option<i64>, String);

impl Sortable {
    fn new(text: &str) -> Self {
        // Six decimals are more than any condition that people choose by.
        Self(text.parse::<f64>().ok().map(|number| (number * 1e6) as i64), text.to_owned())
    }
}

fn in_order(values: BTreeMap<&str, BTreeSet<Sortable>>) -> Vec<(String, Vec<String>)> {
    let texts = |set: BTreeSet<Sortable>| set.into_iter().map(|value| value.1).collect();
    values.into_iter().map(|(key, set)| (key.to_owned(), texts(set))).collect()
}

/// The conditions in which `runs` differ, in the order of the name table; measured lengths choose no run and are left out.
fn differing(runs: &[&Run]) -> Vec<(String, Vec<String>)> {
    let measured = |name: &str| name.starts_with("output_tokens");
    let mut keys: Vec<&str> = names::conditions().map(|name| name.name).collect();
    let declared: BTreeSet<&str> = runs.iter().flat_map(|run| run.conditions.keys().map(String::as_str)).collect();
    keys.extend(declared.iter().filter(|name| names::known(name).is_none()));
    let mut found = Vec::new();
    for key in keys.iter().filter(|key| !measured(key)) {
        let values: BTreeSet<Sortable> =
            runs.iter().map(|run| Sortable::new(&shown(run, key).unwrap_or_else(|| "none".to_owned()))).collect();
        if values.len() > 1 {
            found.push(((*key).to_owned(), values.into_iter().map(|value| value.1).collect()));
        }
    }
    found
}

/// The one run of a CSV or JSON file.
pub fn read_run(text: &str) -> Result<Run, ReferenceError> {
    let path = Path::new(text);
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let mut runs = if is_json { json::read(path)? } else { Sweep::read(path)?.runs };
    match runs.len() {
        1 => Ok(runs.remove(0)),
        count => Err(ReferenceError::NotOne { text: text.to_owned(), count }),
    }
}
