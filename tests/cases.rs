//! Pairs of measured public runs with known root causes.
//!
//! Prints one line per case: expected causes, first cause found, and the whole answer in log units.

use std::sync::OnceLock;

use joules::catalog::Catalog;
use joules::diagnose::{Diagnosis, diagnose};
use joules::fit::{Fitted, Settings, fit};
use joules::import::mlenergy;
use joules::model::{Model, shipped};
use joules::runs::{Run, Store};

use crate::shared::shared_data;

/// Public runs, and the shipped model of language models fitted to them and to the embedded ones.
pub(crate) fn public() -> Option<&'static (Store, Fitted)> {
    static PUBLIC: OnceLock<Option<(Store, Fitted)>> = OnceLock::new();
    PUBLIC.get_or_init(|| fitted_to_public(0)).as_ref()
}

/// Public runs, and one of the shipped models fitted to them and to the embedded ones.
fn fitted_to_public(index: usize) -> Option<(Store, Fitted)> {
    let store = Store::new(mlenergy::import(&shared_data("mlenergy-v3")?).unwrap()).unwrap();
    let catalog = Catalog::embedded();
    let model = shipped().nth(index).unwrap();
    let model = Model::parse(model.file, model.text, &catalog).unwrap();
    let runs: Vec<Run> = store.runs().chain(Store::embedded().runs()).cloned().collect();
    let settings = Settings { starts: 1, calibrate: false, ..Settings::default() };
    Some((store, fit(model, &catalog, &runs, &settings).unwrap()))
}

struct Case {
    id: String,
    kind: String,
    a: String,
    b: String,
    metric: String,
    ratio: f64,
    expected: Vec<String>,
    ruled_out: Vec<String>,
}

fn cases(text: &str) -> Vec<Case> {
    let table: toml::Table = toml::from_str(text).unwrap();
    let strings = |value: Option<&toml::Value>| -> Vec<String> {
        value.map_or_else(Vec::new, |value| {
            value.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
        })
    };
    let selector = |value: &toml::Value| {
        let keys = value.as_table().unwrap().iter();
        keys.map(|(key, value)| format!("{key}={}", value.to_string().trim_matches('"'))).collect::<Vec<_>>().join(",")
    };
    let metric = |name: &str| {
        match name {
            "median_itl_ms" => "itl_p50",
            "energy_per_token_joules" => "energy_per_token",
            "energy_per_request_joules" => "energy_per_response",
            "energy_per_image_joules" => "energy_per_image",
            "energy_per_video_joules" => "energy_per_video",
            "batch_latency_s" => "batch_latency",
            other => other,
        }
        .to_owned()
    };
    table["case"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| Case {
            id: case["id"].as_str().unwrap().to_owned(),
            kind: case["kind"].as_str().unwrap().to_owned(),
            a: selector(&case["run_a"]),
            b: selector(&case["run_b"]),
            metric: metric(case["metric"].as_str().unwrap()),
            ratio: case["ratio"].as_float().unwrap(),
            expected: strings(case.get("expected_root_causes")),
            ruled_out: strings(case.get("ruled_out")),
        })
        .collect()
}

fn line(diagnosis: &Diagnosis) -> String {
    let causes = diagnosis.causes.iter().map(|cause| format!("{} {:+.2}", cause.cause, cause.factor.ln()));
    let rest = diagnosis.unexplained.iter().map(|term| format!("{} {:+.2}", term.cause, term.factor.ln()));
    format!("{} | {}", causes.collect::<Vec<_>>().join(", "), rest.collect::<Vec<_>>().join(", "))
}

#[test]
fn the_first_cause_of_public_pairs_is_an_expected_one() {
    let Some((store, fitted)) = public() else { return };
    check_cases(store, fitted);
}

#[test]
fn the_first_cause_of_public_diffusion_pairs_is_an_expected_one() {
    let Some((store, fitted)) = fitted_to_public(1) else { return };
    check_cases(&store, &fitted);
}

/// Nine in ten of the cases of the model's tasks must name an expected cause first.
fn check_cases(store: &Store, fitted: &Fitted) {
    let Some(folder) = shared_data("mlenergy-v3") else { return };
    let text = std::fs::read_to_string(folder.join("../diagnosis_cases.toml")).unwrap();
    let catalog = Catalog::embedded();
    let runs: Vec<&Run> = store.runs().collect();
    let (mut found, mut total) = (0, 0);
    for case in cases(&text) {
        let a = store.find(&case.a).unwrap();
        let b = store.find(&case.b).unwrap();
        if !fitted.model.takes_run(&a) {
            continue;
        }
        let diagnosis = diagnose(fitted, &catalog, &runs, &a, &b, Some(&case.metric)).unwrap();
        assert!((diagnosis.ratio / case.ratio - 1.0).abs() < 1e-4, "{}", case.id);
        assert_eq!(diagnosis.ratio > 1.0, case.ratio > 1.0, "{}: direction", case.id);
        let first = &diagnosis.causes[0].cause;
        for cause in &case.ruled_out {
            // In the vocabulary of the cases the model is one cause, the task is another.
            let names: &[&str] = match cause.as_str() {
                "model" => &["total_params", "active_params", "architecture"],
                "task" => &["workload"],
                own => &[own],
            };
            assert!(!names.contains(&first.as_str()), "{}: {cause} is ruled out, but comes first", case.id);
            let keys: &[&str] = match cause.as_str() {
                "model" | "total_params" | "active_params" => &["model"],
                "parallelism" => &["tensor_parallel", "expert_parallel", "data_parallel"],
                "task" => &["task"],
                "gpu_model" => &["gpu"],
                "num_gpus" => &["gpus"],
                own => &[own],
            };
            if keys.iter().all(|key| a.conditions.get(*key) == b.conditions.get(*key)) {
                let blamed = diagnosis.causes.iter().find(|found| names.contains(&found.cause.as_str()));
                assert!(blamed.is_none(), "{}: {cause} is equal in both runs, but blamed", case.id);
            }
        }
        let right = case.expected.is_empty() || case.expected.contains(first);
        found += usize::from(right);
        total += 1;
        println!(
            "{} {} [{}] {}: {}",
            if right { "ok " } else { "NO " },
            case.id,
            case.kind,
            case.expected.join("/"),
            line(&diagnosis)
        );
    }
    println!("first cause among the expected ones: {found} of {total}");
    assert!(found * 10 >= total * 9, "{found} of {total}");
}
