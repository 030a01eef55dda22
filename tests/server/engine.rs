//! Steps: each gives one token to every running request.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::script::Script;

/// Bounds of the latency histograms, seconds (those of vLLM's token times).
pub(crate) const BOUNDS: [f64; 12] = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.5, 10.0];

/// A histogram of seconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    /// Not cumulative; the last is above all bounds.
    pub(crate) counts: [u64; BOUNDS.len() + 1],
    pub(crate) sum: f64,
}

impl Histogram {
    fn add(&mut self, seconds: f64) {
        self.counts[BOUNDS.partition_point(|&bound| bound < seconds)] += 1;
        self.sum += seconds;
    }
}

/// What was served so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Served {
    pub(crate) running: usize,
    pub(crate) waiting: usize,
    pub(crate) prompt_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) finished: u64,
    pub(crate) aborted: u64,
    pub(crate) steps: u64,
    /// Most that ran at once.
    pub(crate) peak: usize,
    pub(crate) between_tokens: Histogram,
    pub(crate) first_token: Histogram,
    pub(crate) whole: Histogram,
    /// When it began to stall, and when that was over.
    pub(crate) stalled: Option<(Instant, Instant)>,
}

struct Sequence {
    prompt_tokens: u64,
    wanted: u32,
    produced: u32,
    /// Tokens of which the connection was not told yet.
    untold: u32,
    tell: UnboundedSender<u32>,
    arrived: Instant,
    last: Instant,
}

#[derive(Default)]
struct State {
    running: Vec<Sequence>,
    waiting: VecDeque<Sequence>,
    served: Served,
}

pub(crate) struct Engine {
    script: Script,
    state: Mutex<State>,
    work: Notify,
}

impl Engine {
    pub(crate) fn new(script: Script) -> Self {
        Self { script, state: Mutex::default(), work: Notify::new() }
    }

    /// Queues a request; what is received are numbers of new tokens, until the channel closes.
    pub(crate) fn submit(&self, prompt_tokens: u64, wanted: u32) -> UnboundedReceiver<u32> {
        let (tell, told) = unbounded_channel();
        let now = Instant::now();
        let sequence = Sequence { prompt_tokens, wanted, produced: 0, untold: 0, tell, arrived: now, last: now };
        self.state.lock().unwrap().waiting.push_back(sequence);
        self.work.notify_one();
        told
    }

    pub(crate) fn served(&self) -> Served {
        let state = self.state.lock().unwrap();
        Served { running: state.running.len(), waiting: state.waiting.len(), ..state.served.clone() }
    }

    /// Runs for ever.
    pub(crate) async fn run(&self) {
        let mut next = tokio::time::Instant::now();
        let mut first = None;
        loop {
            let taken_in = self.admit();
            let running = self.state.lock().unwrap().running.len();
            if running == 0 {
                self.work.notified().await;
                next = tokio::time::Instant::now();
                continue;
            }
            if self.script.stall > 0.0 && first.get_or_insert(next).elapsed().as_secs_f64() >= self.script.stall_after {
                self.stall().await;
            }
            let step = Duration::from_secs_f64(self.script.step_time(running, taken_in));
            next = (next + step).max(tokio::time::Instant::now());
            tokio::time::sleep_until(next).await;
            self.step();
        }
    }

    /// Makes no token for a while, the first time that it is called.
    async fn stall(&self) {
        if self.state.lock().unwrap().served.stalled.is_none() {
            let begun = Instant::now();
            tokio::time::sleep(Duration::from_secs_f64(self.script.stall)).await;
            self.state.lock().unwrap().served.stalled = Some((begun, Instant::now()));
        }
    }

    /// Moves waiting requests into the batch; the prompt tokens that came with them.
    fn admit(&self) -> u64 {
        let mut guard = self.state.lock().unwrap();
        let state = &mut *guard;
        let before = state.running.len() + state.waiting.len();
        state.waiting.retain(|sequence| !sequence.tell.is_closed());
        state.running.retain(|sequence| !sequence.tell.is_closed());
        state.served.aborted += (before - state.running.len() - state.waiting.len()) as u64;
        let mut taken_in = 0;
        while state.running.len() < self.script.batch
            && let Some(sequence) = state.waiting.pop_front()
        {
            taken_in += sequence.prompt_tokens;
            state.running.push(sequence);
        }
        state.served.prompt_tokens += taken_in;
        state.served.peak = state.served.peak.max(state.running.len());
        taken_in
    }

    fn step(&self) {
        let mut guard = self.state.lock().unwrap();
        let State { running, served, .. } = &mut *guard;
        let now = Instant::now();
        served.steps += 1;
        running.retain_mut(|sequence| {
            sequence.produced += 1;
            sequence.untold += 1;
            served.output_tokens += 1;
            let since = (now - sequence.last).as_secs_f64();
            if sequence.produced == 1 {
                served.first_token.add(since);
            } else {
                served.between_tokens.add(since);
            }
            sequence.last = now;
            let done = sequence.produced >= sequence.wanted;
            let told = sequence.untold < self.script.bundle && !done || sequence.tell.send(sequence.untold).is_ok();
            if sequence.untold >= self.script.bundle {
                sequence.untold = 0;
            }
            if done {
                served.finished += 1;
                served.whole.add((now - sequence.arrived).as_secs_f64());
            } else if !told {
                served.aborted += 1;
            }
            told && !done
        });
    }
}
