//! The query interface of Prometheus: `/api/v1`.

use serde::Deserialize;

use super::error::PrometheusError;
use crate::measure::http::HttpError;
use crate::measure::telemetry::Labels;

/// What answers: status and text of a request. Asked with a path and the parameters of a form.
pub type Ask<'a> = dyn FnMut(&str, &[(&str, &str)]) -> Result<(u16, String), HttpError> + 'a;

/// Points of a series that Prometheus gives at once.
const MOST_POINTS: f64 = 11_000.0;

/// Shortest part that a window is split into, s.
const SHORTEST: f64 = 30.0;

/// A Prometheus to ask.
pub struct Api<'a> {
    url: String,
    ask: Box<Ask<'a>>,
    /// Queries that were asked, each once.
    pub(super) queries: Vec<String>,
}

/// A series as it was sampled: labels, with the name as `__name__`, and `(seconds since 1970, value)`.
pub(super) type Sampled = (Labels, Vec<(f64, f64)>);

#[derive(Deserialize)]
struct Reply<D> {
    status: String,
    data: Option<D>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Matrix {
    result: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    metric: Labels,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

#[derive(Deserialize)]
struct Scalar {
    result: (f64, String),
}

impl std::fmt::Debug for Api<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("url", &self.url).finish_non_exhaustive()
    }
}

impl<'a> Api<'a> {
    /// A Prometheus at `url`, which is for messages; `ask` knows how to reach it.
    pub fn new(
        url: impl Into<String>,
        ask: impl FnMut(&str, &[(&str, &str)]) -> Result<(u16, String), HttpError> + 'a,
    ) -> Self {
        Self { url: url.into(), ask: Box::new(ask), queries: Vec::new() }
    }

    fn get<D: for<'de> Deserialize<'de>>(&mut self, path: &str, form: &[(&str, &str)]) -> Result<D, PrometheusError> {
        let (status, text) = (self.ask)(path, form)?;
        let url = self.url.clone();
        let stranger = |found: String| PrometheusError::NotPrometheus { url: url.clone(), found };
        let reply: Result<Reply<D>, _> = serde_json::from_str(&text);
        match reply {
            Ok(Reply { status: word, data: Some(data), .. }) if word == "success" => Ok(data),
            Ok(Reply { error: Some(message), .. }) => Err(PrometheusError::Refused { url, status, message }),
            Ok(_) => Err(stranger(format!("its answer to `{path}` has no data"))),
            Err(_) if status == 401 || status == 403 => {
                Err(PrometheusError::Refused { url, status, message: excerpt(&text) })
            }
            Err(_) if status != 200 => Err(stranger(format!("it answers `{path}` with status {status}"))),
            Err(_) => Err(stranger(format!("its answer to `{path}` is not the JSON of Prometheus"))),
        }
    }

    /// Its time now, in seconds since 1970.
    pub(super) fn now(&mut self) -> Result<f64, PrometheusError> {
        let scalar: Scalar = self.get("/api/v1/query", &[("query", "time()")])?;
        scalar.result.1.parse().map_err(|_| PrometheusError::NotPrometheus {
            url: self.url.clone(),
            found: format!("its time is `{}`", excerpt(&scalar.result.1)),
        })
    }

    /// How long it keeps samples, in its words; none if it does not tell.
    pub(super) fn retention(&mut self) -> Option<String> {
        let told: serde_json::Value = self.get("/api/v1/status/runtimeinfo", &[]).ok()?;
        told.get("storageRetention")?.as_str().map(str::to_owned)
    }

    /// Its version; none if it does not tell.
    pub(super) fn version(&mut self) -> Option<String> {
        let told: serde_json::Value = self.get("/api/v1/status/buildinfo", &[]).ok()?;
        told.get("version")?.as_str().map(str::to_owned)
    }

    /// The names of metrics that it has samples of between two moments; none if it does not tell.
    pub(super) fn names(&mut self, from: f64, to: f64) -> Vec<String> {
        let (start, end) = (from.to_string(), to.to_string());
        self.get("/api/v1/label/__name__/values", &[("start", &start), ("end", &end)]).unwrap_or_default()
    }

    /// Every sample of the series that a selector matches between two moments, with its own time. Asked in parts where
    /// Prometheus would not give all at once.
    pub(super) fn samples(&mut self, selector: &str, from: f64, to: f64) -> Result<Vec<Sampled>, PrometheusError> {
        let query = format!("{selector}[…]");
        if !self.queries.contains(&query) {
            self.queries.push(query);
        }
        let mut found: std::collections::BTreeMap<Labels, Vec<(f64, f64)>> = std::collections::BTreeMap::new();
        let mut part = (to - from).min(MOST_POINTS);
        let mut start = from;
        while start < to {
            let end = (start + part).min(to);
            match self.part(selector, start, end) {
                Ok(rows) => {
                    for (labels, points) in rows {
                        found.entry(labels).or_default().extend(points);
                    }
                    start = end;
                }
                Err(error) if is_too_much(&error) && part > SHORTEST => part = (part / 2.0).max(SHORTEST),
                Err(error) => return Err(error),
            }
        }
        Ok(found.into_iter().collect())
    }

    /// The raw samples of one part: a range vector, asked for at its end.
    fn part(&mut self, selector: &str, from: f64, to: f64) -> Result<Vec<Sampled>, PrometheusError> {
        let query = format!("{selector}[{}ms]", ((to - from) * 1e3).ceil().max(1.0));
        let time = format!("{to:.3}");
        let matrix: Matrix = self.get("/api/v1/query", &[("query", &query), ("time", &time)])?;
        let read = |(at, value): (f64, String)| Some((at, value.parse::<f64>().ok()?));
        Ok(matrix
            .result
            .into_iter()
            .map(|row| (row.metric, row.values.into_iter().filter_map(read).collect()))
            .collect())
    }
}

/// Whether a part was refused for its size.
fn is_too_much(error: &PrometheusError) -> bool {
    match error {
        PrometheusError::Refused { message, .. } => {
            ["maximum resolution", "too many samples", "limit", "too large", "timed out"]
                .iter()
                .any(|word| message.contains(word))
        }
        PrometheusError::Http(HttpError::TooLarge { .. }) => true,
        _ => false,
    }
}

fn excerpt(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(120).collect()
}
