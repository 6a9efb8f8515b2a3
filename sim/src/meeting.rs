//! A connection on which one side does not know the other's link key (`docs/protocol.md` §8.6): chains are shown and answered, and
//! nothing else. What is decided is decided by `core`'s machine; here both ends of it stand in one place, and its frames pass at
//! once.

use counterpart_core::ids::{Epoch, Party};
use counterpart_core::link::chain::{Chain, End, Output, Setup};
use counterpart_core::record::log::Entry;
use counterpart_core::record::merkle::Hash;

use crate::promises::Held;
use crate::station::{Kept, Message};
use crate::world::World;

impl World {
    /// The public half of the link key that a station proves: that of its record, if it has it, else its last one.
    fn proved(&self, wire: usize, party: Party) -> Hash {
        let (station, at) = self.wires[wire].places[party.slot()];
        let it = &self.stations[station];
        let named = it.kept[at].line.keys(party).link;
        let is_held = it.keys.iter().any(|set| set.link == named);
        let last = it.keys.last().map_or(named, |set| set.link);
        if is_held { named } else { last }
    }

    /// Whether each end knows the link key that the other proves.
    pub(crate) fn know_each_other(&self, wire: usize) -> bool {
        Party::BOTH.into_iter().all(|party| {
            let (station, at) = self.wires[wire].places[party.slot()];
            let peer = party.peer();
            self.stations[station].kept[at].peer_link(peer) == self.proved(wire, peer)
        })
    }

    /// Both show their chains and answer; then they connect anew.
    pub(crate) fn meet(&mut self, wire: usize) -> Held {
        self.counts.note("meeting");
        let proved = Party::BOTH.map(|party| self.proved(wire, party));
        let mut chains = Vec::new();
        for party in Party::BOTH {
            let (station, at) = self.wires[wire].places[party.slot()];
            let kept = &self.stations[station].kept[at];
            chains.push(Chain::new(setup(kept, proved, self.stations[station].now(self.now_ms).ms)));
        }
        let mut waiting: Vec<(Party, Vec<u8>)> = Vec::new();
        let mut ends = Vec::new();
        for (party, (_, first)) in Party::BOTH.into_iter().zip(&chains) {
            waiting.push((party.peer(), first.clone()));
        }
        while !waiting.is_empty() {
            let (to, frame) = waiting.remove(0);
            let (chain, _) = &mut chains[to.slot()];
            for output in chain.frame(&frame, &self.plan.signing) {
                match output {
                    Output::Send(frame) => waiting.push((to.peer(), frame)),
                    Output::Vouched(_) => self.vouched(wire, to, proved[to.peer().slot()]),
                    Output::Retired { link, highest } => self.retired(wire, to, link, highest),
                    Output::Close(end) => ends.push(end),
                }
            }
        }
        let taken = ends.iter().all(|end| *end == End::Taken) && self.know_each_other(wire);
        self.story.tell(self.now_ms, || format!("wire {wire}: chains of keys are shown: {ends:?}"));
        if taken {
            self.dial_later(wire, 1, 500);
        } else {
            self.dial_later(wire, 60_000, 3_600_000);
        }
        Ok(())
    }

    fn vouched(&mut self, wire: usize, party: Party, link: Hash) {
        let (station, at) = self.wires[wire].places[party.slot()];
        let kept = &mut self.stations[station].kept[at];
        kept.vouched = Some([kept.line.keys(party.peer()).link, link]);
        self.counts.note("vouched");
    }

    fn retired(&mut self, wire: usize, party: Party, link: Hash, highest: u64) {
        let (station, at) = self.wires[wire].places[party.slot()];
        if self.stations[station].kept[at].journal.retired < Some(highest) {
            self.put(station, at, Message::Retired(link, highest));
        }
    }
}

impl Kept {
    /// The peer's link key: that of the record, or the later one for which its chain vouches.
    fn peer_link(&self, peer: Party) -> Hash {
        let named = self.line.keys(peer).link;
        let later = self.vouched.filter(|[had, _]| *had == named);
        later.map_or(named, |[_, later]| later)
    }
}

fn setup(kept: &Kept, proved: [Hash; 2], now_ms: u64) -> Setup {
    let line = &kept.line;
    let chain = |party: Party| {
        let entry = |(epoch, at)| kept.journal.entry(epoch, at).map(|stored| stored.entry.clone());
        line.chain(party).into_iter().filter_map(entry).collect::<Vec<Entry>>()
    };
    let highest = |party: Party| {
        let begun = line.spans().filter(|span| span.log(party).size() > 0).map(|span| span.epoch());
        begun.max().unwrap_or(Epoch::FIRST)
    };
    Setup {
        line: line.id(),
        me: line.me(),
        charter: Party::BOTH.map(|party| line.charter().party(party).keys),
        held: Party::BOTH.map(chain),
        highest: Party::BOTH.map(highest),
        proved,
        now_ms,
    }
}
