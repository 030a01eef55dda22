//! `results.json` as a stream: small fields are kept, requests and timelines are added up as they pass.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

use super::gaps::Times;
use crate::import::read::{MOST_VALUES, Pruned};

/// What was added up.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) gaps: Times,
    pub(super) first_tokens: Times,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    /// Sums over requests that succeeded, of their output tokens and of the squares of these.
    pub(super) tokens: f64,
    pub(super) squares: f64,
    /// Steady state, s since 1970.
    pub(super) from: Option<f64>,
    pub(super) to: Option<f64>,
    /// Domain, and the mean power of all GPUs in the steady state, W.
    pub(super) power: Vec<(String, Option<f64>)>,
    /// Mean over GPUs in the steady state, °C.
    pub(super) temperature: Option<f64>,
}

/// One request; texts are passed over.
#[derive(Deserialize)]
struct Request {
    success: Option<bool>,
    output_len: Option<f64>,
    ttft: Option<f64>,
    itl: Option<Vec<Option<f64>>>,
}

impl Seen {
    fn request(&mut self, request: &Request) {
        if request.success == Some(false) {
            self.failed += 1;
            return;
        }
        self.succeeded += 1;
        let tokens = request.output_len.unwrap_or(0.0).max(0.0);
        self.tokens += tokens;
        self.squares += tokens * tokens;
        self.first_tokens.add(request.ttft.unwrap_or(0.0), 1);
        self.gaps.add_request(request.itl.as_deref().unwrap_or_default());
    }
}

/// The whole file.
pub(super) struct Results<'a> {
    pub(super) seen: &'a RefCell<Seen>,
}

impl<'de> DeserializeSeed<'de> for Results<'_> {
    type Value = Map<String, Json>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Results<'_> {
    type Value = Map<String, Json>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the object of a result")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let budget = Cell::new(MOST_VALUES);
        let mut kept = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = match key.as_str() {
                "results" => {
                    map.next_value_seed(Requests { seen: self.seen })?;
                    Json::Null
                }
                "timeline" => {
                    map.next_value_seed(Timeline { seen: self.seen, level: Level::Top })?;
                    Json::Null
                }
                _ => map.next_value_seed(Pruned::new(&["input_lens", "itls", "ttfts", "generated_texts"], &budget))?,
            };
            kept.insert(key, value);
        }
        Ok(kept)
    }
}

struct Requests<'a> {
    seen: &'a RefCell<Seen>,
}

impl<'de> DeserializeSeed<'de> for Requests<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Requests<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the list of requests")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(request) = seq.next_element::<Request>()? {
            self.seen.borrow_mut().request(&request);
        }
        Ok(())
    }
}

/// Where in the timeline a map stands.
#[derive(Clone, Copy)]
enum Level {
    Top,
    Power,
}

/// `{benchmark_start_time, steady_state_start_time, …, power: {domain: {gpu: [[t, W], …]}}, temperature: {gpu: …}}`.
struct Timeline<'a> {
    seen: &'a RefCell<Seen>,
    level: Level,
}

impl<'de> DeserializeSeed<'de> for Timeline<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Timeline<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a timeline by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let window = {
                let seen = self.seen.borrow();
                seen.from.zip(seen.to)
            };
            match (self.level, key.as_str()) {
                (Level::Power, _) => {
                    let means = map.next_value_seed(Series { window })?;
                    let total = means.iter().copied().sum::<Option<f64>>().filter(|_| !means.is_empty());
                    self.seen.borrow_mut().power.push((key, total));
                }
                (Level::Top, "steady_state_start_time") => self.seen.borrow_mut().from = map.next_value()?,
                (Level::Top, "steady_state_end_time") => self.seen.borrow_mut().to = map.next_value()?,
                (Level::Top, "power") => map.next_value_seed(Timeline { seen: self.seen, level: Level::Power })?,
                (Level::Top, "temperature") => {
                    let means = map.next_value_seed(Series { window })?;
                    let total = means.iter().copied().sum::<Option<f64>>().filter(|_| !means.is_empty());
                    self.seen.borrow_mut().temperature = total.map(|total| total / means.len() as f64);
                }
                (Level::Top, _) => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// `{gpu: [[t, value], …]}`: the mean of each GPU inside the window; none without a window or a sample in it.
struct Series {
    window: Option<(f64, f64)>,
}

impl<'de> DeserializeSeed<'de> for Series {
    type Value = Vec<Option<f64>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Series {
    type Value = Vec<Option<f64>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("samples [time, value] of each GPU")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut means = Vec::new();
        while map.next_key::<IgnoredAny>()?.is_some() {
            means.extend(map.next_value_seed(Series { window: self.window })?);
        }
        Ok(means)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (mut sum, mut count) = (0.0, 0.0);
        while let Some((time, value)) = seq.next_element::<(Option<f64>, Option<f64>)>()? {
            if let (Some((from, to)), Some(time), Some(value)) = (self.window, time, value)
                && (from..=to).contains(&time)
            {
                sum += value;
                count += 1.0;
            }
        }
        Ok(vec![(count > 0.0).then(|| sum / count)])
    }
}
