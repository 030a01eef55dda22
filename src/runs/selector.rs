//! Selectors: `task=gpqa,model=Qwen/Qwen3-32B,gpus=1` says which runs are meant.

use std::collections::BTreeSet;
use std::fmt;

use super::names::{self, Kind, Name, canonical_value, split_precision};
use super::run::{Run, Value};
use super::store::Store;
use crate::notes::{did_you_mean, edit_distance, nearest, quoted};
use crate::unit::{Unit, parse_quantity};

/// Numbers are equal within the digits in which people type them.
const SAME: f64 = 1e-9;

/// Keys that are no conditions.
const OWN_KEYS: &[&str] = &["id", "source"];

/// What a run must have to be meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    /// All of these.
    terms: Vec<Term>,
}

/// One `key=value`.
#[derive(Clone, Debug, PartialEq)]
struct Term {
    key: String,
    /// As written, for messages.
    text: String,
    wanted: Wanted,
}

/// A key that a run fails, what was asked for, and what the run has there.
pub(super) struct Failing {
    pub(super) key: String,
    pub(super) text: String,
    pub(super) has: Option<String>,
}

impl Failing {
    /// How far what the run has is from what was asked for: numbers by their difference, names by slips of the hand.
    pub(super) fn distance(&self) -> f64 {
        let wanted = self.text.split_once('=').map_or("", |(_, value)| value);
        self.has.as_ref().map_or(f64::INFINITY, |has| match (has.parse::<f64>(), wanted.parse::<f64>()) {
            (Ok(has), Ok(wanted)) => (has - wanted).abs(),
            _ => edit_distance(wanted, has) as f64,
        })
    }
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.has {
            Some(has) => write!(f, "`{}` is {has}, not `{}`", self.key, self.text),
            None => write!(f, "has no `{}`", self.key),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    Number(f64),
    Flag(bool),
    Name(String),
    /// A checkpoint published under exactly this name.
    Checkpoint(String),
}

/// Why a text is no selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum SelectorError {
    /// A part without `=`.
    #[error("`{part}` is not of the form key=value")]
    #[diagnostic(help("write a selector as `task=gpqa,gpu=B200,gpus=1`"))]
    NoEquals {
        /// The part.
        part: String,
    },
    /// A key that names no condition.
    #[error("`{key}` is no condition of these runs{}", did_you_mean(nearest.as_deref()))]
    #[diagnostic(help("these runs have {}", quoted(known, 40)))]
    UnknownKey {
        /// The key as written.
        key: String,
        /// What it may have meant.
        nearest: Option<String>,
        /// What the store has.
        known: Vec<String>,
    },
    /// A value that the key cannot have.
    #[error("`{key}={value}` cannot be: expected {expected}")]
    Value {
        /// The key.
        key: String,
        /// The value as written.
        value: String,
        /// What it can be.
        expected: String,
    },
}

impl Selector {
    /// Reads `key=value,key=value`. Aliases and units are accepted; `store` says which keys and checkpoints exist.
    pub fn parse(text: &str, store: &Store) -> Result<Self, SelectorError> {
        let mut terms = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').ok_or_else(|| SelectorError::NoEquals { part: part.to_owned() })?;
            term(key.trim(), value.trim(), store, &mut terms)?;
        }
        Ok(Self { terms })
    }

    /// Whether `run` has everything asked for.
    pub fn matches(&self, run: &Run) -> bool {
        self.terms.iter().all(|term| term.matches(run))
    }

    /// The keys asked for that `run` fails, each with what it has instead.
    pub(super) fn failing(&self, run: &Run) -> Vec<Failing> {
        let failing = |term: &Term| {
            // The base model may well be the one asked for, while the published weights are not.
            let is_checkpoint = matches!(term.wanted, Wanted::Checkpoint(_));
            let key = if is_checkpoint { "checkpoint" } else { term.key.as_str() };
            Failing { key: key.to_owned(), text: term.text.clone(), has: shown(run, key) }
        };
        self.terms.iter().filter(|term| !term.matches(run)).map(failing).collect()
    }
}

impl Term {
    fn matches(&self, run: &Run) -> bool {
        match &self.wanted {
            Wanted::Checkpoint(name) => published(run) == Some(name),
            Wanted::Number(wanted) => {
                run.number(&self.key).is_some_and(|has| (has - wanted).abs() <= SAME * has.abs().max(wanted.abs()))
            }
            Wanted::Flag(wanted) => run.conditions.get(&self.key) == Some(&Value::Flag(*wanted)),
            Wanted::Name(wanted) => match self.key.as_str() {
                "id" => run.id == *wanted,
                "source" => run.source == *wanted,
                "checkpoint" => published(run) == Some(wanted),
                key => run.name(key) == Some(wanted),
            },
        }
    }
}

