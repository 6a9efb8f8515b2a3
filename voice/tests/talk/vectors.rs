//! Packets, states and frames as the vectors of the specification have them (§8.8), which another program made.

use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::link::Frame;
use counterpart_voice::codec::Codec;
use counterpart_voice::packet::Packet;
use counterpart_voice::state::State;
use serde_json::{Value, json};

const VECTORS: &str = include_str!("../../../docs/vectors/voice.json");

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// What a packet says, as a vector says it.
fn of_packet(vector: &Value, packet: &Packet) -> Value {
    json!({
        "kind": "packet", "name": vector["name"], "bytes": vector["bytes"], "codec": packet.codec.number(),
        "begins": packet.begins, "person": packet.person.index(), "call": packet.call, "sequence": packet.sequence,
        "timestamp": packet.timestamp,
        "payload": packet.payload.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
    })
}

fn of_state(state: &State) -> Value {
    let codecs: Vec<_> = Codec::ALL.iter().filter(|codec| state.codecs.has(**codec)).map(|c| c.number()).collect();
    let people = state.people.iter().map(|(number, named)| {
        json!([number.index(), named.part.number(), named.listens, named.muted, named.on_line, named.here])
    });
    let reports = state.reports.iter().map(|report| {
        let arrived = report.arrived;
        json!([report.person.index(), report.newest, arrived.expected, arrived.received, arrived.jitter_us])
    });
    let (people, reports): (Vec<_>, Vec<_>) = (people.collect(), reports.collect());
    json!([state.number, codecs, state.through, state.over.map(|over| over.number()), people, reports])
}

/// What a frame is read as, written again; whether it says what the vector says.
fn frame(vector: &Value, read: &[u8]) -> Option<(Vec<u8>, bool)> {
    let frame = Frame::decode(read).ok()?;
    let says = match &frame {
        Frame::Voice(packet) => vector["kind"] == "voice-frame" && *packet == bytes(&vector["holds"]),
        Frame::Call { epoch, act, state } => {
            let party = Party::from_number(vector["party"].as_u64().unwrap()).unwrap();
            let named = EntryRef { party, index: vector["index"].as_u64().unwrap() };
            vector["kind"] == "call-frame"
                && (*epoch, *act) == (Epoch::FIRST, named)
                && *state == bytes(&vector["holds"])
        }
        _ => false,
    };
    Some((frame.encode().unwrap(), says))
}

#[test]
fn every_vector_of_a_call_is_read_and_written_as_it_says() {
    let vectors: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    let mut kinds = std::collections::BTreeMap::new();

    for vector in &vectors {
        let given = bytes(&vector["bytes"]);
        let kind = vector["kind"].as_str().unwrap();
        let read = match kind {
            "packet" => Packet::decode(&given).ok().map(|read| (read.encode(), of_packet(vector, &read) == *vector)),
            "state" => State::decode(&given).ok().map(|read| (read.encode(), of_state(&read) == vector["state"])),
            _ => frame(vector, &given),
        };
        let is_wrong = vector.get("wrong").is_some();
        *kinds.entry((kind, is_wrong)).or_insert(0) += 1;

        assert_eq!(read, (!is_wrong).then_some((given, true)), "{vector}");
    }
    assert_eq!(kinds.into_values().collect::<Vec<_>>(), [3, 3, 5, 8, 3, 10, 5, 2]);
}
