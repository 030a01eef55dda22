//! The work itself: block by block, visit by visit, each kept before the next begins.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::error::SweepError;
use super::folder::{Folder, complete};
use super::merge::merge;
use super::plan::{Block, Plan, Visit};
use super::spec::Spec;
use super::station::{Ending, Failed, Idle, Measured, Station};
use super::stop::Stop;
use crate::measure::Clock;
use crate::runs::{Run, condition_name, set};

/// What goes on, for somebody who watches.
#[derive(Clone, Debug)]
pub enum News<'a> {
    /// How many visits there are, and how many of them are complete already.
    Plan {
        /// All visits.
        all: usize,
        /// Those that are complete.
        complete: usize,
    },
    /// A visit begins.
    Begin(&'a Visit),
    /// A word about what is being done.
    Word(&'a str),
    /// A visit is complete.
    Done(&'a Run),
    /// A visit, or the start of a server, has failed.
    Failed(&'a str, &'a Failed),
}

/// How a sweep stands when its work ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Visits of the plan, or of the task.
    pub all: usize,
    /// Those which are complete.
    pub complete: usize,
    /// Those which failed this time, with why.
    pub failed: Vec<(String, String)>,
    /// Whether the work was interrupted.
    pub is_interrupted: bool,
    /// Whether the time for it was over.
    pub is_over_budget: bool,
}

/// A sweep at work.
pub struct Drive<'a> {
    /// What is measured.
    pub spec: &'a Spec,
    /// In which order.
    pub plan: &'a Plan,
    /// Where it is kept.
    pub folder: &'a mut Folder,
    /// Where it is measured.
    pub station: &'a mut dyn Station,
    /// Whether to stop.
    pub stop: &'a Stop,
    /// Who watches.
    pub watch: &'a mut dyn FnMut(News<'_>),
}

