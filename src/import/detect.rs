//! Which importer a path needs: told from what lies there, not from its name.

use std::io::Read;
use std::path::Path;

use serde_json::Value as Json;

use super::about::{About, DIFFUSION};
use super::collect::Source;
use super::error::ImportError;
use super::read::{documents, is_cut_off};
use super::{aiperf, codecarbon, guidellm, inferencex, llmd, mlenergy, power, trtllm, vllm, zeus};
use crate::runs::{Run, RunsError, Sweep};

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detected {
    /// The tree of the public leaderboard.
    MlEnergy,
    /// Raw results of the ML.ENERGY benchmark.
    MlEnergyRaw,
    /// Tables of runs of the ML.ENERGY data set.
    MlEnergyTable,
    /// A folder of sweeps, or one sweep.
    Store,
    /// A CSV file that needs a map.
    Csv,
    /// A JSON Lines file that needs a map.
    JsonLines,
    /// `vllm bench serve` and its kin.
    VllmBench,
    /// `GuideLLM`.
    GuideLlm,
    /// `AIPerf` and genai-perf.
    AiPerf,
    /// `InferenceX`.
    InferenceX,
    /// Benchmark Reports of llm-d.
    LlmD,
    /// trtllm-bench.
    TrtLlm,
    /// nvidia-smi.
    NvidiaSmi,
    /// amd-smi.
    AmdSmi,
    /// Zeus.
    Zeus,
    /// `CodeCarbon`.
    CodeCarbon,
}

/// Bytes of a file that its text form is told from.
const HEAD: usize = 1 << 16;

/// Fields that are passed over when a JSON file is looked at.
const LARGE: &[&str] = &[
    "results_list",
    "requests",
    "input_lens",
    "output_lens",
    "ttfts",
    "itls",
    "start_times",
    "errors",
    "generated_texts",
    "power",
    "temperature",
    "prompt",
    "output_text",
    "reasoning_output_text",
    "itl",
    "metrics_text",
    "time_series",
    "iteration_energy_measurements",
    "input_texts",
    "reasoning_contents",
];

impl Detected {
    /// What is known of the format; nothing of files that a map explains.
    pub fn about(self) -> Option<&'static About> {
        match self {
            Self::MlEnergyRaw => Some(&mlenergy::raw::ABOUT),
            Self::MlEnergyTable => Some(&mlenergy::table::ABOUT),
            Self::VllmBench => Some(&vllm::ABOUT),
            Self::GuideLlm => Some(&guidellm::ABOUT),
            Self::AiPerf => Some(&aiperf::ABOUT),
            Self::InferenceX => Some(&inferencex::ABOUT),
            Self::LlmD => Some(&llmd::ABOUT),
            Self::TrtLlm => Some(&trtllm::ABOUT),
            Self::NvidiaSmi => Some(&power::NVIDIA),
            Self::AmdSmi => Some(&power::AMD),
            Self::Zeus => Some(&zeus::ABOUT),
            Self::CodeCarbon => Some(&codecarbon::ABOUT),
            Self::MlEnergy | Self::Store | Self::Csv | Self::JsonLines => None,
        }
    }

    /// What it is, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::MlEnergy => "the tree of the ML.ENERGY leaderboard",
            Self::Store => "a store of runs",
            Self::Csv => "a CSV file",
            Self::JsonLines => "a JSON Lines file",
            other => other.about().map_or("", |about| about.words),
        }
    }

    /// Conditions without which a run of it cannot be asked about.
    pub(super) fn needs(self, run: &Run) -> &'static [&'static str] {
        if run.name("task").is_some_and(|task| task.starts_with("text-to-")) {
            return DIFFUSION;
        }
        self.about().map_or(&[], |about| about.needs)
    }
}

