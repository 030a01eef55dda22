//! How much of a difference does each cause carry? Cooperative games and exact decompositions.
//!
//! A *game* of n players gives every coalition S (a set of players) a value v(S): here the players are the causes in
//! which two runs differ, and v(S) is the log of a metric with the causes of S taken from run B and the others from
//! run A. A coalition is an index: bit i is set if player i belongs to it, so a game is a slice of 2^n values,
//! `values[0]` = run A and `values[2^n - 1]` = run B.
//!
//! | question | answer |
//! |---|---|
//! | fair share of each player, any order being as good as another | [`shapley`], [`shapley_linear`] for gradients |
//! | how much that share depends on the order | [`order_range`] |
//! | the same when players come in groups | [`owen`] |
//! | too many players to enumerate | [`sampled_shapley`], with standard errors |
//! | an exact identity E = Σ Π x, with both sides measured | [`lmdi`], [`log_mean`] |
//!
//! Everything here is a function from numbers to numbers: no runs, no models. A player whose marginals are all
//! exactly zero gets exactly zero, and the shares add up to v(all) - v(none).
//!
//! Shapley, "A value for n-person games", Contributions to the Theory of Games II, 1953. Owen, "Values of games
//! with a priori unions", 1977. Ang, "The LMDI approach to decomposition analysis", Energy Policy 33, 2005.

mod game;
mod lmdi;
mod owen;
mod sampled;
mod shares;
mod sum;

pub use game::{MAX_PLAYERS, ShapleyWeights, order_range, shapley, shapley_linear, shapley_weights};
pub use lmdi::{lmdi, log_mean};
pub use owen::owen;
pub use sampled::{Sampled, sampled_shapley};
pub(crate) use shares::mechanism_shares;
