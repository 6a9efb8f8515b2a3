//! What a liar that joins an epoch, when it likes, names of those that have ended, and what it writes there afterwards (§4.6).

use std::format;
use std::rc::Rc;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use super::Search;
use super::liar::head;
use super::links::bare;
use super::world::{Cheap, World, key};
use crate::ids::{Epoch, Party};
use crate::line::crossing::{Outcome, Say};
use crate::line::epoch::Ended;
use crate::line::span::Span;
use crate::record::entry::{Head, Header};
use crate::record::kind::Kind;
use crate::record::log::Entry;
use crate::record::opening::{EpochHeads, Opening};
use crate::record::sign1::{AAD_ENTRY, seal};
use crate::record::what::What;
use crate::time::Timestamp;

const FIRST_LOG: (Epoch, Party) = (Epoch::FIRST, Party::Joiner);
/// So large that no log reaches it.
const FAR: u64 = 1 << 50;

fn never(size: u64) -> Head {
    Head { size, root: [9; 32] }
}

/// What the liar names of its own log of an ended epoch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Names {
    Nothing,
    /// All that it has written.
    All,
    NeverWas,
}

impl World {
    /// What the liar may name of both logs of the first epoch: of its own it makes up any number or the next entry, of A's the last,
    /// or it makes up nothing.
    pub fn made_up(&self) -> Vec<[Head; 2]> {
        let [a, b] = &self.stations;
        let [ours, own] = [(a, Party::Inviter), (b, Party::Joiner)].map(|(s, party)| head(s.log(Epoch::FIRST, party)));
        vec![[ours, never(FAR)], [never(FAR), never(own.size + 1)], [ours, never(own.size + 1)], [ours, own]]
    }

    /// The epochs that a side has opened.
    pub fn opened(&self, at: usize) -> Vec<Epoch> {
        let station = &self.stations[at];
        let opened = |span: &&Span| matches!(span.opening(station.me()), Some(Opening::Opened { .. }));
        station.line.spans().filter(opened).map(Span::epoch).collect()
    }

    /// What the liar may name of an epoch that it has opened itself: its own log, and of A's nothing, or what a life of A's has signed.
    fn of_its_own(&self) -> Vec<Option<EpochHeads>> {
        let mut named = vec![None];
        for epoch in self.opened(1) {
            let logs = self.signed[0].iter().map(|log| log.as_slice());
            let signed = logs.filter(|log| log.first().is_some_and(|first| first.header.epoch == epoch));
            let own = head(self.stations[1].log(epoch, Party::Joiner));
            let heads =
                signed.map(head).chain([Head::empty()]).map(|theirs| EpochHeads { epoch, heads: [theirs, own] });
            named.extend(heads.map(Some));
        }
        named
    }

    /// The liar joins an epoch that A has opened, and names this of the first, of those between that A has opened too, and of its own.
    pub fn liar_joins(
        &mut self,
        epoch: Epoch,
        heads: [Head; 2],
        between: Names,
        of_its_own: Option<EpochHeads>,
    ) -> bool {
        let opened = self.opened(0);
        let [a, liar] = &mut self.stations;
        let place = (epoch, Party::Joiner);
        let Some(first) = liar.disk.get(&FIRST_LOG).and_then(|log| log.first()) else { return false };
        if liar.disk.contains_key(&place) {
            return false;
        }
        let nothing = Head::empty();
        let mut named = vec![EpochHeads { epoch: Epoch::FIRST, heads }];
        named.extend(opened.into_iter().filter(|lower| *lower < epoch).map(|lower| {
            let own = match between {
                Names::Nothing => nothing,
                Names::All => head(liar.log(lower, Party::Joiner)),
                Names::NeverWas => never(1),
            };
            EpochHeads { epoch: lower, heads: [head(a.log(lower, Party::Inviter)), own] }
        }));
        if let Some(of_its_own) = of_its_own {
            if of_its_own.epoch >= epoch || named.iter().any(|named| named.epoch == of_its_own.epoch) {
                return false;
            }
            named.push(of_its_own);
            named.sort_unstable_by_key(|named| named.epoch);
        }
        let what = What::Charter(Opening::Joined { heads: named, restored: false }.write());
        let header = Header { epoch, own: nothing, held: nothing, what: Ok(what), ..first.header.clone() };
        let Ok(entry) = Entry::read(&seal(AAD_ENTRY, &header.encode(), &Cheap(key(Party::Joiner, 1)))) else {
            return false;
        };
        Rc::make_mut(&mut liar.disk).insert(place, vec![Rc::new(entry)]);
        true
    }

