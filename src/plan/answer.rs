//! The answer to a question: the best plan, others, what binds, what would have to give way.

use std::collections::{BTreeMap, BTreeSet};

use super::amounts::Item;
use super::bounds::{Binding, LimitOf, Relaxation};
use super::candidate::{Candidate, Candidates, Shape, candidates};
use super::deployment::{Cost, Deployment};
use super::error::PlanError;
use super::frontier::FrontierPoint;
use super::question::{Curve, Goal, Question};
use super::search::{Case, Search, sorted};
use super::solve::{Choice, Replicas, Unsolved, uniform};
use crate::catalog::Catalog;
use crate::fit::Fitted;
use crate::notes::{Caveat, quoted};
use crate::runs::Run;
use crate::unit::show;

/// Plans of one configuration that are listed below the best.
const MOST_LISTED: usize = 10;

/// The plan of one interval of the day.
#[derive(Clone, Debug)]
pub struct Interval {
    /// When it begins, s.
    pub start: f64,
    /// How long it lasts, s.
    pub duration: f64,
    /// Its plan.
    pub deployment: Deployment,
}

/// A whole curve, summed.
#[derive(Clone, Debug)]
pub struct Totals {
    /// How long it is, s.
    pub duration: f64,
    /// J at the meter.
    pub energy: f64,
    /// Money, for the GPUs in use at each time.
    pub cost: Option<Cost>,
    /// Money, if the GPUs of the peak are paid for all the time.
    pub cost_of_peak: Option<Cost>,
    /// kg of CO2 equivalent.
    pub carbon: Option<f64>,
    /// GPUs by type: the most of any interval.
    pub gpus: Vec<usize>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What was asked.
    pub question: Question,
    /// What the metrics of each service are.
    pub shapes: Vec<Shape>,
    /// Configurations that were looked at.
    pub considered: usize,
    /// The best plan, then those of one configuration for each service, best first; empty if no plan keeps all limits. Of a
    /// demand by time, those of the hardest interval.
    pub deployments: Vec<Deployment>,
    /// Intervals of a demand by time.
    pub intervals: Vec<Interval>,
    /// Their sum.
    pub totals: Option<Totals>,
    /// Plans of one configuration that no other beats.
    pub frontier: Vec<FrontierPoint>,
    /// Limits that cost something.
    pub binding: Vec<Binding>,
    /// Where there is no plan: how far each limit alone must give way.
    pub relaxations: Vec<Relaxation>,
    /// When the interval begins for which there is no plan, s.
    pub infeasible_at: Option<f64>,
    /// Why configurations were left out, and how many.
    pub rejected: Vec<(String, usize)>,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
}

/// Answers a question. Measured runs in `given` correct the predictions of what is like them.
pub fn plan(question: Question, models: &[Fitted], catalog: &Catalog, given: &[Run]) -> Result<Plan, PlanError> {
    let Candidates { list, broken, shapes, mut rejected, considered } = candidates(&question, models, catalog, given)?;
    let list = sorted(&question, list);
    let search = Search::new(&question, &list, &shapes);
    let mut intervals = Vec::new();
    let mut hardest = 0;
    let mut infeasible = None;
    let count = question.curve.as_ref().map_or(1, |curve| curve.starts.len());
    for interval in 0..count {
        let case = Case::new(&question, interval);
        match search.best(&case) {
            Ok(found) => {
                let deployment = search.deployment(&case, &found.replicas, found.proven);
                intervals.push(deployment);
                if rank(&intervals[interval]) > rank(&intervals[hardest]) {
                    hardest = interval;
                }
            }
            Err(Unsolved::Infeasible) => {
                infeasible = Some(interval);
                hardest = interval;
                break;
            }
            Err(error) => return Err(PlanError::unsolved(error)),
        }
    }
    let case = Case::new(&question, hardest);
    count_rejected(&search, &case, &mut rejected);
    let mut found = Found::default();
    if infeasible.is_some() {
        found.relaxations = search.coarse().relaxations(&case).map_err(PlanError::unsolved)?;
    } else {
        found = feasible(&search, &case, &broken).map_err(PlanError::unsolved)?;
    }
    let frontier = search.frontier(&case);
    let (intervals, totals) = match &question.curve {
        Some(curve) if infeasible.is_none() => by_time(&search, curve, intervals),
        _ => (Vec::new(), None),
    };
    let caveats = caveats(&search, &found.deployments);
    let infeasible_at = infeasible.and_then(|interval| question.curve.as_ref().map(|curve| curve.starts[interval]));
    let mut rejected: Vec<(String, usize)> = rejected.into_iter().collect();
    rejected.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    Ok(Plan {
        considered,
        deployments: found.deployments,
        intervals,
        totals,
        frontier,
        binding: found.binding,
        relaxations: found.relaxations,
        infeasible_at,
        rejected,
        caveats,
        shapes,
        question,
    })
}

/// How hard an interval is to serve.
fn rank(deployment: &Deployment) -> (usize, f64) {
    (deployment.all_gpus(), deployment.power.value)
}

