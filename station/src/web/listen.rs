//! The desk's own door: TCP, or TLS over it with two PEM files, as they are when somebody calls. A bounded number of callers, none of whom waits for ever.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::Extensions;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::router::Peer;
use crate::api::callers::{Door, Guest};
use crate::api::places::{Place, Places};
use crate::api::socket::Held;
use crate::certificates::{self, PemFault, Renewed};
use crate::config;
use crate::words::{Language, Sentence, Tell, logged};

/// How long a handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How long to wait after the operating system would not give a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// The first byte of a record that begins a handshake (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;
/// How much of what came in the clear is read, in bytes, and for how long.
const PLAIN_BYTES_MAX: u64 = 65_536;
const PLAIN_MAX: Duration = Duration::from_secs(2);

/// Why the desk is not served. The operator's to mend.
#[derive(Debug)]
pub enum ListenFault {
    /// The address cannot be had.
    Bind(SocketAddr, io::Error),
    /// A PEM file cannot be read, or the two do not belong together.
    Pem(PemFault),
}

impl Tell for ListenFault {
    fn sentence(&self) -> Sentence {
        match self {
            ListenFault::Bind(address, cause) => {
                Sentence::new("desk-address").with("address", address).with("cause", cause)
            }
            ListenFault::Pem(fault) => fault.sentence(),
        }
    }
}

impl std::fmt::Display for ListenFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&logged(self))
    }
}

impl std::error::Error for ListenFault {}

/// Who has called: the connection, from where, and its place among those that are open.
type Called = (Caller, SocketAddr, Place);

/// How the door speaks TLS.
#[derive(Clone)]
struct Tls {
    acceptor: TlsAcceptor,
    renewed: Arc<Renewed>,
}

/// The door.
pub struct Listener {
    callers: mpsc::Receiver<Called>,
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
        let tls = desk.tls.as_ref().map(door).transpose().map_err(ListenFault::Pem)?;
        let bind = |e| ListenFault::Bind(desk.listen, e);
        let listener = TcpListener::bind(desk.listen).await.map_err(bind)?;
        let local = listener.local_addr().map_err(bind)?;
        let (to, callers) = mpsc::channel(1);
        tokio::spawn(accept(listener, tls, desk.host(local).into(), Places::new(&desk.proxies), to));
        Ok(Listener { callers, local })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.local
    }
}

/// TLS with the certificate of these files, as they are whenever somebody calls.
fn door(files: &[PathBuf; 2]) -> Result<Tls, PemFault> {
    let renewed = Arc::new(Renewed::read(files)?);
    let config = ServerConfig::builder_with_provider(certificates::provider()).with_safe_default_protocol_versions();
    let config = config.map_err(|e| PemFault::Broken(files[0].clone(), e.to_string()))?;
    let mut config = config.with_no_client_auth().with_cert_resolver(renewed.clone());
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)), renewed })
}

impl Tls {
    /// The handshake; `None`: there is none, and who called was told so by TLS, or in plain words.
    async fn shake(self, stream: TcpStream, at: &str) -> Option<Caller> {
        let mut first = [0];
        stream.peek(&mut first).await.ok().filter(|read| *read > 0)?;
        if first != [HANDSHAKE] {
            tell_plainly(stream, at).await;
            return None;
        }
        let renewed = self.renewed;
        tokio::task::spawn_blocking(move || renewed.look()).await.ok()?;
        self.acceptor.accept(stream).await.ok().map(|stream| Caller::Tls(Box::new(stream)))
    }
}

/// Answers plain HTTP where HTTPS is spoken. It leads nowhere by itself: what was sent in the clear was read by whoever wished to, and
/// should not become a habit that works.
async fn tell_plainly(mut stream: TcpStream, at: &str) {
    let text = Language::English.words().say("desk-speaks-https", &[("address", at.into())]);
    let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close";
    let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{text}", text.len());
    if stream.write_all(answer.as_bytes()).await.is_err() || stream.shutdown().await.is_err() {
        return;
    }
    // What is closed with something unread is reset, and the answer may be lost: what was sent is read first, within bounds.
    let mut rest = stream.take(PLAIN_BYTES_MAX);
    let _ = tokio::time::timeout(PLAIN_MAX, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
}

/// Takes callers until nobody waits for them. A handshake holds nobody else up.
async fn accept(listener: TcpListener, tls: Option<Tls>, at: Arc<str>, places: Places, to: mpsc::Sender<Called>) {
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
        let (tls, at, to, place) = (tls.clone(), at.clone(), to.clone(), places.enter(from.ip()));
        tokio::spawn(async move {
            let shaken = async {
                match tls {
                    None => Some(Caller::Plain(stream)),
                    Some(tls) => tokio::time::timeout(HANDSHAKE_MAX, tls.shake(stream, &at)).await.ok().flatten(),
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
