//! Tables of runs of the ML.ENERGY data set: `runs/llm.parquet` and `runs/diffusion.parquet`.
//!
//! The columns are the fields of `LLMRun` and `DiffusionRun` in `mlenergy_data/records/runs.py` of ml-energy/data.

use std::fs::File;
use std::path::Path;

use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Map, Value as Json};

use super::task;
use crate::import::about::{About, SERVING, caveat};
use crate::import::collect::{Collected, Source};
use crate::import::error::{Fault, FaultKind, ImportError, Place};
use crate::import::record::{Record, Take, detail, number};
use crate::runs::{Run, Sweep, Value};

pub(in crate::import) static ABOUT: About = About {
    name: "mlenergy",
    words: "a table of runs of the ML.ENERGY data set",
    tool: "mlenergy-data",
    schema: "ml-energy/data, mlenergy_data/records/runs.py",
    scope: "GPU energy of all GPUs of the run, in the steady state; gaps between tokens over the whole run",
    units: &[("…_joules", "J"), ("…_seconds, batch_latency_s", "s"), ("…_itl_ms", "ms"), ("avg_power_watts", "W")],
    defects: &[
        ("derived_request_energy", "the energy of a request is J/token × the mean length: no evidence of its own"),
        (
            "published_degrees",
            "degrees of models with experts are those of the configuration: TP 1 stands where attention is split",
        ),
        ("no_prompt_length", "prompt lengths are not in the table"),
    ],
    measures: "`energy_per_token_joules`, or energies of images and videos",
    needs: SERVING,
};

/// Rows of the largest table that is read; the public one has some thousand.
const MOST_ROWS: i64 = 1_000_000;

/// What is said of a file whose parts do not fit.
const DAMAGED: &str = "its description of its columns cannot be: the file is damaged";

const SERVED: &[Take] = &[
    number("num_gpus", "gpus", "1"),
    number("max_num_seqs", "batch_size", "1"),
    number("num_request_repeats", "request_repeats", "1"),
    number("tensor_parallel", "tensor_parallel", "1"),
    number("expert_parallel", "expert_parallel", "1"),
    number("data_parallel", "data_parallel", "1"),
    number("avg_output_len", "output_tokens", "tokens"),
    number("avg_batch_size", "running_batch", "1"),
    number("energy_per_token_joules", "energy_per_token", "J"),
    number("energy_per_request_joules", "energy_per_response", "J"),
    number("output_throughput_tokens_per_sec", "throughput", "1/s"),
    number("avg_power_watts", "power", "W"),
    number("p50_itl_ms", "itl_p50", "ms"),
    number("p90_itl_ms", "itl_p90", "ms"),
    number("p95_itl_ms", "itl_p95", "ms"),
    number("p99_itl_ms", "itl_p99", "ms"),
    detail("steady_state_energy_joules", "energy_j"),
    detail("steady_state_duration_seconds", "window_s"),
    detail("completed_requests", "requests"),
    detail("is_stable", "stable"),
];

const GENERATED: &[Take] = &[
    number("num_gpus", "gpus", "1"),
    number("batch_size", "batch_size", "1"),
    number("inference_steps", "steps", "1"),
    number("height", "height", "1"),
    number("width", "width", "1"),
    number("num_frames", "frames", "1"),
    number("ulysses_degree", "ulysses", "1"),
    number("ring_degree", "ring", "1"),
    number("batch_latency_s", "batch_latency", "s"),
    number("avg_power_watts", "power", "W"),
    number("throughput_generations_per_sec", "throughput", "1/s"),
    detail("fps", "fps"),
    detail("use_torch_compile", "torch_compile"),
];

const BOTH: &[Take] = &[
    detail("nickname", "nickname"),
    detail("architecture", "architecture"),
    detail("total_params_billions", "total_params_billions"),
    detail("activated_params_billions", "activated_params_billions"),
    detail("seed", "seed"),
    detail("results_path", "results_path"),
];

/// Columns that repeat others.
const REST: &[&str] = &[
    "domain",
    "prometheus_path",
    "mean_itl_ms",
    "median_itl_ms",
    "total_output_tokens",
    "request_throughput_req_per_sec",
];

/// The tables of a data set: in its folder `runs`, or in the folder itself.
pub(in crate::import) fn tables(folder: &Path) -> Result<Vec<Source>, ImportError> {
    let mut found = Vec::new();
    for (prefix, folder) in [("runs/", folder.join("runs")), ("", folder.to_owned())] {
        if !folder.is_dir() {
            continue;
        }
        let all = crate::import::detect::files(&folder)?;
        let tables =
            all.into_iter().filter(|file| file.path.extension().is_some_and(|extension| extension == "parquet"));
        found.extend(tables.map(|file| Source { name: format!("{prefix}{}", file.name), ..file }));
    }
    if found.is_empty() { Err(ImportError::NoRows { path: folder.to_owned() }) } else { Ok(found) }
}

/// Whether a folder has such tables.
pub(in crate::import) fn has_tables(folder: &Path) -> bool {
    tables(folder)
        .is_ok_and(|tables| tables.iter().any(|file| matches!(crate::import::detect::of_file(&file.path), Ok(Ok(_)))))
}

