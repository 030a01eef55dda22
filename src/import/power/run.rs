//! A log over a window as a run.

use super::integral::{mean, merged};
use super::log::{Domain, Log, Sample};
use super::window::Window;
use crate::import::about::caveat;
use crate::import::collect::Source;
use crate::import::gpu;
use crate::notes::plural;
use crate::runs::{Run, Value};
use crate::stats;

/// A gap is longer than this many usual intervals, and than `LEAST_GAP`.
const GAP: f64 = 5.0;

/// Shortest gap that is told, s.
const LEAST_GAP: f64 = 3.0;

/// A GPU that draws less than this share of the median GPU may be no part of the run.
const IDLE_SHARE: f64 = 0.5;

/// The run of a log; why there is none, in words.
pub(super) fn of(file: &Source, log: &Log, window: Option<&Window>) -> Result<Run, String> {
    order(log)?;
    let powers: Vec<(&String, Vec<(f64, f64)>)> =
        log.gpus.iter().map(|(id, samples)| (id, merged(&series(samples, |sample| sample.power)))).collect();
    for (id, power) in &powers {
        if power.len() < 2 {
            return Err(format!("GPU {id} has {} of power: at least two are needed", plural(power.len(), "sample")));
        }
    }
    // The time that every GPU was watched.
    let first = powers.iter().map(|(_, power)| power[0].0).fold(f64::NEG_INFINITY, f64::max);
    let last = powers.iter().map(|(_, power)| power[power.len() - 1].0).fold(f64::INFINITY, f64::min);
    if powers.is_empty() {
        return Err("the log has no sample".to_owned());
    }
    let (from, to) = match window {
        Some(window) => window.in_log(first, log.is_unix)?,
        None => (first, last),
    };
    // A window may begin or end between two samples of which the log has one.
    let usual = powers.iter().filter_map(|(_, power)| usual_interval(power)).fold(0.0, f64::max);
    let (asked_from, asked_to) = (from, to);
    let (from, to) = (
        if from >= first - usual { from.max(first) } else { from },
        if to <= last + usual { to.min(last) } else { to },
    );
    if from < first || to > last || from >= to {
        return Err(format!(
            "the log has all its GPUs for {:.3} s, the window is from {:.3} to {:.3} s after the first sample",
            last - first,
            asked_from - first,
            asked_to - first
        ));
    }
    let mut run = Run { id: file.stem(), ..Run::default() };
    let each: Vec<(&String, f64)> =
        powers.iter().filter_map(|(id, power)| Some((*id, mean(power, from, to)?))).collect();
    let total: f64 = each.iter().map(|(_, watts)| watts).sum();
    run.metrics.insert("power".to_owned(), total);
    run.conditions.insert("gpus".to_owned(), Value::Number(each.len() as f64));
    observed(log, from, to, &mut run);
    about(file, log, (from, to), total, &mut run);
    doubts(log, &powers, &each, (from, to), &mut run);
    Ok(run)
}

/// The median time between samples, s.
fn usual_interval(power: &[(f64, f64)]) -> Option<f64> {
    let intervals: Vec<f64> = power.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    stats::median(&intervals)
}

/// Samples must be in the order of their times.
fn order(log: &Log) -> Result<(), String> {
    for (id, samples) in &log.gpus {
        if let Some(pair) = samples.windows(2).find(|pair| pair[1].time < pair[0].time) {
            return Err(format!(
                "line {}: time goes back by {:.1} s on GPU {id}: the clock was set, or two logs stand in one file",
                pair[1].line,
                pair[0].time - pair[1].time
            ));
        }
    }
    Ok(())
}

fn series(samples: &[Sample], of: fn(&Sample) -> Option<f64>) -> Vec<(f64, f64)> {
    samples.iter().filter_map(|sample| Some((sample.time, of(sample)?))).collect()
}

/// One quantity of a sample.
type Quantity = fn(&Sample) -> Option<f64>;

/// Means over GPUs of what the log has beside power.
fn observed(log: &Log, from: f64, to: f64, run: &mut Run) {
    let quantities: [(&str, Quantity); 3] = [
        ("temperature", |sample| sample.temperature),
        ("sm_clock_mean", |sample| sample.sm_clock),
        ("gpu_utilization", |sample| sample.utilization),
    ];
    for (name, of) in quantities {
        let means: Vec<f64> =
            log.gpus.values().filter_map(|samples| mean(&merged(&series(samples, of)), from, to)).collect();
        if means.len() == log.gpus.len() {
            run.observed.extend(stats::mean(&means).map(|mean| (name.to_owned(), mean)));
        }
    }
    let mut limits: Vec<f64> = log.gpus.values().flatten().filter_map(|sample| sample.power_limit).collect();
    limits.sort_by(f64::total_cmp);
    if let (Some(least), Some(most)) = (limits.first(), limits.last()) {
        run.details.insert(
            "power_limit_w".to_owned(),
            if least == most { least.to_string() } else { format!("{least} to {most}") },
        );
    }
    gpu::set(run, log.names.values().map(String::as_str), "the log has");
}

fn about(file: &Source, log: &Log, (from, to): (f64, f64), total: f64, run: &mut Run) {
    let mut set = |name: &str, text: String| run.details.insert(name.to_owned(), text);
    set("file", file.name.clone());
    set("window_s", format!("{:.3}", to - from));
    set("energy_j", format!("{:.3}", total * (to - from)));
    set("energy_scope", "gpu".to_owned());
    set("samples", log.gpus.values().map(Vec::len).sum::<usize>().to_string());
    let domain = match log.domain {
        Domain::Draw => "power.draw",
        Domain::Average => "power.draw.average",
        Domain::Instant => "power.draw.instant",
        Domain::Dmon => "pwr of dmon",
        Domain::Socket => "socket power",
    };
    set("power_domain", domain.to_owned());
}

fn doubts(
    log: &Log,
    powers: &[(&String, Vec<(f64, f64)>)],
    each: &[(&String, f64)],
    (from, to): (f64, f64),
    run: &mut Run,
) {
    for (code, text) in &log.notes {
        caveat(run, code, text);
    }
    match log.domain {
        Domain::Instant => caveat(
            run,
            "aliased_power",
            "power.draw.instant is a short reading every 100 ms: load that pulses near that period aliases, by −64 to +56 % \
             where it was measured against the energy counter",
        ),
        Domain::Draw | Domain::Dmon => {
            caveat(
                run,
                "power_domain",
                "power.draw is an average over about 1 s on most data-center GPUs since Ampere, a short reading on others",
            );
        }
        Domain::Average | Domain::Socket => {}
    }
    if !log.has_times {
        caveat(run, "interval_assumed", "the log has no times: rows are taken to be 1 s apart");
    }
    for (id, power) in powers {
        let usual = usual_interval(power).unwrap_or(0.0);
        let inside = power.windows(2).filter(|pair| pair[1].0 > from && pair[0].0 < to);
        let longest = inside.map(|pair| pair[1].0 - pair[0].0).fold(0.0, f64::max);
        if longest > LEAST_GAP && longest > GAP * usual {
            caveat(run, "gap", &format!("GPU {id} was not read for {longest:.1} s, usually every {usual:.2} s"));
        }
    }
    let watts: Vec<f64> = each.iter().map(|(_, watts)| *watts).collect();
    let usual = stats::median(&watts).unwrap_or(0.0);
    for (id, watts) in each.iter().filter(|(_, watts)| *watts < IDLE_SHARE * usual) {
        caveat(
            run,
            "idle_gpu",
            &format!("GPU {id} drew {watts:.0} W where others drew {usual:.0} W: is it part of the run?"),
        );
    }
}
