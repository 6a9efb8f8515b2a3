//! The link's transport: authenticated connections between two stations that carry frames.
//!
//! A connection is QUIC, or TLS 1.3 over TCP where UDP does not pass. Both use the same raw public keys (RFC 7250),
//! the same key exchange (X25519MLKEM768) and the same frames, so that everything above is written once.
//!
//! Nothing here knows a charter. Any Ed25519 key gets through the handshake, and [`Connection::peer_key`] says which one
//! it was: who may do what is decided above, by key. Only a dial may say which key it expects, and then no other will do.

mod admission;
pub mod board;
mod called;
mod congestion;
mod connection;
pub mod damper;
mod dial;
mod endpoint;
mod frame;
mod identities;
mod meeting;
pub mod observe;
mod outbox;
pub mod pace;
pub mod pump;
mod quic;
mod reach;
mod reset;
mod supply;
pub mod switchboard;
mod tcp;
mod tls;
pub mod withheld;
mod worker;

pub use connection::{Connection, Control, ExporterFault, LinkFault, Reader, Stats, Writer};
pub use dial::{AttemptFault, DialFault, Dialling};
pub use endpoint::{BindFault, Endpoint, EndpointConfig};
pub use frame::FrameFault;
pub use worker::Worker;

/// What carries a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// QUIC over UDP (RFC 9000): the one that is preferred, because it also carries voice.
    Quic,
    /// TLS 1.3 over TCP (RFC 8446): where UDP does not pass. A line on it is degraded.
    Tcp,
}

/// What a connection is for, as the dialler said in the handshake (ALPN, RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A session of an existing line: `counterpart/1`.
    Line,
    /// An invitation is being taken up: `counterpart-pair/1`.
    Pairing,
}

impl Purpose {
    const ALL: [Self; 2] = [Self::Line, Self::Pairing];

    fn alpn(self) -> &'static [u8] {
        match self {
            Self::Line => b"counterpart/1",
            Self::Pairing => b"counterpart-pair/1",
        }
    }

    fn from_alpn(protocol: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.alpn() == protocol)
    }
}
