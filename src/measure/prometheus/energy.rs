//! The energy of a window, with how well it is known.
//!
//! | symbol | meaning | unit |
//! |---|---|---|
//! | `E` | increase of the energy counters between two readings, over all GPUs | J |
//! | `T` | time between the scrapes that brought these readings | s |
//! | `P` | `E / T` | W |
//! | `s` | time between two scrapes | s |
//! | `u` | standard uncertainty of `E` | J |
//!
//! A scrape shows a reading that is up to `s` old, evenly so: each end of the window is known to `s / sqrt(12)`. The
//! counter itself moves every 100 ms, which adds `c` = 41 ms over both ends (measured on H200):
//!
//! ```text
//! u = P · sqrt(s² / 6 + c²)
//! ```

use super::error::PrometheusError;
use super::fetch::Asked;
use crate::measure::Series;
use crate::measure::telemetry::{Gpu, Record, gpus};
use crate::notes::{Caveat, list, plural};
use crate::stats::{mean, median};
use crate::unit::{percent, show};

/// Fewest new readings of a window.
const FEWEST: usize = 10;

/// Both ends of a window on a counter that moves every 100 ms, s.
const TICK: f64 = 0.041;

/// No GPU uses more, W.
const MOST_POWER: f64 = 5000.0;

/// Counter and power gauge may differ by this share.
const AGREE: f64 = 0.03;

/// How far a mean of power readings, each a mean over one second, was off on periodic loads.
const POWER_SPREAD: f64 = 0.04;

/// Energy of all GPUs of a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Energy {
    /// First reading used, in seconds since 1970.
    pub(super) from: f64,
    /// Last reading used.
    pub(super) to: f64,
    /// `E`, J.
    pub(super) joules: f64,
    /// `u`, J.
    pub(super) uncertainty: f64,
    /// Whether it is the increase of a counter; else the mean of power readings times the time.
    pub(super) is_counted: bool,
    /// New readings in the window, of the GPU with the fewest.
    pub(super) readings: usize,
    /// Their usual distance, s.
    pub(super) interval: f64,
    /// What a reader must know.
    pub(super) caveats: Vec<Caveat>,
}

impl Energy {
    /// Mean power of all GPUs, W.
    pub(super) fn power(&self) -> f64 {
        self.joules / (self.to - self.from)
    }
}

/// The energy of a window.
pub(super) fn energy(record: &Record, asked: &Asked) -> Result<Energy, PrometheusError> {
    let gpus = gpus(record);
    let counted: Vec<(&Gpu, &Series)> =
        gpus.iter().filter_map(|gpu| gpu.energy.as_ref().map(|own| (gpu, &own.series))).collect();
    let mut energy = if counted.is_empty() { of_power(&gpus, asked)? } else { of_counters(&counted, asked)? };
    let silent = gpus.len() - counted.len();
    if energy.is_counted && silent > 0 {
        let text = format!("{} without an energy counter are not counted", plural(silent, "GPU"));
        energy.caveats.push(Caveat::new("gpus_without_energy", text));
    }
    let shared: Vec<&str> = gpus.iter().filter(|gpu| gpu.is_shared).map(|gpu| gpu.id.as_str()).collect();
    if !shared.is_empty() {
        let text = format!(
            "{} split into instances (MIG): the energy is that of the whole GPU, whoever used the other instances",
            list(&shared)
        );
        energy.caveats.push(Caveat::new("mig_parent", text));
    }
    Ok(energy)
}

fn of_counters(counted: &[(&Gpu, &Series)], asked: &Asked) -> Result<Energy, PrometheusError> {
    let span = &asked.span;
    let inside = |series: &Series| series.between(span.from, span.to).to_vec();
    let ticks: Vec<Vec<(f64, f64)>> = counted.iter().map(|(_, series)| inside(series)).collect();
    let interval = spacing(counted.iter().map(|(_, series)| *series), span.length());
    let readings = ticks.iter().map(Vec::len).min().unwrap_or(0);
    enough(asked, "new readings of the energy counter", readings, interval)?;
    // Between the first reading that all GPUs have and the last one.
    let from = ticks.iter().map(|own| own[0].0).fold(f64::NEG_INFINITY, f64::max);
    let to = ticks.iter().map(|own| own[own.len() - 1].0).fold(f64::INFINITY, f64::min);
    if to - from < span.length() / 2.0 {
        return Err(too_few(asked, "new readings of the energy counter of all GPUs at once", readings, interval));
    }
    let mut energy = Energy { from, to, is_counted: true, readings, interval, ..Energy::default() };
    for (gpu, series) in counted {
        let joules = series.at(to).zip(series.at(from)).map_or(0.0, |(last, first)| last - first);
        let power = joules / (to - from);
        if power > MOST_POWER {
            return Err(PrometheusError::Implausible { run: asked.run.to_owned(), gpu: gpu.id.clone(), power });
        }
        energy.joules += joules;
        let resets = gpu.energy.iter().flat_map(|own| &own.resets).filter(|at| **at > from && **at <= to).count();
        if resets > 0 {
            let text = format!(
                "the energy counter of GPU {} started again {}: up to {} each were lost",
                gpu.id,
                plural(resets, "time"),
                show(power * interval, "J")
            );
            energy.caveats.push(Caveat::new("energy_counter_reset", text));
            energy.uncertainty += resets as f64 * power * interval;
        }
    }
    let edges = energy.power() * (interval * interval / 6.0 + TICK * TICK).sqrt();
    energy.uncertainty = energy.uncertainty.hypot(edges);
    cross_check(&mut energy, counted);
    gaps(&mut energy, &ticks, interval);
    Ok(energy)
}

