//! A measurement from its first tick to its last.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use super::baseline::{Baseline, Look, baseline, without_baseline};
use super::child::{Ending, Event, start, wait, wait_until};
use super::company::{Company, others_seen, refuse_others};
use super::error::MeasureError;
use super::marks::Marks;
use super::processor;
use super::stretch::{Stretch, meant, stretches};
use super::told::Told;
use crate::measure::Clock;
use crate::measure::meter::{GpuInfo, MeterChoice, MeterError, Overhead, Recorder, Trace, TraceWindow};
use crate::measure::signals::listen;
use crate::notes::Caveat;

/// Before anything is begun, the rhythm of the counters and the processes of the GPUs are looked at for so long, s.
const LOOK: f64 = 0.8;

/// So long after the start of a time and before its end every tick is looked at, s.
const ENDS: f64 = 2.0;

/// What is measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// A command: its program and arguments.
    Command(Vec<OsString>),
    /// The machine as it is, for so long (s).
    Duration(f64),
    /// A process that runs already, until it ends or for so long (s).
    Process(u32, Option<f64>),
}

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which meters.
    pub meters: MeterChoice,
    /// What is measured.
    pub subject: Subject,
    /// How long idle GPUs are looked at before and after, s; 0 for not at all.
    pub baseline_s: f64,
    /// Whether they are looked at once more after, with an idle CUDA context on each.
    pub with_context: bool,
    /// Whether others may compute on the GPUs meanwhile.
    pub shared: bool,
    /// What the whole of it makes, if it has no marks.
    pub items: BTreeMap<String, f64>,
    /// A file that can be made for the marks of a command.
    pub marks: std::path::PathBuf,
}

/// What came of it.
#[derive(Debug)]
pub struct Measured {
    /// The work, in the order of its beginnings.
    pub stretches: Vec<Stretch>,
    /// How it ended.
    pub ending: Ending,
    /// Before it began, if the GPUs idled.
    pub before: Option<Baseline>,
    /// After it ended, if the GPUs idled.
    pub after: Option<Baseline>,
    /// At last, with an idle CUDA context on each GPU.
    pub waiting: Option<Baseline>,
    /// Cores that the command kept busy, in the mean.
    pub host_cpu: Option<f64>,
    /// What is true of all of it.
    pub caveats: Vec<Caveat>,
    /// Which GPUs.
    pub gpus: Vec<GpuInfo>,
    /// Version of their driver.
    pub driver_version: String,
    /// What measuring cost.
    pub overhead: Option<Overhead>,
    /// All that was recorded.
    pub trace: Trace,
    /// Why its trace is not on disk, if it should be.
    pub unwritten: Option<MeterError>,
}

impl Measured {
    /// What to know of all of it and of each stretch, which is named where there are several.
    pub fn all_caveats(&self) -> Vec<Caveat> {
        let named = |stretch: &Stretch, caveat: Caveat| match &self.stretches[..] {
            [_] => caveat,
            _ => Caveat { text: format!("{}: {}", stretch.name, caveat.text), ..caveat },
        };
        let of_stretch = |stretch| Stretch::caveats(stretch).into_iter().map(move |caveat| named(stretch, caveat));
        self.caveats.iter().cloned().chain(self.stretches.iter().flat_map(of_stretch)).collect()
    }
}

/// Runs the plan. Where nothing was measured, nothing of it is left on disk.
pub fn measure(plan: &Plan) -> Result<Measured, MeasureError> {
    let clock = Clock::start();
    if let Subject::Process(pid, _) = plan.subject
        && !processor::is_running(pid)
    {
        return Err(MeasureError::NoProcess { pid });
    }
    let recorder = Recorder::start(clock, &plan.meters)?;
    let measured = measured(plan, clock, recorder);
    if let (Err(_), Some(spool)) = (&measured, &plan.meters.spool) {
        discard(spool);
    }
    measured
}

