//! Two runs whose causes are taken from either: the coalitions of a game, one row each.

use super::{Frame, FrameError, Input, Lookup, bind, level};
use crate::catalog::Catalog;
use crate::model::Model;
use crate::runs::Run;

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
