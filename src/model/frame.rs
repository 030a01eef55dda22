//! Runs as columns: conditions, catalog look-ups, measured latents and the levels of parameters.

use miette::Diagnostic;
use thiserror::Error;

use super::definition::{Role, ValueKind};
use super::tape::Columns;
use super::{Cause, Model};
use crate::catalog::{Catalog, CatalogValue};
use crate::notes::{list, nearest};
use crate::runs::{Run, Value};

/// What a column of the tape's inputs holds; numbers are indices of nodes or regimes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// The value that the run or the catalog gives.
    Given(usize),
    /// The measured value of a noisy node.
    Observed(usize),
    /// The log noise of a node.
    Noise(usize),
    /// The state of a regime.
    State(usize),
}

/// A category as a number that equals only itself: 52 bits of FNV-1a.
pub(crate) fn text_code(text: &str) -> f64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 12) as f64
}

/// Runs that a model cannot take.
#[derive(Clone, Debug, PartialEq, Error, Diagnostic)]
#[error("{}", faults.iter().take(8).map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
#[diagnostic(help("{}", help))]
pub struct FrameError {
    /// Every fault, in the order of the runs.
    pub faults: Vec<FrameFault>,
    /// What to do.
    pub help: String,
}

/// Why a run does not fit a model.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum FrameFault {
    /// A condition that the model needs.
    #[error("run `{run}` has no `{condition}`, which model `{model}` needs")]
    MissingCondition {
        /// The run.
        run: String,
        /// The condition.
        condition: String,
        /// The model's name.
        model: String,
    },
    /// An entry that the catalog lacks.
    #[error("run `{run}`: the catalog has no {table} `{key}`{}", near.as_ref().map_or_else(String::new, |near| format!(" (nearest: `{near}`)")))]
    UnknownEntry {
        /// The run.
        run: String,
        /// Table of the catalog.
        table: String,
        /// The key.
        key: String,
        /// The nearest key.
        near: Option<String>,
    },
    /// An attribute that an entry lacks.
    #[error("run `{run}`: {table} `{key}` has no `{attribute}` in the catalog")]
    MissingAttribute {
        /// The run.
        run: String,
        /// Table of the catalog.
        table: String,
        /// The key.
        key: String,
        /// The attribute.
        attribute: String,
    },
    /// A text where a number is due, or the reverse.
    #[error("run `{run}`: `{condition}` is `{found}`, but must be {expected}")]
    WrongKind {
        /// The run.
        run: String,
        /// The condition.
        condition: String,
        /// The value.
        found: String,
        /// In words.
        expected: String,
    },
}

/// Where a column gets its conditions from.
type Lookup<'a> = dyn Fn(&str) -> Option<&'a Value> + 'a;

/// Runs bound to a model: what its tape reads, and which level of each parameter each run is at.
#[derive(Clone, Debug)]
pub struct Frame {
    pub(crate) rows: usize,
    pub(crate) inputs: Vec<Vec<f64>>,
    /// For each parameter: distinct levels.
    pub(crate) level_names: Vec<Vec<String>>,
    /// For each parameter: index into its levels, by row.
    pub(crate) levels: Vec<Vec<u32>>,
}

impl Frame {
    /// Binds runs that are canonical (see [`super::canonical`]).
    pub fn new(model: &Model, catalog: &Catalog, runs: &[Run]) -> Result<Self, FrameError> {
        let mut faults = Vec::new();
        let mut frame = Self::empty(model, runs.len());
        for (row, run) in runs.iter().enumerate() {
            let lookup = |name: &str| run.conditions.get(name);
            for (index, input) in model.inputs.iter().enumerate() {
                match bind(model, catalog, *input, &run.id, &lookup) {
                    Ok(value) => frame.inputs[index][row] = value,
                    Err(fault) => faults.push(fault),
                }
                if let Input::Observed(node) = input {
                    frame.inputs[index][row] = observed(model, run, *node);
                }
            }
            for parameter in 0..model.parameters.len() {
                let level = level(model, catalog, parameter, &lookup);
                frame.set_level(parameter, row, &level);
            }
        }
        if faults.is_empty() { Ok(frame) } else { Err(FrameError::new(faults)) }
    }

