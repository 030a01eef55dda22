//! An answer as it streams in: tokens are credited when they arrive.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::active::Active;
use super::chunk::{Chunk, counts};
use super::record::CountedBy;
use super::sse::Events;
use crate::measure::http::{HttpError, Stream};

/// Bytes of an answer that are shown in a message.
const EXCERPT: usize = 200;

/// What was understood of a stream so far.
#[derive(Debug, Default)]
struct Counting {
    /// The server counts with every chunk.
    running: bool,
    ids: bool,
    /// Tokens of the piece at hand.
    fresh: u32,
    /// The server's count at the end.
    last: Option<u32>,
    finished: bool,
    error: Option<String>,
    /// Beginning of the last event that was no JSON.
    strange: Option<String>,
    events: u64,
}

impl Counting {
    fn take(&mut self, data: &[u8], active: &mut Active) {
        self.events += 1;
        // The short way does not read the length of the prompt, which the first events have.
        let quick = self.running && active.knows_prompt();
        let is_end = data.first() == Some(&b'[');
        let Some(chunk) = (if quick || is_end { Chunk::read(data) } else { Chunk::parse(data) }) else {
            self.strange = Some(excerpt(data));
            return;
        };
        self.finished |= chunk.finished;
        if chunk.error {
            self.error = Some(excerpt(data));
        }
        if let Some(tokens) = chunk.prompt_tokens {
            active.prompt_is(tokens);
        }
        let credited = active.tokens() + self.fresh;
        match chunk.output_tokens {
            Some(total) if self.running || credited == 0 => {
                self.running = true;
                self.fresh += total.saturating_sub(credited);
            }
            Some(total) => self.last = Some(total),
            None if self.running => {}
            None => {
                self.ids |= chunk.ids.is_some();
                self.fresh += chunk.ids.unwrap_or(u32::from(chunk.text));
            }
        }
    }

    fn counted_by(&self) -> CountedBy {
        match self {
            Self { running: true, .. } => CountedBy::RunningUsage,
            Self { ids: true, .. } => CountedBy::TokenIds,
            Self { last: Some(_), .. } => CountedBy::LastUsage,
            _ => CountedBy::Chunks,
        }
    }
}

/// Reads a stream to its end and credits its tokens; `silence` is the longest wait for a piece. Whether it was complete.
pub(super) async fn follow(mut stream: Stream, mut active: Active, silence: Duration) -> bool {
    if stream.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
        return whole(stream, active, silence).await;
    }
    let mut events = Events::new();
    let mut counting = Counting::default();
    let mut heard = Instant::now();
    let mut alarm = pin!(sleep_until(heard + silence));
    let end = loop {
        let piece = tokio::select! {
            biased;
            piece = stream.next() => piece,
            () = &mut alarm => {
                // One alarm per silence, not one per piece: it is set again when it rings for nothing.
                if heard.elapsed() >= silence {
                    let text = format!("nothing came for {} s in the middle of an answer", silence.as_secs_f64());
                    return active.failed("timeout", text);
                }
                alarm.as_mut().reset(heard + silence);
                continue;
            }
        };
        match piece {
            Ok(Some(piece)) => {
                heard = Instant::now();
                events.feed(&piece, |data| counting.take(data, &mut active));
                active.credit(std::mem::take(&mut counting.fresh));
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    events.finish(|data| counting.take(data, &mut active));
    active.credit(std::mem::take(&mut counting.fresh));
    conclude(&counting, active, end)
}

/// Whether an answer was complete.
fn conclude(counting: &Counting, active: Active, end: Option<HttpError>) -> bool {
    if let Some(text) = &counting.error {
        return active.failed("server-error", format!("the server reported an error: {text}"));
    }
    let complete = counting.finished || active.tokens() >= active.wanted();
    match end {
        Some(error) if !complete => active.failed(error.code(), error.to_string()),
        None if !complete && counting.events == 0 => {
            active.failed("not-a-stream", "the answer is no stream of events".to_owned())
        }
        None if !complete => {
            let strange = counting.strange.as_ref().map(|text| format!("; not understood: {text}")).unwrap_or_default();
            active.failed("cut", format!("the answer ended without `[DONE]`{strange}"))
        }
        _ => active.done(counting.counted_by(), counting.last),
    }
}

/// An answer that came at once although a stream was asked for: all its tokens arrive together.
async fn whole(stream: Stream, mut active: Active, silence: Duration) -> bool {
    match tokio::time::timeout(silence, stream.rest(64 << 20)).await {
        Err(_) => active.failed("timeout", format!("no whole answer within {} s", silence.as_secs_f64())),
        Ok(Err(error)) => active.failed(error.code(), error.to_string()),
        Ok(Ok(body)) => match counts(&body) {
            (Some(output), prompt) => {
                if let Some(prompt) = prompt {
                    active.prompt_is(prompt);
                }
                active.credit(output);
                active.done(CountedBy::LastUsage, Some(output))
            }
            _ => active.failed("not-a-stream", format!("the answer is no stream of events: {}", excerpt(&body))),
        },
    }
}

/// The beginning of an answer, on one line, for a message.
pub(super) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(EXCERPT)]);
    let words: Vec<&str> = text.split_whitespace().collect();
    let more = if body.len() > EXCERPT { " …" } else { "" };
    format!("{}{more}", words.join(" ").replace(|letter: char| letter.is_control(), " "))
}
