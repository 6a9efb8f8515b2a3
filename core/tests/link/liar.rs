//! A station that meets a peer which breaks the protocol, by malice or by a fault.

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{Epoch, LineId, Party};
use counterpart_core::link::frame::Frame;
use counterpart_core::link::output::{Output, Range, Reason};
use counterpart_core::link::rate::Rate;
use counterpart_core::link::session::Session;
use counterpart_core::record::entry::Head;
use counterpart_core::record::opening::EpochHeads;
use counterpart_core::record::sign1::{AAD_ENTRY, Sign, Strict, seal};

use crate::rig::*;

fn inviter() -> Author {
    Author::new(Party::Inviter, Epoch::FIRST, root_seed(Party::Inviter) + 1)
}

fn give(session: &mut Session, bytes: &[u8]) -> Vec<Output> {
    session.frame(&entry(bytes, None), now(0), &Strict)
}

/// A joiner that holds `size` entries of its own, and what it says to a hello that names these heads.
fn joiner_hears(size: u64, named: EpochHeads) -> (Session, Vec<Output>) {
    let ours = Head { size, root: [5; 32] };
    let held = held(Epoch::FIRST, nothing(), ours, first_key(Party::Inviter));
    let (mut session, _) = Session::new(setup(Party::Joiner, vec![held], Rate::default(), 0));
    let out = session.frame(&hello(vec![named]), now(0), &Strict);
    (session, out)
}

#[test]
fn a_flood_is_slowed_and_nothing_of_it_is_dropped() {
    let mut author = inviter();
    let (mut session, _) = joiner_meets(nothing());
    let (mut came, mut first, mut last) = (0, None, 0);

    for n in 0..600 {
        let bytes = author.memo(&format!("{n}"));
        let out = give(&mut session, &bytes);
        came += taken(&out).len();
        if let Some(Output::ReadSlower { until_ms }) = out.last() {
            first = first.or(Some(n));
            last = *until_ms;
        }
    }

    assert_eq!(came, 600);
    assert_eq!(first, Some(499)); // the hello was the first of the burst of 500
    assert_eq!(last, 101 * 20); // 50 a second
}

#[test]
fn what_nobody_has_signed_is_named_and_ends_the_session_and_halts_nothing() {
    let mut author = inviter();
    let (mut session, _) = joiner_meets(nothing());
    let good = author.memo("good");
    author.seed = 99;
    let bad = author.memo("bad");

    assert_eq!(taken(&give(&mut session, &good)).len(), 1);
    let out = give(&mut session, &bad);

    assert!(
        matches!(&out[0], Output::Misconduct { what: Misconduct::BadSignature, epoch: Epoch::FIRST, evidence } if *evidence == bad)
    );
    assert_eq!(fault_sent(&out), Some(1));
    assert_eq!(closed(&out), Some(Reason::Misconduct(Misconduct::BadSignature)));
    let (mut next, _) = joiner_meets(nothing());
    assert_eq!(taken(&give(&mut next, &good)).len(), 1);
}

#[test]
fn what_is_signed_and_in_no_form_halts_that_log_and_nothing_else() {
    let mut author = inviter();
    let (mut session, _) = joiner_meets(nothing());
    let good = author.memo("good");
    let bad = seal(AAD_ENTRY, &[0x81, 0x00], &key(root_seed(Party::Inviter) + 1));
    let after = author.memo("after");

    assert_eq!(taken(&give(&mut session, &good)).len(), 1);
    let out = give(&mut session, &bad);

    assert!(matches!(named(&out), Some(Misconduct::NotCanonical(Some(_)))));
    assert_eq!((fault_sent(&out), closed(&out)), (Some(2), None));
    assert!(give(&mut session, &after).is_empty()); // not even looked at
    let ours = held(Epoch::FIRST, nothing(), Head { size: 3, root: [5; 32] }, first_key(Party::Inviter));
    session.committed(ours, now(0));
    assert_eq!(session.wants(0).map(|r| (r.from, r.to)), Some((0, 3)));
}

#[test]
fn a_key_that_root_did_not_sign_for_is_a_bad_signature_and_so_is_the_old_key_after_the_new() {
    let mut author = inviter();
    let (mut session, _) = joiner_meets(nothing());
    let unsigned = author.change_key(77, 78);
    assert_eq!(named(&give(&mut session, &unsigned)), Some(Misconduct::BadSignature));

    let mut author = inviter();
    let (mut session, _) = joiner_meets(nothing());
    let change = author.change_key(77, root_seed(Party::Inviter));
    assert_eq!(taken(&give(&mut session, &change)).len(), 1);
    author.seed = root_seed(Party::Inviter) + 1;
    let old = author.memo("under the key before");
    assert_eq!(named(&give(&mut session, &old)), Some(Misconduct::BadSignature));
}

