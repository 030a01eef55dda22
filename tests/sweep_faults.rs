//! What goes wrong in a sweep is told: foreign files and servers, uncounted tokens, failed requests, too many requests.

use crate::commands::{Told, answer, joules};
use crate::meters::flat;
use crate::server::{Script, Usage, start};
use crate::shared::Scratch;
use crate::sweep::{items, runs, shown, told};

/// A sweep of a server that runs already.
fn of_server(scratch: &Scratch, url: &str, knobs: &str, load: &str) -> String {
    let text = format!(
        "[sweep]\nname = \"s\"\n[knobs]\n{knobs}\n[server]\nurl = \"{url}\"\n\
         [load]\nmodel = \"scripted\"\nprompt_tokens = 10\n{load}\n\
         [steady]\nmin_window = \"1 s\"\nmax_time = \"5 s\"\nsettle = \"0.2 s\"\nprecision = \"20 %\"\n\
         [baseline]\nno_context = \"0 s\"\nloaded = \"0 s\"\n"
    );
    shown(&scratch.write("sweep.toml", &text))
}

fn fits(text: &str) {
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn a_store_that_the_sweep_did_not_write_is_refused_and_kept() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let file = items(&scratch, 2, ": {item}");
    for (name, text) in
        [("s.csv", "id,power_w\nother,300\n"), ("s.toml", "source = \"measured by `joules measure`\"\n")]
    {
        std::fs::write(out.join(name), text).unwrap();
        let Some(refused) = told(&scratch, &[&file, "--out", &shown(&out)]) else { return };
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{}", refused.err);
        assert!(flat(&refused.err).contains("is there already, and this sweep did not write it"), "{}", refused.err);
        assert!(flat(&refused.err).contains("give another folder with `--out`"), "{}", refused.err);
        assert_eq!(std::fs::read_to_string(out.join(name)).unwrap(), text);
        assert!(!out.join("points").exists(), "nothing is begun");
        std::fs::remove_file(out.join(name)).unwrap();
    }
    let first = told(&scratch, &[&file, "--out", &shown(&out)]).unwrap();
    assert_eq!(first.code, 0, "{}", first.err);
    // Its own store is written anew, also where a crash has left one of its files alone.
    for gone in ["s.csv", "s.toml"] {
        std::fs::remove_file(out.join(gone)).unwrap();
        assert_eq!(joules(&["sweep", &file, "--out", &shown(&out), "--merge"]).code, 0);
    }
    let more = items(&scratch, 3, ": {item}");
    let extended = told(&scratch, &[&more, "--out", &shown(&out), "--extend"]).unwrap();
    assert_eq!((extended.code, runs(&out, "s").len()), (0, 3), "{}", extended.err);
    // What came later is no less foreign.
    std::fs::write(out.join("s.toml"), "source = \"another\"\n").unwrap();
    let merged = joules(&["sweep", &more, "--out", &shown(&out), "--merge"]);
    assert_eq!(merged.code, 2, "{}", merged.err);
    assert_eq!(std::fs::read_to_string(out.join("s.toml")).unwrap(), "source = \"another\"\n");
}

/// A sweep of a played server into `out`, with these knobs or load; none where meters cannot be played.
fn swept(scratch: &Scratch, script: Script, knobs: &str, load: &str) -> Option<Told> {
    let server = start(script).unwrap();
    let file = of_server(scratch, &server.url(), knobs, load);
    let told = told(scratch, &[&file, "--out", &shown(&scratch.path().join("out"))])?;
    assert_eq!(told.code, 0, "{}\n{}", told.out, told.err);
    Some(told)
}

#[test]
fn tokens_that_only_the_server_counts_make_no_energy_per_token() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let Some(told) = swept(
        &scratch,
        Script { step: 0.01, bundle: 4, usage: Usage::None, ..Script::default() },
        "concurrency = 4",
        "output_tokens = 40",
    ) else {
        return;
    };
    let run = &runs(&out, "s")["s/only"];
    assert!(run.details["verdict"].starts_with("not-valid: the server says that it made "), "{run:?}");
    assert!(run.metrics.contains_key("power"), "{run:?}");
    for name in ["energy_per_token", "energy_per_response", "throughput", "itl_p50"] {
        assert!(!run.metrics.contains_key(name), "{name}: {run:?}");
    }
    assert!(flat(&told.out).contains("tokens/s, but"), "{}", told.out);
    fits(&told.out);
}

