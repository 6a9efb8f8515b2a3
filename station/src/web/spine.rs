//! Both logs as one drawing: a knot on the rail of whoever wrote, a ring where the other side states that it holds the entry, and a
//! cross where neither had seen the other's.

use std::iter::Peekable;
use std::vec;

use counterpart_core::ids::{EntryRef, Party};
use counterpart_core::line::crossing::Outcome;
use counterpart_core::record::entry::Header;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::log::Entry;

use super::frame::{bars, mark_class};
use crate::view::order::merge;
use crate::view::record::{self, RecordEntry};
use crate::view::{Side, Sight};
use crate::words::clocks::Hand;

/// What stands on the spine.
pub(super) enum Item {
    /// A new day here or there: both dates, ours first.
    Day([String; 2]),
    /// One entry.
    One(Box<Row>),
    /// Ours and theirs, of which neither had seen the other.
    Crossed(Box<Pair>),
}

/// Two entries of which neither had seen the other.
pub(super) struct Pair {
    pub ours: Row,
    pub theirs: Row,
    /// They decide one request, on which so nothing is agreed: its page.
    pub undecided: Option<String>,
}

/// An entry.
pub(super) struct Row {
    pub is_ours: bool,
    /// Where it is on the page.
    pub anchor: String,
    /// Its own page.
    pub href: String,
    pub view: RecordEntry,
    /// What it says, as a sentence.
    pub told: String,
    /// By our clock and by theirs.
    pub hands: [Hand; 2],
    /// Up to where its author had seen the other log.
    pub saw: String,
    /// When the other side stated that it holds it, and by which entry.
    pub held: Option<(String, String)>,
    pub bars: Option<[bool; 4]>,
    /// Why it is without effect.
    pub worth: String,
    /// It states what its author holds, and nothing else.
    pub is_receipt: bool,
}

impl Row {
    pub fn mark_class(&self) -> &'static str {
        self.view.mark.map_or("", |mark| mark_class(mark.0))
    }

    pub fn is_operation(&self) -> bool {
        self.view.mark.is_none_or(|mark| mark.0 == counterpart_core::precedence::Mark::Operation)
    }
}

/// Where the page of an entry of the epoch that is looked at is.
pub(super) fn href(sight: &Sight<'_>, at: EntryRef) -> String {
    format!("/lines/{}/entries/{at}{}", sight.line.id(), in_epoch(sight))
}

/// What an address says of an epoch that has ended: names are the names of one.
fn in_epoch(sight: &Sight<'_>) -> String {
    let is_ended = sight.epoch != sight.line.epoch();
    if is_ended { format!("?epoch={}", sight.epoch.number) } else { String::new() }
}

/// The items of a page, of entries in merge order.
///
/// What crossed stands as one item, whatever either side wrote between: what each wrote before its own act stands above it, and
/// what came after below. That is a merge order too, since neither author had seen the other's act, nor anything after it.
pub(super) fn items(sight: &Sight<'_>, entries: &[Entry]) -> Vec<Item> {
    let mut shown = Shown { sight, items: Vec::new(), days: Default::default() };
    let mut rest = Party::BOTH.map(|party| of(entries, party));
    for [first, second] in pairs(sight, entries) {
        let [inviter, joiner] = &mut rest;
        let above = [before(inviter, first), before(joiner, second)];
        shown.each(above);
        let (Some(one), Some(other)) = (inviter.next(), joiner.next()) else { break };
        shown.pair(&one.header, &other.header);
    }
    shown.each(rest.map(Iterator::collect));
    shown.items
}

/// The entries of one log, in its order.
fn of(entries: &[Entry], party: Party) -> Peekable<vec::IntoIter<Entry>> {
    let log: Vec<Entry> = entries.iter().filter(|entry| entry.header.party == party).cloned().collect();
    log.into_iter().peekable()
}

/// What stands before an entry in its log.
fn before(log: &mut Peekable<vec::IntoIter<Entry>>, at: EntryRef) -> Vec<Entry> {
    std::iter::from_fn(|| log.next_if(|entry| entry.header.at() != at)).collect()
}

/// What has been drawn so far.
struct Shown<'s> {
    sight: &'s Sight<'s>,
    items: Vec<Item>,
    days: [String; 2],
}

impl Shown<'_> {
    fn day_of(&mut self, header: &Header) {
        let days = [Side::Ours, Side::Theirs].map(|side| self.sight.telling.day(side, header.time));
        if days != self.days {
            self.items.push(Item::Day(days.clone()));
            self.days = days;
        }
    }

    /// Entries of both logs, none of which crossed another of them.
    fn each(&mut self, [inviter, joiner]: [Vec<Entry>; 2]) {
        for entry in merge(&inviter, &joiner) {
            self.day_of(&entry.header);
            self.items.push(Item::One(Box::new(row(self.sight, &entry.header))));
        }
    }

    fn pair(&mut self, one: &Header, other: &Header) {
        self.day_of(one);
        let (ours, theirs) = if self.sight.side(one.party) == Side::Ours { (one, other) } else { (other, one) };
        let undecided = undecided(self.sight, ours, theirs);
        let pair = Pair { ours: row(self.sight, ours), theirs: row(self.sight, theirs), undecided };
        self.items.push(Item::Crossed(Box::new(pair)));
    }
}