#[derive(Default)]
struct Found {
    deployments: Vec<Deployment>,
    binding: Vec<Binding>,
    relaxations: Vec<Relaxation>,
}

fn feasible(search: &Search<'_>, case: &Case, broken: &[(Candidate, String)]) -> Result<Found, Unsolved> {
    let best = search.best(case)?;
    let mut alternatives = alternatives(search, case);
    // Of equals, the plan of one configuration is the simpler one.
    let value = |replicas: &Replicas| worth(search, case, replicas);
    let reached = value(&best.replicas);
    let is_equal = |other: &Replicas| value(other) <= reached * (1.0 + 1e-9 * reached.signum());
    let replicas = match alternatives.first() {
        Some(first) if is_equal(first) => alternatives.remove(0),
        _ => best.replicas.clone(),
    };
    alternatives.retain(|other| *other != replicas);
    let coarse = search.coarse();
    // Like is compared with like: the best of the same candidates.
    let mut binding = match coarse.best(case) {
        Ok(own) => coarse.binding(case, own.value)?,
        Err(_) => search.binding(case, best.value)?,
    };
    for &(index, _) in &replicas {
        binding.extend(memory(search, case, &search.list[index], broken));
    }
    let mut deployments = vec![search.deployment(case, &replicas, best.proven)];
    deployments.extend(alternatives.iter().map(|other| search.deployment(case, other, true)));
    Ok(Found { deployments, binding, relaxations: Vec::new() })
}

/// What a plan is worth: the less the better.
fn worth(search: &Search<'_>, case: &Case, replicas: &Replicas) -> f64 {
    let own = || replicas.iter().map(|&(index, count)| (&search.list[index], count as f64));
    let choice = |candidate: &Candidate| -> Choice { search.choice(case, candidate) };
    match search.question.goal {
        Goal::Throughput => -own().map(|(candidate, count)| choice(candidate).supply * count).sum::<f64>(),
        Goal::Latency => own().map(|(candidate, _)| search.latency(case, candidate)).fold(0.0, f64::max),
        _ => own().map(|(candidate, count)| choice(candidate).cost * count).sum(),
    }
}

/// The best plans of one configuration for each service, each of another arrangement.
fn alternatives(search: &Search<'_>, case: &Case) -> Vec<Replicas> {
    let choices = search.choices(case);
    if search.question.goal == Goal::Throughput {
        if case.demand.len() > 1 {
            return Vec::new();
        }
        return largest(search, case, &choices.list, &choices.candidates);
    }
    let mut plans: Vec<Replicas> =
        uniform(&choices.list, &case.limits()).iter().map(|replicas| choices.candidates(replicas)).collect();
    if search.question.goal == Goal::Latency {
        plans.sort_by(|a, b| worth(search, case, a).total_cmp(&worth(search, case, b)));
    }
    distinct(search, plans)
}

/// As many replicas of each configuration as the limits allow, the largest first.
fn largest(search: &Search<'_>, case: &Case, choices: &[Choice], candidates: &[usize]) -> Vec<Replicas> {
    let limits = case.limits();
    let count = |choice: &Choice| {
        let gpus = limits.gpus[choice.gpu].map(|count| count / choice.gpus);
        let power = limits.power.map(|budget| (budget / choice.draw).floor() as usize);
        gpus.into_iter().chain(power).min().filter(|count| *count > 0)
    };
    let own = choices.iter().zip(candidates).filter_map(|(choice, &index)| Some((index, count(choice)?)));
    let mut plans: Vec<Replicas> = own.map(|one| vec![one]).collect();
    plans.sort_by(|a, b| worth(search, case, a).total_cmp(&worth(search, case, b)));
    distinct(search, plans)
}

/// The first plan of each arrangement.
fn distinct(search: &Search<'_>, plans: Vec<Replicas>) -> Vec<Replicas> {
    let mut seen = BTreeSet::new();
    let arrangement =
        |plan: &Replicas| plan.iter().map(|&(index, _)| search.list[index].arrangement()).collect::<Vec<_>>();
    plans.into_iter().filter(|plan| seen.insert(arrangement(plan))).take(MOST_LISTED).collect()
}

/// Whether only memory keeps the batch of a configuration from being larger.
fn memory(search: &Search<'_>, case: &Case, own: &Candidate, broken: &[(Candidate, String)]) -> Option<Binding> {
    let batch = own.run.number("batch_size")?;
    let arrangement = own.arrangement();
    let larger = |other: &Candidate| {
        let size = other.run.number("batch_size").filter(|size| *size > batch)?;
        let is_like = (other.service, other.gpu, other.gpus) == (own.service, own.gpu, own.gpus);
        (is_like && other.arrangement() == arrangement).then_some(size)
    };
    if search.list.iter().any(|other| larger(other).is_some()) {
        return None;
    }
    let first = broken
        .iter()
        .filter_map(|(other, _)| Some((larger(other)?, other)))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(_, other)| search.broken(case, other).is_none())?;
    let limit = LimitOf::Memory { service: own.service, batch_size: first.0 as usize };
    Some(Binding { limit, value: batch, relaxed: None, next: None, without: None })
}

