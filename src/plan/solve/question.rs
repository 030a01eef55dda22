//! What is asked of the integer program.

use super::problem::{Choice, Limits, Replicas, Solution, Unsolved};
use super::program::{Aim, Amount, Program};
use super::prune::undominated;

/// Slack in which the second of two aims may worsen the first.
const SLACK: f64 = 1e-9;

fn cost(choice: &Choice) -> f64 {
    choice.cost
}

fn power(choice: &Choice) -> f64 {
    choice.power
}

fn draw(choice: &Choice) -> f64 {
    choice.draw
}

/// The sum of an amount over replicas.
fn sum(choices: &[Choice], replicas: &[(usize, usize)], amount: Amount) -> f64 {
    replicas.iter().map(|&(index, count)| amount(&choices[index]) * count as f64).sum()
}

fn program<'a>(choices: &'a [Choice], used: &'a [usize], limits: &'a Limits, aim: Amount) -> Program<'a> {
    Program { choices, used, limits, aim: Aim::Least(aim), bound: None, start: None }
}

/// Whether each service with a demand has a choice at all.
fn all_are_served(choices: &[Choice], used: &[usize], limits: &Limits) -> bool {
    let has = |service: usize| used.iter().any(|&index| choices[index].service == service);
    limits.demand.iter().enumerate().all(|(service, demand)| *demand <= 0.0 || has(service))
}

/// The replicas of the least summed cost; among those of the least power.
pub fn least_cost(choices: &[Choice], limits: &Limits) -> Result<Solution, Unsolved> {
    let used = undominated(choices);
    if !all_are_served(choices, &used, limits) {
        return Err(Unsolved::Infeasible);
    }
    let first = program(choices, &used, limits, cost).best()?;
    let value = sum(choices, &first.replicas, cost);
    let ratio = |index: &usize| choices[*index].cost / choices[*index].power;
    let is_power = used.iter().all(|index| (ratio(index) / ratio(&used[0]) - 1.0).abs() < SLACK);
    if is_power || first.replicas.is_empty() {
        return Ok(Solution { replicas: first.replicas, value, proven: first.proven });
    }
    let second = Program {
        bound: Some((cost, value * (1.0 + SLACK) + SLACK)),
        start: Some(&first.replicas),
        ..program(choices, &used, limits, power)
    };
    match second.best() {
        Ok(found) if limits.hold(choices, &found.replicas) => {
            let value = sum(choices, &found.replicas, cost);
            Ok(Solution { replicas: found.replicas, value, proven: first.proven && found.proven })
        }
        // The first aim is reached; the second was only to choose among its equals.
        _ => Ok(Solution { replicas: first.replicas, value, proven: false }),
    }
}

/// The largest factor by which the demands of the `scaled` services can be multiplied, with the replicas of the least power
/// that serve so much.
pub fn most_demand(choices: &[Choice], limits: &Limits, scaled: &[bool]) -> Result<Solution, Unsolved> {
    let used = undominated(choices);
    if !all_are_served(choices, &used, limits) {
        return Err(Unsolved::Infeasible);
    }
    let found = Program { aim: Aim::Most(scaled), ..program(choices, &used, limits, power) }.best()?;
    let factor = factor(choices, &found.replicas, limits, scaled);
    if factor <= 0.0 {
        return Err(Unsolved::Infeasible);
    }
    let mut reached = limits.clone();
    for (demand, scaled) in reached.demand.iter_mut().zip(scaled) {
        if *scaled {
            *demand *= factor * (1.0 - SLACK);
        }
    }
    let second = Program { start: Some(&found.replicas), ..program(choices, &used, &reached, power) };
    let (replicas, proven) = match second.best() {
        Ok(least) if reached.hold(choices, &least.replicas) => (least.replicas, found.proven && least.proven),
        _ => (found.replicas, false),
    };
    Ok(Solution { replicas, value: factor, proven })
}

/// The factor of the scaled demands that replicas serve.
fn factor(choices: &[Choice], replicas: &Replicas, limits: &Limits, scaled: &[bool]) -> f64 {
    (0..limits.demand.len())
        .filter(|&service| scaled[service])
        .map(|service| {
            let own = replicas.iter().filter(|(index, _)| choices[*index].service == service);
            own.map(|&(index, count)| choices[index].supply * count as f64).sum::<f64>() / limits.demand[service]
        })
        .fold(f64::INFINITY, f64::min)
}

/// The replicas whose greatest delay is the shortest, and among those of the least power. `delays` are by choice.
pub fn least_delay(choices: &[Choice], delays: &[f64], limits: &Limits) -> Result<Solution, Unsolved> {
    let within = |most: f64| -> Vec<usize> { (0..choices.len()).filter(|&index| delays[index] <= most).collect() };
    let solved = |most: f64| -> Result<(Replicas, bool), Unsolved> {
        let left = within(most);
        let own: Vec<Choice> =
            left.iter().map(|&index| Choice { cost: choices[index].power, ..choices[index] }).collect();
        let found = least_cost(&own, limits)?;
        Ok((found.replicas.iter().map(|&(index, count)| (left[index], count)).collect(), found.proven))
    };
    let mut steps: Vec<f64> = delays.to_vec();
    steps.sort_by(f64::total_cmp);
    steps.dedup();
    // The shortest delay under which there is a plan: a longer one only adds choices.
    let (mut low, mut high) = (0, steps.len().checked_sub(1).ok_or(Unsolved::Infeasible)?);
    let mut best = solved(steps[high])?;
    while low < high {
        let middle = usize::midpoint(low, high);
        match solved(steps[middle]) {
            Ok(found) => (best, high) = (found, middle),
            Err(Unsolved::Infeasible) => low = middle + 1,
            Err(error) => return Err(error),
        }
    }
    Ok(Solution { replicas: best.0, value: steps[high], proven: best.1 })
}

/// How many GPUs of one type the other limits need at least.
pub fn least_gpus(choices: &[Choice], limits: &Limits, gpu: usize) -> Result<usize, Unsolved> {
    let mut open = limits.clone();
    open.gpus[gpu] = None;
    let count = |choice: &Choice| if choice.gpu == gpu { choice.gpus as f64 } else { 0.0 };
    let own: Vec<Choice> = choices.iter().map(|choice| Choice { cost: count(choice), ..*choice }).collect();
    least_cost(&own, &open).map(|found| found.value.round() as usize)
}

/// How much power the other limits need at least, W.
pub fn least_power(choices: &[Choice], limits: &Limits) -> Result<f64, Unsolved> {
    let open = Limits { power: None, ..limits.clone() };
    let own: Vec<Choice> = choices.iter().map(|choice| Choice { cost: choice.draw, ..*choice }).collect();
    least_cost(&own, &open).map(|found| sum(choices, &found.replicas, draw))
}
