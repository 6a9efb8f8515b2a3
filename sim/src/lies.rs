//! Stations that lie: entries past their own judge, and frames past their own session.

use counterpart_core::ids::{EntryRef, Party, PostId};
use counterpart_core::line::Line;
use counterpart_core::line::crossing::Outcome;
use counterpart_core::line::turn::{Given, Written};
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::body::{Body, digest};
use counterpart_core::record::cbor::Value;
use counterpart_core::record::codes::{
    Channel, CheckBy, Clause, Code, Deadline, EndReason, Holding, Instrument, LineState, Mode, OnSilence, Ownership,
    Part, StatementAnswer,
};
use counterpart_core::record::entry::{BodyRef, Head, Header};
use counterpart_core::record::kind::Kind;
use counterpart_core::record::log::Entry;
use counterpart_core::record::sign1::{AAD_ENTRY, seal};
use counterpart_core::record::what::{Offered, What};
use counterpart_core::time::{Timestamp, Window};

use crate::chance::Chance;
use crate::journal::Journal;
use crate::pairing::POSTS;

/// An entry that a liar writes into its own log, past its judge. None of them halts the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryLie {
    /// A closing act that names an older head than its author holds: as if the two had crossed.
    OldHead,
    /// Any entry on anything.
    Anything,
    /// A type that no version has.
    UnknownType,
    /// A header key that no version has.
    UnknownKey,
    /// `args` that its type has not.
    Malformed,
    /// A second charter, in the middle of the log.
    Charter,
    /// One more request, however many are open.
    Ask,
}

impl EntryLie {
    /// All of them; those that make acts cross more often.
    pub const ALL: [EntryLie; 15] = [
        EntryLie::OldHead,
        EntryLie::OldHead,
        EntryLie::OldHead,
        EntryLie::OldHead,
        EntryLie::Anything,
        EntryLie::Anything,
        EntryLie::Anything,
        EntryLie::Anything,
        EntryLie::Anything,
        EntryLie::Anything,
        EntryLie::Anything,
        EntryLie::UnknownType,
        EntryLie::UnknownKey,
        EntryLie::Malformed,
        EntryLie::Charter,
    ];
}

/// What a liar's connection does to what leaves it, once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doctor {
    /// The hello offers no version that anybody speaks.
    Versions,
    /// The hello names an epoch far above.
    Epoch,
    /// The hello claims to hold more of the other's log than there is.
    Claim,
    /// The hello names less of its own log than it has shown.
    Lost,
    /// The hello is for another line.
    Line,
    /// A body that is not the one its entry names.
    Body,
    /// An entry without its body.
    Bodiless,
    /// Bits turned over, anywhere.
    Bits,
}

impl Doctor {
    /// Those that do not halt a log.
    pub const SOFT: [Doctor; 7] =
        [Doctor::Versions, Doctor::Epoch, Doctor::Claim, Doctor::Lost, Doctor::Line, Doctor::Body, Doctor::Bodiless];
}

/// Writes a lie into `line`; what it becomes.
pub fn craft(
    line: &mut Line,
    journal: &Journal,
    given: &Given<'_>,
    lie: EntryLie,
    chance: &mut Chance,
) -> Option<Written> {
    if line.own().size() == 0 {
        return None;
    }
    let mut liar = Liar { line, now: given.now, chance };
    let mut header = match lie {
        EntryLie::OldHead => liar.closing(journal)?,
        EntryLie::Charter => liar.header(What::Charter(Value::Uint(7))),
        EntryLie::Ask => liar.ask(),
        _ => {
            let what = liar.any_what();
            liar.saying(what)
        }
    };
    let body = header.body.is_some().then(|| liar.body());
    header.body = body.as_ref().map(|b| BodyRef::Attested(digest(b)));
    let payload = spoilt(header.encode(), lie, liar.chance)?;
    write(line, &payload, body, given)
}

