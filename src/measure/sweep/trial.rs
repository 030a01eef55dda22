//! Every point is tried before anything is measured, so that nothing is found to be wrong hours later.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::DeTable;

use super::error::SweepError;
use super::load_settings::LoadSettings;
use super::spec::{Server, Spec};
use super::tables::{Reader, Section};
use super::template::{Values, fill, names};
use crate::measure::http::Url;
use crate::measure::load::dataset;

/// What is wrong, each once, with its table and key.
type Told = BTreeMap<String, (&'static str, String)>;

impl<'t> Reader<'t> {
    /// Fills and reads what depends on the point, at every point. Placeholders that stand for nothing are told elsewhere.
    pub(super) fn try_points(&mut self, root: &Section<'_, 't>, spec: &Spec) {
        let mut told = Told::new();
        for point in &spec.points {
            try_point(spec, &point.values, &mut told);
        }
        if spec.points.is_empty() {
            // Where a knob is faulty there is no point; what needs none is tried all the same.
            try_point(spec, &Values::new(), &mut told);
            told.retain(|_, (table, key)| is_plain(spec, table, key));
        }
        for (message, (table, key)) in told {
            self.fault(&place(root, table, &key), message);
        }
    }
}

fn try_point(spec: &Spec, values: &Values, told: &mut Told) {
    let mut tell = |message: String, table, key: &str| {
        told.entry(message).or_insert((table, key.to_owned()));
    };
    if let Some(server) = &spec.server {
        for (message, key) in faulty_addresses(server, values) {
            tell(message, "server", key);
        }
    }
    if let Some(command) = &spec.command
        && command.items.as_deref().is_none_or(|items| is_set(items, values))
        && let Err(message) = command.count(values)
    {
        tell(message, "command", "items");
    }
    let Some(load) = &spec.load else { return };
    for (key, message) in LoadSettings::of(load, values).err().unwrap_or_default() {
        if load.get(&key).is_none_or(|text| is_set(text, values)) {
            tell(format!("`{key}`: {message}"), "load", &key);
        }
    }
}

/// What is wrong with the address of a server and its paths, with the key.
fn faulty_addresses(server: &Server, values: &Values) -> Vec<(String, &'static str)> {
    let mut faults = Vec::new();
    if !server.url.is_empty()
        && is_set(&server.url, values)
        && let Err(error) =
            fill(&server.url, values).and_then(|address| Url::parse(&address).map_err(|error| error.to_string()))
    {
        faults.push((format!("`url`: {error}"), "url"));
    }
    for (key, path) in [("health", Some(&server.health)), ("metrics", server.metrics.as_ref())] {
        let Some(path) = path else { continue };
        if !path.starts_with('/') {
            faults.push((format!("`{key}`: `{path}` is no path; write `/{path}`"), key));
        } else if let Err(error) = Url::parse(&format!("http://localhost{path}")) {
            faults.push((format!("`{key}`: {error}"), key));
        }
    }
    faults
}

/// Whether all placeholders of a text stand for something.
fn is_set(text: &str, values: &Values) -> bool {
    names(text).is_ok_and(|names| names.iter().all(|name| values.contains_key(name)))
}

/// Whether a key is given, and holds no placeholder: what is wrong with it is wrong at every point.
fn is_plain(spec: &Spec, table: &str, key: &str) -> bool {
    let given = match table {
        "load" => spec.load.as_ref().and_then(|load| load.get(key)),
        "command" => spec.command.as_ref().and_then(|command| command.items.as_ref()),
        _ => return true,
    };
    given.is_some_and(|text| is_set(text, &Values::new()))
}

/// Where a key stands, or else its table.
fn place(root: &Section<'_, '_>, table: &str, key: &str) -> Range<usize> {
    let value = root.get(table);
    let inner = value.and_then(|value| {
        let table = value.get_ref().as_table()?;
        table.iter().find(|(own, _)| own.get_ref() == key).map(|(_, value)| value.span())
    });
    inner.or_else(|| value.map(Spanned::span)).unwrap_or(root.at.clone())
}

impl Spec {
    /// Reads the files that the points need, as they will be read on this machine; `file` is the sweep's name in messages.
    pub fn check_files(&self, file: &str) -> Result<(), SweepError> {
        let Some(load) = &self.load else { return Ok(()) };
        let settings = self.points.iter().filter_map(|point| LoadSettings::of(load, &point.values).ok());
        let paths: BTreeSet<PathBuf> = settings.filter_map(|own| own.dataset).collect();
        let Ok(table) = DeTable::parse(&self.text) else { return Ok(()) };
        let root = Section { name: String::new(), at: 0..0, table: table.get_ref() };
        let mut reader = Reader { file, text: &self.text, faults: Vec::new(), added: Vec::new() };
        for path in paths {
            let Err(error) = dataset(&path) else { continue };
            reader.fault(&place(&root, "load", "dataset"), format!("`dataset`: {error}"));
        }
        if reader.faults.is_empty() { Ok(()) } else { Err(SweepError::faulty(file, &self.text, reader.faults)) }
    }
}
