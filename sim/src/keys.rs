//! The keys of simulated stations: real ones for a share of the seeds, cheap ones for the rest.

use counterpart_core::record::merkle::{Hash, leaf_hash};
use counterpart_core::record::sign1::{PublicKey, Sign, Signature, SoftKey, Strict, Verify};

/// How entries are signed in a world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signing {
    /// A hash keyed with the *public* key: whoever knows the world could forge it, and nobody in it does but by spoiling a
    /// signature. Some ninety times cheaper than Ed25519.
    Cheap,
    /// As stations sign.
    Ed25519,
}

/// A station's entry key. Its public half is a real one in either case: under it the charter is signed, and `core`
/// verifies that by its own rule in every world.
pub struct EntryKey {
    signing: Signing,
    key: SoftKey,
    public: PublicKey,
}

impl EntryKey {
    /// The key that 32 bytes stand for.
    pub fn new(seed: [u8; 32], signing: Signing) -> EntryKey {
        let key = SoftKey::from_seed(seed);
        let public = key.public();
        EntryKey { signing, key, public }
    }

    /// Signs as stations do, whatever the world does.
    pub fn sign_charter(&self, message: &[u8]) -> Signature {
        self.key.sign(message)
    }
}

/// The keys of a station that change: for its entries, for its link, and the one that nothing is done with here.
pub struct KeySet {
    /// Signs entries.
    pub entry: EntryKey,
    /// The public half of its link key.
    pub link: Hash,
    /// The public half of its word key.
    pub word: Hash,
}

impl KeySet {
    /// The keys that 32 bytes stand for.
    pub fn new(seed: [u8; 32], signing: Signing) -> KeySet {
        let apart = |role: u8| leaf_hash(&[seed.as_slice(), &[role]].concat());
        KeySet { entry: EntryKey::new(seed, signing), link: apart(1), word: apart(2) }
    }
}

impl Sign for EntryKey {
    fn public(&self) -> PublicKey {
        self.public
    }

    fn sign(&self, message: &[u8]) -> Signature {
        match self.signing {
            Signing::Cheap => cheap(&self.public, message),
            Signing::Ed25519 => self.key.sign(message),
        }
    }
}

impl Verify for Signing {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        match self {
            Signing::Cheap => cheap(key, message) == *signature,
            Signing::Ed25519 => Strict.verify(key, message, signature),
        }
    }
}

fn cheap(key: &PublicKey, message: &[u8]) -> Signature {
    let first = leaf_hash(&[key.as_bytes().as_slice(), message].concat());
    let second = leaf_hash(&first);
    std::array::from_fn(|at| if at < 32 { first[at] } else { second[at - 32] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cheap_signature_verifies_and_a_spoiled_one_does_not() {
        let key = EntryKey::new([7; 32], Signing::Cheap);
        let mut signature = key.sign(b"words");

        assert!(Signing::Cheap.verify(&key.public(), b"words", &signature));
        assert!(!Signing::Cheap.verify(&key.public(), b"other", &signature));
        signature[40] ^= 1;
        assert!(!Signing::Cheap.verify(&key.public(), b"words", &signature));
        assert!(!Signing::Ed25519.verify(&key.public(), b"words", &signature));
    }
}
