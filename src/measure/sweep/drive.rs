//! The work itself: block by block, visit by visit, each kept before the next begins.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value as Json, json};

use super::curve::Added;
use super::error::SweepError;
use super::folder::{Folder, complete};
use super::grow::event;
use super::merge::merge;
use super::plan::{Block, Plan, Visit};
use super::spec::Spec;
use super::station::{Ending, Failed, Idle, Measured, Station};
use super::stop::Stop;
use crate::measure::Clock;
use crate::runs::{Run, check_run, condition_name, set};

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
    /// So many further visits were found to be wanted.
    More(usize),
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
    /// Complete visits that were to be measured anew, and were not.
    pub not_again: usize,
}

/// A sweep at work.
pub struct Drive<'a> {
    /// What is measured; it grows where knobs are adaptive.
    pub spec: Spec,
    /// In which order.
    pub plan: Plan,
    /// Complete visits that are measured anew.
    pub again: BTreeSet<String>,
    /// Where it is kept.
    pub folder: &'a mut Folder,
    /// Where it is measured.
    pub station: &'a mut dyn Station,
    /// Whether to stop.
    pub stop: &'a Stop,
    /// Who watches.
    pub watch: &'a mut dyn FnMut(News<'_>),
}

/// What is left to do.
struct Work {
    /// Visits that were not tried yet.
    left: BTreeSet<String>,
    clock: Clock,
    summary: Summary,
}

impl Work {
    /// Whether the work ends before all is done.
    fn has_ended(&self) -> bool {
        self.summary.is_interrupted || self.summary.is_over_budget
    }
}

