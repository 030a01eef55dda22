//! Predictions of what was never run: the contract of the answer, what is used and what is not, new GPUs and new models.

use std::collections::BTreeMap;

use joules::catalog::Catalog;
use joules::fit::{Fitted, Settings, fit};
use joules::import::mlenergy;
use joules::model::{Model, shipped};
use joules::predict::{Answer, predict};
use joules::runs::{Run, Store};
use joules::stats::median;

use crate::commands::{answer, json, message};
use crate::shared::{Scratch, shared_data};

const CHAT: &str = "model=Qwen/Qwen3-32B,gpu=H100,gpus=1,task=lm-arena-chat,output_tokens=700";

/// One row of the CSV answer by its header.
fn rows(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!(header, ["run", "metric", "unit", "predicted", "lower", "upper", "measured", "support"]);
    let row = |line: &str| {
        // Names of runs may hold commas and then stand in quotes.
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
        let record = reader.records().next().unwrap().unwrap();
        header.iter().map(|name| (*name).to_owned()).zip(record.iter().map(str::to_owned)).collect()
    };
    lines.map(row).collect()
}

fn number(row: &BTreeMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} of {row:?}"))
}

#[test]
fn every_run_has_every_metric_with_an_interval_around_it() {
    let found = rows(&answer(&["predict", "--runs", "data", "--format", "csv"]));
    let store = Store::embedded();
    for run in store.runs() {
        for metric in ["energy_per_token", "power", "throughput", "itl_p50"] {
            let own: Vec<_> = found.iter().filter(|row| row["run"] == run.id && row["metric"] == metric).collect();
            assert_eq!(own.len(), 1, "{} of {}", metric, run.id);
            assert!(number(own[0], "lower") < number(own[0], "predicted"));
            assert!(number(own[0], "predicted") < number(own[0], "upper"));
            if let Some(measured) = run.metrics.get(metric) {
                assert_eq!(number(own[0], "measured"), *measured);
            }
        }
    }
}

#[test]
fn measured_outcomes_of_the_runs_asked_about_are_not_used() {
    let scratch = Scratch::new();
    let csv = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/data/h200-vllm.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().clone();
    let outcomes =
        ["energy_per_token_j", "power_w", "throughput_per_s", "itl_p50_s", "running_batch", "kv_cache_capacity"];
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&header).unwrap();
    for record in reader.records() {
        let record = record.unwrap();
        let cell = |(name, value): (&str, &str)| match value.parse::<f64>() {
            Ok(value) if outcomes.contains(&name) => (3.0 * value).to_string(),
            _ => value.to_owned(),
        };
        writer.write_record(header.iter().zip(&record).map(cell)).unwrap();
    }
    let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    let changed = scratch.write("h200-vllm.csv", &text);
    let toml = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/data/h200-vllm.toml")).unwrap();
    scratch.write("h200-vllm.toml", &toml);
    let ask = |path: &str| rows(&answer(&["predict", "--runs", path, "--format", "csv"]));
    for (a, b) in ask("data/h200-vllm.csv").iter().zip(&ask(changed.to_str().unwrap())) {
        assert_eq!((&a["run"], &a["predicted"], &a["upper"]), (&b["run"], &b["predicted"], &b["upper"]));
    }
}

#[test]
fn a_grid_names_its_points_and_its_support() {
    let found = json(&["predict", CHAT, "--set", "batch_size=8..64", "--set", "gpu=H100,H200", "--format", "json"]);
    let points = found["predictions"].as_array().unwrap();
    assert_eq!(points.len(), 8);
    assert_eq!(points[0]["run"], "batch_size=8,gpu=H100");
    assert_eq!(points[0]["support"], "measured");
    assert_eq!(points[1]["support"], "unseen-task", "an H200 ran this model, but no chat");
    let energy = |point: &serde_json::Value| {
        let all = point["metrics"].as_array().unwrap();
        let own = all.iter().find(|own| own["metric"] == "energy_per_token").unwrap();
        (own["predicted"].as_f64().unwrap(), own["interval"][0].as_f64().unwrap(), own["interval"][1].as_f64().unwrap())
    };
    let (small, large) = (energy(&points[0]), energy(&points[6]));
    assert!(large.0 < small.0, "a larger batch shares the reading of weights");
    let width = |(_, lower, upper): (f64, f64, f64)| (upper / lower).ln();
    assert!(width(energy(&points[1])) > width(energy(&points[0])), "what is further away is known less");
}

