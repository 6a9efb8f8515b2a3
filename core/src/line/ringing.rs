//! What must ring here (`docs/protocol.md` §7.4): a function of the record, so that after a crash at any point a station looks at
//! what stands and rings just that.

use alloc::vec::Vec;

use super::crossing::Outcome;
use super::facts::{Fact, View};
use super::ladder::Rung;
use crate::ids::{EntryRef, Party};
use crate::precedence::{Mark, Precedence};
use crate::record::codes::LineState;
use crate::record::kind::Kind;
use crate::record::what::What;

/// Something of theirs that nobody here has seen.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ring {
    /// The attempt, text or check that rings.
    pub at: EntryRef,
    /// The request it belongs to; itself for a text or a check.
    pub thing: EntryRef,
    /// Ask, renew, offer, ready, text, notice or check.
    pub kind: Kind,
    /// How urgent.
    pub precedence: Precedence,
    /// What for: an EXERCISE never rings as OPERATION.
    pub mark: Mark,
    /// Whether a channel's confirmation becomes an `alerting`; of a text or a check it does not.
    pub climbs: bool,
}

/// What rings at `me`, in the order of the entries.
pub fn rings(view: &View<'_>, me: Party) -> Vec<Ring> {
    let (state, _) = view.declared(me);
    let quiet = matches!(state, LineState::Suspended | LineState::Closed) || view.line_closed().is_some();
    if quiet {
        return Vec::new();
    }
    let mut rings = Vec::new();
    for thing in view.live() {
        match thing.kind() {
            Kind::Ask => of_request(view, me, thing, &mut rings),
            Kind::Text | Kind::Notice if thing.at.party != me => rings.extend(of_text(view, thing)),
            _ => {}
        }
    }
    rings.extend(of_check(view, me));
    rings.sort();
    rings
}

fn of_request(view: &View<'_>, me: Party, request: &Fact, rings: &mut Vec<Ring>) {
    if view.decision(request).outcome != Outcome::Open {
        return;
    }
    // Concerted: no first mover, and the higher precedence rings.
    let partner = view.partner(request.at).map(|p| view.precedence(p));
    let precedence = view.precedence(request).max(partner.unwrap_or(Precedence::Routine));
    let ring = |fact: &Fact| Ring {
        at: fact.at,
        thing: request.at,
        kind: fact.kind(),
        precedence,
        mark: request.mark.unwrap_or(Mark::Operation),
        climbs: true,
    };
    let unseen = |fact: &&Fact| fact.at.party != me && view.reached(fact).rung < Rung::Seen;
    if view.suspended(request).is_none() {
        rings.extend(view.attempts(request).pop().filter(unseen).map(ring));
    }
    let offers = view.thread(request.at).filter(|f| matches!(f.kind(), Kind::Offer | Kind::Ready));
    let open = offers.filter(|o| view.decision(o).outcome == Outcome::Open);
    rings.extend(open.filter(unseen).map(ring));
}

fn of_text(view: &View<'_>, text: &Fact) -> Option<Ring> {
    let precedence = text.precedence.filter(|p| *p >= Precedence::Priority)?;
    let dealt_with = view.on(text.at).any(|f| matches!(f.what, What::Read | What::Retract));
    (!dealt_with).then_some(Ring {
        at: text.at,
        thing: text.at,
        kind: text.kind(),
        precedence,
        mark: text.mark.unwrap_or(Mark::Operation),
        climbs: false,
    })
}

/// Softly: the latest check of theirs that nobody answered.
fn of_check(view: &View<'_>, me: Party) -> Option<Ring> {
    let latest = view.last_check(me.peer())?;
    let answered = view.on(latest.at).any(|f| f.what == What::CheckReply);
    (!answered).then_some(Ring {
        at: latest.at,
        thing: latest.at,
        kind: Kind::Check,
        precedence: Precedence::Routine,
        mark: latest.mark.unwrap_or(Mark::Operation),
        climbs: false,
    })
}
