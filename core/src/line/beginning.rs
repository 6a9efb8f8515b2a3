//! How a log begins (`docs/protocol.md` §4.6, §5): what may stand at its index 0.

use super::Line;
use super::turn::{Answer, Given, Written};
use crate::fault::{Bar, Misconduct, Refusal};
use crate::ids::{Epoch, Party};
use crate::record::entry::{Head, Header};
use crate::record::log::Entry;
use crate::record::opening::Opening;
use crate::record::sign1::{AAD_CHARTER, PublicKey, Signature, Strict, Verify, to_be_signed};
use crate::record::what::What;

impl Line {
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
        let standing = self.serving_mut().append(&entry);
        let epoch = self.epoch();
        Ok(Some(Written { epoch, entry, body: None, standing, thing: Some(at), taken_back: false }))
    }

    /// Writes index 0 of our log of the first epoch ourselves.
    ///
    /// # Errors
    /// [`Refusal::Barred`] if our log has begun.
    pub fn open(&mut self, opening: &Opening, given: &Given<'_>) -> Result<Written, Refusal> {
        if self.own().size() > 0 {
            return Err(Refusal::Barred(Bar::NotAtIndexZero));
        }
        Ok(self.begin_log(Epoch::FIRST, opening, given.now, given.sign))
    }

    /// Whether their index 0 opens this epoch: the charter that we hold, signed by both.
    pub(super) fn opens(&self, header: &Header) -> bool {
        let Ok(What::Charter(args)) = &header.what else { return false };
        let Some(Opening::Paired { charter, signatures }) = Opening::read(args) else { return false };
        let message = to_be_signed(AAD_CHARTER, &charter);
        let signed = |(party, signature): (Party, &Signature)| {
            let key = PublicKey::from_bytes(self.charter.party(party).keys.station);
            Strict.verify(&key, &message, signature)
        };
        charter == self.charter.encode() && Party::BOTH.into_iter().zip(&signatures).all(signed)
    }

    /// Whether the entry is of an epoch that is known here or that it opens, and begins its log there if it stands at index 0.
    pub(super) fn knows(&mut self, entry: &Entry, verify: &dyn Verify) -> Result<(), Answer> {
        let header = &entry.header;
        let (epoch, peer) = (header.epoch, self.me.peer());
        let begun = self.span(epoch).map(|span| span.peer().size() > 0);
        if epoch == Epoch::FIRST || begun == Some(true) {
            return Ok(());
        }
        let opening = header.what.as_ref().ok().filter(|_| header.own.size == 0);
        let opening = opening.and_then(|what| if let What::Charter(args) = what { Opening::read(args) } else { None });
        let key = match (opening, begun) {
            // Its place may be known already: by what the peer has shown of our own log there.
            (Some(Opening::Opened { .. }), _) if !self.span(epoch).is_some_and(|span| span.is_opened_by_us()) => {
                if self.jumps(epoch) {
                    return Err(Answer::Misconduct(Misconduct::EpochJump));
                }
                let root = PublicKey::from_bytes(self.charter().party(peer).keys.root);
                // Whoever opens an epoch draws its id, so nobody else has a log there.
                let nothing = Head::empty();
                if header.line != self.id() || header.held != nothing || self.peer_has_opened_all() {
                    return Err(self.accuse(epoch, Misconduct::WrongEpoch));
                }
                if !entry.signed_by(&root, verify) {
                    return Err(self.accuse(epoch, Misconduct::BadSignature));
                }
                // What opens nothing leaves nothing behind: its author could make as many as it likes.
                if begun.is_none() && !self.could_begin(entry, root, verify) {
                    return Err(self.accuse(epoch, Misconduct::WrongEpoch));
                }
                root
            }
            // One side opens an epoch and the other joins it.
            (Some(Opening::Joined { .. }), Some(_)) if self.span(epoch).is_some_and(|span| span.is_opened_by_us()) => {
                self.joins_with(entry, verify).ok_or(Answer::LetGo)?
            }
            // It joins an epoch that we may have opened and lost.
            (Some(Opening::Joined { .. }), _) => return Err(Answer::LetGo),
            // It follows what was let go.
            (None, None) if header.own.size > 0 && !self.signs() => return Err(Answer::LetGo),
            (None, Some(_)) if header.own.size > 0 && epoch < self.latest() => return Err(Answer::LetGo),
            _ => return Err(self.accuse(epoch, Misconduct::WrongEpoch)),
        };
        self.begins_with(header, key);
        Ok(())
    }
}
