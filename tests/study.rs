//! What a sweep says: known answers of small stores, the published numbers computed a second time, and what cannot be said.

use std::collections::BTreeMap;
use std::process::Command;

use joules::catalog::Catalog;
use joules::import::mlenergy;
use joules::runs::{Run, Store, Value};
use joules::study::{Observation, Study, study};
use serde_json::Value as Json;

use crate::commands::{answer, json, message};
use crate::shared::{Scratch, shared_data};

/// A run of `task model precision gpu gpus batch`, with metrics.
fn run(of: &str, metrics: &[(&str, f64)]) -> Run {
    let parts: Vec<&str> = of.split(' ').collect();
    let mut run = Run { id: of.replace(' ', "/"), ..Run::default() };
    for (name, value) in ["task", "model", "precision", "gpu"].into_iter().zip(&parts) {
        run.conditions.insert(name.to_owned(), Value::Name((*value).to_owned()));
    }
    for (name, value) in ["gpus", "batch_size"].into_iter().zip(&parts[4..]) {
        run.conditions.insert(name.to_owned(), Value::Number(value.parse().unwrap()));
    }
    run.metrics.extend(metrics.iter().map(|(name, value)| ((*name).to_owned(), *value)));
    run
}

/// A run that makes tokens of this energy.
fn tokens(of: &str, energy: f64) -> Run {
    run(of, &[("energy_per_token", energy)])
}

fn with(mut run: Run, condition: &str, value: f64) -> Run {
    run.conditions.insert(condition.to_owned(), Value::Number(value));
    run
}

fn studied(runs: &[Run]) -> Study {
    let runs: Vec<&Run> = runs.iter().collect();
    study(&runs, &Catalog::embedded(), &[], None)
}

fn observation<'a>(study: &'a Study, code: &str) -> &'a Observation {
    study.observation(code).unwrap()
}

#[track_caller]
fn case(observation: &Observation, of: &str, expected: &[(&str, f64)]) {
    for (name, value) in expected {
        let found = observation.number(of, name).unwrap_or_else(|| panic!("{of}: {name} of {:?}", observation.numbers));
        assert!((found - value).abs() < 1e-12, "{of}: {name} is {found} instead of {value}");
    }
}

#[test]
fn tasks_are_compared_over_models_and_within_one() {
    let answers = |run: Run, tokens: f64| with(run, "output_tokens", tokens);
    let found = studied(&[
        answers(tokens("gpqa a/m bf16 B200 1 128", 0.4), 1000.0),
        answers(tokens("gpqa a/n bf16 B200 1 64", 0.6), 3000.0),
        answers(tokens("chat a/m bf16 B200 1 128", 0.3), 90.0),
        answers(tokens("chat a/m bf16 B200 1 512", 0.2), 100.0),
        answers(tokens("chat a/n bf16 B200 1 64", 0.2), 300.0),
    ]);
    let own = observation(&found, "task_effect");
    case(own, "gpqa, B200", &[("models", 2.0), ("mean_output_tokens", 2000.0), ("mean_energy", 0.5)]);
    let means = [("output_tokens_ratio", 10.0), ("energy_per_response_ratio", 2200.0 / 80.0)];
    case(own, "gpqa over chat, B200", &means);
    let same = [
        ("largest_batch_ratio", 0.25),
        ("output_tokens_ratio", 10.0),
        ("equal_batch", 128.0),
        ("energy_ratio_at_equal_batch", 0.4 / 0.3),
        ("energy_ratio_at_largest_batch", 2.0),
        ("energy_per_response_ratio", 20.0),
    ];
    case(own, "gpqa over chat, a/m bf16 1xB200", &same);
}

