//! One line worked in bytes (`docs/protocol.md`, appendix A), from pairing to a text, and what may follow it. The files under
//! `docs/vectors/line` and the appendix are what this writes; to write them again:
//! `COUNTERPART_WRITE_VECTORS=1 cargo test --release -p counterpart-core --test worked_line`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]
#![allow(clippy::cloned_ref_to_slice_refs, reason = "lists of fields that differ by one are easier to compare")]

#[path = "../asks/mod.rs"]
mod asks;
mod cases;
mod cast;
mod epochs;
mod files;
mod notation;
mod play;

use std::path::{Path, PathBuf};

use cases::{Case, cases};
use cast::{Paired, pair};
use counterpart_core::fault::Bar;
use counterpart_core::ids::Party;
use counterpart_core::line::facts::Standing;
use counterpart_core::line::turn::{Answer, Arrived, Given, Input};
use counterpart_core::record::body::digest;
use counterpart_core::record::charter::Charter;
use counterpart_core::record::entry::BodyRef;
use counterpart_core::record::log::{Entry, Log};
use counterpart_core::record::sign1::{PublicKey, Strict};
use play::{Told, line, play};

fn worked() -> (Paired, Vec<Told>) {
    let paired = pair();
    let told = play(&paired);
    (paired, told)
}

fn entries(told: &[Told]) -> Vec<Entry> {
    told.iter().map(|t| t.entry.clone()).collect()
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

#[test]
fn the_files_and_the_appendix_are_what_the_line_gives() {
    let (paired, told) = worked();
    let all = entries(&told);
    let cases = cases(&paired.charter, &all);
    let appendix = files::appendix(&paired, &told);
    let protocol = docs().join("protocol.md");
    let text = std::fs::read_to_string(&protocol).unwrap();

    let expected = [
        (docs().join("vectors/line/line.json"), files::line_json(&paired, &told)),
        (docs().join("vectors/line/line.jsonl"), files::dump(&told)),
        (docs().join("vectors/line/cases.json"), files::cases_json(&cases)),
        (protocol, files::with_appendix(&text, &appendix)),
        (docs().join("protocol.cddl"), files::cddl(&text)),
    ];

    for (path, wanted) in expected {
        if std::env::var_os("COUNTERPART_WRITE_VECTORS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == wanted, "{} differs; to write it again, see the head of this test", path.display());
    }
}

#[test]
fn the_line_goes_from_sent_to_delivered_to_seen_to_agreed() {
    let (_, told) = worked();

    let headlines: Vec<&str> = told.iter().map(|t| t.headline.as_str()).collect();

    let agreed = "AGREED, talk PLANNED";
    let expected = [&["", "", "SENT", "DELIVERED", "ALERTING", "ALERTING"][..], &["SEEN"; 6], &[agreed; 4]].concat();
    assert_eq!(headlines, expected);
}

#[test]
fn every_single_bit_changed_in_any_entry_is_found() {
    let (paired, told) = worked();
    let mut logs = Party::BOTH.map(|party| log(&paired.charter, party));
    let mut tried = 0;
    for Told { entry, .. } in &told {
        let (own, other) = pick(&logs, entry.header.party);
        assert_eq!(own.judge(entry, other, &Strict), Ok(()));
        for at in 0..entry.bytes.len() * 8 {
            let mut bytes = entry.bytes.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            let found = Entry::read(&bytes).and_then(|changed| own.judge(&changed, other, &Strict));
            assert!(found.is_err(), "bit {at} of {}", entry.header.at());
            tried += 1;
        }
        let slot = entry.header.party.slot();
        logs[slot].append(entry);
    }
    assert!(tried > 30_000, "{tried}");
}

#[test]
fn every_single_bit_changed_in_any_body_is_found() {
    let (_, told) = worked();
    let bodies = told.iter().filter_map(|t| Some((t.body.as_ref()?, t.entry.header.body?)));
    let mut tried = 0;
    for (body, named) in bodies {
        assert_eq!(named, BodyRef::Attested(digest(body)));
        for at in 0..body.len() * 8 {
            let mut changed = body.clone();
            changed[at / 8] ^= 1 << (at % 8);
            assert_ne!(named, BodyRef::Attested(digest(&changed)));
            tried += 1;
        }
    }
    assert!(tried > 1_000, "{tried}");
}

#[test]
fn every_case_is_judged_as_it_says() {
    let (paired, told) = worked();
    let all = entries(&told);
    for case in cases(&paired.charter, &all) {
        let verdicts = judged(&paired.charter, &all[..case.after], &case);
        let expected: Vec<&str> = case.entries.iter().map(|e| e.expect).collect();
        assert_eq!(verdicts, expected, "{}", case.name);
    }
}

#[test]
fn the_head_that_an_unknown_or_void_entry_names_is_a_receipt() {
    let (paired, told) = worked();
    let all = entries(&told);
    for case in cases(&paired.charter, &all) {
        if case.after == 3 && ["unknown", "void", "malformed"].contains(&case.entries[0].expect) {
            let mut north = line(&paired.charter, Party::Inviter, &all[..case.after]);
            let entry = Entry::read(&case.entries[0].bytes).unwrap();

            let _ = north.reload(&entry).unwrap();

            assert_eq!(play::headline(&north), "DELIVERED", "{}", case.name);
        }
    }
}

/// What the other station makes of each entry of a case, through its own turn.
fn judged(charter: &Charter, before: &[Entry], case: &Case) -> Vec<String> {
    let me = case.entries[0].party.peer();
    let mut station = line(charter, me, before);
    let key = cast::key(me, 1);
    let mut verdicts = Vec::new();
    for crafted in &case.entries {
        let entry = match Entry::read(&crafted.bytes) {
            Ok(entry) => entry,
            Err(misconduct) => {
                verdicts.push(misconduct.word().into());
                continue;
            }
        };
        let stored = |_, at| before.iter().find(|e| e.header.at() == at).map(|e| e.bytes.clone());
        let arrived = Arrived { entry, body: None, verified_under: None };
        let given = Given {
            now: cast::BEGIN.plus(3_600_000),
            conduct: play::conduct(),
            monotonic_ms: 0,
            sign: &key,
            verify: &Strict,
            stored: &stored,
        };
        let plan = station.turn(vec![Input::Arrived(Box::new(arrived))], &given);
        verdicts.push(match (plan.answers.as_slice(), plan.written.first().map(|w| w.standing)) {
            ([Answer::Misconduct(misconduct)], _) => misconduct.word().into(),
            (_, Some(Standing::Counts)) => "counts".into(),
            (_, Some(Standing::Unknown)) => "unknown".into(),
            (_, Some(Standing::Void(Bar::Malformed(_)))) => "malformed".into(),
            (_, Some(Standing::Void(_))) => "void".into(),
            other => format!("{other:?}"),
        });
    }
    verdicts
}

fn log(charter: &Charter, party: Party) -> Log {
    let keys = charter.party(party).keys;
    let [station, root] = [keys.station, keys.root].map(PublicKey::from_bytes);
    Log::new(charter.line, counterpart_core::ids::Epoch::FIRST, party, station, root)
}

fn pick(logs: &[Log; 2], party: Party) -> (&Log, &Log) {
    let [inviter, joiner] = logs;
    if party == Party::Inviter { (inviter, joiner) } else { (joiner, inviter) }
}
