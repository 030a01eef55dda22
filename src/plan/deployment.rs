//! Replicas in numbers: what they serve, take, cost, and how surely they keep every limit.

use super::amounts::Item;
use super::candidate::Candidate;
use super::estimate::{Estimate, probability_at_most, sum};
use super::question::Demand;
use super::search::{Case, Search};

/// Replicas of one configuration.
#[derive(Clone, Debug)]
pub struct Part {
    /// The configuration.
    pub candidate: Candidate,
    /// How many replicas of it.
    pub replicas: usize,
}

impl Part {
    /// A quantity of all replicas: they err together.
    fn all(&self, estimate: Estimate) -> Estimate {
        estimate.scaled(self.replicas as f64)
    }
}

/// What a service gets.
#[derive(Clone, Debug)]
pub struct Served {
    /// Index of the service.
    pub service: usize,
    /// Demand, 1/s, in the unit of the demand; none if it is as large as can be.
    pub demand: Option<f64>,
    /// What the replicas can serve, 1/s, in the unit of the demand.
    pub supply: Estimate,
    /// What the replicas can make, items/s.
    pub throughput: Estimate,
    /// W of the service's GPUs.
    pub power: Estimate,
    /// J of GPUs for each item served.
    pub energy: Estimate,
    /// The worst replica's, by the metrics of the service's shape.
    pub metrics: Vec<Option<Estimate>>,
}

impl Served {
    /// How much more could be served than is asked for; 0 where all is asked for.
    pub fn headroom(&self) -> f64 {
        self.demand.map_or(0.0, |demand| self.supply.value / demand - 1.0)
    }
}

/// Money per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// For GPUs.
    pub gpus: f64,
    /// For electricity, PUE included.
    pub electricity: f64,
}

impl Cost {
    /// Both.
    pub fn total(&self) -> f64 {
        self.gpus + self.electricity
    }
}

/// How surely a limit holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// `demand`, `power_budget`, or a metric.
    pub limit: String,
    /// The service that it is of; none for the site.
    pub service: Option<usize>,
    /// Probability that it holds.
    pub probability: f64,
}

/// A plan in numbers.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// What runs.
    pub parts: Vec<Part>,
    /// GPUs by index of the type.
    pub gpus: Vec<usize>,
    /// W of all GPUs, every replica busy.
    pub power: Estimate,
    /// W at the meter: times PUE.
    pub site_power: Estimate,
    /// By service, in their order; those without demand in this interval are left out.
    pub served: Vec<Served>,
    /// Money per second, if prices are known.
    pub cost: Option<Cost>,
    /// kg of CO2 equivalent per second.
    pub carbon: Option<f64>,
    /// Every limit.
    pub held: Vec<Held>,
    /// Whether it is proven to be the best of its kind.
    pub proven: bool,
}

impl Deployment {
    /// Replicas of all parts.
    pub fn replicas(&self) -> usize {
        self.parts.iter().map(|part| part.replicas).sum()
    }

    /// GPUs of all types.
    pub fn all_gpus(&self) -> usize {
        self.gpus.iter().sum()
    }

    /// Probability that the least sure limit holds; 1 without limits.
    pub fn safe_at(&self) -> f64 {
        self.held.iter().map(|held| held.probability).fold(1.0, f64::min)
    }

    /// What all limits hold together with at least, however they depend on each other (Bonferroni).
    pub fn all_hold_at_least(&self) -> f64 {
        (1.0 - self.held.iter().map(|held| 1.0 - held.probability).sum::<f64>()).max(0.0)
    }
}

