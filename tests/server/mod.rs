//! A scripted inference server: streams tokens as a test tells it to.

#![expect(dead_code, reason = "arguments are read by the program of its own, `main.rs`, which shares these files")]

mod chunks;
mod connection;
mod engine;
mod metrics;
mod script;
mod serve;

pub(crate) use script::{Flavor, Script, Usage};
pub(crate) use serve::{Server, start};
