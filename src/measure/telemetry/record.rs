//! Samples over time of the series that mean something here.

use std::collections::BTreeMap;

use super::combine::{self, Track};
use super::counter::Rising;
use super::dialect::{ENTRIES, Meaning, Part, Source, find, of_meaning};
use super::histogram::{Delta, delta};
use super::text::{Labels, Page};
use crate::measure::Series;
use crate::stats::median;

/// As many series as a record keeps; a server has some hundreds.
const MOST_SERIES: usize = 50_000;

/// As many samples as a record keeps: days of one server at one scrape a second.
const MOST_SAMPLES: usize = 30_000_000;

/// A gap: samples further apart than so many times their usual distance.
const GAP: f64 = 2.5;

/// What a series is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Its place in [`ENTRIES`].
    pub entry: usize,
    /// Which part of the metric.
    pub part: Part,
    /// Its labels, without empty ones.
    pub labels: Labels,
}

/// Samples of the series that a dialect knows, in SI, on any one clock.
#[derive(Clone, Debug, Default)]
pub struct Record {
    tracks: BTreeMap<Key, Vec<(f64, f64)>>,
    samples: usize,
    /// Samples that found no room.
    pub left_out: usize,
}

impl Record {
    /// Adds a sample. False if the name is unknown; a value that is no number is known and left out.
    pub fn add(&mut self, name: &str, labels: &Labels, at: f64, value: f64) -> bool {
        let Some((entry, part)) = find(name) else { return false };
        if !value.is_finite() || !at.is_finite() {
            return true;
        }
        let value = match part {
            Part::Count | Part::Bucket => value,
            Part::Value | Part::Sum => ENTRIES[entry].to_si(value),
        };
        let is_told = |(name, value): &(&String, &String)| !value.is_empty() && name.as_str() != "__name__";
        let labels = labels.iter().filter(is_told).map(|(name, value)| (name.clone(), value.clone())).collect();
        let key = Key { entry, part, labels };
        let is_full = self.tracks.len() >= MOST_SERIES && !self.tracks.contains_key(&key);
        if is_full || self.samples >= MOST_SAMPLES {
            self.left_out += 1;
            return true;
        }
        let points = self.tracks.entry(key).or_default();
        if points.last().is_none_or(|last| at > last.0) {
            points.push((at, value));
            self.samples += 1;
        }
        true
    }

    /// Adds a page that was scraped at a moment. Timestamps of the page are of another clock and not used.
    pub fn add_page(&mut self, at: f64, page: &Page) {
        for sample in &page.samples {
            self.add(&sample.name, &sample.labels, at, sample.value);
        }
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty()
    }

    /// Every series with its samples.
    pub fn tracks(&self) -> impl Iterator<Item = (&Key, &[(f64, f64)])> {
        self.tracks.iter().map(|(key, points)| (key, points.as_slice()))
    }

    /// The servers and exporters that it holds metrics of.
    pub fn sources(&self) -> Vec<Source> {
        let mut sources: Vec<Source> = self.tracks.keys().map(|key| ENTRIES[key.entry].source).collect();
        sources.sort();
        sources.dedup();
        sources
    }

