//! `joules measure` on a machine whose energy is known exactly.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use joules::measure::command::{Mark, Marks};
use serde_json::Value as Json;

use crate::commands::joules;
use crate::meters::power::Power;
use crate::meters::{flat, on, scripted_nvml};
use crate::shared::Scratch;

/// `CLOCK_MONOTONIC`, ns.
fn monotonic_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn parsed(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn the_energy_between_two_marks_is_known_to_its_bound() {
    let scratch = Scratch::new();
    let epoch = monotonic_ns();
    let scenario = format!(
        "epoch_ns {epoch}\ngpu 2\npower square 150 650 0.13 0.4 0.05\ntick 0.1 0.03\njitter 0.003\nslow 0.003\n"
    );
    let power = Power::Square { low: 150.0, high: 650.0, period: 0.13, duty: 0.4, shift: 0.05 };
    let (begin, end) = (1.5, 3.2);
    let ns = |seconds: f64| epoch + (seconds * 1e9) as u64;
    let script = format!(
        "echo begin at={} >> $JOULES_MARKS; sleep 2.8; echo end images=8 at={} >> $JOULES_MARKS",
        ns(begin),
        ns(end)
    );
    let out = scratch.path().join("store").display().to_string();
    let arguments = ["measure", "--baseline", "0", "--set", "batch_size=8", "--set", "steps=20", "--set", "model=sdxl"];
    let more = ["--out", &out, "--format", "json", "--", "sh", "-c", &script];
    let Some(told) = on(&scratch, &scenario, &[&arguments[..], &more].concat()) else { return };
    assert_eq!(told.code, 0, "{}", told.err);
    let found = parsed(&told.out);
    let stretch = &found["stretches"][0];
    let truth = 2.0 * (power.energy(end) - power.energy(begin));
    let (energy, bound) = (stretch["energy_j"].as_f64().unwrap(), stretch["bound_j"].as_f64().unwrap());
    // The marks are told in ns and met to a few µs.
    assert!((energy - truth).abs() <= bound + 0.01, "{energy} ± {bound}, in truth {truth}");
    assert!((energy / truth - 1.0).abs() < 0.02, "{energy}, in truth {truth}");
    assert!(bound < 0.2 * truth, "{bound} of {truth}");
    let run = &found["runs"][0];
    assert_eq!(run["conditions"]["gpu"], "H200");
    assert_eq!(run["conditions"]["gpus"], 2.0);
    let per_image = run["metrics"]["energy_per_image"].as_f64().unwrap();
    assert!((per_image - energy / 8.0).abs() < 1e-6, "{run}");
    assert!(run["observed"].get("host_cpu").is_some(), "{run}");

    // The store is read by others, and the trace gives the same once more.
    let listed = joules(&["runs", "--runs", &out, "--format", "json"]);
    assert_eq!(listed.code, 0, "{}", listed.err);
    assert_eq!(parsed(&listed.out)["runs"][0]["metrics"], run["metrics"]);
    let again = joules(&["measure", "--replay", &format!("{out}/measured.trace"), "--format", "json"]);
    assert_eq!(again.code, 0, "{}", again.err);
    let again = &parsed(&again.out)["stretches"][0];
    assert!((again["energy_j"].as_f64().unwrap() - energy).abs() < 0.05, "{again}");
    assert_eq!(again["items"]["images"], 8.0);
}

#[test]
fn named_stretches_become_runs_of_their_own() {
    let scratch = Scratch::new();
    let script = "for k in a b a; do echo begin $k; sleep 0.7; echo end tokens=100; done >> $JOULES_MARKS";
    let arguments = ["measure", "--baseline", "0", "--format", "json", "--name", "llm", "--", "sh", "-c", script];
    let Some(told) = on(&scratch, "gpu\npower constant 300\n", &arguments) else { return };
    assert_eq!(told.code, 0, "{}", told.err);
    let found = parsed(&told.out);
    let runs = found["runs"].as_array().unwrap();
    assert_eq!(runs.iter().map(|run| run["id"].as_str().unwrap()).collect::<Vec<_>>(), ["llm/a", "llm/b"]);
    assert_eq!(found["stretches"][0]["windows"].as_array().unwrap().len(), 2);
    assert_eq!(found["stretches"][0]["items"]["tokens"], 200.0);
    let power = runs[0]["metrics"]["power"].as_f64().unwrap();
    assert!((power - 300.0).abs() < 20.0, "{power}");
}

#[test]
fn what_was_measured_until_a_gpu_was_lost_is_kept() {
    let scratch = Scratch::new();
    let out = scratch.path().join("store").display().to_string();
    let arguments = ["measure", "--baseline", "0", "--duration", "2.5", "--format", "json", "--strict", "--out", &out];
    let Some(told) = on(&scratch, "gpu\npower constant 400\nlost 2\ngpu\npower constant 100\n", &arguments) else {
        return;
    };
    assert_eq!(told.code, 3, "{}", told.err);
    let found = parsed(&told.out);
    let stretch = &found["stretches"][0];
    assert_eq!(stretch["verdict"], "partial");
    assert_eq!(stretch["reasons"][0], "gpu-lost");
    let gpus = &stretch["windows"][0]["gpus"];
    let energy = |at: usize| gpus[at]["energy_j"].as_f64().unwrap();
    assert!((250.0..500.0).contains(&energy(0)), "{gpus}");
    assert!((energy(1) - 250.0).abs() < 15.0, "{gpus}");
    assert!(found["runs"][0]["metrics"].get("energy_per_image").is_none());
    let again = replayed(&out);
    assert_eq!(again["stretches"][0]["reasons"], stretch["reasons"], "{again}");
    assert_eq!(again["ended"], found["ended"], "{again}");
}

/// What a trace of this store says when it is measured once more.
fn replayed(store: &str) -> Json {
    let told = joules(&["measure", "--replay", &format!("{store}/measured.trace"), "--format", "json"]);
    assert_eq!(told.code, 0, "{}", told.err);
    parsed(&told.out)
}

#[test]
fn a_counter_that_is_set_back_or_stops_is_told() {
    let scratch = Scratch::new();
    let arguments = ["measure", "--baseline", "0", "--duration", "2.2", "--format", "json"];
    let Some(reset) = on(&scratch, "gpu\npower constant 400\nreset 2\n", &arguments) else { return };
    let reset = parsed(&reset.out);
    assert_eq!(reset["stretches"][0]["reasons"][0], "counter-broken", "{reset}");
    let energy = reset["stretches"][0]["energy_j"].as_f64().unwrap();
    assert!((780.0..900.0).contains(&energy), "{energy}");
    let stuck = parsed(&on(&scratch, "gpu\npower constant 400\nstuck 2\n", &arguments).unwrap().out);
    assert_eq!(stuck["stretches"][0]["reasons"][0], "counter-stuck", "{stuck}");
    // What was known is no power of the whole.
    assert!((stuck["stretches"][0]["power_w"].as_f64().unwrap() - 400.0).abs() < 20.0, "{stuck}");
    assert_eq!(stuck["runs"][0]["metrics"], serde_json::json!({}), "{stuck}");
    let none = on(&scratch, "gpu\nunsupported energy\n", &arguments).unwrap();
    assert_eq!((none.code, none.out.as_str()), (1, ""));
    assert!(flat(&none.err).contains("GPU 0 cannot be measured: this GPU has no energy counter"), "{}", none.err);
}

#[test]
fn a_gpu_beside_one_that_is_lost_is_measured_to_the_end() {
    let scratch = Scratch::new();
    let scenario = "gpu\npower constant 400\nlost 2\ngpu\npower constant 300\n";
    let arguments = ["measure", "--baseline", "0", "--duration", "2.5", "--format", "json"];
    let Some(told) = on(&scratch, scenario, &arguments) else { return };
    let told = parsed(&told.out);
    let window = &told["stretches"][0]["windows"][0];
    let reasons = told["stretches"][0]["reasons"].as_array().unwrap();
    assert!(reasons[0] == "gpu-lost" && !reasons.contains(&"counter-stuck".into()), "{told}");
    assert_eq!(window["gpus"][1]["known_to_s"], window["to_s"], "{told}");
}

#[test]
fn a_stranger_that_comes_while_a_command_runs_is_told() {
    let scratch = Scratch::new();
    let file = scratch.path().join("processes");
    let scenario = format!("gpu\npower constant 300\ntick 0.1 0.03\nprocess @{} 1000000000\n", file.display());
    let with = |who: &str| {
        let command = format!("sleep 0.5; echo {who} > {}; sleep 2; rm {0}", file.display());
        on(&scratch, &scenario, &["measure", "--baseline", "0", "--", "sh", "-c", &command])
    };
    // A process of the command itself is none, another one of this machine is.
    let Some(own) = with("$$") else { return };
    assert!(!own.out.contains("other-tenants"), "{}", own.out);
    if std::fs::read_link("/proc/self/ns/pid").is_ok_and(|space| space.as_os_str() != "pid:[4026531836]") {
        eprintln!("skipped: in a namespace of its own, processes are not told apart");
        return;
    }
    let other = with("1").unwrap();
    assert!(other.out.contains("other-tenants") && other.out.contains("process 1 came"), "{}", other.out);
}

#[test]
fn a_command_that_fails_is_answered_and_not_priced() {
    let scratch = Scratch::new();
    let priced = |command: &str| {
        let arguments = ["measure", "--baseline", "0", "--items", "images=64", "--format", "json", "--", "sh", "-c"];
        on(&scratch, "gpu\npower constant 400\n", &[&arguments[..], &[command]].concat())
    };
    let Some(good) = priced("sleep 1") else { return };
    assert_eq!(good.code, 0, "{}", good.err);
    let per_image = parsed(&good.out)["runs"][0]["metrics"]["energy_per_image"].as_f64().unwrap();
    assert!((per_image / (400.0 / 64.0) - 1.0).abs() < 0.3, "{}", good.out);
    let failed = priced("sleep 1; exit 7").unwrap();
    assert_eq!(failed.code, 1, "{}", failed.err);
    assert_eq!(parsed(&failed.out)["runs"][0]["metrics"].get("energy_per_image"), None, "{}", failed.out);
    assert!(failed.out.contains("items_not_made"), "{}", failed.out);
}

#[test]
fn a_name_that_cannot_be_is_refused_before_anything_is_measured() {
    let scratch = Scratch::new();
    let out = scratch.path().join("store");
    let (folder, made) = (out.display().to_string(), scratch.path().join("made"));
    let arguments = ["measure", "--name", "../evil", "--out", &folder, "--", "touch", &made.display().to_string()];
    let Some(told) = on(&scratch, "gpu\npower constant 400\n", &arguments) else { return };
    assert_eq!((told.code, told.out.as_str()), (2, ""));
    assert!(told.err.contains("`../evil` cannot be the name"), "{}", told.err);
    assert!(!made.exists() && !out.exists());
}

#[test]
fn others_on_the_gpu_are_refused_unless_shared() {
    let scratch = Scratch::new();
    let scenario = "gpu\nprocess 1 2000000000\n";
    let Some(told) = on(&scratch, scenario, &["measure", "--baseline", "0", "--", "true"]) else { return };
    assert_eq!((told.code, told.out.as_str()), (1, ""));
    assert!(flat(&told.err).contains("GPU 0 is used by others: process 1"), "{}", told.err);
    let arguments = ["measure", "--baseline", "0", "--shared", "--format", "json", "--", "sleep", "1.5"];
    let shared = on(&scratch, scenario, &arguments).unwrap();
    assert_eq!(shared.code, 0, "{}", shared.err);
    assert_eq!(parsed(&shared.out)["stretches"][0]["reasons"][0], "other-tenants", "{}", shared.out);
}

#[test]
fn an_idle_gpu_gives_a_baseline_and_says_of_which_kind() {
    let scratch = Scratch::new();
    let arguments = ["measure", "--baseline", "1.5s", "--format", "json", "--shared", "--", "true"];
    let idle = "gpu\npower constant 80\nutilization 0 0\n";
    let Some(told) = on(&scratch, idle, &arguments) else { return };
    let found = parsed(&told.out);
    let before = &found["idle_before"];
    assert!((before["power_w"].as_f64().unwrap() - 80.0).abs() < 3.0, "{before}");
    assert_eq!(before["with_context"], false);
    let waiting = parsed(&on(&scratch, &format!("{idle}process 1 9000000000\n"), &arguments).unwrap().out);
    assert_eq!(waiting["idle_before"]["with_context"], true);
}

#[test]
fn a_context_that_does_nothing_is_opened_looked_at_and_closed() {
    let scratch = Scratch::new();
    let (Some(library), contexts) = (scripted_nvml(), scratch.path().join("scenario.txt.contexts")) else { return };
    let scenario = format!("gpu\npower constant 120\nutilization 0 0\nprocess @{} 500000000\n", contexts.display());
    let library = library.display().to_string();
    let look = |library: &str| {
        let arguments = ["measure", "--baseline", "1.5s", "--context-baseline", "--cuda-lib", library];
        let more = ["--format", "json", "--", "true"];
        parsed(&on(&scratch, &scenario, &[&arguments[..], &more].concat()).unwrap().out)
    };
    let found = look(&library);
    let states = ["idle_before", "idle_after", "idle_waiting"].map(|when| found[when]["with_context"].clone());
    assert_eq!(states, [false, false, true], "{found}");
    assert!((found["runs"][0]["observed"]["static_power"].as_f64().unwrap() - 120.0).abs() < 5.0, "{found}");
    let pid = std::fs::read_to_string(&contexts).unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "{pid} is left");
    std::fs::remove_file(&contexts).unwrap();
    let none = look("/nonexistent/libcuda.so");
    assert!(none["idle_waiting"].is_null() && none["caveats"].to_string().contains("no_context_baseline"), "{none}");
}

