//! The points of a sweep: constants, the grid of the knobs, and further points.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use super::curve::{Adaptive, Curve};
use super::spec::Point;
use super::tables::{Reader, Said, Section};
use super::template::{Values, fill, is_name};
use crate::notes::{did_you_mean, nearest};
use crate::runs::{Value, axes, condition_name, conditions};

/// The most points, and the most visits, of a sweep.
pub(super) const MOST: usize = 10_000;

/// Which names the file uses, and where a placeholder of that name stands.
#[derive(Default)]
pub(super) struct Axes {
    pub(super) places: Vec<(String, Range<usize>)>,
    implied: Vec<String>,
    /// Names that decide on arguments.
    deciding: Vec<Said>,
}

impl Axes {
    /// A name that matters without a placeholder.
    pub(super) fn uses(&mut self, name: &str) {
        self.implied.push(name.to_owned());
    }

    /// A name of which the arguments depend.
    pub(super) fn decides(&mut self, name: &Said) {
        self.uses(&name.text);
        self.deciding.push(name.clone());
    }

    fn are_used(&self, name: &str) -> bool {
        self.places.iter().any(|(own, _)| own == name) || self.implied.iter().any(|own| own == name)
    }
}

/// A name with its values; of an adaptive knob, those it begins with.
struct Axis {
    name: Said,
    values: Vec<Value>,
    adaptive: Option<Adaptive>,
}

/// The points of a sweep.
#[derive(Default)]
pub(super) struct Points {
    /// Those of the file, then those chosen for its adaptive knobs.
    pub(super) all: Vec<Point>,
    /// How many the file gives.
    pub(super) first: usize,
    pub(super) curves: Vec<Curve>,
}

impl<'t> Reader<'t> {
    pub(super) fn points(&mut self, root: &Section<'_, 't>, mut used: Axes) -> Points {
        let constants = self.constants(root, &mut used);
        let mut grids = Vec::new();
        if let Some(knobs) = self.section(root, "knobs") {
            grids.push(self.grid(&knobs));
        }
        for own in self.sections(root, "points") {
            grids.push(self.grid(&own));
        }
        if grids.is_empty() {
            grids.push(Vec::new());
        }
        self.check_used(&grids, &used);
        if self.are_too_many(root, &grids) {
            return Points::default();
        }
        let mut known = BTreeSet::new();
        let all = grids.iter().flat_map(|grid| product(&grid.iter().collect::<Vec<_>>()));
        let mut found: Vec<Values> = all.filter(|values| known.insert(key(values))).collect();
        let (first, curves) = (found.len(), self.curves(&grids));
        for own in &self.added {
            let curve = curves.iter().find(|curve| curve.name == own.curve && curve.range.knob == own.knob);
            found.extend(curve.map(|curve| curve.point(own.value)).filter(|values| !found.contains(values)));
        }
        let order = names_in_order(&grids);
        let ids = ids(&found, &order);
        self.check_ids(&ids, &grids);
        let all: Vec<Point> =
            found.into_iter().zip(ids).map(|(own, id)| Point { values: self.complete(own, &constants), id }).collect();
        self.check_places(&all, &used);
        self.check_deciding(&all, &used);
        Points { all, first, curves }
    }

    /// Whether there are more points than can be measured; counted, not made.
    fn are_too_many(&mut self, root: &Section<'_, 't>, grids: &[Vec<Axis>]) -> bool {
        let count = |grid: &Vec<Axis>| grid.iter().map(|axis| axis.values.len()).fold(1, usize::saturating_mul);
        let all = grids.iter().map(count).fold(0, usize::saturating_add);
        if all > MOST {
            let longest = grids.iter().flatten().max_by_key(|axis| axis.values.len());
            let at = longest.map_or(root.at.clone(), |axis| axis.name.at.clone());
            self.fault(&at, format!("the sweep has {all} points, and {MOST} are the most; give fewer values"));
        }
        all > MOST
    }

    /// Two points of one name would be taken for one, and so would a point and the repeat of another.
    fn check_ids(&mut self, ids: &[String], grids: &[Vec<Axis>]) {
        let axes = || grids.iter().flatten();
        let is_marked = |axis: &&Axis| axis.values.iter().any(|value| value.to_string().contains('#'));
        for axis in axes().filter(|axis| ids.iter().any(|id| id.contains('#')) && is_marked(axis)) {
            let message = format!(
                "`{}` has a value with `#`, which stands before the number of a repeat in the name of a point",
                axis.name.text
            );
            self.fault(&axis.name.at, message);
        }
        let mut known = BTreeSet::new();
        let twice = ids.iter().find(|id| !known.insert(*id));
        if let (Some(id), Some(axis)) = (twice, axes().next()) {
            let message = format!("two points have the name `{id}`: leave `,` and `=` out of their values");
            self.fault(&axis.name.at, message);
        }
    }

