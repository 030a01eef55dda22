//! A small HTTP/1.1 client: what a load generator, a scraper of metrics and a query interface need, and no more.
//!
//! A [`Client`] keeps connections alive and gives them out again; it follows no redirect and uses no proxy. Answers are
//! read whole, up to a limit, or as a [`Stream`] of pieces as they arrive. Each request is driven by the task that asked:
//! no task runs behind a connection, so a piece of a stream is not handed from task to task. [`Blocking`] is the same
//! client for plain threads. What can go wrong is told apart in [`HttpError`], whose messages say what to do.

mod blocking;
mod client;
mod connection;
mod error;
mod stream;
mod tls;
mod url;

pub use blocking::Blocking;
pub use client::{Answer, Client, Options};
pub use error::{HttpError, Phase, UrlFault};
pub use stream::Stream;
pub use url::{Url, encode_query};
