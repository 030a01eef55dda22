//! Import of the leaderboard's tree: nothing lost, nothing twice, and every fault named.

use std::collections::BTreeMap;
use std::path::Path;

use joules::import::mlenergy;
use joules::runs::{Run, Store};
use serde_json::{Value as Json, json};

use crate::shared::{Scratch, shared_data};

/// Field of the source, name here, units of the source in one of ours.
const NUMBERS: &[(&str, &str, f64)] = &[
    ("num_gpus", "gpus", 1.0),
    ("max_num_seqs", "batch_size", 1.0),
    ("batch_size", "batch_size", 1.0),
    ("avg_batch_size", "running_batch", 1.0),
    ("avg_output_len", "output_tokens", 1.0),
    ("avg_power_watts", "power", 1.0),
    ("energy_per_token_joules", "energy_per_token", 1.0),
    ("energy_per_request_joules", "energy_per_response", 1.0),
    ("output_throughput_tokens_per_sec", "throughput", 1.0),
    ("median_itl_ms", "itl_p50", 1e3),
    ("p90_itl_ms", "itl_p90", 1e3),
    ("p95_itl_ms", "itl_p95", 1e3),
    ("p99_itl_ms", "itl_p99", 1e3),
    ("tensor_parallel", "tensor_parallel", 1.0),
    ("expert_parallel", "expert_parallel", 1.0),
    ("data_parallel", "data_parallel", 1.0),
    ("ulysses_degree", "ulysses", 1.0),
    ("ring_degree", "ring", 1.0),
    ("inference_steps", "steps", 1.0),
    ("image_height", "height", 1.0),
    ("image_width", "width", 1.0),
    ("video_height", "height", 1.0),
    ("video_width", "width", 1.0),
    ("num_frames", "frames", 1.0),
    ("batch_latency_s", "batch_latency", 1.0),
    ("energy_per_image_joules", "energy_per_image", 1.0),
    ("energy_per_video_joules", "energy_per_video", 1.0),
    ("throughput_images_per_sec", "throughput", 1.0),
    ("throughput_videos_per_sec", "throughput", 1.0),
    ("fps", "fps", 1.0),
    ("activated_params_billions", "activated_params_billions", 1.0),
    ("total_params_billions", "total_params_billions", 1.0),
];

fn number(run: &Run, name: &str) -> Option<f64> {
    run.number(name)
        .or_else(|| run.observed.get(name).copied())
        .or_else(|| run.metrics.get(name).copied())
        .or_else(|| run.details.get(name)?.parse().ok())
}

#[test]
fn every_number_of_the_leaderboard_is_in_the_store_that_was_written_and_read() {
    let Some(tree) = shared_data("mlenergy-v3") else { return };
    let sweeps = mlenergy::import(&tree).unwrap();
    let written = Store::new(sweeps).unwrap();
    let scratch = Scratch::new();
    written.write(scratch.path()).unwrap();
    let store = Store::read(scratch.path()).unwrap();
    assert_eq!(store.len(), 1322);
    let mut of_name = written.sweeps.clone();
    of_name.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(store.sweeps, of_name);

    for sweep in &store.sweeps {
        let text = std::fs::read_to_string(tree.join(format!("tasks/{}.json", sweep.name))).unwrap();
        let json: Json = serde_json::from_str(&text).unwrap();
        let rows = json["configurations"].as_array().unwrap();
        assert_eq!(rows.len(), sweep.runs.len(), "{}", sweep.name);
        for (row, run) in rows.iter().zip(&sweep.runs) {
            assert_eq!(row["model_id"].as_str(), run.name("checkpoint"));
            assert_eq!(row["gpu_model"].as_str(), run.name("gpu"));
            for (field, value) in row.as_object().unwrap() {
                let Some(value) = value.as_f64() else { continue };
                let (_, name, per_ours) = NUMBERS.iter().find(|(own, ..)| own == field).expect(field);
                assert_eq!(number(run, name), Some(value / per_ours), "{}: {field}", run.id);
            }
            let is_serving = run.name("modality").is_some();
            assert_eq!(run.number("output_tokens_dispersion").is_some_and(|d| d >= 1.0), is_serving, "{}", run.id);
            assert_eq!(run.number("request_repeats").is_some(), is_serving, "{}", run.id);
        }
    }
}