/// Power readings say the same as the counter, or the reader is told.
fn cross_check(energy: &mut Energy, counted: &[(&Gpu, &Series)]) {
    let powers: Vec<f64> =
        counted.iter().filter_map(|(gpu, _)| gpu.power.as_ref()?.mean(energy.from, energy.to)).collect();
    let total: f64 = powers.iter().sum();
    if powers.len() == counted.len() && total > 0.0 && (total / energy.power() - 1.0).abs() > AGREE {
        let text = format!(
            "the power gauge says {} where the energy counter says {} ({} apart): the counter is used",
            show(total, "W"),
            show(energy.power(), "W"),
            percent((total / energy.power() - 1.0).abs())
        );
        energy.caveats.push(Caveat::new("power_disagrees", text));
    }
}

fn gaps(energy: &mut Energy, ticks: &[Vec<(f64, f64)>], interval: f64) {
    let longest = ticks.iter().flat_map(|own| own.windows(2)).map(|pair| pair[1].0 - pair[0].0).fold(0.0, f64::max);
    if longest > 2.5 * interval {
        let text = format!("no energy reading for {}: what was used in between is counted", show(longest, "s"));
        energy.caveats.push(Caveat::new("energy_gap", text));
    }
}

/// Mean power times time, where no GPU has an energy counter.
fn of_power(gpus: &[Gpu], asked: &Asked) -> Result<Energy, PrometheusError> {
    let span = &asked.span;
    let series: Vec<&Series> = gpus.iter().filter_map(|gpu| gpu.power.as_ref()).collect();
    let interval = spacing(series.iter().copied(), span.length());
    let readings = series.iter().map(|own| own.between(span.from, span.to).len()).min().unwrap_or(0);
    enough(asked, "readings of the power gauge", readings, interval)?;
    let means: Vec<f64> = series.iter().filter_map(|own| own.mean(span.from, span.to)).collect();
    let power: f64 = means.iter().sum();
    let mut caveats = vec![Caveat::new(
        "energy_from_power",
        format!(
            "no energy counter is told: energy is the mean of {readings} power readings, each a mean over about 1 s that \
             lags behind the load"
        ),
    )];
    if means.len() < gpus.len() {
        let text = format!("{} without power are not counted", plural(gpus.len() - means.len(), "GPU"));
        caveats.push(Caveat::new("gpus_without_energy", text));
    }
    let scatter: f64 = series.iter().map(|own| standard_error(own.between(span.from, span.to))).sum();
    Ok(Energy {
        from: span.from,
        to: span.to,
        joules: power * span.length(),
        uncertainty: span.length() * scatter.hypot(POWER_SPREAD * power),
        is_counted: false,
        readings,
        interval,
        caveats,
    })
}

/// Standard error of the mean of readings, taken as independent.
fn standard_error(points: &[(f64, f64)]) -> f64 {
    let values: Vec<f64> = points.iter().map(|point| point.1).collect();
    let middle = mean(&values).unwrap_or(0.0);
    let squares: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
    (squares / (values.len().max(2) - 1) as f64 / values.len().max(1) as f64).sqrt()
}

/// The usual distance of readings, s; the length of the window if there is no pair of them.
fn spacing<'a>(series: impl Iterator<Item = &'a Series>, length: f64) -> f64 {
    let distances: Vec<f64> =
        series.flat_map(|own| own.points().windows(2)).map(|pair| pair[1].0 - pair[0].0).collect();
    median(&distances).unwrap_or(length)
}

fn enough(asked: &Asked, what: &'static str, found: usize, interval: f64) -> Result<(), PrometheusError> {
    if found < FEWEST { Err(too_few(asked, what, found, interval)) } else { Ok(()) }
}

fn too_few(asked: &Asked, what: &'static str, found: usize, interval: f64) -> PrometheusError {
    PrometheusError::TooFew {
        run: asked.run.to_owned(),
        length: asked.span.length(),
        what,
        found,
        interval,
        needed: FEWEST,
    }
}
