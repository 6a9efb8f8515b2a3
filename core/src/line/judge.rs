//! Rule 1: who may write what (`docs/protocol.md` §6.1). An entry counts if its author could write it knowing exactly its own
//! log before it and the peer head it names. The same judgement refuses our own person's act, so nobody is told "no" for
//! a reason that the other side would not compute.

use super::crossing::Outcome;
use super::facts::{Cut, Fact, Facts, View};
use super::switch::Rule;
use super::talk::Word;
use crate::fault::Bar;
use crate::ids::{EntryRef, Party};
use crate::limits;
use crate::record::codes::Clause;
use crate::record::entry::Header;
use crate::record::kind::Kind;
use crate::record::what::What;

/// Judges an entry in its author's own past.
///
/// # Errors
/// The [`Bar`]: the entry is void. Otherwise the thing it belongs to.
pub fn judge(facts: &Facts, header: &Header) -> Result<EntryRef, Bar> {
    let at = header.at();
    let view = facts.view(Cut::past(at, header.held.size));
    let Ok(what) = &header.what else {
        return Err(Bar::NoSuchThing);
    };
    if facts.off(Rule::Void) {
        return Ok(header.refers.and_then(|at| view.fact(at)).map_or(at, |named| named.thing));
    }
    let act = Act { view, header, what };
    if let Some(closed) = view.line_closed().filter(|_| !matches!(what, What::Received | What::Memo)) {
        return Err(Bar::LineClosed(closed));
    }
    match what {
        What::Charter(_) if at.index > 0 => Err(Bar::NotAtIndexZero),
        What::Received => act.received(),
        What::Ask { .. } => act.ask(),
        What::Text | What::Notice { .. } => act.addressed().map(|()| at),
        What::Amend { number, charter } => act.amend(*number, charter.as_deref()),
        What::Charter(_)
        | What::Key { .. }
        | What::Post { .. }
        | What::State { .. }
        | What::Check { .. }
        | What::Memo
        | What::Statement { .. }
        | What::Approach { .. }
        | What::Attempt { .. }
        | What::Heard => Ok(at),
        _ => act.refers(),
    }
}

/// An entry about to be judged, in what its author knew.
struct Act<'a> {
    view: View<'a>,
    header: &'a Header,
    what: &'a What,
}

impl<'a> Act<'a> {
    fn author(&self) -> Party {
        self.header.party
    }

    fn mine(&self, fact: &Fact) -> bool {
        fact.at.party == self.author()
    }

    /// Names something new that is not `received`.
    fn received(&self) -> Result<EntryRef, Bar> {
        let peer = self.view.facts.side(self.author().peer());
        let named = self.view.facts.named_by(self.author());
        let new = peer.substance.iter().any(|index| (named..self.header.held.size).contains(index));
        if new { Ok(self.header.at()) } else { Err(Bar::NothingNew) }
    }

    /// From a post of ours to a post of theirs that accepts this precedence.
    fn addressed(&self) -> Result<(), Bar> {
        let charter = self.view.charter();
        let (Some(from), Some(to)) = (&self.header.from, &self.header.to) else {
            return Err(Bar::UnknownPost);
        };
        charter.post(self.author(), from).ok_or(Bar::UnknownPost)?;
        let to = charter.post(self.author().peer(), to).ok_or(Bar::UnknownPost)?;
        if self.header.precedence > Some(to.highest) { Err(Bar::PrecedenceTooHigh) } else { Ok(()) }
    }

    fn ask(&self) -> Result<EntryRef, Bar> {
        self.addressed()?;
        if let Some(at) = self.header.refers {
            let named = self.view.fact_of(at, &[Kind::Ask]).ok_or(Bar::NoSuchThing)?;
            if self.view.decision(named).outcome == Outcome::Open {
                return Err(Bar::StillOpen(at));
            }
        }
        let candidates = self.view.facts.side(self.author()).may_be_open.iter();
        let asks = candidates.filter_map(|index| self.view.fact(EntryRef { party: self.author(), index: *index }));
        let open = asks.filter(|a| self.view.decision(a).outcome == Outcome::Open);
        if open.take(self.view.facts.open_asks_max).count() == self.view.facts.open_asks_max {
            return Err(Bar::TooManyOpen);
        }
        Ok(self.header.at())
    }