/// Counts candidates that break a limit, and those that no best plan needs.
fn count_rejected(search: &Search<'_>, case: &Case, rejected: &mut BTreeMap<String, usize>) {
    let mut broken: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for candidate in search.list {
        if let Some(place) = search.broken(case, candidate) {
            *broken.entry((candidate.service, place)).or_insert(0) += 1;
        }
    }
    for ((service, place), count) in broken {
        let limit = &search.question.services[service].limits[place];
        let most = show(case.most[service][place], &limit.unit);
        *rejected.entry(format!("`{}` above {most}", limit.metric)).or_insert(0) += count;
    }
    let dominated = search.choices(case).dominated();
    if dominated > 0 {
        rejected.insert("another serves as much with no more power and GPUs".to_owned(), dominated);
    }
}

/// The intervals of a curve and their sum.
fn by_time(search: &Search<'_>, curve: &Curve, deployments: Vec<Deployment>) -> (Vec<Interval>, Option<Totals>) {
    let mut gpus = vec![0; search.question.gpus.len()];
    for deployment in &deployments {
        for (most, own) in gpus.iter_mut().zip(&deployment.gpus) {
            *most = (*most).max(*own);
        }
    }
    let sum_of = |cost: &dyn Fn(usize, &Deployment) -> Option<Cost>| -> Option<Cost> {
        let mut total = Cost { gpus: 0.0, electricity: 0.0 };
        for (interval, deployment) in deployments.iter().enumerate() {
            let own = cost(interval, deployment)?;
            total.gpus += own.gpus * curve.durations[interval];
            total.electricity += own.electricity * curve.durations[interval];
        }
        Some(total)
    };
    let weighted = |(own, duration): (&Deployment, &f64)| own.site_power.value * duration;
    let carbon = |(own, duration): (&Deployment, &f64)| own.carbon.map(|carbon| carbon * duration);
    let totals = Totals {
        duration: curve.durations.iter().sum(),
        energy: deployments.iter().zip(&curve.durations).map(weighted).sum(),
        cost: sum_of(&|_, own| own.cost),
        cost_of_peak: sum_of(&|interval, own| {
            search.cost(&Case::new(search.question, interval), &gpus, own.site_power.value)
        }),
        carbon: deployments.iter().zip(&curve.durations).map(carbon).sum(),
        gpus,
    };
    let times = curve.starts.iter().zip(&curve.durations);
    let intervals = deployments
        .into_iter()
        .zip(times)
        .map(|(deployment, (&start, &duration))| Interval { start, duration, deployment })
        .collect();
    (intervals, Some(totals))
}

fn caveats(search: &Search<'_>, deployments: &[Deployment]) -> Vec<Caveat> {
    let question = search.question;
    let mut found = Vec::new();
    let Some(best) = deployments.first() else { return found };
    let far: BTreeSet<&str> = best
        .parts
        .iter()
        .map(|part| part.candidate.support.as_str())
        .filter(|support| !["measured", "interpolation"].contains(support))
        .collect();
    if !far.is_empty() {
        let kinds: Vec<&str> = far.into_iter().collect();
        found.push(Caveat::new(
            "extrapolation",
            format!(
                "The best plan has configurations that were not measured ({}): its intervals are wide, and a favorable error \
                 may have chosen it. `--robust 90%` plans for that; a measured run given as `--given RUN` narrows it.",
                quoted(&kinds, 5)
            ),
        ));
    }
    for served in &best.served {
        let service = &question.services[served.service];
        let guessed = !service.axes.iter().any(|(name, _)| name == "output_tokens");
        if search.demand_item(served.service) == Item::Request && service.item == Item::Token && guessed {
            let tokens = served.throughput.value / served.supply.value;
            found.push(Caveat::new(
                "guessed_length",
                format!(
                    "The demand of `{}` is in requests, and an answer is taken to have {} tokens, which is a guess for its \
                     task: say it by `--set output_tokens=N`.",
                    service.name,
                    tokens.round()
                ),
            ));
        }
    }
    if deployments.iter().take(1).any(|own| !own.proven) {
        found.push(Caveat::new(
            "not_proven",
            "Of so many configurations only the most promising were combined: a slightly better mix may exist. Narrow the \
             search to be sure.",
        ));
    }
    let is_priced = question.gpus.iter().any(|own| own.price.is_some());
    if !is_priced && question.electricity_price.is_some() {
        found.push(Caveat::new(
            "electricity_only",
            "No GPU has a price: the cost is that of electricity alone. Say it by `--gpu-price 'H100=2.5 USD/h'`.",
        ));
    }
    if best.served.iter().any(|own| own.headroom() > 0.02) {
        found.push(Caveat::new(
            "headroom",
            "Power and energy are those of replicas that are all kept busy: where more can be served than is asked for, they \
             take less than this.",
        ));
    }
    found
}
