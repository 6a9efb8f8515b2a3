//! TLS 1.3 over TCP: where UDP does not pass. Port 443 is as good as any.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rustix::net::sockopt;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::connection::{Channel, Connection};
use super::dial::AttemptFault;
use super::endpoint::EndpointConfig;
use super::tls::{self, Identity};
use super::{Purpose, Transport};

/// The kernel counts keep-alive in whole seconds and refuses zero.
const KEEP_ALIVE_MIN: Duration = Duration::from_secs(1);

/// A second handle on the socket of a connection, so that it can be closed while others read and write.
pub(super) struct Socket {
    socket: std::net::TcpStream,
    closed: AtomicBool,
}

impl Socket {
    /// Shut both directions down. Readers and writers on either side notice at once.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        // Fails only if the peer was faster, and then there is nothing left to do.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }
}

/// The sockets of the connections that live, so that closing the endpoint closes them all, as QUIC does by itself.
struct Sockets {
    /// `None` once closed: a dial that was under way then comes too late.
    open: Mutex<Option<Vec<Weak<Socket>>>>,
}

impl Sockets {
    fn lock(&self) -> MutexGuard<'_, Option<Vec<Weak<Socket>>>> {
        // The list is whole at every point where a thread could have died.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, stream: &TcpStream) -> io::Result<Arc<Socket>> {
        let socket =
            Arc::new(Socket { socket: stream.as_fd().try_clone_to_owned()?.into(), closed: AtomicBool::new(false) });
        let mut sockets = self.lock();
        let open = sockets.as_mut().ok_or_else(|| io::Error::other("the endpoint is closed"))?;
        open.retain(|socket| socket.strong_count() > 0);
        open.push(Arc::downgrade(&socket));
        Ok(socket)
    }

    fn close(&self) {
        let open = self.lock().take().unwrap_or_default();
        open.iter().filter_map(Weak::upgrade).for_each(|socket| socket.close());
    }
}

/// What answers and dials.
pub(super) struct Port {
    acceptor: TlsAcceptor,
    sockets: Sockets,
    keep_alive: Duration,
    idle_max: Duration,
}

impl Port {
    pub(super) fn new(answering: rustls::ServerConfig, config: &EndpointConfig) -> Self {
        Self {
            acceptor: TlsAcceptor::from(Arc::new(answering)),
            sockets: Sockets { open: Mutex::new(Some(Vec::new())) },
            keep_alive: config.keep_alive,
            idle_max: config.idle_max,
        }
    }

    /// Dial without any deadline but the kernel's.
    pub(super) async fn dial(
        &self,
        identity: &Identity,
        remote: SocketAddr,
        purpose: Purpose,
        expected: Option<[u8; 32]>,
    ) -> Result<Connection, AttemptFault> {
        let (config, verifier) = identity.client_config(purpose, expected).map_err(AttemptFault::broken)?;
        let name = ServerName::try_from(tls::NO_NAME).map_err(AttemptFault::broken)?;
        let stream = TcpStream::connect(remote).await.map_err(fault)?;
        let socket = self.adopt(&stream).map_err(fault)?;
        match (TlsConnector::from(Arc::new(config)).connect(name, stream).await, verifier.unexpected()) {
            (Err(_), Some(shown)) => Err(AttemptFault::WrongKey { shown }),
            (outcome, _) => ready(outcome.map_err(fault)?.into(), socket, remote, true),
        }
    }

    /// Answer one caller, without any deadline.
    pub(super) async fn answer(&self, stream: TcpStream, remote: SocketAddr) -> Result<Connection, AttemptFault> {
        let socket = self.adopt(&stream).map_err(fault)?;
        let stream = self.acceptor.accept(stream).await.map_err(fault)?;
        ready(stream.into(), socket, remote, false)
    }

    /// Close every connection, and those that are still to come.
    pub(super) fn close(&self) {
        self.sockets.close();
    }

    /// Set the socket up and keep a second handle on it.
    fn adopt(&self, stream: &TcpStream) -> io::Result<Arc<Socket>> {
        // Otherwise a frame may wait for the acknowledgement of the one before it.
        stream.set_nodelay(true)?;
        sockopt::set_socket_keepalive(stream, true)?;
        sockopt::set_tcp_keepidle(stream, self.keep_alive.max(KEEP_ALIVE_MIN))?;
        sockopt::set_tcp_keepintvl(stream, self.keep_alive.max(KEEP_ALIVE_MIN))?;
        // Bounds both unanswered probes and unacknowledged data; by default the latter are sent for a quarter of an hour.
        #[cfg(target_os = "linux")]
        sockopt::set_tcp_user_timeout(stream, u32::try_from(self.idle_max.as_millis()).unwrap_or(u32::MAX))?;
        self.sockets.add(stream)
    }
}

/// A connection of ours from one whose handshake is done.
fn ready(
    stream: TlsStream<TcpStream>,
    socket: Arc<Socket>,
    remote: SocketAddr,
    dialled: bool,
) -> Result<Connection, AttemptFault> {
    let (_, tls) = stream.get_ref();
    let peer_key = tls::peer_key(tls.peer_certificates());
    let purpose = tls.alpn_protocol().and_then(Purpose::from_alpn);
    let (Some(peer_key), Some(purpose)) = (peer_key, purpose) else {
        return Err(AttemptFault::NoCommonVersion);
    };
    Ok(Connection {
        peer_key,
        purpose,
        transport: Transport::Tcp,
        remote: SocketAddr::new(remote.ip().to_canonical(), remote.port()),
        dialled,
        channel: Channel::Tcp { stream: Box::new(stream), socket },
    })
}

fn fault(error: io::Error) -> AttemptFault {
    use io::ErrorKind as Kind;
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (tls, error.kind()) {
        (Some(rustls::Error::AlertReceived(alert)), _) if tls::is_incompatible(*alert) => AttemptFault::NoCommonVersion,
        (Some(rustls::Error::PeerIncompatible(_)), _) => AttemptFault::NoCommonVersion,
        // A station that takes no more calls hangs up, and the system in front of it may do so too.
        (None, Kind::ConnectionRefused | Kind::ConnectionReset | Kind::ConnectionAborted) => AttemptFault::Refused,
        (None, Kind::UnexpectedEof | Kind::BrokenPipe) => AttemptFault::Refused,
        (None, Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::AddrNotAvailable) => AttemptFault::NoRoute,
        (None, Kind::TimedOut) => AttemptFault::TimedOut,
        _ => AttemptFault::broken(error),
    }
}
