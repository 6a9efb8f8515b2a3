//! Every reader of what comes from outside: from the other station, from a stranger, from a person's file or terminal.

use std::path::Path;

use counterpart::api::events::Position;
use counterpart::api::fault::Fault;
use counterpart::api::form::ActForm;
use counterpart::api::times::Times;
use counterpart::config::{Config, Starter};
use counterpart::keys::{Granted, public_of};
use counterpart::story::{Script, StoryFault, Wrong};
use counterpart::view::names;
use counterpart::web::fields::Fields;
use counterpart::words::{Tell, Words, clean};
use counterpart_core::ids::{EntryRef, Epoch, LineId, Party};
use counterpart_core::line::Line;
use counterpart_core::link::frame::{Beat, Hello};
use counterpart_core::link::rate::Rate;
use counterpart_core::link::{Frame, chain};
use counterpart_core::pairing::draft::Draft;
use counterpart_core::pairing::frames::Frame as PairingFrame;
use counterpart_core::pairing::invitation::Invitation;
use counterpart_core::record::body::Body;
use counterpart_core::record::cbor::Value as Cbor;
use counterpart_core::record::charter::Charter;
use counterpart_core::record::checkpoint::Checkpoint;
use counterpart_core::record::entry::{Head, Header};
use counterpart_core::record::log::Entry;
use counterpart_core::record::merkle::{Edge, empty_root};
use counterpart_core::record::note::Note;
use counterpart_core::record::opening::{EpochHeads, Opening};
use counterpart_core::record::sign1::{PublicKey, Signature, Verify, open};
use counterpart_core::record::what::What;
use counterpart_core::time::Timestamp;
use serde_json::Value;

use crate::calls::{offer, offers, packet, packets, state, states};

/// What became of an input.
#[derive(Debug)]
pub enum Outcome {
    /// It was read, and what was read is written as the same bytes wherever there is one form only.
    Read,
    /// It was read, and is written as other bytes.
    Other,
    /// It was not read, and why.
    Refused(String),
}

/// One reader.
pub struct Decoder {
    /// Its name.
    pub name: &'static str,
    /// Inputs that it reads.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Reads one.
    pub read: fn(&[u8]) -> Outcome,
    /// It holds at most `base + each * length` bytes at once while it reads.
    pub base: usize,
    /// See `base`.
    pub each: usize,
}

/// All of them.
pub const DECODERS: [Decoder; 23] = [
    Decoder { name: "entry", seeds: entries, read: entry, base: 4_096, each: 96 },
    Decoder { name: "header", seeds: payloads, read: header, base: 4_096, each: 96 },
    Decoder { name: "charter", seeds: charters, read: charter, base: 4_096, each: 96 },
    Decoder { name: "body", seeds: bodies, read: body, base: 4_096, each: 96 },
    Decoder { name: "edge", seeds: edges, read: edge, base: 4_096, each: 16 },
    Decoder { name: "note", seeds: notes, read: note, base: 4_096, each: 96 },
    Decoder { name: "checkpoint", seeds: checkpoints, read: checkpoint, base: 4_096, each: 96 },
    Decoder { name: "frame", seeds: frames, read: frame, base: 4_096, each: 96 },
    Decoder { name: "pairing-frame", seeds: pairing_frames, read: pairing_frame, base: 4_096, each: 96 },
    Decoder { name: "invitation", seeds: invitations, read: invitation, base: 8_192, each: 96 },
    Decoder { name: "act", seeds: acts, read: act, base: 65_536, each: 96 },
    Decoder { name: "time", seeds: times, read: time, base: 65_536, each: 16 },
    Decoder { name: "opening", seeds: openings, read: opening, base: 4_096, each: 96 },
    Decoder { name: "chain", seeds: chains, read: chain, base: 4_096, each: 96 },
    Decoder { name: "name", seeds: said, read: name, base: 65_536, each: 96 },
    Decoder { name: "position", seeds: positions, read: position, base: 4_096, each: 96 },
    Decoder { name: "form", seeds: forms, read: form, base: 65_536, each: 96 },
    Decoder { name: "granted", seeds: lists, read: granted, base: 4_096, each: 96 },
    Decoder { name: "key-file", seeds: key_files, read: key_file, base: 4_096, each: 16 },
    Decoder { name: "voice-packet", seeds: packets, read: packet, base: 4_096, each: 16 },
    Decoder { name: "voice-state", seeds: states, read: state, base: 4_096, each: 96 },
    Decoder { name: "voice-offer", seeds: offers, read: offer, base: 4_096, each: 96 },
    Decoder { name: "configuration", seeds: configurations, read: configuration, base: 65_536, each: 400 },
];

