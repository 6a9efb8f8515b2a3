//! What is told of an epoch that has ended: what broke off, until somebody takes note of it, and whose names its names are.

use counterpart_core::ids::Epoch;
use counterpart_core::line::turn::{Arrived, Input};
use counterpart_core::record::entry::{Head, Header};
use counterpart_core::record::log::Entry;
use counterpart_core::record::opening::{EpochHeads, Opening};
use counterpart_core::record::sign1::{AAD_ENTRY, seal};
use counterpart_core::record::what::What;

use super::line::line_view;
use super::*;
use crate::view::broken::{LISTED_MAX, LeftView};
use crate::view::figures::figures;
use crate::view::names::{self, NameFault};
use crate::view::restore::{Link, Listing, restore};
use crate::view::ring::ringing;
use crate::view::{Side, text};
use Party::{Inviter, Joiner};

/// An ask of each side; theirs is declined, and a talk of ours is agreed for tomorrow. Then an epoch is opened here.
fn ended() -> (Trial, [EntryRef; 2]) {
    let mut trial = Trial::new();
    let open = trial.ask(Inviter);
    trial.carry();
    let declined = trial.ask(Joiner);
    trial.carry();
    trial.act(Inviter, Act::Decline { on: Target::Entry(declined), code: Code::Engaged });
    let agreed = trial.ask(Inviter);
    trial.carry();
    let offer = trial.offer(Joiner, agreed);
    trial.carry();
    trial.act(Inviter, Act::Accept { offer, window: Some(trial.window(20)) });
    trial.carry();
    trial.open_epoch(Inviter);
    (trial, [open, agreed])
}

#[test]
fn a_line_says_who_ended_an_epoch_and_names_what_broke_off_until_somebody_takes_note() {
    let (mut trial, [open, agreed]) = ended();

    let view = line_view(&trial, Inviter);
    let began = view.began.unwrap();
    assert_eq!((began.epoch, began.opened_by, began.opening.at.as_str()), (1, Side::Ours, "0:0"));
    assert!(began.sentences[0].starts_with("Epoch 1 of this line serves: Northland opened it 13:02"), "{began:?}");
    assert_eq!(began.sentences[1].split('.').next(), Some("The record gives no reason"));
    let told: Vec<_> = began.broken_off.iter().map(|b| (b.entry.at.clone(), b.epoch, b.agreed.is_some())).collect();
    assert_eq!(told, [(open.to_string(), 0, false), (agreed.to_string(), 0, true)]);
    assert_eq!(
        began.broken_off[0].sentence,
        "Broken off: Northland 1 of epoch 0, IMMEDIATE, minister → foreign-minister. It was open when the epoch ended."
    );
    assert!(began.broken_off[1].sentence.contains("A talk was agreed for Wed 13 Feb 09:02–10:02 Northland"));
    assert!(began.instead.unwrap().contains("counterpart status \"Northland 1\" --epoch 0"));
    let shown = trial.look(Inviter, |sight| text::line(&line_view(&trial, Inviter), &sight.telling));
    assert!(shown.contains("Northland 2 of epoch 0") && shown.lines().all(|line| line.chars().count() <= text::WIDTH));

    let [ring] = <[_; 1]>::try_from(trial.look(Inviter, ringing)).unwrap();
    assert!(ring.tells && !ring.climbs && !ring.briefly && ring.kind == "charter", "{ring:?}");
    assert_eq!(
        ring.sentence,
        "Northland opened epoch 1 of this line. The epoch before has ended, and this broke off: Northland 1 of epoch 0, \
         Northland 2 of epoch 0."
    );
    let tally = trial.lines[0].tally();
    assert!(ring.until.unwrap().ends_with(&format!("counterpart noted 0:0 --tally {}", ring.tally.unwrap())));
    assert_eq!(trial.lines[0].note_broken_off(EntryRef { party: Inviter, index: 0 }, tally).unwrap().len(), 2);
    let began = line_view(&trial, Inviter).began.unwrap();
    assert!(began.broken_off.is_empty() && began.instead.is_none() && !began.sentences.is_empty());
    assert!(trial.look(Inviter, ringing).is_empty());
}

