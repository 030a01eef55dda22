//! `joules sweep` on machines that are played: kept point by point, whatever happens.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use joules::measure::sweep::{EXAMPLE, Plan, Spec};
use joules::runs::{Run, Sweep};

use crate::commands::{Told, answer, joules};
use crate::meters::{flat, scripted_nvml};
use crate::shared::Scratch;

/// A GPU at 300 W.
const STEADY: &str = "gpu 1\npower constant 300\ntick 0.1 0.03\n";

/// The program on a machine with that GPU, or none where that cannot be played.
pub(crate) fn sweeping(scratch: &Scratch, arguments: &[&str]) -> Option<Command> {
    let library = scripted_nvml()?;
    let scenario = scratch.path().join("scenario.txt");
    if !scenario.is_file() {
        scratch.write("scenario.txt", STEADY);
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_joules"));
    command.arg("sweep").args(arguments).arg("--nvml-lib").arg(library);
    command.env("SCRIPTED_NVML", scenario).env_remove("CUDA_VISIBLE_DEVICES").stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(command)
}

pub(crate) fn ended(child: Child) -> Told {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Told { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

pub(crate) fn told(scratch: &Scratch, arguments: &[&str]) -> Option<Told> {
    Some(ended(sweeping(scratch, arguments)?.spawn().unwrap()))
}

pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// A sweep of the command `argv` over `item` = 0 .. `count`.
pub(crate) fn items(scratch: &Scratch, count: usize, argv: &str) -> String {
    let list: Vec<String> = (0..count).map(|item| item.to_string()).collect();
    let text = format!(
        "[sweep]\nname = \"s\"\nseed = 5\n[knobs]\nitem = [{}]\n[command]\nargv = [\"sh\", \"-c\", {argv:?}]\n[baseline]\nno_context = \"0 s\"\n",
        list.join(", ")
    );
    shown(&scratch.write("sweep.toml", &text))
}

pub(crate) fn runs(folder: &Path, name: &str) -> BTreeMap<String, Run> {
    let sweep = Sweep::read(&folder.join(format!("{name}.csv"))).unwrap();
    sweep.runs.into_iter().map(|run| (run.id.clone(), run)).collect()
}

#[test]
fn faults_of_a_sweep_are_all_told_with_their_places() {
    insta::glob!("faulty/sweep/*.toml", |path| {
        let told = joules(&["sweep", path.to_str().unwrap(), "--dry-run"]);
        assert_eq!((told.code, told.out.as_str()), (2, ""), "{}", told.err);
        insta::assert_snapshot!(told.err);
    });
}

#[test]
fn the_example_is_a_sweep_and_its_plan_is_shown() {
    let spec = Spec::parse("example.toml", EXAMPLE).unwrap();
    assert_eq!(spec.points.len(), 7);
    let scratch = Scratch::new();
    assert_eq!(answer(&["sweep", "--example"]), EXAMPLE);
    let file = shown(&scratch.write("example.toml", EXAMPLE));
    let plan = answer(&["sweep", &file, "--dry-run"]);
    assert!(plan.lines().all(|line| line.chars().count() <= 80), "{plan}");
    assert_eq!(plan, answer(&["sweep", &file, "--dry-run"]));
    assert!(flat(&plan).contains("--quantization fp8"), "{plan}");
}

#[test]
fn a_block_begins_and_ends_with_its_anchor_and_each_point_is_visited_as_often_as_asked() {
    let text = EXAMPLE.replace("replicates = 1", "replicates = 3");
    let spec = Spec::parse("sweep.toml", &text).unwrap();
    let plan = Plan::new(&spec);
    assert_eq!(plan.blocks.len(), 2);
    assert_eq!(plan.len(), 21);
    let mut seen = BTreeSet::new();
    for block in &plan.blocks {
        let ends = [block.visits.first().unwrap(), block.visits.last().unwrap()];
        assert_eq!([ends[0].repeat, ends[1].repeat], [1, 3]);
        assert!(ends.iter().all(|visit| visit.id.contains("concurrency=16")));
        assert!(block.visits.iter().all(|visit| seen.insert(visit.id.clone())));
    }
    let other = Spec::parse("sweep.toml", &text.replace("seed = 1", "seed = 2")).unwrap();
    assert_ne!(Plan::new(&other), plan);
    assert_eq!(Plan::new(&spec), plan);
}

#[test]
fn a_sweep_of_commands_becomes_a_store() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let text = "[sweep]\nname = \"c\"\nreplicates = 2\n[conditions]\nmodel = \"sdxl\"\nsteps = 20\n[knobs]\nbatch_size = [1, 2]\n\
                [command]\nargv = [\"sh\", \"-c\", \"echo begin >> $JOULES_MARKS; sleep 0.7; echo end images={batch_size} >> $JOULES_MARKS\"]\n\
                [baseline]\nno_context = \"0.6 s\"\nsettle = \"0 s\"\n";
    let file = shown(&scratch.write("sweep.toml", text));
    let Some(told) = told(&scratch, &[&file, "--out", &shown(&out)]) else { return };
    assert_eq!(told.code, 0, "{}", told.err);
    let runs = runs(&out, "c");
    assert_eq!(runs.len(), 4);
    for run in runs.values() {
        let window: f64 = run.details["window_s"].parse().unwrap();
        let images = run.number("batch_size").unwrap();
        let bound: f64 = run.details["bound_j"].parse().unwrap();
        assert!((run.metrics["energy_per_image"] * images - 300.0 * window).abs() <= bound, "{run:?}");
        assert!((run.metrics["throughput"] * window / images - 1.0).abs() < 1e-3, "{run:?}");
        assert_eq!(run.name("gpu"), Some("H200"));
    }
    assert!(out.join("series/baselines.csv").is_file());
    let listed = answer(&["runs", "--runs", &shown(&out)]);
    assert!(listed.contains("c/batch_size=1#2"), "{listed}");
    // All is there: nothing is measured again, and the store is the same.
    let before = std::fs::read(out.join("c.csv")).unwrap();
    let again = joules(&["sweep", &file, "--out", &shown(&out), "--nvml-lib", "/nonexistent"]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(std::fs::read(out.join("c.csv")).unwrap(), before);
}

#[test]
fn whatever_kills_a_sweep_what_was_complete_stays_as_it_was() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let file = items(&scratch, 100, ": {item}");
    let arguments = [file.as_str(), "--out", &shown(&out)];
    let mut kept: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    let mut draws = joules::stats::Draws::new(11);
    let mut kills = 0;
    let begun = Instant::now();
    loop {
        let Some(mut command) = sweeping(&scratch, &arguments) else { return };
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        if kills < 100 {
            std::thread::sleep(Duration::from_secs_f64(0.4 * draws.uniform()));
            kills += 1;
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        for (path, bytes) in &kept {
            assert_eq!(&std::fs::read(path).unwrap(), bytes, "{} has changed", path.display());
        }
        let points = std::fs::read_dir(out.join("points"));
        for path in points.into_iter().flatten().map(|entry| entry.unwrap().path()) {
            if path.extension().is_some_and(|extension| extension == "json") {
                kept.entry(path.clone()).or_insert_with(|| std::fs::read(&path).unwrap());
            }
        }
        if status.code() == Some(0) {
            break;
        }
        assert_eq!(status.code(), None, "it ended by itself");
        assert!(begun.elapsed() < Duration::from_secs(100), "{kills} kills, {} points", kept.len());
    }
    assert_eq!((kept.len(), runs(&out, "s").len()), (100, 100));
    let left: Vec<String> = std::fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| Path::new(name).extension().is_some_and(|own| own == "part"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_interrupted_sweep_ends_at_once_and_leaves_no_process() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let pid = scratch.path().join("pid");
    let file = items(
        &scratch,
        2,
        &format!("echo $$ {{item}} > {}; trap '' TERM; while true; do sleep 1; done", pid.display()),
    );
    let Some(mut command) = sweeping(&scratch, &[&file, "--out", &shown(&out)]) else { return };
    let child = command.spawn().unwrap();
    wait_for(|| std::fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')));
    let asked = Instant::now();
    signal(&child, rustix::process::Signal::TERM);
    let told = ended(child);
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(told.code, 130, "{}", told.err);
    assert!(flat(&told.out).contains("It was interrupted. 2 visits left"), "{}", told.out);
    let inner = std::fs::read_to_string(&pid).unwrap();
    wait_for(|| !is_alive(inner.split(' ').next().unwrap()));
}

#[test]
fn a_sweep_that_was_begun_with_another_file_is_refused_and_may_be_extended() {
    let scratch = Scratch::new();
    let out = shown(&scratch.path().join("out"));
    let file = items(&scratch, 2, ": {item}");
    let Some(first) = told(&scratch, &[&file, "--out", &out]) else { return };
    assert_eq!(first.code, 0, "{}", first.err);
    let file = items(&scratch, 3, ": {item}");
    let refused = told(&scratch, &[&file, "--out", &out]).unwrap();
    assert_eq!(refused.code, 2);
    assert!(flat(&refused.err).contains("`knobs.item`: `[0, 1]` then, `[0, 1, 2]` now"), "{}", refused.err);
    let extended = told(&scratch, &[&file, "--out", &out, "--extend"]).unwrap();
    assert_eq!(extended.code, 0, "{}", extended.err);
    assert!(extended.out.contains("3 of 3 complete"), "{}", extended.out);
    let otherwise = items(&scratch, 3, "sleep 0.01; : {item}");
    let refused = told(&scratch, &[&otherwise, "--out", &out, "--extend"]).unwrap();
    assert!(flat(&refused.err).contains("give another folder with `--out`"), "{}", refused.err);
}

#[test]
fn two_sweeps_do_not_work_in_one_folder_and_what_failed_is_tried_again() {
    let scratch = Scratch::new();
    let out = shown(&scratch.path().join("out"));
    let flag = scratch.path().join("works");
    let argv = format!("test {{item}} != 1 || test -f {} || {{{{ echo broken; exit 7; }}}}; sleep 0.5", flag.display());
    let file = items(&scratch, 2, &argv);
    let Some(mut command) = sweeping(&scratch, &[&file, "--out", &out]) else { return };
    let first = command.spawn().unwrap();
    wait_for(|| Path::new(&out).join("spec.toml").is_file());
    let second = told(&scratch, &[&file, "--out", &out]).unwrap();
    assert_eq!(second.code, 2);
    assert!(flat(&second.err).contains("another `joules sweep` is at work"), "{}", second.err);
    let first = ended(first);
    assert_eq!(first.code, 3, "{}", first.err);
    assert!(first.out.contains("s/item=1: the command ended with exit code 7"), "{}", first.out);
    assert!(first.out.contains("broken"), "{}", first.out);
    assert_eq!(joules(&["sweep", "--status", &out]).code, 3);
    std::fs::write(flag, "").unwrap();
    let again = told(&scratch, &[&file, "--out", &out]).unwrap();
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(again.err.matches("[2/2]").count(), 1, "{}", again.err);
}

#[test]
fn a_full_disk_is_told_and_spares_what_is_complete() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let file = items(&scratch, 2, ": {item}");
    let Some(first) = told(&scratch, &[&file, "--out", &shown(&out)]) else { return };
    assert_eq!(first.code, 0, "{}", first.err);
    // A journal on a device that is always full.
    std::fs::remove_file(out.join("journal.jsonl")).unwrap();
    std::os::unix::fs::symlink("/dev/full", out.join("journal.jsonl")).unwrap();
    let file = items(&scratch, 3, ": {item}");
    let full = told(&scratch, &[&file, "--out", &shown(&out), "--extend"]).unwrap();
    assert_eq!(full.code, 1, "{}", full.err);
    assert!(flat(&full.err).contains("No space left on device"), "{}", full.err);
    assert_eq!(runs(&out, "s").len(), 2);
}

#[test]
fn idle_power_over_temperature_is_told_once_temperatures_vary() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let text = "[sweep]\nname = \"s\"\n[command]\nargv = [\"sleep\", \"0.6\"]\n[baseline]\nno_context = \"0.6 s\"\nsettle = \"0 s\"\n";
    let file = shown(&scratch.write("sweep.toml", text));
    let Some(first) = told(&scratch, &[&file, "--out", &shown(&out)]) else { return };
    assert_eq!(first.code, 0, "{}", first.err);
    let journal = out.join("journal.jsonl");
    let mut events = std::fs::read_to_string(&journal).unwrap();
    // Before the first block and after the last.
    assert_eq!(events.matches("\"kind\":\"no_context\"").count(), 2, "{events}");
    assert!(!first.out.contains("over temperature"), "two baselines tell no slope: {}", first.out);
    for step in 0..12 {
        let (warm, power) = (318.15 + f64::from(step), 300.0 + 1.5 * f64::from(step));
        let event = serde_json::json!({
            "event": "baseline", "kind": "no_context", "temperature_k": warm, "power_w": power,
        });
        events = format!("{events}{event}\n");
    }
    std::fs::write(&journal, events).unwrap();
    let standing = answer(&["sweep", "--status", &shown(&out)]);
    assert!(flat(&standing).contains("without a server over temperature: 1."), "{standing}");
    assert_eq!(joules(&["sweep", &file, "--out", &shown(&out), "--merge"]).code, 0);
    let told = std::fs::read_to_string(out.join("s.toml")).unwrap();
    assert!(told.contains("idle_no_context_slope = \"1."), "{told}");
}

/// The scripted server, which cargo builds with the tests.
pub(crate) fn scripted_server() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_BIN_EXE_joules")).parent()?.join("examples/scripted_server");
    if path.is_file() {
        return Some(path);
    }
    eprintln!("skipped: there is no `{}`; `cargo build --example scripted_server` makes it", path.display());
    None
}

/// A port that nobody listens on just now.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A sweep of the scripted server.
pub(crate) fn served(scratch: &Scratch, server: &Path, more: &str, knobs: &str, about: &str) -> String {
    let port = free_port();
    let text = format!(
        "[sweep]\nname = \"s\"\nseed = 2\n{about}\n[conditions]\ntask = \"completion\"\nmodel = \"Qwen/Qwen3-8B\"\nbatch_size = 64\n\
         [knobs]\n{knobs}\n\
         [server]\nargv = [\"{}\", \"--port\", \"{port}\", \"--model\", \"m\", \"--batch\", \"{{batch_size}}\"{more}]\n\
         url = \"http://127.0.0.1:{port}\"\nstart_timeout = \"10 s\"\nstop_timeout = \"2 s\"\n\
         [[server.arguments]]\nwhen = {{ precision = \"bf16\" }}\nadd = [\"--step-ms\", \"20\"]\n\
         [[server.arguments]]\nwhen = {{ precision = \"fp8\" }}\nadd = [\"--step-ms\", \"10\"]\n\
         [load]\nmodel = \"m\"\nprompt_tokens = 20\noutput_tokens = \"20..60\"\n\
         [steady]\nmin_window = \"2 s\"\nmax_time = \"5 s\"\nsettle = \"0.5 s\"\nprecision = \"10 %\"\nstagnation = \"2 s\"\n\
         [baseline]\nno_context = \"0.7 s\"\nloaded = \"0.7 s\"\nsettle = \"0 s\"\n",
        server.display()
    );
    shown(&scratch.write("sweep.toml", &text))
}

#[test]
fn a_sweep_of_a_server_finds_the_energy_that_was_scripted() {
    let scratch = Scratch::new();
    let Some(server) = scripted_server() else { return };
    let out = scratch.path().join("out");
    let file = served(&scratch, &server, "", "precision = [\"bf16\", \"fp8\"]\nconcurrency = [4, 8, 16]", "");
    let Some(told) = told(&scratch, &[&file, "--out", &shown(&out)]) else { return };
    assert_eq!(told.code, 0, "{}\n{}", told.out, told.err);
    assert_eq!(told.err.matches("starting the server").count(), 2, "{}", told.err);
    let runs = runs(&out, "s");
    assert_eq!(runs.len(), 6);
    for run in runs.values() {
        let detail = |name: &str| run.details[name].parse::<f64>().unwrap();
        let truth = 300.0 * detail("window_s");
        assert!((detail("energy_j") - truth).abs() <= detail("bound_j") + 0.05, "{run:?}");
        let per_token = detail("energy_j") / detail("output_tokens_window");
        assert!((run.metrics["energy_per_token"] / per_token - 1.0).abs() < 1e-3, "{run:?}");
        // A token of each client for each step, but for prefills and the machine that plays all of it.
        let step = if run.name("precision") == Some("fp8") { 0.01 } else { 0.02 };
        let ideal = run.number("concurrency").unwrap() / step;
        assert!((0.6..1.05).contains(&(run.metrics["throughput"] / ideal)), "{run:?}");
        assert!((run.observed["static_power"] - 300.0).abs() < 50.0, "{run:?}");
        // By the benchmark's rule, over a window of its own: other moments of a machine that has other work too.
        assert!((detail("benchmark_energy_per_token_j") / per_token - 1.0).abs() < 0.5, "{run:?}");
        assert_eq!(run.details["requests_failed"], "0");
        // A load of 5 s has too few blocks of half a second to tell what kind of token cost what.
        assert!(run.details["energy_split"].contains("too few to tell prompt from output tokens"), "{run:?}");
        assert!(run.metrics["energy_per_total_token"] < run.metrics["energy_per_token"]);
        assert!(run.observed["running_batch"] > 2.0 && run.metrics.contains_key("itl_p50"));
        assert_eq!((run.number("prompt_tokens"), run.number("output_tokens")), (Some(20.0), Some(40.0)));
    }
    let series = std::fs::read_dir(out.join("series")).unwrap().count();
    assert_eq!(series, 7, "one of each run, and the baselines");
    assert!(answer(&["runs", "--runs", &shown(&out)]).contains("6 runs"));
    assert!(flat(&told.out).contains("What prompt and output tokens cost apart is not known:"), "{}", told.out);
}

#[test]
fn a_server_that_dies_is_started_once_more_and_the_sweep_goes_on() {
    let scratch = Scratch::new();
    let Some(server) = scripted_server() else { return };
    let out = scratch.path().join("out");
    // It dies of the point of 8 clients, whenever that comes; the anchor keeps that point from being the last.
    let file = served(
        &scratch,
        &server,
        ", \"--exit-at-running\", \"6\"",
        "precision = \"fp8\"\nconcurrency = [2, 4, 8]",
        "anchor = { concurrency = 2 }",
    );
    let Some(told) = told(&scratch, &[&file, "--out", &shown(&out)]) else { return };
    assert_eq!(told.code, 3, "{}\n{}", told.out, told.err);
    assert_eq!(told.err.matches("starting the server").count(), 2, "{}", told.err);
    assert!(flat(&told.out).contains("the server ended with exit code 1"), "{}", told.out);
    assert!(!runs(&out, "s").is_empty(), "{}", told.out);
}

#[test]
fn a_server_that_never_gets_ready_is_told_with_the_end_of_its_log() {
    let scratch = Scratch::new();
    let out = shown(&scratch.path().join("out"));
    let text = "[sweep]\nname = \"s\"\n[knobs]\nconcurrency = [1, 2]\n\
                [server]\nargv = [\"sh\", \"-c\", \"echo out of memory; exit 1\"]\nurl = \"http://127.0.0.1:1\"\n\
                [load]\nmodel = \"m\"\nprompt_tokens = 1\noutput_tokens = 1\n[baseline]\nno_context = \"0 s\"\n";
    let file = shown(&scratch.write("sweep.toml", text));
    let Some(told) = told(&scratch, &[&file, "--out", &out]) else { return };
    assert_eq!(told.code, 3, "{}", told.err);
    assert_eq!(told.err.matches("ended with exit code 1 before it was ready").count(), 2, "{}", told.err);
    assert!(told.err.contains("out of memory"), "{}", told.err);
}

pub(crate) fn wait_for(mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < end, "it did not come about in 10 s");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, signal).unwrap();
}

pub(crate) fn is_alive(pid: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    state.is_ok_and(|text| text.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z')))
}
