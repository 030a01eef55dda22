//! Sending requests: one at a time for each client of a closed loop, on a schedule in an open one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use super::active::{Active, Shared};
use super::arrival::{Arrival, Schedule};
use super::follow::follow;
use super::overhead::Costs;
use super::refusal::Refusal;
use super::request::{Counts, Request, Requests};
use crate::measure::Clock;
use crate::measure::http::{Client, Stream, Url};

/// Mixed into the seed of the schedule, so that it shares nothing with prompts.
const OF_SCHEDULE: u64 = 0x5EED_0FA1_1A55;
/// Bytes of an error answer that are read.
const LARGEST_ERROR: usize = 1 << 16;
/// Shortest wait before a request is sent again, and of a client after a failure, seconds.
const SHORTEST_WAIT: f64 = 0.1;
/// Longest wait of a client after failures in a row, seconds.
const LONGEST_WAIT: f64 = 5.0;

/// What the threads of one load share.
pub(super) struct Control {
    /// No new requests.
    closing: AtomicBool,
    /// Requests given out.
    tickets: AtomicU64,
    /// A task has panicked: what it did is missing.
    broken: AtomicBool,
    /// [`Counts`] that the server is known to take.
    counts: AtomicU8,
    /// Set once: how long requests under way may go on, seconds.
    stop: watch::Sender<Option<f64>>,
}

impl Control {
    pub(super) fn new() -> Self {
        let (stop, _) = watch::channel(None);
        let counts = AtomicU8::new(Counts::Running as u8);
        let (closing, broken) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { closing, broken, tickets: AtomicU64::new(0), counts, stop }
    }

