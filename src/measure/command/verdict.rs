//! Whether a measurement is to be trusted, and why not.

use super::child::Ending;
use super::measured::Measured;
use super::stretch::Stretch;

/// Whether a measurement is to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is what it says.
    Good,
    /// It is what it says, of a GPU that was held back or shared.
    Marked,
    /// It is short, or a part of it is missing.
    Partial,
}

impl Verdict {
    /// As programs read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Marked => "marked",
            Self::Partial => "partial",
        }
    }
}

/// What is to be said of a stretch, and the reasons as stable names.
pub fn verdict(measured: &Measured, stretch: &Stretch) -> (Verdict, Vec<&'static str>) {
    let caveats = stretch.caveats();
    let has = |code: &str| caveats.iter().any(|own| own.code == code);
    let shared = measured.caveats.iter().any(|own| own.code == "other_processes");
    let has_failed = !measured.ending.is_good() && matches!(measured.ending, Ending::Exit(_) | Ending::Killed(_));
    let all = [
        (Verdict::Partial, "gpu-lost", has("gpu_lost")),
        (Verdict::Partial, "counter-stuck", has("counter_stuck")),
        (Verdict::Partial, "counter-broken", has("counter_broken")),
        (Verdict::Partial, "too-short", has("too_short")),
        (Verdict::Partial, "command-failed", has_failed),
        (Verdict::Partial, "interrupted", !measured.ending.is_good() && !has_failed),
        (Verdict::Marked, "other-tenants", shared),
        (Verdict::Marked, "gpu-silent", measured.caveats.iter().any(|own| own.code == "gpu_silent")),
        (Verdict::Marked, "thermal", has("thermal_throttling")),
        (Verdict::Marked, "power-capped", stretch.observed().get("power_cap_share").is_some_and(|share| *share > 0.5)),
        (Verdict::Marked, "split-gpu", has("mig")),
        (Verdict::Marked, "estimators-disagree", has("estimators_disagree")),
        (Verdict::Marked, "short-window", has("short_window")),
    ];
    let found: Vec<(Verdict, &'static str)> =
        all.into_iter().filter(|own| own.2).map(|(verdict, reason, _)| (verdict, reason)).collect();
    let worst = found.iter().map(|own| own.0).max().unwrap_or(Verdict::Good);
    (worst, found.into_iter().map(|own| own.1).collect())
}