/// Which entries are drawn as crossed, the inviter's first, in the order of both logs: first what left a request or an offer
/// CROSSED, then acts on one thing, then two of which one follows the other with nothing said between. Of pairs that would cross
/// each other in the drawing the first is drawn, and the acts of the other stand by themselves.
fn pairs(sight: &Sight<'_>, entries: &[Entry]) -> Vec<[EntryRef; 2]> {
    let says = |header: &&Header| !matches!(header.kind(), None | Some(Kind::Received | Kind::Charter));
    let said: Vec<&Header> = entries.iter().map(|entry| &entry.header).filter(says).collect();
    let (inviter, joiner): (Vec<&Header>, Vec<&Header>) = said.iter().partition(|h| h.party == Party::Inviter);
    let thing = |header: &Header| sight.line.look(sight.epoch)?.fact(header.at()).map(|fact| fact.thing);
    let unseen = |[one, other]: &[&Header; 2]| are_unseen(one, other);
    let every = || inviter.iter().flat_map(|one| joiner.iter().map(move |other| [*one, *other])).filter(unseen);
    let decided = every().filter(|pair| have_crossed(sight, *pair));
    let of_one = every().filter(|[one, other]| thing(one).is_some() && thing(one) == thing(other));
    let next = said.windows(2).filter_map(|two| <[&Header; 2]>::try_from(two).ok()).filter(unseen);
    let mut chosen: Vec<[EntryRef; 2]> = Vec::new();
    for [one, other] in decided.chain(of_one).chain(next) {
        let pair = [one.at(), other.at()];
        // Before both of another pair, or after both.
        if chosen.iter().all(|[a, b]| *a != pair[0] && *b != pair[1] && (*a < pair[0]) == (*b < pair[1])) {
            chosen.push(pair);
        }
    }
    chosen.sort_unstable();
    chosen
}

/// Whether two entries are one of each side's, the inviter's first, and neither author had seen the other's.
fn are_unseen(one: &Header, other: &Header) -> bool {
    let unseen = |a: &Header, b: &Header| a.held.size <= b.own.size;
    one.party == Party::Inviter && other.party == Party::Joiner && unseen(one, other) && unseen(other, one)
}

/// Whether two acts left a request, or one of its offers, CROSSED.
fn have_crossed(sight: &Sight<'_>, [one, other]: [&Header; 2]) -> bool {
    let Some(view) = sight.line.look(sight.epoch) else { return false };
    let thing = view.fact(one.at()).map(|fact| fact.thing);
    [thing, one.refers].into_iter().flatten().any(|at| {
        let decision = view.fact_of(at, &[Kind::Ask, Kind::Offer, Kind::Ready]).map(|thing| view.decision(thing));
        decision.is_some_and(|decision| {
            decision.outcome == Outcome::Crossed && [one, other].iter().all(|h| decision.deciding.contains(&h.at()))
        })
    })
}

/// The page of the request that two crossing acts were on, if nothing is agreed on it by that.
fn undecided(sight: &Sight<'_>, ours: &Header, theirs: &Header) -> Option<String> {
    let view = sight.line.look(sight.epoch)?;
    let thing = view.fact(ours.at())?.thing;
    let decision = view.decision(view.fact_of(thing, &[Kind::Ask])?);
    let both = [ours, theirs].iter().all(|header| decision.deciding.contains(&header.at()));
    let is_crossed = decision.outcome == Outcome::Crossed && both;
    is_crossed.then(|| format!("/lines/{}/requests/{thing}{}", sight.line.id(), in_epoch(sight)))
}

pub(super) fn row(sight: &Sight<'_>, header: &Header) -> Row {
    let (at, telling) = (header.at(), &sight.telling);
    let view = record::entry(sight, header, true);
    let sign = |party: Party| crate::view::names::call_sign(sight.line, party).to_owned();
    let saw = match header.held.size.checked_sub(1) {
        None => telling.say("record-saw-nothing", &[]),
        Some(index) => {
            let seen = sight.named(EntryRef { party: at.party.peer(), index }).name;
            telling.say("record-saw-to", &[("name", seen.into())])
        }
    };
    let told = match header.kind() {
        Some(Kind::Received) => telling.say("record-receipt", &[("sign", sign(at.party).into())]),
        _ => sight.told(header),
    };
    let receipt = sight.line.look(sight.epoch).and_then(|view| view.receipt(at));
    let held = receipt.map(|(by, time)| {
        let hand = telling.hand(Side::Ours, time);
        let when = [hand.day, hand.time].join(" ");
        (when.trim().to_owned(), href(sight, by))
    });
    let worth = match (view.standing.as_str(), &view.why) {
        ("unknown", _) => telling.say("standing-unknown", &[]),
        ("waits", _) => telling.say("standing-waits", &[]),
        _ => String::new(),
    };
    Row {
        is_ours: view.side == Side::Ours,
        anchor: format!("e{}", view.entry.at.replace(':', "-")),
        href: href(sight, at),
        hands: [Side::Ours, Side::Theirs].map(|side| telling.hand(side, header.time)),
        bars: view.precedence.map(|precedence| bars(precedence.0)),
        is_receipt: header.kind() == Some(Kind::Received) && worth.is_empty(),
        told,
        saw,
        held,
        worth,
        view,
    }
}

