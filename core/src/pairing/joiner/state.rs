//! The joiner's state to bytes and back, for the store.

use alloc::{boxed::Box, vec::Vec};

use super::{Joiner, Phase, Stage};
use crate::ids::Party;
use crate::pairing::draft::Draft;
use crate::pairing::invitation::{Secret, read_addresses};
use crate::pairing::{End, STATE_VERSION, StateFault};
use crate::record::cbor::Value;
use crate::record::charter::PartyTerms;
use crate::record::log::Entry;

impl Joiner {
    /// The bytes to store. They hold the secret while it is live.
    pub fn encode(&self) -> Vec<u8> {
        let uint = Value::Uint;
        let addresses = self.addresses.iter().map(|a| Value::text(a)).collect();
        let mut items = alloc::vec![
            uint(STATE_VERSION),
            uint(Party::Joiner.number()),
            Value::bytes(&self.draft.encode()),
            Value::Array(addresses),
            self.charter.party(Party::Joiner).write(),
        ];
        match &self.phase {
            Phase::Pending { secret, stage } => {
                items.extend([uint(0), secret.write()]);
                match stage {
                    Stage::Invited => items.push(uint(0)),
                    Stage::Seen => items.push(uint(1)),
                    Stage::Signed(signature) => items.push(Value::bytes(signature)),
                }
            }
            Phase::Open { entry } => items.extend([uint(1), Value::bytes(&entry.bytes)]),
            Phase::Ended(end) => items.extend([uint(2), uint(end.number())]),
        }
        Value::Array(items).encode()
    }

    /// Reads what [`Joiner::encode`] writes.
    ///
    /// # Errors
    /// [`StateFault`].
    pub fn decode(bytes: &[u8]) -> Result<Joiner, StateFault> {
        let value = Value::decode(bytes).map_err(|_| StateFault::Malformed)?;
        match value.as_array() {
            Some([Value::Uint(STATE_VERSION), Value::Uint(1), rest @ ..]) => read(rest).ok_or(StateFault::Malformed),
            Some([Value::Uint(version), ..]) if *version != STATE_VERSION => Err(StateFault::Version(*version)),
            _ => Err(StateFault::Malformed),
        }
    }
}

fn read(items: &[Value]) -> Option<Joiner> {
    let [draft, addresses, terms, phase @ ..] = items else {
        return None;
    };
    let draft = Draft::decode(draft.as_bytes()?).ok()?;
    let phase = match phase {
        [Value::Uint(0), secret, stage] => Phase::Pending {
            secret: Secret::read(secret)?,
            stage: match stage {
                Value::Uint(0) => Stage::Invited,
                Value::Uint(1) => Stage::Seen,
                signature => Stage::Signed(signature.as_array_of()?),
            },
        },
        [Value::Uint(1), entry] => Phase::Open { entry: Box::new(Entry::read(entry.as_bytes()?).ok()?) },
        [Value::Uint(2), end] => Phase::Ended(End::from_number(end.as_uint()?)?),
        _ => return None,
    };
    Some(Joiner {
        charter: draft.complete(PartyTerms::read(terms)?).ok()?,
        draft,
        addresses: read_addresses(addresses)?,
        phase,
    })
}
