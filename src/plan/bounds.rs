//! What binds a plan, and how far each limit would have to give way where there is none.

use super::estimate::quantile;
use super::question::{Goal, Question};
use super::search::{Case, Search};
use super::solve::{Unsolved, least_cost, least_delay, least_gpus, least_power, most_demand};
use crate::stats::normal_probability;

/// By how much a limit is relaxed to see what it costs.
const STEP: f64 = 0.1;
/// Gain, relative, below which an answer counts as unchanged.
const CHANGE: f64 = 0.005;
/// Halvings in the search for the next step of a limit that is not a list of values: to a thousandth.
const HALVINGS: usize = 10;

/// One of the limits of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitOf {
    /// A metric of a service, by the place of its limit.
    Metric {
        /// The service.
        service: usize,
        /// Place among its limits.
        place: usize,
    },
    /// GPUs of one type.
    Gpus(usize),
    /// The power budget.
    Power,
    /// The demand of a service.
    Demand(usize),
    /// The confidence at which limits must hold.
    Robust,
    /// Memory of one replica, which keeps the batch from growing.
    Memory {
        /// The service.
        service: usize,
        /// The smallest batch that does not fit.
        batch_size: usize,
    },
}

/// What a limit costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The limit.
    pub limit: LimitOf,
    /// As asked, SI.
    pub value: f64,
    /// Relaxed by a tenth (a GPU more at least), with the relative gain in the goal.
    pub relaxed: Option<(f64, f64)>,
    /// The nearest value that changes the answer, with the gain.
    pub next: Option<(f64, f64)>,
    /// The gain without the limit.
    pub without: Option<f64>,
}

/// How far a limit alone must give way.
#[derive(Clone, Debug, PartialEq)]
pub struct Relaxation {
    /// The limit.
    pub limit: LimitOf,
    /// As asked, SI.
    pub given: f64,
    /// What would do, SI, everything else as asked.
    pub needed: f64,
}

/// The limits that a question states.
fn limits(question: &Question) -> Vec<LimitOf> {
    let metrics = question
        .services
        .iter()
        .enumerate()
        .flat_map(|(service, own)| (0..own.limits.len()).map(move |place| LimitOf::Metric { service, place }));
    let gpus = (0..question.gpus.len()).filter(|&gpu| question.gpus[gpu].count.is_some()).map(LimitOf::Gpus);
    let power = question.power_budget.map(|_| LimitOf::Power);
    let robust = question.robust.filter(|robust| *robust > 0.5).map(|_| LimitOf::Robust);
    metrics.chain(gpus).chain(power).chain(robust).collect()
}

