//! What can go wrong between here and a server.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A request that was not answered, or an address or option that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No address.
    #[error("`{}` is no address of a server: {}", shown(text, fault), said(fault, text))]
    Url {
        /// As written.
        text: String,
        /// What is wrong with it.
        fault: UrlFault,
    },
    /// A header or key that HTTP cannot carry. Its value is not shown: it may be secret.
    #[error("{} has characters that HTTP cannot carry (a line break, perhaps at its end?)", header(name))]
    Header {
        /// Name of the header.
        name: String,
    },
    /// A file of certificate authorities that cannot be read.
    #[error("cannot read certificates (PEM) from {}: {reason}", path.display())]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The name of the host leads nowhere.
    #[error("cannot find the host `{host}` of {url}: {source}; check the name, or write its address")]
    Resolve {
        /// What was asked for.
        url: String,
        /// The name.
        host: String,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing listens there.
    #[error("nothing listens at {url} (connection refused); is the server running, and is this its port?")]
    Refused {
        /// What was asked for.
        url: String,
    },
    /// No connection, for another reason than a refusal.
    #[error("cannot connect to {url}: {source}")]
    Connect {
        /// What was asked for.
        url: String,
        /// What the system said.
        source: io::Error,
    },
    /// This process has no more file descriptors.
    #[error("no connection to {url}: this process may not open more files; raise the limit (`ulimit -n`)")]
    TooManyFiles {
        /// What was asked for.
        url: String,
    },
    /// Too slow.
    #[error("{url}: {phase} took longer than {seconds} s")]
    Timeout {
        /// What was asked for.
        url: String,
        /// What was waited for.
        phase: Phase,
        /// The limit.
        seconds: f64,
    },
    /// No trusted, private connection.
    #[error("no secure connection to {url}: {reason}{}", tls_help(reason))]
    Tls {
        /// What was asked for.
        url: String,
        /// Why.
        reason: String,
    },
    /// What answers does not speak HTTP.
    #[error(
        "what answers at {url} does not speak HTTP/1.1 ({reason}); is this the right port, and is it `http` or `https`?"
    )]
    NotHttp {
        /// What was asked for.
        url: String,
        /// What was found.
        reason: String,
    },
    /// The connection ended before the answer did.
    #[error("{url}: the connection was cut {}", cut(*received))]
    Cut {
        /// What was asked for.
        url: String,
        /// Bytes of the body until then; none before the header of the answer was complete.
        received: Option<u64>,
    },
    /// An answer longer than the limit.
    #[error("{url} answered with more than {limit} bytes; this is not the kind of answer expected here")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The limit, bytes.
        limit: usize,
    },
    /// No runtime for the client.
    #[error("cannot start the network client: {source}")]
    Runtime {
        /// What the system said.
        source: io::Error,
    },
}

/// What is wrong with an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UrlFault {
    /// No `://`.
    NoScheme,
    /// Another scheme than `http` and `https`.
    Scheme(String),
    /// No host, or no name or address of one.
    Host(String),
    /// An IPv6 address without brackets.
    Brackets,
    /// No port.
    Port(String),
    /// A user or password.
    Password,
    /// A part from `#` on.
    Fragment,
    /// A character that must be percent-encoded.
    Letter(char),
}

/// What was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Name, connection and, for `https`, its handshake.
    Connecting,
    /// The header of the answer.
    Waiting,
    /// The body of the answer.
    Reading,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::Waiting => "waiting for the answer to begin",
            Self::Reading => "reading the answer",
        })
    }
}

impl HttpError {
    /// A stable word for programs: `refused`, `timeout` …
    pub fn code(&self) -> &'static str {
        match self {
            Self::Url { .. } => "url",
            Self::Header { .. } => "header",
            Self::CertificateFile { .. } => "certificate-file",
            Self::Resolve { .. } => "dns",
            Self::Refused { .. } => "refused",
            Self::Connect { .. } => "connect",
            Self::TooManyFiles { .. } => "too-many-files",
            Self::Timeout { .. } => "timeout",
            Self::Tls { .. } => "tls",
            Self::NotHttp { .. } => "not-http",
            Self::Cut { .. } => "cut",
            Self::TooLarge { .. } => "too-large",
            Self::Runtime { .. } => "runtime",
        }
    }

    /// Whether the same server will not be spoken to later either: its certificate is not trusted, or the address or the
    /// options are wrong.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Url { .. } | Self::Header { .. } | Self::CertificateFile { .. } => true,
            Self::Tls { reason, .. } => reason.contains("certificate"),
            _ => false,
        }
    }

    /// Whether no server could be spoken to at all (not found, refused, not trusted), in contrast to a bad answer.
    pub fn is_unreachable(&self) -> bool {
        let phase_of_connection = matches!(self, Self::Timeout { phase: Phase::Connecting, .. });
        phase_of_connection
            || matches!(self, Self::Resolve { .. } | Self::Refused { .. } | Self::Connect { .. } | Self::Tls { .. })
    }
}

/// An address as written, but never its password.
fn shown(text: &str, fault: &UrlFault) -> String {
    match (fault, text.split_once("://"), text.rsplit_once('@')) {
        (UrlFault::Password, Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        (UrlFault::Password, ..) => "…".to_owned(),
        _ => text.to_owned(),
    }
}

fn said(fault: &UrlFault, text: &str) -> String {
    match fault {
        UrlFault::NoScheme => format!("it has no scheme; write `http://{}`", text.trim()),
        UrlFault::Scheme(scheme) => format!("`{scheme}` is not `http` or `https`"),
        UrlFault::Host(host) if host.is_empty() => "it names no host".to_owned(),
        UrlFault::Host(host) => format!("`{host}` is no host name"),
        UrlFault::Brackets => "an IPv6 address stands in brackets, as in `http://[::1]:8000`".to_owned(),
        UrlFault::Port(port) => format!("`{port}` is no port (1 to 65535)"),
        UrlFault::Password => "a user and a password do not belong there; give a key by its variable".to_owned(),
        UrlFault::Fragment => "the part from `#` on means nothing to a server".to_owned(),
        UrlFault::Letter(letter) => format!("`{letter}` must be percent-encoded"),
    }
}

fn tls_help(reason: &str) -> &'static str {
    if reason.contains("UnknownIssuer") || reason.contains("CaUsedAsEndEntity") {
        "; if the server is yours, name the PEM file of its certificate authority in the variable SSL_CERT_FILE"
    } else if reason.contains("InvalidContentType") {
        "; it seems to speak plain HTTP: try `http://`"
    } else {
        ""
    }
}

fn header(name: &str) -> String {
    if name == "authorization" {
        "the key for the server".to_owned()
    } else {
        format!("the value of the header `{name}`")
    }
}

fn cut(received: Option<u64>) -> String {
    match received {
        None => "before it answered".to_owned(),
        Some(bytes) => format!("after {bytes} bytes of the answer"),
    }
}
