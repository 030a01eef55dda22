//! All tests of the package: one binary, one link.

mod attribution;
mod cases;
mod catalog;
mod diagnosis;
mod import;
mod mapped;
mod report;
mod runs;
mod shared;
