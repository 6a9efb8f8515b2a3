//! What must ring here (`docs/protocol.md` §7.4): a function of the record and of what was noted at home, so that after a crash at
//! any point a station looks at what stands and rings just that.

use alloc::vec::Vec;

use super::Line;
use super::crossing::Outcome;
use super::facts::{Fact, Facts, View};
use super::ladder::Rung;
use super::talk::Word;
use crate::ids::{EntryRef, Party};
use crate::precedence::{Mark, Precedence};
use crate::record::codes::LineState;
use crate::record::kind::Kind;
use crate::record::what::What;

/// Something of theirs that nobody here has seen or taken note of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ring {
    /// The attempt, text, check or act that rings, or what is told of the line.
    pub at: EntryRef,
    /// The request it belongs to; itself for what belongs to none.
    pub thing: EntryRef,
    /// Ask, renew, offer, ready, text, notice or check; of an act answer, decline, accept, cancel, defer or overdue; state: they closed the
    /// line by it; charter: an epoch was opened by it, and something broke off.
    pub kind: Kind,
    /// How urgent.
    pub precedence: Precedence,
    /// What for: an EXERCISE never rings as OPERATION.
    pub mark: Mark,
    /// Whether a channel's confirmation becomes an `alerting`; only that of an attempt does.
    pub climbs: bool,
    /// A person's taking note ends it. An act on a request, for whoever opened it or, an `overdue`, for the head of watch, also ends
    /// with an act on that; what is told of a closed line with nothing else, for nothing more can be written there.
    pub tells: bool,
}

impl Ring {
    /// Rings once: a channel that has rung has told it.
    pub fn briefly(&self) -> bool {
        self.kind == Kind::Defer
    }
}

/// What rings at `me` in one epoch, in the order of the entries.
pub fn rings(view: &View<'_>, me: Party) -> Vec<Ring> {
    if is_quiet(view, me) {
        return Vec::new();
    }
    let closed = view.line_closed();
    let mut rings = Vec::new();
    for request in view.live() {
        if closed.is_none() {
            of_request(view, me, request, &mut rings);
        }
        rings.extend(untold(view, me, request).map(|act| ring_of(view, request, act)));
    }
    rings.extend(view.unread(me.peer()).filter_map(|text| of_text(view, text)));
    rings.extend(if let Some(by) = closed { of_closing(view, by) } else { of_check(view, me) });
    rings.sort();
    rings
}

/// Whether nothing rings at `me`: it has said so. A closing by the other side ends a suspension, which can be lifted no more.
pub fn is_quiet(view: &View<'_>, me: Party) -> bool {
    match view.declared(me).0 {
        LineState::Closed => true,
        LineState::Suspended => view.line_closed().is_none(),
        LineState::Open | LineState::Maintenance => false,
    }
}

fn of_request(view: &View<'_>, me: Party, request: &Fact, rings: &mut Vec<Ring>) {
    if view.decision(request).outcome != Outcome::Open {
        return;
    }
    let ring = |fact: &Fact| Ring { climbs: true, tells: false, ..ring_of(view, request, fact) };
    let unseen = |fact: &&Fact| fact.at.party != me && view.reached(fact).rung < Rung::Seen;
    if view.suspended(request).is_none() {
        rings.extend(view.attempts(request).pop().filter(unseen).map(ring));
    }
    let offers = view.thread(request.at).filter(|f| matches!(f.kind(), Kind::Offer | Kind::Ready));
    let open = offers.filter(|o| view.decision(o).outcome == Outcome::Open);
    rings.extend(open.filter(unseen).map(ring));
}

/// A ring for an act on a request.
pub(super) fn ring_of(view: &View<'_>, request: &Fact, fact: &Fact) -> Ring {
    // Concerted: no first mover, and the higher precedence rings.
    let partner = view.partner(request.at).map(|p| view.precedence(p));
    Ring {
        at: fact.at,
        thing: request.at,
        kind: fact.kind(),
        precedence: view.precedence(request).max(partner.unwrap_or(Precedence::Routine)),
        mark: request.mark.unwrap_or(Mark::Operation),
        climbs: false,
        tells: true,
    }
}

