//! Whatever happens is told within its bounds, by both stations, and comes back from JSON as it was; the record and the figures on
//! a terminal.

use std::collections::BTreeSet;

use counterpart_core::record::codes::{Instrument, LineState};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::view::figures::figures;
use crate::view::lines::line;
use crate::view::record::{From, RecordView};
use crate::view::request::PLAIN_ROWS_MAX;
use crate::view::ring::{TEXTS_MAX, ringing};
use crate::view::text;
use crate::words::Language;
use Party::{Inviter, Joiner};

#[test]
fn figures_of_a_year_say_so_and_a_page_says_where_it_stands() {
    let mut trial = Trial::new();
    let ask = trial.ask(Inviter);
    trial.now = Timestamp(START.0 - 5_000);
    trial.carry();
    trial.seen(ask);
    trial.carry();

    let shown = trial.look(Inviter, |s| text::figures(&figures(s, Some(2013)), &s.telling));
    assert!(shown.starts_with("Asked in 2013 (UTC)\n"), "{shown}");
    assert!(shown.contains("2 times were claimed before the ask and counted as 0."), "{shown}");
    let page = Page { from: From::Offset(1), limit: 2, with_words: false };
    let shown = trial.look(Inviter, |s| text::record_list(&trial.record(Inviter, page), &s.telling));
    assert!(shown.ends_with("\nEntries 2 to 3 of 6\n"), "{shown}");
}

fn same<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let json = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value, "{json}");
}

/// The acts of a long, unruly life, one after the other; many are barred.
fn anything(trial: &Trial, things: &[EntryRef], dice: &mut dyn FnMut(usize) -> usize, party: Party) -> Act {
    let thing = things[dice(things.len())];
    let on = Target::Latest(thing);
    let code = Code::ALL[dice(Code::ALL.len())];
    let later = trial.now.plus(HOUR * (1 + dice(40) as u64));
    let until = (dice(2) == 0).then_some(later);
    let on_silence = OnSilence::ALL[dice(2)];
    let windows = [5, 6, 7].map(|h| Offered { window: trial.window(h), zone: "UTC".into() }).into();
    let window = trial.lines[party.slot()].facts().all().fact(thing).and_then(|f| match &f.what {
        What::Offer { windows, .. } => Some(windows[0].window),
        _ => None,
    });
    let past = Window::new(Timestamp(trial.now.0 - 9), Timestamp(trial.now.0 - 1)).unwrap();
    match dice(17) {
        0 => Act::Seen { on },
        1 => Act::Refer { on },
        2 => Act::Defer { on, code, until },
        3 => Act::Answer { on },
        4 => Act::Decline { on, code },
        5 | 6 => Act::Offer { on, windows, answer_by: later, on_silence, code: Some(code) },
        7 => Act::Ready { on },
        8 => Act::Accept { offer: thing, window },
        9 | 10 => Act::Renew { request: thing, valid_until: until, precedence: Some(Precedence::Flash) },
        11 => Act::Suspend { request: thing },
        12 => Act::Resume { request: thing },
        13 => Act::Withdraw { thing },
        14 => Act::Cancel { request: thing, code },
        15 => Act::Sheet { request: thing, when: past, posts: Vec::new(), languages: vec!["en".into()] },
        _ => Act::Talk { request: thing, when: past, instrument: Instrument::Video, posts: Vec::new() },
    }
}