/// Imports tables.
pub(in crate::import) fn import(root: &Path, files: &[Source]) -> Result<Vec<Sweep>, ImportError> {
    let collected = Collected::default();
    let mut runs = Vec::new();
    for file in files {
        // What the decoder does not foresee in a damaged file must not end the program.
        let found = std::panic::catch_unwind(|| rows(&file.path));
        match found.unwrap_or_else(|_| Err(ParquetError::General(DAMAGED.to_owned()))) {
            Ok(rows) => {
                for (index, row) in rows.iter().enumerate() {
                    let place = Place { line: index + 1, ..Place::new(&file.name, "") };
                    let record = collected.record(row, place);
                    let mut run = run(&record);
                    run.details.insert("file".to_owned(), file.name.clone());
                    runs.push(run);
                    collected.note_unread(&record);
                }
            }
            Err(error) => {
                let kind = FaultKind::Refused(format!("this Parquet file cannot be read: {error}"));
                collected.faults.borrow_mut().push(Fault { place: Place::new(&file.name, ""), kind });
            }
        }
    }
    collected.sweep(&ABOUT, root, files, runs).map(|sweep| vec![sweep])
}

fn rows(path: &Path) -> Result<Vec<Map<String, Json>>, ParquetError> {
    let file = File::open(path).map_err(|error| ParquetError::General(error.to_string()))?;
    let reader = SerializedFileReader::new(file)?;
    let count = reader.metadata().file_metadata().num_rows();
    if !(0..=MOST_ROWS).contains(&count) {
        return Err(ParquetError::General(format!("it says that it has {count} rows")));
    }
    if !is_sound(reader.metadata()) {
        return Err(ParquetError::General(DAMAGED.to_owned()));
    }
    let mut rows = Vec::new();
    for row in reader.get_row_iter(None)? {
        rows.push(row?.into_columns().into_iter().map(|(name, field)| (name, value(field))).collect());
    }
    Ok(rows)
}

/// Whether every column says that it begins in the file and has a size.
fn is_sound(metadata: &ParquetMetaData) -> bool {
    metadata.row_groups().iter().flat_map(RowGroupMetaData::columns).all(|column| {
        column.data_page_offset() >= 0
            && column.compressed_size() >= 0
            && column.dictionary_page_offset().is_none_or(|offset| offset >= 0)
    })
}

/// A cell; lists and bytes are in no column that is asked for.
fn value(field: Field) -> Json {
    match field {
        Field::Bool(on) => on.into(),
        Field::Byte(number) => number.into(),
        Field::Short(number) => number.into(),
        Field::Int(number) => number.into(),
        Field::Long(number) => number.into(),
        Field::UByte(number) => number.into(),
        Field::UShort(number) => number.into(),
        Field::UInt(number) => number.into(),
        Field::ULong(number) => number.into(),
        Field::Float(number) => number.into(),
        Field::Double(number) => number.into(),
        Field::Str(text) => text.into(),
        _ => Json::Null,
    }
}

fn run(record: &Record) -> Run {
    let mut run = Run::default();
    record.take_model(&mut run, &["model_id"]);
    record.take_name(&mut run, &["task"], "task");
    record.take_name(&mut run, &["gpu_model"], "gpu");
    record.take_name(&mut run, &["weight_precision"], "precision");
    record.take(&mut run, BOTH);
    for field in REST {
        record.get(field);
    }
    let is_generation = run.name("task").is_some_and(|task| task.starts_with("text-to-"));
    if is_generation {
        generated(record, &mut run);
    } else {
        served(record, &mut run);
    }
    run.details.insert("energy_scope".to_owned(), "gpu".to_owned());
    run.id = id(&run);
    run
}

fn served(record: &Record, run: &mut Run) {
    record.take(run, SERVED);
    if let Some(modality) = run.name("task").and_then(task).and_then(|task| task.modality) {
        run.conditions.insert("modality".to_owned(), Value::Name(modality.to_owned()));
    }
    let reason = record.text("unstable_reason").map(str::to_owned);
    if record.get("is_stable").and_then(Json::as_bool) == Some(false) {
        caveat(run, "unstable", &reason.unwrap_or_else(|| "the data set calls the run unstable".to_owned()));
    }
}

fn generated(record: &Record, run: &mut Run) {
    // A height of 0 means that the path did not tell it.
    let is_unknown =
        |take: &Take| ["height", "width"].contains(&take.from()) && record.number(take.from()) == Some(0.0);
    let takes: Vec<Take> = GENERATED.iter().filter(|take| !is_unknown(take)).copied().collect();
    record.take(run, &takes);
    let name = if run.name("task") == Some("text-to-video") { "energy_per_video" } else { "energy_per_image" };
    if let Some(joules) = record.positive("energy_per_generation_joules") {
        record.put(run, "energy_per_generation_joules", name, joules);
    }
}

fn id(run: &Run) -> String {
    let base = run.name("model").map_or("model", |model| model.rsplit('/').next().unwrap_or(model));
    let count = |name: &str| run.number(name).map_or_else(|| "?".to_owned(), |number| number.to_string());
    let degrees = match (run.number("ulysses"), run.number("ring")) {
        (Some(ulysses), Some(ring)) => format!("/u{ulysses}r{ring}"),
        _ => String::new(),
    };
    format!(
        "{}/{base}/{}/{}x{}{degrees}/b{}",
        run.name("task").unwrap_or("task"),
        run.name("precision").unwrap_or("precision"),
        count("gpus"),
        run.name("gpu").unwrap_or("GPU"),
        count("batch_size")
    )
}
