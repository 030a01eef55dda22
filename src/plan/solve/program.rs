//! The integer program, and its solver.

use microlp::{ComparisonOp, Error, LinearExpr, OptimizationDirection, Problem, SolveOptions, Variable};

use super::problem::{Choice, Limits, Replicas, Unsolved};

/// Choices times nodes of branch and bound after which the best found so far is the answer: about a second.
const MOST_WORK: u64 = 1_000_000;
/// Nodes of branch and bound at least.
const LEAST_NODES: u64 = 2_000;
/// Choices that are combined exactly, to the last digit.
pub(super) const EXACT: usize = 200;
/// Relative distance from the best possible at which the search among more choices ends.
pub(super) const GAP: f64 = 1e-3;
/// Replicas of one choice at most.
const MOST_REPLICAS: usize = 1_000_000;

/// Which number of a choice is summed.
pub(super) type Amount = fn(&Choice) -> f64;

/// What is asked of a program.
#[derive(Clone, Copy)]
pub(super) enum Aim<'a> {
    /// The least sum of an amount.
    Least(Amount),
    /// The largest factor by which the demands of the marked services can be multiplied.
    Most(&'a [bool]),
}

/// The program of some of the choices.
#[derive(Clone, Copy)]
pub(super) struct Program<'a> {
    pub(super) choices: &'a [Choice],
    /// Indices of the choices that take part.
    pub(super) used: &'a [usize],
    pub(super) limits: &'a Limits,
    pub(super) aim: Aim<'a>,
    /// A sum that may not exceed a bound.
    pub(super) bound: Option<(Amount, f64)>,
    /// Replicas that keep all limits, as a start.
    pub(super) start: Option<&'a [(usize, usize)]>,
}

/// What the solver found.
pub(super) struct Found {
    pub(super) replicas: Replicas,
    /// Whether nothing among the program's choices is better by more than [`GAP`].
    pub(super) proven: bool,
}

/// Scales that bring the numbers of a program near 1: what a solver tolerates is relative then.
pub(super) struct Scales {
    /// Greatest supply of each service.
    pub(super) supply: Vec<f64>,
    /// Greatest draw.
    pub(super) draw: f64,
    /// Greatest amount of the bound.
    pub(super) bound: f64,
    /// Greatest amount of what is minimized; of a factor that is maximized, what is served at most over what is asked for.
    pub(super) aim: f64,
}

