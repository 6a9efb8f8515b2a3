//! What a person does about a restore, on the record thread: see what root would sign, and open an epoch with what it signed
//! (`docs/protocol.md` §4.6). The root key is not here: it signs where it is kept, and only its signature comes.

use std::cell::{Cell, RefCell};

use counterpart_core::fault::Refusal;
use counterpart_core::ids::{Epoch, LineId};
use counterpart_core::line::Line;
use counterpart_core::line::restore::NewEpoch;
use counterpart_core::line::turn::{Given, Written};
use counterpart_core::record::sign1::{PublicKey, Sign, Signature, Strict, Verify};
use counterpart_core::time::Timestamp;
use tokio::sync::oneshot;

use super::Keeper;
use super::inbox::ActFault;

/// An epoch that a person wants opened.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// On which line.
    pub line: LineId,
    /// What is opened.
    pub new: NewEpoch,
    /// The time that its charter claims.
    pub now: Timestamp,
}

/// What root signs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unsigned {
    /// The root key that the charter of the line names.
    pub root: PublicKey,
    /// The bytes to be signed, as they are.
    pub message: Vec<u8>,
}

/// An epoch that is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opened {
    /// Which.
    pub epoch: Epoch,
    /// Entries of ours that were taken back from the peer in the same commit.
    pub taken_back: usize,
}

/// Why no epoch was opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OpenFault {
    /// Our person may not do this now, or our machine failed.
    Act(ActFault),
    /// The record has moved since root signed, or root signed something else: ask for what is to be signed again.
    Moved,
}

/// One thing for the record thread to do.
pub(super) enum Restoring {
    Draft { wanted: Wanted, reply: oneshot::Sender<Result<Unsigned, ActFault>> },
    Open { wanted: Wanted, signature: Box<Signature>, reply: oneshot::Sender<Result<Opened, OpenFault>> },
}

impl Keeper {
    /// What root has to sign, as the record stands now. Nothing is written.
    ///
    /// # Errors
    /// [`ActFault`].
    pub async fn draft_epoch(&self, wanted: Wanted) -> Result<Unsigned, ActFault> {
        self.restore(|reply| Restoring::Draft { wanted, reply }).await?
    }

    /// Opens an epoch with root's signature over what [`Keeper::draft_epoch`] gave. The private halves of its keys have to be on
    /// disk, and in a backup, before.
    ///
    /// # Errors
    /// [`OpenFault`].
    pub async fn open_epoch(&self, wanted: Wanted, signature: Signature) -> Result<Opened, OpenFault> {
        let signature = Box::new(signature);
        let opened = self.restore(|reply| Restoring::Open { wanted, signature, reply }).await;
        opened.map_err(OpenFault::Act)?
    }
}

/// What root would sign for this line.
pub(super) fn draft(line: &Line, new: &NewEpoch, given: &Given<'_>) -> Result<Unsigned, Refusal> {
    let root = PublicKey::from_bytes(line.charter().party(line.me()).keys.root);
    let asked = Asked { root, message: RefCell::default() };
    line.clone().open_epoch(new, &asked, given)?;
    Ok(Unsigned { root, message: asked.message.into_inner() })
}

/// The line with the epoch opened, and what is to be committed.
pub(super) fn open(
    line: &Line,
    new: &NewEpoch,
    signature: &Signature,
    given: &Given<'_>,
) -> Result<(Line, Vec<Written>), OpenFault> {
    let root = PublicKey::from_bytes(line.charter().party(line.me()).keys.root);
    let signed = Signed { root, signature, holds: Cell::new(true) };
    let mut opened = line.clone();
    let judged = opened.open_epoch(new, &signed, given);
    let judged = judged.map_err(|refusal| OpenFault::Act(ActFault::Refused(refusal)))?;
    if !signed.holds.get() {
        return Err(OpenFault::Moved);
    }
    Ok((opened, judged.written))
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
