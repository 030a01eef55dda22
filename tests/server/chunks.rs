//! The text of answers.

use std::fmt::Write;

use super::script::{Script, Usage};

/// What a request asks for.
#[expect(clippy::struct_excessive_bools, reason = "fields of a JSON object")]
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) chat: bool,
    pub(crate) stream: bool,
    pub(crate) prompt_tokens: u64,
    pub(crate) output_tokens: u32,
    pub(crate) include_usage: bool,
    pub(crate) continuous_usage: bool,
}

impl Asked {
    /// Of the body of a request; words count as tokens.
    pub(crate) fn read(body: &[u8], chat: bool) -> Result<Self, String> {
        let json: serde_json::Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let words = |value: &serde_json::Value| match value {
            serde_json::Value::Array(ids) => ids.len(),
            other => other.as_str().unwrap_or_default().split_whitespace().count(),
        };
        let prompt_tokens = if chat {
            let messages = json["messages"].as_array().ok_or("`messages` is missing")?;
            messages.iter().map(|message| words(&message["content"])).sum()
        } else {
            words(json.get("prompt").ok_or("`prompt` is missing")?)
        };
        let limit = json["max_tokens"].as_u64().or(json["max_completion_tokens"].as_u64()).unwrap_or(16);
        let options = &json["stream_options"];
        Ok(Self {
            chat,
            stream: json["stream"].as_bool().unwrap_or(false),
            prompt_tokens: prompt_tokens as u64,
            output_tokens: limit.max(1) as u32,
            include_usage: options["include_usage"].as_bool().unwrap_or(false),
            continuous_usage: options["continuous_usage_stats"].as_bool().unwrap_or(false),
        })
    }
}

/// Writes the events of one answer.
pub(crate) struct Chunks<'a> {
    pub(crate) script: &'a Script,
    pub(crate) asked: &'a Asked,
    pub(crate) produced: u32,
}

impl Chunks<'_> {
    /// What stands before the first token: chat servers name the role.
    pub(crate) fn first(&self) -> String {
        if self.asked.chat { self.event(r#"{"role":"assistant","content":""}"#, None, "") } else { String::new() }
    }

    /// So many more tokens in one chunk.
    pub(crate) fn tokens(&mut self, count: u32) -> String {
        let from = self.produced;
        self.produced += count;
        let words: Vec<String> = (from..self.produced).map(|number| format!(" tok{number}é")).collect();
        let text = words.concat();
        let field = if from < self.script.reasoning { "reasoning_content" } else { "content" };
        let content = if self.asked.chat { format!(r#"{{"{field}":"{text}"}}"#) } else { text };
        let ids: Vec<String> = (from..self.produced).map(|number| number.to_string()).collect();
        let ids = if self.script.token_ids { format!(r#","token_ids":[{}]"#, ids.join(",")) } else { String::new() };
        let finished = (self.produced >= self.asked.output_tokens).then_some("length");
        self.event(&content, finished, &ids)
    }

    /// What stands behind the last token.
    pub(crate) fn last(&self) -> String {
        let mut text = String::new();
        if self.asked.include_usage && self.script.usage != Usage::None {
            let usage = self.usage();
            text += &self.line(&format!(r#"{{"id":"cmpl-1","object":"chunk","choices":[],"usage":{usage}}}"#));
        }
        text + &self.line("[DONE]")
    }

    /// The whole answer at once.
    pub(crate) fn whole(&self) -> String {
        let text = "tok ".repeat(self.asked.output_tokens as usize);
        let inner = if self.asked.chat {
            format!(r#""message":{{"content":"{text}"}}"#)
        } else {
            format!(r#""text":"{text}""#)
        };
        let usage = self.usage();
        format!(r#"{{"id":"cmpl-1","choices":[{{"index":0,{inner},"finish_reason":"length"}}],"usage":{usage}}}"#)
    }

    fn usage(&self) -> String {
        let (prompt, output) = (self.asked.prompt_tokens, u64::from(self.produced));
        let total = prompt + output;
        format!(r#"{{"prompt_tokens":{prompt},"total_tokens":{total},"completion_tokens":{output}}}"#)
    }

    fn event(&self, content: &str, finished: Option<&str>, more: &str) -> String {
        let reason = finished.map_or("null".to_owned(), |reason| format!("\"{reason}\""));
        let model = &self.script.model;
        let inner = if self.asked.chat { format!(r#""delta":{content}"#) } else { format!(r#""text":"{content}""#) };
        let counted = self.asked.include_usage && self.asked.continuous_usage && self.script.usage == Usage::Continuous;
        let usage = if counted { format!(r#","usage":{}"#, self.usage()) } else { String::new() };
        self.line(&format!(
            r#"{{"id":"cmpl-1","object":"chunk","created":1,"model":"{model}","choices":[{{"index":0,{inner}{more},"logprobs":null,"finish_reason":{reason}}}]{usage}}}"#
        ))
    }

    fn line(&self, data: &str) -> String {
        let end = if self.script.crlf { "\r\n" } else { "\n" };
        let space = if self.script.tight { "" } else { " " };
        let mut text = String::with_capacity(data.len() + 16);
        if self.script.comments {
            write!(text, ": keep alive{end}{end}").unwrap();
        }
        write!(text, "data:{space}{data}{end}{end}").unwrap();
        text
    }
}
