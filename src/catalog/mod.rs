//! Catalogs: what is known of a GPU, a model architecture, a precision or a task before anything is measured.
//!
//! A catalog is a set of tables of `models/catalog/*.toml`. An entry `[gpu.H100]` belongs to table `gpu` and has the key
//! `H100`; `[precision.default.fp8]` has two keys. Quantities are text with a unit and become SI, counts are bare, other
//! text is a name. Every entry says its `source`. The reader knows no table by name; only `derive` does, which adds
//! what follows from the dimensions of an architecture, such as its number of weights, and `config`, which reads an
//! architecture from the `config.json` of its checkpoint.
//!
//! Rules of an entry:
//! - `source` is required; `source`, `unsure` and `note` are prose and never become attributes;
//! - `x = { value = "4.8 TB/s", source = "…" }` gives one value its own origin;
//! - `like = "other"` takes what the sibling entry `other` states and this one does not;
//! - an entry of a name that an earlier file has replaces the earlier one; with `like` of its own name it adds to it;
//! - an attribute must be one that the table has, unless the table is new;
//! - an attribute has one dimension (or is a name, or a flag) over all entries of a table;
//! - where an entry or attribute is missing, `default` in place of a key is looked up.

mod check;
mod config;
mod derive;
mod entry;
mod fault;
mod file;
mod part;
mod read;
mod table;

pub use config::ConfigFault;
pub use entry::{CatalogValue, Origin};
pub use fault::{CatalogError, Fault, FaultKind};
pub use file::CatalogFile;
pub use table::Catalog;
