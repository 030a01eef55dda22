//! What load is wanted.

use serde_json::{Map, Value};

use super::arrival::Arrival;
use super::dataset::{Entry, Prompt};
use super::error::LoadError;
use super::lengths::Lengths;
use crate::measure::http::Url;

/// How requests are phrased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/v1/completions`: the prompt as it is, as text or as token ids.
    Completions,
    /// `/v1/chat/completions`: the prompt as one message of a user.
    Chat,
}

/// Where prompts come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompts {
    /// Used in an order that the seed shuffles, again and again. Empty: all prompts are made up.
    pub dataset: Vec<Entry>,
    /// Length of what is made up: where a data set has no text and no length, or there is none.
    pub lengths: Lengths,
    /// Size of the vocabulary: made-up prompts are random token ids, exactly as long as wanted. None: random English
    /// words, of about one token each.
    pub vocabulary: Option<u32>,
}

impl Prompts {
    /// Whether some are sent as token ids.
    pub(super) fn has_ids(&self) -> bool {
        let makes_up = self.dataset.is_empty() || self.dataset.iter().any(|entry| entry.prompt.is_none());
        (makes_up && self.vocabulary.is_some())
            || self.dataset.iter().any(|entry| matches!(entry.prompt, Some(Prompt::Ids(_))))
    }
}

/// A load on one server.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    /// The server, with or without `/v1`.
    pub url: Url,
    /// How requests are phrased.
    pub endpoint: Endpoint,
    /// Name of the model, as the server knows it.
    pub model: String,
    /// When requests are sent.
    pub arrival: Arrival,
    /// Requests in all; none for no end.
    pub requests: Option<u64>,
    /// In a closed loop, the first request of each client starts part-way: some of its answer stands in its prompt already,
    /// and only the rest is asked for. So the batch is as mixed at once as it would be after a long time.
    pub stagger: bool,
    /// What is asked.
    pub prompts: Prompts,
    /// How long answers are, where the data set does not say.
    pub output: Lengths,
    /// Ask the server to go on until the wanted length.
    pub ignore_eos: bool,
    /// Sampling temperature; none leaves it to the server.
    pub temperature: Option<f64>,
    /// More fields of each request; they win over those made here.
    pub body: Map<String, Value>,
    /// Of prompts, lengths and moments.
    pub seed: u64,
    /// Longest wait for the header of an answer, seconds.
    pub header_timeout: f64,
    /// Longest silence within an answer, seconds: time in the server's queue counts.
    pub silence_timeout: f64,
    /// How often a request that was told to come back later (429, or 503 with `Retry-After`) is sent again.
    pub retries: u32,
    /// Longest single wait before that, seconds.
    pub longest_retry_wait: f64,
    /// Threads that send and receive; none to choose by the number of clients.
    pub workers: Option<usize>,
}

impl LoadPlan {
    /// A plan with the usual rest: completions, no end, staggered, answers of full length, seed 0.
    pub fn new(url: Url, model: &str, arrival: Arrival, prompts: Prompts, output: Lengths) -> Self {
        Self {
            url,
            endpoint: Endpoint::Completions,
            model: model.to_owned(),
            arrival,
            requests: None,
            stagger: true,
            prompts,
            output,
            ignore_eos: true,
            temperature: None,
            body: Map::new(),
            seed: 0,
            header_timeout: 600.0,
            silence_timeout: 600.0,
            retries: 3,
            longest_retry_wait: 30.0,
            workers: None,
        }
    }

    /// Where requests go.
    pub fn target(&self) -> Url {
        let version = if self.url.path().ends_with("/v1") { "" } else { "/v1" };
        let end = match self.endpoint {
            Endpoint::Completions => "completions",
            Endpoint::Chat => "chat/completions",
        };
        self.url.join(&format!("{version}/{end}"))
    }

    /// All that is wrong with it.
    pub fn check(&self) -> Result<(), LoadError> {
        let mut faults: Vec<String> = self.arrival.fault().into_iter().collect();
        faults.extend(self.output.fault().map(|fault| format!("answers: {fault}")));
        faults.extend(self.prompts.lengths.fault().map(|fault| format!("prompts: {fault}")));
        if self.model.is_empty() {
            faults.push("no name of a model".to_owned());
        }
        if self.prompts.vocabulary.is_some_and(|size| size < 2) {
            faults.push("a vocabulary of fewer than 2 tokens".to_owned());
        }
        if self.endpoint == Endpoint::Chat && self.prompts.has_ids() {
            let message = "a chat takes no token ids: leave the vocabulary out, give prompts as texts, or use the endpoint \
                           `completions`";
            faults.push(message.to_owned());
        }
        let positive = |name: &str, seconds: f64| {
            (!(seconds.is_finite() && seconds > 0.0))
                .then(|| format!("`{name}` is {seconds} s, but it must be positive"))
        };
        faults.extend(positive("header_timeout", self.header_timeout));
        faults.extend(positive("silence_timeout", self.silence_timeout));
        if !(self.longest_retry_wait.is_finite() && self.longest_retry_wait >= 0.0) {
            faults.push(format!("`longest_retry_wait` is {} s", self.longest_retry_wait));
        }
        if self.temperature.is_some_and(|temperature| !(0.0..=100.0).contains(&temperature)) {
            faults.push("the temperature must be 0 or more".to_owned());
        }
        if faults.is_empty() { Ok(()) } else { Err(LoadError::Plan { faults }) }
    }
}