/// Stories, apart: what a story may hold is bounded by lines, and a reader of many is slow.
pub const STORY: Decoder = Decoder { name: "story", seeds: stories, read: story, base: 262_144, each: 400 };

pub(crate) fn judged<T, E: std::fmt::Debug>(
    read: Result<T, E>,
    input: &[u8],
    again: impl FnOnce(T) -> Vec<u8>,
) -> Outcome {
    match read {
        Ok(value) => {
            if again(value) == input {
                Outcome::Read
            } else {
                Outcome::Other
            }
        }
        Err(why) => Outcome::Refused(format!("{why:?}")),
    }
}

/// The worked line, and the same over two more epochs (`docs/protocol.md`, appendix B).
const LINE: &str = include_str!("../../docs/vectors/line/line.json");
const EPOCHS: &str = include_str!("../../docs/vectors/line/epochs.json");

/// The vectors are ours: what cannot be read gives no seeds, which fails the test.
fn vector(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn bytes(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap_or_default().as_bytes();
    digits.chunks(2).filter_map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn entries() -> Vec<Vec<u8>> {
    let [line, epochs] = [LINE, EPOCHS].map(vector);
    list(&line["entries"]).iter().chain(list(&epochs["entries"])).map(|entry| bytes(&entry["bytes"])).collect()
}

fn entry(input: &[u8]) -> Outcome {
    judged(Entry::read(input), input, |entry| entry.bytes)
}

fn payloads() -> Vec<Vec<u8>> {
    entries().iter().filter_map(|entry| open(entry).ok().map(|sealed| sealed.payload.to_vec())).collect()
}

/// What is known of a header is written in one form; what is not known of it is kept in the entry's own bytes.
fn header(input: &[u8]) -> Outcome {
    match Header::decode(input) {
        Ok(header) if header.what.is_err() => Outcome::Refused(format!("{:?}", header.what)),
        read => judged(read, input, |header| header.encode()),
    }
}

fn charters() -> Vec<Vec<u8>> {
    vec![bytes(&vector(LINE)["charter"]["bytes"])]
}

fn charter(input: &[u8]) -> Outcome {
    judged(Charter::decode(input), input, |charter| charter.encode())
}

fn bodies() -> Vec<Vec<u8>> {
    let of = |media: &str, content: &[u8]| {
        Body { salt: [7; 16], language: "en".into(), media: media.into(), content: content.into() }.encode()
    };
    vec![of("text/plain", "a joint tow off Cape Orr".as_bytes()), of("application/octet-stream", &[0xff, 0])]
}

fn body(input: &[u8]) -> Outcome {
    judged(Body::decode(input).ok_or("no body"), input, |body| body.encode())
}

fn edges() -> Vec<Vec<u8>> {
    let mut edge = Edge::new();
    let mut all = vec![edge.to_bytes()];
    for number in 0..5 {
        edge.push([number; 32]);
        all.push(edge.to_bytes());
    }
    all
}

fn edge(input: &[u8]) -> Outcome {
    judged(Edge::from_bytes(input), input, |edge| edge.to_bytes())
}

fn checkpoints() -> Vec<Vec<u8>> {
    ["", "extension one\nextension two\n"]
        .map(|more| {
            format!("counterpart.example/line/0\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n{more}")
                .into_bytes()
        })
        .to_vec()
}

fn checkpoint(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Outcome::Refused("no text".into()) };
    judged(Checkpoint::parse(text), input, |checkpoint| checkpoint.to_string().into_bytes())
}

fn notes() -> Vec<Vec<u8>> {
    let line = "\u{2014} counterpart.example AAAAAQ6dL0mUgLKn6rXFoMTbTpmdJ6yXZ3ZQn3nJx6o4p0b9iPCn9sS8lW1Z1Yq2oYZxQ0m5gQeG1m1dS9yVxg5p7gM=\n";
    checkpoints().into_iter().map(|text| [&text[..], b"\n", line.as_bytes()].concat()).collect()
}

fn note(input: &[u8]) -> Outcome {
    judged(Note::parse(input), input, |note| note.to_string().into_bytes())
}

fn heads() -> EpochHeads {
    let head = Head { size: 3, root: empty_root() };
    EpochHeads { epoch: Epoch::FIRST, heads: [head, head] }
}

fn frames() -> Vec<Vec<u8>> {
    let entries = entries();
    let beat = Beat { number: 1, clock: Timestamp(1_760_000_000_000), heads: heads() };
    let hello = Hello {
        versions: vec![1],
        line: LineId([7; 16]),
        epochs: vec![heads()],
        clock: beat.clock,
        rate: Rate::default(),
        software: "another".into(),
    };
    let all = [
        Frame::Hello(hello),
        Frame::Entry { bytes: entries[1].clone(), body: bodies().pop() },
        Frame::Entry { bytes: entries[0].clone(), body: None },
        Frame::Ping(beat),
        Frame::Pong(beat),
        Frame::Fault { number: 3, text: "another line".into() },
        Frame::Chain { line: LineId([7; 16]), party: Party::Joiner, entries: entries[..2].to_vec() },
        Frame::Answer(true),
        Frame::Show { epoch: Epoch::FIRST, from: 2 },
        Frame::Call {
            epoch: Epoch::FIRST,
            act: EntryRef { party: Party::Joiner, index: 5 },
            state: states().pop().unwrap_or_default(),
        },
        Frame::Voice(packets().pop().unwrap_or_default()),
    ];
    all.iter().filter_map(Frame::encode).collect()
}

fn frame(input: &[u8]) -> Outcome {
    judged(Frame::decode(input), input, |frame| frame.encode().unwrap_or_default())
}

fn pairing_frames() -> Vec<Vec<u8>> {
    list(&vector(LINE)["pairing"]["frames"]).iter().map(|frame| bytes(&frame["bytes"])).collect()
}

fn pairing_frame(input: &[u8]) -> Outcome {
    judged(PairingFrame::decode(input), input, |frame| frame.encode())
}

/// Two forms of input: the text that a person carries, and the draft in it, since a changed text is found out by its checksum alone.
fn invitations() -> Vec<Vec<u8>> {
    let pairing = &vector(LINE)["pairing"];
    vec![pairing["invitation"].as_str().unwrap_or_default().into(), bytes(&pairing["draft"])]
}

fn invitation(input: &[u8]) -> Outcome {
    match std::str::from_utf8(input).map(Invitation::parse) {
        Ok(Ok(_)) => Outcome::Read,
        Ok(Err(why)) if Draft::decode(input).is_err() => Outcome::Refused(format!("{why:?}")),
        _ => judged(Draft::decode(input), input, |draft| draft.encode()),
    }
}

fn openings() -> Vec<Vec<u8>> {
    let charters = payloads().into_iter().filter_map(|payload| Header::decode(&payload).ok()?.what.ok());
    charters.filter_map(|what| if let What::Charter(args) = what { Some(args.encode()) } else { None }).collect()
}

fn opening(input: &[u8]) -> Outcome {
    let read = Cbor::decode(input).map_err(|why| format!("{why:?}"));
    let read = read.and_then(|args| Opening::read(&args).ok_or_else(|| "begins no log".to_owned()));
    judged(read, input, |opening| opening.write().encode())
}

/// Whoever has every key: with it the reader of a chain comes beyond the first signature.
struct Anybody;

impl Verify for Anybody {
    fn verify(&self, _: &PublicKey, _: &[u8], _: &Signature) -> bool {
        true
    }
}

thread_local! {
    /// Made before anything is measured: the seeds ask for it.
    static WORKED: Option<Line> = charters().first().and_then(|charter| Charter::decode(charter).ok()).map(|charter| {
        let mut line = Line::new(charter, Party::Inviter);
        let epochs = entries().into_iter().filter_map(|bytes| Entry::read(&bytes).ok());
        for entry in epochs.filter(|entry| entry.header.epoch == Epoch::FIRST) {
            // Those of the longer line are the same once more: they change nothing.
            let _ = line.reload(&entry);
        }
        line
    });
}

fn chains() -> Vec<Vec<u8>> {
    let Some(line) = WORKED.with(|worked| worked.as_ref().map(Line::id)) else { return Vec::new() };
    let all: Vec<Entry> = entries().iter().filter_map(|bytes| Entry::read(bytes).ok()).collect();
    let of = |party| {
        let belongs = |entry: &&Entry| entry.header.party == party && chain::belongs(&entry.header);
        let entries = all.iter().filter(belongs).map(|entry| entry.bytes.clone()).collect();
        Frame::Chain { line, party, entries }.encode()
    };
    Party::BOTH.into_iter().filter_map(of).collect()
}

/// As it comes in its frame, read from the keys of the worked line on.
fn chain(input: &[u8]) -> Outcome {
    let Ok(Frame::Chain { line, party, entries }) = Frame::decode(input) else {
        return Outcome::Refused("no frame of a chain".into());
    };
    let read = |worked: &Line| {
        let keys = &worked.charter().party(party).keys;
        judged(chain::read(worked.id(), party, keys, &entries, &Anybody), input, |read| {
            let entries = read.into_iter().map(|entry| entry.bytes).collect();
            Frame::Chain { line, party, entries }.encode().unwrap_or_default()
        })
    };
    WORKED.with(|worked| worked.as_ref().map_or(Outcome::Other, read))
}

fn said() -> Vec<Vec<u8>> {
    WORKED.with(|_| ());
    let all = ["Northland 1", "Northland #2", "#4 of Southland", "0:1", "1:7", "southland 1", "#0", "1"];
    all.map(|text| text.as_bytes().to_vec()).to_vec()
}

/// The name of an entry of the worked line, which is found again by what it is called.
fn name(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Outcome::Refused("no text".into()) };
    let read = |line: &Line| match names::parse(line, text) {
        Ok(at) if names::parse(line, &names::name(line, at)) == Ok(at) => Outcome::Read,
        Ok(_) => Outcome::Other,
        Err(why) => Outcome::Refused(format!("{why:?}").split([' ', '{']).next().unwrap_or_default().into()),
    };
    WORKED.with(|line| line.as_ref().map_or(Outcome::Other, read))
}

