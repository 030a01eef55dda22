//! A check finds out for which questions a model is wrong: models that are broken on purpose, and one that is right.

use joules::catalog::Catalog;
use joules::check::{Check, Options, Verdict, check};
use joules::fit::{Settings, fit_and_validate, simulate};
use joules::model::{Model, shipped};
use joules::runs::{Run, Value};
use joules::stats::Draws;

/// The shipped model of language models, with some of its text replaced.
fn model(changes: &[(&str, &str)]) -> (Model, Catalog) {
    let catalog = Catalog::embedded();
    let own = shipped().next().unwrap();
    let mut text = own.text.to_owned();
    for (from, to) in changes {
        assert_eq!(text.matches(from).count(), 1, "`{from}` stands once in {}", own.file);
        text = text.replace(from, to);
    }
    (Model::parse(own.file, &text, &catalog).unwrap(), catalog)
}

/// Configurations of a plan: models, tasks, GPU counts, precisions and batch sizes, each with each.
fn plan() -> Vec<Run> {
    let mut runs = Vec::new();
    for model in ["Qwen/Qwen3-8B", "Qwen/Qwen3-32B", "meta-llama/Llama-3.1-70B-Instruct"] {
        for task in ["gpqa", "lm-arena-chat"] {
            for gpus in [2.0, 4.0] {
                for precision in ["bf16", "fp8"] {
                    for batch in [8.0, 32.0, 128.0] {
                        let mut run =
                            Run { id: format!("s{}", runs.len()), source: "simulated".to_owned(), ..Run::default() };
                        let names = [("model", model), ("task", task), ("gpu", "H100"), ("precision", precision)];
                        run.conditions.extend(names.map(|(name, own)| (name.to_owned(), Value::Name(own.to_owned()))));
                        let sizes = [("gpus", gpus), ("batch_size", batch)];
                        run.conditions.extend(sizes.map(|(name, own)| (name.to_owned(), Value::Number(own))));
                        runs.push(run);
                    }
                }
            }
        }
    }
    runs
}

/// Runs of the plan as the model that is right would have produced them.
fn simulated() -> Vec<Run> {
    let (model, catalog) = model(&[]);
    simulate(&model, &catalog, &plan(), 0.3, 4).unwrap().runs
}

/// Fits a model to runs and checks it.
pub(crate) fn checked((model, catalog): (Model, Catalog), runs: &[Run]) -> Check {
    let settings = Settings { starts: 1, ..Settings::default() };
    let (fitted, scores) = fit_and_validate(model, &catalog, runs, &settings).unwrap();
    let found = check(&fitted, &scores, &catalog, runs, &Options { seed: 1, ..Options::default() }).unwrap();
    for test in &found.tests {
        println!("{:?} {} {:?}: {}", test.passed, test.name, test.value, test.says);
    }
    for own in &found.questions {
        println!("{} {}: {} {}", own.kind, own.metric, own.verdict.name(), own.reason);
    }
    found
}

const ENERGY: &str = "energy_per_token";

/// Weights of FP8 are counted in bits where bytes are meant.
const BITS_FOR_BYTES: [(&str, &str); 1] = [(
    "equation = \"max(dense_params - head_params - attention_params, 0) * mlp_bytes +",
    "equation = \"max(dense_params - head_params - attention_params, 0) * mlp_bytes * if(precision == \\\"fp8\\\", 8, 1) +",
)];
/// Bandwidth in MB/s where GB/s are meant.
const THOUSANDFOLD: [(&str, &str); 1] =
    [("gpu.memory_bandwidth * weight_read_efficiency", "1000 * gpu.memory_bandwidth * weight_read_efficiency")];
/// Nobody reads the KV cache.
const WITHOUT_KV: [(&str, &str); 1] = [("\"kv_read_bytes / kv_bandwidth\"", "\"0 * kv_read_bytes / kv_bandwidth\"")];

/// Outcomes dealt out anew among the runs.
fn shuffled(runs: &[Run]) -> Vec<Run> {
    let mut draws = Draws::new(9);
    let mut order: Vec<usize> = (0..runs.len()).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, (draws.uniform() * (last + 1) as f64) as usize);
    }
    let outcomes = |index: usize| (runs[order[index]].metrics.clone(), runs[order[index]].observed.clone());
    runs.iter()
        .enumerate()
        .map(|(index, run)| {
            let (metrics, observed) = outcomes(index);
            Run { metrics, observed, ..run.clone() }
        })
        .collect()
}

fn verdict(check: &Check, kind: &str) -> Verdict {
    check.question(kind, ENERGY).unwrap().verdict
}

fn has_failed(check: &Check, test: &str) -> bool {
    check.test(test).unwrap().passed == Some(false)
}

#[test]
fn the_model_that_is_right_passes() {
    let found = checked(model(&[]), &simulated());
    assert!(found.tests.iter().all(|test| test.passed != Some(false)));
    assert!(found.questions.iter().all(|own| own.verdict != Verdict::DoNotTrust));
    assert_eq!(verdict(&found, "unseen-precision"), Verdict::Trusted);
    assert_eq!(verdict(&found, "unseen-gpu"), Verdict::Untested);
}

#[test]
fn a_wrong_unit_of_one_precision_is_not_trusted_with_precision_changes() {
    let found = checked(model(&BITS_FOR_BYTES), &simulated());
    assert_eq!(verdict(&found, "unseen-precision"), Verdict::DoNotTrust);
}

#[test]
fn a_wrong_unit_of_the_bandwidth_drives_parameters_from_their_priors() {
    let found = checked(model(&THOUSANDFOLD), &simulated());
    assert!(has_failed(&found, "prior-conflict") || has_failed(&found, "noise-too-wide"));
}

#[test]
fn a_lost_term_is_missed() {
    let found = checked(model(&WITHOUT_KV), &simulated());
    assert!(has_failed(&found, "missing-term"));
    assert!(found.has_failed());
}

#[test]
fn outcomes_of_other_runs_are_not_explained() {
    let found = checked(model(&[]), &shuffled(&simulated()));
    assert!(has_failed(&found, "permuted-outcomes"));
    assert!(found.questions.iter().all(|own| own.verdict != Verdict::Trusted));
}
