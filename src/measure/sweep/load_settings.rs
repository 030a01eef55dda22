//! The load of one point: templates filled and read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value as Json};

use super::body::fields;
use super::template::{Values, fill};
use crate::measure::load::{Arrival, Endpoint, Lengths};
use crate::runs::quantity;

/// What is sent to the server at a point.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadSettings {
    /// How requests are phrased.
    pub endpoint: Endpoint,
    /// The name by which the server knows the model.
    pub model: String,
    /// Tokens of a prompt.
    pub prompt_tokens: Lengths,
    /// Tokens of an answer.
    pub output_tokens: Lengths,
    /// When requests are sent.
    pub arrival: Arrival,
    /// Randomness of sampling.
    pub temperature: Option<f64>,
    /// Whether an answer goes on past its natural end.
    pub ignore_eos: bool,
    /// Size of the vocabulary that prompts are made of; none for words.
    pub vocabulary: Option<u32>,
    /// File of prompts, instead of made-up ones.
    pub dataset: Option<PathBuf>,
    /// Seconds of silence after which a request has failed.
    pub timeout: f64,
    /// Whether the first requests of a closed loop start part-way.
    pub stagger: bool,
    /// How often a request is sent again that the server told to come back later.
    pub retries: u32,
    /// Further fields of each request.
    pub body: Map<String, Json>,
}

/// Normal lengths end so many standard deviations above their mean, where nobody says.
const LONGEST: f64 = 10.0;
/// Prompts are made of the first token ids of a vocabulary; every usual one is larger.
const VOCABULARY: u32 = 20_000;
/// How often a request is sent again, where nobody says, and at most.
const RETRIES: u32 = 3;
const MOST_RETRIES: usize = 1000;
/// More requests at once than one client has ports for, and more tokens than any model reads.
const MOST_REQUESTS: usize = 100_000;
const MOST_TOKENS: usize = 100_000_000;

