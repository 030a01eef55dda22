//! The program as people and other programs meet it: exit codes, answers, messages.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::shared::Scratch;

/// What a call of the program gave.
pub(crate) struct Told {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn joules(arguments: &[&str]) -> Told {
    let output = Command::new(env!("CARGO_BIN_EXE_joules"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo builds the binary before its tests");
    let text = |bytes| String::from_utf8(bytes).expect("answers are text");
    Told { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// The answer of a call that must succeed.
pub(crate) fn answer(arguments: &[&str]) -> String {
    let told = joules(arguments);
    assert_eq!(told.code, 0, "{arguments:?}: {}", told.err);
    assert!(told.out.ends_with('\n'), "{arguments:?} ends in the middle of a line");
    told.out
}

/// The message of a call that must fail with this exit code, and answer nothing.
pub(crate) fn message(code: i32, arguments: &[&str]) -> String {
    let told = joules(arguments);
    assert_eq!((told.code, told.out.as_str()), (code, ""), "{arguments:?}: {}", told.err);
    assert!(!told.err.contains('\u{1b}'), "color where there is no terminal");
    // As one line: where a message is wrapped is not what it says.
    told.err.replace(['│', '\n'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) fn json(arguments: &[&str]) -> serde_json::Value {
    serde_json::from_str(&answer(arguments)).expect("JSON answers are JSON")
}

const KETTLE: [&str; 3] = ["graph", "--model", "tests/models/kettle.toml"];

fn kettle(more: &[&str]) -> String {
    answer(&[&KETTLE, more].concat())
}

#[test]
fn without_a_command_the_help_is_told_and_the_usage_is_bad() {
    assert!(message(2, &[]).contains("Usage: joules [OPTIONS] <COMMAND>"));
    assert!(message(2, &["burn"]).contains("unrecognized subcommand 'burn'"));
    assert!(answer(&["--help"]).contains("import"));
    assert_eq!(answer(&["--version"]), format!("joules {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn runs_are_listed_within_eighty_columns() {
    let list = answer(&["runs", "--where", "model=Qwen/Qwen3-32B"]);
    assert!(list.lines().all(|line| line.chars().count() <= 80));
    insta::assert_snapshot!(list);
    insta::assert_snapshot!(
        "runs_with_metrics",
        answer(&["runs", "--where", "gpus=2", "--metric", "power", "--metric", "itl_p50"])
    );
}

#[test]
fn a_run_is_shown_wholly() {
    insta::assert_snapshot!(answer(&["runs", "q3-8b/n64"]));
}

#[test]
fn two_runs_are_compared_by_what_differs() {
    insta::assert_snapshot!(answer(&["runs", "--compare", "q3-8b/n64", "q3-8b/n64_cpupin"]));
}

#[test]
fn exported_runs_read_back() {
    let scratch = Scratch::new();
    let file = scratch.path().join("all.csv");
    let file = file.to_str().unwrap();
    assert_eq!(answer_or_nothing(&["runs", "--format", "csv", "--out", file]), "");
    assert_eq!(json(&["runs", "--runs", file, "--format", "json"])["runs"].as_array().unwrap().len(), 134);
    let one = json(&["runs", "q3-8b/n64", "--format", "json"]);
    assert_eq!(one["runs"][0]["conditions"]["model"], "Qwen/Qwen3-8B");
    assert_eq!(json(&["runs", "--where", "gpus=64", "--format", "json"])["runs"], serde_json::json!([]));
}

/// As [`answer`], for answers that go to a file.
fn answer_or_nothing(arguments: &[&str]) -> String {
    let told = joules(arguments);
    assert_eq!(told.code, 0, "{arguments:?}: {}", told.err);
    told.out
}

#[test]
fn what_is_no_run_is_told_with_the_nearest() {
    assert!(message(2, &["runs", "q3-8b/n65"]).contains("`q3-8b/n65` is no run"));
    assert!(message(2, &["runs", "gpus=3,model=Qwen/Qwen3-8B"]).contains("the nearest"));
    assert!(message(2, &["runs", "gpus=1"]).contains("matches"));
    assert!(message(2, &["runs", "--metric", "pwer"]).contains("did you mean `power`?"));
    assert!(message(2, &["runs", "--where", "batch_sze=8"]).contains("did you mean `batch_size`?"));
    assert!(message(2, &["runs", "--compare", "q3-8b/n64"]).contains("2 values required"));
}

#[test]
fn a_store_that_is_none_is_refused() {
    let scratch = Scratch::new();
    let folder = scratch.path().to_str().unwrap();
    assert!(message(2, &["runs", "--runs", folder]).contains("holds no run"));
    assert!(message(2, &["runs", "--runs", &format!("{folder}/absent")]).contains("cannot read"));
    assert!(message(2, &["graph", "--fitted", folder]).contains("cannot read"));
    let sweep = scratch.write("bad.csv", "id,gpu,power_w\na,H100,NaN\nb,H100,-3\n");
    let told = message(2, &["runs", "--runs", sweep.to_str().unwrap()]);
    assert!(told.contains("has 2 faults") && told.contains("line 2, column `power_w`: `NaN` is not finite"), "{told}");
    assert!(message(1, &["runs", "--out", &format!("{folder}/absent/list.txt")]).contains("cannot write"));
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_joules"))
        .args(["graph", "--format", "svg"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn a_small_graph_is_drawn_whole() {
    insta::assert_snapshot!("graph_text", kettle(&["--equations"]));
    insta::assert_snapshot!("graph_dot", kettle(&["--format", "dot"]));
    insta::assert_snapshot!("graph_mermaid", kettle(&["--format", "mermaid"]));
    insta::assert_snapshot!("graph_paths", kettle(&["--from", "mass", "--to", "energy"]));
    insta::assert_snapshot!("graph_json", kettle(&["--to", "loss", "--format", "json"]));
}

#[test]
fn a_picture_has_a_box_for_every_node_and_a_curve_for_every_edge() {
    let svg = kettle(&["--format", "svg"]);
    assert_eq!(svg.matches("<path").count(), 8);
    // Seven nodes and five roles in the legend, on one page.
    assert_eq!(svg.matches("<rect").count(), 7 + 5 + 1);
    assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"));
}

#[test]
fn the_shipped_graph_has_estimates_and_paths() {
    let told = answer(&["graph", "--node", "weight_bandwidth"]);
    for part in ["gpu.memory_bandwidth * weight_read_efficiency", "· H100", "decided by data"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    let between = json(&["graph", "--from", "batch_size", "--to", "power", "--format", "json", "--limit", "5"]);
    let lengths: Vec<usize> =
        between["paths"].as_array().unwrap().iter().map(|path| path.as_array().unwrap().len()).collect();
    assert!(lengths.len() == 5 && lengths.is_sorted());
    assert!(answer(&["graph"]).lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn what_is_no_node_or_no_cause_is_told() {
    assert!(message(2, &["graph", "--node", "wieght_bytes"]).contains("did you mean `weight_bytes`?"));
    assert!(message(2, &["graph", "--from", "power", "--to", "gpus"]).contains("only from the second to the first"));
    assert!(message(2, &["graph", "--model", "absent.toml"]).contains("neither a model file nor the name"));
}

#[test]
fn a_cycle_is_told_with_its_place() {
    let told = message(2, &["graph", "--model", "tests/faulty/model/cycle.toml"]);
    assert!(told.contains("head → loss → head") && told.contains("closes the cycle"), "{told}");
}

#[test]
fn a_fit_says_the_same_twice_and_its_file_is_read() {
    let scratch = Scratch::new();
    let file = scratch.path().join("fitted.toml");
    let file = file.to_str().unwrap();
    let call = ["fit", "--starts", "1", "--iterations", "36", "--out", file];
    let told = answer(&call);
    for part in ["h200-vllm 67", "energy_per_token", "What the data leave open", "decided by data"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(told.lines().all(|line| line.chars().count() <= 80));
    let first = std::fs::read_to_string(file).unwrap();
    assert_eq!(answer(&call), told);
    assert_eq!(std::fs::read_to_string(file).unwrap(), first);
    assert!(answer(&["graph", "--fitted", file, "--node", "weight_bandwidth"]).contains("· H200"));
    let other = ["graph", "--fitted", file, "--model", "tests/models/kettle.toml"];
    assert!(message(2, &other).contains("was fitted with model `llm-serving`"));
    assert!(message(2, &["graph", "--fitted", "tests/models/kettle.toml"]).contains("not a file of fitted parameters"));
}

#[test]
fn a_fit_without_runs_is_refused() {
    assert!(message(2, &["fit", "--where", "gpus=64"]).contains("no run is left of the 134 given"));
    assert!(message(2, &["fit", "--model", "tests/models/kettle.toml"]).contains("`mass`"));
    let scratch = Scratch::new();
    let sweep = scratch.write("other.csv", "id,task,gpu,gpus,power_w\na,knitting,H100,1,400\n");
    assert!(
        message(2, &["fit", "--runs", sweep.to_str().unwrap()])
            .contains("no shipped model is for runs of task `knitting`")
    );
}

#[test]
fn an_import_says_what_it_brought() {
    let scratch = Scratch::new();
    let store = scratch.path().join("store");
    let to = ["--out", store.to_str().unwrap()];
    let told = answer(&[&["import", "data/h200-vllm.csv"], &to[..]].concat());
    assert!(told.contains("Imported 67 runs in 1 sweep") && told.contains("running_batch"), "{told}");
    assert_eq!(json(&["runs", "--runs", to[1], "--format", "json"])["runs"].as_array().unwrap().len(), 67);
    assert!(answer(&["import", "--inspect", "data/h200-vllm.csv"]).contains("Nothing was written"));
    assert!(message(2, &["import", "data/h200-vllm.csv"]).contains("--out <DIR>"));
    assert!(message(2, &["import", "parquet", "data/h200-vllm.csv", "--inspect"]).contains("possible values"));
}

#[test]
fn a_bad_import_writes_nothing() {
    let scratch = Scratch::new();
    let tree = scratch.path().join("leaderboard");
    scratch.write("leaderboard/index.json", "{\"models\": {}}");
    scratch.write("leaderboard/tasks/gpqa.json", "{\"task\": \"gpqa\", \"configurations\": [{\"model_id\": \"Qw");
    let store = scratch.path().join("store");
    let told = message(2, &["import", "mlenergy", tree.to_str().unwrap(), "--out", store.to_str().unwrap()]);
    assert!(told.contains("tasks/gpqa.json:1:") && told.contains("not JSON"), "{told}");
    assert!(!Path::new(&store).exists());
    let foreign = scratch.write("foreign.csv", "batch,joules\n8,3\n");
    assert!(
        message(2, &["import", foreign.to_str().unwrap(), "--out", store.to_str().unwrap()]).contains("needs a map")
    );
    assert!(!Path::new(&store).exists());
}
