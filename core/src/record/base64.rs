//! Base 64 with the standard alphabet and padding (RFC 4648 §4), as C2SP notes use it. Not constant in time: nothing
//! secret passes through here.

use alloc::{string::String, vec::Vec};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes bytes as text, four characters for each three bytes begun.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | group.get(at).map_or(0, |byte| usize::from(*byte)));
        for at in 0..4 {
            let digit = ALPHABET[bits >> (18 - 6 * at) & 0x3f];
            out.push(if at <= group.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

/// Reads what [`encode`] writes and nothing else: one text for the same bytes, so no white space, no missing padding,
/// and no bits left over. Nothing if the text is another.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let (groups, []) = text.as_bytes().as_chunks::<4>() else {
        return None;
    };
    let mut out = Vec::with_capacity(groups.len() * 3);
    for group in groups {
        let bits = group.iter().try_fold(0, |bits, character| Some(bits << 6 | value(*character)?))?;
        out.extend_from_slice(&u32::to_be_bytes(bits)[1..]);
    }
    let padding = text.bytes().rev().take(2).take_while(|character| *character == b'=').count();
    out.truncate(out.len() - padding);
    // Writing it again settles padding in the middle and bits left over.
    (encode(&out) == text).then_some(out)
}

/// The six bits of a character; those of the padding count as zero.
fn value(character: u8) -> Option<u32> {
    let value = match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        b'=' => 0,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard_are_written_and_read() {
        let examples = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];

        for (length, text) in examples.iter().enumerate() {
            assert_eq!(encode(&b"foobar"[..length]), *text);
            assert_eq!(decode(text).unwrap(), b"foobar"[..length]);
        }
    }

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();

        for length in 0..=all.len() {
            assert_eq!(decode(&encode(&all[..length])).unwrap(), all[..length]);
        }
    }

    #[test]
    fn a_second_text_for_the_same_bytes_is_refused() {
        for text in [
            "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v\n", " Zm9v", "Zm-_", "=", "====", "Z===", "Zm=v",
            "Zmé",
        ] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
