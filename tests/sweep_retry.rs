//! `joules sweep --retry`: complete points that are not good are measured anew, and what was there goes only for what is
//! complete.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use joules::measure::sweep::{Folder, Plan, Spec, complete};
use joules::runs::Run;

use crate::commands::{answer, joules};
use crate::meters::flat;
use crate::shared::Scratch;
use crate::sweep::{items, runs, shown, sweeping, told};

/// The files of complete points, with what is in them.
fn points(out: &Path) -> BTreeMap<PathBuf, String> {
    let files = std::fs::read_dir(out.join("points")).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.filter(|path| !is_hidden(path)).map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// Gives a complete point another verdict.
pub(crate) fn spoil(out: &Path, id: &str, verdict: &str) {
    for (path, text) in points(out) {
        let mut run: serde_json::Value = serde_json::from_str(&text).unwrap();
        if run["id"] == id {
            run["details"]["verdict"] = verdict.into();
            std::fs::write(path, serde_json::to_string_pretty(&run).unwrap()).unwrap();
        }
    }
}

#[test]
fn points_that_are_not_good_are_measured_anew_on_request_and_no_others() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let broken = scratch.path().join("broken");
    let file = items(&scratch, 3, &format!("! test -f {} && sleep 0.6; # {{item}}", broken.display()));
    let sweep = |more: &[&str]| told(&scratch, &[&[file.as_str(), "--out", &shown(&out)][..], more].concat());
    let Some(first) = sweep(&[]) else { return };
    assert_eq!(first.code, 0, "{}", first.err);
    assert!(!first.out.contains("--retry"), "{}", first.out);
    spoil(&out, "s/item=0", "not-steady: by hand");
    spoil(&out, "s/item=2", "too-short: by hand");
    let before = points(&out);
    let standing = answer(&["sweep", "--status", &shown(&out)]);
    assert!(flat(&standing).contains("2 visits are not good: measured anew by"), "{standing}");
    let plan = answer(&["sweep", &file, "--out", &shown(&out), "--dry-run", "--retry"]);
    assert!(plan.contains("anew: not-steady") && plan.contains("anew: too-short"), "{plan}");
    assert!(plan.contains("2 visits to measure") && plan.lines().all(|line| line.chars().count() <= 80), "{plan}");
    // One that fails is left as it was.
    std::fs::write(&broken, "").unwrap();
    let failed = sweep(&["--retry"]).unwrap();
    assert_eq!(failed.code, 3, "{}", failed.err);
    assert!(flat(&failed.out).contains("Of what was to be measured anew, 2 visits left"), "{}", failed.out);
    assert_eq!(points(&out), before);
    std::fs::remove_file(&broken).unwrap();
    let some = sweep(&["--retry=not-steady,not-valid"]).unwrap();
    assert_eq!((some.code, some.err.matches("/3] ").count()), (0, 1), "{}", some.err);
    let all = runs(&out, "s");
    assert_eq!(all["s/item=0"].details["verdict"], "measured");
    assert_eq!(all["s/item=0"].details["retries"], "1");
    assert_eq!(all["s/item=2"].details["verdict"], "too-short: by hand");
    assert_eq!(all.len(), 3);
    let journal = std::fs::read_to_string(out.join("journal.jsonl")).unwrap();
    assert_eq!(journal.matches("\"replaced\"").count(), 1, "{journal}");
    assert!(journal.contains("not-steady: by hand"), "{journal}");
    let rest = sweep(&["--retry"]).unwrap();
    assert_eq!((rest.code, rest.err.matches("/3] ").count()), (0, 1), "{}", rest.err);
    let none = sweep(&["--retry"]).unwrap();
    assert_eq!((none.code, none.err.as_str()), (0, ""));
    let misplaced = joules(&["sweep", "--retry=steady", &file]);
    assert_eq!(misplaced.code, 2);
    assert!(misplaced.err.contains("possible values: too-short"), "{}", misplaced.err);
}

#[test]
fn whatever_kills_a_retry_each_point_is_the_old_or_the_new() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let file = items(&scratch, 10, ": {item}");
    let arguments = [file.as_str(), "--out", &shown(&out)];
    let Some(first) = told(&scratch, &arguments) else { return };
    assert_eq!(first.code, 0, "{}", first.err);
    for item in 0..10 {
        spoil(&out, &format!("s/item={item}"), "not-steady: by hand");
    }
    let old = points(&out);
    let mut new: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut draws = joules::stats::Draws::new(12);
    let (mut kills, begun) = (0, Instant::now());
    loop {
        let mut command = sweeping(&scratch, &[&arguments[..], &["--retry=not-steady"]].concat()).unwrap();
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        if kills < 15 {
            std::thread::sleep(Duration::from_secs_f64(0.35 * draws.uniform()));
            kills += 1;
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        let now = points(&out);
        assert!(now.keys().eq(old.keys()), "a point is gone, or there twice");
        for (path, text) in now {
            assert!(new.get(&path).is_none_or(|own| *own == text), "{} was measured twice", path.display());
            if text != old[&path] {
                assert!(!text.contains("not-steady") && text.contains("retries"), "{text}");
                new.insert(path, text);
            }
        }
        if status.code() == Some(0) {
            break;
        }
        assert_eq!(status.code(), None, "it ended by itself");
        assert!(begun.elapsed() < Duration::from_secs(60), "{kills} kills, {} points", new.len());
    }
    assert_eq!((new.len(), runs(&out, "s").len()), (10, 10));
}

#[test]
fn the_series_of_a_run_that_was_replaced_stays() {
    let scratch = Scratch::new();
    let text = "[sweep]\nname = \"s\"\n[command]\nargv = [\"true\"]\n";
    let spec = Spec::parse("sweep.toml", text).unwrap();
    let out = scratch.path().join("out");
    let mut folder = Folder::open(&out, &spec, None, false).unwrap();
    let plan = Plan::new(&spec);
    let visit = plan.visits().next().unwrap();
    let run = Run { id: visit.id.clone(), source: "s".to_owned(), ..Run::default() };
    for text in ["old", "new", "newest"] {
        folder.keep(visit, &run, vec![("series", text.to_owned())]).unwrap();
    }
    assert_eq!(complete(&out).unwrap()["s/only"].details["retries"], "2");
    let mut series: Vec<(String, String)> = std::fs::read_dir(out.join("series"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (shown(&path), std::fs::read_to_string(&path).unwrap()))
        .collect();
    series.sort_by_key(|(name, _)| name.len() * 1000 + usize::from(name.ends_with("2.csv")));
    let texts: Vec<&str> = series.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["old", "new", "newest"], "{series:?}");
}