#[test]
fn lengths_that_were_set_make_tasks_of_their_own() {
    let set = |batch: u32, energy: f64, length: f64| {
        let run = tokens(&format!("completion a/m bf16 H200 1 {batch}"), energy);
        with(with(run, "prompt_tokens", 200.0), "output_tokens", length)
    };
    let found = studied(&[set(16, 0.2, 600.0), set(64, 0.1, 600.0), set(16, 0.3, 4000.0), set(64, 0.2, 4000.0)]);
    let of = "completion 200+4000 over completion 200+600, a/m bf16 1xH200";
    case(observation(&found, "task_effect"), of, &[("energy_ratio_at_equal_batch", 2.0)]);
}

#[test]
fn images_are_held_against_the_text_model_at_a_common_count() {
    let found = studied(&[
        tokens("lm-arena-chat a/M-8B bf16 B200 1 64", 0.1),
        tokens("lm-arena-chat a/M-8B bf16 B200 2 64", 0.05),
        tokens("image-chat a/M-VL-8B-Instruct bf16 B200 1 32", 0.25),
        tokens("video-chat a/M-VL-8B-Instruct bf16 B200 1 8", 0.5),
    ]);
    let own = observation(&found, "modality_effect");
    case(own, "image over text, B200", &[("models", 1.0), ("median_ratio", 2.5)]);
    case(own, "video-chat over lm-arena-chat, a/M-VL-8B-Instruct bf16 1xB200", &[("energy_ratio", 5.0)]);
}

#[test]
fn the_effect_of_the_batch_starts_at_sixteen_and_rises_are_named() {
    let curve = [(8, 9.0), (16, 4.0), (32, 2.0), (64, 2.5)];
    let found = studied(&curve.map(|(batch, energy)| tokens(&format!("gpqa a/m bf16 B200 1 {batch}"), energy)));
    let own = observation(&found, "batch_effect");
    case(own, "gpqa, a/m bf16 1xB200", &[("batch_from", 16.0), ("batch_to", 64.0), ("energy_ratio", 1.6)]);
    case(own, "steps, text, B200", &[("steps", 3.0), ("energy_rises", 1.0), ("power_falls", 0.0)]);
    assert_eq!(own.counterexamples[0].b, "gpqa/a/m/bf16/B200/1/64");
}

#[test]
fn a_mixture_of_experts_is_held_against_a_dense_model_of_its_size() {
    let found = studied(&[
        tokens("gpqa Qwen/Qwen3-32B bf16 B200 1 128", 0.32),
        tokens("gpqa Qwen/Qwen3-8B bf16 B200 1 128", 0.1),
        tokens("gpqa Qwen/Qwen3-30B-A3B bf16 B200 1 128", 0.2),
        tokens("gpqa Qwen/Qwen3-30B-A3B bf16 B200 1 512", 0.08),
    ]);
    let own = observation(&found, "model_size");
    let of = "gpqa, B200: Qwen/Qwen3-32B over Qwen/Qwen3-30B-A3B, bf16";
    case(own, of, &[("dense_over_moe", 4.0), ("dense_over_moe_at_equal_batch", 1.6), ("batch_of_moe", 512.0)]);
    case(own, "dense models, gpqa, B200", &[("pairs", 1.0), ("larger_uses_more", 1.0)]);
}

#[test]
fn a_deadline_that_holds_the_batch_down_is_charged_for_it() {
    let timed = |of: &str, energy: f64, itl: f64| run(of, &[("energy_per_token", energy), ("itl_p50", itl)]);
    let found = studied(&[
        timed("gpqa a/m bf16 H100 2 64", 2.0, 0.04),
        timed("gpqa a/m bf16 H100 2 128", 1.0, 0.06),
        timed("gpqa a/m bf16 B200 1 64", 1.0, 0.03),
        timed("gpqa a/m bf16 B200 1 128", 0.5, 0.04),
    ]);
    let own = observation(&found, "gpu_generation");
    let of = "B200 against H100, gpqa";
    case(own, of, &[("comparisons", 3.0), ("b200_wins", 3.0), ("median_reduction", 0.5), ("largest_reduction", 0.75)]);
    case(own, &format!("{of}, 50 ms"), &[("median_reduction", 0.75)]);
    let half = 0.5_f64.ln();
    let parts = [
        ("comparisons_split", 3.0),
        ("mean_log_at_equal_batch", half),
        ("mean_log_latency_constraint", half / 3.0),
        ("mean_log_other_batch_limit", 0.0),
    ];
    case(own, of, &parts);
}

