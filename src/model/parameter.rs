//! The space that the fit searches: one standard normal coordinate per pooled value, group and level.
//!
//! With prior g, pooled coordinate x₀, group xᵤ and level xₗ the value is `g(x₀ + (pool_within·xᵤ + pool·xₗ)/sd)`: for a
//! log-normal `median · exp(sd·x₀ + pool_within·xᵤ + pool·xₗ)`. All coordinates are standard normal under the prior, so the
//! data decide how far a level moves from its group and a group from the whole (partial pooling).

use std::collections::BTreeMap;

use super::frame::Frame;
use super::{Model, Prior};

/// How a coordinate moves a parameter: its index and its weight in the prior's own coordinate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// Index of the coordinate.
    pub index: usize,
    /// Factor in the prior's coordinate.
    pub weight: f64,
}

/// Coordinates of one parameter.
#[derive(Clone, Debug, Default)]
struct Layout {
    /// Coordinate of the pooled value; none if it is fixed.
    pooled: Option<usize>,
    groups: BTreeMap<String, usize>,
    levels: BTreeMap<String, usize>,
}

/// All coordinates of a model for a given set of levels.
#[derive(Clone, Debug)]
pub struct ParameterSpace {
    layouts: Vec<Layout>,
    names: Vec<String>,
}

impl ParameterSpace {
    /// The space for the levels that `levels` gives per parameter (in the order of the model's parameters).
    pub fn new(model: &Model, levels: &[Vec<String>]) -> Self {
        let mut names = Vec::new();
        let mut layouts = Vec::new();
        for (parameter, levels) in model.parameters.iter().zip(levels) {
            let definition = &parameter.definition;
            let mut layout = Layout::default();
            let mut add = |name: String| {
                names.push(name);
                names.len() - 1
            };
            if !definition.prior.is_fixed() {
                layout.pooled = Some(add(definition.name.clone()));
            }
            if !definition.per.is_empty() {
                let mut sorted: Vec<&String> = levels.iter().collect();
                sorted.sort();
                for level in sorted {
                    if let Some(group) = group_of(model, &definition.name, level)
                        && !layout.groups.contains_key(&group)
                    {
                        let index = add(format!("{}[{group}]", definition.name));
                        layout.groups.insert(group, index);
                    }
                    let own = definition.levels.iter().find(|(name, _)| name.text == *level);
                    if !own.is_some_and(|(_, prior)| prior.is_fixed()) {
                        let index = add(format!("{}[{level}]", definition.name));
                        layout.levels.insert(level.clone(), index);
                    }
                }
            }
            layouts.push(layout);
        }
        Self { layouts, names }
    }

    /// Number of coordinates.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is nothing to estimate.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// A name for each coordinate: `efficiency`, `efficiency[H100]`.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The levels of a parameter that have a coordinate.
    pub fn levels(&self, parameter: usize) -> impl Iterator<Item = &str> {
        self.layouts[parameter].levels.keys().map(String::as_str)
    }

    /// The pooled value of a parameter, as the level without a name, then its levels.
    pub fn pooled_and_levels(&self, parameter: usize) -> impl Iterator<Item = String> {
        std::iter::once(String::new()).chain(self.levels(parameter).map(str::to_owned))
    }

    /// The prior that a parameter's level follows, and the coordinates that move it.
    pub fn terms(&self, model: &Model, parameter: usize, level: &str) -> (Prior, Vec<Term>) {
        let definition = &model.parameters[parameter].definition;
        let layout = &self.layouts[parameter];
        if let Some((name, prior)) = definition.levels.iter().find(|(name, _)| name.text == *level) {
            let own = layout.levels.get(&name.text).map(|&index| Term { index, weight: 1.0 });
            return (*prior, own.into_iter().collect());
        }
        let prior = definition.prior;
        let mut terms: Vec<Term> = layout.pooled.map(|index| Term { index, weight: 1.0 }).into_iter().collect();
        let spread = prior.spread().unwrap_or(1.0);
        let group = group_of(model, &definition.name, level).and_then(|group| layout.groups.get(&group));
        terms.extend(group.map(|&index| Term { index, weight: definition.pool_within / spread }));
        terms.extend(layout.levels.get(level).map(|&index| Term { index, weight: definition.pool / spread }));
        (prior, terms)
    }

    /// The value of a parameter at a level, and its derivatives by coordinate.
    pub fn value(&self, model: &Model, parameter: usize, level: &str, theta: &[f64]) -> (f64, Vec<(usize, f64)>) {
        let (prior, terms) = self.terms(model, parameter, level);
        let x: f64 = terms.iter().map(|term| term.weight * theta[term.index]).sum();
        let (value, slope) = prior.value(x);
        (value, terms.iter().map(|term| (term.index, slope * term.weight)).collect())
    }

    /// The parameter columns of a frame at `theta`, and for each parameter and level the derivatives by coordinate.
    pub(crate) fn columns(&self, model: &Model, frame: &Frame, theta: &[f64]) -> (Vec<Vec<f64>>, Slopes) {
        let mut columns = Vec::with_capacity(model.parameters.len());
        let mut slopes = Vec::with_capacity(model.parameters.len());
        for parameter in 0..model.parameters.len() {
            let at_levels: Vec<(f64, Vec<(usize, f64)>)> =
                frame.level_names[parameter].iter().map(|level| self.value(model, parameter, level, theta)).collect();
            columns.push(frame.levels[parameter].iter().map(|&level| at_levels[level as usize].0).collect());
            slopes.push(at_levels.into_iter().map(|(_, slopes)| slopes).collect());
        }
        (columns, slopes)
    }
}

/// For each parameter, for each level of a frame: derivatives of the value by coordinate.
pub(crate) type Slopes = Vec<Vec<Vec<(usize, f64)>>>;

/// The outer group of a level: the parts of it that `within` names.
fn group_of(model: &Model, parameter: &str, level: &str) -> Option<String> {
    let definition = &model.parameters.iter().find(|own| own.definition.name == parameter)?.definition;
    if definition.within.is_empty() {
        return None;
    }
    let parts: Vec<&str> = level.split(" | ").collect();
    let group: Vec<&str> = definition
        .within
        .iter()
        .filter_map(|outer| definition.per.iter().position(|key| key.text == outer.text))
        .filter_map(|position| parts.get(position).copied())
        .collect();
    Some(group.join(" | "))
}
