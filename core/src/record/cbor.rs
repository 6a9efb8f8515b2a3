//! Deterministic CBOR (RFC 8949 §4.2.1), strict in both directions, over minicbor's tokens.
//!
//! An entry holds only integers, byte and text strings, arrays, maps, true, false and null: no tag and no float.
//! Reading writes again and compares, so that one value has one form and a signature covers exactly one text.

use alloc::{string::String, vec::Vec};

use minicbor::{Decoder, Encoder, data::Type};

use crate::limits::{CBOR_DEPTH_MAX, CBOR_ITEMS_MAX};

/// One CBOR data item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// A whole number from 0.
    Uint(u64),
    /// The number −1 − n.
    Nint(u64),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A text string.
    Text(String),
    /// An array.
    Array(Vec<Value>),
    /// A map; its keys stand in the order of their encoded bytes, each once.
    Map(Vec<(Value, Value)>),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
}

/// Why bytes are no deterministic CBOR item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CborFault {
    /// They end early, or are no CBOR.
    Broken,
    /// Bytes follow the item.
    Trailing,
    /// A tag, a float or another kind that entries never hold.
    Foreign,
    /// Nested deeper than `limits::CBOR_DEPTH_MAX`.
    TooDeep,
    /// More than `limits::CBOR_ITEMS_MAX` items in an array or map.
    TooMany,
    /// Not in the one form that §4.2.1 allows: a longer number, an indefinite length, keys out of order or repeated.
    NotCanonical,
}

impl Value {
    /// Reads exactly one item that fills `bytes`.
    ///
    /// # Errors
    /// Any [`CborFault`].
    pub fn decode(bytes: &[u8]) -> Result<Value, CborFault> {
        let mut decoder = Decoder::new(bytes);
        let value = read(&mut decoder, 0)?;
        if decoder.position() != bytes.len() {
            return Err(CborFault::Trailing);
        }
        if value.written(bytes.len()) != bytes {
            return Err(CborFault::NotCanonical);
        }
        Ok(value)
    }

    /// The item's one encoding.
    pub fn encode(&self) -> Vec<u8> {
        self.written(0)
    }

    /// The same, where it takes so many bytes as far as is known.
    fn written(&self, bytes: usize) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::with_capacity(bytes));
        write(&mut encoder, self);
        encoder.into_writer()
    }

    /// A map of `pairs`, put into the order of their encoded keys. The caller names each key once.
    pub fn map(mut pairs: Vec<(Value, Value)>) -> Value {
        pairs.sort_by_cached_key(|(key, _)| key.encode());
        Value::Map(pairs)
    }

    /// A text string.
    pub fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    /// A byte string.
    pub fn bytes(bytes: &[u8]) -> Value {
        Value::Bytes(bytes.into())
    }

    /// The number, if it is one from 0.
    pub fn as_uint(&self) -> Option<u64> {
        if let Value::Uint(n) = self { Some(*n) } else { None }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(b) = self { Some(*b) } else { None }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Value::Text(t) = self { Some(t) } else { None }
    }

    /// The bytes, if it is a byte string.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        if let Value::Bytes(b) = self { Some(b) } else { None }
    }

    /// Exactly `N` bytes.
    pub fn as_array_of<const N: usize>(&self) -> Option<[u8; N]> {
        self.as_bytes()?.try_into().ok()
    }

    /// The items, if it is an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        if let Value::Array(items) = self { Some(items) } else { None }
    }

    /// The pairs, if it is a map.
    pub fn as_map(&self) -> Option<&[(Value, Value)]> {
        if let Value::Map(pairs) = self { Some(pairs) } else { None }
    }

    /// The value under a number, if this is a map that has it.
    pub fn at(&self, key: u64) -> Option<&Value> {
        self.as_map()?.iter().find(|(k, _)| *k == Value::Uint(key)).map(|(_, v)| v)
    }
}

fn read(decoder: &mut Decoder<'_>, depth: usize) -> Result<Value, CborFault> {
    if depth >= CBOR_DEPTH_MAX {
        return Err(CborFault::TooDeep);
    }
    let broken = |_| CborFault::Broken;
    Ok(match decoder.datatype().map_err(broken)? {
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => Value::Uint(decoder.u64().map_err(broken)?),
        Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::Int => {
            let n = i128::from(decoder.int().map_err(broken)?);
            Value::Nint(u64::try_from(-1 - n).map_err(|_| CborFault::Broken)?)
        }
        Type::Bytes => Value::Bytes(decoder.bytes().map_err(broken)?.into()),
        Type::String => Value::Text(decoder.str().map_err(broken)?.into()),
        Type::Bool => Value::Bool(decoder.bool().map_err(broken)?),
        Type::Null => {
            decoder.null().map_err(broken)?;
            Value::Null
        }
        Type::Array => {
            let items = count(decoder.array().map_err(broken)?)?;
            Value::Array((0..items).map(|_| read(decoder, depth + 1)).collect::<Result<_, _>>()?)
        }
        Type::Map => read_map(decoder, depth)?,
        Type::BytesIndef | Type::StringIndef | Type::ArrayIndef | Type::MapIndef => {
            return Err(CborFault::NotCanonical);
        }
        _ => return Err(CborFault::Foreign),
    })
}

