//! A check finds out for which questions a model is wrong: models that are broken on purpose, and one that is right.

use joules::catalog::Catalog;
use joules::check::{Check, Options, Verdict, check};
use joules::fit::{Settings, fit_and_validate, simulate};
use joules::import::mlenergy;
use joules::model::{Model, shipped};
use joules::runs::{Run, Value};
use joules::stats::Draws;

use crate::commands::{answer, joules, json, message};
use crate::shared::{Scratch, shared_data};

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
fn checked((model, catalog): (Model, Catalog), runs: &[Run]) -> Check {
    let settings = Settings { starts: 1, ..Settings::default() };
    let (fitted, scores) = fit_and_validate(model, &catalog, runs, &settings).unwrap();
    let found = check(&fitted, &scores, &catalog, runs, &Options { seed: 1, ..Options::default() }).unwrap();
    for test in &found.tests {
        println!("{:?} {} {:?}: {}", test.passed, test.name, test.value, test.says);
    }
    for own in &found.questions {
        println!("{} {}: {}, {}", own.kind, own.metric, own.verdict.name(), own.reason);
    }
    found
}

const ENERGY: &str = "energy_per_token";

/// Weights of FP8 are counted in bits where bytes are meant.
const BITS_FOR_BYTES: [(&str, &str); 1] = [(
    "equation = \"max(dense_params - head_params - attention_params, 0) * mlp_bytes +",
    "equation = \"max(dense_params - head_params - attention_params, 0) * mlp_bytes * if(precision == \\\"fp8\\\", 8, 1) +",
)];
/// The same of expert weights.
const BITS_OF_EXPERTS: [(&str, &str); 1] =
    [("\"expert_params * expert_bytes\"", "\"expert_params * expert_bytes * if(precision == \\\"fp8\\\", 8, 1)\"")];
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
    // What is wrong about precision cancels between runs of one precision.
    assert_ne!(verdict(&found, "unseen-count"), Verdict::DoNotTrust);
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

/// Public runs of mixture-of-experts models that were measured in two precisions.
#[test]
fn a_wrong_unit_is_found_in_public_runs() {
    let Some(folder) = shared_data("mlenergy-v3") else { return };
    let sweeps = mlenergy::import(&folder).unwrap();
    let is_of = |run: &&Run| run.name("model").is_some_and(|name| name.contains("235B") && !name.contains("VL"));
    let own: Vec<Run> = sweeps.iter().flat_map(|sweep| &sweep.runs).filter(is_of).cloned().collect();
    let right = checked(model(&[]), &own);
    assert_ne!(verdict(&right, "unseen-precision"), Verdict::DoNotTrust);
    let wrong = checked(model(&BITS_OF_EXPERTS), &own);
    assert_eq!(verdict(&wrong, "unseen-precision"), Verdict::DoNotTrust);
}

#[test]
fn outcomes_of_other_runs_are_not_explained() {
    let found = checked(model(&[]), &shuffled(&simulated()));
    assert!(has_failed(&found, "permuted-outcomes"));
    assert!(found.questions.iter().all(|own| own.verdict != Verdict::Trusted));
}

#[test]
fn an_answer_fits_eighty_columns() {
    for arguments in [&["check"][..], &["check", "--metric", "power", "--nested"][..]] {
        let told = answer(arguments);
        assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
        assert!(told.contains("unseen-gpu") && told.contains("untested"), "{told}");
    }
    assert!(answer(&["check", "--format", "markdown"]).contains("| kind of question |"));
}

/// Every key of an object, and those of the first element of every list; the numbers change with the models.
fn shape(value: &serde_json::Value, indent: usize, text: &mut String) {
    match value {
        serde_json::Value::Object(members) => {
            for (key, value) in members {
                text.extend([" ".repeat(indent), key.clone(), "\n".to_owned()]);
                shape(value, indent + 2, text);
            }
        }
        // The element that has most to say: a kind that could be tried.
        serde_json::Value::Array(items) => {
            let richest = items.iter().max_by_key(|item| item.to_string().len());
            if let Some(item) = richest {
                shape(item, indent, text);
            }
        }
        _ => {}
    }
}

#[test]
fn the_json_of_a_check_keeps_its_form() {
    let json = json(&["check", "--format", "json"]);
    let mut text = String::new();
    shape(&json["models"][0]["questions"], 2, &mut text);
    for key in ["tests", "undecided", "rests_on"] {
        text.extend([key, "\n"]);
        shape(&json["models"][0][key], 2, &mut text);
    }
    insta::assert_snapshot!(text);
    let top: Vec<&String> = json["models"][0].as_object().unwrap().keys().collect();
    insta::assert_debug_snapshot!("check_keys", top);
}

#[test]
fn a_model_that_fails_ends_with_exit_code_three_where_that_is_asked_for() {
    let scratch = Scratch::new();
    let own = shipped().next().unwrap();
    let text = own.text.replace(BITS_FOR_BYTES[0].0, BITS_FOR_BYTES[0].1);
    let file = scratch.write("bits.toml", &text);
    let broken = ["check", "--model", file.to_str().unwrap(), "--starts", "1"];
    let told = joules(&[&broken[..], &["--strict"]].concat());
    assert_eq!(told.code, 3, "{}", told.err);
    assert!(told.out.contains("Do not trust this model for precision changes"), "{}", told.out);
    assert_eq!(joules(&broken).code, 0);
}

#[test]
fn a_fitted_file_is_where_the_search_starts() {
    let scratch = Scratch::new();
    let fitted = scratch.path().join("fitted.toml");
    let fitted = fitted.to_str().unwrap();
    assert_eq!(joules(&["fit", "--starts", "1", "--out", fitted]).code, 0);
    let told = json(&["check", "--fitted", fitted, "--where", "model=Qwen/Qwen3-8B", "--format", "json"]);
    assert!(told["models"][0]["runs"].as_u64().unwrap() < 134);
}

#[test]
fn what_cannot_be_checked_is_refused() {
    assert!(message(2, &["check", "--where", "gpus=64"]).contains("no run is left of the 134 given"));
    assert!(message(2, &["check", "--metric", "pwer"]).contains("did you mean `power`?"));
    assert!(message(2, &["check", "--model", "nosuch"]).contains("neither a model file"));
    let scratch = Scratch::new();
    let head = "id,task,model,precision,gpu,gpus,batch_size";
    let bare = scratch.write("bare.csv", &format!("{head}\na,completion,Qwen/Qwen3-8B,bf16,H200,1,64\n"));
    assert!(message(2, &["check", "--runs", bare.to_str().unwrap()]).contains("no run to fit"));
    let one = format!("{head},power_w,throughput_per_s\na,completion,Qwen/Qwen3-8B,bf16,H200,1,64,600,5000\n");
    let one = scratch.write("one.csv", &one);
    let told = answer(&["check", "--runs", one.to_str().unwrap()]);
    assert!(told.contains("untested, no runs to hold out") && !told.contains("NaN"), "{told}");
}
