//! All that a sweep has started is found again, however it has hidden: by a variable in its environment, which descendants
//! inherit. It stays where a process leaves its group, where nobody is left who started it, and where this program is killed.
//!
//! Nothing else is ever ended: neither what has no such variable (and descends from nothing that has), nor what a sweep
//! that still runs has started, such as another task of the same sweep on the same node.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::measure::command::stat;

/// The variable of a [`Tag`].
pub(super) const VARIABLE: &str = "JOULES_SWEEP";
/// Seconds that what is left over has to end by itself.
const GRACE: f64 = 5.0;
/// How often it is looked whether it has.
const STEP: Duration = Duration::from_millis(20);
/// How often what is killed is looked for again: it may have started another meanwhile.
const ROUNDS: usize = 500;

/// A process that starts others.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    /// Its number, and when it was started, in ticks of the system: together an identity.
    pid: u32,
    since: String,
    /// Where that number counts: the start of the machine and the namespace. An environment may reach other machines.
    space: String,
}

impl Owner {
    /// This process.
    fn here() -> Self {
        let pid = std::process::id();
        Self { pid, since: Process::read(pid).map(|own| own.since).unwrap_or_default(), space: space() }
    }

    /// Whether it has ended, for all that is seen from `space`.
    fn is_gone(&self, space: &str) -> bool {
        self.space == space && Process::read(self.pid).is_none_or(|own| own.since != self.since)
    }
}

/// Who has started a process, and for which sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    owner: Owner,
    /// Which of its starts it was.
    launch: usize,
    /// The folder of the sweep.
    folder: OsString,
}

impl Tag {
    /// Of what this process starts next for the sweep in a folder.
    pub(super) fn new(folder: &Path) -> Self {
        static LAUNCHES: AtomicUsize = AtomicUsize::new(0);
        Self { owner: Owner::here(), launch: LAUNCHES.fetch_add(1, Ordering::Relaxed), folder: canonical(folder) }
    }

    /// As the environment holds it.
    pub(super) fn text(&self) -> OsString {
        let Owner { pid, since, space } = &self.owner;
        let mut text = OsString::from(format!("{pid} {since} {space} {} ", self.launch));
        text.push(&self.folder);
        text
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let mut parts = text.splitn(5, |byte| *byte == b' ');
        let mut word = || std::str::from_utf8(parts.next()?).ok();
        let owner = Owner { pid: word()?.parse().ok()?, since: word()?.to_owned(), space: word()?.to_owned() };
        let launch = word()?.parse().ok()?;
        Some(Self { owner, launch, folder: OsString::from_vec(parts.next()?.to_vec()) })
    }

    /// That of a process, as far as this user may look.
    fn of(pid: u32) -> Option<Self> {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        let mut variables = environment.split(|byte| *byte == 0);
        variables.find_map(|own| Self::parse(own.strip_prefix(VARIABLE.as_bytes())?.strip_prefix(b"=")?))
    }

    /// Whether it is of the sweep in this folder, and of a start of it that runs no more.
    fn is_left(&self, folder: &OsStr, space: &str) -> bool {
        self.folder == folder && self.owner.is_gone(space)
    }
}

/// Whether this process has started it, or what it descends from.
pub(super) fn is_own(pid: u32) -> bool {
    Tag::of(pid).is_some_and(|tag| tag.owner == Owner::here())
}

/// A process that runs: one that has ended and was not yet waited for does not.
#[derive(Debug)]
struct Process {
    pid: u32,
    /// When it was started, in ticks of the system.
    since: String,
    parent: u32,
    group: u32,
}

impl Process {
    fn read(pid: u32) -> Option<Self> {
        let fields = stat(pid)?;
        let (state, parent, group, since) = (fields.first()?, fields.get(1)?, fields.get(2)?, fields.get(19)?);
        let has_ended = matches!(state.as_str(), "Z" | "X");
        let own = Self { pid, since: since.clone(), parent: parent.parse().ok()?, group: group.parse().ok()? };
        (!has_ended).then_some(own)
    }

    /// All that this machine shows.
    fn all() -> Vec<Self> {
        let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
        let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers.filter_map(Self::read).collect()
    }

    fn identity(&self) -> (u32, String) {
        (self.pid, self.since.clone())
    }

    fn is_there(&self) -> bool {
        Self::read(self.pid).is_some_and(|own| own.since == self.since)
    }

    fn send(&self, signal: Signal) {
        // A number that has come to be another's since is none of ours.
        if let (true, Some(pid)) = (self.is_there(), i32::try_from(self.pid).ok().and_then(Pid::from_raw)) {
            let _ = kill_process(pid, signal);
        }
    }
}

/// Processes that are to end: those of some tags, and what descends from them.
pub(super) struct Leaving<F: Fn(&Tag) -> bool> {
    is_meant: F,
    /// The identities of those asked to end: they are meant still when they have lost their parents.
    asked: BTreeSet<(u32, String)>,
}

