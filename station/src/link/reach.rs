//! Reaching a line's peer: its addresses one after the other, and QUIC again while only TCP has got through (DESIGN.md §5).

use std::net::SocketAddr;
use std::time::Duration;

use counterpart_core::ids::LineId;

use super::switchboard::Switchboard;
use super::{Connection, DialFault, Dialling, Purpose};
use crate::record::LinePublished;
use crate::words::Sentence;

/// How long a reference may take to answer.
const REFERENCE_MAX: Duration = Duration::from_secs(3);
/// The first pause before QUIC is tried again beside a session over TCP: a peer that was only starting has come up by then. It doubles.
const QUIC_AGAIN_MIN: Duration = Duration::from_secs(15);
/// The longest pause: a few packets every five minutes, where a network drops UDP for good.
const QUIC_AGAIN_MAX: Duration = Duration::from_secs(300);

/// Who was reached.
pub(super) enum Reached {
    /// The station that proves the peer's link key.
    Peer(Connection),
    /// Somebody at the peer's address, with another key.
    Stranger(Connection),
}

impl Switchboard {
    /// Tries every address of the peer once. Where another key answers than the peer's, that is dialled last: the peer may have
    /// new keys.
    pub(super) async fn reach(&self, line: LineId, view: &LinePublished) -> Option<Reached> {
        let mut shown = None;
        let expected = self.peer_link(&line, view);
        for address in &view.peer_addresses {
            let found: Vec<SocketAddr> = match tokio::net::lookup_host(address.as_str()).await {
                Ok(found) => found.take(4).collect(),
                Err(error) => {
                    self.tried(line, address, Sentence::new("dial-no-name").with("cause", error));
                    continue;
                }
            };
            for remote in found {
                match self.dial_peer(remote, view, expected).await {
                    Ok(connection) => {
                        self.shared.board.change(line, |link| {
                            link.tries = link.tries.saturating_add(1);
                            link.handshakes = link.handshakes.saturating_add(1);
                        });
                        return Some(Reached::Peer(connection));
                    }
                    Err(fault) => {
                        shown = shown.or(fault.shown().map(|key| (remote, key)));
                        self.tried(line, address, fault.sentence());
                    }
                }
            }
        }
        if let Some((remote, key)) = shown {
            return self.dial_peer(remote, view, key).await.ok().map(Reached::Stranger);
        }
        self.ask_references(line).await;
        None
    }

    /// Dials with the link key that the peer knows of us.
    async fn dial_peer(
        &self,
        remote: SocketAddr,
        view: &LinePublished,
        expected: [u8; 32],
    ) -> Result<Connection, DialFault> {
        let own = Some(view.own_link);
        self.endpoint.dial_as(own, remote, Purpose::Line, Some(expected), Dialling::default()).await
    }

    /// Tells a broken path from an unknown cause: does something neutral answer while the peer does not?
    async fn ask_references(&self, line: LineId) {
        for reference in self.references.iter() {
            let answer = tokio::time::timeout(REFERENCE_MAX, tokio::net::TcpStream::connect(reference.as_str())).await;
            let answers = matches!(answer, Ok(Ok(_)));
            self.shared.board.change(line, |link| {
                link.reference = Some(answers);
                link.reference_asked = reference.clone();
            });
            if answers {
                return;
            }
        }
    }

    fn tried(&self, line: LineId, address: &str, how: Sentence) {
        tracing::debug!(%line, "the peer was not reached");
        self.shared.board.change(line, |link| {
            link.tries = link.tries.saturating_add(1);
            link.tried.insert(address.to_string(), how);
        });
    }

    /// Tries QUIC alone, now and then, until the peer answers there. Nothing is said of a try that fails: the line is up.
    pub(super) async fn reach_by_quic(&self, line: LineId) -> Connection {
        let mut pause = QUIC_AGAIN_MIN;
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(QUIC_AGAIN_MAX);
            let Some(view) = self.line(line) else { continue };
            let expected = self.peer_link(&line, &view);
            for address in &view.peer_addresses {
                let Ok(found) = tokio::net::lookup_host(address.as_str()).await else { continue };
                for remote in found.take(4) {
                    let own = Some(view.own_link);
                    if let Ok(connection) = self.endpoint.dial_quic(own, remote, Purpose::Line, Some(expected)).await {
                        return connection;
                    }
                }
            }
        }
    }
}
