//! The numbers of a plan: what can be chosen, what limits it, what is found.

/// What one replica of a configuration gives and takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Index of the service that it is of.
    pub service: usize,
    /// Index of its GPU type.
    pub gpu: usize,
    /// GPUs of one replica, at least 1.
    pub gpus: usize,
    /// What it serves, 1/s, in the unit of the service's demand; above 0.
    pub supply: f64,
    /// What it takes out of the power budget, W; above 0.
    pub draw: f64,
    /// Its expected power, W; above 0. Of two plans of the same worth the one with less is better.
    pub power: f64,
    /// What it adds to what is minimized, at least 0.
    pub cost: f64,
}

/// What all replicas together must keep.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Demand of each service, 1/s, at least 0.
    pub demand: Vec<f64>,
    /// Count of each GPU type; none where there are as many as one likes.
    pub gpus: Vec<Option<usize>>,
    /// Power budget, W.
    pub power: Option<f64>,
}

/// Replicas by index of their choice, each at least 1, in the order of the choices.
pub type Replicas = Vec<(usize, usize)>;

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// The replicas.
    pub replicas: Replicas,
    /// What was asked for: the least cost, the greatest factor of demand, the shortest delay.
    pub value: f64,
    /// Whether it is proven that nothing is better.
    pub proven: bool,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsolved {
    /// No replicas keep the limits.
    #[error("nothing keeps all limits")]
    Infeasible,
    /// Nothing limits what could be served.
    #[error("nothing limits how much can be served")]
    Unbounded,
    /// More replicas than anybody runs.
    #[error("the demand takes more than {most} replicas")]
    TooLarge {
        /// The most that are planned.
        most: usize,
    },
    /// The search ended without an answer.
    #[error("the integer program was given up: {reason}")]
    GivenUp {
        /// The solver's words.
        reason: String,
    },
}

/// Relative slack in which sums of floating-point numbers may miss a limit.
pub(super) const ROUNDING: f64 = 1e-6;

impl Limits {
    /// Whether replicas keep every limit.
    pub fn hold(&self, choices: &[Choice], replicas: &[(usize, usize)]) -> bool {
        let mut supply = vec![0.0; self.demand.len()];
        let mut gpus = vec![0; self.gpus.len()];
        let mut draw = 0.0;
        for &(index, count) in replicas {
            let choice = &choices[index];
            supply[choice.service] += choice.supply * count as f64;
            gpus[choice.gpu] += choice.gpus * count;
            draw += choice.draw * count as f64;
        }
        supply.iter().zip(&self.demand).all(|(own, demand)| *own >= demand * (1.0 - ROUNDING))
            && gpus.iter().zip(&self.gpus).all(|(own, count)| count.is_none_or(|count| *own <= count))
            && self.power.is_none_or(|budget| draw <= budget * (1.0 + ROUNDING))
    }

    /// The most replicas of a choice that GPUs and power allow; none if they do not limit it.
    pub(super) fn most(&self, choice: &Choice) -> Option<usize> {
        let by_gpus = self.gpus[choice.gpu].map(|count| count / choice.gpus);
        let by_power = self.power.map(|budget| (budget * (1.0 + ROUNDING) / choice.draw).floor() as usize);
        by_gpus.into_iter().chain(by_power).min()
    }
}
