//! Who is on the GPUs before a command, or comes while it runs, and does not belong to it.

use std::collections::{BTreeMap, BTreeSet};

use super::error::MeasureError;
use super::measured::{Plan, Subject};
use super::processor::{family, is_known};
use crate::measure::meter::{NotAlone, Recorder};
use crate::notes::{Caveat, list};

/// Seconds between looks.
const LOOK: f64 = 0.5;
/// The namespace of processes in which the driver counts them (Linux, `PROC_PID_INIT_INO`).
const DRIVERS_OWN: &str = "pid:[4026531836]";

/// Processes on the GPUs since the work began.
#[derive(Debug)]
pub(super) struct Company {
    /// The process that was started, or attached to.
    root: u32,
    from: f64,
    looked: f64,
    own: BTreeSet<u32>,
    /// Each with a GPU where it was seen.
    strangers: BTreeMap<u32, u32>,
    /// Whether the driver's numbers are those of the processes seen here: inside a container they mostly are not.
    is_told: bool,
}

impl Company {
    /// Of a process that has run since `from` (s).
    pub(super) fn of(root: u32, from: f64) -> Self {
        let space = std::fs::read_link("/proc/self/ns/pid");
        let is_told = space.is_ok_and(|space| space.as_os_str() == DRIVERS_OWN);
        Self { root, from, looked: from, own: BTreeSet::new(), strangers: BTreeMap::new(), is_told }
    }

    /// Looks, if the last look is a while ago: whose a process was cannot be told once it has ended.
    pub(super) fn look(&mut self, recorder: &Recorder, now: f64) {
        if now < self.looked + LOOK {
            return;
        }
        self.looked = now;
        let mut fresh = recorder.processes(self.from, now);
        fresh.retain(|(_, pid)| !self.own.contains(pid) && !self.strangers.contains_key(pid));
        if fresh.is_empty() {
            return;
        }
        let work: BTreeSet<u32> = [self.root, std::process::id()].into_iter().flat_map(family).collect();
        for (gpu, pid) in fresh {
            if work.contains(&pid) {
                self.own.insert(pid);
                self.is_told = true;
            } else if is_known(pid) {
                self.strangers.insert(pid, gpu);
            }
        }
    }

    /// Who came, besides those in `told`.
    pub(super) fn caveat(&self, told: &BTreeSet<u32>) -> Option<Caveat> {
        let others: Vec<String> = self.strangers.keys().filter(|pid| !told.contains(pid)).map(u32::to_string).collect();
        if others.is_empty() || !self.is_told {
            return None;
        }
        let text = format!("process {} came onto the GPUs meanwhile: its energy is inside", list(&others));
        Some(Caveat::new("other_processes", text))
    }
}

/// Who was on the GPUs before the command, and does not belong to what is measured.
fn strangers(plan: &Plan, processes: &[u32]) -> Vec<u32> {
    let own: BTreeSet<u32> = match plan.subject {
        Subject::Process(pid, _) => family(pid),
        // The machine as it is.
        Subject::Duration(_) => return Vec::new(),
        Subject::Command(_) => BTreeSet::new(),
    };
    processes.iter().copied().filter(|pid| !own.contains(pid)).collect()
}

pub(super) fn refuse_others(plan: &Plan, recorder: &Recorder) -> Result<(), MeasureError> {
    if plan.shared {
        return Ok(());
    }
    let is_of_machine = matches!(plan.subject, Subject::Duration(_));
    if !is_of_machine {
        recorder.refuse_split()?;
    }
    let window = recorder.window(0.0, f64::MAX);
    for gpu in &window.gpus {
        let others = strangers(plan, &gpu.processes);
        // Inside a container the driver's numbers are not ours: a process that nobody can see may be the attached one.
        let attached = matches!(plan.subject, Subject::Process(..));
        let others: Vec<u32> = others.into_iter().filter(|pid| !attached || is_known(*pid)).collect();
        if !others.is_empty() {
            let processes = others.iter().map(ToString::to_string).collect();
            return Err(NotAlone::Others { gpu: gpu.gpu.index, processes, work: "command" }.into());
        }
    }
    Ok(())
}

/// Others on the GPUs that are put up with, or came later.
pub(super) fn others_seen(plan: &Plan, recorder: &Recorder, from: f64, to: f64) -> Vec<Caveat> {
    let early = recorder.window(0.0, from);
    let window = recorder.window(from, to);
    let mut found = Vec::new();
    for (gpu, earlier) in window.gpus.iter().zip(&early.gpus) {
        let stayed: Vec<u32> = gpu.processes.iter().copied().filter(|pid| earlier.processes.contains(pid)).collect();
        let others: Vec<String> = strangers(plan, &stayed).iter().map(ToString::to_string).collect();
        if !others.is_empty() {
            let text =
                format!("GPU {} was shared with process {}: their energy is inside", gpu.gpu.index, list(&others));
            found.push(Caveat::new("other_processes", text));
        }
    }
    found
}
