//! Signs, in measured latents and hidden states, of what the equations do not know.

use super::result::Diagnosis;
use crate::fit::Fitted;
use crate::notes::Caveat;
use crate::predict::Abducted;
use crate::unit::{percent, show};

/// What a sign can explain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Time that passes without progress.
    Time,
    /// Watts.
    Power,
    /// Both: another tenant takes time and watts.
    Both,
}

/// A sign seen in one of the runs.
#[derive(Clone, Debug)]
pub(super) struct Sign {
    in_b: bool,
    kind: Kind,
    pub(super) caveat: Caveat,
}

/// Log difference of clocks from which it is a sign.
const CLOCKS: f64 = 0.05;
/// Kelvin by which a GPU is hotter from which it is a sign.
const HOTTER: f64 = 15.0;

/// All signs of two runs, the most telling first.
pub(super) fn signs(fitted: &Fitted, a: &Abducted, b: &Abducted) -> Vec<Sign> {
    let mut found = Vec::new();
    for (side, in_b, run, other) in [("A", false, a, b), ("B", true, b, a)] {
        let mut add = |kind: Kind, code: &str, text: String| {
            found.push(Sign { in_b, kind, caveat: Caveat::new(code, text) });
        };
        let seen = |name: &str| run.run.observed.get(name).copied();
        let there = |name: &str| other.run.observed.get(name).copied();
        let is_idle = run.run.conditions.contains_key("burst") || run.run.conditions.contains_key("request_rate");
        if let Some(count) = seen("gpu_processes").filter(|count| *count > 1.0) {
            let text = format!("{count} processes computed on a GPU of {side}: another tenant takes time and watts");
            add(Kind::Both, "other_process", text);
        }
        if let (Some(own), Some(others)) = (seen("host_cpu"), there("host_cpu"))
            && own < 0.8 * others
            && !is_idle
        {
            let text = format!(
                "the engine's thread had {own:.2} of a core in {side} against {others:.2}: its core was shared"
            );
            add(Kind::Time, "host_contention", text);
        }
        if let Some(wait) = seen("gpu_wait").filter(|wait| *wait < 0.05) {
            let share = percent(wait);
            let text =
                format!("in {side} the engine waited for the GPU in {share} of the window: the host sets the pace");
            add(Kind::Time, "host_bound", text);
        }
        for (regime, (state, probability)) in fitted.model.regimes.iter().zip(&run.states) {
            if *state == 1 {
                let text = format!(
                    "{side} looks {} ({} sure): low power at high latency, which no recorded setting explains",
                    regime.states[1],
                    percent(*probability)
                );
                add(Kind::Time, &format!("{}_{}", regime.name, regime.states[1]), text);
            }
        }
        let preempted = seen("preemptions").unwrap_or(0.0);
        if preempted > there("preemptions").unwrap_or(0.0) {
            let text = format!("{preempted} requests were preempted in {side} and computed again");
            add(Kind::Time, "preemptions", text);
        }
        if let (Some(own), Some(others)) = (seen("sm_clock_mean"), there("sm_clock_mean"))
            && (others / own).ln() > CLOCKS
        {
            let text = format!("clocks averaged {} in {side} against {}", show(own, "Hz"), show(others, "Hz"));
            add(Kind::Both, "clocks_differ", text);
        }
        if let (Some(own), Some(others)) = (seen("temperature"), there("temperature"))
            && own - others > HOTTER
        {
            let text = format!("the GPU of {side} was {:.0} K hotter", own - others);
            add(Kind::Power, "hotter", text);
        }
        if let (Some(own), Some(others)) = (seen("power_cap_share"), there("power_cap_share"))
            && own > 0.5
            && others < 0.5
        {
            let text =
                format!("{side} ran at its power limit in {} of the samples: clocks were lowered there", percent(own));
            add(Kind::Power, "power_capped", text);
        }
    }
    found
}

/// The sign that may explain the largest unexplained term: of the right kind, and seen in the run that it must be in.
pub(super) fn clue(answer: &Diagnosis, signs: &[Sign]) -> Option<String> {
    let term = answer.unexplained.first()?;
    let more_in_b = (term.factor > 1.0) == answer.more_is_worse();
    let kind = if term.cause.starts_with("power") { Kind::Power } else { Kind::Time };
    let fits = |sign: &&Sign| sign.kind == kind || sign.kind == Kind::Both;
    signs.iter().filter(fits).find(|sign| sign.in_b == more_in_b).map(|sign| sign.caveat.text.clone())
}
