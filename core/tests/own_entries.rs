//! A station signs nothing that the other side would find malformed.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod asks;

use asks::ask;
use counterpart_core::act::{Act, Target, Words};
use counterpart_core::fault::{Bar, Refusal};
use counterpart_core::ids::{EntryRef, Epoch, LineId, Party, PostId};
use counterpart_core::line::Line;
use counterpart_core::line::due::Conduct;
use counterpart_core::line::turn::{Answer, Given, Input};
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::charter::{Charter, Keys, PartyTerms, PostTerms};
use counterpart_core::record::codes::{Instrument, OnSilence};
use counterpart_core::record::kind::Kind;
use counterpart_core::record::log::Entry;
use counterpart_core::record::opening::Opening;
use counterpart_core::record::sign1::{AAD_CHARTER, Sign, SoftKey, Strict, to_be_signed};
use counterpart_core::record::what::Offered;
use counterpart_core::time::{Timestamp, Window};

const NOW: Timestamp = Timestamp(1_000_000_000);
const ASK: EntryRef = EntryRef { party: Party::Inviter, index: 1 };

fn post() -> PostId {
    PostId::parse("minister").unwrap()
}

fn terms(seed: u8) -> PartyTerms {
    let station = *SoftKey::from_seed([seed; 32]).public().as_bytes();
    PartyTerms {
        name: "Ministry".into(),
        call_sign: "Ministry".into(),
        keys: Keys { root: [seed; 32], station, link: [seed + 2; 32], word: [seed + 3; 32] },
        languages: Vec::new(),
        addresses: Vec::new(),
        posts: vec![PostTerms { id: post(), highest: Precedence::Flash, night: true }],
        zone: String::new(),
    }
}

/// What becomes of these acts after one ask; every entry that is written reads back.
fn answers(acts: Vec<(Act, Option<Words>)>) -> Vec<Answer> {
    after(None, acts)
}

/// The same after one ask and one more act.
fn after(before: Option<Act>, acts: Vec<(Act, Option<Words>)>) -> Vec<Answer> {
    let charter = Charter {
        watch_s: [60; 4],
        principal_s: 60,
        pacing_s: [60; 4],
        ..Charter::of(LineId([9; 16]), [terms(10), terms(20)])
    };
    let message = to_be_signed(AAD_CHARTER, &charter.encode());
    let signatures = [10, 20].map(|seed| SoftKey::from_seed([seed; 32]).sign(&message));
    let sign = SoftKey::from_seed([10; 32]);
    let conduct = Conduct { even: true, steady_ms: 0, mark: Mark::Exercise };
    let given = Given { now: NOW, conduct, monotonic_ms: 0, sign: &sign, verify: &Strict, stored: &|_, _| None };
    let mut line = Line::new(charter.clone(), Party::Inviter);
    line.open(&Opening::Paired { charter: charter.encode(), signatures }, &given).unwrap();
    for act in [Some(ask(Precedence::Routine)), before].into_iter().flatten() {
        line.turn(vec![Input::Act(Epoch::FIRST, Box::new(act), None)], &given);
    }
    let would: Vec<Option<Refusal>> = acts.iter().map(|(a, words)| line.would(a, words.clone(), NOW).err()).collect();
    let inputs = acts.into_iter().map(|(act, words)| Input::Act(Epoch::FIRST, Box::new(act), words));

    let plan = line.turn(inputs.collect(), &given);

    for written in &plan.written {
        assert_eq!(Entry::read(&written.entry.bytes).unwrap().header, written.entry.header);
    }
    let refused = |answer: &Answer| if let Answer::Refused(refusal) = answer { Some(*refusal) } else { None };
    assert_eq!(would, plan.answers.iter().map(refused).collect::<Vec<_>>(), "what would be done is what is done");
    plan.answers
}

fn malformed(kind: Kind) -> Answer {
    Answer::Refused(Refusal::Barred(Bar::Malformed(kind)))
}

#[test]
fn an_act_without_the_words_that_it_needs_is_refused() {
    let text = Act::Text { from: post(), to: post(), precedence: Precedence::Routine, mark: Mark::Exercise };

    assert_eq!(answers(vec![(text, None), (Act::Memo, None)]), [malformed(Kind::Text), malformed(Kind::Memo)]);
}

fn offer(windows: Vec<Offered>, answer_by: Timestamp) -> (Act, Option<Words>) {
    let on = Target::Entry(ASK);
    (Act::Offer { on, windows, answer_by, on_silence: OnSilence::Lapses, code: None }, None)
}

#[test]
fn an_offer_whose_answer_by_lies_after_its_last_window_is_refused() {
    let hours = |hours: u64| NOW.plus(hours * 3_600_000);
    let windows: Vec<_> = [(5, 6), (1, 2)]
        .map(|(from, to)| Offered { window: Window::new(hours(from), hours(to)).unwrap(), zone: "UTC".into() })
        .into();

    let answers = answers(vec![offer(windows.clone(), hours(6).plus(1)), offer(windows, hours(6))]);

    assert_eq!(answers[0], Answer::Refused(Refusal::AfterWindows(hours(6))));
    assert!(matches!(answers[1], Answer::Written(_)));
}

#[test]
fn an_offer_of_no_window_or_of_nine_or_of_one_over_a_week_is_refused() {
    let window = |hours: u64| Offered {
        window: Window::new(NOW.plus(3_600_000), NOW.plus(hours * 3_600_000)).unwrap(),
        zone: "UTC".into(),
    };
    let offer = |windows: Vec<Offered>| offer(windows, NOW.plus(1));
    let zone = Offered { zone: "x".repeat(129), ..window(2) };

    let answers = answers(vec![
        offer(vec![]),
        offer(vec![window(2); 9]),
        offer(vec![window(200)]),
        offer(vec![zone]),
        offer(vec![window(2)]),
    ]);

    assert_eq!(answers[..4], [malformed(Kind::Offer); 4]);
    assert!(matches!(answers[4], Answer::Written(_)));
}

#[test]
fn a_talk_of_more_posts_than_an_entry_holds_is_refused() {
    let when = Window::new(Timestamp(1), Timestamp(2)).unwrap();
    let talk = Act::Talk { request: ASK, when, instrument: Instrument::Telephone, posts: vec![post(); 33] };

    assert_eq!(answers(vec![(talk, None)]), [malformed(Kind::Talk)]);
}

#[test]
fn a_sheet_of_more_posts_or_languages_than_an_entry_holds_is_refused() {
    let when = Window::new(Timestamp(1), Timestamp(2)).unwrap();
    let sheet = |posts: usize, languages: usize| Act::Sheet {
        request: ASK,
        when,
        posts: vec![post(); posts],
        languages: vec!["en".into(); languages],
    };
    let long = Act::Sheet { request: ASK, when, posts: vec![], languages: vec!["x".repeat(129)] };

    // A sheet is of a talk that its author has said was held.
    let talk = Act::Talk { request: ASK, when, instrument: Instrument::Telephone, posts: vec![] };

    let sheets = vec![(sheet(33, 1), None), (sheet(1, 33), None), (long, None), (sheet(32, 32), None)];

    let answers = after(Some(talk), sheets);

    assert_eq!(answers[..3], [malformed(Kind::Sheet); 3]);
    assert!(matches!(answers[3], Answer::Written(_)));
}

#[test]
fn words_whose_language_is_too_long_are_refused() {
    let words = Words { salt: [1; 16], language: "x".repeat(129), text: "t".into() };

    assert_eq!(answers(vec![(Act::Memo, Some(words))]), [malformed(Kind::Memo)]);
}
