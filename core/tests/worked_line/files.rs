//! The files that the worked line gives.

use counterpart_core::ids::Party;
use counterpart_core::pairing::frames::Frame;
use counterpart_core::record::charter::digits;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::sign1::{Sign, open};
use serde_json::{Map, Value, json};

use super::cases::Case;
use super::cast::{EXPORTER, KEY_NAMES, NAMES, Paired, SECRET, key, seed};
use super::notation::{by_line, diagnostic_of, hex, wrapped};
use super::play::Told;

/// Nothing is cut.
const WHOLE: usize = usize::MAX;
/// In the appendix, what is longer than two signatures is cut.
const CUT: usize = 64;

fn object<'a>(pairs: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<Map<_, _>>())
}

fn frame_name(frame: &Frame) -> &'static str {
    ["hello", "candidate", "signature", "both", "first", "gone", "refused"][frame.number() as usize - 1]
}

fn keys(party: Party) -> Value {
    object((0_u8..).zip(KEY_NAMES).map(|(which, name)| {
        let seed = seed(party, which);
        let public = if name == "word" { seed } else { *key(party, which).public().as_bytes() };
        (name, json!({"seed": hex(&seed), "public": hex(&public)}))
    }))
}

fn told_json(told: &Told) -> Value {
    let header = &told.entry.header;
    let payload = open(&told.entry.bytes).unwrap().payload;
    let mut pairs = vec![
        ("party", json!(header.party.number())),
        ("index", json!(header.own.size)),
        ("type", json!(header.kind().map(Kind::word))),
        ("bytes", json!(hex(&told.entry.bytes))),
        ("payload", json!(diagnostic_of(payload, WHOLE))),
        ("leaf", json!(hex(&told.entry.leaf))),
        ("root", json!(hex(&told.root))),
        ("headline", json!(told.headline)),
    ];
    if let Some(body) = &told.body {
        pairs.push(("body", json!(hex(body))));
        pairs.push(("body_notation", json!(diagnostic_of(body, WHOLE))));
    }
    object(pairs)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

/// Everything: keys, pairing, charter, entries.
pub fn line_json(paired: &Paired, told: &[Told]) -> String {
    let charter = paired.charter.encode();
    let fingerprint = paired.charter.fingerprint();
    let frame = |(from, frame): &(Party, Frame)| {
        let bytes = frame.encode();
        json!({
            "from": from.number(),
            "name": frame_name(frame),
            "bytes": hex(&bytes),
            "notation": diagnostic_of(&bytes, WHOLE),
        })
    };
    pretty(&json!({
        "about": "One line worked in bytes, from pairing to a text. Written by core/tests/worked_line; see docs/protocol.md, appendix A.",
        "keys": object(Party::BOTH.into_iter().map(|p| (NAMES[p.slot()], keys(p)))),
        "pairing": {
            "secret": hex(&SECRET),
            "exporter": hex(&EXPORTER),
            "draft": hex(&paired.draft),
            "invitation": paired.invitation,
            "frames": paired.frames.iter().map(frame).collect::<Vec<_>>(),
        },
        "charter": {
            "bytes": hex(&charter),
            "notation": diagnostic_of(&charter, WHOLE),
            "fingerprint": hex(&fingerprint),
            "digits": digits(&fingerprint),
        },
        "entries": told.iter().map(told_json).collect::<Vec<_>>(),
    }))
}

/// The entries as any station would dump them: one JSON object a line.
pub fn dump(told: &[Told]) -> String {
    let line = |told: &Told| {
        let header = &told.entry.header;
        let body = told.body.as_ref().map(|b| format!(",\"body\":\"{}\"", hex(b))).unwrap_or_default();
        let (party, index, bytes) = (header.party.number(), header.own.size, hex(&told.entry.bytes));
        format!("{{\"party\":{party},\"index\":{index},\"bytes\":\"{bytes}\"{body}}}\n")
    };
    told.iter().map(line).collect()
}

/// The cases, one a line within one array.
pub fn cases_json(cases: &[Case]) -> String {
    let entry = |e: &super::cases::Crafted| json!({"party": e.party.number(), "index": e.index, "bytes": hex(&e.bytes), "expect": e.expect});
    let case = |case: &Case| {
        let entries: Vec<Value> = case.entries.iter().map(entry).collect();
        json!({"name": case.name, "after": case.after, "entries": entries}).to_string()
    };
    format!("[\n{}\n]\n", cases.iter().map(case).collect::<Vec<_>>().join(",\n"))
}

const BEGIN_MARK: &str = "<!-- The worked line: written by core/tests/worked_line. -->\n";
const END_MARK: &str = "<!-- The end of the worked line. -->\n";

/// The specification with this appendix in its place.
pub fn with_appendix(text: &str, appendix: &str) -> String {
    let (before, rest) = text.split_once(BEGIN_MARK).unwrap();
    let (_, after) = rest.split_once(END_MARK).unwrap();
    format!("{before}{BEGIN_MARK}{appendix}{END_MARK}{after}")
}

/// The blocks of CDDL of the specification, in their order.
pub fn cddl(text: &str) -> String {
    let blocks = text.split("```cddl\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let head = "; The CDDL (RFC 8610) of docs/protocol.md, block by block in its order. A test compares both.\n\n";
    head.to_owned() + &blocks.collect::<Vec<_>>().join("\n")
}

/// What stands between the marks of appendix A.
pub fn appendix(paired: &Paired, told: &[Told]) -> String {
    let mut out = String::from("\n### A.1 Keys\n\nEach private key is the seed of RFC 8032 §5.1.5.\n\n");
    out += "| station | key | seed | public key |\n|---|---|---|---|\n";
    for party in Party::BOTH {
        for (which, name) in (0_u8..).zip(&KEY_NAMES[..3]) {
            let seed = seed(party, which);
            let public = hex(key(party, which).public().as_bytes());
            out += &format!("| {} | {name} | `{:02x}` 32 times | `{public}` |\n", NAMES[party.slot()], seed[0]);
        }
    }
    out += "\nThe word keys are the bytes `13` and `23`, 32 times: nothing here uses them.\n";
    let charter = paired.charter.encode();
    let fingerprint = paired.charter.fingerprint();
    out += &format!(
        "\n### A.2 The charter\n\n{} bytes:\n\n```text\n{}\n```\n\n```text\n{}\n```\n\nFingerprint `{}`, read aloud:\n\n```text\n{}\n```\n",
        charter.len(),
        wrapped(&hex(&charter)),
        by_line(&charter, WHOLE),
        hex(&fingerprint),
        digits(&fingerprint)
    );
    out += "\n### A.3 Pairing\n\nThe secret is the byte `66` 32 times, the exporter `77` 32 times. The frames, in their order:\n\n```text\n";
    for (from, frame) in &paired.frames {
        let bytes = frame.encode();
        let sent = format!("{} {}, {} bytes: ", NAMES[from.slot()], frame_name(frame), bytes.len());
        out += &format!("{sent}{}\n", diagnostic_of(&bytes, CUT));
    }
    out += "```\n";
    let first_receipt = told.iter().position(is_receipt);
    for (at, one) in told.iter().enumerate() {
        out += &told_text(at + 4, one, is_receipt(one) && first_receipt != Some(at));
    }
    out
}

fn is_receipt(told: &Told) -> bool {
    told.entry.header.kind() == Some(Kind::Received)
}

/// One section of the appendix, `short` for what has been shown before in full.
fn told_text(number: usize, told: &Told, short: bool) -> String {
    let header = &told.entry.header;
    let payload = open(&told.entry.bytes).unwrap().payload;
    let kind = header.kind().map_or("", Kind::word);
    let (name, bytes) = (NAMES[header.party.slot()], &told.entry.bytes);
    let mut out = format!("\n### A.{number} {name} #{}: `{kind}`\n\n{} bytes", header.own.size, bytes.len());
    out += match told.headline.as_str() {
        "" => String::new(),
        headline => format!("; after it the request is {headline}"),
    }
    .as_str();
    if short {
        let held = header.held;
        return out + &format!(". It names [{}, `{}`].\n", held.size, hex(&held.root)) + &tree_text(told);
    }
    // The whole charter stands in A.2, and its entries in the files.
    if header.kind() != Some(Kind::Charter) {
        out += &format!(":\n\n```text\n{}\n```\n", wrapped(&hex(bytes)));
    } else {
        out += ". The bytes are in `line.json`.\n";
    }
    out += &format!("\nIts payload:\n\n```text\n{}\n```\n", by_line(payload, CUT));
    if let Some(body) = &told.body {
        out += &format!("\nIts body:\n\n```text\n{}\n{}\n```\n", wrapped(&hex(body)), by_line(body, WHOLE));
    }
    out + &tree_text(told)
}

fn tree_text(told: &Told) -> String {
    format!(
        "
Leaf `{}`, root of its log with it `{}`.
",
        hex(&told.entry.leaf),
        hex(&told.root)
    )
}