    fn amend(&self, number: u64, charter: Option<&[u8]>) -> Result<EntryRef, Bar> {
        let already = |f: &&Fact| {
            matches!(&f.what, What::Amend { number: n, charter: c } if *n == number && c.is_some() == charter.is_some())
                && self.mine(f)
        };
        let mut amends = self.view.facts.amends.iter().filter_map(|at| self.view.fact(*at));
        if let Some(done) = amends.find(already) {
            return Err(Bar::Already(done.at));
        }
        match (charter, self.header.refers) {
            // One above the highest: no number can be taken so high that none is left above it.
            (Some(charter), None) if number == self.view.amends_proposed() + 1 => {
                let room = self.waiting() < limits::PROPOSALS_MAX;
                let fits = self.view.facts.terms.fits(charter);
                if room && fits { Ok(self.header.at()) } else { Err(Bar::AmendMismatch) }
            }
            (None, Some(at)) => {
                let proposal = self.view.fact_of(at, &[Kind::Amend]).ok_or(Bar::NoSuchThing)?;
                let same = matches!(&proposal.what, What::Amend { number: n, charter: Some(_) } if *n == number);
                if self.mine(proposal) || !same { Err(Bar::AmendMismatch) } else { Ok(at) }
            }
            _ => Err(Bar::AmendMismatch),
        }
    }

    /// Proposals of the author after the last that was countersigned.
    fn waiting(&self) -> usize {
        let amends = || self.view.facts.amends.iter().rev().filter_map(|at| self.view.fact(*at));
        let signed = |f: &Fact| matches!(f.what, What::Amend { charter: None, .. });
        // Their numbers ascend in the author's log.
        amends().filter(|f| self.mine(f) && f.refers.is_none()).take_while(|f| !self.view.on(f.at).any(signed)).count()
    }

    /// Acts that refer to another entry.
    fn refers(&self) -> Result<EntryRef, Bar> {
        let named = self.header.refers.and_then(|at| self.view.fact(at)).ok_or(Bar::NoSuchThing)?;
        let thing = self.on_named(named)?;
        self.room(thing).map(|()| thing)
    }

    fn on_named(&self, named: &'a Fact) -> Result<EntryRef, Bar> {
        match self.what {
            What::Read | What::Retract => self.on_text(named),
            What::CheckReply => self.reply(named, &[Kind::Check]),
            What::StatementReply { .. } => self.reply(named, &[Kind::Statement]),
            What::ApproachReply { .. } => self.reply(named, &[Kind::Approach]),
            What::Adopt { .. } => self.reply(named, &[Kind::Attempt, Kind::Heard]),
            What::Talk { .. } | What::Sheet { .. } => self.on_any_request(named),
            What::Joined { .. } | What::Ended { .. } | What::Missed | What::Cancel { .. } => self.on_talk(named),
            _ => match named.kind() {
                Kind::Ask | Kind::Renew => self.on_request(named),
                Kind::Offer | Kind::Ready => self.on_offer(named),
                _ => Err(Bar::NoSuchThing),
            },
        }
    }

