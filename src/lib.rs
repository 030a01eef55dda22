//! `joules` explains, predicts and plans the energy of AI inference.
//!
//! A model is a file of equations with units (`models/*.toml`); the causal graph is read off the
//! equations. The engine knows nothing of GPUs: it checks the equations, fits their parameters to
//! measured runs, abducts what a run has beyond the equations, and explains the difference of two runs
//! as an exact product of causes.
//!
//! ```text
//! import ──► runs ──► model ──► fit ──► predict ──► whatif ──► diagnose ──► report ──► terminal, Markdown, JSON
//!            catalog ──┘        (attribute: games and sums)
//! ```
//!
//! Three types in a row keep questions honest: a [`model::Definition`] is a file as written, a
//! [`model::Model`] is checked and compiled, a [`fit::Fitted`] has estimates. A question that needs
//! estimates takes a `&Fitted`.

pub mod attribute;
pub mod catalog;
pub mod cli;
pub mod diagnose;
pub mod fit;
pub mod import;
pub mod model;
pub mod notes;
pub mod predict;
pub mod report;
pub mod runs;
pub mod stats;
pub mod unit;
pub mod whatif;
