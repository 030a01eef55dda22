//! What is to be different: conditions with their new values, and what comes with them.

use crate::fit::Seen;
use crate::runs::{Axis, Run, Value, condition_name, set};
use crate::stats::median;
use crate::unit::show;

/// Conditions whose change brings others with it are set first, so that what is set beside them stays.
const FIRST: [&str; 3] = ["task", "model", "gpus"];
/// Lengths of answers: they belong to a model at a task.
const LENGTHS: [&str; 2] = ["output_tokens", "output_tokens_dispersion"];

/// An intervention on a run.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Change {
    /// Conditions with their new values, in the order they were asked for.
    pub set: Vec<(String, Value)>,
}

impl Change {
    /// Every combination of the values, the first axis slowest.
    pub fn grid(axes: &[Axis]) -> Vec<Self> {
        axes.iter().fold(vec![Self::default()], |grid, (name, values)| {
            let with = |change: &Self, value: &Value| {
                let mut change = change.clone();
                change.set.push((name.clone(), value.clone()));
                change
            };
            grid.iter().flat_map(|change| values.iter().map(move |value| with(change, value))).collect()
        })
    }

    /// `precision=fp8,batch_size=64`, as it may be typed.
    pub fn name(&self) -> String {
        let parts: Vec<String> = self.set.iter().map(|(name, value)| typed(name, value)).collect();
        parts.join(",")
    }

    /// Whether it sets this condition.
    pub fn sets(&self, condition: &str) -> bool {
        self.set.iter().any(|(name, _)| name == condition)
    }

    /// The changed run, without what was measured, and what was assumed of it. A task or a model brings its lengths: those of
    /// measured runs of that model at that task, else the task's usual ones in the fit.
    pub(super) fn of(&self, run: &Run, store: &[&Run], seen: &Seen) -> (Run, Option<String>) {
        let mut changed = Run { id: self.name(), conditions: run.conditions.clone(), ..Run::default() };
        let is_first = |(name, _): &&(String, Value)| FIRST.contains(&name.as_str());
        let ordered = self.set.iter().filter(is_first).chain(self.set.iter().filter(|own| !is_first(own)));
        for (name, value) in ordered {
            // What is so already brings nothing with it: the lengths of a task that stays are the run's own.
            if changed.conditions.get(name) != Some(value) {
                set(&mut changed, name, value.clone());
            }
        }
        let brings_lengths =
            ["task", "model"].iter().any(|name| changed.conditions.get(*name) != run.conditions.get(*name));
        let mut assumed = None;
        if brings_lengths && !self.sets(LENGTHS[0]) {
            assumed = self.lengths(&mut changed, store).or_else(|| {
                let before = changed.number(LENGTHS[0]);
                seen.fill(&mut changed);
                match (before, changed.number(LENGTHS[0])) {
                    (None, Some(length)) => Some(format!(
                        "answers of {} tokens, as usual for the task in the fit's runs; set `output_tokens` where you know it",
                        show(length, "1")
                    )),
                    (Some(length), _) => Some(format!(
                        "answers of {} tokens, as those of the reference, though another model may give others",
                        show(length, "1")
                    )),
                    // Of a model without lengths nothing is assumed.
                    (None, None) => seen.varied.contains_key(LENGTHS[0]).then(|| {
                        "how long its answers are is not known: the guess of the model is taken; set `output_tokens`"
                            .to_owned()
                    }),
                }
            });
        }
        (changed, assumed)
    }

    /// Lengths of the store's runs of the same model at the same task.
    fn lengths(&self, changed: &mut Run, store: &[&Run]) -> Option<String> {
        let alike = |other: &&&Run| ["task", "model"].iter().all(|name| other.name(name) == changed.name(name));
        let alike: Vec<&&Run> = store.iter().filter(alike).collect();
        let usual = |name: &str| median(&alike.iter().filter_map(|run| run.number(name)).collect::<Vec<f64>>());
        let lengths = LENGTHS.map(usual);
        let length = lengths[0]?;
        for (name, value) in LENGTHS.iter().zip(lengths).filter(|(name, _)| !self.sets(name)) {
            if let Some(value) = value {
                changed.conditions.insert((*name).to_owned(), Value::Number(value));
            }
        }
        let runs = alike.len();
        Some(format!(
            "answers of {} tokens, the median of {runs} measured runs of that model and task",
            show(length, "1")
        ))
    }
}

/// `sm_clock=1200MHz`: a condition with its value, as it may be typed.
pub(crate) fn typed(name: &str, value: &Value) -> String {
    match (value, condition_name(name).map(|own| own.unit)) {
        (Value::Number(number), Some("W")) => format!("{name}={number}W"),
        (Value::Number(number), Some("Hz")) => format!("{name}={}MHz", number / 1e6),
        _ => format!("{name}={value}"),
    }
}
