//! A line as people read it: observed beside declared, what rings, what cannot be used.

use counterpart_core::record::codes::LineState;

use counterpart_core::link::health::{
    Cause, Evidence, Health, Link, Observations, State, Unanswered, Uncovered, observe,
};

use super::*;
use crate::view::lines::{LineView, ObservedState, StandingView, line};
use crate::view::owed::Owed;
use crate::view::ring::ringing;
use crate::view::text;
use Party::{Inviter, Joiner};

/// A link with nothing against it.
pub const WELL: Health = Health { state: State::Open, evidence: Vec::new() };

pub fn line_view(trial: &Trial, party: Party) -> LineView {
    trial.look(party, |sight| line(sight, &WELL))
}

#[test]
fn the_line_shows_observed_beside_declared_and_how_far_the_records_agree() {
    let mut trial = Trial::new();
    trial.carry();
    let alike = line_view(&trial, Inviter);
    assert_eq!((alike.records.agree_to, alike.records.full), (2, true));
    assert_eq!(alike.records.sentence, "Records agree to #2.");
    assert_eq!((alike.observed.state, alike.differs), (ObservedState::Open, false));

    trial.ask(Inviter);
    let lost = Link::Lost { for_ms: 70_000, tries: 9, handshakes: 0, reference: Some(true) };
    let seen = Observations { link: lost, check: None, uncovered: None, clock_ahead_ms: None, slowed_ms: None };
    let health = observe(&seen);
    let view = trial.look(Inviter, |sight| line(sight, &health));
    assert_eq!(view.records.sentence, "Records agree to #3; 2 of ours they have not yet named.");
    assert_eq!((view.observed.state, view.differs), (ObservedState::Down, true));
    let expected = [
        "PATH: no handshake succeeds on any address of theirs, while the reference that this station’s operator named \
         answers.",
        "No session for 1 min 10 s.",
        "9 tries to reach their addresses, none with a handshake.",
        "The reference that this station’s operator named answers.",
    ];
    assert_eq!(view.observed.sentences, expected);
    let shown = trial.look(Inviter, |s| text::line(&view, &s.telling));
    assert!(shown.contains("DOWN ≠ declared open"), "{shown}");
    let now = "Now 13:02 Northland, Wed 13 Feb 03:02 Sundmark; their watch is in Asia/Seoul.";
    assert!(shown.contains(now), "{shown}");
}

#[test]
fn every_finding_about_a_link_is_told_with_its_evidence() {
    let trial = Trial::new();
    let found = [
        (State::Down(Cause::Unknown), Evidence::NoSession { for_ms: 70_000 }, "No session for 1 min 10 s."),
        (State::Open, Evidence::NoHandshake { tries: 1 }, "One try to reach their addresses, without a handshake."),
        (State::Open, Evidence::Handshakes { tries: 2, handshakes: 1 }, "2 tries to reach their addresses, 1 with"),
        (
            State::Open,
            Evidence::Reference { answers: false },
            "The reference that this station’s operator named does not",
        ),
        (
            State::Silent,
            Evidence::CheckUnanswered(Unanswered { for_ms: 1_380_000, within_ms: 900_000 }),
            "SILENT: the link is up; the last watch check has stood for 23 min 00 s without a person’s answer",
        ),
        (
            State::Degraded,
            Evidence::Stalled(Uncovered { index: 0, sent_ms_ago: 61_000, written_since: 1 }),
            "STALLED: they write, but no head of theirs covers Northland #0, sent 1 min 01 s ago.",
        ),
        (
            State::Degraded,
            Evidence::OverTcp,
            "Over TCP: UDP did not get through when this connection began. It is tried again.",
        ),
        (State::Open, Evidence::Clocks { ahead_ms: 86_400_000 }, "Their clock is 1 d 0 h ahead of ours"),
        (State::Open, Evidence::Clocks { ahead_ms: -90_000 }, "Their clock is 1 min 30 s behind ours"),
        (State::Degraded, Evidence::Loss { permille: 60 }, "Of 1,000 packets on the link 60 are lost."),
        (
            State::Degraded,
            Evidence::Slowed { for_ms: 60_000 },
            "They have used up what they may have stored here in a day: what they send is read slowly, the next in 1 min 00 s. Nothing is lost.",
        ),
    ];
    for (state, evidence, begin) in found {
        let view = trial.look(Inviter, |sight| line(sight, &Health { state, evidence: vec![evidence] }));
        assert!(view.observed.sentences.last().unwrap().starts_with(begin), "{:?}", view.observed.sentences);
        let shown = trial.look(Inviter, |s| text::line(&view, &s.telling));
        let word = serde_json::to_value(view.observed.state).unwrap();
        assert!(shown.contains(&format!("\n  {} ", word.as_str().unwrap())), "{shown}");
    }
}

