//! What holds where two copies of one station live: what is found, of whom it is named, and what neither end may show or lose
//! (`docs/protocol.md` §4.6).

use std::collections::BTreeMap;

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::line::Line;
use counterpart_core::line::crossing::{Decision, Outcome};
use counterpart_core::line::restore::{Restore, Showing};
use counterpart_core::link::output::Output;
use counterpart_core::record::log::Entry;
use counterpart_core::record::merkle::Hash;

use crate::journal::Evidence;
use crate::promises::{Held, Promise};
use crate::station::Kept;
use crate::world::World;

/// Over a connection that has held for so long both ends know what the other holds.
const KNOWN_MS: u64 = 120_000;

impl World {
    /// Everybody who keeps a line: its two ends, and the copy that is not met.
    fn keepers(&self, wire: usize) -> impl Iterator<Item = (&'static str, &Kept)> {
        let all = self.stations.iter().flat_map(|it| it.kept.iter().map(|kept| (it.name, kept)));
        all.filter(move |(_, kept)| kept.wire == wire)
    }

    /// A copy that is told by the peer that it has forked its log: somebody looks.
    pub(crate) fn is_told(&mut self, station: usize, output: &Output) {
        let fork = matches!(output, Output::PeerFault { what: Some(Misconduct::Fork), .. });
        if fork && self.twins.as_ref().is_some_and(|twins| twins.copies.contains(&station)) {
            self.counts.note("a copy is told of the fork");
            self.is_noticed();
        }
    }

    /// Over a connection that has held for two minutes: two logs of one epoch are found by the peer, or by the copy.
    pub(crate) fn is_found(&self, number: usize) -> Held {
        let connection = &self.connections[number];
        let (wire, Some(since)) = (connection.wire, connection.whole_since_ms) else { return Ok(()) };
        let places = self.wires[wire].places;
        let serves = places.iter().all(|(s, at)| {
            let it = &self.stations[*s];
            it.running && it.kept[*at].current == Some(number)
        });
        let held = since.max(self.wires[wire].partitioned_until_ms) + KNOWN_MS < self.now_ms;
        if self.twins.is_none() || !(serves && held && connection.alive && self.is_settled(wire)) {
            return Ok(());
        }
        let ends = self.ends(wire);
        for party in Party::BOTH {
            let [author, reader] = [party, party.peer()].map(|party| ends[party.slot()]);
            let epoch = author.journal.serving().epoch;
            let [here, there] = [author, reader].map(|kept| kept.journal.of(epoch));
            let (Some(here), Some(there)) = (here, there) else { continue };
            let size = here.size(party).min(there.size(party));
            if here.root_at(party, size) == there.root_at(party, size) {
                continue;
            }
            let known = reader.journal.halted(epoch).is_some() || author.line.restore() != Restore::Nothing;
            Promise::TwoAreFound.check(known, || format!("{epoch} {party:?} has two logs, and nobody says so"))?;
        }
        Ok(())
    }

    /// Evidence of a fork is an entry of the other party, signed by one of its copies, beside which the log holds another.
    pub(crate) fn names_who(&mut self, station: usize, at: usize, evidence: &Evidence) -> Held {
        if evidence.what != Misconduct::Fork || !self.plan.twins {
            return Ok(());
        }
        let kept = &self.stations[station].kept[at];
        let peer = kept.line.me().peer();
        let Ok(entry) = Entry::read(&evidence.bytes) else {
            return Promise::HaltNamesWho.check(false, || "evidence of a fork is no entry".into());
        };
        let (header, at) = (&entry.header, entry.header.at());
        let signed = at.party == peer && self.wires[kept.wire].leaves[peer.slot()].contains(&entry.leaf);
        let part = kept.journal.of(header.epoch);
        let stands = part.and_then(|part| part.entry(at)).map(|stored| stored.entry.leaf);
        let root = part.and_then(|part| part.root_at(peer, at.index));
        let other = stands.map_or(root != Some(header.own.root), |leaf| leaf != entry.leaf);
        Promise::HaltNamesWho.check(signed && other, || format!("{} is kept as a fork of {peer:?}", at))?;
        self.counts.note("a fork is named");
        Ok(())
    }

