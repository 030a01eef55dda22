//! Whether enough is known of a point under load: the rules of [`steady`](crate::measure::steady), asked for one visit.

use super::load_settings::LoadSettings;
use super::spec::Steady;
use crate::measure::Series;
use crate::measure::load::{Arrival, Tally};
use crate::measure::steady::{
    Faults, Judgment, Rules, Seen, Supply, benchmark_energy_per_token, benchmark_window, judge as judge_steady,
};
use crate::unit::percent;

/// What is known of a point so far.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Judgement {
    /// The window, s; none if there is none yet.
    pub(super) window: Option<(f64, f64)>,
    /// Half-width of the 90 % interval of the energy per token, as a share of it.
    pub(super) interval: Option<f64>,
    /// Whether it may end.
    pub(super) is_enough: bool,
    /// One word, and behind a colon what is lacking.
    pub(super) verdict: String,
}

impl Judgement {
    /// For somebody who waits.
    pub(super) fn progress(&self) -> String {
        let known = self.interval.map_or_else(String::new, |share| format!(", J/token ± {}", percent(share)));
        match self.window {
            Some((from, to)) => format!("window of {:.0} s{known}", to - from),
            None => "not full yet".to_owned(),
        }
    }
}

/// What is seen of a point besides its tokens.
pub(super) struct Around<'a> {
    /// Energy counter of each GPU since the load has settled, J.
    pub(super) energy: &'a [Series],
    /// Requests that wait in the server, where it tells.
    pub(super) waiting: Option<&'a Series>,
    /// The most requests that the server runs at once, where it is known.
    pub(super) batch: Option<f64>,
}

/// Judges a load by what came so far.
pub(super) fn judge(tally: &Tally, settings: &LoadSettings, around: &Around<'_>, steady: &Steady) -> Judgement {
    let (tokens, running, under_way) = (tally.tokens(), tally.decoding(), tally.under_way());
    let (begun, ended) = (tally.begun(), tally.ended_requests());
    let (failed, sent) = (tally.failed_requests(), tally.sent_over_time());
    // A burst is due at one moment, at which nobody can send all of it.
    let late = matches!(settings.arrival, Arrival::Open { .. }).then(|| tally.sent_late());
    let (batch, supply) = match full_batch(settings, around.batch) {
        None => (1, Supply::Rate(&under_way)),
        Some((batch, clients)) => {
            let supply = match around.waiting {
                Some(waiting) if batch < clients => Supply::Waiting(waiting),
                _ => Supply::Clients { under_way: &under_way, clients },
            };
            (batch, supply)
        }
    };
    let seen = Seen {
        tokens: &tokens,
        energy: around.energy,
        running: &running,
        begun: &begun,
        ended: &ended,
        batch,
        requests: None,
        supply,
        faults: Some(Faults { failed: &failed, sent: &sent, late: late.as_ref() }),
    };
    let rules = Rules {
        shortest: steady.min_window,
        precision: steady.precision,
        // The counter moves ten times a second; a window of any length may miss some.
        fewest_ticks: (steady.min_window * 9.0).min(300.0) as usize,
        ..Rules::default()
    };
    told(&judge_steady(&seen, &rules))
}

/// Requests that a closed loop keeps running at once, where the server runs at most `batch`, and its clients.
fn full_batch(settings: &LoadSettings, batch: Option<f64>) -> Option<(u64, u64)> {
    let Arrival::Closed { clients, .. } = settings.arrival else { return None };
    let clients = clients as u64;
    Some((batch.map_or(clients, |batch| clients.min(batch as u64)).max(1), clients))
}

/// The energy per token (J) by the rule of the ML.ENERGY benchmark, and the seconds of its window, as if it had sent the
/// requests that have begun and no more; of closed loops only. `energy` are the counters since before the load.
pub(super) fn by_benchmark(
    tally: &Tally,
    settings: &LoadSettings,
    batch: Option<f64>,
    energy: &[Series],
) -> Option<(f64, f64)> {
    let (batch, _) = full_batch(settings, batch)?;
    let (begun, ended) = (tally.begun(), tally.ended_requests());
    let requests = begun.points().last()?.1 as u64;
    let window = benchmark_window(&begun, &ended, requests, batch)?;
    Some((benchmark_energy_per_token(&tally.tokens(), energy, window)?, window.1 - window.0))
}

fn told(judgment: &Judgment) -> Judgement {
    let why = judgment.why();
    let verdict = judgment.verdict.to_string();
    Judgement {
        window: judgment.window.filter(|(from, to)| to > from),
        interval: judgment.rate.as_ref().and_then(crate::measure::steady::Rate::precision),
        is_enough: judgment.is_enough(),
        verdict: if why.is_empty() { verdict } else { format!("{verdict}: {why}") },
    }
}
