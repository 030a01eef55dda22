//! Results of other programs and logs of power: what becomes of files in their form, and of files that are damaged.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use joules::import::{Detected, Given, ImportError, Inspection, Options, Window, complete, detect, import};
use joules::runs::{Run, Store, Sweep};
use proptest::prelude::*;

use crate::commands::{answer, message};
use crate::shared::Scratch;

/// Each file, its format as typed, and what must be said of it.
const FILES: &[(&str, Detected, &[&str])] = &[
    ("vllm-bench.json", Detected::VllmBench, &[]),
    ("guidellm-v1.json", Detected::GuideLlm, &["gpu=H100", "gpus=1", "batch_size=64"]),
    ("guidellm-v2.json", Detected::GuideLlm, &["gpu=H100", "gpus=1", "batch_size=64"]),
    ("aiperf.json", Detected::AiPerf, &["batch_size=128"]),
    ("genai-perf.json", Detected::AiPerf, &["batch_size=128"]),
    ("inferencex.json", Detected::InferenceX, &["batch_size=1024"]),
    ("llm-d.yaml", Detected::LlmD, &[]),
    ("trtllm-bench.json", Detected::TrtLlm, &[]),
    ("nvidia-smi.csv", Detected::NvidiaSmi, &[]),
    ("dmon.log", Detected::NvidiaSmi, &["gpu=H200"]),
    ("amd-smi.csv", Detected::AmdSmi, &["gpu=MI300X"]),
    ("zeus.csv", Detected::Zeus, &["gpu=H100"]),
    ("emissions.csv", Detected::CodeCarbon, &["gpu=H100", "gpus=2"]),
    ("mlenergy-raw", Detected::MlEnergyRaw, &[]),
    ("mlenergy-tables", Detected::MlEnergyTable, &[]),
];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/import").join(name)
}

fn imported(path: &Path, given: &[&str]) -> Result<Vec<Sweep>, ImportError> {
    let format = detect(path)?;
    let options = Options { given: Given::parse(given)?, ..Options::default() };
    let sweeps = import(format, path, &options)?;
    complete(format, &sweeps)?;
    Ok(sweeps)
}

fn run<'a>(sweeps: &'a [Sweep], id: &str) -> &'a Run {
    sweeps.iter().flat_map(|sweep| &sweep.runs).find(|run| run.id == id).unwrap_or_else(|| panic!("{id}"))
}

/// A number as a snapshot keeps it: the last digits are the processor's.
fn rounded(number: f64) -> f64 {
    format!("{number:.9e}").parse().unwrap()
}

fn shown(sweep: &Sweep) -> String {
    let mut text = String::new();
    for run in &sweep.runs {
        writeln!(text, "{}", run.id).unwrap();
        for (name, value) in &run.conditions {
            writeln!(text, "  condition {name} = {value}").unwrap();
        }
        for (kind, values) in [("observed", &run.observed), ("metric", &run.metrics)] {
            for (name, value) in values {
                writeln!(text, "  {kind} {name} = {}", rounded(*value)).unwrap();
            }
        }
        for (name, value) in &run.details {
            writeln!(text, "  detail {name} = {value}").unwrap();
        }
    }
    text + "\n" + &sweep.provenance_text()
}

#[test]
fn each_format_becomes_runs() {
    for (name, format, given) in FILES {
        assert_eq!(detect(&file(name)).unwrap(), *format, "{name}");
        let sweeps = imported(&file(name), given).unwrap_or_else(|error| panic!("{name}: {error}"));
        let text: String = sweeps.iter().map(shown).collect();
        insta::assert_snapshot!(format!("foreign_runs_{name}"), text);
        // What is imported can be written, read and inspected.
        let scratch = Scratch::new();
        Store::new(sweeps.clone()).unwrap().write(scratch.path()).unwrap();
        assert_eq!(Store::read(scratch.path()).unwrap().sweeps, sweeps, "{name}");
        assert!(Inspection::of(*format, &sweeps).is_ok());
    }
}

#[test]
fn an_inspection_says_what_was_understood_and_what_is_missing() {
    for name in ["vllm-bench.json", "inferencex.json", "nvidia-smi.csv", "mlenergy-raw"] {
        let path = format!("tests/data/import/{name}");
        let told = answer(&["import", "--inspect", &path]);
        insta::assert_snapshot!(format!("foreign_inspected_{name}"), told);
    }
    for (name, _, _) in FILES {
        let told = answer(&["import", "--inspect", &format!("tests/data/import/{name}")]);
        assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
        assert!(told.contains("Units taken") && told.contains("Known defects"), "{name}: {told}");
    }
}

