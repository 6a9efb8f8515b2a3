//! A station's end of all its connections: it answers, dials and closes.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::admission::{Admission, HANDSHAKES_MAX, Place, Verdict};
use super::connection::Connection;
use super::dial::{AttemptFault, DialFault, Dialling, race};
use super::identities::Identities;
use super::tls::Identity;
use super::{Purpose, Transport, quic, reset, tcp};
use crate::entropy::NoEntropy;
use crate::words::{Sentence, Tell, logged};

/// How long [`Endpoint::close`] waits for peers to acknowledge.
const CLOSE_MAX: Duration = Duration::from_secs(2);
/// Pause after the system gave no socket to a caller, because it has none left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Ports tried until one is free for both UDP and TCP.
const PORTS_TRIED_MAX: usize = 16;

/// Where to be reached, and how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointConfig {
    /// Where QUIC answers and from where it dials. `None`: no QUIC at all, for networks that are known to drop it.
    pub udp: Option<SocketAddr>,
    /// Where TLS over TCP answers. `None`: it is only dialled.
    pub tcp: Option<SocketAddr>,
    /// Silence after which a sign of life is sent; 5 s by default, and less than `idle_max`. TCP counts whole seconds.
    pub keep_alive: Duration,
    /// Silence after which a connection is given up; 30 s by default. The smaller of both sides' counts (QUIC).
    pub idle_max: Duration,
    /// Time for a caller to finish its handshake, and then to be taken by [`Endpoint::accept`]; 10 s by default.
    pub handshake_max: Duration,
}

impl EndpointConfig {
    /// QUIC and TCP on the same address and port, with the default times. Port 0 lets the system choose.
    pub fn at(address: SocketAddr) -> Self {
        Self {
            udp: Some(address),
            tcp: Some(address),
            keep_alive: Duration::from_secs(5),
            idle_max: Duration::from_secs(30),
            handshake_max: Duration::from_secs(10),
        }
    }
}

/// Why an endpoint did not come to be.
#[derive(Debug)]
pub enum BindFault {
    /// This address cannot be had.
    Address {
        /// For which transport.
        transport: Transport,
        /// As configured.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The system gave a socket and then not its use.
    Socket(io::Error),
    /// `keep_alive` is not less than `idle_max`, or `idle_max` is over 2^62 ms.
    Times,
    /// TLS does not take this key.
    Tls(rustls::Error),
    /// Connection ids need chance.
    NoEntropy(NoEntropy),
}

impl Tell for BindFault {
    fn sentence(&self) -> Sentence {
        match self {
            Self::Address { transport, address, error } => {
                let taken = error.kind() == io::ErrorKind::AddrInUse;
                let said = Sentence::new(if taken { "bind-taken" } else { "bind-address" });
                let protocol = match transport {
                    Transport::Quic => "UDP",
                    Transport::Tcp => "TCP",
                };
                said.with("protocol", protocol).with("address", address).with("cause", error)
            }
            Self::Socket(error) => Sentence::new("bind-socket").with("cause", error),
            Self::Times => Sentence::new("bind-times"),
            Self::NoEntropy(fault) => fault.sentence(),
            Self::Tls(error) => Sentence::new("bind-tls").with("cause", error),
        }
    }
}

impl fmt::Display for BindFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&logged(self))
    }
}

impl std::error::Error for BindFault {}

impl From<rustls::Error> for BindFault {
    fn from(error: rustls::Error) -> Self {
        Self::Tls(error)
    }
}

/// A station's end of all its connections, under its link keys. Dropped, it answers no more; its connections live on.
pub struct Endpoint {
    identities: Arc<Identities>,
    quic: Option<quic::Port>,
    tcp: Arc<tcp::Port>,
    udp_address: Option<SocketAddr>,
    tcp_address: Option<SocketAddr>,
    answered: tokio::sync::Mutex<mpsc::Receiver<Connection>>,
    listeners: Mutex<JoinSet<()>>,
    closed: AtomicBool,
}

