//! Signatures: one rule for what counts as a signature, and the one frame that carries it.
//!
//! The frame is a tagged COSE_Sign1 (RFC 9052 §4.2) in deterministic CBOR. The rule is stated at [`Strict`].

use alloc::vec::Vec;
use core::fmt;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

/// The external_aad under which an entry of a log is signed.
pub const AAD_ENTRY: &[u8] = b"counterpart/entry/v1";
/// The external_aad under which a charter is signed by each of its parties.
pub const AAD_CHARTER: &[u8] = b"counterpart/charter/v1";
/// The external_aad under which a root key vouches for a station's other keys.
pub const AAD_KEY: &[u8] = b"counterpart/key/v1";

/// A signature of Ed25519: R, then S, 32 bytes each (RFC 8032 §5.1.6).
pub type Signature = [u8; 64];

/// Tag 18, an array of four, the protected header `{1: -19}` (Ed25519, RFC 9864) as a byte string, and the empty
/// unprotected map.
const FRAME_BEGIN: [u8; 7] = [0xd2, 0x84, 0x43, 0xa1, 0x01, 0x32, 0xa0];
/// An array of four, the text "Signature1", and the protected header (RFC 9052 §4.4).
const SIGNED_BEGIN: [u8; 16] = *b"\x84\x6aSignature1\x43\xa1\x01\x32";

/// A public key of Ed25519, 32 bytes as they are written (RFC 8032 §5.1.2).
///
/// Not every value is a key that may verify: [`PublicKey::parse`] says which, and [`Strict`] asks it again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

/// Why 32 bytes may not serve as a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// Not 32 bytes.
    Length,
    /// The y coordinate is not below 2^255 - 19, so that another encoding names the same point.
    NotCanonical,
    /// No point of the curve has this encoding.
    NotOnCurve,
    /// The point is of small order (1, 2, 4 or 8): a signature under it says nothing about its message.
    SmallOrder,
}

impl PublicKey {
    /// Takes the bytes as they are, for keys that were parsed when they came in. Nothing is checked.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Takes a key that comes from outside: 32 bytes, canonical, on the curve, and not of small order.
    ///
    /// # Errors
    /// The first of these rules that does not hold.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyFault> {
        let key = Self(bytes.try_into().map_err(|_| KeyFault::Length)?);
        key.point()?;
        Ok(key)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn point(&self) -> Result<VerifyingKey, KeyFault> {
        if !is_canonical(&self.0) {
            return Err(KeyFault::NotCanonical);
        }
        let point = VerifyingKey::from_bytes(&self.0).map_err(|_| KeyFault::NotOnCurve)?;
        if point.is_weak() { Err(KeyFault::SmallOrder) } else { Ok(point) }
    }
}

/// Whether the y coordinate is below p = 2^255 - 19. The decoder underneath takes any y modulo p.
///
/// The other encoding that is not canonical, x = 0 with its sign bit set, is left to the rule on small order: both
/// points with x = 0 are of small order.
fn is_canonical(encoding: &[u8; 32]) -> bool {
    let [lowest, middle @ .., highest] = encoding;
    let top = highest & 0x7f == 0x7f && middle.iter().all(|byte| *byte == 0xff);
    !(top && *lowest >= 0xed)
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        for byte in &self.0[..4] {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("..)")
    }
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "a public key has 32 bytes",
            Self::NotCanonical => "the public key is not in its canonical encoding",
            Self::NotOnCurve => "the public key is no point of the curve",
            Self::SmallOrder => "the public key is of small order",
        })
    }
}

impl core::error::Error for KeyFault {}

/// Who can sign. The station's keys do, and the simulator's cheap ones.
pub trait Sign {
    /// The key under which the signatures verify.
    fn public(&self) -> PublicKey;
    /// Signs these bytes, and nothing around them. Deterministic: the same message gives the same signature.
    fn sign(&self, message: &[u8]) -> Signature;
}

/// Who can check a signature. [`Strict`] does; the simulator may plug in a cheap one beside its cheap keys.
pub trait Verify {
    /// Whether `signature` is one by `key` over these bytes.
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool;
}