#[test]
fn whatever_happens_the_opening_has_at_most_twelve_rows_and_everything_is_told_and_read_back() {
    let mut outcomes = BTreeSet::new();
    for seed in 1..=24u64 {
        let mut state = seed;
        let mut dice = move |sides: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % sides
        };
        let has_short_names = seed % 2 == 0;
        let mut trial = if has_short_names { Trial::new() } else { Trial::named(LONGEST, 3_600) };
        trial.mark = Mark::ALL[seed as usize % 3];
        let mut things = vec![trial.ask(Inviter)];
        things.extend((seed % 4 < 2).then(|| agreed(&mut trial)));
        for step in 0..40 {
            let party = Party::BOTH[dice(2)];
            if dice(8) == 0 {
                let mut ask = trial.ask_act(party);
                if let Act::Ask { valid_until, .. } = &mut ask {
                    *valid_until = Some(trial.now.plus(30 * HOUR));
                }
                things.extend(trial.try_act(party, ask, Some(&"long ".repeat(60))));
            }
            let act = anything(&trial, &things, &mut dice, party);
            let opens = matches!(act, Act::Offer { .. } | Act::Ready { .. });
            let would = trial.lines[party.slot()].would(&act, None, trial.now);
            let written = trial.try_act(party, act, None);
            assert_eq!(would.err(), written.err(), "what is shown as possible is what is done");
            things.extend(written.ok().filter(|_| opens));
            trial.wait_ms(dice(3) as u64 * HOUR);
            match dice(4) {
                0 => trial.carry(),
                1 => trial.carry_from(party),
                _ => {}
            }
            check(&trial, &things, has_short_names);
            if step % 4 == 0 {
                openings(&trial, &things, &mut outcomes);
            }
        }
        // Who looks a year later is told every year: no line is longer.
        trial.wait_ms(400 * 24 * HOUR);
        openings(&trial, &things, &mut outcomes);
        match seed % 3 {
            0 => drop(trial.try_act(Inviter, Act::State { state: LineState::Closed, until: None }, None)),
            1 => trial.open_epoch(Inviter),
            _ => {}
        }
        openings(&trial, &things, &mut outcomes);
    }
    let all = ["AGREED", "ANSWERED", "BROKEN OFF", "CROSSED", "DECLINED", "LAPSED", "OPEN", "WITHDRAWN"];
    let seen: Vec<&str> = outcomes.iter().map(String::as_str).collect();
    assert_eq!(seen, all, "every outcome has been looked at");
}

/// A request with an agreed time: by chance alone hardly any comes so far.
fn agreed(trial: &mut Trial) -> EntryRef {
    let ask = trial.accepted();
    trial.carry();
    ask
}

/// The opening of every request, by both stations in every language, on a terminal of eighty columns.
fn openings(trial: &Trial, things: &[EntryRef], outcomes: &mut BTreeSet<String>) {
    for language in Language::ALL {
        let words = Words::of(language);
        for party in Party::BOTH {
            let seen: Vec<String> = trial.look_at(party, &words, |now| {
                let sight = Sight { epoch: Epoch::FIRST, ..*now };
                let views: Vec<_> = things.iter().filter_map(|at| request(&sight, *at)).collect();
                for view in &views {
                    let shown = text::request(view, &sight.telling);
                    let opening: Vec<&str> = shown.lines().take_while(|line| !line.is_empty()).collect();
                    // The banner of an EXERCISE stands above.
                    let rows = opening.len() - usize::from(view.mark.0 != Mark::Operation);
                    assert!(rows <= PLAIN_ROWS_MAX, "{rows}: {shown}");
                    assert!(opening.iter().all(|row| row.chars().count() <= text::PLAIN_WIDTH), "{shown}");
                    let told = told(view);
                    // Asked, reached, owed by whom until when: these never leave the opening.
                    let first = view.next.first().map(|owed| &owed.sentence);
                    assert!(
                        view.plain_lines.first() == Some(&view.headline) && view.plain_lines[1].contains(&view.from)
                    );
                    assert!(first.is_none_or(|owed| view.plain_lines.contains(owed)), "{shown}");
                    let mut others = view.next.iter().map(|owed| &owed.sentence).chain(&view.not_known);
                    assert!(others.all(|line| told.contains(line)), "nothing is cut off: {shown}");
                }
                views.into_iter().map(|view| view.outcome).collect()
            });
            outcomes.extend(seen);
        }
    }
}

/// Everything that both stations would show at this moment. The longest names make a ladder wider than a terminal.
fn check(trial: &Trial, things: &[EntryRef], has_short_names: bool) {
    for party in Party::BOTH {
        trial.look(party, |sight| {
            let mut shown = String::new();
            for view in things.iter().filter_map(|at| request(sight, *at)) {
                assert!((2..=PLAIN_ROWS_MAX).contains(&view.plain_lines.len()), "{:?}", view.plain_lines);
                assert!(view.plain_lines.iter().all(|line| !line.contains('\n') && !line.contains('{')));
                let closed = view.outcome != "OPEN";
                assert!(closed || told(&view).iter().any(|l| l.starts_with("Not known: ")), "{:?}", view.plain_lines);
                same(&view);
                shown += &text::request(&view, &sight.telling);
            }
            let line = line(sight, &super::line::WELL);
            same(&line);
            let figures = figures(sight, None);
            same(&figures);
            shown += &text::line(&line, &sight.telling);
            shown += &text::figures(&figures, &sight.telling);
            for ring in ringing(sight) {
                same(&ring);
                shown += &text::ring(&ring, sight.telling.words);
            }
            let long = shown.lines().find(|l| l.chars().count() > text::WIDTH);
            assert!(long.is_none() || !has_short_names, "{long:?}");
        });
    }
}

