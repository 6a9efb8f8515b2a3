//! Who hears whom, and what a sender may send. With browsers: `exchange/tests.rs`.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::sync::Arc;

use counterpart_core::ids::Party;
use counterpart_core::record::codes::Part;

use super::{Breach, COME_BACK_MS, Call, Forward, Named, Refusal, Room, Sound};
use crate::codec::{Codec, Codecs, PayloadFault};
use crate::packet::Packet;
use crate::seat::Number;
use crate::state::State;

fn call() -> Call {
    Call::new(Party::Inviter, Codecs::all(), Codecs::all(), 9, 0).unwrap()
}

fn number(number: u8) -> Number {
    Number::new(number).unwrap()
}

fn sound(sequence: u32) -> Sound {
    Sound { sequence, timestamp: sequence * 960, payload: Arc::from([19 << 3, 7, 7]) }
}

/// Somebody of ours who is there.
fn comes(call: &mut Call, part: Part, listens: bool) -> Number {
    let number = call.let_in(part, listens, 0).unwrap();
    call.connected(number, 0).unwrap();
    number
}

fn through(call: &mut Call) {
    Party::BOTH.into_iter().for_each(|side| call.put_through(side, 0));
}

/// The other side tells who of it is in the call.
fn tell(call: &mut Call, people: &[(u8, Named)]) {
    tell_at(call, people, 0);
}

fn tell_at(call: &mut Call, people: &[(u8, Named)], now_ms: u64) {
    let people = people.iter().map(|(at, named)| (number(*at), *named)).collect();
    let state = State { number: 9, codecs: Codecs::all(), through: false, over: None, people, reports: vec![] };
    assert_eq!(call.told(&state, now_ms), Ok(false));
}

/// One of theirs who speaks on the line.
fn speaker() -> Named {
    Named { part: Part::Principal, listens: false, muted: false, on_line: true, here: true }
}

fn theirs(person: u8, sequence: u32) -> Packet {
    let payload = Arc::from([19 << 3, 7, 7]);
    let (codec, timestamp) = (Codec::Opus, sequence.wrapping_mul(960));
    Packet { call: 5, person: number(person), codec, begins: sequence == 0, sequence, timestamp, payload }
}

fn hearers(forward: Option<Forward>) -> Vec<usize> {
    forward.map(|forward| forward.hearers.iter().map(|hearer| hearer.index()).collect()).unwrap_or_default()
}

#[test]
fn a_call_without_a_shared_codec_is_refused_before_anybody_is_in_it() {
    let [opus, pcma] = [Codec::Opus, Codec::Pcma].map(|codec| [codec].into_iter().collect());

    let refused = Call::new(Party::Joiner, opus, pcma, 1, 0);

    assert_eq!(refused.err(), Some(Refusal::NoSharedCodec));
}

#[test]
fn a_fifth_person_of_a_side_is_refused_and_a_place_that_is_left_is_free() {
    let mut call = call();
    let all: Vec<Number> = (0..4).map(|_| comes(&mut call, Part::Principal, false)).collect();

    assert_eq!(call.let_in(Part::Watch, false, 0), Err(Refusal::SideFull));
    call.take_out(all[2]).unwrap();
    assert_eq!(call.let_in(Part::Watch, false, 0), Ok(all[2]));
    assert_eq!(call.take_out(number(0)).and_then(|()| call.take_out(number(0))), Err(Refusal::NobodyThere(number(0))));
}

#[test]
fn who_is_on_the_line_is_heard_by_everyone_on_it_once_and_never_by_themselves() {
    let mut call = call();
    let [one, two, three] = [(); 3].map(|()| comes(&mut call, Part::Principal, false));
    through(&mut call);

    let spoken = call.spoken(two, sound(0), 0).unwrap().unwrap();

    assert!(spoken.to_peer);
    assert_eq!(spoken.hearers, [one, three]);
    assert_eq!(spoken.packet.call, 9);
}

#[test]
fn whoever_is_aside_is_heard_aside_alone_and_the_held_hear_nothing() {
    let mut call = call();
    let [watch, minister, held] = [Part::Watch, Part::Principal, Part::Interpreter].map(|p| comes(&mut call, p, false));
    tell(&mut call, &[(0, speaker())]);

    call.move_to(minister, Room::Aside, 0).unwrap();
    call.move_to(watch, Room::Aside, 0).unwrap();
    let aside = call.spoken(watch, sound(0), 0).unwrap().unwrap();
    let from_there = call.arrived(theirs(0, 0), 0).unwrap();
    let of_the_held = call.spoken(held, sound(0), 0).unwrap();

    assert_eq!((aside.to_peer, aside.hearers), (false, vec![minister]));
    assert_eq!(hearers(from_there), Vec::<usize>::new());
    assert_eq!(of_the_held, None);
}

