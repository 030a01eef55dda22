//! Which runs the data set of the benchmark calls unstable; such a run is kept and marked.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::prometheus::Seen;
use crate::import::about::{caveat, caveats};
use crate::import::record::Record;
use crate::runs::Run;

/// Shortest steady state, s.
const SHORTEST: f64 = 20.0;

/// Least share of the configured batch that must have run.
const LEAST_RUNNING: f64 = 0.85;

/// The stable names of the reasons.
const REASONS: [&str; 4] = ["short_steady_state", "no_energy_per_token", "low_running_batch", "unstable_smaller_batch"];

/// The rules for one run.
pub(super) fn judge(record: &Record, server: Option<&Seen>, run: &mut Run) {
    let seconds = record.number("steady_state_duration").unwrap_or(0.0);
    if seconds < SHORTEST {
        caveat(run, REASONS[0], &format!("{seconds:.1} s, the data set's rule asks for {SHORTEST} s"));
    }
    if record.positive("steady_state_energy_per_token").is_none() {
        caveat(run, REASONS[1], "J/token is missing or not above zero");
    }
    let running = server.and_then(|server| server.stats.get("vllm:num_requests_running")).and_then(Json::as_f64);
    if let (Some(running), Some(batch)) = (running, run.number("batch_size"))
        && running / batch < LEAST_RUNNING
    {
        let text = format!("{running:.1} of {batch} ran, less than the rule's {LEAST_RUNNING} of the configured batch");
        caveat(run, REASONS[2], &text);
    }
}

/// The rule across runs: every larger batch of an unstable one is unstable too.
pub(super) fn cascade(runs: &mut [Run]) {
    let group = |run: &Run| {
        let name = |condition: &str| run.name(condition).unwrap_or_default().to_owned();
        (name("checkpoint"), name("task"), name("gpu"), run.number("gpus").map(f64::to_bits))
    };
    let is_unstable = |run: &Run| caveats(run).keys().any(|code| REASONS.contains(code));
    let mut least = BTreeMap::new();
    for run in runs.iter().filter(|run| is_unstable(run)) {
        if let Some(batch) = run.number("batch_size") {
            let known = least.entry(group(run)).or_insert(batch);
            *known = known.min(batch);
        }
    }
    for run in runs.iter_mut().filter(|run| run.metrics.contains_key("energy_per_token")) {
        let unstable = is_unstable(run);
        if let (Some(batch), Some(smallest)) = (run.number("batch_size"), least.get(&group(run)))
            && batch > *smallest
            && !unstable
        {
            caveat(run, REASONS[3], &format!("batch {smallest} of the same model, task and GPUs is unstable"));
        }
        let stable = !is_unstable(run);
        run.details.insert("stable".to_owned(), stable.to_string());
    }
}