#[test]
fn units_are_crossed_once() {
    let aiperf = imported(&file("aiperf.json"), &["batch_size=128"]).unwrap();
    let one = run(&aiperf, "aiperf");
    // 1200 mJ a token; 144 kJ in 120 s.
    assert_eq!((one.metrics["energy_per_token"], one.metrics["power"]), (1.2, 1200.0));
    let llmd = imported(&file("llm-d.yaml"), &[]).unwrap();
    assert_eq!(run(&llmd, "llm-d").metrics["itl_p50"], 0.0105);
    assert_eq!(run(&llmd, "llm-d").metrics["ttft_p50"], 0.055);
    assert_eq!(run(&llmd, "llm-d").observed["kv_cache_use"], 0.125);
    let carbon = imported(&file("emissions.csv"), &["gpu=H100", "gpus=2"]).unwrap();
    // 0.04 kWh in 120 s.
    assert!((run(&carbon, "emissions/1").metrics["power"] - 1200.0).abs() < 1e-9);
    assert!(!run(&carbon, "emissions/2").metrics.contains_key("power"));
    let inferencex = imported(&file("inferencex.json"), &["batch_size=1024"]).unwrap();
    assert_eq!(run(&inferencex, "inferencex/1").metrics["itl_p50"], 0.019);
    assert_eq!(run(&inferencex, "inferencex/1").metrics["throughput"], 1200.0);
}

#[test]
fn a_power_log_is_integrated_over_its_window() {
    let within = |window: &str| {
        let options = Options { window: Some(Window::parse(window).unwrap()), ..Options::default() };
        import(Detected::NvidiaSmi, &file("nvidia-smi.csv"), &options)
    };
    let steady = within("10..30").unwrap();
    let power = run(&steady, "nvidia-smi").metrics["power"];
    // 600, 620, 610 W and 580, 600, 590 W, by trapezoids.
    assert!((power - (612.5 + 592.5)).abs() < 0.1, "{power}");
    let by_day = within("2026/01/02 10:00:10..2026/01/02 10:00:30").unwrap();
    assert!((run(&by_day, "nvidia-smi").metrics["power"] - power).abs() < 0.1);
    assert!(within("10..90").unwrap_err().to_string().contains("the window is from"));
    assert!(within("30..10").unwrap_err().to_string().contains("ends before it begins"));
    assert!(within("1767348010..1767348030").unwrap_err().to_string().contains("times of day without a zone"));
    assert!(Window::parse("10-30").unwrap_err().to_string().contains("no `..`"));
    assert!(Window::parse("soon..late").unwrap_err().to_string().contains("`soon` is not a time"));
}

#[test]
fn a_log_of_amd_smi_has_a_preamble_and_columns_of_its_own() {
    let scratch = Scratch::new();
    // The columns of amd-smi 26.2; cells that hold lists are quoted.
    let header = "timestamp,gpu,gfx_activity,umc_activity,vcn_activity,socket_power,gfx_voltage,gfx_0_clk,mem_0_clk,edge,hotspot,mem\n";
    let row = |time: u32, gpu: u32, watts: &str| {
        format!("{time},{gpu},95,80,\"['N/A', 'N/A']\",{watts},N/A,2100,2000,N/A,47,0\n")
    };
    let rows = [
        row(1_789_515_524, 0, "500"),
        row(1_789_515_524, 1, "510"),
        header.to_owned(),
        row(1_789_515_525, 0, "520"),
        row(1_789_515_525, 1, "530"),
    ];
    let text = format!("'CTRL' + 'C' to stop watching output:\n{header}{}", rows.concat());
    let sweeps = imported(&scratch.write("amd.csv", &text), &["gpu=MI355X"]).unwrap();
    let one = run(&sweeps, "amd");
    assert_eq!((one.metrics["power"], one.number("gpus")), (1030.0, Some(2.0)));
    assert_eq!((one.observed["sm_clock_mean"], one.observed["temperature"]), (2.1e9, 47.0 + 273.15));
    // GPUs of two machines are not one, though both have the index 0.
    let hosts = "timestamp,hostname,index,power.draw [W]\n1,a,0,100\n1,b,0,300\n2,a,0,100\n2,b,0,300\n";
    let both = imported(&scratch.write("hosts.csv", hosts), &["gpu=H100"]).unwrap();
    assert_eq!(run(&both, "hosts").metrics["power"], 400.0);
}

