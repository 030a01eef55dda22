//! What one event of a streamed answer says about tokens.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// What an event carries.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Chunk {
    /// Output tokens of the request so far, by the server's own count.
    pub(super) output_tokens: Option<u32>,
    /// Prompt tokens, by the server's own count.
    pub(super) prompt_tokens: Option<u32>,
    /// Tokens of this chunk, by their ids.
    pub(super) ids: Option<u32>,
    /// It has text: an answer, or the reasoning before one.
    pub(super) text: bool,
    /// The answer is complete.
    pub(super) finished: bool,
    /// The server reports an error in the middle of the stream.
    pub(super) error: bool,
}

const OUTPUT: &[u8] = b"\"completion_tokens\":";

impl Chunk {
    /// Reads the data of an event. None if it is no JSON object.
    ///
    /// An event with a running count needs no more than that count, which stands near its end: it is found without
    /// reading the rest. A text cannot contain these bytes, as its quotes are escaped.
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        if data.trim_ascii() == b"[DONE]" {
            return Some(Self { finished: true, ..Self::default() });
        }
        match running_count(data) {
            Some(count) if count > 0 => Some(Self { output_tokens: Some(count), ..Self::default() }),
            _ => Self::parse(data),
        }
    }

    /// Reads all of it.
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        let json: Json = serde_json::from_slice(data).ok()?;
        let mut chunk = Self { error: json.error.is_some(), ..Self::default() };
        if let Some(usage) = json.usage {
            chunk.output_tokens = usage.completion_tokens;
            chunk.prompt_tokens = usage.prompt_tokens;
        }
        for choice in json.choices.unwrap_or_default() {
            let delta = choice.delta.unwrap_or_default();
            let texts = [&choice.text, &delta.content, &delta.reasoning_content, &delta.reasoning];
            chunk.text |= texts.into_iter().flatten().any(|text| !text.is_empty()) || delta.tool_calls.is_some();
            chunk.finished |= choice.finish_reason.is_some();
            if let Some(ids) = choice.token_ids.or(delta.token_ids) {
                chunk.ids = Some(chunk.ids.unwrap_or(0) + ids.len() as u32);
            }
        }
        Some(chunk)
    }
}

/// The number behind the last `"completion_tokens":`.
fn running_count(data: &[u8]) -> Option<u32> {
    let at = data.windows(OUTPUT.len()).rposition(|window| window == OUTPUT)? + OUTPUT.len();
    let rest = data[at..].trim_ascii_start();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

#[derive(Deserialize)]
struct Json<'a> {
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    usage: Option<Usage>,
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    text: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    finish_reason: Option<IgnoredAny>,
    token_ids: Option<Vec<IgnoredAny>>,
}

#[derive(Default, Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    reasoning_content: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    reasoning: Option<std::borrow::Cow<'a, str>>,
    tool_calls: Option<IgnoredAny>,
    token_ids: Option<Vec<IgnoredAny>>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: Option<u32>,
    completion_tokens: Option<u32>,
}

/// The counts of a whole answer that was not streamed, or of an event that is looked at twice: output and prompt tokens.
pub(super) fn counts(data: &[u8]) -> (Option<u32>, Option<u32>) {
    Chunk::parse(data).map_or((None, None), |chunk| (chunk.output_tokens, chunk.prompt_tokens))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Chunk {
        Chunk { text: true, ..Chunk::default() }
    }

    #[test]
    fn events_of_servers_are_understood() {
        let counted = |count| Chunk { output_tokens: Some(count), ..Chunk::default() };
        for (data, expected) in [
            (r#"{"choices":[{"index":0,"text":" a","finish_reason":null}]}"#, text()),
            (
                r#"{"choices":[{"text":" a"}],"usage":{"prompt_tokens":3,"total_tokens":7,"completion_tokens":4}}"#,
                counted(4),
            ),
            (r#"{"usage" : {"completion_tokens": 12 }}"#, counted(12)),
            (r#"{"choices":[{"delta":{"role":"assistant","content":""}}],"usage":null}"#, Chunk::default()),
            (r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#, text()),
            (r#"{"choices":[{"delta":{"content":"say \"completion_tokens\":9"}}]}"#, text()),
            (r#"{"choices":[{"text":"","finish_reason":"stop"}]}"#, Chunk { finished: true, ..Chunk::default() }),
            (r#"{"choices":[{"text":"ab","token_ids":[5,6]}]}"#, Chunk { ids: Some(2), ..text() }),
            (r#"{"error":{"message":"out of memory"}}"#, Chunk { error: true, ..Chunk::default() }),
            ("[DONE]", Chunk { finished: true, ..Chunk::default() }),
        ] {
            assert_eq!(Chunk::read(data.as_bytes()), Some(expected), "{data}");
        }
        assert_eq!(Chunk::read(b"{\"choices\":[{\"te"), None);
        assert_eq!(counts(br#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#), (Some(4), Some(3)));
    }
}
