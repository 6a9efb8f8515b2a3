//! Index 0: what both have signed, and the entry with which each log begins (`docs/protocol.md` §5.2).

use super::Means;
use crate::fault::Misconduct;
use crate::ids::{Epoch, Party};
use crate::record::charter::{Charter, PartyTerms};
use crate::record::entry::{Head, Header};
use crate::record::log::{Entry, Log};
use crate::record::merkle::{Edge, leaf_hash};
use crate::record::opening::Opening;
use crate::record::sign1::{AAD_CHARTER, AAD_ENTRY, PublicKey, Signature, Verify};
use crate::record::sign1::{seal, to_be_signed};
use crate::record::what::What;

/// A charter under both signatures.
#[derive(Clone, Debug)]
pub(super) struct Agreed {
    /// The final charter.
    pub(super) charter: Charter,
    /// The inviter's first.
    pub(super) signatures: [Signature; 2],
}

/// The head of a log that holds this entry alone.
pub(super) fn head_after(entry: &Entry) -> Head {
    let mut edge = Edge::new();
    edge.push(entry.leaf);
    Head { size: edge.size(), root: edge.root() }
}

/// Signs a charter with the station's key.
pub(super) fn sign(charter: &Charter, means: &Means<'_>) -> Signature {
    means.key.sign(&to_be_signed(AAD_CHARTER, &charter.encode()))
}

/// Whether a signature under a charter is that party's.
pub(super) fn signed(charter: &Charter, party: Party, signature: &Signature, verify: &dyn Verify) -> bool {
    let key = PublicKey::from_bytes(charter.party(party).keys.station);
    let message = to_be_signed(AAD_CHARTER, &charter.encode());
    verify.verify(&key, &message, signature)
}

/// Whether the station's key is the one that these terms name.
pub(super) fn is_ours(terms: &PartyTerms, means: &Means<'_>) -> bool {
    *means.key.public().as_bytes() == terms.keys.station
}

impl Agreed {
    fn opening(&self) -> Opening {
        Opening::Paired { charter: self.charter.encode(), signatures: self.signatures }
    }

    /// Writes and signs `party`'s index 0. `held` is the peer's index 0, if it is stored in the same commit.
    pub(super) fn entry(&self, party: Party, held: Option<&Entry>, means: &Means<'_>) -> Entry {
        let heads = [Head::empty(), held.map_or(Head::empty(), head_after)];
        let what = What::Charter(self.opening().write());
        let header = Header::of((self.charter.line, Epoch::FIRST, party), heads, means.now, Ok(what));
        let bytes = seal(AAD_ENTRY, &header.encode(), means.key);
        Entry { leaf: leaf_hash(&bytes), bytes, header }
    }

    /// Judges `party`'s index 0, which may name what the other side has written.
    pub(super) fn judge(
        &self,
        party: Party,
        bytes: &[u8],
        other: Option<&Entry>,
        verify: &dyn Verify,
    ) -> Result<Entry, Misconduct> {
        let entry = Entry::read(bytes)?;
        let mut peer = self.log(party.peer());
        if let Some(other) = other {
            peer.append(other);
        }
        self.log(party).judge(&entry, &peer, verify)?;
        let carries = |what: &What| match what {
            What::Charter(args) => Opening::read(args) == Some(self.opening()),
            _ => false,
        };
        if entry.header.what.as_ref().is_ok_and(carries) { Ok(entry) } else { Err(Misconduct::OtherCharter) }
    }

    fn log(&self, party: Party) -> Log {
        let keys = &self.charter.party(party).keys;
        let key = PublicKey::from_bytes(keys.station);
        let root = PublicKey::from_bytes(keys.root);
        Log::new(self.charter.line, Epoch::FIRST, party, key, root)
    }
}
