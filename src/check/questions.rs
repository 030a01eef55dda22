//! One kind of question about one metric: how far off, how truly so, and what follows.

use std::collections::BTreeMap;

use super::association::{Against, association};
use super::coverage::coverage;
use super::judge::Ground;
use super::limits;
use super::reference::{Features, Guess, guesses};
use super::result::{Coverage, Errors, Question, Verdict};
use crate::fit::{Distance, Score};
use crate::model::Model;
use crate::notes::{list, plural};
use crate::stats::{mean, median, quantile};
use crate::unit::percent;

/// Guesses by fold, metric and run.
type Guesses = BTreeMap<(usize, String, usize), Guess>;

/// A kind of question, as the model's order of severity has it.
fn kinds(model: &Model) -> Vec<(Distance, Vec<String>)> {
    let mildest = model.shifts.first().map_or_else(Vec::new, |shift| shift.by.clone());
    let shifts = model.shifts.iter().enumerate().map(|(index, shift)| (Distance::Shift(index), shift.by.clone()));
    std::iter::once((Distance::Interpolation, mildest)).chain(shifts).collect()
}

/// Every kind of question about every metric.
pub(super) fn questions(ground: &Ground<'_>, scores: &[Score], noise: &dyn Fn(&str) -> f64) -> Vec<Question> {
    let features = Features::new(ground);
    let mut known = Guesses::new();
    for (number, fold) in ground.fitted.folds().iter().enumerate() {
        for metric in &ground.metrics {
            for (&run, guess) in fold.out.iter().zip(guesses(ground, &features, fold, metric)) {
                known.insert((number, metric.clone(), run), guess);
            }
        }
    }
    let mut found = Vec::new();
    for metric in &ground.metrics {
        for (distance, changes) in kinds(&ground.fitted.model) {
            let own: Vec<&Score> =
                scores.iter().filter(|score| score.distance == distance && score.metric == *metric).collect();
            found.push(question(ground, distance, changes, metric, &own, &known, noise(metric)));
        }
    }
    found
}

fn question(
    ground: &Ground<'_>,
    distance: Distance,
    changes: Vec<String>,
    metric: &str,
    scores: &[&Score],
    known: &Guesses,
    noise: f64,
) -> Question {
    let groups: Vec<usize> = scores.iter().map(|score| ground.groups[score.run]).collect();
    let mut distinct = groups.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let mut question = Question {
        kind: distance.name(&ground.fitted.model).to_owned(),
        changes,
        metric: metric.to_owned(),
        runs: scores.len(),
        groups: distinct.len(),
        model: None,
        equations: None,
        nearest: None,
        regression: None,
        direction: None,
        coverage: None,
        bias: None,
        verdict: Verdict::Untested,
        reason: String::new(),
    };
    if scores.len() < limits::FEWEST_OUTCOMES || distinct.len() < limits::FEWEST_GROUPS {
        question.reason = if scores.is_empty() {
            "no runs to hold out".to_owned()
        } else {
            format!(
                "only {} in {} to hold out; {} in {} are needed",
                plural(scores.len(), "run"),
                plural(distinct.len(), "group"),
                limits::FEWEST_OUTCOMES,
                limits::FEWEST_GROUPS
            )
        };
        return question;
    }
    let guess = |score: &&Score| known.get(&(score.fold, score.metric.clone(), score.run));
    let measured: Vec<f64> = scores.iter().map(|score| score.measured.ln()).collect();
    let of = |predicted: Vec<Option<f64>>| errors(&predicted, &measured);
    question.model = of(scores.iter().map(|score| Some(score.predicted.ln())).collect());
    question.equations = of(scores.iter().map(|score| Some(score.equations.ln())).collect());
    let nearest: Vec<Option<f64>> = scores.iter().map(|score| guess(score)?.nearest).collect();
    let regression: Vec<Option<f64>> = scores.iter().map(|score| guess(score)?.regression).collect();
    question.direction = direction(scores, &nearest, noise);
    question.nearest = of(nearest.clone());
    question.regression = of(regression.clone());
    question.coverage = coverage(scores, &groups);
    question.bias = bias(ground, distance, scores, &groups);
    let reference = better(&question, &nearest, &regression, &measured);
    (question.verdict, question.reason) = judge(&question, distance, reference, noise);
    question
}

/// Errors where there is a prediction for every outcome.
fn errors(predicted: &[Option<f64>], measured: &[f64]) -> Option<Errors> {
    let logs: Vec<f64> =
        predicted.iter().zip(measured).map(|(own, log)| own.map(|own| own - log)).collect::<Option<_>>()?;
    let shares: Vec<f64> = logs.iter().map(|log| log.exp_m1().abs()).collect();
    let sizes: Vec<f64> = logs.iter().map(|log| log.abs()).collect();
    Some(Errors { median: median(&shares)?, mean: mean(&shares)?, mean_log: mean(&sizes)? })
}

/// Of the changes against the nearest run that exceed noise on both ends, the share that the model sees go the right way.
fn direction(scores: &[&Score], nearest: &[Option<f64>], noise: f64) -> Option<f64> {
    // Two measurements are compared, so that noise enters twice; beyond two of its standard deviations a change is real.
    let real = 2.0 * std::f64::consts::SQRT_2 * noise;
    let right: Vec<f64> = scores
        .iter()
        .zip(nearest)
        .filter_map(|(score, nearest)| {
            let changed = score.measured.ln() - (*nearest)?;
            let predicted = score.predicted.ln() - (*nearest)?;
            (changed.abs() > real).then(|| f64::from(u8::from(changed * predicted > 0.0)))
        })
        .collect();
    mean(&right)
}

