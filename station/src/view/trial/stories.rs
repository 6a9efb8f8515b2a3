//! Requests as people read them: silence, deferral, offers and their lapse, crossing, what is not settled, what only one side
//! states.

use counterpart_core::record::codes::Instrument;

use super::line::line_view;
use super::*;
use crate::view::owed::Owed;
use crate::view::record::From;
use crate::view::ring::ringing;
use crate::view::{Moment, Side, text};
use Party::{Inviter, Joiner};

fn status(trial: &Trial, party: Party, ask: EntryRef) -> String {
    trial.look(party, |sight| text::request(&request(sight, ask).unwrap(), &sight.telling))
}

#[test]
fn silence_reads_delivered_not_seen_by_the_watch_and_is_not_explained() {
    let mut trial = Trial::new();
    let ask = trial.ask(Inviter);
    assert_eq!(trial.request(Inviter, ask).headline, "Sent 13:02, not held by their station.");
    trial.carry();

    let view = trial.request(Inviter, ask);
    let expected = [
        "Delivered 13:02, not seen by the watch.",
        "Our minister asks to talk with their foreign-minister by voice: Northland 1, IMMEDIATE, 13:02 Northland, Wed 13 \
         Feb 03:02 Sundmark.",
        "Subject: the tanker adrift",
        "Owed by their watch until 13:17 Northland, Wed 13 Feb 03:17 Sundmark: that it sees this (clause 5).",
        "Owed by their side until Thu 14 Feb 13:02 Northland, Fri 15 Feb 03:02 Sundmark: a deferral, a time or an answer \
         (clause 6).",
        "Not known: whether anything rings there. No device of theirs has confirmed it.",
    ];
    assert_eq!(view.plain_lines, expected);

    trial.wait_ms(HOUR);
    trial.turn(Inviter, Vec::new(), 0);
    let late = trial.request(Inviter, ask);
    assert_eq!(late.headline, view.headline, "that it is overdue closes nothing and changes no fact");
    assert_eq!(late.overdue[0].clause_number, 5);
    assert!(
        told(&late)
            .iter()
            .any(|l| l.starts_with("Not known: why their watch has not said that it has seen this. Silence is not"))
    );
}

#[test]
fn seen_is_their_stations_statement_and_says_that_it_is_not_the_post() {
    let mut trial = Trial::new();
    let ask = trial.ask(Inviter);
    trial.carry();
    trial.alerting(ask);
    trial.carry();
    assert_eq!(trial.request(Inviter, ask).headline, "Alerting 13:02, not seen by the watch.");
    trial.wait_ms(240_000);
    trial.seen(ask);
    trial.carry();

    let expected = "Seen 13:06: their station states that their watch has seen it; not the foreign-minister.";
    assert_eq!(trial.request(Inviter, ask).headline, expected);
    assert_eq!(trial.request(Joiner, ask).headline, "Seen by our watch 03:06, not answered.");
    let rungs = &trial.request(Inviter, ask).attempts[0].rungs;
    let stated: Vec<Side> = rungs.iter().map(|rung| rung.stated_by).collect();
    assert_eq!(stated, [Side::Ours, Side::Theirs, Side::Theirs, Side::Theirs]);
    assert_eq!(rungs[3].time, Moment(trial.now));
}

