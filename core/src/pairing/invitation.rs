//! The invitation: what the inviter gives away by file or as pasted text (`docs/protocol.md` §5.1).
//!
//! Whoever holds it can become a candidate, once for each link key; it makes no line by itself. It still travels in
//! confidence: a stolen one costs the persons a comparison that fails.

use alloc::{string::String, vec::Vec};
use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::Exporter;
use super::draft::{Draft, DraftFault};
use crate::ids::{LineId, hex, unhex};
use crate::limits;
use crate::record::base64;
use crate::record::cbor::Value;
use crate::record::charter::PartyTerms;
use crate::record::merkle::Hash;

/// The first line of an invitation's text.
pub const FIRST_LINE: &str = "counterpart-invitation-v1";
/// What every version's first line begins with; its number follows.
const FIRST_LINE_BEGIN: &str = "counterpart-invitation-v";
/// Begins the last line, before the checksum.
const CHECK: &str = "check";
/// Bytes of the checksum: against accidents, not against people.
const CHECKSUM_LENGTH: usize = 8;
/// Stands before the content when its checksum is made.
const CHECKSUM_DOMAIN: &[u8] = b"counterpart/invitation/v1\0";
/// Characters on one line of the text, as mail programs leave them alone.
const LINE_WIDTH: usize = 64;

/// The one-time secret of an invitation: 32 random bytes. It is never printed but as part of the invitation.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Takes random bytes.
    pub fn new(random: [u8; 32]) -> Secret {
        Secret(random)
    }

    pub(super) fn write(&self) -> Value {
        Value::bytes(&self.0)
    }

    pub(super) fn read(value: &Value) -> Option<Secret> {
        value.as_array_of().map(Secret)
    }

    fn over(&self, exporter: &Exporter, draft: &Draft, terms: &PartyTerms) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(exporter);
        mac.update(&draft.digest());
        mac.update(&terms.write().encode());
        Some(mac)
    }

    /// The proof for one connection: HMAC-SHA-256 over the exporter, SHA-256 of the draft, and the encoded terms.
    pub(super) fn prove(&self, exporter: &Exporter, draft: &Draft, terms: &PartyTerms) -> Hash {
        // HMAC takes a key of any length; a proof of zeros would be refused like any other wrong one.
        self.over(exporter, draft, terms).map_or([0; 32], |mac| mac.finalize().into_bytes().into())
    }

    /// Whether a proof is one for this connection, compared in constant time.
    pub(super) fn admits(&self, proof: &Hash, exporter: &Exporter, draft: &Draft, terms: &PartyTerms) -> bool {
        self.over(exporter, draft, terms).is_some_and(|mac| mac.verify_slice(proof).is_ok())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// An invitation, read.
#[derive(Clone, Debug)]
pub struct Invitation {
    draft: Draft,
    addresses: Vec<String>,
    secret: Secret,
}

/// Why a text is no invitation, or things make none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InvitationFault {
    /// Over `limits::INVITATION_TEXT_MAX`; its length in bytes.
    TooLong(usize),
    /// Not an invitation at all: no first line of one is in it.
    Foreign,
    /// Other text stands before or after the invitation, on this line, counted from 1.
    Surrounded(usize),
    /// An invitation of a version that we do not read; its number.
    Version(u64),
    /// Its end is missing.
    CutOff,
    /// A character that no invitation holds stands on this line, counted from 1.
    BadLine(usize),
    /// Some of it has changed on the way: the checksum is another.
    Damaged,
    /// It came whole, and its content is not that of an invitation.
    Malformed,
    /// It names no address to dial, more than `limits::CHARTER_LIST_MAX`, or one that is empty or too long.
    Addresses,
    /// Its draft cannot serve.
    Draft(DraftFault),
}

impl Invitation {
    /// An invitation to the line of this draft. `addresses` is where the joiner dials, `host:port`, the best first.
    ///
    /// # Errors
    /// [`InvitationFault::Addresses`].
    pub fn new(draft: Draft, addresses: Vec<String>, secret: Secret) -> Result<Invitation, InvitationFault> {
        let fits = |a: &String| !a.is_empty() && a.len() <= limits::SHORT_TEXT_MAX;
        let count = 1..=limits::CHARTER_LIST_MAX;
        if !count.contains(&addresses.len()) || !addresses.iter().all(fits) {
            return Err(InvitationFault::Addresses);
        }
        Ok(Invitation { draft, addresses, secret })
    }

    /// The line that it is for.
    pub fn line(&self) -> LineId {
        self.draft.line()
    }

    /// The charter without the joiner.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// Where to dial, the best first; never empty.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// The link key that the inviter's station must show, and no other.
    pub fn pin(&self) -> Hash {
        self.draft.inviter().keys.link
    }

    pub(super) fn into_parts(self) -> (Draft, Vec<String>, Secret) {
        (self.draft, self.addresses, self.secret)
    }

    /// The text to give away: the first line, base64 in lines of 64, and a checksum.
    pub fn to_text(&self) -> String {
        let addresses = self.addresses.iter().map(|a| Value::text(a)).collect();
        let content =
            Value::Array(
                alloc::vec![Value::bytes(&self.draft.encode()), Value::Array(addresses), self.secret.write(),],
            )
            .encode();
        let mut text = String::from(FIRST_LINE);
        for (at, character) in base64::encode(&content).chars().enumerate() {
            if at % LINE_WIDTH == 0 {
                text.push('\n');
            }
            text.push(character);
        }
        text.push('\n');
        text.push_str(CHECK);
        text.push(' ');
        let _ = hex(&mut text, &checksum(&content));
        text.push('\n');
        text
    }

