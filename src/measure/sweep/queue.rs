//! What Slurm says of the tasks that were handed to it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;

use super::error::SweepError;
use super::folder::history;
use super::merge::text;
use super::slurm::{call, queued};

/// What Slurm says of the tasks of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// Tasks that have not ended, with their states as Slurm names them: `PENDING`, `RUNNING` …
    pub waiting: BTreeMap<usize, String>,
    /// Tasks that have ended otherwise than well: `TIMEOUT`, `OUT_OF_MEMORY` …; as far as Slurm remembers.
    pub ended: BTreeMap<usize, String>,
    /// Why Slurm says nothing here.
    pub silence: Option<String>,
}

impl Queue {
    /// Asks Slurm; none if nothing of this folder was handed to it.
    pub fn ask(folder: &Path) -> Result<Option<Self>, SweepError> {
        let jobs = jobs(&history(folder)?);
        if jobs.is_empty() {
            return Ok(None);
        }
        let waiting = match queued(folder) {
            Ok(waiting) => waiting,
            Err(SweepError::Slurm { command, message, .. }) => {
                let program = command.split(' ').next().unwrap_or_default();
                let silence = Some(format!("`{program}`: {message}"));
                return Ok(Some(Self { silence, ..Self::default() }));
            }
            Err(error) => return Err(error),
        };
        let mut ended = BTreeMap::new();
        // A task that was handed over again counts by its last job.
        for job in &jobs {
            ended.extend(ends(job));
        }
        ended.retain(|task, state| !waiting.contains_key(task) && state != "COMPLETED");
        Ok(Some(Self { waiting, ended, silence: None }))
    }

    /// The state of a task in small letters, if there is something to say of it.
    pub fn state(&self, task: usize) -> Option<String> {
        let ended = self.ended.get(&task).filter(|state| *state != "FAILED");
        self.waiting.get(&task).or(ended).map(|state| in_words(state))
    }

    /// How many tasks are in each state: `2 running, 1 pending`.
    pub fn words(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for state in self.waiting.values().chain(self.ended.values()) {
            *counts.entry(state).or_default() += 1;
        }
        let parts: Vec<String> = counts.iter().map(|(state, count)| format!("{count} {}", in_words(state))).collect();
        parts.join(", ")
    }
}

/// `OUT_OF_MEMORY` as `out of memory`.
fn in_words(state: &str) -> String {
    state.to_lowercase().replace('_', " ")
}

/// The jobs of a journal, in the order in which they were handed over.
fn jobs(events: &[Json]) -> Vec<String> {
    let mut jobs: Vec<String> = Vec::new();
    for event in events.iter().filter(|event| text(event, "event") == "submitted") {
        let job = text(event, "job").to_owned();
        if !job.is_empty() && !jobs.contains(&job) {
            jobs.push(job);
        }
    }
    jobs
}

/// How the tasks of a job have ended: by the accounts, else by what the controller remembers for some minutes. Both may know
/// nothing.
fn ends(job: &str) -> BTreeMap<usize, String> {
    let accounts =
        call("sacct", &["-X", "--noheader", "--parsable2", "--format=JobID,State", &format!("--jobs={job}")]);
    let found = accounts.map(|said| of_accounts(&said)).unwrap_or_default();
    if !found.is_empty() {
        return found;
    }
    call("scontrol", &["show", "job", job, "--oneliner"]).map(|said| of_controller(&said)).unwrap_or_default()
}

/// `12_3|CANCELLED by 0`, one a line; those which have not begun stand together as `12_[4-7]`.
fn of_accounts(said: &str) -> BTreeMap<usize, String> {
    let line = |line: &str| {
        let (id, state) = line.split_once('|')?;
        let task = id.rsplit_once('_')?.1.parse().ok()?;
        Some((task, state.split_whitespace().next()?.to_owned()))
    };
    said.lines().filter_map(line).filter(|(_, state)| has_ended(state)).collect()
}

/// `JobId=13 ArrayJobId=12 ArrayTaskId=3 … JobState=TIMEOUT …`, one a line.
fn of_controller(said: &str) -> BTreeMap<usize, String> {
    let line = |line: &str| {
        let field = |key: &str| line.split_whitespace().find_map(|word| word.strip_prefix(key));
        Some((field("ArrayTaskId=")?.parse().ok()?, field("JobState=")?.to_owned()))
    };
    said.lines().filter_map(line).filter(|(_, state)| has_ended(state)).collect()
}

fn has_ended(state: &str) -> bool {
    !["PENDING", "RUNNING", "SUSPENDED", "COMPLETING", "CONFIGURING", "REQUEUED", "RESIZING"].contains(&state)
}

#[cfg(test)]
mod tests {
    use super::{Queue, of_accounts, of_controller};

    #[test]
    fn the_ends_of_tasks_are_read_from_what_slurm_prints() {
        let accounts = of_accounts(
            "12_0|COMPLETED\n12_1|CANCELLED by 0\n12_2|RUNNING\n12_3|OUT_OF_MEMORY\n12_[4-7]|PENDING\n13|FAILED\n",
        );
        let expected = [(0, "COMPLETED"), (1, "CANCELLED"), (3, "OUT_OF_MEMORY")];
        assert_eq!(accounts, expected.map(|(task, state)| (task, state.to_owned())).into());
        let controller = of_controller(
            "JobId=14 ArrayJobId=12 ArrayTaskId=3 JobName=s JobState=TIMEOUT Reason=TimeLimit\n\
             JobId=12 ArrayJobId=12 ArrayTaskId=4-7 JobState=PENDING\nslurm_load_jobs error: Invalid job id\n",
        );
        assert_eq!(controller, [(3, "TIMEOUT".to_owned())].into());
        let queue = Queue { ended: accounts, ..Queue::default() };
        assert_eq!(queue.words(), "1 cancelled, 1 completed, 1 out of memory");
        assert_eq!(queue.state(3).as_deref(), Some("out of memory"));
    }
}
