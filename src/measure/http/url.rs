//! Addresses of servers.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use super::error::{HttpError, UrlFault};

/// An address `http://host:port/path?query` (or `https`), checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Url {
    secure: bool,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    /// Empty, or from `/` on, without a slash at its end.
    path: String,
    /// Percent-encoded, without `?`; may be empty.
    query: String,
}

impl Url {
    /// Reads an address. The path is kept without a slash at its end; a fragment is refused, and so are a user and a password.
    pub fn parse(text: &str) -> Result<Self, HttpError> {
        read(text.trim()).map_err(|fault| HttpError::Url { text: text.to_owned(), fault })
    }

    /// Whether it is `https`.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Name or address of the host; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 80 or 443 where none was written.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path, without a slash at its end; empty for the root.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The same server with `path` (from `/` on) behind the path of this address; its query is dropped.
    #[must_use]
    pub fn join(&self, path: &str) -> Self {
        let slash = if path.starts_with('/') || path.is_empty() { "" } else { "/" };
        Self { path: format!("{}{slash}{path}", self.path), query: String::new(), ..self.clone() }
    }

    /// The same address with these parameters as its query, percent-encoded.
    #[must_use]
    pub fn with_query(&self, parameters: &[(&str, &str)]) -> Self {
        Self { query: encode_query(parameters), ..self.clone() }
    }

    /// Path and query as the request line has them.
    pub(super) fn target(&self) -> String {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        if self.query.is_empty() { path.to_owned() } else { format!("{path}?{}", self.query) }
    }

    /// `host:port` as the `Host` header has it; the port of the scheme is left out.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.secure { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.secure { "https" } else { "http" }, self.authority(), self.path)?;
        if self.query.is_empty() { Ok(()) } else { write!(f, "?{}", self.query) }
    }
}

impl FromStr for Url {
    type Err = HttpError;

    fn from_str(text: &str) -> Result<Self, HttpError> {
        Self::parse(text)
    }
}

fn read(text: &str) -> Result<Url, UrlFault> {
    let Some((scheme, rest)) = text.split_once("://") else { return Err(UrlFault::NoScheme) };
    let secure = match scheme.to_ascii_lowercase().as_str() {
        "http" => false,
        "https" => true,
        _ => return Err(UrlFault::Scheme(scheme.to_owned())),
    };
    if rest.contains('#') {
        return Err(UrlFault::Fragment);
    }
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err(UrlFault::Password);
    }
    let (host, port) = host_and_port(authority)?;
    let port = match port {
        None | Some("") => {
            if secure {
                443
            } else {
                80
            }
        }
        Some(digits) => digits
            .parse()
            .ok()
            .filter(|&port: &u16| port > 0 && !digits.starts_with('+'))
            .ok_or_else(|| UrlFault::Port(digits.to_owned()))?,
    };
    if let Some(letter) = tail.chars().find(|letter| !letter.is_ascii_graphic()) {
        return Err(UrlFault::Letter(letter));
    }
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    let path = path.trim_end_matches('/').to_owned();
    Ok(Url { secure, host: host.to_ascii_lowercase(), port, path, query: query.to_owned() })
}

/// `host`, `host:port`, `[::1]`, `[::1]:port`.
fn host_and_port(authority: &str) -> Result<(&str, Option<&str>), UrlFault> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or_else(|| UrlFault::Host(authority.to_owned()))?;
        let port = if port.is_empty() { Some(None) } else { port.strip_prefix(':').map(Some) };
        let is_address = host.parse::<Ipv6Addr>().is_ok();
        return port
            .filter(|_| is_address)
            .map(|port| (host, port))
            .ok_or_else(|| UrlFault::Host(authority.to_owned()));
    }
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Err(UrlFault::Brackets);
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_');
    if host.is_empty() || !host.chars().all(is_name) {
        return Err(UrlFault::Host(host.to_owned()));
    }
    Ok((host, port))
}

/// Parameters as `a=1&b=x%20y`: of a query, or of a form.
pub fn encode_query(parameters: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

/// Every byte but the unreserved ones of RFC 3986 as `%XX`.
fn encode(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written() {
        for (text, host, port, shown) in [
            ("http://localhost:8000", "localhost", 8000, "http://localhost:8000"),
            ("http://Host.Example/", "host.example", 80, "http://host.example"),
            ("https://a-b.c/v1/", "a-b.c", 443, "https://a-b.c/v1"),
            ("HTTP://[::1]:9/x?y=1", "::1", 9, "http://[::1]:9/x?y=1"),
            (" https://10.0.0.1:443 ", "10.0.0.1", 443, "https://10.0.0.1"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.host(), url.port(), url.to_string().as_str()), (host, port, shown));
            assert_eq!(Url::parse(shown).unwrap(), url);
        }
    }

    #[test]
    fn paths_and_parameters_are_put_behind_it() {
        let url = Url::parse("http://h:1/prom/").unwrap();
        assert_eq!(url.join("/api/v1/query").to_string(), "http://h:1/prom/api/v1/query");
        assert_eq!(url.join("metrics").target(), "/prom/metrics");
        assert_eq!(Url::parse("http://h").unwrap().target(), "/");
        let asked = url.join("/q").with_query(&[("query", "rate(x{a=\"ü\"}[5s])"), ("time", "1.5")]);
        assert_eq!(asked.target(), "/prom/q?query=rate%28x%7Ba%3D%22%C3%BC%22%7D%5B5s%5D%29&time=1.5");
    }

    #[test]
    fn what_is_no_address_is_refused_with_a_reason() {
        for (text, message) in [
            (
                "localhost:8000",
                "`localhost:8000` is no address of a server: it has no scheme; write `http://localhost:8000`",
            ),
            ("ftp://x", "`ftp://x` is no address of a server: `ftp` is not `http` or `https`"),
            ("http://", "`http://` is no address of a server: it names no host"),
            ("http://:80", "`http://:80` is no address of a server: it names no host"),
            ("http://a b/", "`http://a b/` is no address of a server: `a b` is no host name"),
            ("http://x:99999", "`http://x:99999` is no address of a server: `99999` is no port (1 to 65535)"),
            ("http://x:+1", "`http://x:+1` is no address of a server: `+1` is no port (1 to 65535)"),
            (
                "http://::1/",
                "`http://::1/` is no address of a server: an IPv6 address stands in brackets, as in `http://[::1]:8000`",
            ),
            ("http://[::1", "`http://[::1` is no address of a server: `[::1` is no host name"),
            ("http://x/#a", "`http://x/#a` is no address of a server: the part from `#` on means nothing to a server"),
            ("http://x/ä", "`http://x/ä` is no address of a server: `ä` must be percent-encoded"),
        ] {
            assert_eq!(Url::parse(text).unwrap_err().to_string(), message);
        }
        let secret = Url::parse("http://me:secret@x/").unwrap_err().to_string();
        assert!(!secret.contains("secret"), "{secret}");
    }
}
