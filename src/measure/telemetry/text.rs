//! The text form of metrics: Prometheus text format 0.0.4, and `OpenMetrics` 1.0 as far as servers use it.
//!
//! ```text
//! name{label="value",…} value [timestamp] [# {exemplar}]
//! ```

use std::collections::BTreeMap;
use std::fmt;

/// Labels of a series: name and value.
pub type Labels = BTreeMap<String, String>;

/// As many faults of a page as are kept with their place; all are counted.
const MOST_FAULTS: usize = 20;

/// A page of metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// Every good line, in order. Values may be infinite or not a number, as written.
    pub samples: Vec<Sample>,
    /// Types by the name of the family, as written: `counter`, `gauge`, `histogram` …
    pub types: BTreeMap<String, String>,
    /// The first faults.
    pub faults: Vec<Fault>,
    /// Lines that are no sample and no comment.
    pub faulty_lines: usize,
}

/// One line of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Name of the metric.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its value.
    pub value: f64,
    /// When it was taken, in seconds since 1970, if the page says so.
    pub at: Option<f64>,
}

/// One bad line of a page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {kind}")]
pub struct Fault {
    /// Line of the page, from 1.
    pub line: usize,
    /// What is wrong.
    pub kind: FaultKind,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// No name where one is due.
    #[error("expected the name of a metric or a label, found `{found}`")]
    Name {
        /// What stands there.
        found: String,
    },
    /// A label without `="…"`.
    #[error("label `{label}` has no value in quotes")]
    LabelValue {
        /// The label.
        label: String,
    },
    /// A label that is given twice.
    #[error("label `{label}` stands twice")]
    LabelTwice {
        /// The label.
        label: String,
    },
    /// Labels that do not end.
    #[error("the labels do not end with `}}`")]
    LabelsEnd,
    /// No number where the value is due.
    #[error("expected a number, found `{found}`")]
    Value {
        /// What stands there.
        found: String,
    },
    /// A timestamp that is no number.
    #[error("expected a timestamp, found `{found}`")]
    Timestamp {
        /// What stands there.
        found: String,
    },
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (index, (label, value)) in self.labels.iter().enumerate() {
            let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            write!(f, "{}{label}=\"{value}\"", if index == 0 { '{' } else { ',' })?;
        }
        if !self.labels.is_empty() {
            f.write_str("}")?;
        }
        match self.value {
            value if value.is_nan() => f.write_str(" NaN")?,
            f64::INFINITY => f.write_str(" +Inf")?,
            f64::NEG_INFINITY => f.write_str(" -Inf")?,
            value => write!(f, " {value}")?,
        }
        match self.at {
            Some(seconds) => write!(f, " {}", (seconds * 1e3).round() as i64),
            None => Ok(()),
        }
    }
}

/// Reads a page. Nothing makes it fail: bad lines are counted, and the first of them are told.
pub fn parse(text: &str) -> Page {
    // OpenMetrics gives timestamps in seconds and ends with this mark; the older form gives milliseconds.
    let per_second = if text.trim_end().ends_with("# EOF") { 1.0 } else { 1e3 };
    let mut page = Page::default();
    for (index, line) in text.split('\n').enumerate() {
        let line = line.trim_matches([' ', '\t', '\r']);
        if let Some(comment) = line.strip_prefix('#') {
            let mut words = comment.split_ascii_whitespace();
            if let (Some("TYPE"), Some(name), Some(kind)) = (words.next(), words.next(), words.next()) {
                page.types.insert(name.to_owned(), kind.to_owned());
            }
        } else if !line.is_empty() {
            match sample(line, per_second) {
                Ok(sample) => page.samples.push(sample),
                Err(kind) => {
                    page.faulty_lines += 1;
                    if page.faults.len() < MOST_FAULTS {
                        page.faults.push(Fault { line: index + 1, kind });
                    }
                }
            }
        }
    }
    page
}

fn sample(line: &str, per_second: f64) -> Result<Sample, FaultKind> {
    let (name, rest) = name(line, |c| c == ':')?;
    let rest = rest.trim_start();
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (Labels::new(), rest),
    };
    // What follows a second `#` is an exemplar: one observation, no part of the value.
    let rest = rest.split_once(" #").map_or(rest, |(before, _)| before);
    let mut words = rest.split_ascii_whitespace();
    let value = words.next().unwrap_or_default();
    let value = value.parse().map_err(|_| FaultKind::Value { found: excerpt(value) })?;
    let at = match words.next() {
        None => None,
        Some(text) => {
            let time: Option<f64> = text.parse().ok().filter(|time: &f64| time.is_finite());
            let time = time.filter(|_| words.next().is_none());
            Some(time.ok_or_else(|| FaultKind::Timestamp { found: excerpt(text) })? / per_second)
        }
    };
    Ok(Sample { name: name.to_owned(), labels, value, at })
}

/// A name at the start of `text`, and what follows it.
fn name(text: &str, also: fn(char) -> bool) -> Result<(&str, &str), FaultKind> {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || also(c);
    let end = text.find(|c| !is_inner(c)).unwrap_or(text.len());
    if end == 0 || text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(FaultKind::Name { found: excerpt(text) });
    }
    Ok(text.split_at(end))
}