fn read_map(decoder: &mut Decoder<'_>, depth: usize) -> Result<Value, CborFault> {
    let items = count(decoder.map().map_err(|_| CborFault::Broken)?)?;
    let mut pairs: Vec<(Value, Value)> = Vec::new();
    let mut last: Option<Vec<u8>> = None;
    for _ in 0..items {
        let key = read(decoder, depth + 1)?;
        let encoded = key.encode();
        if last.is_some_and(|last| last >= encoded) {
            return Err(CborFault::NotCanonical);
        }
        last = Some(encoded);
        pairs.push((key, read(decoder, depth + 1)?));
    }
    Ok(Value::Map(pairs))
}

fn count(length: Option<u64>) -> Result<usize, CborFault> {
    let length = length.ok_or(CborFault::NotCanonical)?;
    match usize::try_from(length) {
        Ok(items) if items <= CBOR_ITEMS_MAX => Ok(items),
        _ => Err(CborFault::TooMany),
    }
}

/// Writing into a `Vec` cannot fail, so the results are dropped here and nowhere else.
fn write(encoder: &mut Encoder<Vec<u8>>, value: &Value) {
    let _ = match value {
        Value::Uint(n) => encoder.u64(*n),
        Value::Nint(n) => encoder.int(minicbor::data::Int::try_from(-1 - i128::from(*n)).unwrap_or(0u8.into())),
        Value::Bytes(bytes) => encoder.bytes(bytes),
        Value::Text(text) => encoder.str(text),
        Value::Bool(b) => encoder.bool(*b),
        Value::Null => encoder.null(),
        Value::Array(items) => {
            let _ = encoder.array(items.len() as u64);
            items.iter().for_each(|item| write(encoder, item));
            return;
        }
        Value::Map(pairs) => {
            let _ = encoder.map(pairs.len() as u64);
            for (key, value) in pairs {
                write(encoder, key);
                write(encoder, value);
            }
            return;
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::unhex;

    fn decode<const N: usize>(hex: &str) -> Result<Value, CborFault> {
        Value::decode(&unhex::<N>(hex).unwrap())
    }

    #[test]
    fn every_kind_survives_a_round_trip() {
        let value = Value::map(alloc::vec![
            (Value::Uint(24), Value::Array(alloc::vec![Value::Uint(u64::MAX), Value::Nint(u64::MAX), Value::Nint(0)])),
            (Value::Uint(1), Value::text("день")),
            (Value::text("x"), Value::Bool(true)),
            (Value::Nint(0), Value::Null),
            (Value::bytes(&[1]), Value::Map(Vec::new())),
        ]);
        assert_eq!(Value::decode(&value.encode()), Ok(value));
    }

    #[test]
    fn what_has_another_form_is_not_canonical() {
        assert_eq!(decode::<2>("1801"), Err(CborFault::NotCanonical)); // 1 in two bytes
        assert_eq!(decode::<3>("5f40ff"), Err(CborFault::NotCanonical)); // indefinite byte string
        assert_eq!(decode::<5>("a202000100"), Err(CborFault::NotCanonical)); // keys out of order
        assert_eq!(decode::<5>("a201000100"), Err(CborFault::NotCanonical)); // key repeated
        assert_eq!(decode::<2>("9fff"), Err(CborFault::NotCanonical)); // indefinite array
    }

    #[test]
    fn what_entries_never_hold_is_foreign_and_what_ends_early_is_broken() {
        assert_eq!(decode::<3>("f93c00"), Err(CborFault::Foreign)); // a float
        assert_eq!(decode::<2>("c100"), Err(CborFault::Foreign)); // a tag
        assert_eq!(decode::<1>("f7"), Err(CborFault::Foreign)); // undefined
        assert_eq!(decode::<1>("61"), Err(CborFault::Broken));
        assert_eq!(decode::<2>("61ff"), Err(CborFault::Broken)); // no UTF-8
        assert_eq!(decode::<2>("0000"), Err(CborFault::Trailing));
        assert_eq!(decode::<5>("9affffffff"), Err(CborFault::TooMany));
        assert_eq!(Value::decode(&[0x81; 100]), Err(CborFault::TooDeep));
    }
}