#[test]
fn an_answer_is_the_same_twice_and_fits_eighty_columns() {
    let ask = || answer(&["predict", CHAT, "--set", "batch_size=8..1024"]);
    let text = ask();
    assert_eq!(text, ask());
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(answer(&["predict", "q3-8b/n64"]));
}

#[test]
fn images_have_no_energy_per_video() {
    let flux = "model=black-forest-labs/FLUX.1-dev,task=text-to-image,gpu=B200,gpus=2,batch_size=4,steps=28,height=1024,width=1024";
    let found = rows(&answer(&["predict", flux, "--format", "csv"]));
    let metrics: Vec<&str> = found.iter().map(|row| row["metric"].as_str()).collect();
    assert!(metrics.contains(&"energy_per_image") && !metrics.contains(&"energy_per_video"), "{metrics:?}");
}

#[test]
fn configurations_come_from_files_too() {
    let scratch = Scratch::new();
    let text = "[[configuration]]\nid = \"mine\"\nmodel = \"Qwen/Qwen3-8B\"\ngpu = [\"H100\", \"B200\"]\ngpus = 1\n\
                batch_size = \"16..64\"\ntask = \"gpqa\"\noutput_tokens = 7000\n";
    let file = scratch.write("mine.toml", text);
    let found = rows(&answer(&["predict", file.to_str().unwrap(), "--format", "csv", "--metric", "power"]));
    assert_eq!(found.len(), 6);
    assert_eq!(found[0]["run"], "mine,batch_size=16,gpu=H100");
}

#[test]
fn a_model_of_a_config_file_is_predicted() {
    let mixtral = "tests/configs/mixtral-8x7b.json";
    let file = format!("mistralai/Mixtral-8x7B-Instruct-v0.1={mixtral}");
    let asked =
        "model=mistralai/Mixtral-8x7B-Instruct-v0.1,gpu=H100,gpus=2,batch_size=64,task=lm-arena-chat,output_tokens=600";
    let found = rows(&answer(&["predict", asked, "--architecture", &file, "--format", "csv"]));
    let energy = found.iter().find(|row| row["metric"] == "energy_per_token").unwrap();
    assert_eq!(energy["support"], "unseen-family");
    assert!((0.05..2.0).contains(&number(energy, "predicted")), "{energy:?}");
}

#[test]
fn what_cannot_be_predicted_is_said() {
    let told = |arguments: &[&str]| message(2, arguments);
    let mut all = vec![told(&["predict"])];
    all.push(told(&["predict", "modle=Qwen/Qwen3-8B"]));
    all.push(told(&["predict", "model=Qwen/Qwen3-8B,gpu=H100,gpus=1"]));
    all.push(told(&["predict", "model=Qwen/Qwen3-8B,gpu=H300,gpus=1,batch_size=8"]));
    all.push(told(&["predict", "model=Qwen/Qwen3-8B,gpu=H100,gpus=-1,batch_size=8"]));
    all.push(told(&["predict", CHAT, "--set", "batch_size=8", "--metric", "energy"]));
    all.push(told(&["predict", CHAT, "--set", "batch_size=8", "--given", "q3-9b/n64"]));
    all.push(told(&["predict", "nothing.toml"]));
    insta::assert_snapshot!(all.join("\n\n"));
}

