//! What an answer cannot say, and what a change needs.

use std::collections::BTreeMap;

use super::change::Change;
use super::reference::Reference;
use super::result::{Answer, Limit};
use crate::fit::ExpectedRun;
use crate::model::{Model, Role};
use crate::notes::{Caveat, either, list, words};
use crate::runs::{Run, Value};
use crate::unit::{percent, show, show_plain, show_range};

/// A limit that holds with a probability between these may go either way.
const OPEN: (f64, f64) = (0.05, 0.95);
/// A state with a probability beyond this, up to one half, is worth a word.
const UNSURE_STATE: f64 = 0.1;

/// Ranges of the fit's runs are written with three digits.
const ROUNDED: f64 = 0.005;

/// A changed run.
pub(super) struct Changed<'a> {
    pub(super) run: &'a Run,
    /// What was assumed of it.
    pub(super) assumed: Option<&'a str>,
    pub(super) expected: &'a ExpectedRun,
}

/// What has to come with a change, by condition that is different indeed.
pub(super) fn needs(model: &Model, change: &Change, before: &BTreeMap<String, Value>) -> Vec<(String, String)> {
    let differs = |(name, value): &&(String, Value)| before.get(name) != Some(value);
    let need = |(name, _): &(String, Value)| {
        let needs = &model.node(name)?.needs;
        (!needs.is_empty()).then(|| (name.clone(), needs.clone()))
    };
    change.set.iter().filter(differs).filter_map(need).collect()
}

/// What to know of an answer.
pub(super) fn caveats(reference: &Reference<'_>, answer: &Answer, changed: &Changed<'_>, target: usize) -> Vec<Caveat> {
    let mut found: Vec<Caveat> = answer.limits.iter().filter_map(of_limit).collect();
    let before = &reference.run.run.conditions;
    for (name, value) in answer.set.iter().filter(|(name, value)| before.get(name) != Some(value)) {
        found.extend(of_condition(reference, name, value, target));
    }
    found.extend(changed.assumed.map(|text| Caveat::new("assumed-length", text)));
    found.extend(supply(reference, answer, changed.run));
    for (regime, second) in reference.fitted.model.regimes.iter().zip(&changed.expected.second) {
        if second.min(1.0 - second) > UNSURE_STATE {
            let text = format!(
                "whether `{}` is {} is open ({} yes, {} no); the answer takes the likelier",
                regime.name,
                regime.states[1],
                percent(*second),
                percent(1.0 - second)
            );
            found.push(Caveat::new("open-state", text));
        }
    }
    found.extend(indistinct(reference, answer, changed.run, target));
    found
}

/// A limit that is broken, or may be.
fn of_limit(limit: &Limit) -> Option<Caveat> {
    if !limit.holds {
        return Some(Caveat::new("infeasible", broken(limit)));
    }
    let probability = limit.probability.filter(|own| *own > OPEN.0 && *own < OPEN.1)?;
    let (largest, [low, high]) = limit.largest?;
    let text = format!(
        "whether it keeps `{}` is not sure ({}): the largest `{}` is about {} (90 % interval {} to {})",
        limit.constraint,
        percent(probability),
        limit.condition,
        whole(largest),
        whole(low),
        whole(high)
    );
    Some(Caveat::new("may-not-fit", text))
}

/// A broken limit in words.
fn broken(limit: &Limit) -> String {
    let sum: f64 = limit.parts.iter().map(|(_, _, value)| value).sum();
    let why = if let (Some((name, unit, room)), true) = (&limit.whole, sum > 0.0) {
        let parts: Vec<String> =
            limit.parts.iter().map(|(name, unit, value)| format!("{} {}", words(name), show(*value, unit))).collect();
        format!("{} against {} of {}", list(&parts), show(*room, unit), words(name))
    } else {
        limit.meaning.clone()
    };
    let end = if let Some((largest, [low, high])) = limit.largest {
        let [largest, low, high] = [largest, low, high].map(whole);
        format!("; the largest `{}` that fits is about {largest} (90 % interval {low} to {high})", limit.condition)
    } else if limit.allowed.is_empty() {
        String::new()
    } else {
        let allowed: Vec<String> = limit.allowed.iter().map(|value| show_plain(*value)).collect();
        format!("; `{}` may be {}", limit.condition, either(&allowed))
    };
    format!("it breaks `{}`: {why}{end}", limit.constraint)
}

/// A count that is rounded down, as a limit is.
fn whole(value: f64) -> String {
    show_plain(if value >= 1.0 { value.floor() } else { 0.0 })
}

/// What the model and its data know of a condition.
fn of_condition(reference: &Reference<'_>, name: &str, value: &Value, target: usize) -> Option<Caveat> {
    let model = &reference.fitted.model;
    let Some(node) = model.node_index(name).filter(|&index| model.nodes[index].role == Role::Condition) else {
        let text = format!(
            "`{name}` is in no equation of model `{}`: the answer does not change with it, whatever it does in truth; measure it",
            model.name
        );
        return Some(Caveat::new("no-equation", text));
    };
    if !model.graph.ancestors(&[target])[node] {
        let text = format!("`{name}` does not act on `{}` in model `{}`", model.nodes[target].name, model.name);
        return Some(Caveat::new("no-effect", text));
    }
    let varied = reference.fitted.record.seen.varied.get(name)?;
    if varied.alone == 0 {
        let how = if varied.values < 2 { "no run of the fit varies" } else { "no two runs of the fit differ only in" };
        let text = format!(
            "{how} `{name}`: what it does here rests on the equations and on what was known before, no measurement has tried it"
        );
        return Some(Caveat::new("not-identified", text));
    }
    let (number, [low, high]) = (value.number()?, varied.range?);
    (number < low * (1.0 - ROUNDED) || number > high * (1.0 + ROUNDED)).then(|| {
        let unit = &model.nodes[node].unit.label;
        let shown = show(number, unit);
        let text = format!("`{name}` of {shown} is beyond the {} of the fit's runs", show_range([low, high], unit));
        Caveat::new("extrapolation", text)
    })
}

/// A limit that the load does not reach.
fn supply(reference: &Reference<'_>, answer: &Answer, run: &Run) -> Option<Caveat> {
    let limited = reference.fitted.model.constraints.iter().find_map(|constraint| {
        let supply = constraint.supply.as_ref()?;
        let offered = run.number(supply)?;
        let asked = run.number(&constraint.limits).filter(|asked| *asked > offered)?;
        let is_set = answer.set.iter().any(|(name, _)| *name == constraint.limits);
        is_set.then(|| (constraint.limits.clone(), asked, supply.clone(), offered))
    });
    limited.map(|(condition, asked, supply, offered)| {
        let text = format!(
            "`{condition}` of {} is more than the load offers, `{supply}` of {}: it has no effect beyond that",
            show_plain(asked),
            show_plain(offered)
        );
        Caveat::new("limited-by-load", text)
    })
}

/// A change that may be none.
fn indistinct(reference: &Reference<'_>, answer: &Answer, run: &Run, target: usize) -> Option<Caveat> {
    let name = &reference.fitted.model.nodes[target].name;
    let own = answer.metric(name)?;
    let [low, high] = own.factor_interval;
    // What changes nothing in the model is said otherwise.
    (own.factor != 1.0 && low < 1.0 && high > 1.0).then(|| {
        let text = format!(
            "the change of {} is not distinguishable from no change (×{} to ×{}); measure `{}`",
            words(name),
            show_plain(low),
            show_plain(high),
            run.id
        );
        Caveat::new("not-distinguishable", text)
    })
}