    fn empty(model: &Model, rows: usize) -> Self {
        Self {
            rows,
            inputs: vec![vec![0.0; rows]; model.inputs.len()],
            level_names: vec![Vec::new(); model.parameters.len()],
            levels: vec![vec![0; rows]; model.parameters.len()],
        }
    }

    fn set_level(&mut self, parameter: usize, row: usize, level: &str) {
        let names = &mut self.level_names[parameter];
        let index = names.iter().position(|known| known == level).unwrap_or_else(|| {
            names.push(level.to_owned());
            names.len() - 1
        });
        self.levels[parameter][row] = index as u32;
    }

    /// Number of runs.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns of a tape, with the parameters still empty.
    pub(crate) fn columns(&self, parameters: Vec<Vec<f64>>) -> Columns {
        Columns { rows: self.rows, inputs: self.inputs.clone(), parameters }
    }
}

impl FrameError {
    fn new(faults: Vec<FrameFault>) -> Self {
        let help = match &faults[0] {
            FrameFault::MissingCondition { condition, .. } => {
                format!("add a column `{condition}` to the sweep, or set it when importing")
            }
            FrameFault::UnknownEntry { table, .. } | FrameFault::MissingAttribute { table, .. } => {
                format!("add the entry to a catalog file of {table}s")
            }
            FrameFault::WrongKind { condition, .. } => format!("correct `{condition}` in the sweep"),
        };
        Self { faults, help }
    }
}

/// The measured value of a node: NaN where it was not measured.
fn observed(model: &Model, run: &Run, node: usize) -> f64 {
    let Some(name) = &model.nodes[node].observed else { return f64::NAN };
    run.metrics.get(name).or_else(|| run.observed.get(name)).copied().unwrap_or(f64::NAN)
}

/// One value of one column. Noise is 0, states are the ordinary ones, nothing is observed.
fn bind(model: &Model, catalog: &Catalog, input: Input, run: &str, lookup: &Lookup<'_>) -> Result<f64, FrameFault> {
    match input {
        Input::Noise(_) => Ok(0.0),
        Input::Observed(_) => Ok(f64::NAN),
        Input::State(regime) => Ok(text_code(&model.regimes[regime].states[0])),
        Input::Given(node) => match model.nodes[node].role {
            Role::Condition => condition(model, node, run, lookup),
            _ => property(model, catalog, node, run, lookup),
        },
    }
}

fn condition(model: &Model, index: usize, run: &str, lookup: &Lookup<'_>) -> Result<f64, FrameFault> {
    let node = &model.nodes[index];
    let wrong = |found: &Value, expected: &str| FrameFault::WrongKind {
        run: run.to_owned(),
        condition: node.name.clone(),
        found: found.to_string(),
        expected: expected.to_owned(),
    };
    match (node.kind, lookup(&node.name)) {
        (_, None) if model.has_default(index) => Ok(f64::NAN),
        (_, None) => Err(FrameFault::MissingCondition {
            run: run.to_owned(),
            condition: node.name.clone(),
            model: model.name.clone(),
        }),
        (ValueKind::Number, Some(Value::Number(value))) => Ok(*value),
        (ValueKind::Name, Some(Value::Name(name))) => Ok(text_code(name)),
        (ValueKind::Flag, Some(Value::Flag(on))) => Ok(f64::from(u8::from(*on))),
        (ValueKind::Number, Some(other)) => Err(wrong(other, "a number")),
        (ValueKind::Name, Some(other)) => Ok(text_code(&other.to_string())),
        (ValueKind::Flag, Some(other)) => Err(wrong(other, "true or false")),
    }
}

/// The look-up keys of a property: values of its key conditions as texts; `None` where one is missing.
fn keys(from: &[String], lookup: &Lookup<'_>) -> Option<Vec<String>> {
    from.iter().map(|key| lookup(key).map(ToString::to_string)).collect()
}