    /// What the adaptive knob of each grid is chosen for: every combination of the others.
    fn curves(&mut self, grids: &[Vec<Axis>]) -> Vec<Curve> {
        let mut curves: Vec<Curve> = Vec::new();
        for grid in grids {
            let (adaptive, others): (Vec<&Axis>, Vec<&Axis>) = grid.iter().partition(|axis| axis.adaptive.is_some());
            if let [_, second, ..] = adaptive[..] {
                let message =
                    format!("`{}` is the second adaptive knob here; give it a list of values", second.name.text);
                self.fault(&second.name.at, message);
            }
            let Some(range) = adaptive.first().and_then(|axis| axis.adaptive.clone()) else { continue };
            for values in product(&others) {
                let own = Curve::new(values, range.clone());
                if !curves.contains(&own) {
                    curves.push(own);
                }
            }
        }
        curves
    }

    /// Constants of every point: conditions, and variables for placeholders only.
    fn constants(&mut self, root: &Section<'_, 't>, used: &mut Axes) -> Vec<(Said, Said)> {
        let mut constants = Vec::new();
        for (section, is_condition) in [("conditions", true), ("variables", false)] {
            let Some(own) = self.section(root, section) else { continue };
            for (name, value) in own.entries() {
                let known = condition_name(&name.text);
                if is_condition && known.is_none() {
                    let names = conditions().map(|own| own.name);
                    let meant = did_you_mean(nearest(&name.text, names));
                    let message = format!(
                        "`{}` is no condition of a run{meant}; what only fills placeholders goes into `[variables]`",
                        name.text
                    );
                    self.fault(&name.at, message);
                    continue;
                }
                if !self.check_name(&name) {
                    continue;
                }
                if let Some(said) = self.scalar(&name.text, value) {
                    self.check_template(&said, used);
                    if !said.text.contains('{') {
                        self.values(&name, &said);
                    }
                    constants.push((name, said));
                }
            }
        }
        constants
    }

    fn check_name(&mut self, name: &Said) -> bool {
        if let Some(known) = condition_name(&name.text).filter(|known| known.name != name.text) {
            self.fault(&name.at, format!("write `{}` for `{}`: names are spelled one way here", known.name, name.text));
            return false;
        }
        if !is_name(&name.text) {
            self.fault(&name.at, format!("`{}` cannot be a name; use letters, digits and `_`", name.text));
            return false;
        }
        true
    }

    fn grid(&mut self, own: &Section<'_, 't>) -> Vec<Axis> {
        let mut grid = Vec::new();
        for (name, value) in own.entries() {
            if self.check_name(&name) {
                let adaptive = value.get_ref().as_table().map(|_| self.adaptive(&name, value));
                let (adaptive, values) = match adaptive {
                    None => (None, self.axis(&name, value)),
                    Some(adaptive) => {
                        let values = adaptive.as_ref().map(Adaptive::first_values).unwrap_or_default();
                        (adaptive, values)
                    }
                };
                grid.push(Axis { name, values, adaptive });
            }
        }
        grid
    }

    fn axis(&mut self, name: &Said, value: &Spanned<DeValue<'t>>) -> Vec<Value> {
        let list = match value.get_ref().as_array() {
            Some(_) => self.as_list(&name.text, value),
            None => self.scalar(&name.text, value).into_iter().collect(),
        };
        if list.is_empty() {
            self.fault(&value.span(), format!("`{}` has no value", name.text));
        }
        let mut known = BTreeSet::new();
        let mut values: Vec<Value> = list.iter().flat_map(|said| self.values(name, said)).collect();
        values.retain(|value| known.insert(format!("{value:?}")));
        values
    }

    /// The values of a text: of a condition as its kind says, with ranges; of a variable as written.
    fn values(&mut self, name: &Said, said: &Said) -> Vec<Value> {
        match values(&name.text, &said.text) {
            Ok(values) => values,
            Err(message) => {
                self.fault(&said.at, message);
                Vec::new()
            }
        }
    }

    /// A knob that changes nothing is a mistake.
    fn check_used(&mut self, grids: &[Vec<Axis>], used: &Axes) {
        for axis in grids.iter().flatten().filter(|axis| !used.are_used(&axis.name.text)) {
            let mut placeholders: Vec<&str> = used.places.iter().map(|(name, _)| name.as_str()).collect();
            placeholders.extend(used.implied.iter().map(String::as_str));
            placeholders.sort_unstable();
            placeholders.dedup();
            let meant = did_you_mean(nearest(&axis.name.text, placeholders));
            let message = format!(
                "`{0}` changes nothing: no argument, variable or load has the placeholder `{{{0}}}`{meant}",
                axis.name.text
            );
            self.fault(&axis.name.at, message);
        }
    }

