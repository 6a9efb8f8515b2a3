//! Stories of requests, each a fact about what the record then says.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod pair;

use counterpart_core::act::{Act, Target};
use counterpart_core::fault::{Bar, Misconduct, Refusal};
use counterpart_core::ids::{Epoch, Party};
use counterpart_core::line::turn::{Answer, Input};
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::{Clause, Code, EndReason, LineState, OnSilence, Part};
use counterpart_core::record::kind::Kind;
use counterpart_core::record::log::Entry;
use counterpart_core::record::what::What;
use counterpart_core::time::Timestamp;
use pair::{HOUR, MINUTE, NORTH, Pair, SECOND, SOUTH, START, ask, ask_until, defer, offer, post, window};

const DAY: u64 = 24 * HOUR;

#[test]
fn a_body_that_never_came_is_said_once_also_after_a_restart() {
    let mut pair = Pair::new();
    let text = Act::Text {
        from: post("minister"),
        to: post("minister"),
        precedence: Precedence::Routine,
        mark: Mark::Exercise,
    };
    let texts = [(); 2].map(|()| pair.say(SOUTH, text.clone(), "hello").unwrap());
    let bare = pair.sent[SOUTH.slot()][1..].iter().map(|(bytes, _)| (bytes.clone(), None)).collect();
    pair.push(NORTH, bare);
    let check = Act::Check { precedence: Precedence::Routine, mark: Mark::Exercise };

    let said = [(); 2].map(|()| {
        pair.restart(NORTH, &texts);
        pair.act(NORTH, check.clone());
        Entry::read(&pair.sent[NORTH.slot()].last().unwrap().0).unwrap().header.lacking
    });

    assert_eq!(said, [vec![1, 2], vec![]]);
}

#[test]
fn an_offer_that_nobody_answers_lapses_and_the_request_still_stands() {
    let mut pair = Pair::new();
    let request = pair.act(NORTH, ask(Precedence::Priority));
    pair.pass(SECOND);
    assert_eq!(pair.rung(NORTH, request), "DELIVERED");
    pair.act(SOUTH, defer(request));
    let (from, to) = (START + 2 * DAY, START + 2 * DAY + HOUR);
    let offered = pair.act(SOUTH, offer(request, &[(from, to)], START + DAY, OnSilence::Lapses));
    pair.pass(HOUR);
    assert_eq!(pair.outcome(NORTH, offered), "OPEN");

    pair.pass(DAY);
    for party in Party::BOTH {
        assert_eq!(pair.outcome(party, offered), "LAPSED");
        assert_eq!(pair.outcome(party, request), "OPEN");
    }
    assert_eq!(pair.rung(NORTH, request), "SEEN");
    let accept = Act::Accept { offer: offered, window: Some(window(from, to)) };
    assert!(matches!(pair.bar(NORTH, accept), Bar::Closed { thing, by } if thing == offered && by.party == SOUTH));
}

#[test]
fn a_lapse_waits_for_grace_and_for_even_records() {
    let mut pair = Pair::new();
    let request = pair.act(NORTH, ask_until(START + HOUR));
    pair.pass(HOUR - 10 * SECOND);
    pair.pass(30 * SECOND);
    assert_eq!(pair.outcome(NORTH, request), "OPEN", "grace is 60 s");
    (pair.even, pair.steady_ms) = (false, 5 * SECOND);
    pair.pass(10 * MINUTE);
    assert_eq!(pair.outcome(NORTH, request), "OPEN", "the records are not even and grace has not passed since");
    pair.steady_ms = 61 * SECOND;
    pair.pass(SECOND);
    assert_eq!(pair.outcome(NORTH, request), "LAPSED");
    assert_eq!(pair.outcome(SOUTH, request), "LAPSED");
}