impl LoadSettings {
    /// The load of a point, or every key that is wrong with why.
    pub fn of(load: &BTreeMap<String, String>, values: &Values) -> Result<Self, Vec<(String, String)>> {
        let mut reader = Fields { load, values, faults: Vec::new() };
        let endpoint = reader.read("endpoint", |text| match text.trim_start_matches("/v1/") {
            "completions" => Ok(Endpoint::Completions),
            "chat" | "chat/completions" => Ok(Endpoint::Chat),
            _ => Err(format!("`{text}` is no endpoint; write `completions` or `chat`")),
        });
        let endpoint = endpoint.unwrap_or(Endpoint::Completions);
        let model = reader.read("model", |text| match text {
            "" => Err("it is empty; the server knows its model by a name".to_owned()),
            name => Ok(name.to_owned()),
        });
        let prompt_tokens = reader.length("prompt_tokens");
        let output_tokens = reader.length("output_tokens");
        let arrival = reader.arrival();
        let temperature = reader.read("temperature", |text| match text.parse::<f64>() {
            Ok(value) if (0.0..=10.0).contains(&value) => Ok(value),
            _ => Err(format!("`{text}` is no temperature of sampling; write 0 to 2")),
        });
        let ignore_eos = reader.flag("ignore_eos");
        let stagger = reader.flag("stagger");
        let vocabulary = reader.read("vocabulary", |text| match text {
            "none" => Ok(None),
            _ => count(text, 2).map(|size| u32::try_from(size).ok()),
        });
        let retries = reader.read("retries", |text| at_most(MOST_RETRIES, count(text, 0)?).map(|count| count as u32));
        let body = reader.read("body", fields);
        let dataset = reader.read("dataset", |text| Ok(PathBuf::from(text)));
        let timeout = reader.read("timeout", super::tables::some_seconds);
        let (Some(prompt_tokens), Some(output_tokens), Some(arrival), true) =
            (prompt_tokens, output_tokens, arrival, reader.faults.is_empty())
        else {
            return Err(reader.faults);
        };
        let default = if endpoint == Endpoint::Chat { None } else { Some(VOCABULARY) };
        Ok(Self {
            endpoint,
            model: model.unwrap_or_default(),
            prompt_tokens,
            output_tokens,
            arrival,
            temperature,
            ignore_eos: ignore_eos.unwrap_or(true),
            vocabulary: vocabulary.unwrap_or(default),
            dataset,
            timeout: timeout.unwrap_or(600.0),
            stagger: stagger.unwrap_or(true),
            retries: retries.unwrap_or(RETRIES),
            body: body.unwrap_or_default(),
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

    fn flag(&mut self, key: &str) -> Option<bool> {
        self.read(key, |text| text.parse().map_err(|_| format!("`{text}` is neither `true` nor `false`")))
    }

    /// A length that must be there.
    fn length(&mut self, key: &str) -> Option<Lengths> {
        let known = self.faults.len();
        let found = self.read(key, lengths);
        if found.is_none() && self.faults.len() == known {
            self.faults.push((key.to_owned(), "it is missing; write `200`, or a range `100..300`".to_owned()));
        }
        found
    }

    /// A closed loop by `concurrency`, an open one by `request_rate`, bursts by both that and `burst`.
    fn arrival(&mut self) -> Option<Arrival> {
        let known = self.faults.len();
        let clients = self.read("concurrency", |text| at_most(MOST_REQUESTS, count(text, 1)?));
        let rate = self.read("request_rate", positive);
        let size = self.read("burst", |text| at_most(MOST_REQUESTS, count(text, 1)?));
        let are_read = self.faults.len() == known;
        let burstiness = self.read("burstiness", positive).unwrap_or(1.0);
        let ramp = self.read("ramp", super::tables::seconds).unwrap_or(0.0);
        match (clients, rate, size) {
            (Some(clients), None, None) => Some(Arrival::Closed { clients, ramp }),
            (None, Some(rate), None | Some(1)) => Some(Arrival::Open { rate, burstiness }),
            (None, Some(rate), Some(size)) => Some(Arrival::Bursts { size, period: size as f64 / rate }),
            _ => {
                if are_read {
                    let message = "give either this, for clients in a closed loop, or `request_rate`, for an open loop";
                    self.faults.push(("concurrency".to_owned(), message.to_owned()));
                }
                None
            }
        }
    }
}

fn count(text: &str, least: usize) -> Result<usize, String> {
    match text.trim().parse::<usize>() {
        Ok(count) if count >= least => Ok(count),
        _ => Err(format!("`{text}` is no whole number of at least {least}")),
    }
}

fn at_most(most: usize, count: usize) -> Result<usize, String> {
    if count > most { Err(format!("{count} is more than can be sent; {most} is the most")) } else { Ok(count) }
}

/// `200`, `100..300`, `normal(500, 100)` or `lognormal(500, 300, 2000)`: mean, standard deviation, and the longest.
fn lengths(text: &str) -> Result<Lengths, String> {
    let count = |text: &str| at_most(MOST_TOKENS, count(text, 1)?).map(|count| count as u32);
    if let Some((kind, inner)) = text.trim().strip_suffix(')').and_then(|text| text.split_once('(')) {
        return random_lengths(text, kind.trim(), inner);
    }
    let Some((first, last)) = text.split_once("..") else { return count(text).map(Lengths::Constant) };
    match (count(first)?, count(last)?) {
        (from, to) if to < from => Err(format!("`{text}` falls; write the smaller number first")),
        (from, to) if to == from => Ok(Lengths::Constant(from)),
        (from, to) => Ok(Lengths::Uniform { from, to }),
    }
}

fn random_lengths(text: &str, kind: &str, inner: &str) -> Result<Lengths, String> {
    let usage = || {
        format!(
            "`{text}` is no distribution of lengths; write `normal(500, 100)` or `lognormal(500, 300)`, mean and standard \
             deviation, with the longest as a third number if there is one"
        )
    };
    let numbers: Option<Vec<f64>> = inner.split(',').map(|part| part.trim().parse().ok()).collect();
    let (mean, deviation, longest) = match numbers.as_deref() {
        Some(&[mean, deviation]) => (mean, deviation, mean + LONGEST * deviation),
        Some(&[mean, deviation, longest]) => (mean, deviation, longest),
        _ => return Err(usage()),
    };
    let is_possible = (1.0..=MOST_TOKENS as f64).contains(&mean) && deviation >= 0.0 && longest >= mean;
    if !is_possible || !deviation.is_finite() {
        return Err(usage());
    }
    let longest = longest.round().min(MOST_TOKENS as f64) as u32;
    match kind {
        "normal" => Ok(Lengths::Normal { mean, deviation, longest }),
        "lognormal" => Ok(Lengths::log_normal(mean, deviation, longest)),
        _ => Err(usage()),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let found = quantity(text.trim(), "1/s").filter(|value| *value > 0.0 && value.is_finite());
    found.ok_or_else(|| format!("`{text}` is no rate; write `8`, in requests per second"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_retries_are_those_of_the_file() {
        let text = "[sweep]\nname = \"s\"\n[server]\nurl = \"http://h\"\n[load]\nmodel = \"m\"\nconcurrency = 1\n\
                    prompt_tokens = \"normal(50, 5)\"\noutput_tokens = 9\nretries = 0\nbody = { stop = [\"{\"], min_p = 0.1 }\n";
        let load = |text: &str| crate::measure::sweep::Spec::parse("s.toml", text).map(|spec| spec.load.unwrap());
        let settings = LoadSettings::of(&load(text).unwrap(), &Values::new()).unwrap();
        assert_eq!(settings.retries, 0);
        assert_eq!(Json::Object(settings.body), serde_json::json!({ "stop": ["{"], "min_p": 0.1 }));
        assert_eq!(settings.prompt_tokens, Lengths::Normal { mean: 50.0, deviation: 5.0, longest: 100 });
        let error = load(&text.replace("stop = [\"{\"]", "max_tokens = 5")).unwrap_err().to_string();
        assert!(error.contains("`body` cannot set `max_tokens`"), "{error}");
    }

    #[test]
    fn lengths_are_counts_ranges_and_distributions() {
        assert_eq!(lengths("200"), Ok(Lengths::Constant(200)));
        assert_eq!(lengths("100..300"), Ok(Lengths::Uniform { from: 100, to: 300 }));
        assert_eq!(lengths("7..7"), Ok(Lengths::Constant(7)));
        let normal = |longest| Ok(Lengths::Normal { mean: 500.0, deviation: 100.0, longest });
        assert_eq!(lengths("normal(500, 100)"), normal(1500));
        assert_eq!(lengths(" normal (500,100, 2000) "), normal(2000));
        let wide = lengths("lognormal(500, 300, 4000)").unwrap();
        assert!((wide.mean() - 500.0).abs() < 2.0, "{}", wide.mean());
        // 1 + (300 / 500)².
        assert!((wide.dispersion() - 1.36).abs() < 0.01, "{}", wide.dispersion());
        for text in
            ["0", "9..3", "normal(500)", "normal(a, b)", "gauss(5, 1)", "normal(5, nan)", "normal(5, 1, 2)", ")("]
        {
            assert!(lengths(text).is_err(), "{text}");
        }
    }
}
