//! What may be said of a line from what was seen of it, and nothing more (`docs/protocol.md` §8.7).
//!
//! This is the *observed* state. What a peer *declares* of itself stands in its record; the two are shown side by side.

use alloc::vec::Vec;

/// Without a session for this long a line is DOWN, in milliseconds.
pub const DOWN_AFTER_MS: u64 = 60_000;
/// A peer that writes without covering an entry of ours sent this long ago is STALLED, in milliseconds.
pub const STALLED_AFTER_MS: u64 = 60_000;
/// A path that loses more than this is DEGRADED, in thousandths.
pub const LOSS_MAX_PERMILLE: u32 = 30;

/// Clocks that differ by more than this are said to, in milliseconds. Nothing depends on it.
pub const CLOCKS_APART_MS: u64 = 60_000;

/// The observed state of a line, the worst last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum State {
    /// Nothing speaks against it.
    Open,
    /// Over TCP, over a path that loses, the peer has STALLED, or it is read slowly.
    Degraded,
    /// The link is up, and the last check of the watch stands unanswered past the charter's time.
    Silent,
    /// No session for [`DOWN_AFTER_MS`].
    Down(Cause),
}

/// Why a line is DOWN, as far as evidence goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cause {
    /// Not known: it may be their station, ours, or what lies between.
    Unknown,
    /// No address of theirs gave a handshake while a reference that the operator named answered.
    Path,
}

/// What the records travel over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carrier {
    /// QUIC.
    Quic,
    /// TLS over TCP, where UDP does not pass.
    Tcp,
}

/// Whether there is a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "each variant's sentence names its fields")]
pub enum Link {
    /// The peer's hello has come; over which carrier, and how many packets in a thousand are lost.
    Up { carrier: Carrier, loss_permille: u32 },
    /// For how long there has been none, in milliseconds; how often any address was tried since, how many of the tries
    /// ended in a handshake, and whether a reference answered since (`None`: the operator named none).
    Lost { for_ms: u64, tries: u32, handshakes: u32, reference: Option<bool> },
}

/// A check of their watch that no person has answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unanswered {
    /// How long it has stood, in milliseconds.
    pub for_ms: u64,
    /// The charter's time, in milliseconds.
    pub within_ms: u64,
}

/// The oldest entry of ours, other than `received`, that was sent and that no head named by the peer covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Uncovered {
    /// Its index in our log.
    pub index: u64,
    /// How long ago it was sent, in milliseconds.
    pub sent_ms_ago: u64,
    /// Entries that the peer wrote and that came after that.
    pub written_since: u64,
}

/// Everything that the state rests on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Observations {
    /// The session, or its absence.
    pub link: Link,
    /// Of the last check of their watch; `None` if it was answered or none was sent.
    pub check: Option<Unanswered>,
    /// `None` if the peer's heads cover all that was sent.
    pub uncovered: Option<Uncovered>,
    /// How far the peer's clock is ahead of ours, in milliseconds, by what its frames say; `None` if none has come.
    pub clock_ahead_ms: Option<i64>,
    /// The peer has used up what it may have stored here; for how long nothing more of it is read, in milliseconds.
    pub slowed_ms: Option<u64>,
}

/// One thing that was seen, with its numbers, so that a person can be shown why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "each variant's sentence names its fields")]
pub enum Evidence {
    /// There has been no session for this long, in milliseconds.
    NoSession { for_ms: u64 },
    /// Of so many tries none ended in a handshake.
    NoHandshake { tries: u32 },
    /// Of so many tries some ended in a handshake: the path carries.
    Handshakes { tries: u32, handshakes: u32 },
    /// A reference that the operator named answers, or does not.
    Reference { answers: bool },
    /// The last check of their watch has stood for so long; the charter gives this time.
    CheckUnanswered(Unanswered),
    /// STALLED: they write, and name no head that covers this.
    Stalled(Uncovered),
    /// The link runs over TCP.
    OverTcp,
    /// So many packets in a thousand are lost.
    Loss { permille: u32 },
    /// They have used up what they may have stored here; the next is read in so many milliseconds.
    Slowed { for_ms: u64 },
    /// Their clock is so far ahead of ours, or behind it (less than 0), in milliseconds. It speaks against nothing.
    Clocks { ahead_ms: i64 },
}

/// The state, and what it rests on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Health {
    /// The worst that the evidence shows.
    pub state: State,
    /// All of it, also what shows something milder, or only tells why a cause is not known.
    pub evidence: Vec<Evidence>,
}

/// The observed state of a line.
pub fn observe(seen: &Observations) -> Health {
    let mut evidence = Vec::new();
    let state = match seen.link {
        Link::Lost { for_ms, tries, handshakes, reference } => {
            evidence.push(Evidence::NoSession { for_ms });
            evidence.extend(match (tries, handshakes) {
                (0, _) => None,
                (_, 0) => Some(Evidence::NoHandshake { tries }),
                _ => Some(Evidence::Handshakes { tries, handshakes }),
            });
            evidence.extend(reference.map(|answers| Evidence::Reference { answers }));
            let path = tries > 0 && handshakes == 0 && reference == Some(true);
            match for_ms {
                DOWN_AFTER_MS.. if path => State::Down(Cause::Path),
                DOWN_AFTER_MS.. => State::Down(Cause::Unknown),
                _ => State::Open,
            }
        }
        Link::Up { carrier, loss_permille } => while_up(seen, carrier, loss_permille, &mut evidence),
    };
    Health { state, evidence }
}