#[test]
fn an_interrupt_ends_the_command_and_keeps_what_was_measured() {
    let scratch = Scratch::new();
    let Some(library) = scripted_nvml() else { return };
    let scenario = scratch.write("scenario.txt", "gpu\npower constant 200\n");
    let out = scratch.path().join("store");
    let child = Command::new(env!("CARGO_BIN_EXE_joules"))
        .args(["measure", "--baseline", "0", "--format", "json", "--out"])
        .arg(&out)
        .arg("--nvml-lib")
        .arg(library)
        .args(["--", "sleep", "60"])
        .env("SCRIPTED_NVML", scenario)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(2500));
    let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    let told = Instant::now();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(told.elapsed() < Duration::from_secs(2), "{:?}", told.elapsed());
    let found = parsed(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(found["ended"], "interrupted by signal 15");
    assert!(found["stretches"][0]["energy_j"].as_f64().unwrap() > 150.0, "{found}");
    assert!(out.join("measured.csv").is_file());
    let again = replayed(&out.display().to_string());
    assert_eq!(again["ended"], found["ended"]);
    assert_eq!(again["stretches"][0]["reasons"], found["stretches"][0]["reasons"]);
    let ticks = out.join("measured.trace/ticks.csv");
    std::fs::write(&ticks, "gpu,early_s,late_s,counter_j\n").unwrap();
    let none = joules(&["measure", "--replay", &ticks.parent().unwrap().display().to_string()]);
    assert!(none.code == 2 && none.err.contains("holds no stretch of time"), "{}", none.err);
}

