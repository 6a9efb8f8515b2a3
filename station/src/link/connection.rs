//! A connection to another station, and its parts: who writes, who reads, who closes.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWriteExt, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsStream;

use super::frame::{FrameFault, Incoming, Outgoing, Stop};
use super::{Purpose, Transport, quic, tcp};

/// How long [`Writer::finish`] waits for the peer to have everything.
const FINISH_MAX: Duration = Duration::from_secs(5);
/// From this round trip on a path is long.
const LONG: Duration = Duration::from_millis(100);
/// What is sent, and what is kept, of a closing reason, in bytes.
const REASON_BYTES_MAX: usize = 200;

/// An authenticated connection to another station, either way dialled.
///
/// Dropped, or with all its parts dropped, it is closed at once and what was written last may be lost.
pub struct Connection {
    /// The Ed25519 link key that the peer proved in the handshake.
    pub peer_key: [u8; 32],
    /// What the dialler said the connection is for.
    pub purpose: Purpose,
    /// What carries it.
    pub transport: Transport,
    /// Where the peer's packets came from during the handshake; an IPv4 address is shown as one.
    pub remote: SocketAddr,
    /// Whether we dialled.
    pub dialled: bool,
    pub(super) channel: Channel,
}

/// What is under a connection.
pub(super) enum Channel {
    Quic { connection: quinn::Connection, send: quinn::SendStream },
    Tcp { stream: Box<TlsStream<TcpStream>>, socket: Arc<tcp::Socket> },
}

impl fmt::Debug for Connection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} connection with {} for {:?}", self.transport, self.remote, self.purpose)
    }
}

impl Connection {
    /// 32 bytes that both ends of this connection, and no one else, can compute from `label` and `context`; another
    /// connection gives others (RFC 8446 section 7.5).
    ///
    /// # Errors
    /// [`ExporterFault`] if TLS refuses, which a finished handshake gives no reason for.
    pub fn exporter(&self, label: &[u8], context: &[u8]) -> Result<[u8; 32], ExporterFault> {
        let mut out = [0; 32];
        match &self.channel {
            Channel::Quic { connection, .. } => {
                connection.export_keying_material(&mut out, label, context).map_err(|_| ExporterFault)?
            }
            Channel::Tcp { stream, .. } => {
                let exported = match stream.as_ref() {
                    TlsStream::Client(tls) => tls.get_ref().1.export_keying_material(out, label, Some(context)),
                    TlsStream::Server(tls) => tls.get_ref().1.export_keying_material(out, label, Some(context)),
                };
                out = exported.map_err(|_| ExporterFault)?;
            }
        }
        Ok(out)
    }

    /// The parts, for the tasks that read, write and watch.
    pub fn split(self) -> (Reader, Writer, Control) {
        let (source, sink, control) = match self.channel {
            Channel::Quic { connection, send } => {
                (Source::Awaited(connection.clone()), Sink::Quic(send), Control(Handle::Quic(connection)))
            }
            Channel::Tcp { stream, socket } => {
                let (read, write) = tokio::io::split(stream);
                (Source::Open(Box::new(read)), Sink::Tcp(write), Control(Handle::Tcp(socket)))
            }
        };
        let reader = Reader { source, incoming: Incoming::default(), control: control.clone() };
        let writer = Writer { sink, outgoing: Outgoing::default(), control: control.clone() };
        (reader, writer, control)
    }
}

/// Reads frames.
///
/// Has no deadline of its own: how long silence is borne is the session's matter. A peer whose machine is gone is
/// noticed within [`EndpointConfig::idle_max`](super::EndpointConfig::idle_max).
pub struct Reader {
    source: Source,
    incoming: Incoming,
    control: Control,
}

/// Where frames come from.
enum Source {
    /// The peer's QUIC stream has not come yet: it comes with its first bytes. It is awaited at the first read and not
    /// before the connection is handed over, because both sides speak at once and neither may wait for the other.
    Awaited(quinn::Connection),
    Open(Box<dyn AsyncRead + Send + Unpin>),
}

impl Source {
    async fn open(&mut self) -> Result<&mut (dyn AsyncRead + Send + Unpin), quinn::ConnectionError> {
        loop {
            match self {
                Self::Open(stream) => return Ok(stream.as_mut()),
                Self::Awaited(connection) => *self = Self::Open(Box::new(connection.accept_uni().await?)),
            }
        }
    }
}

