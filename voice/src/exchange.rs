//! All calls of a station with the legs of the people in them, as one machine without I/O: datagrams of browsers and packets of
//! peers in, the same out. A thread of its own drives it, and it waits for nobody.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::call::{Breach, Call, Forward, Sound};
use crate::leg::{self, Leg, Provider, Terms};
use crate::offer::OfferFault;
use crate::packet::{Packet, PacketFault};
use crate::seat::{Number, SIDE_PEOPLE_MAX, Seat};
use crate::state::State;

/// A browser that is not heard of for so long is away: it asks at least every five seconds whether it may go on (RFC 7675).
const SILENT_MAX: Duration = Duration::from_secs(6);
/// To read an offer and make keys for it takes some 10 ms, in which no packet of any call goes on.
const OFFERS_EVERY: Duration = Duration::from_millis(500);
/// What is kept to be handed out; beyond it the oldest is let go, as the network would.
const OUTPUTS_MAX: usize = 4_096;
/// Addresses of browsers that are remembered, a leg.
const SOURCES_MAX: usize = 8;

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// A datagram to a browser.
    ToBrowser {
        /// From which of our addresses.
        from: SocketAddr,
        /// Where to.
        to: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// A packet for the peer of a call.
    ToPeer {
        /// By our number.
        call: u32,
        /// [`Packet`], encoded.
        bytes: Vec<u8>,
    },
    /// Something happened in a call.
    Happened {
        /// By our number.
        call: u32,
        /// What.
        event: Event,
    },
}

/// What happens in a call without anybody of ours having asked for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// Their browser is connected.
    Connected(Number),
    /// Their browser is gone or silent: 20 s to come back.
    Away(Number),
    /// It is heard of again.
    Back(Number),
    /// They did not come back in time, and are in the call no more.
    Gone(Number),
    /// A sender did what no call carries: one of ours a fault, one of theirs misconduct.
    Breach(Seat, Breach),
}

/// Why nothing came of what one of our own wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// There is no such call.
    NoCall,
    /// The number is taken, or as many calls are held as may be.
    NoRoom,
    /// Nobody in the call has this number.
    NobodyThere(Number),
    /// The browser's offer cannot be answered.
    Offer(OfferFault),
}

/// The calls of a station.
#[derive(Debug)]
pub struct Exchange {
    provider: Provider,
    addresses: Vec<SocketAddr>,
    calls_max: usize,
    begun: Instant,
    calls: BTreeMap<u32, Held>,
    /// Which leg a browser's datagrams go to, by where they come from and on which of our addresses.
    sources: HashMap<(SocketAddr, SocketAddr), (u32, Number)>,
    outputs: VecDeque<Output>,
    /// Legs in which something was played that is not handed out yet.
    played: BTreeSet<(u32, Number)>,
}

#[derive(Debug)]
struct Held {
    call: Call,
    legs: [Option<Placed>; SIDE_PEOPLE_MAX],
    /// When an offer was last read for each seat.
    offered_at: [Option<Instant>; SIDE_PEOPLE_MAX],
}

#[derive(Debug)]
struct Placed {
    leg: Leg,
    is_connected: bool,
    is_away: bool,
}

impl Exchange {
    /// Without calls. Browsers are told `addresses`; datagrams that come on them say which.
    pub fn new(provider: Provider, addresses: Vec<SocketAddr>, calls_max: usize, now: Instant) -> Exchange {
        let (calls, sources, outputs, played) = (BTreeMap::new(), HashMap::new(), VecDeque::new(), BTreeSet::new());
        Exchange { provider, addresses, calls_max, begun: now, calls, sources, outputs, played }
    }

