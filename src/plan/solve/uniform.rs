//! Plans of one configuration for each service.

use super::problem::{Choice, Limits, ROUNDING, Replicas};

/// Choices of a service that are combined with those of others, the cheapest first.
const MOST_COMBINED: usize = 60;

/// Every plan that runs one configuration for each service, as few replicas of it as the demand needs: the cheapest first,
/// of equals the one with less power. Of several services, only the cheapest choices of each are combined.
pub fn uniform(choices: &[Choice], limits: &Limits) -> Vec<Replicas> {
    let mut plans: Vec<Replicas> = vec![Vec::new()];
    let services = limits.demand.iter().filter(|demand| **demand > 0.0).count();
    for (service, demand) in limits.demand.iter().enumerate().filter(|(_, demand)| **demand > 0.0) {
        let mut own: Vec<(usize, usize)> = (0..choices.len())
            .filter(|&index| choices[index].service == service)
            .filter_map(|index| Some((index, count(&choices[index], *demand, limits)?)))
            .collect();
        if services > 1 {
            sort(choices, &mut own, |one| std::slice::from_ref(one));
            own.truncate(MOST_COMBINED);
        }
        let with = |plan: &Replicas, one: &(usize, usize)| plan.iter().copied().chain([*one]).collect::<Replicas>();
        plans = plans.iter().flat_map(|plan| own.iter().map(move |one| with(plan, one))).collect();
        // What exceeds a limit already is not gone on with; later services have not come yet.
        let so_far = Limits { demand: vec![0.0; limits.demand.len()], ..limits.clone() };
        plans.retain(|plan| so_far.hold(choices, plan));
        if services > 1 {
            sort(choices, &mut plans, |plan| plan.as_slice());
            plans.truncate(MOST_COMBINED * MOST_COMBINED);
        }
    }
    plans.retain(|plan| !plan.is_empty());
    sort(choices, &mut plans, |plan| plan.as_slice());
    plans
}

/// The fewest replicas that serve a demand, if the limits allow so many.
fn count(choice: &Choice, demand: f64, limits: &Limits) -> Option<usize> {
    let needed = (demand * (1.0 - ROUNDING) / choice.supply).ceil();
    let allowed = limits.most(choice).map_or(f64::INFINITY, |most| most as f64);
    (needed >= 1.0 && needed <= allowed).then_some(needed as usize)
}

fn sort<T>(choices: &[Choice], plans: &mut Vec<T>, replicas: impl Fn(&T) -> &[(usize, usize)]) {
    let total = |plan: &T| -> (f64, f64) {
        let own = replicas(plan).iter().map(|&(index, count)| (choices[index], count as f64));
        own.fold((0.0, 0.0), |sum, (choice, count)| (sum.0 + choice.cost * count, sum.1 + choice.power * count))
    };
    let mut keyed: Vec<((f64, f64), T)> = plans.drain(..).map(|plan| (total(&plan), plan)).collect();
    keyed.sort_by(|(a, _), (b, _)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    plans.extend(keyed.into_iter().map(|(_, plan)| plan));
}
