//! Files that add to a catalog: TOML of entries, and `config.json` of models.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::config::{self, Request};
use super::entry::Entry;
use super::fault::{CatalogError, Fault};
use super::read;

/// A file that adds to a catalog, in memory.
#[derive(Clone, Debug)]
pub struct CatalogFile {
    /// What messages call it.
    pub(super) name: String,
    text: String,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    /// TOML of entries.
    Entries,
    /// A model's `config.json`; see [`Request`].
    Config { model: String, is_base: bool },
}

impl CatalogFile {
    /// A TOML of entries, with the name that messages give it.
    pub fn entries(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), form: Form::Entries }
    }

    /// A model's `config.json`, with the name that messages give it and the name of the base model.
    pub fn config(name: &str, text: &str, model: &str) -> Self {
        let form = Form::Config { model: model.to_owned(), is_base: true };
        Self { name: name.to_owned(), text: text.to_owned(), form }
    }

    /// A TOML of entries, or all of those in a folder, in the order of their names.
    pub fn of_catalog(path: &Path) -> Result<Vec<Self>, CatalogError> {
        if !path.is_dir() {
            let (name, text) = named_text(path)?;
            return match extension(path) {
                Some("toml") => Ok(vec![Self::entries(&name, &text)]),
                _ => Err(CatalogError::UnknownForm { path: path.to_owned() }),
            };
        }
        let unreadable = |source| CatalogError::Read { path: path.to_owned(), source };
        let mut paths: Vec<PathBuf> = fs::read_dir(path)
            .map_err(unreadable)?
            .map(|entry| entry.map(|found| found.path()))
            .collect::<Result<_, _>>()
            .map_err(unreadable)?;
        paths.retain(|path| extension(path) == Some("toml"));
        paths.sort();
        if paths.is_empty() {
            return Err(CatalogError::EmptyFolder { path: path.to_owned() });
        }
        paths.iter().map(|path| named_text(path).map(|(name, text)| Self::entries(&name, &text))).collect()
    }

    /// A TOML of entries, or a model's `config.json` (or its folder) as `PATH` or `NAME=PATH`; `base_of` gives the base
    /// model of a checkpoint's name.
    ///
    /// Without `NAME` the model is called as the file calls it, else as the folder is that it lies in.
    pub fn of_architecture(argument: &str, base_of: fn(&str) -> &str) -> Result<Self, CatalogError> {
        let (given, path) = match argument.split_once('=') {
            Some((name, path)) if !Path::new(argument).exists() => {
                if name.trim().is_empty() || path.is_empty() {
                    return Err(CatalogError::HalfNamed { argument: argument.to_owned() });
                }
                (Some(name.trim()), Path::new(path))
            }
            _ => (None, Path::new(argument)),
        };
        let inner = path.join("config.json");
        let path = if path.is_dir() && inner.exists() { inner.as_path() } else { path };
        let (name, text) = named_text(path)?;
        match (extension(path), given) {
            (Some("toml"), None) => Ok(Self::entries(&name, &text)),
            (Some("toml"), Some(given)) => {
                Err(CatalogError::NamedEntries { name: given.to_owned(), path: path.to_owned() })
            }
            (Some("json"), _) => {
                let checkpoint = given.map_or_else(|| checkpoint_of(path, &text), str::to_owned);
                let model = base_of(&checkpoint).to_owned();
                let is_base = model == checkpoint;
                Ok(Self { name, text, form: Form::Config { model, is_base } })
            }
            _ => Err(CatalogError::UnknownForm { path: path.to_owned() }),
        }
    }

    /// The model that a `config.json` describes.
    pub fn model(&self) -> Option<&str> {
        if let Form::Config { model, .. } = &self.form { Some(model) } else { None }
    }

    /// Its entries with the names of their tables; faults are added to `faults`.
    pub(super) fn read(&self, faults: &mut Vec<Fault>) -> Vec<(String, Entry)> {
        match &self.form {
            Form::Entries => read::read(&self.name, &self.text, faults),
            Form::Config { model, is_base } => {
                let request = Request { file: &self.name, text: &self.text, model, is_base: *is_base };
                config::read(&request, faults).map(|entry| ("architecture".to_owned(), entry)).into_iter().collect()
            }
        }
    }
}

fn extension(path: &Path) -> Option<&str> {
    path.extension()?.to_str()
}

/// A file's name for messages and its text.
fn named_text(path: &Path) -> Result<(String, String), CatalogError> {
    let text = fs::read_to_string(path).map_err(|source| CatalogError::Read { path: path.to_owned(), source })?;
    Ok((path.display().to_string(), text))
}

/// What a checkpoint is called: as its configuration says, else as the folder that holds it, else as the file.
fn checkpoint_of(path: &Path, text: &str) -> String {
    let json: Option<Json> = serde_json::from_str(text).ok();
    let told = json.as_ref().and_then(|json| json.get("_name_or_path")?.as_str()).map(str::trim);
    // A folder on the disk of whoever wrote the file is no name.
    let is_name = |name: &&str| !name.is_empty() && !name.starts_with(['/', '.', '~']) && !name.contains('\\');
    if let Some(name) = told.filter(is_name) {
        return name.to_owned();
    }
    let names: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    // The cache of Hugging Face: models--Qwen--Qwen3-8B/snapshots/<digest>/config.json.
    if let Some(cached) = names.iter().rev().find_map(|name| name.strip_prefix("models--")) {
        return cached.replacen("--", "/", 1);
    }
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    folder.filter(|_| stem == "config").unwrap_or(stem).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_called_by_its_file_then_by_its_folder() {
        let case = |path: &str, text: &str, expected: &str| assert_eq!(checkpoint_of(Path::new(path), text), expected);
        case("x/config.json", r#"{"_name_or_path": "Qwen/Qwen3-8B"}"#, "Qwen/Qwen3-8B");
        case("Qwen3-8B/config.json", r#"{"_name_or_path": ""}"#, "Qwen3-8B");
        case("Qwen3-8B/config.json", r#"{"_name_or_path": "/home/me/run7"}"#, "Qwen3-8B");
        case("mine/small.json", "{}", "small");
        case("config.json", "no JSON", "config");
        case("hub/models--Qwen--Qwen3-8B/snapshots/9c92/config.json", "{}", "Qwen/Qwen3-8B");
    }
}
