//! What the labels of telemetry say of the configuration, and what they cannot say.

use std::collections::BTreeSet;

use super::error::PrometheusError;
use super::fetch::Asked;
use crate::catalog::Catalog;
use crate::measure::telemetry::dialect::{Meaning, OUTPUT, Source};
use crate::measure::telemetry::{Gpu, Labels, Observed, Record, gpus};
use crate::notes::Caveat;
use crate::runs::{Run, Value, split_precision};

/// A condition that a diagnosis wants and telemetry does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Needed {
    /// Its name.
    pub name: &'static str,
    /// What it is, and where to find it.
    pub what: &'static str,
    /// Whether a diagnosis refuses without it.
    pub is_required: bool,
}

/// What must be known of a run, in the order in which it is told.
const NEEDED: [Needed; 7] = [
    Needed {
        name: "task",
        what: "what kind of requests: `lm-arena-chat` for a chat, `gpqa` for long reasoning, `sourcegraph-fim` for code \
               completion, `completion` for anything else",
        is_required: true,
    },
    Needed { name: "model", what: "name of the checkpoint as published, such as `Qwen/Qwen3-32B`", is_required: true },
    Needed { name: "gpu", what: "type of GPU, such as `H100`", is_required: true },
    Needed { name: "gpus", what: "number of GPUs of the server", is_required: true },
    Needed {
        name: "batch_size",
        what: "most requests that run at once: `--max-num-seqs` of vLLM, `--max-running-requests` of SGLang",
        is_required: true,
    },
    Needed { name: "precision", what: "of the weights: `bf16`, `fp8` or `mxfp4`", is_required: true },
    Needed {
        name: "concurrency",
        what: "requests in the server at once, where fewer than `batch_size` were there to run",
        is_required: false,
    },
];

/// What a run lacks.
pub(super) fn needed(run: &Run) -> Vec<Needed> {
    NEEDED.iter().filter(|needed| !run.conditions.contains_key(needed.name)).copied().collect()
}

/// Sets what the labels and the counts of a window tell.
pub(super) fn set_told(
    run: &mut Run,
    record: &Record,
    observed: &Observed,
    catalog: &Catalog,
    asked: &Asked,
) -> Result<Vec<Caveat>, PrometheusError> {
    let mut caveats = Vec::new();
    let server = server(record, asked)?;
    set_name(run, "engine", server.engine());
    let tokens = told_labels(record);
    let models = values(&tokens, "model_name");
    if models.len() > 1 {
        let option = format!("--selector 'model_name=\"{}\"'", models.first().map(String::as_str).unwrap_or_default());
        let found = models.into_iter().collect();
        return Err(PrometheusError::Several { run: asked.run.to_owned(), what: "several models", found, option });
    }
    if let Some(name) = models.first() {
        caveats.extend(set_model(run, name, catalog));
    }
    set_gpus(run, &gpus(record), catalog, asked)?;
    caveats.extend(set_engines(run, &tokens));
    for (name, tokens) in &observed.lengths {
        run.conditions.insert(name.clone(), Value::Number(*tokens));
    }
    for labels in record.labels(Meaning::CacheConfig) {
        if let Some(share) = labels.get("gpu_memory_utilization").and_then(|text| text.parse::<f64>().ok())
            && share > 0.0
            && share <= 1.0
        {
            run.conditions.insert("gpu_memory_utilization".to_owned(), Value::Number(share));
        }
        if let Some(on) = labels.get("enable_prefix_caching") {
            run.conditions.insert("prefix_caching".to_owned(), Value::Flag(on.eq_ignore_ascii_case("true")));
        }
    }
    Ok(caveats)
}

/// The one kind of server of a window.
fn server(record: &Record, asked: &Asked) -> Result<Source, PrometheusError> {
    let servers: Vec<Source> = record.sources().into_iter().filter(|source| source.is_server()).collect();
    match servers.as_slice() {
        [only] => Ok(*only),
        several => Err(PrometheusError::Several {
            run: asked.run.to_owned(),
            what: "several kinds of servers",
            found: several.iter().map(ToString::to_string).collect(),
            option: "--selector 'job=\"…\"'".to_owned(),
        }),
    }
}

/// The labels of what counts tokens.
fn told_labels(record: &Record) -> Vec<&Labels> {
    OUTPUT.into_iter().map(|meaning| record.labels(meaning)).find(|labels| !labels.is_empty()).unwrap_or_default()
}