#[test]
fn an_ask_without_a_deadline_stands_for_ever_and_an_offer_that_stands_does_not_lapse() {
    let mut pair = Pair::new();
    let request = pair.act(NORTH, ask(Precedence::Routine));
    pair.pass(SECOND);
    let windows = [(START + 5 * DAY, START + 5 * DAY + HOUR)];
    let stands = pair.act(SOUTH, offer(request, &windows, START + DAY, OnSilence::Stands));
    pair.pass(30 * DAY);
    assert_eq!((pair.outcome(SOUTH, request), pair.outcome(SOUTH, stands)), ("OPEN", "OPEN"));
}

#[test]
fn a_renewal_moves_the_deadline_only_later_and_only_if_there_is_one() {
    let mut pair = Pair::new();
    let request = pair.act(NORTH, ask_until(START + 2 * HOUR));
    let renew = |until: u64| Act::Renew { request, valid_until: Some(Timestamp(until)), precedence: None };
    pair.pass(90 * MINUTE);
    pair.act(NORTH, renew(START + 4 * HOUR));
    pair.act(NORTH, renew(START + 3 * HOUR));
    pair.pass(2 * HOUR);
    assert_eq!(pair.outcome(SOUTH, request), "OPEN", "the later deadline counts");
    pair.pass(HOUR);
    assert_eq!(pair.outcome(SOUTH, request), "LAPSED");
    assert_eq!(pair.ask(NORTH, renew(START)), Err(Refusal::InThePast(Timestamp(START))));
}

#[test]
fn a_renewal_sooner_than_the_pace_is_kept_but_is_no_attempt() {
    let mut pair = Pair::new();
    let request = pair.act(NORTH, ask(Precedence::Priority));
    let renew = || Act::Renew { request, valid_until: None, precedence: None };
    pair.pass(5 * MINUTE);
    pair.act(NORTH, renew());
    pair.pass(SECOND);
    let attempts = |pair: &Pair| {
        let view = pair.view(SOUTH);
        view.attempts(view.fact(request).unwrap()).len()
    };
    assert_eq!(attempts(&pair), 1, "the pace for PRIORITY is 15 min");
    let said = |pair: &Pair| {
        let view = pair.view(SOUTH);
        let ask = view.fact(request).unwrap();
        let last = view.attempts(ask).pop().unwrap();
        (view.renewed_early(ask).is_some(), view.next_attempt(ask).since(last.time), last.at)
    };
    assert_eq!(said(&pair), (true, 15 * MINUTE, request));
    pair.pass(15 * MINUTE);
    let renewal = pair.act(NORTH, renew());
    pair.pass(SECOND);
    assert_eq!(said(&pair), (false, 15 * MINUTE, renewal), "the pace runs from the last attempt");
    assert_eq!(attempts(&pair), 2);
    assert_eq!(pair.rings(SOUTH), [renewal], "the latest attempt rings");
}

#[test]
fn a_renewal_raises_the_precedence_and_never_lowers_it_nor_beyond_what_the_post_accepts() {
    let mut pair = Pair::new();
    let request = pair.act(NORTH, ask(Precedence::Priority));
    let renew = |precedence| Act::Renew { request, valid_until: None, precedence: Some(precedence) };
    pair.act(NORTH, renew(Precedence::Routine));
    let in_force = |pair: &Pair| {
        let view = pair.view(NORTH);
        view.precedence(view.fact(request).unwrap())
    };
    assert_eq!(in_force(&pair), Precedence::Priority);
    pair.act(NORTH, renew(Precedence::Immediate));
    assert_eq!(in_force(&pair), Precedence::Immediate);
    assert_eq!(pair.bar(NORTH, renew(Precedence::Flash)), Bar::PrecedenceTooHigh);
    assert_eq!(pair.bar(NORTH, ask(Precedence::Flash)), Bar::PrecedenceTooHigh);
}

