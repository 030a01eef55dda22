//! How a sweep stands.

use std::collections::BTreeMap;
use std::path::Path;

use super::curve::{Curve, Known};
use super::error::SweepError;
use super::folder::{Folder, complete, history};
use super::grow::grown;
use super::merge::{spread, text};
use super::plan::Plan;
use super::retry::Retry;
use super::slope::{Slope, slopes};
use super::spec::Spec;
use super::station::Failed;
use crate::runs::Run;

/// How one visit stands.
#[derive(Clone, Debug, PartialEq)]
pub struct VisitStatus {
    /// Its id.
    pub id: String,
    /// Which task it belongs to.
    pub task: usize,
    /// What is known.
    pub state: State,
}

/// What is known of a visit.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Its run.
    Complete(Box<Run>),
    /// Why it failed the last time, with the end of a log.
    Failed(Failed),
    /// Not tried yet.
    Missing,
}

/// How a sweep stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Every visit in the order of the work.
    pub visits: Vec<VisitStatus>,
    /// Relative standard deviation between repeats, and of how many points.
    pub spread: Option<(f64, usize)>,
    /// Each curve over an adaptive knob, and how far it is known.
    pub curves: Vec<(Curve, Known)>,
    /// How idle power moves with the temperature, by the kind of baseline.
    pub slopes: Vec<(&'static str, Slope)>,
    /// The plan's file.
    pub spec: Spec,
}

impl Status {
    /// Reads a folder.
    pub fn read(folder: &Path) -> Result<Self, SweepError> {
        let spec = grown(folder, &Folder::spec(folder)?)?;
        let plan = Plan::new(&spec);
        let mut runs = complete(folder)?;
        let curves = spec.curves.iter().map(|curve| (curve.clone(), curve.known(&spec, &runs))).collect();
        let all: Vec<Run> = runs.values().cloned().collect();
        let mut failed: BTreeMap<String, Failed> = BTreeMap::new();
        let events = history(folder)?;
        for event in events.iter().filter(|event| text(event, "event") == "failed") {
            failed.insert(text(event, "visit").to_owned(), Failed::of_json(event));
        }
        let mut visits = Vec::new();
        for (task, own) in plan.tasks().iter().enumerate() {
            for visit in own {
                let state = match (runs.remove(&visit.id), failed.remove(&visit.id)) {
                    (Some(run), _) => State::Complete(Box::new(run)),
                    (None, Some(failed)) => State::Failed(failed),
                    (None, None) => State::Missing,
                };
                visits.push(VisitStatus { id: visit.id.clone(), task, state });
            }
        }
        Ok(Self { name: spec.name.clone(), visits, spread: spread(&all), curves, slopes: slopes(&events), spec })
    }

    /// How many visits are complete.
    pub fn complete(&self) -> usize {
        self.visits.iter().filter(|visit| matches!(visit.state, State::Complete(_))).count()
    }

    /// Whether nothing is left to measure.
    pub fn is_whole(&self) -> bool {
        self.complete() == self.visits.len() && self.curves.iter().all(|(_, known)| !known.wants_more)
    }

    /// The tasks with a visit that is not complete, or is to be measured anew.
    pub fn missing_tasks(&self, retry: Option<&Retry>) -> Vec<usize> {
        let is_open = |visit: &&VisitStatus| match &visit.state {
            State::Complete(run) => retry.is_some_and(|retry| retry.takes(run)),
            State::Failed(_) | State::Missing => true,
        };
        let mut tasks: Vec<usize> = self.visits.iter().filter(is_open).map(|visit| visit.task).collect();
        tasks.dedup();
        tasks
    }
}