fn positions() -> Vec<Vec<u8>> {
    ["0.0", "1.20", "4294967295.18446744073709551615"].map(|text| text.as_bytes().to_vec()).to_vec()
}

fn position(input: &[u8]) -> Outcome {
    let read = std::str::from_utf8(input).ok().and_then(Position::parse);
    judged(read.ok_or("no position"), input, |position| position.text().into_bytes())
}

fn forms() -> Vec<Vec<u8>> {
    ["text=a+joint+tow&language=en", "on=0%3A3&code=in-a-meeting&key=act%3Ddefer%26until%3D%252B2h", "a=1&a=2&b="]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}

/// The form of a page, with the key that was pressed.
fn form(input: &[u8]) -> Outcome {
    let Some(mut fields) = Fields::read(input) else { return Outcome::Refused("no form".into()) };
    fields.press();
    let texts = ["text", "language", "code"].map(|name| fields.text(name));
    if texts.iter().flatten().any(|text| text.trim().is_empty()) { Outcome::Other } else { Outcome::Read }
}

fn lists() -> Vec<Vec<u8>> {
    let (one, other) = ("11".repeat(32), "22".repeat(32));
    let line = "07".repeat(16);
    let whole = format!(
        "counterpart-granted-v1 - 0 {one}\ncounterpart-granted-v1 {line} 1 {other}\ncounterpart-withdrawn-v1 {line} 1 {other}\n"
    );
    vec![whole.clone().into(), whole.lines().take(1).collect::<String>().into()]
}

