//! `joules sweep`: a grid of configurations, measured one steady state after the other.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressStyle};

use super::meters::Meters;
use super::{Context, Failure, Outcome};
use crate::measure::http::Options;
use crate::measure::sweep::{
    Drive, EXAMPLE, Folder, Local, News, Plan, Program, Queue, Retry, Spec, Status, Stop, Summary, SweepError,
    complete, end_leftover, grown, merge, submit, wait,
};
use crate::report::sweep::{ended, planned, standing, submitted};
use crate::report::{Document, render};
use crate::runs::read_text;
use crate::unit::show;

/// Measure a grid of configurations on an inference server or a command, steady state by steady state
///
/// SWEEP.toml says what varies, how the server is started and loaded, and how long is measured (--example shows every
/// key). Each point is kept in DIR as soon as it is complete: the same command goes on where it was stopped, and tries
/// again what failed. DIR is a store: `joules runs --runs DIR`. Exit code 3 if a point is missing at the end.
///
/// Where a load varies enough (its ramp, bursts), its energy is split: what a prompt token took, what an output token took,
/// each with a 90 % interval, and the power of the idle server, which grows with neither.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct Sweep {
    /// File of the sweep
    #[arg(value_name = "SWEEP.toml", required_unless_present_any = ["status", "example"])]
    file: Option<PathBuf>,
    /// Folder of the sweep, made if it is not there
    #[arg(long, value_name = "DIR", required_unless_present_any = ["status", "example", "dry_run"])]
    out: Option<PathBuf>,
    /// Print the plan (order, servers, duration) and measure nothing
    #[arg(long, conflicts_with_all = ["slurm", "only", "merge"])]
    dry_run: bool,
    /// Go on with a file that has further points
    #[arg(long)]
    extend: bool,
    /// Measure one task alone, numbered as in --dry-run; several processes may do so side by side
    #[arg(long, value_name = "TASK", conflicts_with = "merge")]
    only: Option<usize>,
    /// Only make the store out of what is complete
    #[arg(long)]
    merge: bool,
    /// Hand the missing tasks to Slurm as a job array, and a job that merges them
    #[arg(long, conflicts_with_all = ["only", "merge"])]
    slurm: bool,
    /// Measure complete points anew whose verdict is one of these, separated by commas; by default each that is not good
    ///
    /// A new run replaces the old, which the journal keeps, whatever its own verdict is; what fails stays as it was.
    /// `shared` must be named.
    #[arg(
        long,
        value_name = "VERDICT",
        num_args = 0..=1,
        require_equals = true,
        value_delimiter = ',',
        value_parser = PossibleValuesParser::new(Retry::VERDICTS),
        conflicts_with_all = ["merge", "status"]
    )]
    retry: Option<Vec<String>>,
    /// Exit with code 3 also if the verdict of a complete point is not good; with --only, of one of its own
    #[arg(long)]
    strict: bool,
    /// With --slurm: wait until the jobs have ended
    #[arg(long, requires = "slurm")]
    wait: bool,
    /// Measure though other processes use the GPUs, or MIG splits them: all of that energy is then inside
    #[arg(long, conflicts_with_all = ["dry_run", "merge", "status"])]
    shared: bool,
    /// Show how the sweep in DIR stands, and what of it is in Slurm's queue
    #[arg(long, value_name = "DIR", conflicts_with_all = ["file", "out", "dry_run", "slurm", "only", "merge"])]
    status: Option<PathBuf>,
    /// Print a file with every key explained
    #[arg(long, conflicts_with_all = ["file", "out", "status"])]
    example: bool,
    #[command(flatten)]
    meters: Meters,
    /// Variable that holds the key for the server
    #[arg(long, value_name = "NAME", default_value = "OPENAI_API_KEY")]
    key_env: String,
}