#[test]
fn asked_delivered_seen_deferred_offered_and_lapsed_the_request_still_stands() {
    let mut trial = Trial::new();
    let ask = trial.ask(Inviter);
    trial.carry();
    trial.seen(ask);
    let until = trial.now.plus(3 * HOUR);
    trial.defer(ask, Some(until));
    trial.carry();
    assert_eq!(
        trial.request(Inviter, ask).headline,
        "Deferred 13:02, TRAVELLING (on a journey): not now, until 16:02 Northland."
    );
    let offer = trial.offer(Joiner, ask);
    trial.carry();

    let offered = trial.request(Inviter, ask);
    assert!(offered.headline.ends_with("not now, until 16:02 Northland. They offer 2 times."), "{}", offered.headline);
    let owed = &offered.next[0];
    assert_eq!((owed.what, owed.who, owed.on.name.as_str()), (Owed::AnswerOffer, Some(Side::Ours), "Sundmark 1"));
    assert_eq!(trial.request(Joiner, ask).next[0].who, Some(Side::Theirs));

    trial.wait_ms(11 * HOUR);
    trial.turn(Joiner, Vec::new(), 0);
    trial.carry();
    for party in Party::BOTH {
        let view = trial.request(party, ask);
        assert_eq!((view.outcome.as_str(), view.offers[0].outcome.as_str()), ("OPEN", "LAPSED"));
        assert_eq!(view.offers[0].offer.at, offer.to_string());
        let lapsed = "Sundmark 1, an offer of times, lapsed ";
        let all = told(&view);
        let line = all.iter().find(|l| l.starts_with(lapsed)).unwrap();
        assert!(line.ends_with("The request is not ended by that."), "{line}");
        assert!(view.headline.ends_with("; no answer to it is in the record."), "{}", view.headline);
    }
    let shown = status(&trial, Inviter, ask);
    assert!(shown.contains("\nOffer Sundmark 1: ") && shown.contains("SEEN"), "{shown}");
}

#[test]
fn an_answer_that_crosses_a_withdrawal_shows_both_acts_and_that_nothing_is_agreed() {
    let mut trial = Trial::new();
    let ask = trial.ask(Inviter);
    trial.carry();
    let withdrawn = trial.act(Inviter, Act::Withdraw { thing: ask });
    let answered = trial.act(Joiner, Act::Answer { on: Target::Latest(ask) });
    trial.carry();

    for party in Party::BOTH {
        let view = trial.request(party, ask);
        assert_eq!((view.headline.as_str(), view.shown.as_str()), ("Crossed: nothing is agreed.", "CROSSED"));
        let acts: Vec<&str> = view.deciding.iter().map(|act| act.entry.at.as_str()).collect();
        assert_eq!(acts, [withdrawn.to_string(), answered.to_string()]);
        let crossed = "Northland #2 and Sundmark #2 crossed: neither had seen the other.";
        assert!(told(&view).iter().any(|l| l == crossed), "{:?}", told(&view));
        let again = view.acts.iter().find(|act| act.act == "ask").unwrap();
        assert!(again.may, "one act asks again");
    }
}

#[test]
fn what_they_do_not_hold_is_accepted_here_and_never_called_agreed() {
    let mut trial = Trial::new();
    let ask = trial.accepted();

    let before = trial.request(Inviter, ask);
    assert_eq!(before.headline, "Accepted here. They do not hold it yet.");
    assert_eq!((before.shown.as_str(), before.settled), ("ACCEPTED HERE", false));
    assert!(before.talk.is_none(), "no talk is planned of what they may have taken back");
    assert!(told(&before).iter().all(|line| !line.to_lowercase().contains("agreed")), "{:?}", told(&before));
    assert_eq!(line_view(&trial, Inviter).unsettled[0].headline, before.headline);

    trial.carry();
    let after = trial.request(Inviter, ask);
    let told = "Agreed: Wed 13 Feb 09:02–10:02 Northland, 23:02–Thu 14 Feb 00:02 Sundmark.";
    assert_eq!((after.headline.as_str(), after.shown.as_str()), (told, "AGREED"));
    assert_eq!((after.next[0].what, after.next[0].who), (Owed::Come, None));
}

#[test]
fn two_asks_that_crossed_name_each_other_and_nobody_was_first() {
    let mut trial = Trial::new();
    let [ours, theirs] = [Inviter, Joiner].map(|party| trial.ask(party));
    trial.carry();

    let view = trial.request(Inviter, ours);
    assert_eq!(view.concerted.unwrap().at, theirs.to_string());
    let told = "Both sides asked at once: Sundmark 1 is the same request from the other side. No first mover.";
    assert!(view.plain_lines.iter().any(|l| l == told), "{:?}", view.plain_lines);
}