#[test]
fn chunks_of_one_token_are_counted_as_the_server_counts_them() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let Some(_) = swept(
        &scratch,
        Script { step: 0.01, usage: Usage::None, ..Script::default() },
        "concurrency = 4",
        "output_tokens = 40",
    ) else {
        return;
    };
    let run = &runs(&out, "s")["s/only"];
    assert!(!run.details["verdict"].contains("not-valid"), "{run:?}");
    assert!(run.metrics.contains_key("energy_per_token"), "{run:?}");
}

#[test]
fn failed_requests_are_told_below_the_table_with_the_points_they_are_of() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let Some(told) = swept(
        &scratch,
        Script { step: 0.01, fail_every: 4, ..Script::default() },
        "concurrency = [2, 3]",
        "output_tokens = 20",
    ) else {
        return;
    };
    for text in [told.out, answer(&["sweep", "--status", &shown(&out)])] {
        assert_eq!(flat(&text).matches("failed, most often: ").count(), 1, "{text}");
        assert!(flat(&text).contains("their tokens are not counted, but the energy was spent. (all points"), "{text}");
        fits(&text);
    }
}

#[test]
fn requests_that_come_faster_than_they_are_answered_are_no_steady_state() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    // 8 at once, 0.2 s each: 40 a second.
    let server = start(Script { step: 0.02, batch: 8, ..Script::default() }).unwrap();
    let file = of_server(&scratch, &server.url(), "request_rate = 200", "output_tokens = 10");
    let text = std::fs::read_to_string(&file).unwrap().replace("max_time = \"5 s\"", "max_time = \"12 s\"");
    std::fs::write(&file, text.replace("min_window = \"1 s\"", "min_window = \"8 s\"")).unwrap();
    let Some(told) = told(&scratch, &[&file, "--out", &shown(&out)]) else { return };
    assert_eq!(told.code, 0, "{}\n{}", told.out, told.err);
    let verdict = runs(&out, "s")["s/only"].details["verdict"].clone();
    assert!(verdict.starts_with("not-steady: requests come faster than they are answered"), "{verdict}");
    assert!(flat(&told.out).contains("not-steady: requests come faster than they are answered"), "{}", told.out);
    fits(&told.out);
}

#[test]
fn a_server_of_somebody_else_is_refused_and_gives_no_baseline() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let server = start(Script::default()).unwrap();
    let text = format!(
        "[sweep]\nname = \"s\"\n[server]\nargv = [\"sleep\", \"100\"]\nurl = \"{}\"\n\
         [load]\nmodel = \"m\"\nconcurrency = 1\nprompt_tokens = 1\noutput_tokens = 1\n\
         [baseline]\nno_context = \"0.6 s\"\nloaded = \"0.6 s\"\nsettle = \"0 s\"\n",
        server.url()
    );
    let file = shown(&scratch.write("sweep.toml", &text));
    let Some(told) = told(&scratch, &[&file, "--out", &shown(&out)]) else { return };
    assert_eq!(told.code, 3, "{}", told.err);
    let journal = std::fs::read_to_string(out.join("journal.jsonl")).unwrap();
    assert!(!journal.contains("\"baseline\""), "{journal}");
    assert!(
        flat(&told.out).contains("the last time, a server that this sweep did not start answers at"),
        "{}",
        told.out
    );
}

#[test]
fn a_point_that_was_not_tried_says_why_its_server_did_not_start() {
    let scratch = Scratch::new();
    let out = shown(&scratch.path().join("out"));
    let text = "[sweep]\nname = \"s\"\n[knobs]\nconcurrency = [1, 2]\n\
                [server]\nargv = [\"sh\", \"-c\", \"echo no such flag; exit 2\"]\nurl = \"http://127.0.0.1:1\"\n\
                [load]\nmodel = \"m\"\nprompt_tokens = 1\noutput_tokens = 1\n[baseline]\nno_context = \"0 s\"\n";
    let file = shown(&scratch.write("sweep.toml", text));
    let Some(told) = told(&scratch, &[&file, "--out", &out]) else { return };
    assert_eq!(told.code, 3, "{}", told.err);
    let standing = joules(&["sweep", "--status", &out]).out;
    for text in [told.out, standing] {
        assert!(flat(&text).contains("the server ended with exit code 2 before it was ready"), "{text}");
        assert!(text.contains("no such flag"), "{text}");
        assert!(text.contains("/logs/server-"), "{text}");
    }
}
