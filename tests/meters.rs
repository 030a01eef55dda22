//! Meters on machines that are played: the scripted NVML, folders that look like the processor's counters.

use std::path::{Path, PathBuf};
use std::time::Duration;

use joules::measure::Clock;
use joules::measure::meter::{MeterChoice, Recorder, Scope, Trace, zones};

use crate::commands::{Told, joules};
use crate::shared::Scratch;

#[path = "nvml/power.rs"]
pub(crate) mod power;

/// The scripted NVML, which cargo builds with the tests. None, with a word about it, if it was not built.
pub(crate) fn scripted_nvml() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_BIN_EXE_joules")).parent()?.join("examples");
    let library = folder.join("libscripted_nvml.so");
    if library.is_file() {
        return Some(library);
    }
    eprintln!("skipped: there is no `{}`; `cargo build --example scripted_nvml` makes it", library.display());
    None
}

/// The program on a machine whose driver plays a scenario.
pub(crate) fn on(scratch: &Scratch, scenario: &str, arguments: &[&str]) -> Option<Told> {
    let library = scripted_nvml()?;
    let scenario = scratch.write("scenario.txt", scenario);
    let powercap = scratch.path().join("powercap");
    let mut all = arguments.to_vec();
    let at = all.iter().position(|word| *word == "--").unwrap_or(all.len());
    let (library, powercap) = (library.display().to_string(), powercap.display().to_string());
    for (back, word) in ["--nvml-lib", &library, "--powercap", &powercap].into_iter().enumerate() {
        all.insert(at + back, word);
    }
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_joules"))
        .args(&all)
        .env("SCRIPTED_NVML", scenario)
        .env_remove("CUDA_VISIBLE_DEVICES")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Some(Told { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) })
}