#[test]
fn tasks_of_one_tracker_are_runs_of_their_own() {
    let scratch = Scratch::new();
    let text = "task_name,run_id,duration,emissions,energy_consumed,gpu_energy\nload,r,10,1,0.002,0.001\nanswer,r,20,1,0.02,0.01\n";
    let sweeps = imported(&scratch.write("tasks.csv", text), &["gpu=H100", "gpus=1"]).unwrap();
    assert_eq!(sweeps[0].runs.len(), 2);
    assert!((run(&sweeps, "tasks/1").metrics["power"] - 360.0).abs() < 1e-9);
    assert_eq!(run(&sweeps, "tasks/2").details["task_name"], "answer");
}

#[test]
fn a_power_log_is_joined_by_time() {
    let scratch = Scratch::new();
    let log = |rows: &str| scratch.write("log.csv", &format!("timestamp, index, power.draw.average [W]\n{rows}"));
    // Measured from 1700000010 to 1700000070, which is 2023-11-14 22:13:30 to 22:14:30 UTC.
    let rows = "2023/11/14 23:13:00, 0, 300 W\n2023/11/14 23:13:30, 0, 600 W\n2023/11/14 23:14:31, 0, 600 W\n";
    let given = Given::parse(&["gpu=H100", "gpus=1", "batch_size=64"]).unwrap();
    let path = log(rows);
    let joined = |zone| {
        let options = Options { given: given.clone(), power: Some(&path), zone, ..Options::default() };
        import(Detected::GuideLlm, &file("guidellm-v1.json"), &options)
    };
    let sweeps = joined(Some(3600.0)).unwrap();
    let one = run(&sweeps, "guidellm-v1");
    assert_eq!((one.metrics["power"], one.metrics["energy_per_token"]), (600.0, 4.0));
    assert!(joined(None).unwrap_err().to_string().contains("say `--zone +HH:MM`"));
    assert!(joined(Some(0.0)).unwrap_err().to_string().contains("does not reach over its window on GPU 0"));
    let options = Options { power: Some(&path), ..Options::default() };
    let error = import(Detected::VllmBench, &file("vllm-bench.json"), &options).unwrap_err().to_string();
    assert!(error.contains("does not say at which time of day"), "{error}");
}

#[test]
fn what_the_source_lacks_is_asked_for_and_can_be_said() {
    let error = imported(&file("guidellm-v1.json"), &[]).unwrap_err().to_string();
    assert!(error.contains("`gpu`, `gpus` and `batch_size` missing in guidellm-v1"), "{error}");
    let sweeps =
        imported(&file("guidellm-v1.json"), &["gpu=L40S", "gpus=2,4", "batch_size=8"]).unwrap_err().to_string();
    assert!(sweeps.contains("gives `gpus` 2 values"), "{sweeps}");
    let said = imported(&file("vllm-bench.json"), &["gpu=H200"]).unwrap();
    assert_eq!(run(&said, "vllm-bench/1").name("gpu"), Some("H200"));
    assert!(run(&said, "vllm-bench/1").details["caveats"].contains("the source has H100"));
    let scratch = Scratch::new();
    let store = scratch.path().join("store");
    let call = ["import", "tests/data/import/guidellm-v1.json", "--out", store.to_str().unwrap()];
    assert!(message(2, &call).contains("--set gpu=H100"));
    assert!(!store.exists());
    answer(&[&call[..], &["--set", "gpu=H100", "--set", "gpus=1", "--set", "batch_size=64"]].concat());
    assert!(store.join("guidellm-v1.csv").exists());
}

#[test]
fn a_file_of_another_format_is_named() {
    let case = |format: &str, name: &str, expected: &str| {
        let told = message(2, &["import", format, file(name).to_str().unwrap(), "--inspect"]);
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ").replace("│ ", "");
        assert!(told.contains(expected), "{format} {name}: {told}");
    };
    case("zeus", "vllm-bench.json", "looks like results of `vllm bench serve`");
    case("guidellm", "aiperf.json", "import it as `aiperf`");
    case("mlenergy", "nvidia-smi.csv", "looks like a log of nvidia-smi");
    case("nvidia-smi", "mlenergy-raw", "looks like raw results of the ML.ENERGY benchmark");
    let several = detect(&file("")).unwrap_err().to_string();
    assert!(several.contains("files of several formats"), "{several}");
}

