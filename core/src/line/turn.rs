//! The turn: inputs and `now` in, entries out (`docs/protocol.md` §7.1). Decided on a tentative state: the station signs and commits
//! what comes out in one transaction, and if that fails it drops the line and reads it again from the store.

use alloc::{boxed::Box, vec::Vec};

use super::Line;
use super::draft::{Draft, draft};
use super::due::{Conduct, due};
use super::epoch::{Stored, with};
use super::facts::Standing;
use super::shown::Keeping;
use super::switch::Mend;
use crate::act::{Act, Words};
use crate::fault::{Bar, Misconduct, Refusal};
use crate::ids::{EntryRef, Epoch, Party};
use crate::limits;
use crate::record::body::{Body, digest};
use crate::record::codes::{Channel, EndReason, Part};
use crate::record::entry::{BodyRef, Head, Header};
use crate::record::kind::Kind;
use crate::record::log::Entry;
use crate::record::merkle::leaf_hash;
use crate::record::opening::EpochHeads;
use crate::record::sign1::{AAD_ENTRY, PublicKey, Sign, Signature, Verify, seal};
use crate::record::what::What;
use crate::time::Timestamp;

/// One thing for a line to decide.
#[derive(Clone, Debug)]
pub enum Input {
    /// Our person, who looks at this epoch, asks for an act, with words or without.
    Act(Epoch, Box<Act>, Option<Words>),
    /// A channel has confirmed that a device rings for this attempt of this epoch.
    Alerting(Epoch, EntryRef, Channel),
    /// The first of our people has been heard on both sides in the talk of this agreeing act, in this part.
    Joined(Epoch, EntryRef, Part),
    /// That talk is over: which side ended it, and why.
    Ended(Epoch, EntryRef, Party, EndReason),
    /// An entry came over the link.
    Arrived(Box<Arrived>),
    /// The peer has shown an entry of our own log.
    Shown(Box<Shown>),
    /// The peer has been heard, and has shown what it would of our log; these are the heads that its hello named.
    Heard(Vec<EpochHeads>),
}

/// An entry of our own log, as the peer holds it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// As signed.
    pub entry: Entry,
    /// Its body, checked against the digest that it names.
    pub body: Option<Vec<u8>>,
}

/// An entry of the peer's, as the link brought it.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// As signed.
    pub entry: Entry,
    /// Its body, checked against the digest that it names.
    pub body: Option<Vec<u8>>,
    /// The key under which the link's task has verified the signature; `None`: it has not.
    pub verified_under: Option<PublicKey>,
}

/// What became of one input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It is in the record, here.
    Written(EntryRef),
    /// It was there already; nothing changed.
    Held,
    /// An entry of ours that we lack: it is kept as shown.
    Kept,
    /// It is not taken, and nobody is accused: it comes again when more is known.
    LetGo,
    /// It is not done.
    Refused(Refusal),
    /// The peer broke the protocol by it.
    Misconduct(Misconduct),
}

/// An entry to be stored, in order.
#[derive(Clone, Debug)]
pub struct Written {
    /// In which epoch.
    pub epoch: Epoch,
    /// The entry, exactly as signed.
    pub entry: Entry,
    /// Its body as encoded, if it has one and we hold it.
    pub body: Option<Vec<u8>>,
    /// What it is worth.
    pub standing: Standing,
    /// The thing it belongs to; `None` without effect, or while it waits.
    pub thing: Option<EntryRef>,
    /// It is ours and came from the peer: our log of this epoch is a copy's from now on, and its body was kept with what was shown.
    pub taken_back: bool,
}

/// What an entry, stored before as one that waits, is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Folded {
    /// In which epoch.
    pub epoch: Epoch,
    /// Which.
    pub at: EntryRef,
    /// What it is worth.
    pub standing: Standing,
    /// The thing it belongs to; `None` without effect.
    pub thing: Option<EntryRef>,
}

/// What a turn decided.
#[derive(Clone, Debug)]
pub struct Plan {
    /// To be committed in one transaction.
    pub written: Vec<Written>,
    /// To be kept in the same transaction, beside the logs.
    pub shown: Vec<Shown>,
    /// To be noted in the same transaction.
    pub folded: Vec<Folded>,
    /// One for each input, in order.
    pub answers: Vec<Answer>,
    /// When the clock will next make something due.
    pub next: Option<Timestamp>,
}

/// What a turn is told beside its inputs.
pub struct Given<'a> {
    /// The station's clock.
    pub now: Timestamp,
    /// What is known of the link.
    pub conduct: Conduct,
    /// Milliseconds by a clock that never jumps: for the wait before a `received`.
    pub monotonic_ms: u64,
    /// The station's entry key; the one whose public half is [`Line::signer`].
    pub sign: &'a dyn Sign,
    /// Checks what no task of the link has checked.
    pub verify: &'a dyn Verify,
    /// The bytes of an entry that the line held before this turn; `None` if our machine cannot read them now.
    pub stored: &'a dyn Fn(Epoch, EntryRef) -> Option<Vec<u8>>,
}