/// The rule of the record (RFC 8032 §5.1.7, made exact):
///
/// - S is below the order L of the group;
/// - A and R are canonical encodings of points of the curve that are not of small order;
/// - `[S]B = R + [k]A` holds without the cofactor, where k is the SHA-512 of R, A and the message, *reduced modulo L*.
///
/// One signature at a time: a batch would let through what holds only with the cofactor. `docs/vectors/signatures.json`
/// has a vector for each case.
#[derive(Clone, Copy, Debug, Default)]
pub struct Strict;

impl Verify for Strict {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        // R is compared as bytes with the canonical encoding of the point expected, so it needs no check of its own.
        key.point().is_ok_and(|point| point.verify_strict(message, &signature).is_ok())
    }
}

/// A private key held in memory, overwritten when it is dropped.
pub struct SoftKey(SigningKey);

impl SoftKey {
    /// The key that a seed of 32 random bytes stands for (RFC 8032 §5.1.5). The caller overwrites its own copy.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }
}

impl Sign for SoftKey {
    fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, message: &[u8]) -> Signature {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SoftKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftKey({:?})", self.public())
    }
}

/// The bytes that are signed: the Sig_structure `["Signature1", protected, aad, payload]` (RFC 9052 §4.4).
pub fn to_be_signed(aad: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(SIGNED_BEGIN.len() + aad.len() + payload.len() + 18);
    out.extend_from_slice(&SIGNED_BEGIN);
    put_bytes(&mut out, aad);
    put_bytes(&mut out, payload);
    out
}

/// Signs a payload under an external_aad and frames both as a tagged COSE_Sign1, which is 76 bytes longer than a payload
/// of 256 to 65,535 bytes.
pub fn seal(aad: &[u8], payload: &[u8], key: &dyn Sign) -> Vec<u8> {
    let signature = key.sign(&to_be_signed(aad, payload));
    let mut out = Vec::with_capacity(FRAME_BEGIN.len() + payload.len() + signature.len() + 11);
    out.extend_from_slice(&FRAME_BEGIN);
    put_bytes(&mut out, payload);
    put_bytes(&mut out, &signature);
    out
}

/// A COSE_Sign1 taken apart. Its signature is not verified yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed<'a> {
    /// What was signed, beside its external_aad.
    pub payload: &'a [u8],
    /// The signature that came with it.
    pub signature: Signature,
}

impl Sealed<'_> {
    /// Whether the signature is one by `key` over this payload under `aad`.
    pub fn verify(&self, aad: &[u8], key: &PublicKey, verify: &dyn Verify) -> bool {
        verify.verify(key, &to_be_signed(aad, self.payload), &self.signature)
    }
}

/// Why bytes are not a COSE_Sign1 in the one form that the record takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealFault {
    /// Not tag 18 and an array of four, or the headers are not exactly `{1: -19}` protected and none unprotected.
    Header,
    /// The payload is not a byte string of definite and shortest length, or it is cut off.
    Payload,
    /// The signature is not a byte string of 64 bytes, or it is cut off.
    Signature,
    /// Bytes follow the signature.
    After,
}

impl fmt::Display for SealFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "not a tagged COSE_Sign1 with the one header {1: -19}",
            Self::Payload => "the payload is not one whole byte string of shortest length",
            Self::Signature => "the signature is not one whole byte string of 64 bytes",
            Self::After => "bytes follow the signature",
        })
    }
}

impl core::error::Error for SealFault {}

/// Takes a COSE_Sign1 apart without copying its payload and without verifying it.
///
/// Only the bytes that [`seal`] would write are taken, so that one signed thing has one form. The length is the
/// caller's to limit; nothing is allocated.
///
/// # Errors
/// What does not have its form.
pub fn open(bytes: &[u8]) -> Result<Sealed<'_>, SealFault> {
    let rest = bytes.strip_prefix(&FRAME_BEGIN).ok_or(SealFault::Header)?;
    let (payload, rest) = take_bytes(rest).ok_or(SealFault::Payload)?;
    let (signature, rest) = take_bytes(rest).ok_or(SealFault::Signature)?;
    let signature = signature.try_into().map_err(|_| SealFault::Signature)?;
    if rest.is_empty() { Ok(Sealed { payload, signature }) } else { Err(SealFault::After) }
}

