//! From a sweep that was measured on a real server to its diagnosis: sweeps of `data/`, made by `joules sweep`.

use std::path::Path;

use crate::commands::json;
use crate::shared::Scratch;

const SWEEPS: [&str; 2] = ["h200-http-qwen3-8b", "h200-http-qwen3-32b"];

/// A sweep's file.
fn file(name: &str, ending: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("data/{name}.{ending}")).display().to_string()
}

/// The answer of one command to two runs of the sweeps, the model fitted to them and to nothing else.
fn diagnosed(a: &str, b: &str) -> serde_json::Value {
    let files = SWEEPS.map(|name| file(name, "csv"));
    json(&["diagnose", "--runs", &files[0], "--runs", &files[1], "--refit", a, b, "--format", "json"])
}

#[test]
fn one_command_goes_from_a_sweep_to_its_diagnosis() {
    for (a, b, cause) in [
        (
            "h200-http-qwen3-32b/precision=bf16,concurrency=8",
            "h200-http-qwen3-32b/precision=fp8,concurrency=8",
            "precision",
        ),
        (
            "h200-http-qwen3-8b/precision=fp8,concurrency=8",
            "h200-http-qwen3-8b/precision=fp8,concurrency=128",
            "offered_load",
        ),
    ] {
        let answer = diagnosed(a, b);
        assert_eq!(answer["verdict"], "different", "{a} {b}");
        assert_eq!(answer["causes"][0]["cause"], cause, "{a} {b}");
        let factors = ["causes", "unexplained"].into_iter().flat_map(|part| answer[part].as_array().unwrap());
        let product: f64 = factors.map(|own| own["factor"].as_f64().unwrap()).product();
        assert!((product / answer["ratio"].as_f64().unwrap() - 1.0).abs() < 1e-9, "{a} {b}: {product}");
    }
}

/// The 90 % interval of the static power of a GPU, as a share of its TDP.
fn static_power(files: &[String; 2]) -> (f64, f64) {
    let answer = json(&["fit", "--runs", &files[0], "--runs", &files[1], "--format", "json"]);
    let estimates = answer["models"][0]["estimates"].as_array().unwrap();
    let own = estimates.iter().find(|own| own["parameter"] == "idle_power_share" && own["level"] == "H200").unwrap();
    (own["interval"][0].as_f64().unwrap(), own["interval"][1].as_f64().unwrap())
}

#[test]
fn idle_baselines_identify_static_power() {
    let blind = Scratch::new();
    for name in SWEEPS {
        let read = |ending: &str| std::fs::read_to_string(file(name, ending)).unwrap();
        let table = read("csv");
        assert!(table.contains(",static_power_w,"));
        // The same rows, without what was measured of the waiting engine.
        let mut lines = csv::Reader::from_reader(table.as_bytes());
        let column = lines.headers().unwrap().iter().position(|name| name == "static_power_w").unwrap();
        let mut without = csv::Writer::from_writer(Vec::new());
        without.write_record(lines.headers().unwrap()).unwrap();
        for row in lines.records() {
            let row = row.unwrap();
            without
                .write_record(row.iter().enumerate().map(|(at, cell)| if at == column { "" } else { cell }))
                .unwrap();
        }
        blind.write(&format!("{name}.csv"), &String::from_utf8(without.into_inner().unwrap()).unwrap());
        blind.write(&format!("{name}.toml"), &read("toml"));
    }
    let files = SWEEPS.map(|name| blind.path().join(format!("{name}.csv")).display().to_string());
    let ((low, high), (least, most)) = (static_power(&SWEEPS.map(|name| file(name, "csv"))), static_power(&files));
    println!("a share of the TDP of {low:.3} to {high:.3} with baselines, {least:.3} to {most:.3} without");
    assert!((most - least) > 5.0 * (high - low), "{low}..{high} with baselines, {least}..{most} without");
    // 121 to 123 W of 700 W were measured.
    assert!(low < 0.175 && high > 0.172, "{low}..{high}");
}

/// What `tests/reference/zeus_windows.py` and `joules measure` recorded of the same windows on an H200.
#[test]
fn zeus_says_the_same_energy_of_the_same_windows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/zeus");
    let own = json(&["measure", "--replay", &folder.join("zeus.trace").display().to_string(), "--format", "json"]);
    let zeus = std::fs::read_to_string(folder.join("zeus.json")).unwrap();
    let zeus: serde_json::Value = serde_json::from_str(&zeus).unwrap();
    assert_eq!(zeus.as_array().unwrap().len(), 4);
    for window in zeus.as_array().unwrap() {
        let stretches = own["stretches"].as_array().unwrap();
        let stretch = stretches.iter().find(|own| own["name"] == window["window"]).unwrap();
        let apart = stretch["energy_j"].as_f64().unwrap() / window["energy_j"].as_f64().unwrap() - 1.0;
        assert!(apart.abs() < 0.005, "{window}: {apart}");
    }
}
