//! A command as the work of a point.

use super::folder::file_name;
use super::local::Local;
use super::plan::Visit;
use super::server::{Process, ending};
use super::spec::Command;
use super::station::{Ending, Failed, Measured, Tell};
use super::told;

/// Runs the command of a visit and measures it from its start to its end.
pub(super) fn measure(
    local: &mut Local<'_>,
    command: &Command,
    visit: &Visit,
    tell: &mut Tell<'_>,
) -> Result<Measured, Ending> {
    let values = &local.spec.points[visit.point].values;
    let launch = command.launch(values).map_err(Failed::new)?;
    let items = command.count(values).map_err(Failed::new)?;
    let log = local.logs.join(format!("{}.log", file_name(&visit.id)));
    tell(&launch.argv.join(" "));
    let from = local.clock.now();
    let mut process = Process::start(&launch, &log).map_err(Failed::new)?;
    let ended = match process.wait(command.timeout, &local.stop) {
        Ok(ended) => ended,
        Err(interrupted) => {
            process.stop(1.0);
            return Err(interrupted.into());
        }
    };
    let to = local.clock.now();
    let Some(status) = ended else {
        process.stop(5.0);
        let reason = format!("the command was not done after {} s", command.timeout);
        return Err(Failed { reason, log: process.tail(), is_server_down: false }.into());
    };
    if !status.success() {
        let reason = format!("the command {}", ending(status));
        return Err(Failed { reason, log: process.tail(), is_server_down: false }.into());
    }
    // What the command may have left running is no part of the next point.
    process.stop(1.0);
    local.recorder.wait_past(to);
    let window = local.recorder.window(from, to);
    if let Some((at, why)) = window.gpus.iter().find_map(|gpu| gpu.lost.clone()) {
        return Err(Failed::new(format!("a GPU was lost {:.1} s after the start: {why}", at - from)).into());
    }
    let mut measured = told::of_window(&window);
    let verdict = if !window.valid {
        "not valid: the energy is not known for the whole window"
    } else if to - from < command.least {
        "short"
    } else {
        "measured"
    };
    measured.details.insert("verdict".to_owned(), verdict.to_owned());
    if let Some(items) = items {
        add_items(&mut measured, command.item.as_deref(), items, window.energy_j, to - from);
    }
    Ok(measured)
}

/// What is told per item.
fn add_items(measured: &mut Measured, item: Option<&str>, items: f64, energy_j: f64, seconds: f64) {
    let item = item.unwrap_or("token");
    let mut add = |name: String, value: f64| {
        if value > 0.0 && value.is_finite() {
            measured.metrics.insert(name, value);
        }
    };
    add(format!("energy_per_{item}"), energy_j / items);
    add("throughput".to_owned(), items / seconds);
    add("throughput_per_watt".to_owned(), items / energy_j);
    if item != "token" {
        add("batch_latency".to_owned(), seconds);
    }
    measured.details.insert("items".to_owned(), items.to_string());
}