impl Reader {
    /// The next frame, 1 to [`FRAME_MAX`](counterpart_core::limits::FRAME_MAX) bytes. A call may be dropped half way: the next
    /// one goes on where it was.
    ///
    /// # Errors
    /// Any [`LinkFault`], and none of them passes. After [`LinkFault::Misframed`] the connection is already closed, and
    /// the peer was told why if it is QUIC.
    pub async fn read_frame(&mut self) -> Result<Vec<u8>, LinkFault> {
        let outcome = match self.source.open().await {
            Ok(stream) => self.incoming.next(stream).await,
            Err(error) => Err(Stop::Failed(error.into())),
        };
        outcome.map_err(|stop| {
            if let Stop::Misframed(fault) = &stop {
                self.control.close(&fault.to_string());
            }
            self.control.fault(stop)
        })
    }
}

/// Writes frames.
///
/// Has no deadline of its own: a peer that reads slowly makes a write wait, as long as the session lets it. To end in
/// good order takes [`Writer::finish`]; dropped, it leaves the peer to find out.
pub struct Writer {
    sink: Sink,
    outgoing: Outgoing,
    control: Control,
}

enum Sink {
    Quic(quinn::SendStream),
    Tcp(WriteHalf<Box<TlsStream<TcpStream>>>),
}

impl Writer {
    /// Hand one frame over to the transport, 1 to [`FRAME_MAX`](counterpart_core::limits::FRAME_MAX) bytes. Success says that
    /// it left, not that it arrived. A call may be dropped half way: a frame that was begun goes before the next one.
    ///
    /// # Errors
    /// [`LinkFault::Misframed`] if the frame has a length that no peer would take: nothing was written, and the
    /// connection stays. Any other [`LinkFault`] does not pass.
    pub async fn write_frame(&mut self, frame: &[u8]) -> Result<(), LinkFault> {
        let outcome = match &mut self.sink {
            Sink::Quic(stream) => self.outgoing.send(frame, stream).await,
            Sink::Tcp(stream) => self.outgoing.send(frame, stream).await,
        };
        outcome.map_err(|stop| self.control.fault(stop))
    }

    /// Say that nothing more follows, which the peer reads as [`LinkFault::Ended`]. Waits, at most 5 s, until the peer's
    /// machine has everything (QUIC) or ours has sent it (TCP). The other direction stays open; whoever closes should
    /// read it to its end first, because a TCP connection that is closed with something unread may take back what was sent.
    ///
    /// # Errors
    /// [`LinkFault::Lost`] or a closing if what was written may not have arrived.
    pub async fn finish(mut self) -> Result<(), LinkFault> {
        let control = self.control.clone();
        let outcome = timeout(FINISH_MAX, self.finish_stream()).await;
        let outcome = outcome.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        outcome.map_err(|error| control.fault(Stop::Failed(error)))
    }

    async fn finish_stream(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Quic(stream) => {
                self.outgoing.flush(stream).await?;
                stream.finish()?;
                match stream.stopped().await? {
                    None => Ok(()),
                    Some(_) => Err(io::ErrorKind::ConnectionAborted.into()),
                }
            }
            Sink::Tcp(stream) => {
                self.outgoing.flush(stream).await?;
                stream.shutdown().await
            }
        }
    }
}

impl Drop for Writer {
    /// quinn ends a stream that is dropped in good order, and a peer that finds the end inside a frame takes it for
    /// misconduct. So a frame that was broken off is shown as broken off.
    fn drop(&mut self) {
        if let Sink::Quic(stream) = &mut self.sink
            && !self.outgoing.is_empty()
        {
            // Fails only if the stream is over anyway.
            let _ = stream.reset(quic::CLOSED);
        }
    }
}

/// Closes a connection and tells how it fares. Copies control the same connection, and keep it open.
#[derive(Clone)]
pub struct Control(Handle);

#[derive(Clone)]
enum Handle {
    Quic(quinn::Connection),
    Tcp(Arc<tcp::Socket>),
}

impl Control {
    /// Close both directions at once; what was written last may be lost, unless [`Writer::finish`] was awaited. Every
    /// read and write ends with [`LinkFault::ClosedHere`]. Over QUIC the peer is told `reason`, cut to 200 bytes, so it
    /// must name nobody; over TCP the peer sees the connection lost.
    pub fn close(&self, reason: &str) {
        match &self.0 {
            Handle::Quic(connection) => {
                let end = reason.floor_char_boundary(REASON_BYTES_MAX);
                connection.close(quic::CLOSED, &reason.as_bytes()[..end]);
            }
            Handle::Tcp(socket) => socket.close(),
        }
    }

    /// Whether a round trip takes so long that a last packet that is lost is better shown by one sent after it than awaited.
    pub fn is_long(&self) -> bool {
        matches!(&self.0, Handle::Quic(connection) if connection.rtt() >= LONG)
    }

    /// Sends a datagram that says nothing but must be acknowledged (§8.1). Over TCP nothing happens.
    pub fn nudge(&self) {
        if let Handle::Quic(connection) = &self.0 {
            // A nudge that cannot be sent is missed by nobody.
            let _ = connection.send_datagram(vec![0].into());
        }
    }

