//! Whom the other side's acts ring for here, and until when (`docs/protocol.md` §7.4).

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod pair;

use counterpart_core::act::{Act, Target};
use counterpart_core::ids::EntryRef;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::{Code, LineState, OnSilence};
use pair::{HOUR, MINUTE, NORTH, Pair, SOUTH, START, ask, defer, offer, post, window};

/// North has asked, and South holds it.
fn asked(precedence: Precedence) -> (Pair, EntryRef) {
    let mut pair = Pair::new();
    let request = pair.act(NORTH, ask(precedence));
    pair.carry();
    (pair, request)
}

fn decline(on: EntryRef) -> Act {
    Act::Decline { on: Target::Latest(on), code: Code::Unstated }
}

#[test]
fn an_answer_and_a_decline_ring_for_who_asked_until_noted_also_after_a_restart_and_when_settled() {
    for act in [
        Act::Answer { on: Target::Latest(EntryRef { party: NORTH, index: 1 }) },
        decline(EntryRef { party: NORTH, index: 1 }),
    ] {
        let (mut pair, _) = asked(Precedence::Immediate);
        let told = pair.act(SOUTH, act);
        pair.carry();
        pair.pass(MINUTE);

        assert_eq!((pair.tells(NORTH), pair.tells(SOUTH)), (vec![told], vec![]));
        pair.restart(NORTH, &[]);
        pair.turn(NORTH, vec![]);
        assert_eq!(pair.tells(NORTH), [told]);
        let before = pair.kinds(NORTH);
        assert!(pair.lines[0].note(told));
        assert!(!pair.lines[0].note(told), "it rings no more");
        assert_eq!((pair.tells(NORTH), pair.kinds(NORTH)), (vec![], before), "nothing of it leaves");
        pair.restart(NORTH, &[]);
        pair.lines[0].noted_before(told);
        pair.turn(NORTH, vec![]);
        assert_eq!(pair.tells(NORTH), []);
    }
}

#[test]
fn an_accept_and_the_decline_of_an_offer_ring_for_who_offered_and_end_with_an_act_on_the_request() {
    let (mut pair, request) = asked(Precedence::Priority);
    let hours = |n| START + n * HOUR;
    let times = [(hours(2), hours(3))];
    let first = pair.act(SOUTH, offer(request, &times, hours(1), OnSilence::Lapses));
    pair.carry();
    let declined = pair.act(NORTH, Act::Decline { on: Target::Entry(first), code: Code::Conditions });
    pair.carry();
    assert_eq!((pair.tells(SOUTH), pair.tells(NORTH)), (vec![declined], vec![]));

    let second = pair.act(SOUTH, offer(request, &times, hours(1), OnSilence::Lapses));
    assert_eq!(pair.tells(SOUTH), [], "who offers again has had the decline");
    pair.carry();
    let accepted = pair.act(NORTH, Act::Accept { offer: second, window: Some(window(times[0].0, times[0].1)) });
    pair.carry();
    pair.pass(MINUTE);
    assert_eq!(pair.tells(SOUTH), [accepted]);
    pair.act(SOUTH, Act::Cancel { request, code: Code::Travelling });
    assert_eq!(pair.tells(SOUTH), []);
}

#[test]
fn that_they_cancel_a_talk_rings_whoever_asked_until_noted_or_acted_on_also_when_it_was_settled_long_ago() {
    for [by, other] in [[SOUTH, NORTH], [NORTH, SOUTH]] {
        let (mut pair, request) = asked(Precedence::Priority);
        let times = [(START + 20 * HOUR, START + 21 * HOUR)];
        let offered = pair.act(SOUTH, offer(request, &times, START + HOUR, OnSilence::Stands));
        pair.carry();
        pair.act(NORTH, Act::Accept { offer: offered, window: Some(window(times[0].0, times[0].1)) });
        pair.carry();
        let accept = pair.tells(SOUTH)[0];
        assert!(pair.lines[1].note(accept));
        pair.pass(MINUTE);

        let cancel = pair.act(by, Act::Cancel { request, code: Code::Travelling });
        pair.carry();
        pair.pass(MINUTE);
        assert_eq!((pair.tells(other), pair.tells(by).contains(&cancel)), (vec![cancel], false));
        pair.restart(other, &[]);
        pair.turn(other, vec![]);
        assert!(pair.tells(other).contains(&cancel), "also after a start");
        assert!(pair.lines[other.slot()].note(cancel));
        assert!(!pair.tells(other).contains(&cancel));
    }
}

#[test]
fn the_latest_deferral_rings_briefly_while_the_request_is_open() {
    let (mut pair, request) = asked(Precedence::Routine);
    pair.act(SOUTH, defer(request));
    let latest = pair.act(SOUTH, defer(request));
    pair.carry();

    assert_eq!(pair.tells(NORTH), [latest]);
    let view = pair.view(NORTH);
    assert!(counterpart_core::line::ringing::rings(&view, NORTH).iter().all(|ring| ring.briefly() && !ring.climbs));
    pair.act(NORTH, Act::Renew { request, valid_until: None, precedence: None });
    assert_eq!(pair.tells(NORTH), []);
}

