//! The desk's own door: TCP, or TLS over it with two PEM files. A bounded number of callers, none of whom waits for ever.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::Extensions;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::router::Peer;
use crate::api::callers::{Door, Guest};
use crate::api::places::{Place, Places};
use crate::api::socket::Held;
use crate::config;
use crate::words::{Sentence, Tell, logged};

/// How long a handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How long to wait after the operating system would not give a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Why the desk is not served. The operator's to mend.
#[derive(Debug)]
pub enum ListenFault {
    /// The address cannot be had.
    Bind(SocketAddr, io::Error),
    /// A PEM file cannot be read, or the two do not belong together.
    Pem(PathBuf, String),
}

impl Tell for ListenFault {
    fn sentence(&self) -> Sentence {
        match self {
            ListenFault::Bind(address, cause) => {
                Sentence::new("desk-address").with("address", address).with("cause", cause)
            }
            ListenFault::Pem(path, cause) => {
                Sentence::new("desk-pem").with("path", path.display()).with("cause", cause)
            }
        }
    }
}

impl std::fmt::Display for ListenFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&logged(self))
    }
}

impl std::error::Error for ListenFault {}

/// The door.
pub struct Listener {
    callers: mpsc::Receiver<(Caller, SocketAddr, Place)>,
    local: SocketAddr,
}

/// A caller's connection.
pub enum Caller {
    /// Plain, on the loopback or from a proxy.
    Plain(TcpStream),
    /// Through TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Listener {
    /// Listens where the configuration says.
    ///
    /// # Errors
    /// [`ListenFault`].
    pub async fn bind(desk: &config::Desk) -> Result<Listener, ListenFault> {
        let tls = desk.tls.as_ref().map(|[certificate, key]| acceptor(certificate, key)).transpose()?;
        let bind = |e| ListenFault::Bind(desk.listen, e);
        let listener = TcpListener::bind(desk.listen).await.map_err(bind)?;
        let local = listener.local_addr().map_err(bind)?;
        let (to, callers) = mpsc::channel(1);
        tokio::spawn(accept(listener, tls, Places::new(&desk.proxies), to));
        Ok(Listener { callers, local })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.local
    }
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, ListenFault> {
    let wrong = |path: &Path, cause: &dyn std::fmt::Display| ListenFault::Pem(path.into(), cause.to_string());
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|e| wrong(certificate, &e))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|e| wrong(key, &e))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|e| wrong(certificate, &e))?.with_no_client_auth().with_single_cert(chain, secret);
    let mut config = config.map_err(|e| wrong(key, &e))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Takes callers until nobody waits for them. A handshake holds nobody else up.
async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    places: Places,
    to: mpsc::Sender<(Caller, SocketAddr, Place)>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = to.closed() => return,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "the desk's address gave no connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // An answer leaves at once; that it cannot be asked for is no reason to turn a caller away.
        let _ = stream.set_nodelay(true);
        let (tls, to, place) = (tls.clone(), to.clone(), places.enter(from.ip()));
        tokio::spawn(async move {
            let shaken = async {
                match tls {
                    None => Some(Caller::Plain(stream)),
                    // Whoever cannot complete a handshake is told so by TLS itself.
                    Some(tls) => match tokio::time::timeout(HANDSHAKE_MAX, tls.accept(stream)).await {
                        Ok(Ok(stream)) => Some(Caller::Tls(Box::new(stream))),
                        Ok(Err(_)) | Err(_) => None,
                    },
                }
            };
            let caller = tokio::select! {
                caller = shaken => caller,
                () = place.gives_way() => None,
            };
            if let Some(caller) = caller {
                let _ = to.send((caller, from, place)).await;
            }
        });
    }
}

impl Door for Listener {
    type Io = Held<Caller>;

    const HEAD_MAX: Duration = Duration::from_secs(10);

    async fn next(&mut self) -> Guest<Held<Caller>> {
        match self.callers.recv().await {
            Some((caller, from, place)) => {
                let mut told = Extensions::new();
                told.insert(ConnectInfo(Peer(from)));
                told.insert(place.clone());
                Guest { io: Held::new(caller, None), told, place: Some(place) }
            }
            None => std::future::pending().await,
        }
    }
}

impl AsyncRead for Caller {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Caller::Plain(stream) => Pin::new(stream).poll_read(context, buf),
            Caller::Tls(stream) => Pin::new(stream).poll_read(context, buf),
        }
    }
}

impl AsyncWrite for Caller {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Caller::Plain(stream) => Pin::new(stream).poll_write(context, buf),
            Caller::Tls(stream) => Pin::new(stream).poll_write(context, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Caller::Plain(stream) => Pin::new(stream).poll_flush(context),
            Caller::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Caller::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Caller::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
