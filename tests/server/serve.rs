//! The server in a thread of its own.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::connection::{Shared, talk};
use super::engine::{Engine, Served};
use super::script::Script;

/// A running server; dropped, it ends.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn url(&self) -> String {
        let scheme = if self.shared.script.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    pub(crate) fn served(&self) -> Served {
        self.shared.engine.served()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Starts to listen on 127.0.0.1.
pub(crate) fn start(script: Script) -> io::Result<Server> {
    let listener = TcpListener::bind(("127.0.0.1", script.port))?;
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let engine = Engine::new(script.clone());
    let shared = Arc::new(Shared { script, engine, started: Instant::now(), asked: AtomicU64::new(0) });
    let (end, ended) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let served = Arc::clone(&shared);
    let thread = std::thread::spawn(move || runtime.block_on(run(served, listener, ended)));
    Ok(Server { address, shared, end: Some(end), thread: Some(thread) })
}

async fn run(shared: Arc<Shared>, listener: TcpListener, ended: oneshot::Receiver<()>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let tls = shared.script.tls.then(acceptor);
    let accept = async {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            stream.set_nodelay(true).ok();
            let (shared, tls) = (Arc::clone(&shared), tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => talk(shared, stream).await,
                    Some(tls) => talk(shared, tls.accept(stream).await?).await,
                }
            });
        }
    };
    tokio::select! {
        () = accept => {}
        () = shared.engine.run() => {}
        _ = ended => {}
    }
}

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("certificate.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