    /// Milliseconds since the exchange began: the time of its calls.
    pub fn ms(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.begun).as_millis()).unwrap_or(u64::MAX)
    }

    /// Holds a call, by the number that the peer is to put on its packets.
    ///
    /// # Errors
    /// [`Refusal::NoRoom`].
    pub fn open(&mut self, number: u32, call: Call) -> Result<(), Refusal> {
        if self.calls.len() >= self.calls_max || self.calls.contains_key(&number) {
            return Err(Refusal::NoRoom);
        }
        self.calls.insert(number, Held { call, legs: Default::default(), offered_at: Default::default() });
        Ok(())
    }

    /// Ends a call: every browser of ours is hung up on.
    pub fn close(&mut self, number: u32) {
        let Some(mut held) = self.calls.remove(&number) else { return };
        held.legs.iter_mut().flatten().for_each(|placed| self.outputs.extend(hang_up(placed)));
        self.sources.retain(|_, (call, _)| *call != number);
    }

    /// A call, to be asked and told.
    pub fn call(&mut self, number: u32) -> Option<&mut Call> {
        self.calls.get_mut(&number).map(|held| &mut held.call)
    }

    /// The peer tells of a call.
    ///
    /// # Errors
    /// [`Breach`]: the peer's misconduct. `None`: there is no such call.
    pub fn told(&mut self, number: u32, state: &State, now: Instant) -> Option<Result<(), Breach>> {
        let now_ms = self.ms(now);
        let held = self.calls.get_mut(&number)?;
        let told = held.call.told(state, now_ms);
        if told == Ok(true) {
            // Whoever numbers anew is heard in the same tracks.
            for (hearer, placed) in Number::all().zip(&mut held.legs) {
                let Some(placed) = placed else { continue };
                let seats = Number::all().map(|number| held.call.peer_seat(number));
                let slots = seats.filter_map(|seat| seat.slot_at(held.call.seat(hearer)));
                slots.for_each(|slot| placed.leg.pause(slot));
            }
        }
        Some(told.map(drop))
    }

    /// Answers the offer of a browser of somebody who was let in. Whoever loads the page anew offers anew: the old leg ends.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn connect(
        &mut self,
        (number, person): (u32, Number),
        offer: &str,
        secret: [u8; 24],
        now: Instant,
    ) -> Result<String, Refusal> {
        let held = self.calls.get_mut(&number).ok_or(Refusal::NoCall)?;
        if !held.call.ours().any(|(taken, _)| taken == person) {
            return Err(Refusal::NobodyThere(person));
        }
        let before = held.offered_at[person.index()].replace(now);
        if before.is_some_and(|before| now.saturating_duration_since(before) < OFFERS_EVERY) {
            return Err(Refusal::Offer(OfferFault::TooSoon));
        }
        let codec = held.call.codec();
        let terms = Terms { codec, addresses: &self.addresses, secret, provider: &self.provider };
        let (leg, answer) = Leg::answer(offer, &terms, now).map_err(Refusal::Offer)?;
        let before = held.legs[person.index()].replace(Placed { leg, is_connected: false, is_away: false });
        if let Some(mut before) = before {
            self.outputs.extend(hang_up(&mut before));
        }
        self.sources.retain(|_, at| *at != (number, person));
        self.away((number, person), now);
        self.drain((number, person), now);
        Ok(answer)
    }

    /// Takes somebody out, and hangs up on their browser.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn take_out(&mut self, number: u32, person: Number) -> Result<(), Refusal> {
        let held = self.calls.get_mut(&number).ok_or(Refusal::NoCall)?;
        held.call.take_out(person).map_err(|_| Refusal::NobodyThere(person))?;
        self.empty((number, person));
        Ok(())
    }

    /// A datagram of somebody's browser. Whose it is, it says itself; what is nobody's is let go.
    pub fn from_browser(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8], now: Instant) {
        // What asks for a connection names it (STUN, RFC 7983); whatever else comes goes where the last such was answered.
        let names_itself = bytes.first().is_some_and(|first| *first < 4);
        let known = self.sources.get(&(from, to)).copied().filter(|_| !names_itself);
        let Some(at) = known.or_else(|| self.accepting(from, to, bytes, now)) else { return };
        if self.sources.len() >= SOURCES_MAX * SIDE_PEOPLE_MAX * self.calls_max.max(1) {
            self.sources.clear();
        }
        self.sources.insert((from, to), at);
        if let Some(placed) = self.placed(at) {
            if names_itself {
                placed.leg.heard(now);
            }
            placed.leg.receive(from, to, bytes, now);
        }
        self.drain(at, now);
    }

    /// A packet of a peer, as it came over the link of a line. `mine` says whether a call is one of that line.
    ///
    /// # Errors
    /// [`PacketFault`]: the peer's misconduct.
    pub fn from_peer(&mut self, bytes: &[u8], mine: impl Fn(u32) -> bool, now: Instant) -> Result<(), PacketFault> {
        let packet = Packet::decode(bytes)?;
        let (number, person) = (packet.call, packet.person);
        let now_ms = self.ms(now);
        // A call that is over: what was on its way comes late.
        let Some(held) = self.calls.get_mut(&number).filter(|_| mine(number)) else { return Ok(()) };
        let seat = held.call.peer_seat(person);
        match held.call.arrived(packet, now_ms) {
            Ok(None) => {}
            Ok(Some(forward)) => self.forward(number, &forward, now),
            Err(breach) => self.happened(number, Event::Breach(seat, breach)),
        }
        Ok(())
    }

    /// When something is due next.
    pub fn next_tick(&self) -> Option<Instant> {
        let calls = self.calls.values();
        let due =
            calls.clone().filter_map(|held| held.call.next_tick()).map(|ms| self.begun + Duration::from_millis(ms));
        let legs = calls.flat_map(|held| held.legs.iter().flatten());
        let silent =
            |placed: &Placed| (placed.is_connected && !placed.is_away).then(|| placed.leg.heard_at() + SILENT_MAX);
        due.chain(legs.flat_map(|placed| [Some(placed.leg.next_tick()), silent(placed)].into_iter().flatten())).min()
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant) {
        let now_ms = self.ms(now);
        let numbers: Vec<u32> = self.calls.keys().copied().collect();
        for number in numbers {
            for person in Number::all() {
                if let Some(placed) = self.placed((number, person)) {
                    if placed.leg.next_tick() <= now {
                        placed.leg.tick(now);
                    }
                    self.drain((number, person), now);
                    self.listen((number, person), now);
                }
            }
            let Some(held) = self.calls.get_mut(&number) else { continue };
            for gone in held.call.tick(now_ms) {
                self.empty((number, gone));
                self.happened(number, Event::Gone(gone));
            }
        }
    }

    /// What has to be done. What came at once is played at once: for a leg that costs as much as one packet.
    pub fn poll(&mut self, now: Instant) -> Option<Output> {
        if self.outputs.is_empty() {
            for at in std::mem::take(&mut self.played) {
                if let Some(placed) = self.placed(at) {
                    placed.leg.tick(now);
                }
                self.drain(at, now);
            }
        }
        self.outputs.pop_front()
    }

    /// Nobody's browser has this seat any more; what it goes on sending is nobody's.
    fn empty(&mut self, at: (u32, Number)) {
        let placed = self.calls.get_mut(&at.0).and_then(|held| held.legs[at.1.index()].take());
        if let Some(mut placed) = placed {
            self.outputs.extend(hang_up(&mut placed));
        }
        self.sources.retain(|_, seat| *seat != at);
    }

    fn placed(&mut self, (number, person): (u32, Number)) -> Option<&mut Placed> {
        self.calls.get_mut(&number)?.legs[person.index()].as_mut()
    }

    fn accepting(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8], now: Instant) -> Option<(u32, Number)> {
        let seats =
            self.calls.iter().flat_map(|(number, held)| Number::all().map(move |person| (*number, person, held)));
        let takes = |(_, person, held): &(u32, Number, &Held)| {
            held.legs[person.index()].as_ref().is_some_and(|placed| placed.leg.accepts(from, to, bytes, now))
        };
        seats.into_iter().find(takes).map(|(number, person, _)| (number, person))
    }

    /// Takes what a leg hands out.
    fn drain(&mut self, at: (u32, Number), now: Instant) {
        while let Some(output) = self.placed(at).and_then(|placed| placed.leg.poll()) {
            match output {
                leg::Output::Send { from, to, bytes } => self.put(Output::ToBrowser { from, to, bytes }),
                leg::Output::Sound(sound) => self.spoken(at, sound, now),
                leg::Output::Connected => self.connected(at, now),
                leg::Output::Closed => self.went(at, now),
            }
        }
    }

    fn spoken(&mut self, (number, person): (u32, Number), sound: Sound, now: Instant) {
        let now_ms = self.ms(now);
        let Some(held) = self.calls.get_mut(&number) else { return };
        let seat = held.call.seat(person);
        match held.call.spoken(person, sound, now_ms) {
            Ok(None) => {}
            Ok(Some(forward)) => {
                if forward.to_peer {
                    self.put(Output::ToPeer { call: number, bytes: forward.packet.encode() });
                }
                self.forward(number, &forward, now);
            }
            Err(breach) => self.happened(number, Event::Breach(seat, breach)),
        }
    }

    /// Plays a packet to those of ours who hear it.
    fn forward(&mut self, number: u32, forward: &Forward, now: Instant) {
        for hearer in &forward.hearers {
            let Some(held) = self.calls.get_mut(&number) else { return };
            let slot = forward.from.slot_at(held.call.seat(*hearer));
            if let (Some(slot), Some(placed)) = (slot, held.legs[hearer.index()].as_mut().filter(|p| p.is_connected)) {
                placed.leg.play(slot, &forward.packet, now);
                self.played.insert((number, *hearer));
            }
        }
    }

    fn connected(&mut self, at: (u32, Number), now: Instant) {
        let now_ms = self.ms(now);
        let Some(held) = self.calls.get_mut(&at.0) else { return };
        if let Some(placed) = &mut held.legs[at.1.index()] {
            (placed.is_connected, placed.is_away) = (true, false);
        }
        if held.call.connected(at.1, now_ms).is_ok() {
            self.happened(at.0, Event::Connected(at.1));
        }
    }

    fn went(&mut self, at: (u32, Number), now: Instant) {
        self.empty(at);
        self.away(at, now);
    }

    /// Who was there is not.
    fn away(&mut self, at: (u32, Number), now: Instant) {
        let now_ms = self.ms(now);
        let Some(held) = self.calls.get_mut(&at.0) else { return };
        let was_here = held.call.ours().any(|(number, named)| number == at.1 && named.here);
        if was_here && held.call.went(at.1, now_ms).is_ok() {
            self.happened(at.0, Event::Away(at.1));
        }
    }

    /// Whether a browser is silent, or is no more.
    fn listen(&mut self, at: (u32, Number), now: Instant) {
        let now_ms = self.ms(now);
        let Some(held) = self.calls.get_mut(&at.0) else { return };
        let Some(placed) = held.legs[at.1.index()].as_mut().filter(|placed| placed.is_connected) else { return };
        let is_silent = now.saturating_duration_since(placed.leg.heard_at()) >= SILENT_MAX;
        if is_silent == placed.is_away {
            return;
        }
        placed.is_away = is_silent;
        if is_silent {
            self.away(at, now);
        } else if held.call.back(at.1, now_ms).is_ok() {
            self.happened(at.0, Event::Back(at.1));
        }
    }

    fn happened(&mut self, call: u32, event: Event) {
        self.put(Output::Happened { call, event });
    }

    fn put(&mut self, output: Output) {
        if self.outputs.len() >= OUTPUTS_MAX {
            self.outputs.pop_front();
        }
        self.outputs.push_back(output);
    }
}

/// Ends a leg; what it still has to say to its browser.
fn hang_up(placed: &mut Placed) -> Vec<Output> {
    placed.leg.close();
    placed.leg.sendings().into_iter().map(|(from, to, bytes)| Output::ToBrowser { from, to, bytes }).collect()
}

#[cfg(test)]
mod tests;
