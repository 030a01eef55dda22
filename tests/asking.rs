//! `joules diagnose` as a user meets it: the real binary.

use crate::commands::{answer, joules, json, message};
use crate::shared::Scratch;

const PAIR: [&str; 3] = ["diagnose", "q3-8b/n64", "q3-8b-fp8/n256"];

#[test]
fn an_answer_fits_eighty_columns() {
    let told = answer(&PAIR);
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn the_json_of_an_answer_keeps_its_contract() {
    let json = json(&["diagnose", "q3-8b/n64", "q3-8b-fp8/n256", "--format", "json"]);
    for key in [
        "verdict",
        "metric",
        "unit",
        "run_a",
        "run_b",
        "ratio",
        "causes",
        "unexplained",
        "latents",
        "identities",
        "evidence",
        "recommendations",
        "caveats",
    ] {
        assert!(json.get(key).is_some(), "{key}");
    }
    assert_eq!(json["verdict"], "different");
    assert_eq!(json["run_a"]["id"], "q3-8b/n64");
    let cause = &json["causes"][0];
    for key in ["cause", "from", "to", "factor", "interval", "mechanisms", "forced_by"] {
        assert!(cause.get(key).is_some(), "{key}");
    }
    let factors = |key: &str| -> f64 {
        let items = json[key].as_array().unwrap();
        items.iter().map(|item| item["factor"].as_f64().unwrap()).product()
    };
    let product = factors("causes") * factors("unexplained");
    assert!((product / json["ratio"].as_f64().unwrap() - 1.0).abs() < 1e-9);
}

#[test]
fn every_metric_of_the_runs_can_be_asked_for() {
    for metric in [
        "energy_per_token",
        "energy_per_response",
        "energy_per_total_token",
        "power",
        "throughput",
        "throughput_per_watt",
        "itl_p50",
        "itl_p90",
        "itl_p95",
        "itl_p99",
        "ttft_p50",
    ] {
        answer(&["diagnose", "q3-8b/n64", "q3-8b-fp8/n256", "--metric", metric]);
    }
}

#[test]
fn a_regression_ends_with_exit_code_three() {
    let code = |arguments: &[&str]| joules(arguments).code;
    assert_eq!(code(&["diagnose", "q3-8b/n64", "q3-8b-eager/n64", "--fail-above", "5%"]), 3);
    assert_eq!(code(&["diagnose", "q3-8b/n64", "q3-8b-eager/n64", "--fail-above", "0.5"]), 0);
    assert_eq!(code(&["diagnose", "q3-8b-eager/n64", "q3-8b/n64", "--fail-above", "5%"]), 0);
    assert_eq!(code(&["diagnose", "q3-8b/n64", "q3-8b/n64_repeat", "--fail-above", "0%"]), 0);
    assert_eq!(code(&["diagnose", "q3-8b/n64", "q3-8b-eager/n64", "--fail-above", "much"]), 2);
}

#[test]
fn questions_without_an_answer_say_why() {
    assert!(message(2, &["diagnose", "q3-8b/n64", "q3-8b/n64"]).contains("the same run"));
    assert!(message(2, &["diagnose", "q3-8b/n64", "q3-8b/n65"]).contains("did"));
    assert!(message(2, &["diagnose", "q3-8b/n64", "batch_size=7"]).contains("batch_size"));
    assert!(message(2, &["diagnose", "q3-8b/n64", "q3-8b/n32", "--metric", "joy"]).contains("no metric `joy`"));
    assert!(message(2, &["diagnose", "q3-8b/n64", "q3-8b-x/engine_idle"]).contains("no common metric"));
    assert!(message(2, &["diagnose", "q3-8b/n64", "q3-8b/n32", "--model", "nosuch"]).contains("neither a model file"));
    assert!(message(2, &["diagnose", "q3-8b/n64", "q3-8b/n32", "--repeat-a", "q3-8b/n16"]).contains("no repeat"));
}

#[test]
fn repeats_are_held_against_their_own_spread() {
    let told = answer(&["diagnose", "q3-8b/n64", "q3-8b-eager/n64", "--repeat-a", "q3-8b/n64_repeat"]);
    assert!(told.contains("q3-8b/n64 and 1 repeat"), "{told}");
}

#[test]
fn a_run_file_of_a_stranger_is_data() {
    let scratch = Scratch::new();
    let csv = "id,task,model,precision,gpu,gpus,batch_size,concurrency,prompt_tokens,output_tokens,power_w,throughput_per_s,\
               energy_per_token_j,itl_p50_s\n\
               \u{1b}[31mred,completion,Qwen/Qwen3-8B,bf16,H200,1,1024,64,200,600,690,8600,0.0802,0.007\n";
    let file = scratch.write("strange.csv", csv);
    let told = answer(&["diagnose", "q3-8b/n64", file.to_str().unwrap()]);
    assert!(!told.contains('\u{1b}'));
}

#[test]
fn the_shipped_reports_are_current() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = std::fs::read_to_string(root.join("reports/make.sh")).unwrap();
    let mut count = 0;
    let script = script.replace(" \\\n ", "");
    for line in script.lines().filter(|line| line.starts_with("joules ")) {
        let (command, report) = line.split_once(" --out ").unwrap();
        let words = shell_words(command);
        let told = answer(&words.iter().skip(1).map(String::as_str).collect::<Vec<_>>());
        assert_eq!(told, std::fs::read_to_string(root.join(report)).unwrap(), "{report}: run reports/make.sh");
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn the_readme_starts_with_an_answer_and_the_tests() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let block = readme.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let mut lines = block.lines();
    let diagnose: Vec<&str> =
        lines.next().unwrap().strip_prefix("cargo run --release -- ").unwrap().split(' ').collect();
    assert_eq!(diagnose[0], "diagnose");
    answer(&diagnose);
    assert!(lines.next().unwrap().starts_with("cargo test"));
}

#[test]
fn every_session_of_the_readme_is_what_its_command_prints() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let mut sessions = 0;
    for block in readme.split("```text\n$ joules ").skip(1) {
        let block = block.split("```").next().unwrap().replace(" \\\n   ", "");
        let (command, told) = block.split_once('\n').unwrap();
        let words: Vec<String> = shell_words(command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(answer(&words).trim_end(), told.trim_end(), "joules {command}");
        sessions += 1;
    }
    assert!(sessions >= 4, "{sessions} sessions");
}

/// The words of a command line; single quotes hold spaces.
fn shell_words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in command.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            letter => words.last_mut().unwrap().push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn a_model_without_numbers_is_not_fitted() {
    let scratch = Scratch::new();
    let model = "[model]\nname = \"bad\"\ntasks = [\"completion\"]\ndefault_metric = \"power\"\n\
                 [condition.gpus]\n[parameter.watts]\nunit = \"W\"\nprior = \"lognormal(100 W, 0.5)\"\n\
                 [metric.power]\nunit = \"W\"\nequation = \"watts * log(0.5 * gpus)\"\nnoise = { lognormal = 0.1 }\n\
                 [cause.count]\nfrom = [\"gpus\"]\n[cause.rest]\nnoise = [\"power\"]\n";
    let file = scratch.write("bad.toml", model);
    let out = scratch.path().join("fitted.toml");
    let told = message(2, &["fit", "--model", file.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert!(told.contains("`power` is not a positive number for run"), "{told}");
    assert!(!out.exists());
}

#[test]
fn a_limit_of_clients_and_one_of_the_batch_are_one_limit() {
    let json = json(&["diagnose", "q3-8b-y/n256_cap128_clean", "q3-8b-kvy/n128_clean", "--format", "json"]);
    let causes: Vec<&str> =
        json["causes"].as_array().unwrap().iter().map(|cause| cause["cause"].as_str().unwrap()).collect();
    assert_eq!(causes, ["memory_limit"], "128 requests could run in both");
}
