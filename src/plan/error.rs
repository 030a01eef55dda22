//! Why a plan cannot be made.

use std::ops::Range;

use miette::{LabeledSpan, NamedSource};

use super::solve::Unsolved;
use crate::model::FrameError;
use crate::notes::{lines, plural};
use crate::runs::GridError;

/// As many faults as a person reads at once.
const MOST_SHOWN: usize = 20;

/// One fault of a plan as written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct Fault {
    /// The option, or file, line and column.
    pub place: String,
    /// What was found, what was expected, what to do.
    pub message: String,
    /// Bytes of the plan file.
    pub span: Option<Range<usize>>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PlanError {
    /// A plan file with faults: all of them.
    #[error("the plan has {}:\n{}", plural(faults.len(), "fault"), lines(faults, MOST_SHOWN))]
    #[diagnostic(help("the form of a plan is shown in `data/plan.example.toml`"))]
    File {
        /// The file.
        #[source_code]
        source_code: NamedSource<String>,
        /// Every fault found.
        faults: Vec<Fault>,
        /// The same, for the drawing.
        #[label(collection)]
        labels: Vec<LabeledSpan>,
    },
    /// Options with faults: all of them.
    #[error("the plan has {}:\n{}", plural(faults.len(), "fault"), lines(faults, MOST_SHOWN))]
    #[diagnostic(help(
        "a smallest plan is `joules plan --model Qwen/Qwen3-32B --task lm-arena-chat --demand '20000 tokens/s'`"
    ))]
    Options {
        /// Every fault found.
        faults: Vec<Fault>,
    },
    /// Configurations that the model cannot take.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Frame(#[from] FrameError),
    /// More configurations than can be searched.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Grid(#[from] GridError),
    /// The largest service without anything that limits it.
    #[error("nothing limits how much can be served")]
    #[diagnostic(help("give a demand, or what there is: `--gpu H100=16`, `--power-budget 20kW`"))]
    Unlimited,
    /// The integer program was not solved.
    #[error("no plan was found: {reason}")]
    #[diagnostic(help(
        "look at the unit of the demand; or narrow the search: fewer GPU types, or a coarser `--set batch_size=8..4096`"
    ))]
    Unsolved {
        /// Why.
        reason: Unsolved,
    },
}

impl PlanError {
    /// The error of these faults, of which there is at least one.
    pub(super) fn faulty(file: Option<&(String, String)>, mut faults: Vec<Fault>) -> Self {
        let Some((name, text)) = file else { return Self::Options { faults } };
        faults.sort_by_key(|fault| fault.span.as_ref().map_or(usize::MAX, |span| span.start));
        let label = |fault: &Fault| {
            let span = fault.span.clone()?;
            Some(LabeledSpan::new_with_span(Some(fault.message.clone()), span))
        };
        let labels = faults.iter().filter_map(label).collect();
        Self::File { source_code: NamedSource::new(name, text.clone()), faults, labels }
    }

    /// The error of a program without an answer, where that is not an answer itself.
    pub(super) fn unsolved(reason: Unsolved) -> Self {
        match reason {
            Unsolved::Unbounded => Self::Unlimited,
            reason => Self::Unsolved { reason },
        }
    }
}