/// The name under which the weights were published; the base model where nothing else is recorded.
fn published(run: &Run) -> Option<&str> {
    run.name("checkpoint").or_else(|| run.name("model"))
}

/// What `run` has under `key`.
pub(super) fn shown(run: &Run, key: &str) -> Option<String> {
    match key {
        "id" => Some(run.id.clone()),
        "source" => Some(run.source.clone()),
        "checkpoint" => published(run).map(str::to_owned),
        _ => run.conditions.get(key).map(ToString::to_string),
    }
}

/// Adds the terms of one `key=value`.
fn term(written: &str, value: &str, store: &Store, terms: &mut Vec<Term>) -> Result<(), SelectorError> {
    let known = names::condition_name(written);
    let key = known.map_or(written, |name| name.name);
    let mut add = |key: &str, wanted| {
        terms.push(Term { key: key.to_owned(), text: format!("{written}={value}"), wanted });
    };
    if key == "model" {
        if store.runs().any(|run| published(run) == Some(value)) {
            add("model", Wanted::Checkpoint(value.to_owned()));
        } else if let (base, Some(precision)) = split_precision(value)
            && store.runs().any(|run| run.name("model") == Some(base))
        {
            add("model", Wanted::Name(base.to_owned()));
            add("precision", Wanted::Name(precision.to_owned()));
        } else {
            add("model", Wanted::Name(value.to_owned()));
        }
        return Ok(());
    }
    let wanted = match known {
        Some(name) => known_value(name, value)?,
        None if OWN_KEYS.contains(&key) => Wanted::Name(value.to_owned()),
        None => match store.runs().find_map(|run| run.conditions.get(key)) {
            Some(Value::Number(_)) => Wanted::Number(number(key, value, "1")?),
            Some(Value::Flag(_)) => Wanted::Flag(flag(key, value)?),
            Some(Value::Name(_)) => Wanted::Name(value.to_owned()),
            None => return Err(unknown_key(written, store)),
        },
    };
    add(key, wanted);
    Ok(())
}

fn known_value(name: &Name, value: &str) -> Result<Wanted, SelectorError> {
    Ok(match name.kind {
        Kind::Number | Kind::Count => Wanted::Number(number(name.name, value, name.unit)?),
        Kind::Flag => Wanted::Flag(flag(name.name, value)?),
        Kind::Name => Wanted::Name(canonical_value(name.name, value).to_owned()),
    })
}

/// `700`, `700W` or `0.7 kW`, in SI.
fn number(key: &str, value: &str, unit: &str) -> Result<f64, SelectorError> {
    quantity(value, unit).filter(|number| number.is_finite()).ok_or_else(|| {
        let expected =
            if unit == "1" { "a number".to_owned() } else { format!("a number, or one with a unit ({unit})") };
        SelectorError::Value { key: key.to_owned(), value: value.to_owned(), expected }
    })
}

/// A bare number, taken as SI, or one with a unit of the same dimension as `unit`.
pub fn quantity(text: &str, unit: &str) -> Option<f64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let dimension = Unit::parse(unit).ok()?.dimension;
    parse_quantity(text).ok().filter(|(_, own)| own.dimension == dimension).map(|(number, _)| number)
}

fn flag(key: &str, value: &str) -> Result<bool, SelectorError> {
    match value {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err(SelectorError::Value {
            key: key.to_owned(),
            value: value.to_owned(),
            expected: "`true` or `false`".to_owned(),
        }),
    }
}

fn unknown_key(written: &str, store: &Store) -> SelectorError {
    let known: BTreeSet<&str> = store.runs().flat_map(|run| run.conditions.keys().map(String::as_str)).collect();
    let aliases = names::conditions().flat_map(|name| name.aliases.iter().copied().chain([name.name]));
    let candidates: BTreeSet<&str> = known.iter().copied().chain(aliases).chain(OWN_KEYS.iter().copied()).collect();
    SelectorError::UnknownKey {
        key: written.to_owned(),
        nearest: nearest(written, candidates).map(str::to_owned),
        known: known.into_iter().map(str::to_owned).collect(),
    }
}

impl Store {
    /// The store of the runs that every `keep` means and no `drop` does (`--where` and `--without`).
    pub fn filtered<T: AsRef<str>>(&self, keep: &[T], drop: &[T]) -> Result<Self, SelectorError> {
        let parse = |texts: &[T]| -> Result<Vec<Selector>, SelectorError> {
            texts.iter().map(|text| Selector::parse(text.as_ref(), self)).collect()
        };
        let (keep, drop) = (parse(keep)?, parse(drop)?);
        let mut kept = self.clone();
        for sweep in &mut kept.sweeps {
            sweep.runs.retain(|run| {
                keep.iter().all(|selector| selector.matches(run)) && !drop.iter().any(|selector| selector.matches(run))
            });
        }
        Ok(kept)
    }
}