#[test]
fn the_record_on_a_terminal_shows_each_entry_on_its_side_with_what_it_had_seen() {
    let mut trial = Trial::new();
    let ask = trial.ask(Inviter);
    trial.carry();
    trial.seen(ask);
    trial.forge_second_seen(ask);
    trial.defer(ask, Some(trial.now.plus(HOUR)));
    trial.offer(Joiner, ask);
    trial.carry();

    let page = Page { from: From::Offset(0), limit: 100, with_words: true };
    let view: RecordView = trial.record(Inviter, page);
    same(&view);
    let shown = trial.look(Inviter, |s| text::record(&view, &s.telling));
    assert!(shown.lines().all(|l| l.chars().count() <= text::WIDTH), "{shown}");
    let seen: String = shown.lines().filter(|l| l.starts_with(' ')).collect::<Vec<_>>().join(" ");
    assert!(seen.contains("Sundmark #2  seen  →") && seen.contains("[had seen to #1]"), "{shown}");
    let list = trial.look(Inviter, |s| text::record_list(&view, &s.telling));
    assert!(list.contains("\n    │ the tanker adrift\n"), "{list}");
    let flat = list.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("void, without effect: It has been done, by Sundmark #2."), "{list}");
    assert!(
        flat.contains(
            "defer → Northland 1 TRAVELLING until 14:02 Northland, Wed 13 Feb 04:02 Sundmark [had seen to #1]"
        ),
        "{list}"
    );
    assert!(flat.contains("by 23:02 Northland, Wed 13 Feb 13:02 Sundmark [had seen to #1]"), "{list}");
    assert!(flat.contains("Tue 12 Feb 13:02:04 Northland, Wed 13 Feb 03:02:04 Sundmark Northland 1 ask"), "{list}");
    trial.bodies.clear();
    let empty = trial.record(Inviter, Page { from: From::Offset(999), ..page });
    let [empty, lacking] =
        [empty, trial.record(Inviter, page)].map(|v| trial.look(Inviter, |s| text::record_list(&v, &s.telling)));
    assert_eq!(empty, "Nothing in the record here.\n");
    assert!(lacking.contains("(its words are not held here)"), "{lacking}");
    assert_eq!(trial.look(Inviter, |s| text::no_lines(&s.telling)), "No line yet.\n");
}

#[test]
fn words_of_theirs_never_stand_where_a_line_of_ours_begins() {
    let mut trial = Trial::new();
    let forged = "Tue 12 Feb  Northland 9  accept".replace(' ', "\u{a0}");
    let text = format!("{}{forged}\n{}\n{}", "x".repeat(76), "漢".repeat(60), "\u{1b}[1A\r".repeat(9));
    trial.try_act(Joiner, Act::Memo, Some(&text)).unwrap();
    trial.carry();

    let page = Page { from: From::Offset(0), limit: 100, with_words: true };
    let view = trial.record(Inviter, page);
    let list = trial.look(Inviter, |s| text::record_list(&view, &s.telling));

    let words: Vec<&str> = list.lines().filter(|line| line.contains(['x', '漢', '\u{fffd}', '\u{a0}'])).collect();
    assert!(words.len() > 4, "{list}");
    for line in words.iter().filter(|line| !line.contains("memo")) {
        let columns: usize = line.chars().map(|c| if c == '漢' { 2 } else { 1 }).sum();
        assert!(line.starts_with("    │ ") && columns <= 78, "{line}");
    }
    assert!(!list.chars().any(|c| c != '\n' && c.is_control()));
}

#[test]
fn a_peer_that_writes_urgently_without_end_leaves_the_bell_short_and_the_ask_in_it() {
    let mut trial = Trial::new();
    let post = |name: &str| PostId::parse(name).unwrap();
    let text = Act::Text {
        from: post("foreign-minister"),
        to: post("minister"),
        precedence: Precedence::Priority,
        mark: Mark::Operation,
    };
    for _ in 0..100 {
        trial.try_act(Joiner, text.clone(), Some(&"\u{1}".repeat(48 * 1024))).unwrap();
    }
    let ask = trial.ask(Joiner);
    trial.carry();

    let rings = trial.look(Inviter, ringing);

    assert_eq!(rings.len(), TEXTS_MAX + 1);
    assert!(rings.iter().any(|ring| ring.entry.at == ask.to_string()));
    assert!(serde_json::to_vec(&rings).unwrap().len() < 256 * 1024);
    assert_eq!(trial.look(Inviter, |s| s.owed_beside_requests().len()), TEXTS_MAX);
}
