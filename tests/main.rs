//! All tests of the package: one binary, one link.

#[cfg(feature = "measure")]
mod adaptive;
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
mod export;
mod foreign;
#[cfg(feature = "measure")]
mod hostile;
mod html;
mod http;
mod import;
mod laws;
#[cfg(feature = "measure")]
mod load;
mod mapped;
#[cfg(feature = "measure")]
mod measure;
mod measured;
mod messages;
#[cfg(feature = "measure")]
mod meters;
#[cfg(feature = "measure")]
mod pacing;
mod plan;
mod planning;
mod predict;
#[cfg(feature = "measure")]
mod prometheus;
mod rca;
mod recovery;
#[cfg(feature = "measure")]
mod refusals;
mod report;
mod runs;
#[cfg(feature = "measure")]
mod server;
mod shapes;
mod shared;
#[cfg(feature = "measure")]
mod slurm;
#[cfg(feature = "measure")]
mod spent;
mod study;
#[cfg(feature = "measure")]
mod sweep;
#[cfg(feature = "measure")]
mod sweep_faults;
#[cfg(feature = "measure")]
mod sweep_leftover;
#[cfg(feature = "measure")]
mod sweep_retry;
#[cfg(feature = "measure")]
mod telemetry;
#[cfg(feature = "measure")]
mod tenants;
mod whatif;
