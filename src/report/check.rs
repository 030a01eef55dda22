//! A check for a reader and for programs: verdicts first, then what each of them rests on.

use serde_json::{Value as Json, json as object};

use super::{Column, Document, Table, Text};
use crate::check::{Check, Errors, Question, Trend, Verdict, limits};
use crate::notes::{list, plural, quoted, words};
use crate::unit::percent;

/// Trends shown of each stage.
const MOST_TRENDS: usize = 9;
/// Trends shown of each node.
const MOST_OF_NODE: usize = 3;
/// Parameters named in a list.
const MOST_NAMES: usize = 6;

/// The document of a check.
pub fn document(check: &Check) -> Document {
    let mut document = Document::new(Text::new().plain("Check of model ").code(&check.model));
    let how = if check.nested {
        "; the residual process learned again in each"
    } else {
        "; amplitudes of the residual process kept (--nested learns them again)"
    };
    document.fields([
        (Text::from("runs"), Text::new().strong(check.runs.to_string())),
        (Text::from("held out"), Text::new().plain(format!("{}{how}", plural(check.folds, "fold")))),
    ]);
    verdicts(&mut document, check);
    tests(&mut document, check);
    errors(&mut document, check);
    what_ifs(&mut document, check);
    intervals(&mut document, check);
    trends(&mut document, check);
    repeats(&mut document, check);
    open(&mut document, check);
    document
}

/// Direction and size of changes that were asked about before they were seen.
fn what_ifs(document: &mut Document, check: &Check) {
    if check.what_if.is_empty() {
        return;
    }
    document.heading("What-ifs");
    document.paragraph(
        "Pairs of measured runs that differ in one setting: the change is foreseen from the first run by a fit without the \
         second. Direction counts where the runs differ by more than 3 %; the error is the median of |ln foreseen ratio − ln \
         measured ratio|; inside is the share within the 90 % interval.",
    );
    let heads = ["pairs", "direction", "error", "inside"].map(Column::right);
    let mut table = Table::new([Column::left("metric"), Column::left("what changes")].into_iter().chain(heads));
    for own in &check.what_if {
        let right = own.right.map_or_else(|| "–".to_owned(), percent);
        let metrics =
            own.metrics.iter().enumerate().fold(Text::new(), |text, (at, name)| {
                if at > 0 { text.plain(", ").code(name) } else { text.code(name) }
            });
        table.row([
            metrics,
            Text::new().plain(about(&own.kind)),
            Text::new().plain(own.pairs.to_string()),
            Text::new().plain(right),
            Text::new().plain(format!("{:.3}", own.error)),
            Text::new().plain(percent(own.inside)),
        ]);
    }
    document.table(table);
}

fn metrics(check: &Check) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for question in &check.questions {
        if !found.contains(&question.metric.as_str()) {
            found.push(&question.metric);
        }
    }
    found
}

/// What a kind of question is about: `precision changes` for `unseen-precision`.
fn about(kind: &str) -> String {
    kind.strip_prefix("unseen-").map_or_else(|| words(kind), |what| format!("{} changes", words(what)))
}

fn shown(verdict: Verdict) -> Text {
    let text = Text::new();
    match verdict {
        Verdict::Trusted => text.good(verdict.name()),
        Verdict::Wide => text.plain(verdict.name()),
        Verdict::DoNotTrust => text.bad(verdict.name()),
        Verdict::Untested => text.dim(verdict.name()),
    }
}

fn verdicts(document: &mut Document, check: &Check) {
    document.heading("Verdicts");
    let metrics = metrics(check);
    let heads = metrics.iter().map(|name| Column::left(Text::new().code(name)));
    let mut table = Table::new(std::iter::once(Column::left("kind of question")).chain(heads));
    let mut kinds: Vec<&str> = Vec::new();
    for question in &check.questions {
        if !kinds.contains(&question.kind.as_str()) {
            kinds.push(&question.kind);
        }
    }
    for kind in &kinds {
        let cell = |metric: &&str| check.question(kind, metric).map_or_else(Text::new, |own| shown(own.verdict));
        table.row(std::iter::once(Text::new().plain(*kind)).chain(metrics.iter().map(cell)));
    }
    document.table(table);
    let mut items: Vec<Text> = Vec::new();
    for kind in kinds {
        let own: Vec<&Question> = check.questions.iter().filter(|question| question.kind == kind).collect();
        items.extend(reasons(kind, &own));
    }
    document.list(items);
}