#[test]
fn precisions_are_compared_by_batch_and_other_parallelism_is_left_out() {
    let mut runs = Vec::new();
    for (batch, change) in [(16, 1.3), (32, 1.1), (64, 0.9), (128, 0.8)] {
        runs.push(tokens(&format!("gpqa a/m bf16 H100 8 {batch}"), 1.0));
        runs.push(tokens(&format!("gpqa a/m fp8 H100 8 {batch}"), change));
    }
    runs.push(tokens("gpqa a/n bf16 H100 8 16", 1.0));
    runs.push(with(tokens("gpqa a/n fp8 H100 8 16", 2.0), "data_parallel", 8.0));
    let found = studied(&runs);
    let own = observation(&found, "precision");
    case(own, "fp8 against bf16", &[("pairs_left_out", 1.0)]);
    let upper = 1.1 - 1.0;
    let middle = [("pairs", 2.0), ("fp8_wins_energy", 1.0), ("median_energy_change", upper)];
    case(own, "fp8 against bf16, batch 17 to 64", &middle);
    case(own, "fp8 against bf16, batch 9 to 16", &[("pairs", 1.0), ("fp8_wins_energy", 0.0)]);
}

#[test]
fn more_gpus_cost_at_equal_batch_and_may_save_by_a_larger_one() {
    let found = studied(&[
        tokens("gpqa a/m bf16 H100 1 32", 1.0),
        tokens("gpqa a/m bf16 H100 1 64", 0.8),
        tokens("gpqa a/m bf16 H100 2 64", 1.0),
        tokens("gpqa a/m bf16 H100 2 512", 0.2),
    ]);
    let equal = [("pairs", 1.0), ("more_gpus_use_more_energy", 1.0), ("median_energy_ratio", 1.25)];
    case(observation(&found, "gpu_count"), "text, H100", &equal);
    let unlocked = [("largest_batch_from", 64.0), ("largest_batch_to", 512.0), ("energy_reduction", 0.75)];
    case(observation(&found, "memory_unlocked"), "gpqa, a/m bf16, 1xH100 to 2xH100", &unlocked);
}

#[test]
fn diffusion_is_compared_by_setting_batch_count_and_kind() {
    let item = |of: &str, metric: &str, energy: f64, degrees: [f64; 2], steps: f64| {
        let run = run(of, &[(metric, energy)]);
        with(with(with(run, "ulysses", degrees[0]), "ring", degrees[1]), "steps", steps)
    };
    let image = |of: &str, energy: f64, degrees| item(of, "energy_per_image", energy, degrees, 20.0);
    let found = studied(&[
        image("text-to-image a/i bf16 B200 1 1", 100.0, [1.0, 1.0]),
        image("text-to-image a/i bf16 B200 1 4", 90.0, [1.0, 1.0]),
        image("text-to-image a/i bf16 B200 2 1", 120.0, [2.0, 1.0]),
        Run { id: "ring".to_owned(), ..image("text-to-image a/i bf16 B200 2 1", 150.0, [1.0, 2.0]) },
        item("text-to-video a/v bf16 B200 1 1", "energy_per_video", 18_000.0, [1.0, 1.0], 20.0),
        item("text-to-video a/w bf16 B200 1 1", "energy_per_video", 2_000.0, [1.0, 1.0], 20.0),
        Run {
            id: "w40".to_owned(),
            ..item("text-to-video a/w bf16 B200 1 1", "energy_per_video", 4_000.0, [1.0, 1.0], 40.0)
        },
    ]);
    let settings = observation(&found, "diffusion_settings");
    case(settings, "image, B200", &[("models", 1.0), ("smallest_energy", 90.0)]);
    case(settings, "video over image, B200", &[("largest_ratio", 200.0), ("pairs_above_100x", 1.0)]);
    case(settings, "steps, video", &[("pairs", 1.0), ("median_elasticity", 1.0)]);
    case(observation(&found, "diffusion_batch"), "image, one GPU", &[("median_ratio", 0.9)]);
    case(observation(&found, "diffusion_gpu_count"), "image, B200", &[("pairs", 1.0), ("median_energy_ratio", 1.2)]);
    let kinds = [("pairs", 1.0), ("ulysses_uses_less", 1.0), ("median_ring_over_ulysses", 1.25)];
    case(observation(&found, "sequence_parallel_kind"), "2 GPUs", &kinds);
}

