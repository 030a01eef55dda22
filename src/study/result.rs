//! The answer as values; its JSON is a stable contract.

use serde::Serialize;

/// Something in the runs that speaks against reading too much into an observation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Doubt {
    /// A stable name, such as `short_window`.
    pub code: String,
    /// What was seen, with numbers.
    pub text: String,
    /// Ids of runs that show it.
    pub examples: Vec<String>,
    /// Why it matters; empty where the text says it.
    pub why: String,
}

impl Doubt {
    /// What was seen, without examples.
    pub(super) fn new(code: &str, text: impl Into<String>, why: &str) -> Self {
        Self { code: code.to_owned(), text: text.into(), examples: Vec::new(), why: why.to_owned() }
    }

    /// The same, shown by a run.
    pub(super) fn by(mut self, run: &str) -> Self {
        self.examples.push(run.to_owned());
        self
    }
}

/// A number of an observation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Number {
    /// What it is; the observation's file documents it.
    pub name: String,
    /// SI; shares and changes as fractions.
    pub value: f64,
    /// Unit, or what is counted; `1` for ratios and shares.
    pub unit: String,
    /// What it is the number of: a task, a GPU type, a pair of models.
    pub of: String,
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// A name.
    Name(String),
    /// A number in the column's unit.
    Number(f64),
    /// Nothing was measured.
    Empty(()),
}

/// The head of a column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Head {
    /// What stands in it.
    pub name: String,
    /// Unit of its numbers: SI, a count, `1` for shares and changes, `x` for ratios; empty for names.
    pub unit: String,
}

/// Rows behind an observation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rows {
    /// What they show.
    pub title: String,
    /// Heads.
    pub columns: Vec<Head>,
    /// Each with one cell for every column.
    pub rows: Vec<Vec<Cell>>,
}

/// Two runs that go against the observation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Counterexample {
    /// The run compared with.
    pub a: String,
    /// The run that goes the other way.
    pub b: String,
    /// The metric.
    pub metric: String,
    /// B over A.
    pub ratio: f64,
    /// What goes the other way, in words.
    pub text: String,
}

/// A cause of a difference, with its factor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// The cause.
    pub cause: String,
    /// Its value in A.
    pub from: String,
    /// Its value in B.
    pub to: String,
    /// Factor on the metric.
    pub factor: f64,
    /// 90 % interval.
    pub interval: [f64; 2],
    /// The part of the factor that came by a batch which memory forced; 1 for none.
    pub forced_by_memory: f64,
}

/// A comparison of two runs, divided into causes: the factors of all causes and of what is unexplained multiply to the ratio.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decomposition {
    /// What is compared.
    pub comparison: String,
    /// The first run.
    pub a: String,
    /// The second run.
    pub b: String,
    /// The metric.
    pub metric: String,
    /// B over A.
    pub ratio: f64,
    /// Whether the difference exceeds run-to-run noise: `different`, `within-noise`, `not-comparable`.
    pub verdict: crate::diagnose::Verdict,
    /// Causes, largest first.
    pub causes: Vec<Share>,
    /// What no cause explains, largest first.
    pub unexplained: Vec<Share>,
}

/// What the runs say of one question.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Observation {
    /// A stable name.
    pub code: String,
    /// For a heading.
    pub title: String,
    /// What is compared, and how the numbers are computed.
    pub definition: String,
    /// The answer in a sentence; empty where something is missing.
    pub finding: String,
    /// All numbers.
    pub numbers: Vec<Number>,
    /// What they rest on.
    pub tables: Vec<Rows>,
    /// What goes the other way, the most striking first.
    pub counterexamples: Vec<Counterexample>,
    /// The main comparisons, divided into causes.
    pub decomposition: Vec<Decomposition>,
    /// What to know.
    pub caveats: Vec<Doubt>,
    /// Why these runs cannot say it; none if they can.
    pub missing: Option<String>,
}

/// What a sweep says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Study {
    /// Runs that could be compared, repeats included.
    pub runs: usize,
    /// Why runs were left out, with their number.
    pub left_out: Vec<Doubt>,
    /// One for each question, in a fixed order.
    pub observations: Vec<Observation>,
}

impl Observation {
    /// The number of a name.
    pub fn number(&self, of: &str, name: &str) -> Option<f64> {
        self.numbers.iter().find(|number| number.of == of && number.name == name).map(|number| number.value)
    }
}

impl Study {
    /// An observation by its code.
    pub fn observation(&self, code: &str) -> Option<&Observation> {
        self.observations.iter().find(|own| own.code == code)
    }
}
