//! Carries out what the sessions say, as the station's pump does: nothing is decided here.

use counterpart_core::ids::Party;
use counterpart_core::line::turn::Arrived;
use counterpart_core::link::output::Output;

use crate::counts;
use crate::fault::Fault;
use crate::journal::Evidence;
use crate::promises::{Held, Promise};
use crate::station::Message;
use crate::world::{Event, World};

/// A connection over which nothing has come for so long is put to sleep although the records are not even: one that lied in
/// its hello is sent nothing.
const HOPELESS_MS: u64 = 600_000;

impl World {
    /// Frames that are there are read, unless nothing passes or the reader was told to wait.
    pub(crate) fn arrive(&mut self, number: usize, end: Party) -> Held {
        let wire = self.connections[number].wire;
        let (station, _) = self.wires[wire].places[end.slot()];
        loop {
            let until = self.wires[wire].partitioned_until_ms;
            let place = &mut self.connections[number].ends[end.slot()];
            let quiet_until = self.stations[station].started_ms + place.quiet_until_ms;
            let Some((at, _)) = place.coming.front() else { return Ok(()) };
            if !place.is_open || *at > self.now_ms {
                return Ok(());
            }
            if until > self.now_ms || quiet_until > self.now_ms {
                self.at(until.max(quiet_until), Event::Arrive(number, end));
                return Ok(());
            }
            let Some((_, frame)) = place.coming.pop_front() else { return Ok(()) };
            let Some(session) = &mut place.session else { continue };
            let now = self.stations[station].now(self.now_ms);
            let outputs = session.frame(&frame, now, &self.plan.signing);
            self.carry_out(number, end, outputs)?;
        }
    }

    /// Does what a session says.
    fn carry_out(&mut self, number: usize, end: Party, outputs: Vec<Output>) -> Held {
        for output in outputs {
            self.one(number, end, output)?;
        }
        self.push(number, end)?;
        self.arm(number, end);
        Ok(())
    }

    fn one(&mut self, number: usize, end: Party, output: Output) -> Held {
        let wire = self.connections[number].wire;
        let (station, at) = self.wires[wire].places[end.slot()];
        let (peer, _) = self.wires[wire].places[end.peer().slot()];
        let is_current = self.stations[station].kept[at].current == Some(number);
        let peer_honest = self.stations[peer].honest();
        match output {
            Output::Send(frame) => self.send(number, end, frame)?,
            Output::Take(received) => {
                self.connections[number].useful_ms = self.now_ms;
                let (entry, body, verified_under) = (received.entry, received.body, received.verified_under);
                let late = entry.header.epoch < self.stations[station].kept[at].line.epoch();
                if late && self.plan.fault == Some(Fault::LateLetGo) {
                    return Ok(());
                }
                let arrived = Arrived { verified_under, entry, body };
                self.put(station, at, Message::Arrived(number, Box::new(arrived)));
            }
            Output::PeerHello { .. } if is_current => {
                let it = &mut self.stations[station];
                let now = it.now(self.now_ms).ms;
                it.kept[at].up_since_ms = now;
                it.kept[at].stirred = true;
                self.wake(station, 0);
            }
            Output::Even(even) if is_current => {
                let kept = &mut self.stations[station].kept[at];
                kept.stirred |= kept.even != even;
                kept.even = even;
                self.wake(station, 0);
            }
            Output::ReadSlower { until_ms } => {
                self.counts.note("read slower");
                self.connections[number].ends[end.slot()].quiet_until_ms = until_ms;
            }
            Output::Misconduct { what, epoch, evidence } => {
                let name = self.stations[station].name;
                self.story.tell(self.now_ms, || format!("{name}: the link names {}", what.word()));
                self.is_accused_rightly(station, at, what, epoch)?;
                Promise::EvidenceHolds.check(!evidence.is_empty(), || "misconduct without evidence".into())?;
                self.counts.note(format!("misconduct {}", counts::name(&what)));
                // A liar does not mind what its own lies brought back.
                if self.stations[station].honest() {
                    self.put(station, at, Message::Breach(Evidence { what, epoch, bytes: evidence }));
                }
            }
            Output::Claim { .. } | Output::PeerLost { .. } | Output::PeerFault { .. } => {
                // A hello may be overtaken by what its author wrote after it, on the connection before.
                let overtaken = matches!(output, Output::PeerLost { .. });
                let honest = peer_honest && self.stations[station].honest() && !overtaken;
                let copies = self.plan.has_copies();
                Promise::AppliedInOrder.check(!honest || copies, || format!("between honest stations: {output:?}"))?;
                self.counts.note(format!("link {}", counts::name(&output)));
                self.is_told(station, &output);
            }
            Output::Close(reason) => {
                self.counts.note(format!("closed {}", counts::name(&reason)));
                self.close_end(number, end);
            }
            Output::Shown(shown) => {
                self.connections[number].useful_ms = self.now_ms;
                self.stations[station].kept[at].unshown_ms = 0;
                self.put(station, at, Message::Shown(number, shown));
            }
            Output::Heard(named) => self.put(station, at, Message::Heard(number, named)),
            Output::PeerHello { .. } | Output::Even(_) | Output::PeerHolds { .. } | Output::Path(_) => {}
            Output::Call { .. } | Output::Voice(_) => {} // nobody calls here
        }
        Ok(())
    }

