//! A load that runs in threads of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustix::process::{Resource, getrlimit, setrlimit};

use super::active::Shared;
use super::arrival::Arrival;
use super::error::LoadError;
use super::overhead::{Costs, Overhead};
use super::plan::LoadPlan;
use super::request::Requests;
use super::send::{Control, Worker, work};
use super::tally::Tally;
use crate::measure::http::Client;
use crate::measure::{Clock, Series};

/// Streams that one thread is given before there is another, and most threads.
const STREAMS_PER_WORKER: usize = 1024;
const MOST_WORKERS: usize = 4;
/// Time for threads to be ready before the first request, seconds.
const HEAD_START: f64 = 0.02;

/// A load under way. Dropped, it stops and what is under way is abandoned.
pub struct Running {
    clock: Clock,
    start: f64,
    control: Arc<Control>,
    tallies: Vec<Shared>,
    costs: Vec<Arc<Costs>>,
    threads: Vec<JoinHandle<()>>,
    /// Whether it goes on until it is stopped.
    is_endless: bool,
}

/// What is left of a load when it is over.
#[derive(Debug)]
pub struct Finished {
    /// All that was seen.
    pub tally: Tally,
    costs: Vec<Arc<Costs>>,
}

/// Starts a load in threads of its own. `client` says how to speak to the server (key, authorities); its connections are
/// not used.
pub fn start(plan: LoadPlan, client: &Client, clock: Clock) -> Result<Running, LoadError> {
    plan.check()?;
    raise_file_limit();
    let streams = if let Arrival::Closed { clients, .. } = plan.arrival { clients } else { STREAMS_PER_WORKER };
    let of = plan.workers.unwrap_or_else(|| streams.div_ceil(STREAMS_PER_WORKER).clamp(1, MOST_WORKERS)).max(1);
    let begin = clock.now() + HEAD_START;
    let mut running = Running {
        clock,
        start: begin,
        control: Arc::new(Control::new()),
        tallies: vec![],
        costs: vec![],
        threads: vec![],
        is_endless: plan.requests.is_none(),
    };
    let target = plan.target();
    let requests = Arc::new(Requests::new(plan));
    for number in 0..of {
        let tally = Arc::new(Mutex::new(Tally::new(begin)));
        let costs = Arc::new(Costs::default());
        let worker = Worker {
            number,
            of,
            requests: Arc::clone(&requests),
            target: target.clone(),
            client: client.apart(),
            clock,
            start: begin,
            tally: Arc::clone(&tally),
            costs: Arc::clone(&costs),
            control: Arc::clone(&running.control),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| LoadError::Start { source })?;
        let thread = std::thread::Builder::new()
            .name(format!("load-{number} :{}", target.port()))
            .spawn(move || runtime.block_on(work(Arc::new(worker))))
            .map_err(|source| LoadError::Start { source })?;
        running.tallies.push(tally);
        running.costs.push(costs);
        running.threads.push(thread);
    }
    Ok(running)
}

impl Running {
    /// When the load began, seconds of the clock.
    pub fn start(&self) -> f64 {
        self.start
    }

    /// Output tokens since the load began, as of now; those of failed requests are taken out again.
    pub fn tokens(&self) -> Series {
        self.counts().tokens()
    }

    /// What was counted over time so far (tokens, requests under way, requests decoding) and what failures said. Without
    /// records and latencies.
    pub fn counts(&self) -> Tally {
        let mut whole = Tally::new(self.start);
        self.each(|tally| whole.merge_counts(tally));
        whole
    }

    /// All that was seen so far, latencies and records of ended requests included.
    pub fn seen(&self) -> Tally {
        let mut whole = Tally::new(self.start);
        self.each(|tally| whole.merge(tally));
        whole
    }

    /// Requests sent so far.
    pub fn sent(&self) -> u64 {
        self.sum(Tally::sent_requests)
    }

    /// Requests answered to the end so far.
    pub fn done(&self) -> u64 {
        self.sum(Tally::done)
    }

    /// Requests that failed so far.
    pub fn failed(&self) -> u64 {
        self.sum(Tally::failed)
    }

    /// Whether all requests of the plan have ended.
    pub fn is_over(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Whether a part of it died by a fault of its own, so that what it should have sent and counted is missing.
    pub fn is_broken(&self) -> bool {
        let has_ended =
            self.is_endless && !self.control.is_stopped() && self.threads.iter().any(JoinHandle::is_finished);
        self.control.is_broken() || has_ended
    }

    /// What the client cost between two moments; none before its first second.
    pub fn overhead(&self, from: f64, to: f64) -> Option<Overhead> {
        Overhead::of(&self.costs, self.counts().under_way().mean(from, to)?, from, to)
    }

    /// Sends no more, lets what is under way go on for at most `drain` seconds, and gives the rest up.
    pub fn stop(mut self, drain: f64) -> Finished {
        let drain = if drain.is_finite() { drain.clamp(0.0, 1e6) } else { 0.0 };
        self.end(drain);
        Finished { tally: self.seen(), costs: self.costs.clone() }
    }

    /// Waits until all requests of the plan have ended.
    pub fn join(mut self) -> Finished {
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
        Finished { tally: self.seen(), costs: self.costs.clone() }
    }

    /// Seconds since the load began.
    pub fn elapsed(&self) -> f64 {
        self.clock.now() - self.start
    }

    fn end(&mut self, drain: f64) {
        self.control.stop(drain);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }

    fn each(&self, mut look: impl FnMut(&Tally)) {
        for tally in &self.tallies {
            look(&tally.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn sum(&self, count: impl Fn(&Tally) -> u64) -> u64 {
        let mut sum = 0;
        self.each(|tally| sum += count(tally));
        sum
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end(0.0);
    }
}

impl Finished {
    /// What the client cost between two moments; none if that is outside its life, or shorter than a second.
    pub fn overhead(&self, from: f64, to: f64) -> Option<Overhead> {
        Overhead::of(&self.costs, self.tally.under_way().mean(from, to)?, from, to)
    }
}

/// Each stream is an open file: as many as the system lets this process have.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).ok();
}