fn measured(plan: &Plan, clock: Clock, recorder: Recorder) -> Result<Measured, MeasureError> {
    let (told, events) = channel();
    let signals = told.clone();
    if let Err(source) = listen(&[2, 15, 1], move |number| signals.send(Event::Signal(number)).is_ok()) {
        return Err(MeasureError::Signals { source });
    }
    // A window can begin only where a tick was seen before.
    recorder.wait_past(clock.now());
    recorder.refuse_uncounted()?;
    let begin = clock.now();
    let ending = wait_until(Some(begin + LOOK.max(plan.baseline_s)), &events, clock, || false).0;
    refuse_others(plan, &recorder)?;
    let mut caveats = recorder.warnings();
    let before = if plan.baseline_s > 0.0 { baseline(&recorder, clock, begin) } else { None };
    if let Ending::Interrupted(signal) = ending {
        return Err(MeasureError::Interrupted { signal });
    }
    keep(plan, &recorder, clock.now());
    let mut marks = Marks::new(plan.marks.clone(), clock.zero_on_monotonic());
    let work = Work { plan, recorder: &recorder, clock, events: &events };
    let Done { ended, from, to, host_cpu, company } = work.run(told, &mut marks)?;
    recorder.wait_past(to);
    let look = Look { recorder: &recorder, clock, events: &events };
    let (after, waiting) = if ended.is_good() { look.after(plan, to, &mut caveats) } else { (None, None) };
    let told: BTreeSet<u32> = recorder.processes(0.0, from).into_iter().map(|(_, pid)| pid).collect();
    caveats.extend(others_seen(plan, &recorder, from, to));
    caveats.extend(company.and_then(|company| company.caveat(&told)));
    caveats.extend(without_baseline(plan, before.as_ref(), after.as_ref(), ended));
    caveats.extend(marks.odd());
    let (mut windows, odd) = meant(&marks.found, from, to);
    caveats.extend(odd);
    caveats.extend(make(&mut windows, &plan.items, ended));
    let overhead = Some(recorder.overhead());
    let (mut trace, written) = recorder.stop();
    let told = Told { ended, host_cpu: host_cpu.filter(|busy| busy.is_finite()), before, after, waiting, caveats };
    (trace.windows, trace.measurement) = (windows, told.table());
    Ok(Measured { overhead, unwritten: written.err(), ..of_trace(trace, told) })
}

/// Keeps who is measured and since when, so that the rows of a trace that is cut off can be read.
fn keep(plan: &Plan, recorder: &Recorder, from: f64) {
    let Some(spool) = &plan.meters.spool else { return };
    let mut trace = recorder.trace();
    trace.windows = vec![TraceWindow { from, to: f64::INFINITY, ..TraceWindow::default() }];
    // A disk that takes nothing is told at the end, where what was measured is told too.
    let _ = trace.finish(spool);
}

/// Removes the folder of a trace in which nothing is recorded.
fn discard(spool: &Path) {
    // It was made for this measurement, and what cannot be removed does no harm.
    let _ = std::fs::remove_dir_all(spool);
}

/// Says what the only window made, as given; tells where that cannot be.
fn make(windows: &mut [TraceWindow], items: &BTreeMap<String, f64>, ended: Ending) -> Option<Caveat> {
    if items.is_empty() {
        return None;
    }
    let text = match windows {
        _ if !ended.is_good() => {
            let text = "what was to be made is not counted, for the work did not get to its end";
            return Some(Caveat::new("items_not_made", text));
        }
        [only] if only.items.is_empty() || only.items == *items => {
            only.items.clone_from(items);
            return None;
        }
        [_] => "the items given are left out: what was made is known already, by its mark",
        _ => {
            "the items given are left out: there are several stretches of work, and each can only say itself what it made"
        }
    };
    Some(Caveat::new("items_left_out", text))
}

/// What a trace and its telling say.
fn of_trace(trace: Trace, told: Told) -> Measured {
    let Told { ended: ending, before, after, waiting, host_cpu, caveats } = told;
    Measured {
        // The driver's last samples, which shape the last tick, come with the stop.
        stretches: stretches(&trace.windows, |from, to| trace.window(from, to)),
        ending,
        before,
        after,
        waiting,
        host_cpu,
        caveats,
        gpus: trace.gpus().cloned().collect(),
        driver_version: trace.driver_version.clone(),
        overhead: None,
        trace,
        unwritten: None,
    }
}