/// Acts of theirs that are to be told here: what became of our request or offer, and that we are late with theirs. Not those of
/// which a person here has taken note, or after which one has acted on the request.
pub(super) fn untold<'a>(view: &View<'a>, me: Party, request: &'a Fact) -> impl Iterator<Item = &'a Fact> + use<'a> {
    let view = *view;
    let open = matches!(view.decision(request).outcome, Outcome::Open | Outcome::BrokenOff);
    // The latest attempt only, found once: the rest is old, and can be as much as its author likes.
    let latest = if open && view.suspended(request).is_none() { view.attempts(request).pop() } else { None };
    let last_defer = view.thread(request.at).filter(|f| f.kind() == Kind::Defer).last().map(|f| f.at);
    let named = move |act: &Fact| act.refers.and_then(|at| view.fact(at));
    let tells = move |act: &&Fact| match act.what {
        What::Answer | What::Decline { .. } | What::Accept { .. } => named(act).is_some_and(|n| n.at.party == me),
        What::Defer { .. } => open && last_defer == Some(act.at),
        What::Overdue { clause } => {
            latest.is_some_and(|attempt| act.refers == Some(attempt.at) && !view.met(attempt, clause))
        }
        // A talk is of both, whoever asked: nobody here was told this "no". What they said before it is old.
        What::Cancel { .. } => view.word(act.at.party, request) == (Word::Cancelled, alloc::vec![act.at]),
        _ => false,
    };
    let theirs = view.thread(request.at).filter(move |act| act.at.party != me);
    theirs.filter(tells).filter(move |act| !is_noted(&view, act) && !acted(&view, me, request, act))
}

/// Whether a person of `me` has acted on the request, having had `act`.
fn acted(view: &View<'_>, me: Party, request: &Fact, act: &Fact) -> bool {
    let by_itself = |f: &Fact| matches!(f.kind(), Kind::Alerting | Kind::Lapse | Kind::Overdue);
    let partner = view.partner(request.at).into_iter().flat_map(|partner| view.thread(partner.at));
    // What one side writes later has no less in its past: of our asks that name this one the last has most.
    let acts = view.thread(request.at).chain(partner).chain(view.asked_again(request.at, me));
    acts.filter(|f| f.at.party == me && !by_itself(f)).any(|f| act.before(f))
}

impl Facts {
    /// A text, which waits until it is read or taken back, or what ends one.
    pub(super) fn keep_unread(&mut self, fact: &Fact) {
        let (text, is_new) = match fact.what {
            What::Read | What::Retract => (fact.refers.and_then(|at| self.facts.get(at)), false),
            _ => (Some(fact), true),
        };
        let Some((at, precedence)) = text.and_then(|text| Some((text.at, text.precedence?))) else { return };
        let unread = &mut self.side_mut(at.party).unread;
        match is_new {
            true => unread.insert((precedence, at.index)),
            false => unread.remove(&(precedence, at.index)),
        };
    }

    /// Forgets, among what may ring at `me` or come due, what no longer can. Called after each turn.
    pub(super) fn forget_done(&mut self, me: Party) {
        let view = self.all();
        let is_done = |ask: &Fact| view.settled_for_all(&view.decision(ask)) && untold(&view, me, ask).next().is_none();
        let done = |at: &EntryRef| view.fact(*at).is_none_or(is_done);
        let done: Vec<EntryRef> = self.live.iter().copied().filter(|at| done(at)).collect();
        self.live.retain(|at| !done.contains(at));
    }
}

impl Line {
    /// The same, of the epoch that serves.
    pub(super) fn forget_done(&mut self) {
        let me = self.me;
        self.serving_mut().facts.forget_done(me);
    }

    /// A person here, or for what rings briefly a channel, has taken note of what an entry of theirs tells: it rings no more. False
    /// if it does not ring, or no longer. The station keeps it in its store; nothing of it leaves.
    pub fn note(&mut self, at: EntryRef) -> bool {
        let rings = rings(&self.facts().all(), self.me).iter().any(|ring| ring.tells && ring.at == at);
        rings && self.serving_mut().facts.noted.insert(at)
    }

    /// The same, from our own store.
    pub fn noted_before(&mut self, at: EntryRef) {
        self.serving_mut().facts.noted.insert(at);
    }
}

