//! The server that a killed sweep has left: noted while it runs, ended by the next start.

use std::path::Path;

/// Notes the process group of a server, so that a later start can end it if this process is killed.
pub(super) fn note_group(logs: &Path, id: u32) {
    let started = started(id).unwrap_or_default();
    // Without the note a server that is left over is found by its address.
    let _ = std::fs::write(logs.join("server.pid"), format!("{id} {started}\n"));
}

/// The server has ended.
pub(super) fn forget_group(logs: &Path) {
    let _ = std::fs::remove_file(logs.join("server.pid"));
}

/// Ends the group of a server that a killed sweep has left, if its number is still that process; whether there was one.
pub(super) fn stop_group(logs: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(logs.join("server.pid")) else { return false };
    forget_group(logs);
    let mut words = text.split_whitespace();
    let (Some(id), Some(then)) = (words.next().and_then(|id| id.parse::<u32>().ok()), words.next()) else {
        return false;
    };
    let Some(group) = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw) else { return false };
    if started(id).as_deref() != Some(then) {
        return false;
    }
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).is_ok()
}

/// When a process was started, in ticks of the system: with its number, an identity.
fn started(id: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name of the program stands in brackets and may hold anything.
    let (_, behind) = stat.rsplit_once(')')?;
    behind.split_whitespace().nth(19).map(str::to_owned)
}
