//! `joules sweep` over a knob whose values are chosen one after the other.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use joules::runs::Run;

use crate::commands::{answer, joules};
use crate::meters::flat;
use crate::shared::Scratch;
use crate::sweep::{runs, scripted_server, served, shown, sweeping, told};

/// A sweep of a command that makes as many tokens as `load` says, up to 1600.
fn saturating(scratch: &Scratch, knobs: &str) -> String {
    let script = "n=$(({load} * 100)); test $n -lt 1600 || n=1600; echo begin >> $JOULES_MARKS; sleep 0.6; \
                  echo end tokens=$n >> $JOULES_MARKS";
    let text = format!(
        "[sweep]\nname = \"s\"\nseed = 3\n[knobs]\n{knobs}\n[command]\nargv = [\"sh\", \"-c\", {script:?}]\n\
         [baseline]\nno_context = \"0 s\"\n"
    );
    shown(&scratch.write("sweep.toml", &text))
}

fn loads<'a>(runs: impl IntoIterator<Item = &'a Run>) -> BTreeSet<usize> {
    runs.into_iter().map(|run| run.details["load"].parse().unwrap()).collect()
}

fn chosen(out: &Path) -> usize {
    let journal = std::fs::read_to_string(out.join("journal.jsonl")).unwrap_or_default();
    journal.lines().filter(|line| line.contains("\"event\":\"point\"")).count()
}

#[test]
fn values_are_chosen_where_the_curve_bends_whatever_kills_the_sweep() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let file = saturating(&scratch, "load = { from = 2, to = 128, points = 8 }");
    let arguments = [file.as_str(), "--out", &shown(&out)];
    let mut draws = joules::stats::Draws::new(5);
    let begun = Instant::now();
    let mut kills = 0;
    loop {
        let Some(mut command) = sweeping(&scratch, &arguments) else { return };
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        if kills < 6 {
            kills += 1;
            std::thread::sleep(Duration::from_secs_f64(0.3 + 1.5 * draws.uniform()));
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        if status.code() == Some(0) {
            break;
        }
        assert_eq!(status.code(), None, "it ended by itself");
        assert!(begun.elapsed() < Duration::from_secs(100), "{kills} kills");
    }
    let found = loads(runs(&out, "s").values());
    assert_eq!((found.len(), chosen(&out)), (8, 4), "{found:?}");
    assert!([2, 8, 32, 128].iter().all(|first| found.contains(first)), "{found:?}");
    // The knee is at 16; where the others stand depends on how long `sleep` takes on a machine with other work.
    assert!(found.range(9..32).count() >= 1, "{found:?}");
    let again = joules(&["sweep", &file, "--out", &shown(&out), "--nvml-lib", "/nonexistent"]);
    assert_eq!(again.code, 0, "{}", again.err);
    let standing = answer(&["sweep", "--status", &shown(&out)]);
    assert!(flat(&standing).contains("load: 8 of at most 8 values"), "{standing}");
    assert!(standing.lines().all(|line| line.chars().count() <= 80), "{standing}");

    // More values may be asked for later; those measured stay.
    let file = saturating(&scratch, "load = { from = 2, to = 128, points = 9 }");
    let more = told(&scratch, &[&file, "--out", &shown(&out), "--extend"]).unwrap();
    assert_eq!(more.code, 0, "{}\n{}", more.out, more.err);
    assert!(
        more.out.contains("9 of 9 complete") && loads(runs(&out, "s").values()).is_superset(&found),
        "{}",
        more.out
    );
}

#[test]
fn a_curve_that_is_known_well_enough_takes_no_further_value() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    // Below the knee the curve is straight, but for how long `sleep` takes.
    let file = saturating(&scratch, "load = { from = 2, to = 16, points = 9, first = 3, tolerance = \"30 %\" }");
    let Some(told) = told(&scratch, &[&file, "--out", &shown(&out)]) else { return };
    assert_eq!(told.code, 0, "{}\n{}", told.out, told.err);
    assert_eq!(loads(runs(&out, "s").values()), [2, 6, 16].into(), "{}", told.out);
}

#[test]
fn a_server_stays_up_while_values_are_chosen_and_the_anchor_is_still_the_last() {
    let scratch = Scratch::new();
    let Some(server) = scripted_server() else { return };
    let out = scratch.path().join("out");
    let knobs = "precision = \"fp8\"\nconcurrency = { from = 2, to = 32, points = 5, first = 3 }";
    let file = served(&scratch, &server, "", knobs, "anchor = { concurrency = 2 }");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("batch_size = 64", "batch_size = 8");
    std::fs::write(&file, text.replace("precision = \"10 %\"", "precision = \"50 %\"")).unwrap();
    let plan = answer(&["sweep", &file, "--dry-run"]);
    assert!(flat(&plan).contains("at most 2 further visits"), "{plan}");
    assert!(plan.lines().all(|line| line.chars().count() <= 80), "{plan}");
    let Some(told) = told(&scratch, &[&file, "--out", &shown(&out)]) else { return };
    assert_eq!(told.code, 0, "{}\n{}", told.out, told.err);
    assert_eq!(told.err.matches("starting the server").count(), 1, "{}", told.err);
    assert!(told.out.contains("6 of 6 complete"), "{}", told.out);
    let last = told.err.lines().rfind(|line| line.contains("[6/6]")).unwrap_or_default();
    assert!(last.contains("concurrency=2#2"), "{}", told.err);
    let runs = runs(&out, "s");
    let clients: BTreeSet<u64> = runs.values().map(|run| run.number("concurrency").unwrap() as u64).collect();
    assert_eq!(clients.len(), 5, "{clients:?}");
    // Eight run at once at most.
    assert!(clients.range(3..32).count() >= 3, "{clients:?}");
}

#[test]
fn what_takes_a_sweep_apart_is_refused_where_values_follow_from_one_another() {
    let scratch = Scratch::new();
    let out = shown(&scratch.path().join("out"));
    let file = saturating(&scratch, "load = { from = 2, to = 128, points = 8 }");
    for option in [&["--slurm"][..], &["--only", "0"]] {
        let refused = joules(&[&["sweep", &file, "--out", &out], option].concat());
        assert_eq!((refused.code, refused.out.as_str()), (2, ""));
        assert!(flat(&refused.err).contains("the values of `load` are chosen one after the other"), "{}", refused.err);
    }
    let faults = |knobs: &str| {
        let told = joules(&["sweep", &saturating(&scratch, knobs), "--dry-run"]);
        assert_eq!(told.code, 2, "{}", told.out);
        flat(&told.err)
    };
    assert!(faults("load = { from = 8, points = 8 }").contains("`load` needs `to`"));
    assert!(faults("load = { from = 8, to = 4, points = 8 }").contains("`from` (8) must be below `to` (4)"));
    assert!(faults("load = { from = 0, to = 4, points = 8 }").contains("must be above 0"));
    assert!(faults("load = { from = 1, to = 4, point = 8 }").contains("did you mean `points`"));
    assert!(faults("load = { from = 1, to = 64, points = 8, first = 9 }").contains("at least `first` (9)"));
    assert!(faults("load = { from = 1, to = 64 }").contains("`load` needs `points`"));
}