#[test]
fn a_response_time_that_was_missed_is_written_once_by_who_waits_and_closes_nothing() {
    let mut pair = Pair::new();
    let request = pair.act(NORTH, ask(Precedence::Priority));
    pair.now += 2 * MINUTE;
    pair.turn(NORTH, vec![]);
    pair.turn(NORTH, vec![]);
    assert_eq!(pair.kinds(NORTH), ["charter", "ask", "overdue"], "their station does not hold it");
    pair.pass(2 * HOUR);
    let overdue: Vec<Clause> = pair.view(SOUTH).on(request).filter_map(|f| clause(&f.what)).collect();
    assert_eq!(overdue, [Clause::Station, Clause::Watch]);
    pair.act(SOUTH, Act::Seen { on: Target::Latest(request) });
    pair.pass(3 * DAY);
    let overdue: Vec<Clause> = pair.view(SOUTH).on(request).filter_map(|f| clause(&f.what)).collect();
    assert_eq!(overdue, [Clause::Station, Clause::Watch, Clause::Principal]);
    assert_eq!(pair.outcome(SOUTH, request), "OPEN");
}

fn clause(what: &What) -> Option<Clause> {
    if let What::Overdue { clause } = what { Some(*clause) } else { None }
}

#[test]
fn answer_and_withdraw_that_cross_agree_nothing_and_one_may_ask_again_naming_it() {
    let mut pair = Pair::new();
    let request = pair.act(NORTH, ask(Precedence::Priority));
    pair.carry();
    pair.act(NORTH, Act::Withdraw { thing: request });
    pair.act(SOUTH, Act::Answer { on: Target::Latest(request) });
    assert_eq!(pair.outcome(SOUTH, request), "ANSWERED");
    let view = pair.view(SOUTH);
    let decision = view.decision(view.fact(request).unwrap());
    assert!(!view.settled_for(SOUTH, &decision), "they are not known to hold our answer");
    pair.pass(SECOND);
    assert_eq!([pair.outcome(NORTH, request), pair.outcome(SOUTH, request)], ["CROSSED", "CROSSED"]);
    let again = match ask(Precedence::Priority) {
        Act::Ask { from, to, precedence, mark, mode, private, valid_until, .. } => {
            Act::Ask { from, to, precedence, mark, mode, private, valid_until, again: Some(request) }
        }
        other => other,
    };
    let second = pair.act(NORTH, again);
    pair.pass(SECOND);
    assert_eq!(pair.rings(SOUTH), [second]);
}

#[test]
fn two_asks_that_cross_are_concerted_and_one_answer_decides_both() {
    let mut pair = Pair::new();
    let ours = pair.act(NORTH, ask(Precedence::Priority));
    let theirs = pair.act(SOUTH, ask(Precedence::Immediate));
    pair.carry();
    assert_eq!(pair.view(NORTH).partner(ours).unwrap().at, theirs);
    let rings = counterpart_core::line::ringing::rings(&pair.view(SOUTH), SOUTH);
    assert_eq!(rings[0].precedence, Precedence::Immediate, "the higher precedence rings");
    pair.act(SOUTH, Act::Answer { on: Target::Latest(ours) });
    pair.pass(SECOND);
    for request in [ours, theirs] {
        assert_eq!(pair.outcome(NORTH, request), "ANSWERED");
    }
    let talk = Act::Talk {
        request: ours,
        when: window(START - HOUR, START - HOUR + MINUTE),
        instrument: counterpart_core::record::codes::Instrument::Telephone,
        posts: vec![],
    };
    pair.act(NORTH, talk.clone());
    assert_eq!(pair.view(NORTH).talk(pair.view(NORTH).fact(theirs).unwrap()).state.word(), "STATED");
    pair.carry();
    pair.act(SOUTH, talk);
    assert_eq!(pair.view(SOUTH).talk(pair.view(SOUTH).fact(theirs).unwrap()).state.word(), "TALKED");
}