#[test]
fn what_was_measured_until_a_kill_is_in_the_trace() {
    let scratch = Scratch::new();
    let Some(library) = scripted_nvml() else { return };
    let scenario = scratch.write("scenario.txt", "gpu\npower constant 200\n");
    let out = scratch.path().join("store");
    let mut child = Command::new(env!("CARGO_BIN_EXE_joules"))
        .args(["measure", "--baseline", "0", "--duration", "60", "--out"])
        .arg(&out)
        .arg("--nvml-lib")
        .arg(library)
        .env("SCRIPTED_NVML", scenario)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let has_rows = || {
        let rows = std::fs::read_to_string(out.join("measured.trace/ticks.csv")).unwrap_or_default();
        rows.lines().count() > 30 && out.join("measured.trace/trace.toml").exists()
    };
    let begun = Instant::now();
    while !has_rows() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no rows come");
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let found = replayed(&out.display().to_string());
    let stretch = &found["stretches"][0];
    assert_eq!(stretch["reasons"][0], "interrupted", "{found}");
    let (energy, seconds) = (stretch["energy_j"].as_f64().unwrap(), stretch["duration_s"].as_f64().unwrap());
    assert!((energy / seconds / 200.0 - 1.0).abs() < 0.1 && seconds > 1.0, "{found}");
}