#[test]
fn what_nobody_here_had_read_or_noted_when_an_epoch_ended_is_told_with_what_broke_off() {
    let mut trial = Trial::new();
    trial.precedence = Precedence::Flash;
    let text = trial.text(Joiner);
    let declined = trial.ask(Inviter);
    trial.carry();
    let decline = trial.act(Joiner, Act::Decline { on: Target::Entry(declined), code: Code::Engaged });
    trial.carry();
    trial.open_epoch(Inviter);

    let began = line_view(&trial, Inviter).began.unwrap();
    let told: Vec<_> = began.broken_off.iter().map(|b| (b.entry.at.clone(), b.left, b.page())).collect();
    let page = |what: &str, at: EntryRef| format!("{what}/{at}");
    assert_eq!(
        told,
        [
            (text.to_string(), LeftView::Unread, page("entries", text)),
            (decline.to_string(), LeftView::Untold, page("requests", declined))
        ]
    );
    let [unread, untold] = [0, 1].map(|n| began.broken_off[n].sentence.as_str());
    assert!(unread.starts_with("Not read: the text Sundmark 1 of epoch 0, FLASH, "), "{unread}");
    assert!(untold.starts_with("Not noted here when epoch 0 ended: "), "{untold}");
    assert!(untold.contains("says no to Northland 1"), "{untold}");
    assert!(began.instead.unwrap().contains("counterpart record --words --epoch 0 --from \"Sundmark 1\""));
    let [ring] = <[_; 1]>::try_from(trial.look(Inviter, ringing)).unwrap();
    assert_eq!(ring.precedence.0, Precedence::Flash);
    let both = "this broke off, or nobody here had read or noted it: Sundmark 1 of epoch 0, Northland 1 of epoch 0.";
    assert!(ring.sentence.ends_with(both), "{}", ring.sentence);
}

#[test]
fn a_list_of_what_broke_off_has_an_end_and_says_how_much_more_there_is() {
    let mut trial = Trial::new();
    for _ in 0..LISTED_MAX + 2 {
        trial.text(Joiner);
    }
    trial.carry();
    trial.open_epoch(Inviter);

    let began = line_view(&trial, Inviter).began.unwrap();
    assert_eq!((began.broken_off.len(), began.more), (LISTED_MAX, 2));
    let shown = text::epoch(&began).join(" ");
    assert!(shown.contains("And 2 more, not listed here."), "{shown}");
    let [ring] = <[_; 1]>::try_from(trial.look(Inviter, ringing)).unwrap();
    assert!(ring.sentence.ends_with(&format!(" and {} more.", LISTED_MAX + 2 - 12)), "{}", ring.sentence);
}

#[test]
fn a_talk_that_broke_off_says_so_and_nothing_of_an_ended_epoch_is_owed_or_may_be_done() {
    let (trial, [open, agreed]) = ended();

    let of = |ask| trial.look(Inviter, |sight| request(&Sight { epoch: Epoch::FIRST, ..*sight }, ask).unwrap());
    for view in [of(open), of(agreed)] {
        assert!(view.next.is_empty() && view.acts.is_empty(), "{view:?}");
    }
    let headline = of(agreed).headline;
    assert!(
        headline.starts_with("The talk broke off: its epoch ended before it. The talk was agreed for "),
        "{headline}"
    );
}

