//! One log of one epoch: the append rule, for our own entries and for the peer's alike (`docs/protocol.md` §4.2, §4.3).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::cbor::Value;
use super::entry::{Head, Header};
use super::merkle::{Edge, Hash, empty_root, leaf_hash};
use super::opening::Opening;
use super::sign1::{AAD_ENTRY, AAD_KEY, PublicKey, Sealed, Verify, open, to_be_signed};
use super::what::What;
use crate::fault::Misconduct;
use crate::ids::{Epoch, LineId, Party};

/// The growing end of one log: enough to append, and to judge the heads that the other side names of it.
#[derive(Clone, Debug)]
pub struct Log {
    line: LineId,
    epoch: Epoch,
    party: Party,
    edge: Edge,
    /// From which index on each key signs; the last signs the next entry.
    keys: Vec<(u64, PublicKey)>,
    /// Signs new keys.
    root: PublicKey,
    /// The serial of the last `key` entry; root's grants are numbered from 1 and never go back.
    serial: u64,
    /// The highest head of the other log that this one has named; heads never go back.
    named: Head,
    /// The log at the smallest size that the other side may still name.
    base: Base,
    /// What was appended since.
    steps: VecDeque<Step>,
}

/// A log at some size.
#[derive(Clone, Debug)]
struct Base {
    edge: Edge,
    root: Hash,
    serial: u64,
}

/// One entry that was appended: its leaf, and the root and the serial after it.
#[derive(Clone, Debug)]
struct Step {
    leaf: Hash,
    root: Hash,
    serial: u64,
}

/// An entry that has been judged fit to append.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Exactly as signed.
    pub bytes: Vec<u8>,
    /// Its hash in the tree.
    pub leaf: Hash,
    /// What it says.
    pub header: Header,
}

impl Entry {
    /// Reads an entry without judging its place or its signature.
    ///
    /// # Errors
    /// [`Misconduct::BadSignature`] if it is in no frame that carries a signature, else [`Misconduct::NotCanonical`], of which its
    /// author is accused only if [`signed_bytes`] shows that it signed it.
    pub fn read(bytes: &[u8]) -> Result<Entry, Misconduct> {
        let sealed = open(bytes).map_err(|_| Misconduct::BadSignature)?;
        let header = Header::decode(sealed.payload).map_err(|fault| Misconduct::NotCanonical(Some(fault)))?;
        Ok(Entry { bytes: bytes.into(), leaf: leaf_hash(bytes), header })
    }

    /// Whether this entry is signed by `key`.
    pub fn signed_by(&self, key: &PublicKey, verify: &dyn Verify) -> bool {
        signed_bytes(&self.bytes, key, verify)
    }
}

impl Log {
    /// A log that holds nothing yet; `key` signs its first entry, `root` any new keys.
    pub fn new(line: LineId, epoch: Epoch, party: Party, key: PublicKey, root: PublicKey) -> Log {
        let named = Head::empty();
        let base = Base { edge: Edge::new(), root: empty_root(), serial: 0 };
        Log {
            line,
            epoch,
            party,
            edge: Edge::new(),
            keys: alloc::vec![(0, key)],
            root,
            serial: 0,
            named,
            base,
            steps: VecDeque::new(),
        }
    }

    /// This log as it was at `size`; `None` if that is longer ago than the other side may name, or was never.
    pub fn at(&self, size: u64) -> Option<Log> {
        let past = usize::try_from(size.checked_sub(self.from())?).ok().filter(|past| *past <= self.steps.len())?;
        let mut log = Log { edge: self.base.edge.clone(), ..self.clone() };
        log.steps.truncate(past);
        log.steps.iter().for_each(|step| log.edge.push(step.leaf));
        log.keys.retain(|(from, _)| *from <= size);
        log.serial = log.steps.back().map_or(self.base.serial, |step| step.serial);
        Some(log)
    }

    /// The smallest size that the other side may still name: the largest that it has named, as far as we hold.
    pub fn from(&self) -> u64 {
        self.base.edge.size()
    }

