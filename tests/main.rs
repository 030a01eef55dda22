//! All tests of the package: one binary, one link.

mod catalog;
mod shared;