    /// The liar, which has joined a later epoch, answers an ask of A's in the first.
    pub fn liar_answers(&mut self) -> bool {
        let opened = self.opened(0);
        let [a, liar] = &mut self.stations;
        let asked = a.log(Epoch::FIRST, Party::Inviter);
        let is_ask = |entry: &&Rc<Entry>| entry.header.kind() == Some(Kind::Ask);
        let has_joined = opened.iter().any(|epoch| liar.disk.contains_key(&(*epoch, Party::Joiner)));
        let (Some(ask), named, log) = (asked.iter().find(is_ask), head(asked), liar.log(Epoch::FIRST, Party::Joiner))
        else {
            return false;
        };
        let answered = log.iter().any(|entry| entry.header.kind() == Some(Kind::Answer));
        let Some(header) = bare(log, named, Timestamp(8), What::Answer).filter(|_| has_joined && !answered) else {
            return false;
        };
        let header = Header { refers: Some(ask.header.at()), ..header };
        let Ok(entry) = Entry::read(&seal(AAD_ENTRY, &header.encode(), &Cheap(key(Party::Joiner, 1)))) else {
            return false;
        };
        Rc::make_mut(&mut liar.disk).entry(FIRST_LOG).or_default().push(Rc::new(entry));
        true
    }
}

impl Search {
    /// The liar joins what A has opened, and answers in what has ended.
    pub(super) fn joins(&self, world: &World) -> Vec<World> {
        let mut next = Vec::new();
        let mut add = |what, step: &dyn Fn(&mut World) -> bool| {
            let mut after = world.clone();
            if self.left(world, what) && step(&mut after) {
                after.spent.push(what);
                after.spent.sort_unstable();
                next.push(after);
            }
        };
        let opened = if self.left(world, "liar joins") { world.opened(0) } else { Vec::new() };
        let of_its_own = world.of_its_own();
        // With one epoch all is tried that it may make up; with more it makes up nothing of the first.
        let heads = world.made_up().split_off(if opened.len() > 1 { 3 } else { 0 });
        for (at, epoch) in opened.into_iter().enumerate() {
            // Only what is opened above another has one below to name.
            let between = [Names::Nothing, Names::All, Names::NeverWas];
            let names = between.into_iter().filter(|names| at > 0 || *names == Names::Nothing);
            for (named, between) in names.flat_map(|names| heads.iter().map(move |heads| (*heads, names))) {
                for own in &of_its_own {
                    add("liar joins", &|w| w.liar_joins(epoch, named, between, *own));
                }
            }
        }
        add("liar answers", &|w| w.liar_answers());
        next
    }
}

/// 9: nothing is answered in an ended epoch by what the other side writes there when both have closed it. Here it answers only then, if
/// there is one later epoch; of several it may have joined another, which closes nothing in the end.
pub fn gained(world: &World) -> Option<String> {
    let a = &world.stations[0];
    if a.line.spans().count() > 2 {
        return None;
    }
    let closes = |span: &&Span| Party::BOTH.iter().all(|party| span.opening(*party).is_some());
    a.line.spans().find(closes)?;
    let answered = Outcome::Said(Say::Answered);
    let gained = a.status().into_iter().find(|((epoch, _), outcome)| *epoch == Epoch::FIRST && *outcome == answered);
    gained.map(|(place, _)| format!("9: {place:?} is answered in an epoch that is closed"))
}

/// 10: of an epoch that is settled nothing changes.
pub fn unsettles(before: &World, after: &World, at: usize) -> Option<String> {
    let [then, now] = [before, after].map(|world| &world.stations[at]);
    let settled = |epoch| then.line.look(epoch).filter(|view| view.ended() == Some(Ended::Settled));
    for span in then.line.spans() {
        let Some(view) = settled(span.epoch()) else { continue };
        let seen = now.line.look(span.epoch()).map(|view| (view.cut(), view.ended()));
        let of = |status: std::collections::BTreeMap<(Epoch, u64), Outcome>| {
            status.into_iter().filter(|((epoch, _), _)| *epoch == span.epoch()).collect::<Vec<_>>()
        };
        if seen != Some((view.cut(), view.ended())) || of(then.status()) != of(now.status()) {
            return Some("10: an epoch that was settled changes".to_string());
        }
    }
    None
}