#[cfg(test)]
mod tests {
    use counterpart_core::act::{Act, Target};
    use counterpart_core::precedence::{Mark, Precedence};

    use super::*;
    use crate::view::trial::Trial;

    /// A page of the whole record, a day left out: the types of what stands on it, those of a pair ours first.
    fn drawn(trial: &Trial, party: Party) -> Vec<String> {
        let [inviter, joiner] = &trial.logs;
        let entries: Vec<Entry> = merge(inviter, joiner).into_iter().cloned().collect();
        trial.look(party, |sight| {
            let items = items(sight, &entries);
            let told = items.iter().filter_map(|item| match item {
                Item::Day(_) => None,
                Item::One(row) => Some(row.view.kind.clone()),
                Item::Crossed(pair) => {
                    let word = if pair.undecided.is_some() { "undecided" } else { "unseen" };
                    Some(format!("{} x {}: {word}", pair.ours.view.kind, pair.theirs.view.kind))
                }
            });
            told.collect()
        })
    }

    fn check(trial: &mut Trial, party: Party) {
        trial.act(party, Act::Check { precedence: Precedence::Routine, mark: Mark::Test });
    }

    #[test]
    fn what_crossed_is_one_item_though_both_sides_wrote_something_between() {
        let mut trial = Trial::new();
        let ask = trial.ask(Party::Inviter);
        trial.carry();
        trial.act(Party::Inviter, Act::Withdraw { thing: ask });
        check(&mut trial, Party::Inviter);
        check(&mut trial, Party::Joiner);
        trial.act(Party::Joiner, Act::Answer { on: Target::Entry(ask) });
        trial.carry();

        let [ours, theirs] = Party::BOTH.map(|party| drawn(&trial, party));
        let at = |told: &[String], pair: &str| told.iter().position(|item| item == pair);
        let crossed = at(&ours, "withdraw x answer: undecided").unwrap();
        assert_eq!(at(&theirs, "answer x withdraw: undecided"), Some(crossed), "{theirs:?}");
        // The check that they wrote before their answer stands above, ours after our withdrawal below.
        assert_eq!([&ours[crossed - 1], &ours[crossed + 1]], ["check", "check"], "{ours:?}");
        assert_eq!(
            ours.len() + 1,
            trial.logs.iter().map(Vec::len).sum::<usize>(),
            "each entry is drawn once: {ours:?}"
        );
    }

    #[test]
    fn of_two_pairs_that_would_cross_each_other_one_is_drawn_and_no_entry_is_lost() {
        let mut trial = Trial::new();
        let asks = [0, 1].map(|_| trial.ask(Party::Inviter));
        trial.carry();
        for ask in asks {
            trial.act(Party::Inviter, Act::Withdraw { thing: ask });
        }
        for ask in [asks[1], asks[0]] {
            trial.act(Party::Joiner, Act::Answer { on: Target::Entry(ask) });
        }
        trial.carry();

        let told = drawn(&trial, Party::Inviter);
        assert_eq!(told.iter().filter(|item| item.ends_with("undecided")).count(), 1, "{told:?}");
        assert_eq!(told.iter().filter(|item| *item == "withdraw" || *item == "answer").count(), 2, "{told:?}");
        assert_eq!(told.len() + 1, trial.logs.iter().map(Vec::len).sum::<usize>(), "{told:?}");
    }

    #[test]
    fn a_day_begins_on_the_spine_whenever_it_does_on_either_clock() {
        let mut trial = Trial::new();
        for _ in 0..3 {
            trial.ask(Party::Inviter);
            trial.wait_ms(12 * 3_600_000);
        }
        let entries: Vec<Entry> = trial.logs[0][1..].to_vec();

        let days = trial.look(Party::Inviter, |sight| {
            let days = items(sight, &entries).into_iter().filter_map(|item| match item {
                Item::Day([here, there]) => Some(format!("{} {}", &here[..6], &there[..6])),
                _ => None,
            });
            days.collect::<Vec<_>>()
        });

        assert_eq!(days, ["Tue 12 Wed 13", "Wed 13 Wed 13", "Wed 13 Thu 14"]);
    }

    #[test]
    fn what_the_other_side_had_seen_is_not_drawn_as_crossed() {
        let mut trial = Trial::new();
        let ask = trial.ask(Party::Inviter);
        trial.carry();
        trial.seen(ask);
        trial.carry();

        let told = drawn(&trial, Party::Inviter);
        assert!(told.iter().all(|item| !item.contains(" x ")), "{told:?}");
    }
}