fn property(model: &Model, catalog: &Catalog, index: usize, run: &str, lookup: &Lookup<'_>) -> Result<f64, FrameFault> {
    let node = &model.nodes[index];
    let from = model.from(index).expect("a property has a look-up");
    let found = keys(&from.keys, lookup);
    let value = found.as_ref().and_then(|keys| {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        catalog.get(&from.table, &keys, &from.attribute)
    });
    match (node.kind, value) {
        (ValueKind::Number, Some(CatalogValue::Number(value))) => Ok(value),
        (ValueKind::Name, Some(CatalogValue::Name(name))) => Ok(text_code(&name)),
        (ValueKind::Flag, Some(CatalogValue::Flag(on))) => Ok(f64::from(u8::from(on))),
        (_, Some(other)) => Err(FrameFault::WrongKind {
            run: run.to_owned(),
            condition: node.name.clone(),
            found: format!("{other:?}"),
            expected: "of the kind that the model file says".to_owned(),
        }),
        (_, None) if model.has_default(index) => Ok(f64::NAN),
        (_, None) => Err(missing_property(catalog, from, found, run, &model.name)),
    }
}

fn missing_property(
    catalog: &Catalog,
    from: &super::CatalogReference,
    keys: Option<Vec<String>>,
    run: &str,
    model: &str,
) -> FrameFault {
    let run = run.to_owned();
    let table = from.table.clone();
    let Some(keys) = keys else {
        return FrameFault::MissingCondition { run, condition: from.keys.join(", "), model: model.to_owned() };
    };
    let known = catalog.keys(&table);
    let key = list(&keys);
    if known.iter().any(|known| *known == keys[0]) {
        FrameFault::MissingAttribute { run, table, key, attribute: from.attribute.clone() }
    } else {
        let near = nearest(&keys[0], known).map(str::to_owned);
        FrameFault::UnknownEntry { run, table, key, near }
    }
}

/// The level of a parameter: the values of its `per`, joined; empty for a parameter without levels.
fn level(model: &Model, catalog: &Catalog, parameter: usize, lookup: &Lookup<'_>) -> String {
    let definition = &model.parameters[parameter].definition;
    let value = |name: &str| -> String {
        let Some(index) = model.node_index(name) else { return String::new() };
        if let Some(from) = model.from(index) {
            let found = keys(&from.keys, lookup).and_then(|keys| {
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                catalog.get(&from.table, &keys, &from.attribute)
            });
            return match found {
                Some(CatalogValue::Number(value)) => value.to_string(),
                Some(CatalogValue::Name(name)) => name,
                Some(CatalogValue::Flag(on)) => on.to_string(),
                None => model.default_text(index),
            };
        }
        lookup(name).map_or_else(|| model.default_text(index), ToString::to_string)
    };
    definition.per.iter().map(|text| value(&text.text)).collect::<Vec<_>>().join(" | ")
}

impl Frame {
    /// Two runs whose causes are taken from either: row `i` has the conditions of `b` for every cause in `players` whose
    /// bit is set in `masks[i]`, else those of `a`; causes that are no players are as in `a`. Noise is 0.
    pub(crate) fn mixed(
        model: &Model,
        catalog: &Catalog,
        (a, b): (&Run, &Run),
        players: &[usize],
        masks: &[usize],
    ) -> Result<Self, FrameError> {
        let rows = masks.len();
        let mut frame = Self::empty(model, rows);
        let player_of = |name: &str| -> Option<usize> {
            let cause = model.cause_of(name)?;
            players.iter().position(|&player| player == cause)
        };
        let mut faults = Vec::new();
        for (index, input) in model.inputs.iter().enumerate() {
            let names = depends(model, *input);
            let relevant = relevant_players(&names, &player_of);
            let table = table(&relevant, a, b, |id, lookup| bind(model, catalog, *input, id, lookup));
            match table.into_iter().collect::<Result<Vec<f64>, _>>() {
                Ok(values) => {
                    for (row, &mask) in masks.iter().enumerate() {
                        frame.inputs[index][row] = values[project(mask, &relevant)];
                    }
                }
                Err(fault) => faults.push(fault),
            }
        }
        for parameter in 0..model.parameters.len() {
            let definition = &model.parameters[parameter].definition;
            let names: Vec<(String, Vec<String>)> = definition
                .per
                .iter()
                .filter_map(|key| model.node_index(&key.text))
                .flat_map(|node| depends(model, Input::Given(node)))
                .collect();
            let relevant = relevant_players(&names, &player_of);
            let levels = table(&relevant, a, b, |_, lookup| level(model, catalog, parameter, lookup));
            for (row, &mask) in masks.iter().enumerate() {
                frame.set_level(parameter, row, &levels[project(mask, &relevant)]);
            }
        }
        if faults.is_empty() { Ok(frame) } else { Err(FrameError::new(faults)) }
    }
}