#[test]
fn marks_in_a_file_that_is_written_anew_are_read_from_its_begin() {
    let scratch = Scratch::new();
    let path = scratch.path().join("marks");
    let mut marks = Marks::new(path.clone(), 0.0);
    for (at, text) in [(1.0, "begin a\nen"), (2.0, "begin a\nend\n"), (3.0, "begin b\n"), (4.0, "end images=3\n")] {
        std::fs::write(&path, text).unwrap();
        marks.look(at);
    }
    let moments: Vec<f64> = marks.found.iter().map(|(Mark::Begin { at, .. } | Mark::End { at, .. })| *at).collect();
    assert_eq!((moments, marks.faults.len()), (vec![1.0, 2.0, 3.0, 4.0], 2), "{:?}", marks.faults);
}

#[test]
fn what_was_made_is_said_once() {
    let scratch = Scratch::new();
    let out = scratch.path().join("store").display().to_string();
    let script = "echo begin >> $JOULES_MARKS; sleep 1; echo end images=8 >> $JOULES_MARKS";
    let arguments = ["measure", "--baseline", "0", "--items", "images=4", "--out", &out, "--format", "json"];
    let work = ["--", "sh", "-c", script];
    let Some(told) = on(&scratch, "gpu\npower constant 400\n", &[&arguments[..], &work].concat()) else { return };
    let told = parsed(&told.out);
    assert_eq!(told["stretches"][0]["items"]["images"], 8.0, "{told}");
    assert!(told["caveats"].to_string().contains("items_left_out"), "{told}");
    let again = joules(&["measure", "--replay", &format!("{out}/measured.trace"), "--items", "images=2"]);
    assert!(again.out.contains("the items given are left out"), "{}", again.out);
}

