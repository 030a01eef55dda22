//! Import by a map: the shipped sweep, and maps and rows with faults.

use std::path::Path;

use joules::import::mapped::{Map, import_csv, import_jsonl};
use joules::import::{Detected, Inspection, Options, detect, import};
use joules::runs::Store;

use crate::shared::{Scratch, shared_data};

/// The map of the shipped sweep.
fn shipped_map() -> Map {
    Map::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/h200-vllm.map.toml")).unwrap()
}

/// With `JOULES_UPDATE` set, the shipped files are written anew.
#[test]
fn rows_without_a_value_in_any_metric_are_refused() {
    let scratch = Scratch::new();
    let map = "[condition]\ngpu = \"card\"\n[metric]\npower = { from = \"watts\", unit = \"W\" }\n";
    let map = Map::read(&scratch.write("map.toml", map)).unwrap();
    let rows = scratch.write("rows.csv", "card,watts\nH100,\nH200,\n");
    let error = import_csv(&rows, &map).unwrap_err().to_string();
    assert!(
        error.contains("rows.csv: no row has a value in a column that the map takes as a metric: `watts`"),
        "{error}"
    );
    // Rows that are to be asked about have no metric.
    let asked = Map::read(&scratch.write("asked.toml", "[condition]\ngpu = \"card\"\n")).unwrap();
    assert_eq!(import_csv(&rows, &asked).unwrap().runs.len(), 2);
}

#[test]
fn the_shipped_sweep_is_what_its_map_makes_of_the_rows() {
    let Some(folder) = shared_data("h200-vllm") else { return };
    let sweep = import_jsonl(&folder.join("rows.jsonl"), &shipped_map()).unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    if std::env::var_os("JOULES_UPDATE").is_some() {
        sweep.write(&data).unwrap();
    }
    assert_eq!(std::fs::read_to_string(data.join("h200-vllm.csv")).unwrap(), sweep.csv().unwrap());
    assert_eq!(std::fs::read_to_string(data.join("h200-vllm.toml")).unwrap(), sweep.provenance_text());
}

#[test]
fn the_shipped_store_says_what_was_measured_and_not_what_was_injected() {
    let store = Store::embedded();
    assert_eq!(store.len(), 134);
    assert!(
        Store::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data")).unwrap() == store,
        "not the same, or in other order"
    );
    let run = store.find("q3-8b/n64").unwrap();
    assert_eq!(run.name("model"), Some("Qwen/Qwen3-8B"));
    assert_eq!(run.number("concurrency"), Some(64.0));
    assert_eq!(run.number("output_tokens_dispersion"), Some(1.0 + 0.25 / 3.0));
    assert_eq!((run.name("engine"), run.name("engine_version")), (Some("vllm"), Some("0.24")));
    assert_eq!(run.number("power_limit"), None);
    assert!((0.0..=1.0).contains(&run.observed["sm_activity"]));
    assert!(run.observed["temperature"] > 300.0);
    let idle = store.find("q3-8b-x/engine_idle").unwrap();
    assert!(idle.metrics.is_empty());
    assert_eq!(idle.observed.get("static_power"), Some(&123.09));
    let burst = store.find("burst=32").unwrap();
    assert_eq!((burst.number("request_rate"), burst.number("concurrency")), (Some(12.8), None));
    let limited = store.find("kv_cache_tokens=40000").unwrap();
    assert!(!limited.observed.contains_key("kv_cache_capacity"));
    assert_eq!(store.filtered(&["gpus=2"], &[]).unwrap().len(), 10);
    for run in store.runs() {
        let told = run.details.keys().chain(run.conditions.keys());
        assert!(!told.into_iter().any(|name| ["cause", "baseline_run_id", "inject", "notes"].contains(&name.as_str())));
        let has_answer = run.metrics.contains_key("energy_per_token");
        assert!(has_answer || run.id == idle.id, "{}", run.id);
    }
}

#[test]
fn every_fault_of_a_map_is_shown_with_its_place() {
    let map = r#"
nmae = "x"
[constant]
gpus = 0
[condition]
gpus = { from = "n", unit = "W" }
bach_size = "b"
power = "p"
model = { from = "m", when = "sometimes" }
[metric]
power = "watts"
itl_p50 = { from = "itl", unit = "MHz" }
energy_per_token = { from = "e", unit = "Jule" }
throughput = { form = "t", unit = "tokens/s" }
[rule.idle]
from = "t"
without = ["metrics"]
"#;
    let error = Map::parse("m.toml", map).unwrap_err();
    let expected = [
        "m.toml:2:1: a map has no `nmae`; did you mean `name`?",
        "m.toml:4:8: `0` is not a whole number of at least 1",
        "m.toml:6:29: `gpus` is measured in 1, but `W` is in W",
        "m.toml:7:1: `bach_size` is no condition; did you mean `batch_size`?",
        "m.toml:8:1: `power` is a name of `[metric]`, not of `[condition]`",
        "m.toml:9:30: there is no rule `sometimes`",
        "m.toml:11:9: `power` needs the unit of its source: `unit = \"W\"`",
        "m.toml:12:34: `itl_p50` is measured in s, but `MHz` is in Hz",
        "m.toml:13:41: `Jule` is not a unit",
        "m.toml:14:16: an entry has no `form`; did you mean `from`?",
        "m.toml:15:7: rule `idle` takes one of `equals`, `contains`, `differs_from` and `missing`",
    ];
    let text = error.to_string();
    for part in expected {
        assert!(text.contains(part), "{text}\nshould have\n{part}");
    }
    let broken = Map::parse("m.toml", "name = \n").unwrap_err().to_string();
    assert!(broken.contains("m.toml:1:"), "{broken}");
    for empty in ["", "name = \"x\"\n[constant]\ngpus = 1\n[metric]\n"] {
        let told = Map::parse("m.toml", empty).unwrap_err().to_string();
        assert!(told.contains("m.toml:1:1: the map maps nothing"), "{told}");
    }
}