    /// The leaf of the entry at an index; `None` if it is longer ago than the other side may name, or not there.
    pub fn leaf_at(&self, index: u64) -> Option<Hash> {
        let at = usize::try_from(index.checked_sub(self.from())?).ok()?;
        self.steps.get(at).map(|step| step.leaf)
    }

    /// On which line.
    pub fn line(&self) -> LineId {
        self.line
    }

    /// Whose log it is.
    pub fn party(&self) -> Party {
        self.party
    }

    /// In which epoch.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Entries held.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// Size and root.
    pub fn head(&self) -> Head {
        Head { size: self.edge.size(), root: self.edge.root() }
    }

    /// The tree's right edge, to be stored.
    pub fn edge(&self) -> &Edge {
        &self.edge
    }

    /// The key that signs the next entry.
    pub fn key(&self) -> PublicKey {
        self.key_at(self.size())
    }

    /// The key that was in force at an index, or is.
    pub fn key_at(&self, index: u64) -> PublicKey {
        let since = self.keys.iter().rev().find(|(from, _)| *from <= index);
        since.map_or(self.root, |(_, key)| *key)
    }

    /// Every key that has signed here or would sign next, the last first.
    pub fn keys(&self) -> impl Iterator<Item = PublicKey> + '_ {
        self.keys.iter().rev().map(|(_, key)| *key)
    }

    /// The key that signs new keys.
    pub fn root_key(&self) -> PublicKey {
        self.root
    }

    /// The highest head of the other log that an entry of this one names.
    pub fn named(&self) -> Head {
        self.named
    }

    /// The root this log had at `size`; `None` if it is longer ago than the other side may name, or was never.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        match size.checked_sub(self.from())? {
            0 => Some(self.base.root),
            past => self.steps.get(usize::try_from(past - 1).ok()?).map(|step| step.root),
        }
    }

    /// Whether this log has had this head, as far back as the other side may name one.
    pub fn had(&self, head: &Head) -> bool {
        self.root_at(head.size) == Some(head.root)
    }

    /// Judges whether `entry`, which is not held already, may stand next in this log; `other` is the other log of the line.
    ///
    /// # Errors
    /// The [`Misconduct`].
    pub fn judge(&self, entry: &Entry, other: &Log, verify: &dyn Verify) -> Result<(), Misconduct> {
        self.judge_among(entry, &|head| other.had(head), verify)
    }

    /// The same, where `had` says whether the other log has had a head: of one that was forked, either branch may be named.
    ///
    /// # Errors
    /// The [`Misconduct`] that halts this log.
    pub fn judge_among(
        &self,
        entry: &Entry,
        had: &dyn Fn(&Head) -> bool,
        verify: &dyn Verify,
    ) -> Result<(), Misconduct> {
        self.continues(entry, verify)?;
        let header = &entry.header;
        if header.held.size < self.named.size {
            return Err(Misconduct::HeadWentBack);
        }
        if !had(&header.held) {
            return Err(Misconduct::HeadNeverOurs);
        }
        if serial(header).is_some_and(|serial| serial <= self.serial) {
            return Err(Misconduct::StaleGrant);
        }
        Ok(())
    }

    /// Whether `entry` continues this log and its author's key has signed it. The head that it names is not judged.
    ///
    /// # Errors
    /// The [`Misconduct`] that halts this log.
    pub fn continues(&self, entry: &Entry, verify: &dyn Verify) -> Result<(), Misconduct> {
        let header = &entry.header;
        if header.line != self.line {
            return Err(Misconduct::WrongLine);
        }
        if header.party != self.party {
            return Err(Misconduct::WrongParty);
        }
        if header.epoch != self.epoch {
            return Err(Misconduct::WrongEpoch);
        }
        if header.own.size < self.size() {
            // Two entries at one index accuse their author only if both are signed.
            let signed = entry.signed_by(&self.key_at(header.own.size), verify);
            return Err(if signed { Misconduct::Fork } else { Misconduct::BadSignature });
        }
        if header.own.size > self.size() {
            return Err(Misconduct::WrongPlace);
        }
        // What follows accuses the author, so it must be the author's.
        if !vouched(entry, &self.key(), &self.root, verify) {
            return Err(Misconduct::BadSignature);
        }
        if header.own == self.head() {
            return Ok(());
        }
        // Before index 0 there is nothing of which its author could have signed two histories.
        Err(if self.size() == 0 { Misconduct::WrongEpoch } else { Misconduct::Fork })
    }

    /// Appends an entry that was judged, or that we have just signed.
    pub fn append(&mut self, entry: &Entry) {
        assert!(entry.header.own.size == self.size(), "only what continues the log is appended");
        self.edge.push(entry.leaf);
        self.named = entry.header.held;
        let size = self.size();
        self.keys.extend(key_after(&entry.header).map(|key| (size, key)));
        self.serial = serial(&entry.header).unwrap_or(self.serial);
        let (leaf, root) = (entry.leaf, self.edge.root());
        self.steps.push_back(Step { leaf, root, serial: self.serial });
    }

    /// Forgets roots that the other side, having named `size`, can no longer name.
    pub fn forget_roots_below(&mut self, size: u64) {
        while self.from() < size
            && let Some(step) = self.steps.pop_front()
        {
            self.base.edge.push(step.leaf);
            self.base = Base { edge: core::mem::take(&mut self.base.edge), root: step.root, serial: step.serial };
        }
    }
}