/// What a column depends on: (name of the group it is charged to, conditions read). A property that belongs to a cause of
/// its own is charged there as a whole; any other is charged to its keys.
fn depends(model: &Model, input: Input) -> Vec<(String, Vec<String>)> {
    let Input::Given(index) = input else { return Vec::new() };
    let node = &model.nodes[index];
    match model.from(index) {
        None => vec![(node.name.clone(), vec![node.name.clone()])],
        Some(from) if model.cause_of(&node.name).is_some() => vec![(node.name.clone(), from.keys.clone())],
        Some(from) => from.keys.iter().map(|key| (key.clone(), vec![key.clone()])).collect(),
    }
}

fn relevant_players(
    names: &[(String, Vec<String>)],
    player_of: &dyn Fn(&str) -> Option<usize>,
) -> Vec<(usize, Vec<String>)> {
    let mut relevant: Vec<(usize, Vec<String>)> = Vec::new();
    for (name, conditions) in names {
        let Some(player) = player_of(name) else { continue };
        match relevant.iter_mut().find(|(known, _)| *known == player) {
            Some((_, known)) => known.extend(conditions.iter().cloned()),
            None => relevant.push((player, conditions.clone())),
        }
    }
    relevant
}

/// The value of a column for every choice of the relevant players.
fn table<T>(relevant: &[(usize, Vec<String>)], a: &Run, b: &Run, value: impl Fn(&str, &Lookup<'_>) -> T) -> Vec<T> {
    (0..1_usize << relevant.len())
        .map(|choice| {
            let lookup = |name: &str| {
                let from_b = relevant
                    .iter()
                    .enumerate()
                    .any(|(bit, (_, conditions))| choice >> bit & 1 == 1 && conditions.iter().any(|own| own == name));
                let run = if from_b { b } else { a };
                run.conditions.get(name)
            };
            value(if choice == 0 { &a.id } else { &b.id }, &lookup)
        })
        .collect()
}

/// The choice of the relevant players within a coalition.
fn project(mask: usize, relevant: &[(usize, Vec<String>)]) -> usize {
    relevant.iter().enumerate().map(|(bit, (player, _))| (mask >> player & 1) << bit).sum()
}

impl Model {
    /// The catalog look-up of a property.
    pub(crate) fn from(&self, index: usize) -> Option<&super::CatalogReference> {
        self.references.get(index).and_then(Option::as_ref)
    }

    /// Whether a condition or property has something to stand in for it.
    pub(crate) fn has_default(&self, index: usize) -> bool {
        self.defaults[index].is_some()
    }

    /// The text that stands in for a missing category; empty where the default is computed.
    pub(crate) fn default_text(&self, index: usize) -> String {
        self.defaults[index].as_ref().map(|text| text.trim_matches(['"', '\'']).to_owned()).unwrap_or_default()
    }

    /// The cause of a name, as a value.
    pub fn cause(&self, name: &str) -> Option<&Cause> {
        self.causes.iter().find(|cause| cause.name == name)
    }
}