/// The Joiner joins by a charter that names a head of its own ended log that never was.
fn joins_with_a_head_that_never_was(trial: &mut Trial) {
    let nothing = Head::empty();
    let line = &trial.lines[0];
    let [ours, _] = line.span(Epoch::FIRST).unwrap().heads().heads;
    let heads = vec![EpochHeads { epoch: Epoch::FIRST, heads: [ours, Head { size: 1 << 50, root: [9; 32] }] }];
    let what = What::Charter(Opening::Joined { heads, restored: false }.write());
    let header = Header::of((line.id(), line.epoch(), Joiner), [nothing; 2], trial.now, Ok(what));
    let entry = Entry::read(&seal(AAD_ENTRY, &header.encode(), &trial.keys[1])).unwrap();
    trial.turn(Inviter, vec![Input::Arrived(Arrived { entry, body: None, verified_under: None }.into())], 0);
}

#[test]
fn a_line_and_a_request_say_why_an_ended_epoch_is_not_settled_and_whose_charter_names_what_has_not_come() {
    let (mut trial, [open, _]) = ended();
    let plain = |trial: &Trial| {
        let of = |sight: &Sight<'_>| request(&Sight { epoch: Epoch::FIRST, ..*sight }, open).unwrap();
        trial.look(Inviter, of).plain_lines.join("\n")
    };
    assert!(
        plain(&trial).contains("Epoch 0 is not settled: the charters by which both sides close it are not both held")
    );
    assert!(line_view(&trial, Inviter).began.unwrap().awaited.is_empty());

    joins_with_a_head_that_never_was(&mut trial);

    let told = "Epoch 0 is not settled. Their charter of a later epoch names their log there up to #1125899906842623; \
                held here: 6 entries of it. What the other charter does not name of that counts once all of it is \
                held. Whether it was ever written is not known here.";
    let began = line_view(&trial, Inviter).began.unwrap();
    let [awaited] = &began.awaited[..] else { panic!("{began:?}") };
    assert_eq!((awaited.log, awaited.by, awaited.held, awaited.named), (Side::Theirs, Side::Theirs, 6, 1 << 50));
    assert_eq!(awaited.sentence, told);
    assert!(plain(&trial).contains(told), "{}", plain(&trial));
    let shown = trial.look(Inviter, |sight| text::line(&line_view(&trial, Inviter), &sight.telling));
    assert!(shown.contains("Epoch 0 is not settled.") && shown.lines().all(|l| l.chars().count() <= text::WIDTH));
    let missing = |sight: &Sight<'_>| restore(sight, Link::default(), None, Listing::Last, &|_| None);
    let missing = trial.look(Inviter, missing);
    assert_eq!(missing.missing.iter().map(|m| (m.ours, m.from, m.to)).collect::<Vec<_>>(), [(false, 6, 1 << 50)]);
    assert!(missing.sentences.iter().any(|sentence| sentence == told), "{:?}", missing.sentences);
}

#[test]
fn a_name_of_another_epoch_says_which_and_what_to_do() {
    let (trial, _) = ended();
    let words = Words::english();

    let fault = names::parse(&trial.lines[0], "Northland 2").unwrap_err();
    let (what, instead) = fault.say(&words);
    assert_eq!(what, "Northland 2 is of epoch 0, which has ended. Numbers began anew after it.");
    assert!(instead.starts_with("Look at it with --epoch 0."), "{instead}");
    let none = names::parse(&trial.lines[0], "Northland 9").unwrap_err();
    assert!(matches!(none, NameFault::NoneSuch { .. }), "{none:?}");
}

#[test]
fn figures_count_every_epoch_and_what_broke_off_is_not_open() {
    let (trial, _) = ended();

    let view = trial.look(Inviter, |sight| figures(sight, None));
    let row = |side: usize| &view.directions[side].rows[0];
    assert_eq!((row(0).count, row(0).open, row(0).broken_off, row(0).agreed), (2, 0, 1, 1));
    assert_eq!((row(1).count, row(1).declined), (1, 1));
    let shown = trial.look(Inviter, |sight| text::figures(&view, &sight.telling));
    assert!(shown.lines().all(|line| line.chars().count() <= text::WIDTH), "{shown}");
}
