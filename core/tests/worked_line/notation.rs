//! CBOR diagnostic notation (RFC 8949 §8), hexadecimal, and the text of the appendix.

use counterpart_core::record::cbor::Value;

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The bytes of hexadecimal that a vector holds.
pub fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// An item in diagnostic notation. Byte strings longer than `shown` are cut, with their length beside.
pub fn diagnostic(value: &Value, shown: usize) -> String {
    let list = |items: &[Value]| items.iter().map(|i| diagnostic(i, shown)).collect::<Vec<_>>().join(", ");
    match value {
        Value::Uint(n) => n.to_string(),
        Value::Nint(n) => (-1 - i128::from(*n)).to_string(),
        Value::Bytes(b) if b.len() > shown => format!("h'{}…' /{} bytes/", hex(&b[..8]), b.len()),
        Value::Bytes(b) => format!("h'{}'", hex(b)),
        Value::Text(t) => serde_json::to_string(t).unwrap(),
        Value::Array(items) => format!("[{}]", list(items)),
        Value::Map(pairs) => {
            let pair = |(k, v): &(Value, Value)| format!("{}: {}", diagnostic(k, shown), diagnostic(v, shown));
            format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        Value::Bool(b) => b.to_string(),
        Value::Null => "null".into(),
    }
}

/// The same of encoded bytes.
pub fn diagnostic_of(bytes: &[u8], shown: usize) -> String {
    diagnostic(&Value::decode(bytes).unwrap(), shown)
}

/// Long hexadecimal in lines that fit a page.
pub fn wrapped(hex: &str) -> String {
    let characters: Vec<char> = hex.chars().collect();
    characters.chunks(112).map(|line| line.iter().collect::<String>()).collect::<Vec<_>>().join("\n")
}

/// The pairs of a map, one a line.
pub fn by_line(bytes: &[u8], shown: usize) -> String {
    match Value::decode(bytes).unwrap() {
        Value::Map(pairs) => {
            let pair = |(k, v): &(Value, Value)| format!("  {}: {}", diagnostic(k, shown), diagnostic(v, shown));
            format!("{{\n{}\n}}", pairs.iter().map(pair).collect::<Vec<_>>().join(",\n"))
        }
        other => diagnostic(&other, shown),
    }
}
