//! The process of a server or a command: tagged and in a group of its own, so that nothing of it is left when it is stopped.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use super::leftover::{Leaving, Tag, VARIABLE};
use super::spec::Launch;
use super::stop::{Interrupted, Stop};

/// Lines of a log that are kept with a failure.
const TAIL: usize = 20;
/// Bytes of a log that are looked at for them.
const TAIL_BYTES: u64 = 16_384;
/// How often a command is looked at: its end is the end of its window.
const LOOK: Duration = Duration::from_millis(2);
/// How often a process that is to end is looked at.
const STEP: Duration = Duration::from_millis(20);

/// A process with its log, stopped with all that descends from it when it is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    tag: Tag,
    group: Option<Pid>,
    status: Option<ExitStatus>,
    log: PathBuf,
}

impl Process {
    /// Starts a process in a group of its own; its output goes to the end of `log`.
    pub(super) fn start(launch: &Launch, log: &Path, tag: Tag) -> Result<Self, String> {
        let (program, arguments) = launch.argv.split_first().ok_or("the command is empty")?;
        let open = || File::options().create(true).append(true).open(log);
        let output = open().map_err(|error| format!("its log `{}` cannot be written: {error}", log.display()))?;
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.args(arguments).envs(&launch.env).env(VARIABLE, tag.text()).process_group(0);
        // Python servers title their workers, which would overwrite the environment that the system shows, and the tag in it.
        command.env("SPT_NOENV", "1");
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        if let Some(cwd) = &launch.cwd {
            command.current_dir(cwd);
        }
        die_with_parent(&mut command);
        let child = command.spawn().map_err(|error| format!("`{program}` cannot be started: {error}"))?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Ok(Self { child, tag, group, status: None, log: log.to_owned() })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
        }
        self.status
    }

    /// Waits for its end, and calls `look` meanwhile; none when the time is over.
    pub(super) fn wait(
        &mut self,
        seconds: f64,
        stop: &Stop,
        mut look: impl FnMut(),
    ) -> Result<Option<ExitStatus>, Interrupted> {
        let end = Instant::now() + Duration::from_secs_f64(seconds.clamp(0.0, 1e8));
        let mut step = Duration::from_millis(1);
        loop {
            if let Some(status) = self.ended() {
                return Ok(Some(status));
            }
            stop.check()?;
            look();
            if Instant::now() >= end {
                return Ok(None);
            }
            // A short command is not waited for longer than it takes.
            std::thread::sleep(step);
            step = (step * 2).min(LOOK);
        }
    }

    /// Ends it, its group, and what has left that: asked first, killed after `patience` seconds.
    pub(super) fn stop(&mut self, patience: f64) {
        let Some(group) = self.group else { return };
        let end = Instant::now() + Duration::from_secs_f64(patience.clamp(0.0, 600.0));
        let _ = kill_process_group(group, Signal::TERM);
        let mut others = Leaving::new(|tag: &Tag| *tag == self.tag);
        others.ask(Some(group));
        loop {
            if self.status.is_none() {
                self.status = self.child.try_wait().ok().flatten();
            }
            if test_kill_process_group(group).is_err() {
                break;
            }
            if Instant::now() >= end {
                let _ = kill_process_group(group, Signal::KILL);
                break;
            }
            std::thread::sleep(STEP);
        }
        others.end(end);
        if self.status.is_none() {
            self.status = self.child.wait().ok();
        }
        self.group = None;
    }

    /// Where its output goes.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of its log.
    pub(super) fn tail(&self) -> Vec<String> {
        tail(&self.log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop(1.0);
    }
}

/// The last lines of a file.
pub(super) fn tail(path: &Path) -> Vec<String> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(path) {
        let length = file.metadata().map_or(0, |about| about.len());
        let _ = file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)));
        let _ = file.read_to_end(&mut bytes);
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].iter().map(|line| (*line).to_owned()).collect()
}

/// Asks the system to end the process when this one dies in a way that runs no code of ours.
#[expect(unsafe_code, reason = "nothing else runs code between fork and exec")]
fn die_with_parent(command: &mut Command) {
    let set = || {
        rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
        Ok(())
    };
    // SAFETY: the closure makes one system call and neither allocates nor takes a lock, as is asked of code after a fork.
    unsafe {
        command.pre_exec(set);
    }
}

/// How a process ended, in words.
pub(super) fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(9)) => "was killed (signal 9; out of memory, if nobody did it)".to_owned(),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}
