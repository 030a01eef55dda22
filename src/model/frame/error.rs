//! Why runs do not fit a model.

use std::collections::HashSet;

use miette::Diagnostic;
use thiserror::Error;

/// Runs that a model cannot take.
#[derive(Clone, Debug, PartialEq, Error, Diagnostic)]
#[error("{}", faults.iter().take(8).map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
#[diagnostic(help("{}", help))]
pub struct FrameError {
    /// Every fault, in the order of the runs.
    pub faults: Vec<FrameFault>,
    /// What to do.
    pub help: String,
}

/// Why a run does not fit a model.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Error)]
pub enum FrameFault {
    /// A condition that the model needs.
    #[error("run `{run}` has no `{condition}`, which model `{model}` needs")]
    MissingCondition {
        /// The run.
        run: String,
        /// The condition.
        condition: String,
        /// The model's name.
        model: String,
    },
    /// An entry that the catalog lacks.
    #[error("run `{run}`: the catalog has no {table} `{key}`{}", near.as_ref().map_or_else(String::new, |near| format!(" (nearest: `{near}`)")))]
    UnknownEntry {
        /// The run.
        run: String,
        /// Table of the catalog.
        table: String,
        /// The key that is unknown.
        key: String,
        /// The entry that is missing, `precision."Qwen/Qwen3-8B"."fp4"`.
        entry: String,
        /// The nearest key.
        near: Option<String>,
    },
    /// An attribute that an entry lacks.
    #[error("run `{run}`: {table} `{key}` has no `{attribute}` in the catalog")]
    MissingAttribute {
        /// The run.
        run: String,
        /// Table of the catalog.
        table: String,
        /// The key.
        key: String,
        /// The attribute.
        attribute: String,
    },
    /// A text where a number is due, or the reverse.
    #[error("run `{run}`: `{condition}` is `{found}`, but must be {expected}")]
    WrongKind {
        /// The run.
        run: String,
        /// The condition.
        condition: String,
        /// The value.
        found: String,
        /// In words.
        expected: String,
    },
}

impl FrameError {
    pub(super) fn new(mut faults: Vec<FrameFault>) -> Self {
        // A look-up that fails fails for every attribute; one message is enough.
        let mut told = HashSet::new();
        faults.retain(|fault| told.insert(fault.clone()));
        let help = match &faults[0] {
            FrameFault::MissingCondition { condition, .. } => format!(
                "add a column `{condition}` to the sweep, or say `--set {condition}=…` where runs are measured or imported"
            ),
            FrameFault::UnknownEntry { table, key, .. } if table == "architecture" => format!(
                "give the model's `config.json`, `--architecture {key}=PATH`, or state it in a TOML by the example of \
                 `models/catalog/architectures.toml`, `--architecture FILE.toml`"
            ),
            FrameFault::UnknownEntry { entry, .. } => {
                format!("state it as `[{entry}]` in a TOML by the example of `models/catalog`, `--catalog FILE.toml`")
            }
            FrameFault::MissingAttribute { table, key, .. } => {
                format!(
                    "state it as `[{table}.\"{key}\"]` in a TOML by the example of `models/catalog`, `--catalog FILE.toml`"
                )
            }
            FrameFault::WrongKind { condition, .. } => format!("correct `{condition}` in the sweep"),
        };
        Self { faults, help }
    }
}