    /// Entries that the peer lacks leave, as fast as the session lets them.
    pub(crate) fn push(&mut self, number: usize, end: Party) -> Held {
        let wire = self.connections[number].wire;
        let (station, at) = self.wires[wire].places[end.slot()];
        loop {
            let now = self.stations[station].now(self.now_ms).ms;
            let Some(session) = &mut self.connections[number].ends[end.slot()].session else { return Ok(()) };
            let Some(range) = session.wants(now) else { return Ok(()) };
            let frames = session.supply(range, &self.stations[station].kept[at].entries(range), now);
            if frames.is_empty() {
                return Ok(());
            }
            self.connections[number].useful_ms = self.now_ms;
            for frame in frames {
                self.send(number, end, frame)?;
            }
        }
    }

    /// The session will be asked again when it wants to be.
    pub(crate) fn arm(&mut self, number: usize, end: Party) {
        let wire = self.connections[number].wire;
        let (station, _) = self.wires[wire].places[end.slot()];
        let (started, now) = (self.stations[station].started_ms, self.stations[station].now(self.now_ms).ms);
        let place = &mut self.connections[number].ends[end.slot()];
        let Some(next) = place.session.as_ref().and_then(|s| s.next_tick(now)) else { return };
        let at = (started + next).max(self.now_ms + 1);
        if place.tick_ms.is_none_or(|tick| tick > at || tick <= self.now_ms) {
            place.tick_ms = Some(at);
            self.at(at, Event::Tick(number, end));
        }
    }

    /// What a session has due; and the world looks whether what was committed arrives, and whether to put the line to sleep.
    pub(crate) fn tick(&mut self, number: usize, end: Party) -> Held {
        let wire = self.connections[number].wire;
        let (station, _) = self.wires[wire].places[end.slot()];
        let now = self.stations[station].now(self.now_ms);
        let place = &mut self.connections[number].ends[end.slot()];
        if place.tick_ms != Some(self.now_ms) {
            return Ok(());
        }
        place.tick_ms = None;
        let Some(session) = &mut place.session else { return Ok(()) };
        let outputs = session.tick(now);
        self.carry_out(number, end, outputs)?;
        self.in_time(number)?;
        self.is_found(number)?;
        let connection = &self.connections[number];
        let idle = self.now_ms.saturating_sub(connection.useful_ms) > connection.sleeps_after_ms;
        let hopeless = self.now_ms.saturating_sub(connection.useful_ms) > HOPELESS_MS;
        let done = self.is_even(wire) || self.is_halted(wire) || hopeless;
        if idle && connection.alive && done {
            self.counts.note("put to sleep");
            self.cut(number, 1, 50);
        }
        Ok(())
    }

    /// Tells the sessions of a line what is on disk, before anything that rests on it leaves.
    pub(crate) fn tell_sessions(&mut self, station: usize, at: usize, tentative: bool) -> Held {
        let it = &self.stations[station];
        let kept = &it.kept[at];
        let (wire, end, now) = (kept.wire, kept.line.me(), it.now(self.now_ms));
        // Told of what is not on disk: only a fault does that.
        let held = if tentative { kept.line.held() } else { kept.held.clone() };
        let live = if self.is_met(station) { self.wires[wire].live.clone() } else { Vec::new() };
        for number in live {
            for held in &held {
                let Some(session) = &mut self.connections[number].ends[end.slot()].session else { continue };
                let outputs = session.committed(*held, now);
                self.carry_out(number, end, outputs)?;
            }
        }
        if self.is_met(station)
            && self.stations[station].kept[at].current.is_none()
            && !self.is_even(wire)
            && !self.is_halted(wire)
        {
            self.dial_soon(wire);
        }
        Ok(())
    }

    /// The record found misconduct in what a connection brought.
    pub(crate) fn tell_misconduct(&mut self, station: usize, at: usize, evidence: &Evidence) -> Held {
        let kept = &self.stations[station].kept[at];
        let (wire, end) = (kept.wire, kept.line.me());
        let Evidence { what, epoch, bytes } = evidence;
        let is_met = self.is_met(station);
        for number in self.wires[wire].live.clone() {
            // The connections are those of the copy that is met.
            let session = self.connections[number].ends[end.slot()].session.as_mut().filter(|_| is_met);
            let Some(session) = session else { continue };
            let outputs = session.misconduct(*what, *epoch, bytes);
            for output in outputs {
                // The record has the evidence already.
                if !matches!(output, Output::Misconduct { .. }) {
                    self.one(number, end, output)?;
                }
            }
        }
        Ok(())
    }
}