#[test]
fn a_call_sheet_is_written_by_a_side_that_has_said_that_it_talked_and_of_what_is_over() {
    let mut pair = Pair::new();
    let request = pair.act(NORTH, ask(Precedence::Priority));
    pair.carry();
    pair.act(SOUTH, Act::Answer { on: Target::Latest(request) });
    pair.pass(HOUR);
    let when = window(START, START + MINUTE);
    let sheet = |when| Act::Sheet { request, when, posts: vec![], languages: vec!["en".into()] };
    assert_eq!(pair.bar(NORTH, sheet(when)), Bar::NoTalk);
    let instrument = counterpart_core::record::codes::Instrument::Video;
    pair.act(SOUTH, Act::Talk { request, when, instrument, posts: vec![] });
    pair.carry();
    assert_eq!(pair.bar(NORTH, sheet(when)), Bar::NoTalk, "the word of the other side is not ours");
    let later = START + DAY;
    assert_eq!(pair.bar(SOUTH, sheet(window(START, later))), Bar::BeforeStart(Timestamp(later)));
    let first = pair.act(SOUTH, sheet(when));
    let second = pair.act(SOUTH, sheet(window(START, START + 2 * MINUTE)));
    pair.carry();
    let stated = |pair: &Pair, side| pair.view(side).on(request).filter(|f| f.kind() == Kind::Sheet).count();
    assert_eq!([stated(&pair, NORTH), stated(&pair, SOUTH)], [2, 2], "{first} is not taken back by {second}");
}

#[test]
fn suspending_stops_the_ring_and_resuming_starts_it_again() {
    let mut pair = Pair::new();
    let request = pair.act(NORTH, ask(Precedence::Priority));
    pair.carry();
    assert_eq!(pair.rings(SOUTH), [request]);
    pair.act(NORTH, Act::Suspend { request });
    pair.carry();
    assert!(pair.rings(SOUTH).is_empty());
    assert_eq!(pair.bar(SOUTH, Act::Resume { request }), Bar::NotOwner(request));
    pair.act(NORTH, Act::Resume { request });
    pair.carry();
    assert_eq!(pair.rings(SOUTH), [request]);
    pair.act(SOUTH, Act::Seen { on: Target::Latest(request) });
    assert!(pair.rings(SOUTH).is_empty());
}

#[test]
fn an_offer_rings_the_owner_and_is_seen_and_accepted_like_a_request() {
    let mut pair = Pair::new();
    let request = pair.act(NORTH, ask(Precedence::Priority));
    pair.carry();
    let (from, to) = (START + DAY, START + DAY + HOUR);
    let offered = pair.act(SOUTH, offer(request, &[(from, to)], START + HOUR, OnSilence::Lapses));
    pair.carry();
    assert_eq!(pair.rings(NORTH), [offered]);
    pair.act(NORTH, Act::Seen { on: Target::Latest(offered) });
    assert!(pair.rings(NORTH).is_empty());
    let other = Act::Accept { offer: offered, window: Some(window(from, to + 1)) };
    assert_eq!(pair.bar(NORTH, other), Bar::NotOffered);
    pair.act(NORTH, Act::Accept { offer: offered, window: Some(window(from, to)) });
    pair.pass(SECOND);
    assert_eq!([pair.outcome(NORTH, request), pair.outcome(SOUTH, request)], ["AGREED", "AGREED"]);
    assert_eq!(pair.bar(NORTH, Act::Missed { request }), Bar::BeforeStart(Timestamp(from)));
    pair.pass(DAY + HOUR);
    pair.act(NORTH, Act::Missed { request });
    assert_eq!(
        pair.bar(SOUTH, Act::Decline { on: Target::Latest(request), code: Code::Level }),
        closed(&pair, request)
    );
}

#[test]
fn what_is_closed_is_what_was_acted_on_and_not_what_closed_it_was_on() {
    let mut pair = Pair::new();
    let request = pair.act(NORTH, ask(Precedence::Priority));
    pair.pass(SECOND);
    let ready = pair.act(SOUTH, Act::Ready { on: Target::Latest(request) });
    pair.pass(SECOND);
    let by = pair.act(NORTH, Act::Accept { offer: ready, window: None });
    pair.pass(SECOND);

    assert_eq!(pair.bar(SOUTH, Act::Answer { on: Target::Latest(request) }), Bar::Closed { thing: request, by });
    assert_eq!(pair.bar(SOUTH, Act::Withdraw { thing: ready }), Bar::Closed { thing: ready, by });
}