    /// Every placeholder must stand for something at every point.
    fn check_places(&mut self, points: &[Point], used: &Axes) {
        for (name, at) in &used.places {
            let Some(point) = points.iter().find(|point| !point.values.contains_key(name)) else { continue };
            let meant = did_you_mean(nearest(name, point.values.keys().map(String::as_str)));
            let message = format!(
                "`{{{name}}}` is not set at point `{}`{meant}; give it in `[knobs]`, `[[points]]`, `[conditions]` or `[variables]`",
                point.id
            );
            self.fault(at, message);
        }
    }

    /// Arguments of which a name decides that no point has are never added.
    fn check_deciding(&mut self, points: &[Point], used: &Axes) {
        for name in &used.deciding {
            if points.is_empty() || points.iter().any(|point| point.values.contains_key(&name.text)) {
                continue;
            }
            let known = points.iter().flat_map(|point| point.values.keys().map(String::as_str));
            let meant = did_you_mean(nearest(&name.text, known));
            self.fault(&name.at, format!("no point has `{}`, so that nothing is ever added{meant}", name.text));
        }
    }

    /// The values of a point with the constants that it does not set itself.
    fn complete(&mut self, mut own: Values, constants: &[(Said, Said)]) -> Values {
        let (plain, filled): (Vec<_>, Vec<_>) = constants.iter().partition(|(_, said)| !said.text.contains('{'));
        for (name, said) in plain.into_iter().chain(filled) {
            if own.contains_key(&name.text) {
                continue;
            }
            // A placeholder without a value is told with its place by `check_places`.
            let Ok(text) = fill(&said.text, &own) else { continue };
            match values(&name.text, &text) {
                Ok(values) => {
                    if let [value] = &values[..] {
                        own.insert(name.text.clone(), value.clone());
                    } else {
                        self.fault(
                            &said.at,
                            format!("`{}` is one value here; lists and ranges go into `[knobs]`", name.text),
                        );
                    }
                }
                Err(message) => self.fault(&said.at, message),
            }
        }
        own
    }

    pub(super) fn anchor(&mut self, own: &Section<'_, 't>, points: &[Point]) -> Values {
        let mut anchor = Values::new();
        for (name, value) in own.entries() {
            if let [value] = &self.axis(&name, value)[..] {
                anchor.insert(name.text, value.clone());
            } else {
                self.fault(&name.at, "an anchor has one value for each name");
            }
        }
        if !points.is_empty() && !points.iter().any(|point| matches(point, &anchor)) {
            self.fault(&own.at, "no point has these values, so that none can be the anchor");
        }
        anchor
    }
}

/// Whether a point has all of these values.
pub(super) fn matches(point: &Point, values: &Values) -> bool {
    values.iter().all(|(name, value)| point.values.get(name) == Some(value))
}

/// The values of one text.
fn values(name: &str, text: &str) -> Result<Vec<Value>, String> {
    if condition_name(name).is_none() {
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && number.to_string() == text);
        let flag = text.parse::<bool>().ok().map(Value::Flag);
        let other = || Value::Name(text.to_owned());
        return Ok(vec![number.map(Value::Number).or(flag).unwrap_or_else(other)]);
    }
    if text.contains(',') {
        return Err(format!("`{text}` holds a comma; write a list: `{name} = [\"a\", \"b\"]`"));
    }
    let found = axes(&format!("{name}={text}")).map_err(|error| error.to_string())?;
    Ok(found.into_iter().flat_map(|(_, values)| values).collect())
}

/// The one number of a text.
pub(super) fn one_value(name: &str, text: &str) -> Result<f64, String> {
    match &values(name, text)?[..] {
        [Value::Number(number)] => Ok(*number),
        _ => Err(format!("`{text}` is not one number")),
    }
}

/// All combinations, the first axis slowest.
fn product(grid: &[&Axis]) -> Vec<Values> {
    let mut found = vec![Values::new()];
    for axis in grid {
        let with = |values: &Values| {
            let values = values.clone();
            axis.values.iter().map(move |value| {
                let mut own = values.clone();
                own.insert(axis.name.text.clone(), value.clone());
                own
            })
        };
        found = found.iter().flat_map(with).collect();
    }
    found
}

/// Equal where the values are.
fn key(values: &Values) -> String {
    format!("{values:?}")
}

fn names_in_order(grids: &[Vec<Axis>]) -> Vec<&str> {
    let mut order: Vec<&str> = Vec::new();
    for axis in grids.iter().flatten() {
        if !order.contains(&axis.name.text.as_str()) {
            order.push(&axis.name.text);
        }
    }
    order
}

/// The name of each point: what varies among them.
fn ids(points: &[Values], order: &[&str]) -> Vec<String> {
    let varies = |name: &&&str| points.iter().any(|own| own.get(**name) != points[0].get(**name));
    let varying: Vec<&&str> = order.iter().filter(varies).collect();
    let id = |own: &Values| {
        let part = |name: &&&str| own.get(**name).map(|value| format!("{name}={value}"));
        let parts: Vec<String> = varying.iter().filter_map(part).collect();
        if parts.is_empty() { "only".to_owned() } else { parts.join(",") }
    };
    points.iter().map(id).collect()
}
