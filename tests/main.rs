//! All tests of the package: one binary, one link.

mod architecture;
mod asking;
mod attribution;
mod cases;
mod catalog;
mod chart;
mod check;
mod commands;
mod configs;
mod counterfactual;
mod diagnosis;
mod html;
mod import;
mod laws;
mod mapped;
#[cfg(feature = "measure")]
mod measure;
mod messages;
#[cfg(feature = "measure")]
mod meters;
mod plan;
mod planning;
mod predict;
mod rca;
mod recovery;
mod report;
mod runs;
mod shared;
mod study;
mod whatif;
