//! What a person does about a restore, on the record thread: take or refuse what the other side shows, see what root would sign, open
//! an epoch with what it signed (`docs/protocol.md` §4.6). The root key is not here: it signs where it is kept, and only its
//! signature comes.

use std::cell::{Cell, RefCell};

use counterpart_core::fault::Refusal;
use counterpart_core::ids::{EntryRef, Epoch, LineId};
use counterpart_core::line::Line;
use counterpart_core::line::judging::Judged;
use counterpart_core::line::restore::{Judgement, NewEpoch, Part, Showing};
use counterpart_core::line::turn::{Given, Input, Written};
use counterpart_core::record::sign1::{PublicKey, Sign, Signature, Strict, Verify};
use counterpart_core::time::Timestamp;
use tokio::sync::oneshot;

use super::Keeper;
use super::calls::{Caller, Turn};
use super::inbox::ActFault;
use super::lines::{entry_key, epoch_key, folded_row};
use super::steady::Steady;
use super::thread::Record;
use crate::store::{self, LateBody};

/// A person's word on what the other side shows, with root's list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Said {
    /// The station keys that root has granted us on this line, oldest first.
    pub granted: Vec<PublicKey>,
    /// Which parts are taken, and which are not.
    pub judgement: Judgement,
}

/// An epoch that a person wants opened.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// On which line.
    pub line: LineId,
    /// What is opened.
    pub new: NewEpoch,
    /// Root's list, if anything is judged.
    pub granted: Vec<PublicKey>,
    /// The time that its charter claims.
    pub now: Timestamp,
    /// Who wants it.
    pub user: String,
}

/// What root signs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unsigned {
    /// The root key that the charter of the line names.
    pub root: PublicKey,
    /// The bytes to be signed, as they are.
    pub message: Vec<u8>,
}

/// What was done: with what is shown, and, if one was opened, with which epoch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settled {
    /// The epoch that serves now.
    pub epoch: Epoch,
    /// Entries of ours that were taken back from the peer.
    pub taken_back: usize,
    /// Parts that stay beside our log, and that nobody is asked about again.
    pub left: usize,
}

/// Why nothing was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RestoreFault {
    /// Our person may not do this now, or our machine failed.
    Act(ActFault),
    /// The record has moved since root signed, or root signed something else: ask for what is to be signed again.
    Moved,
    /// Root's list does not name this key, which signs or has signed for us on this line.
    NotListed(PublicKey),
}

impl From<Refusal> for RestoreFault {
    fn from(refusal: Refusal) -> RestoreFault {
        RestoreFault::Act(ActFault::Refused(refusal))
    }
}

/// Who is told what was done.
pub(super) type Reply = oneshot::Sender<Result<Settled, RestoreFault>>;

/// One thing for the record thread to do.
pub(super) enum Restoring {
    Judge { line: LineId, said: Said, user: String, reply: Reply },
    Draft { wanted: Wanted, reply: oneshot::Sender<Result<Unsigned, RestoreFault>> },
    Open { wanted: Wanted, signature: Box<Signature>, reply: Reply },
}

impl Keeper {
    /// Takes or refuses what the peer shows of our own log, in whatever epoch, and opens none.
    ///
    /// # Errors
    /// [`RestoreFault`].
    pub async fn judge(&self, line: LineId, said: Said, user: String) -> Result<Settled, RestoreFault> {
        let judged = self.restore(|reply| Restoring::Judge { line, said, user, reply }).await;
        judged.map_err(RestoreFault::Act)?
    }

    /// What root has to sign, as the record stands now. Nothing is written.
    ///
    /// # Errors
    /// [`RestoreFault`].
    pub async fn draft_epoch(&self, wanted: Wanted) -> Result<Unsigned, RestoreFault> {
        let drafted = self.restore(|reply| Restoring::Draft { wanted, reply }).await;
        drafted.map_err(RestoreFault::Act)?
    }