impl Line {
    /// Decides `inputs` in order, then what the clock has made due, then whether a `received` is owed.
    pub fn turn(&mut self, inputs: Vec<Input>, given: &Given<'_>) -> Plan {
        let mut plan =
            Plan { written: Vec::new(), shown: Vec::new(), folded: Vec::new(), answers: Vec::new(), next: None };
        for input in inputs {
            let answer = self.decide(input, given, &mut plan);
            plan.answers.push(answer);
        }
        self.join(given, &mut plan.written);
        plan.next = self.write_due(given, &mut plan.written);
        self.write_received(given, &mut plan.written);
        self.forget_done();
        self.remember_broken();
        plan.folded = self.folded();
        plan
    }

    fn decide(&mut self, input: Input, given: &Given<'_>, plan: &mut Plan) -> Answer {
        let written = &mut plan.written;
        let outcome = match input {
            Input::Arrived(arrived) => return self.arrived(*arrived, given, written),
            Input::Shown(shown) => return self.is_shown(*shown, given, plan),
            Input::Heard(named) => return self.hears(&named),
            Input::Act(epoch, act, words) => self.meant_for(epoch).and_then(|()| self.act(&act, words, given, written)),
            Input::Alerting(epoch, attempt, channel) => {
                self.seen_in(epoch, Draft::on(What::Alerting { channel }, attempt), given, written)
            }
            Input::Joined(epoch, act, part) => {
                self.seen_in(epoch, Draft::on(What::Joined { part }, act), given, written)
            }
            Input::Ended(epoch, act, by, reason) => {
                self.seen_in(epoch, Draft::on(What::Ended { by, reason }, act), given, written)
            }
        };
        outcome.map_or_else(Answer::Refused, Answer::Written)
    }

    /// What a device or a call has shown in one epoch.
    fn seen_in(
        &mut self,
        epoch: Epoch,
        draft: Draft,
        given: &Given<'_>,
        written: &mut Vec<Written>,
    ) -> Result<EntryRef, Refusal> {
        self.meant_for(epoch).and_then(|()| self.write(draft, None, given, written))
    }

    /// What a person saw in one epoch is not done in another, where the same place is another entry's.
    fn meant_for(&self, epoch: Epoch) -> Result<(), Refusal> {
        if epoch == self.epoch() { Ok(()) } else { Err(Refusal::EpochEnded) }
    }

    fn is_shown(&mut self, shown: Shown, given: &Given<'_>, plan: &mut Plan) -> Answer {
        match self.show(&shown.entry, given.verify) {
            Ok(Keeping::Kept) => {
                plan.shown.push(shown);
                self.recount(&with(&plan.written, given.stored));
                Answer::Kept
            }
            Ok(Keeping::Held) => Answer::Held,
            Ok(Keeping::LetGo) => Answer::LetGo,
            Err(misconduct) => Answer::Misconduct(misconduct),
        }
    }

    /// Whether we may write an entry now, whatever it says.
    fn may_write(&self) -> Result<(), Refusal> {
        if !self.signs() {
            return Err(Refusal::Restored);
        }
        // What is appended behind an entry that waits would wait too.
        if self.own().size() == 0 || self.serving().waits() {
            return Err(Refusal::LineNotOpen);
        }
        if self.latest() > self.epoch() { Err(Refusal::EpochEnded) } else { Ok(()) }
    }

    /// Whether `act`, with these words, would be written now; nothing is. For desks, which show what cannot be done with the
    /// reason.
    ///
    /// # Errors
    /// The [`Refusal`] with which [`Line::turn`] would answer it.
    pub fn would(&self, act: &Act, words: Option<Words>, now: Timestamp) -> Result<(), Refusal> {
        let (draft, body) = self.drafted(act, words, now)?;
        self.prepared(draft, body.as_deref(), now).map(|_| ())
    }

    fn act(
        &mut self,
        act: &Act,
        words: Option<Words>,
        given: &Given<'_>,
        written: &mut Vec<Written>,
    ) -> Result<EntryRef, Refusal> {
        let (draft, body) = self.drafted(act, words, given.now)?;
        self.write(draft, body, given, written)
    }

