//! What a looser latency buys: the plans of one configuration that no other beats in latency, energy and GPUs at once.

use std::collections::BTreeMap;

use super::candidate::Candidate;
use super::estimate::Estimate;
use super::search::{Case, Search};
use super::solve::Limits;
use crate::plan::question::Demand;

/// Replicas of one configuration that serve the whole demand of a service.
#[derive(Clone, Debug)]
pub struct FrontierPoint {
    /// The configuration.
    pub candidate: Candidate,
    /// How many replicas; 1 where the demand is open.
    pub replicas: usize,
    /// The latency that the service is told by.
    pub latency: Estimate,
    /// J of GPUs for each item served.
    pub energy: Estimate,
    /// W of all its GPUs.
    pub power: f64,
    /// Whether it keeps the service's own limits.
    pub within: bool,
}

impl Search<'_> {
    /// The frontier of each service, by rising latency. Limits on metrics are not kept, those of the site are.
    pub(super) fn frontier(&self, case: &Case) -> Vec<FrontierPoint> {
        (0..self.question.services.len()).flat_map(|service| self.frontier_of(case, service)).collect()
    }

    fn frontier_of(&self, case: &Case, service: usize) -> Vec<FrontierPoint> {
        let is_open = self.question.services[service].demand == Demand::Open;
        let Some(place) = self.shapes[service].latency else { return Vec::new() };
        let demand = case.demand[service];
        let alone = Limits { demand: vec![0.0; case.demand.len()], ..case.limits() };
        let mut points: Vec<(f64, f64, usize, usize, usize)> = Vec::new();
        for (index, own) in self.list.iter().enumerate().filter(|(_, own)| own.service == service) {
            let Some(latency) = own.metrics[place] else { continue };
            let choice = self.choice(case, own);
            let count = if is_open { 1.0 } else { (demand * (1.0 - 1e-6) / choice.supply).ceil().max(1.0) };
            if count > 1e6 || !alone.hold(&[choice], &[(0, count as usize)]) {
                continue;
            }
            let items = if is_open { own.throughput.value } else { demand * own.per_request };
            let energy = own.power.value * count / items;
            points.push((latency.value, energy, own.gpus * count as usize, count as usize, index));
        }
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then((a.2, a.4).cmp(&(b.2, b.4))));
        // Least energy by GPUs, of what is faster: falls as GPUs rise.
        let mut least: BTreeMap<usize, f64> = BTreeMap::new();
        let mut found = Vec::new();
        for (_, energy, gpus, replicas, index) in points {
            if least.range(..=gpus).next_back().is_some_and(|(_, best)| *best <= energy) {
                continue;
            }
            least.retain(|other, best| *other < gpus || *best < energy);
            least.insert(gpus, energy);
            let candidate = self.list[index].clone();
            let Some(latency) = candidate.metrics[place] else { continue };
            found.push(FrontierPoint {
                replicas,
                latency,
                energy: Estimate { value: energy, spread: candidate.energy.spread },
                power: candidate.power.value * replicas as f64,
                within: self.broken(case, &candidate).is_none(),
                candidate,
            });
        }
        found
    }
}
