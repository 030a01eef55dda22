//! How many replicas of which configurations? Numbers in, numbers out: nothing here knows a model.
//!
//! With nᵢ replicas of choice i, an integer of at least 0:
//!
//! ```text
//! minimize    Σ costᵢ nᵢ
//! subject to  Σ supplyᵢ nᵢ ≥ demandₛ     over the choices of each service s
//!             Σ gpusᵢ nᵢ   ≤ countₜ      over the choices of each GPU type t that is limited
//!             Σ drawᵢ nᵢ   ≤ budget      if power is limited
//! ```
//!
//! [`undominated`] leaves out choices that no optimum needs, prices of the limits leave out more where there are many. The
//! integer program of the rest is solved by branch and bound: exactly for up to 200 choices, to within 0.1 % for more.
//! [`most_demand`] and [`least_delay`] ask for the largest demand and the shortest delay under the same limits;
//! [`least_gpus`] and [`least_power`] say how far a limit would have to give way.

mod problem;
mod program;
mod prune;
mod question;
mod reduce;
mod uniform;

pub use problem::{Choice, Limits, Replicas, Solution, Unsolved};
pub use prune::undominated;
pub use question::{least_cost, least_delay, least_gpus, least_power, most_demand};
pub use uniform::uniform;