/// A text or notice that nobody here has read.
pub(super) fn of_text(view: &View<'_>, text: &Fact) -> Option<Ring> {
    let precedence = text.precedence.filter(|p| *p >= Precedence::Priority)?;
    let dealt_with = view.on(text.at).any(|f| matches!(f.what, What::Read | What::Retract));
    // On a closed line nobody can write that it was read: taking note of the closing, which came last, is taking note of it too, for
    // else whoever closes the line could leave as many bells to stop one by one as it likes.
    let closing = view.line_closed().and_then(|by| view.fact(by));
    let noted = is_noted(view, text) || closing.is_some_and(|closing| is_noted(view, closing));
    let tells = closing.is_some();
    (!dealt_with && !noted).then_some(Ring { tells, ..by_itself(text, precedence) })
}

/// Softly: the latest check of theirs that nobody answered.
fn of_check(view: &View<'_>, me: Party) -> Option<Ring> {
    let latest = view.last_check(me.peer())?;
    let answered = view.on(latest.at).any(|f| f.what == What::CheckReply);
    (!answered).then_some(by_itself(latest, Precedence::Routine))
}

/// The other side has closed the line.
fn of_closing(view: &View<'_>, by: EntryRef) -> Option<Ring> {
    let closing = view.fact(by).filter(|closing| !is_noted(view, closing))?;
    Some(Ring { tells: true, ..by_itself(closing, Precedence::Priority) })
}

/// Whether a person here has taken note of it.
fn is_noted(view: &View<'_>, fact: &Fact) -> bool {
    view.facts.noted.contains(&fact.at)
}

/// A ring for what belongs to no request.
fn by_itself(fact: &Fact, precedence: Precedence) -> Ring {
    let mark = fact.mark.unwrap_or(Mark::Operation);
    Ring { at: fact.at, thing: fact.at, kind: fact.kind(), precedence, mark, climbs: false, tells: false }
}

#[cfg(test)]
mod tests {
    use super::super::model::history::charter;
    use super::*;
    use crate::ids::{Epoch, LineId, PostId};
    use crate::limits;
    use crate::record::codes::{Clause, Code, Mode};
    use crate::record::entry::{Head, Header};
    use crate::time::Timestamp;

    /// Writes the next entry of the inviter, who holds nothing of the other.
    fn write(facts: &mut Facts, refers: Option<EntryRef>, what: What) -> EntryRef {
        write_of(facts, Party::Inviter, 0, refers, what)
    }

    /// Writes the next entry of a party, who holds so much of the other.
    fn write_of(facts: &mut Facts, party: Party, held: u64, refers: Option<EntryRef>, what: What) -> EntryRef {
        write_with(facts, party, held, refers, (what, Precedence::Routine))
    }

    fn text_of(facts: &mut Facts, party: Party, precedence: Precedence) -> EntryRef {
        write_with(facts, party, 0, None, (What::Text, precedence))
    }

    fn write_with(
        facts: &mut Facts,
        party: Party,
        held: u64,
        refers: Option<EntryRef>,
        (what, precedence): (What, Precedence),
    ) -> EntryRef {
        let (size, root) = (facts.side(party).size, [0; 32]);
        let place = (LineId([7; 16]), Epoch::FIRST, party);
        let heads = [Head { size, root }, Head { size: held, root }];
        let mut header = Header::of(place, heads, Timestamp(1_700_000_000_000 + size * 1_000), Ok(what));
        header.refers = refers;
        if matches!(header.kind(), Some(Kind::Ask | Kind::Text)) {
            let post = |name: &str| Some(PostId::parse(name).unwrap());
            let [ours, theirs] =
                if party == Party::Inviter { ["minister", "foreign"] } else { ["foreign", "minister"] };
            (header.from, header.to) = (post(ours), post(theirs));
            (header.precedence, header.mark) = (Some(precedence), Some(Mark::Exercise));
        }
        assert_eq!(facts.apply(&header), super::super::facts::Standing::Counts);
        header.at()
    }

    const ASK: What = What::Ask { mode: Mode::Voice, private: false };

    /// An ask of the inviter's that it renews so many times, each time writing that the station is late with it.
    fn renewed(times: u64) -> Facts {
        let mut facts = Facts::new(charter());
        let ask = write(&mut facts, None, ASK);
        for _ in 0..times {
            let renewal = write(&mut facts, Some(ask), What::Renew);
            write(&mut facts, Some(renewal), What::Overdue { clause: Clause::Station });
        }
        facts
    }