#[test]
fn a_mute_and_an_aside_leave_a_pause_and_no_gap() {
    let mut call = call();
    let one = comes(&mut call, Part::Principal, false);
    through(&mut call);
    let say = |call: &mut Call, at: u32| call.spoken(one, sound(at), u64::from(at) * 20).unwrap();
    let of = |forward: Option<Forward>| forward.map(|forward| (forward.packet.sequence, forward.packet.begins));

    let first = say(&mut call, 0);
    call.mute(one, true, 0).unwrap();
    let muted = say(&mut call, 1);
    call.mute(one, false, 0).unwrap();
    let after = say(&mut call, 2);

    assert_eq!([first, muted, after].map(of), [Some((0, true)), None, Some((1, true))]);
}

#[test]
fn who_listens_is_heard_by_nobody_whatever_their_browser_sends() {
    let mut call = call();
    let notes = comes(&mut call, Part::NoteTaker, true);
    through(&mut call);
    tell(&mut call, &[(0, speaker()), (1, Named { listens: true, ..speaker() })]);

    assert_eq!(call.spoken(notes, sound(0), 0), Ok(None));
    assert_eq!(hearers(call.arrived(theirs(0, 0), 0).unwrap()), [notes.index()]);
    assert_eq!(call.arrived(theirs(1, 0), 0), Ok(None));
}

#[test]
fn a_packet_of_somebody_who_is_not_named_muted_or_held_there_goes_nowhere_and_is_no_misconduct() {
    let mut call = call();
    comes(&mut call, Part::Principal, false);
    through(&mut call);

    let unnamed = call.arrived(theirs(0, 0), 0);
    tell(&mut call, &[(0, Named { muted: true, ..speaker() })]);
    let muted = call.arrived(theirs(0, 1), 0);
    tell(&mut call, &[(0, Named { on_line: false, ..speaker() })]);
    let held = call.arrived(theirs(0, 2), 0);

    assert_eq!([unnamed, muted, held], [Ok(None), Ok(None), Ok(None)]);
}

#[test]
fn a_packet_that_comes_twice_is_heard_once() {
    let mut call = call();
    comes(&mut call, Part::Principal, false);
    through(&mut call);
    tell(&mut call, &[(0, speaker())]);

    let heard: Vec<usize> =
        [0, 1, 1, 3, 2, 0].into_iter().flat_map(|at| hearers(call.arrived(theirs(0, at), 0).unwrap())).collect();

    assert_eq!(heard.len(), 4);
    assert_eq!((call.reports()[0].arrived.expected, call.reports()[0].newest), (4, 3));
}

#[test]
fn what_comes_behind_others_by_the_jitter_of_a_path_is_no_loss_and_what_comes_after_two_seconds_and_a_half_is() {
    let mut call = call();
    comes(&mut call, Part::Principal, false);
    through(&mut call);
    tell(&mut call, &[(0, speaker())]);
    // Each packet of 20 ms comes up to 200 ms late: as it has come, not as it was sent.
    let late = |at: u32| u64::from(at) * 20 + u64::from(at * 7 % 11) * 20;
    let mut order: Vec<u32> = (0..1_000).collect();
    order.sort_by_key(|at| late(*at));

    let heard = order.iter().filter(|at| call.arrived(theirs(0, **at), late(**at)).unwrap().is_some()).count();
    let arrived = call.reports()[0].arrived;
    // 127 behind the newest, and 128.
    let far = [1_127, 1_000, 1_129, 1_001].map(|at| call.arrived(theirs(0, at), 22_580).unwrap().is_some());

    assert!(!order.is_sorted());
    assert_eq!((heard, arrived.expected, arrived.received), (1_000, 1_000, 1_000));
    assert_eq!(far, [true, true, true, false]);
}

