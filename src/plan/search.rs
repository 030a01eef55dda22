//! The integer program of a question: limits that can be changed one by one, and what is found under them.

use super::candidate::{Candidate, Shape};
use super::estimate::quantile;
use super::question::{Curve, Demand, Goal, Question};
use super::solve::{Choice, Limits, Replicas, Solution, Unsolved, least_cost, least_delay, most_demand, undominated};

/// Everything that limits a plan at one time of the day.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Case {
    /// Demand by service, 1/s in the unit of the demand; 1 for one that is open.
    pub(super) demand: Vec<f64>,
    /// Services whose demand is to be as large as can be.
    pub(super) open: Vec<bool>,
    /// The most of each limited metric, by service.
    pub(super) most: Vec<Vec<f64>>,
    /// Counts by GPU type.
    pub(super) gpus: Vec<Option<usize>>,
    /// Budget of the site, W.
    pub(super) power: Option<f64>,
    /// Standard score at which limits must hold.
    pub(super) z: f64,
    /// Money per J.
    pub(super) electricity_price: Option<f64>,
    /// kg of CO2 equivalent per J.
    pub(super) carbon_intensity: Option<f64>,
}

impl Case {
    /// The limits as asked; at one interval, if the demand changes over the day.
    pub(super) fn new(question: &Question, interval: usize) -> Self {
        let demand = question.services.iter().map(|own| match &own.demand {
            Demand::Open => 1.0,
            Demand::Constant(rate) => rate.value,
            Demand::Curve(demand, _) => demand[interval],
        });
        let is_open = |demand: &Demand| *demand == Demand::Open;
        let some_open = question.services.iter().any(|own| is_open(&own.demand));
        // With the goal of throughput and all demands given, all grow together.
        let grows = |demand: &Demand| {
            is_open(demand) || (question.goal == Goal::Throughput && !some_open && !matches!(demand, Demand::Curve(..)))
        };
        let at = |values: fn(&Curve) -> &Option<Vec<f64>>| {
            question.curve.as_ref().and_then(|curve| values(curve).as_ref().map(|values| values[interval]))
        };
        Self {
            demand: demand.collect(),
            open: question.services.iter().map(|own| grows(&own.demand)).collect(),
            most: question.services.iter().map(|own| own.limits.iter().map(|limit| limit.most).collect()).collect(),
            gpus: question.gpus.iter().map(|own| own.count).collect(),
            power: question.power_budget,
            z: question.robust.map_or(0.0, quantile),
            electricity_price: at(|curve| &curve.electricity_price).or(question.electricity_price),
            carbon_intensity: at(|curve| &curve.carbon_intensity).or(question.carbon_intensity),
        }
    }

    /// As the integer program has them.
    pub(super) fn limits(&self) -> Limits {
        Limits { demand: self.demand.clone(), gpus: self.gpus.clone(), power: self.power }
    }
}

/// Candidates to choose from, with what is asked of them.
pub(super) struct Search<'a> {
    pub(super) question: &'a Question,
    pub(super) list: &'a [Candidate],
    pub(super) shapes: &'a [Shape],
}

/// The choices of a case.
pub(super) struct Choices {
    pub(super) list: Vec<Choice>,
    /// The candidate of each.
    pub(super) candidates: Vec<usize>,
}

impl Choices {
    /// Replicas by candidate.
    pub(super) fn candidates(&self, replicas: &Replicas) -> Replicas {
        replicas.iter().map(|&(index, count)| (self.candidates[index], count)).collect()
    }
}