impl Drive<'_> {
    /// Does the visits that are not complete; those of one task, if one is given.
    pub fn run(mut self, task: Option<usize>) -> Result<Summary, SweepError> {
        let tasks = self.plan.tasks();
        let wanted: BTreeSet<&str> = match task {
            None => self.plan.visits().map(|visit| visit.id.as_str()).collect(),
            Some(task) => {
                let visits = tasks.get(task).ok_or(SweepError::NoTask { asked: task, count: tasks.len() })?;
                visits.iter().map(|visit| visit.id.as_str()).collect()
            }
        };
        let mut done: BTreeSet<String> = self.folder.complete_ids()?.into_iter().collect();
        done.retain(|id| wanted.contains(id.as_str()));
        (self.watch)(News::Plan { all: wanted.len(), complete: done.len() });
        let mut summary = Summary { all: wanted.len(), ..Summary::default() };
        let clock = Clock::start();
        for (index, block) in self.plan.blocks.iter().enumerate() {
            let visits: Vec<&Visit> = block
                .visits
                .iter()
                .filter(|visit| wanted.contains(visit.id.as_str()) && !done.contains(&visit.id))
                .collect();
            if visits.is_empty() {
                continue;
            }
            self.block(index, block, &visits, &clock, &mut summary)?;
            if task.is_none() {
                merge(self.folder.path(), self.spec, self.plan)?;
            }
            if summary.is_interrupted || summary.is_over_budget {
                break;
            }
        }
        if summary.is_interrupted {
            self.folder.add("interrupted", &json!({}))?;
        }
        summary.complete = complete(self.folder.path())?.keys().filter(|id| wanted.contains(id.as_str())).count();
        Ok(summary)
    }

    fn block(
        &mut self,
        index: usize,
        block: &Block,
        visits: &[&Visit],
        clock: &Clock,
        summary: &mut Summary,
    ) -> Result<(), SweepError> {
        let mut idle = Vec::new();
        // A server that died is started once more, not for ever.
        let mut starts_left = 2;
        let mut is_inside = false;
        for visit in visits {
            if self.stop.is_raised() {
                summary.is_interrupted = true;
                break;
            }
            if self.spec.budget.is_some_and(|budget| clock.now() > budget) {
                summary.is_over_budget = true;
                break;
            }
            while !is_inside && starts_left > 0 {
                starts_left -= 1;
                is_inside = self.enter(index, block, &mut idle, summary)?;
                if summary.is_interrupted {
                    break;
                }
            }
            if summary.is_interrupted {
                break;
            }
            if !is_inside {
                let reason = "not tried: the server of its block did not start, or died twice".to_owned();
                self.fail(visit, &Failed::new(reason), summary)?;
                continue;
            }
            match self.visit(visit) {
                Ok(measured) => {
                    let run = assemble(self.spec, visit, &measured, &idle);
                    self.folder.keep(visit, &run, measured.series)?;
                    (self.watch)(News::Done(&run));
                }
                Err(Ending::Interrupted) => {
                    summary.is_interrupted = true;
                    break;
                }
                Err(Ending::Failed(failed)) => {
                    self.fail(visit, &failed, summary)?;
                    if failed.is_server_down {
                        self.leave(index, block)?;
                        is_inside = false;
                    }
                }
            }
        }
        if is_inside {
            self.leave(index, block)?;
        }
        Ok(())
    }

    /// Makes a block ready; whether it is.
    fn enter(
        &mut self,
        index: usize,
        block: &Block,
        idle: &mut Vec<Idle>,
        summary: &mut Summary,
    ) -> Result<bool, SweepError> {
        self.folder.add("enter", &json!({ "block": index, "argv": block.launch.as_ref().map(|own| &own.argv) }))?;
        let watch = &mut *self.watch;
        match self.station.enter(block, &mut |word| watch(News::Word(word))) {
            Ok(found) => {
                self.note_idle(index, &found)?;
                *idle = found;
                Ok(true)
            }
            Err(Ending::Interrupted) => {
                summary.is_interrupted = true;
                self.leave(index, block)?;
                Ok(false)
            }
            Err(Ending::Failed(failed)) => {
                let more = json!({ "block": index, "reason": failed.reason, "log": failed.log });
                self.folder.add("server_failed", &more)?;
                (self.watch)(News::Failed("the server", &failed));
                self.leave(index, block)?;
                Ok(false)
            }
        }
    }

    fn leave(&mut self, index: usize, block: &Block) -> Result<(), SweepError> {
        let watch = &mut *self.watch;
        let idle = self.station.leave(block, &mut |word| watch(News::Word(word)));
        self.note_idle(index, &idle)?;
        self.folder.add("leave", &json!({ "block": index }))
    }

    fn note_idle(&mut self, index: usize, idle: &[Idle]) -> Result<(), SweepError> {
        for own in idle {
            self.folder.add("baseline", &idle_json(index, own))?;
        }
        Ok(())
    }

    fn visit(&mut self, visit: &Visit) -> Result<Measured, Ending> {
        (self.watch)(News::Begin(visit));
        let watch = &mut *self.watch;
        self.station.rest(&mut |word| watch(News::Word(word)))?;
        self.station.measure(visit, &mut |word| watch(News::Word(word)))
    }

    fn fail(&mut self, visit: &Visit, failed: &Failed, summary: &mut Summary) -> Result<(), SweepError> {
        let more = json!({ "visit": visit.id, "reason": failed.reason, "log": failed.log });
        self.folder.add("failed", &more)?;
        summary.failed.push((visit.id.clone(), failed.reason.clone()));
        (self.watch)(News::Failed(&visit.id, failed));
        Ok(())
    }
}

fn idle_json(block: usize, idle: &Idle) -> Json {
    json!({
        "block": block, "kind": idle.kind, "when": idle.when, "power_w": idle.power, "bound_w": idle.bound,
        "seconds": idle.seconds, "temperature_k": idle.temperature, "sm_clock_hz": idle.sm_clock,
    })
}

/// The run of a visit: what the sweep set, what the measurement found.
fn assemble(spec: &Spec, visit: &Visit, measured: &Measured, idle: &[Idle]) -> Run {
    let mut run = Run { id: visit.id.clone(), source: spec.name.clone(), ..Run::default() };
    let values = &spec.points[visit.point].values;
    // The model first: its name may spell a precision, which a condition of its own overrules.
    let (model, others): (Vec<_>, Vec<_>) = values.iter().partition(|(name, _)| *name == "model");
    for (name, value) in model {
        set(&mut run, name, value.clone());
    }
    let mut details = BTreeMap::new();
    for (name, value) in others {
        if condition_name(name).is_some() {
            run.conditions.insert(name.clone(), value.clone());
        } else {
            details.insert(name.clone(), value.to_string());
        }
    }
    for (name, value) in &measured.conditions {
        run.conditions.entry(name.clone()).or_insert_with(|| value.clone());
    }
    details.insert("repeat".to_owned(), visit.repeat.to_string());
    for own in idle {
        details.insert(format!("idle_{}_w", own.kind), format!("{:.2}", own.power));
    }
    details.extend(measured.details.clone());
    run.details = details;
    run.observed = measured.observed.clone();
    if let Some(loaded) = idle.iter().find(|own| own.kind == "loaded") {
        run.observed.entry("static_power".to_owned()).or_insert(loaded.power);
    }
    run.metrics = measured.metrics.clone();
    run
}
