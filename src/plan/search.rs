//! The integer program of a question: limits that can be changed one by one, and what is found under them.

use std::collections::BTreeSet;

use super::candidate::{Candidate, Shape};
use super::estimate::quantile;
use super::question::{Curve, Demand, Goal, Question};
use super::solve::{Choice, Limits, Replicas, Solution, Unsolved, least_cost, least_delay, most_demand, undominated};

/// Candidates that another is compared with: more would leave out little more, and take long.
const RECENT: usize = 64;
/// Candidates with which questions about other limits are asked.
const MOST_COARSE: usize = 500;

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
            z: confidence(question),
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
    /// The candidates that are enough for every best plan at the confidence asked for, whatever the other limits are.
    relevant: Vec<usize>,
    /// Whether they are only some of those, for questions about other limits.
    is_coarse: bool,
}

/// The choices of a case.
pub(super) struct Choices {
    pub(super) list: Vec<Choice>,
    /// The candidate of each.
    pub(super) candidates: Vec<usize>,
}

impl Choices {
    /// How many of them no best plan needs, whatever the limits of the site are.
    pub(super) fn dominated(&self) -> usize {
        self.list.len() - undominated(&self.list).len()
    }

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
            supply: supply(candidate, case.z),
            draw: candidate.power.at(case.z) * pue,
            power,
            cost,
        }
    }

    /// The candidates that a best plan may need.
    pub(super) fn relevant(&self) -> impl Iterator<Item = &Candidate> {
        self.relevant.iter().map(|&index| &self.list[index])
    }

    /// All candidates that keep their own limits.
    pub(super) fn choices(&self, case: &Case) -> Choices {
        self.some_choices(case, 0..self.list.len())
    }

    /// Those of the candidates that keep their own limits, and that a best plan may need.
    pub(super) fn relevant_choices(&self, case: &Case) -> Choices {
        if self.is_coarse || case.z == confidence(self.question) {
            self.some_choices(case, self.relevant.iter().copied())
        } else {
            self.choices(case)
        }
    }

    fn some_choices(&self, case: &Case, some: impl Iterator<Item = usize>) -> Choices {
        let kept = some.filter(|&index| self.broken(case, &self.list[index]).is_none());
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
        let choices = self.relevant_choices(case);
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
            for candidate in self.relevant() {
                let latency = self.latency(case, candidate);
                shortest[candidate.service] = shortest[candidate.service].min(latency);
            }
        }
        own.into_iter().map(|(service, latency)| latency / shortest[service]).collect()
    }

    /// Of candidates in the order of [`sorted`].
    pub(super) fn new<'a>(question: &'a Question, list: &'a [Candidate], shapes: &'a [Shape]) -> Search<'a> {
        Search { question, list, shapes, relevant: relevant(list, shapes, confidence(question)), is_coarse: false }
    }

    /// The same with fewer candidates, if there are many: nearly equal ones are taken as one, so that many questions can be
    /// asked. Answers are then true to about the distance between them.
    pub(super) fn coarse(&self) -> Self {
        let z = confidence(self.question);
        let mut some = self.relevant.clone();
        let mut apart = 0.005;
        while some.len() > MOST_COARSE && apart < 0.5 {
            let mut taken = BTreeSet::new();
            some.clone_from(&self.relevant);
            some.retain(|&index| {
                let own = &self.list[index];
                let step = (supply(own, z).ln() / apart).floor() as i64;
                taken.insert((own.service, own.gpu, own.gpus, step))
            });
            apart *= 2.0;
        }
        Search { is_coarse: some.len() < self.relevant.len(), relevant: some, ..*self }
    }
}

/// The standard score at which limits must hold.
fn confidence(question: &Question) -> f64 {
    question.robust.map_or(0.0, quantile)
}

/// What one replica serves for sure, at a standard score.
fn supply(candidate: &Candidate, z: f64) -> f64 {
    candidate.throughput.at(-z) / candidate.per_request
}

/// Candidates in the order in which they are compared: by service, GPU type and count, what serves most first.
pub(super) fn sorted(question: &Question, list: Vec<Candidate>) -> Vec<Candidate> {
    let z = confidence(question);
    let mut keyed: Vec<(f64, Candidate)> = list.into_iter().map(|own| (supply(&own, z), own)).collect();
    keyed.sort_by(|(one, a), (two, b)| {
        (a.service, a.gpu, a.gpus).cmp(&(b.service, b.gpu, b.gpus)).then(two.total_cmp(one))
    });
    keyed.into_iter().map(|(_, own)| own).collect()
}

