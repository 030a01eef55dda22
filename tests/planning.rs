//! The search of plans against every plan there is: random small plans of one or two services.

use joules::plan::solve::{
    Choice, Limits, Unsolved, least_cost, least_delay, least_gpus, least_power, most_demand, undominated, uniform,
};
use joules::stats::Draws;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Random plans.
const PLANS: u64 = 200;
/// Replicas of all choices together, at most: the limits allow no more.
const MOST: usize = 6;
/// Tolerance of sums of a few numbers against sums in another order, and of the solver's own.
const CLOSE: f64 = 1e-6;

struct Case {
    choices: Vec<Choice>,
    delays: Vec<f64>,
    limits: Limits,
}

/// One or two services, at most eight choices each on two types of GPU. Both GPUs and power allow at most six replicas, so
/// that either limit alone does.
fn random_case(seed: u64) -> Case {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let services = rng.random_range(1..=2);
    let mut choices = Vec::new();
    for service in 0..services {
        for _ in 0..rng.random_range(1..=8) {
            let gpus = [1, 1, 2, 4][rng.random_range(0..4)];
            let power = gpus as f64 * rng.random_range(300.0..1000.0);
            choices.push(Choice {
                service,
                gpu: rng.random_range(0..2),
                gpus,
                supply: gpus as f64 * rng.random_range(100.0..2000.0),
                draw: power * rng.random_range(1.0..1.3),
                power,
                // Whole costs have ties.
                cost: if seed.is_multiple_of(3) { gpus as f64 } else { power * rng.random_range(0.5..2.0) },
            });
        }
    }
    let least = choices.iter().map(|choice| choice.draw).fold(f64::INFINITY, f64::min);
    let first = rng.random_range(0..=MOST);
    let limits = Limits {
        demand: (0..services).map(|_| rng.random_range(200.0..4000.0)).collect(),
        gpus: vec![Some(first), Some(MOST - first)],
        power: Some(least * rng.random_range(2.0..MOST as f64)),
    };
    let delays = choices.iter().map(|_| f64::from(rng.random_range(1..5)) * 0.01).collect();
    Case { choices, delays, limits }
}

/// Every multiset of at most [`MOST`] replicas that keeps the limits.
fn all_plans(choices: &[Choice], limits: &Limits) -> Vec<Vec<(usize, usize)>> {
    fn grow(
        choices: &[Choice],
        limits: &Limits,
        from: usize,
        plan: &mut Vec<(usize, usize)>,
        found: &mut Vec<Vec<(usize, usize)>>,
    ) {
        if limits.hold(choices, plan) {
            found.push(plan.clone());
        }
        let used: usize = plan.iter().map(|(_, count)| count).sum();
        for index in from..choices.len() {
            for count in 1..=MOST - used {
                plan.push((index, count));
                grow(choices, limits, index + 1, plan, found);
                plan.pop();
            }
        }
    }
    let mut found = Vec::new();
    grow(choices, limits, 0, &mut Vec::new(), &mut found);
    found
}

fn total(choices: &[Choice], plan: &[(usize, usize)], amount: impl Fn(&Choice) -> f64) -> f64 {
    plan.iter().map(|&(index, count)| amount(&choices[index]) * count as f64).sum()
}

/// The least of a number over all plans; none if there is no plan.
fn least(plans: &[Vec<(usize, usize)>], number: impl Fn(&[(usize, usize)]) -> f64) -> Option<f64> {
    plans.iter().map(|plan| number(plan)).min_by(f64::total_cmp)
}

fn assert_same(found: Result<f64, Unsolved>, expected: Option<f64>, what: &str, seed: u64) {
    match (found, expected) {
        (Ok(found), Some(expected)) => {
            assert!(
                (found - expected).abs() <= CLOSE * expected.abs().max(1.0),
                "{what} of plan {seed}: {found} for {expected}"
            );
        }
        (Err(Unsolved::Infeasible), None) => {}
        (found, expected) => panic!("{what} of plan {seed}: {found:?} for {expected:?}"),
    }
}

#[test]
fn the_best_plan_is_the_best_of_all_plans() {
    let mut feasible = 0;
    for seed in 0..PLANS {
        let Case { choices, limits, .. } = random_case(seed);
        let plans = all_plans(&choices, &limits);
        let expected = least(&plans, |plan| total(&choices, plan, |choice| choice.cost));
        feasible += usize::from(expected.is_some());
        let found = least_cost(&choices, &limits);
        if let Ok(found) = &found {
            assert!(limits.hold(&choices, &found.replicas) && found.proven, "plan {seed}");
            let equals: Vec<Vec<(usize, usize)>> = plans
                .iter()
                .filter(|plan| total(&choices, plan, |choice| choice.cost) <= found.value * (1.0 + 1e-9))
                .cloned()
                .collect();
            let power = |plan: &[(usize, usize)]| total(&choices, plan, |choice| choice.power);
            assert_same(Ok(power(&found.replicas)), least(&equals, power), "power", seed);
        }
        assert_same(found.map(|found| found.value), expected, "cost", seed);
    }
    assert!(
        (60..180).contains(&feasible),
        "{feasible} of {PLANS} plans are feasible: too few or too many to learn from"
    );
}

