//! The catalog itself: tables of entries, and the look-up.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::check;
use super::entry::{Attribute, CatalogValue, Entry, Origin, Shape};
use super::fault::{CatalogError, Fault};
use super::file::CatalogFile;
use crate::unit::Dimension;

/// The key that stands for all entries that have none of their own.
const DEFAULT: &str = "default";

/// The files that ship in the binary.
const EMBEDDED: [(&str, &str); 5] = [
    ("models/catalog/gpus.toml", include_str!("../../models/catalog/gpus.toml")),
    ("models/catalog/architectures.toml", include_str!("../../models/catalog/architectures.toml")),
    ("models/catalog/diffusion.toml", include_str!("../../models/catalog/diffusion.toml")),
    ("models/catalog/precisions.toml", include_str!("../../models/catalog/precisions.toml")),
    ("models/catalog/tasks.toml", include_str!("../../models/catalog/tasks.toml")),
];

/// Tables of what is known beforehand.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    tables: BTreeMap<String, Table>,
}

/// The entries of one kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// In the order of the files.
    pub(super) entries: Vec<Entry>,
    /// Places in `entries` by joined keys.
    index: HashMap<String, usize>,
    /// What each attribute is, over all entries.
    pub(super) shapes: BTreeMap<String, Shape>,
}

impl Catalog {
    /// The catalog that ships in the binary.
    pub fn embedded() -> Self {
        Self::from_texts(&EMBEDDED).expect("the shipped catalogs are read by a test")
    }

    /// Reads a TOML, or every `*.toml` of a folder, in the order of their names.
    pub fn read(folder: &Path) -> Result<Self, CatalogError> {
        Self::default().with(&CatalogFile::of_catalog(folder)?)
    }

    /// Reads files that are already in memory, each with the name that messages give it.
    pub fn from_texts(files: &[(&str, &str)]) -> Result<Self, CatalogError> {
        Self::default().with_texts(files)
    }

    /// Adds the entries of TOML texts, each with its name.
    pub fn with_texts(self, files: &[(&str, &str)]) -> Result<Self, CatalogError> {
        let files: Vec<CatalogFile> = files.iter().map(|(name, text)| CatalogFile::entries(name, text)).collect();
        self.with(&files)
    }

    /// Adds the entries of files. One that exists is replaced, or added to by one that is `like` itself.
    pub fn with(mut self, files: &[CatalogFile]) -> Result<Self, CatalogError> {
        let mut faults = Vec::new();
        for file in files {
            for (table, entry) in file.read(&mut faults) {
                check::check_names(&table, &entry, &self.tables, &mut faults);
                self.tables.entry(table).or_default().add(entry);
            }
        }
        for (name, table) in &mut self.tables {
            check::check(name, table, &mut faults);
        }
        if !faults.is_empty() {
            sort_by_place(&mut faults, files);
            return Err(CatalogError::Faulty { faults });
        }
        for table in self.tables.values_mut() {
            table.settle();
        }
        Ok(self)
    }

    /// The value of an attribute. Where the entry of exactly these keys does not exist or lacks the attribute, `default`
    /// stands in for as few keys as possible, the first ones before the last.
    pub fn get(&self, table: &str, keys: &[&str], attribute: &str) -> Option<CatalogValue> {
        self.find(table, keys, attribute).map(|(_, found)| found.value.clone())
    }

    /// Where the value that [`Catalog::get`] returns comes from. A derived value has the origin of its entry.
    pub fn origin(&self, table: &str, keys: &[&str], attribute: &str) -> Option<&Origin> {
        self.find(table, keys, attribute).map(|(entry, found)| found.origin.as_ref().unwrap_or(&entry.origin))
    }

    /// The dimension of an attribute, the same in all entries; `None` for names, flags and unknown attributes.
    pub fn unit(&self, table: &str, attribute: &str) -> Option<Dimension> {
        match self.tables.get(table)?.shapes.get(attribute)? {
            Shape::Number(dimension) => Some(*dimension),
            Shape::Name | Shape::Flag => None,
        }
    }

