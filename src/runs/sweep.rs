//! A sweep: runs that differ in stated knobs, with where they come from.

use std::path::{Path, PathBuf};

use super::column::{self, Column};
use super::error::{Fault, RunsError};
use super::run::Run;
use super::{read, write};

/// Runs of one origin. On disk: `NAME.csv`, and `NAME.toml` with its provenance beside it.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Sweep {
    /// The name of its files.
    pub name: String,
    /// In the order of the file.
    pub runs: Vec<Run>,
    /// Where the runs come from: source, tool, versions, caveats, and `[column.NAME]` declarations.
    pub provenance: toml::Table,
}

impl Sweep {
    /// A sweep; its runs get its name as their source.
    pub fn new(name: impl Into<String>, mut runs: Vec<Run>, provenance: toml::Table) -> Self {
        let name = name.into();
        for run in &mut runs {
            run.source.clone_from(&name);
        }
        Self { name, runs, provenance }
    }

    /// Reads `NAME.csv`, and `NAME.toml` if it stands beside it.
    pub fn read(path: &Path) -> Result<Self, RunsError> {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let csv = read_text(path)?;
        let beside = path.with_extension("toml");
        let provenance = if beside.is_file() { read_text(&beside)? } else { String::new() };
        Self::parse_named(&name, &csv, &provenance, &path.display().to_string(), &beside.display().to_string())
    }

    /// The sweep of a CSV text and a TOML text.
    pub fn parse(name: &str, csv: &str, provenance: &str) -> Result<Self, RunsError> {
        Self::parse_named(name, csv, provenance, &format!("{name}.csv"), &format!("{name}.toml"))
    }

    fn parse_named(name: &str, csv: &str, toml: &str, csv_file: &str, toml_file: &str) -> Result<Self, RunsError> {
        let provenance: toml::Table =
            toml.parse().map_err(|source| RunsError::Provenance { file: toml_file.to_owned(), source })?;
        let faulty = |faults| RunsError::Faulty { file: csv_file.to_owned(), faults };
        let declared = declared_or_faults(&provenance).map_err(faulty)?;
        let runs = read::runs(name, csv, &declared).map_err(faulty)?;
        Ok(Self { name: name.to_owned(), runs, provenance })
    }

    /// The columns that its own TOML declares.
    pub fn declared(&self) -> Result<Vec<Column>, RunsError> {
        declared_or_faults(&self.provenance).map_err(|faults| RunsError::Faulty { file: self.name.clone(), faults })
    }

    /// The columns that some run of it has, in the order of its CSV file.
    pub fn columns(&self) -> Result<Vec<Column>, RunsError> {
        Ok(write::columns_of(self.runs.iter(), &self.declared()?))
    }

    /// The text of `NAME.csv`.
    pub fn csv(&self) -> Result<String, RunsError> {
        let declared = self.declared()?;
        write::csv(self.runs.iter(), &declared).map_err(|faults| RunsError::Faulty { file: self.name.clone(), faults })
    }

    /// The text of `NAME.toml`.
    pub fn provenance_text(&self) -> String {
        toml::to_string_pretty(&self.provenance).expect("a table of TOML values is TOML")
    }

    /// Writes both files into `folder`, whole or not at all; files of the same name are replaced.
    pub fn write(&self, folder: &Path) -> Result<(), RunsError> {
        let files = self.files(folder)?;
        std::fs::create_dir_all(folder).map_err(|source| RunsError::Write { path: folder.to_owned(), source })?;
        write::write_whole(&files)
    }

    /// Refuses a name that cannot be that of a sweep's files.
    pub fn check_name(name: &str) -> Result<(), RunsError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(allowed) {
            return Err(RunsError::SweepName { name: name.to_owned() });
        }
        Ok(())
    }

    /// Its two files and their texts.
    pub(super) fn files(&self, folder: &Path) -> Result<Vec<(PathBuf, String)>, RunsError> {
        Self::check_name(&self.name)?;
        let place = |extension: &str| folder.join(format!("{}.{extension}", self.name));
        Ok(vec![(place("toml"), self.provenance_text()), (place("csv"), self.csv()?)])
    }
}

fn declared_or_faults(provenance: &toml::Table) -> Result<Vec<Column>, Vec<Fault>> {
    column::declared(provenance).map_err(|faults| faults.into_iter().map(Fault::Declaration).collect())
}

/// A text file, whole.
pub fn read_text(path: &Path) -> Result<String, RunsError> {
    let bytes = std::fs::read(path).map_err(|source| RunsError::Read { path: path.to_owned(), source })?;
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.split(|byte| *byte == b'\n').count();
        RunsError::NotText { path: path.to_owned(), line }
    })
}

/// Numbers the ids that stand more than once: the second becomes `…#2`.
pub fn number_duplicates<'a>(runs: impl Iterator<Item = &'a mut Run>) {
    let mut counts = std::collections::HashMap::<String, usize>::new();
    let mut taken = std::collections::HashSet::new();
    for run in runs {
        let count = counts.entry(run.id.clone()).or_insert(0);
        let base = run.id.clone();
        loop {
            *count += 1;
            if *count > 1 {
                run.id = format!("{base}#{count}");
            }
            if taken.insert(run.id.clone()) {
                break;
            }
        }
    }
}
