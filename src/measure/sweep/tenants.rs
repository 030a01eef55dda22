//! Who else computes on the GPUs, and whether a point can be told from them.
//!
//! What is on the GPUs before the sweep has started anything is a tenant. What comes while a server starts is the
//! server's. What comes later belongs to the work if it descends from it, is of its group, or has the tag of what this
//! sweep has started; else it is a stranger, if it is a process of this machine. Inside a container the driver tells
//! numbers of the host, which are no processes to be seen from there: whose those are cannot be told, and nothing is
//! refused for them.

use std::collections::{BTreeMap, BTreeSet};

use super::error::SweepError;
use super::leftover::is_own;
use super::local::Local;
use super::plan::Plan;
use super::station::{Ending, Failed, Measured, Tell};
use crate::measure::command::{family, group, is_known};
use crate::measure::meter::{NotAlone, Recorder};
use crate::notes::list;

/// Seconds that a sweep waits in all for strangers to leave.
const PATIENCE: f64 = 600.0;
/// Seconds between looks at who is still there.
const LOOK: f64 = 0.5;
/// A process that was seen so long ago, in seconds, has left: the driver is asked each second.
const GONE: f64 = 2.5;
/// Seconds for which what a killed sweep has left may stand in the driver's list.
const LEFT: f64 = 10.0;

/// Numbers of processes, each with a GPU where it was seen.
type Seen = BTreeMap<u32, u32>;

/// Who is on the GPUs besides the work.
#[derive(Debug)]
pub(super) struct Tenants {
    is_shared: bool,
    /// Those put up with: they were there before the sweep.
    before: Seen,
    /// Those that were there when the server was ready.
    settled: BTreeSet<u32>,
    /// Those that descend from what was started here.
    own: BTreeSet<u32>,
    /// Whether the numbers of the driver are not those of the processes seen here.
    is_foreign: bool,
    /// Since the visit began: processes that are not of the work, and those of which that is not known.
    strangers: Seen,
    untold: Seen,
    patience: f64,
}

impl Tenants {
    /// Nobody yet; `is_shared` says that others are put up with.
    pub(super) fn new(is_shared: bool) -> Self {
        Self {
            is_shared,
            before: Seen::new(),
            settled: BTreeSet::new(),
            own: BTreeSet::new(),
            is_foreign: false,
            strangers: Seen::new(),
            untold: Seen::new(),
            patience: PATIENCE,
        }
    }

    /// A visit begins.
    pub(super) fn begin(&mut self) {
        self.strangers.clear();
        self.untold.clear();
    }

    /// The server has ended; the driver may name its processes for a while.
    pub(super) fn leave(&mut self) {
        self.own.append(&mut self.settled);
    }

    /// Looks who was on the GPUs between two moments; `root` is a process that was started here.
    pub(super) fn look(&mut self, recorder: &Recorder, from: f64, to: f64, root: Option<u32>) {
        let is_explained = |pid: u32| {
            self.before.contains_key(&pid)
                || self.settled.contains(&pid)
                || self.own.contains(&pid)
                || self.strangers.contains_key(&pid)
        };
        let mut unexplained = recorder.processes(from, to);
        unexplained.retain(|(_, pid)| !is_explained(*pid));
        if unexplained.is_empty() {
            return;
        }
        let roots = self.settled.iter().copied().chain(root).chain([std::process::id()]);
        let work: BTreeSet<u32> = roots.flat_map(family).collect();
        // A server that went to the background descends from nobody here; its processes are of one group.
        let groups: BTreeSet<u32> = self.settled.iter().filter_map(|pid| group(*pid)).collect();
        for (gpu, pid) in unexplained {
            let is_of_group = || group(pid).is_some_and(|own| groups.contains(&own));
            if work.contains(&pid) || is_of_group() || is_own(pid) {
                self.own.insert(pid);
                self.untold.remove(&pid);
            } else if is_known(pid) && !self.is_foreign {
                self.strangers.insert(pid, gpu);
                self.untold.remove(&pid);
            } else {
                self.untold.insert(pid, gpu);
            }
        }
    }

    /// Who spoils the visit, for a person; nobody where others are put up with.
    pub(super) fn disturbance(&self) -> Option<String> {
        if self.is_shared || self.strangers.is_empty() {
            return None;
        }
        Some(format!("somebody else is on the GPUs: {}", shown(&self.strangers)))
    }

    /// What a run says of others.
    pub(super) fn tell(&self, measured: &mut Measured) {
        let mut others = self.before.clone();
        others.extend(&self.strangers);
        if !others.is_empty() {
            let verdict = measured.details.entry("verdict".to_owned()).or_default();
            *verdict = format!("shared: with {}, whose energy is inside; {verdict}", shown(&others));
        }
        if !self.untold.is_empty() {
            let text = format!("whose it is cannot be told from here: {}", shown(&self.untold));
            measured.details.insert("other_processes".to_owned(), text);
        }
    }
}

