//! What a sweep is going to do, and how it stands.

use std::collections::BTreeMap;

use super::spent::{Use, not_spent, spent};
use super::sweep_doubts::doubts;
use super::{Column, Document, Table, Text};
use crate::measure::sweep::{
    Curve, Failed, Known, Plan, Queue, Retry, Spec, State, Status, Submission, Summary, Visit,
};
use crate::notes::plural;
use crate::runs::Run;
use crate::unit::{percent, show};

/// Seconds that the start of a server is taken to last where nobody has seen one.
const START: f64 = 60.0;
/// Most characters of a reason in a list.
const LONGEST_REASON: usize = 1000;

/// The order of the work, without doing it; `known` are the visits that are complete already, of which `retry` takes some.
pub fn planned(spec: &Spec, plan: &Plan, known: &BTreeMap<String, Run>, retry: Option<&Retry>) -> Document {
    let again = retry.map(|retry| retry.ids(known)).unwrap_or_default();
    let is_complete = |visit: &Visit| known.contains_key(&visit.id) && !again.contains(&visit.id);
    let open = plan.visits().filter(|visit| !is_complete(visit)).count();
    let mut document = Document::new(
        Text::new().plain("Sweep ").code(&spec.name).plain(format!(": {} to measure", plural(open, "visit"))),
    );
    let (least, most) = plan.duration(spec, START, &|visit| !is_complete(visit));
    let starts = plan.blocks.iter().filter(|block| block.starts_server()).count();
    let mut fields = vec![
        ("points", format!("{}, {}", spec.points.len(), plural(plan.len(), "visit"))),
        ("complete", (plan.len() - open).to_string()),
        ("servers", if starts == 0 { "none is started".to_owned() } else { plural(starts, "start") }),
        ("order", format!("shuffled with seed {}", spec.seed)),
    ];
    let assumption = if starts == 0 { String::new() } else { format!("; {START} s for each start of a server") };
    let unknown = spec.command.is_some();
    let duration = if unknown {
        format!("at least {}: how long the commands take is not known", hours(least))
    } else {
        format!("{} to {}: the shortest windows, and the longest{assumption}", hours(least), hours(most))
    };
    fields.push(("duration", duration));
    if let Some(text) = adaptive(spec) {
        fields.push(("adaptive", text));
    }
    document.fields(fields);
    let mut table =
        Table::new([Column::right("task"), Column::left("server"), Column::left("visit"), Column::left("state")]);
    let numbered = plan.tasks().into_iter().enumerate();
    let tasks: BTreeMap<&str, usize> =
        numbered.flat_map(|(task, visits)| visits.into_iter().map(move |visit| (visit.id.as_str(), task))).collect();
    for (index, block) in plan.blocks.iter().enumerate() {
        for (place, visit) in block.visits.iter().enumerate() {
            let server =
                if block.starts_server() && place == 0 { format!("start {}", index + 1) } else { String::new() };
            let state = match known.get(&visit.id) {
                None => String::new(),
                Some(run) if again.contains(&visit.id) => format!("anew: {}", verdict(run)),
                Some(_) => "complete".to_owned(),
            };
            table.row([
                Text::new().plain(tasks.get(visit.id.as_str()).map(usize::to_string).unwrap_or_default()),
                Text::new().plain(server),
                Text::new().plain(&visit.id),
                Text::new().plain(state),
            ]);
        }
    }
    document.heading("Order").table(table);
    let launches: Vec<String> = plan
        .blocks
        .iter()
        .enumerate()
        .filter_map(|(index, block)| Some((index, block.launch.as_ref().filter(|_| block.starts_server())?)))
        .map(|(index, launch)| format!("{}: {}", index + 1, launch.argv.join(" ")))
        .collect();
    if !launches.is_empty() {
        document.heading("Servers").code(launches.join("\n"));
    }
    document
}

/// What is measured first of adaptive knobs, and how much may follow.
fn adaptive(spec: &Spec) -> Option<String> {
    let range = &spec.curves.first()?.range;
    let have = |curve: &Curve| spec.points.iter().filter(|point| curve.has(&point.values)).count();
    let further: usize = spec.curves.iter().map(|curve| curve.range.points.saturating_sub(have(curve))).sum();
    Some(format!(
        "`{}` from {} to {}: these values, then at most {} where {}",
        range.knob,
        range.from,
        range.to,
        plural(further * spec.replicates, "further visit"),
        match spec.curves.len() {
            1 => "the curve bends most".to_owned(),
            curves => format!("{curves} curves bend most"),
        },
    ))
}

