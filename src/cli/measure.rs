//! `joules measure`: the energy of a command.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

use super::meters::Meters;
use super::options::{Format, json_text};
use super::{Context, Failure, Outcome};
use crate::measure::command::{Ending, ITEMS, MeasureError, Measured, Plan, Subject, measure, replayed, runs, sweep};
use crate::measure::meter::Trace;
use crate::report::measure as report;
use crate::report::render;
use crate::runs::{Run, Sweep, Value, axes, quantity};

/// Measure the energy of a command, of a running process, or of the machine for a while
///
/// The command runs as typed, with its output on standard error. It may say where its work begins and ends, by lines
/// `begin` and `end images=64` in the file that the environment variable `JOULES_MARKS` names: set-up then stays out.
#[derive(Args, Debug)]
pub(super) struct Measure {
    /// The program and its arguments, behind --
    #[arg(value_name = "CMD", last = true, required_unless_present_any = ["duration", "attach", "replay"])]
    command: Vec<OsString>,
    /// Measure the machine as it is for so long, such as 30s
    #[arg(long, value_name = "TIME", value_parser = some_seconds, conflicts_with = "command")]
    duration: Option<f64>,
    /// Measure while this process runs; with --duration, not longer than that
    #[arg(long, value_name = "PID", conflicts_with = "command")]
    attach: Option<u32>,
    /// Compute once more what a trace recorded, on any machine
    #[arg(long, value_name = "TRACE", conflicts_with_all = ["command", "duration", "attach", "baseline", "context_baseline", "shared", "Meters"])]
    replay: Option<PathBuf>,
    /// Look at idle GPUs for so long before and after; 0 for not at all
    #[arg(long, value_name = "TIME", value_parser = seconds, default_value = "5s")]
    baseline: f64,
    /// After the work, look at the GPUs once more with an idle CUDA context on each: what an engine that waits draws
    #[arg(long)]
    context_baseline: bool,
    /// What was made, such as images=64, tokens=2048, responses=8 or videos=2, if no mark says it [repeatable]
    #[arg(long, value_name = "ITEM=N")]
    items: Vec<String>,
    /// A condition of the run, such as `batch_size=8` or model=NAME [repeatable]
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Measure though other processes use the GPUs: their energy is then inside
    #[arg(long)]
    shared: bool,
    /// Store folder for the run and its trace
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Name of the run, and of its sweep in the folder
    #[arg(long, value_name = "NAME", default_value = "measured")]
    name: String,
    /// End with exit code 3 if a part was not measured, or a caveat stands beside the result
    #[arg(long)]
    strict: bool,
    /// Form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    meters: Meters,
}

/// `30s`, `2 min`, or bare seconds.
fn seconds(text: &str) -> Result<f64, String> {
    let found = quantity(text.trim(), "s").filter(|seconds| seconds.is_finite() && (0.0..=1e7).contains(seconds));
    found.ok_or_else(|| format!("`{text}` is no time up to 1e7 s; write it as `30s` or `2min`"))
}

/// A time that lasts.
fn some_seconds(text: &str) -> Result<f64, String> {
    let found = seconds(text)?;
    if found > 0.0 { Ok(found) } else { Err(format!("in `{text}` nothing can be measured")) }
}

impl Measure {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failure> {
        let (stated, items) = (self.stated()?, self.made()?);
        Sweep::check_name(&self.name)?;
        self.refuse_missing()?;
        let name = self.out.as_deref().map_or_else(|| self.name.clone(), |folder| free(folder, &self.name));
        let spool =
            self.out.as_deref().filter(|_| self.replay.is_none()).map(|folder| folder.join(format!("{name}.trace")));
        let mut measured = match &self.replay {
            Some(folder) => replayed(folder, &items)?,
            None => self.measured(items, spool.clone())?,
        };
        let found = runs(&measured, &name, &stated, &context.catalog);
        let written = self.write(context, &measured, &name, &found, spool.as_deref());
        // What was measured is told before what went wrong with the disk.
        self.answer(context, &measured, &found, written.is_ok())?;
        written?;
        if let Some(error) = measured.unwritten.take() {
            return Err(MeasureError::from(error).into());
        }
        let is_clean = measured.ending.is_good() && report::is_clean(&measured);
        Ok(match measured.ending {
            // What happened when a trace was recorded does not happen to who replays it.
            Ending::Interrupted(_) if self.replay.is_none() => Outcome::Interrupted,
            _ if self.strict && !is_clean => Outcome::Exceeded,
            _ if self.replay.is_some() => Outcome::Answered,
            ending if !ending.is_good() => Outcome::Unsuccessful,
            _ => Outcome::Answered,
        })
    }

    /// Measures; where nothing was measured, nothing new is left on disk.
    fn measured(&self, items: BTreeMap<String, f64>, spool: Option<PathBuf>) -> Result<Measured, Failure> {
        let fresh = self.out.as_deref().filter(|folder| !folder.exists());
        let measured = measure(&self.plan(items, spool));
        if let (Err(_), Some(folder)) = (&measured, fresh) {
            // One that others have filled meanwhile stays.
            let _ = std::fs::remove_dir(folder);
        }
        Ok(measured?)
    }