/// Labels from behind their opening brace, and what follows the closing one.
fn labels(text: &str) -> Result<(Labels, &str), FaultKind> {
    let mut labels = Labels::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        if rest.is_empty() {
            return Err(FaultKind::LabelsEnd);
        }
        let (label, after) = name(rest, |_| false)?;
        let no_value = || FaultKind::LabelValue { label: label.to_owned() };
        let after = after.trim_start().strip_prefix('=').ok_or_else(no_value)?.trim_start();
        let (value, after) = quoted(after.strip_prefix('"').ok_or_else(no_value)?).ok_or_else(no_value)?;
        if labels.insert(label.to_owned(), value).is_some() {
            return Err(FaultKind::LabelTwice { label: label.to_owned() });
        }
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.starts_with('}') => after,
            None => return Err(FaultKind::LabelsEnd),
        };
    }
}

/// A value from behind its opening quote up to the closing one, and what follows; unknown escapes stay as written, as
/// Prometheus has it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                same @ ('"' | '\\') => value.push(same),
                other => value.extend(['\\', other]),
            },
            other => value.push(other),
        }
    }
    None
}

/// The start of a text for a message.
fn excerpt(text: &str) -> String {
    text.chars().take(24).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(line: &str) -> Sample {
        let page = parse(line);
        assert!(page.faults.is_empty(), "{line}: {:?}", page.faults);
        page.samples.into_iter().next().unwrap()
    }

    #[test]
    fn lines_of_every_form_are_read() {
        assert_eq!(one("up 1").value, 1.0);
        assert_eq!(one("up{} 1\r").labels.len(), 0);
        assert_eq!(one("a:b{x=\"1\", y=\"2\",} +Inf").labels["y"], "2");
        assert_eq!(one("a -Inf").value, f64::NEG_INFINITY);
        assert!(one("a NaN").value.is_nan());
        assert_eq!(one("a{m=\"x}\\\"y\\\\z\\n,\"} 2e-3").labels["m"], "x}\"y\\z\n,");
        assert_eq!(one("a{p=\"C:\\dir\"} 1").labels["p"], "C:\\dir");
        assert_eq!(one("a 1 1700000000123").at, Some(1_700_000_000.123));
        assert_eq!(one("a_bucket{le=\"0.1\"} 7 # {trace_id=\"x\"} 0.05 1700000000.1").value, 7.0);
        assert_eq!(one("a{b=\"x # y\"} 7").value, 7.0);
        assert_eq!(parse("a 1 1700000000.5\n# EOF\n").samples[0].at, Some(1_700_000_000.5));
        assert_eq!(parse("# TYPE a counter\r\n# HELP a what\r\n\r\na_total 1\r\n").types["a"], "counter");
    }

    #[test]
    fn bad_lines_are_told_and_good_ones_kept() {
        let page =
            parse("good 1\n{x=\"1\"} 2\na{x} 1\na{x=\"1} 1\na{x=\"1\"\na one\na 1 then\n\na{x=\"1\",x=\"2\"} 1\nb 2");
        assert_eq!(page.samples.len(), 2);
        let told: Vec<String> = page.faults.iter().map(ToString::to_string).collect();
        assert_eq!(page.faulty_lines, 7);
        assert_eq!(told[0], "line 2: expected the name of a metric or a label, found `{x=\"1\"} 2`");
        assert_eq!(told[1], "line 3: label `x` has no value in quotes");
        assert_eq!(told[3], "line 5: the labels do not end with `}`");
        assert_eq!(told[4], "line 6: expected a number, found `one`");
        assert_eq!(told[5], "line 7: expected a timestamp, found `then`");
        assert_eq!(told[6], "line 9: label `x` stands twice");
    }

    prop_compose! {
        fn samples()(
            name in "[a-z_:][a-z0-9_:]{0,8}",
            labels in proptest::collection::btree_map("[a-z_][a-z0-9_]{0,5}", "\\PC{0,6}|[\\\\\"\n,{}=# ]{0,6}", 0..4),
            value in prop_oneof![any::<f64>(), Just(f64::INFINITY), Just(f64::NAN)],
            at in proptest::option::of(0..4_000_000_000_000_i64),
        ) -> Sample {
            Sample { name, labels, value, at: at.map(|ms| ms as f64 / 1e3) }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(written in proptest::collection::vec(samples(), 0..5)) {
            let lines: Vec<String> = written.iter().map(ToString::to_string).collect();
            let text = lines.join("\n");
            let page = parse(&text);
            prop_assert_eq!(page.faulty_lines, 0);
            prop_assert_eq!(page.samples.len(), written.len());
            for (read, own) in page.samples.iter().zip(&written) {
                prop_assert_eq!((&read.name, &read.labels, read.at), (&own.name, &own.labels, own.at));
                prop_assert!(read.value == own.value || (read.value.is_nan() && own.value.is_nan()));
            }
        }

        #[test]
        fn no_text_is_too_bad(text in "\\PC*|[a-z{}=\", \\\\\n#0-9]{0,60}") {
            parse(&text);
        }
    }
}
