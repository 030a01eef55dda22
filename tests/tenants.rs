//! `joules sweep` on GPUs that others use too.

use crate::meters::{flat, on};
use crate::server::{Script, start};
use crate::shared::Scratch;
use crate::sweep::{items, runs, shown, told};

/// A GPU at 300 W whose processes stand in a file, while there is one; the file.
fn with_processes(scratch: &Scratch) -> String {
    let file = shown(&scratch.path().join("processes"));
    scratch.write("scenario.txt", &format!("gpu\npower constant 300\ntick 0.1 0.03\nprocess @{file} 1000000000\n"));
    file
}

#[test]
fn others_that_are_there_at_the_start_are_refused_unless_shared() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    std::fs::write(with_processes(&scratch), "1").unwrap();
    let file = items(&scratch, 1, "sleep 0.7; : {item}");
    let Some(refused) = told(&scratch, &[&file, "--out", &shown(&out)]) else { return };
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert!(flat(&refused.err).contains("GPU 0 is used by others: process 1"), "{}", refused.err);
    assert!(flat(&refused.err).contains("--shared"), "{}", refused.err);
    let shared = told(&scratch, &[&file, "--out", &shown(&out), "--shared"]).unwrap();
    assert_eq!(shared.code, 0, "{}", shared.err);
    let verdict = runs(&out, "s")["s/only"].details["verdict"].clone();
    assert_eq!(verdict, "shared: with process 1 on GPU 0, whose energy is inside; measured");
}

#[test]
fn a_point_that_somebody_disturbs_is_measured_anew() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let processes = with_processes(&scratch);
    let done = shown(&scratch.path().join("done"));
    // The first time, process 1 comes and goes while the command runs.
    let argv = format!(
        "test -f {done} || {{{{ echo 1 > {processes}; sleep 1.6; rm {processes}; touch {done}; }}}}; sleep 0.7; : {{item}}"
    );
    let file = items(&scratch, 1, &argv);
    let Some(told) = told(&scratch, &[&file, "--out", &shown(&out)]) else { return };
    assert_eq!(told.code, 0, "{}\n{}", told.out, told.err);
    assert!(flat(&told.err).contains("process 1 on GPU 0; the point is measured anew"), "{}", told.err);
    let journal = std::fs::read_to_string(out.join("journal.jsonl")).unwrap();
    assert_eq!(journal.matches("\"disturbed\"").count(), 1, "{journal}");
    let run = &runs(&out, "s")["s/only"];
    assert_eq!(run.details["verdict"], "measured");
    assert!(run.details["window_s"].parse::<f64>().unwrap() >= 0.7, "{run:?}");
}

#[test]
fn processes_of_the_work_are_no_strangers_and_numbers_from_elsewhere_no_reason_to_refuse() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let processes = with_processes(&scratch);
    // The first point is a process of its own; of the other the driver tells a number that nobody has here.
    let argv =
        format!("test {{item}} = 1 && echo 4194303 > {processes} || echo $$ > {processes}; sleep 1.8; rm {processes}");
    let file = items(&scratch, 2, &argv);
    let Some(told) = told(&scratch, &[&file, "--out", &shown(&out)]) else { return };
    assert_eq!(told.code, 0, "{}\n{}", told.out, told.err);
    let runs = runs(&out, "s");
    assert!(runs.values().all(|run| run.details["verdict"] == "measured"), "{runs:?}");
    assert_eq!(runs["s/item=0"].details.get("other_processes"), None);
    let said = &runs["s/item=1"].details["other_processes"];
    assert_eq!(said, "whose it is cannot be told from here: process 4194303 on GPU 0");
}

#[test]
fn a_process_of_the_work_that_has_left_its_group_and_its_parents_is_no_stranger() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let processes = with_processes(&scratch);
    let argv = format!("(setsid sh -c 'echo $$ > {processes}; sleep 1.6; rm {processes}' &); sleep 1.8; : {{item}}");
    let file = items(&scratch, 1, &argv);
    let Some(told) = told(&scratch, &[&file, "--out", &shown(&out)]) else { return };
    assert_eq!(told.code, 0, "{}\n{}", told.out, told.err);
    assert!(!told.err.contains("somebody else"), "{}", told.err);
    assert_eq!(runs(&out, "s")["s/only"].details["verdict"], "measured");
}

#[test]
fn a_server_that_runs_already_is_not_taken_for_a_tenant() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let server = start(Script { step: 0.01, ..Script::default() }).unwrap();
    std::fs::write(with_processes(&scratch), "1").unwrap();
    let text = format!(
        "[sweep]\nname = \"s\"\n[knobs]\nconcurrency = 4\n[server]\nurl = \"{}\"\n\
         [load]\nmodel = \"scripted\"\nprompt_tokens = 10\noutput_tokens = 20\n\
         [steady]\nmin_window = \"1 s\"\nmax_time = \"4 s\"\nsettle = \"0.2 s\"\nprecision = \"20 %\"\n\
         [baseline]\nloaded = \"0 s\"\n",
        server.url()
    );
    let file = shown(&scratch.write("sweep.toml", &text));
    let Some(told) = told(&scratch, &[&file, "--out", &shown(&out)]) else { return };
    assert_eq!(told.code, 0, "{}\n{}", told.out, told.err);
    assert!(!runs(&out, "s")["s/only"].details["verdict"].contains("shared"), "{}", told.out);
}

#[test]
fn the_energy_of_an_instance_of_a_split_gpu_is_refused() {
    let scratch = Scratch::new();
    let out = shown(&scratch.path().join("out"));
    let split = "gpu\npower constant 300\ntick 0.1 0.03\nmig on\n";
    let Some(refused) = on(&scratch, split, &["measure", "--baseline", "0", "--", "true"]) else { return };
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(flat(&refused.err).contains("GPU 0 is split into instances (MIG)"), "{}", refused.err);
    let whole = on(&scratch, split, &["measure", "--baseline", "0", "--shared", "--", "sleep", "0.8"]).unwrap();
    assert_eq!(whole.code, 0, "{}", whole.err);
    let file = items(&scratch, 1, "sleep 0.7; : {item}");
    let refused = told(&scratch, &[&file, "--out", &out]).unwrap();
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(flat(&refused.err).contains("GPU 0 is split into instances (MIG)"), "{}", refused.err);
    let whole = told(&scratch, &[&file, "--out", &out, "--shared"]).unwrap();
    assert_eq!(whole.code, 0, "{}", whole.err);
    let caveats = &runs(scratch.path().join("out").as_path(), "s")["s/only"].details["caveats"];
    assert!(caveats.contains("the energy is that of the whole GPU"), "{caveats}");
}
