//! Bodies: the words of an entry, apart from it, so that they can be erased and nothing else changes
//! (`docs/protocol.md` §3.5).

use alloc::{string::String, vec::Vec};

use sha2::{Digest, Sha256};

use super::cbor::Value;
use super::merkle::Hash;
use crate::limits;

/// Stands before a body when its digest is made, so that it is never taken for something else.
const DOMAIN: &[u8] = b"counterpart/body/v1\0";

/// The words of an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Body {
    /// Random: an erased body cannot be guessed from its digest.
    pub salt: [u8; 16],
    /// BCP 47, at most `limits::SHORT_TEXT_MAX` bytes.
    pub language: String,
    /// A media type, at most `limits::SHORT_TEXT_MAX` bytes; ours are `text/plain`.
    pub media: String,
    /// At most `limits::BODY_CONTENT_MAX` bytes; UTF-8 if the media type is text.
    pub content: Vec<u8>,
}

impl Body {
    /// The body's one encoding.
    pub fn encode(&self) -> Vec<u8> {
        Value::map(alloc::vec![
            (Value::Uint(1), Value::bytes(&self.salt)),
            (Value::Uint(2), Value::text(&self.language)),
            (Value::Uint(3), Value::text(&self.media)),
            (Value::Uint(4), Value::bytes(&self.content)),
        ])
        .encode()
    }

    /// Reads a body; `None` if it is not canonical, has another key, or is over a limit.
    pub fn decode(bytes: &[u8]) -> Option<Body> {
        let value = Value::decode(bytes).ok()?;
        if value.as_map()?.len() != 4 {
            return None;
        }
        let short = |key: u64| value.at(key)?.as_text().filter(|t| t.len() <= limits::SHORT_TEXT_MAX).map(String::from);
        let body = Body {
            salt: value.at(1)?.as_array_of()?,
            language: short(2)?,
            media: short(3)?,
            content: value.at(4)?.as_bytes().filter(|c| c.len() <= limits::BODY_CONTENT_MAX)?.into(),
        };
        let text = body.media.starts_with("text/");
        (!text || core::str::from_utf8(&body.content).is_ok()).then_some(body)
    }

    /// The content, if it is text.
    pub fn text(&self) -> Option<&str> {
        core::str::from_utf8(&self.content).ok()
    }
}

/// What an entry names as the digest of an attested body: SHA-256(domain ‖ body as encoded).
pub fn digest(encoded: &[u8]) -> Hash {
    Sha256::new().chain_update(DOMAIN).chain_update(encoded).finalize().into()
}
