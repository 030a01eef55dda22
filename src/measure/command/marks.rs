//! Where the work of a command begins and ends, as the command itself says.
//!
//! A command finds the name of a file in the environment variable [`MARKS`], and adds lines to it:
//!
//! ```text
//! begin                      # work begins now
//! end images=64              # it has ended, and made so much
//! begin warm at=81234567890  # a stretch with a name, at a moment of CLOCK_MONOTONIC, in ns
//! end warm tokens=2048 responses=4 at=81239567890
//! ```
//!
//! Without `at=`, a mark is taken to be where it is read, at most 20 ms late.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use super::run::ITEMS;
use crate::notes::{Caveat, did_you_mean, nearest};

/// The environment variable that names the file for marks.
pub const MARKS: &str = "JOULES_MARKS";
/// Faults that are told of one file.
const MOST_FAULTS: usize = 9;
/// So many bytes of what was read are kept.
const LAST: usize = 64;

/// One line of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// Work begins.
    Begin {
        /// The name of the stretch; empty for none.
        name: String,
        /// When, s.
        at: f64,
    },
    /// It has ended.
    End {
        /// The name of the stretch that ends; empty for whichever runs.
        name: String,
        /// What it made.
        items: BTreeMap<String, f64>,
        /// When, s.
        at: f64,
    },
}

impl Mark {
    /// Whether this ends a stretch of another name than `name`.
    pub(in crate::measure) fn ends_another(&self, name: &str) -> bool {
        matches!(self, Self::End { name: own, .. } if !own.is_empty() && own != name)
    }
}

/// Reads marks from a file that grows.
#[derive(Debug)]
pub struct Marks {
    path: PathBuf,
    /// So many bytes of it were read; what they ended with shows whether the file was written anew.
    read: u64,
    last: Vec<u8>,
    lines: usize,
    /// Moment 0 of the measurement on `CLOCK_MONOTONIC`, s.
    zero: f64,
    /// Those so far.
    pub found: Vec<Mark>,
    /// What could not be read, one a line.
    pub faults: Vec<String>,
}

impl Marks {
    /// Reads marks from this file; `zero` is moment 0 on `CLOCK_MONOTONIC`, s.
    pub fn new(path: PathBuf, zero: f64) -> Self {
        Self { path, read: 0, last: Vec::new(), lines: 0, zero, found: Vec::new(), faults: Vec::new() }
    }

    /// What cannot be read, as a reader must know it.
    pub(super) fn odd(&self) -> Option<Caveat> {
        let (told, rest) = self.faults.split_at(self.faults.len().min(MOST_FAULTS));
        let more = if rest.is_empty() { String::new() } else { format!("; and {} more", rest.len()) };
        let text = || format!("marks that cannot be read are left out: {}{more}", told.join("; "));
        (!told.is_empty()).then(|| Caveat::new("odd_marks", text()))
    }

    /// The file.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Takes what was added; `now` is the moment of marks that tell none, s.
    pub fn look(&mut self, now: f64) {
        self.take(now, |fresh| fresh.iter().rposition(|byte| *byte == b'\n').map(|end| end + 1));
    }

    /// Takes what is left once nobody writes any more, also a line without an end.
    pub fn finish(&mut self, now: f64) {
        self.take(now, |fresh| Some(fresh.len()));
    }

    fn take(&mut self, now: f64, whole: impl Fn(&[u8]) -> Option<usize>) {
        let Ok(fresh) = self.fresh() else { return };
        let Some(end) = whole(&fresh) else { return };
        self.read += end as u64;
        self.last = fresh[..end].iter().copied().rev().take(LAST).rev().collect();
        for line in String::from_utf8_lossy(&fresh[..end]).lines() {
            self.lines += 1;
            let mut faults = Vec::new();
            match mark(line, now, self.zero, &mut faults) {
                Ok(mark) => self.found.extend(mark),
                Err(fault) => faults.push(fault),
            }
            self.faults.extend(faults.into_iter().map(|fault| format!("line {}: {fault}", self.lines)));
        }
    }

    /// What stands behind what was read; all of a file that was written anew.
    fn fresh(&mut self) -> std::io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.read - self.last.len() as u64))?;
        file.read_to_end(&mut bytes)?;
        if bytes.starts_with(&self.last) {
            bytes.drain(..self.last.len());
            return Ok(bytes);
        }
        let text = "the file was written anew, as by `>` in place of `>>`: what was read before still counts";
        self.faults.push(text.to_owned());
        (self.read, self.last) = (0, Vec::new());
        self.fresh()
    }
}

/// One line; none if it is empty or a comment. An item that cannot be read is a fault, and does not spoil its mark.
fn mark(line: &str, now: f64, zero: f64, faults: &mut Vec<String>) -> Result<Option<Mark>, String> {
    let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
    let Some(verb) = words.next() else { return Ok(None) };
    let (mut at, mut name, mut items) = (now, String::new(), BTreeMap::new());
    for word in words {
        match word.split_once('=') {
            Some(("at", ns)) => {
                let ns: f64 = ns.parse().map_err(|_| format!("`{ns}` is no moment in ns"))?;
                at = ns / 1e9 - zero;
            }
            Some((item, count)) if verb == "end" => match amount(item, count) {
                Ok(count) => drop(items.insert(item.to_owned(), count)),
                Err(fault) => faults.push(fault),
            },
            None if name.is_empty() => word.clone_into(&mut name),
            _ => return Err(format!("`{word}` cannot stand behind `{verb}`")),
        }
    }
    match verb {
        "begin" => Ok(Some(Mark::Begin { name, at })),
        "end" => Ok(Some(Mark::End { name, items, at })),
        other => Err(format!("`{other}` is neither `begin` nor `end`")),
    }
}

/// How much of an item was made.
pub(super) fn amount(item: &str, count: &str) -> Result<f64, String> {
    if !ITEMS.contains(&item) {
        return Err(format!("`{item}` is nothing that can be made{}", did_you_mean(nearest(item, ITEMS))));
    }
    let known = count.parse::<f64>().ok().filter(|count| count.is_finite() && *count > 0.0);
    known.ok_or_else(|| format!("`{count}` is no amount of {item}"))
}

#[cfg(test)]
mod tests {
    use super::{Mark, mark};

    #[test]
    fn marks_are_read_and_faults_are_told() {
        let mut faults = Vec::new();
        let begin = mark("begin warm at=3500000000", 9.0, 1.5, &mut faults);
        assert_eq!(begin, Ok(Some(Mark::Begin { name: "warm".to_owned(), at: 2.0 })));
        let items = [("images".to_owned(), 64.0)].into_iter().collect();
        let end = Mark::End { name: "warm".to_owned(), items, at: 9.0 };
        assert_eq!(mark("end warm images=64", 9.0, 1.5, &mut faults), Ok(Some(end)));
        assert_eq!(mark("  # nothing", 9.0, 1.5, &mut faults), Ok(None));
        assert_eq!(mark("start", 9.0, 0.0, &mut faults).unwrap_err(), "`start` is neither `begin` nor `end`");
        let left = mark("end image=4 images=-4 tokens=8", 9.0, 0.0, &mut faults);
        let items = [("tokens".to_owned(), 8.0)].into_iter().collect();
        assert_eq!(left, Ok(Some(Mark::End { name: String::new(), items, at: 9.0 })));
        assert_eq!(
            faults,
            ["`image` is nothing that can be made; did you mean `images`?", "`-4` is no amount of images"]
        );
        assert_eq!(
            mark("begin images=4", 9.0, 0.0, &mut faults).unwrap_err(),
            "`images=4` cannot stand behind `begin`"
        );
    }
}