    /// The end: what two copies of a station have shown, at three places.
    pub(crate) fn look_at_copies(&mut self, wire: usize) -> Held {
        let Some(twins) = self.twins.clone() else { return Ok(()) };
        let Some(party) = Party::BOTH.into_iter().find(|p| twins.copies.contains(&self.wires[wire].places[p.slot()].0))
        else {
            return Ok(());
        };
        self.settled_agrees(wire, party)?;
        self.agreements(wire)?;
        let [copy, peer] = [party, party.peer()].map(|party| self.ends(wire)[party.slot()]);
        // What the peer holds of the copies' logs has come to the one with which root has gone on.
        for part in peer.journal.parts() {
            let missing =
                part.log(party).iter().find(|s| !copy.journal.has(part.epoch, s.entry.header.at(), &s.entry.leaf));
            let at = missing.map(|s| s.entry.header.at());
            Promise::TakenBack.check(at.is_none(), || format!("the copy ends without {} {at:?}", part.epoch))?;
        }
        let mut arose: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, kept) in self.keepers(wire).filter(|(_, kept)| kept.line.me() == party) {
            let goes_on = std::ptr::eq(kept, copy);
            for (epoch, at, leaf) in kept.watched.all_told().filter(|(_, at, _)| at.party == party) {
                let there = peer.journal.entry(*epoch, *at).is_some_and(|stored| stored.entry.leaf == *leaf);
                let part = names(&kept.line, peer, *epoch, *at);
                let waits = kept.line.restore() != Restore::Nothing;
                if goes_on {
                    let named = || format!("{epoch} {at} is at one end alone, and the copy names no part of its log");
                    Promise::CommittedOrNamed.check(there || part, named)?;
                }
                *arose
                    .entry(match (there, part) {
                        (true, _) => continue,
                        (false, true) => "answered by a copy and named as a part that is not in the record",
                        (false, false) if waits => "answered by a copy that stands aside, which knows that it does",
                        (false, false) => "answered by a copy that was stopped",
                    })
                    .or_default() += 1;
            }
        }
        arose.into_iter().for_each(|(what, times)| self.counts.add(what, times));
        Ok(())
    }

    /// What a copy has shown as settled the peer does not show otherwise, and not the other way round; unless it rests on an act of
    /// the other copy's, which this one has never had in its log.
    fn settled_agrees(&mut self, wire: usize, party: Party) -> Held {
        let peer = self.ends(wire)[party.peer().slot()];
        let mut crossed = 0;
        for (name, kept) in self.keepers(wire).filter(|(_, kept)| kept.line.me() == party) {
            for ((epoch, at), here) in kept.watched.all_settled() {
                let Some(view) = peer.line.look(*epoch) else { continue };
                let there = view.fact(*at).map(|thing| view.decision(thing));
                let Some(there) = there else {
                    let gone = || format!("{epoch} {at} is {here:?} at {name}, and the peer has no such thing");
                    Promise::SettledAgrees.check(false, gone)?;
                    continue;
                };
                let same =
                    there.outcome == *here || is_open(there.outcome) && lacks_it(kept, peer, (*epoch, *at), here);
                let elsewhere = !same && signed_elsewhere(kept, peer, *epoch, &there);
                crossed += u64::from(elsewhere);
                let seen = || format!("{epoch} {at} is {here:?} at {name}, and {there:?} at the peer");
                Promise::SettledAgrees.check(same || elsewhere && !there.outcome.agreed(), seen)?;
            }
            for ((epoch, at), there) in peer.watched.all_settled() {
                let Some(view) = kept.line.look(*epoch) else { continue };
                let Some(here) = view.fact(*at).map(|thing| view.decision(thing)) else { continue };
                // Who stands aside, or whose log is not the peer's, shows what it knows, and that this is not settled.
                let settled = view.settled_for(party, &here);
                let elsewhere = settled && here.outcome != *there && lacks(kept, peer, *epoch);
                crossed += u64::from(elsewhere);
                let seen = || format!("{epoch} {at} is {there:?} at the peer, and {here:?} at {name}");
                Promise::SettledAgrees.check(here.outcome == *there || !settled || elsewhere, seen)?;
            }
        }
        self.counts.add("settled at a copy, and crossed by an act of the other", crossed);
        Ok(())
    }

    /// Each agreement that anybody has shown as settled rests on what both parties have signed.
    fn agreements(&mut self, wire: usize) -> Held {
        let mut agreed = 0;
        for (name, kept) in self.keepers(wire) {
            for ((epoch, at), outcome) in kept.watched.all_settled().filter(|(_, outcome)| outcome.agreed()) {
                let Some(view) = kept.line.look(*epoch) else { continue };
                let Some(thing) = view.fact(*at) else { continue };
                let decision = view.decision(thing);
                if decision.outcome != *outcome {
                    continue;
                }
                let closers = decision.deciding.iter().filter_map(|act| view.fact(*act));
                let on = closers.clone().filter_map(|act| act.refers).filter_map(|on| view.fact(on));
                let acts: Vec<EntryRef> = closers.chain(on).map(|fact| fact.at).collect();
                let signed = |at: &EntryRef| {
                    let leaf = leaf(kept, *epoch, *at);
                    leaf.is_some_and(|leaf| self.wires[wire].leaves[at.party.slot()].contains(&leaf))
                };
                let both = Party::BOTH.iter().all(|party| acts.iter().any(|act| act.party == *party));
                let seen = || format!("{epoch} {at} is {outcome:?} at {name}, by {acts:?}");
                Promise::AgreementsAreSigned.check(both && acts.iter().all(signed), seen)?;
                agreed += 1;
            }
        }
        self.counts.add("agreements looked at", agreed);
        Ok(())
    }
}

