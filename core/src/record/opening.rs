//! Index 0 of a log: what its `charter` entry carries (`docs/protocol.md` §5.2, §4.6).

use alloc::vec::Vec;

use super::cbor::Value;
use super::charter::Keys;
use super::entry::Head;
use super::merkle::Hash;
use super::sign1::Signature;
use crate::ids::{Epoch, Party};
use crate::limits;

/// The last heads of one earlier epoch that the author of a new epoch's charter held, in the order of the parties.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpochHeads {
    /// Which epoch.
    pub epoch: Epoch,
    /// Of the inviter's log and of the joiner's.
    pub heads: [Head; 2],
}

/// How a log begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Opening {
    /// The whole charter with both stations' signatures over it, the inviter's first.
    Paired {
        /// As [`super::charter::Charter::encode`] writes it.
        charter: Vec<u8>,
        /// Over `COSE_Sign1`'s structure with `counterpart/charter/v1`.
        signatures: [Signature; 2],
    },
    /// A new epoch, opened by this side: the entry is signed by its root key.
    Opened {
        /// Fresh station, link and word keys.
        keys: [Hash; 3],
        /// The last heads held, of every earlier epoch.
        heads: Vec<EpochHeads>,
    },
    /// A new epoch that the peer opened: the entry is signed by the station key that its `key` entries vouch for.
    Joined {
        /// The last heads held, of every earlier epoch.
        heads: Vec<EpochHeads>,
        /// The author has been restored from a backup itself.
        restored: bool,
    },
}

impl Opening {
    /// The `args` of the entry.
    pub fn write(&self) -> Value {
        let uint = Value::Uint;
        Value::Array(match self {
            Opening::Paired { charter, signatures } => {
                let [inviter, joiner] = signatures;
                alloc::vec![uint(0), Value::bytes(charter), Value::bytes(inviter), Value::bytes(joiner)]
            }
            Opening::Opened { keys, heads } => {
                let keys = keys.iter().map(|k| Value::bytes(k)).collect();
                alloc::vec![uint(1), Value::Array(keys), write_heads(heads)]
            }
            Opening::Joined { heads, restored } => {
                alloc::vec![uint(2), write_heads(heads), Value::Bool(*restored)]
            }
        })
    }

    /// Reads the `args`; `None` if they are none of the three, or name more than `limits::EPOCHS_MAX` epochs.
    pub fn read(args: &Value) -> Option<Opening> {
        match args.as_array()? {
            [Value::Uint(0), charter, inviter, joiner] => Some(Opening::Paired {
                charter: charter.as_bytes()?.into(),
                signatures: [inviter.as_array_of()?, joiner.as_array_of()?],
            }),
            [Value::Uint(1), keys, heads] => {
                let [station, link, word] = keys.as_array()? else {
                    return None;
                };
                let keys = [station.as_array_of()?, link.as_array_of()?, word.as_array_of()?];
                Some(Opening::Opened { keys, heads: read_heads(heads)? })
            }
            [Value::Uint(2), heads, restored] => {
                Some(Opening::Joined { heads: read_heads(heads)?, restored: restored.as_bool()? })
            }
            _ => None,
        }
    }

    /// The heads of earlier epochs that it names.
    pub fn heads(&self) -> &[EpochHeads] {
        match self {
            Opening::Paired { .. } => &[],
            Opening::Opened { heads, .. } | Opening::Joined { heads, .. } => heads,
        }
    }
}

/// The keys in force after an opening: fresh ones in a new epoch, those before it otherwise.
pub fn keys_after(opening: &Opening, before: Keys) -> Keys {
    match opening {
        Opening::Opened { keys: [station, link, word], .. } => {
            Keys { root: before.root, station: *station, link: *link, word: *word }
        }
        Opening::Paired { .. } | Opening::Joined { .. } => before,
    }
}

fn write_heads(heads: &[EpochHeads]) -> Value {
    Value::Array(heads.iter().map(EpochHeads::write).collect())
}

impl EpochHeads {
    /// The head of one party's log.
    pub fn of(&self, party: Party) -> Head {
        let [inviter, joiner] = self.heads;
        if party == Party::Inviter { inviter } else { joiner }
    }

    /// As a charter's `args` and the frames of the link carry them.
    pub(crate) fn write(&self) -> Value {
        let head = |h: &Head| Value::Array(alloc::vec![Value::Uint(h.size), Value::bytes(&h.root)]);
        let epoch = Value::Array(alloc::vec![Value::Uint(self.epoch.number), Value::bytes(&self.epoch.id)]);
        let mut list = alloc::vec![epoch];
        list.extend(self.heads.iter().map(head));
        Value::Array(list)
    }

    /// `None` if it is not in that form.
    pub(crate) fn read(value: &Value) -> Option<EpochHeads> {
        let [epoch, inviter, joiner] = value.as_array()? else {
            return None;
        };
        let [number, id] = epoch.as_array()? else {
            return None;
        };
        let head = |v: &Value| {
            let [size, root] = v.as_array()? else {
                return None;
            };
            Some(Head { size: size.as_uint()?, root: root.as_array_of()? })
        };
        Some(EpochHeads {
            epoch: Epoch { number: number.as_uint()?, id: id.as_array_of()? },
            heads: [head(inviter)?, head(joiner)?],
        })
    }
}

fn read_heads(value: &Value) -> Option<Vec<EpochHeads>> {
    let items = value.as_array().filter(|items| items.len() <= limits::EPOCHS_MAX)?;
    items.iter().map(EpochHeads::read).collect()
}
