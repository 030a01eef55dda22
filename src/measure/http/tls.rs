//! Trusted, private connections.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::error::HttpError;

/// A connector that trusts what the system trusts and, if given, the authorities of a PEM file.
///
/// Authorities of the system that cannot be read are passed over: a connection that needs them fails with its reason.
pub(super) fn connector(more: Option<&PathBuf>) -> Result<TlsConnector, HttpError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = more {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|error| fault(path, &error))?;
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The certificates of a PEM file: at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let read: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|error| fault(path, &error));
    let found = read?;
    if found.is_empty() { Err(fault(path, &"it has none")) } else { Ok(found) }
}

fn fault(path: &Path, reason: &impl ToString) -> HttpError {
    HttpError::CertificateFile { path: path.to_owned(), reason: reason.to_string() }
}
