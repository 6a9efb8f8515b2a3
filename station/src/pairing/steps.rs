//! One step of a pairing: commit, then send, then show. Steps of all pairings follow one another, so each is decided on what
//! the one before committed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{Epoch, LineId, Party};
use counterpart_core::pairing::frames::{Frame, Why};
use counterpart_core::pairing::{Commit, Means, Show, Standing};
use counterpart_core::record::charter::PartyTerms;
use counterpart_core::record::merkle::Hash;
use counterpart_core::record::sign1::Strict;
use counterpart_core::time::Timestamp;

use super::calls::Caller;
use super::machine::{Machine, Next};
use super::view::Rest;
use super::{Ceremony, Fault, terms};
use crate::keys::Keys;
use crate::record::Begin;
use crate::words::Sentence;

/// Things shown that are remembered of one pairing.
const SHOWN_MAX: usize = 16;

/// A pairing in memory: what is committed, and what only this run knows.
pub(super) struct Kept {
    pub machine: Machine,
    /// The inviter turned us away: no more dialling until a person tries again.
    pub rest: Option<Rest>,
    pub shown: VecDeque<Show>,
    pub tried: BTreeMap<String, Sentence>,
    /// A task dials the inviter.
    pub dialling: bool,
    /// The inviter has been told that this pairing has ended.
    pub told: bool,
    /// Times that we tried to tell it.
    pub telling: u32,
}

impl Kept {
    pub(super) fn new(machine: Machine) -> Kept {
        let (shown, tried) = (VecDeque::new(), BTreeMap::new());
        Kept { machine, rest: None, shown, tried, dialling: false, told: false, telling: 0 }
    }

    /// Whether nothing more is to be said to this key.
    pub(super) fn is_over_for(&self, key: &Hash) -> bool {
        self.rest.is_some() || !self.machine.is_pending() || !self.machine.knows(key)
    }

    fn note(&mut self, show: Show) {
        match &show {
            // It says "connect again", and so we do.
            Show::Refused(Why::NotCandidate) => {}
            Show::Refused(why) => self.rest = Some(Rest::Refused(*why)),
            Show::Misconduct { what, .. } if self.machine.me() == Party::Joiner => {
                self.rest = Some(Rest::Misconduct(*what));
            }
            _ => {}
        }
        // Who repeats himself does not push out what others did.
        self.shown.retain(|earlier| *earlier != show);
        self.shown.push_back(show);
        while self.shown.len() > SHOWN_MAX {
            self.shown.pop_front();
        }
    }
}

impl Ceremony {
    /// What a charter of ours says of this station: with the key set whose link key callers are shown.
    pub(super) fn own(&self) -> PartyTerms {
        terms::with_keys(&self.0.terms, self.serving().public())
    }

    fn serving(&self) -> Arc<Keys> {
        self.0.keys.of_link(&self.0.endpoint.link_key()).unwrap_or_else(|| self.0.keys.first())
    }

    /// The key set that a pairing began with; another may serve by now.
    pub(super) fn keys_of(&self, machine: &Machine) -> Arc<Keys> {
        let charters = machine.charters();
        let station = charters.first().map(|charter| charter.party(machine.me()).keys.station);
        station.and_then(|station| self.0.keys.of_station(&station)).unwrap_or_else(|| self.serving())
    }

