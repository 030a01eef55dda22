//! What is kept of each request.

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answered to the end.
    Done,
    /// Not, or not to the end. The word is that of [`HttpError::code`](crate::measure::http::HttpError::code), or
    /// `refused-request` (status 3xx, or 4xx without 408 and 429), `status` (another that is no success), `server-error` (reported
    /// within the stream), `not-a-stream`, `no-token` (an answer of none), `count` (impossible counts of tokens).
    Failed(&'static str),
    /// Given up when the load was stopped.
    Abandoned,
}

impl Outcome {
    /// Whether it failed in a way that waiting does not mend: the same request fails the same way again.
    pub fn is_lasting(self) -> bool {
        const LASTING: [&str; 7] =
            ["refused-request", "not-a-stream", "no-token", "count", "tls", "not-http", "too-large"];
        matches!(self, Self::Failed(code) if LASTING.contains(&code))
    }
}

/// Where the count of output tokens comes from; from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CountedBy {
    /// The server's count with every chunk.
    RunningUsage,
    /// The ids of the tokens in each chunk.
    TokenIds,
    /// The server's count at the end: exact in sum, its tokens spread evenly over the chunks.
    LastUsage,
    /// Chunks with text: each counts as one token.
    Chunks,
}

/// One request. Moments are seconds of the clock of the measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// When it was due: in an open loop latencies count from here, so that a late client hides nothing.
    pub scheduled: f64,
    /// When it was sent first.
    pub sent: f64,
    /// When its first token came.
    pub first_token: Option<f64>,
    /// When it ended.
    pub ended: f64,
    /// By the server's count.
    pub prompt_tokens: Option<u32>,
    /// Tokens asked for.
    pub wanted: u32,
    /// Tokens that came.
    pub output_tokens: u32,
    /// How these were counted.
    pub counted_by: CountedBy,
    /// How it ended.
    pub outcome: Outcome,
    /// How often it was sent again.
    pub retries: u32,
}

#[cfg(test)]
impl Record {
    /// A request for one token that was due, was sent, got its token and ended at these moments.
    pub(super) fn of_one_token(scheduled: f64, sent: f64, first_token: f64, ended: f64) -> Self {
        Self {
            scheduled,
            sent,
            first_token: Some(first_token),
            ended,
            prompt_tokens: None,
            wanted: 1,
            output_tokens: 1,
            counted_by: CountedBy::RunningUsage,
            outcome: Outcome::Done,
            retries: 0,
        }
    }
}
