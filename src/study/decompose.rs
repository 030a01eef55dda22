//! Comparisons divided into causes, by the diagnosis of two runs.

use super::ground::Ground;
use super::result::{Decomposition, Doubt, Observation, Share};
use super::row::Row;
use crate::diagnose::{CauseFactor, UnexplainedFactor, diagnose};

/// The mechanism by which memory acts through a batch that it forces.
const BATCH_CEILING: &str = "batch_ceiling";
/// Causes by which a deadline acts: the batch that was configured, or the clients that filled it.
const BATCH_CAUSES: [&str; 2] = ["batch_size", "offered_load"];
/// The cause that a limit of latency is.
const LATENCY: &str = "latency_constraint";

/// A comparison to divide.
pub(super) struct Comparison<'g, 'a> {
    pub(super) words: String,
    pub(super) a: &'g Row<'a>,
    pub(super) b: &'g Row<'a>,
    /// The metric; none for the energy that the rows are compared by.
    pub(super) metric: Option<&'static str>,
    /// Share of the batch's effect that a deadline brought about.
    pub(super) by_deadline: f64,
}

impl<'g, 'a> Comparison<'g, 'a> {
    pub(super) fn new(words: impl Into<String>, a: &'g Row<'a>, b: &'g Row<'a>) -> Self {
        Self { words: words.into(), a, b, metric: None, by_deadline: 0.0 }
    }
}

/// Divides comparisons; what cannot be divided becomes a caveat.
pub(super) fn decompose<'g, 'a: 'g>(
    ground: &Ground<'a>,
    observation: &mut Observation,
    comparisons: impl IntoIterator<Item = Comparison<'g, 'a>>,
) {
    for comparison in comparisons {
        match divided(ground, &comparison) {
            Ok(found) => observation.decomposition.push(found),
            Err(why) => {
                let text = format!("{} could not be divided into causes: {why}", comparison.words);
                observation.caveats.push(Doubt::new("not_decomposed", text, ""));
            }
        }
    }
}

fn divided(ground: &Ground<'_>, comparison: &Comparison<'_, '_>) -> Result<Decomposition, String> {
    let (a, b) = (comparison.a.run, comparison.b.run);
    let takes = |run| move |fitted: &&crate::fit::Fitted| fitted.model.takes_run(run);
    let fitted = ground.fitted.iter().filter(takes(a)).find(|fitted| takes(b)(fitted));
    let fitted = fitted.ok_or("no fitted model takes both runs")?;
    let metric = comparison.metric.unwrap_or(&comparison.a.metric);
    let found = diagnose(fitted, ground.catalog, &[], a, b, Some(metric)).map_err(|error| error.to_string())?;
    let mut causes: Vec<Share> = found.causes.iter().map(cause).collect();
    let by_deadline = comparison.by_deadline;
    if by_deadline > 0.0 {
        let is_batch = |share: &&Share| BATCH_CAUSES.contains(&share.cause.as_str());
        let late: Vec<Share> = causes.iter().filter(is_batch).map(|whole| raised(whole, by_deadline)).collect();
        for cause in causes.iter_mut().filter(|share| is_batch(&&**share)) {
            *cause = raised(cause, 1.0 - by_deadline);
        }
        causes.extend(late.into_iter().map(|share| Share { cause: LATENCY.to_owned(), ..share }));
    }
    causes.retain(|cause| cause.factor != 1.0);
    causes.sort_by(|x, y| y.factor.ln().abs().total_cmp(&x.factor.ln().abs()));
    Ok(Decomposition {
        comparison: comparison.words.clone(),
        a: a.id.clone(),
        b: b.id.clone(),
        metric: metric.to_owned(),
        ratio: found.ratio,
        verdict: found.verdict,
        causes,
        unexplained: found.unexplained.iter().map(unexplained).collect(),
    })
}

fn cause(found: &CauseFactor) -> Share {
    let forced = found.mechanisms.iter().find(|one| one.mechanism == BATCH_CEILING);
    Share {
        cause: found.cause.clone(),
        from: found.from.clone(),
        to: found.to.clone(),
        factor: found.factor,
        interval: found.interval,
        forced_by_memory: forced.map_or(1.0, |one| one.factor),
    }
}

fn unexplained(found: &UnexplainedFactor) -> Share {
    Share {
        cause: found.cause.clone(),
        from: String::new(),
        to: String::new(),
        factor: found.factor,
        interval: found.interval,
        forced_by_memory: 1.0,
    }
}

/// The part of a cause with this share of its logarithm.
fn raised(whole: &Share, share: f64) -> Share {
    Share {
        factor: whole.factor.powf(share),
        interval: whole.interval.map(|end| end.powf(share)),
        forced_by_memory: whole.forced_by_memory.powf(share),
        ..whole.clone()
    }
}