#[test]
fn precision_suffixes_leave_the_model_and_stay_in_the_checkpoint() {
    let Some(tree) = shared_data("mlenergy-v3") else { return };
    let store = Store::new(mlenergy::import(&tree).unwrap()).unwrap();
    let both = "model=Qwen/Qwen3-235B-A22B-Instruct-2507,gpu=B200,gpus=4,batch_size=8";
    assert_eq!(store.find(both).unwrap().name("precision"), Some("bf16"));
    let fp8 = "model_id=Qwen/Qwen3-235B-A22B-Instruct-2507-FP8,gpu_model=B200,num_gpus=2,max_num_seqs=8";
    let run = store.find(fp8).unwrap();
    assert_eq!((run.name("precision"), run.number("gpus")), (Some("fp8"), Some(2.0)));
    assert_eq!(run.name("model"), Some("Qwen/Qwen3-235B-A22B-Instruct-2507"));
    assert_eq!(run.id, "lm-arena-chat/Qwen3-235B-A22B-Instruct-2507/fp8/2xB200/b8");
    let notes: Vec<&Run> = store.runs().filter(|run| run.details.contains_key("parallelization")).collect();
    assert!(notes.iter().all(|run| run.number("data_parallel") > Some(1.0)) && !notes.is_empty());
}

#[test]
fn a_task_and_a_model_file_alone_give_the_same_runs() {
    let Some(tree) = shared_data("mlenergy-v3") else { return };
    let (tasks, models) = (Scratch::new(), Scratch::new());
    for (part, scratch) in [("tasks", &tasks), ("models", &models)] {
        for file in std::fs::read_dir(tree.join(part)).unwrap().flatten() {
            let text = std::fs::read_to_string(file.path()).unwrap();
            scratch.write(&format!("{part}/{}", file.file_name().to_string_lossy()), &text);
        }
    }
    let by_id = |path: &Path| -> BTreeMap<String, BTreeMap<String, f64>> {
        let runs = mlenergy::import(path).unwrap().into_iter().flat_map(|sweep| sweep.runs);
        runs.map(|run| (run.id, run.metrics)).collect()
    };
    assert_eq!(by_id(tasks.path()), by_id(models.path()));
    assert_eq!(by_id(tasks.path()).len(), 1322);
}

/// A row of chat serving, made up.
fn row(batch: u64, energy: f64) -> Json {
    json!({"activated_params_billions": 8.0, "architecture": "Dense Transformer", "avg_batch_size": batch as f64 - 0.1,
        "avg_output_len": 500.0, "avg_power_watts": 400.0 + energy, "data_parallel": 1,
        "energy_per_request_joules": 500.0 * energy, "energy_per_token_joules": energy, "expert_parallel": 1,
        "gpu_model": "H100", "max_num_seqs": batch, "median_itl_ms": 12.5, "model_id": "Org/Chat-8B",
        "nickname": "Chat 8B", "num_gpus": 1, "output_throughput_tokens_per_sec": 400.0 / energy, "p90_itl_ms": 13.0,
        "p95_itl_ms": 14.0, "p99_itl_ms": 15.0, "tensor_parallel": 1, "total_params_billions": 8.0,
        "weight_precision": "bfloat16"})
}

fn task(rows: &[Json]) -> Json {
    json!({"task": "lm-arena-chat", "task_display_name": "Chat", "configurations": rows})
}