impl Search<'_> {
    /// The numbers of replicas of candidates.
    pub(super) fn deployment(&self, case: &Case, replicas: &[(usize, usize)], proven: bool) -> Deployment {
        let parts: Vec<Part> =
            replicas.iter().map(|&(index, replicas)| Part { candidate: self.list[index].clone(), replicas }).collect();
        let mut gpus = vec![0; self.question.gpus.len()];
        for part in &parts {
            gpus[part.candidate.gpu] += part.replicas * part.candidate.gpus;
        }
        let power = sum(&parts.iter().map(|part| part.all(part.candidate.power)).collect::<Vec<_>>());
        let site_power = power.scaled(self.question.pue);
        let services = 0..self.question.services.len();
        let served: Vec<Served> = services.filter_map(|service| self.served(case, &parts, service)).collect();
        let held = self.held(case, &parts, &served);
        let cost = self.cost(case, &gpus, site_power.value);
        let carbon = case.carbon_intensity.map(|intensity| intensity * site_power.value);
        Deployment { parts, gpus, power, site_power, served, cost, carbon, held, proven }
    }

    fn served(&self, case: &Case, parts: &[Part], service: usize) -> Option<Served> {
        let own: Vec<&Part> = parts.iter().filter(|part| part.candidate.service == service).collect();
        if own.is_empty() {
            return None;
        }
        let total = |amount: &dyn Fn(&Candidate) -> Estimate| -> Estimate {
            sum(&own.iter().map(|part| part.all(amount(&part.candidate))).collect::<Vec<_>>())
        };
        let throughput = total(&|candidate| candidate.throughput);
        let supply = total(&|candidate| candidate.throughput.scaled(1.0 / candidate.per_request));
        let power = total(&|candidate| candidate.power);
        let is_open = self.question.services[service].demand == Demand::Open;
        let demand = (!is_open).then(|| if case.open[service] { supply.value } else { case.demand[service] });
        // Items that are asked for: where the demand is in requests, at the mean length of what is served.
        let items = throughput.value * demand.map_or(1.0, |demand| demand / supply.value);
        // Energy errs as that of the parts does: slower replicas take longer at much the same power.
        let spent = total(&|candidate| Estimate { value: candidate.power.value, spread: candidate.energy.spread });
        let worst = |place: usize| {
            let values = own.iter().map(|part| part.candidate.metrics[place]).collect::<Option<Vec<Estimate>>>()?;
            values.into_iter().max_by(|a, b| a.at(case.z).total_cmp(&b.at(case.z)))
        };
        let metrics = (0..self.shapes[service].metrics.len()).map(worst).collect();
        Some(Served { service, demand, supply, throughput, power, energy: spent.scaled(1.0 / items), metrics })
    }

    fn held(&self, case: &Case, parts: &[Part], served: &[Served]) -> Vec<Held> {
        let mut held = Vec::new();
        for own in served {
            let service = Some(own.service);
            if self.question.services[own.service].demand != Demand::Open {
                // As low as the demand: the errors of what is served point the other way.
                let falls: Vec<Estimate> = parts
                    .iter()
                    .filter(|part| part.candidate.service == own.service)
                    .map(|part| part.all(part.candidate.throughput.scaled(1.0 / part.candidate.per_request)))
                    .collect();
                let probability = 1.0 - probability_at_most(&falls, case.demand[own.service] * (1.0 - 1e-9));
                held.push(Held { limit: "demand".to_owned(), service, probability });
            }
            for (place, most) in self.shapes[own.service].limited.iter().zip(&case.most[own.service]) {
                let probability = parts
                    .iter()
                    .filter(|part| part.candidate.service == own.service)
                    .filter_map(|part| Some(part.candidate.metrics[*place]?.at_most(*most)))
                    .fold(1.0, f64::min);
                held.push(Held { limit: self.shapes[own.service].metrics[*place].0.clone(), service, probability });
            }
        }
        if let Some(budget) = case.power {
            let draws: Vec<Estimate> =
                parts.iter().map(|part| part.all(part.candidate.power.scaled(self.question.pue))).collect();
            let probability = probability_at_most(&draws, budget);
            held.push(Held { limit: "power_budget".to_owned(), service: None, probability });
        }
        held
    }

    /// Money per second; none if no price is known, or not that of every GPU used where some are.
    pub(super) fn cost(&self, case: &Case, gpus: &[usize], site_power: f64) -> Option<Cost> {
        let types = &self.question.gpus;
        let is_priced = types.iter().any(|own| own.price.is_some());
        if !is_priced && case.electricity_price.is_none() {
            return None;
        }
        let mut money = 0.0;
        for (own, count) in types.iter().zip(gpus).filter(|(_, count)| is_priced && **count > 0) {
            money += own.price? * *count as f64;
        }
        Some(Cost { gpus: money, electricity: site_power * case.electricity_price.unwrap_or(0.0) })
    }

    /// What the demand of a service counts.
    pub(super) fn demand_item(&self, service: usize) -> Item {
        match &self.question.services[service].demand {
            Demand::Constant(rate) => rate.item,
            Demand::Curve(_, item) => *item,
            Demand::Open => self.question.services[service].item,
        }
    }
}