/// The model of language models fitted to the public runs alone: no H200 among them.
fn without_h200() -> Option<(Fitted, Catalog)> {
    let store = Store::new(mlenergy::import(&shared_data("mlenergy-v3")?).unwrap()).unwrap();
    let catalog = Catalog::embedded();
    let model = shipped().next().unwrap();
    let model = Model::parse(model.file, model.text, &catalog).unwrap();
    let runs: Vec<Run> = store.runs().cloned().collect();
    let settings = Settings { starts: 1, calibrate: false, ..Settings::default() };
    Some((fit(model, &catalog, &runs, &settings).unwrap(), catalog))
}

/// Median error of energy per token, and median half-width of its interval.
fn energy(answers: &[Answer]) -> (f64, f64) {
    let own: Vec<_> = answers.iter().filter_map(|own| own.metric("energy_per_token")).collect();
    let errors: Vec<f64> = own.iter().map(|own| (own.predicted / own.measured.unwrap() - 1.0).abs()).collect();
    let widths: Vec<f64> = own.iter().map(|own| (own.interval[1] / own.interval[0]).ln() / 2.0).collect();
    (median(&errors).unwrap(), median(&widths).unwrap())
}

#[test]
fn a_gpu_known_by_its_data_sheet_is_predicted_and_one_run_of_it_helps() {
    let Some((fitted, catalog)) = without_h200() else { return };
    let store = Store::embedded();
    // Sweeps over the load on one machine or another, without injected faults.
    let is_plain = |run: &&Run| {
        let (sweep, point) = run.id.split_once('/').unwrap();
        let plain = ["q3-8b", "q3-8b-x", "q3-32b", "q3-32b-x", "q3-30b-a3b", "q3-8b-fp8", "q3-8b-tp2"];
        plain.contains(&sweep) && point.strip_prefix('n').is_some_and(|load| load.parse::<u32>().is_ok())
    };
    let asked: Vec<Run> = store.runs().filter(is_plain).cloned().collect();
    assert!(asked.len() > 40, "{}", asked.len());
    let sheet = predict(&fitted, &catalog, &asked, &[]).unwrap();
    let given: Vec<Run> =
        ["q3-8b/n64", "q3-32b/n64", "q3-30b-a3b/n64"].iter().map(|id| store.get(id).unwrap().clone()).collect();
    let rest: Vec<Run> = asked.iter().filter(|run| given.iter().all(|own| own.id != run.id)).cloned().collect();
    let anchored = predict(&fitted, &catalog, &rest, &given).unwrap();
    let (before, after) = (energy(&sheet), energy(&anchored));
    println!("energy per token, median error and half-width: data sheet {before:.3?}, with anchors {after:.3?}");
    assert!(sheet.iter().all(|own| own.support == "unseen-gpu" || own.support == "unseen-model"));
    assert!(before.0 < 0.20, "data sheet alone: {}", before.0);
    assert!(after.0 < 0.10 && after.0 < before.0, "with anchors: {}", after.0);
    assert!(after.1 < 0.8 * before.1, "intervals: {} to {}", before.1, after.1);
}

#[test]
fn a_stalled_host_is_expected_where_a_neighbour_was_found_stalled() {
    let (catalog, fitted, _) = crate::diagnosis::embedded();
    let axes = joules::runs::axes("model=Qwen/Qwen3-14B,gpu=B200,gpus=1,task=lm-arena-chat,output_tokens=700").unwrap();
    let base = joules::runs::expand(&Run::default(), &axes).unwrap().remove(0);
    let at = |batch: f64| {
        let mut run = base.clone();
        run.conditions.insert("batch_size".to_owned(), joules::runs::Value::Number(batch));
        run
    };
    let mut seen = at(64.0);
    seen.metrics = [("throughput", 1500.0), ("itl_p50", 0.042), ("power", 320.0)]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
    let stalled = |given: &[Run]| predict(&fitted, &catalog, &[at(128.0)], given).unwrap()[0].states[0].2;
    assert!(stalled(&[seen.clone()]) > stalled(&[]) + 0.1, "{} against {}", stalled(&[seen]), stalled(&[]));
}