    /// Series of the first name of a meaning that has any.
    pub(super) fn of(&self, meaning: Meaning, part: Part) -> Vec<Track<'_>> {
        let own = |entry: usize| -> Vec<Track> {
            let matching = self.tracks.iter().filter(|(key, _)| key.entry == entry && key.part == part);
            matching.map(|(key, points)| (&key.labels, points.as_slice())).collect()
        };
        of_meaning(meaning).map(|(entry, _)| own(entry)).find(|tracks| !tracks.is_empty()).unwrap_or_default()
    }

    /// The labels of the series of a meaning.
    pub fn labels(&self, meaning: Meaning) -> Vec<&Labels> {
        let part = if of_meaning(meaning).any(|(_, entry)| entry.form == super::dialect::Form::Histogram) {
            Part::Count
        } else {
            Part::Value
        };
        self.of(meaning, part).into_iter().map(|(labels, _)| labels).collect()
    }

    /// A gauge of all engines together.
    pub fn sum(&self, meaning: Meaning) -> Option<Series> {
        some(combine::sum(&self.of(meaning, Part::Value)))
    }

    /// A gauge as its mean over engines.
    pub fn mean(&self, meaning: Meaning) -> Option<Series> {
        some(combine::mean(&self.of(meaning, Part::Value)))
    }

    /// A counter of all engines together, since its first sample.
    pub fn counter(&self, meaning: Meaning) -> Option<Rising> {
        self.counted(meaning, Part::Value)
    }

    /// Output tokens of all engines together, since the first sample; where a server does not count them as they come, those of
    /// requests that have ended.
    pub fn output_tokens(&self) -> Option<Rising> {
        let ended = || self.counted_sum(Meaning::RequestOutputTokens);
        self.counter(Meaning::OutputTokens).or_else(ended).or_else(|| self.counter(Meaning::FinishedTokens))
    }

    /// The sum that a histogram of all engines together has counted, since its first sample.
    pub fn counted_sum(&self, meaning: Meaning) -> Option<Rising> {
        self.counted(meaning, Part::Sum)
    }

    fn counted(&self, meaning: Meaning, part: Part) -> Option<Rising> {
        let tracks = self.of(meaning, part);
        Some(combine::counted(&tracks, spacing(&tracks)?)).filter(|counter| !counter.series.points().is_empty())
    }

    /// What a histogram of all engines together counted between two moments.
    pub fn histogram(&self, meaning: Meaning, from: f64, to: f64) -> Option<Delta> {
        let [buckets, sums, counts] = [Part::Bucket, Part::Sum, Part::Count].map(|part| self.of(meaning, part));
        delta(&buckets, &sums, &counts, [from, to], spacing(&counts)?)
    }

    /// How many engines tell a gauge or a counter.
    pub fn engines(&self, meaning: Meaning) -> usize {
        combine::engines(&self.of(meaning, Part::Value))
    }

    /// The usual distance of the samples of a meaning, s; none of fewer than two samples.
    pub fn spacing(&self, meaning: Meaning) -> Option<f64> {
        [Part::Value, Part::Count].into_iter().find_map(|part| spacing(&self.of(meaning, part)))
    }

    /// Gaps between the samples of a meaning that reach into a window: their ends.
    pub fn gaps(&self, meaning: Meaning, from: f64, to: f64) -> Vec<[f64; 2]> {
        let tracks = self.of(meaning, Part::Value);
        let Some(usual) = spacing(&tracks) else { return Vec::new() };
        let moments = moments(&tracks);
        let gaps = moments.windows(2).map(|pair| [pair[0], pair[1]]);
        gaps.filter(|[start, end]| end - start > GAP * usual && *end > from && *start < to).collect()
    }
}

fn some(series: Series) -> Option<Series> {
    (!series.points().is_empty()).then_some(series)
}

/// The moments of all tracks, each once.
fn moments(tracks: &[Track]) -> Vec<f64> {
    let mut moments: Vec<f64> = tracks.iter().flat_map(|(_, points)| points.iter().map(|point| point.0)).collect();
    moments.sort_by(f64::total_cmp);
    moments.dedup();
    moments
}

/// The median distance of neighboring samples of a track, over the track with the most samples, s.
pub(super) fn spacing(tracks: &[Track]) -> Option<f64> {
    let longest = tracks.iter().max_by_key(|(_, points)| points.len())?.1;
    let distances: Vec<f64> = longest.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    median(&distances)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::telemetry::parse;

    #[test]
    fn pages_become_series_of_what_is_known() {
        let mut record = Record::default();
        for (at, tokens) in [(0.0, 100), (1.0, 150), (2.0, 20), (5.0, 80)] {
            let page = format!(
                "vllm:generation_tokens_total{{engine=\"0\"}} {tokens}\nvllm:num_requests_running{{engine=\"0\"}} 4\n\
                 vllm:kv_cache_usage_perc{{engine=\"0\"}} NaN\nprocess_open_fds 9\n"
            );
            record.add_page(at, &parse(&page));
        }
        assert_eq!(record.tracks().count(), 2);
        assert_eq!(record.sources(), [Source::Vllm]);
        let counter = record.counter(Meaning::OutputTokens).unwrap();
        assert_eq!((counter.series.at(5.0), counter.resets), (Some(130.0), vec![2.0]));
        assert_eq!(record.spacing(Meaning::OutputTokens), Some(1.0));
        assert_eq!(record.gaps(Meaning::OutputTokens, 0.0, 5.0), [[2.0, 5.0]]);
        assert!(record.mean(Meaning::KvUse).is_none());
    }
}
