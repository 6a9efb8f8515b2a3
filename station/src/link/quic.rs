//! QUIC: the transport that is preferred (RFC 9000).
//!
//! Each side opens one unidirectional stream and writes its frames there. One bidirectional stream would not do: the side
//! that did not open it can neither see it nor write on it before the opener's first bytes have come, and both sides
//! have to say hello at once. Streams of one's own make both sides alike and cost no byte.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use quinn::crypto::rustls::{HandshakeData, QuicClientConfig, QuicServerConfig};
use quinn::{
    ConnectError, ConnectionError, TokioRuntime, TransportConfig, TransportErrorCode, VarInt, VarIntBoundsExceeded,
};
use rustls::AlertDescription;
use rustls::pki_types::CertificateDer;

use super::congestion::Floored;
use super::connection::{Channel, Connection};
use super::dial::AttemptFault;
use super::endpoint::{BindFault, EndpointConfig};
use super::tls::{self, Identity};
use super::{Purpose, Transport, admission};

/// The one code with which a connection is closed: the words beside it tell people why, and no machine decides by them.
pub(super) const CLOSED: VarInt = VarInt::from_u32(0);

/// Bytes that a peer may send ahead of what we have read: four of the largest frames, 2.5 MB/s at a round trip of 100 ms.
const RECEIVE_WINDOW_BYTES: u32 = 256 * 1024;
/// Bytes that we keep until the peer acknowledges them.
const SEND_WINDOW_BYTES: u64 = 256 * 1024;
/// Bytes of datagrams that wait, in each direction, for voice. The oldest are dropped first, so this is also a delay:
/// 16 KiB is about one second of eight voices.
const DATAGRAM_BUFFER_BYTES: usize = 16 * 1024;
/// Bytes of UDP payload that every path carries (RFC 9000 section 14). Discovery of more is off, because on a thin link
/// it costs 12 kB and 1.5 s of every new connection, and a record of short entries gains nothing from larger packets.
const UDP_PAYLOAD_BYTES: u16 = 1_200;
/// Bytes that are kept for a caller before its handshake is let in; the largest first flight is about 2,400.
const UNADMITTED_BYTES: u64 = 16 * 1024;

/// The UDP socket, which answers and dials.
pub(super) struct Port {
    pub(super) endpoint: quinn::Endpoint,
    transport: Arc<TransportConfig>,
}

impl Port {
    /// Needs a tokio runtime around it.
    pub(super) fn open(
        answering: rustls::ServerConfig,
        config: &EndpointConfig,
        endpoint_config: quinn::EndpointConfig,
        socket: UdpSocket,
    ) -> Result<Self, BindFault> {
        let transport = transport_config(config).map_err(|_| BindFault::Times)?;
        let transport = Arc::new(transport);
        let crypto = QuicServerConfig::try_from(answering)
            .map_err(|error| BindFault::Tls(rustls::Error::General(error.to_string())))?;
        let mut server = quinn::ServerConfig::with_crypto(Arc::new(crypto));
        server
            .transport_config(transport.clone())
            .max_incoming(admission::HANDSHAKES_MAX)
            .incoming_buffer_size(UNADMITTED_BYTES)
            .incoming_buffer_size_total(UNADMITTED_BYTES * admission::HANDSHAKES_MAX as u64);
        // A token would let a caller skip the proof of its address on a later day, for one round trip saved.
        server.validation_token.sent(0);
        let endpoint = quinn::Endpoint::new(endpoint_config, Some(server), socket, Arc::new(TokioRuntime))
            .map_err(BindFault::Socket)?;
        Ok(Self { endpoint, transport })
    }