impl Search<'_> {
    /// The first limit of a service, by its place, that a candidate breaks.
    pub(super) fn broken(&self, case: &Case, candidate: &Candidate) -> Option<usize> {
        let shape = &self.shapes[candidate.service];
        shape.limited.iter().zip(&case.most[candidate.service]).position(|(&metric, most)| {
            candidate.metrics[metric].is_none_or(|own| own.at(case.z) > most * (1.0 + 1e-12))
        })
    }

    /// What a candidate gives and takes.
    pub(super) fn choice(&self, case: &Case, candidate: &Candidate) -> Choice {
        let pue = self.question.pue;
        let power = candidate.power.value;
        let price = self.question.gpus[candidate.gpu].price.unwrap_or(0.0);
        let cost = match self.question.goal {
            Goal::Cost => candidate.gpus as f64 * price + power * pue * case.electricity_price.unwrap_or(0.0),
            Goal::Gpus => candidate.gpus as f64,
            Goal::Energy | Goal::Carbon | Goal::Latency | Goal::Throughput => power,
        };
        Choice {
            service: candidate.service,
            gpu: candidate.gpu,
            gpus: candidate.gpus,
            supply: candidate.throughput.at(-case.z) / candidate.per_request,
            draw: candidate.power.at(case.z) * pue,
            power,
            cost,
        }
    }

    /// The candidates that keep their own limits.
    pub(super) fn choices(&self, case: &Case) -> Choices {
        let kept = (0..self.list.len()).filter(|&index| self.broken(case, &self.list[index]).is_none());
        let candidates: Vec<usize> = kept.collect();
        Choices { list: candidates.iter().map(|&index| self.choice(case, &self.list[index])).collect(), candidates }
    }

    /// The latency that a candidate's service is told by, at the case's confidence.
    pub(super) fn latency(&self, case: &Case, candidate: &Candidate) -> f64 {
        let place = self.shapes[candidate.service].latency;
        place.and_then(|place| candidate.metrics[place]).map_or(0.0, |own| own.at(case.z))
    }

    /// The best plan of a case; its value is what is least, or how many times the demand is served.
    pub(super) fn best(&self, case: &Case) -> Result<Solution, Unsolved> {
        let choices = self.choices(case);
        let limits = case.limits();
        let found = match self.question.goal {
            Goal::Throughput => self.most(case, &choices)?,
            Goal::Latency => least_delay(&choices.list, &self.delays(case, &choices), &limits)?,
            _ => least_cost(&choices.list, &limits)?,
        };
        Ok(Solution { replicas: choices.candidates(&found.replicas), ..found })
    }

    /// The most that can be served; where demands are given, at least those.
    fn most(&self, case: &Case, choices: &Choices) -> Result<Solution, Unsolved> {
        let found = most_demand(&choices.list, &case.limits(), &case.open)?;
        let is_given = self.question.services.iter().all(|own| own.demand != Demand::Open);
        if is_given && found.value < 1.0 { Err(Unsolved::Infeasible) } else { Ok(found) }
    }

    /// Latency of each choice; of several services, over the shortest that each of them could have.
    fn delays(&self, case: &Case, choices: &Choices) -> Vec<f64> {
        let services = self.question.services.len();
        let own: Vec<(usize, f64)> = choices
            .candidates
            .iter()
            .map(|&index| (self.list[index].service, self.latency(case, &self.list[index])))
            .collect();
        let mut shortest = vec![1.0; services];
        if services > 1 {
            shortest.fill(f64::INFINITY);
            for candidate in self.list {
                let latency = self.latency(case, candidate);
                shortest[candidate.service] = shortest[candidate.service].min(latency);
            }
        }
        own.into_iter().map(|(service, latency)| latency / shortest[service]).collect()
    }

    /// Candidates in the order in which choices are compared, so that comparing them again is quick.
    pub(super) fn sorted(question: &Question, mut list: Vec<Candidate>) -> Vec<Candidate> {
        let supply = |own: &Candidate| own.throughput.value / own.per_request;
        list.sort_by(|a, b| {
            (a.service, a.gpu, a.gpus).cmp(&(b.service, b.gpu, b.gpus)).then(supply(b).total_cmp(&supply(a)))
        });
        debug_assert!(list.iter().all(|own| own.gpu < question.gpus.len()));
        list
    }

    /// How many of the candidates no best plan needs, whatever the limits of the site are.
    pub(super) fn dominated(&self, choices: &Choices) -> usize {
        choices.list.len() - undominated(&choices.list).len()
    }
}