    /// Whether datagrams go to the peer: over TCP, or to one that takes none, they do not.
    pub fn takes_datagrams(&self) -> bool {
        matches!(&self.0, Handle::Quic(connection) if connection.max_datagram_size().is_some())
    }

    /// Sends a datagram; gives it back if it does not go as one. Of those that wait the oldest is let go.
    pub fn datagram(&self, bytes: Vec<u8>) -> Option<Vec<u8>> {
        match &self.0 {
            Handle::Quic(connection) if connection.max_datagram_size().is_some_and(|max| bytes.len() <= max) => {
                // What fails now fails because the connection is over.
                let _ = connection.send_datagram(bytes.into());
                None
            }
            _ => Some(bytes),
        }
    }

    /// Waits for a datagram of the peer's; for ever if none can come any more.
    pub async fn next_datagram(&self) -> Vec<u8> {
        if let Handle::Quic(connection) = &self.0
            && let Ok(datagram) = connection.read_datagram().await
        {
            return datagram.into();
        }
        std::future::pending().await
    }

    /// How a QUIC connection fares, since it began. `None` over TCP, where the kernel keeps these figures to itself.
    pub fn stats(&self) -> Option<Stats> {
        let Handle::Quic(connection) = &self.0 else {
            return None;
        };
        let stats = connection.stats();
        Some(Stats {
            rtt: stats.path.rtt,
            sent_packets: stats.path.sent_packets,
            lost_packets: stats.path.lost_packets,
            udp_bytes_sent: stats.udp_tx.bytes,
            udp_bytes_received: stats.udp_rx.bytes,
        })
    }

    fn fault(&self, stop: Stop) -> LinkFault {
        match (stop, &self.0) {
            (Stop::Ended, _) => LinkFault::Ended,
            (Stop::Misframed(fault), _) => LinkFault::Misframed(fault),
            (Stop::Failed(_), Handle::Tcp(socket)) if socket.is_closed() => LinkFault::ClosedHere,
            (Stop::Failed(error), Handle::Tcp(_)) => LinkFault::Lost(error),
            (Stop::Failed(error), Handle::Quic(connection)) => match connection.close_reason() {
                Some(quinn::ConnectionError::LocallyClosed) => LinkFault::ClosedHere,
                Some(quinn::ConnectionError::ApplicationClosed(close)) => {
                    LinkFault::ClosedByPeer { reason: printable(&String::from_utf8_lossy(&close.reason)) }
                }
                Some(lost) => LinkFault::Lost(lost.into()),
                None => LinkFault::Lost(error),
            },
        }
    }
}

/// Words that a peer may have chosen, short and on one line, so that they may be shown to a person.
pub(super) fn printable(words: &str) -> String {
    let words = &words[..words.floor_char_boundary(REASON_BYTES_MAX)];
    words.chars().filter(|char| !char.is_control()).collect()
}

/// How a QUIC connection fares. Counts run from its beginning and include the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// The present estimate of the round trip.
    pub rtt: Duration,
    /// QUIC packets sent.
    pub sent_packets: u64,
    /// Of these, those held to be lost. Loss in the other direction is only seen there.
    pub lost_packets: u64,
    /// Bytes inside the UDP datagrams that we sent, without IP and UDP headers (28 or 48 bytes each).
    pub udp_bytes_sent: u64,
    /// Bytes inside the UDP datagrams that we received.
    pub udp_bytes_received: u64,
}

/// Why a connection carries no more frames.
#[derive(Debug)]
pub enum LinkFault {
    /// The peer said, between two frames, that nothing more follows. Our direction stays open.
    Ended,
    /// The peer closed the connection and gave this reason: its words, at most 200 bytes, unverified. Over QUIC only.
    ClosedByPeer {
        /// Without control characters.
        reason: String,
    },
    /// We closed it: [`Control::close`] or [`Endpoint::close`](super::Endpoint::close).
    ClosedHere,
    /// A frame is wrong: from [`Reader`] the peer's misconduct, from [`Writer`] our own mistake.
    Misframed(FrameFault),
    /// The path or the peer's machine failed, or the peer vanished without a word.
    Lost(io::Error),
}

impl fmt::Display for LinkFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => write!(out, "the peer ended the stream"),
            Self::ClosedByPeer { reason } => {
                write!(out, "the peer closed the connection: {reason}")
            }
            Self::ClosedHere => write!(out, "the connection was closed on our side"),
            Self::Misframed(fault) => write!(out, "{fault}"),
            Self::Lost(error) => write!(out, "the connection was lost: {error}"),
        }
    }
}

impl std::error::Error for LinkFault {}

/// TLS gave no exporter value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExporterFault;

impl fmt::Display for ExporterFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TLS exported no keying material for this connection")
    }
}

impl std::error::Error for ExporterFault {}