/// The model's file of the same rows.
fn model(rows: &[Json]) -> Json {
    let of_model = ["model_id", "nickname", "architecture", "weight_precision", "activated_params_billions"];
    let rows: Vec<Json> = rows
        .iter()
        .map(|row| {
            let mut row = row.as_object().unwrap().clone();
            row.retain(|key, _| !of_model.contains(&key.as_str()) && !key.ends_with("parallel"));
            row.insert(
                "parallelization".into(),
                json!({"tensor_parallel": 1, "expert_parallel": 1, "data_parallel": 1, "notes": ""}),
            );
            row.insert(
                "output_length_distribution".into(),
                json!({"bins": [0.0, 500.0, 1500.0], "counts": [1024, 1024]}),
            );
            Json::Object(row)
        })
        .collect();
    json!({"task": "lm-arena-chat", "model_id": "Org/Chat-8B", "weight_precision": "bfloat16", "configurations": rows})
}

/// The message for a tree of these files.
fn message(files: &[(&str, String)]) -> String {
    let scratch = Scratch::new();
    for (name, text) in files {
        scratch.write(name, text);
    }
    let error = mlenergy::import(scratch.path()).unwrap_err();
    error.to_string().replace(&scratch.path().display().to_string(), "TREE")
}

#[test]
fn repeated_configurations_stay_apart_and_keep_their_order() {
    let rows = [row(8, 0.5), row(8, 0.6), row(16, 0.3)];
    let scratch = Scratch::new();
    scratch.write("tasks/lm-arena-chat.json", &task(&rows).to_string());
    // The twins in another order, and a row that only the model's file has.
    let twins = [rows[1].clone(), rows[2].clone(), rows[0].clone(), row(32, 0.2)];
    scratch.write("models/Org__Chat-8B__lm-arena-chat.json", &model(&twins).to_string());
    let sweep = mlenergy::import(scratch.path()).unwrap().remove(0);
    let found: Vec<(&str, f64)> =
        sweep.runs.iter().map(|run| (run.id.as_str(), run.metrics["energy_per_token"])).collect();
    let expected = [
        ("lm-arena-chat/Chat-8B/bf16/1xH100/b8", 0.5),
        ("lm-arena-chat/Chat-8B/bf16/1xH100/b8#2", 0.6),
        ("lm-arena-chat/Chat-8B/bf16/1xH100/b16", 0.3),
        ("lm-arena-chat/Chat-8B/bf16/1xH100/b32", 0.2),
    ];
    assert_eq!(found, expected);
    assert!(sweep.runs.iter().all(|run| run.number("request_repeats") == Some(2.0)));
    assert!(sweep.runs.iter().all(|run| run.details["assumed"] == "engine, engine_version"));
}

#[test]
fn a_field_that_nobody_reads_is_tolerated_and_noted() {
    let mut odd = row(8, 0.5);
    odd["co2_grams"] = json!(3);
    let scratch = Scratch::new();
    scratch.write("tasks/lm-arena-chat.json", &task(&[odd]).to_string());
    let sweep = mlenergy::import(scratch.path()).unwrap().remove(0);
    assert_eq!(sweep.provenance["ignored_fields"].as_array().unwrap()[0].as_str(), Some("co2_grams"));
}

#[test]
fn each_malformed_row_is_named_with_what_was_expected() {
    let case = |field: &str, value: Json, expected: &str| {
        let mut bad = row(8, 0.5);
        if value.is_null() {
            bad.as_object_mut().unwrap().remove(field);
        } else {
            bad[field] = value;
        }
        let text = message(&[("tasks/lm-arena-chat.json", task(&[row(16, 0.3), bad]).to_string())]);
        let line = format!("tasks/lm-arena-chat.json, `configurations[1].{field}`: {expected}");
        assert!(text.contains(&line), "{text}\nshould have\n{line}");
        assert!(text.starts_with("`TREE` has 1 fault:\n"), "{text}");
    };
    case("num_gpus", json!("two"), "expected a number, found the text \"two\"");
    case("num_gpus", Json::Null, "missing");
    case("num_gpus", json!(0), "`0` is not a whole number of at least 1");
    case("max_num_seqs", json!(8.5), "`8.5` is not a whole number of at least 1");
    case("gpu_model", json!(100), "expected a text, found `100`");
    case("avg_power_watts", json!(-5.0), "`-5` is negative");
    case("energy_per_token_joules", json!([1]), "expected a number, found a list");
    case("median_itl_ms", json!(0), "`0` is not above zero; leave it out if it was not measured");
    case("weight_precision", json!("int3"), "`int3` is unknown; known are `bfloat16`, `fp8` and `mxfp4`");
}