#[test]
fn a_line_that_cannot_be_used_says_why() {
    let mut trial = Trial::new();
    trial.lines[0].mark_restored(Epoch::FIRST);
    assert_eq!(line_view(&trial, Inviter).standing, StandingView::Restored);
    let pending = Line::new(trial.lines[0].charter().clone(), Inviter);
    trial.lines[0] = pending;
    assert_eq!(line_view(&trial, Inviter).standing, StandingView::Pending);

    let mut trial = Trial::new();
    trial.ask(Joiner);
    let mut entry = trial.logs[1].pop().unwrap();
    // Signed, and stated to follow another entry: a second branch.
    entry.header.own.root = [0; 32];
    entry.bytes = seal(AAD_ENTRY, &entry.header.encode(), &SoftKey::from_seed([2; 32]));
    let verified_under = Some(trial.lines[0].peer().key());
    trial.turn(Inviter, vec![Input::Arrived(Box::new(Arrived { entry, body: None, verified_under }))], 0);
    let halted = line_view(&trial, Inviter);
    assert!(matches!(&halted.standing, StandingView::Halted { misconduct, .. } if misconduct == "fork"));
    assert!(
        halted.standing_sentence.unwrap().starts_with("Their log is taken no further in this epoch: Their station")
    );
}

#[test]
fn a_check_and_a_text_ring_and_are_owed_until_a_person_has_dealt_with_them() {
    let mut trial = Trial::new();
    trial.carry();
    let (precedence, mark) = (Precedence::Priority, Mark::Test);
    trial.act(Joiner, Act::Check { precedence, mark });
    let post = |name: &str| PostId::parse(name).unwrap();
    let text = Act::Text { from: post("foreign-minister"), to: post("minister"), precedence, mark: Mark::Operation };
    trial.try_act(Joiner, text, Some("We have your request.")).unwrap();
    trial.carry();

    let flat = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let rung =
        trial.look(Inviter, |s| ringing(s).iter().map(|r| flat(text::ring(r, s.telling.words))).collect::<Vec<_>>());
    let expected = [
        "TEST TEST TEST ROUTINE Sundmark #2: TEST: Foreign Ministry of Sundmark tests the line and waits for a person’s \
         answer. Since 13:02 Northland, Wed 13 Feb 03:02 Sundmark, by their clock. This is a TEST of the system. Nothing in it is meant. TEST TEST TEST",
        "PRIORITY Sundmark 1: Foreign Ministry of Sundmark has written: their foreign-minister to our minister. Since \
         13:02 Northland, Wed 13 Feb 03:02 Sundmark, by their clock. │ We have your request.",
    ];
    assert_eq!(rung, expected);
    let owed: Vec<Owed> = line_view(&trial, Inviter).owed_by_us.iter().map(|o| o.what).collect();
    assert_eq!(owed, [Owed::CheckReply, Owed::Read]);
}

#[test]
fn what_they_did_is_told_in_a_sentence_and_rings_until_noted() {
    let mut trial = Trial::new();
    let sentences = |trial: &Trial, party| -> Vec<String> {
        trial.look(party, |s| ringing(s).iter().filter(|r| r.tells).map(|r| r.sentence.clone()).collect())
    };
    let [deferred, offered, declined] = [(); 3].map(|()| trial.ask(Inviter));
    trial.carry();
    trial.defer(deferred, None);
    let offer = trial.offer(Joiner, offered);
    let decline = trial.act(Joiner, Act::Decline { on: Target::Latest(declined), code: Code::Level });
    trial.carry();
    let told = sentences(&trial, Inviter);
    let window = trial.window(20);
    trial.act(Inviter, Act::Accept { offer, window: Some(window) });
    trial.carry();
    let accepted = sentences(&trial, Joiner);

    let peer = "Foreign Ministry of Sundmark";
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with(&format!("{peer} defers Northland 1: ")), "{told:?}");
    assert!(told[1].starts_with(&format!("{peer} says no to Northland 3: LEVEL (")), "{told:?}");
    assert!(accepted[0].contains("takes a time of Sundmark 1: "), "{accepted:?}");
    let until = trial.look(Inviter, |s| ringing(s).iter().map(|r| r.until.clone()).collect::<Vec<_>>());
    assert!(
        until[0].is_none() && until[1].as_ref().unwrap().ends_with(&format!("counterpart noted {decline}")),
        "{until:?}"
    );
    assert!(trial.lines[0].note(decline));
    assert_eq!(sentences(&trial, Inviter).len(), 1);
}