    /// Notes how a task ended.
    fn note(&self, ended: &Result<(), JoinError>) {
        if ended.as_ref().is_err_and(JoinError::is_panic) {
            self.broken.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    pub(super) fn stop(&self, drain: f64) {
        self.closing.store(true, Ordering::Relaxed);
        self.stop.send_replace(Some(drain));
    }

    /// Whether another request may be sent.
    fn admits(&self, limit: Option<u64>) -> bool {
        !self.closing.load(Ordering::Relaxed)
            && limit.is_none_or(|limit| self.tickets.fetch_add(1, Ordering::Relaxed) < limit)
    }

    fn counts(&self) -> Counts {
        match self.counts.load(Ordering::Relaxed) {
            0 => Counts::Refused,
            1 => Counts::Last,
            _ => Counts::Running,
        }
    }

    /// Learns from a refusal which of the wishes for counts the server does not take; whether that was news.
    fn learn(&self, asked: Counts, refusal: &str) -> bool {
        let takes = if refusal.contains("continuous_usage_stats") && asked == Counts::Running {
            Counts::Last
        } else if refusal.contains("stream_options") && asked != Counts::Refused {
            Counts::Refused
        } else {
            return false;
        };
        self.counts.fetch_min(takes as u8, Ordering::Relaxed);
        true
    }
}

/// One of the threads that send.
pub(super) struct Worker {
    /// Which, of how many.
    pub(super) number: usize,
    pub(super) of: usize,
    pub(super) requests: Arc<Requests>,
    pub(super) target: Url,
    pub(super) client: Client,
    pub(super) clock: Clock,
    /// When the load begins, seconds of the clock.
    pub(super) start: f64,
    pub(super) tally: Shared,
    pub(super) costs: Arc<Costs>,
    pub(super) control: Arc<Control>,
}

/// Sends until all is sent or the load is stopped, then waits for what is under way.
pub(super) async fn work(worker: Arc<Worker>) {
    let mut stop = worker.control.stop.subscribe();
    let watched = Arc::clone(&worker);
    let watch = tokio::spawn(async move { watched.costs.watch(watched.clock).await });
    let mut tasks = JoinSet::new();
    tokio::select! {
        () = send_all(&worker, &mut tasks) => {}
        _ = stop.wait_for(Option::is_some) => {}
    }
    let ended = async {
        while let Some(ended) = tasks.join_next().await {
            worker.control.note(&ended);
        }
    };
    let drained = async {
        let drain = stop.wait_for(Option::is_some).await.map_or(0.0, |drain| drain.unwrap_or(0.0));
        tokio::time::sleep(Duration::from_secs_f64(drain)).await;
    };
    tokio::select! {
        () = ended => {}
        () = drained => {}
    }
    // What is still under way is dropped here and thereby recorded as abandoned.
    tasks.shutdown().await;
    watch.abort();
}

async fn send_all(worker: &Arc<Worker>, tasks: &mut JoinSet<()>) {
    let plan = worker.requests.plan();
    if let Arrival::Closed { clients, ramp } = plan.arrival {
        for client in (worker.number..clients).step_by(worker.of) {
            let begin = worker.start + ramp * client as f64 / clients as f64;
            tasks.spawn(closed_loop(Arc::clone(worker), client as u64, clients as u64, begin));
        }
        return;
    }
    let schedule = Schedule::new(plan.arrival, plan.seed ^ OF_SCHEDULE).enumerate();
    for (number, after) in schedule.skip(worker.number).step_by(worker.of) {
        let due = worker.start + after;
        tokio::time::sleep_until(worker.clock.instant(due).into()).await;
        if !worker.control.admits(plan.requests) {
            return;
        }
        let (worker, control) = (Arc::clone(worker), &worker.control);
        tasks.spawn(async move {
            worker.request(number as u64, false, due).await;
        });
        while let Some(ended) = tasks.try_join_next() {
            control.note(&ended);
        }
    }
}

/// One client: its next request follows its last answer.
async fn closed_loop(worker: Arc<Worker>, client: u64, clients: u64, begin: f64) {
    let plan = worker.requests.plan();
    tokio::time::sleep_until(worker.clock.instant(begin).into()).await;
    let mut wait = SHORTEST_WAIT;
    let mut number = client;
    while worker.control.admits(plan.requests) {
        let part_way = plan.stagger && number < clients;
        if worker.request(number, part_way, worker.clock.now()).await {
            wait = SHORTEST_WAIT;
        } else {
            // A server in trouble is not hammered.
            tokio::time::sleep(Duration::from_secs_f64(wait)).await;
            wait = (wait * 2.0).min(LONGEST_WAIT);
        }
        number += clients;
    }
}

/// What came of sending a request once.
enum Sent {
    /// It is being answered.
    Answered(Box<Stream>),
    /// It is to be sent again at once, without asking for what the server does not take.
    Again,
    /// It is to be sent again after a wait (s), which the server asked for by what it said.
    Later(f64, String),
    Failed(&'static str, String),
}

impl Worker {
    /// One request from its sending to its end; whether the server answered it.
    async fn request(&self, number: u64, part_way: bool, scheduled: f64) -> bool {
        let plan = self.requests.plan();
        let request = self.requests.make(number, part_way);
        let mut active = Active::begin(&self.tally, self.clock, scheduled, &request);
        let mut retries = 0;
        loop {
            match self.send(&request, retries < plan.retries).await {
                Sent::Answered(stream) => {
                    return follow(*stream, active, Duration::from_secs_f64(plan.silence_timeout)).await;
                }
                Sent::Failed(code, text) => {
                    active.failed(code, text);
                    return false;
                }
                Sent::Again => {}
                Sent::Later(wait, said) => {
                    active.sent_again(said);
                    let wait = wait.max(SHORTEST_WAIT * f64::from(1 << retries.min(6)));
                    retries += 1;
                    tokio::time::sleep(Duration::from_secs_f64(wait.min(plan.longest_retry_wait))).await;
                }
            }
        }
    }

    async fn send(&self, request: &Request, may_retry: bool) -> Sent {
        let counts = self.control.counts();
        let limit = Duration::from_secs_f64(self.requests.plan().header_timeout);
        let stream = match self.client.post_stream(&self.target, request.body(counts), limit).await {
            Err(error) => return Sent::Failed(error.code(), error.to_string()),
            Ok(stream) => stream,
        };
        let status = stream.status();
        if (200..300).contains(&status) {
            return Sent::Answered(Box::new(stream));
        }
        let later = stream.header("retry-after").map(seconds_until);
        let location = stream.header("location").map(str::to_owned);
        let body = tokio::time::timeout(limit, stream.rest(LARGEST_ERROR))
            .await
            .map_or_else(|_| Vec::new().into(), Result::unwrap_or_default);
        let refusal = Refusal { target: &self.target, status, location: location.as_deref(), body: &body };
        if may_retry && (status == 429 || status == 503 && later.is_some()) {
            return Sent::Later(later.flatten().unwrap_or(0.0), refusal.text(&self.requests));
        }
        if matches!(status, 400 | 422) && self.control.learn(counts, &String::from_utf8_lossy(&body)) {
            return Sent::Again;
        }
        Sent::Failed(refusal.code(), refusal.text(&self.requests))
    }
}

/// Seconds that a `Retry-After` asks to wait: it is a number of them, or a date (RFC 9110, section 10.2.3). None if it is
/// neither.
fn seconds_until(text: &str) -> Option<f64> {
    let text = text.trim();
    let seconds = text.parse::<f64>().ok().or_else(|| {
        let date = jiff::fmt::rfc2822::parse(text).ok()?;
        Some(date.timestamp().duration_since(jiff::Timestamp::now()).as_secs_f64())
    });
    seconds.filter(|seconds| seconds.is_finite()).map(|seconds| seconds.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_asks_to_wait_by_seconds_or_by_a_date() {
        assert_eq!(seconds_until(" 3 "), Some(3.0));
        assert_eq!(seconds_until("-1"), Some(0.0));
        assert_eq!(seconds_until("inf"), None);
        assert_eq!(seconds_until("soon"), None);
        assert_eq!(seconds_until("Fri, 31 Dec 1999 23:59:59 GMT"), Some(0.0));
        let then = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(20);
        let date = then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let wait = seconds_until(&date).unwrap();
        assert!((15.0..=20.0).contains(&wait), "{date}: {wait}");
    }

    #[test]
    fn a_task_that_panics_is_noted() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let control = Control::new();
        control.note(&runtime.block_on(async { tokio::spawn(async {}).await }));
        assert!(!control.is_broken());
        control.note(&runtime.block_on(async { tokio::spawn(async { panic!("on purpose") }).await }));
        assert!(control.is_broken());
    }
}