    /// The entry that an act becomes, and its body.
    fn drafted(&self, act: &Act, words: Option<Words>, now: Timestamp) -> Result<(Draft, Option<Vec<u8>>), Refusal> {
        if let Some(words) = words.as_ref().filter(|w| w.text.len() > limits::BODY_CONTENT_MAX) {
            return Err(Refusal::TooLong(words.text.len()));
        }
        let draft = draft(&self.facts().all(), act, now)?;
        let body = words.map(|w| {
            Body { salt: w.salt, language: w.language, media: "text/plain".into(), content: w.text.into_bytes() }
                .encode()
        });
        Ok((draft, body))
    }

    /// Judges, signs and appends one entry of ours.
    pub(super) fn write(
        &mut self,
        draft: Draft,
        body: Option<Vec<u8>>,
        given: &Given<'_>,
        written: &mut Vec<Written>,
    ) -> Result<EntryRef, Refusal> {
        let Prepared { header, payload, thing } = self.prepared(draft, body.as_deref(), given.now)?;
        if given.sign.public() != self.signer() {
            return Err(Refusal::KeyNotHeld);
        }
        let bytes = seal(AAD_ENTRY, &payload, given.sign);
        let at = header.at();
        let entry = Entry { leaf: leaf_hash(&bytes), bytes, header };
        let standing = self.serving_mut().append(&entry);
        assert!(standing == Standing::Counts, "what we judged writable counts");
        let epoch = self.epoch();
        written.push(Written { epoch, entry, body, standing, thing: Some(thing), taken_back: false });
        Ok(at)
    }

    /// Judges one entry of ours, up to its signature.
    fn prepared(&self, draft: Draft, body: Option<&[u8]>, now: Timestamp) -> Result<Prepared, Refusal> {
        self.may_write()?;
        let mut header = self.header(draft, now);
        header.body = body.map(|b| BodyRef::Attested(digest(b)));
        header.lacking = self.serving().lacking.iter().copied().take(limits::LACKING_MAX).collect();
        if let Some(version) = self.facts().lacks_rules(&header) {
            return Err(Refusal::LacksRules(version));
        }
        let thing = super::judge::judge(self.facts(), &header).map_err(Refusal::Barred)?;
        let payload = header.encode();
        // What the other side would find malformed, and so void (§3.6), is refused before it is signed.
        let reads = Header::decode(&payload).is_ok_and(|read| read == header);
        if !reads || body.is_some_and(|b| Body::decode(b).is_none()) {
            let kind = header.kind().unwrap_or(Kind::Memo);
            return Err(Refusal::Barred(Bar::Malformed(kind)));
        }
        Ok(Prepared { header, payload, thing })
    }

    fn header(&self, draft: Draft, now: Timestamp) -> Header {
        self.header_in(self.epoch(), draft, now)
    }

    /// The next entry of ours in an epoch.
    pub(super) fn header_in(&self, epoch: Epoch, draft: Draft, now: Timestamp) -> Header {
        let nothing = Head::empty();
        let head = |party| self.span(epoch).map_or(nothing, |span| span.log(party).head());
        let (from, to) = draft.posts.unzip();
        let (precedence, mark) = draft.opens.unzip();
        let heads = [head(self.me), head(self.me.peer())];
        Header {
            refers: draft.refers,
            from,
            to,
            precedence: precedence.or(draft.raised),
            mark,
            deadline: draft.deadline,
            ..Header::of((self.id, epoch, self.me), heads, now, Ok(draft.what))
        }
    }

