//! `joules sweep --slurm` on a Slurm of one node, where that is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shared::Scratch;
use crate::sweep::{ended, items, runs, shown, sweeping};
use crate::sweep_retry::spoil;

/// A one-node Slurm; none, with a word about it, where it is not installed.
struct Slurm(PathBuf);

impl Slurm {
    fn start(scratch: &Scratch) -> Option<Self> {
        let is_there = |name: &&str| -> bool {
            let places = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];
            places.iter().any(|place| Path::new(place).join(name).is_file())
        };
        if !["sbatch", "slurmctld", "slurmd", "munged"].iter().all(is_there) {
            eprintln!("skipped: Slurm is not installed; `apt-get install slurm-wlm munge` brings it");
            return None;
        }
        let own = Self(scratch.path().join("slurm"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slurm/sandbox.sh");
        let started = Command::new("bash").arg(script).arg("start").arg(&own.0).output().unwrap();
        if !started.status.success() {
            eprintln!("skipped: Slurm does not start here: {}", String::from_utf8_lossy(&started.stderr));
            return None;
        }
        Some(own)
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slurm/sandbox.sh");
        let _ = Command::new("bash").arg(script).arg("stop").arg(&self.0).status();
    }
}

#[test]
fn slurm_gets_the_tasks_that_are_missing_and_no_others() {
    let scratch = Scratch::new();
    let Some(slurm) = Slurm::start(&scratch) else { return };
    let out = scratch.path().join("out");
    let (flag, go) = (scratch.path().join("works"), scratch.path().join("go"));
    // Of six, one fails and one is killed with the process that measures it.
    let argv = format!(
        "test -f {0} || test {{item}} != 2 || exit 1; test -f {0} || test {{item}} != 4 || kill -9 $PPID; \
         while ! test -f {1}; do sleep 0.1; done; sleep 0.6",
        flag.display(),
        go.display()
    );
    let file = items(&scratch, 6, &argv);
    let sweep = |arguments: &[&str]| {
        let mut command = sweeping(&scratch, arguments)?;
        Some(ended(command.env("SLURM_CONF", slurm.0.join("slurm.conf")).spawn().unwrap()))
    };
    let folder = shown(&out);
    let submit = || sweep(&[&file, "--out", &folder, "--slurm", "--wait"]);
    std::fs::write(&go, "").unwrap();
    let Some(first) = submit() else { return };
    assert_eq!(first.code, 3, "{}\n{}", first.out, first.err);
    assert!(first.out.contains("4 of 6 complete"), "{}\n{}", first.out, first.err);
    std::fs::write(&flag, "").unwrap();
    std::fs::remove_file(&go).unwrap();
    let handed = sweep(&[&file, "--out", &folder, "--slurm"]).unwrap();
    assert_eq!(handed.code, 0, "{}\n{}", handed.out, handed.err);
    let standing = sweep(&["--status", &folder]).unwrap();
    assert_eq!(standing.code, 3, "{}", standing.err);
    let in_queue = ["2 pending", "2 running", "1 pending, 1 running"].iter().any(|own| standing.out.contains(own));
    assert!(in_queue && standing.out.contains("Slurm: "), "{}", standing.out);
    std::fs::write(&go, "").unwrap();
    let second = submit().unwrap();
    assert_eq!(second.code, 0, "{}\n{}", second.out, second.err);
    let script = std::fs::read_to_string(out.join("slurm.sh")).unwrap();
    let array = script.lines().find_map(|line| line.strip_prefix("#SBATCH --array=")).unwrap();
    assert_eq!(array.split(',').count(), 2, "{script}");
    assert_eq!(runs(&out, "s").len(), 6);
    // What is complete but not good is handed over on request, alone; to merge, nobody has to share anything.
    spoil(&out, "s/item=3", "not-steady: by hand");
    let again = sweep(&[&file, "--out", &folder, "--slurm", "--wait", "--shared", "--retry=not-steady"]).unwrap();
    assert_eq!(again.code, 0, "{}\n{}", again.out, again.err);
    let script = std::fs::read_to_string(out.join("slurm.sh")).unwrap();
    let array = script.lines().find_map(|line| line.strip_prefix("#SBATCH --array=")).unwrap();
    assert_eq!(array.split(',').count(), 1, "{script}");
    assert!(script.contains("'--shared' '--retry=not-steady'"), "{script}");
    let merging = std::fs::read_to_string(out.join("slurm-merge.sh")).unwrap();
    assert!(!merging.contains("--shared") && !merging.contains("--retry"), "{merging}");
    assert_eq!(runs(&out, "s")["s/item=3"].details["verdict"], "measured");
}
