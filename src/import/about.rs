//! What is known of a foreign format before any file of it is read; it becomes the provenance of what is imported.

use std::collections::BTreeMap;

use crate::runs::Run;

/// A foreign format: where it comes from, what its numbers are of, and where they mislead.
#[derive(Debug)]
pub struct About {
    /// As people type it.
    pub name: &'static str,
    /// What a file of it is, in words.
    pub words: &'static str,
    /// The program that writes it.
    pub tool: &'static str,
    /// The public source that its form was read in.
    pub schema: &'static str,
    /// Of which parts and of which time the numbers are.
    pub scope: &'static str,
    /// Fields, and the units they are taken to be in.
    pub units: &'static [(&'static str, &'static str)],
    /// Known defects of the format: a stable name, and what it means for a reader.
    pub defects: &'static [(&'static str, &'static str)],
    /// Where its measured numbers stand, of which a file must have some.
    pub measures: &'static str,
    /// Conditions without which a run of it cannot be asked about.
    pub needs: &'static [&'static str],
}

/// What a run of language serving needs.
pub(super) const SERVING: &[&str] = &["model", "gpu", "gpus", "batch_size"];

/// What a run of image or video generation needs.
pub(super) const DIFFUSION: &[&str] = &["model", "gpu", "gpus", "batch_size", "steps", "height", "width"];

impl About {
    /// The provenance of runs out of `files`; `more` is what the files say of themselves.
    pub(super) fn provenance(&self, files: &[String], more: &BTreeMap<&str, String>) -> toml::Table {
        let text = |text: &str| toml::Value::String(text.to_owned());
        let pairs = |pairs: &[(&str, &str)]| {
            toml::Value::Table(pairs.iter().map(|(key, value)| ((*key).to_owned(), text(value))).collect())
        };
        let mut table = toml::Table::new();
        table.insert("format".to_owned(), text(self.name));
        table.insert("source".to_owned(), text(self.words));
        table.insert("tool".to_owned(), text(self.tool));
        table.insert("scope".to_owned(), text(self.scope));
        for (key, value) in more {
            table.insert((*key).to_owned(), text(value));
        }
        table.insert("files".to_owned(), toml::Value::Array(files.iter().map(|file| text(file)).collect()));
        if !self.units.is_empty() {
            table.insert("units".to_owned(), pairs(self.units));
        }
        if !self.defects.is_empty() {
            table.insert("known_defects".to_owned(), pairs(self.defects));
        }
        table
    }
}

/// Details that tell energy where no metric does: of a processor alone, or of a window without work.
const ENERGY_DETAILS: [&str; 4] = ["energy_j", "cpu_energy_j", "ram_energy_j", "total_energy_j"];

/// Whether anything was measured of a run.
pub(super) fn is_measured(run: &Run) -> bool {
    !run.metrics.is_empty() || ENERGY_DETAILS.iter().any(|name| run.details.contains_key(*name))
}

/// The detail that holds what to doubt in a run.
const CAVEATS: &str = "caveats";

/// Adds a doubt to a run: a stable name, and what was seen, with its numbers.
pub(super) fn caveat(run: &mut Run, code: &str, seen: &str) {
    let all = run.details.entry(CAVEATS.to_owned()).or_default();
    if !all.is_empty() {
        all.push_str("; ");
    }
    all.push_str(code);
    all.push_str(": ");
    all.push_str(&seen.replace(';', ","));
}

/// The doubts of a run by their stable names, each with what was seen first.
pub(super) fn caveats(run: &Run) -> BTreeMap<&str, &str> {
    let all = run.details.get(CAVEATS).map_or("", String::as_str);
    let mut found = BTreeMap::new();
    for (code, seen) in all.split("; ").filter_map(|one| one.split_once(": ")) {
        found.entry(code).or_insert(seen);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_doubts_are_read_back() {
        let mut run = Run::default();
        assert!(caveats(&run).is_empty());
        caveat(&mut run, "short_window", "12 s; the rule asks for 20 s");
        caveat(&mut run, "failed_requests", "3 of 8: kept");
        caveat(&mut run, "short_window", "again");
        let expected = [("failed_requests", "3 of 8: kept"), ("short_window", "12 s, the rule asks for 20 s")];
        assert_eq!(caveats(&run), expected.into());
    }
}