#[test]
fn a_line_tells_what_each_side_declares_and_who_closed_it() {
    let mut trial = Trial::new();
    let until = Some(trial.now.plus(HOUR));
    trial.act(Inviter, Act::State { state: LineState::Maintenance, until });
    let shown = trial.look(Inviter, |s| text::line(&line(s, &WELL), &s.telling));
    assert!(
        shown.contains("  We declare in maintenance until 14:02 Northland, Wed 13 Feb 04:02 Sundmark\n"),
        "{shown}"
    );

    let closed = trial.act(Inviter, Act::State { state: LineState::Closed, until: None });
    let view = line_view(&trial, Inviter);
    let told = format!("The line is closed, by Northland #{}.", closed.index);
    assert_eq!(view.standing_sentence.as_deref(), Some(told.as_str()));
    let act = trial.ask_act(Inviter);
    let refusal = trial.try_act(Inviter, act, None).unwrap_err();
    assert!(trial.look(Inviter, |s| s.refusal(&refusal)).why.starts_with(&told[..told.len() - 1]));
}

#[test]
fn that_they_closed_the_line_rings_with_what_nobody_here_had_read_until_somebody_takes_note() {
    let mut trial = Trial::new();
    let ask = trial.ask(Joiner);
    trial.precedence = Precedence::Flash;
    let unread = trial.text(Joiner);
    let closing = trial.act(Joiner, Act::State { state: LineState::Closed, until: None });
    trial.carry();

    let rings = trial.look(Inviter, ringing);
    let [text, closed] = &rings[..] else { panic!("{rings:?}") };
    assert!(text.sentence.starts_with("Foreign Ministry of Sundmark has written: "), "{text:?}");
    assert_eq!(
        closed.sentence,
        "Foreign Ministry of Sundmark has closed the line. Whoever takes note of it takes note of all its texts that still ring."
    );
    for (ring, at) in [(text, unread), (closed, closing)] {
        let until = format!("It rings until somebody here takes note: counterpart noted {at}");
        assert_eq!((ring.tells, ring.until.as_ref()), (true, Some(&until)));
        assert!(trial.lines[0].note(at));
    }
    let why = |at| trial.look(Inviter, |s| s.stopped(at).why);
    assert_eq!(why(ask), format!("The line is closed, by Sundmark #{}.", closing.index));
    assert_eq!([unread, closing].map(why), ["It has been told, or somebody here took note of it."; 2]);
    assert!(trial.look(Inviter, ringing).is_empty() && trial.look(Joiner, ringing).is_empty());
}

#[test]
fn what_was_owed_until_a_time_that_has_passed_is_overdue_since_then_and_on_a_closed_line_nothing_is_owed() {
    let mut trial = Trial::new();
    let ask = trial.ask(Inviter);
    trial.act(Inviter, Act::Check { precedence: Precedence::Routine, mark: Mark::Operation });
    trial.carry();
    let owed = |trial: &Trial, party| -> Vec<String> {
        trial.look(party, |s| {
            let request = request(s, ask).unwrap().next;
            request.into_iter().chain(s.owed_beside_requests()).map(|owed| owed.sentence).collect()
        })
    };
    let check = "Owed by our watch until 11:02 Sundmark, Tue 12 Feb 21:02 Northland: an answer to check Northland #2 (clause 5).";
    assert!(
        owed(&trial, Joiner)[0].starts_with("Owed by our watch until 03:17 Sundmark"),
        "{:?}",
        owed(&trial, Joiner)
    );
    assert_eq!(owed(&trial, Joiner).last().unwrap(), check);

    trial.wait_ms(16 * 60_000);
    let late =
        "Owed by their watch, overdue since 13:17 Northland, Wed 13 Feb 03:17 Sundmark: that it sees this (clause 5).";
    assert_eq!(owed(&trial, Inviter)[0], late);
    assert!(owed(&trial, Inviter)[1].starts_with("Owed by their side until Thu"), "{:?}", owed(&trial, Inviter));
    trial.wait_ms(8 * HOUR);
    assert!(owed(&trial, Joiner).last().unwrap().starts_with("Owed by our watch, overdue since 11:02 Sundmark"));

    let closed = trial.act(Joiner, Act::State { state: LineState::Closed, until: None });
    trial.carry();
    for party in Party::BOTH {
        assert!(owed(&trial, party).is_empty(), "{:?}", owed(&trial, party));
        let line = format!("The line is closed, by Sundmark #{}.", closed.index);
        assert!(trial.request(party, ask).plain_lines.contains(&line));
    }
}

