//! An answer as it streams in: tokens are credited when they arrive.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::active::Active;
use super::chunk::{Chunk, counts};
use super::record::CountedBy;
use super::sse::{Events, LONGEST};
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
    /// Beginning of the answer, as long as it holds no event.
    head: Vec<u8>,
    /// Counts that cannot be.
    impossible: Option<String>,
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
            if tokens > active.most_prompt_tokens() {
                self.wrong(format!("the server says that the prompt had {tokens} tokens, which cannot be"));
            }
            active.prompt_is(tokens);
        }
        let credited = active.tokens().saturating_add(self.fresh);
        // No tokens beside a text are no count.
        match chunk.output_tokens.filter(|total| *total > 0) {
            Some(total) if total > active.most_tokens() => self.wrong(too_many(total, active)),
            Some(total) if self.running && total < credited => {
                self.wrong(format!("the server's running count of tokens fell from {credited} to {total}"));
            }
            Some(total) if self.running || credited == 0 => {
                self.running = true;
                self.fresh = self.fresh.saturating_add(total.saturating_sub(credited));
            }
            Some(total) => self.last = Some(total),
            None if self.running => {}
            None => {
                self.ids |= chunk.ids.is_some();
                self.fresh = self.fresh.saturating_add(chunk.ids.unwrap_or(u32::from(chunk.text)));
                let total = active.tokens().saturating_add(self.fresh);
                if total > active.most_tokens() {
                    self.wrong(too_many(total, active));
                }
            }
        }
    }

    /// Notes counts that cannot be; the first are told.
    fn wrong(&mut self, text: String) {
        self.impossible.get_or_insert(text);
    }

    /// Takes a piece of the stream; what is wrong with it, with the word for programs.
    fn feed(&mut self, piece: &[u8], events: &mut Events, active: &mut Active) -> Result<(), (&'static str, String)> {
        events.feed(piece, |data| self.take(data, active));
        if self.events == 0 && self.head.len() < EXCERPT {
            self.head.extend_from_slice(&piece[..piece.len().min(EXCERPT + 1)]);
        }
        if events.is_too_long() {
            let most = LONGEST >> 20;
            return Err((
                "too-large",
                format!("a line of the answer is longer than {most} MiB, so it is none of tokens"),
            ));
        }
        if let Some(text) = self.impossible.take() {
            return Err(("count", text));
        }
        active.credit(std::mem::take(&mut self.fresh));
        Ok(())
    }

    /// What was not understood, as the end of a message.
    fn strange(&self) -> String {
        self.strange.as_ref().map(|text| format!("; not understood: {text}")).unwrap_or_default()
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
                if let Err((code, text)) = counting.feed(&piece, &mut events, &mut active) {
                    return active.failed(code, text);
                }
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
    if let Some(text) = &counting.impossible {
        return active.failed("count", text.clone());
    }
    if let Some(text) = &counting.error {
        return active.failed("server-error", format!("the server reported an error: {text}"));
    }
    let complete = counting.finished || active.tokens() >= active.wanted();
    match end {
        Some(error) if !complete => active.failed(error.code(), error.to_string()),
        None if !complete && counting.events == 0 => active.failed("not-a-stream", no_stream(&counting.head)),
        None if !complete => active.failed("cut", format!("the answer ended without `[DONE]`{}", counting.strange())),
        _ if active.tokens() == 0 && counting.last.is_none() => {
            active.failed("no-token", format!("the answer ended without a token{}", counting.strange()))
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
            (Some(output), _) if output > active.most_tokens() => {
                let text = too_many(output, &active);
                active.failed("count", text)
            }
            (Some(output), prompt) => {
                if let Some(prompt) = prompt {
                    active.prompt_is(prompt);
                }
                active.credit(output);
                active.done(CountedBy::LastUsage, Some(output))
            }
            _ => active.failed("not-a-stream", no_stream(&body)),
        },
    }
}

fn too_many(total: u32, active: &Active) -> String {
    format!("the server says that it made {total} tokens, but {} were asked for", active.wanted())
}

fn no_stream(body: &[u8]) -> String {
    let said = if body.is_empty() { String::new() } else { format!(": {}", excerpt(body)) };
    format!("the answer is no stream of events{said}; is `url` the address of an OpenAI-compatible server?")
}

/// The beginning of an answer, on one line, for a message.
pub(super) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(EXCERPT)]);
    let words: Vec<&str> = text.split_whitespace().collect();
    let more = if body.len() > EXCERPT { " …" } else { "" };
    format!("{}{more}", words.join(" ").replace(|letter: char| letter.is_control(), " "))
}