/// Root's list.
fn granted(input: &[u8]) -> Outcome {
    let read = std::str::from_utf8(input).ok().and_then(Granted::read);
    read.map_or_else(|| Outcome::Refused("no list".into()), |_| Outcome::Read)
}

fn key_files() -> Vec<Vec<u8>> {
    let line = format!("counterpart-public-v1 root {}", "1f".repeat(32));
    vec![format!("{line}\n").into(), line.into()]
}

fn key_file(input: &[u8]) -> Outcome {
    public_of(input, "root").map_or_else(|| Outcome::Refused("no key".into()), |_| Outcome::Read)
}

fn acts() -> Vec<Vec<u8>> {
    [
        r#"{"act":"ask","from":"minister","to":"minister","precedence":"IMMEDIATE","mark":"OPERATION","valid_until":"2027-01-01T00:00:00Z","words":{"text":"a joint tow","language":"en"}}"#,
        r#"{"act":"offer","on":"0:3","epoch":"0/0000000000000000","windows":["2027-01-01T10:00:00Z/2027-01-01T11:00:00Z@Europe/Helsinki"],"answer_by":"2027-01-01T09:00:00Z"}"#,
        r#"{"act":"defer","on":"Northland 1","code":"in-a-meeting","until":"+2h"}"#,
        r#"{"act":"state","state":"suspended"}"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

fn act(input: &[u8]) -> Outcome {
    match ActForm::read(input) {
        Ok(_) => Outcome::Read,
        Err(why) => Outcome::Refused(format!("{:?}", why.code())),
    }
}

fn times() -> Vec<Vec<u8>> {
    [
        "2027-01-01T10:00:00Z",
        "2027-10-31T03:30",
        "+2h",
        "14:30",
        "2027-03-01 09:00@Asia/Tokyo",
        "10:00-11:00",
        "2027-01-01 23:30/00:30",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// As a person would say it, in a zone where clocks are moved; a time, an end and a window.
fn time(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Outcome::Refused("no text".into()) };
    let times = Times::spoken("Europe/Helsinki", Timestamp(1_793_000_000_000));
    let reads = [times.time(text).err(), times.end_at(text).err(), times.window(text).err()];
    let shown = clean(text);
    match reads.into_iter().collect::<Option<Vec<_>>>() {
        None if shown.chars().any(|letter| letter.is_control() && letter != '\n' && letter != '\t') => Outcome::Other,
        None => Outcome::Read,
        Some(why) => Outcome::Refused(format!("{:?}", why.iter().map(Fault::code).collect::<Vec<_>>())),
    }
}

fn configurations() -> Vec<Vec<u8>> {
    let announce = ["station.example:7001".to_owned()];
    let of = |desk| Starter {
        name: "Foreign Ministry of Northland",
        call_sign: "Northland",
        zone: "Europe/Helsinki",
        listen: "127.0.0.1:7001",
        announce: &announce,
        desk,
    };
    let hook = "\n[[webhook]]\nname = \"dispatch\"\nurl = \"http://127.0.0.1:8000/\"\nsecret = \"/etc/counterpart/dispatch.secret\"\n";
    vec![of("").text().into(), (of("127.0.0.1:7002").text() + hook).into()]
}

/// Of what is wrong only the names of sentences are an outcome.
fn configuration(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Outcome::Refused("no text".into()) };
    let names = |said: String| said.split('"').filter(|name| name.starts_with("config-")).collect::<Vec<_>>().join(" ");
    match Config::parse(text, Path::new("counterpart.toml")) {
        Ok(_) => Outcome::Read,
        Err(why) => Outcome::Refused(names(format!("{:?}", why.sentence()))),
    }
}

fn stories() -> Vec<Vec<u8>> {
    let all: [&[u8]; 3] = [
        include_bytes!("../../station/src/story/february-2013.story"),
        include_bytes!("../../station/src/story/crossed.story"),
        include_bytes!("../../station/src/story/offer-lapses.story"),
    ];
    all.map(<[u8]>::to_vec).to_vec()
}

thread_local! {
    static WORDS: Words = Words::english();
}

fn story(input: &[u8]) -> Outcome {
    match WORDS.with(|words| Script::read(input, words)) {
        Ok(_) => Outcome::Read,
        Err(StoryFault { wrong: Wrong::Wanted { sentence, .. }, .. }) => Outcome::Refused(sentence.into()),
        // Of what else is wrong its name alone is an outcome, not the words that it repeats.
        Err(why) => {
            let wrong = format!("{:?}", why.wrong);
            Outcome::Refused(wrong.split(['(', '{']).next().unwrap_or_default().trim().into())
        }
    }
}
