//! `joules` explains, predicts and plans the energy of AI inference.
//!
//! A model is a file of equations with units (`models/*.toml`); the causal graph is read off the
//! equations. The engine knows nothing of GPUs: it checks the equations, fits their parameters to
//! measured runs, abducts what a run has beyond the equations, and explains the difference of two runs
//! as an exact product of causes.
//!
//! ```text
//! import ──► runs ──► model ──► fit ──► predict ──► whatif ──► diagnose ──► report ──► terminal, Markdown, HTML, JSON
//!            catalog ──┘        (attribute: games and sums)
//! ```
//!
//! Three types in a row keep questions honest: a [`model::Definition`] is a file as written, a
//! [`model::Model`] is checked and compiled, a [`fit::Fitted`] has estimates. A question that needs
//! estimates takes a `&Fitted`.
//!
//! What each module does, and what it may use directly; a test reads the code and holds it against this table.
//! *base* is `unit`, `stats` and `notes`. Only `cli` prints, reads arguments or the environment, or ends the process.
//!
//! | module | duty | may use |
//! |---|---|---|
//! | [`unit`](mod@unit) | dimensions and units: read, checked, shown with the right digits | – |
//! | [`stats`] | statistics of samples, seeded randomness | – |
//! | [`notes`] | caveats and the wording of messages | unit, stats |
//! | [`runs`] | run, conditions, sweep, store; references and selectors | base |
//! | [`catalog`] | what is known of GPUs, architectures, precisions and tasks beforehand | base |
//! | [`model`] | definition, checked equations, graph, tape; runs bound to them by look-ups | catalog, runs, base |
//! | [`fit`] | objective, optimiser, posterior, summary; the catalog is handed through to `model` | model, catalog, runs, base |
//! | [`predict`] | a fitted model on conditions: abduction of a run | fit, model, catalog, runs, base |
//! | [`attribute`] | games and identities: Shapley, Owen, log-mean shares; knows no runs | model, base |
//! | [`whatif`] | interventions and counterfactuals: what a run would have been, whether it fits, what it needs | predict, attribute, fit, model, catalog, runs, base |
//! | [`diagnose`] | two runs: noise, causes, forced batch, evidence, recommendations | whatif, predict, attribute, fit, model, catalog, runs, base |
//! | [`check`] | which questions a fitted model is to be trusted with: held-out predictions, coverage, falsification | diagnose, whatif, predict, fit, model, catalog, runs, base |
//! | [`plan`] | the best deployments of services within limits: candidates, exact integer program, what binds | predict, fit, model, catalog, runs, base |
//! | [`study`] | what a whole sweep says: observations, each with its numbers, counter-examples and causes | diagnose, fit, model, catalog, runs, base |
//! | [`import`] | foreign formats become runs | catalog, runs, base |
//! | [`export`] | runs become texts that other programs read | catalog, runs, base |
//! | [`measure`] | meters, load generator, server metrics, steady states, sweeps: all that knows devices, clocks, the network | import, catalog, runs, base |
//! | [`report`] | answers become one document, drawn for terminal, Markdown and HTML; JSON beside it | measure, export, import, study, plan, check, diagnose, whatif, predict, attribute, fit, model, catalog, runs, base |
//! | [`cli`] | arguments, calls, report, exit code | all |

pub mod attribute;
pub mod catalog;
pub mod check;
pub mod cli;
pub mod diagnose;
pub mod export;
pub mod fit;
pub mod import;
#[cfg(feature = "measure")]
pub mod measure;
pub mod model;
pub mod notes;
pub mod plan;
pub mod predict;
pub mod report;
pub mod runs;
pub mod stats;
pub mod study;
pub mod unit;
pub mod whatif;
