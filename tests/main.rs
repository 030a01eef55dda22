//! All tests of the package: one binary, one link.

mod attribution;
mod catalog;
mod commands;
mod import;
mod mapped;
mod report;
mod runs;
mod shared;