impl Sweep {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failure> {
        if self.example {
            context.write(EXAMPLE, None)?;
            return Ok(Outcome::Answered);
        }
        if let Some(folder) = &self.status {
            let status = Status::read(folder)?;
            tell(context, &standing(&status, Queue::ask(folder)?.as_ref()))?;
            return self.judged(folder, None, if status.is_whole() { Outcome::Answered } else { Outcome::Exceeded });
        }
        let (Some(file), out) = (&self.file, self.out.as_deref()) else { return Ok(Outcome::Answered) };
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let spec = Spec::parse(&name, &read_text(file)?)?;
        let spec = out.map(|out| grown(out, &spec)).transpose()?.unwrap_or(spec);
        self.refuse_apart(&spec)?;
        let plan = Plan::new(&spec);
        if !self.merge && !self.slurm {
            // Where a batch system measures, the files are to be there.
            spec.check_files(&name)?;
        }
        if self.dry_run {
            let known = out.map(complete).transpose()?.unwrap_or_default();
            tell(context, &planned(&spec, &plan, &known, self.retry().as_ref()))?;
            return Ok(Outcome::Answered);
        }
        let Some(out) = out else { return Ok(Outcome::Answered) };
        if self.merge {
            return self.judged(out, None, finish(context, &spec, &plan, out, file)?);
        }
        if self.slurm {
            return self.submit(context, &spec, &plan, out, file);
        }
        let summary = self.measure(context, &spec, &plan, out)?;
        if self.only.is_some() {
            let is_whole = summary.complete == summary.all && summary.not_again == 0;
            let outcome = if summary.is_interrupted {
                Outcome::Interrupted
            } else if is_whole {
                Outcome::Answered
            } else {
                Outcome::Exceeded
            };
            return self.judged(out, Some(&plan), outcome);
        }
        let status = Status::read(out)?;
        let retry = self.retry().unwrap_or_default().option();
        tell(context, &ended(&status, &summary, &out.display().to_string(), &file.display().to_string(), &retry))?;
        let outcome = if summary.is_interrupted {
            Outcome::Interrupted
        } else if status.is_whole() && summary.not_again == 0 {
            Outcome::Answered
        } else {
            Outcome::Exceeded
        };
        self.judged(out, None, outcome)
    }

    /// The outcome, with the verdicts of what is complete where they are asked for.
    /// Of a plan, those of the task that is measured alone.
    fn judged(&self, out: &Path, plan: Option<&Plan>, outcome: Outcome) -> Result<Outcome, Failure> {
        if !self.strict || outcome != Outcome::Answered {
            return Ok(outcome);
        }
        let mut poor = Retry::default().ids(&complete(out)?);
        if let Some((plan, task)) = plan.zip(self.only) {
            poor.retain(|id| plan.tasks().get(task).is_some_and(|own| own.iter().any(|visit| visit.id == *id)));
        }
        let is_bad = !poor.is_empty();
        Ok(if is_bad { Outcome::Exceeded } else { outcome })
    }

    fn retry(&self) -> Option<Retry> {
        self.retry.clone().map(|verdicts| Retry { verdicts })
    }

    /// The values of an adaptive knob are chosen one after the other: nobody can measure them side by side.
    fn refuse_apart(&self, spec: &Spec) -> Result<(), SweepError> {
        let option = if self.slurm { "--slurm" } else { "--only" };
        match spec.curves.first() {
            Some(curve) if self.slurm || self.only.is_some() => {
                Err(SweepError::Apart { option, knob: curve.range.knob.clone() })
            }
            _ => Ok(()),
        }
    }

    fn submit(&self, context: &Context, spec: &Spec, plan: &Plan, out: &Path, file: &Path) -> Result<Outcome, Failure> {
        drop(Folder::open(out, spec, None, self.extend)?);
        let own = std::env::current_exe().map_or_else(|_| "joules".to_owned(), |path| path.display().to_string());
        let path = spec.slurm.joules.clone().unwrap_or(own);
        let arguments = self.meters.arguments();
        let retry = self.retry();
        let measuring = self.shared.then(|| "--shared".to_owned()).into_iter().chain(retry.as_ref().map(Retry::option));
        let program = Program { path, arguments, measuring: measuring.collect() };
        let submission = submit(out, spec, &program, retry.as_ref())?;
        if !self.wait {
            tell(context, &submitted(&submission, &out.display().to_string(), &file.display().to_string()))?;
            return Ok(Outcome::Answered);
        }
        if let Some(job) = &submission.job {
            context.remark(&format!("job {job}: tasks {:?}", submission.tasks));
        }
        let stop = Stop::on_signals().map_err(|error| SweepError::NoMeter { reason: error.to_string() })?;
        wait(out, &stop, &mut |left| context.remark(&format!("{left} tasks in the queue")))?;
        if stop.is_raised() {
            return Ok(Outcome::Interrupted);
        }
        self.judged(out, None, finish(context, spec, plan, out, file)?)
    }