/// How a sweep stands: every visit with its state; what Slurm says, where it was asked.
pub fn standing(status: &Status, queue: Option<&Queue>) -> Document {
    let (all, complete) = (status.visits.len(), status.complete());
    let title = Text::new().plain("Sweep ").code(&status.name).plain(format!(": {complete} of {all} complete"));
    let mut document = Document::new(title);
    let energy = energy_of(status);
    let mut table = Table::new([
        Column::left("visit"),
        Column::left("state"),
        Column::right("power"),
        Column::right(energy.unwrap_or("energy").replace("energy_per_", "per ")),
        Column::right("throughput"),
        Column::right("window"),
    ]);
    for visit in &status.visits {
        let own = visit.id.strip_prefix(&format!("{}/", status.name)).unwrap_or(&visit.id);
        let mut row = vec![own.to_owned()];
        let in_queue = queue.and_then(|queue| queue.state(visit.task));
        match &visit.state {
            State::Missing => row.push(in_queue.unwrap_or_else(|| "missing".to_owned())),
            State::Failed(..) => row.push(in_queue.unwrap_or_else(|| "failed".to_owned())),
            State::Complete(run) => row.extend(of_run(run, energy)),
        }
        table.row(row.into_iter().map(|cell| Text::new().plain(cell)));
    }
    if let Some((share, points)) = status.spread {
        table.note(format!("repeats of a point differ by {} ({})", percent(share), plural(points, "point")));
    }
    for (kind, slope) in &status.slopes {
        let name = kind.replace("no_context", "without a server").replace("loaded", "with the server loaded");
        table.note(format!("idle power {name} over temperature: {}", slope.words()));
    }
    match queue {
        Some(Queue { silence: Some(why), .. }) => {
            table.note(format!("what is in the queue is not known here: {why}"));
        }
        Some(queue) if queue.words().is_empty() => {
            table.note("Slurm: nothing is in the queue");
        }
        Some(queue) => {
            table.note(format!("Slurm: {}", queue.words()));
        }
        None => {}
    }
    document.table(table);
    doubts(&mut document, status);
    uses(&mut document, status);
    curves(&mut document, status);
    failures(&mut document, status);
    document
}

/// What prompt and output tokens cost, of each visit of which it is known; else why it is not.
fn uses(document: &mut Document, status: &Status) {
    let runs: Vec<&Run> = status
        .visits
        .iter()
        .filter_map(|visit| match &visit.state {
            State::Complete(run) => Some(run.as_ref()),
            _ => None,
        })
        .collect();
    let known: Vec<_> = runs.iter().filter_map(|run| Some((*run, spent(run)?))).collect();
    let unknown: Vec<&str> = runs.iter().filter_map(|run| not_spent(run)).collect();
    if known.is_empty() {
        if let Some(reason) = unknown.first() {
            let text = format!("What prompt and output tokens cost apart is not known: {reason}.");
            document.paragraph(Text::new().dim(text));
        }
        return;
    }
    let head = |name: &str| Column::right(Text::new().plain(name));
    let mut table = Table::new([Column::left("visit")].into_iter().chain([
        head("a prompt token"),
        head("an output token"),
        head("neither"),
        head("share of prompts"),
    ]));
    for (run, uses) in &known {
        let own = run.id.strip_prefix(&format!("{}/", status.name)).unwrap_or(&run.id);
        let cells = [own.to_owned()].into_iter().chain(uses.iter().map(Use::cost)).chain([uses[0].share()]);
        table.row(cells.map(|cell| Text::new().plain(cell)));
    }
    let reason = unknown.first().map_or_else(String::new, |reason| {
        format!("Not known of {}, such as: {reason}. ", plural(unknown.len(), "visit"))
    });
    table.note(format!("{reason}With 90 % intervals: joules runs RUN."));
    document.heading("What the energy was spent on").table(table);
}

/// How far the curves over adaptive knobs are known.
fn curves(document: &mut Document, status: &Status) {
    if status.curves.is_empty() {
        return;
    }
    document.heading("Adaptive").list(status.curves.iter().map(|(curve, known)| {
        let name = if curve.name.is_empty() { String::new() } else { format!("{}, ", curve.name) };
        let range = &curve.range;
        Text::new().plain(name).code(&range.knob).plain(format!(
            ": {} of at most {} values; {}",
            known.values,
            range.points,
            widest(known)
        ))
    }));
}

fn widest(known: &Known) -> String {
    let Some(gap) = &known.widest else { return "no gap is left".to_owned() };
    let error = if gap.error.is_finite() {
        format!("off by at most about {}", percent(gap.error))
    } else {
        "not known yet".to_owned()
    };
    let more = if known.wants_more { format!("; next is {}", gap.at) } else { String::new() };
    format!("least known from {} to {}, where interpolation is {error}{more}", gap.from, gap.to)
}

