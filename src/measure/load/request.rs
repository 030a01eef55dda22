//! The text of requests: of a plan and a number, always the same.

use bytes::Bytes;
use serde::Serializer;
use serde_json::{Map, Value, json};

use super::dataset::Prompt;
use super::plan::{Endpoint, LoadPlan};
use crate::stats::Draws;

/// Common English words, most of them one token.
const WORDS: [&str; 32] = [
    "time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child", "world", "school", "state",
    "family", "student", "group", "country", "problem", "hand", "part", "place", "case", "week", "company", "system",
    "program", "question", "work", "number", "night", "point", "home",
];

/// Tokens beyond those asked for that an answer may have, and beyond those sent, its prompt.
const ANSWER_MARGIN: u32 = 1024;
const PROMPT_MARGIN: u32 = 100_000;

/// How much a server tells about token counts in a stream, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Counts {
    /// It refuses to be asked.
    Refused,
    /// It is asked for a count at the end.
    Last,
    /// It is asked for a count with every chunk.
    Running,
}

/// One request before it is sent.
#[derive(Clone, Debug)]
pub(super) struct Request {
    fields: Map<String, Value>,
    /// Tokens asked for.
    pub(super) wanted: u32,
    /// Tokens of its prompt: bytes, where that is a text.
    prompt: u32,
}

impl Request {
    /// The most tokens that its answer and its prompt may have, whatever else a server counts (stop tokens, the prompt, a
    /// template): more is no count of tokens.
    pub(super) fn most_tokens(&self) -> (u32, u32) {
        (
            self.wanted.saturating_add(self.prompt).saturating_add(ANSWER_MARGIN),
            self.prompt.saturating_add(PROMPT_MARGIN),
        )
    }

    /// Its body, asking for counts as far as the server is known to take that.
    pub(super) fn body(&self, counts: Counts) -> Bytes {
        let options = match counts {
            Counts::Refused => None,
            Counts::Last => Some(json!({ "include_usage": true })),
            Counts::Running => Some(json!({ "include_usage": true, "continuous_usage_stats": true })),
        };
        let options = options.filter(|_| !self.fields.contains_key("stream_options"));
        let added = options.as_ref().map(|options| ("stream_options", options));
        let fields = self.fields.iter().map(|(name, value)| (name.as_str(), value)).chain(added);
        let mut body = Vec::new();
        serde_json::Serializer::new(&mut body).collect_map(fields).expect("a JSON object is written");
        body.into()
    }
}

/// Makes the requests of a plan.
#[derive(Debug)]
pub(super) struct Requests {
    plan: LoadPlan,
    /// Places in the data set, shuffled.
    order: Vec<usize>,
}

impl Requests {
    pub(super) fn new(plan: LoadPlan) -> Self {
        let mut order: Vec<usize> = (0..plan.prompts.dataset.len()).collect();
        let mut draws = Draws::new(plan.seed);
        for last in (1..order.len()).rev() {
            order.swap(last, (draws.uniform() * (last + 1) as f64) as usize);
        }
        Self { plan, order }
    }

    pub(super) fn plan(&self) -> &LoadPlan {
        &self.plan
    }

