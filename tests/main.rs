//! All tests of the package: one binary, one link.

mod import;
mod mapped;
mod runs;
mod shared;