impl Endpoint {
    /// Begin to answer, as the station whose Ed25519 link key has this seed (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    /// [`BindFault`], which names the address or the setting.
    pub async fn bind(config: &EndpointConfig, link_key_seed: &[u8; 32]) -> Result<Self, BindFault> {
        if config.keep_alive >= config.idle_max {
            return Err(BindFault::Times);
        }
        let identity = Identity::from_seed(link_key_seed)?;
        let (listener, socket) = bind_sockets(config).await?;
        let udp_address = socket.as_ref().and_then(|socket| socket.local_addr().ok());
        let tcp_address = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let endpoint_config = reset::endpoint_config(link_key_seed).map_err(BindFault::NoEntropy)?;
        let identities = Identities::new(Identity::from_seed(link_key_seed)?);
        let answering = || identity.server_config(identities.clone());
        let quic = match socket {
            Some(socket) => Some(quic::Port::open(answering()?, config, endpoint_config, socket)?),
            None => None,
        };
        let tcp = Arc::new(tcp::Port::new(answering()?, config));

        let (queue, answered) = mpsc::channel(HANDSHAKES_MAX);
        let desk = Desk { admission: Arc::default(), handshake_max: config.handshake_max, queue };
        let mut listeners = JoinSet::new();
        if let Some(port) = &quic {
            listeners.spawn(answer_quic(port.endpoint.clone(), desk.clone()));
        }
        if let Some(listener) = listener {
            listeners.spawn(answer_tcp(listener, tcp.clone(), desk));
        }
        Ok(Self {
            identities,
            quic,
            tcp,
            udp_address,
            tcp_address,
            answered: answered.into(),
            listeners: listeners.into(),
            closed: AtomicBool::new(false),
        })
    }

    /// Our link key, as callers see it.
    pub fn link_key(&self) -> [u8; 32] {
        self.identities.of(None).map_or([0; 32], |identity| identity.public())
    }

    /// From now on callers are shown the link key of this seed. Connections that live are not touched.
    ///
    /// # Errors
    /// [`BindFault::Tls`] if TLS does not take the key.
    pub fn show(&self, link_key_seed: &[u8; 32]) -> Result<(), BindFault> {
        Ok(self.identities.show(link_key_seed)?)
    }

    /// From now on a dial can be made with the link key of this seed ([`Endpoint::dial_as`]).
    ///
    /// # Errors
    /// [`BindFault::Tls`] if TLS does not take the key.
    pub fn know(&self, link_key_seed: &[u8; 32]) -> Result<(), BindFault> {
        Ok(self.identities.know(link_key_seed)?)
    }

    /// Where QUIC answers, with the port that the system chose.
    pub fn udp_address(&self) -> Option<SocketAddr> {
        self.udp_address
    }

    /// Where TCP answers, with the port that the system chose.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        self.tcp_address
    }

    /// The next station that dialled us and proved a key, any key. `None` once the endpoint is closed.
    ///
    /// At most 64 handshakes are under way at a time, at most 8 from one source; none delays another. A connection that
    /// is not taken here within [`EndpointConfig::handshake_max`] of its beginning is hung up.
    pub async fn accept(&self) -> Option<Connection> {
        let connection = self.answered.lock().await.recv().await;
        connection.filter(|_| !self.closed.load(Ordering::Relaxed))
    }

    /// Dial a station: QUIC first, TCP to the same port where QUIC does not get through.
    ///
    /// Success says that the station there proved its key, and the `expected` one if any was named. It does not say that
    /// it takes ours: a side is accepted when its peer's first frame arrives.
    ///
    /// # Errors
    /// [`DialFault`], which says what became of each transport.
    pub async fn dial(
        &self,
        remote: SocketAddr,
        purpose: Purpose,
        expected: Option<[u8; 32]>,
        dialling: Dialling,
    ) -> Result<Connection, DialFault> {
        self.dial_as(None, remote, purpose, expected, dialling).await
    }

    /// The same with one of our link keys, by its public half; `None`: the one that callers are shown.
    ///
    /// # Errors
    /// As [`Endpoint::dial`].
    pub async fn dial_as(
        &self,
        own: Option<[u8; 32]>,
        remote: SocketAddr,
        purpose: Purpose,
        expected: Option<[u8; 32]>,
        dialling: Dialling,
    ) -> Result<Connection, DialFault> {
        let not_tried = DialFault { quic: AttemptFault::NotTried, tcp: AttemptFault::NotTried };
        let identity = self.identities.of(own).ok_or(not_tried)?;
        let quic = self.over_quic(&identity, remote, purpose, expected);
        let tcp = self.tcp.dial(&identity, remote, purpose, expected);
        race(quic, tcp, dialling).await
    }

    /// The same by QUIC alone, for as long as both together are tried by default.
    ///
    /// # Errors
    /// [`AttemptFault`].
    pub async fn dial_quic(
        &self,
        own: Option<[u8; 32]>,
        remote: SocketAddr,
        purpose: Purpose,
        expected: Option<[u8; 32]>,
    ) -> Result<Connection, AttemptFault> {
        let identity = self.identities.of(own).ok_or(AttemptFault::NotTried)?;
        let dialled = self.over_quic(&identity, remote, purpose, expected);
        timeout(Dialling::default().give_up_after, dialled).await.unwrap_or(Err(AttemptFault::TimedOut))
    }

    async fn over_quic(
        &self,
        identity: &Identity,
        remote: SocketAddr,
        purpose: Purpose,
        expected: Option<[u8; 32]>,
    ) -> Result<Connection, AttemptFault> {
        match &self.quic {
            Some(port) => port.dial(identity, remote, purpose, expected).await,
            None => Err(AttemptFault::NotTried),
        }
    }

    /// Answer no more, close every connection and wait, at most 2 s, until peers that can be told have been told.
    pub async fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        self.tcp.close();
        if let Some(port) = &self.quic {
            port.endpoint.close(quic::CLOSED, b"the station is closing");
            // Late is no harm: a peer that was not told notices by its own idle limit.
            let _ = timeout(CLOSE_MAX, port.endpoint.wait_idle()).await;
        }
    }
}