#[test]
fn a_talk_that_one_side_states_waits_for_the_others_word() {
    let mut trial = Trial::new();
    let ask = trial.ask(Inviter);
    trial.carry();
    trial.act(Joiner, Act::Answer { on: Target::Latest(ask) });
    trial.carry();
    trial.wait_ms(2 * HOUR);
    let when = Window::new(trial.now.plus(0), trial.now.plus(1_000)).unwrap();
    trial.wait_ms(HOUR);
    let talk = |trial: &mut Trial, party| {
        trial.act(party, Act::Talk { request: ask, when, instrument: Instrument::Telephone, posts: Vec::new() });
        trial.carry();
        trial.request(Inviter, ask)
    };

    let stated = talk(&mut trial, Joiner);
    assert_eq!(
        stated.headline,
        "Answered by them 13:02: they take it at once. They state that they talked; we have not said so."
    );
    assert_eq!((stated.next[0].what, stated.next[0].who), (Owed::SayTalked, Some(Side::Ours)));
    let talked = talk(&mut trial, Inviter);
    assert_eq!(talked.headline, "Both state that they talked. The request was answered 13:02.");
    assert!(talked.next.is_empty());
}

#[test]
fn an_exercise_says_so_before_in_and_after_everything_and_an_operation_never() {
    for mark in [Mark::Operation, Mark::Exercise] {
        let mut trial = Trial::new();
        trial.mark = mark;
        let ask = trial.ask(Inviter);
        trial.carry();

        let rung = trial.look(Joiner, |s| text::ring(&ringing(s)[0], s.telling.words));
        for shown in [status(&trial, Joiner, ask), rung] {
            let [first, last] = [shown.lines().next().unwrap(), shown.lines().last().unwrap()];
            let banner = "EXERCISE  EXERCISE  EXERCISE";
            assert_eq!([first == banner, last == banner], [mark == Mark::Exercise; 2], "{shown}");
            assert_eq!(shown.contains("EXERCISE: "), mark == Mark::Exercise);
            assert_eq!(shown.contains("EXERCISE"), mark == Mark::Exercise);
        }
    }
}

#[test]
fn words_of_theirs_reach_the_terminal_without_commands_and_json_as_they_were_signed() {
    let mut trial = Trial::new();
    let hostile = "\u{1b}]0;owned\u{7}\u{202e}drow\nsecond";
    let act = trial.ask_act(Joiner);
    let ask = trial.try_act(Joiner, act, Some(hostile)).unwrap();
    trial.carry();

    let page = Page { from: From::Last, limit: 50, with_words: true };
    let record = trial.record(Inviter, page);
    let shown = trial.look(Inviter, |s| {
        let rings: Vec<String> = ringing(s).iter().map(|ring| text::ring(ring, s.telling.words)).collect();
        rings.concat() + &text::record_list(&record, &s.telling) + &text::record(&record, &s.telling)
    });
    let shown = shown + &status(&trial, Inviter, ask);
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'));
    assert_eq!(trial.request(Inviter, ask).subject.unwrap().text, hostile);
}

#[test]
fn what_may_not_be_done_stays_in_the_list_with_the_fact_that_decided() {
    let mut trial = Trial::new();
    let ask = trial.ask(Inviter);
    trial.carry();

    let view = trial.request(Inviter, ask);
    let seen = view.acts.iter().find(|act| act.act == "seen").unwrap();
    let why = seen.why.as_ref().unwrap();
    assert_eq!(
        (seen.may, why.code.as_str(), why.fact.as_ref().unwrap().name.as_str()),
        (false, "bar-own-thing", "Northland 1")
    );
    let shown = trial.look(Inviter, |s| text::refusal(&Act::Seen { on: Target::Latest(ask) }, why, &s.telling));
    let expected = "Not done: seen. Nothing was written.\n\
                    Northland 1 was opened by this side; only the other side may do this.\n\
                    Renew, suspend or withdraw it.\n";
    assert_eq!(shown, expected);
    let may: Vec<&str> = view.acts.iter().filter(|act| act.may).map(|act| act.act.as_str()).collect();
    assert_eq!(may, ["offer", "renew", "suspend", "withdraw", "talk"]);
}

