//! Talks as people read them: what became of one leads, each side's word stands with its times, and what is not held is no talk.

use counterpart_core::record::codes::{Instrument, Part};

use super::*;
use crate::view::Side;
use crate::view::ladder::{StepKind, StepView};
use Party::{Inviter, Joiner};

/// An answered request of the inviter's, two hours later.
fn answered() -> (Trial, EntryRef) {
    let mut trial = Trial::new();
    let ask = trial.ask(Inviter);
    trial.carry();
    trial.act(Joiner, Act::Answer { on: Target::Latest(ask) });
    trial.carry();
    trial.wait_ms(2 * HOUR);
    (trial, ask)
}

/// "We talked", in the half hour before.
fn talked(trial: &mut Trial, party: Party, ask: EntryRef) {
    let now = trial.now.0;
    let when = Window::new(Timestamp(now - HOUR / 2), Timestamp(now)).unwrap();
    trial.act(party, Act::Talk { request: ask, when, instrument: Instrument::Telephone, posts: Vec::new() });
}

fn ladder(trial: &Trial, ask: EntryRef) -> Vec<StepView> {
    trial.look(Inviter, |sight| sight.ladder(sight.view().fact(ask).unwrap()))
}

#[test]
fn that_a_talk_is_cancelled_stands_before_the_time_for_which_it_was_agreed() {
    let mut trial = Trial::new();
    let ask = trial.accepted();
    trial.carry();
    trial.act(Joiner, Act::Cancel { request: ask, code: Code::Travelling });
    trial.carry();

    let view = trial.request(Inviter, ask);
    assert!(
        view.headline.starts_with("Cancelled by them 13:02. The talk was agreed for Wed 13 Feb 09:02–"),
        "{view:?}"
    );
    let said = "They cancelled the talk: TRAVELLING (on a journey). Signed 13:02 Northland";
    assert!(told(&view).iter().any(|line| line.starts_with(said)), "{:?}", told(&view));
}

#[test]
fn who_has_joined_is_said() {
    let (mut trial, ask) = answered();
    let answer = trial.request(Inviter, ask).deciding[0].entry.at.clone();
    let answer = EntryRef { party: Joiner, index: answer.split_once(':').unwrap().1.parse().unwrap() };
    let joins = |trial: &mut Trial, party| {
        trial.turn(party, vec![Input::Joined(Epoch::FIRST, answer, Part::Principal)], 0);
        trial.carry();
        Party::BOTH.map(|party| trial.request(party, ask).talk.unwrap().sentence)
    };

    let one = joins(&mut trial, Joiner);
    let both = joins(&mut trial, Inviter);

    let rest = "have joined; neither side has said that they talked.";
    assert_eq!(one, [format!("They {rest}"), format!("We {rest}")]);
    assert_eq!(both, [0, 1].map(|_| "Both sides have joined; neither has said that they talked."));
}

#[test]
fn when_they_talked_is_what_each_side_states_and_not_when_it_was_signed() {
    let (mut trial, ask) = answered();
    talked(&mut trial, Joiner, ask);
    trial.carry();
    let stated = ladder(&trial, ask)[0].clone();
    talked(&mut trial, Inviter, ask);
    trial.carry();

    let theirs = "They state that they talked: 14:32–15:02 Northland, Wed 13 Feb 04:32–05:02 Sundmark (telephone)";
    assert_eq!(
        (stated.kind, stated.stated, stated.says.contains(theirs)),
        (StepKind::Stated, true, true),
        "{stated:?}"
    );
    let talk = ladder(&trial, ask)[0].clone();
    let ours = theirs.replacen("They", "We", 1).replacen("they", "we", 1);
    assert!(talk.says.contains(theirs) && talk.says.contains(&ours) && talk.by.is_none(), "{}", talk.says);
    let lines = told(&trial.request(Inviter, ask));
    assert!([theirs, &ours].iter().all(|said| lines.iter().any(|line| line.starts_with(said))), "{lines:?}");
}

#[test]
fn two_words_on_a_talk_that_differ_stand_side_by_side_and_have_crossed_only_if_neither_was_seen() {
    for unseen in [true, false] {
        let (mut trial, ask) = answered();
        talked(&mut trial, Joiner, ask);
        if !unseen {
            trial.carry();
        }
        trial.act(Inviter, Act::Missed { request: ask });
        trial.carry();

        let steps = ladder(&trial, ask);
        let words: Vec<_> = steps[..2].iter().map(|step| (step.by, step.name.said.as_str())).collect();
        assert_eq!(words, [(Some(Side::Ours), "MISSED"), (Some(Side::Theirs), "STATED")], "{steps:?}");
        assert!(steps[..2].iter().all(|step| step.kind == StepKind::Crossed { on: ask, unseen }), "{steps:?}");
        assert!(steps.iter().all(|step| !step.top), "neither word is a fact that stands out: {steps:?}");
        let view = trial.request(Inviter, ask);
        assert!(view.headline.starts_with("Crossed: the two sides say different things of the talk."), "{view:?}");
        assert!(view.not_known.iter().any(|line| line.starts_with("Not known: whether they talked.")), "{view:?}");
    }
}

#[test]
fn what_one_side_alone_states_of_a_talk_is_not_drawn_as_both_sides() {
    let (mut trial, ask) = answered();
    trial.act(Inviter, Act::Missed { request: ask });
    let unheld = ladder(&trial, ask)[0].clone();
    trial.carry();
    let held = ladder(&trial, ask)[0].clone();

    assert_eq!(
        [&unheld, &held].map(|step| (step.kind, step.by, step.held, step.top)),
        [(StepKind::Missed, Some(Side::Ours), false, false), (StepKind::Missed, Some(Side::Ours), true, true),]
    );
    let headline = trial.request(Inviter, ask).headline;
    assert_eq!(headline, "We state that they did not come. The request was answered 13:02.");
}

#[test]
fn an_offer_that_is_accepted_here_and_not_held_there_is_called_agreed_nowhere_on_the_ladder() {
    let mut trial = Trial::new();
    let ask = trial.accepted();

    let steps = ladder(&trial, ask);

    let over = steps.iter().find(|step| step.kind == StepKind::OfferOver).unwrap();
    assert!(over.says.ends_with("ACCEPTED HERE."), "{}", over.says);
    assert!(steps.iter().all(|step| step.kind != StepKind::Talk), "{steps:?}");
}