/// A trace measured once more: by its own windows, or as a whole. `items` is what its only window made, if the trace does not
/// say.
pub fn replayed(folder: &Path, items: &BTreeMap<String, f64>) -> Result<Measured, MeasureError> {
    let mut trace = Trace::read(folder)?;
    let mut told = Told::of(&trace, folder)?;
    let (from, to) = trace.span().ok_or_else(|| MeasureError::EmptyTrace { path: folder.to_owned() })?;
    if trace.windows.is_empty() {
        trace.windows = vec![TraceWindow { from, to, ..TraceWindow::default() }];
    }
    for open in trace.windows.iter_mut().filter(|own| own.to.is_infinite()) {
        open.to = to;
    }
    if trace.windows.iter().any(|own| own.to <= own.from) {
        return Err(MeasureError::EmptyTrace { path: folder.to_owned() });
    }
    told.caveats.extend(make(&mut trace.windows, items, told.ended));
    Ok(of_trace(trace, told))
}

/// The work itself.
struct Work<'a> {
    plan: &'a Plan,
    recorder: &'a Recorder,
    clock: Clock,
    events: &'a Receiver<Event>,
}

/// How the work ended, from when to when, the cores it kept busy, and who came onto the GPUs meanwhile.
struct Done {
    ended: Ending,
    from: f64,
    to: f64,
    host_cpu: Option<f64>,
    company: Option<Company>,
}

impl Work<'_> {
    fn run(&self, told: std::sync::mpsc::Sender<Event>, marks: &mut Marks) -> Result<Done, MeasureError> {
        match &self.plan.subject {
            Subject::Command(words) => self.command(words, told, marks),
            Subject::Duration(seconds) => {
                let from = self.clock.now();
                let (ended, to) = self.wait(from, from + seconds);
                Ok(Done { ended, from, to, host_cpu: None, company: None })
            }
            Subject::Process(pid, seconds) => Ok(self.process(*pid, *seconds)),
        }
    }

    fn command(
        &self,
        words: &[OsString],
        told: std::sync::mpsc::Sender<Event>,
        marks: &mut Marks,
    ) -> Result<Done, MeasureError> {
        let fault = |source| MeasureError::MarksFile { path: self.plan.marks.clone(), source };
        std::fs::File::create_new(marks.path()).map_err(fault)?;
        let spent = processor::children_seconds();
        let waited = start(words, marks.path(), self.clock, told).map(|running| {
            let mut company = Company::of(running.pid, running.started);
            let (ended, to) = wait(&running, self.events, marks, self.clock, |now| company.look(self.recorder, now));
            let busy =
                processor::children_seconds().zip(spent).map(|(now, before)| (now - before) / (to - running.started));
            Done { ended, from: running.started, to, host_cpu: busy, company: Some(company) }
        });
        // The file was made for this one run.
        let _ = std::fs::remove_file(marks.path());
        waited
    }

    fn process(&self, pid: u32, seconds: Option<f64>) -> Done {
        let from = self.clock.now();
        let spent = processor::cpu_seconds(&processor::family(pid));
        let (mut last, mut looked, mut company) = (spent, from, Company::of(pid, from));
        let (ended, to) = wait_until(seconds.map(|seconds| from + seconds), self.events, self.clock, || {
            let now = self.clock.now();
            if now - looked > 0.5 {
                looked = now;
                last = last.max(processor::cpu_seconds(&processor::family(pid)));
            }
            company.look(self.recorder, now);
            !processor::is_running(pid)
        });
        Done { ended, from, to, host_cpu: Some((last - spent) / (to - from)), company: Some(company) }
    }

    /// Waits to the end of a time that is known: every tick needs to be seen only around its ends.
    fn wait(&self, from: f64, to: f64) -> (Ending, f64) {
        let until = |moment: f64| wait_until(Some(moment), self.events, self.clock, || false);
        if to - from > 3.0 * ENDS {
            let (ending, at) = until(from + ENDS);
            if ending != Ending::Time {
                return (ending, at);
            }
            self.recorder.relax(true);
            let ending = until(to - ENDS).0;
            self.recorder.relax(false);
            if ending != Ending::Time {
                // It ends at the next tick that is seen: at an earlier moment it would be known to a second's energy.
                self.recorder.wait_past(self.clock.now());
                return (ending, self.clock.now());
            }
        }
        until(to)
    }
}
