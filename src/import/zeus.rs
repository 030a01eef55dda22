//! Logs of Zeus: the CSV file that `ZeusMonitor(log_file=…)` writes, a row for each window that was measured.
//!
//! The form is that of `zeus/monitor/energy.py` of ml-energy/zeus: `start_time,window_name,elapsed_time,gpu0_energy,…`,
//! in seconds and joules of the GPU's energy counter.

use std::path::Path;

use super::about::{About, caveat};
use super::collect::{Collected, Source};
use super::error::ImportError;
use super::record::Record;
use crate::runs::{Run, Sweep};

pub(super) static ABOUT: About = About {
    name: "zeus",
    words: "a log of Zeus",
    tool: "ZeusMonitor(log_file=…)",
    schema: "ml-energy/zeus, zeus/monitor/energy.py",
    scope: "energy counters of the GPUs in the log, window by window",
    units: &[("start_time", "s since 1970"), ("elapsed_time", "s"), ("gpuN_energy", "J")],
    defects: &[
        (
            "counter_ticks",
            "the counter moves every 100 ms or so: a window is wrong by up to 0.1 s of power, which matters below 5 s",
        ),
        ("nested_windows", "windows may lie in one another: their energies do not add up"),
        ("no_work", "a window says nothing of what ran: tokens, batch, model"),
    ],
    measures: "`gpu0_energy` and `elapsed_time`",
    needs: &["gpu", "gpus"],
};

/// Largest log that is read.
const MOST: u64 = 256_000_000;

/// Below this, s, the ticks of the counter are a doubt worth a word: about 1 %.
const SHORT: f64 = 5.0;

pub(super) fn import(root: &Path, files: &[Source]) -> Result<Vec<Sweep>, ImportError> {
    let collected = Collected::default();
    let mut runs = Vec::new();
    for file in files {
        for row in collected.rows(file, MOST)? {
            let record = collected.record(&row.object, row.place.clone());
            match run(&record, file) {
                Ok(run) => runs.push(run),
                Err(why) => collected.leave_out(&row.place, why),
            }
            collected.note_unread(&record);
        }
    }
    collected.sweep(&ABOUT, root, files, runs).map(|sweep| vec![sweep])
}

/// The run of one window; why it is none, in words.
fn run(record: &Record, file: &Source) -> Result<Run, &'static str> {
    let mut run = Run::default();
    let seconds = record.positive("elapsed_time").ok_or("the window has no length")?;
    let energies: Vec<String> = record.keys().filter(|key| is_energy(key)).cloned().collect();
    let joules: Vec<f64> = energies.iter().filter_map(|key| record.number(key)).collect();
    if joules.iter().any(|joules| *joules < 0.0) {
        return Err("its energy is negative: the driver was loaded anew meanwhile, which sets the counter back");
    }
    record.put(&mut run, "gpu0_energy", "gpus", joules.len().max(1) as f64);
    let total: f64 = joules.iter().sum();
    let name = record.get("window_name").and_then(serde_json::Value::as_str).unwrap_or("window");
    run.id = format!("{}/{name}", file.stem());
    run.details.insert("file".to_owned(), file.name.clone());
    record.take_detail(&mut run, "start_time", "window_from_unix_s");
    record.take_detail(&mut run, "elapsed_time", "window_s");
    let read = joules.iter().filter(|joules| **joules > 0.0).count();
    if read < energies.len() && read > 0 {
        caveat(&mut run, "gpu_left_out", "a GPU of the log has no energy in this window: its counter was not read");
    }
    if seconds < SHORT {
        let share = 100.0 * 0.041 / seconds;
        caveat(
            &mut run,
            "short_window",
            &format!("{seconds:.2} s: ticks of the counter leave about {share:.1} % unsure"),
        );
    }
    if total > 0.0 {
        record.put(&mut run, "gpu0_energy", "power", total / seconds);
        run.details.insert("energy_j".to_owned(), total.to_string());
        run.details.insert("energy_scope".to_owned(), "gpu".to_owned());
    } else {
        caveat(&mut run, "zero_left_out", "the energy is 0: the counter did not move, or there is none");
    }
    Ok(run)
}

/// `gpu0_energy`.
fn is_energy(key: &str) -> bool {
    let index = key.strip_prefix("gpu").and_then(|rest| rest.strip_suffix("_energy"));
    index.is_some_and(|index| !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()))
}
