//! Programs of many choices: most of them are too dear for any best plan, which prices of the limits prove.
//!
//! For any prices y ≥ 0 of the limits under which no choice i has a negative reduced cost
//!
//! ```text
//! rᵢ = costᵢ − y_service supplyᵢ + y_type gpusᵢ + y_power drawᵢ
//! L  = Σ y_service demand − Σ y_type count − y_power budget
//! ```
//!
//! every plan costs at least L + Σ rᵢ nᵢ (weak duality). If some plan costs U, no better one has a replica with rᵢ > U − L: such choices are left out without loss. The best prices
//! are a linear program of as many unknowns as there are limits; its rows, one for each choice, are added as they are
//! broken (Kelley, The cutting-plane method, SIAM Journal 8, 1960).

use std::collections::{BTreeMap, BTreeSet};

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};

use super::problem::{Choice, Unsolved};
use super::program::{Aim, EXACT, Found, GAP, Program, Scales};

/// Choices of a first plan: those of the least reduced cost.
const FIRST: usize = 60;
/// Choices that are combined at most.
const MOST: usize = 300;
/// Rounds of adding broken rows.
const ROUNDS: usize = 60;
/// A price, scaled, beyond which the relaxed program has no answer.
const DEAREST: f64 = 1e6;
/// Reduced costs below this, scaled, are rounding.
const ROUNDING: f64 = 1e-7;

/// Prices of the limits, scaled as the program is, and what they prove.
struct Prices {
    /// No plan costs less, scaled.
    least: f64,
    /// Reduced cost of each choice in use, scaled.
    reduced: Vec<f64>,
}

