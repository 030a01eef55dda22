//! What a check says.

use serde::Serialize;

use super::pairs::WhatIfScore;

/// Whether a kind of question is to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Clearly better than a guess without a mechanism, with true intervals.
    Trusted,
    /// Intervals are true, but a guess without a mechanism knows about as much.
    Wide,
    /// Wrong, or wrong about how wrong it is.
    DoNotTrust,
    /// Too few runs to hold out.
    Untested,
}

impl Verdict {
    /// The name as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Wide => "wide",
            Self::DoNotTrust => "do-not-trust",
            Self::Untested => "untested",
        }
    }
}

/// Errors of held-out predictions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Errors {
    /// Median of |predicted / measured − 1|.
    pub median: f64,
    /// Mean of the same.
    pub mean: f64,
    /// Mean of |ln predicted − ln measured|, which verdicts compare.
    pub mean_log: f64,
}

/// How often intervals held what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// Share of outcomes inside their 90 % interval, whose width was learned from the other folds.
    pub share: f64,
    /// Median half-width of those intervals, of the log.
    pub half_width: f64,
    /// Independent outcomes that the share is worth.
    pub effective_runs: f64,
    /// Chance of a share as low or lower if intervals were true.
    pub probability: f64,
}

/// One kind of question about one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    /// The kind, such as `unseen-precision`.
    pub kind: String,
    /// What it changes, as the model file writes it.
    pub changes: Vec<String>,
    /// The metric.
    pub metric: String,
    /// Held-out outcomes.
    pub runs: usize,
    /// Groups of runs that differ in the mildest kind only.
    pub groups: usize,
    /// Equations and residual process together.
    pub model: Option<Errors>,
    /// The equations alone.
    pub equations: Option<Errors>,
    /// The nearest other measured run, changed as the equations say.
    pub what_if: Option<Errors>,
    /// The nearest other measured run, copied.
    pub nearest: Option<Errors>,
    /// A log-linear regression on all conditions and properties.
    pub regression: Option<Errors>,
    /// Share of held-out runs where the change against the nearest run goes where the model says, among changes beyond noise.
    pub direction: Option<f64>,
    /// Intervals.
    pub coverage: Option<Coverage>,
    /// Significant trend of held-out errors with what the kind changes: the condition, and the log change that it makes.
    pub bias: Option<(String, f64)>,
    /// The verdict,
    pub verdict: Verdict,
    /// and why, in words.
    pub reason: String,
}

/// What the noise of a node still has to do with a parent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trend {
    /// The noisy node.
    pub node: String,
    /// Condition, property, latent or metric.
    pub parent: String,
    /// Whether the residual process has had its say; else what the equations alone leave.
    pub after_process: bool,
    /// Change of the log over the middle half of the runs.
    pub effect: f64,
    /// Share of the variance of the noise that goes with the parent.
    pub share: f64,
    /// Chance of such an association by accident, runs of a group counted as correlated.
    pub probability: f64,
}

/// Runs with equal conditions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Repeats {
    /// Sets of runs with equal conditions.
    pub sets: usize,
    /// Runs in them.
    pub runs: usize,
    /// For every noisy node that was measured in them.
    pub nodes: Vec<SpreadOf>,
}

/// Spread of the noise of a node, of the log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpreadOf {
    /// The node.
    pub node: String,
    /// Whether it is a metric; measured latents are shown, and metrics are tested.
    pub is_metric: bool,
    /// Among repeats on one machine.
    pub same_machine: Option<f64>,
    /// Among repeats on different machines of one type.
    pub between_machines: Option<f64>,
    /// What the equations leave, beyond what repeats differ by.
    pub equations: f64,
    /// The same after the residual process, leaving each run out.
    pub process: Option<f64>,
    /// Ratio of the equations' lack of fit to pure error, as variances.
    pub ratio: f64,
    /// Chance of such a ratio if the equations were right.
    pub probability: f64,
}

/// A parameter that the data drive away from what was known of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Conflict {
    /// The coordinate: parameter, or parameter and level.
    pub parameter: String,
    /// Distance from the prior's center in its standard deviations.
    pub distance: f64,
    /// Whether it is the spread of a node.
    pub is_spread: bool,
}

/// What the data leave to the priors.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Undecided {
    /// Coordinates of the fit.
    pub coordinates: usize,
    /// Combinations of parameters set by the priors more than by the data.
    pub weak: usize,
    /// Combinations that the data decide.
    pub effective: f64,
    /// Parameters of which the data say nothing.
    pub untouched: Vec<String>,
}

/// What predictions of a metric rest on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RestsOn {
    /// The metric.
    pub metric: String,
    /// Median standard deviation of the log that parameters give.
    pub spread: f64,
    /// Median share of that variance from combinations that priors set.
    pub prior_share: f64,
    /// The parameters that bring most of it.
    pub parameters: Vec<String>,
}

/// A test that the model as a whole could fail.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Test {
    /// A stable name, such as `permuted-outcomes`.
    pub name: String,
    /// The value found; none where there was not enough to test.
    pub value: Option<f64>,
    /// The value from which on the test fails.
    pub limit: f64,
    /// Whether it passed; none where it could not be made.
    pub passed: Option<bool>,
    /// What was found, in words.
    pub says: String,
}

/// All that a check says of one model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// The model.
    pub model: String,
    /// Digest of its file.
    pub digest: String,
    /// Runs.
    pub runs: usize,
    /// Folds of runs held out.
    pub folds: usize,
    /// Whether the residual process was learned again in every fold.
    pub nested: bool,
    /// Verdicts by kind of question and metric.
    pub questions: Vec<Question>,
    /// Tests of the model as a whole.
    pub tests: Vec<Test>,
    /// Trends that remain, the largest share first.
    pub trends: Vec<Trend>,
    /// Repeats, if there are any.
    pub repeats: Option<Repeats>,
    /// Parameters in conflict with their priors, the most distant first.
    pub conflicts: Vec<Conflict>,
    /// What the data leave open.
    pub undecided: Undecided,
    /// What predictions rest on.
    pub rests_on: Vec<RestsOn>,
    /// What became of what-ifs between measured runs, where that was asked for.
    pub what_if: Vec<WhatIfScore>,
}

impl Check {
    /// Whether a test failed, or a kind of question that could be tried is not to be trusted.
    pub fn has_failed(&self) -> bool {
        self.tests.iter().any(|test| test.passed == Some(false))
            || self.questions.iter().any(|question| question.verdict == Verdict::DoNotTrust)
    }

    /// The verdict on a kind of question about a metric.
    pub fn question(&self, kind: &str, metric: &str) -> Option<&Question> {
        self.questions.iter().find(|own| own.kind == kind && own.metric == metric)
    }

    /// A test by its name.
    pub fn test(&self, name: &str) -> Option<&Test> {
        self.tests.iter().find(|own| own.name == name)
    }
}
