//! What was seen of a line, gathered for `core`'s judgement (DESIGN.md §5): the board for the link, the record for checks and for
//! what the peer's heads cover.

use counterpart_core::line::Line;
use counterpart_core::link::health::{Carrier, Health, Link, Observations, Unanswered, Uncovered, observe};
use counterpart_core::precedence::Precedence;
use counterpart_core::record::kind::Kind;
use counterpart_core::time::Timestamp;

use super::Transport;
use super::board::LinkState;

/// Packets of which nothing is said yet: one that is lost would be a tenth of ten.
const PACKETS_MIN: u64 = 50;

/// The observed state of a line.
pub fn health(line: &Line, link: &LinkState, now_ms: u64, now: Timestamp) -> Health {
    // The last pong knows the way there and back; the hello only what their clock said.
    let clock_ahead_ms = link.path.map(|path| path.offset_ms).or(link.clock_ahead_ms);
    let (check, uncovered) = (check(line, now), uncovered(line, now));
    let slowed_ms = link.slowed_until_ms.map(|until| until.saturating_sub(now_ms)).filter(|left| *left > 0);
    observe(&Observations { link: session(link, now_ms), check, uncovered, clock_ahead_ms, slowed_ms })
}

fn session(link: &LinkState, now_ms: u64) -> Link {
    if link.up_since_ms.is_none() {
        let for_ms = now_ms.saturating_sub(link.down_since_ms);
        return Link::Lost { for_ms, tries: link.tries, handshakes: link.handshakes, reference: link.reference };
    }
    let carrier = if link.transport == Some(Transport::Tcp) { Carrier::Tcp } else { Carrier::Quic };
    let permille = |(sent, lost): (u64, u64)| u32::try_from(lost.saturating_mul(1_000) / sent).unwrap_or(1_000);
    let loss_permille = link.packets.filter(|(sent, _)| *sent >= PACKETS_MIN).map_or(0, permille);
    Link::Up { carrier, loss_permille }
}

/// The last check of their watch that nobody answered.
fn check(line: &Line, now: Timestamp) -> Option<Unanswered> {
    let view = line.facts().all();
    let check = view.last_check(line.me())?;
    let answered = view.on(check.at).any(|f| f.kind() == Kind::CheckReply);
    let within_ms = view.charter_of(check).watch(check.precedence.unwrap_or(Precedence::Routine)) * 1_000;
    (!answered).then(|| Unanswered { for_ms: now.since(check.time), within_ms })
}

/// The oldest entry of ours that no head of theirs covers, and what they have written since.
fn uncovered(line: &Line, now: Timestamp) -> Option<Uncovered> {
    let index = line.facts().uncovered(line.me())?;
    let at = counterpart_core::ids::EntryRef { party: line.me(), index };
    let fact = line.facts().all().fact(at)?.clone();
    let written_since = line.peer().size().saturating_sub(fact.saw);
    Some(Uncovered { index, sent_ms_ago: now.since(fact.time), written_since })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_few_packets_no_loss_is_said() {
        let up = |packets| {
            let state =
                LinkState { up_since_ms: Some(0), transport: Some(Transport::Quic), packets, ..LinkState::default() };
            let Link::Up { loss_permille, .. } = session(&state, 1) else { return 1_000 };
            loss_permille
        };

        assert_eq!(up(Some((5, 2))), 0, "five packets say little");
        assert_eq!(up(Some((50, 5))), 100);
        assert_eq!(up(None), 0, "over TCP the kernel keeps this to itself");
    }
}