#[test]
fn each_malformed_file_is_named_and_all_faults_come_at_once() {
    let good = task(&[row(8, 0.5)]).to_string();
    let text = message(&[
        ("tasks/a.json", good[..100].to_owned()),
        ("tasks/b.json", json!({"task": "poetry", "configurations": []}).to_string()),
        ("tasks/c.json", json!([1, 2]).to_string()),
        ("tasks/d.json", json!({"task": "gpqa", "configurations": {}}).to_string()),
        ("models/e.json", good.replace("0.5", "NaN")),
        ("index.json", "{".to_owned()),
    ]);
    let expected = [
        "`TREE` has 6 faults:",
        "index.json:1:1: this is not JSON: the file ends too early",
        "tasks/a.json:1:100: this is not JSON: the file ends too early",
        "tasks/b.json, `task`: `poetry` is unknown; known are gpqa, lm-arena-chat, sourcegraph-fim, image-chat",
        "tasks/c.json: expected an object, found a list",
        "tasks/d.json, `configurations`: expected a list, found an object",
        "models/e.json:1:",
    ];
    for part in expected {
        assert!(text.contains(part), "{text}\nshould have\n{part}");
    }
}

#[test]
fn twins_that_disagree_are_both_named() {
    let rows = [row(8, 0.5), row(16, 0.3)];
    let tree = |twins: &[Json]| {
        message(&[("tasks/lm-arena-chat.json", task(&rows).to_string()), ("models/m.json", model(twins).to_string())])
    };
    let mut twin = rows[0].clone();
    twin["p99_itl_ms"] = json!(99.0);
    let text = tree(&[twin, rows[1].clone()]);
    let line = "tasks/lm-arena-chat.json, `configurations[0].p99_itl_ms`: `15.0` here, but `99.0` in models/m.json, \
                `configurations[0].p99_itl_ms`";
    assert!(text.contains(line), "{text}");
    // A knob that disagrees is no third row.
    let mut twin = rows[1].clone();
    twin["num_gpus"] = json!(2);
    let text = tree(&[rows[0].clone(), twin]);
    assert!(text.contains("`configurations[1].num_gpus`: `1` here, but `2` in models/m.json"), "{text}");
    let twice = message(&[("tasks/a.json", task(&rows).to_string()), ("tasks/b.json", task(&rows).to_string())]);
    assert!(twice.contains("tasks/b.json: `tasks/a.json` holds the same rows already"), "{twice}");
}

#[test]
fn folders_that_are_no_leaderboard_are_said_to_be_none() {
    assert_eq!(message(&[]), "`TREE` is an empty folder");
    let text = message(&[("notes.txt", "x".to_owned())]);
    assert!(text.contains("is not a leaderboard: it has neither"), "{text}");
    let text = message(&[("index.json", "{\"models\":{}}".to_owned())]);
    assert_eq!(text, "`TREE` holds no row");
    let error = mlenergy::import(Path::new("no/such/folder")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read `no/such/folder`");
}

#[test]
fn a_broken_histogram_is_named_in_the_file_that_has_it() {
    let rows = [row(8, 0.5)];
    let mut models = model(&rows);
    models["configurations"][0]["output_length_distribution"]["counts"] = json!([1]);
    let text = message(&[("tasks/t.json", task(&rows).to_string()), ("models/m.json", models.to_string())]);
    let line = "models/m.json, `configurations[0].output_length_distribution`: a histogram needs one bin edge more";
    assert!(text.contains(line), "{text}");
}
