//! What two windows of telemetry became.

use std::path::Path;

use super::spent::spent;
use super::{Column, Document, Table, Text};
use crate::measure::prometheus::{Imported, Window, rfc3339};
use crate::notes::list;
use crate::runs::Run;
use crate::unit::{percent, show};

/// Observed latents and metrics that are shown, with their units.
const SHOWN: [(&str, &str, &str); 6] = [
    ("throughput", "output tokens per second", "1/s"),
    ("running_batch", "running requests", "1"),
    ("waiting_requests", "waiting requests", "1"),
    ("prefill_ratio", "prompt tokens per output token", "1"),
    ("kv_cache_use", "KV cache in use", "%"),
    ("sm_clock_mean", "SM clock", "Hz"),
];

/// What was written into `folder`, how well it is known, what is missing, and what comes next.
pub fn imported(found: &Imported, folder: &Path) -> Document {
    let ids: Vec<String> = found.sweep.runs.iter().map(|run| format!("`{}`", run.id)).collect();
    let mut document = Document::new(Text::new().plain("Imported 2 runs from telemetry"));
    document.paragraph(
        Text::new()
            .plain(format!("Runs {} in ", list(&ids).replace('`', "")))
            .code(folder.join(format!("{}.csv", found.sweep.name)).display().to_string())
            .plain(", with their provenance beside them."),
    );
    document.table(table(found));
    for (run, window) in found.sweep.runs.iter().zip(&found.windows) {
        if !window.caveats.is_empty() {
            document.subheading(Text::new().plain(format!("What to know of {}", run.id)));
            document.list(window.caveats.iter().map(|caveat| Text::new().plain(&caveat.text)));
        }
    }
    missing(&mut document, found);
    next(&mut document, found, folder);
    document
}

fn table(found: &Imported) -> Table {
    let ids = found.sweep.runs.iter().map(|run| Column::right(Text::new().plain(&run.id)));
    let mut table = Table::new([Column::left("")].into_iter().chain(ids));
    let mut row = |title: &str, cell: &dyn Fn(&Run, &Window) -> Option<String>| {
        let cells: Vec<Option<String>> =
            found.sweep.runs.iter().zip(&found.windows).map(|(run, window)| cell(run, window)).collect();
        if cells.iter().any(Option::is_some) {
            let cells = cells.into_iter().map(|cell| Text::new().plain(cell.unwrap_or_else(|| "–".to_owned())));
            table.row([Text::new().plain(title)].into_iter().chain(cells));
        }
    };
    row("from", &|_, window| Some(rfc3339(window.span.from)));
    row("length", &|_, window| Some(show(window.span.length(), "s")));
    row("energy readings", &|_, window| Some(format!("{} every {}", window.readings.0, show(window.readings.1, "s"))));
    row("energy per output token", &|_, window| Some(known(window.energy_per_token, "J")));
    for at in 0..2 {
        let title = ["energy of a prompt token", "energy of an output token"][at];
        row(title, &|run, _| spent(run).map(|uses| uses[at].interval()));
    }
    row("energy", &|_, window| Some(known(window.energy, "J")));
    row("power", &|run, _| Some(show(*run.metrics.get("power")?, "W")));
    for (name, title, unit) in SHOWN {
        row(title, &|run, _| {
            let value = *run.observed.get(name).or(run.metrics.get(name))?;
            Some(if unit == "%" { percent(value) } else { show(value, unit) })
        });
    }
    let mut notes = vec!["± is one standard uncertainty: how often energy and tokens were read.".to_owned()];
    let splits = found.windows.iter().map(|window| &window.split);
    if splits.clone().any(Result::is_ok) {
        notes.push("A prompt token, an output token: 90 % intervals.".to_owned());
    }
    if let Some(error) = splits.into_iter().find_map(|split| split.as_ref().err()) {
        notes.push(format!("Energies of prompt and output tokens apart are not known everywhere: {error}."));
    }
    table.note(notes.join(" "));
    table
}

/// A value with its standard uncertainty as a share.
fn known([value, uncertainty]: [f64; 2], unit: &str) -> String {
    format!("{} ± {}", show(value, unit), percent(uncertainty / value))
}

/// Conditions that the telemetry does not tell.
fn missing(document: &mut Document, found: &Imported) {
    let mut needed: Vec<_> = found.windows.iter().flat_map(|window| window.needed.iter().copied()).collect();
    needed.sort_by_key(|needed| !needed.is_required);
    needed.dedup();
    if needed.is_empty() {
        return;
    }
    document.subheading("Not told by the telemetry");
    document.paragraph(
        "Give these with --set, or --set-a and --set-b where the runs differ, and import again; a diagnosis refuses \
         without the first ones.",
    );
    document.fields(needed.iter().map(|needed| {
        let optional = if needed.is_required { "" } else { " (optional)" };
        (Text::new().code(needed.name), Text::new().plain(format!("{}{optional}", needed.what)))
    }));
    let in_server: Vec<String> = found
        .sweep
        .runs
        .iter()
        .zip(&found.windows)
        .filter_map(|(run, window)| Some(format!("{} in {}", show(window.in_server?, "1"), run.id)))
        .collect();
    if needed.iter().any(|needed| needed.name == "concurrency") && !in_server.is_empty() {
        let text = format!("On average the server held, running and waiting, {} requests.", list(&in_server));
        document.paragraph(Text::new().plain(text));
    }
}

fn next(document: &mut Document, found: &Imported, folder: &Path) {
    let ids: Vec<&str> = found.sweep.runs.iter().map(|run| run.id.as_str()).collect();
    let command = format!("joules diagnose {} --runs {}", ids.join(" "), folder.display());
    document.paragraph(Text::new().plain("Next: ").code(command).plain(" says why they differ."));
}