#[test]
fn a_window_named_for_a_zone_of_neither_side_is_shown_in_that_zone_too() {
    let mut trial = Trial::new();
    let ask = trial.ask(Inviter);
    trial.carry();
    let windows = ["Africa/Maputo", "Asia/Seoul", "Moon/Tranquility"]
        .map(|zone| Offered { window: trial.window(20), zone: zone.into() })
        .into();
    let on = Target::Latest(ask);
    let answer_by = trial.now.plus(HOUR);
    trial.act(Joiner, Act::Offer { on, windows, answer_by, on_silence: OnSilence::Lapses, code: None });
    trial.carry();

    let lines = told(&trial.request(Inviter, ask));
    let told = lines.iter().find(|line| line.starts_with("Sundmark 1 offers ")).unwrap();
    let both = "Wed 13 Feb 09:02–10:02 Northland, 23:02–Thu 14 Feb 00:02 Sundmark";
    let expected = format!(
        "Sundmark 1 offers {both} (16:02–17:02 Africa/Maputo); {both}; {both} (named for the zone Moon/Tranquility, which is \
         not known here)."
    );
    assert_eq!(*told, expected);
    let shown = trial.look(Inviter, |s| text::request(&request(s, ask).unwrap(), &s.telling));
    assert!(shown.matches("Africa/Maputo").count() == 2, "also over the offer’s ladder: {shown}");
}

#[test]
fn a_ring_that_stops_says_why() {
    let mut trial = Trial::new();
    let why = |trial: &Trial, at| trial.look(Joiner, |s| s.stopped(at).why);
    let asks: Vec<EntryRef> = (0..4).map(|_| trial.ask(Inviter)).collect();
    let check =
        |trial: &mut Trial| trial.act(Inviter, Act::Check { precedence: Precedence::Routine, mark: Mark::Operation });
    let first = check(&mut trial);
    let second = check(&mut trial);
    trial.carry();
    let seen = trial.seen(asks[0]);
    let withdrawn = trial.act(Inviter, Act::Withdraw { thing: asks[1] });
    let renewed = trial.act(Inviter, Act::Renew { request: asks[2], valid_until: None, precedence: None });
    let suspended = trial.act(Inviter, Act::Suspend { request: asks[3] });
    trial.carry();

    assert_eq!(why(&trial, asks[0]), format!("Our watch has seen it (Sundmark #{}).", seen.index));
    assert_eq!(trial.look(Joiner, |s| s.stopped(asks[0]).ours), Some(seen));
    assert_eq!(why(&trial, asks[1]), format!("They took it back (Northland #{}).", withdrawn.index));
    assert_eq!(why(&trial, asks[2]), format!("They renewed it (Northland #{}).", renewed.index));
    assert_eq!(
        why(&trial, asks[3]),
        format!("They are not able at present (Northland #{}); it stands.", suspended.index)
    );
    assert_eq!(why(&trial, first), format!("A later check takes its place (Northland #{}).", second.index));

    let answer = trial.act(Joiner, Act::Answer { on: Target::Latest(asks[2]) });
    assert_eq!(why(&trial, renewed), format!("We answered it (Sundmark #{}).", answer.index));
    trial.carry();
    let told = trial.look(Inviter, |s| s.stopped(answer).why);
    assert_eq!(told, "It has been told, or somebody here took note of it.");
    trial.act(Joiner, Act::State { state: LineState::Suspended, until: None });
    assert_eq!(why(&trial, asks[3]), "Our station is declared suspended.");
}
