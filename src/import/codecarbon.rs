//! `emissions.csv` of `CodeCarbon`: a row for each run of a tracker, or for each time that it wrote.
//!
//! The form is that of `codecarbon/output_methods/emissions_data.py` of mlco2/codecarbon: energies in kWh since the
//! tracker began, powers in W, durations in s.

use std::collections::BTreeMap;
use std::path::Path;

use super::about::{About, caveat};
use super::collect::{Collected, Source};
use super::error::ImportError;
use super::gpu;
use super::record::{Record, Take, detail};
use super::scale::Scale;
use crate::runs::{Run, Sweep, Value};

pub(super) static ABOUT: About = About {
    name: "codecarbon",
    words: "emissions of CodeCarbon",
    tool: "codecarbon",
    schema: "mlco2/codecarbon, codecarbon/output_methods/emissions_data.py",
    scope: "power of the GPUs since the tracker began; energy of CPU and memory is kept beside it",
    units: &[
        ("…_energy, energy_consumed", "kWh"),
        ("…_power", "W"),
        ("duration", "s"),
        ("emissions", "kg CO2 equivalent"),
    ],
    defects: &[
        ("estimated_cpu", "energy of CPU and memory is often a guess from data sheets, and the file does not say when"),
        ("silent_zero", "a GPU whose counter cannot be read counts as 0"),
        ("no_work", "a row says nothing of what ran: tokens, batch, model"),
    ],
    measures: "`gpu_energy` or `energy_consumed`, and `duration`",
    needs: &["gpu", "gpus"],
};

const MOST: u64 = 64_000_000;

const DETAILS: &[Take] = &[
    detail("duration", "window_s"),
    detail("project_name", "project"),
    detail("task_name", "task_name"),
    detail("run_id", "run_id"),
    detail("timestamp", "written"),
    detail("cpu_model", "cpu_model"),
    detail("cpu_count", "cpu_count"),
    detail("tracking_mode", "tracking_mode"),
    detail("codecarbon_version", "tool_version"),
    detail("emissions", "emissions_kg"),
    detail("pue", "pue"),
];

pub(super) fn import(root: &Path, files: &[Source]) -> Result<Vec<Sweep>, ImportError> {
    let collected = Collected::default();
    let mut runs = Vec::new();
    for file in files {
        let rows = collected.rows(file, MOST)?;
        // Rows of one run are sums since its beginning: the last one tells all. Tasks of a run have rows of their own.
        let mut last: BTreeMap<String, usize> = BTreeMap::new();
        for (index, row) in rows.iter().enumerate() {
            let text = |name: &str| row.object.get(name).and_then(serde_json::Value::as_str);
            let id = text("run_id").filter(|_| text("task_name").is_none());
            last.insert(id.map_or_else(|| index.to_string(), str::to_owned), index);
        }
        for (index, row) in rows.iter().enumerate() {
            let record = collected.record(&row.object, row.place.clone());
            if last.values().any(|last| *last == index) {
                let mut run = run(&record);
                run.id = format!("{}/{}", file.stem(), runs.len() + 1);
                run.details.insert("file".to_owned(), file.name.clone());
                runs.push(run);
                collected.note_unread(&record);
            } else {
                collected.leave_out(&row.place, "a later row of the same run holds its energy too");
            }
        }
    }
    collected.sweep(&ABOUT, root, files, runs).map(|sweep| vec![sweep])
}

fn run(record: &Record) -> Run {
    let mut run = Run::default();
    record.take(&mut run, DETAILS);
    if let Some(count) = record.positive("gpu_count") {
        record.put(&mut run, "gpu_count", "gpus", count);
    }
    if let Some(model) = record.text("gpu_model") {
        // `8 x NVIDIA H100 80GB HBM3`.
        let name = model.split_once(" x ").map_or(model, |(_, name)| name);
        run.conditions.insert("gpu".to_owned(), Value::Name(gpu::name(name)));
    }
    let kwh = Scale::between("kWh", "J").expect("both are units of energy");
    for (field, name) in
        [("cpu_energy", "cpu_energy_j"), ("ram_energy", "ram_energy_j"), ("energy_consumed", "total_energy_j")]
    {
        if let Some(energy) = record.positive(field) {
            run.details.insert(name.to_owned(), kwh.to_si(energy).to_string());
        }
    }
    let gpu_energy = record.positive("gpu_energy").map(|energy| kwh.to_si(energy));
    match (gpu_energy, record.positive("duration")) {
        (Some(joules), Some(seconds)) => {
            record.put(&mut run, "gpu_energy", "power", joules / seconds);
            run.details.insert("energy_j".to_owned(), joules.to_string());
            run.details.insert("energy_scope".to_owned(), "gpu".to_owned());
        }
        (Some(_), None) => caveat(&mut run, "no_duration", "the row has no duration, and so no power"),
        (None, _) => {
            caveat(&mut run, "zero_left_out", "the GPU energy is 0: there is no GPU, or its counter could not be read");
        }
    }
    for field in ["gpu_power", "cpu_power", "ram_power", "emissions_rate"] {
        record.get(field);
    }
    run
}