fn while_up(seen: &Observations, carrier: Carrier, loss: u32, out: &mut Vec<Evidence>) -> State {
    let unanswered = seen.check.filter(|c| c.for_ms > c.within_ms);
    let stalled = seen.uncovered.filter(|u| u.sent_ms_ago >= STALLED_AFTER_MS && u.written_since > 0);
    out.extend(unanswered.map(Evidence::CheckUnanswered));
    out.extend(stalled.map(Evidence::Stalled));
    out.extend((carrier == Carrier::Tcp).then_some(Evidence::OverTcp));
    out.extend((loss > LOSS_MAX_PERMILLE).then_some(Evidence::Loss { permille: loss }));
    out.extend(seen.slowed_ms.map(|for_ms| Evidence::Slowed { for_ms }));
    let state = match (unanswered, out.is_empty()) {
        (Some(_), _) => State::Silent,
        (None, true) => State::Open,
        (None, false) => State::Degraded,
    };
    let apart = seen.clock_ahead_ms.filter(|ahead| ahead.unsigned_abs() > CLOCKS_APART_MS);
    out.extend(apart.map(|ahead_ms| Evidence::Clocks { ahead_ms }));
    state
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const UP: Link = Link::Up { carrier: Carrier::Quic, loss_permille: 30 };
    const WELL: Observations =
        Observations { link: UP, check: None, uncovered: None, clock_ahead_ms: None, slowed_ms: None };

    fn lost(for_ms: u64, tries: u32, handshakes: u32, reference: Option<bool>) -> State {
        let link = Link::Lost { for_ms, tries, handshakes, reference };
        observe(&Observations { link, ..WELL }).state
    }

    #[test]
    fn a_line_with_nothing_against_it_is_open() {
        assert_eq!(observe(&WELL), Health { state: State::Open, evidence: Vec::new() });
    }

    #[test]
    fn a_line_is_down_after_a_minute_and_not_before() {
        assert_eq!(lost(59_999, 4, 0, Some(true)), State::Open);
        assert_eq!(lost(60_000, 4, 0, Some(true)), State::Down(Cause::Path));
    }

    #[test]
    fn path_is_said_only_when_it_was_tried_no_handshake_came_and_a_reference_answers() {
        for (tries, handshakes, reference) in
            [(4, 0, None), (4, 0, Some(false)), (4, 1, Some(true)), (0, 0, Some(true))]
        {
            assert_eq!(lost(60_000, tries, handshakes, reference), State::Down(Cause::Unknown));
        }
    }

    #[test]
    fn what_is_down_says_what_that_rests_on() {
        let link = Link::Lost { for_ms: 70_000, tries: 5, handshakes: 0, reference: Some(true) };

        let health = observe(&Observations { link, ..WELL });

        assert_eq!(
            health.evidence,
            vec![
                Evidence::NoSession { for_ms: 70_000 },
                Evidence::NoHandshake { tries: 5 },
                Evidence::Reference { answers: true },
            ]
        );
    }

    #[test]
    fn a_watch_that_lets_a_check_stand_is_silent_only_past_the_charters_time_and_while_the_link_is_up() {
        let check = |for_ms| Some(Unanswered { for_ms, within_ms: 900_000 });
        let with = |link, for_ms| {
            let check = check(for_ms);
            observe(&Observations { link, check, ..WELL })
        };
        let away = Link::Lost { for_ms: 1, tries: 0, handshakes: 0, reference: None };

        assert_eq!(with(UP, 900_000).state, State::Open);
        assert_eq!(with(UP, 900_001).state, State::Silent);
        assert_eq!(with(away, 900_001).state, State::Open);
    }

    #[test]
    fn a_peer_that_writes_without_covering_ours_is_stalled_and_one_that_is_quiet_is_not() {
        let with = |sent_ms_ago, written_since| {
            let uncovered = Some(Uncovered { index: 7, sent_ms_ago, written_since });
            observe(&Observations { uncovered, ..WELL }).state
        };

        assert_eq!(with(60_000, 1), State::Degraded);
        assert_eq!(with(59_999, 1), State::Open);
        assert_eq!(with(60_000, 0), State::Open);
    }

    #[test]
    fn clocks_that_are_more_than_a_minute_apart_are_said_to_be_and_change_no_state() {
        let with = |ahead| observe(&Observations { clock_ahead_ms: Some(ahead), ..WELL });

        assert_eq!(with(60_000).evidence, Vec::new());
        for ahead_ms in [60_001, -86_400_000] {
            let health = with(ahead_ms);
            assert_eq!((health.state, health.evidence), (State::Open, vec![Evidence::Clocks { ahead_ms }]));
        }
    }

    #[test]
    fn a_peer_that_is_read_slowly_is_said_to_be_and_only_while_it_is_there() {
        let slowed_ms = Some(5_000);
        let away = Link::Lost { for_ms: 1, tries: 0, handshakes: 0, reference: None };

        let health = observe(&Observations { slowed_ms, ..WELL });

        assert_eq!(health, Health { state: State::Degraded, evidence: vec![Evidence::Slowed { for_ms: 5_000 }] });
        assert_eq!(observe(&Observations { link: away, slowed_ms, ..WELL }).state, State::Open);
    }

    #[test]
    fn of_several_the_worst_is_the_state_and_all_are_shown() {
        let unanswered = Unanswered { for_ms: 2, within_ms: 1 };
        let seen = Observations {
            link: Link::Up { carrier: Carrier::Tcp, loss_permille: 31 },
            check: Some(unanswered),
            ..WELL
        };

        let health = observe(&seen);

        assert_eq!(health.state, State::Silent);
        assert_eq!(
            health.evidence,
            vec![Evidence::CheckUnanswered(unanswered), Evidence::OverTcp, Evidence::Loss { permille: 31 },]
        );
        assert!(State::Down(Cause::Unknown) > State::Silent && State::Silent > State::Degraded);
    }
}