    /// Opens an epoch with root's signature over what [`Keeper::draft_epoch`] gave. The private halves of its keys have to be on
    /// disk, and in a backup, before.
    ///
    /// # Errors
    /// [`RestoreFault`].
    pub async fn open_epoch(&self, wanted: Wanted, signature: Signature) -> Result<Settled, RestoreFault> {
        let signature = Box::new(signature);
        let opened = self.restore(|reply| Restoring::Open { wanted, signature, reply }).await;
        opened.map_err(RestoreFault::Act)?
    }
}

impl Record {
    /// What a person does about a restore, on the tentative state.
    pub(super) fn restore(&mut self, restoring: Restoring, turn: &mut Turn) {
        match restoring {
            Restoring::Judge { line, said, user, reply } => match self.judge(line, &said, turn) {
                Ok((line, judged)) => self.settled(line, judged, user, reply, turn),
                Err(fault) => drop(reply.send(Err(fault))),
            },
            Restoring::Draft { wanted, reply } => drop(reply.send(self.draft(&wanted, turn))),
            Restoring::Open { wanted, signature, reply } => match self.open(&wanted, &signature, turn) {
                Ok((line, judged)) => {
                    turn.batch.retired.push((wanted.line.0, None));
                    self.settled(line, judged, wanted.user, reply, turn);
                }
                Err(fault) => drop(reply.send(Err(fault))),
            },
        }
    }

    fn judge(&self, id: LineId, said: &Said, turn: &Turn) -> Result<(Line, Judged), RestoreFault> {
        let line = &self.lines.line(&id).ok_or(Refusal::UnknownLine)?.line;
        listed(line, &said.granted, &said.judgement)?;
        let mut judged = line.clone();
        let made = judged.take_back(&said.judgement, &|epoch, at| self.bytes(turn, id, epoch, at))?;
        Ok((judged, made))
    }

    /// What root would sign.
    fn draft(&self, wanted: &Wanted, turn: &Turn) -> Result<Unsigned, RestoreFault> {
        self.opening(wanted, turn, |line, given| {
            let root = PublicKey::from_bytes(line.charter().party(line.me()).keys.root);
            let asked = Asked { root, message: RefCell::default() };
            line.clone().open_epoch(&wanted.new, &asked, given)?;
            Ok(Unsigned { root, message: asked.message.into_inner() })
        })
    }

    /// The line with the epoch opened, and what is to be committed.
    fn open(&self, wanted: &Wanted, signature: &Signature, turn: &Turn) -> Result<(Line, Judged), RestoreFault> {
        self.opening(wanted, turn, |line, given| {
            let root = PublicKey::from_bytes(line.charter().party(line.me()).keys.root);
            let signed = Signed { root, signature, holds: Cell::new(true) };
            let mut opened = line.clone();
            let judged = opened.open_epoch(&wanted.new, &signed, given)?;
            if signed.holds.get() { Ok((opened, judged)) } else { Err(RestoreFault::Moved) }
        })
    }