#[test]
fn throughput_per_watt_is_the_inverse_of_energy() {
    let metrics = |power: f64| [("energy_per_token", power / 1000.0), ("power", power), ("throughput", 1000.0)];
    let found = studied(&[
        run("gpqa meta-llama/Llama-3.1-70B-Instruct bf16 H100 4 8", &metrics(400.0)),
        run("gpqa meta-llama/Llama-3.1-70B-Instruct bf16 B200 2 8", &metrics(100.0)),
    ]);
    let own = observation(&found, "throughput_per_watt");
    case(own, "all runs", &[("runs", 2.0), ("largest_deviation_from_energy", 0.0)]);
    case(own, "H100 over B200, text, 70 billion parameters and more", &[("models", 1.0), ("median_ratio", 0.25)]);
}

#[test]
fn what_is_missing_is_said_in_one_line() {
    let nothing = studied(&[]);
    assert!(nothing.observations.iter().all(|own| own.missing.is_some() && own.numbers.is_empty()));
    let one = studied(&[tokens("gpqa a/m bf16 H100 1 32", 1.0)]);
    assert!(one.observations.iter().all(|own| own.missing.is_some()), "{one:?}");
    let why = observation(&one, "task_effect").missing.as_deref();
    assert_eq!(why, Some("all text runs have one task, gpqa"));
    let open = with(tokens("gpqa a/m bf16 H100 1 32", 1.0), "request_rate", 2.0);
    let bare = studied(&[open, run("gpqa a/m bf16 H100 1 32", &[("power", 3.0)])]);
    let codes: Vec<&str> = bare.left_out.iter().map(|own| own.code.as_str()).collect();
    assert_eq!(codes, ["no_energy", "open_loop"]);
}

/// Observation, what it is of, name: value.
type Numbers = BTreeMap<(String, String, String), f64>;

/// The numbers that a script computes from the same files by the same definitions.
fn reference(folder: &std::path::Path) -> Option<Numbers> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/study.py");
    let Ok(output) = Command::new("python3").arg(script).arg(folder).output() else {
        eprintln!("skipped: there is no `python3`");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all: BTreeMap<String, BTreeMap<String, BTreeMap<String, f64>>> =
        serde_json::from_slice(&output.stdout).unwrap();
    let mut numbers = Numbers::new();
    for (code, parts) in all {
        for (of, values) in parts {
            numbers.extend(values.into_iter().map(|(name, value)| ((code.clone(), of.clone(), name), value)));
        }
    }
    Some(numbers)
}