impl Program<'_> {
    pub(super) fn is_scaled(&self, service: usize) -> bool {
        matches!(self.aim, Aim::Most(scaled) if scaled.get(service) == Some(&true))
    }

    pub(super) fn scales(&self) -> Scales {
        let greatest = |amount: &dyn Fn(&Choice) -> f64| {
            let greatest = self.used.iter().map(|&index| amount(&self.choices[index])).fold(0.0, f64::max);
            if greatest > 0.0 { greatest } else { 1.0 }
        };
        let services = 0..self.limits.demand.len();
        let of = |service: usize| greatest(&|own| if own.service == service { own.supply } else { 0.0 });
        let supply: Vec<f64> = services.clone().map(of).collect();
        let aim = match self.aim {
            Aim::Least(amount) => greatest(&amount),
            Aim::Most(_) => services
                .filter(|&service| self.is_scaled(service))
                .map(|service| supply[service] / self.limits.demand[service])
                .fold(f64::INFINITY, f64::min),
        };
        Scales {
            supply,
            draw: greatest(&|own| own.draw),
            bound: self.bound.map_or(1.0, |(amount, _)| greatest(&amount)),
            aim,
        }
    }

    /// Solves the program as it is.
    pub(super) fn solve(&self) -> Result<Found, Unsolved> {
        let scales = self.scales();
        let direction = match self.aim {
            Aim::Least(_) => OptimizationDirection::Minimize,
            Aim::Most(_) => OptimizationDirection::Maximize,
        };
        let mut problem = Problem::new(direction);
        let mut variables: Vec<(usize, Variable)> = Vec::new();
        for &index in self.used {
            let own = &self.choices[index];
            let weight = if let Aim::Least(amount) = self.aim { amount(own) / scales.aim } else { 0.0 };
            let most = i32::try_from(self.most_replicas(own)?).unwrap_or(i32::MAX);
            variables.push((index, problem.add_integer_var(weight, (0, most))));
        }
        let factor = match self.aim {
            Aim::Least(_) => None,
            Aim::Most(_) => Some(problem.add_var(1.0, (0.0, f64::INFINITY))),
        };
        self.constrain(&mut problem, &variables, factor, &scales);
        self.search(&problem, &variables)
    }

    /// The most replicas of a choice that a best plan can have.
    fn most_replicas(&self, choice: &Choice) -> Result<usize, Unsolved> {
        let allowed = self.limits.most(choice);
        if self.is_scaled(choice.service) {
            return allowed.map_or(Err(Unsolved::Unbounded), |most| Ok(most.min(MOST_REPLICAS)));
        }
        let needed = (self.limits.demand[choice.service] / choice.supply).ceil();
        let most = allowed.map_or(needed, |allowed| needed.min(allowed as f64));
        if most > MOST_REPLICAS as f64 { Err(Unsolved::TooLarge { most: MOST_REPLICAS }) } else { Ok(most as usize) }
    }

    /// Adds every limit.
    fn constrain(
        &self,
        problem: &mut Problem,
        variables: &[(usize, Variable)],
        factor: Option<Variable>,
        scales: &Scales,
    ) {
        let row = |weight: &dyn Fn(&Choice) -> f64| {
            let mut sum = LinearExpr::empty();
            for (index, variable) in variables {
                let weight = weight(&self.choices[*index]);
                if weight != 0.0 {
                    sum.add(*variable, weight);
                }
            }
            sum
        };
        for (service, demand) in self.limits.demand.iter().enumerate() {
            let unit = scales.supply[service];
            let mut sum = row(&|own| if own.service == service { own.supply / unit } else { 0.0 });
            match factor.filter(|_| self.is_scaled(service)) {
                Some(factor) => {
                    sum.add(factor, -demand * scales.aim / unit);
                    problem.add_constraint(sum, ComparisonOp::Ge, 0.0);
                }
                None => problem.add_constraint(sum, ComparisonOp::Ge, demand / unit),
            }
        }
        for (gpu, count) in self.limits.gpus.iter().enumerate() {
            if let Some(count) = count {
                let sum = row(&|own| if own.gpu == gpu { own.gpus as f64 } else { 0.0 });
                problem.add_constraint(sum, ComparisonOp::Le, *count as f64);
            }
        }
        if let Some(budget) = self.limits.power {
            problem.add_constraint(row(&|own| own.draw / scales.draw), ComparisonOp::Le, budget / scales.draw);
        }
        if let Some((amount, bound)) = self.bound {
            let sum = row(&|own| amount(own) / scales.bound);
            problem.add_constraint(sum, ComparisonOp::Le, bound / scales.bound);
        }
    }

    fn search(&self, problem: &Problem, variables: &[(usize, Variable)]) -> Result<Found, Unsolved> {
        let mut options = SolveOptions::default();
        // Nodes are counted, not seconds: the same question has the same answer on every machine.
        options.node_limit = Some((MOST_WORK / variables.len().max(1) as u64).max(LEAST_NODES));
        options.mip_gap = if variables.len() > EXACT { GAP } else { 0.0 };
        options.warm_start = self.start.map(|start| {
            let count = |index: usize| start.iter().find(|(own, _)| *own == index).map_or(0, |(_, count)| *count);
            variables.iter().map(|(index, variable)| (*variable, count(*index) as f64)).collect()
        });
        let given_up = |reason: &dyn ToString| Unsolved::GivenUp { reason: reason.to_string() };
        let outcome = problem.solve_with(options).map_err(|error| match error {
            Error::Infeasible => Unsolved::Infeasible,
            Error::Unbounded => Unsolved::Unbounded,
            error => given_up(&error),
        })?;
        let is_optimal = outcome.is_optimal();
        let solution = outcome.into_solution().map_err(|_| given_up(&"no plan after many steps"))?;
        let proven = is_optimal || solution.gap().is_some_and(|gap| gap <= GAP);
        let count = |variable: &Variable| solution.var_value(*variable).round() as usize;
        let all = variables.iter().map(|(index, variable)| (*index, count(variable)));
        Ok(Found { replicas: all.filter(|(_, count)| *count > 0).collect(), proven })
    }
}
