//! What does a sweep say? The observations of *Where Do the Joules Go?*, recomputed for any runs.
//!
//! An [`Observation`] answers one question: its definition in words, numbers with what they are of, the rows behind them,
//! counter-examples by name, the main comparisons divided into causes by [`crate::diagnose`], and what in the runs speaks
//! against reading too much into it. What the runs cannot say is said in one line. Each question has a file of its own, whose
//! head names its numbers; the constants of all definitions stand in one file.

mod batch;
mod caveats;
mod compose;
mod constants;
mod decompose;
mod diffusion;
mod diffusion_batch;
mod generation;
mod gpu_count;
mod ground;
mod memory;
mod modality;
mod model_size;
mod precision;
mod result;
mod row;
mod sequence_parallel;
mod split;
mod task;
mod throughput_per_watt;

pub use result::{Cell, Counterexample, Decomposition, Doubt, Head, Number, Observation, Rows, Share, Study};

use crate::catalog::Catalog;
use crate::fit::Fitted;
use crate::runs::Run;

/// Every observation, in the order of the paper.
const OBSERVATIONS: [fn(&ground::Ground<'_>) -> Observation; 13] = [
    task::observe,
    modality::observe,
    batch::observe,
    model_size::observe,
    generation::observe,
    precision::observe,
    gpu_count::observe,
    memory::observe,
    diffusion::observe,
    diffusion_batch::observe,
    gpu_count::observe_diffusion,
    sequence_parallel::observe,
    throughput_per_watt::observe,
];

/// What these runs say. Comparisons are divided into causes by the first of `fitted` that takes both runs; without one they
/// are left whole. `metric` (J per something) is compared instead of the energy per token, image or video.
pub fn study(runs: &[&Run], catalog: &Catalog, fitted: &[Fitted], metric: Option<&str>) -> Study {
    let ground = ground::Ground::new(runs, catalog, fitted, metric);
    let observations = OBSERVATIONS.iter().map(|observe| observe(&ground)).collect();
    Study { runs: ground.runs, left_out: ground.left_out, observations }
}