/// Indices of the candidates that no other of the same service, GPU type and count beats in everything that a limit or a goal
/// looks at: what it serves, its power, the metrics that are limited, and latency. Limits can then be moved at will without
/// all of the candidates being looked at again.
fn relevant(list: &[Candidate], shapes: &[Shape], z: f64) -> Vec<usize> {
    let group = |own: &Candidate| (own.service, own.gpu, own.gpus);
    let mut kept: Vec<usize> = Vec::new();
    let mut front: Vec<(usize, Vec<f64>)> = Vec::new();
    for (index, own) in list.iter().enumerate() {
        if index > 0 && group(&list[index - 1]) != group(own) {
            kept.extend(front.drain(..).map(|(index, _)| index));
        }
        let shape = &shapes[own.service];
        let metrics = shape.limited.iter().chain(&shape.latency);
        let metrics = metrics.map(|&place| own.metrics[place].map_or(f64::INFINITY, |own| own.at(z)));
        let takes: Vec<f64> = [own.power.value, own.power.at(z)].into_iter().chain(metrics).collect();
        // Those before it in its group serve at least as much; the last of them are the likeliest to take less.
        if !front.iter().rev().take(RECENT).any(|(_, other)| other.iter().zip(&takes).all(|(other, own)| other <= own))
        {
            front.push((index, takes));
        }
    }
    kept.extend(front.into_iter().map(|(index, _)| index));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::amounts::{Item, Rate};
    use crate::plan::estimate::Estimate;
    use crate::plan::question::{Gpu, Limit, Service};
    use crate::runs::Run;
    use crate::stats::Draws;

    fn candidate(draws: &mut Draws) -> Candidate {
        let mut estimate =
            |value: f64| Estimate { value: value * (0.3 * draws.gaussian()).exp(), spread: 0.2 * draws.uniform() };
        let (throughput, power, latency, tail) = (estimate(1000.0), estimate(700.0), estimate(0.03), estimate(0.06));
        Candidate {
            service: 0,
            gpu: usize::from(draws.uniform() < 0.5),
            gpus: 1 << (2.0 * draws.uniform()) as usize,
            run: Run::default(),
            support: String::new(),
            throughput,
            power,
            energy: power,
            per_request: 1.0,
            metrics: vec![Some(latency), Some(tail)],
        }
    }

    fn question(goal: Goal, robust: Option<f64>) -> Question {
        let limit = |metric: &str, most: f64| Limit { metric: metric.to_owned(), most, unit: "s".to_owned() };
        let service = Service {
            name: "chat".to_owned(),
            fitted: 0,
            models: Vec::new(),
            task: "chat".to_owned(),
            item: Item::Token,
            demand: Demand::Constant(Rate { value: 5000.0, item: Item::Token }),
            limits: vec![limit("itl_p50", 0.03), limit("itl_p99", 0.06)],
            axes: Vec::new(),
        };
        let gpu = |name: &str| Gpu { name: name.to_owned(), count: Some(12), price: Some(0.001) };
        Question {
            goal,
            robust,
            services: vec![service],
            gpus: vec![gpu("A"), gpu("B")],
            power_budget: Some(9000.0),
            pue: 1.2,
            electricity_price: Some(1e-6),
            carbon_intensity: None,
            currency: None,
            curve: None,
        }
    }

    /// The candidates that are looked at are enough, wherever the limits are moved to.
    #[test]
    fn candidates_that_are_left_out_are_needed_by_no_best_plan() {
        let metrics = vec![("itl_p50".to_owned(), "s".to_owned()), ("itl_p99".to_owned(), "s".to_owned())];
        let shapes = [Shape { metrics, latency: Some(0), energy: String::new(), limited: vec![0, 1] }];
        let mut left_out = 0;
        for (seed, goal) in
            [Goal::Energy, Goal::Cost, Goal::Gpus, Goal::Latency, Goal::Throughput].repeat(4).into_iter().enumerate()
        {
            let mut draws = Draws::new(seed as u64);
            let question = question(goal, (seed % 2 == 0).then_some(0.8));
            let list = sorted(&question, (0..150).map(|_| candidate(&mut draws)).collect());
            let some = Search::new(&question, &list, &shapes);
            let all = Search { relevant: (0..list.len()).collect(), is_coarse: false, ..some };
            left_out += list.len() - some.relevant.len();
            for _ in 0..5 {
                let mut case = Case::new(&question, 0);
                case.most[0] = vec![0.02 + 0.02 * draws.uniform(), 0.05 + 0.03 * draws.uniform()];
                case.power = Some(4000.0 + 8000.0 * draws.uniform());
                let values = [&some, &all].map(|search| search.best(&case).map(|found| found.value));
                match values {
                    [Ok(one), Ok(two)] => assert!((one / two - 1.0).abs() < 1e-6, "plan {seed}: {one} for {two}"),
                    [one, two] => assert_eq!(one, two, "plan {seed}"),
                }
            }
        }
        assert!(left_out > 500, "{left_out}");
    }
}
