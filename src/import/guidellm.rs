//! Reports of `GuideLLM`, `benchmarks.json`: one run for each benchmark of the report.
//!
//! The form is that of `src/guidellm/benchmark/schemas` of vllm-project/guidellm: reports with `args` (version 1, up to
//! release 0.6) and with `metadata.version` 2 and `config.spec`. Each metric is a `StatusDistributionSummary`: of the
//! requests that succeeded, that erred, that were cut off, and of all.

use std::path::Path;

use serde_json::Value as Json;

use super::about::{About, SERVING, caveat};
use super::collect::{Collected, Source, json_files};
use super::error::{FaultKind, ImportError, Place};
use super::json::described;
use super::record::{Record, Take, detail, number};
use crate::notes::plural;
use crate::runs::{Run, Sweep};

pub(super) static ABOUT: About = About {
    name: "guidellm",
    words: "a report of GuideLLM",
    tool: "guidellm benchmark",
    schema: "vllm-project/guidellm, src/guidellm/benchmark/schemas (versions 1 and 2 of the report)",
    scope: "the measured part of each benchmark, as the client saw it; no energy",
    units: &[("…_ms", "ms"), ("…_per_second", "1/s"), ("…_time", "s since 1970"), ("…_token_count", "tokens")],
    defects: &[
        (
            "itl_of_requests",
            "the gap between tokens is averaged in each request first: percentiles are of requests, so the tails are \
             left out here",
        ),
        ("no_energy", "the tool measures no energy: join a power log by its times, or compare times alone"),
        ("no_machine", "GPU, count of GPUs and the cap on running requests are not recorded"),
    ],
    measures: "`metrics.output_tokens_per_second` or `metrics.inter_token_latency_ms` of successful requests",
    needs: SERVING,
};

/// Requests one by one, with their texts.
const SKIP: &[&str] = &[
    "requests",
    "request_samples",
    "request_args",
    "worker",
    "output_text",
    "pdf",
    "cumulative_distribution_function",
];

const TAKES: &[Take] = &[
    number("metrics.prompt_token_count.successful.mean", "prompt_tokens", "tokens"),
    number("metrics.output_token_count.successful.mean", "output_tokens", "tokens"),
    number("metrics.output_tokens_per_second.successful.mean", "throughput", "1/s"),
    number("metrics.inter_token_latency_ms.successful.median", "itl_p50", "ms"),
    number("metrics.time_to_first_token_ms.successful.median", "ttft_p50", "ms"),
    number("metrics.time_to_first_token_ms.successful.percentiles.p90", "ttft_p90", "ms"),
    number("metrics.time_to_first_token_ms.successful.percentiles.p95", "ttft_p95", "ms"),
    number("metrics.time_to_first_token_ms.successful.percentiles.p99", "ttft_p99", "ms"),
    detail("metrics.inter_token_latency_ms.successful.percentiles.p99", "itl_of_requests_p99_ms"),
    detail("metrics.request_concurrency.successful.mean", "mean_concurrency"),
    detail("metrics.output_token_count.successful.total_sum", "output_tokens"),
    detail("metrics.prompt_token_count.successful.total_sum", "input_tokens"),
];

pub(super) fn import(root: &Path, files: &[Source]) -> Result<Vec<Sweep>, ImportError> {
    json_files(&ABOUT, root, files, SKIP, runs).map(|sweep| vec![sweep])
}

fn runs(report: &Record, place: &Place, collected: &Collected) -> Vec<Run> {
    for head in ["metadata", "args", "config"] {
        report.get(head);
    }
    collected.tell("tool_version", report.text("metadata.guidellm_version"));
    let benchmarks = match report.get("benchmarks") {
        Some(Json::Array(list)) => list,
        other => {
            let found = other.map_or_else(|| "nothing".to_owned(), described);
            report.fault("benchmarks", FaultKind::WrongType { expected: "a list", found });
            return Vec::new();
        }
    };
    let mut runs = Vec::new();
    for (index, benchmark) in benchmarks.iter().enumerate() {
        let path = format!("benchmarks[{index}]");
        let Json::Object(object) = benchmark else {
            report.fault(&path, FaultKind::WrongType { expected: "an object", found: described(benchmark) });
            continue;
        };
        let record = collected.record(object, Place { path, ..place.clone() });
        runs.push(run(report, &record));
    }
    runs
}