/// A lapse of the other side's thing whose deadline has passed here: what the fault of that name writes.
pub fn wrong_lapse(line: &mut Line, given: &Given<'_>) -> Option<Written> {
    let (view, me) = (line.facts().all(), line.me());
    let passed = |at: &EntryRef| {
        let thing = view.fact(*at);
        let open = thing.is_some_and(|thing| view.decision(thing).outcome == Outcome::Open);
        open && thing.and_then(|thing| view.deadline(thing, u64::MAX)).is_some_and(|deadline| deadline < given.now)
    };
    let live = view.live().flat_map(|thing| view.thread(thing.at));
    let theirs = live.filter(|f| f.at.party != me && matches!(f.kind(), Kind::Ask | Kind::Offer | Kind::Ready));
    let on = theirs.map(|f| f.at).find(passed)?;
    let header = Header { refers: Some(on), ..base(line, given.now, What::Lapse { deadline: Deadline::ValidUntil }) };
    write(line, &header.encode(), None, given)
}

/// Signs a payload and puts it into its author's own line, where nothing judges it.
fn write(line: &mut Line, payload: &[u8], body: Option<Vec<u8>>, given: &Given<'_>) -> Option<Written> {
    let entry = Entry::read(&seal(AAD_ENTRY, payload, given.sign)).ok()?;
    let at = entry.header.at();
    let standing = line.reload(&entry).ok()?;
    let thing = line.facts().all().fact(at).map(|f| f.thing);
    Some(Written { epoch: line.epoch(), entry, body, standing, thing, taken_back: false })
}

/// The next entry of this line, saying this.
pub fn base(line: &Line, now: Timestamp, what: What) -> Header {
    let heads = [line.own().head(), line.peer().head()];
    Header::of((line.id(), line.epoch(), line.me()), heads, now, Ok(what))
}

/// Makes a payload unknown or malformed; as it was for other lies.
fn spoilt(payload: Vec<u8>, lie: EntryLie, chance: &mut Chance) -> Option<Vec<u8>> {
    let Value::Map(mut pairs) = Value::decode(&payload).ok()? else { return None };
    let mut put = |key: u64, value: Value| {
        pairs.retain(|(k, _)| *k != Value::Uint(key));
        pairs.push((Value::Uint(key), value));
    };
    match lie {
        EntryLie::UnknownType => put(1, Value::Uint(chance.between(42, 9_999))),
        EntryLie::UnknownKey => put(chance.between(18, 99), Value::Bool(true)),
        EntryLie::Malformed => put(14, if chance.percent(50) { Value::Null } else { Value::Uint(3) }),
        _ => return Some(payload),
    }
    Some(Value::map(pairs).encode())
}

/// What a type can act on, in its author's past.
fn acts_on(kind: Kind) -> &'static [Kind] {
    use Kind as K;
    match kind {
        K::Ask | K::Renew | K::Suspend | K::Resume | K::Talk | K::Sheet => &[K::Ask],
        K::Overdue | K::Defer | K::Answer | K::Offer | K::Ready => &[K::Ask, K::Renew],
        K::Alerting | K::Seen | K::Referred => &[K::Ask, K::Renew, K::Offer, K::Ready],
        K::Decline | K::Withdraw | K::Lapse => &[K::Ask, K::Offer, K::Ready],
        K::Accept => &[K::Offer, K::Ready],
        K::Joined | K::Ended | K::Missed | K::Cancel => &[K::Answer, K::Accept],
        K::Read | K::Retract => &[K::Text, K::Notice],
        K::CheckReply => &[K::Check],
        K::StatementReply => &[K::Statement],
        K::ApproachReply => &[K::Approach],
        K::Adopt => &[K::Attempt, K::Heard],
        K::Amend => &[K::Amend],
        _ => &[],
    }
}

struct Liar<'a> {
    line: &'a Line,
    now: Timestamp,
    chance: &'a mut Chance,
}

