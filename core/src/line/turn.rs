//! The turn: inputs and `now` in, entries out (`docs/protocol.md` §7.1). Decided on a tentative state: the station signs and commits
//! what comes out in one transaction, and if that fails it drops the line and reads it again from the store.

use alloc::{boxed::Box, vec::Vec};

use super::Line;
use super::draft::{Draft, draft};
use super::due::{Conduct, due};
use super::facts::Standing;
use crate::act::{Act, Words};
use crate::fault::{Bar, Misconduct, Refusal};
use crate::ids::{EntryRef, Epoch, Party};
use crate::limits;
use crate::record::body::{Body, digest};
use crate::record::codes::Channel;
use crate::record::entry::{BodyRef, Header};
use crate::record::kind::Kind;
use crate::record::log::Entry;
use crate::record::merkle::leaf_hash;
use crate::record::opening::Opening;
use crate::record::sign1::{AAD_CHARTER, AAD_ENTRY, PublicKey, Sign, Signature, Strict, Verify, seal, to_be_signed};
use crate::record::what::What;
use crate::time::Timestamp;

/// One thing for a line to decide.
#[derive(Clone, Debug)]
pub enum Input {
    /// Our person asks for an act, with words or without.
    Act(Box<Act>, Option<Words>),
    /// A channel has confirmed that a device rings for this attempt.
    Alerting(EntryRef, Channel),
    /// An entry came over the link.
    Arrived(Box<Arrived>),
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
    /// The thing it belongs to; `None` without effect.
    pub thing: Option<EntryRef>,
}

/// What a turn decided.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The epoch in which it was decided.
    pub epoch: Epoch,
    /// To be committed in one transaction.
    pub written: Vec<Written>,
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
    /// The station's entry key.
    pub sign: &'a dyn Sign,
    /// The bytes of an entry that the line held before this turn; `None` if our machine cannot read them now.
    pub stored: &'a dyn Fn(Epoch, EntryRef) -> Option<Vec<u8>>,
}

impl Line {
    /// Decides `inputs` in order, then what the clock has made due, then whether a `received` is owed.
    pub fn turn(&mut self, inputs: Vec<Input>, given: &Given<'_>) -> Plan {
        let mut plan = Plan { epoch: self.epoch(), written: Vec::new(), answers: Vec::new(), next: None };
        for input in inputs {
            let answer = self.decide(input, given, &mut plan.written);
            plan.answers.push(answer);
        }
        plan.next = self.write_due(given, &mut plan.written);
        self.write_received(given, &mut plan.written);
        self.facts.forget_done();
        plan
    }

    fn decide(&mut self, input: Input, given: &Given<'_>, written: &mut Vec<Written>) -> Answer {
        let outcome = match input {
            Input::Arrived(arrived) => return self.arrived(*arrived, given, written),
            Input::Act(act, words) => self.act(&act, words, given, written),
            Input::Alerting(attempt, channel) => {
                self.write(Draft::on(What::Alerting { channel }, attempt), None, given, written)
            }
        };
        outcome.map_or_else(Answer::Refused, Answer::Written)
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
        let draft = draft(&self.facts.all(), act, now)?;
        let body = words.map(|w| {
            Body { salt: w.salt, language: w.language, media: "text/plain".into(), content: w.text.into_bytes() }
                .encode()
        });
        Ok((draft, body))
    }

    /// Judges, signs and appends one entry of ours.
    fn write(
        &mut self,
        draft: Draft,
        body: Option<Vec<u8>>,
        given: &Given<'_>,
        written: &mut Vec<Written>,
    ) -> Result<EntryRef, Refusal> {
        let Prepared { header, payload, thing } = self.prepared(draft, body.as_deref(), given.now)?;
        let bytes = seal(AAD_ENTRY, &payload, given.sign);
        let at = header.at();
        let entry = Entry { leaf: leaf_hash(&bytes), bytes, header };
        let standing = self.append(&entry);
        assert!(standing == Standing::Counts, "what we judged writable counts");
        written.push(Written { epoch: self.epoch(), entry, body, standing, thing: Some(thing) });
        Ok(at)
    }

    /// Judges one entry of ours, up to its signature.
    fn prepared(&self, draft: Draft, body: Option<&[u8]>, now: Timestamp) -> Result<Prepared, Refusal> {
        if self.restored {
            return Err(Refusal::Restored);
        }
        if self.own().size() == 0 {
            return Err(Refusal::LineNotOpen);
        }
        let mut header = self.header(draft, now);
        header.body = body.map(|b| BodyRef::Attested(digest(b)));
        header.lacking = self.lacking.iter().copied().take(limits::LACKING_MAX).collect();
        if let Some(version) = self.facts.lacks_rules(&header) {
            return Err(Refusal::LacksRules(version));
        }
        let thing = super::judge::judge(&self.facts, &header).map_err(Refusal::Barred)?;
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
        let (from, to) = draft.posts.unzip();
        let (precedence, mark) = draft.opens.unzip();
        Header {
            line: self.id,
            epoch: self.epoch(),
            party: self.me,
            own: self.own().head(),
            held: self.peer().head(),
            time: now,
            refers: draft.refers,
            from,
            to,
            precedence: precedence.or(draft.raised),
            mark,
            deadline: draft.deadline,
            body: None,
            lacking: Vec::new(),
            under: None,
            what: Ok(draft.what),
        }
    }

