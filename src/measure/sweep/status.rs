//! How a sweep stands.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;

use super::error::SweepError;
use super::folder::{Folder, complete, history};
use super::merge::{spread, text};
use super::plan::Plan;
use super::spec::Spec;
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
    Failed(String, Vec<String>),
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
    /// The plan's file.
    pub spec: Spec,
}

impl Status {
    /// Reads a folder.
    pub fn read(folder: &Path) -> Result<Self, SweepError> {
        let spec = Folder::spec(folder)?;
        let plan = Plan::new(&spec);
        let mut runs = complete(folder)?;
        let all: Vec<Run> = runs.values().cloned().collect();
        let mut failed: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
        for event in history(folder)?.iter().filter(|event| text(event, "event") == "failed") {
            let log = event.get("log").and_then(Json::as_array).into_iter().flatten();
            let log = log.filter_map(Json::as_str).map(str::to_owned).collect();
            failed.insert(text(event, "visit").to_owned(), (text(event, "reason").to_owned(), log));
        }
        let mut visits = Vec::new();
        for (task, own) in plan.tasks().iter().enumerate() {
            for visit in own {
                let state = match (runs.remove(&visit.id), failed.remove(&visit.id)) {
                    (Some(run), _) => State::Complete(Box::new(run)),
                    (None, Some((reason, log))) => State::Failed(reason, log),
                    (None, None) => State::Missing,
                };
                visits.push(VisitStatus { id: visit.id.clone(), task, state });
            }
        }
        Ok(Self { name: spec.name.clone(), visits, spread: spread(&all), spec })
    }

    /// How many visits are complete.
    pub fn complete(&self) -> usize {
        self.visits.iter().filter(|visit| matches!(visit.state, State::Complete(_))).count()
    }

    /// The tasks with a visit that is not complete.
    pub fn missing_tasks(&self) -> Vec<usize> {
        let is_open = |visit: &&VisitStatus| !matches!(visit.state, State::Complete(_));
        let mut tasks: Vec<usize> = self.visits.iter().filter(is_open).map(|visit| visit.task).collect();
        tasks.dedup();
        tasks
    }
}
