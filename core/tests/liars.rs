//! What a lying peer can send, and what becomes of it: void, unknown, halt.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod pair;

use counterpart_core::act::{Act, Target};
use counterpart_core::fault::{Bar, Misconduct};
use counterpart_core::ids::{EntryRef, Epoch, LineId};
use counterpart_core::line::facts::Standing;
use counterpart_core::line::turn::Answer;
use counterpart_core::precedence::Precedence;
use counterpart_core::record::cbor::Value;
use counterpart_core::record::codes::{Channel, Deadline};
use counterpart_core::record::entry::{Head, Header};
use counterpart_core::record::log::key_grant;
use counterpart_core::record::sign1::{AAD_ENTRY, AAD_KEY, Sign, SoftKey, open, seal, to_be_signed};
use counterpart_core::record::what::What;
use pair::{NORTH, Pair, SOUTH, ask};

/// What North answers to one forged entry of South's.
fn shown(pair: &mut Pair, change: impl FnOnce(&mut Header)) -> Answer {
    let forged = pair.forge(SOUTH, change);
    pair.push(NORTH, vec![(forged, None)])[0]
}

fn south(index: u64) -> EntryRef {
    EntryRef { party: SOUTH, index }
}

type Change = fn(&mut Header);

/// A pair with one ask of North's that South holds.
fn asked() -> (Pair, EntryRef) {
    let mut pair = Pair::new();
    let request = pair.act(NORTH, ask(Precedence::Priority));
    pair.carry();
    (pair, request)
}

#[test]
fn an_act_that_its_author_could_not_write_is_void_and_its_head_is_a_receipt() {
    let (mut pair, request) = asked();
    let answer = shown(&mut pair, |header| {
        header.refers = Some(request);
        header.what = Ok(What::Lapse { deadline: Deadline::ValidUntil });
    });
    assert_eq!(answer, Answer::Written(south(1)));
    assert_eq!(pair.standing(NORTH, south(1)), Standing::Void(Bar::NotOwner(request)));
    assert_eq!((pair.outcome(NORTH, request), pair.rung(NORTH, request)), ("OPEN", "DELIVERED"));
}

#[test]
fn an_entry_of_an_unknown_type_or_with_an_unknown_key_is_kept_and_has_no_effect() {
    for (key, value) in [(1, Value::Uint(4_711)), (19, Value::text("from the future"))] {
        let (mut pair, request) = asked();
        let known = pair.forge(SOUTH, |header| {
            header.refers = Some(request);
            header.what = Ok(What::Alerting { channel: Channel::Telephone });
        });
        let payload = Value::decode(open(&known).unwrap().payload).unwrap();
        let mut pairs = payload.as_map().unwrap().to_vec();
        pairs.retain(|(k, _)| *k != Value::Uint(key));
        pairs.push((Value::Uint(key), value));
        let bytes = pair.sign(SOUTH, &Value::map(pairs).encode());
        assert_eq!(pair.push(NORTH, vec![(bytes, None)]), [Answer::Written(south(1))]);
        assert_eq!(pair.standing(NORTH, south(1)), Standing::Unknown);
        assert_eq!(pair.rung(NORTH, request), "DELIVERED", "the head that it names is a receipt");
    }
}

#[test]
fn malformed_args_are_void() {
    let (mut pair, request) = asked();
    let answer = shown(&mut pair, |header| {
        header.refers = Some(request);
        header.what = Ok(What::Alerting { channel: Channel::Desk });
        header.deadline = Some(header.time); // a field that this type has not
    });
    assert_eq!(answer, Answer::Written(south(1)));
    assert!(matches!(pair.standing(NORTH, south(1)), Standing::Void(Bar::Malformed(_))));
}

#[test]
fn what_shows_nothing_of_the_author_is_named_and_its_log_goes_on() {
    let breaks: [(Misconduct, Change); 3] = [
        (Misconduct::WrongLine, |h| h.line = LineId([8; 16])),
        (Misconduct::WrongEpoch, |h| h.epoch = Epoch { number: 3, id: [1; 8] }),
        (Misconduct::WrongPlace, |h| h.own.size += 1),
    ];
    for (misconduct, change) in breaks {
        let (mut pair, request) = asked();
        assert_eq!(shown(&mut pair, change), Answer::Misconduct(misconduct));
        assert_eq!(pair.lines[0].halted(), None);
        let honest = pair.forge(SOUTH, |header| {
            header.refers = Some(request);
            header.what = Ok(What::Seen);
        });
        pair.push(NORTH, vec![(honest, None)]);
        assert_eq!(pair.rung(NORTH, request), "SEEN");
    }
}

#[test]
fn what_its_author_signed_against_its_log_halts_it_by_name_and_nothing_more_is_taken() {
    let breaks: [(Misconduct, Change); 3] = [
        (Misconduct::Fork, |h| h.own.root = [0; 32]),
        (Misconduct::HeadNeverOurs, |h| h.held.size += 5),
        (Misconduct::HeadNeverOurs, |h| h.held.root = [0; 32]),
    ];
    for (misconduct, change) in breaks {
        let (mut pair, request) = asked();
        assert_eq!(shown(&mut pair, change), Answer::Misconduct(misconduct));
        assert_eq!(pair.lines[0].halted(), Some(misconduct));
        let honest = pair.forge(SOUTH, |header| {
            header.refers = Some(request);
            header.what = Ok(What::Seen);
        });
        pair.push(NORTH, vec![(honest, None)]);
        assert_eq!(pair.rung(NORTH, request), "SENT", "their log is taken no further");
        pair.act(NORTH, Act::Withdraw { thing: request });
    }
}