/// Tells what lies at `path`. A CSV file that reads as a sweep is one.
pub fn detect(path: &Path) -> Result<Detected, ImportError> {
    if std::fs::metadata(path).map_err(failed(path))?.is_dir() {
        return in_folder(path);
    }
    match of_file(path)? {
        Ok(format) => Ok(format),
        Err(seen) => Err(ImportError::UnknownFormat { path: path.to_owned(), seen }),
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> RunsError + '_ {
    |source| RunsError::Read { path: path.to_owned(), source }
}

fn in_folder(path: &Path) -> Result<Detected, ImportError> {
    if mlenergy::looks_like_one(path) {
        return Ok(Detected::MlEnergy);
    }
    let files = files(path)?;
    if std::fs::read_dir(path).map_err(failed(path))?.next().is_none() {
        return Err(ImportError::EmptyFolder { path: path.to_owned() });
    }
    if files.iter().any(|file| {
        file.path.extension().is_some_and(|extension| extension == "csv") && Sweep::read(&file.path).is_ok()
    }) {
        return Ok(Detected::Store);
    }
    let mut found: Vec<(Detected, String)> = Vec::new();
    if mlenergy::raw::has_results(path) {
        found.push((Detected::MlEnergyRaw, "results.json".to_owned()));
    }
    if mlenergy::table::has_tables(path) {
        found.push((Detected::MlEnergyTable, "runs/*.parquet".to_owned()));
    }
    for file in &files {
        // A file that cannot be told, or is broken, does not hide what the others are.
        if let Ok(Ok(format)) = of_file(&file.path)
            && !found.iter().any(|(own, _)| *own == format)
        {
            found.push((format, file.name.clone()));
        }
    }
    match found.as_slice() {
        [(format, _)] => Ok(*format),
        [] => {
            let seen = "it holds no file of a known format".to_owned();
            Err(ImportError::UnknownFormat { path: path.to_owned(), seen })
        }
        several => {
            let each: Vec<String> =
                several.iter().map(|(format, file)| format!("{} ({file})", format.words())).collect();
            Err(ImportError::SeveralFormats { path: path.to_owned(), found: crate::notes::list(&each) })
        }
    }
}

/// The files of a folder that may hold results, in the order of their names.
pub(super) fn files(folder: &Path) -> Result<Vec<Source>, ImportError> {
    const KINDS: &[&str] = &["json", "jsonl", "yaml", "yml", "csv", "log", "txt", "parquet"];
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_kind =
            path.extension().and_then(|extension| extension.to_str()).is_some_and(|kind| KINDS.contains(&kind));
        if is_kind && !name.starts_with('.') && path.is_file() {
            files.push(Source { path, name });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// What a file is; or what was seen of it, in words.
pub(super) fn of_file(path: &Path) -> Result<Result<Detected, String>, ImportError> {
    let mut head = Vec::new();
    let open = std::fs::File::open(path).map_err(failed(path))?;
    open.take(HEAD as u64).read_to_end(&mut head).map_err(failed(path))?;
    if head.is_empty() {
        return Err(ImportError::EmptyFile { path: path.to_owned() });
    }
    if head.starts_with(b"PAR1") {
        return Ok(Ok(Detected::MlEnergyTable));
    }
    if let Some(kind) = binary(&head) {
        return Ok(Err(kind.to_owned()));
    }
    let text = String::from_utf8_lossy(&head);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    match text.trim_start().chars().next() {
        None => Err(ImportError::EmptyFile { path: path.to_owned() }),
        Some('{' | '[') => json(path),
        Some(_) => Ok(of_text(path, text)),
    }
}

/// What a file of bytes is, in words.
fn binary(head: &[u8]) -> Option<&'static str> {
    const UTF16: &str = "it is UTF-16 text, as some shells write it; save it as UTF-8";
    let magic: [(&[u8], &str); 6] = [
        (b"\x1f\x8b", "it is compressed with gzip; unpack it first"),
        (b"PK\x03\x04", "it is a zip archive; unpack it first"),
        (b"\x28\xb5\x2f\xfd", "it is compressed with zstd; unpack it first"),
        (b"SQLite format 3", "it is a database of SQLite"),
        (b"\xff\xfe", UTF16),
        (b"\xfe\xff", UTF16),
    ];
    let known = magic.iter().find(|(bytes, _)| head.starts_with(bytes)).map(|(_, words)| *words);
    known.or_else(|| head.contains(&0).then_some("it is not text"))
}

/// What a JSON file is. JSON Lines that are broken are told by their extension; any other `.json` that ends too early is an
/// error, with its place.
fn json(path: &Path) -> Result<Result<Detected, String>, ImportError> {
    let is_lines = path.extension().is_some_and(|extension| extension == "jsonl" || extension == "ndjson");
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let found = match documents(path, &name, LARGE) {
        Ok(found) => found,
        Err(_) if is_lines => return Ok(Ok(Detected::JsonLines)),
        // A result that was cut off must not be missed; other things that end in `.json` may lie beside it.
        Err(fault) if is_json(path) && is_cut_off(&fault) => {
            return Err(ImportError::Faulty { path: path.to_owned(), faults: vec![fault] });
        }
        Err(fault) => return Ok(Err(fault.to_string())),
    };
    let first = match &found[0] {
        Json::Array(items) => items.first(),
        other => Some(other),
    };
    Ok(match first.map_or_else(|| Err("it is an empty list".to_owned()), of_json) {
        Err(_) if is_lines => Ok(Detected::JsonLines),
        other => other,
    })
}

/// Whether a file is JSON by its name.
pub(super) fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

/// What a JSON value is, by the fields that only one format has.
pub(super) fn of_json(value: &Json) -> Result<Detected, String> {
    let has = |names: &[&str]| names.iter().all(|name| value.get(name).is_some());
    let has_metric = |name: &str| value.get(name).is_some_and(|metric| metric.get("unit").is_some());
    if has(&["steady_state_measurement"]) || has(&["steady_state_energy"]) || has(&["iteration_energy_measurements"]) {
        return Ok(Detected::MlEnergyRaw);
    }
    if has(&["benchmarks"]) && (has(&["args"]) || has(&["metadata"])) {
        return Ok(Detected::GuideLlm);
    }
    if has(&["engine", "world_info", "performance"]) {
        return Ok(Detected::TrtLlm);
    }
    if has(&["version", "results"]) && (has(&["run"]) || has(&["scenario"])) {
        return Ok(Detected::LlmD);
    }
    if has_metric("request_throughput") || has_metric("request_latency") || has_metric("output_token_throughput") {
        return Ok(Detected::AiPerf);
    }
    if has(&["aiperf_version"]) {
        let is_other = ["metrics", "summary", "timeslices", "telemetry_data"].iter().any(|name| has(&[name]));
        let other = "it is another file of AIPerf; import the `profile_export_aiperf.json` beside it";
        return if is_other { Err(other.to_owned()) } else { Ok(Detected::AiPerf) };
    }
    if has(&["tput_per_gpu"]) || has(&["hw", "conc", "framework"]) {
        return Ok(Detected::InferenceX);
    }
    if has(&["request_throughput", "output_throughput", "duration"]) {
        return Ok(Detected::VllmBench);
    }
    if has(&["configurations", "task"]) {
        return Err("it looks like one file of the leaderboard; import the folder above it".to_owned());
    }
    if has(&["steady_state_stats"]) {
        return Err("it looks like `prometheus.json` of the ML.ENERGY benchmark; import the `results.json` beside it"
            .to_owned());
    }
    let names: Vec<String> =
        value.as_object().into_iter().flatten().take(6).map(|(name, _)| format!("`{name}`")).collect();
    if names.is_empty() {
        return Err("it holds no object".to_owned());
    }
    Err(format!("a JSON object with {}", crate::notes::list(&names)))
}

/// What a text is, by its first lines.
fn of_text(path: &Path, text: &str) -> Result<Detected, String> {
    if power::is_dmon(text) {
        return Ok(Detected::NvidiaSmi);
    }
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let header = text.lines().find(|line| !line.trim().is_empty() && !power::is_preamble(line)).unwrap_or_default();
    let has = |name: &str| header.split(',').any(|cell| cell.trim() == name);
    if power::is_nvidia_smi(header) {
        return Ok(Detected::NvidiaSmi);
    }
    if power::is_amd_smi(header) {
        return Ok(Detected::AmdSmi);
    }
    if has("start_time") && has("window_name") && has("elapsed_time") {
        return Ok(Detected::Zeus);
    }
    if has("emissions") && has("energy_consumed") && has("duration") {
        return Ok(Detected::CodeCarbon);
    }
    let top = |key: &str| text.lines().any(|line| line.starts_with(key));
    let is_yaml = extension.starts_with('y') && (top("scenario:") || top("results:") || top("run:"));
    if is_yaml || (top("version:") && top("results:")) {
        return Ok(Detected::LlmD);
    }
    if extension == "csv" && !header.contains(',') {
        let separators = [(';', "semicolons"), ('\t', "tabs")];
        if let Some((_, what)) = separators.into_iter().find(|(separator, _)| header.contains(*separator)) {
            return Err(format!("its cells are parted by {what}; save it with commas, and with a point in numbers"));
        }
    }
    match extension {
        "csv" if Sweep::read(path).is_ok() => Ok(Detected::Store),
        "csv" => Ok(Detected::Csv),
        "jsonl" | "ndjson" => Ok(Detected::JsonLines),
        _ => Err("it is text, and neither JSON nor a known table".to_owned()),
    }
}