#[test]
fn the_largest_demand_is_the_largest_of_all_plans() {
    for seed in 0..PLANS {
        let Case { choices, limits, .. } = random_case(seed);
        let services = limits.demand.len();
        for scaled in [vec![true; services], (0..services).map(|service| service == 0).collect()] {
            let open = Limits {
                demand: limits.demand.iter().zip(&scaled).map(|(own, open)| if *open { 0.0 } else { *own }).collect(),
                ..limits.clone()
            };
            let factor = |plan: &[(usize, usize)]| {
                (0..services)
                    .filter(|&service| scaled[service])
                    .map(|service| {
                        total(&choices, plan, |own| if own.service == service { own.supply } else { 0.0 })
                            / limits.demand[service]
                    })
                    .fold(f64::INFINITY, f64::min)
            };
            let best = least(&all_plans(&choices, &open), |plan| -factor(plan)).map(|best| -best);
            let expected = best.filter(|best| *best > 0.0);
            assert_same(most_demand(&choices, &limits, &scaled).map(|found| found.value), expected, "demand", seed);
        }
    }
}

#[test]
fn the_shortest_delay_is_the_shortest_of_all_plans() {
    for seed in 0..PLANS {
        let Case { choices, delays, limits } = random_case(seed);
        let delay = |plan: &[(usize, usize)]| plan.iter().map(|&(index, _)| delays[index]).fold(0.0, f64::max);
        let expected = least(&all_plans(&choices, &limits), delay);
        let found = least_delay(&choices, &delays, &limits);
        assert_same(found.as_ref().map(|found| delay(&found.replicas)).map_err(Clone::clone), expected, "delay", seed);
        assert_same(found.map(|found| found.value), expected, "delay", seed);
    }
}

#[test]
fn the_smallest_relaxation_of_each_limit_is_the_smallest_of_all_plans() {
    for seed in 0..PLANS {
        let Case { choices, limits, .. } = random_case(seed);
        for gpu in 0..2 {
            let mut open = limits.clone();
            open.gpus[gpu] = None;
            let count = |choice: &Choice| if choice.gpu == gpu { choice.gpus as f64 } else { 0.0 };
            let expected = least(&all_plans(&choices, &open), |plan| total(&choices, plan, count));
            assert_same(least_gpus(&choices, &limits, gpu).map(|count| count as f64), expected, "GPUs", seed);
        }
        let open = Limits { power: None, ..limits.clone() };
        let expected = least(&all_plans(&choices, &open), |plan| total(&choices, plan, |choice| choice.draw));
        assert_same(least_power(&choices, &limits), expected, "power", seed);
    }
}

#[test]
fn choices_that_are_left_out_are_needed_by_no_best_plan() {
    for seed in 0..PLANS {
        let Case { choices, limits, .. } = random_case(seed);
        let kept: Vec<Choice> = undominated(&choices).into_iter().map(|index| choices[index]).collect();
        let best =
            |choices: &[Choice]| least(&all_plans(choices, &limits), |plan| total(choices, plan, |own| own.cost));
        assert_same(best(&kept).ok_or(Unsolved::Infeasible), best(&choices), "cost", seed);
    }
}

#[test]
fn plans_of_one_configuration_are_all_there_and_the_best_plan_is_no_worse() {
    for seed in 0..PLANS {
        let Case { choices, limits, .. } = random_case(seed);
        let services = limits.demand.len();
        let is_uniform = |plan: &&Vec<(usize, usize)>| plan.len() == services;
        let plans = all_plans(&choices, &limits);
        let single: Vec<Vec<(usize, usize)>> = plans.iter().filter(is_uniform).cloned().collect();
        let cost = |plan: &[(usize, usize)]| total(&choices, plan, |own| own.cost);
        let found = uniform(&choices, &limits);
        assert!(found.iter().all(|plan| limits.hold(&choices, plan)), "plan {seed}");
        assert_same(
            found.first().map(|plan| cost(plan)).ok_or(Unsolved::Infeasible),
            least(&single, cost),
            "cost",
            seed,
        );
        if let (Some(first), Ok(best)) = (found.first(), least_cost(&choices, &limits)) {
            assert!(best.value <= cost(first) * (1.0 + CLOSE), "plan {seed}");
        }
    }
}

#[test]
fn of_a_hundred_thousand_choices_few_are_left() {
    let mut draws = Draws::new(7);
    let choices: Vec<Choice> = (0..100_000)
        .map(|index| {
            let gpus = 1 << (index % 4);
            let power = gpus as f64 * 700.0 * (0.2 * draws.gaussian()).exp();
            let supply = gpus as f64 * 1000.0 * (0.5 * draws.gaussian()).exp();
            Choice { service: 0, gpu: index % 3, gpus, supply, draw: power, power, cost: power }
        })
        .collect();
    let kept = undominated(&choices);
    assert!(kept.len() < 200, "{} choices are left", kept.len());
    assert_eq!(undominated(&kept.iter().map(|&index| choices[index]).collect::<Vec<_>>()).len(), kept.len());
}