/// As one line.
pub(crate) fn flat(text: &str) -> String {
    text.replace(['│', '\n'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_energy_of_a_scripted_load_is_the_integral_of_its_power() {
    use power::Power;
    let square = Power::Square { low: 100.0, high: 500.0, period: 0.13, duty: 0.3, shift: 0.02 };
    for load in [Power::Constant(300.0), square, Power::Ramp { from: 100.0, to: 400.0, over: 2.0 }] {
        let steps = 300_000_u32;
        let sum: f64 = (0..steps).map(|k| load.at((f64::from(k) + 0.5) * 1e-5) * 1e-5).sum();
        assert!((sum - load.energy(3.0)).abs() < 0.05, "{load:?}: {sum} is not {}", load.energy(3.0));
    }
}

#[test]
fn why_there_is_no_meter_is_told_apart() {
    let scratch = Scratch::new();
    let absent = joules(&["doctor", "--nvml-lib", "/nonexistent/libnvidia-ml.so.1"]);
    assert_eq!(absent.code, 0, "{}", absent.err);
    assert!(flat(&absent.out).contains("is not on this machine"), "{}", absent.out);
    assert!(flat(&absent.out).contains("container without it"), "{}", absent.out);
    let strict = joules(&["doctor", "--strict", "--nvml-lib", "/nonexistent/libnvidia-ml.so.1"]);
    assert_eq!(strict.code, 3);
    let no_library = scratch.write("not-a-library.so", "text");
    let measured = joules(&["measure", "--duration", "1", "--nvml-lib", &no_library.display().to_string()]);
    assert_eq!((measured.code, measured.out.as_str()), (1, ""));
    let cases = [
        ("init no_permission", "may not talk to the NVIDIA driver"),
        ("init driver_not_loaded", "installed but not loaded"),
        ("init version_mismatch", "of different versions"),
        ("init unknown", "does not answer"),
        ("driver 580.1", "driver 580.1 sees no GPU"),
    ];
    for (scenario, expected) in cases {
        let Some(told) = on(&scratch, scenario, &["doctor"]) else { return };
        assert!(flat(&told.out).contains(expected), "{scenario}: {}", told.out);
        let measured = on(&scratch, scenario, &["measure", "--", "true"]).unwrap();
        assert_eq!((measured.code, measured.out.as_str()), (1, ""), "{scenario}");
        assert!(flat(&measured.err).contains(expected), "{scenario}: {}", measured.err);
    }
}

#[test]
fn the_doctor_tells_what_each_gpu_has() {
    let scratch = Scratch::new();
    let scenario = "gpu 2\npower square 200 500 0.1 0.3 0.02\ntick 0.1 0.03\nslow 0.003\nunsupported gpm temperature\n\
                    process 77 4000000000\nthrottle 0x4 1.0\n";
    let Some(told) = on(&scratch, scenario, &["doctor", "--format", "json"]) else { return };
    let found: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(found["measurable"], true);
    for gpu in found["gpu"]["gpus"].as_array().unwrap() {
        let period = gpu["tick_period_s"].as_f64().unwrap();
        assert!((period - 0.1).abs() < 0.005, "{gpu}");
        assert!(gpu["call_median_s"].as_f64().unwrap() >= 0.003, "{gpu}");
        assert!(gpu["state"].get("temperature_k").is_none(), "{gpu}");
        assert_eq!(gpu["processes"][0], 77);
        assert!(gpu["throttled"]["power cap"].as_f64().unwrap() > 0.9, "{gpu}");
        assert_eq!(gpu["throttle_counted"][0], "power cap", "{gpu}");
    }
    let text = on(&scratch, scenario, &["doctor"]).unwrap().out;
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(flat(&text).contains("GPU 0 does not tell temperature_k: left out"), "{text}");
}

#[test]
fn the_doctor_says_how_many_gpus_can_be_measured_and_which_cannot() {
    let scratch = Scratch::new();
    let good = "gpu 1\npower constant 300\ntick 0.1 0.03\n";
    let blind = "gpu 1\nunsupported energy\n";
    let lost = "gpu 1\nlost 1.5\n";
    let silent = "gpu 1\nlost 0\n";
    let told = |scenario: &str, more: &[&str]| on(&scratch, scenario, &[&["doctor"], more].concat());
    let Some(some) = told(&[good, blind, lost, silent].concat(), &[]) else { return };
    assert_eq!(some.code, 0, "{}", some.err);
    assert!(some.out.lines().all(|line| line.chars().count() <= 80), "{}", some.out);
    let text = flat(&some.out);
    for expected in [
        "The energy of 1 of 4 GPUs can be measured here, not that of GPUs 1, 2 and 3",
        "GPU 1 cannot be measured: this GPU has no energy counter. The driver counts energy from the Volta generation on",
        "GPU 2 cannot be measured: device fell off the bus or has otherwise become inacessible. One that is lost needs a reset",
        "GPU 3 does not answer: device fell off the bus",
    ] {
        assert!(text.contains(expected), "{expected}\n{}", some.out);
    }
    let none = told(&[blind, silent].concat(), &["--strict"]).unwrap();
    assert_eq!(none.code, 3);
    assert!(flat(&none.out).contains("The energy of GPUs cannot be measured here"), "{}", none.out);
    // Of a GPU that nobody asked for nothing is said.
    let chosen = told(&[good, silent].concat(), &["--gpus", "0", "--strict"]).unwrap();
    assert_eq!(chosen.code, 0, "{}", chosen.out);
    assert!(chosen.out.contains("Energy can be measured here"), "{}", chosen.out);
    let dead = told(silent, &[]).unwrap();
    assert!(flat(&dead.out).contains("GPU 0 does not answer"), "{}", dead.out);
}

#[test]
fn gpus_that_are_not_there_are_refused() {
    let scratch = Scratch::new();
    let scenario = "gpu 2\ntick 0.1 0.03\ngpu 1\nlost 0\n";
    for command in [&["doctor"][..], &["measure", "--duration", "1"]] {
        let refused = |gpus: &str| on(&scratch, scenario, &[command, &["--gpus", gpus]].concat());
        let Some(told) = refused("5,0,MIG-1") else { return };
        assert_eq!((told.code, told.out.as_str()), (2, ""), "{command:?}: {}", told.err);
        let text = flat(&told.err);
        for expected in ["`5` is no GPU of this machine", "`MIG-1` is an instance", "0 (GPU-5c21-0)"] {
            assert!(text.contains(expected), "{expected}\n{}", told.err);
        }
        let empty = refused(",").unwrap();
        assert_eq!(empty.code, 2);
        assert!(flat(&empty.err).contains("names no GPU"), "{}", empty.err);
        let silent = refused("0,2").unwrap();
        assert!(flat(&[silent.out, silent.err].concat()).contains("GPU 2 does not answer"), "{command:?}");
    }
}

#[test]
fn a_self_test_shows_every_estimator_and_what_they_did_under_periodic_loads() {
    let scratch = Scratch::new();
    let Some(told) = on(&scratch, "gpu 1\npower constant 300\ntick 0.1 0.03\n", &["doctor", "--self-test"]) else {
        return;
    };
    assert!(told.out.lines().all(|line| line.chars().count() <= 80), "{}", told.out);
    let text = flat(&told.out);
    assert!(text.contains("300 W") && text.contains("100 ms 50 % +0.7 % +3.8 % -64.3 %"), "{}", told.out);
}

#[test]
fn zones_of_the_processor_are_told_apart() {
    let scratch = Scratch::new();
    let zone = |place: &str, name: &str, energy: &str| {
        scratch.write(&format!("{place}/name"), name);
        scratch.write(&format!("{place}/energy_uj"), energy);
        scratch.write(&format!("{place}/max_energy_range_uj"), "262143328850\n");
    };
    zone("intel-rapl:0", "package-0-die-1\n", "1000000\n");
    zone("intel-rapl:0:0", "core\n", "1\n");
    zone("intel-rapl:0:1", "dram\n", "5\n");
    zone("intel-rapl:1", "psys\n", "1\n");
    zone("intel-rapl:2", "package-1\n", "many\n");
    zone("intel-rapl-mmio:0", "package-0\n", "1\n");
    let found = zones(scratch.path());
    let told: Vec<(&str, Scope, bool)> =
        found.iter().map(|zone| (zone.name.as_str(), zone.scope, zone.refused.is_none())).collect();
    assert_eq!(
        told,
        [
            ("package-0-die-1", Scope::CpuPackage, true),
            ("package-0-die-1/dram", Scope::Dram, true),
            ("package-1", Scope::CpuPackage, false)
        ]
    );
    assert!((found[0].range_j - 262_143.3).abs() < 0.1);
    assert!(zones(Path::new("/nonexistent")).is_empty());
}

/// Shares of a core that eight GPUs at 50 samples a second each cost: where all ticks are looked at, where only those around
/// whole seconds are, and eight threads that do nothing but wake up as often as the former: what the machine takes for it.
fn cost_of_eight_gpus(seconds: u64) -> Option<[f64; 3]> {
    let library = scripted_nvml()?;
    // Of all tests only those of this function load the library into their own process.
    let clock = Clock::start();
    let choice =
        MeterChoice { nvml_lib: Some(library), powercap: Some("/nonexistent".into()), ..MeterChoice::default() };
    let recorder = Recorder::start(clock, &choice).unwrap();
    let idle = std::thread::Builder::new().name("sleeper".to_owned());
    let idle = idle.spawn(move || {
        // Two reads for each of ten ticks a second, and another one now and then.
        for _ in 0..23 * (seconds + 2) {
            std::thread::sleep(Duration::from_secs_f64(1.0 / 23.0));
        }
    });
    std::thread::sleep(Duration::from_secs(2));
    let [all, floor] = cores(["gpu-", "sleeper"], seconds);
    recorder.relax(true);
    std::thread::sleep(Duration::from_secs(1));
    let [relaxed] = cores(["gpu-"], seconds);
    let to = clock.now().ceil();
    assert!(recorder.wait_past(to));
    let windows = [2.0, 3.0].map(|seconds| recorder.window(to - seconds, to));
    let (trace, written) = recorder.stop();
    assert!(written.is_ok() && idle.is_ok() && windows[1].valid, "{windows:?}");
    assert_eq!(trace.gpus().count(), 1);
    // The bound is some ticks of 0.1 s, though most passed unseen; a crowded machine may miss one of them.
    assert!(windows.iter().any(|window| window.bound_j < 0.45 * window.power_w), "{windows:?}");
    Some([all, relaxed, floor].map(|own| 8.0 * own))
}

/// Cores that the threads of these names keep busy in the next seconds.
fn cores<const N: usize>(names: [&str; N], seconds: u64) -> [f64; N] {
    let before = names.map(thread_seconds);
    std::thread::sleep(Duration::from_secs(seconds));
    std::array::from_fn(|at| (thread_seconds(names[at]) - before[at]) / seconds as f64)
}

/// Time that the threads of this process have run whose names begin so.
fn thread_seconds(name: &str) -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let of = |task: std::fs::DirEntry| {
        let own = std::fs::read_to_string(task.path().join("comm")).ok()?;
        let spent = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        let ns: f64 = spent.split_whitespace().next()?.parse().ok()?;
        own.starts_with(name).then_some(ns / 1e9)
    };
    tasks.filter_map(of).sum()
}

#[test]
fn reading_eight_gpus_costs_little() {
    let Some([all, relaxed, _]) = cost_of_eight_gpus(3) else { return };
    assert!(all < 0.05 && relaxed < 0.02, "eight GPUs cost {all} of a core, {relaxed} around whole seconds");
}

#[test]
#[ignore = "exact only on a machine that does nothing else"]
fn reading_eight_gpus_costs_less_than_a_hundredth_of_a_core() {
    let Some(shares) = cost_of_eight_gpus(20) else { return };
    let [all, relaxed, floor] = shares.map(|own| 100.0 * own);
    println!("eight GPUs cost {all:.2} % of a core, around whole seconds {relaxed:.2} %;");
    println!("eight threads that wake up as often as the former, and do nothing else, {floor:.2} %");
    assert!(relaxed <= 1.0, "eight GPUs cost {relaxed} % of a core");
}

#[test]
fn a_bad_trace_tells_all_of_its_faults() {
    let scratch = Scratch::new();
    let header = "version = 1\n[[gpu]]\nindex = 0\nname = \"H200\"\nuuid = \"GPU-1\"\n";
    scratch.write("trace.toml", header);
    scratch.write("ticks.csv", "gpu,early_s,late_s,counter_j\n0,1,1.1,5\n9,1,1.1,5\n0,x,1.1,5\n0,0.5,0.6,6\n0,2,2.");
    scratch.write("samples.csv", "gpu,time_s,power_w\n0,1\n");
    scratch.write("states.csv", "gpu,time_s\n");
    let text = Trace::read(scratch.path()).unwrap_err().to_string();
    for expected in [
        "ticks.csv: line 3 names what is not in trace.toml",
        "ticks.csv: line 4 holds what is no number",
        "ticks.csv: line 5 lacks a value, or is out of order",
        "samples.csv: line 2 has the wrong number of cells",
        "zones.csv cannot be read",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let none = joules(&["measure", "--replay", "/nonexistent"]);
    assert_eq!((none.code, none.out.as_str()), (2, ""));
    assert!(flat(&none.err).contains("trace.toml cannot be read"), "{}", none.err);
}
