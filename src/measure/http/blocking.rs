//! The client for plain threads.

use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::{Builder, Runtime};

use super::client::{Answer, Client, Options};
use super::error::HttpError;
use super::url::Url;

/// A [`Client`] whose calls wait. It must not be used inside a task of a runtime.
#[derive(Debug)]
pub struct Blocking {
    runtime: Runtime,
    client: Client,
}

impl Blocking {
    /// A client without connections yet.
    pub fn new(options: Options) -> Result<Self, HttpError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self { runtime: runtime.map_err(|source| HttpError::Runtime { source })?, client: Client::new(options)? })
    }

    /// Asks for an address and reads the answer whole, within `timeout` in all.
    pub fn get(&self, url: &Url, timeout: Duration) -> Result<Answer, HttpError> {
        self.runtime.block_on(self.client.get(url, timeout))
    }

    /// Sends JSON and reads the answer whole, within `timeout` in all.
    pub fn post_json(&self, url: &Url, body: Bytes, timeout: Duration) -> Result<Answer, HttpError> {
        self.runtime.block_on(self.client.post_json(url, body, timeout))
    }

    /// Sends the parameters of a form and reads the answer whole, within `timeout` in all.
    pub fn post_form(&self, url: &Url, form: &[(&str, &str)], timeout: Duration) -> Result<Answer, HttpError> {
        self.runtime.block_on(self.client.post_form(url, form, timeout))
    }
}