#[test]
fn each_damaged_file_gets_one_clear_error() {
    let scratch = Scratch::new();
    let case = |name: &str, text: &str, expected: &str| {
        let path = scratch.write(name, text);
        let error = imported(&path, &[]).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}\nshould have\n{expected}");
    };
    case("empty.json", "", "is empty");
    case("blank.json", " \n", "is empty");
    case("torn.json", "{\"duration\": 1, \"output_th", "torn.json:1:26: this is not JSON: the file ends too early");
    case("deep.json", &"[".repeat(100_000), "recursion limit exceeded");
    case("zip.json", "PK\u{3}\u{4}", "it is a zip archive; unpack it first");
    case("bytes.json", "\u{0}\u{1}\u{2}", "it is not text");
    case("other.json", "{\"poem\": 1}", "a JSON object with `poem`");
    case("words.txt", "a poem", "neither JSON nor a known table");
    case("fake.parquet", "PAR1 and nothing else", "this Parquet file cannot be read");
    case("list.json", "[]", "it is an empty list");
    let vllm = r#"{"request_throughput": 1, "output_throughput": "fast", "duration": 3, "completed": -2, "median_itl_ms": -4, "max_num_seqs": "many"}"#;
    case("vllm.json", vllm, "`output_throughput`: expected a number, found the text \"fast\"");
    case("vllm.json", vllm, "`median_itl_ms`: `-0.004` is negative");
    case("vllm.json", vllm, "`max_num_seqs`: `many` is not a number");
    let unit = r#"{"request_throughput": {"unit": "requests/sec", "avg": 1}, "inter_token_latency": {"unit": "W", "p50": 3}, "output_token_throughput": {"unit": "furlongs", "avg": 3}}"#;
    case("unit.json", unit, "the unit `W` is not one of s");
    case("unit.json", unit, "the unit `furlongs` is not one of 1/s");
    let part = r#"{"aiperf_version": "0.13", "is_complete": false, "incomplete_reason": "timeout"}"#;
    case("part.json", part, "the benchmark is not complete (timeout)");
    case(
        "old.yaml",
        "version: '0.1'\nrun: {}\nresults: {}\n",
        "the report has version 0.1; versions 0.2 and 0.2.1 are read",
    );
    case("bad.yaml", "version: '0.2'\nresults:\n  - a: [1\nrun: x\n", "this is not YAML");
    let disagg = r#"{"hw": "h200", "conc": 1, "framework": "x", "disagg": true, "tput_per_gpu": 1}"#;
    case("disagg.json", disagg, "prefill and decode run on GPUs of their own");
    let head = "timestamp, index, power.draw [W]\n";
    case("none.csv", head, "the log has no sample");
    case("one.csv", &format!("{head}2026/01/02 10:00:00, 0, 100 W\n"), "GPU 0 has 1 sample of power");
    case(
        "unit.csv",
        &format!("{head}2026/01/02 10:00:00, 0, 100 V\n"),
        "unit.csv:2: `100 V` of `power.draw [W]` is not in W",
    );
    case("time.csv", &format!("{head}noon, 0, 100 W\n"), "time.csv:2: `noon` is not a time");
    let back = format!("{head}2026/01/02 10:00:05, 0, 100 W\n2026/01/02 10:00:00, 0, 100 W\n");
    case("back.csv", &back, "line 3: time goes back by 5.0 s on GPU 0");
    case("short.csv", &format!("{head}1, 0\n2, 0, 100 W\n"), "short.csv:2: the row has 2 cells, but the header has 3");
    case("notime.csv", "index, power.draw [W]\n0, 100 W\n", "there is no column of time");
}

