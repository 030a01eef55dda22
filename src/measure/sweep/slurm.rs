//! The work handed to Slurm: a job array over the tasks that are missing, and a job that merges them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value as Json, json};

use super::error::SweepError;
use super::folder::{history, lock};
use super::journal::Journal;
use super::merge::text;
use super::retry::Retry;
use super::spec::{Slurm, Spec};
use super::status::Status;
use super::stop::Stop;
use crate::runs::write_whole;

/// Seconds between looks at the queue.
const LOOK: f64 = 2.0;
/// Seconds before its time limit at which a task is told to end, so that it can.
const NOTICE: usize = 60;

/// What was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The array's job; none if every missing task is in the queue already.
    pub job: Option<String>,
    /// The job that merges.
    pub merge: Option<String>,
    /// The tasks of the array.
    pub tasks: Vec<usize>,
    /// Tasks that were handed over before and have not ended.
    pub queued: Vec<usize>,
}

/// How the tasks call this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The program.
    pub path: String,
    /// Further arguments of `sweep`.
    pub arguments: Vec<String>,
    /// Further arguments where it measures.
    pub measuring: Vec<String>,
}

/// Submits the tasks that are neither complete nor in the queue; those of `retry` though they are complete.
pub fn submit(folder: &Path, spec: &Spec, program: &Program, retry: Option<&Retry>) -> Result<Submission, SweepError> {
    let folder = &std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    // Two submissions at once would hand over the same tasks.
    let _lock = lock(folder, ".lock-slurm", true)?;
    let queued: Vec<usize> = queued(folder)?.into_keys().collect();
    let missing = Status::read(folder)?.missing_tasks(retry);
    let tasks: Vec<usize> = missing.into_iter().filter(|task| !queued.contains(task)).collect();
    if tasks.is_empty() {
        return Ok(Submission { job: None, merge: None, tasks, queued });
    }
    let array = folder.join("slurm.sh");
    let merging = folder.join("slurm-merge.sh");
    write_whole(&[
        (array.clone(), script(folder, spec, program, &tasks)),
        (merging.clone(), merge_script(folder, spec, program)),
    ])?;
    let job = sbatch(&[array.display().to_string()])?;
    let mut journal = Journal::open(&folder.join("journal.jsonl"))?;
    journal.add("submitted", &json!({ "job": job, "tasks": tasks }))?;
    let after = format!("--dependency=afterany:{job}");
    let merge = sbatch(&[after, merging.display().to_string()])?;
    Ok(Submission { job: Some(job), merge: Some(merge), tasks, queued })
}

/// Waits until no task is in the queue any more, or it is asked to stop; `tell` hears how many are left.
pub fn wait(folder: &Path, stop: &Stop, tell: &mut dyn FnMut(usize)) -> Result<(), SweepError> {
    let mut last = None;
    loop {
        let left = queued(folder)?.len();
        if last != Some(left) {
            tell(left);
            last = Some(left);
        }
        if left == 0 || stop.wait(LOOK).is_err() {
            return Ok(());
        }
    }
}

/// The tasks of a folder that Slurm has not ended, with their states, such as `RUNNING`.
pub fn queued(folder: &Path) -> Result<BTreeMap<usize, String>, SweepError> {
    let mut jobs: BTreeSet<String> = BTreeSet::new();
    for event in history(folder)?.iter().filter(|event| text(event, "event") == "submitted") {
        jobs.insert(event.get("job").and_then(Json::as_str).unwrap_or_default().to_owned());
    }
    let mut found = BTreeMap::new();
    for job in jobs {
        // One job at a time: a job that is long over is an error of its own.
        let said = call("squeue", &["--noheader", "--array", "--format=%K %T", &format!("--jobs={job}")]);
        let lines = match said {
            Ok(lines) => lines,
            Err(SweepError::Slurm { message, .. }) if message.contains("Invalid job id") => continue,
            Err(error) => return Err(error),
        };
        for line in lines.lines() {
            let mut words = line.split_whitespace();
            if let (Some(Ok(task)), Some(state)) = (words.next().map(str::parse), words.next()) {
                found.insert(task, state.to_owned());
            }
        }
    }
    Ok(found)
}

fn script(folder: &Path, spec: &Spec, program: &Program, tasks: &[usize]) -> String {
    let own = &spec.slurm;
    let numbers: Vec<String> = tasks.iter().map(ToString::to_string).collect();
    let at_once = own.at_once.map_or_else(String::new, |count| format!("%{count}"));
    let mut text = head(folder, &spec.name, "slurm-%A_%a.log", own, |_| true);
    let _ = writeln!(text, "#SBATCH --array={}{at_once}", numbers.join(","));
    let _ = writeln!(text, "#SBATCH --signal=B:TERM@{NOTICE}");
    for line in own.extra.iter().chain(&own.setup) {
        let _ = writeln!(text, "{line}");
    }
    let call = call_of(folder, program, &program.measuring);
    let _ = writeln!(text, "exec {call} --only \"$SLURM_ARRAY_TASK_ID\"");
    text
}

/// The job that merges needs no GPU.
fn merge_script(folder: &Path, spec: &Spec, program: &Program) -> String {
    let is_of_site = |key: &str| ["partition", "account", "qos"].contains(&key);
    let name = format!("{}-merge", spec.name);
    let mut text = head(folder, &name, "slurm-merge-%j.log", &spec.slurm, is_of_site);
    let _ = writeln!(text, "exec {} --merge", call_of(folder, program, &[]));
    text
}

fn head(folder: &Path, name: &str, log: &str, own: &Slurm, takes: impl Fn(&str) -> bool) -> String {
    let mut text = format!("#!/bin/bash\n#SBATCH --job-name={name}\n");
    let _ = writeln!(text, "#SBATCH --output={}", quoted(&folder.join("logs").join(log).display().to_string()));
    for (key, value) in own.options.iter().filter(|(key, _)| takes(key)) {
        let _ = writeln!(text, "#SBATCH --{key}={value}");
    }
    text
}

fn call_of(folder: &Path, program: &Program, more: &[String]) -> String {
    let folder = folder.display().to_string();
    let words = [&program.path, "sweep", &format!("{folder}/spec.toml"), "--out", &folder].map(quoted);
    let more: Vec<String> = program.arguments.iter().chain(more).map(|word| quoted(word)).collect();
    [&words[..], &more[..]].concat().join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Submits a script; the number of its job.
fn sbatch(arguments: &[String]) -> Result<String, SweepError> {
    let arguments: Vec<&str> = std::iter::once("--parsable").chain(arguments.iter().map(String::as_str)).collect();
    let said = call("sbatch", &arguments)?;
    let job = said.trim().split(';').next().unwrap_or_default().to_owned();
    if job.is_empty() || !job.chars().all(|c| c.is_ascii_digit()) {
        let help = "look whether the job was submitted: `squeue`".to_owned();
        return Err(SweepError::Slurm {
            command: "sbatch".to_owned(),
            message: format!("it said `{job}`, no number of a job"),
            help,
        });
    }
    Ok(job)
}

pub(super) fn call(program: &str, arguments: &[&str]) -> Result<String, SweepError> {
    let failed = |message: String, help: &str| SweepError::Slurm {
        command: format!("{program} {}", arguments.join(" ")),
        message,
        help: help.to_owned(),
    };
    let output = Command::new(program).args(arguments).output().map_err(|error| {
        failed(error.to_string(), "run this where Slurm is installed, or leave `--slurm` out to measure here")
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(failed(said, "correct `[slurm]` in the sweep's file; `sinfo` shows the partitions and their state"))
}
