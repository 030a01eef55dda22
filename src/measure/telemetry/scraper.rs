//! Scrapes of a live server, in the background.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::dialect::Meaning;
use super::observe::{Observed, observe};
use super::record::Record;
use super::text::parse;
use crate::measure::{Clock, Series};
use crate::notes::{Caveat, plural};
use crate::unit::percent;

/// As many messages of failed scrapes as are kept; all are counted.
const MOST_MESSAGES: usize = 5;

/// A window in which fewer of the scrapes than this succeeded is told to be scraped badly.
const ENOUGH: f64 = 0.9;

/// Reads a page of metrics at every interval, on a thread of its own, until it is stopped or dropped.
#[derive(Debug)]
pub struct Scraper {
    seen: Arc<Mutex<Seen>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What scrapes have brought so far.
#[derive(Clone, Debug, Default)]
struct Seen {
    record: Record,
    /// Moments of scrapes that brought a page, and how long each took, s.
    scraped: Series,
    /// Moments of scrapes that did not.
    failed: Vec<f64>,
    messages: Vec<String>,
    faulty_lines: usize,
}

impl Scraper {
    /// Starts to scrape with `fetch`, which gives a page or says why there is none. A scrape is told at the middle of the
    /// time it took; one that takes longer than the interval delays the next.
    pub fn start<F>(clock: Clock, interval: Duration, mut fetch: F) -> Self
    where
        F: FnMut() -> Result<String, String> + Send + 'static,
    {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (stop, stopped) = channel();
        let of_thread = Arc::clone(&seen);
        let thread = std::thread::spawn(move || {
            let mut due = clock.now();
            loop {
                let from = clock.now();
                let page = fetch();
                let to = clock.now();
                take(&mut lock(&of_thread), page, from, to);
                due = (due + interval.as_secs_f64()).max(clock.now());
                let pause = Duration::from_secs_f64((due - clock.now()).max(0.0));
                if !matches!(stopped.recv_timeout(pause), Err(RecvTimeoutError::Timeout)) {
                    break;
                }
            }
        });
        Self { seen, stop: Some(stop), thread: Some(thread) }
    }

    /// What a window of the measurement holds, with a caveat where scrapes are missing.
    pub fn window(&self, from: f64, to: f64) -> Observed {
        let seen = lock(&self.seen).clone();
        let mut found = observe(&seen.record, from, to);
        let good = seen.scraped.between(from, to).len();
        let failed = seen.failed.iter().filter(|at| (from..=to).contains(*at)).count();
        if good + failed > 0 {
            found.details.insert("scrape_ratio".to_owned(), good as f64 / (good + failed) as f64);
        }
        if failed > 0 && (good as f64) < ENOUGH * (good + failed) as f64 {
            let text = format!(
                "{} of {} failed ({} good){}",
                failed,
                plural(good + failed, "scrape"),
                percent(good as f64 / (good + failed) as f64),
                seen.messages.first().map(|message| format!(": {message}")).unwrap_or_default()
            );
            found.caveats.push(Caveat::new("scrapes_failed", text));
        }
        if seen.faulty_lines > 0 {
            let text = format!("{} of the server's metrics could not be read", plural(seen.faulty_lines, "line"));
            found.caveats.push(Caveat::new("metrics_unreadable", text));
        }
        found
    }

    /// Requests running, all engines.
    pub fn running(&self) -> Option<Series> {
        lock(&self.seen).record.sum(Meaning::Running)
    }

    /// Requests waiting, all engines.
    pub fn waiting(&self) -> Option<Series> {
        lock(&self.seen).record.sum(Meaning::Waiting)
    }

    /// Share of the KV cache in use, the mean over engines.
    pub fn kv_use(&self) -> Option<Series> {
        lock(&self.seen).record.mean(Meaning::KvUse)
    }

    /// Output tokens since the first scrape, all engines.
    pub fn output_tokens(&self) -> Option<Series> {
        let counter = lock(&self.seen).record.counter(Meaning::OutputTokens);
        counter.map(|counter| counter.series)
    }

    /// Prompt tokens since the first scrape, all engines.
    pub fn prompt_tokens(&self) -> Option<Series> {
        let counter = lock(&self.seen).record.counter(Meaning::PromptTokens);
        counter.map(|counter| counter.series)
    }

    /// Moments of the scrapes that brought a page, each with how long it took, s.
    pub fn scrapes(&self) -> Series {
        lock(&self.seen).scraped.clone()
    }

    /// The first messages of scrapes that failed, each with its moment.
    pub fn failures(&self) -> Vec<String> {
        lock(&self.seen).messages.clone()
    }

    /// All that was recorded so far.
    pub fn record(&self) -> Record {
        lock(&self.seen).record.clone()
    }

    /// Ends the scrapes, after the one that may be under way.
    pub fn stop(mut self) -> Record {
        self.end();
        self.record()
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A scrape that panicked has told why on its own; what was seen before stays.
            let _ = thread.join();
        }
    }
}

impl Drop for Scraper {
    fn drop(&mut self) {
        self.end();
    }
}

/// What was seen stays good when a thread that held it has died.
fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take(seen: &mut Seen, page: Result<String, String>, from: f64, to: f64) {
    let middle = f64::midpoint(from, to);
    match page {
        Ok(text) => {
            let page = parse(&text);
            seen.faulty_lines += page.faulty_lines;
            seen.record.add_page(middle, &page);
            seen.scraped.push(middle, to - from);
        }
        Err(message) => {
            if seen.messages.len() < MOST_MESSAGES {
                seen.messages.push(message);
            }
            seen.failed.push(middle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_scraped_until_it_is_stopped_and_failures_are_told() {
        let mut count = 0_u32;
        let fetch = move || {
            count += 1;
            if count.is_multiple_of(2) {
                return Err("connection refused".to_owned());
            }
            Ok(format!("vllm:num_requests_running 3\nvllm:generation_tokens_total {count}\nbad line\n"))
        };
        let scraper = Scraper::start(Clock::start(), Duration::from_millis(2), fetch);
        while scraper.scrapes().points().len() < 5 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let last = scraper.scrapes().points().last().unwrap().0;
        let found = scraper.window(0.0, last);
        assert!((found.latents["running_batch"] - 3.0).abs() < 1e-9);
        assert!(found.output_tokens.unwrap() >= 7.9);
        let codes: Vec<&str> = found.caveats.iter().map(|caveat| caveat.code.as_str()).collect();
        assert!(codes.contains(&"scrapes_failed") && codes.contains(&"metrics_unreadable"), "{codes:?}");
        assert_eq!(scraper.failures()[0], "connection refused");
        assert!(!scraper.stop().is_empty());
    }
}