/// `process 42 and 43 on GPU 0, process 7 on GPU 1`.
fn shown(seen: &Seen) -> String {
    let mut by_gpu: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for (pid, gpu) in seen {
        by_gpu.entry(*gpu).or_default().push(pid.to_string());
    }
    let parts: Vec<String> = by_gpu.iter().map(|(gpu, pids)| format!("process {} on GPU {gpu}", list(pids))).collect();
    parts.join(", ")
}

impl Local<'_> {
    /// Refuses to begin where others compute on the GPUs, or a GPU is split, unless that is put up with. `was_left` says that
    /// what a killed sweep has left was just ended: the driver may name it for a while. Of a server that runs already,
    /// nobody can tell who it is: all that is there is taken to be it.
    pub fn refuse_others(&mut self, plan: &Plan, mut was_left: bool, tell: &mut Tell<'_>) -> Result<(), SweepError> {
        if !self.tenants.is_shared {
            self.recorder.refuse_split()?;
        }
        let Some(block) = plan.blocks.first() else { return Ok(()) };
        if let Some(server) = &self.spec.server {
            if !block.starts_server() {
                return Ok(());
            }
            if let Some(visit) = block.visits.first() {
                self.values.clone_from(&visit.values);
            }
            // Somebody else's server at that address is told when the block begins.
            was_left |= !server.stop.is_empty() && self.clear(server, tell).unwrap_or(false);
        }
        let end = self.clock.now() + if was_left { LEFT } else { 0.0 };
        loop {
            let from = if was_left { self.clock.now() } else { 0.0 };
            self.recorder.wait_processes(from);
            let mut present = self.recorder.processes(from, f64::MAX);
            present.retain(|(_, pid)| *pid != std::process::id());
            let Some((gpu, _)) = present.first().copied() else { return Ok(()) };
            if self.tenants.is_shared {
                self.tenants.before = present.into_iter().map(|(gpu, pid)| (pid, gpu)).collect();
                return Ok(());
            }
            if self.clock.now() >= end {
                let on_it = present.iter().filter(|own| own.0 == gpu).map(|own| own.1.to_string());
                return Err(NotAlone::Others { gpu, processes: on_it.collect(), work: "sweep" }.into());
            }
            if self.stop.wait(LOOK).is_err() {
                return Ok(());
            }
        }
    }

    /// The server is ready: what is on the GPUs now is its own.
    pub(super) fn settle(&mut self, tell: &mut Tell<'_>) {
        let now = self.clock.now();
        self.recorder.wait_processes(now);
        let present = self.recorder.processes(now, f64::MAX);
        let own = present.into_iter().map(|(_, pid)| pid).filter(|pid| !self.tenants.before.contains_key(pid));
        self.tenants.settled = own.collect();
        let settled = &self.tenants.settled;
        self.tenants.is_foreign = !settled.is_empty() && !settled.iter().any(|pid| is_known(*pid));
        if self.tenants.is_foreign {
            tell("the driver's numbers of processes are not those seen here (a container?): others cannot be told");
        }
    }

    /// Waits until strangers have left, as long as there is patience.
    pub(super) fn wait_for_others(&mut self, tell: &mut Tell<'_>) -> Result<(), Ending> {
        let mut has_told = false;
        loop {
            let now = self.clock.now();
            let Some(others) = self.others(now - GONE, now) else { return Ok(()) };
            if self.tenants.patience <= 0.0 {
                return Err(Failed::new(format!("{others}; `--shared` measures all the same")).into());
            }
            if !has_told {
                tell(&format!("waiting: {others}"));
                has_told = true;
            }
            self.stop.wait(LOOK)?;
            self.tenants.patience -= LOOK;
        }
    }

    /// Gives a point up where somebody else has computed on the GPUs since a moment.
    pub(super) fn check_others(&mut self, since: f64) -> Result<(), Ending> {
        let (now, root) = (self.clock.now(), self.server_id());
        self.tenants.look(&self.recorder, since, now, root);
        self.tenants.disturbance().map_or(Ok(()), |others| Err(Ending::Disturbed(others)))
    }

    /// Who else computed on the GPUs between two moments, where that is not put up with.
    pub(super) fn others(&mut self, from: f64, to: f64) -> Option<String> {
        let root = self.server_id();
        self.tenants.begin();
        self.tenants.look(&self.recorder, from, to, root);
        self.tenants.disturbance()
    }
}

#[cfg(test)]
mod tests {
    use super::{Seen, shown};

    #[test]
    fn processes_are_told_by_gpu() {
        assert_eq!(shown(&Seen::from([(42, 0), (7, 1), (43, 0)])), "process 42 and 43 on GPU 0, process 7 on GPU 1");
    }
}
