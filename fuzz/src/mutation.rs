//! How an input is changed: single bits and bytes, cuts, repeats, pieces of other inputs, lengths that promise more than there is,
//! and words and characters that readers of text trip over.

use crate::chance::Chance;

/// No input grows beyond this, in bytes: above the largest frame of the protocol.
pub const LENGTH_MAX: usize = 96 * 1024;

/// Heads of CBOR that promise much: arrays, maps, bytes and text of 2^64 - 1, 2^32 - 1 and 65,535 items, tags, and what is not deterministic.
const HEADS: [&[u8]; 12] = [
    b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xbb\x00\x00\x00\x00\xff\xff\xff\xff",
    b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\x7a\xff\xff\xff\xff",
    b"\x99\xff\xff",
    b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x18\x01",
    b"\x9f\xff",
    b"\xd2\x84",
    b"\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00",
    b"\xf6",
];

/// What readers of text trip over: direction marks, zero, line ends, numbers at the edge, quotes, dates that are none.
const WORDS: [&str; 24] = [
    "\0",
    "\u{202e}",
    "\u{2069}",
    "\u{feff}",
    "e\u{301}",
    "\r\n",
    "\n\n",
    "\\u0000",
    "\"",
    "{",
    "[",
    "18446744073709551616",
    "-1",
    "9223372036854775807",
    "0.1e400",
    "-9999-12-31T23:59:59Z",
    "+235959-13-45",
    "2027-10-31T03:30:00+26:00",
    "24:00",
    "tomorrow 25:61",
    "..",
    "@Europe/Helsinki",
    "@../etc",
    "P9999999999999Y",
];

/// One to six changes of an input, some with a piece of another.
pub fn mutate(input: &[u8], other: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=chance.below(6) {
        change(&mut bytes, other, chance);
    }
    bytes.truncate(LENGTH_MAX);
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], chance: &mut Chance) {
    let at = chance.below(bytes.len());
    let end = at + chance.below(bytes.len() + 1 - at.min(bytes.len()));
    match chance.below(12) {
        0 => with(bytes, at, |byte| *byte ^= 1 << chance.below(8)),
        1 => with(bytes, at, |byte| *byte = chance.number() as u8),
        2 => with(bytes, at, |byte| *byte = byte.wrapping_add(if chance.below(2) == 0 { 1 } else { 255 })),
        3 => bytes.insert(at, chance.number() as u8),
        4 => drop(bytes.drain(at..end.min(at + 8))),
        5 => drop(bytes.drain(at..end)),
        6 => bytes.truncate(at),
        7 => drop(bytes.splice(at..at, chance.one(&HEADS).into_iter().copied().flatten().copied())),
        8 => drop(bytes.splice(at..at, chance.one(&WORDS).into_iter().flat_map(|word| word.bytes()))),
        9 => repeat(bytes, at..end.min(at + 64), chance),
        10 => take(bytes, at..end, other, chance),
        // Deeper than anything that is meant.
        _ => drop(bytes.splice(at..at, std::iter::repeat_n([0x81, b'[', b'{'][chance.below(3)], chance.below(4_000)))),
    }
}

fn with(bytes: &mut [u8], at: usize, change: impl FnOnce(&mut u8)) {
    if let Some(byte) = bytes.get_mut(at) {
        change(byte);
    }
}

/// A piece again, up to 1,000 times.
fn repeat(bytes: &mut Vec<u8>, piece: std::ops::Range<usize>, chance: &mut Chance) {
    let times = [1, 2, 20, 1_000][chance.below(4)].min(LENGTH_MAX / piece.len().max(1));
    let at = piece.end;
    let again = bytes[piece].repeat(times);
    bytes.splice(at..at, again);
}

/// A piece of another input in the place of one of this.
fn take(bytes: &mut Vec<u8>, place: std::ops::Range<usize>, other: &[u8], chance: &mut Chance) {
    let from = chance.below(other.len());
    let to = from + chance.below(other.len() - from + 1).min(2_048);
    bytes.splice(place, other[from.min(other.len())..to.min(other.len())].iter().copied());
}