/// How the work ended, and how the sweep stands after it.
pub fn ended(status: &Status, summary: &Summary, folder: &str, file: &str, retry: &str) -> Document {
    let mut document = standing(status, None);
    if status.complete() > 0 {
        document.paragraph(
            Text::new().plain("Next: ").code(format!("joules runs --runs {folder}")).plain(" lists the runs."),
        );
    }
    let missing = status.visits.len() - status.complete();
    let why = match (summary.is_interrupted, summary.is_over_budget) {
        (true, _) => "It was interrupted. ",
        (_, true) => "Its time was over. ",
        _ => "",
    };
    let again = format!("joules sweep {file} --out {folder}");
    if !status.is_whole() {
        document.paragraph(
            Text::new()
                .plain(format!("{why}{} left; what is complete is kept. Go on with ", left(missing)))
                .code(&again),
        );
    }
    if summary.not_again > 0 {
        let count = plural(summary.not_again, "visit");
        let text =
            format!("{why}Of what was to be measured anew, {count} left; their runs are as they were. Go on with ");
        document.paragraph(Text::new().plain(text).code(format!("{again} {retry}")));
        let is_complete =
            |id: &str| status.visits.iter().any(|visit| visit.id == id && matches!(visit.state, State::Complete(_)));
        let failed = summary.failed.iter().filter(|(id, _)| is_complete(id));
        document.list(failed.take(20).map(|(id, reason)| Text::new().code(id).plain(format!(": {reason}"))));
    }
    document
}

fn left(missing: usize) -> String {
    if missing == 0 { "Further values of an adaptive knob are".to_owned() } else { plural(missing, "visit") }
}

/// What was handed to Slurm.
pub fn submitted(submission: &Submission, folder: &str, file: &str) -> Document {
    let Some(job) = &submission.job else {
        let mut document = Document::new("Nothing to submit");
        let queued = plural(submission.queued.len(), "task");
        document.paragraph(format!("Every point is complete, or in the queue ({queued})."));
        return document;
    };
    let mut document = Document::new(Text::new().plain("Submitted as job ").code(job));
    let tasks: Vec<String> = submission.tasks.iter().map(ToString::to_string).collect();
    let mut fields = vec![("tasks", tasks.join(", "))];
    if !submission.queued.is_empty() {
        fields.push(("in the queue before", plural(submission.queued.len(), "task")));
    }
    if let Some(merge) = &submission.merge {
        fields.push(("merge", format!("job {merge}, when all tasks have ended")));
    }
    document.fields(fields);
    document.paragraph(
        Text::new()
            .code(format!("joules sweep --status {folder}"))
            .plain(" shows how it stands. What failed is submitted again, and nothing else, by ")
            .code(format!("joules sweep {file} --out {folder} --slurm"))
            .plain("."),
    );
    document
}

fn failures(document: &mut Document, status: &Status) {
    let failed: Vec<(&str, &Failed)> = status
        .visits
        .iter()
        .filter_map(|visit| match &visit.state {
            State::Failed(failed) => Some((visit.id.as_str(), failed)),
            _ => None,
        })
        .collect();
    if failed.is_empty() {
        return;
    }
    document.heading("Failed");
    document.list(
        failed
            .iter()
            .take(20)
            .map(|(id, failed)| Text::new().code(*id).plain(format!(": {}", cut(&failed.reason, LONGEST_REASON)))),
    );
    if let Some((id, failed)) = failed.iter().rev().find(|(_, failed)| !failed.log.is_empty()) {
        document.paragraph(Text::new().plain("The end of the log of ").code(*id).plain(":"));
        document.code(failed.log.join("\n"));
    }
    let mut files: Vec<String> =
        failed.iter().filter_map(|(_, failed)| Some(failed.log_file.as_ref()?.display().to_string())).collect();
    files.sort();
    files.dedup();
    if !files.is_empty() {
        document.paragraph(if files.len() == 1 { "The whole log:" } else { "The whole logs:" });
        document.code(files.join("\n"));
    }
}

/// The text, or its first words with a mark that there are more.
fn cut(text: &str, most: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(most) else { return text.to_owned() };
    let words = text[..end].rsplit_once(' ').map_or(&text[..end], |(words, _)| words);
    format!("{words} …")
}

/// The metric of energy that most says what the sweep is about.
fn energy_of(status: &Status) -> Option<&'static str> {
    let names = ["energy_per_token", "energy_per_image", "energy_per_video", "energy_per_response"];
    names.into_iter().find(|name| {
        status
            .visits
            .iter()
            .any(|visit| matches!(&visit.state, State::Complete(run) if run.metrics.contains_key(*name)))
    })
}

fn of_run(run: &Run, energy: Option<&str>) -> Vec<String> {
    let metric = |name: &str, unit: &str| run.metrics.get(name).map(|value| show(*value, unit)).unwrap_or_default();
    let verdict = verdict(run);
    let seconds = run.details.get("window_s").and_then(|text| text.parse::<f64>().ok());
    vec![
        if verdict.is_empty() { "complete".to_owned() } else { verdict.to_owned() },
        metric("power", "W"),
        energy.map(|name| metric(name, "J")).unwrap_or_default(),
        metric("throughput", "1/s"),
        seconds.map(|seconds| show(seconds, "s")).unwrap_or_default(),
    ]
}

/// The first word of its verdict.
fn verdict(run: &Run) -> &str {
    run.details.get("verdict").and_then(|text| text.split(':').next()).unwrap_or_default()
}

/// A duration for a person: `2 h 5 min`.
pub fn hours(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    match (minutes / 60, minutes % 60) {
        _ if seconds < 90.0 => format!("{seconds:.0} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