    /// The entry of this type that the author, or anyone, has already written on `named`.
    fn done(&self, named: &Fact) -> Option<&'a Fact> {
        self.view.on(named.at).find(|f| f.kind() == self.what.kind())
    }

    fn once(&self, named: &Fact) -> Result<EntryRef, Bar> {
        self.done(named).map_or(Ok(named.thing), |f| Err(Bar::Already(f.at)))
    }

    /// One request can hold only so many entries of each side; what closes it or speaks the last word on its talk always fits.
    fn room(&self, request: EntryRef) -> Result<(), Bar> {
        let last = matches!(
            self.what,
            What::Answer
                | What::Decline { .. }
                | What::Accept { .. }
                | What::Withdraw
                | What::Lapse { .. }
                | What::Cancel { .. }
                | What::Ended { .. }
                | What::Talk { .. }
        );
        // All of them are in the author's own past: they are its own, and below this index.
        let written = self.view.facts.side(self.author()).acts.get(&request).copied().unwrap_or(0);
        if last || written < limits::REQUEST_ENTRIES_MAX { Ok(()) } else { Err(Bar::TooMany(request)) }
    }

    fn owner(&self, thing: &Fact) -> Result<(), Bar> {
        if self.mine(thing) { Ok(()) } else { Err(Bar::NotOwner(thing.at)) }
    }

    fn other(&self, thing: &Fact) -> Result<(), Bar> {
        if self.mine(thing) { Err(Bar::OwnThing(thing.at)) } else { Ok(()) }
    }

    fn on_text(&self, named: &Fact) -> Result<EntryRef, Bar> {
        if !matches!(named.kind(), Kind::Text | Kind::Notice) {
            return Err(Bar::NoSuchThing);
        }
        if let Some(retract) = self.view.on(named.at).find(|f| f.what == What::Retract) {
            return Err(Bar::Retracted(retract.at));
        }
        if *self.what == What::Retract {
            self.owner(named)?
        } else {
            self.other(named)?
        }
        self.once(named)
    }

    fn reply(&self, named: &Fact, to: &[Kind]) -> Result<EntryRef, Bar> {
        if !to.contains(&named.kind()) {
            return Err(Bar::NoSuchThing);
        }
        self.other(named)?;
        self.once(named)
    }

    fn on_any_request(&self, named: &Fact) -> Result<EntryRef, Bar> {
        if named.kind() != Kind::Ask {
            return Err(Bar::NoSuchThing);
        }
        let (word, acts) = self.view.word(self.author(), named);
        let is_sheet = matches!(self.what, What::Sheet { .. });
        match (word == Word::Talked, is_sheet) {
            (true, false) => Err(acts.first().map_or(Bar::NoSuchThing, |at| Bar::WordSaid(*at))),
            (false, true) => Err(Bar::NoTalk),
            _ => Ok(named.at),
        }
    }

    fn on_talk(&self, act: &Fact) -> Result<EntryRef, Bar> {
        let request = self.view.fact_of(act.thing, &[Kind::Ask]).ok_or(Bar::NoTalk)?;
        let partner = self.view.partner(request.at);
        let decides = |r: &&Fact| {
            let decision = self.view.decision(r);
            decision.outcome.agreed() && decision.deciding.contains(&act.at)
        };
        let request = [Some(request), partner].into_iter().flatten().find(decides).ok_or(Bar::NoTalk)?;
        let (own, own_acts) = self.view.word(self.author(), request);
        let (theirs, their_acts) = self.view.word(self.author().peer(), request);
        let said = || own_acts.first().map_or(Bar::NoTalk, |at| Bar::WordSaid(*at));
        let their_word = || their_acts.first().map_or(Bar::NoTalk, |at| Bar::TheirWord(*at));
        let (own_allows, theirs_allow) = match self.what {
            What::Joined { .. } => (matches!(own, Word::None | Word::Missed), theirs != Word::Cancelled),
            What::Missed => (matches!(own, Word::None | Word::Joined), theirs != Word::Cancelled),
            What::Ended { .. } if own != Word::Joined => return Err(Bar::NotJoined),
            What::Ended { .. } => (true, true),
            _ => (matches!(own, Word::None | Word::Joined), matches!(theirs, Word::None | Word::Joined)),
        };
        if !own_allows {
            return Err(said());
        }
        if !theirs_allow {
            return Err(their_word());
        }
        let needs_settled = matches!(self.what, What::Joined { .. } | What::Missed);
        let settled = || self.view.settled_for(self.author(), &self.view.decision(request));
        if needs_settled && !self.view.facts.off(Rule::Settled) && !settled() {
            return Err(Bar::Unsettled);
        }
        if let (What::Missed, What::Accept { window: Some(window) }) = (self.what, &act.what)
            && self.header.time < window.start()
        {
            return Err(Bar::BeforeStart(window.start()));
        }
        Ok(act.thing)
    }

    fn open(&self, thing: &Fact) -> Result<(), Bar> {
        let decision = self.view.decision(thing);
        match decision.deciding.first() {
            Some(by) if decision.outcome != Outcome::Open => Err(Bar::Closed { thing: thing.at, by: *by }),
            _ => Ok(()),
        }
    }

    /// `named` is an ask or a renewal.
    fn on_request(&self, named: &Fact) -> Result<EntryRef, Bar> {
        let request = self.view.request_of(named.at).ok_or(Bar::NoSuchThing)?;
        let whole = || {
            if named.at == request.at { Ok(()) } else { Err(Bar::NoSuchThing) }
        };
        self.open(request)?;
        match self.what {
            What::Withdraw | What::Lapse { .. } => {
                self.owner(request)?;
                whole()?;
            }
            What::Renew => {
                self.owner(request)?;
                whole()?;
                self.raised(request)?;
            }
            What::Suspend | What::Resume => {
                self.owner(request)?;
                whole()?;
                self.suspension(request)?;
            }
            What::Overdue { clause } => {
                self.owner(request)?;
                self.overdue(named, *clause)?;
            }
            What::Alerting { .. } | What::Seen | What::Referred => {
                self.other(request)?;
                return self.once(named).map(|_| request.at);
            }
            What::Defer { .. } | What::Answer | What::Decline { .. } => self.other(request)?,
            What::Ready => {
                self.other(request)?;
                self.no_open_offer(request)?;
            }
            What::Offer { .. } => self.no_open_offer(request)?,
            _ => return Err(Bar::NoSuchThing),
        }
        Ok(request.at)
    }

    /// A renewal may not raise the precedence beyond what the counterpart accepts, by the charter of the ask.
    fn raised(&self, request: &Fact) -> Result<(), Bar> {
        let charter = self.view.charter_of(request);
        let to = request.posts.as_ref().and_then(|(_, to)| charter.post(request.at.party.peer(), to));
        let highest = to.map(|p| p.highest);
        if self.header.precedence.is_some() && self.header.precedence > highest {
            return Err(Bar::PrecedenceTooHigh);
        }
        Ok(())
    }

    fn suspension(&self, request: &Fact) -> Result<(), Bar> {
        match (self.view.suspended(request), self.what) {
            (Some(by), What::Suspend) => Err(Bar::Already(by)),
            (None, What::Resume) => Err(Bar::NotSuspended),
            _ => Ok(()),
        }
    }

    /// Rule 6: once an attempt and clause, while that clause is not met. The watch cannot be late for what its station does not
    /// hold.
    fn overdue(&self, attempt: &Fact, clause: Clause) -> Result<(), Bar> {
        if self.view.facts.off(Rule::Overdue) {
            return Ok(());
        }
        let said = self.view.on(attempt.at).find(|f| f.what == What::Overdue { clause });
        if let Some(said) = said {
            return Err(Bar::Already(said.at));
        }
        if self.view.met(attempt, clause) { Err(Bar::Met) } else { Ok(()) }
    }

    fn no_open_offer(&self, request: &Fact) -> Result<(), Bar> {
        let offers =
            self.view.thread(request.at).filter(|f| matches!(f.kind(), Kind::Offer | Kind::Ready) && self.mine(f));
        let mut open = offers.filter(|o| self.view.decision(o).outcome == Outcome::Open);
        open.next().map_or(Ok(()), |o| Err(Bar::OfferOpen(o.at)))
    }

    /// `named` is an offer or a ready.
    fn on_offer(&self, named: &Fact) -> Result<EntryRef, Bar> {
        let request = self.view.fact_of(named.thing, &[Kind::Ask]).ok_or(Bar::NoSuchThing)?;
        self.open(named)?;
        self.open(request)?;
        match self.what {
            What::Alerting { .. } | What::Seen | What::Referred => {
                self.other(named)?;
                return self.once(named);
            }
            What::Withdraw | What::Lapse { .. } => self.owner(named)?,
            What::Decline { .. } => self.other(named)?,
            What::Accept { window } => {
                self.other(named)?;
                match (&named.what, window) {
                    (What::Ready, None) => {}
                    (What::Offer { windows, .. }, Some(window)) if windows.iter().any(|o| o.window == *window) => {}
                    (What::Offer { .. }, Some(_)) => return Err(Bar::NotOffered),
                    _ => return Err(Bar::WindowMismatch),
                }
            }
            _ => return Err(Bar::NoSuchThing),
        }
        Ok(request.at)
    }
}