fn is_open(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Open | Outcome::BrokenOff)
}

/// The leaf of an entry, in the log or beside it.
fn leaf(kept: &Kept, epoch: Epoch, at: EntryRef) -> Option<Hash> {
    let beside = kept.line.shown().into_iter().filter(|shown| shown.epoch == epoch && shown.counts.is_some());
    let shown = beside.flat_map(|shown| shown.entries).find(|entry| entry.header.at() == at).map(|entry| entry.leaf);
    shown.or_else(|| kept.journal.entry(epoch, at).map(|stored| stored.entry.leaf))
}

/// Whether the line says of this entry of its own log that another course of the log is known from there, or from before: that which the
/// peer holds.
fn names(line: &Line, peer: &Kept, epoch: Epoch, at: EntryRef) -> bool {
    let held = |shown: &Showing<'_>| {
        let there = peer.journal.entry(epoch, EntryRef { index: shown.from, ..at });
        there.map(|stored| stored.entry.leaf) == shown.entries.first().map(|entry| entry.leaf)
    };
    line.shown().iter().any(|shown| shown.epoch == epoch && shown.branch && shown.from <= at.index && held(shown))
}

/// Whether the peer lacks an act by which this copy has shown a thing as settled, or the copy shows it so no more.
fn lacks_it(kept: &Kept, peer: &Kept, (epoch, at): (Epoch, EntryRef), settled: &Outcome) -> bool {
    let Some(view) = kept.line.look(epoch) else { return false };
    let decision = view.fact(at).map(|thing| view.decision(thing));
    let lacks = |act: &EntryRef| leaf(kept, epoch, *act) != leaf(peer, epoch, *act);
    decision.is_none_or(|decision| decision.outcome != *settled || decision.deciding.iter().any(lacks))
}

/// Whether a decision of the peer's rests on an act of this party that was signed by the other copy, and not by this one.
fn signed_elsewhere(kept: &Kept, peer: &Kept, epoch: Epoch, decision: &Decision) -> bool {
    let own = decision.deciding.iter().filter(|act| act.party == kept.line.me());
    let mut leaves = own.map(|act| peer.journal.entry(epoch, *act).map(|stored| (*act, stored.entry.leaf)));
    leaves.any(|there| there.is_some_and(|(act, leaf)| !kept.watched.has_told(epoch, act, &leaf)))
}

/// Whether this copy lacks something that the peer holds of the epoch.
fn lacks(kept: &Kept, peer: &Kept, epoch: Epoch) -> bool {
    Party::BOTH.iter().any(|party| {
        let head = peer.journal.head(epoch, *party);
        !kept.journal.had(epoch, *party, &head)
    })
}