fn values(labels: &[&Labels], name: &str) -> BTreeSet<String> {
    labels.iter().filter_map(|own| own.get(name).cloned()).collect()
}

fn set_name(run: &mut Run, name: &str, value: &str) {
    run.conditions.insert(name.to_owned(), Value::Name(value.to_owned()));
}

/// Checkpoint, base model and precision out of the name that the server gives its model.
fn set_model(run: &mut Run, served: &str, catalog: &Catalog) -> Option<Caveat> {
    let known = catalog.keys("architecture");
    let last = |name: &str| name.trim_end_matches('/').rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let (stem, suffix) = split_precision(served);
    // A path on the server's disk, or a short name, ends like the published one.
    let same_end: Vec<&str> = known.iter().copied().filter(|name| last(name) == last(stem)).collect();
    let (model, caveat) = match same_end.as_slice() {
        _ if known.contains(&served) => (served, None),
        _ if known.contains(&stem) => (stem, None),
        [only] => {
            let text = format!("the server calls its model `{served}`; taken for `{only}`");
            (*only, Some(Caveat::new("model_assumed", text)))
        }
        _ => (stem, None),
    };
    set_name(run, "model", model);
    if model != served && caveat.is_none() {
        set_name(run, "checkpoint", served);
    }
    let native = catalog.get("architecture", &[model], "native_precision");
    let precision = suffix.map(str::to_owned).or_else(|| native.and_then(|own| own.name().map(str::to_owned)));
    if let Some(precision) = precision {
        set_name(run, "precision", &precision);
    }
    caveat
}

/// Type and number of GPUs.
fn set_gpus(run: &mut Run, gpus: &[Gpu], catalog: &Catalog, asked: &Asked) -> Result<(), PrometheusError> {
    let powered = gpus.iter().filter(|gpu| gpu.energy.is_some() || gpu.power.is_some());
    run.conditions.insert("gpus".to_owned(), Value::Number(powered.count() as f64));
    let names: BTreeSet<&String> = gpus.iter().filter_map(|gpu| gpu.name.as_ref()).collect();
    if names.len() > 1 {
        return Err(PrometheusError::Several {
            run: asked.run.to_owned(),
            what: "several types of GPU",
            found: names.into_iter().cloned().collect(),
            option: "--gpu-selector 'Hostname=\"…\"'".to_owned(),
        });
    }
    if let Some(name) = names.first() {
        set_name(run, "gpu", &catalog.gpu_name(name));
    }
    Ok(())
}

/// Engines of one server are data-parallel; several servers are several machines' worth of runs.
fn set_engines(run: &mut Run, labels: &[&Labels]) -> Option<Caveat> {
    let servers: BTreeSet<String> =
        ["pod", "instance"].iter().flat_map(|name| values(labels, name).into_iter().take(64)).collect();
    let instances = values(labels, "instance").len().max(values(labels, "pod").len());
    let engines = values(labels, "engine").len().max(values(labels, "dp_rank").len());
    if instances > 1 {
        let names: Vec<&str> = servers.iter().map(String::as_str).collect();
        let text = format!(
            "{instances} servers are told as one ({}): `batch_size` and `concurrency` are those of all together; choose \
             one with `--selector`",
            crate::notes::quoted(&names, 4)
        );
        return Some(Caveat::new("several_servers", text));
    }
    if engines > 1 {
        run.conditions.insert("data_parallel".to_owned(), Value::Number(engines as f64));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_served_name_is_split_into_model_and_precision() {
        let catalog = Catalog::embedded();
        let case = |served: &str, model: &str, precision: Option<&str>, assumed: bool| {
            let mut run = Run::default();
            let caveat = set_model(&mut run, served, &catalog);
            assert_eq!((run.name("model"), run.name("precision")), (Some(model), precision), "{served}");
            assert_eq!(caveat.is_some(), assumed, "{served}");
        };
        case("Qwen/Qwen3-32B", "Qwen/Qwen3-32B", Some("bf16"), false);
        case("Qwen/Qwen3-32B-FP8", "Qwen/Qwen3-32B", Some("fp8"), false);
        case("/models/Qwen3-32B-FP8", "Qwen/Qwen3-32B", Some("fp8"), true);
        case("openai/gpt-oss-120b", "openai/gpt-oss-120b", Some("mxfp4"), false);
        case("house/own", "house/own", None, false);
    }
}