    pub(super) fn means<'a>(&self, keys: &'a Keys) -> Means<'a> {
        Means { key: keys, verify: &Strict, now: Timestamp(self.0.clock.now()) }
    }

    /// Commit, send, show. If the commit fails nothing has happened.
    pub(super) async fn take(&self, kept: &mut Kept, step: Next) -> Result<(), Fault> {
        let line = kept.machine.line();
        if let Some(commit) = step.commit {
            let begin = begin(&kept.machine, &commit);
            let state = commit.state.encode(self.0.generation);
            let ended = matches!(commit.state.standing(), Standing::Ended(_));
            if ended && kept.machine.standing() == Standing::Countersigned {
                self.0.keeper.pairing_ended(line, state).await?;
            } else {
                self.0.keeper.pairing(line, Some(state), begin).await?;
            }
            kept.machine = commit.state;
        }
        for (key, frame) in step.send {
            self.0.seats.send(line, key, frame.encode());
        }
        for show in step.show {
            if let Show::Misconduct { from, what } = &show {
                tracing::warn!(%line, misconduct = what.word(), "who pairs with us broke the protocol");
                self.0.seats.hang_up(line, from, what.word());
            }
            kept.note(show);
        }
        self.0.seats.end(line, |key| kept.is_over_for(key));
        tracing::debug!(%line, standing = ?kept.machine.standing(), "a step of pairing");
        self.changed();
        Ok(())
    }

    /// A frame has come; `bytes` are kept as evidence if it breaks the protocol.
    pub(super) async fn hear(&self, caller: &Caller, bytes: Vec<u8>) -> Result<(), Fault> {
        let mut hall = self.0.hall.lock().await;
        let Some(kept) = hall.get_mut(&caller.line) else {
            return Err(Fault::NoSuchPairing(caller.line));
        };
        // What strangers send is no evidence against a peer, and must not fill the store.
        let known = kept.machine.knows(&caller.key);
        let step = match Frame::decode(&bytes) {
            Ok(frame) => {
                let keys = self.keys_of(&kept.machine);
                kept.machine.frame(&caller.key, &caller.exporter, &frame, &self.means(&keys))
            }
            Err(_) => {
                let show = Show::Misconduct { from: caller.key, what: Misconduct::BadFrame };
                Next { commit: None, send: Vec::new(), show: vec![show] }
            }
        };
        let broken =
            step.show.iter().find_map(|s| if let Show::Misconduct { what, .. } = s { Some(*what) } else { None });
        if let Some(what) = broken.filter(|_| known) {
            self.0.keeper.evidence(caller.line, what, Epoch::FIRST, bytes);
        }
        self.take(kept, step).await
    }

    /// Says what is said first on a connection that we dialled.
    pub(super) async fn greet(&self, caller: &Caller) -> Result<(), Fault> {
        let mut hall = self.0.hall.lock().await;
        let Some(kept) = hall.get_mut(&caller.line) else {
            return Err(Fault::NoSuchPairing(caller.line));
        };
        kept.tried.clear();
        match kept.machine.dialled(&caller.exporter) {
            Some(step) => self.take(kept, step).await,
            None => Ok(()),
        }
    }

    /// Keeps a new pairing. Nothing of it may leave before this has returned.
    pub(super) async fn begin(&self, hall: &mut BTreeMap<LineId, Kept>, machine: Machine) -> Result<(), Fault> {
        let line = machine.line();
        self.0.keeper.pairing(line, Some(machine.encode(self.0.generation)), None).await?;
        hall.insert(line, Kept::new(machine));
        self.changed();
        Ok(())
    }

    /// Follows the record: an inviter's pairing is done once the record holds the joiner's index 0, whichever way it came.
    pub(super) async fn follow(self) {
        let mut published = self.0.keeper.published();
        loop {
            let view = published.borrow_and_update().clone();
            let mut hall = self.0.hall.lock().await;
            for (line, kept) in hall.iter_mut() {
                let Some(step) = kept.machine.finish() else { continue };
                let peer = kept.machine.me().peer().slot();
                let begun =
                    |heads: &[counterpart_core::record::entry::Head; 2]| heads.get(peer).is_some_and(|h| h.size > 0);
                if view.lines.get(line).is_none_or(|l| !l.held.iter().any(|held| begun(&held.heads.heads))) {
                    continue;
                }
                // The next change of the record tries again.
                if let Err(fault) = self.take(kept, step).await {
                    tracing::error!(%line, %fault, "a pairing that is done could not be marked so");
                }
            }
            drop(hall);
            if published.changed().await.is_err() {
                self.stop();
                return;
            }
        }
    }
}

/// What the step writes into the record: index 0 of either log.
fn begin(before: &Machine, commit: &Commit<Machine>) -> Option<Begin> {
    if commit.entries.is_empty() {
        return None;
    }
    // Who countersigns has one charter left after the step; who takes the joiner's index 0 had it before.
    let charter = commit.state.charters().into_iter().next().or_else(|| before.charters().into_iter().next())?;
    Some(Begin { charter, me: before.me(), entries: commit.entries.clone() })
}

/// How long a person may take, and how long a machine.
pub(super) fn waits_for_a_person(standing: Standing) -> bool {
    matches!(standing, Standing::Comparing | Standing::Confirmed)
}