/// Whether these bytes are a frame that `key` has signed as an entry, whatever it says.
pub fn signed_bytes(bytes: &[u8], key: &PublicKey, verify: &dyn Verify) -> bool {
    open(bytes).is_ok_and(|sealed: Sealed<'_>| sealed.verify(AAD_ENTRY, key, verify))
}

/// Whether `entry` is signed by `key`, the one in force at its index, and the keys that it brings are signed for: those of
/// a `key` by root and by the new station key (§4.5), those of a charter that opens an epoch by root (§4.6).
pub fn vouched(entry: &Entry, key: &PublicKey, root: &PublicKey, verify: &dyn Verify) -> bool {
    let granted = match &entry.header.what {
        Ok(What::Key { serial, keys, root: by_root, proof }) => {
            let [station, ..] = keys;
            let message = to_be_signed(AAD_KEY, &key_grant(entry.header.line, entry.header.epoch, *serial, keys));
            verify.verify(root, &message, by_root) && verify.verify(&PublicKey::from_bytes(*station), &message, proof)
        }
        _ => opened_with(&entry.header).is_none() || key == root,
    };
    granted && entry.signed_by(key, verify)
}

/// The serial of the grant that a `key` entry carries (§4.5).
fn serial(header: &Header) -> Option<u64> {
    if let Ok(What::Key { serial, .. }) = &header.what { Some(*serial) } else { None }
}

/// The key that signs what follows this entry, if the entry changes it: a `key` (§4.5), or the charter of a new epoch (§4.6).
pub fn key_after(header: &Header) -> Option<PublicKey> {
    let station = match header.what.as_ref().ok()? {
        What::Key { keys: [station, ..], .. } => *station,
        _ => opened_with(header)?,
    };
    Some(PublicKey::from_bytes(station))
}

/// The station key with which this entry opens an epoch, if it does. A charter beyond index 0 is void and opens nothing.
pub fn opened_with(header: &Header) -> Option<Hash> {
    match header.what.as_ref().ok()? {
        What::Charter(args) if header.own.size == 0 => match Opening::read(args)? {
            Opening::Opened { keys: [station, ..], .. } => Some(station),
            Opening::Paired { .. } | Opening::Joined { .. } => None,
        },
        _ => None,
    }
}

/// What root signs of new keys (§4.5): line, epoch, serial and the three keys, as CBOR, under `counterpart/key/v1`. Serials begin
/// again in each epoch, so the grant names its epoch: it serves in no other.
pub fn key_grant(line: LineId, epoch: Epoch, serial: u64, keys: &[Hash; 3]) -> Vec<u8> {
    let keys = keys.iter().map(|k| Value::bytes(k)).collect();
    let epoch = Value::Array(alloc::vec![Value::Uint(epoch.number), Value::bytes(&epoch.id)]);
    Value::Array(alloc::vec![Value::bytes(&line.0), epoch, Value::Uint(serial), Value::Array(keys)]).encode()
}