#[test]
fn a_file_of_which_nothing_was_measured_is_refused() {
    let scratch = Scratch::new();
    let case = |name: &str, text: &str, expected: &str| {
        let path = scratch.write(name, text);
        let error = imported(&path, &["gpu=H100", "gpus=1", "batch_size=8", "model=a/b"]).unwrap_err().to_string();
        let whole = format!("{name}: nothing that was measured could be read: expected {expected}");
        assert!(error.contains(&whole), "{error}\nshould have\n{whole}");
    };
    let vllm = r#"{"request_throughput": null, "output_throughput": null, "duration": null}"#;
    case("a.json", vllm, "`output_throughput`, `median_itl_ms` or `median_ttft_ms`, above zero");
    case("b.json", r#"{"aiperf_version": "1"}"#, "`output_token_throughput.avg`");
    case("c.json", r#"{"benchmarks": [{}], "args": {}}"#, "`metrics.output_tokens_per_second`");
    case("d.json", r#"{"engine": {}, "world_info": {}, "performance": {}}"#, "`performance.system_output");
    case("e.json", r#"{"hw": "h100", "conc": 1, "framework": "x"}"#, "`output_tput_per_gpu`");
    case("f.yaml", "version: '0.2'\nrun: {}\nresults: {}\n", "`throughput` or `latency` under");
    case(
        "g.csv",
        "start_time,window_name,elapsed_time,gpu0_energy\n1,w,2,\n2,x,,5\n",
        "`gpu0_energy` and `elapsed_time`",
    );
    case("h.csv", "emissions,energy_consumed,duration\n,,\n0,0,3\n", "`gpu_energy` or `energy_consumed`");
    // Of several files, all that have nothing are told.
    let folder = Scratch::new();
    folder.write("good.json", &std::fs::read_to_string(file("vllm-bench.json")).unwrap());
    folder.write("one.json", vllm);
    folder.write("two.json", vllm);
    let error = imported(folder.path(), &["gpu=H100"]).unwrap_err().to_string();
    assert!(error.contains("2 faults") && error.contains("one.json") && !error.contains("good.json"), "{error}");
    // Energy of a processor alone is something.
    let path = scratch.write("i.csv", "emissions,energy_consumed,duration,cpu_energy\n1,2,3,4\n");
    assert!(imported(&path, &["gpu=H100", "gpus=1"]).is_ok());
}

#[test]
fn a_large_result_is_read_in_little_memory() {
    let scratch = Scratch::new();
    let gaps = "0.0121, ".repeat(3000);
    let request = format!(
        "{{\"prompt\": \"{}\", \"success\": true, \"output_len\": 3001, \"itl\": [{gaps}0.02]}}",
        "word ".repeat(800)
    );
    let requests = vec![request.as_str(); 1200].join(", ");
    let head = r#"{"model_id": "Org/Chat-8B", "gpu_model": "H100", "num_gpus": 1, "max_num_seqs": 8, "completed": 1200, "num_prompts": 1200, "steady_state_duration": 60, "steady_state_energy": 30000, "steady_state_energy_per_token": 0.5, "total_output_tokens": 3601200, "results": ["#;
    let path = scratch.write("results.json", &format!("{head}{requests}]}}"));
    assert!(std::fs::metadata(&path).unwrap().len() > 30_000_000);
    let store = scratch.path().join("store");
    // A tree of its 3.6 million gaps alone would take more than this.
    let call = format!(
        "ulimit -v 150000; exec {} import {} --out {}",
        env!("CARGO_BIN_EXE_joules"),
        path.display(),
        store.display()
    );
    let output = Command::new("sh").args(["-c", &call]).output().expect("there is a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let sweep = Sweep::read(&store.join("results.csv")).unwrap();
    assert!((sweep.runs[0].metrics["itl_p50"] / 0.0121 - 1.0).abs() < 0.002);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Files are cut, bytes are turned; whatever comes of it, it is an answer or an error.
    #[test]
    fn damage_never_ends_the_program(which in 0..13_usize, cut in 0.0..1.0_f64, turns in prop::collection::vec((0.0..1.0_f64, any::<u8>()), 0..6)) {
        let (name, format, given) = FILES[which];
        let mut bytes = std::fs::read(file(name)).unwrap();
        if cut < 0.5 {
            bytes.truncate((bytes.len() as f64 * cut * 2.0) as usize);
        }
        for (at, byte) in turns {
            let at = (bytes.len() as f64 * at) as usize;
            if let Some(old) = bytes.get_mut(at) {
                *old = byte;
            }
        }
        let scratch = Scratch::new();
        let path = scratch.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        let options = Options { given: Given::parse(given).unwrap(), ..Options::default() };
        let _ = detect(&path).and_then(|found| import(found, &path, &options));
        let _ = import(format, &path, &options).map(|sweeps| Store::new(sweeps).map(|store| store.write(&scratch.path().join("store"))));
    }
}