    fn arrived(&mut self, arrived: Arrived, given: &Given<'_>, written: &mut Vec<Written>) -> Answer {
        let Arrived { entry, body, verified_under } = arrived;
        let at = entry.header.at();
        if at.party == self.me {
            return self.halt(Misconduct::WrongParty);
        }
        if entry.header.epoch != self.epoch() {
            return self.halt(Misconduct::WrongEpoch);
        }
        if at.index < self.peer().size() {
            // It may have come twice in one turn, by two connections: what this turn has taken is not stored yet.
            let taken = written.iter().find(|w| w.entry.header.at() == at).map(|w| w.entry.bytes.clone());
            // Without the one that we hold nobody is accused.
            let Some(held) = taken.or_else(|| (given.stored)(self.epoch(), at)) else {
                return Answer::Held;
            };
            if held == entry.bytes {
                return Answer::Held;
            }
            // Two entries at one index, both signed, are a fork; an unsigned one shows nothing but itself.
            let signed = entry.signed_by(&self.peer().key_at(at.index), &Checked(verified_under));
            return self.halt(if signed { Misconduct::Fork } else { Misconduct::BadSignature });
        }
        if self.halted().is_some() {
            return Answer::Held;
        }
        if let Err(misconduct) = self.peer().judge(&entry, self.own(), &Checked(verified_under)) {
            return self.halt(misconduct);
        }
        if at.index == 0 && !self.opens(&entry.header) {
            return self.halt(Misconduct::WrongEpoch);
        }
        let standing = self.append(&entry);
        if body.is_none() && matches!(entry.header.body, Some(BodyRef::Attested(_))) {
            self.lacks(at.index);
        }
        let thing = self.facts.all().fact(at).map(|f| f.thing);
        written.push(Written { epoch: self.epoch(), entry, body, standing, thing });
        Answer::Written(at)
    }

    /// Takes index 0 of either log as pairing made it: the charter signed by both. What is held already changes nothing.
    ///
    /// # Errors
    /// The [`Misconduct`], if it is no entry that opens this line.
    pub fn begin(&mut self, entry: Entry) -> Result<Option<Written>, Misconduct> {
        let at = entry.header.at();
        let log = self.log(at.party);
        if at.index < log.size() {
            return Ok(None);
        }
        log.judge(&entry, self.log(at.party.peer()), &Strict)?;
        if !self.opens(&entry.header) {
            return Err(Misconduct::WrongEpoch);
        }
        let standing = self.append(&entry);
        Ok(Some(Written { epoch: self.epoch(), entry, body: None, standing, thing: Some(at) }))
    }

    /// Writes index 0 of our log ourselves.
    ///
    /// # Errors
    /// [`Refusal::Barred`] if our log has begun.
    pub fn open(&mut self, opening: &Opening, given: &Given<'_>) -> Result<Written, Refusal> {
        if self.own().size() > 0 {
            return Err(Refusal::Barred(Bar::NotAtIndexZero));
        }
        let header = self.header(Draft::of(What::Charter(opening.write())), given.now);
        let (at, bytes) = (header.at(), seal(AAD_ENTRY, &header.encode(), given.sign));
        let entry = Entry { leaf: leaf_hash(&bytes), bytes, header };
        let standing = self.append(&entry);
        Ok(Written { epoch: self.epoch(), entry, body: None, standing, thing: Some(at) })
    }

    /// Whether their index 0 opens this epoch: the charter that we hold, signed by both.
    fn opens(&self, header: &Header) -> bool {
        let Ok(What::Charter(args)) = &header.what else { return false };
        let Some(Opening::Paired { charter, signatures }) = Opening::read(args) else { return false };
        let message = to_be_signed(AAD_CHARTER, &charter);
        let signed = |(party, signature): (Party, &Signature)| {
            let key = PublicKey::from_bytes(self.charter.party(party).keys.station);
            Strict.verify(&key, &message, signature)
        };
        charter == self.charter.encode() && Party::BOTH.into_iter().zip(&signatures).all(signed)
    }

    /// What the clock has made due. What the rules bar meanwhile is simply not written.
    fn write_due(&mut self, given: &Given<'_>, written: &mut Vec<Written>) -> Option<Timestamp> {
        let due = due(&self.facts.all(), self.me, given.now, given.conduct);
        for draft in due.drafts {
            let _ = self.write(draft, None, given, written);
        }
        due.next
    }

    /// Owed while no head that we named covers a stored peer entry other than `received`; it waits for an entry of ours to carry
    /// the head. Read from the record, so a restart still owes it.
    fn write_received(&mut self, given: &Given<'_>, written: &mut Vec<Written>) {
        if !self.facts.owes_receipt(self.me) {
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
struct Checked(Option<PublicKey>);

impl Verify for Checked {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        // A `key` entry carries two more signatures, under other keys: those are rare and verified here.
        self.0 == Some(*key) || Strict.verify(key, message, signature)
    }
}
