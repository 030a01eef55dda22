//! Runs as columns: conditions, catalog look-ups, measured latents and the levels of parameters.

mod error;
mod mixed;

pub use error::{FrameError, FrameFault};

use super::definition::{Role, ValueKind};
use super::tape::Columns;
use super::{CatalogReference, Cause, Model, text_code};
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

    /// Puts every run into a combination of regime states: bit `i` set is the second state of regime `i`.
    pub(crate) fn set_states(&mut self, model: &Model, combination: usize) {
        for (bit, regime) in model.regimes.iter().enumerate() {
            self.inputs[regime.input].fill(text_code(&regime.states[combination >> bit & 1]));
        }
    }

    /// Some of the runs.
    pub(crate) fn some(&self, rows: &[usize]) -> Self {
        Self {
            rows: rows.len(),
            inputs: self.inputs.iter().map(|column| rows.iter().map(|&row| column[row]).collect()).collect(),
            level_names: self.level_names.clone(),
            levels: self.levels.iter().map(|column| rows.iter().map(|&row| column[row]).collect()).collect(),
        }
    }

    /// Number of runs.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns of a tape, with the parameters still empty.
    pub(crate) fn columns(&self, parameters: Vec<Vec<f64>>) -> Columns {
        Columns { inputs: self.inputs.clone(), parameters }
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
        (_, None) if model.has_default(index) && !model.requires.contains(&node.name) => Ok(f64::NAN),
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

impl CatalogReference {
    /// The keys of the look-up: values of its key conditions as texts; `None` where one is missing.
    fn keys_of(&self, lookup: &Lookup<'_>) -> Option<Vec<String>> {
        self.keys.iter().map(|key| lookup(key).map(ToString::to_string)).collect()
    }

    /// What the catalog says; `None` where a key or the entry is missing.
    fn look_up(&self, catalog: &Catalog, lookup: &Lookup<'_>) -> Option<CatalogValue> {
        let keys = self.keys_of(lookup)?;
        catalog.get(&self.table, &keys.iter().map(String::as_str).collect::<Vec<_>>(), &self.attribute)
    }
}

fn property(model: &Model, catalog: &Catalog, index: usize, run: &str, lookup: &Lookup<'_>) -> Result<f64, FrameFault> {
    let node = &model.nodes[index];
    let from = model.from(index).expect("a property has a look-up");
    match (node.kind, from.look_up(catalog, lookup)) {
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
        (_, None) => Err(missing_property(catalog, from, lookup, run, &model.name)),
    }
}

fn missing_property(
    catalog: &Catalog,
    from: &CatalogReference,
    lookup: &Lookup<'_>,
    run: &str,
    model: &str,
) -> FrameFault {
    let run = run.to_owned();
    let table = from.table.clone();
    if let Some(key) = from.keys.iter().find(|key| lookup(key).is_none()) {
        return FrameFault::MissingCondition { run, condition: key.clone(), model: model.to_owned() };
    }
    let keys = from.keys_of(lookup).unwrap_or_default();
    // Of several keys it is the last that is in question: `default` may stand for the ones before.
    let known = catalog.last_keys(&table);
    let Some(key) = keys.last().filter(|key| !known.contains(&key.as_str())).cloned() else {
        return FrameFault::MissingAttribute { run, table, key: list(&keys), attribute: from.attribute.clone() };
    };
    let near = nearest(&key, known).map(str::to_owned);
    let quoted: Vec<String> = keys.iter().map(|key| format!("\"{key}\"")).collect();
    FrameFault::UnknownEntry { run, key, near, entry: format!("{table}.{}", quoted.join(".")), table }
}

/// The level of a parameter: the values of its `per`, joined; empty for a parameter without levels.
fn level(model: &Model, catalog: &Catalog, parameter: usize, lookup: &Lookup<'_>) -> String {
    let definition = &model.parameters[parameter].definition;
    let value = |name: &str| -> String {
        let Some(index) = model.node_index(name) else { return String::new() };
        if let Some(from) = model.from(index) {
            return match from.look_up(catalog, lookup) {
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

impl Model {
    /// The catalog look-up of a property.
    pub(crate) fn from(&self, index: usize) -> Option<&CatalogReference> {
        self.references.get(index).and_then(Option::as_ref)
    }

    /// What the catalog says about a run's property; `None` where the run lacks a key or the catalog the entry.
    pub fn property(&self, catalog: &Catalog, run: &Run, name: &str) -> Option<CatalogValue> {
        self.from(self.node_index(name)?)?.look_up(catalog, &|key| run.conditions.get(key))
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
