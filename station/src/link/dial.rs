//! Dialling: QUIC first, TCP where QUIC does not get through.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep;

use super::connection::printable;
use crate::words::Sentence;

/// How patiently to dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialling {
    /// How long QUIC is tried alone. Then, or as soon as QUIC fails, TCP is tried beside it.
    pub quic_first_for: Duration,
    /// When to give up on both, counted from the beginning.
    pub give_up_after: Duration,
}

impl Default for Dialling {
    /// 3 s and 10 s. At 600 ms there and back and 64 kbit/s a QUIC handshake takes 1.6 s, and one packet lost costs it a second
    /// more: TCP begun beside it would take the little room that it has.
    fn default() -> Self {
        Self { quic_first_for: Duration::from_secs(3), give_up_after: Duration::from_secs(10) }
    }
}

/// Why a dial gave no connection, on each transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialFault {
    /// What became of QUIC.
    pub quic: AttemptFault,
    /// What became of TLS over TCP.
    pub tcp: AttemptFault,
}

impl DialFault {
    /// What became of both, in one sentence. There is nothing to do at once: it is tried again.
    pub fn sentence(&self) -> Sentence {
        Sentence::new("dial-both").saying("quic", self.quic.sentence()).saying("tcp", self.tcp.sentence())
    }

    /// The key that was shown instead of the expected one, on either transport. It was shown and not proved.
    pub fn shown(&self) -> Option<[u8; 32]> {
        [&self.quic, &self.tcp].into_iter().find_map(|fault| match fault {
            AttemptFault::WrongKey { shown } => Some(*shown),
            _ => None,
        })
    }
}

impl fmt::Display for DialFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "QUIC: {}; TCP: {}", self.quic, self.tcp)
    }
}

impl std::error::Error for DialFault {}

/// Why one handshake, by dial or by answer, came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptFault {
    /// It was not begun: this endpoint has no socket for it, or there was no time left.
    NotTried,
    /// Our machine knows no way to this address.
    NoRoute,
    /// The other machine said no: nothing listens there, or it takes no more calls now. QUIC shows a closed port as
    /// [`Self::TimedOut`].
    Refused,
    /// No answer in time. UDP that is dropped on the way looks like this.
    TimedOut,
    /// The station that answered showed another key than the expected one. It showed it and did not prove it.
    WrongKey {
        /// The key that it showed.
        shown: [u8; 32],
    },
    /// The other side speaks, but has no protocol version, key exchange or purpose in common with us.
    NoCommonVersion,
    /// The handshake broke in another way, in words for an operator. They may come from the other side, so they are cut
    /// to 200 bytes and have no control characters.
    Broken(String),
}

impl AttemptFault {
    pub(super) fn broken(error: impl fmt::Display) -> Self {
        Self::Broken(printable(&error.to_string()))
    }
}

impl AttemptFault {
    fn sentence(&self) -> Sentence {
        match self {
            Self::NotTried => Sentence::new("dial-not-tried"),
            Self::NoRoute => Sentence::new("dial-no-route"),
            Self::Refused => Sentence::new("dial-closed"),
            Self::TimedOut => Sentence::new("dial-timed-out"),
            Self::WrongKey { shown } => Sentence::new("dial-wrong-key").with("key", hexadecimal(shown)),
            Self::NoCommonVersion => Sentence::new("dial-no-common-version"),
            Self::Broken(how) => Sentence::new("dial-broken").with("how", how),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// In a log.
impl fmt::Display for AttemptFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongKey { shown } => write!(out, "wrong key {}", hexadecimal(shown)),
            Self::Broken(how) => write!(out, "broken: {how}"),
            other => write!(out, "{other:?}"),
        }
    }
}

impl std::error::Error for AttemptFault {}

/// Run `quic`, and `tcp` beside it from when `dialling` says so. The first that succeeds wins and the other is dropped,
/// which hangs it up; if both have, QUIC wins.
pub(super) async fn race<C>(
    quic: impl Future<Output = Result<C, AttemptFault>>,
    tcp: impl Future<Output = Result<C, AttemptFault>>,
    dialling: Dialling,
) -> Result<C, DialFault> {
    let (mut quic, mut tcp) = (pin!(quic), pin!(tcp));
    let mut quic_alone = pin!(sleep(dialling.quic_first_for));
    let mut give_up = pin!(sleep(dialling.give_up_after));
    let (mut quic_fault, mut tcp_fault) = (None, None);
    let mut tcp_begun = false;
    while quic_fault.is_none() || tcp_fault.is_none() {
        tokio::select! {
            biased;
            outcome = &mut quic, if quic_fault.is_none() => match outcome {
                Ok(connection) => return Ok(connection),
                Err(fault) => (quic_fault, tcp_begun) = (Some(fault), true),
            },
            outcome = &mut tcp, if tcp_begun && tcp_fault.is_none() => match outcome {
                Ok(connection) => return Ok(connection),
                Err(fault) => tcp_fault = Some(fault),
            },
            () = &mut quic_alone, if !tcp_begun => tcp_begun = true,
            () = &mut give_up => break,
        }
    }
    let tcp_unfinished = if tcp_begun { AttemptFault::TimedOut } else { AttemptFault::NotTried };
    Err(DialFault { quic: quic_fault.unwrap_or(AttemptFault::TimedOut), tcp: tcp_fault.unwrap_or(tcp_unfinished) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    const QUICK: Dialling =
        Dialling { quic_first_for: Duration::from_millis(20), give_up_after: Duration::from_millis(60) };

    #[tokio::test]
    async fn quic_wins_if_both_have_succeeded() {
        let quic = async {
            sleep(Duration::from_millis(30)).await;
            Ok("quic")
        };
        // Ready at the same poll as QUIC, hence after the same sleep.
        let tcp = async {
            sleep(Duration::from_millis(30)).await;
            Ok("tcp")
        };
        let at_once = Dialling { quic_first_for: Duration::ZERO, ..QUICK };

        assert_eq!(race(quic, tcp, at_once).await, Ok("quic"));
    }

    #[tokio::test]
    async fn tcp_begins_as_soon_as_quic_has_failed() {
        let late = Dialling { quic_first_for: Duration::from_secs(60), ..QUICK };

        let outcome = race(ready(Err(AttemptFault::NoRoute)), ready(Ok("tcp")), late).await;

        assert_eq!(outcome, Ok("tcp"));
    }

    #[tokio::test]
    async fn a_dial_that_fails_says_what_became_of_each_transport() {
        let neither = race::<()>(pending(), ready(Err(AttemptFault::Refused)), QUICK).await;
        let late = Dialling { quic_first_for: Duration::from_secs(60), ..QUICK };
        let no_time = race::<()>(pending(), pending(), late).await;

        let timed_out = AttemptFault::TimedOut;
        assert_eq!(neither, Err(DialFault { quic: timed_out.clone(), tcp: AttemptFault::Refused }));
        assert_eq!(no_time, Err(DialFault { quic: timed_out, tcp: AttemptFault::NotTried }));
    }
}