/// The sockets that the configuration asks for. Where both ask for port 0, both get the same one.
async fn bind_sockets(config: &EndpointConfig) -> Result<(Option<TcpListener>, Option<UdpSocket>), BindFault> {
    let mut tried = 1;
    loop {
        let listener = match config.tcp {
            Some(address) => Some(TcpListener::bind(address).await.map_err(|error| BindFault::Address {
                transport: Transport::Tcp,
                address,
                error,
            })?),
            None => None,
        };
        let Some(mut address) = config.udp else {
            return Ok((listener, None));
        };
        let chosen = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        if address.port() == 0 {
            address.set_port(chosen.map_or(0, |chosen| chosen.port()));
        }
        match UdpSocket::bind(address) {
            Ok(socket) => return Ok((listener, Some(socket))),
            Err(error) => {
                let may_choose = |wanted: Option<SocketAddr>| wanted.is_some_and(|wanted| wanted.port() == 0);
                if !may_choose(config.tcp) || !may_choose(config.udp) || tried == PORTS_TRIED_MAX {
                    return Err(BindFault::Address { transport: Transport::Quic, address, error });
                }
                tried += 1;
            }
        }
    }
}

/// What both listeners share: who may come in, and where those go who did.
#[derive(Clone)]
struct Desk {
    admission: Arc<Admission>,
    handshake_max: Duration,
    queue: mpsc::Sender<Connection>,
}

impl Desk {
    /// One handshake, from its admission until its connection is taken.
    async fn receive(
        self,
        place: Place,
        remote: SocketAddr,
        handshake: impl Future<Output = Result<Connection, AttemptFault>>,
    ) {
        let whole = async {
            let connection = handshake.await?;
            // Fails only when the endpoint is gone.
            self.queue.send(connection).await.map_err(|_| AttemptFault::Refused)
        };
        match timeout(self.handshake_max, whole).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => debug!(%remote, %fault, "a caller's handshake failed"),
            Err(_) => debug!(%remote, "a caller took too long over its handshake"),
        }
        drop(place);
    }
}

async fn answer_quic(endpoint: quinn::Endpoint, desk: Desk) {
    // Dropped with this task, and every handshake with it.
    let mut handshakes = JoinSet::new();
    loop {
        tokio::select! {
            caller = endpoint.accept() => {
                let Some(caller) = caller else { return };
                let remote = caller.remote_address();
                match desk.admission.admit(remote.ip(), caller.remote_address_validated()) {
                    Verdict::Admitted(place) => {
                        handshakes.spawn(desk.clone().receive(place, remote, quic::answer(caller)));
                    }
                    // Cannot fail for an address that was not yet shown; if it does, the caller is refused.
                    Verdict::MustShowAddress => drop(caller.retry()),
                    Verdict::Full => caller.refuse(),
                }
            }
            Some(_) = handshakes.join_next(), if !handshakes.is_empty() => {}
        }
    }
}

async fn answer_tcp(listener: TcpListener, port: Arc<tcp::Port>, desk: Desk) {
    let mut handshakes = JoinSet::new();
    loop {
        tokio::select! {
            caller = listener.accept() => match caller {
                Ok((stream, remote)) => {
                    if let Verdict::Admitted(place) = desk.admission.admit(remote.ip(), true) {
                        let port = port.clone();
                        let handshake = async move { port.answer(stream, remote).await };
                        handshakes.spawn(desk.clone().receive(place, remote, handshake));
                    }
                }
                Err(error) => {
                    debug!(%error, "no socket for a caller");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = handshakes.join_next(), if !handshakes.is_empty() => {}
        }
    }
}