/// Writes a byte string with the shortest head (RFC 8949 §4.2.1).
fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = (bytes.len() as u64).to_be_bytes();
    match bytes.len() {
        0..=23 => out.push(0x40 | length[7]),
        24..=0xff => out.extend_from_slice(&[0x58, length[7]]),
        0x100..=0xffff => out.extend_from_slice(&[0x59, length[6], length[7]]),
        0x1_0000..=0xffff_ffff => {
            out.push(0x5a);
            out.extend_from_slice(&length[4..]);
        }
        _ => {
            out.push(0x5b);
            out.extend_from_slice(&length);
        }
    }
    out.extend_from_slice(bytes);
}

/// Reads a byte string and gives what follows it; nothing if its head is not the shortest or it is cut off.
fn take_bytes(from: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = from.split_first()?;
    let (width, least) = match first {
        0x40..=0x57 => return rest.split_at_checked(usize::from(first & 0x1f)),
        0x58 => (1, 24),
        0x59 => (2, 0x100),
        0x5a => (4, 0x1_0000),
        0x5b => (8, 0x1_0000_0000),
        _ => return None,
    };
    let (head, rest) = rest.split_at_checked(width)?;
    let length = head.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    if length < least {
        return None;
    }
    rest.split_at_checked(usize::try_from(length).ok()?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;
    use alloc::{format, vec};

    fn key() -> SoftKey {
        SoftKey::from_seed(core::array::from_fn(|i| i as u8))
    }

    #[test]
    fn a_frame_with_any_bit_changed_or_cut_or_longer_is_refused() {
        let sealed = seal(AAD_ENTRY, &[7; 30], &key());

        for (at, bit) in (0..sealed.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut changed = sealed.clone();
            changed[at] ^= 1 << bit;
            assert!(!open(&changed).is_ok_and(|opened| opened.verify(AAD_ENTRY, &key().public(), &Strict)));
        }
        for length in 0..sealed.len() {
            assert!(open(&sealed[..length]).is_err());
        }
        assert_eq!(open(&[&sealed[..], &[0]].concat()), Err(SealFault::After));
    }

    #[test]
    fn a_length_that_is_not_the_shortest_is_refused() {
        let frame = |payload: &[u8], signature: &[u8]| [&FRAME_BEGIN, payload, signature].concat();
        let signature = [&[0x58, 0x40][..], &[9; 64]].concat();

        assert!(open(&frame(&[0x41, 7], &signature)).is_ok());
        for longer in [&[0x58, 1, 7][..], &[0x59, 0, 1, 7], &[0x5a, 0, 0, 0, 1, 7], &[0x5b, 0, 0, 0, 0, 0, 0, 0, 1, 7]]
        {
            assert_eq!(open(&frame(longer, &signature)), Err(SealFault::Payload));
        }
        for other in
            [&[0x5f, 0x41, 7, 0xff][..], &[0x61, 7], &[0xf6], &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]]
        {
            assert_eq!(open(&frame(other, &signature)), Err(SealFault::Payload));
        }
        assert_eq!(open(&frame(&[0x40], &[&[0x58, 0x3f][..], &[9; 63]].concat())), Err(SealFault::Signature));
        assert_eq!(open(&frame(&[0x40], &[&[0x59, 0, 0x40][..], &[9; 64]].concat())), Err(SealFault::Signature));
    }

    #[test]
    fn a_byte_string_of_every_width_is_read_back_and_is_what_a_general_decoder_reads() {
        for length in [0, 1, 23, 24, 255, 256, 65_535, 65_536, 70_000] {
            let (content, mut out) = (vec![5; length], Vec::new());
            put_bytes(&mut out, &content);

            assert_eq!(take_bytes(&out).unwrap(), (&content[..], &[][..]));
            assert_eq!(minicbor::decode::Decoder::new(&out).bytes().unwrap(), content);
        }
    }

    #[test]
    fn neither_key_prints_more_than_the_begin_of_its_public_half() {
        let shown = format!("{:?} {:?}", key(), key().public());

        assert_eq!(shown, "SoftKey(PublicKey(03a107bf..)) PublicKey(03a107bf..)");
    }
}