/// Every number of public runs, those of the publication among them.
#[test]
fn every_number_agrees_with_an_independent_script() {
    let Some(folder) = shared_data("mlenergy-v3") else { return };
    let Some(expected) = reference(&folder) else { return };
    let store = Store::new(mlenergy::import(&folder).unwrap()).unwrap();
    let runs: Vec<&Run> = store.runs().collect();
    let found = study(&runs, &Catalog::embedded(), &[], None);
    let mut own = Numbers::new();
    for observation in &found.observations {
        for number in &observation.numbers {
            let key = (observation.code.clone(), number.of.clone(), number.name.clone());
            assert_eq!(own.insert(key.clone(), number.value), None, "{key:?} stands there twice");
        }
    }
    assert!(own.len() > 500);
    assert_eq!(own.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (key, value) in &own {
        let other = expected[key];
        assert!((value - other).abs() <= 1e-9 * other.abs().max(1.0), "{key:?}: {value} instead of {other}");
    }
}

/// Factors of causes and of the unexplained multiply to the ratio.
#[track_caller]
fn multiply_to_the_ratio(study: &Json) -> usize {
    let mut count = 0;
    for own in study["observations"].as_array().unwrap() {
        for comparison in own["decomposition"].as_array().unwrap() {
            let parts = ["causes", "unexplained"].map(|list| comparison[list].as_array().unwrap().iter());
            let product: f64 = parts.into_iter().flatten().map(|part| part["factor"].as_f64().unwrap()).product();
            let ratio = comparison["ratio"].as_f64().unwrap();
            assert!((product / ratio - 1.0).abs() < 1e-9, "{comparison}");
            count += 1;
        }
    }
    count
}

#[test]
fn public_comparisons_are_divided_into_causes_that_multiply() {
    let Some(folder) = shared_data("mlenergy-v3") else { return };
    let scratch = Scratch::new();
    let store = scratch.path().to_str().unwrap();
    answer(&["import", "mlenergy", folder.to_str().unwrap(), "--out", store]);
    let told = json(&["study", "--runs", store, "--format", "json"]);
    assert!(multiply_to_the_ratio(&told) > 20);
    let causes = told["observations"][4]["decomposition"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|own| own["causes"].as_array().unwrap());
    assert!(causes.into_iter().any(|cause| cause["cause"] == "latency_constraint"));
    let text = answer(&["study", "--runs", store, "--where", "task=gpqa"]);
    assert!(text.contains("all text runs have one task, gpqa"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn the_shipped_runs_are_studied_the_same_twice_and_within_eighty_columns() {
    let text = answer(&["study"]);
    assert_eq!(answer(&["study"]), text);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    for part in [
        "Larger batches divide",
        "What these runs cannot say",
        "all runs are of one GPU type, H200",
        "1 run whose requests",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let told = json(&["study", "--format", "json"]);
    assert!(multiply_to_the_ratio(&told) > 3);
    let keys: Vec<&String> = told["observations"][2].as_object().unwrap().keys().collect();
    let expected = [
        "code",
        "title",
        "definition",
        "finding",
        "numbers",
        "tables",
        "counterexamples",
        "decomposition",
        "caveats",
        "missing",
    ];
    assert_eq!(keys, expected);
    assert!(answer(&["study", "--format", "markdown"]).starts_with("# What 132 runs say"));
}

#[test]
fn other_energies_and_foreign_runs_are_studied() {
    let scratch = Scratch::new();
    let head = "id,model,gpu,gpus,batch_size,energy_per_response_j\n";
    let bare = scratch.write("bare.csv", &format!("{head}a,x/y,MI300X,1,8,90\nb,x/y,MI300X,1,64,30\n"));
    let bare = bare.to_str().unwrap();
    let told = answer(&["study", "--runs", bare, "--metric", "energy_per_response"]);
    assert!(told.contains("by 3"), "{told}");
    assert!(answer(&["study", "--runs", bare]).contains("Nothing can be compared"));
}

#[test]
fn what_cannot_be_studied_is_refused() {
    assert!(message(2, &["study", "--where", "gpus=64"]).contains("no run is left of the 134 given"));
    assert!(message(2, &["study", "--metric", "pwer"]).contains("did you mean `power`?"));
    assert!(message(2, &["study", "--metric", "power"]).contains("a study compares energy"));
    assert!(message(2, &["study", "--model", "nosuch"]).contains("neither a model file"));
}
