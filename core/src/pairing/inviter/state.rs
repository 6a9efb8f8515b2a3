//! The inviter's state to bytes and back, for the store.

use alloc::{boxed::Box, vec::Vec};

use super::{Agreed, Candidate, Inviter, Phase};
use crate::ids::Party;
use crate::limits;
use crate::pairing::draft::Draft;
use crate::pairing::invitation::Secret;
use crate::pairing::{End, STATE_VERSION, StateFault};
use crate::record::cbor::Value;
use crate::record::charter::PartyTerms;
use crate::record::log::Entry;

impl Inviter {
    /// The bytes to store. They hold the secret while it is live.
    pub fn encode(&self) -> Vec<u8> {
        let uint = Value::Uint;
        let mut items =
            alloc::vec![uint(STATE_VERSION), uint(Party::Inviter.number()), Value::bytes(&self.draft.encode()),];
        match &self.phase {
            Phase::Inviting { secret, candidates } => {
                let candidates = candidates.iter().map(Candidate::write).collect();
                items.extend([uint(0), secret.write(), Value::Array(candidates)]);
            }
            Phase::Confirmed { secret, terms } => {
                items.extend([uint(1), secret.write(), terms.write()]);
            }
            Phase::Countersigned { agreed, entry } => {
                let [ours, theirs] = &agreed.signatures;
                let terms = agreed.charter.party(Party::Joiner).write();
                items.extend([uint(2), terms, Value::bytes(ours), Value::bytes(theirs)]);
                items.push(Value::bytes(&entry.bytes));
            }
            Phase::Open { joiner, fingerprint } => {
                items.extend([uint(3), Value::bytes(joiner), Value::bytes(fingerprint)]);
            }
            Phase::Ended { end, keys } => {
                let keys = keys.iter().map(|k| Value::bytes(k)).collect();
                items.extend([uint(4), uint(end.number()), Value::Array(keys)]);
            }
        }
        Value::Array(items).encode()
    }

    /// Reads what [`Inviter::encode`] writes.
    ///
    /// # Errors
    /// [`StateFault`].
    pub fn decode(bytes: &[u8]) -> Result<Inviter, StateFault> {
        let value = Value::decode(bytes).map_err(|_| StateFault::Malformed)?;
        match value.as_array() {
            Some([Value::Uint(STATE_VERSION), Value::Uint(0), draft, phase @ ..]) => {
                read(draft, phase).ok_or(StateFault::Malformed)
            }
            Some([Value::Uint(version), ..]) if *version != STATE_VERSION => Err(StateFault::Version(*version)),
            _ => Err(StateFault::Malformed),
        }
    }
}

fn read(draft: &Value, phase: &[Value]) -> Option<Inviter> {
    let draft = Draft::decode(draft.as_bytes()?).ok()?;
    let phase = match phase {
        [Value::Uint(0), secret, candidates] => {
            Phase::Inviting { secret: Secret::read(secret)?, candidates: read_candidates(candidates)? }
        }
        [Value::Uint(1), secret, terms] => {
            Phase::Confirmed { secret: Secret::read(secret)?, terms: Box::new(PartyTerms::read(terms)?) }
        }
        [Value::Uint(2), terms, ours, theirs, entry] => Phase::Countersigned {
            agreed: Box::new(Agreed {
                charter: draft.complete(PartyTerms::read(terms)?).ok()?,
                signatures: [ours.as_array_of()?, theirs.as_array_of()?],
            }),
            entry: Box::new(read_entry(entry)?),
        },
        [Value::Uint(3), joiner, fingerprint] => {
            Phase::Open { joiner: joiner.as_array_of()?, fingerprint: fingerprint.as_array_of()? }
        }
        [Value::Uint(4), end, keys] => {
            let keys = keys.as_array()?;
            Phase::Ended {
                end: End::from_number(end.as_uint()?)?,
                keys: keys.iter().map(Value::as_array_of).collect::<Option<_>>()?,
            }
        }
        _ => return None,
    };
    Some(Inviter { draft, phase })
}

/// Our index 0. It must stand there, for the joiner's is judged against it.
fn read_entry(value: &Value) -> Option<Entry> {
    let entry = Entry::read(value.as_bytes()?).ok()?;
    (entry.header.own.size == 0).then_some(entry)
}

fn read_candidates(value: &Value) -> Option<Vec<Candidate>> {
    let items = value.as_array().filter(|items| items.len() <= limits::CANDIDATES_MAX)?;
    items.iter().map(Candidate::read).collect()
}

impl Candidate {
    fn write(&self) -> Value {
        let signature = self.signature.as_ref().map(|s| Value::bytes(s));
        Value::Array(alloc::vec![self.terms.write(), signature.unwrap_or(Value::Null)])
    }

    fn read(value: &Value) -> Option<Candidate> {
        let [terms, signature] = value.as_array()? else {
            return None;
        };
        Some(Candidate {
            terms: PartyTerms::read(terms)?,
            signature: match signature {
                Value::Null => None,
                signature => Some(signature.as_array_of()?),
            },
        })
    }
}
