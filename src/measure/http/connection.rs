//! One connection: made, driven, checked before it is used again.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::error::{HttpError, Phase};
use super::url::Url;

/// Bytes both ways, plain or encrypted.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

type Driver = http1::Connection<TokioIo<Box<dyn Wire>>, Full<Bytes>>;

/// An open connection and the machine that moves its bytes. It moves none unless a request on it is polled.
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// None once the connection has ended.
    driver: Option<Driver>,
}

impl Connection {
    /// Connects to one of the addresses, the first that takes the connection.
    pub(super) async fn open(
        url: &Url,
        addresses: &[SocketAddr],
        tls: Option<&TlsConnector>,
        limit: Duration,
    ) -> Result<Self, HttpError> {
        let opened = tokio::time::timeout(limit, Self::connect(url, addresses, tls)).await;
        opened.unwrap_or_else(|_| {
            Err(HttpError::Timeout { url: url.to_string(), phase: Phase::Connecting, seconds: limit.as_secs_f64() })
        })
    }

    async fn connect(url: &Url, addresses: &[SocketAddr], tls: Option<&TlsConnector>) -> Result<Self, HttpError> {
        let tcp = first_open(addresses).await.map_err(|error| not_connected(url, error))?;
        // A request is one small message: it is not held back to be filled up.
        tcp.set_nodelay(true).ok();
        let wire: Box<dyn Wire> = match tls {
            None => Box::new(tcp),
            Some(tls) => {
                let fault = |reason: String| HttpError::Tls { url: url.to_string(), reason };
                let name = ServerName::try_from(url.host().to_owned()).map_err(|error| fault(error.to_string()))?;
                Box::new(tls.connect(name, tcp).await.map_err(|error| fault(error.to_string()))?)
            }
        };
        let made = http1::Builder::new().handshake(TokioIo::new(wire)).await;
        let (sender, driver) =
            made.map_err(|error| HttpError::Connect { url: url.to_string(), source: io::Error::other(error) })?;
        Ok(Self { sender, driver: Some(driver) })
    }

    /// Sends a request and waits for the header of its answer.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, hyper::Error> {
        let mut answer = pin!(self.sender.send_request(request));
        let driver = &mut self.driver;
        poll_fn(|context| {
            drive(driver, context);
            answer.as_mut().poll(context)
        })
        .await
    }

    /// Moves bytes, as far as they go now.
    pub(super) fn drive(&mut self, context: &mut Context<'_>) {
        drive(&mut self.driver, context);
    }

    /// Whether another request may be sent: the last answer was read to its end, and the server did not hang up.
    pub(super) async fn is_reusable(&mut self) -> bool {
        poll_fn(|context| {
            drive(&mut self.driver, context);
            let ready = matches!(self.sender.poll_ready(context), Poll::Ready(Ok(())));
            Poll::Ready(ready && self.driver.is_some())
        })
        .await
    }
}

/// Errors of the driver reach the request that waits; with none waiting they mean the end of the connection.
fn drive(driver: &mut Option<Driver>, context: &mut Context<'_>) {
    if let Some(running) = driver
        && Pin::new(running).poll(context).is_ready()
    {
        *driver = None;
    }
}

async fn first_open(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Numbers of "too many open files", in the process and in the system, where Unix agrees on them.
const TOO_MANY_FILES: [i32; 2] = [24, 23];

fn not_connected(url: &Url, source: io::Error) -> HttpError {
    let url = url.to_string();
    if source.kind() == io::ErrorKind::ConnectionRefused {
        HttpError::Refused { url }
    } else if source.raw_os_error().is_some_and(|number| TOO_MANY_FILES.contains(&number)) {
        HttpError::TooManyFiles { url }
    } else {
        HttpError::Connect { url, source }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;
    use crate::measure::http::stream::broken;

    #[test]
    fn a_server_that_was_heard_before_the_request_is_no_http_server() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let url = Url::parse(&format!("http://{address}")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for (said, code) in [("220 mail ready\r\n", "not-http"), ("", "cut")] {
            let error = runtime.block_on(async {
                let limit = Duration::from_secs(5);
                let mut connection = Connection::open(&url, &[address], None, limit).await.unwrap();
                let (mut stream, _) = listener.accept().unwrap();
                stream.write_all(said.as_bytes()).unwrap();
                drop(stream);
                // The runtime hears of it.
                tokio::time::sleep(Duration::from_millis(20)).await;
                connection.send(Request::new(Full::new(Bytes::new()))).await.unwrap_err()
            });
            let error = broken(&url, &error, None);
            assert_eq!(error.code(), code, "{error}");
        }
    }
}