#[test]
fn somebody_of_theirs_of_whom_nothing_comes_for_two_seconds_is_unheard_and_who_is_muted_or_away_is_not() {
    let mut call = call();
    comes(&mut call, Part::Principal, false);
    through(&mut call);
    tell(&mut call, &[(0, Named { muted: true, ..speaker() }), (1, Named { here: false, ..speaker() })]);

    let quiet = call.is_unheard(60_000);
    tell_at(&mut call, &[(0, speaker())], 60_000);
    let spoken = [61_999, 62_000].map(|now_ms| call.is_unheard(now_ms));
    call.arrived(theirs(0, 0), 62_000).unwrap();
    tell_at(&mut call, &[(0, speaker())], 63_000);
    let heard = [63_999, 64_000].map(|now_ms| call.is_unheard(now_ms));
    call.end(counterpart_core::record::codes::EndReason::Done);

    assert_eq!((quiet, spoken, heard), (false, [false, true], [false, true]));
    assert!(!call.is_unheard(90_000), "a call that is over is awaited by nobody");
}

#[test]
fn a_peer_that_floods_is_limited_and_named_and_its_others_are_heard() {
    let mut call = call();
    comes(&mut call, Part::Principal, false);
    through(&mut call);
    tell(&mut call, &[(0, speaker()), (1, speaker())]);

    let outcomes: Vec<_> = (0..1_000).map(|at| call.arrived(theirs(0, at), 0)).collect();
    let other = call.arrived(theirs(1, 0), 0).unwrap();

    let passed = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Some(_)))).count();
    let named = outcomes.iter().filter(|outcome| **outcome == Err(Breach::Flood)).count();
    assert_eq!((passed, named), (500, 1));
    assert_eq!(hearers(other).len(), 1);
}

#[test]
fn what_is_encoded_otherwise_than_agreed_or_is_malformed_is_named() {
    let mut call = call();
    let one = comes(&mut call, Part::Principal, false);
    through(&mut call);
    tell(&mut call, &[(0, speaker())]);
    let of = |payload: &[u8]| Sound { payload: payload.into(), ..sound(0) };

    let other = call.arrived(Packet { codec: Codec::Pcma, ..theirs(0, 0) }, 0);
    let unframed = call.spoken(one, of(&[19 << 3 | 1, 7]), 0);
    let long = call.spoken(one, of(&[19 << 3; 1_101]), 0);

    assert_eq!(other, Err(Breach::OtherCodec(Codec::Pcma)));
    assert_eq!(unframed, Err(Breach::Malformed(PayloadFault::Unframed)));
    assert_eq!(long, Err(Breach::Malformed(PayloadFault::TooLong)));
}

#[test]
fn who_does_not_come_back_in_twenty_seconds_is_out_and_who_does_is_in() {
    let mut call = call();
    let [stays, returns, goes] = [(); 3].map(|()| comes(&mut call, Part::Principal, false));

    call.went(returns, 1_000).unwrap();
    call.went(goes, 1_000).unwrap();
    call.went(goes, 5_000).unwrap();
    call.back(returns, 20_999).unwrap();

    assert_eq!(call.next_tick(), Some(1_000 + COME_BACK_MS));
    assert_eq!(call.tick(20_999), []);
    assert_eq!(call.tick(21_000), [goes]);
    assert_eq!(call.ours().map(|(number, _)| number).collect::<Vec<_>>(), [stays, returns]);
}

#[test]
fn a_watch_joins_a_talk_only_where_it_is_alone_and_nobody_before_both_sides_put_through() {
    let report = |call: &mut Call, person: Number, newest: u32| {
        let arrived = crate::quality::Arrived { expected: 9, received: 9, jitter_us: 0 };
        call.reported(super::Report { person, newest, arrived });
        call.joined()
    };
    let mut alone = call();
    let watch = comes(&mut alone, Part::Watch, false);
    alone.spoken(watch, sound(0), 0).unwrap();
    let early = report(&mut alone, watch, 0);
    through(&mut alone);
    alone.spoken(watch, sound(1), 20).unwrap();
    let stale = report(&mut alone, watch, 0);
    let unheard = report(&mut alone, watch, 1);
    tell(&mut alone, &[(0, speaker())]);
    alone.arrived(theirs(0, 0), 20).unwrap();
    let passed = alone.joined();

    let beside = |part, listens| {
        let mut beside = call();
        let watch = comes(&mut beside, Part::Watch, false);
        comes(&mut beside, part, listens);
        through(&mut beside);
        beside.spoken(watch, sound(0), 0).unwrap();
        tell(&mut beside, &[(0, speaker())]);
        beside.arrived(theirs(0, 0), 0).unwrap();
        (beside, watch)
    };
    let [(mut speaks, one), (mut listens, other)] = [beside(Part::Principal, false), beside(Part::NoteTaker, true)];

    assert_eq!(
        [early, stale, unheard, passed],
        [None, None, None, Some(Part::Watch)],
        "the other side's word alone joins nobody"
    );
    assert_eq!(report(&mut speaks, one, 0), None);
    assert_eq!(
        report(&mut listens, other, 0),
        Some(Part::Watch),
        "who takes notes is heard by nobody, and joins nothing"
    );
}