#[test]
fn a_malformed_frame_is_answered_with_a_fault_and_ends_the_session() {
    let (mut session, _) = joiner_meets(nothing());

    let out = session.frame(&[0x81, 0x18], now(0), &Strict);

    assert_eq!(named(&out), Some(Misconduct::BadFrame));
    assert_eq!(fault_sent(&out), Some(10));
    assert!(matches!(out.last(), Some(Output::Close(Reason::Misconduct(Misconduct::BadFrame)))));
    assert!(session.frame(&hello(vec![heads(nothing(), nothing())]), now(1), &Strict).is_empty());
    assert!(session.tick(now(90_000)).is_empty());
    assert_eq!((session.wants(1), session.next_tick(1), session.even()), (None, None, false));
}

#[test]
fn a_frame_that_comes_where_it_may_not_is_a_bad_frame() {
    let none = heads(nothing(), nothing());
    let before: [&[u8]; 2] = [&entry(&[1], None), &Frame::Ping(beat(1, none)).encode().unwrap()];
    for frame in before {
        let held = held(Epoch::FIRST, nothing(), nothing(), first_key(Party::Inviter));
        let (mut session, _) = Session::new(setup(Party::Joiner, vec![held], Rate::default(), 0));
        assert_eq!(named(&session.frame(frame, now(0), &Strict)), Some(Misconduct::BadFrame));
    }

    let pong = Frame::Pong(beat(7, none)); // asked was number 1
    let after = [pong, Frame::Answer(true), Frame::Chain { line: LINE, party: Party::Inviter, entries: Vec::new() }];
    let after = after.iter().map(|f| f.encode().unwrap());
    for frame in after.chain([hello(vec![none])]) {
        let (mut session, _) = joiner_meets(nothing());
        assert_eq!(named(&session.frame(&frame, now(0), &Strict)), Some(Misconduct::BadFrame));
    }
}

#[test]
fn a_hello_for_another_line_ends_the_session() {
    let held = held(Epoch::FIRST, nothing(), nothing(), first_key(Party::Inviter));
    let mut other = setup(Party::Joiner, vec![held], Rate::default(), 0);
    other.line = LineId([0x22; 16]);
    let (mut session, _) = Session::new(other);

    let out = session.frame(&hello(vec![heads(nothing(), nothing())]), now(0), &Strict);

    assert_eq!(closed(&out), Some(Reason::WrongLine));
}

#[test]
fn an_entry_of_ours_or_out_of_its_place_or_in_no_frame_ends_the_session() {
    let mut author = inviter();
    let (_, second) = (author.memo("first"), author.memo("second"));
    let ours = Author::new(Party::Joiner, Epoch::FIRST, 111).memo("ours");
    let mut unknown = Author::new(Party::Inviter, SECOND, 11);
    let unknown = unknown.memo("in an epoch that no charter opened");

    for (bytes, what) in [
        (&second, Misconduct::WrongPlace),
        (&ours, Misconduct::WrongParty),
        (&unknown, Misconduct::WrongEpoch),
        (&vec![0xd2], Misconduct::BadSignature),
    ] {
        let (mut session, _) = joiner_meets(nothing());
        let out = give(&mut session, bytes);
        assert_eq!((named(&out), closed(&out)), (Some(what), Some(Reason::Misconduct(what))));
    }
}

#[test]
fn an_entry_below_what_is_held_is_left_to_the_record() {
    let mut author = inviter();
    let first = author.memo("first");
    let (mut session, _) = joiner_meets(nothing());
    give(&mut session, &first);

    let out = give(&mut session, &first);

    assert_eq!(taken(&out)[0].verified_under, None);
}

#[test]
fn a_body_that_is_not_the_one_named_ends_the_session_and_a_missing_one_is_passed_up() {
    let mut author = inviter();
    let bytes = author.memo("the words");
    let (mut session, _) = joiner_meets(nothing());
    assert_eq!(taken(&give(&mut session, &bytes))[0].body, None);

    let (mut session, _) = joiner_meets(nothing());
    let out = session.frame(&entry(&bytes, Some(b"the wards")), now(0), &Strict);

    assert!(taken(&out).is_empty());
    assert_eq!(closed(&out), Some(Reason::Misconduct(Misconduct::WrongBody)));
}