    fn arrived(&mut self, arrived: Arrived, given: &Given<'_>, written: &mut Vec<Written>) -> Answer {
        let Arrived { entry, body, verified_under } = arrived;
        let (at, epoch) = (entry.header.at(), entry.header.epoch);
        let verify = Checked { under: verified_under, otherwise: given.verify };
        if at.party == self.me {
            return self.accuse(epoch, Misconduct::WrongParty);
        }
        if let Err(answer) = self.knows(&entry, &verify) {
            return answer;
        }
        let Some(span) = self.span(epoch) else { return self.accuse(epoch, Misconduct::WrongEpoch) };
        // Once a later epoch serves, what continues a halted log may still come (§4.6); whatever else does has been accused.
        let (ended, halted) = (epoch < self.epoch(), span.halted().is_some());
        if at.index < span.peer().size() {
            // It may have come twice in one turn, by two connections: what this turn has taken is not stored yet.
            return self.again(&entry, &verify, &with(written, given.stored));
        }
        let lifted = !self.off(Mend::Lift) || self.spans().all(|span| span.halted().is_none());
        if halted && !ended || !lifted || ended && self.off(Mend::Late) {
            return Answer::Held;
        }
        if let Err(misconduct) = span.judge(&entry, &verify) {
            // A head that we do not know may be one that we have lost, or have not been shown yet; what follows it is let go too.
            let lost = epoch < self.latest() || !self.signs();
            use Misconduct::{HeadNeverOurs, HeadWentBack, WrongPlace};
            let unknown = matches!(misconduct, HeadNeverOurs | HeadWentBack | WrongPlace);
            if !(halted || lost && unknown) {
                return self.accuse(epoch, misconduct);
            }
            if misconduct == HeadNeverOurs {
                self.span_at(epoch).unknown = Some(entry.header.held);
            }
            return Answer::LetGo;
        }
        if at.index == 0 && epoch == Epoch::FIRST && !self.opens(&entry.header) {
            return self.accuse(epoch, Misconduct::WrongEpoch);
        }
        // Our log of an epoch in which we sign is whole: what joins it names a head that it had, or what follows would wait for ever.
        if epoch == self.epoch() && self.signs() && !self.serving().had(&entry.header.held) {
            return self.accuse(epoch, Misconduct::HeadNeverOurs);
        }
        let lacks = matches!(entry.header.body, Some(BodyRef::Attested(_))) && body.is_none();
        let span = self.span_at(epoch);
        let standing = span.append(&entry);
        if lacks {
            span.lacking.insert(at.index);
        }
        let thing = span.facts.all().fact(at).map(|f| f.thing);
        written.push(Written { epoch, entry, body, standing, thing, taken_back: false });
        if at.index == 0 && epoch != Epoch::FIRST {
            self.join(given, written);
            self.recount(&with(written, given.stored));
        } else if epoch < self.epoch() && self.spans.iter().any(|span| !span.branches.is_empty()) {
            // A head that came can decide which epoch closes another, where a part beside our log counts then.
            self.recount(&with(written, given.stored));
        }
        self.look_up_old(epoch, &with(written, given.stored));
        Answer::Written(at)
    }

    /// An entry at an index that is held.
    fn again(&mut self, entry: &Entry, verify: &dyn Verify, stored: &Stored<'_>) -> Answer {
        let (at, epoch) = (entry.header.at(), entry.header.epoch);
        let Some(span) = self.span(epoch) else { return Answer::Held };
        // Without the one that we hold nobody is accused.
        if stored(epoch, at).is_none_or(|held| held == entry.bytes) {
            return Answer::Held;
        }
        // Two entries at one index, both signed, are a fork; an unsigned one shows nothing but itself.
        if !entry.signed_by(&span.peer().key_at(at.index), verify) {
            return self.accuse(epoch, Misconduct::BadSignature);
        }
        // Of an ended log that a fork has halted another shows nothing new.
        if epoch < self.epoch() && span.halted() == Some(Misconduct::Fork) {
            return Answer::LetGo;
        }
        self.accuse(epoch, Misconduct::Fork)
    }

    /// Names misconduct; if it halts a log, that of this epoch, or of the one that serves if this one is not known.
    pub(super) fn accuse(&mut self, epoch: Epoch, misconduct: Misconduct) -> Answer {
        self.mark_halted(epoch, misconduct);
        Answer::Misconduct(misconduct)
    }

    /// What the clock has made due. What the rules bar meanwhile is simply not written.
    fn write_due(&mut self, given: &Given<'_>, written: &mut Vec<Written>) -> Option<Timestamp> {
        let due = due(&self.facts().all(), self.me, given.now, given.conduct);
        for draft in due.drafts {
            let _ = self.write(draft, None, given, written);
        }
        due.next
    }

    /// Owed while no head that we named covers a stored peer entry other than `received`; it waits for an entry of ours to carry
    /// the head. Read from the record, so a restart still owes it.
    fn write_received(&mut self, given: &Given<'_>, written: &mut Vec<Written>) {
        if self.may_write().is_err() || !self.facts().owes_receipt(self.me) {
            self.owes_since = None;
            return;
        }
        let since = *self.owes_since.get_or_insert(given.monotonic_ms);
        if given.monotonic_ms >= since + limits::RECEIVED_WAIT_MS {
            let _ = self.write(Draft::of(What::Received), None, given, written);
            self.owes_since = None;
        }
    }

    /// When, by the clock that never jumps, a `received` falls due.
    pub fn received_due_ms(&self) -> Option<u64> {
        self.owes_since.map(|since| since + limits::RECEIVED_WAIT_MS)
    }
}

/// An entry of ours that lacks only its signature.
struct Prepared {
    header: Header,
    payload: Vec<u8>,
    thing: EntryRef,
}

/// The link's task has verified the signature under this key; the log says whether it is the one in force.
struct Checked<'a> {
    under: Option<PublicKey>,
    otherwise: &'a dyn Verify,
}

impl Verify for Checked<'_> {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        // A `key` entry carries two more signatures, under other keys: those are rare and verified here.
        self.under == Some(*key) || self.otherwise.verify(key, message, signature)
    }
}
