//! The files that the epochs give.

use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::line::Line;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::log::Log;
use counterpart_core::record::opening::Opening;
use counterpart_core::record::sign1::{Sign, open};
use counterpart_core::record::what::What;
use serde_json::{Value, json};

use super::cases::Case;
use super::{FRESH, Held, Worked};
use crate::cast::{NAMES, key, seed};
use crate::notation::{diagnostic_of, hex};

/// An epoch, as a dump names it.
pub fn name(epoch: Epoch) -> Value {
    json!([epoch.number, hex(&epoch.id)])
}

/// What became of each request: epoch, party and index, outcome.
pub fn outcomes(line: &Line) -> Vec<(Epoch, (Party, u64), &'static str)> {
    let mut found = Vec::new();
    for span in line.spans() {
        let Some(view) = line.look(span.epoch()) else { continue };
        for ask in Party::BOTH.into_iter().flat_map(|party| view.asks(party)) {
            found.push((span.epoch(), (ask.at.party, ask.at.index), view.decision(ask).outcome.word()));
        }
    }
    found
}

fn one(held: &Held) -> Value {
    let header = &held.entry.header;
    let payload = open(&held.entry.bytes).unwrap().payload;
    let form = match &header.what {
        Ok(What::Charter(args)) => Opening::read(args).map(|opening| match opening {
            Opening::Paired { .. } => "paired",
            Opening::Opened { .. } => "opened",
            Opening::Joined { .. } => "joined",
        }),
        _ => None,
    };
    json!({
        "epoch": name(header.epoch),
        "party": header.party.number(),
        "index": header.own.size,
        "type": header.kind().map(Kind::word),
        "form": form,
        "taken_back": held.taken_back,
        "bytes": hex(&held.entry.bytes),
        "payload": diagnostic_of(payload, usize::MAX),
        "leaf": hex(&held.entry.leaf),
    })
}

/// What a reader of the dump should find.
pub fn epochs_json(worked: &Worked) -> String {
    let fresh = |party: Party| {
        let names = ["station", "link", "word"];
        let of = |(at, name): (u8, &str)| {
            let which = FRESH + at;
            let public = if name == "word" { seed(party, which) } else { *key(party, which).public().as_bytes() };
            (name.to_owned(), json!({"seed": hex(&seed(party, which)), "public": hex(&public)}))
        };
        Value::Object((0_u8..).zip(names).map(of).collect())
    };
    let head = |log: &Log| json!([log.size(), hex(&log.head().root)]);
    let epochs = worked.north.spans().map(|span| {
        let view = worked.north.look(span.epoch()).unwrap();
        // How far each log counts: what lies beyond is in no view. A `received` is in none either; here it stands within.
        let counts = Party::BOTH.map(|party| {
            let receipt = |h: &&Held| h.entry.header.kind() == Some(Kind::Received);
            let receipts: Vec<_> =
                worked.held.iter().filter(receipt).map(|h| (h.entry.header.epoch, h.entry.header.at())).collect();
            let counts = |at: &EntryRef| view.fact(*at).is_some() || receipts.contains(&(span.epoch(), *at));
            let places = (0..span.log(party).size()).rev().map(|index| EntryRef { party, index });
            places.into_iter().find(counts).map_or(0, |at| at.index + 1)
        });
        json!({
            "epoch": name(span.epoch()),
            "heads": Party::BOTH.map(|party| head(span.log(party))),
            "counts": counts,
        })
    });
    let outcomes = outcomes(&worked.north).into_iter().map(|(epoch, (party, index), outcome)| {
        json!({"epoch": name(epoch), "party": party.number(), "index": index, "outcome": outcome})
    });
    let value = json!({
        "about": "The worked line over two more epochs, as Northland comes to hold it after a restore. Written by core/tests/worked_line/epochs; see docs/protocol.md, §4.6 and appendix B.",
        "fresh_keys": Value::Object(Party::BOTH.map(|p| (NAMES[p.slot()].to_owned(), fresh(p))).into_iter().collect()),
        "epochs": epochs.collect::<Vec<_>>(),
        "requests": outcomes.collect::<Vec<_>>(),
        "entries": worked.held.iter().map(one).collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&value).unwrap() + "\n"
}

/// The entries as any station would dump them: one JSON object a line.
pub fn dump(held: &[Held]) -> String {
    let line = |h: &Held| {
        let header = &h.entry.header;
        let body = h.body.as_ref().map(|b| format!(",\"body\":\"{}\"", hex(b))).unwrap_or_default();
        let (epoch, party, index) = (name(header.epoch), header.party.number(), header.own.size);
        let bytes = hex(&h.entry.bytes);
        format!("{{\"epoch\":{epoch},\"party\":{party},\"index\":{index},\"bytes\":\"{bytes}\"{body}}}\n")
    };
    held.iter().map(line).collect()
}

/// The cases, one a line within one array.
pub fn cases_json(cases: &[Case]) -> String {
    let case = |case: &Case| {
        let Case { name: called, after, epoch, party, index, bytes, expect } = case;
        let entry = json!({
            "epoch": name(*epoch), "party": party.number(), "index": index, "bytes": hex(bytes), "expect": expect,
        });
        json!({"name": called, "after": after, "entry": entry}).to_string()
    };
    format!("[\n{}\n]\n", cases.iter().map(case).collect::<Vec<_>>().join(",\n"))
}