/// The trend of held-out errors with what the kind changes, if there is a significant one.
fn bias(ground: &Ground<'_>, distance: Distance, scores: &[&Score], groups: &[usize]) -> Option<(String, f64)> {
    let kind = match distance {
        Distance::Interpolation => 0,
        Distance::Shift(kind) => kind,
        Distance::Measured | Distance::Nothing => return None,
    };
    let shift = ground.fitted.model.shifts.get(kind)?;
    let errors: Vec<f64> = scores.iter().map(|score| score.measured.ln() - score.predicted.ln()).collect();
    let mut found: Vec<(String, f64)> = Vec::new();
    for (place, name) in shift.by.iter().enumerate() {
        let own: Vec<f64> = scores.iter().map(|score| ground.fitted.support.rows[score.run][kind][place]).collect();
        let is_category = ground.is_category(kind, place);
        if !is_category && own.iter().any(|value| !(value.is_finite() && *value > 0.0)) {
            continue;
        }
        let against =
            if is_category { Against::Category(own) } else { Against::Size(own.into_iter().map(f64::ln).collect()) };
        if let Some(own) = association(&errors, &against, groups)
            && own.probability < limits::SIGNIFICANT
        {
            found.push((name.clone(), own.effect));
        }
    }
    found.into_iter().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
}

/// The better guess: its name, its mean error, and the half-width that would hold nine of ten measurements around it.
fn better(
    question: &Question,
    nearest: &[Option<f64>],
    regression: &[Option<f64>],
    measured: &[f64],
) -> Option<(&'static str, f64, f64)> {
    let half = |predicted: &[Option<f64>]| {
        let sizes: Vec<f64> =
            predicted.iter().zip(measured).filter_map(|(own, log)| Some((own.as_ref()? - log).abs())).collect();
        quantile(&sizes, 0.9)
    };
    let copied = question.nearest.zip(half(nearest)).map(|(own, half)| ("copying the nearest run", own.mean_log, half));
    let lines =
        question.regression.zip(half(regression)).map(|(own, half)| ("a log-linear regression", own.mean_log, half));
    copied.into_iter().chain(lines).min_by(|a, b| a.1.total_cmp(&b.1))
}

/// The verdict and its reason: what is wrong first, then what is merely not better.
fn judge(
    question: &Question,
    distance: Distance,
    reference: Option<(&'static str, f64, f64)>,
    noise: f64,
) -> (Verdict, String) {
    let (Some(model), Some(equations), Some(coverage)) = (question.model, question.equations, question.coverage) else {
        return (Verdict::Untested, "held-out predictions are no numbers".to_owned());
    };
    let is_exact = model.mean_log <= limits::AS_EXACT_AS_RUNS * noise;
    let off = |own: f64| percent(own.exp_m1());
    let mut faults = Vec::new();
    if let Some((name, error, _)) = reference
        && model.mean_log >= error
        && !is_exact
    {
        faults.push(format!("it is off by {} on average, {name} by {}", off(model.mean_log), off(error)));
    }
    // Copying says that what the kind changes has no effect at all.
    if let (Some(copied), Distance::Shift(_)) = (question.nearest, distance)
        && equations.mean_log >= copied.mean_log
        && equations.mean_log > limits::AS_EXACT_AS_RUNS * noise
    {
        faults.push(format!(
            "its equations alone are off by {}, which is no better than to say that nothing changes ({})",
            off(equations.mean_log),
            off(copied.mean_log)
        ));
    }
    if coverage.probability < limits::SIGNIFICANT {
        faults.push(format!("90 % intervals held only {} of what was measured", percent(coverage.share)));
    }
    if let Some((name, effect)) = &question.bias
        && effect.abs() > coverage.half_width
        && effect.abs() > limits::AS_EXACT_AS_RUNS * noise
    {
        faults.push(format!(
            "its errors follow `{name}`, by a factor of {:.2} over the runs, more than its intervals admit",
            effect.abs().exp()
        ));
    }
    if !faults.is_empty() {
        return (Verdict::DoNotTrust, list(&faults));
    }
    if coverage.share < limits::LOW_COVERAGE {
        let seen = format!(
            "90 % intervals held only {} of {}, which err together so much that they are worth {:.0}: too few to tell",
            percent(coverage.share),
            plural(question.runs, "run"),
            coverage.effective_runs
        );
        return (Verdict::Untested, seen);
    }
    true_model(&coverage, reference, model, is_exact)
}

/// Where nothing is wrong: whether the model knows more than a guess does.
fn true_model(
    coverage: &Coverage,
    reference: Option<(&'static str, f64, f64)>,
    model: Errors,
    is_exact: bool,
) -> (Verdict, String) {
    let off = percent(model.mean_log.exp_m1());
    let Some((name, error, half)) = reference else { return (Verdict::Trusted, format!("off by {off} on average")) };
    let compared = format!("off by {off} on average, {name} by {}", percent(error.exp_m1()));
    if model.mean_log > limits::CLEARLY_BETTER * error {
        if is_exact {
            return (Verdict::Trusted, format!("{compared}; both are about as exact as repeats of a run"));
        }
        return (
            Verdict::Wide,
            format!("{compared}: intervals are true, but little more is known than without a model"),
        );
    }
    if coverage.half_width > half {
        let wide = format!(
            "intervals are true but wide, a factor of {:.2} either way; {name} is within {:.2} as often",
            coverage.half_width.exp(),
            half.exp()
        );
        return (Verdict::Wide, wide);
    }
    (Verdict::Trusted, compared)
}