impl Program<'_> {
    /// Solves the program; of many choices, with those that a best plan may have.
    pub(super) fn best(&self) -> Result<Found, Unsolved> {
        if self.used.len() <= EXACT {
            return self.solve();
        }
        let scales = self.scales();
        let Some(prices) = self.prices(&scales) else {
            let some = self.spaced(&vec![0.0; self.used.len()], f64::INFINITY, MOST);
            return Ok(Found { proven: false, ..self.of(&some).solve()? });
        };
        let first = self.spaced(&prices.reduced, f64::INFINITY, FIRST);
        let first = match self.of(&first).solve() {
            Err(Unsolved::Infeasible) => self.of(&self.spaced(&prices.reduced, f64::INFINITY, MOST)).solve()?,
            found => found?,
        };
        let room = self.worth(&first, &scales) - prices.least + ROUNDING;
        let needed = prices.reduced.iter().filter(|reduced| **reduced <= room).count();
        let mut some = self.spaced(&prices.reduced, room, MOST);
        some.extend(first.replicas.iter().map(|(index, _)| *index));
        some.sort_unstable();
        some.dedup();
        let found = Program { start: Some(&first.replicas), ..self.of(&some) }.solve()?;
        let is_near = self.worth(&found, &scales) <= prices.least + GAP * prices.least.abs();
        Ok(Found { proven: is_near || (found.proven && needed <= some.len()), ..found })
    }

    fn of<'b>(&'b self, used: &'b [usize]) -> Program<'b> {
        Program { used, ..*self }
    }

    /// What a plan costs, scaled: less is better.
    fn worth(&self, found: &Found, scales: &Scales) -> f64 {
        let own = || found.replicas.iter().map(|&(index, count)| (&self.choices[index], count as f64));
        match self.aim {
            Aim::Least(amount) => own().map(|(choice, count)| amount(choice) * count).sum::<f64>() / scales.aim,
            Aim::Most(scaled) => {
                let factor = (0..scaled.len()).filter(|&service| scaled[service]).map(|service| {
                    let of = own().filter(|(choice, _)| choice.service == service);
                    of.map(|(choice, count)| choice.supply * count).sum::<f64>() / self.limits.demand[service]
                });
                -factor.fold(f64::INFINITY, f64::min) / scales.aim
            }
        }
    }

    /// Up to `most` choices of the least reduced cost up to `room`, of nearly equal ones the cheapest: their supplies are apart
    /// by a share that is as small as can be.
    fn spaced(&self, reduced: &[f64], room: f64, most: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.used.len()).filter(|&place| reduced[place] <= room).collect();
        order.sort_by(|&a, &b| reduced[a].total_cmp(&reduced[b]).then(a.cmp(&b)));
        let mut apart = 0.0;
        loop {
            let mut taken = BTreeSet::new();
            let is_first = |place: &usize| {
                let own = &self.choices[self.used[*place]];
                // Without a distance each has a step of its own.
                let step = if apart > 0.0 { (own.supply.ln() / apart).floor() } else { *place as f64 };
                taken.insert((own.service, own.gpu, own.gpus, step as i64))
            };
            let mut some: Vec<usize> = order.iter().copied().filter(is_first).collect();
            if some.len() <= most || apart > 0.01 {
                some.truncate(most);
                let mut some: Vec<usize> = some.into_iter().map(|place| self.used[place]).collect();
                some.sort_unstable();
                return some;
            }
            apart = if apart == 0.0 { 1e-3 } else { apart * 2.0 };
        }
    }

    /// The prices that prove the most; none if the program is infeasible even with fractions of replicas, or nearly so.
    fn prices(&self, scales: &Scales) -> Option<Prices> {
        let group = |place: usize| {
            let own = &self.choices[self.used[place]];
            (own.service, own.gpu, own.gpus)
        };
        let mut rows: BTreeSet<usize> = BTreeSet::new();
        for _ in 0..ROUNDS {
            let (least, prices) = self.priced(&rows, scales)?;
            let reduced: Vec<f64> =
                self.used.iter().map(|&index| self.reduced(&self.choices[index], &prices, scales)).collect();
            let mut worst: BTreeMap<(usize, usize, usize), usize> = BTreeMap::new();
            for place in (0..reduced.len()).filter(|&place| reduced[place] < -ROUNDING) {
                let known = worst.entry(group(place)).or_insert(place);
                if reduced[place] < reduced[*known] {
                    *known = place;
                }
            }
            if worst.is_empty() {
                let is_dear = prices.iter().any(|price| *price > 0.99 * DEAREST);
                return (!is_dear).then_some(Prices { least, reduced });
            }
            rows.extend(worst.into_values());
        }
        None
    }

    /// What each limit takes off the cost of a choice, by limit: services, GPU types, power, bound.
    fn weights(&self, choice: &Choice, scales: &Scales) -> impl Iterator<Item = (usize, f64)> {
        let (services, types) = (self.limits.demand.len(), self.limits.gpus.len());
        let gpus = self.limits.gpus[choice.gpu].map(|_| (services + choice.gpu, -(choice.gpus as f64)));
        let power = self.limits.power.map(|_| (services + types, -choice.draw / scales.draw));
        let bound = self.bound.map(|(amount, _)| (services + types + 1, -amount(choice) / scales.bound));
        let served = (choice.service, choice.supply / scales.supply[choice.service]);
        [Some(served), gpus, power, bound].into_iter().flatten()
    }

    fn reduced(&self, choice: &Choice, prices: &[f64], scales: &Scales) -> f64 {
        let taken: f64 = self.weights(choice, scales).map(|(limit, weight)| prices[limit] * weight).sum();
        self.own_cost(choice, scales) - taken
    }

    fn own_cost(&self, choice: &Choice, scales: &Scales) -> f64 {
        if let Aim::Least(amount) = self.aim { amount(choice) / scales.aim } else { 0.0 }
    }

    /// The best prices as far as some choices are looked at, and what they prove.
    fn priced(&self, rows: &BTreeSet<usize>, scales: &Scales) -> Option<(f64, Vec<f64>)> {
        let mut problem = Problem::new(OptimizationDirection::Maximize);
        let mut prices: Vec<Variable> = Vec::new();
        let mut price = |problem: &mut Problem, worth: f64, is_there: bool| {
            prices.push(problem.add_var(worth, (0.0, if is_there { DEAREST } else { 0.0 })));
        };
        for (service, demand) in self.limits.demand.iter().enumerate() {
            let worth = if self.is_scaled(service) { 0.0 } else { demand / scales.supply[service] };
            price(&mut problem, worth, true);
        }
        for count in &self.limits.gpus {
            price(&mut problem, -(count.unwrap_or(0) as f64), count.is_some());
        }
        price(&mut problem, -self.limits.power.unwrap_or(0.0) / scales.draw, self.limits.power.is_some());
        price(&mut problem, -self.bound.map_or(0.0, |(_, bound)| bound) / scales.bound, self.bound.is_some());
        for &place in rows {
            let choice = &self.choices[self.used[place]];
            let row: Vec<(Variable, f64)> =
                self.weights(choice, scales).map(|(limit, weight)| (prices[limit], weight)).collect();
            problem.add_constraint(row.as_slice(), ComparisonOp::Le, self.own_cost(choice, scales));
        }
        if let Aim::Most(scaled) = self.aim {
            // The factor costs −1: what is served of it must be worth that.
            let own = (0..scaled.len()).filter(|&service| scaled[service]);
            let row: Vec<(Variable, f64)> = own
                .map(|service| (prices[service], self.limits.demand[service] * scales.aim / scales.supply[service]))
                .collect();
            problem.add_constraint(row.as_slice(), ComparisonOp::Ge, 1.0);
        }
        let solution = problem.solve().ok()?.into_solution().ok()?;
        Some((solution.objective(), prices.iter().map(|price| solution.var_value(*price)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::solve::{Limits, undominated};
    use crate::stats::Draws;

    /// Configurations as batches make them: what serves more takes more power, on 1 to 8 GPUs of three types.
    fn choices(draws: &mut Draws, batches: usize) -> Vec<Choice> {
        let mut found = Vec::new();
        for gpu in 0..3 {
            for gpus in [1, 2, 4, 8] {
                let (size, speed) = (gpus as f64, 0.8 + 0.4 * gpu as f64);
                for step in 0..batches {
                    let batch = 8.0 * (500.0_f64).powf(step as f64 / batches as f64);
                    let time = 0.012 / size.powf(0.8) / speed + 5e-5 * batch / size.powf(0.9) / speed;
                    let power = size * (300.0 + 400.0 * batch / (batch + 100.0 * size));
                    let power = power * (0.02 * draws.gaussian()).exp();
                    let supply = batch / time * (0.02 * draws.gaussian()).exp();
                    found.push(Choice { service: 0, gpu, gpus, supply, draw: power, power, cost: power });
                }
            }
        }
        found
    }

    fn limits(draws: &mut Draws) -> Limits {
        let demand = 10_f64.powf(3.5 + 1.5 * draws.uniform());
        Limits { demand: vec![demand], gpus: vec![Some(8), Some(1 + (demand / 4000.0) as usize), None], power: None }
    }

    #[test]
    fn what_prices_leave_out_is_in_no_best_plan() {
        let mut proven = 0;
        for seed in 0..20 {
            let mut draws = Draws::new(seed);
            let (choices, limits) = (choices(&mut draws, 40), limits(&mut draws));
            let used: Vec<usize> = (0..choices.len()).collect();
            let power: fn(&Choice) -> f64 = |own| own.power;
            let program = Program {
                choices: &choices,
                used: &used,
                limits: &limits,
                aim: Aim::Least(power),
                bound: None,
                start: None,
            };
            let worth = |found: &Found| program.worth(found, &program.scales());
            let prices = program.prices(&program.scales()).unwrap();
            let found = program.best().unwrap();
            assert!(limits.hold(&choices, &found.replicas) && worth(&found) >= prices.least - 1e-6);
            // All of them at once is what the prices save; those that no other beats are few enough for it.
            let used = undominated(&choices);
            let whole = Program { used: &used, ..program }.solve().unwrap();
            assert!(worth(&found) <= worth(&whole) * 1.001, "plan {seed}: {} for {}", worth(&found), worth(&whole));
            proven += usize::from(found.proven);
        }
        assert!(proven >= 15, "{proven} of 20 plans are proven");
    }

    #[test]
    fn a_dense_grid_is_planned_no_worse_than_a_coarse_one() {
        for seed in 0..6 {
            let mut draws = Draws::new(seed);
            let (dense, limits) = (choices(&mut draws, 1000), limits(&mut draws));
            let coarse: Vec<Choice> = dense.iter().step_by(50).copied().collect();
            let [fine, rough] =
                [&dense, &coarse].map(|own| crate::plan::solve::least_cost(own, &limits).unwrap().value);
            assert!(fine <= rough * 1.0001, "plan {seed}: {fine} for {rough}");
            let [fine, rough] = [&dense, &coarse].map(|own| {
                let limited = Limits { power: Some(20_000.0), ..limits.clone() };
                crate::plan::solve::most_demand(own, &limited, &[true]).unwrap().value
            });
            assert!(fine >= rough * 0.9999, "plan {seed}: {fine} for {rough}");
        }
    }
}