/// What is said of one kind; metrics about which the same is said stand together.
fn reasons(kind: &str, questions: &[&Question]) -> Vec<Text> {
    let mut said: Vec<(Verdict, &str, Vec<String>)> = Vec::new();
    for question in questions {
        let metric = format!("`{}`", question.metric);
        match said
            .iter_mut()
            .find(|(verdict, reason, _)| (*verdict, *reason) == (question.verdict, question.reason.as_str()))
        {
            Some((_, _, metrics)) => metrics.push(metric),
            None => said.push((question.verdict, &question.reason, vec![metric])),
        }
    }
    said.into_iter()
        .map(|(verdict, reason, metrics)| {
            let of = format!(" ({})", list(&metrics).replace('`', ""));
            match verdict {
                Verdict::DoNotTrust => Text::new()
                    .bad(format!("Do not trust this model for {}", about(kind)))
                    .plain(format!("{of}: {reason}.")),
                Verdict::Untested => Text::new().dim(format!("{kind}{of}: untested, {reason}.")),
                _ => Text::new().plain(format!("{kind}{of}: {reason}.")),
            }
        })
        .collect()
}

fn tests(document: &mut Document, check: &Check) {
    document.heading("Could the model be false?");
    let items = check.tests.iter().map(|test| {
        let text = match test.passed {
            Some(true) => Text::new().good("passed "),
            Some(false) => Text::new().bad("FAILED "),
            None => Text::new().dim("not made "),
        };
        text.code(&test.name).plain(format!(": {}.", test.says.replace('`', "")))
    });
    document.list(items);
}

fn errors(document: &mut Document, check: &Check) {
    document.heading("Errors of held-out runs");
    document.paragraph(
        "Errors by kind of question: median and mean of the model, mean of its equations without the residual process, of \
         the nearest measured run changed as the equations say (what-if), and of two guesses that know no mechanism: the \
         nearest run as it is, and a log-linear regression (lines). Sign: how often a change against the nearest run went \
         where the model said.",
    );
    for metric in metrics(check) {
        let mut table = Table::new([
            Column::left(Text::new().code(metric)),
            Column::right("runs"),
            Column::right("median"),
            Column::right("mean"),
            Column::right("equations"),
            Column::right("what-if"),
            Column::right("nearest"),
            Column::right("lines"),
            Column::right("sign"),
        ]);
        let own = check.questions.iter().filter(|own| own.metric == metric);
        for question in own.filter(|own| own.model.is_some()) {
            let mean = |errors: Option<Errors>| errors.map_or_else(String::new, |errors| percent(errors.mean));
            table.row([
                question.kind.clone(),
                question.runs.to_string(),
                question.model.map_or_else(String::new, |errors| percent(errors.median)),
                mean(question.model),
                mean(question.equations),
                mean(question.what_if),
                mean(question.nearest),
                mean(question.regression),
                question.direction.map_or_else(String::new, percent),
            ]);
        }
        if !table.is_empty() {
            document.table(table);
        }
    }
}

fn intervals(document: &mut Document, check: &Check) {
    let mut table = Table::new([
        Column::left("kind of question"),
        Column::left("metric"),
        Column::right("inside"),
        Column::right("half-width"),
        Column::right("worth"),
        Column::right("chance"),
    ]);
    for question in &check.questions {
        let Some(own) = &question.coverage else { continue };
        table.row([
            Text::new().plain(&question.kind),
            Text::new().plain(&question.metric),
            if own.probability < limits::SIGNIFICANT {
                Text::new().bad(percent(own.share))
            } else {
                Text::new().plain(percent(own.share))
            },
            Text::new().plain(format!("×/÷ {:.2}", own.half_width.exp())),
            Text::new().plain(format!("{:.0}", own.effective_runs)),
            Text::new().plain(chance(own.probability)),
        ]);
    }
    if table.is_empty() {
        return;
    }
    table.note(
        "Inside: share of measurements in their 90 % interval, whose width comes from the other folds. Worth: independent \
         runs that the share counts for. Chance: of so low a share if intervals are true.",
    );
    document.heading("Intervals");
    document.table(table);
}

fn chance(probability: f64) -> String {
    if probability < 1e-3 { "< 0.001".to_owned() } else { format!("{probability:.3}") }
}

