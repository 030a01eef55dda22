//! All tests of the package: one binary, one link.

mod attribution;
mod report;
mod catalog;
mod import;
mod mapped;
mod runs;
mod shared;
