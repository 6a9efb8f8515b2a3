//! The charter in force: as signed at first, then as amended (`docs/protocol.md` §5.4).

use alloc::vec::Vec;

use super::facts::{Cut, Fact, Facts};
use crate::ids::EntryRef;
use crate::record::charter::{Charter, RULES_VERSION};
use crate::record::entry::Header;
use crate::record::what::What;

/// A proposal and, once given, its countersignature.
#[derive(Clone, Debug)]
struct Amendment {
    number: u64,
    proposal: EntryRef,
    countersigned: Option<EntryRef>,
    charter: Charter,
}

/// The first charter and the amendments to it.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    first: Charter,
    amendments: Vec<Amendment>,
}

impl Terms {
    pub(super) fn new(first: Charter) -> Terms {
        Terms { first, amendments: Vec::new() }
    }

    /// Takes note of an `amend` that counts.
    pub(super) fn note(&mut self, fact: &Fact) {
        let What::Amend { number, charter } = &fact.what else {
            return;
        };
        match (charter, fact.refers) {
            (Some(charter), None) => {
                let Ok(charter) = Charter::decode(charter) else {
                    return;
                };
                self.amendments.push(Amendment { number: *number, proposal: fact.at, countersigned: None, charter });
            }
            (None, Some(proposal)) => {
                let proposed = self.amendments.iter_mut().find(|a| a.proposal == proposal);
                if let Some(amendment) = proposed {
                    amendment.countersigned = Some(fact.at);
                }
            }
            _ => {}
        }
    }

    /// In force at a cut: the highest number whose one proposal and countersignature the cut holds. Two proposals of one
    /// number, each countersigned, crossed: neither is in force.
    pub(super) fn at(&self, cut: Cut) -> &Charter {
        let signed = |a: &&Amendment| cut.holds(a.proposal) && a.countersigned.is_some_and(|c| cut.holds(c));
        let in_force: Vec<&Amendment> = self.amendments.iter().filter(signed).collect();
        let alone = |a: &&Amendment| in_force.iter().filter(|b| b.number == a.number).count() == 1;
        in_force.iter().copied().filter(alone).max_by_key(|a| a.number).map_or(&self.first, |a| &a.charter)
    }

    /// Whether a charter can be proposed: it reads, and keeps the line and both roots. A version of the rules that this software
    /// lacks is proposed as well as any other; what it bars is [`Facts::lacks_rules`](super::facts::Facts::lacks_rules).
    pub(super) fn fits(&self, charter: &[u8]) -> bool {
        Charter::decode(charter).is_ok_and(|c| {
            c.line == self.first.line
                && c.parties.iter().zip(&self.first.parties).all(|(new, old)| new.keys.root == old.keys.root)
        })
    }
}

impl Facts {
    /// The version of the rules by which this entry is judged (§5.4), if this software lacks it. Then nothing can be said of
    /// what the entry does, and we write none such.
    pub(super) fn lacks_rules(&self, header: &Header) -> Option<u64> {
        let view = self.view(Cut::past(header.at(), header.held.size));
        let named = header.refers.and_then(|at| view.fact(at));
        let thing = named.and_then(|named| view.fact(named.thing));
        let charter = thing.map_or_else(|| view.charter(), |thing| view.charter_of(thing));
        (charter.version != RULES_VERSION).then_some(charter.version)
    }
}
