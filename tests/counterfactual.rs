//! `joules whatif` as a user meets it: the real binary.

use std::fmt::Write as _;

use crate::commands::{answer, joules, json};
use crate::shared::Scratch;

const RUN: [&str; 2] = ["whatif", "q3-8b/n64"];

fn ask(more: &[&str]) -> Vec<String> {
    RUN.iter().chain(more).map(|own| (*own).to_owned()).collect()
}

fn told(more: &[&str]) -> String {
    answer(&ask(more).iter().map(String::as_str).collect::<Vec<_>>())
}

/// Lines of a terminal, no empty section, nothing that is no number.
fn assert_readable(told: &str) {
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    assert!(!told.contains("NaN") && !told.contains("inf ") && !told.contains("0.0 %,"), "{told}");
    let lines: Vec<&str> = told.lines().filter(|line| !line.is_empty()).collect();
    let is_rule = |line: &str| line.chars().all(|c| c == '─') && line.len() < 200;
    let heading = |at: usize| is_rule(lines[at]) && at > 0 && !lines[at - 1].contains("  ");
    for at in 2..lines.len().saturating_sub(1) {
        assert!(!(heading(at) && at + 2 < lines.len() && heading(at + 2)), "an empty section: {told}");
    }
}

#[test]
fn an_answer_fits_eighty_columns() {
    let one = told(&["--set", "precision=fp8"]);
    assert_readable(&one);
    insta::assert_snapshot!("whatif_one", one);
    let grid = told(&["--set", "gpus=1,2,3", "--set", "concurrency=16..256", "--budget", "itl_p50=8ms"]);
    assert_readable(&grid);
    insta::assert_snapshot!("whatif_grid", grid);
}

#[test]
fn answers_of_every_kind_are_readable() {
    for sets in [
        &["sm_clock=1.2GHz"][..],
        &["power_limit=500W"],
        &["precision=bf16"],
        &["batch_size=512"],
        &["batch_size=512..4096"],
        &["task=gpqa"],
        &["gpus=3"],
        &["concurrency=100000", "batch_size=100000"],
        &["concurrency=100000,200000", "batch_size=100000,200000"],
        &["model=openai/gpt-oss-120b", "gpu=B200"],
        &["gpu=H200,H100,B200", "gpus=1..8", "concurrency=1..1024"],
    ] {
        let more: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        assert_readable(&told(&more));
        assert_readable(&told(&[&more[..], &["--metric", "itl_p50"]].concat()));
    }
}

#[test]
fn the_same_question_has_the_same_bytes_for_an_answer() {
    for format in ["text", "json", "markdown", "html"] {
        let more = ["--set", "gpus=1,2", "--set", "concurrency=8..64", "--format", format];
        assert_eq!(told(&more), told(&more), "{format}");
    }
}

#[test]
fn the_json_of_an_answer_keeps_its_contract() {
    let more = ["--set", "precision=fp8", "--set", "batch_size=64", "--format", "json"];
    let json = json(&ask(&more).iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(json["reference"], "q3-8b/n64");
    assert!(json["metrics_reference"]["energy_per_token"].as_f64().unwrap() > 0.0);
    let answer = &json["answers"][0];
    assert_eq!(answer["do"], serde_json::json!({ "precision": "fp8", "batch_size": 64 }));
    assert_eq!((&answer["feasible"], &answer["limits"]), (&serde_json::json!(true), &serde_json::json!([])));
    for key in ["support", "mechanisms", "caveats", "feasibility", "needs", "nearest", "frontier", "within_budgets"] {
        assert!(answer.get(key).is_some(), "{key}");
    }
    for metric in answer["metrics"].as_array().unwrap() {
        for key in ["metric", "unit", "predicted", "interval", "factor", "factor_interval"] {
            assert!(metric.get(key).is_some(), "{key}");
        }
    }
}

#[test]
fn what_has_no_answer_is_told_why() {
    let scratch = Scratch::new();
    let file = scratch
        .write("own.csv", "id,task,model,precision,gpu,gpus,batch_size\nx,singing,Qwen/Qwen3-8B,bf16,H200,1,64\n");
    let own = file.to_str().unwrap();
    let run = "q3-8b/n64";
    let mut text = String::new();
    let mut refused = |arguments: &[&str]| {
        let told = joules(&[&["whatif"][..], arguments].concat());
        assert_eq!((told.code, told.out.as_str()), (2, ""), "{arguments:?}: {}", told.err);
        assert!(told.err.contains("help:") && !told.err.contains('\u{1b}'), "{}", told.err);
        let shown: Vec<&str> =
            arguments.iter().map(|own| if own.ends_with("own.csv") { "own.csv" } else { own }).collect();
        let _ = writeln!(text, "$ joules whatif {}\n{}", shown.join(" "), told.err.trim_end());
    };
    refused(&[run]);
    refused(&[run, "--set", ","]);
    for set in [
        "batch_sze=4",
        "batch_size",
        "batch_size=",
        "batch_size=-3",
        "batch_size=0",
        "batch_size=many",
        "batch_size=9..3",
        "batch_size=8..",
        "batch_size=8..64/0",
        "batch_size=1..9000000/1",
        "gpus=1.5",
        "gpu=H900",
        "model=Qwen/Qwen3-9B",
        "precision=fp4",
        "task=completon",
        "gpu_memory_utilization=1.5",
    ] {
        refused(&[run, "--set", set]);
    }
    refused(&[run, "--set", "gpus=2", "--set", "gpus=4"]);
    refused(&[run, "--set", "gpus=2", "--metric", "pwer"]);
    for budget in ["itl_p50", "itl_p50=50", "itl_p50=50W", "itl_p50=-5ms", "itl_p50=", "pwer=5W", "power>=1e999W"] {
        refused(&[run, "--set", "gpus=2", "--budget", budget]);
    }
    refused(&["q3-8b/n65", "--set", "gpus=2"]);
    refused(&["gpus=2,model=Qwen/Qwen3-32B", "--set", "gpus=2"]);
    refused(&["model=Qwen/Qwen3-30B-A3B", "--set", "gpus=2"]);
    refused(&[own, "--set", "gpus=2"]);
    refused(&[run, "--set", "gpus=2", "--model", "tests/models/kettle.toml"]);
    insta::assert_snapshot!(text);
}

#[test]
fn one_setting_at_a_time_is_checked_against_pairs_of_runs() {
    let told = answer(&["check", "--whatif"]);
    assert!(told.contains("energy_per_token") && told.contains("precision changes"), "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    let json = json(&["check", "--whatif", "--format", "json"]);
    let scores = json["models"][0]["what_if"].as_array().unwrap();
    assert!(!scores.is_empty());
    for score in scores {
        assert!(score["pairs"].as_u64() >= score["decided"].as_u64() && score["pairs"].as_u64() > Some(0));
        assert!(["right", "inside"].iter().all(|key| score[key].is_null() || score[key].as_f64().unwrap() <= 1.0));
    }
}