#[test]
fn a_renewal_sooner_than_agreed_is_shown_as_no_attempt_and_asking_again_names_the_closed_request() {
    let mut trial = Trial::with_pace(3_600);
    let ask = trial.ask(Inviter);
    for minutes in [30, 40] {
        trial.wait_ms(minutes * 60_000);
        trial.act(Inviter, Act::Renew { request: ask, valid_until: None, precedence: None });
    }
    let counts: Vec<bool> = trial.request(Inviter, ask).attempts.iter().map(|a| a.counts).collect();
    assert_eq!(counts, [true, false, true]);
    let shown = status(&trial, Inviter, ask);
    assert!(shown.contains("\nRenewal Northland #2: sooner than agreed, no attempt\n"), "{shown}");
    assert!(!shown.contains("came sooner than"), "only the latest renewal is told of: {shown}");
    trial.wait_ms(60_000);
    trial.act(Inviter, Act::Renew { request: ask, valid_until: None, precedence: None });
    let early =
        "Northland #5 came sooner than the charter’s pace (clause 7): no attempt, and it rings nowhere. From 15:12 ";
    let lines = told(&trial.request(Inviter, ask));
    assert!(lines.iter().any(|line| line.starts_with(early)), "{lines:?}");
    assert!(shown.contains("\nRenewed once, last 14:12 Northland"), "{shown}");

    trial.act(Inviter, Act::Withdraw { thing: ask });
    trial.carry();
    let mut again = trial.ask_act(Inviter);
    if let Act::Ask { again, .. } = &mut again {
        *again = Some(ask);
    }
    let second = trial.act(Inviter, again);
    let view = trial.request(Inviter, second);
    assert_eq!(view.again.as_ref().unwrap().name, "Northland 1");
    assert!(told(&view).iter().any(|l| l == "It asks again after Northland 1, which is closed."));
}

#[test]
fn an_accept_that_crosses_its_offers_withdrawal_leaves_the_request_standing() {
    let mut trial = Trial::new();
    let ask = trial.ask(Inviter);
    trial.carry();
    let offer = trial.offer(Joiner, ask);
    let window = trial.window(20);
    trial.carry();
    trial.act(Joiner, Act::Withdraw { thing: offer });
    trial.act(Inviter, Act::Accept { offer, window: Some(window) });
    trial.carry();
    let headline = trial.request(Inviter, ask).headline;
    assert!(headline.ends_with("Their offer crossed: nothing is agreed by it."), "{headline}");
    trial.wait_ms(49 * HOUR);
    trial.act(Inviter, Act::Renew { request: ask, valid_until: None, precedence: None });
    trial.carry();
    trial.wait_ms(49 * HOUR);
    trial.turn(Inviter, Vec::new(), 0);

    let view = trial.request(Inviter, ask);
    assert_eq!((view.outcome.as_str(), view.offers[0].outcome.as_str()), ("OPEN", "CROSSED"));
    let crossed =
        "Sundmark 1, an offer: its accept and its end crossed (Northland #3, Sundmark #3). Nothing is agreed by it.";
    assert!(told(&view).iter().any(|l| l == crossed), "{:?}", told(&view));
    assert!(told(&view).iter().any(|l| l.contains("neither deferral nor time had come (clause 6)")));
    assert_eq!(view.earlier.unwrap().rung.0.word(), "SEEN");
}

#[test]
fn what_is_open_when_its_epoch_has_ended_reads_broken_off() {
    let mut trial = Trial::new();
    let ask = trial.ask(Inviter);

    trial.open_epoch(Inviter);

    assert!(trial.look(Inviter, |sight| request(sight, ask)).is_none(), "numbers begin anew");
    let view = trial.look(Inviter, |sight| request(&Sight { epoch: Epoch::FIRST, ..*sight }, ask).unwrap());
    assert_eq!((view.shown.as_str(), view.next.len()), ("BROKEN OFF", 0));
    assert_eq!(view.headline, "Broken off: open when its epoch ended. Nothing is agreed.");
}
