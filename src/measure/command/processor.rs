//! What the processor did for a command, and who its processes are.

use std::collections::BTreeSet;

/// Ticks of the scheduler's clock in a second: what Linux has told programs ever since.
const TICKS: f64 = 100.0;

/// The fields of `/proc/PID/stat` behind the name of the program; none if there is no such process.
pub(in crate::measure) fn stat(pid: u32) -> Option<Vec<String>> {
    // The name of the program stands in brackets and may hold anything.
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// Whether a process runs. One that has ended and is not yet waited for does not.
pub(super) fn is_running(pid: u32) -> bool {
    stat(pid).and_then(|fields| fields.first().cloned()).is_some_and(|state| state != "Z")
}

/// A process and all that descend from it, those of its group too.
pub(in crate::measure) fn family(root: u32) -> BTreeSet<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return BTreeSet::from([root]) };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let all: Vec<(u32, u32, u32)> = numbers
        .filter_map(|pid| {
            let fields = stat(pid)?;
            Some((pid, fields.get(1)?.parse().ok()?, fields.get(2)?.parse().ok()?))
        })
        .collect();
    let mut family = BTreeSet::from([root]);
    loop {
        let before = family.len();
        family.extend(
            all.iter().filter(|own| family.contains(&own.1) || own.2 == root).map(|own| own.0).collect::<Vec<_>>(),
        );
        if family.len() == before {
            return family;
        }
    }
}

/// The group of a process, which those that it starts share unless they ask for one of their own.
pub(in crate::measure) fn group(pid: u32) -> Option<u32> {
    stat(pid)?.get(2)?.parse().ok()
}

/// Time that a process and its family have run on cores, s; children that have ended and were waited for count too.
pub(super) fn cpu_seconds(family: &BTreeSet<u32>) -> f64 {
    let of = |pid: &u32| {
        let fields = stat(*pid)?;
        // User and system time, of itself and of children it has waited for.
        let times: f64 = (11..15).filter_map(|at| fields.get(at)?.parse::<f64>().ok()).sum();
        Some(times / TICKS)
    };
    family.iter().filter_map(of).sum()
}

/// Time that children of this process which ended have run on cores, s; none where the system does not tell.
pub(super) fn children_seconds() -> Option<f64> {
    let fields = stat(std::process::id())?;
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(13)? + ticks(14)?) / TICKS)
}

/// A process that this machine can see; a container does not see those of others.
pub(in crate::measure) fn is_known(pid: u32) -> bool {
    stat(pid).is_some()
}
