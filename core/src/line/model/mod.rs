//! The rules against the executable model: every history of up to five entries that `status.py --dump 5` wrote
//! (`docs/vectors/status.jsonl.gz`), in every order of arrival, from every partial view, and with each rule switched off.

pub(super) mod history;

use std::collections::BTreeMap;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::facts::{Cut, Facts, Standing, View};
use super::ladder::Headline;
use super::switch::{Rule, Switch};
use super::talk::Word;
use crate::ids::{EntryRef, Party};
use crate::record::kind::Kind;
use history::{History, charter, each};

fn fold(history: &History, order: &[Party], off: Switch) -> Facts {
    let mut facts = Facts::new(charter());
    facts.open_asks_max = history.open_asks_max();
    facts.switch = off;
    let mut at = [0usize; 2];
    for party in order {
        let log = &history.logs[party.slot()];
        facts.apply(&log[at[party.slot()]]);
        at[party.slot()] += 1;
        // What is held already changes nothing, whichever of it comes again.
        for (log, held) in history.logs.iter().zip(at) {
            for entry in log.iter().take(held) {
                facts.apply(entry);
            }
        }
    }
    facts
}

/// Every order in which the two logs can arrive such that each entry finds what its author had seen.
fn orders(history: &History) -> Vec<Vec<Party>> {
    fn go(history: &History, at: [usize; 2], so_far: &mut Vec<Party>, out: &mut Vec<Vec<Party>>) {
        let mut end = true;
        for party in Party::BOTH {
            let Some(next) = history.logs[party.slot()].get(at[party.slot()]) else {
                continue;
            };
            end = false;
            if next.held.size <= at[party.peer().slot()] as u64 {
                let mut moved = at;
                moved[party.slot()] += 1;
                so_far.push(party);
                go(history, moved, so_far, out);
                so_far.pop();
            }
        }
        if end {
            out.push(so_far.clone());
        }
    }
    let mut out = Vec::new();
    go(history, [0, 0], &mut Vec::new(), &mut out);
    out
}

fn word(word: Word) -> &'static str {
    match word {
        Word::None => "",
        Word::Joined => "joined",
        Word::Missed => "missed",
        Word::Cancelled => "cancel",
        Word::Talked => "talked",
    }
}

/// All that the model says of a history, in the model's own words.
#[derive(PartialEq, Eq, Debug, Default, Clone)]
struct Verdict {
    outcomes: BTreeMap<EntryRef, (String, bool, bool)>,
    headlines: BTreeMap<EntryRef, Vec<String>>,
    talks: BTreeMap<EntryRef, [String; 3]>,
    concerted: BTreeMap<EntryRef, EntryRef>,
}

fn verdict(view: &View<'_>) -> Verdict {
    let mut verdict = Verdict::default();
    for head in view.things() {
        for thing in view.thread(head.at) {
            if !matches!(thing.kind(), Kind::Ask | Kind::Offer | Kind::Ready) {
                continue;
            }
            let is_ask = thing.kind() == Kind::Ask;
            let decision = view.decision(thing);
            let settled = |party| is_ask && view.settled_for(party, &decision);
            let outcome = decision.outcome.word().to_string();
            verdict.outcomes.insert(thing.at, (outcome, settled(Party::Inviter), settled(Party::Joiner)));
            verdict.headlines.insert(thing.at, headline(&view.headline(thing)));
            if is_ask {
                let talk = view.talk(thing);
                if !talk.state.word().is_empty() {
                    let words = talk.words.map(|w| word(w).to_string());
                    verdict.talks.insert(thing.at, [words[0].clone(), words[1].clone(), talk.state.word().to_string()]);
                }
                if let Some(partner) = view.partner(thing.at)
                    && thing.at < partner.at
                {
                    verdict.concerted.insert(thing.at, partner.at);
                }
            }
        }
    }
    verdict
}

fn headline(headline: &Headline) -> Vec<String> {
    match headline {
        Headline::Closed { outcome, talk } => [outcome.word(), talk.word()].map(String::from).to_vec(),
        Headline::Open { reached, attempts, earlier, talk } => {
            let earlier = earlier.map_or("", |r| r.rung.word());
            [reached.rung.word(), talk.word(), &attempts.to_string(), earlier].map(String::from).to_vec()
        }
    }
}

/// What differs between `core` and the model on one history; empty if nothing.
fn differs(history: &History, off: Switch) -> Option<String> {
    let mut first: Option<Verdict> = None;
    for order in orders(history) {
        let facts = fold(history, &order, off);
        for entry in history.logs.iter().flatten() {
            if facts.standing(entry.at()) != Standing::Counts {
                return Some(format!("{} does not count: {:?}", entry.at(), facts.standing(entry.at())));
            }
        }
        let got = verdict(&facts.all());
        if got != history.verdict {
            return Some(format!("model {:?}\n core {got:?}", history.verdict));
        }
        if first.is_none() {
            if let Some(why) = partial_views(history, &facts, off) {
                return Some(why);
            }
            if let Some(void) = history.void.iter().find(|entry| super::judge::judge(&facts, entry).is_ok()) {
                return Some(format!("not void: {} {:?}", void.at(), void.what));
            }
        }
        first = Some(got);
    }
    None
}

/// Each cut that a station can hold is the same as a fold of just those entries, and no settled outcome changes later.
fn partial_views(history: &History, whole: &Facts, off: Switch) -> Option<String> {
    let sizes = history.logs.each_ref().map(|log| log.len() as u64);
    let last = verdict(&whole.all());
    for inviter in 0..=sizes[0] {
        for joiner in 0..=sizes[1] {
            let cut = Cut([inviter, joiner]);
            let part = history.cut(cut);
            if !part.closed() {
                continue;
            }
            let order = orders(&part).pop()?;
            let alone = fold(&part, &order, off);
            let seen = verdict(&whole.view(cut));
            if seen != verdict(&alone.all()) {
                return Some(format!("a cut {cut:?} differs from a fold of its entries"));
            }
            for station in Party::BOTH.into_iter().filter(|station| history.could_hold(*station, cut)) {
                for (at, (outcome, a, b)) in &seen.outcomes {
                    let settled = if station == Party::Inviter { *a } else { *b };
                    if settled && last.outcomes.get(at).is_some_and(|(later, ..)| later != outcome) {
                        return Some(format!("settled {outcome} of {at} changed"));
                    }
                }
            }
        }
    }
    None
}

#[test]
fn every_history_of_the_model_has_the_same_status_here() {
    let mut count = 0;
    let mut runs: BTreeMap<String, usize> = BTreeMap::new();
    each(|history| {
        if let Some(why) = differs(history, None) {
            panic!("{} {}\n{why}", history.run, history.text);
        }
        count += 1;
        *runs.entry(history.run.clone()).or_default() += 1;
        true
    });
    assert_eq!(count, 51_758, "the whole dump was read: {runs:?}");
}

#[test]
fn with_any_one_rule_off_the_model_is_not_met() {
    for rule in Rule::ALL {
        let mut found = None;
        each(|history| {
            found = differs(history, Some(rule)).map(|why| (history.text.clone(), why));
            found.is_none()
        });
        assert!(found.is_some(), "{rule:?} switched off went unnoticed");
    }
}