#[test]
fn a_full_disk_is_told_after_the_answer() {
    let scratch = Scratch::new();
    let Some(library) = scripted_nvml() else { return };
    let scenario = scratch.write("scenario.txt", "gpu\n");
    // The largest file of this shell's children is 512 bytes: what a full disk answers, but on any machine.
    let script = format!(
        "trap '' XFSZ; ulimit -f 1; exec {} measure --baseline 0 --duration 1.5 --out {} --nvml-lib {}",
        env!("CARGO_BIN_EXE_joules"),
        scratch.path().join("store").display(),
        library.display()
    );
    let output = Command::new("sh").args(["-c", &script]).env("SCRIPTED_NVML", scenario).output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(out.contains("Energy of 1 GPU"), "{out}");
    assert!(err.contains("cannot write"), "{err}");
}

#[test]
fn bad_arguments_are_told_before_anything_runs() {
    let told = |arguments: &[&str]| {
        let told = joules(&[&["measure"], arguments].concat());
        assert_eq!((told.code, told.out.as_str()), (2, ""), "{arguments:?}: {}", told.err);
        flat(&told.err)
    };
    assert!(told(&[]).contains("required"));
    assert!(told(&["--duration", "soon"]).contains("is no time"));
    assert!(told(&["--duration=-3"]).contains("is no time"));
    assert!(told(&["--duration", "0"]).contains("nothing can be measured"));
    assert!(told(&["--items", "images=4,images=2", "--", "true"]).contains("given twice"));
    assert!(told(&["--replay", "/nonexistent", "--gpus", "0"]).contains("cannot be used with"));
    assert!(told(&["--", "no-such-program"]).contains("cannot start `no-such-program`"));
    assert!(told(&["--items", "image=4", "--", "true"]).contains("known are `tokens`"));
    assert!(told(&["--set", "batch_size=1,2", "--", "true"]).contains("several values"));
    assert!(told(&["--set", "bach_size=1", "--", "true"]).contains("batch_size"));
    assert!(told(&["--attach", "4194304"]).contains("there is no process 4194304"));
    let scratch = Scratch::new();
    if let Some(told) = on(&scratch, "gpu\n", &["measure", "--gpus", "3", "--", "true"]) {
        assert_eq!(told.code, 2, "{}", told.err);
        assert!(flat(&told.err).contains("`3` is no GPU of this machine"), "{}", told.err);
    }
    // A file that is there and yet is no program.
    let (file, out) = (scratch.write("text", ""), scratch.path().join("store"));
    let [file, folder] = [&file, &out].map(|path| path.display().to_string());
    let arguments = ["measure", "--baseline", "0", "--out", &folder, "--", &file];
    if let Some(told) = on(&scratch, "gpu\n", &arguments) {
        assert!(told.code == 2 && flat(&told.err).contains("cannot start"), "{}", told.err);
        assert!(!out.exists(), "an empty folder is left");
    }
}
