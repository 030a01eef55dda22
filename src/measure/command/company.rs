//! Who comes onto the GPUs while a command runs, and does not belong to it.

use std::collections::{BTreeMap, BTreeSet};

use super::processor::{family, is_known};
use crate::measure::meter::Recorder;
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