    fn opening<T>(
        &self,
        wanted: &Wanted,
        turn: &Turn,
        open: impl FnOnce(&Line, &Given<'_>) -> Result<T, RestoreFault>,
    ) -> Result<T, RestoreFault> {
        let id = wanted.line;
        let line = &self.lines.line(&id).ok_or(Refusal::UnknownLine)?.line;
        listed(line, &wanted.granted, &wanted.new.judgement)?;
        let stored = |epoch, at| self.bytes(turn, id, epoch, at);
        let first = self.keys.first();
        let given = Given { now: wanted.now, ..self.given(&first, &stored, &Steady::default()) };
        open(line, &given)
    }

    /// The bytes of an entry: written in this turn, or stored.
    fn bytes(&self, turn: &Turn, id: LineId, epoch: Epoch, at: EntryRef) -> Option<Vec<u8>> {
        let mine = |(line, w): &&(LineId, Written)| *line == id && w.epoch == epoch && w.entry.header.at() == at;
        let written = turn.opened.iter().find(mine).map(|(_, written)| written.entry.bytes.clone());
        written.or_else(|| self.reader.entry(entry_key(id, epoch, at)).ok().flatten().map(|row| row.bytes))
    }

    /// The body of an entry of ours that the peer shows once more, if we keep the entry without it.
    pub(super) fn late_body(&self, id: LineId, input: &Input) -> Option<LateBody> {
        let Input::Shown(shown) = input else { return None };
        let (header, body) = (&shown.entry.header, shown.body.as_ref()?);
        let key = entry_key(id, header.epoch, header.at());
        let lacks = header.attests(body) && self.reader.lacks_body(key, &shown.entry.bytes).unwrap_or(false);
        lacks.then(|| LateBody { key, bytes: shown.entry.bytes.clone(), body: body.clone() })
    }

    /// Puts what was decided into the turn: what was taken back and the opening, what was refused, who said so.
    fn settled(&mut self, line: Line, judged: Judged, user: String, reply: Reply, turn: &mut Turn) {
        let id = line.id();
        let judged_only = judged.written.iter().all(|w| w.taken_back);
        let taken_back = judged.written.iter().filter(|w| w.taken_back);
        let settled =
            Settled { epoch: line.epoch(), taken_back: taken_back.clone().count(), left: judged.refused.len() };
        let mut epochs: Vec<Epoch> = taken_back.map(|written| written.epoch).collect();
        epochs.dedup();
        let taken = epochs.into_iter().filter_map(|epoch| Some(Part { epoch, head: taken_to(&line, epoch, &judged)? }));
        let parts = taken.map(|part| (part, true)).chain(judged.refused.iter().map(|part| (*part, false)));
        let row = |(Part { epoch, head }, taken)| store::Judged {
            line: id.0,
            epoch: epoch_key(epoch),
            size: head.size,
            root: head.root,
            taken,
            user: user.clone(),
        };
        turn.batch.judged.extend(parts.map(row));
        turn.batch.folded.extend(judged.folded.iter().filter_map(|folded| folded_row(id, folded)));
        turn.touched.insert(id);
        turn.opened.extend(judged.written.into_iter().map(|written| (id, written)));
        turn.beside.push(Caller::Settles { reply, settled });
        if let Some(kept) = self.lines.kept.get_mut(&id) {
            kept.line = line;
            kept.stirred = true;
            // An opening ends that, committed or not.
            kept.retires = kept.retires.filter(|_| judged_only);
        }
    }
}

/// How far our log of an epoch reaches with what was taken back into it.
fn taken_to(line: &Line, epoch: Epoch, judged: &Judged) -> Option<counterpart_core::record::entry::Head> {
    let last = judged.written.iter().rfind(|w| w.taken_back && w.epoch == epoch)?;
    let size = last.entry.header.own.size + 1;
    line.span(epoch)?.own().at(size).map(|log| log.head())
}

/// Whether root's list names our key in force and the keys of what is judged, if anything is: beside another station's list, or an older
/// copy of ours, no person saw whose it can be.
fn listed(line: &Line, granted: &[PublicKey], judgement: &Judgement) -> Result<(), RestoreFault> {
    if *judgement == Judgement::default() {
        return Ok(());
    }
    let shown = line.shown();
    let named = |shown: &&Showing<'_>| {
        let mut parts = judgement.take.iter().chain(&judgement.refuse);
        parts.any(|part| shown.up_to(part.head.size).as_ref() == Some(part))
    };
    let keys = std::iter::once(line.signer()).chain(shown.iter().filter(named).map(|shown| shown.key));
    match keys.into_iter().find(|key| !granted.contains(key)) {
        Some(key) => Err(RestoreFault::NotListed(key)),
        None => Ok(()),
    }
}

/// Stands in for root, to learn what it is asked to sign.
struct Asked {
    root: PublicKey,
    message: RefCell<Vec<u8>>,
}

impl Sign for Asked {
    fn public(&self) -> PublicKey {
        self.root
    }

    fn sign(&self, message: &[u8]) -> Signature {
        self.message.replace(message.to_vec());
        [0; 64]
    }
}

/// Stands in for root with a signature that it gave.
struct Signed<'a> {
    root: PublicKey,
    signature: &'a Signature,
    /// It is a signature over what was asked.
    holds: Cell<bool>,
}

impl Sign for Signed<'_> {
    fn public(&self) -> PublicKey {
        self.root
    }

    fn sign(&self, message: &[u8]) -> Signature {
        self.holds.set(self.holds.get() && Strict.verify(&self.root, message, self.signature));
        *self.signature
    }
}
