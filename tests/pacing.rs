//! When the load generator sends, and from when it counts latencies.
//!
//! A crowded machine may delay any request. So these tests hold plans to what they promise, and the generator to what it
//! says of itself; none holds a clock to a limit.

use joules::measure::Clock;
use joules::measure::http::{Client, Options};
use joules::measure::load::{Arrival, Outcome, Record, Summary, start};

use super::load::{begin, plan, server};
use crate::server::Script;

/// A request that is sent later than this after it was due is told of, seconds.
const LATE: f64 = 0.01;

/// Largest distance between the distribution of these gaps and the exponential one of this rate: the statistic of
/// Kolmogorov and Smirnov.
fn distance_from_exponential(gaps: &[f64], rate: f64) -> f64 {
    let mut gaps = gaps.to_vec();
    gaps.sort_by(f64::total_cmp);
    let count = gaps.len() as f64;
    let distances = gaps.iter().enumerate().map(|(below, gap)| {
        let expected = 1.0 - (-rate * gap).exp();
        (expected - below as f64 / count).abs().max(((below + 1) as f64 / count - expected).abs())
    });
    distances.fold(0.0, f64::max)
}

/// Either requests were sent when they were due, or the summary says that they were not.
fn assert_lateness_is_told(summary: &Summary) {
    let late = summary.sent_late.unwrap();
    let is_told = summary.caveats.iter().any(|caveat| caveat.code == "requests_sent_late");
    assert_eq!(late.p99 > LATE, is_told, "{late:?}");
}

#[test]
fn a_poisson_load_of_a_thousand_requests_per_second_keeps_its_plan() {
    let server = server(Script { step: 0.001, batch: 1000, ..Script::default() });
    let mut plan = plan(&server, 1, 1500, 2);
    plan.arrival = Arrival::Open { rate: 1000.0, burstiness: 1.0 };
    plan.seed = 5;
    let finished = begin(plan).join();
    let records = finished.tally.records();
    assert_eq!((records.len(), finished.tally.done()), (1500, 1500), "{:?}", finished.tally.faults());
    let gaps: Vec<f64> = records.windows(2).map(|pair| pair[1].scheduled - pair[0].scheduled).collect();
    // The plan is the same on every machine. Limits: a chance of one in a thousand, and three standard errors.
    let distance = distance_from_exponential(&gaps, 1000.0);
    assert!(distance * (gaps.len() as f64).sqrt() < 1.95, "{distance}");
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    assert!((mean * 1000.0 - 1.0).abs() < 3.0 / (gaps.len() as f64).sqrt(), "{mean}");
    assert!(records.iter().all(|record| record.sent >= record.scheduled));
    let summary = Summary::of(&finished.tally, 0.0, 1e6);
    assert_eq!(summary.sent_late.unwrap().count, 1500);
    assert_lateness_is_told(&summary);
}

#[test]
fn a_stall_of_the_server_shows_in_all_requests_that_were_due_in_it() {
    let server = server(Script { step: 0.001, batch: 1000, stall_after: 0.4, stall: 1.0, ..Script::default() });
    let mut plan = plan(&server, 1, 400, 2);
    plan.arrival = Arrival::Open { rate: 200.0, burstiness: 1.0 };
    let clock = Clock::start();
    let finished = start(plan, &Client::new(Options::default()).unwrap(), clock).unwrap().join();
    let (stalled, awake) = server.served().stalled.unwrap();
    let (stalled, awake) = (clock.at(stalled), clock.at(awake));
    let due: Vec<&Record> =
        finished.tally.records().iter().filter(|record| (stalled..awake).contains(&record.scheduled)).collect();
    // 200 or more are expected, give or take 14.
    assert!(due.len() > 120 && due.iter().all(|record| record.outcome == Outcome::Done), "{}", due.len());
    assert!(due.iter().all(|record| record.first_token.unwrap() >= awake));
    // Half a second on average. A generator that waits for answers would send one request in that time, and tell of it alone.
    let summary = Summary::of(&finished.tally, 0.0, 1e6);
    let latency = summary.first_token.unwrap();
    let least = due.iter().map(|record| awake - record.scheduled).sum::<f64>();
    assert!(least / due.len() as f64 > 0.4 && latency.mean * latency.count as f64 > least, "{latency:?}");
    assert!(latency.p90 > 0.5, "{latency:?}");
    assert_lateness_is_told(&summary);
    let cost = finished.overhead(stalled, awake + 1.0).unwrap();
    assert!(cost.streams > 10.0 && cost.cores > 0.0, "{cost:?}");
}