    /// How many facts are looked up to answer `ask` of these.
    fn looks(facts: &Facts, ask: impl Fn(&View<'_>)) -> u64 {
        let before = facts.looks.get();
        ask(&facts.all());
        facts.looks.get() - before
    }

    #[test]
    fn what_a_peer_writes_of_old_attempts_is_looked_at_once_and_not_once_for_each_other() {
        let look = |view: &View<'_>| {
            let rings = rings(view, Party::Joiner);
            assert_eq!(rings.iter().map(|ring| ring.kind).collect::<Vec<_>>(), [Kind::Renew, Kind::Overdue]);
        };

        let [few, many] = [50, 200].map(|times| looks(&renewed(times), look));

        assert!(many <= few * 5, "{few} looks for 50 renewals, {many} for 200");
    }

    #[test]
    fn how_far_a_request_has_come_costs_in_proportion_to_its_attempts() {
        let look = |view: &View<'_>| {
            let ask = view.live().next().unwrap();
            assert!(matches!(view.headline(ask), super::super::ladder::Headline::Open { attempts: 51 | 201, .. }));
        };

        let [few, many] = [50, 200].map(|times| looks(&renewed(times), look));

        assert!(many <= few * 5, "{few} looks for 50 renewals, {many} for 200");
    }

    #[test]
    fn no_text_is_silenced_by_less_urgent_ones_and_what_was_left_out_rings_when_there_is_room() {
        use Party::{Inviter, Joiner};
        let mut facts = Facts::new(charter());
        let flash = text_of(&mut facts, Inviter, Precedence::Flash);
        let first = text_of(&mut facts, Inviter, Precedence::Priority);
        for _ in 1..limits::RINGING_TEXTS_MAX {
            text_of(&mut facts, Inviter, Precedence::Priority);
        }
        let quiet = text_of(&mut facts, Inviter, Precedence::Routine);
        let rung = |facts: &Facts| rings(&facts.all(), Joiner).into_iter().map(|ring| ring.at).collect::<Vec<_>>();

        let all = rung(&facts);
        assert_eq!((all.len(), all.contains(&flash), all.contains(&first)), (limits::RINGING_TEXTS_MAX, true, false));
        let any: Vec<EntryRef> = facts.all().unread_of_any(Inviter).map(|text| text.at).collect();
        assert_eq!((any.len(), any[0], all.contains(&quiet)), (limits::RINGING_TEXTS_MAX + 2, quiet, false));

        let held = facts.side(Inviter).size;
        write_of(&mut facts, Joiner, held, Some(flash), What::Read);
        facts.forget_done(Joiner);
        let all = rung(&facts);
        assert_eq!((all.len(), all.contains(&flash), all.contains(&first)), (limits::RINGING_TEXTS_MAX, false, true));
    }

    #[test]
    fn asks_that_name_a_closed_one_make_it_no_dearer() {
        use Party::{Inviter, Joiner};
        let asked_again = |times| {
            let mut facts = Facts::new(charter());
            let asked = write_of(&mut facts, Joiner, 0, None, ASK);
            let decline = What::Decline { code: Code::Engaged };
            let decline = write_of(&mut facts, Inviter, 1, Some(asked), decline);
            for _ in 0..times {
                let ask = write_of(&mut facts, Inviter, 1, Some(asked), ASK);
                write_of(&mut facts, Inviter, 1, Some(ask), What::Withdraw);
            }
            let held = facts.side(Inviter).size;
            write_of(&mut facts, Joiner, held, None, What::Received);
            facts.forget_done(Joiner);
            let rung = |rings: Vec<Ring>| rings.into_iter().map(|ring| ring.at).collect::<Vec<_>>();
            assert_eq!(rung(rings(&facts.all(), Joiner)), [decline]);
            let cost = looks(&facts, |view| drop(rings(view, Joiner)));
            // Whoever asks again, having been told, need not be told.
            write_of(&mut facts, Joiner, held, Some(asked), ASK);
            assert_eq!(rung(rings(&facts.all(), Joiner)), []);
            cost
        };

        assert_eq!(asked_again(1), asked_again(100));
    }
}