impl Liar<'_> {
    fn header(&self, what: What) -> Header {
        base(self.line, self.now, what)
    }

    /// A head of the other side's log between the last that was named and the one that is held.
    fn older(&mut self, journal: &Journal) -> Option<Head> {
        let size = self.chance.between(self.line.own().named().size, self.line.peer().size());
        let root = journal.of(self.line.epoch())?.root_at(self.line.me().peer(), size)?;
        Some(Head { size, root })
    }

    /// A closing act, or a word on a talk, as if its author had not seen what it holds.
    fn closing(&mut self, journal: &Journal) -> Option<Header> {
        let held = self.older(journal)?;
        let view = self.line.facts().all();
        let latest = Party::BOTH.into_iter().flat_map(|party| view.asks(party).rev().take(6));
        let things: Vec<EntryRef> = latest.flat_map(|ask| view.thread(ask.at)).map(|f| f.at).collect();
        let at = self.chance.pick(&things).copied()?;
        let thing = view.fact(at)?;
        let mine = at.party == self.line.me();
        let code = Code::Unstated;
        let what = match (&thing.what, mine, self.chance.below(3)) {
            (What::Ask { .. } | What::Offer { .. } | What::Ready, true, 0) => What::Withdraw,
            (What::Ask { .. }, true, _) => What::Lapse { deadline: Deadline::ValidUntil },
            (What::Offer { .. } | What::Ready, true, _) => What::Lapse { deadline: Deadline::AnswerBy },
            (What::Ask { .. } | What::Renew, false, 0) => What::Answer,
            (What::Offer { windows, .. }, false, 1..) => What::Accept { window: windows.first().map(|o| o.window) },
            (What::Ready, false, 1..) => What::Accept { window: None },
            (What::Answer | What::Accept { .. }, _, 0) => What::Missed,
            (What::Answer | What::Accept { .. }, _, 1) => What::Joined { part: Part::Principal },
            (What::Answer | What::Accept { .. }, _, _) => What::Cancel { code },
            _ => What::Decline { code },
        };
        Some(Header { refers: Some(at), held, ..self.header(what) })
    }

    fn ask(&mut self) -> Header {
        let minister = PostId::parse("minister");
        let header = self.header(What::Ask { mode: Mode::Voice, private: false });
        let (precedence, mark) = (Some(Precedence::Routine), Some(Mark::Exercise));
        Header { from: minister.clone(), to: minister, precedence, mark, ..header }
    }

    /// This, with the fields that its type mostly has.
    fn saying(&mut self, what: What) -> Header {
        let kind = what.kind();
        let mut header = self.header(what);
        header.refers = self.refers(kind);
        if matches!(kind, Kind::Ask | Kind::Text | Kind::Notice) {
            let post = if self.chance.percent(5) { "gardener" } else { self.chance.one(POSTS.map(|(id, _)| id)) };
            (header.from, header.to) = (PostId::parse("minister"), PostId::parse(post));
        }
        if matches!(kind, Kind::Ask | Kind::Text | Kind::Notice | Kind::Check) {
            (header.precedence, header.mark) = (Some(self.chance.one(Precedence::ALL)), Some(Mark::Exercise));
        }
        if matches!(kind, Kind::Offer | Kind::Ready) || kind == Kind::Ask && self.chance.percent(50) {
            header.deadline = Some(self.now.plus(self.chance.scaled(1, 90_000_000)));
        }
        let wordy = matches!(kind, Kind::Text | Kind::Notice | Kind::Memo | Kind::Heard);
        header.body = wordy.then_some(BodyRef::Attested([0; 32]));
        header
    }

    /// Mostly something that the type can act on.
    fn refers(&mut self, kind: Kind) -> Option<EntryRef> {
        let suited = acts_on(kind);
        let never = suited.is_empty() && !self.chance.percent(2);
        if never || matches!(kind, Kind::Ask | Kind::Amend) && self.chance.percent(70) {
            return None;
        }
        let view = self.line.facts().all();
        let latest = Party::BOTH.into_iter().flat_map(|party| {
            let size = self.line.log(party).size();
            (size.saturating_sub(80)..size).map(move |index| EntryRef { party, index })
        });
        let fits: Vec<EntryRef> = latest.filter(|at| view.fact_of(*at, suited).is_some()).collect();
        let nonsense = EntryRef { party: self.chance.one(Party::BOTH), index: self.chance.below(200) };
        Some(self.chance.pick(&fits).copied().filter(|_| !self.chance.percent(10)).unwrap_or(nonsense))
    }

    fn body(&mut self) -> Vec<u8> {
        let length = self.chance.place(200);
        let content = vec![b'x'; length];
        Body { salt: self.chance.bytes(), language: "en".into(), media: "text/plain".into(), content }.encode()
    }

    fn any_what(&mut self) -> What {
        let (now, chance) = (self.now, &mut *self.chance);
        let hour = |from: u64| Window::new(Timestamp(from), Timestamp(from + 3_600_000));
        let posts: Vec<PostId> = PostId::parse("minister").into_iter().collect();
        let code = Code::Travelling;
        let past = hour(now.0 - 7_200_000);
        let windows: Vec<Offered> =
            hour(now.0).into_iter().map(|window| Offered { window, zone: "UTC".into() }).collect();
        let ownership = Ownership::NoPosition;
        let kind = *chance.pick(Kind::ALL).unwrap_or(&Kind::Received);
        match kind {
            Kind::Charter | Kind::Received | Kind::Key => What::Received,
            Kind::Amend => {
                let proposed = chance.percent(60).then(|| self.line.charter().encode());
                What::Amend { number: chance.below(3), charter: proposed }
            }
            Kind::Post => posts.first().cloned().map_or(What::Memo, |post| What::Post {
                post,
                holding: Holding::Acting,
                from: now,
                until: None,
            }),
            Kind::State => What::State { state: LineState::Maintenance, until: None },
            Kind::Check => What::Check { by: chance.one([CheckBy::Person, CheckBy::Schedule]) },
            Kind::CheckReply => What::CheckReply,
            Kind::Overdue => What::Overdue { clause: *chance.pick(Clause::ALL).unwrap_or(&Clause::Watch) },
            Kind::Ask => What::Ask { mode: Mode::Voice, private: false },
            Kind::Alerting => What::Alerting { channel: Channel::Desk },
            Kind::Seen => What::Seen,
            Kind::Referred => What::Referred,
            Kind::Defer => What::Defer { code, until: None },
            Kind::Renew => What::Renew,
            Kind::Suspend => What::Suspend,
            Kind::Resume => What::Resume,
            Kind::Answer => What::Answer,
            Kind::Decline => What::Decline { code },
            Kind::Withdraw => What::Withdraw,
            Kind::Lapse => What::Lapse { deadline: Deadline::Recall },
            Kind::Offer => What::Offer { windows, on_silence: OnSilence::Lapses, code: None },
            Kind::Ready => What::Ready,
            Kind::Accept => What::Accept { window: chance.one([None, hour(now.0)]) },
            Kind::Joined => What::Joined { part: Part::Principal },
            Kind::Ended => What::Ended { by: Party::Joiner, reason: EndReason::Done },
            Kind::Missed => What::Missed,
            Kind::Cancel => What::Cancel { code },
            Kind::Talk => past.map_or(What::Memo, |when| What::Talk { when, instrument: Instrument::Telephone, posts }),
            Kind::Sheet => past.map_or(What::Memo, |when| What::Sheet { when, posts, languages: Vec::new() }),
            Kind::Text => What::Text,
            Kind::Notice => What::Notice { format: 1, number: chance.below(9) },
            Kind::Read => What::Read,
            Kind::Retract => What::Retract,
            Kind::Memo => What::Memo,
            Kind::Statement => What::Statement { sentences: Vec::new() },
            Kind::StatementReply => What::StatementReply { answer: StatementAnswer::NoComment },
            Kind::Approach => posts
                .first()
                .cloned()
                .map_or(What::Heard, |post| What::Approach { channel: Instrument::Telephone, post }),
            Kind::ApproachReply => What::ApproachReply { ownership },
            Kind::Attempt => What::Attempt { channel: Instrument::Telephone, address: "1".into(), result: 0 },
            Kind::Heard => What::Heard,
            Kind::Adopt => What::Adopt { ownership },
        }
    }
}
