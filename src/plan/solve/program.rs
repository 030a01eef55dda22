//! The integer program, and its solver.

use microlp::{ComparisonOp, Error, LinearExpr, OptimizationDirection, Problem, SolveOptions, Variable};

use super::problem::{Choice, Limits, Replicas, Unsolved};

/// Nodes of branch and bound after which the best found so far is the answer, unproven: about a second.
const MOST_NODES: u64 = 100_000;
/// Replicas of one choice at most.
const MOST_REPLICAS: usize = 1_000_000;

/// Which number of a choice is summed.
pub(super) type Amount = fn(&Choice) -> f64;

/// The program of some of the choices.
pub(super) struct Program<'a> {
    pub(super) choices: &'a [Choice],
    /// Indices of the choices that take part.
    pub(super) used: &'a [usize],
    pub(super) limits: &'a Limits,
    /// Services whose demand is multiplied by the factor that is maximized; none where a sum is minimized.
    pub(super) scaled: &'a [bool],
    /// A sum that may not exceed a bound.
    pub(super) bound: Option<(Amount, f64)>,
    /// Replicas that keep all limits, as a start.
    pub(super) start: Option<&'a [(usize, usize)]>,
}

/// What the solver found.
pub(super) struct Found {
    pub(super) replicas: Replicas,
    pub(super) proven: bool,
}

impl Program<'_> {
    /// The replicas of the least sum.
    pub(super) fn least(&self, amount: Amount) -> Result<Found, Unsolved> {
        let mut problem = Problem::new(OptimizationDirection::Minimize);
        let unit = self.greatest(amount);
        let variables = self.variables(&mut problem, |choice| amount(choice) / unit)?;
        self.constrain(&mut problem, &variables, None);
        self.solve(&problem, &variables)
    }

    /// The replicas that serve the largest multiple of the scaled demands.
    pub(super) fn most(&self) -> Result<Found, Unsolved> {
        let mut problem = Problem::new(OptimizationDirection::Maximize);
        let variables = self.variables(&mut problem, |_| 0.0)?;
        let factor = problem.add_var(1.0, (0.0, f64::INFINITY));
        self.constrain(&mut problem, &variables, Some(factor));
        self.solve(&problem, &variables)
    }

    fn greatest(&self, amount: Amount) -> f64 {
        let greatest = self.used.iter().map(|&index| amount(&self.choices[index])).fold(0.0, f64::max);
        if greatest > 0.0 { greatest } else { 1.0 }
    }

    fn variables(
        &self,
        problem: &mut Problem,
        weight: impl Fn(&Choice) -> f64,
    ) -> Result<Vec<(usize, Variable)>, Unsolved> {
        self.used
            .iter()
            .map(|&index| {
                let most = i32::try_from(self.most_replicas(&self.choices[index])?).unwrap_or(i32::MAX);
                Ok((index, problem.add_integer_var(weight(&self.choices[index]), (0, most))))
            })
            .collect()
    }

    /// The most replicas of a choice that a best plan can have.
    fn most_replicas(&self, choice: &Choice) -> Result<usize, Unsolved> {
        let allowed = self.limits.most(choice);
        if self.scaled.get(choice.service) == Some(&true) {
            return allowed.map_or(Err(Unsolved::Unbounded), |most| Ok(most.min(MOST_REPLICAS)));
        }
        let needed = (self.limits.demand[choice.service] / choice.supply).ceil();
        let most = allowed.map_or(needed, |allowed| needed.min(allowed as f64));
        if most > MOST_REPLICAS as f64 { Err(Unsolved::TooLarge { most: MOST_REPLICAS }) } else { Ok(most as usize) }
    }

    /// Adds every limit. Rows are divided by their greatest coefficient: what a solver tolerates is relative then.
    fn constrain(&self, problem: &mut Problem, variables: &[(usize, Variable)], factor: Option<Variable>) {
        let row = |weight: &dyn Fn(&Choice) -> f64| -> Vec<(Variable, f64)> {
            let own = variables.iter().map(|(index, variable)| (*variable, weight(&self.choices[*index])));
            own.filter(|(_, weight)| *weight != 0.0).collect()
        };
        let served = |service: usize| row(&|choice| if choice.service == service { choice.supply } else { 0.0 });
        // Largest supply of any choice over the demand: the factor of the program is near 1 then.
        let unit = (0..self.limits.demand.len())
            .filter(|&service| self.scaled.get(service) == Some(&true))
            .map(|service| greatest(&served(service)) / self.limits.demand[service])
            .fold(f64::INFINITY, f64::min);
        for (service, demand) in self.limits.demand.iter().enumerate() {
            let supply = served(service);
            let greatest = greatest(&supply);
            let mut sum = expression(&supply, greatest);
            match factor.filter(|_| self.scaled.get(service) == Some(&true)) {
                Some(factor) => {
                    sum.add(factor, -demand * unit / greatest);
                    problem.add_constraint(sum, ComparisonOp::Ge, 0.0);
                }
                None => problem.add_constraint(sum, ComparisonOp::Ge, demand / greatest),
            }
        }
        for (gpu, count) in self.limits.gpus.iter().enumerate() {
            if let Some(count) = count {
                let gpus = row(&|choice| if choice.gpu == gpu { choice.gpus as f64 } else { 0.0 });
                problem.add_constraint(expression(&gpus, 1.0), ComparisonOp::Le, *count as f64);
            }
        }
        let power = self.limits.power.map(|budget| ((|choice: &Choice| choice.draw) as Amount, budget));
        for (amount, bound) in power.into_iter().chain(self.bound) {
            let sum = row(&amount);
            let greatest = greatest(&sum);
            problem.add_constraint(expression(&sum, greatest), ComparisonOp::Le, bound / greatest);
        }
    }

    fn solve(&self, problem: &Problem, variables: &[(usize, Variable)]) -> Result<Found, Unsolved> {
        let mut options = SolveOptions::default();
        // Nodes are counted, not seconds: the same question has the same answer on every machine.
        options.node_limit = Some(MOST_NODES);
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
        let proven = outcome.is_optimal();
        let solution = outcome.into_solution().map_err(|_| given_up(&"no plan after many steps"))?;
        let count = |variable: &Variable| solution.var_value(*variable).round() as usize;
        let all = variables.iter().map(|(index, variable)| (*index, count(variable)));
        Ok(Found { replicas: all.filter(|(_, count)| *count > 0).collect(), proven })
    }
}

fn greatest(row: &[(Variable, f64)]) -> f64 {
    let greatest = row.iter().map(|(_, weight)| *weight).fold(0.0, f64::max);
    if greatest > 0.0 { greatest } else { 1.0 }
}

fn expression(row: &[(Variable, f64)], unit: f64) -> LinearExpr {
    let mut sum = LinearExpr::empty();
    for (variable, weight) in row {
        sum.add(*variable, weight / unit);
    }
    sum
}