fn trends(document: &mut Document, check: &Check) {
    document.heading("What the equations miss");
    for (after, of) in [(false, "by the equations"), (true, "by equations and residual process")] {
        let own: Vec<&Trend> = check.trends.iter().filter(|trend| trend.after_process == after).collect();
        if own.is_empty() {
            document.paragraph(format!("No trend is left {of}.").as_str());
            continue;
        }
        let mut table = Table::new([
            Column::left(format!("left {of}").as_str()),
            Column::left("goes with"),
            Column::right("share"),
            Column::right("effect"),
        ]);
        let is_shown = |(index, trend): &(usize, &&Trend)| {
            own[..*index].iter().filter(|before| before.node == trend.node).count() < MOST_OF_NODE
        };
        let shown: Vec<&&Trend> =
            own.iter().enumerate().filter(is_shown).map(|(_, trend)| trend).take(MOST_TRENDS).collect();
        for trend in &shown {
            table.row([
                trend.node.clone(),
                trend.parent.clone(),
                percent(trend.share),
                format!("× {:.3}", trend.effect.exp()),
            ]);
        }
        if own.len() > shown.len() {
            table.note(format!("and {} more, in --format json", own.len() - shown.len()).as_str());
        }
        document.table(table);
    }
    document.paragraph(
        "Share: of the noise's variance. Effect: from the lower to the upper quartile of the runs. Each trend is taken by \
         itself: causes that vary together share theirs.",
    );
}

fn repeats(document: &mut Document, check: &Check) {
    document.heading("Repeats");
    let Some(repeats) = &check.repeats else {
        document.paragraph("No two runs have equal conditions: noise and lack of fit cannot be told apart.");
        return;
    };
    let mut table = Table::new([
        Column::left("spread of"),
        Column::right("repeats"),
        Column::right("machines"),
        Column::right("equations"),
        Column::right("process"),
        Column::right("F"),
        Column::right("chance"),
    ]);
    let share = |spread: Option<f64>| spread.map_or_else(String::new, percent);
    for own in &repeats.nodes {
        table.row([
            own.node.clone(),
            share(own.same_machine),
            share(own.between_machines),
            percent(own.equations),
            share(own.process),
            format!("{:.1}", own.ratio),
            chance(own.probability),
        ]);
    }
    table.note(
        format!(
            "{} in {} of equal conditions. Equations, process: what is left beyond repeats.",
            plural(repeats.runs, "run"),
            plural(repeats.sets, "set")
        )
        .as_str(),
    );
    document.table(table);
}

fn open(document: &mut Document, check: &Check) {
    document.heading("What the data leave open");
    let own = &check.undecided;
    let mut items = vec![Text::new().plain(format!(
        "{} of {} of parameters {} set by the priors more than by the data; {:.0} are decided.",
        own.weak,
        plural(own.coordinates, "combination"),
        if own.weak == 1 { "is" } else { "are" },
        own.effective
    ))];
    if !own.untouched.is_empty() {
        let names = quoted(&own.untouched, MOST_NAMES).replace('`', "");
        items.push(Text::new().plain(format!("The data say nothing of {names}.")));
    }
    for rests in &check.rests_on {
        let mut text = format!(
            ": parameters leave {}, of which {} of the variance is the priors'",
            percent(rests.spread),
            percent(rests.prior_share)
        );
        if !rests.parameters.is_empty() {
            text.extend([", most of all ", &list(&rests.parameters)]);
        }
        items.push(Text::new().code(&rests.metric).plain(text + "."));
    }
    document.list(items);
}

/// Checks for programs: `{"failed": bool, "models": [CHECK]}`, with CHECK
///
/// ```text
/// {"model", "digest", "runs", "folds", "nested",
///  "questions": [{"kind", "changes": [condition], "metric", "runs", "groups",
///                 "model", "equations", "what_if", "nearest", "regression": {"median", "mean", "mean_log"} or null,
///                 "direction": share or null,
///                 "coverage": {"share", "half_width", "effective_runs", "probability"} or null,
///                 "bias": [condition, effect] or null,
///                 "verdict": "trusted" | "wide" | "do-not-trust" | "untested", "reason"}],
///  "tests": [{"name", "value", "limit", "passed": bool or null, "says"}],
///  "trends": [{"node", "parent", "after_process", "effect", "share", "probability"}],
///  "repeats": {"sets", "runs", "nodes": [{"node", "is_metric", "same_machine", "between_machines", "equations", "process",
///              "ratio", "probability"}]} or null,
///  "conflicts": [{"parameter", "distance", "is_spread"}],
///  "undecided": {"coordinates", "weak", "effective", "untouched": [parameter]},
///  "rests_on": [{"metric", "spread", "prior_share", "parameters": [parameter]}]}
/// ```
///
/// Errors are shares; half-widths, effects and spreads are differences of natural logarithms. The names of tests are
/// `permuted-outcomes`, `missing-term`, `residual-trend`, `lack-of-fit`, `prior-conflict` and `noise-too-wide`.
pub fn json(checks: &[Check]) -> Json {
    let failed = checks.iter().any(Check::has_failed);
    let models = serde_json::to_value(checks).expect("a check is a tree of JSON values");
    object!({ "failed": failed, "models": models })
}