#[test]
fn overdue_rings_at_the_late_side_until_its_watch_has_seen_it() {
    let (mut pair, request) = asked(Precedence::Immediate);
    pair.pass(16 * MINUTE);
    let told = pair.tells(SOUTH);

    assert_eq!((told.len(), pair.tells(NORTH)), (1, vec![]));
    assert_eq!(pair.kinds(NORTH)[told[0].index as usize], "overdue");
    pair.act(SOUTH, Act::Seen { on: Target::Latest(request) });
    assert_eq!(pair.tells(SOUTH), []);
}

fn ask_again(closed: EntryRef) -> Act {
    let mut act = ask(Precedence::Priority);
    if let Act::Ask { again, .. } = &mut act {
        *again = Some(closed);
    }
    act
}

#[test]
fn what_was_seen_before_the_act_came_does_not_end_its_ring() {
    let (mut pair, request) = asked(Precedence::Priority);
    let declined = pair.act(SOUTH, decline(request));
    pair.act(NORTH, Act::Renew { request, valid_until: None, precedence: None });
    pair.carry();

    assert_eq!(pair.tells(NORTH), [declined], "the renewal crossed it");
    pair.act(NORTH, ask_again(request));
    assert_eq!(pair.tells(NORTH), []);
}

/// A text between the ministers.
fn text(precedence: Precedence) -> Act {
    Act::Text { from: post("minister"), to: post("minister"), precedence, mark: Mark::Operation }
}

fn declares(state: LineState) -> Act {
    Act::State { state, until: None }
}

#[test]
fn of_a_flood_of_urgent_texts_the_latest_256_ring_and_the_next_when_there_is_room_also_after_a_restart() {
    let mut pair = Pair::new();
    let written: Vec<EntryRef> =
        (0..258).map(|_| pair.say(NORTH, text(Precedence::Priority), "hello").unwrap()).collect();
    pair.carry();
    pair.turn(SOUTH, vec![]);

    assert_eq!(pair.rings(SOUTH), written[2..]);
    pair.act(SOUTH, Act::Read { text: written[257] });
    pair.restart(SOUTH, &[]);
    pair.turn(SOUTH, vec![]);
    assert_eq!(pair.rings(SOUTH), written[1..257]);
    // On a closed line it is noting that makes room.
    pair.act(NORTH, declares(LineState::Closed));
    pair.carry();
    assert!(pair.lines[1].note(written[256]));
    assert_eq!(pair.tells(SOUTH)[..256], written[..256]);
}

#[test]
fn who_closes_the_line_ends_its_attempts_and_not_what_is_told_which_rings_with_the_closing_until_noted() {
    let (mut pair, declined) = asked(Precedence::Priority);
    let unread = pair.say(SOUTH, text(Precedence::Immediate), "come at once").unwrap();
    let decline = pair.act(SOUTH, decline(declined));
    pair.act(SOUTH, ask(Precedence::Immediate));
    pair.act(SOUTH, Act::Check { precedence: Precedence::Routine, mark: Mark::Test });
    let theirs = pair.say(NORTH, text(Precedence::Immediate), "not read either").unwrap();
    pair.carry();
    assert_eq!((pair.rings(NORTH).len(), pair.tells(NORTH)), (3, vec![decline]));
    assert_eq!(pair.rings(SOUTH), [theirs]);

    let closing = pair.act(SOUTH, declares(LineState::Closed));
    pair.carry();

    let told = [unread, decline, closing];
    assert_eq!((pair.rings(NORTH), pair.tells(NORTH)), (vec![], told.to_vec()));
    assert_eq!((pair.rings(SOUTH), pair.tells(SOUTH)), (vec![], vec![]), "it has said so itself");
    pair.restart(NORTH, &[]);
    pair.turn(NORTH, vec![]);
    assert_eq!(pair.tells(NORTH), told);
    assert!(pair.lines[0].note(decline) && !pair.lines[0].note(decline));
    assert_eq!(pair.tells(NORTH), [unread, closing]);
    assert!(pair.lines[0].note(closing) && !pair.lines[0].note(unread));
    assert_eq!(pair.tells(NORTH), [], "note is taken of the texts that rang with it");
    pair.restart(NORTH, &[]);
    [decline, closing].into_iter().for_each(|at| pair.lines[0].noted_before(at));
    pair.turn(NORTH, vec![]);
    assert_eq!((pair.rings(NORTH), pair.tells(NORTH)), (vec![], vec![]));
}

#[test]
fn a_suspension_that_can_be_lifted_no_more_does_not_keep_a_closing_from_ringing() {
    let mut pair = Pair::new();
    pair.act(NORTH, declares(LineState::Suspended));
    let unread = pair.say(SOUTH, text(Precedence::Immediate), "come at once").unwrap();
    pair.carry();
    assert_eq!((pair.rings(NORTH), pair.tells(NORTH)), (vec![], vec![]));

    let closing = pair.act(SOUTH, declares(LineState::Closed));
    pair.carry();

    assert!(pair.ask(NORTH, declares(LineState::Open)).is_err());
    assert_eq!((pair.rings(NORTH), pair.tells(NORTH)), (vec![], vec![unread, closing]));
}
