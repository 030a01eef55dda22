//! Idle CUDA contexts on the GPUs, held by a process of their own: in this one they would stay until its end.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::gpu::GpuInfo;

/// The first context of a driver takes some seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// A context is gone this soon after its process was told to end.
const GRACE: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(10);

/// How a process that holds contexts is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The program and its arguments. It says how many contexts it has opened, in a line, and holds them until its input ends.
    pub command: Vec<PathBuf>,
}

/// Contexts that are open.
#[derive(Debug)]
pub struct Contexts {
    child: Child,
}

impl Holder {
    /// Opens a context on each of these GPUs; else why it cannot be.
    pub fn open(&self, gpus: &[GpuInfo]) -> Result<Contexts, String> {
        let (program, arguments) = self.command.split_first().ok_or("no program is named")?;
        let visible: Vec<&str> = gpus.iter().map(|gpu| gpu.uuid.as_str()).collect();
        let mut command = Command::new(program);
        command.args(arguments).env("CUDA_VISIBLE_DEVICES", visible.join(","));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut contexts = Contexts { child: command.spawn().map_err(|error| error.to_string())? };
        let said = contexts.first_line();
        match said.trim().parse::<usize>() {
            Ok(opened) if opened == gpus.len() => Ok(contexts),
            Ok(opened) => Err(format!("CUDA sees {opened} of {} GPUs", gpus.len())),
            Err(_) => Err(contexts.complaint()),
        }
    }
}

impl Contexts {
    /// What the process says first; nothing if it ends or takes too long.
    fn first_line(&mut self) -> String {
        let Some(output) = self.child.stdout.take() else { return String::new() };
        let (told, heard) = channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(output).read_line(&mut line);
            // Nobody listens any more who has lost patience.
            let _ = told.send(line);
        });
        heard.recv_timeout(PATIENCE).unwrap_or_default()
    }

    /// Why the process opened none.
    fn complaint(&mut self) -> String {
        let _ = self.child.kill();
        let errors = self.child.stderr.take().map(std::io::read_to_string).and_then(Result::ok).unwrap_or_default();
        let last = errors.lines().map(str::trim).rfind(|line| !line.is_empty());
        last.map_or_else(|| "the CUDA driver does not answer".to_owned(), str::to_owned)
    }
}

impl Drop for Contexts {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begun.elapsed() > GRACE {
                let _ = self.child.kill();
            }
            std::thread::sleep(STEP);
        }
    }
}