fn closed(pair: &Pair, request: counterpart_core::ids::EntryRef) -> Bar {
    let view = pair.view(SOUTH);
    Bar::Closed { thing: request, by: view.decision(view.fact(request).unwrap()).deciding[0] }
}

#[test]
fn after_either_side_has_closed_the_line_only_received_and_memo_count() {
    let mut pair = Pair::new();
    let close = pair.act(SOUTH, Act::State { state: LineState::Closed, until: None });
    pair.pass(SECOND);
    assert_eq!(pair.bar(NORTH, ask(Precedence::Routine)), Bar::LineClosed(close));
    assert!(pair.say(NORTH, Act::Memo, "they closed the line").is_ok());
    assert_eq!(pair.kinds(NORTH).last(), Some(&"memo"));
}

#[test]
fn a_suspended_station_holds_asks_and_does_not_ring() {
    let mut pair = Pair::new();
    pair.act(SOUTH, Act::State { state: LineState::Suspended, until: None });
    let request = pair.act(NORTH, ask(Precedence::Immediate));
    pair.pass(SECOND);
    assert_eq!(pair.rung(NORTH, request), "DELIVERED");
    assert!(pair.rings(SOUTH).is_empty());
    pair.act(SOUTH, Act::State { state: LineState::Open, until: None });
    assert_eq!(pair.rings(SOUTH), [request]);
}

#[test]
fn one_side_has_at_most_sixty_four_open_asks() {
    let mut pair = Pair::new();
    let first = pair.act(NORTH, ask(Precedence::Routine));
    for _ in 1..64 {
        pair.act(NORTH, ask(Precedence::Routine));
    }
    assert_eq!(pair.bar(NORTH, ask(Precedence::Routine)), Bar::TooManyOpen);
    pair.act(NORTH, Act::Withdraw { thing: first });
    pair.act(NORTH, ask(Precedence::Routine));
}

#[test]
fn a_request_holds_so_many_entries_of_a_side_and_can_be_closed_all_the_same() {
    let mut pair = Pair::new();
    let request = pair.act(NORTH, ask(Precedence::Routine));
    let renew = Act::Renew { request, valid_until: None, precedence: None };
    for _ in 1..2_048 {
        pair.act(NORTH, renew.clone());
    }

    assert_eq!(pair.bar(NORTH, renew), Bar::TooMany(request));
    pair.carry();
    pair.act(SOUTH, defer(request));
    pair.act(NORTH, Act::Withdraw { thing: request });
    pair.carry();
    assert_eq!([pair.outcome(NORTH, request), pair.outcome(SOUTH, request)], ["WITHDRAWN"; 2]);
}

#[test]
fn what_is_named_aloud_is_counted_by_side() {
    let mut pair = Pair::new();
    let request = pair.act(NORTH, ask(Precedence::Routine));
    pair.pass(SECOND);
    pair.act(SOUTH, defer(request));
    let windows = [(START + DAY, START + DAY + HOUR)];
    let offered = pair.act(SOUTH, offer(request, &windows, START + HOUR, OnSilence::Lapses));
    let view = pair.view(SOUTH);
    assert_eq!((view.ordinal(request), view.ordinal(offered)), (Some(1), Some(1)));
    assert_eq!(view.by_ordinal(SOUTH, 1), Some(offered));
    assert_eq!(view.by_ordinal(SOUTH, 2), None);
}

#[test]
fn a_check_is_written_at_each_hour_by_both_sides_and_only_a_person_answers_it() {
    let mut charter = pair::charter();
    charter.checks = counterpart_core::record::charter::Checks::Every(3_600);
    let mut pair = Pair::under(charter);
    pair.pass(10 * MINUTE);
    assert_eq!(pair.kinds(NORTH), ["charter", "received"], "the line has begun since the last full hour");
    pair.pass(HOUR);
    pair.pass(10 * MINUTE);
    for party in Party::BOTH {
        let checks = pair.kinds(party).iter().filter(|k| **k == "check").count();
        assert_eq!(checks, 1);
    }
    let check = pair.view(NORTH).last_check(SOUTH).unwrap().at;
    assert_eq!(pair.rings(NORTH), [check]);
    assert_eq!(pair.bar(SOUTH, Act::CheckReply { check }), Bar::OwnThing(check));
    pair.act(NORTH, Act::CheckReply { check });
    assert!(pair.rings(NORTH).is_empty());
}