#[test]
fn a_head_that_goes_back_halts() {
    let (mut pair, request) = asked();
    pair.act(SOUTH, Act::Seen { on: Target::Latest(request) });
    pair.carry();
    let back = shown(&mut pair, |header| header.held = Head::empty());
    assert_eq!(back, Answer::Misconduct(Misconduct::HeadWentBack));
}

#[test]
fn a_fork_is_judged_by_the_key_in_force_at_its_index_also_when_that_key_has_ended() {
    for (seed, expect) in [(21, Misconduct::Fork), (29, Misconduct::BadSignature)] {
        let (mut pair, request) = asked();
        let seen = |header: &mut Header| {
            header.refers = Some(request);
            header.what = Ok(What::Seen);
        };
        let branch = open(&pair.forge(SOUTH, seen)).unwrap().payload.to_vec();
        pair.act(SOUTH, Act::Answer { on: Target::Latest(request) });
        pair.carry();
        let [root, new] = [20, 29].map(|seed| SoftKey::from_seed([seed; 32]));
        let keys = [*new.public().as_bytes(), [2; 32], [3; 32]];
        let grant = to_be_signed(AAD_KEY, &key_grant(LineId([7; 16]), Epoch::FIRST, 1, &keys));
        let changed = shown(&mut pair, |header| {
            header.what = Ok(What::Key { serial: 1, keys, root: root.sign(&grant), proof: new.sign(&grant) });
        });
        assert_eq!(changed, Answer::Written(south(2)));

        let branch = seal(AAD_ENTRY, &branch, &SoftKey::from_seed([seed; 32]));
        assert_eq!(pair.push(NORTH, vec![(branch, None)]), [Answer::Misconduct(expect)]);
    }
}

#[test]
fn two_entries_at_one_index_are_a_fork_and_a_resend_changes_nothing() {
    let (mut pair, request) = asked();
    let branch = pair.forge(SOUTH, |header| {
        header.refers = Some(request);
        header.what = Ok(What::Seen);
    });
    pair.act(SOUTH, Act::Answer { on: Target::Latest(request) });
    pair.carry();
    let again = pair.sent[1].last().unwrap().clone();
    assert_eq!(pair.push(NORTH, vec![again]), [Answer::Held]);
    assert_eq!(pair.push(NORTH, vec![(branch, None)]), [Answer::Misconduct(Misconduct::Fork)]);
    assert_eq!(pair.outcome(NORTH, request), "ANSWERED");
}

#[test]
fn a_changed_or_foreign_signature_is_no_signature_and_halts_nothing() {
    let (mut pair, request) = asked();
    let mut forged = pair.forge(SOUTH, |header| {
        header.refers = Some(request);
        header.what = Ok(What::Seen);
    });
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(pair.push(NORTH, vec![(forged, None)]), [Answer::Misconduct(Misconduct::BadSignature)]);
    assert_eq!(pair.lines[0].halted(), None);
}

#[test]
fn our_own_entries_cannot_be_pushed_at_us() {
    let (mut pair, _) = asked();
    let ours = pair.sent[0].last().unwrap().clone();
    assert_eq!(pair.push(NORTH, vec![ours]), [Answer::Misconduct(Misconduct::WrongParty)]);
}

#[test]
fn an_act_on_a_void_entry_is_void() {
    let (mut pair, request) = asked();
    shown(&mut pair, |header| {
        header.refers = Some(request);
        header.what = Ok(What::Renew);
    });
    let ghost = Act::Seen { on: Target::Entry(south(1)) };
    assert_eq!(pair.bar(NORTH, ghost), Bar::NoSuchThing);
}

#[test]
fn an_entry_that_comes_twice_in_one_turn_is_no_fork_and_a_branch_beside_it_is() {
    let (mut pair, request) = asked();
    let mut forge = |what: What| {
        pair.forge(SOUTH, |header| {
            header.refers = Some(request);
            header.what = Ok(what);
        })
    };
    let (seen, branch) = (forge(What::Seen), forge(What::Referred));
    let twice = pair.push(NORTH, vec![(seen.clone(), None), (seen.clone(), None)]);
    assert_eq!(twice, [Answer::Written(south(1)), Answer::Held]);

    let (mut pair, _) = asked();
    let forked = pair.push(NORTH, vec![(seen, None), (branch, None)]);
    assert_eq!(forked, [Answer::Written(south(1)), Answer::Misconduct(Misconduct::Fork)]);
}

#[test]
fn who_cannot_read_what_it_holds_accuses_nobody() {
    let (mut pair, _) = asked();
    let index_0 = pair.sent[1][0].clone();
    // As a store would answer that is busy or fails.
    let unread = std::mem::take(&mut pair.sent[1]);
    assert_eq!(pair.push(NORTH, vec![index_0]), [Answer::Held]);
    assert_eq!(pair.lines[0].halted(), None);
    pair.sent[1] = unread;
}
