//! All tests of the package: one binary, one link.

mod attribution;
mod catalog;
mod import;
mod mapped;
mod messages;
mod report;
mod runs;
mod shared;