    /// Whether a table has an entry of exactly these keys.
    pub fn contains(&self, table: &str, keys: &[&str]) -> bool {
        self.tables.get(table).is_some_and(|found| found.index.contains_key(&joined(keys)))
    }

    /// The names of the tables.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// The first keys of a table's entries, each once, in the order of the files.
    pub fn keys(&self, table: &str) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for entry in self.tables.get(table).into_iter().flat_map(|found| &found.entries) {
            if !names.contains(&entry.keys[0].as_str()) {
                names.push(&entry.keys[0]);
            }
        }
        names
    }

    /// The last keys of a table's entries, each once, in the order of the files.
    pub fn last_keys(&self, table: &str) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for key in self.tables.get(table).into_iter().flat_map(|found| &found.entries).filter_map(|own| own.keys.last())
        {
            if !names.contains(&key.as_str()) {
                names.push(key);
            }
        }
        names
    }

    /// The attributes that some entry of a table has, sorted.
    pub fn attributes(&self, table: &str) -> Vec<&str> {
        self.tables.get(table).map(|found| found.shapes.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    fn find(&self, table: &str, keys: &[&str], attribute: &str) -> Option<(&Entry, &Attribute)> {
        let table = self.tables.get(table)?;
        let exact = table.attribute(&joined(keys), attribute);
        if exact.is_some() {
            return exact;
        }
        let mut masks: Vec<u32> = (1..1_u32 << keys.len().min(8)).collect();
        masks.sort_by_key(|mask| (mask.count_ones(), *mask));
        masks.into_iter().find_map(|mask| {
            let some_default: Vec<&str> =
                keys.iter().enumerate().map(|(at, key)| if mask >> at & 1 == 1 { DEFAULT } else { key }).collect();
            table.attribute(&joined(&some_default), attribute)
        })
    }
}

impl Table {
    /// Adds an entry, or overrides what an earlier one states.
    fn add(&mut self, entry: Entry) {
        let keys: Vec<&str> = entry.keys.iter().map(String::as_str).collect();
        let name = joined(&keys);
        let Some(&at) = self.index.get(&name) else {
            self.index.insert(name, self.entries.len());
            self.entries.push(entry);
            return;
        };
        let earlier = &mut self.entries[at];
        if entry.like.as_ref().map(|(like, _)| like) != entry.keys.last() {
            *earlier = entry;
            return;
        }
        for (attribute, mut value) in entry.stated {
            value.origin.get_or_insert_with(|| entry.origin.clone());
            earlier.stated.insert(attribute, value);
        }
    }

    /// The entry whose keys are `keys`.
    pub(super) fn entry(&self, keys: &[&str]) -> Option<&Entry> {
        self.index.get(&joined(keys)).map(|&at| &self.entries[at])
    }

    fn attribute(&self, joined_keys: &str, attribute: &str) -> Option<(&Entry, &Attribute)> {
        let entry = &self.entries[*self.index.get(joined_keys)?];
        entry.all.get(attribute).map(|found| (entry, found))
    }

    /// Writes down what each attribute is, and what each entry has from the one that it is like: later files may replace
    /// that one.
    fn settle(&mut self) {
        for entry in &mut self.entries {
            for (name, attribute) in &entry.all {
                if !self.shapes.contains_key(name) {
                    self.shapes.insert(name.clone(), attribute.shape);
                }
            }
            if entry.like.take().is_some() {
                let is_read = |(_, attribute): &(&String, &Attribute)| attribute.place.is_some();
                entry.stated = entry.all.iter().filter(is_read).map(|(name, it)| (name.clone(), it.clone())).collect();
            }
        }
    }
}

/// Keys as one text; the separator occurs in no name that a person types.
fn joined(keys: &[&str]) -> String {
    keys.join("\u{1f}")
}

/// Orders faults as a reader meets their places.
fn sort_by_place(faults: &mut [Fault], files: &[CatalogFile]) {
    let rank = |fault: &Fault| {
        let file = files.iter().position(|file| file.name == fault.place.file.name());
        (file.unwrap_or(files.len()), fault.place.span.start)
    };
    faults.sort_by_key(rank);
}