impl<F: Fn(&Tag) -> bool> Leaving<F> {
    pub(super) fn new(is_meant: F) -> Self {
        Self { is_meant, asked: BTreeSet::new() }
    }

    /// Those that run, but neither this process nor one that it descends from.
    fn found(&self) -> Vec<Process> {
        let mut all = Process::all();
        let mut spared = BTreeSet::from([0]);
        let mut next = std::process::id();
        while spared.insert(next) {
            next = all.iter().find(|own| own.pid == next).map_or(0, |own| own.parent);
        }
        all.retain(|own| !spared.contains(&own.pid));
        let is_known = |own: &&Process| self.asked.contains(&own.identity());
        let is_tagged = |own: &&Process| Tag::of(own.pid).is_some_and(|tag| (self.is_meant)(&tag));
        let mut found: BTreeSet<u32> =
            all.iter().filter(|own| is_known(own) || is_tagged(own)).map(|own| own.pid).collect();
        loop {
            let before = found.len();
            let children: Vec<u32> = all.iter().filter(|own| found.contains(&own.parent)).map(|own| own.pid).collect();
            found.extend(children);
            if found.len() == before {
                all.retain(|own| found.contains(&own.pid));
                return all;
            }
        }
    }

    /// Asks each once to end, but for those of a group that was asked as a whole; whether any is there.
    pub(super) fn ask(&mut self, but: Option<Pid>) -> bool {
        let found = self.found();
        for own in &found {
            let is_of_group = but.is_some_and(|group| i64::from(own.group) == i64::from(group.as_raw_nonzero().get()));
            if self.asked.insert(own.identity()) && !is_of_group {
                own.send(Signal::TERM);
            }
        }
        !found.is_empty()
    }

    /// Asks, waits until a moment, and kills those which are there still.
    pub(super) fn end(&mut self, until: Instant) {
        while self.ask(None) {
            if Instant::now() >= until {
                return self.kill();
            }
            std::thread::sleep(STEP);
        }
    }

    fn kill(&self) {
        for _ in 0..ROUNDS {
            let found = self.found();
            if found.is_empty() {
                return;
            }
            for own in &found {
                own.send(Signal::KILL);
            }
            std::thread::sleep(STEP);
        }
    }
}

/// Ends what starts of the sweep in this folder have left that run no more; whether there was any.
pub fn end_leftover(folder: &Path) -> bool {
    let (folder, space) = (canonical(folder), space());
    let mut leaving = Leaving::new(|tag: &Tag| tag.is_left(&folder, &space));
    let is_there = leaving.ask(None);
    leaving.end(Instant::now() + Duration::from_secs_f64(GRACE));
    is_there
}

fn canonical(folder: &Path) -> OsString {
    std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned()).into_os_string()
}

/// Where numbers of processes count as they do here.
fn space() -> String {
    let started = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{}/{}", started.trim(), space.display())
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    fn tag() -> Tag {
        Tag::new(Path::new("/a folder/of mine"))
    }

    #[test]
    fn a_tag_is_read_as_it_was_written() {
        let tag = tag();
        assert_eq!(Tag::parse(tag.text().as_bytes()), Some(tag.clone()));
        assert_eq!(Tag::parse(b"1 2 3"), None);
        assert_ne!(Tag::new(Path::new("/a folder/of mine")), tag, "each start has its own");
    }

    #[test]
    fn only_what_the_dead_have_left_of_this_very_sweep_is_left_over() {
        let (folder, space) = (OsString::from("/a folder/of mine"), space());
        let alive = tag();
        let dead = Tag { owner: Owner { since: "1".to_owned(), ..Owner::here() }, ..alive.clone() };
        assert!(dead.is_left(&folder, &space));
        assert!(!alive.is_left(&folder, &space), "this process runs");
        assert!(!dead.is_left(OsStr::new("/another"), &space));
        assert!(!dead.is_left(&folder, "elsewhere"), "whether its owner runs is not known");
    }

    #[test]
    fn what_has_neither_its_environment_nor_its_parents_any_more_is_ended_too() {
        let tag = tag();
        let stubborn = "env -i setsid sh -c 'trap \"\" TERM; sleep 60 & wait; sleep 60' & wait";
        let mut shell = std::process::Command::new("sh");
        let mut child = shell.args(["-c", stubborn]).env(VARIABLE, tag.text()).spawn().unwrap();
        let mut leaving = Leaving::new(|own: &Tag| *own == tag);
        let begun = Instant::now();
        while leaving.found().len() < 3 {
            assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", leaving.found());
            std::thread::sleep(STEP);
        }
        let all = leaving.found();
        leaving.end(Instant::now() + Duration::from_millis(200));
        child.wait().unwrap();
        assert!(all.iter().all(|own| !own.is_there()), "{all:?}");
    }
}
