//! From errors and intervals to a verdict, with its reason: what is wrong first, then what is merely not better.

use super::limits;
use super::result::{Coverage, Errors, Question, Verdict};
use crate::notes::{list, plural};
use crate::stats::{mean, quantile};
use crate::unit::percent;

/// A guess that knows no mechanism, for one kind of question.
pub(super) struct Reference {
    name: &'static str,
    /// Mean error of the log.
    error: f64,
    /// Half-width around it that would hold nine of ten measurements, of the log.
    half_width: f64,
}

impl Reference {
    /// From guesses and measurements, as logs; `None` where there is no guess at all.
    pub(super) fn new(name: &'static str, guesses: &[Option<f64>], measured: &[f64]) -> Option<Self> {
        let sizes: Vec<f64> =
            guesses.iter().zip(measured).filter_map(|(guess, log)| Some((guess.as_ref()? - log).abs())).collect();
        Some(Self { name, error: mean(&sizes)?, half_width: quantile(&sizes, 0.9)? })
    }
}

/// The guess that is less off.
pub(super) fn better(references: [Option<Reference>; 2]) -> Option<Reference> {
    references.into_iter().flatten().min_by(|a, b| a.error.total_cmp(&b.error))
}

/// The verdict. `noise` is the spread of repeats; `is_explained` whether outcomes have to do with the conditions at all.
pub(super) fn verdict(
    question: &Question,
    reference: Option<Reference>,
    noise: f64,
    is_explained: bool,
) -> (Verdict, String) {
    let (Some(model), Some(coverage)) = (question.model, question.coverage) else {
        return (Verdict::Untested, "held-out predictions are no numbers".to_owned());
    };
    let least = limits::AS_EXACT_AS_RUNS * noise;
    let faults = faults(question, model, &coverage, reference.as_ref(), least, is_explained);
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
    true_model(&coverage, reference, model, least)
}

fn off(log: f64) -> String {
    percent(log.exp_m1())
}

fn faults(
    question: &Question,
    model: Errors,
    coverage: &Coverage,
    reference: Option<&Reference>,
    least: f64,
    is_explained: bool,
) -> Vec<String> {
    let mut faults = Vec::new();
    if !is_explained {
        faults.push("its errors are no larger when outcomes are dealt out anew among the runs".to_owned());
    }
    if let Some(reference) = reference
        && model.mean_log * limits::CLEARLY_BETTER > reference.error
        && model.mean_log > least
    {
        faults.push(format!(
            "it is off by {} on average, {} by {}",
            off(model.mean_log),
            reference.name,
            off(reference.error)
        ));
    }
    // Copying the nearest run says that what the kind changes has no effect at all.
    if let Some((changed, copied)) = question.what_if.zip(question.nearest)
        && changed.mean_log * limits::CLEARLY_BETTER > copied.mean_log
        && changed.mean_log > least
    {
        faults.push(format!(
            "what its equations say of such a change is off by {}, to say that nothing changes by {}",
            off(changed.mean_log),
            off(copied.mean_log)
        ));
    }
    if coverage.probability < limits::SIGNIFICANT && coverage.share < limits::NEARLY_TRUE {
        faults.push(format!("90 % intervals held only {} of what was measured", percent(coverage.share)));
    }
    if let Some((name, effect)) = &question.bias
        && effect.abs() > coverage.half_width
        && effect.abs() > least
    {
        faults.push(format!(
            "its errors follow `{name}`, by a factor of {:.2} over the runs, more than its intervals admit",
            effect.abs().exp()
        ));
    }
    faults
}

/// Where nothing is wrong: whether the model knows more than a guess does.
fn true_model(coverage: &Coverage, reference: Option<Reference>, model: Errors, least: f64) -> (Verdict, String) {
    let Some(reference) = reference else {
        return (Verdict::Trusted, format!("off by {} on average", off(model.mean_log)));
    };
    let compared = format!("off by {} on average, {} by {}", off(model.mean_log), reference.name, off(reference.error));
    if model.mean_log > limits::CLEARLY_BETTER * reference.error {
        if model.mean_log <= least {
            return (Verdict::Trusted, format!("{compared}; both are about as exact as repeats of a run"));
        }
        return (
            Verdict::Wide,
            format!("{compared}: intervals are true, but little more is known than without a model"),
        );
    }
    if coverage.half_width > reference.half_width {
        let wide = format!(
            "intervals are true but wide, a factor of {:.2} either way; {} is within {:.2} as often",
            coverage.half_width.exp(),
            reference.name,
            reference.half_width.exp()
        );
        return (Verdict::Wide, wide);
    }
    (Verdict::Trusted, compared)
}
