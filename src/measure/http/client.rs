//! Requests and whole answers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{HeaderMap, Method, Request};
use tokio_rustls::TlsConnector;

use super::connection::Connection;
use super::error::{HttpError, Phase};
use super::stream::{Stream, broken};
use super::tls;
use super::url::{Url, encode_query};

/// How to speak to servers.
#[derive(Clone)]
pub struct Options {
    /// Sent as `Authorization: Bearer KEY`. It is read from a variable by the caller and appears in no message.
    pub key: Option<String>,
    /// Sent with every request.
    pub headers: Vec<(String, String)>,
    /// PEM file of certificate authorities trusted beside those of the system.
    pub certificate_authorities: Option<PathBuf>,
    /// Limit of name, connection and handshake.
    pub connect_timeout: Duration,
    /// Longest answer that is read whole, bytes.
    pub largest_answer: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            key: None,
            headers: Vec::new(),
            certificate_authorities: None,
            connect_timeout: Duration::from_secs(10),
            largest_answer: 256 << 20,
        }
    }
}

/// Connections to servers, kept alive; clones share them. All its uses must be in one runtime.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    headers: HeaderMap,
    tls: OnceLock<TlsConnector>,
    /// Looked up once, until a connection fails: a thousand streams do not ask a thousand times.
    addresses: tokio::sync::Mutex<BTreeMap<String, Vec<SocketAddr>>>,
    idle: Mutex<Vec<(String, Connection)>>,
}

/// An answer read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// 200 …
    pub status: u16,
    /// The bytes of the body.
    pub body: Bytes,
    headers: HeaderMap,
}