    /// Request `number`; `part_way` gives it a random age.
    pub(super) fn make(&self, number: u64, part_way: bool) -> Request {
        let plan = &self.plan;
        // Numbers far apart in the seeds' space: neighbors share nothing.
        let mut draws = Draws::new(plan.seed ^ (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let place = self.order.get((number % self.order.len().max(1) as u64) as usize);
        let entry = place.map(|&place| &plan.prompts.dataset[place]);
        let given = entry.and_then(|entry| entry.output_tokens);
        let wanted = match given {
            Some(tokens) => tokens,
            None if part_way => plan.output.draw_met(&mut draws),
            None => plan.output.draw(&mut draws),
        };
        let age = if part_way { (draws.uniform() * f64::from(wanted)) as u32 } else { 0 };
        let made_up =
            entry.and_then(|entry| entry.prompt_tokens).unwrap_or_else(|| plan.prompts.lengths.draw(&mut draws));
        let prompt = match entry.and_then(|entry| entry.prompt.as_ref()) {
            Some(Prompt::Text(text)) if age == 0 => Value::from(text.as_str()),
            Some(Prompt::Text(text)) => Value::from(format!("{text} {}", words(age, &mut draws))),
            // Its own tokens again: others may not be in the vocabulary.
            Some(Prompt::Ids(ids)) => ids.iter().cycle().take(ids.len() + age as usize).copied().collect(),
            None => match plan.prompts.vocabulary {
                Some(size) => ids(made_up + age, size, &mut draws),
                None => Value::from(words(made_up + age, &mut draws)),
            },
        };
        let length = prompt.as_array().map(Vec::len).or(prompt.as_str().map(str::len)).unwrap_or(0);
        let wanted = wanted - age;
        Request { fields: self.fields(prompt, wanted), wanted, prompt: u32::try_from(length).unwrap_or(u32::MAX) }
    }

    fn fields(&self, prompt: Value, wanted: u32) -> Map<String, Value> {
        let plan = &self.plan;
        let mut fields = Map::new();
        fields.insert("model".to_owned(), plan.model.clone().into());
        match plan.endpoint {
            Endpoint::Completions => fields.insert("prompt".to_owned(), prompt),
            Endpoint::Chat => fields.insert("messages".to_owned(), json!([{ "role": "user", "content": prompt }])),
        };
        fields.insert("max_tokens".to_owned(), wanted.into());
        fields.insert("stream".to_owned(), true.into());
        if plan.ignore_eos {
            fields.insert("ignore_eos".to_owned(), true.into());
        }
        if let Some(temperature) = plan.temperature {
            fields.insert("temperature".to_owned(), temperature.into());
        }
        for (name, value) in &plan.body {
            fields.insert(name.clone(), value.clone());
        }
        fields
    }
}

/// Random token ids, away from both ends of the vocabulary, where the special ones are.
fn ids(count: u32, vocabulary: u32, draws: &mut Draws) -> Value {
    let (low, high) = (f64::from(vocabulary) * 0.02, f64::from(vocabulary) * 0.9);
    Value::Array((0..count).map(|_| Value::from((low + draws.uniform() * (high - low)) as u32)).collect())
}

fn words(count: u32, draws: &mut Draws) -> String {
    let chosen: Vec<&str> = (0..count).map(|_| WORDS[(draws.uniform() * WORDS.len() as f64) as usize]).collect();
    chosen.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::http::Url;
    use crate::measure::load::{Arrival, Entry, Lengths, Prompts};

    fn plan() -> LoadPlan {
        let prompts = Prompts { dataset: Vec::new(), lengths: Lengths::Constant(5), vocabulary: Some(1000) };
        let arrival = Arrival::Closed { clients: 1, ramp: 0.0 };
        LoadPlan::new(Url::parse("http://h/v1").unwrap(), "m", arrival, prompts, Lengths::Constant(100))
    }

    fn body(requests: &Requests, number: u64, part_way: bool) -> Value {
        serde_json::from_slice(&requests.make(number, part_way).body(Counts::Running)).unwrap()
    }

    #[test]
    fn a_request_depends_on_seed_and_number_alone() {
        let requests = Requests::new(plan());
        assert_eq!(body(&requests, 3, false), body(&requests, 3, false));
        assert_ne!(body(&requests, 3, false), body(&requests, 4, false));
        let first = body(&requests, 0, false);
        assert_eq!(first["prompt"].as_array().unwrap().len(), 5);
        assert_eq!(
            (&first["max_tokens"], &first["ignore_eos"], &first["stream"]),
            (&json!(100), &json!(true), &json!(true))
        );
        assert_eq!(first["stream_options"], json!({ "include_usage": true, "continuous_usage_stats": true }));
        assert_eq!(requests.plan().target().to_string(), "http://h/v1/completions");
    }

    #[test]
    fn a_request_part_way_has_its_age_in_its_prompt() {
        let requests = Requests::new(plan());
        let ages: Vec<u64> = (0..400)
            .map(|number| {
                let made = body(&requests, number, true);
                let age = made["prompt"].as_array().unwrap().len() as u64 - 5;
                assert_eq!(made["max_tokens"].as_u64().unwrap() + age, 100);
                age
            })
            .collect();
        let mean = ages.iter().sum::<u64>() as f64 / 400.0;
        // Uniform in 0..100: standard error 1.44.
        assert!((mean - 49.5).abs() < 7.2, "{mean}");
    }

    #[test]
    fn data_sets_and_fields_are_passed_through() {
        let mut plan = plan();
        plan.endpoint = Endpoint::Chat;
        plan.prompts.vocabulary = None;
        plan.prompts.dataset = (1..4)
            .map(|tokens| Entry {
                prompt: Some(Prompt::Text(format!("p{tokens}"))),
                output_tokens: Some(tokens),
                prompt_tokens: None,
            })
            .collect();
        plan.body.insert("top_k".to_owned(), json!(5));
        plan.body.insert("stream_options".to_owned(), json!({}));
        plan.check().unwrap();
        let requests = Requests::new(plan);
        let mut seen: Vec<(String, u64)> = (0..3)
            .map(|number| {
                let made = body(&requests, number, false);
                assert_eq!((&made["top_k"], &made["stream_options"]), (&json!(5), &json!({})));
                let message = made["messages"][0]["content"].as_str().unwrap().to_owned();
                (message, made["max_tokens"].as_u64().unwrap())
            })
            .collect();
        seen.sort();
        assert_eq!(seen, [("p1".to_owned(), 1), ("p2".to_owned(), 2), ("p3".to_owned(), 3)]);
    }

    #[test]
    fn token_ids_of_a_data_set_are_sent_as_they_are() {
        let mut plan = plan();
        plan.prompts.dataset = vec![Entry { prompt: Some(Prompt::Ids(vec![11, 12, 13])), ..Entry::default() }];
        plan.check().unwrap();
        let chat = LoadPlan { endpoint: Endpoint::Chat, ..plan.clone() };
        assert!(chat.check().unwrap_err().to_string().contains("a chat takes no token ids"));
        let requests = Requests::new(plan);
        assert_eq!(body(&requests, 5, false)["prompt"], json!([11, 12, 13]));
        let part_way = body(&requests, 0, true);
        let ids = part_way["prompt"].as_array().unwrap();
        assert_eq!(ids.len() as u64 - 3 + part_way["max_tokens"].as_u64().unwrap(), 100);
        assert!(ids.iter().enumerate().all(|(place, id)| *id == json!([11, 12, 13][place % 3])));
    }

    #[test]
    fn all_faults_of_a_plan_are_told() {
        let mut plan = plan();
        plan.endpoint = Endpoint::Chat;
        plan.output = Lengths::Constant(0);
        plan.model = String::new();
        let text = plan.check().unwrap_err().to_string();
        assert_eq!(text.lines().count(), 4, "{text}");
    }
}
