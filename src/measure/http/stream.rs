//! An answer that arrives in pieces.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};

use super::client::Client;
use super::connection::Connection;
use super::error::HttpError;
use super::url::Url;

/// The answer to a request whose body is still under way. Dropping it closes the connection, which tells the server.
pub struct Stream {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) url: Url,
    pub(super) body: Incoming,
    /// None once the body has ended and the connection went back.
    pub(super) connection: Option<Connection>,
    pub(super) client: Client,
    pub(super) received: u64,
}

impl Stream {
    /// Status of the answer: 200 …
    pub fn status(&self) -> u16 {
        self.status
    }

    /// A header of the answer, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The next piece of the body, as it arrived; none at its end.
    ///
    /// Errors: [`HttpError::Cut`] if the connection ended before the body did, [`HttpError::NotHttp`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, HttpError> {
        let Some(connection) = &mut self.connection else { return Ok(None) };
        let body = &mut self.body;
        let piece = poll_fn(|context| {
            loop {
                connection.drive(context);
                match Pin::new(&mut *body).poll_frame(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => return Poll::Ready(Ok(None)),
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                    // Trailers carry nothing that is asked for here.
                    Poll::Ready(Some(Ok(frame))) => {
                        if let Ok(data) = frame.into_data() {
                            return Poll::Ready(Ok(Some(data)));
                        }
                    }
                }
            }
        })
        .await;
        match piece {
            Ok(Some(data)) => {
                self.received += data.len() as u64;
                Ok(Some(data))
            }
            Ok(None) => {
                if let Some(connection) = self.connection.take() {
                    self.client.keep(&self.url, connection).await;
                }
                Ok(None)
            }
            Err(error) => {
                self.connection = None;
                Err(broken(&self.url, &error, Some(self.received)))
            }
        }
    }

    /// The rest of the body, up to `limit` bytes.
    pub async fn rest(mut self, limit: usize) -> Result<Bytes, HttpError> {
        let mut whole: Vec<u8> = Vec::new();
        while let Some(piece) = self.next().await? {
            if whole.len() + piece.len() > limit {
                return Err(HttpError::TooLarge { url: self.url.to_string(), limit });
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.into())
    }
}

/// What an error of the exchange means.
pub(super) fn broken(url: &Url, error: &hyper::Error, received: Option<u64>) -> HttpError {
    let url = url.to_string();
    if spoke_unasked(error) {
        HttpError::NotHttp { url, reason: "it spoke before it was asked".to_owned() }
    } else if error.is_parse() {
        HttpError::NotHttp { url, reason: deepest(error) }
    } else {
        HttpError::Cut { url, received }
    }
}

/// Whether the request was not sent because bytes came before it. Such an error has no name of its own: it is the cause of
/// a request being given up that is neither the end of the connection nor an error of the system.
fn spoke_unasked(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<hyper::Error>());
    error.is_canceled()
        && cause.is_some_and(|cause| {
            cause.source().is_none() && !cause.is_closed() && !cause.is_canceled() && !cause.is_incomplete_message()
        })
}

/// The innermost cause, which says most.
fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    match innermost.downcast_ref::<io::Error>() {
        Some(error) => error.kind().to_string(),
        None => innermost.to_string(),
    }
}