#[test]
fn a_side_that_was_in_the_talk_says_so_once_and_once_that_it_is_over_and_only_both_make_it_talked() {
    let mut pair = Pair::new();
    let request = pair.act(NORTH, ask(Precedence::Priority));
    pair.pass(SECOND);
    let talk = pair.act(SOUTH, Act::Answer { on: Target::Latest(request) });
    let follow = |pair: &mut Pair, party, input| pair.turn(party, vec![input]).answers[0];
    let joined = Input::Joined(Epoch::FIRST, talk, Part::Principal);
    let ended = Input::Ended(Epoch::FIRST, talk, NORTH, EndReason::Done);
    let state = |pair: &Pair| {
        let view = pair.view(NORTH);
        view.talk(view.fact(request).unwrap()).state.word()
    };

    assert_eq!(follow(&mut pair, SOUTH, joined.clone()), Answer::Refused(Refusal::Barred(Bar::Unsettled)));
    pair.pass(SECOND);
    assert_eq!(follow(&mut pair, SOUTH, ended.clone()), Answer::Refused(Refusal::Barred(Bar::NotJoined)));
    let said = follow(&mut pair, SOUTH, joined.clone());
    let Answer::Written(said) = said else { panic!("{said:?}") };
    let again = follow(&mut pair, SOUTH, joined.clone());
    pair.pass(SECOND);
    let before = state(&pair);
    let unended = |pair: &Pair, party| pair.view(party).unended(party).collect::<Vec<_>>();
    assert_eq!([NORTH, SOUTH].map(|party| unended(&pair, party)), [vec![], vec![talk]]);
    let words = [follow(&mut pair, NORTH, joined), follow(&mut pair, NORTH, ended.clone())];
    pair.pass(SECOND);
    let alone = state(&pair);
    let last = follow(&mut pair, SOUTH, ended.clone());
    pair.pass(SECOND);

    assert_eq!(again, Answer::Refused(Refusal::Barred(Bar::WordSaid(said))));
    assert!(words.iter().chain([&last]).all(|answer| matches!(answer, Answer::Written(_))), "{words:?} {last:?}");
    assert_eq!([before, alone, state(&pair)], ["JOINED", "STATED", "TALKED"]);
    assert_eq!(
        follow(&mut pair, SOUTH, ended),
        Answer::Refused(Refusal::Barred(Bar::NotJoined)),
        "after that it says no more"
    );
    assert_eq!([NORTH, SOUTH].map(|party| unended(&pair, party)), [vec![], vec![]]);
}

#[test]
fn that_a_talk_is_over_can_be_said_beside_a_halted_log_and_not_on_a_closed_line() {
    let mut pair = Pair::new();
    let request = pair.act(NORTH, ask(Precedence::Priority));
    pair.pass(SECOND);
    let talk = pair.act(SOUTH, Act::Answer { on: Target::Latest(request) });
    pair.pass(SECOND);
    let follow = |pair: &mut Pair, party, input| pair.turn(party, vec![input]).answers[0];
    for party in [NORTH, SOUTH] {
        follow(&mut pair, party, Input::Joined(Epoch::FIRST, talk, Part::Principal));
    }
    pair.pass(SECOND);
    let ended = Input::Ended(Epoch::FIRST, talk, NORTH, EndReason::BrokenOff);

    pair.lines[0].mark_halted(Epoch::FIRST, Misconduct::Fork);
    let beside = follow(&mut pair, NORTH, ended.clone());
    let close = pair.act(SOUTH, Act::State { state: LineState::Closed, until: None });
    let after = follow(&mut pair, SOUTH, ended);

    assert!(matches!(beside, Answer::Written(_)), "{beside:?}");
    assert_eq!(after, Answer::Refused(Refusal::Barred(Bar::LineClosed(close))));
}
