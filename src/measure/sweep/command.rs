//! A command as the work of a point.

use std::collections::BTreeMap;

use super::folder::file_name;
use super::local::Local;
use super::plan::Visit;
use super::server::ending;
use super::spec::{Command, Launch};
use super::station::{Ending, Failed, Measured, Tell};
use super::told;
use crate::measure::command::{MARKS, Mark, Marks, item_metrics};
use crate::measure::meter::Window;

/// Seconds between looks at who is on the GPUs.
const LOOK: f64 = 0.5;

/// Runs the command of a visit and measures it from its start to its end.
pub(super) fn measure(
    local: &mut Local<'_>,
    command: &Command,
    visit: &Visit,
    tell: &mut Tell<'_>,
) -> Result<Measured, Ending> {
    let values = &visit.values;
    let mut launch = command.launch(values).map_err(Failed::new)?;
    let items = command.count(values).map_err(Failed::new)?;
    let log = local.logs.join(format!("{}.log", file_name(&visit.id)));
    tell(&launch.argv.join(" "));
    let mut marks = marks(local, &mut launch, visit)?;
    let mut from = local.clock.now();
    let mut process = local.start(&launch, &log)?;
    let (begun, root, mut next) = (from, Some(process.id()), from);
    let ended = process.wait(command.timeout, &local.stop, || {
        let now = local.clock.now();
        marks.look(now);
        if now >= next {
            next = now + LOOK;
            local.tenants.look(&local.recorder, begun, now, root);
        }
    });
    let mut to = local.clock.now();
    let ended = match ended {
        Ok(ended) => ended,
        Err(interrupted) => {
            process.stop(1.0);
            return Err(interrupted.into());
        }
    };
    let Some(status) = ended else {
        process.stop(5.0);
        let reason = format!("the command was not done after {} s", command.timeout);
        return Err(Failed::of_command(reason, &process).into());
    };
    if !status.success() {
        let reason = format!("the command {}", ending(status));
        return Err(Failed::of_command(reason, &process).into());
    }
    if let Some(others) = local.tenants.disturbance() {
        return Err(Ending::Disturbed(others));
    }
    // What the command may have left running is no part of the next point.
    process.stop(1.0);
    local.recorder.wait_past(to);
    marks.finish(to);
    let marked = stretch(&marks.found);
    if let Some((begin, end, _)) = &marked {
        (from, to) = (begin.max(from), end.min(to));
        if to <= from {
            return Err(Failed::new("the marks `begin` and `end` lie outside the time of the command").into());
        }
    }
    let window = local.recorder.window(from, to);
    if let Some((at, why)) = window.gpus.iter().find_map(|gpu| gpu.lost.clone()) {
        return Err(Failed::new(format!("a GPU was lost {:.1} s after the start: {why}", at - from)).into());
    }
    let mut measured = told::of_window(&window);
    let verdict = if !window.valid {
        "not-valid: the energy is not known for the whole window"
    } else if to - from < command.least {
        "short"
    } else {
        "measured"
    };
    measured.details.insert("verdict".to_owned(), verdict.to_owned());
    if !marks.faults.is_empty() {
        measured.details.insert("faulty_marks".to_owned(), marks.faults.join("; "));
    }
    let mut made = marked.map(|(_, _, made)| made).unwrap_or_default();
    if let Some(items) = items {
        let item = command.item.as_deref().unwrap_or("token");
        made.entry(format!("{item}s")).or_insert(items);
    }
    add_items(&mut measured, &made, &window);
    Ok(measured)
}

/// A fresh file for marks, which the command finds in its environment.
fn marks(local: &Local<'_>, launch: &mut Launch, visit: &Visit) -> Result<Marks, Failed> {
    let path = local.logs.join(format!("{}.marks", file_name(&visit.id)));
    let path = std::path::absolute(&path).unwrap_or(path);
    std::fs::write(&path, "")
        .map_err(|error| Failed::new(format!("`{}` cannot be written: {error}", path.display())))?;
    launch.env.insert(MARKS.to_owned(), path.display().to_string());
    Ok(Marks::new(path, local.clock.zero_on_monotonic()))
}

/// The last stretch that a command marked: its begin, its end, what was made. Those before it were to get warm.
fn stretch(marks: &[Mark]) -> Option<(f64, f64, BTreeMap<String, f64>)> {
    let mut begun = None;
    let mut last = None;
    for mark in marks {
        match mark {
            Mark::Begin { name, at } => begun = Some((name, *at)),
            Mark::End { .. } if begun.as_ref().is_some_and(|(name, _)| mark.ends_another(name)) => {}
            Mark::End { items, at, .. } => {
                let own = begun.take().filter(|(_, begin)| begin < at).map(|(_, begin)| (begin, *at, items.clone()));
                last = own.or(last);
            }
        }
    }
    last
}

/// What is told per item.
fn add_items(measured: &mut Measured, made: &BTreeMap<String, f64>, window: &Window) {
    measured.details.extend(made.iter().map(|(item, count)| (item.clone(), count.to_string())));
    // Energy for an item that was made while a part was not measured would be too low.
    if window.valid {
        measured.metrics.extend(item_metrics(made, window.energy_j, window.duration_s()));
    }
    if !made.contains_key("tokens") && (made.contains_key("images") || made.contains_key("videos")) {
        measured.metrics.insert("batch_latency".to_owned(), window.duration_s());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Mark, stretch};

    #[test]
    fn an_end_of_another_name_ends_nothing() {
        let begin = |name: &str, at: f64| Mark::Begin { name: name.to_owned(), at };
        let end = |name: &str, at: f64| Mark::End { name: name.to_owned(), items: BTreeMap::default(), at };
        let found = stretch(&[begin("a", 1.0), end("b", 2.0), end("a", 3.0)]);
        assert_eq!(found.map(|(from, to, _)| (from, to)), Some((1.0, 3.0)));
        let found = stretch(&[begin("warm", 1.0), end("", 2.0), begin("", 4.0), end("", 5.0)]);
        assert_eq!(found.map(|(from, to, _)| (from, to)), Some((4.0, 5.0)));
    }
}