impl Drive<'_> {
    /// Does the visits that are not complete; those of one task, if one is given.
    pub fn run(mut self, task: Option<usize>) -> Result<Summary, SweepError> {
        let tasks = self.plan.tasks();
        let mut wanted: BTreeSet<String> = match task {
            None => self.plan.visits().map(|visit| visit.id.clone()).collect(),
            Some(task) => {
                let visits = tasks.get(task).ok_or(SweepError::NoTask { asked: task, count: tasks.len() })?;
                visits.iter().map(|visit| visit.id.clone()).collect()
            }
        };
        self.again.retain(|id| wanted.contains(id));
        let mut done: BTreeSet<String> = self.folder.complete_ids()?.into_iter().collect();
        done.retain(|id| !self.again.contains(id));
        let left: BTreeSet<String> = wanted.difference(&done).cloned().collect();
        (self.watch)(News::Plan { all: wanted.len(), complete: wanted.len() - left.len() });
        let mut work = Work { left, clock: Clock::start(), summary: Summary::default() };
        let mut last = 0;
        while !work.has_ended() {
            let is_open = |block: &Block| block.visits.iter().any(|visit| work.left.contains(&visit.id));
            let Some(index) = self.plan.blocks.iter().position(is_open) else {
                // What is wanted now needs a server of its own.
                if self.grow(&mut work, None)?.is_empty() {
                    break;
                }
                continue;
            };
            last = index;
            self.block(index, &mut work)?;
            if task.is_none() {
                merge(self.folder.path(), &self.spec, &self.plan)?;
            }
        }
        if work.summary.is_interrupted {
            self.folder.add("interrupted", &json!({}))?;
        } else {
            let watch = &mut *self.watch;
            let idle = self.station.finish(&mut |word| watch(News::Word(word)));
            self.note_idle(last, &idle)?;
            if task.is_none() {
                merge(self.folder.path(), &self.spec, &self.plan)?;
            }
        }
        if task.is_none() {
            wanted.extend(self.plan.visits().map(|visit| visit.id.clone()));
        }
        work.summary.not_again = self.again.len();
        work.summary.all = wanted.len();
        work.summary.complete = complete(self.folder.path())?.keys().filter(|id| wanted.contains(*id)).count();
        Ok(work.summary)
    }

    fn block(&mut self, index: usize, work: &mut Work) -> Result<(), SweepError> {
        let block = self.plan.blocks[index].clone();
        let mut queue: VecDeque<Visit> =
            block.visits.iter().filter(|visit| work.left.contains(&visit.id)).cloned().collect();
        let mut idle = Vec::new();
        // A server that died is started once more, not for ever.
        let mut starts_left = 2;
        let mut is_inside = false;
        let mut last = Failed::default();
        loop {
            if is_inside && queue.iter().all(|visit| self.is_closing(&block, visit)) {
                // While its server runs; the anchor is still the last.
                for visit in self.grow(work, Some(&block))?.into_iter().rev() {
                    queue.push_front(visit);
                }
            }
            let Some(visit) = queue.pop_front() else { break };
            work.summary.is_interrupted |= self.stop.is_raised();
            work.summary.is_over_budget |= self.spec.budget.is_some_and(|budget| work.clock.now() > budget);
            while !is_inside && starts_left > 0 && !work.has_ended() {
                starts_left -= 1;
                match self.enter(index, &block, &mut idle)? {
                    Ok(()) => is_inside = true,
                    Err(None) => work.summary.is_interrupted = true,
                    Err(Some(failed)) => last = failed,
                }
            }
            if work.has_ended() {
                break;
            }
            work.left.remove(&visit.id);
            if !is_inside {
                self.not_tried(&visit, &last, &mut work.summary)?;
                continue;
            }
            match self.visit(&visit)? {
                Ok(measured) => {
                    self.keep(&visit, measured, &idle, &mut work.summary)?;
                }
                Err(Ending::Interrupted) => {
                    work.summary.is_interrupted = true;
                    break;
                }
                Err(Ending::Disturbed(others)) => {
                    self.fail(&visit, &Failed::new(format!("twice, {others}")), &mut work.summary)?;
                }
                Err(Ending::Failed(failed)) => {
                    self.fail(&visit, &failed, &mut work.summary)?;
                    if failed.is_server_down {
                        self.leave(index, &block)?;
                        is_inside = false;
                        last = failed;
                    }
                }
            }
        }
        if is_inside {
            self.leave(index, &block)?;
        }
        Ok(())
    }

    /// Keeps what a visit gave, unless no file could give it back: a run of impossible values would stop the sweep for ever.
    fn keep(
        &mut self,
        visit: &Visit,
        measured: Measured,
        idle: &[Idle],
        summary: &mut Summary,
    ) -> Result<(), SweepError> {
        let run = assemble(&self.spec, visit, &measured, idle);
        if let Err(faults) = check_run(&run) {
            return self.fail(visit, &Failed::new(format!("what was measured cannot be: {faults}")), summary);
        }
        let tables = [("series", measured.series), ("requests", measured.requests)];
        let tables = tables.into_iter().filter_map(|(kind, table)| Some((kind, table?)));
        self.folder.keep(visit, &run, tables.collect())?;
        self.again.remove(&visit.id);
        (self.watch)(News::Done(&run));
        Ok(())
    }

    /// Whether a visit is that of the anchor which ends its block.
    fn is_closing(&self, block: &Block, visit: &Visit) -> bool {
        let ends = block.visits.first().zip(block.visits.last());
        !self.spec.anchor.is_empty()
            && ends.is_some_and(|(first, last)| first.point == last.point && first.id != last.id && last.id == visit.id)
    }

    /// The next value of each adaptive knob whose curve is measured so far: those of a block while it is at work, else any.
    /// Each is in the journal before it is measured.
    fn grow(&mut self, work: &mut Work, inside: Option<&Block>) -> Result<Vec<Visit>, SweepError> {
        let mut fresh = Vec::new();
        if self.spec.curves.is_empty() {
            return Ok(fresh);
        }
        let runs = complete(self.folder.path())?;
        for curve in self.spec.curves.clone() {
            let is_closing = |visit: &Visit| inside.is_some_and(|block| self.is_closing(block, visit));
            let is_left = |visit: &Visit| work.left.contains(&visit.id) && !is_closing(visit);
            let is_waiting = self.plan.visits().any(|visit| curve.has(&visit.values) && is_left(visit));
            let known = curve.known(&self.spec, &runs);
            let Some(gap) = known.widest.filter(|_| known.wants_more && !is_waiting) else { continue };
            let added = Added { curve: curve.name.clone(), knob: curve.range.knob.clone(), value: gap.at };
            let spec = self.spec.with(vec![added])?;
            let (plan, point) = (Plan::new(&spec), self.spec.points.len());
            let own = plan.blocks.iter().find(|block| block.visits.iter().any(|visit| visit.point == point));
            let Some(own) = own.filter(|own| inside.is_none_or(|block| own.launch == block.launch)) else { continue };
            let visits: Vec<Visit> = own.visits.iter().filter(|visit| visit.point == point).cloned().collect();
            self.folder.add("point", &event(&curve, &gap))?;
            work.left.extend(visits.iter().map(|visit| visit.id.clone()));
            (self.watch)(News::More(visits.len()));
            (self.watch)(News::Word(&format!(
                "next: {} = {}, as least is known from {} to {}",
                curve.range.knob, gap.at, gap.from, gap.to
            )));
            fresh.extend(visits);
            (self.spec, self.plan) = (spec, plan);
        }
        Ok(fresh)
    }

    /// Makes a block ready, or leaves it again and gives why, if it was not for being told to end.
    fn enter(
        &mut self,
        index: usize,
        block: &Block,
        idle: &mut Vec<Idle>,
    ) -> Result<Result<(), Option<Failed>>, SweepError> {
        self.folder.add("enter", &json!({ "block": index, "argv": block.launch.as_ref().map(|own| &own.argv) }))?;
        let watch = &mut *self.watch;
        let failed = match self.station.enter(block, &mut |word| watch(News::Word(word))) {
            Ok(found) => {
                self.note_idle(index, &found)?;
                *idle = found;
                return Ok(Ok(()));
            }
            Err(Ending::Interrupted) => None,
            Err(Ending::Disturbed(others)) => Some(Failed::new(others)),
            Err(Ending::Failed(failed)) => Some(failed),
        };
        if let Some(failed) = &failed {
            let mut more = failed.json();
            more["block"] = json!(index);
            self.folder.add("server_failed", &more)?;
            (self.watch)(News::Failed("the server", failed));
        }
        self.leave(index, block)?;
        Ok(Err(failed))
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

    /// Measures a visit; once more, where somebody else was on the GPUs meanwhile.
    fn visit(&mut self, visit: &Visit) -> Result<Result<Measured, Ending>, SweepError> {
        (self.watch)(News::Begin(visit));
        let first = self.once(visit);
        let Err(Ending::Disturbed(others)) = first else { return Ok(first) };
        self.folder.add("disturbed", &json!({ "visit": visit.id, "reason": others }))?;
        (self.watch)(News::Word(&format!("{others}; the point is measured anew")));
        Ok(self.once(visit))
    }

    fn once(&mut self, visit: &Visit) -> Result<Measured, Ending> {
        let watch = &mut *self.watch;
        self.station.rest(&mut |word| watch(News::Word(word)))?;
        self.station.measure(visit, &mut |word| watch(News::Word(word)))
    }

    fn fail(&mut self, visit: &Visit, failed: &Failed, summary: &mut Summary) -> Result<(), SweepError> {
        (self.watch)(News::Failed(&visit.id, failed));
        self.note_failed(visit, failed, summary)
    }

    /// A visit whose server did not start, or died twice, of which the last time is told. Who watches has seen that already.
    fn not_tried(&mut self, visit: &Visit, last: &Failed, summary: &mut Summary) -> Result<(), SweepError> {
        let why = "not tried, as its server did not start or died twice";
        (self.watch)(News::Failed(&visit.id, &Failed::new(why)));
        self.note_failed(
            visit,
            &Failed { reason: format!("{why}; the last time, {}", last.reason), ..last.clone() },
            summary,
        )
    }

    fn note_failed(&mut self, visit: &Visit, failed: &Failed, summary: &mut Summary) -> Result<(), SweepError> {
        let mut more = failed.json();
        more["visit"] = json!(visit.id);
        self.folder.add("failed", &more)?;
        summary.failed.push((visit.id.clone(), failed.reason.clone()));
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
    let values = &visit.values;
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
    // An engine that waits, else a context that does.
    let of_kind = |kind: &str| idle.iter().find(|own| own.kind == kind);
    if let Some(waiting) = of_kind("loaded").or_else(|| of_kind("context")) {
        run.observed.entry("static_power".to_owned()).or_insert(waiting.power);
    }
    run.metrics = measured.metrics.clone();
    run
}