#[test]
fn of_whom_nobody_here_was_to_hear_anything_they_have_not_come() {
    let mut call = call();
    let one = comes(&mut call, Part::Principal, false);
    through(&mut call);
    tell(&mut call, &[(0, speaker())]);

    call.move_to(one, Room::Hold, 0).unwrap();
    call.arrived(theirs(0, 0), 0).unwrap();
    let held = call.has_met();
    call.move_to(one, Room::Line, 0).unwrap();
    call.arrived(theirs(0, 1), 0).unwrap();

    assert_eq!([held, call.has_met()], [false, true]);
}

#[test]
fn what_a_side_has_put_through_it_takes_back_by_another_number_alone_and_then_ours_are_held() {
    let mut call = call();
    let [watch, minister, aside] =
        [Part::Watch, Part::Principal, Part::Interpreter].map(|p| comes(&mut call, p, false));
    let guest = comes(&mut call, Part::Principal, false);
    through(&mut call);
    call.move_to(aside, Room::Aside, 0).unwrap();
    call.move_to(guest, Room::Hold, 0).unwrap();
    let mut at = 0;
    let mut told = |call: &mut Call, number: u32, through: bool| {
        let people = vec![(self::number(0), speaker())];
        let state = State { number, codecs: Codecs::all(), through, over: None, people, reports: vec![] };
        call.told(&state, 0).unwrap();
        at += 1;
        let said = call.spoken(minister, sound(at), u64::from(at) * 20).unwrap().is_some();
        let heard = hearers(call.arrived(theirs(0, at), 0).unwrap());
        (call.through(), said, heard)
    };
    let [of_watch, of_minister] = [watch, minister].map(Number::index);

    let same = told(&mut call, 9, false);
    let anew = told(&mut call, 10, false);
    let rooms = call.rooms();
    let again = told(&mut call, 10, true);

    assert_eq!(same, ([true, true], true, vec![of_watch, of_minister]), "it takes nothing back");
    assert_eq!(anew, ([true, false], false, vec![of_watch]), "the watches hear each other");
    assert_eq!(rooms, [Room::Line, Room::Hold, Room::Aside, Room::Hold].map(Some));
    assert_eq!(
        again,
        ([true, true], true, vec![of_watch, of_minister]),
        "whom our watch has put on hold no peer puts through"
    );
}

#[test]
fn whom_our_watch_holds_after_it_has_put_through_no_act_of_the_other_side_puts_on_the_line() {
    let mut call = call();
    let [watch, minister, early, guest] = [Part::Watch, Part::Principal, Part::Interpreter, Part::Principal]
        .map(|part| call.let_in(part, false, 0).unwrap());
    call.move_to(early, Room::Aside, 0).unwrap();
    call.move_to(early, Room::Hold, 0).unwrap();
    call.put_through(Party::Inviter, 0);
    // To telephone; and to look who comes.
    [watch, guest].into_iter().for_each(|one| call.move_to(one, Room::Hold, 0).unwrap());

    call.put_through(Party::Joiner, 0);
    let once = call.rooms();
    let anew = State { number: 10, codecs: Codecs::all(), through: false, over: None, people: vec![], reports: vec![] };
    call.told(&anew, 0).unwrap();
    [Room::Aside, Room::Hold].into_iter().for_each(|room| call.move_to(minister, room, 0).unwrap());
    call.told(&State { through: true, ..anew }, 0).unwrap();

    let [hold, line] = [Room::Hold, Room::Line].map(Some);
    assert_eq!(once, [hold, line, line, hold], "who was held before our watch put through waits for it");
    assert_eq!(call.rooms(), [hold, hold, line, hold]);
}

#[test]
fn nobody_but_a_watch_is_put_on_the_line_before_both_sides_have_put_through() {
    let mut call = call();
    let [watch, minister] = [Part::Watch, Part::Principal].map(|part| comes(&mut call, part, false));
    call.put_through(Party::Inviter, 0);
    [watch, minister].into_iter().for_each(|one| call.move_to(one, Room::Aside, 0).unwrap());

    let early = [watch, minister].map(|one| call.move_to(one, Room::Line, 0));
    call.put_through(Party::Joiner, 0);
    let late = call.move_to(minister, Room::Line, 0);

    assert_eq!((early, late), ([Ok(()), Err(Refusal::NotThrough)], Ok(())));
}

