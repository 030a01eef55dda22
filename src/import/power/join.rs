//! A log of power beside results without energy: the power of each run's own window.

use std::path::Path;

use super::log::Log;
use super::{MOST, dmon, integral, table, time};
use crate::import::about::caveat;
use crate::import::error::{Fault, FaultKind, ImportError, Place};
use crate::import::read::small_text;
use crate::runs::{Run, Sweep};

/// Adds power to the runs that have none, out of the log at `path`; `zone` is what the log's time of day is ahead of UTC, s.
/// A run whose window is not known in the log's time is a fault.
pub(in crate::import) fn join(sweeps: &mut [Sweep], path: &Path, zone: Option<f64>) -> Result<(), ImportError> {
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = small_text(path, MOST)?;
    let log = if dmon::is_dmon(&text) { dmon::read(&file, &text) } else { table::read(&file, &text) };
    let mut faults = Vec::new();
    match log {
        Ok(log) => {
            let runs = sweeps.iter_mut().flat_map(|sweep| &mut sweep.runs);
            for run in runs.filter(|run| !run.metrics.contains_key("power")) {
                if let Err(why) = add(run, &log, zone, &file) {
                    let kind = FaultKind::Refused(format!("run `{}`: {why}", run.id));
                    faults.push(Fault { place: Place::new(&file, ""), kind });
                }
            }
        }
        Err(found) => faults = found,
    }
    if faults.is_empty() { Ok(()) } else { Err(ImportError::Faulty { path: path.to_owned(), faults }) }
}

/// From and to of a run's window, and whether they are Unix times.
fn window(run: &Run) -> Option<(f64, f64, bool)> {
    let detail = |name: &str| run.details.get(name).and_then(|text| time::seconds(text));
    let pair = |from: &str, to: &str| detail(from).zip(detail(to));
    let ((from, is_unix), (to, _)) =
        pair("window_from_unix_s", "window_to_unix_s").or_else(|| pair("window_from", "window_to"))?;
    Some((from, to, is_unix))
}

fn add(run: &mut Run, log: &Log, zone: Option<f64>, file: &str) -> Result<(), String> {
    let (from, to, is_unix) = window(run).ok_or("the source does not say at which time of day it was measured")?;
    // Seconds that the log's times are ahead of the run's.
    let ahead = match (log.is_unix, is_unix, zone) {
        (true, true, _) | (false, false, _) => 0.0,
        (false, true, Some(zone)) => zone,
        (true, false, Some(zone)) => -zone,
        (_, _, None) => {
            return Err("of log and run one has Unix times, the other times of day: say `--zone +HH:MM`".to_owned());
        }
    };
    let (from, to) = (from + ahead, to + ahead);
    let mut watts = 0.0;
    for (gpu, samples) in &log.gpus {
        let power: Vec<(f64, f64)> = samples.iter().filter_map(|sample| Some((sample.time, sample.power?))).collect();
        let mean = integral::mean(&integral::merged(&power), from, to);
        watts += mean.ok_or_else(|| format!("the log does not reach over its window on GPU {gpu}"))?;
    }
    if watts <= 0.0 {
        return Err("the log has no power".to_owned());
    }
    run.metrics.insert("power".to_owned(), watts);
    if let Some(rate) = run.metrics.get("throughput").copied().filter(|_| !run.metrics.contains_key("energy_per_token"))
    {
        run.metrics.insert("energy_per_token".to_owned(), watts / rate);
    }
    run.details.insert("energy_j".to_owned(), format!("{:.3}", watts * (to - from)));
    run.details.insert("energy_scope".to_owned(), "gpu".to_owned());
    run.details.insert("power_from".to_owned(), file.to_owned());
    caveat(run, "joined_power", "power is of a log beside the result: clocks that differ move its window");
    if run.number("gpus").is_some_and(|gpus| gpus != log.gpus.len() as f64) {
        caveat(run, "gpus_differ", &format!("the log has {} GPUs, the run another count", log.gpus.len()));
    }
    Ok(())
}

/// What `+02:00`, `-0530` or `UTC` is ahead of UTC, s.
pub(in crate::import) fn zone(text: &str) -> Option<f64> {
    let text = text.trim();
    if text == "UTC" || text == "Z" {
        return Some(0.0);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1.0, rest),
        ("-", rest) => (-1.0, rest),
        _ => return None,
    };
    let digits = rest.replace(':', "");
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (f64, f64) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    (hours <= 14.0 && minutes < 60.0).then_some(sign * (hours * 3600.0 + minutes * 60.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read() {
        let case = |text: &str, expected: Option<f64>| assert_eq!(zone(text), expected, "{text}");
        case("+02:00", Some(7200.0));
        case("-0530", Some(-19800.0));
        case("UTC", Some(0.0));
        case("CET", None);
        case("+2", None);
        case("", None);
    }
}