    /// Dial without any deadline but the transport's own.
    pub(super) async fn dial(
        &self,
        identity: &Identity,
        remote: SocketAddr,
        purpose: Purpose,
        expected: Option<[u8; 32]>,
    ) -> Result<Connection, AttemptFault> {
        let (config, verifier) = identity.client_config(purpose, expected).map_err(AttemptFault::broken)?;
        let crypto = QuicClientConfig::try_from(config).map_err(AttemptFault::broken)?;
        let mut config = quinn::ClientConfig::new(Arc::new(crypto));
        config.transport_config(self.transport.clone());
        let dialled = match self.endpoint.connect_with(config, remote, tls::NO_NAME) {
            Ok(connecting) => connecting.await.map_err(|error| fault(&error)),
            Err(ConnectError::InvalidRemoteAddress(_)) => Err(AttemptFault::NoRoute),
            Err(error) => Err(AttemptFault::broken(error)),
        };
        match (dialled, verifier.unexpected()) {
            (Err(_), Some(shown)) => Err(AttemptFault::WrongKey { shown }),
            (outcome, _) => ready(outcome?, true).await,
        }
    }
}

/// Answer one caller, without any deadline but the transport's own.
pub(super) async fn answer(caller: quinn::Incoming) -> Result<Connection, AttemptFault> {
    // `into_0rtt` would speak to a caller that has not yet proved its key; awaiting this does not.
    let connection = caller.await.map_err(|error| fault(&error))?;
    ready(connection, false).await
}

/// A connection of ours from one whose handshake is done.
async fn ready(connection: quinn::Connection, dialled: bool) -> Result<Connection, AttemptFault> {
    let identity = connection.peer_identity().and_then(|shown| shown.downcast::<Vec<CertificateDer>>().ok());
    let peer_key = tls::peer_key(identity.as_deref().map(Vec::as_slice));
    let handshake = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
    let protocol = handshake.and_then(|data| data.protocol);
    let purpose = protocol.and_then(|protocol| Purpose::from_alpn(&protocol));
    let (Some(peer_key), Some(purpose)) = (peer_key, purpose) else {
        return Err(AttemptFault::NoCommonVersion);
    };
    // Waits only for a peer that allows us no stream at all.
    let send = connection.open_uni().await.map_err(|error| fault(&error))?;
    let remote = connection.remote_address();
    Ok(Connection {
        peer_key,
        purpose,
        transport: Transport::Quic,
        remote: SocketAddr::new(remote.ip().to_canonical(), remote.port()),
        dialled,
        channel: Channel::Quic { connection, send },
    })
}

fn transport_config(config: &EndpointConfig) -> Result<TransportConfig, VarIntBoundsExceeded> {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_uni_streams(VarInt::from_u32(1))
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(RECEIVE_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(RECEIVE_WINDOW_BYTES))
        .send_window(SEND_WINDOW_BYTES)
        .datagram_receive_buffer_size(Some(DATAGRAM_BUFFER_BYTES))
        .datagram_send_buffer_size(DATAGRAM_BUFFER_BYTES)
        .keep_alive_interval(Some(config.keep_alive))
        .max_idle_timeout(Some(config.idle_max.try_into()?))
        .initial_mtu(UDP_PAYLOAD_BYTES)
        .mtu_discovery_config(None)
        .congestion_controller_factory(Arc::new(Floored))
        // The spin bit would show the round trip to everyone on the path.
        .allow_spin(false);
    Ok(transport)
}

fn fault(error: &ConnectionError) -> AttemptFault {
    match error {
        ConnectionError::TimedOut => AttemptFault::TimedOut,
        ConnectionError::VersionMismatch => AttemptFault::NoCommonVersion,
        ConnectionError::ApplicationClosed(_) => AttemptFault::Refused,
        ConnectionError::ConnectionClosed(close) => match close.error_code {
            TransportErrorCode::CONNECTION_REFUSED => AttemptFault::Refused,
            code if is_incompatible(code) => AttemptFault::NoCommonVersion,
            _ => AttemptFault::broken(error),
        },
        ConnectionError::TransportError(ours) if is_incompatible(ours.code) => AttemptFault::NoCommonVersion,
        _ => AttemptFault::broken(error),
    }
}

/// TLS alerts travel as the codes 0x100 to 0x1ff (RFC 9001 section 4.8).
fn is_incompatible(code: TransportErrorCode) -> bool {
    match u64::from(code) {
        code @ 0x100..=0x1ff => tls::is_incompatible(AlertDescription::from((code & 0xff) as u8)),
        _ => false,
    }
}