    fn measure(&self, context: &Context, spec: &Spec, plan: &Plan, out: &Path) -> Result<Summary, Failure> {
        let mut folder = Folder::open(out, spec, self.only, self.extend)?;
        let was_left = end_leftover(out);
        if was_left {
            context.remark("what a killed sweep has left running was ended");
        }
        let done = complete(out)?;
        let again = self.retry().map(|retry| retry.ids(&done)).unwrap_or_default();
        let is_open = plan.visits().any(|visit| !done.contains_key(&visit.id) || again.contains(&visit.id));
        if !is_open && Status::read(out)?.is_whole() {
            merge(out, spec, plan)?;
            return Ok(Summary { all: plan.len(), complete: plan.len(), ..Summary::default() });
        }
        let stop = Stop::on_signals().map_err(|error| SweepError::NoMeter { reason: error.to_string() })?;
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let http = Options { key: variable(&self.key_env), ..Options::default() };
        let mut station = Local::new(spec, out, &self.meters.choice(), http, &stop, self.shared)?;
        let mut progress = Progress::new(context);
        station.refuse_others(plan, was_left, &mut |word| progress.show(&News::Word(word)))?;
        let drive = Drive {
            spec: spec.clone(),
            plan: plan.clone(),
            again,
            folder: &mut folder,
            station: &mut station,
            stop: &stop,
            watch: &mut |news| progress.show(&news),
        };
        let summary = drive.run(self.only)?;
        progress.end();
        Ok(summary)
    }
}

/// Makes the store, and says how it stands.
fn finish(context: &Context, spec: &Spec, plan: &Plan, out: &Path, file: &Path) -> Result<Outcome, Failure> {
    merge(out, spec, plan)?;
    let status = Status::read(out)?;
    let summary = Summary::default();
    tell(context, &ended(&status, &summary, &out.display().to_string(), &file.display().to_string(), "--retry"))?;
    Ok(if status.is_whole() { Outcome::Answered } else { Outcome::Exceeded })
}

fn tell(context: &Context, document: &Document) -> Result<(), Failure> {
    context.write(&render::text(document, &context.style(None)), None)
}

/// What goes on: a bar on a terminal, else a line for each visit.
struct Progress<'a> {
    context: &'a Context,
    bar: Option<ProgressBar>,
    all: usize,
    done: usize,
}

impl<'a> Progress<'a> {
    fn new(context: &'a Context) -> Self {
        Self { context, bar: None, all: 0, done: 0 }
    }

    fn show(&mut self, news: &News<'_>) {
        match news {
            News::Plan { all, complete } => {
                (self.all, self.done) = (*all, *complete);
                if std::io::stderr().is_terminal() {
                    let template = "{bar:16} {pos}/{len} {eta} left · {wide_msg}";
                    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
                    let bar = ProgressBar::new(*all as u64).with_style(style).with_position(*complete as u64);
                    bar.reset_eta();
                    bar.enable_steady_tick(std::time::Duration::from_secs(1));
                    self.bar = Some(bar);
                }
            }
            News::More(count) => {
                self.all += count;
                if let Some(bar) = &self.bar {
                    bar.inc_length(*count as u64);
                }
            }
            News::Begin(visit) => self.word(&visit.id, true),
            News::Word(word) => self.word(word, false),
            News::Done(run) => {
                self.done += 1;
                let metric = |name: &str, unit: &str| run.metrics.get(name).map(|value| show(*value, unit));
                let parts = [metric("power", "W"), metric("energy_per_token", "J").map(|text| format!("{text}/token"))];
                let parts: Vec<String> = parts.into_iter().flatten().collect();
                self.line(&format!("[{}/{}] {}: {}", self.done, self.all, run.id, parts.join(", ")));
                if let Some(bar) = &self.bar {
                    bar.inc(1);
                }
            }
            News::Failed(what, failed) => {
                self.line(&format!("failed: {what}: {}", failed.reason));
                for line in failed.log.iter().rev().take(5).rev() {
                    self.line(&format!("    {line}"));
                }
            }
        }
    }

    fn word(&self, word: &str, is_new: bool) {
        let plain = plain(word.trim_start());
        match &self.bar {
            Some(bar) => bar.set_message(plain),
            None if !is_new && !word.starts_with('\r') => self.context.remark(&plain),
            None => {}
        }
    }

    fn line(&self, line: &str) {
        let plain = plain(line);
        match &self.bar {
            Some(bar) => bar.println(plain),
            None => self.context.remark(&plain),
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Names and logs of strangers drive no terminal.
fn plain(text: &str) -> String {
    crate::report::Span::new(text, crate::report::Tone::Plain).text().to_owned()
}