    /// Reads what [`Invitation::to_text`] writes. How its lines are broken, indented and spaced does not matter; nothing
    /// but the invitation may be there.
    ///
    /// # Errors
    /// [`InvitationFault`], which tells a damaged invitation from a text that is none.
    pub fn parse(text: &str) -> Result<Invitation, InvitationFault> {
        let content = content(text)?;
        let value = Value::decode(&content).map_err(|_| InvitationFault::Malformed)?;
        let Some([draft, addresses, secret]) = value.as_array() else {
            return Err(InvitationFault::Malformed);
        };
        let draft = draft.as_bytes().ok_or(InvitationFault::Malformed)?;
        let draft = Draft::decode(draft).map_err(InvitationFault::Draft)?;
        let addresses = read_addresses(addresses).ok_or(InvitationFault::Malformed)?;
        let secret = Secret::read(secret).ok_or(InvitationFault::Malformed)?;
        Invitation::new(draft, addresses, secret)
    }
}

pub(super) fn read_addresses(value: &Value) -> Option<Vec<String>> {
    let text = |item: &Value| item.as_text().map(String::from);
    value.as_array()?.iter().map(text).collect()
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    let hash: Hash = Sha256::new().chain_update(CHECKSUM_DOMAIN).chain_update(content).finalize().into();
    hash.first_chunk().copied().unwrap_or_default()
}

/// The bytes between the first and the last line, checked against the checksum.
fn content(text: &str) -> Result<Vec<u8>, InvitationFault> {
    if text.len() > limits::INVITATION_TEXT_MAX {
        return Err(InvitationFault::TooLong(text.len()));
    }
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let numbered = (1..).zip(text.lines());
    let mut words = numbered.flat_map(|(number, line)| line.split_whitespace().map(move |w| (number, w)));
    begin(words.next(), text)?;
    let mut encoded = String::new();
    loop {
        let (number, word) = words.next().ok_or(InvitationFault::CutOff)?;
        if word == CHECK {
            break;
        }
        let ours = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'=');
        if !word.bytes().all(ours) {
            return Err(InvitationFault::BadLine(number));
        }
        encoded.push_str(word);
    }
    let (_, expected) = words.next().ok_or(InvitationFault::CutOff)?;
    if let Some((number, _)) = words.next() {
        return Err(InvitationFault::Surrounded(number));
    }
    if expected.len() < 2 * CHECKSUM_LENGTH {
        return Err(InvitationFault::CutOff);
    }
    let content = base64::decode(&encoded).ok_or(InvitationFault::Damaged)?;
    let expected = unhex::<CHECKSUM_LENGTH>(expected).ok_or(InvitationFault::Damaged)?;
    if checksum(&content) == expected { Ok(content) } else { Err(InvitationFault::Damaged) }
}

/// Judges the first word of a text.
fn begin(first: Option<(usize, &str)>, text: &str) -> Result<(), InvitationFault> {
    let (number, first) = first.ok_or(InvitationFault::Foreign)?;
    if first == FIRST_LINE {
        return Ok(());
    }
    let version = |word: &str| {
        let number: Option<u64> = word.strip_prefix(FIRST_LINE_BEGIN)?.parse().ok();
        number.filter(|n| *n != 1)
    };
    if let Some(version) = version(first) {
        return Err(InvitationFault::Version(version));
    }
    Err(if text.contains(FIRST_LINE_BEGIN) { InvitationFault::Surrounded(number) } else { InvitationFault::Foreign })
}

impl fmt::Display for InvitationFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let max = limits::INVITATION_TEXT_MAX;
        match self {
            InvitationFault::TooLong(length) => {
                write!(f, "the text has {length} bytes and an invitation at most {max}: paste the invitation alone")
            }
            InvitationFault::Foreign => write!(f, "this is no invitation: one begins with the line {FIRST_LINE}"),
            InvitationFault::Surrounded(line) => write!(
                f,
                "line {line} is not part of the invitation: paste from the line {FIRST_LINE} to the line that begins \
                 with {CHECK}, both included"
            ),
            InvitationFault::Version(version) => write!(
                f,
                "this is an invitation of version {version} and this program reads version 1: the older of the two \
                 stations must be brought up to date; then ask for a new invitation"
            ),
            InvitationFault::CutOff => {
                write!(f, "the end of the invitation is missing: paste up to the line that begins with {CHECK}")
            }
            InvitationFault::BadLine(line) => write!(
                f,
                "line {line} holds a character that no invitation has: copy the invitation again, or ask for it as a file"
            ),
            InvitationFault::Damaged => {
                f.write_str("the invitation was changed on the way: copy it again, or ask for it as a file")
            }
            InvitationFault::Malformed => {
                f.write_str("the invitation came whole but holds something else: ask them which program made it")
            }
            InvitationFault::Addresses => write!(
                f,
                "an invitation names 1 to {} addresses, each at most {} bytes: mend them and invite again",
                limits::CHARTER_LIST_MAX,
                limits::SHORT_TEXT_MAX
            ),
            InvitationFault::Draft(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for InvitationFault {}