impl Answer {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// A header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// A client without connections yet. A file of authorities is read now, so that its faults show early.
    pub fn new(options: Options) -> Result<Self, HttpError> {
        if let Some(path) = &options.certificate_authorities {
            tls::certificates(path)?;
        }
        let headers = standing_headers(&options)?;
        let shared = Shared {
            options,
            headers,
            tls: OnceLock::new(),
            addresses: tokio::sync::Mutex::default(),
            idle: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// A client with the same options and connections of its own: for another runtime.
    #[must_use]
    pub fn apart(&self) -> Self {
        let shared = Shared {
            options: self.shared.options.clone(),
            headers: self.shared.headers.clone(),
            tls: OnceLock::new(),
            addresses: tokio::sync::Mutex::default(),
            idle: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Asks for an address and reads the answer whole, within `timeout` in all.
    pub async fn get(&self, url: &Url, timeout: Duration) -> Result<Answer, HttpError> {
        self.whole(Method::GET, url, None, Bytes::new(), timeout).await
    }

    /// Sends JSON and reads the answer whole, within `timeout` in all.
    pub async fn post_json(&self, url: &Url, body: Bytes, timeout: Duration) -> Result<Answer, HttpError> {
        self.whole(Method::POST, url, Some("application/json"), body, timeout).await
    }

    /// Sends the parameters of a form and reads the answer whole, within `timeout` in all.
    pub async fn post_form(&self, url: &Url, form: &[(&str, &str)], timeout: Duration) -> Result<Answer, HttpError> {
        let body = Bytes::from(encode_query(form));
        self.whole(Method::POST, url, Some("application/x-www-form-urlencoded"), body, timeout).await
    }

    /// Sends JSON and returns when the header of the answer has come, within `timeout`; its body is then read in pieces.
    pub async fn post_stream(&self, url: &Url, body: Bytes, timeout: Duration) -> Result<Stream, HttpError> {
        within(timeout, url, Phase::Waiting, self.exchange(Method::POST, url, Some("application/json"), body)).await
    }

    async fn whole(
        &self,
        method: Method,
        url: &Url,
        kind: Option<&'static str>,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Answer, HttpError> {
        let begun = tokio::time::Instant::now();
        let stream = within(timeout, url, Phase::Waiting, self.exchange(method, url, kind, body)).await?;
        let (status, headers) = (stream.status, stream.headers.clone());
        let left = timeout.saturating_sub(begun.elapsed());
        let body = tokio::time::timeout(left, stream.rest(self.shared.options.largest_answer)).await;
        let late = HttpError::Timeout { url: url.to_string(), phase: Phase::Reading, seconds: timeout.as_secs_f64() };
        Ok(Answer { status, headers, body: body.unwrap_or(Err(late))? })
    }

    /// One request. A kept connection that the server closed meanwhile is no fault of the request: it is sent again, on
    /// a new one.
    async fn exchange(
        &self,
        method: Method,
        url: &Url,
        kind: Option<&'static str>,
        body: Bytes,
    ) -> Result<Stream, HttpError> {
        while let Some(mut connection) = self.kept(url).await {
            let request = self.request(method.clone(), url, kind, body.clone())?;
            match connection.send(request).await {
                Ok(answer) => return Ok(self.stream(url, connection, answer)),
                Err(error) if error.is_parse() => return Err(broken(url, &error, None)),
                Err(_) => {}
            }
        }
        let mut connection = self.open(url).await?;
        let request = self.request(method, url, kind, body)?;
        let answer = connection.send(request).await.map_err(|error| broken(url, &error, None))?;
        Ok(self.stream(url, connection, answer))
    }

    fn stream(&self, url: &Url, connection: Connection, answer: hyper::Response<hyper::body::Incoming>) -> Stream {
        let (head, body) = answer.into_parts();
        Stream {
            status: head.status.as_u16(),
            headers: head.headers,
            url: url.clone(),
            body,
            connection: Some(connection),
            client: self.clone(),
            received: 0,
        }
    }

    fn request(
        &self,
        method: Method,
        url: &Url,
        kind: Option<&'static str>,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, HttpError> {
        let mut request = Request::new(Full::new(body));
        let fault = |name: &str| HttpError::Header { name: name.to_owned() };
        *request.method_mut() = method;
        *request.uri_mut() = url.target().parse().map_err(|_| fault("path"))?;
        let headers = request.headers_mut();
        headers.clone_from(&self.shared.headers);
        headers.insert(HOST, HeaderValue::try_from(url.authority()).map_err(|_| fault("host"))?);
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        Ok(request)
    }

    /// A kept connection to this server that is still open.
    async fn kept(&self, url: &Url) -> Option<Connection> {
        loop {
            let mut connection = {
                let server = server(url);
                let mut idle = self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
                let place = idle.iter().rposition(|(of, _)| *of == server)?;
                idle.swap_remove(place).1
            };
            if connection.is_reusable().await {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection whose answer has been read, if it can be used again.
    pub(super) async fn keep(&self, url: &Url, mut connection: Connection) {
        if connection.is_reusable().await {
            let mut idle = self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push((server(url), connection));
        }
    }

    async fn open(&self, url: &Url) -> Result<Connection, HttpError> {
        let tls = if url.is_secure() { Some(self.tls()?) } else { None };
        let limit = self.shared.options.connect_timeout;
        let addresses = within(limit, url, Phase::Connecting, self.addresses(url)).await?;
        let opened = Connection::open(url, &addresses, tls, limit).await;
        if opened.is_err() {
            self.shared.addresses.lock().await.remove(&server(url));
        }
        opened
    }

    fn tls(&self) -> Result<&TlsConnector, HttpError> {
        if let Some(made) = self.shared.tls.get() {
            return Ok(made);
        }
        let made = tls::connector(self.shared.options.certificate_authorities.as_ref())?;
        Ok(self.shared.tls.get_or_init(|| made))
    }

    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>, HttpError> {
        let mut known = self.shared.addresses.lock().await;
        if let Some(addresses) = known.get(&server(url)) {
            return Ok(addresses.clone());
        }
        let unknown =
            |source: io::Error| HttpError::Resolve { url: url.to_string(), host: url.host().to_owned(), source };
        let found: Vec<SocketAddr> =
            tokio::net::lookup_host((url.host(), url.port())).await.map_err(unknown)?.collect();
        known.insert(server(url), found.clone());
        Ok(found)
    }
}

/// What a connection belongs to.
fn server(url: &Url) -> String {
    format!("{}{}", if url.is_secure() { "s:" } else { "" }, url.authority())
}

/// The headers of every request.
fn standing_headers(options: &Options) -> Result<HeaderMap, HttpError> {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("joules/", env!("CARGO_PKG_VERSION"))));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    for (name, value) in &options.headers {
        let fault = || HttpError::Header { name: name.clone() };
        let key = HeaderName::try_from(name.as_str()).map_err(|_| fault())?;
        headers.insert(key, HeaderValue::try_from(value.as_str()).map_err(|_| fault())?);
    }
    if let Some(key) = &options.key {
        let fault = |_| HttpError::Header { name: "authorization".to_owned() };
        let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(fault)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

async fn within<T>(
    limit: Duration,
    url: &Url,
    phase: Phase,
    work: impl Future<Output = Result<T, HttpError>>,
) -> Result<T, HttpError> {
    let late = HttpError::Timeout { url: url.to_string(), phase, seconds: limit.as_secs_f64() };
    tokio::time::timeout(limit, work).await.unwrap_or(Err(late))
}
