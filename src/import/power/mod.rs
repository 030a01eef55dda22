//! Logs of power: `nvidia-smi --query-gpu=… --format=csv`, `nvidia-smi dmon`, `amd-smi … --csv`.
//!
//! A log is samples of each GPU over time. Over a window it becomes one run with its mean power, by trapezoids between the
//! samples, and with temperature, clocks and utilization where the log has them. The columns of `dmon` and of
//! `amd-smi monitor` are written from knowledge of the tools; what `amd-smi metric` 26.2 and both tools write in the wild was
//! read in `utils/aggregate_power.py` of SemiAnalysisAI/InferenceX and in its tests: values with or without units, `[N/A]`,
//! local time without a zone, a torn last row.

mod dmon;
mod integral;
mod join;
mod log;
mod run;
mod table;
mod time;
mod window;

use std::path::Path;

use super::about::About;
use super::collect::{Collected, Source};
use super::error::{Fault, FaultKind, ImportError, Place};
use super::read::small_text;
use crate::runs::Sweep;

pub(super) use dmon::is_dmon;
pub(super) use join::{join, zone};
pub(super) use table::{is_amd_smi, is_nvidia_smi, is_preamble};
pub use window::Window;

pub(super) static NVIDIA: About = About {
    name: "nvidia-smi",
    words: "a log of nvidia-smi",
    tool: "nvidia-smi --query-gpu=… --format=csv, nvidia-smi dmon",
    schema: "SemiAnalysisAI/InferenceX, utils/aggregate_power.py; dmon not verified",
    scope: "board power of the GPUs in the log, over its whole time or over the window that was asked for",
    units: &[
        ("power.draw", "W"),
        ("temperature.gpu", "°C"),
        ("clocks.sm", "MHz"),
        ("utilization.gpu", "percent"),
        ("timestamp", "local time without a zone"),
    ],
    defects: &[
        (
            "power_domain",
            "`power.draw` is an average over about 1 s on most data-center GPUs since Ampere, and a short reading on others; \
             `power.draw.instant` is a short reading every 100 ms: on load that pulses its mean was off by −64 to +56 %",
        ),
        ("sampled_power", "the energy counter of the GPU would be better than the integral of samples"),
        ("no_work", "a log says nothing of what ran: tokens, batch, model"),
    ],
    measures: "a column of power, with numbers above zero",
    needs: &["gpu", "gpus"],
};

pub(super) static AMD: About = About {
    name: "amd-smi",
    words: "a log of amd-smi",
    tool: "amd-smi metric --csv, amd-smi monitor --csv",
    schema: "SemiAnalysisAI/InferenceX, utils/aggregate_power.py",
    scope: "socket power of the GPUs in the log, over its whole time or over the window that was asked for",
    units: &[("socket_power, power_usage", "W"), ("…temperature…", "°C"), ("gfx_clk", "MHz"), ("gfx", "percent")],
    defects: &[
        ("power_domain", "whether the driver averages socket power depends on the part and its firmware"),
        ("sampled_power", "the energy accumulator of the GPU would be better than the integral of samples"),
        ("no_work", "a log says nothing of what ran: tokens, batch, model"),
    ],
    measures: "a column of power, with numbers above zero",
    needs: &["gpu", "gpus"],
};

/// Largest log that is read: a week of eight GPUs at 10 Hz is larger, and nobody's window.
const MOST: u64 = 512_000_000;

/// Each log becomes one run.
pub(super) fn import(
    about: &'static About,
    root: &Path,
    files: &[Source],
    window: Option<&Window>,
) -> Result<Vec<Sweep>, ImportError> {
    let collected = Collected::default();
    let mut runs = Vec::new();
    for file in files {
        let text = small_text(&file.path, MOST)?;
        let log = if is_dmon(&text) { dmon::read(&file.name, &text) } else { table::read(&file.name, &text) };
        match log.map(|log| run::of(file, &log, window)) {
            Ok(Ok(run)) => runs.push(run),
            Ok(Err(why)) => {
                let place = Place::new(&file.name, "");
                collected.faults.borrow_mut().push(Fault { place, kind: FaultKind::Refused(why) });
            }
            Err(faults) => collected.faults.borrow_mut().extend(faults),
        }
    }
    collected.sweep(about, root, files, runs).map(|sweep| vec![sweep])
}