fn run(report: &Record, record: &Record) -> Run {
    let mut run = Run::default();
    let in_benchmark = ["config.backend.model", "config.spec.backend.model", "config.backend.model_id"];
    if record.first(&in_benchmark).is_some() {
        record.take_model(&mut run, &in_benchmark);
    } else {
        report.take_model(
            &mut run,
            &["args.model", "config.spec.backend.model", "args.backend.model", "args.backend_kwargs.model"],
        );
    }
    record.take(&mut run, TAKES);
    if !run.metrics.contains_key("itl_p50") {
        record.take(&mut run, &[number("metrics.inter_token_latency_ms.successful.percentiles.p50", "itl_p50", "ms")]);
    }
    load(record, &mut run);
    dispersion(record, &mut run);
    window(record, &mut run);
    requests(record, &mut run);
    run
}

/// What the strategy offered: streams that are kept open, or requests at a rate.
fn load(record: &Record, run: &mut Run) {
    let kinds = ["config.strategy.type_", "args.strategy.type_", "config.strategy.kind"];
    let Some((_, kind)) = record.first(&kinds) else { return };
    let kind = kind.as_str().unwrap_or_default();
    run.details.insert("strategy".to_owned(), kind.to_owned());
    let value = |names: &[&'static str]| names.iter().find_map(|name| Some((*name, record.positive(name)?)));
    match kind {
        "synchronous" => record.put(run, "config.strategy.type_", "concurrency", 1.0),
        "concurrent" => {
            if let Some((path, streams)) = value(&["config.strategy.streams", "args.strategy.streams"]) {
                record.put(run, path, "concurrency", streams);
            }
        }
        "constant" | "poisson" | "async" => {
            if let Some((path, rate)) = value(&["config.strategy.rate", "args.strategy.rate"]) {
                record.put(run, path, "request_rate", rate);
            }
        }
        _ => {}
    }
}

/// E[l²]/E[l]², out of the variance.
fn dispersion(record: &Record, run: &mut Run) {
    let at = "metrics.output_token_count.successful";
    let mean = record.positive(&format!("{at}.mean"));
    let variance = record.number(&format!("{at}.variance")).filter(|variance| *variance >= 0.0);
    if let (Some(mean), Some(variance)) = (mean, variance) {
        record.put(run, at, "output_tokens_dispersion", 1.0 + variance / (mean * mean));
    }
}

/// When it was measured, in seconds since 1970.
fn window(record: &Record, run: &mut Run) {
    let of = |names: &[&str]| names.iter().find_map(|name| record.positive(name));
    let from = of(&["scheduler_metrics.measure_start_time", "start_time", "run_stats.start_time"]);
    let to = of(&["scheduler_metrics.measure_end_time", "end_time", "run_stats.end_time"]);
    if let (Some(from), Some(to)) = (from, to)
        && to > from
    {
        run.details.insert("window_from_unix_s".to_owned(), from.to_string());
        run.details.insert("window_to_unix_s".to_owned(), to.to_string());
        run.details.insert("window_s".to_owned(), format!("{:.3}", to - from));
    }
}

fn requests(record: &Record, run: &mut Run) {
    let of = |status: &str| {
        let paths =
            ["scheduler_metrics.requests_made", "metrics.request_totals", "request_totals", "run_stats.requests_made"];
        paths.iter().find_map(|path| record.number(&format!("{path}.{status}")))
    };
    if let Some(done) = of("successful") {
        run.details.insert("requests".to_owned(), done.to_string());
    }
    let (errored, cut) = (of("errored").unwrap_or(0.0), of("incomplete").unwrap_or(0.0));
    if errored > 0.0 {
        caveat(
            run,
            "failed_requests",
            &format!("{} failed and left out of the statistics", plural(errored as usize, "request")),
        );
    }
    if cut > 0.0 {
        caveat(run, "cut_requests", &format!("{} cut off at the end and left out", plural(cut as usize, "request")));
    }
}
