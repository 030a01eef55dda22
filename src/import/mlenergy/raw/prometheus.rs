//! `prometheus.json` as a stream: the means of the steady state, and the use of the KV cache read anew, engine by engine.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

use crate::import::read::{MOST_VALUES, Pruned};

/// Names of the gauge, new and old.
const KV_CACHE: [&str; 2] = ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"];

/// What the server said of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// `steady_state_stats`, as the benchmark computed them.
    pub(super) stats: Map<String, Json>,
    /// Share of the KV cache in use, mean over engines and over the snapshots of the steady state.
    pub(super) kv_cache_use: Option<f64>,
    /// Most series of that gauge in one snapshot.
    pub(super) kv_series: usize,
    window: (Option<f64>, Option<f64>),
    sum: f64,
    snapshots: f64,
}

/// The whole file.
pub(super) struct Server;

impl<'de> DeserializeSeed<'de> for Server {
    type Value = Seen;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Seen, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Server {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the object of server metrics")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Seen, A::Error> {
        let budget = Cell::new(MOST_VALUES);
        let mut seen = Seen::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "steady_state_start_time" => seen.window.0 = map.next_value()?,
                "steady_state_end_time" => seen.window.1 = map.next_value()?,
                "steady_state_stats" => {
                    if let Json::Object(stats) = map.next_value_seed(Pruned::new(&[], &budget))? {
                        seen.stats = stats;
                    }
                }
                "timeline" => map.next_value_seed(Snapshots { seen: &mut seen })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if seen.snapshots > 0.0 {
            seen.kv_cache_use = Some(seen.sum / seen.snapshots);
        }
        Ok(seen)
    }
}

#[derive(Deserialize)]
struct Snapshot {
    timestamp: Option<f64>,
    metrics: Option<String>,
}

struct Snapshots<'a> {
    seen: &'a mut Seen,
}

impl<'de> DeserializeSeed<'de> for Snapshots<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Snapshots<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of snapshots")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(snapshot) = seq.next_element::<Snapshot>()? {
            let (Some(from), Some(to)) = self.seen.window else { continue };
            let inside = snapshot.timestamp.is_some_and(|time| (from..=to).contains(&time));
            let metrics = snapshot.metrics.filter(|_| inside).unwrap_or_default();
            if let Some((share, series)) = kv_cache_use(&metrics) {
                self.seen.sum += share;
                self.seen.snapshots += 1.0;
                self.seen.kv_series = self.seen.kv_series.max(series);
            }
        }
        Ok(())
    }
}

/// The mean over engines of the highest value that any process reports for the engine, and the count of series: with several
/// API servers all processes but one report 0.
fn kv_cache_use(metrics: &str) -> Option<(f64, usize)> {
    let mut engines: BTreeMap<&str, f64> = BTreeMap::new();
    let mut series = 0;
    for line in metrics.lines() {
        let Some(rest) = KV_CACHE.iter().find_map(|name| line.strip_prefix(name)) else { continue };
        let (labels, value) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).unwrap_or(("", rest));
        let Some(value) = value.split_whitespace().next().and_then(|value| value.parse::<f64>().ok()) else { continue };
        if !value.is_finite() {
            continue;
        }
        let engine = labels.split("engine=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("");
        let highest = engines.entry(engine).or_insert(value);
        *highest = highest.max(value);
        series += 1;
    }
    let count = engines.len();
    (count > 0).then(|| (engines.values().sum::<f64>() / count as f64, series))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_that_report_nothing_do_not_lower_the_use_of_the_cache() {
        let text = "# HELP\nvllm:kv_cache_usage_perc{engine=\"0\",pid=\"7\"} 0.6\nvllm:kv_cache_usage_perc{engine=\"0\",pid=\"8\"} 0.0\n\
                    vllm:kv_cache_usage_perc{engine=\"1\",pid=\"9\"} 0.2\nvllm:kv_cache_usage_perc_other 1\n";
        let (share, series) = kv_cache_use(text).unwrap();
        assert!((share - 0.4).abs() < 1e-12 && series == 3);
        assert_eq!(kv_cache_use("vllm:kv_cache_usage_perc 0.25"), Some((0.25, 1)));
        assert_eq!(kv_cache_use("vllm:kv_cache_usage_perc{x=\"y\"} NaN"), None);
    }
}