#[test]
fn who_names_more_of_our_log_than_we_hold_makes_a_claim_and_is_sent_nothing_until_we_agree() {
    let more = Head { size: 9, root: [6; 32] };
    let branch = Head { size: 3, root: [6; 32] };
    for claim in [more, branch] {
        let (mut session, out) = joiner_hears(3, heads(nothing(), claim));

        assert!(out.iter().any(|o| matches!(o, Output::Claim { epoch: Epoch::FIRST, head } if *head == claim)));
        assert_eq!((session.wants(0), session.even()), (None, false));
        let again = Frame::Ping(beat(1, heads(nothing(), claim))).encode().unwrap();
        let again = session.frame(&again, now(0), &Strict);
        assert!(!again.iter().any(|o| matches!(o, Output::Claim { .. }))); // said once

        let back = held(Epoch::FIRST, nothing(), claim, first_key(Party::Inviter));
        session.committed(back, now(0));
        assert_eq!((session.wants(0), session.even()), (None, true));
    }
}

#[test]
fn a_claim_is_not_agreed_to_by_growing_past_it_but_by_what_the_peer_names_next() {
    let (mut session, _) = joiner_hears(3, heads(nothing(), Head { size: 4, root: [6; 32] }));
    let grown = Head { size: 6, root: [7; 32] };

    session.committed(held(Epoch::FIRST, nothing(), grown, first_key(Party::Inviter)), now(0));
    let before = session.wants(0);
    let true_ping = Frame::Ping(beat(1, heads(nothing(), Head { size: 3, root: [3; 32] }))).encode().unwrap();
    session.frame(&true_ping, now(0), &Strict);

    assert_eq!(before, None); // index 4 may not be what it would take for a continuation
    assert_eq!(session.wants(0), Some(Range { epoch: Epoch::FIRST, party: Party::Joiner, from: 3, to: 6 }));
}

#[test]
fn who_shows_nothing_of_a_claim_is_accused_and_a_path_that_carries_nothing_is_only_silent() {
    let more = heads(nothing(), Head { size: 5, root: [6; 32] });
    let ping = Frame::Ping(beat(1, more)).encode().unwrap();
    let claims = Misconduct::FalseClaim;

    for (heard_ms, then) in [(16_000, Reason::Misconduct(claims)), (14_000, Reason::Silent)] {
        let (mut session, _) = joiner_hears(3, more);
        session.frame(&ping, now(heard_ms), &Strict);

        let out = session.tick(now(30_000));

        assert_eq!(closed(&out), Some(then));
        assert_eq!(named(&out), (then != Reason::Silent).then_some(claims));
    }
}

#[test]
fn who_claims_a_log_of_ours_in_an_epoch_unknown_here_is_asked_to_show_it_before_it_writes_there() {
    let theirs = EpochHeads { epoch: SECOND, heads: [nothing(), Head { size: 4, root: [6; 32] }] };
    let (mut session, out) = joiner_hears(0, theirs);
    let bytes = Author::new(Party::Inviter, SECOND, 11).memo("joined");

    let show = Frame::Show { epoch: SECOND, from: 0 }.encode().unwrap();
    assert!(out.iter().any(|o| matches!(o, Output::Claim { epoch: SECOND, .. })));
    assert!(out.iter().any(|o| matches!(o, Output::Send(sent) if *sent == show)));
    assert_eq!(named(&give(&mut session, &bytes)), Some(Misconduct::FalseClaim));
}

#[test]
fn who_names_less_of_its_own_log_than_we_hold_may_be_a_restored_copy() {
    let head = Head { size: 5, root: [7; 32] };
    let held = held(Epoch::FIRST, head, nothing(), first_key(Party::Inviter));
    let (mut session, _) = Session::new(setup(Party::Joiner, vec![held], Rate::default(), 0));
    let less = Head { size: 4, root: [7; 32] };

    let out = session.frame(&hello(vec![heads(less, nothing())]), now(0), &Strict);

    assert!(out.iter().any(|o| matches!(o, Output::PeerLost { epoch: Epoch::FIRST, head } if *head == less)));
    assert!(!session.even());
}

#[test]
fn a_new_epoch_is_taken_by_the_word_of_root_and_by_no_other() {
    let root = root_seed(Party::Inviter);
    let mut author = Author::new(Party::Inviter, SECOND, root);
    let [opens, follows] = [author.open_epoch(55), author.memo("fresh key")];
    let (mut session, _) = joiner_meets(nothing());
    let took = |session: &mut Session, bytes: &[u8]| {
        let out = give(session, bytes);
        taken(&out).first().map(|r| r.verified_under)
    };

    assert_eq!(took(&mut session, &opens), Some(Some(key(root).public())));
    assert_eq!(took(&mut session, &follows), Some(Some(key(55).public())));
    assert!(!session.even()); // theirs is the higher epoch

    let false_opening = Author::new(Party::Inviter, SECOND, 11).open_epoch(55);
    let (mut session, _) = joiner_meets(nothing());
    assert_eq!(named(&give(&mut session, &false_opening)), Some(Misconduct::BadSignature));

    let (mut session, _) = joiner_meets(nothing());
    let in_no_form = seal(AAD_ENTRY, &[0x81, 0x00], &key(root + 1));
    assert!(matches!(named(&give(&mut session, &in_no_form)), Some(Misconduct::NotCanonical(_))));
    assert_eq!(took(&mut session, &opens), Some(Some(key(root).public()))); // a new epoch lifts a halt
}