impl View<'_> {
    /// The highest number under which a charter has been proposed (§5.4); 0 before the first.
    fn amends_proposed(&self) -> u64 {
        let amends = self.facts.amends.iter().filter_map(|at| self.fact(*at));
        let proposals = amends.filter_map(|f| match &f.what {
            What::Amend { number, charter: Some(_) } => Some(*number),
            _ => None,
        });
        proposals.max().unwrap_or(0)
    }

    /// The entry that suspends a request at present.
    pub fn suspended(&self, request: &Fact) -> Option<EntryRef> {
        let last = self.on(request.at).filter(|f| matches!(f.what, What::Suspend | What::Resume)).last();
        last.filter(|f| f.what == What::Suspend).map(|f| f.at)
    }

    /// Whether a response time has nothing to complain of (rule 6).
    pub fn met(&self, attempt: &Fact, clause: Clause) -> bool {
        use super::ladder::Rung;
        let rung = self.reached(attempt).rung;
        match clause {
            Clause::Station => rung >= Rung::Delivered,
            Clause::Watch => rung >= Rung::Seen || rung < Rung::Delivered,
            Clause::Principal => {
                let answers = |f: &Fact| matches!(f.kind(), Kind::Defer | Kind::Offer | Kind::Ready);
                rung < Rung::Delivered || self.on(attempt.at).any(answers)
            }
        }
    }
}
