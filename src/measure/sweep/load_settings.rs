//! The load of one point: templates filled and read.

use std::collections::BTreeMap;

use super::template::{Values, fill};
use crate::unit::{Dimension, parse_quantity};

/// What is sent to the server at a point.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadSettings {
    /// Whether prompts are sent as chats; else as completions.
    pub is_chat: bool,
    /// The name by which the server knows the model.
    pub model: String,
    /// Tokens of a prompt: least and most, uniform.
    pub prompt_tokens: (usize, usize),
    /// Tokens of an answer: least and most, uniform.
    pub output_tokens: (usize, usize),
    /// Clients of a closed loop.
    pub concurrency: Option<usize>,
    /// Requests per second of an open loop.
    pub request_rate: Option<f64>,
    /// Requests that arrive together in an open loop.
    pub burst: usize,
    /// Randomness of sampling.
    pub temperature: Option<f64>,
    /// Whether an answer goes on past its natural end.
    pub ignore_eos: bool,
    /// Token ids that prompts are made of: from, and one beyond the last.
    pub vocabulary: (u32, u32),
    /// Seconds after which a request has failed.
    pub timeout: f64,
    /// Seconds over which the clients of a closed loop begin.
    pub stagger: Option<f64>,
}

impl LoadSettings {
    /// The load of a point, or every key that is wrong with why.
    pub fn of(load: &BTreeMap<String, String>, values: &Values) -> Result<Self, Vec<(String, String)>> {
        let mut reader = Fields { load, values, faults: Vec::new() };
        let is_chat = reader.read("endpoint", |text| match text.trim_start_matches("/v1/") {
            "completions" => Ok(false),
            "chat" | "chat/completions" => Ok(true),
            _ => Err(format!("`{text}` is no endpoint; write `completions` or `chat`")),
        });
        let model = reader.read("model", |text| Ok(text.to_owned()));
        let lengths = |text: &str| range(text, 1);
        let prompt_tokens = reader.read("prompt_tokens", lengths);
        let output_tokens = reader.read("output_tokens", lengths);
        let concurrency = reader.read("concurrency", |text| count(text, 1));
        let request_rate = reader.read("request_rate", positive);
        let burst = reader.read("burst", |text| count(text, 1));
        let temperature = reader.read("temperature", |text| match text.parse::<f64>() {
            Ok(value) if (0.0..=10.0).contains(&value) => Ok(value),
            _ => Err(format!("`{text}` is no temperature of sampling; write 0 to 2")),
        });
        let ignore_eos = reader
            .read("ignore_eos", |text| text.parse().map_err(|_| format!("`{text}` is neither `true` nor `false`")));
        let vocabulary = reader.read("vocabulary", |text| range(text, 0));
        let timeout = reader.read("timeout", super::tables::seconds);
        let stagger = reader.read("stagger", super::tables::seconds);
        for (key, is_missing) in
            [("prompt_tokens", prompt_tokens.is_none()), ("output_tokens", output_tokens.is_none())]
        {
            if is_missing && !reader.has_fault(key) {
                reader.faults.push((key.to_owned(), "it is missing; write `200`, or a range `100..300`".to_owned()));
            }
        }
        if concurrency.is_some() == request_rate.is_some() && reader.faults.is_empty() {
            let message = "give either this, for clients in a closed loop, or `request_rate`, for an open loop";
            reader.faults.push(("concurrency".to_owned(), message.to_owned()));
        }
        let (Some(prompt_tokens), Some(output_tokens), true) = (prompt_tokens, output_tokens, reader.faults.is_empty())
        else {
            return Err(reader.faults);
        };
        let (first, last) = vocabulary.unwrap_or((1000, 20_000));
        Ok(Self {
            is_chat: is_chat.unwrap_or(false),
            model: model.unwrap_or_default(),
            prompt_tokens,
            output_tokens,
            concurrency,
            request_rate,
            burst: burst.unwrap_or(1),
            temperature,
            ignore_eos: ignore_eos.unwrap_or(true),
            vocabulary: (u32::try_from(first).unwrap_or(0), u32::try_from(last).unwrap_or(u32::MAX)),
            timeout: timeout.unwrap_or(600.0),
            stagger,
        })
    }
}

struct Fields<'a> {
    load: &'a BTreeMap<String, String>,
    values: &'a Values,
    faults: Vec<(String, String)>,
}

impl Fields<'_> {
    /// What the load says, or the condition of the same name.
    fn read<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = match self.load.get(key) {
            Some(text) => fill(text, self.values),
            None => Ok(self.values.get(key)?.to_string()),
        };
        match text.and_then(|text| parse(&text)) {
            Ok(value) => Some(value),
            Err(message) => {
                self.faults.push((key.to_owned(), message));
                None
            }
        }
    }

    fn has_fault(&self, key: &str) -> bool {
        self.faults.iter().any(|(own, _)| own == key)
    }
}

fn count(text: &str, least: usize) -> Result<usize, String> {
    match text.trim().parse::<usize>() {
        Ok(count) if count >= least => Ok(count),
        _ => Err(format!("`{text}` is no whole number of at least {least}")),
    }
}

/// `200`, or `100..300`.
fn range(text: &str, least: usize) -> Result<(usize, usize), String> {
    let Some((first, last)) = text.split_once("..") else { return count(text, least).map(|count| (count, count)) };
    let (first, last) = (count(first, least)?, count(last, least)?);
    if last < first { Err(format!("`{text}` falls; write the smaller number first")) } else { Ok((first, last)) }
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.trim().parse::<f64>().ok();
    let quantity = || {
        let (value, unit) = parse_quantity(text).ok()?;
        (unit.dimension == Dimension::FREQUENCY).then_some(value)
    };
    let found = number.or_else(quantity).filter(|value| *value > 0.0 && value.is_finite());
    found.ok_or_else(|| format!("`{text}` is no rate; write `8`, in requests per second"))
}