    fn plan(&self, items: BTreeMap<String, f64>, spool: Option<PathBuf>) -> Plan {
        let subject = match (self.attach, self.duration) {
            (Some(pid), duration) => Subject::Process(pid, duration),
            (None, Some(seconds)) => Subject::Duration(seconds),
            (None, None) => Subject::Command(self.command.clone()),
        };
        let mut meters = self.meters.choice();
        meters.spool = spool;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let marks = std::env::temp_dir().join(format!("joules-marks-{}-{}", std::process::id(), now.as_nanos()));
        Plan {
            meters,
            subject,
            baseline_s: self.baseline,
            with_context: self.context_baseline,
            shared: self.shared,
            items,
            marks,
        }
    }

    /// Conditions as typed, one value each.
    fn stated(&self) -> Result<Vec<(String, Value)>, Failure> {
        let mut all = Vec::new();
        for text in &self.set {
            for (name, mut values) in axes(text)? {
                if values.len() > 1 {
                    return Err(Failure::SeveralValues { name });
                }
                all.extend(values.pop().map(|value| (name, value)));
            }
        }
        Ok(all)
    }

    /// What is made, as typed.
    fn made(&self) -> Result<BTreeMap<String, f64>, Failure> {
        let read = |text: &str| {
            let (item, count) = text.split_once('=')?;
            let count = count.trim().parse::<f64>().ok().filter(|count| count.is_finite() && *count > 0.0)?;
            ITEMS.contains(&item.trim()).then(|| (item.trim().to_owned(), count))
        };
        let mut made = BTreeMap::new();
        for text in self.items.iter().flat_map(|text| text.split(',')) {
            let known = || ITEMS.iter().map(|&item| item.to_owned()).collect();
            let (item, count) =
                read(text).ok_or_else(|| MeasureError::Items { text: text.to_owned(), known: known() })?;
            if made.insert(item.clone(), count).is_some() {
                return Err(MeasureError::ItemTwice { item }.into());
            }
        }
        Ok(made)
    }

    /// Refuses a program that is not there before GPUs are looked at for seconds.
    fn refuse_missing(&self) -> Result<(), Failure> {
        let Some(program) = self.command.first() else { return Ok(()) };
        let program = Path::new(program);
        let folders = std::env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
        let is_there = match program.components().count() {
            1 => std::env::split_paths(&folders).any(|folder| folder.join(program).is_file()),
            _ => program.is_file(),
        };
        if is_there {
            return Ok(());
        }
        let source = std::io::Error::from_raw_os_error(rustix::io::Errno::NOENT.raw_os_error());
        Err(MeasureError::Start { command: program.display().to_string(), source }.into())
    }

    fn write(
        &self,
        context: &Context,
        measured: &Measured,
        name: &str,
        found: &[Run],
        spool: Option<&Path>,
    ) -> Result<(), Failure> {
        let Some(folder) = &self.out else { return Ok(()) };
        let kept = || sweep(measured, name, found.to_vec(), context.command()).write(folder);
        if !found.is_empty()
            && let Err(error) = kept()
        {
            // On a full disk the run is worth more than the samples of its trace, which only shape it.
            let spool = spool.filter(|_| is_full(&error));
            if spool.is_none_or(|spool| Trace::forget_samples(spool).is_err()) || kept().is_err() {
                return Err(error.into());
            }
            context.remark("the disk is full: the samples of the trace are given up for the run");
        }
        spool.map_or(Ok(()), |spool| Ok(measured.trace.finish(spool)?))
    }

    fn answer(&self, context: &Context, measured: &Measured, found: &[Run], is_kept: bool) -> Result<(), Failure> {
        let document = || report::document(measured, found, self.out.as_deref().filter(|_| is_kept));
        let text = match self.format {
            Format::Text => render::text(&document(), &context.style(None)),
            Format::Markdown => render::markdown(&context.signed(document(), &[])),
            Format::Html => render::html(&context.signed(document(), &[])),
            Format::Json => json_text(&report::json(measured, found)),
        };
        context.write(&text, None)
    }
}

/// Whether a disk takes nothing more.
fn is_full(error: &dyn std::error::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    let kind = error.source().and_then(|source| source.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    matches!(kind, Some(StorageFull | QuotaExceeded))
}

/// A name that no sweep of the folder has yet: `measured`, `measured-2` …
fn free(folder: &Path, name: &str) -> String {
    let is_taken =
        |name: &str| folder.join(format!("{name}.csv")).exists() || folder.join(format!("{name}.trace")).exists();
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !is_taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn times_are_seconds_whatever_their_unit() {
        assert_eq!(seconds("30s"), Ok(30.0));
        assert_eq!(seconds("2 min"), Ok(120.0));
        assert_eq!(seconds("500ms"), Ok(0.5));
        assert_eq!(seconds("4"), Ok(4.0));
        assert!(seconds("3 W").is_err());
    }
}
