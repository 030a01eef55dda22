//! One kind of question about one metric: how far off, how truly so, and what follows.

use std::collections::BTreeMap;

use super::association::{Against, association};
use super::coverage::coverage;
use super::judge::Ground;
use super::limits;
use super::reference::{Features, Guess, guesses};
use super::result::{Errors, Question, Verdict};
use super::verdict::{Reference, better, verdict};
use crate::fit::{Distance, Score};
use crate::model::Model;
use crate::notes::plural;
use crate::stats::{mean, median};

/// Guesses by fold, metric and run.
type Guesses = BTreeMap<(usize, String, usize), Guess>;

/// A kind of question, as the model's order of severity has it.
fn kinds(model: &Model) -> Vec<(Distance, Vec<String>)> {
    let mildest = model.shifts.first().map_or_else(Vec::new, |shift| shift.by.clone());
    let shifts = model.shifts.iter().enumerate().map(|(index, shift)| (Distance::Shift(index), shift.by.clone()));
    std::iter::once((Distance::Interpolation, mildest)).chain(shifts).collect()
}

/// Every kind of question about every metric.
pub(super) fn questions(
    ground: &Ground<'_>,
    scores: &[Score],
    noise: &dyn Fn(&str) -> f64,
    is_explained: &dyn Fn(&str) -> bool,
) -> Vec<Question> {
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
            found.push(question(
                ground,
                distance,
                changes,
                metric,
                &own,
                &known,
                (noise(metric), is_explained(metric)),
            ));
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
    (noise, is_explained): (f64, bool),
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
        what_if: None,
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
    question.what_if = of(what_if(ground, scores, known));
    question.nearest = of(nearest.clone());
    question.regression = of(regression.clone());
    question.coverage = coverage(scores, &groups);
    question.bias = bias(ground, distance, scores);
    let references = [
        Reference::new("copying the nearest run", &nearest, &measured),
        Reference::new("a log-linear regression", &regression, &measured),
    ];
    (question.verdict, question.reason) = verdict(&question, better(references), noise, is_explained);
    question
}

/// The outcome of the nearest run, changed as the equations say: what is asked of a model in a counterfactual, so that what
/// both runs have beyond the equations cancels.
fn what_if(ground: &Ground<'_>, scores: &[&Score], known: &Guesses) -> Vec<Option<f64>> {
    let own = |score: &&Score| {
        let guess = known.get(&(score.fold, score.metric.clone(), score.run))?;
        let beyond = ground.beyond_equations(guess.near?, &score.metric)?;
        Some(score.equations.ln() + beyond)
    };
    scores.iter().map(own).collect()
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
///
/// Runs that agree in every more severe kind are one cluster; the mean error of a value in a cluster is one observation, so
/// that only what recurs from cluster to cluster counts. Of categories, those in fewer than [`limits::FEWEST_GROUPS`] clusters
/// are left out: that a family which is seen once errs in its own way is what its interval is for.
fn bias(ground: &Ground<'_>, distance: Distance, scores: &[&Score]) -> Option<(String, f64)> {
    let kind = match distance {
        Distance::Interpolation => 0,
        Distance::Shift(kind) => kind,
        Distance::Measured | Distance::Nothing => return None,
    };
    let shift = ground.fitted.model.shifts.get(kind)?;
    let mut found: Vec<(String, f64)> = Vec::new();
    for (place, name) in shift.by.iter().enumerate() {
        let is_category = ground.is_category(kind, place);
        let (values, errors): (Vec<f64>, Vec<f64>) =
            cluster_means(ground, kind, place, is_category, scores).into_iter().unzip();
        if !is_category && values.iter().any(|value| !(value.is_finite() && *value > 0.0)) {
            continue;
        }
        let against = if is_category {
            Against::Category(values)
        } else {
            Against::Size(values.into_iter().map(f64::ln).collect())
        };
        let apart: Vec<usize> = (0..errors.len()).collect();
        if let Some(own) = association(&errors, &against, &apart)
            && own.probability < limits::SIGNIFICANT
        {
            found.push((name.clone(), own.effect));
        }
    }
    found.into_iter().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
}

/// Values of what is compared with the mean held-out error of each, one for every cluster and value.
fn cluster_means(
    ground: &Ground<'_>,
    kind: usize,
    place: usize,
    is_category: bool,
    scores: &[&Score],
) -> Vec<(f64, f64)> {
    let mut sums: Vec<(&[Vec<f64>], f64, f64, f64)> = Vec::new();
    for score in scores {
        let row = &ground.fitted.support.rows[score.run];
        let (cluster, value) = (&row[kind + 1..], row[kind][place]);
        let error = score.measured.ln() - score.predicted.ln();
        match sums.iter_mut().find(|known| known.0 == cluster && known.1 == value) {
            Some((_, _, sum, count)) => {
                *sum += error;
                *count += 1.0;
            }
            None => sums.push((cluster, value, error, 1.0)),
        }
    }
    let clusters = |value: f64| sums.iter().filter(|own| own.1 == value).count();
    sums.iter()
        .filter(|own| !is_category || clusters(own.1) >= limits::FEWEST_GROUPS)
        .map(|(_, value, sum, count)| (*value, sum / count))
        .collect()
}
