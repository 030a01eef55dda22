//! A store: the sweeps of a folder.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::error::RunsError;
use super::run::Run;
use super::sweep::Sweep;
use super::write;

/// Sweeps whose runs have ids unique among all of them.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Store {
    /// In the order of their names, or in which they were read.
    pub sweeps: Vec<Sweep>,
}

/// A sweep of `data/`.
macro_rules! embedded {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../data/", $name, ".csv")),
            include_str!(concat!("../../data/", $name, ".toml")),
        )
    };
}

/// Sweeps inside the binary, in the order of their files: name, CSV, TOML.
const EMBEDDED: &[(&str, &str, &str)] = &[
    embedded!("h200-http-qwen3-32b-2"),
    embedded!("h200-http-qwen3-32b"),
    embedded!("h200-http-qwen3-8b-2"),
    embedded!("h200-http-qwen3-8b-3"),
    embedded!("h200-http-qwen3-8b"),
    embedded!("h200-http-tp2-qwen3-8b"),
    embedded!("h200-vllm"),
];

impl Store {
    /// A store of these sweeps.
    pub fn new(sweeps: Vec<Sweep>) -> Result<Self, RunsError> {
        let mut owners: HashMap<&str, &str> = HashMap::new();
        let mut shared = Vec::new();
        for sweep in &sweeps {
            for run in &sweep.runs {
                if let Some(other) = owners.insert(&run.id, &sweep.name) {
                    shared.push(format!("`{}` in `{other}` and `{}`", run.id, sweep.name));
                }
            }
        }
        if shared.is_empty() { Ok(Self { sweeps }) } else { Err(RunsError::SharedIds { ids: shared }) }
    }

    /// Reads a folder of `*.csv` sweeps, or one sweep.
    pub fn read(path: &Path) -> Result<Self, RunsError> {
        Self::read_all(&[path])
    }

    /// Reads several folders or sweeps as one store.
    pub fn read_all<P: AsRef<Path>>(paths: &[P]) -> Result<Self, RunsError> {
        let mut sweeps = Vec::new();
        for path in paths.iter().map(AsRef::as_ref) {
            let before = sweeps.len();
            for file in csv_files(path)? {
                sweeps.push(Sweep::read(&file)?);
            }
            if sweeps[before..].iter().all(|sweep| sweep.runs.is_empty()) {
                return Err(RunsError::Empty { path: path.to_owned() });
            }
        }
        Self::new(sweeps)
    }

    /// The measured sweeps that ship with the program.
    pub fn embedded() -> Self {
        let sweeps = EMBEDDED
            .iter()
            .map(|(name, csv, toml)| Sweep::parse(name, csv, toml).expect("a test reads every shipped sweep"))
            .collect();
        Self { sweeps }
    }

    /// Writes every sweep into `folder`; all files are written before the first is put in place.
    pub fn write(&self, folder: &Path) -> Result<(), RunsError> {
        let mut files: Vec<(PathBuf, String)> = Vec::new();
        for sweep in &self.sweeps {
            let own = sweep.files(folder)?;
            if files.iter().any(|(path, _)| *path == own[0].0) {
                return Err(RunsError::SweepName { name: sweep.name.clone() });
            }
            files.extend(own);
        }
        std::fs::create_dir_all(folder).map_err(|source| RunsError::Write { path: folder.to_owned(), source })?;
        write::write_whole(&files)
    }

    /// Every run of every sweep.
    pub fn runs(&self) -> impl Iterator<Item = &Run> + Clone {
        self.sweeps.iter().flat_map(|sweep| &sweep.runs)
    }

    /// How many runs it holds.
    pub fn len(&self) -> usize {
        self.runs().count()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The run of exactly this id.
    pub fn get(&self, id: &str) -> Option<&Run> {
        self.runs().find(|run| run.id == id)
    }
}

/// The sweeps of a folder in the order of their names, or the file itself.
fn csv_files(path: &Path) -> Result<Vec<PathBuf>, RunsError> {
    let failed = |source| RunsError::Read { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let hidden = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && file.extension().is_some_and(|extension| extension == "csv") && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}
