//! What a sweep has started ends with it, however it hides, and however the sweep ends.

use std::path::Path;
use std::process::Child;

use crate::meters::flat;
use crate::shared::Scratch;
use crate::sweep::{ended, free_port, is_alive, items, runs, scripted_server, shown, signal, sweeping, told, wait_for};

/// A sweep of the scripted server below a shell that runs `script`, in which `SERVE` stands for it.
fn behind_a_shell(scratch: &Scratch, script: &str) -> Option<(String, u16)> {
    let (server, port) = (scripted_server()?, free_port());
    let serve = format!("{} --port {port} --model m --step-ms 10", server.display());
    let text = format!(
        "[sweep]\nname = \"s\"\n[knobs]\nconcurrency = 2\n\
         [server]\nargv = [\"sh\", \"-c\", {:?}]\nurl = \"http://127.0.0.1:{port}\"\nstart_timeout = \"10 s\"\n\
         [load]\nmodel = \"m\"\nprompt_tokens = 5\noutput_tokens = 20\n\
         [steady]\nmin_window = \"0.5 s\"\nmax_time = \"2.6 s\"\nsettle = \"0 s\"\nprecision = \"30 %\"\n\
         [baseline]\nno_context = \"0 s\"\nloaded = \"0 s\"\n",
        script.replace("SERVE", &serve)
    );
    Some((shown(&scratch.write("sweep.toml", &text)), port))
}

fn answers(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}

fn kill(child: Child) {
    signal(&child, rustix::process::Signal::KILL);
    assert_eq!(ended(child).code, -1);
}

fn has_pid(file: &Path) -> bool {
    std::fs::read_to_string(file).is_ok_and(|text| text.ends_with('\n'))
}

fn pid(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap().trim().to_owned()
}

#[test]
fn a_server_behind_a_shell_that_a_killed_sweep_has_left_is_ended_by_the_next() {
    let scratch = Scratch::new();
    let out = shown(&scratch.path().join("out"));
    // The shell dies with the sweep; the server does not, nor has it a group that anybody knows.
    let Some((file, port)) = behind_a_shell(&scratch, "SERVE; true") else { return };
    let Some(mut command) = sweeping(&scratch, &[&file, "--out", &out]) else { return };
    let first = command.spawn().unwrap();
    wait_for(|| answers(port));
    kill(first);
    assert!(answers(port), "the server has ended by itself: this test shows nothing");
    let again = told(&scratch, &[&file, "--out", &out]).unwrap();
    assert_eq!(again.code, 0, "{}\n{}", again.out, again.err);
    assert!(again.err.contains("what a killed sweep has left running was ended"), "{}", again.err);
    assert_eq!(runs(Path::new(&out), "s").len(), 1);
    assert!(!answers(port));
}

#[test]
fn a_server_in_a_session_of_its_own_ends_with_its_sweep() {
    let scratch = Scratch::new();
    let out = shown(&scratch.path().join("out"));
    let Some((file, port)) = behind_a_shell(&scratch, "setsid SERVE & wait") else { return };
    let Some(told) = told(&scratch, &[&file, "--out", &out]) else { return };
    assert_eq!(told.code, 0, "{}\n{}", told.out, told.err);
    assert!(!answers(port));
}

#[test]
fn a_server_that_has_dropped_its_environment_is_told() {
    let scratch = Scratch::new();
    let out = shown(&scratch.path().join("out"));
    let own = scratch.path().join("pid");
    // Started by nobody of ours, for all that can be seen.
    let script = format!("(env -i setsid sh -c 'echo $$ > {}; exec SERVE' &) ; sleep 100", own.display());
    let Some((file, port)) = behind_a_shell(&scratch, &script) else { return };
    let Some(told) = told(&scratch, &[&file, "--out", &out]) else { return };
    assert_eq!(told.code, 0, "{}\n{}", told.out, told.err);
    assert!(answers(port), "it was ended without being known");
    assert!(flat(&told.err).contains("the server was stopped, but something still answers at"), "{}", told.err);
    let pid = rustix::process::Pid::from_raw(pid(&own).parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn what_a_command_has_left_is_ended_after_a_kill_and_what_another_task_runs_is_not() {
    let scratch = Scratch::new();
    let out = shown(&scratch.path().join("out"));
    let (hidden, hold) = (scratch.path().join("hidden"), scratch.path().join("hold"));
    std::fs::write(&hold, "").unwrap();
    // The first item hides a process in a session of its own, as long as it is to hold.
    let argv = format!(
        "test {{item}} = 1 || ! test -f {1} || {{{{ setsid sh -c 'echo $$ > {0}; exec sleep 1000' & wait; }}}}; sleep 0.3",
        hidden.display(),
        hold.display()
    );
    let file = items(&scratch, 2, &argv);
    let task = |number: &'static str| sweeping(&scratch, &[&file, "--out", &out, "--only", number]);
    let plan = told(&scratch, &[&file, "--dry-run"]);
    let Some(plan) = plan else { return };
    let of_first = plan.out.lines().find(|line| line.contains("item=0")).unwrap().trim_start().starts_with('0');
    let (first, second) = if of_first { ("0", "1") } else { ("1", "0") };
    let child = task(first).unwrap().spawn().unwrap();
    wait_for(|| has_pid(&hidden));
    // Another task of the same sweep on the same node.
    let other = ended(task(second).unwrap().spawn().unwrap());
    assert_eq!(other.code, 0, "{}", other.err);
    assert!(is_alive(&pid(&hidden)), "a task has ended what another runs");
    kill(child);
    assert!(is_alive(&pid(&hidden)), "it has ended by itself: this test shows nothing");
    std::fs::remove_file(&hold).unwrap();
    let again = ended(task(first).unwrap().spawn().unwrap());
    assert_eq!(again.code, 0, "{}", again.err);
    wait_for(|| !is_alive(&pid(&hidden)));
}
