//! The rules that an invitation proposes: read on both sides before anybody confirms, and signed as they were read.

use counterpart::pairing::{Fault, Proposal, Term};
use counterpart::words::{Language, Tell, Words};
use counterpart_core::ids::LineId;
use counterpart_core::limits::SPAN_MAX_S;
use counterpart_core::pairing::Standing;
use counterpart_core::pairing::draft::DraftFault;
use counterpart_core::pairing::invitation::InvitationFault;
use counterpart_core::record::base64;
use counterpart_core::record::cbor::Value;
use counterpart_core::record::charter::{Charter, Checks};
use sha2::{Digest, Sha256};

use super::stations::{Station, confirm_both};
use super::two;
use crate::scratch::Scratch;

/// Every rule another than the defaults have it, as a person says it.
const SAID: [(Term, &str); 7] = [
    (Term::Station, "90s"),
    (Term::Watch, "4h,30m,10m,2m"),
    (Term::Principal, "1d12h"),
    (Term::Pace, "45m"),
    (Term::Checks, "09:00,17:00"),
    (Term::Grace, "5m"),
    (Term::Recall, "20m"),
];

fn proposal() -> Proposal {
    let mut proposal = Proposal::default();
    SAID.iter().for_each(|(term, said)| proposal.set(*term, said).unwrap());
    proposal
}

/// Whether a charter says what was proposed, and nothing of it the defaults.
fn says(charter: &Charter) {
    assert_eq!((charter.station_s, charter.watch_s), (90, [14_400, 1_800, 600, 120]));
    assert_eq!((charter.principal_s, charter.pacing_s), (129_600, [2_700; 4]));
    assert_eq!((charter.grace_s, charter.recall_s), (300, 1_200));
    assert_eq!(charter.checks, Checks::At(vec![540, 1_020]));
}

fn signed(station: &Station, line: LineId) -> Charter {
    let look = station.keeper.look(move |lines| lines.line(&line).unwrap().line.facts().all().charter().clone());
    station.runtime.block_on(look).unwrap()
}

#[test]
fn what_was_proposed_is_read_on_both_sides_across_a_restart_and_stands_in_both_charters() {
    let scratch = Scratch::new("ceremony-terms");
    let [north, south] = two(&scratch);
    let (line, text) = north.runtime.block_on(north.ceremony.invite(&proposal())).unwrap();
    south.join(&text);
    assert_eq!(north.digits(line), south.digits(line));

    let [north, south] = [north, south].map(Station::killed_and_started);
    for station in [&north, &south] {
        let view = station.until_standing(line, Standing::Comparing);
        says(&view.charter);
        let posts: Vec<&str> = view.candidates[0].posts.iter().map(|post| post.id.as_str()).collect();
        assert_eq!(posts, ["duty-officer", "minister"], "whom one can reach there is read before, too");
    }
    confirm_both(&south, &north, line);

    for station in [&north, &south] {
        station.until_standing(line, Standing::Open);
        station.until_held(line, [1, 1]);
        says(&signed(station, line));
    }
}

/// The same invitation, whose draft says this in the place of a clause.
fn saying(text: &str, clause: u64, said: Value) -> String {
    let body: String = text.lines().skip(1).filter(|line| !line.starts_with("check ")).collect();
    let whole = Value::decode(&base64::decode(&body).unwrap()).unwrap();
    let [draft, addresses, secret] = whole.as_array().unwrap() else { panic!("{whole:?}") };
    let draft = Value::decode(draft.as_bytes().unwrap()).unwrap();
    let mut clauses = draft.as_map().unwrap().to_vec();
    clauses.iter_mut().find(|(key, _)| *key == Value::Uint(clause)).unwrap().1 = said;
    let draft = Value::bytes(&Value::map(clauses).encode());
    let bytes = Value::Array(vec![draft, addresses.clone(), secret.clone()]).encode();
    let digest = Sha256::new().chain_update(b"counterpart/invitation/v1\0").chain_update(&bytes).finalize();
    let check: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("counterpart-invitation-v1\n{}\ncheck {check}\n", base64::encode(&bytes))
}

#[test]
fn a_peer_that_proposes_terms_beyond_their_limits_is_refused_by_the_name_of_the_clause() {
    let scratch = Scratch::new("ceremony-terms-limits");
    let [north, south] = two(&scratch);
    let (line, text) = north.invite();
    let four = |span: u64| Value::Array(vec![Value::Uint(span); 4]);
    let every = |span: u64| Value::Array(vec![Value::Uint(0), Value::Uint(span)]);
    let beyond = SPAN_MAX_S + 1;

    for (clause, said, name) in [
        (4, Value::Uint(beyond), "how soon a station holds"),
        (5, four(beyond), "how soon the watch has seen it"),
        (5, Value::Array(vec![Value::Uint(60); 3]), "how soon the watch has seen it"),
        (7, four(beyond), "the pace of renewals"),
        (8, every(beyond), "when the line is tested"),
        (10, Value::Uint(beyond), "the grace before a lapse"),
    ] {
        let refused = south.runtime.block_on(south.ceremony.join(&saying(&text, clause, said))).unwrap_err();

        let named =
            matches!(&refused, Fault::Invitation(InvitationFault::Draft(DraftFault::Clause(n))) if *n == clause);
        assert!(named, "{clause}: {refused:?}");
        let words = Words::of(Language::English);
        let (what, instead) = (words.told(&refused.sentence()), words.told_do(&refused.sentence()));
        assert!(what.contains(&format!("Clause {clause}")) && what.contains(name), "{what}");
        assert!(instead.contains("invites again") && instead.contains("3660 days"), "{instead}");
    }
    assert!(south.runtime.block_on(south.ceremony.list()).is_empty(), "nothing is kept");
    assert_eq!(south.join(&saying(&text, 10, Value::Uint(SPAN_MAX_S))), line, "the longest is taken");
    assert_eq!(south.view(line).charter.grace_s, SPAN_MAX_S);
}