#[test]
fn whoever_is_aside_when_both_sides_have_put_through_stays_there() {
    let mut call = call();
    let [held, aside] = [(); 2].map(|()| comes(&mut call, Part::Principal, false));
    call.put_through(Party::Inviter, 0);
    call.move_to(aside, Room::Aside, 0).unwrap();

    call.put_through(Party::Joiner, 0);

    assert_eq!(call.rooms()[..2], [Some(Room::Line), Some(Room::Aside)]);
    assert!(call.spoken(held, sound(0), 20).unwrap().unwrap().to_peer);
    assert!(!call.spoken(aside, sound(0), 20).unwrap().unwrap().to_peer);
}

#[test]
fn what_was_said_aside_and_comes_late_goes_nowhere() {
    let mut call = call();
    let [minister, watch] = [Part::Principal, Part::Watch].map(|part| comes(&mut call, part, false));
    through(&mut call);
    call.move_to(minister, Room::Aside, 0).unwrap();
    call.move_to(watch, Room::Aside, 0).unwrap();
    assert_eq!(hearers(call.spoken(minister, sound(0), 0).unwrap()), [watch.index()]);

    // The way from the minister's browser stands still for a second and a half; meanwhile the watch ends the talk aside.
    call.move_to(minister, Room::Line, 1_500).unwrap();
    let late = (1..75).filter(|at| call.spoken(minister, sound(*at), 1_501).unwrap().is_some()).count();
    let said_since = call.spoken(minister, sound(76), 1_525).unwrap();

    assert_eq!(late, 0);
    assert!(said_since.unwrap().to_peer);
}

#[test]
fn what_is_said_aside_shows_in_no_number_and_a_hearer_hears_both() {
    let mut call = call();
    let [one, other] = [(); 2].map(|()| comes(&mut call, Part::Principal, false));
    through(&mut call);
    let mut say = |room: Room, at: u32| {
        call.move_to(one, room, u64::from(at) * 20).unwrap();
        call.move_to(other, room, u64::from(at) * 20).unwrap();
        call.spoken(one, sound(at), u64::from(at) * 20).unwrap().unwrap()
    };
    let mut ear = crate::numbering::Numbering::from(0);

    let said: Vec<Forward> = (0..40).map(|at| say(if at % 20 < 10 { Room::Line } else { Room::Aside }, at)).collect();

    let crossed: Vec<u32> = said.iter().filter(|said| said.to_peer).map(|said| said.packet.sequence).collect();
    assert_eq!(crossed, (0..20).collect::<Vec<_>>());
    let heard = said.iter().filter_map(|said| ear.number(said.packet.sequence, said.packet.begins));
    assert_eq!(heard.map(|numbered| numbered.number).collect::<Vec<_>>(), (0..40).collect::<Vec<_>>());
}

#[test]
fn with_what_a_browser_only_pads_no_number_is_missing() {
    let mut call = call();
    let one = comes(&mut call, Part::Principal, false);
    through(&mut call);
    let of = |call: &mut Call, at: u32, payload: &[u8]| {
        let sound = Sound { payload: payload.into(), ..sound(at) };
        call.spoken(one, sound, u64::from(at) * 20).unwrap().map(|said| (said.packet.sequence, said.packet.begins))
    };

    let said = [(0, &[19 << 3, 7][..]), (1, &[]), (2, &[]), (3, &[19 << 3, 7])].map(|(at, p)| of(&mut call, at, p));

    assert_eq!(said, [Some((0, true)), None, None, Some((1, true))]);
}

#[test]
fn a_peer_that_knows_the_call_by_another_number_has_no_more_to_send_and_has_put_through_what_it_says() {
    let mut call = call();
    comes(&mut call, Part::Principal, false);
    through(&mut call);
    let mut passed = 0;
    for number in 100..150 {
        let people = vec![(self::number(0), speaker())];
        let state = State { number, codecs: Codecs::all(), through: false, over: None, people, reports: vec![] };
        assert_eq!(call.told(&state, 0), Ok(true));
        assert!(!call.is_through());
        passed += (0..1_000).filter(|at| matches!(call.arrived(theirs(0, *at), 0), Ok(Some(_)))).count();
    }

    assert_eq!(passed, 500);
}