impl Search<'_> {
    /// What the best plan would gain by each limit; limits that cost nothing are left out.
    pub(super) fn binding(&self, case: &Case, value: f64) -> Result<Vec<Binding>, Unsolved> {
        let mut found = Vec::new();
        for limit in limits(self.question) {
            let without = self.gain(&Self::with(case, &limit, None), value)?;
            if without < CHANGE {
                continue;
            }
            let (asked, wider) = self.asked_and_wider(case, &limit);
            let relaxed = match wider {
                Some(wider) => Some((wider, self.gain(&Self::with(case, &limit, Some(wider)), value)?.max(0.0))),
                None => None,
            };
            let next = self.next(case, &limit, value, asked)?;
            found.push(Binding { limit, value: asked, relaxed, next, without: without.is_finite().then_some(without) });
        }
        if self.question.goal != Goal::Throughput {
            for service in (0..case.demand.len()).filter(|&service| case.demand[service] > 0.0) {
                let less = case.demand[service] * (1.0 - STEP);
                let gain = self.gain(&Self::with(case, &LimitOf::Demand(service), Some(less)), value)?;
                if gain >= CHANGE {
                    let limit = LimitOf::Demand(service);
                    let relaxed = Some((less, gain));
                    found.push(Binding { limit, value: case.demand[service], relaxed, next: None, without: None });
                }
            }
        }
        Ok(found)
    }

    /// The case with one limit at another value, or without it.
    fn with(case: &Case, limit: &LimitOf, value: Option<f64>) -> Case {
        let mut case = case.clone();
        match *limit {
            LimitOf::Metric { service, place } => case.most[service][place] = value.unwrap_or(f64::INFINITY),
            LimitOf::Gpus(gpu) => case.gpus[gpu] = value.map(|value| value as usize),
            LimitOf::Power => case.power = value,
            LimitOf::Demand(service) => case.demand[service] = value.unwrap_or(0.0),
            LimitOf::Robust => case.z = value.map_or(0.0, quantile),
            LimitOf::Memory { .. } => {}
        }
        case
    }

    /// The value of a limit, and the value a tenth wider.
    fn asked_and_wider(&self, case: &Case, limit: &LimitOf) -> (f64, Option<f64>) {
        match *limit {
            LimitOf::Metric { service, place } => {
                let most = case.most[service][place];
                (most, Some(most * (1.0 + STEP)))
            }
            LimitOf::Gpus(gpu) => {
                let count = case.gpus[gpu].unwrap_or(0) as f64;
                (count, Some((count * (1.0 + STEP)).ceil().max(count + 1.0)))
            }
            LimitOf::Power => {
                let power = case.power.unwrap_or(f64::INFINITY);
                (power, Some(power * (1.0 + STEP)))
            }
            LimitOf::Demand(service) => (case.demand[service], Some(case.demand[service] * (1.0 - STEP))),
            // The confidence of what is expected.
            LimitOf::Robust => (self.question.robust.unwrap_or(0.5), None),
            LimitOf::Memory { batch_size, .. } => (batch_size as f64, None),
        }
    }

    /// The relative gain of a case in the goal; infinite where nothing limits it any more.
    fn gain(&self, case: &Case, value: f64) -> Result<f64, Unsolved> {
        match self.best(case) {
            Ok(found) if self.question.goal == Goal::Throughput => Ok(found.value / value - 1.0),
            Ok(found) => Ok(1.0 - found.value / value),
            Err(Unsolved::Unbounded) => Ok(f64::INFINITY),
            Err(Unsolved::Infeasible) => Ok(0.0),
            Err(error) => Err(error),
        }
    }

    /// The nearest value of a limit at which the answer changes.
    fn next(&self, case: &Case, limit: &LimitOf, value: f64, asked: f64) -> Result<Option<(f64, f64)>, Unsolved> {
        let changes = |wider: f64| -> Result<Option<f64>, Unsolved> {
            Ok(Some(self.gain(&Self::with(case, limit, Some(wider)), value)?).filter(|gain| *gain >= CHANGE))
        };
        let steps: Vec<f64> = match limit {
            LimitOf::Metric { service, place } => {
                let metric = self.shapes[*service].limited[*place];
                let own = self.relevant().filter(|own| own.service == *service);
                let mut steps: Vec<f64> = own
                    .filter_map(|own| own.metrics[metric])
                    .map(|own| own.at(case.z))
                    .filter(|own| *own > asked)
                    .collect();
                steps.sort_by(f64::total_cmp);
                steps.dedup();
                steps
            }
            LimitOf::Gpus(_) => (1..=64).map(|more| asked + f64::from(more)).collect(),
            LimitOf::Power => (1..=1 << HALVINGS).map(|step| asked * (1.0 + f64::from(step) / 512.0)).collect(),
            LimitOf::Demand(_) | LimitOf::Robust | LimitOf::Memory { .. } => return Ok(None),
        };
        // A wider limit never makes the plan worse, so the values that change it are the last ones.
        let Some(&last) = steps.last() else { return Ok(None) };
        let Some(mut gain) = changes(last)? else { return Ok(None) };
        let (mut low, mut high) = (0, steps.len() - 1);
        while low < high {
            let middle = usize::midpoint(low, high);
            match changes(steps[middle])? {
                Some(found) => (high, gain) = (middle, found),
                None => low = middle + 1,
            }
        }
        Ok(Some((steps[high], gain)))
    }

    /// For each limit alone, how far it must give way so that there is a plan.
    pub(super) fn relaxations(&self, case: &Case) -> Result<Vec<Relaxation>, Unsolved> {
        let demands =
            (0..case.demand.len()).filter(|&service| !case.open[service] || self.question.goal == Goal::Throughput);
        let demands = demands.filter(|&service| case.demand[service] > 0.0).map(LimitOf::Demand);
        let mut found = Vec::new();
        for limit in limits(self.question).into_iter().chain(demands) {
            match self.needed(case, &limit) {
                Ok(Some(needed)) => {
                    let (given, _) = self.asked_and_wider(case, &limit);
                    found.push(Relaxation { limit, given, needed });
                }
                Ok(None) | Err(Unsolved::Infeasible | Unsolved::Unbounded) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// The least relaxation of a limit under which there is a plan.
    fn needed(&self, case: &Case, limit: &LimitOf) -> Result<Option<f64>, Unsolved> {
        let open = Self::with(case, limit, None);
        let choices = self.relevant_choices(&open);
        let limits = case.limits();
        match limit {
            LimitOf::Metric { service, place } => {
                let metric = self.shapes[*service].limited[*place];
                let delay = |index: &usize| {
                    let own = &self.list[*index];
                    let of_limit = own.metrics[metric].filter(|_| own.service == *service);
                    of_limit.map_or(0.0, |own| own.at(case.z))
                };
                let delays: Vec<f64> = choices.candidates.iter().map(delay).collect();
                least_delay(&choices.list, &delays, &limits).map(|found| Some(found.value))
            }
            LimitOf::Gpus(gpu) => least_gpus(&choices.list, &limits, *gpu).map(|count| Some(count as f64)),
            LimitOf::Power => least_power(&choices.list, &limits).map(Some),
            LimitOf::Demand(service) => {
                let scaled: Vec<bool> = (0..case.demand.len()).map(|own| own == *service).collect();
                let choices = self.relevant_choices(case);
                most_demand(&choices.list, &limits, &scaled).map(|found| Some(found.value * case.demand[*service]))
            }
            LimitOf::Robust => self.most_confidence(case),
            LimitOf::Memory { .. } => Ok(None),
        }
    }

    /// The largest confidence at which there is a plan.
    fn most_confidence(&self, case: &Case) -> Result<Option<f64>, Unsolved> {
        let feasible = |z: f64| -> Result<bool, Unsolved> {
            let case = Case { z, ..case.clone() };
            match least_cost(&self.relevant_choices(&case).list, &case.limits()) {
                Ok(_) => Ok(true),
                Err(Unsolved::Infeasible) => Ok(false),
                Err(error) => Err(error),
            }
        };
        if !feasible(0.0)? {
            return Ok(None);
        }
        let (mut low, mut high) = (0.0, case.z);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if feasible(middle)? { low = middle } else { high = middle }
        }
        Ok(Some(normal_probability(low)))
    }
}