const SMALL: &str = r#"
id = "run"
[condition]
gpu = "gpu"
gpus = "n"
precision = { from = "dtype", values = { half = "bf16", quarter = "fp8" } }
enforce_eager = "eager"
[observed]
temperature = { from = "temp", unit = "degC" }
gpu_utilization = { from = "util", unit = "percent" }
[metric]
power = { from = "mw", unit = "mW" }
throughput = { from = "tokens", per = "seconds", unit = "tokens/s" }
[rule.warm_up]
from = "phase"
equals = "warmup"
skip_row = true
"#;

#[test]
fn a_csv_file_crosses_its_units_once() {
    let csv = "run,gpu,n,dtype,eager,temp,util,mw,tokens,seconds,phase\n\
               a,L4,1,half,True,60.5,98,72500,1000,4,steady\n\
               a,L4,1,quarter,0,,,70000,900,,steady\n\
               w,L4,1,half,True,60.5,98,72500,1000,4,warmup\n";
    let scratch = Scratch::new();
    let path = scratch.write("small.csv", csv);
    let sweep = import_csv(&path, &Map::parse("small.map.toml", SMALL).unwrap()).unwrap();
    assert_eq!(sweep.name, "small");
    let [first, second] = &sweep.runs[..] else { panic!("{:?}", sweep.runs) };
    assert_eq!((first.id.as_str(), second.id.as_str()), ("a", "a#2"));
    assert_eq!(first.metrics["power"], 72.5);
    assert_eq!(first.metrics["throughput"], 250.0);
    assert_eq!(first.observed["temperature"], 60.5 + 273.15);
    assert_eq!(first.observed["gpu_utilization"], 0.98);
    assert_eq!(second.name("precision"), Some("fp8"));
    assert!(!second.metrics.contains_key("throughput") && second.observed.is_empty());
}

#[test]
fn faults_of_rows_and_missing_columns_are_named() {
    let map = Map::parse("small.map.toml", SMALL).unwrap();
    let scratch = Scratch::new();
    let rows = r#"{"run":"a","gpu":"L4","n":0,"dtype":"double","eager":"perhaps","temp":"hot","util":150,"mw":-1,"tokens":1,"seconds":0,"phase":null}
{"run":null,"gpu":["L4"]}
"#;
    let text = import_jsonl(&scratch.write("rows.jsonl", rows), &map).unwrap_err().to_string();
    let expected = [
        "rows.jsonl:1, `n`: `0` is not a whole number of at least 1",
        "rows.jsonl:1, `dtype`: `double` is unknown; known are `half` and `quarter`",
        "rows.jsonl:1, `eager`: `perhaps` is neither `true` nor `false`",
        "rows.jsonl:1, `temp`: expected a number, found the text \"hot\"",
        "rows.jsonl:1, `util`: `1.5` is not a share of 0 to 1",
        "rows.jsonl:1, `mw`: `-0.001` is negative",
        "rows.jsonl:1, `tokens`: `inf` is not finite",
        "rows.jsonl:2, `run`: missing",
        "rows.jsonl:2, `gpu`: expected a name, found a list",
    ];
    for part in expected {
        assert!(text.contains(part), "{text}\nshould have\n{part}");
    }
    let text = import_jsonl(&scratch.write("b.jsonl", "{\"run\":1}\n{\"run\":\n"), &map).unwrap_err().to_string();
    assert!(text.contains("b.jsonl:2:7: this is not JSON"), "{text}");
    let lines = "run,gpu,n,dtype,eager,temp,util,mw,tokens,seconds,phase\r\na,L4,1,half,1,60,98,7,10,4,x\r\na,L4\r\n";
    let text = import_csv(&scratch.write("d.csv", lines), &map).unwrap_err().to_string();
    assert!(text.contains("d.csv:3: cannot be read: the row has 2 cells"), "{text}");
    let text = import_csv(&scratch.write("c.csv", "run,gpu,mw_\na,L4,3\n"), &map).unwrap_err().to_string();
    assert!(text.contains("small.map.toml:12:18: the source has no column `mw`; did you mean `mw_`?"), "{text}");
    assert!(text.contains("the source has no column `seconds`"), "{text}");
}

#[test]
fn formats_are_told_apart() {
    let scratch = Scratch::new();
    let foreign = scratch.write("foreign.csv", "run,watts\na,3\n");
    assert_eq!(detect(&foreign).unwrap(), Detected::Csv);
    assert_eq!(detect(&scratch.write("own.csv", "id,power_w\na,3\n")).unwrap(), Detected::Store);
    assert_eq!(detect(&scratch.write("rows.jsonl", "{}")).unwrap(), Detected::JsonLines);
    assert!(import(Detected::Csv, &foreign, &Options::default()).unwrap_err().to_string().ends_with("needs a map"));
    assert_eq!(detect(scratch.path()).unwrap(), Detected::Store);
    let own = import(Detected::Store, &scratch.path().join("own.csv"), &Options::default()).unwrap();
    let own = Inspection::of(Detected::Store, &own).unwrap();
    assert_eq!((own.sweeps[0].runs, own.sweeps[0].columns[0].1), (1, 1));
    let empty = scratch.write("x.parquet", "");
    assert!(detect(&empty).unwrap_err().to_string().ends_with("is empty"));
    let other = scratch.write("x.txt", "a poem");
    assert!(detect(&other).unwrap_err().to_string().contains("is of no format that is known here"));
}
