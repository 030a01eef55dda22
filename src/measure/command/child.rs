//! The command that is measured: started in a process group of its own, waited for, and told of signals.

use std::ffi::OsString;
use std::os::fd::AsFd as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::error::MeasureError;
use super::marks::{MARKS, Marks};
use crate::measure::Clock;

/// Between two looks for marks.
const LOOK: Duration = Duration::from_millis(20);
/// A command that was told to end gets so long until it is killed, s.
const GRACE: f64 = 5.0;

/// What happens while a measurement runs.
#[derive(Debug)]
pub(super) enum Event {
    /// The command ended, at a moment (s).
    Exited(ExitStatus, f64),
    /// This process was told to end.
    Signal(i32),
}

/// How what was measured ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Nothing is known of it: who measured was killed.
    #[default]
    CutOff,
    /// The time was over.
    Time,
    /// The command ended with this exit code.
    Exit(i32),
    /// The command was killed by this signal.
    Killed(i32),
    /// The process that was attached to is gone.
    Gone,
    /// This process was told to end by this signal.
    Interrupted(i32),
}

impl Ending {
    /// As a sentence's end.
    pub fn words(self) -> String {
        match self {
            Self::CutOff => "the measurement was cut off".to_owned(),
            Self::Time => "the time was over".to_owned(),
            Self::Exit(0) => "the command succeeded".to_owned(),
            Self::Exit(code) => format!("the command failed with exit code {code}"),
            Self::Killed(signal) => format!("the command was killed by signal {signal}"),
            Self::Gone => "the process ended".to_owned(),
            Self::Interrupted(signal) => format!("interrupted by signal {signal}"),
        }
    }

    /// Whether all that was meant to be measured was.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Time | Self::Exit(0) | Self::Gone)
    }
}

/// A command that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) pid: u32,
    pub(super) started: f64,
}

/// Starts a command; its end is told as an event. Its output goes where ours for people goes: to standard error, so that
/// standard output holds the answer alone.
pub(super) fn start(
    words: &[OsString],
    marks: &Path,
    clock: Clock,
    events: Sender<Event>,
) -> Result<Running, MeasureError> {
    let Some((program, arguments)) = words.split_first() else {
        let source = std::io::Error::from(std::io::ErrorKind::InvalidInput);
        return Err(MeasureError::Start { command: String::new(), source });
    };
    let fault = |source| MeasureError::Start { command: program.to_string_lossy().into_owned(), source };
    let output = std::io::stderr().as_fd().try_clone_to_owned().map_err(fault)?;
    let mut command = std::process::Command::new(program);
    command.args(arguments).env(MARKS, marks).process_group(0).stdin(Stdio::null()).stdout(output);
    let started = clock.now();
    let mut child = command.spawn().map_err(fault)?;
    let pid = child.id();
    std::thread::spawn(move || {
        if let Ok(status) = child.wait() {
            // Nobody listens any more once the measurement is over.
            let _ = events.send(Event::Exited(status, clock.now()));
        }
    });
    Ok(Running { pid, started })
}

/// Waits for the end of a command, passes signals on to its group, reads its marks, and lets `look` look around. Gives how and
/// when it ended (s).
pub(super) fn wait(
    running: &Running,
    events: &Receiver<Event>,
    marks: &mut Marks,
    clock: Clock,
    mut look: impl FnMut(f64),
) -> (Ending, f64) {
    let (mut told, mut deadline) = (None, f64::INFINITY);
    loop {
        match events.recv_timeout(LOOK) {
            Ok(Event::Exited(status, at)) => {
                marks.finish(at);
                let own = status.code().map_or_else(|| Ending::Killed(status.signal().unwrap_or(0)), Ending::Exit);
                return (told.map_or(own, Ending::Interrupted), at);
            }
            Ok(Event::Signal(number)) => {
                // The second is meant.
                send(running.pid, if told.is_some() { Signal::KILL } else { signal(number) });
                told = Some(number);
                deadline = clock.now() + GRACE;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return (Ending::Gone, clock.now()),
        }
        marks.look(clock.now());
        look(clock.now());
        if clock.now() > deadline {
            send(running.pid, Signal::KILL);
            deadline = clock.now() + GRACE;
        }
    }
}

fn signal(number: i32) -> Signal {
    match number {
        2 => Signal::INT,
        1 => Signal::HUP,
        _ => Signal::TERM,
    }
}

fn send(pid: u32, signal: Signal) {
    if let Some(group) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // A group that has ended needs no signal.
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

/// Waits until a moment, or until `is_over`, or until told to end. Gives how and when it ended (s).
pub(super) fn wait_until(
    end: Option<f64>,
    events: &Receiver<Event>,
    clock: Clock,
    mut is_over: impl FnMut() -> bool,
) -> (Ending, f64) {
    loop {
        let now = clock.now();
        if end.is_some_and(|end| now >= end) {
            return (Ending::Time, now);
        }
        if is_over() {
            return (Ending::Gone, now);
        }
        let left = end.map_or(LOOK, |end| LOOK.min(Duration::from_secs_f64(end - now)));
        match events.recv_timeout(left) {
            Ok(Event::Signal(number)) => return (Ending::Interrupted(number), clock.now()),
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(left),
            Ok(Event::Exited(..)) | Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