#[test]
fn a_station_key_alone_opens_no_epoch_and_a_charter_beyond_index_0_changes_no_key() {
    let (mut session, _) = joiner_meets(nothing());
    let opening = inviter().open_epoch(55); // at index 0 of the first epoch, by the station key
    assert_eq!(named(&give(&mut session, &opening)), Some(Misconduct::BadSignature));

    let (mut session, _) = joiner_meets(nothing());
    let mut author = inviter();
    let mut entries = vec![author.memo("first"), author.open_epoch(55)];
    author.seed = root_seed(Party::Inviter) + 1;
    entries.push(author.memo("still under the key before"));
    for bytes in &entries {
        assert_eq!(taken(&give(&mut session, bytes)).len(), 1);
    }
}

#[test]
fn an_epoch_whose_number_jumps_ends_the_session() {
    let far = Epoch { number: 1_001, id: [1; 8] };
    let reason = Some(Reason::Misconduct(Misconduct::EpochJump));

    let (mut session, _) = joiner_meets(nothing());
    let opens = Author::new(Party::Inviter, far, 10).open_epoch(55);
    assert_eq!(closed(&give(&mut session, &opens)), reason);

    let named = EpochHeads { epoch: far, ..heads(nothing(), nothing()) };
    assert_eq!(closed(&joiner_hears(0, named).1), reason);
}

#[test]
fn misconduct_that_the_record_finds_halts_the_log_and_is_told_to_the_peer_once() {
    let (mut session, _) = joiner_meets(nothing());

    let out = session.misconduct(Misconduct::HeadNeverOurs, Epoch::FIRST, &[1]);

    assert_eq!(fault_sent(&out), Some(Misconduct::HeadNeverOurs.number()));
    assert!(session.misconduct(Misconduct::Fork, Epoch::FIRST, &[1]).is_empty());
    assert!(give(&mut session, &inviter().memo("more")).is_empty());
}

#[test]
fn a_fault_that_the_peer_names_is_passed_on_also_of_an_unknown_number() {
    let (mut session, _) = joiner_meets(nothing());
    for (number, known) in [(9, Some(Misconduct::Fork)), (999, None)] {
        let text = "why".into();
        let fault = Frame::Fault { number, text }.encode().unwrap();
        let out = session.frame(&fault, now(0), &Strict);
        assert!(matches!(&out[..], [Output::PeerFault { what, .. }] if *what == known));
    }
}

#[test]
fn no_mutation_of_any_frame_stops_a_session() {
    let mut author = inviter();
    let none = heads(nothing(), nothing());
    let bytes = author.memo("words");
    let frames = [
        hello(vec![none]),
        entry(&bytes, Some(b"words")),
        Frame::Ping(beat(1, none)).encode().unwrap(),
        Frame::Pong(beat(1, none)).encode().unwrap(),
        Frame::Fault { number: 1, text: "x".into() }.encode().unwrap(),
        Frame::Chain { line: LINE, party: Party::Inviter, entries: vec![bytes] }.encode().unwrap(),
    ];
    let mut chance = 0x2545_f491_4f6c_dd1d_u64; // xorshift64
    let mut next = |below: usize| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        (chance % below as u64) as usize
    };

    for round in 0..6_000 {
        let held = held(Epoch::FIRST, nothing(), nothing(), first_key(Party::Inviter));
        let (mut session, _) = Session::new(setup(Party::Joiner, vec![held], Rate::default(), 0));
        if round % 4 != 0 {
            session.frame(&frames[0], now(0), &Strict);
        }
        let mut over = false;
        for _ in 0..4 {
            let mut frame = frames[next(frames.len())].clone();
            for _ in 0..next(3) {
                let at = next(frame.len());
                frame[at] = next(256) as u8;
            }
            frame.truncate(frame.len() - next(12) / 11 * next(frame.len()));
            let out = session.frame(&frame, now(next(100) as u64), &Strict);
            assert!(!over || out.is_empty());
            over |= closed(&out).is_some();
        }
    }
}
