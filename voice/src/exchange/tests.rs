//! Two stations with browsers at both, in told time: WebRTC for real, with its own other end in the place of a browser. A real
//! browser is in `tests/talk`.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may stop, and needs one moment to count from"
)]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use counterpart_core::ids::Party;
use counterpart_core::record::codes::{EndReason, Part};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{DatagramRecv, Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Input, Rtc};

use super::{Event, Exchange, Output, Refusal};
use crate::call::Call;
use crate::codec::{Codec, Codecs};
use crate::leg::{Leg, Provider, Terms};
use crate::offer::OfferFault;
use crate::seat::{Number, SLOTS};
use crate::state::State;

/// Offers that are changed and answered.
const OFFERS: usize = 1_000;
/// How far time is told on at once, in milliseconds.
const STEP_MS: u64 = 20;

/// The other end of a leg, as a browser is one.
struct Page {
    rtc: Rtc,
    address: SocketAddr,
    microphone: Mid,
    ears: Vec<Mid>,
    pending: Option<SdpPendingOffer>,
    sequence: u64,
    /// Datagrams for the station.
    outbox: Vec<(SocketAddr, Vec<u8>)>,
    said: Vec<Arc<[u8]>>,
    /// What was heard, and in which track.
    heard: Vec<(usize, Arc<[u8]>)>,
}

impl Page {
    fn new(port: u16, codec: Codec, now: Instant) -> (Page, String) {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let config = Rtc::builder().set_crypto_provider(Arc::new(str0m::crypto::from_feature_flags()));
        let config = config.set_rtp_mode(true).clear_codecs();
        let config =
            if codec == Codec::Opus { config.enable_opus(true, false) } else { config.enable_pcmu(true, false) };
        let mut rtc = config.build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        let mut changes = rtc.sdp_api();
        let mut add = |direction| changes.add_media(MediaKind::Audio, direction, None, None, None);
        let microphone = add(Direction::SendOnly);
        let ears = (0..SLOTS).map(|_| add(Direction::RecvOnly)).collect();
        let (offer, pending) = changes.apply().unwrap();
        let (sequence, pending) = (65_530, Some(pending));
        let (outbox, said, heard) = (Vec::new(), Vec::new(), Vec::new());
        let page = Page { rtc, address, microphone, ears, pending, sequence, outbox, said, heard };
        (page, offer.to_sdp_string())
    }

    fn answered(&mut self, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        self.rtc.sdp_api().accept_answer(self.pending.take().unwrap(), answer).unwrap();
    }

    /// Speaks one packet, which is like no other.
    fn speak(&mut self, payload: &[u8], now: Instant) {
        let payload: Arc<[u8]> = payload.into();
        let pt = self.rtc.codec_config().params()[0].pt();
        self.sequence += 1;
        let (number, time) = (self.sequence, self.sequence as u32 * 960);
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_tx_by_mid(self.microphone, None).unwrap();
        stream.write_rtp(RtpWrite::new(pt, number.into(), time, now, payload.clone()));
        self.said.push(payload);
        self.tick(now);
    }

    fn tick(&mut self, now: Instant) {
        drop(self.rtc.handle_input(Input::Timeout(now)));
        self.drain();
    }

    fn receive(&mut self, from: SocketAddr, bytes: &[u8], now: Instant) {
        let contents = DatagramRecv::try_from(bytes).unwrap();
        let receive = Receive { proto: Protocol::Udp, source: from, destination: self.address, contents };
        drop(self.rtc.handle_input(Input::Receive(now, receive)));
        self.drain();
    }

    /// After each input all that comes of it is taken, or it is lost.
    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output() {
                Ok(str0m::Output::Transmit(sent)) => self.outbox.push((sent.destination, sent.contents.to_vec())),
                Ok(str0m::Output::Event(str0m::Event::RtpPacket(packet))) => {
                    let mid = self.rtc.direct_api().stream_rx(&packet.header.ssrc).unwrap().mid();
                    let slot = self.ears.iter().position(|ear| *ear == mid).unwrap();
                    self.heard.push((slot, packet.payload));
                }
                Ok(str0m::Output::Event(_)) => {}
                Ok(str0m::Output::Timeout(_)) | Err(_) => return,
            }
        }
    }
}

/// A station with its pages.
struct Station {
    exchange: Exchange,
    address: SocketAddr,
    pages: Vec<(Number, Page)>,
    happened: Vec<Event>,
    /// What it sent to the peer.
    sent: Vec<Vec<u8>>,
}

/// Both stations have one call, by these numbers.
const CALLS: [u32; 2] = [11, 22];

struct World {
    now: Instant,
    stations: [Station; 2],
    ports: u16,
    /// What becomes of a packet on the link, by its place among all.
    path: fn(usize) -> bool,
    crossed: usize,
}

impl World {
    fn new(codecs: Codecs) -> World {
        let now = Instant::now();
        let station = |at: usize| {
            let address = SocketAddr::from(([127, 0, 0, 1], 1_000 + at as u16));
            let mut exchange = Exchange::new(Provider::new(), vec![address], 4, now);
            let call = Call::new(Party::BOTH[at], Codecs::all(), codecs, CALLS[1 - at], 0).unwrap();
            exchange.open(CALLS[at], call).unwrap();
            Station { exchange, address, pages: vec![], happened: vec![], sent: vec![] }
        };
        World { now, stations: [station(0), station(1)], ports: 2_000, path: |_| true, crossed: 0 }
    }

    /// The call as both sides' watches would signal it.
    fn signal(&mut self) {
        for at in 0..2 {
            let said = self.call(at).state(CALLS[at]).encode();
            let state = State::decode(&said).unwrap();
            let now = self.now;
            assert_eq!(self.stations[1 - at].exchange.told(CALLS[1 - at], &state, now), Some(Ok(())));
        }
    }

    fn call(&mut self, at: usize) -> &mut Call {
        self.stations[at].exchange.call(CALLS[at]).unwrap()
    }

    fn put_through(&mut self) {
        (0..2).for_each(|at| self.call(at).put_through(Party::BOTH[at]));
        self.signal();
        // What follows from it is told in turn.
        self.signal();
    }

    /// Somebody comes, with a page that is connected.
    fn comes(&mut self, at: usize, part: Part, codec: Codec) -> Number {
        let now_ms = self.stations[at].exchange.ms(self.now);
        let number = self.call(at).let_in(part, false, now_ms).unwrap();
        self.page(at, number, codec);
        number
    }

    /// They load their page, the first time or anew.
    fn page(&mut self, at: usize, number: Number, codec: Codec) {
        self.ports += 1;
        let (mut page, offer) = Page::new(self.ports, codec, self.now);
        let station = &mut self.stations[at];
        let secret = [self.ports as u8; 24];
        let answer = station.exchange.connect((CALLS[at], number), &offer, secret, self.now).unwrap();
        page.answered(&answer);
        station.pages.retain(|(taken, _)| *taken != number);
        station.pages.push((number, page));
        let connected = |world: &World| {
            world.stations[at].happened.iter().filter(|event| **event == Event::Connected(number)).count()
        };
        let before = connected(self);
        for _ in 0..100 {
            self.step();
            if connected(self) > before {
                self.step();
                return self.signal();
            }
        }
        panic!("the page was not connected");
    }

    /// Time goes on by a step, and everything that is under way arrives.
    fn step(&mut self) {
        self.now += Duration::from_millis(STEP_MS);
        let now = self.now;
        for station in &mut self.stations {
            station.exchange.tick(now);
            station.pages.iter_mut().for_each(|(_, page)| page.tick(now));
        }
        while self.carry() {}
    }

    /// Carries what waits; whether there was anything.
    fn carry(&mut self) -> bool {
        let (now, mut any) = (self.now, false);
        let mut crossing = VecDeque::new();
        for (at, station) in self.stations.iter_mut().enumerate() {
            for (_, page) in &mut station.pages {
                for (to, bytes) in std::mem::take(&mut page.outbox) {
                    station.exchange.from_browser(page.address, to, &bytes, now);
                    any = true;
                }
            }
            while let Some(output) = station.exchange.poll() {
                any = true;
                match output {
                    Output::ToBrowser { from, to, bytes } => {
                        assert_eq!(from, station.address);
                        let page = station.pages.iter_mut().find(|(_, page)| page.address == to);
                        page.into_iter().for_each(|(_, page)| page.receive(from, &bytes, now));
                    }
                    Output::ToPeer { bytes, .. } => crossing.push_back((1 - at, bytes)),
                    Output::Happened { event, .. } => station.happened.push(event),
                }
            }
        }
        for (at, bytes) in crossing {
            self.stations[1 - at].sent.push(bytes.clone());
            self.crossed += 1;
            if (self.path)(self.crossed) {
                let mine = |call| call == CALLS[at];
                self.stations[at].exchange.from_peer(&bytes, mine, now).unwrap();
            }
        }
        any
    }

    /// So many packets are spoken by everyone, each like no other.
    fn talk(&mut self, packets: u8) {
        for number in 0..packets {
            let now = self.now;
            for (at, station) in self.stations.iter_mut().enumerate() {
                for (person, page) in &mut station.pages {
                    page.speak(&[19 << 3, at as u8, person.index() as u8, number, 7, 7], now);
                }
            }
            self.step();
        }
    }

    fn page_of(&mut self, at: usize, number: Number) -> &mut Page {
        &mut self.stations[at].pages.iter_mut().find(|(taken, _)| *taken == number).unwrap().1
    }
}

/// What was heard in a track.
fn in_track(page: &Page, slot: usize) -> Vec<Arc<[u8]>> {
    page.heard.iter().filter(|(at, _)| *at == slot).map(|(_, payload)| payload.clone()).collect()
}

#[test]
fn what_a_browser_sends_is_what_the_other_sides_browser_gets_and_nobody_hears_themselves() {
    let mut world = World::new(Codecs::all());
    let [ours, theirs] = [0, 1].map(|at| world.comes(at, Part::Principal, Codec::Opus));
    world.put_through();

    world.talk(100);

    let said = world.page_of(0, ours).said.clone();
    let heard = in_track(world.page_of(1, theirs), 3);
    assert_eq!(said.len(), 100);
    assert_eq!(heard, said);
    assert_eq!(world.page_of(1, theirs).heard.len(), 100, "in no other track");
    assert_eq!(in_track(world.page_of(0, ours), 3), world.page_of(1, theirs).said);
}

#[test]
fn who_is_held_hears_nobody_and_crosses_no_link_until_both_watches_put_through() {
    let mut world = World::new(Codecs::all());
    let [ours, theirs] = [0, 1].map(|at| world.comes(at, Part::Principal, Codec::Opus));

    world.talk(10);
    world.call(0).put_through(Party::Inviter);
    world.signal();
    world.talk(10);
    let held = [world.stations[0].sent.len(), world.page_of(0, ours).heard.len(), world.page_of(1, theirs).heard.len()];
    world.put_through();
    world.talk(10);

    assert_eq!(held, [0, 0, 0]);
    assert_eq!(in_track(world.page_of(1, theirs), 3), world.page_of(0, ours).said[20..]);
}

#[test]
fn a_call_is_joined_once_a_voice_has_passed_both_stations_after_both_put_through_and_not_before() {
    let mut world = World::new(Codecs::all());
    world.comes(0, Part::Watch, Codec::Opus);
    world.comes(1, Part::Watch, Codec::Opus);
    world.comes(0, Part::Principal, Codec::Opus);
    let reported = |world: &mut World| {
        world.signal();
        world.call(0).joined()
    };

    world.talk(10);
    let before = reported(&mut world);
    world.put_through();
    let silent = reported(&mut world);
    world.talk(10);

    assert_eq!((before, silent), (None, None), "the watches talk, and the principal is held");
    assert_eq!(reported(&mut world), Some(Part::Principal));
}

#[test]
fn three_people_hear_each_of_the_others_once_in_a_track_of_their_own() {
    let mut world = World::new(Codecs::all());
    let ours = [Part::Principal, Part::Interpreter].map(|part| world.comes(0, part, Codec::Opus));
    let theirs = world.comes(1, Part::Principal, Codec::Opus);
    world.put_through();

    world.talk(50);

    let said = [world.page_of(0, ours[0]).said.clone(), world.page_of(0, ours[1]).said.clone()];
    let said_there = world.page_of(1, theirs).said.clone();
    let tracks = |page: &Page| (0..SLOTS).filter(|slot| !in_track(page, *slot).is_empty()).collect::<Vec<_>>();
    assert_eq!([in_track(world.page_of(1, theirs), 3), in_track(world.page_of(1, theirs), 4)], said);
    assert_eq!(tracks(world.page_of(1, theirs)), [3, 4]);
    assert_eq!(
        [in_track(world.page_of(0, ours[0]), 0), in_track(world.page_of(0, ours[0]), 3)],
        [said[1].clone(), said_there.clone()]
    );
    assert_eq!(
        [in_track(world.page_of(0, ours[1]), 0), in_track(world.page_of(0, ours[1]), 3)],
        [said[0].clone(), said_there]
    );
}

#[test]
fn a_page_that_is_loaded_anew_is_heard_in_the_same_track() {
    let mut world = World::new(Codecs::all());
    let [ours, theirs] = [0, 1].map(|at| world.comes(at, Part::Principal, Codec::Opus));
    world.put_through();
    world.talk(20);
    world.page_of(1, theirs).heard.clear();

    world.page(0, ours, Codec::Opus);
    world.talk(20);

    let heard = in_track(world.page_of(1, theirs), 3);
    assert_eq!(heard, world.page_of(0, ours).said);
    assert_eq!(world.call(1).reports()[0].arrived.expected, 40, "a reload is no loss");
}

#[test]
fn a_browser_that_is_silent_is_away_and_after_twenty_seconds_gone_and_before_that_it_may_come_back() {
    let mut world = World::new(Codecs::all());
    let ours = world.comes(0, Part::Principal, Codec::Opus);
    let silent = |world: &mut World, ms: u64| {
        let pages = std::mem::take(&mut world.stations[0].pages);
        (0..ms / STEP_MS).for_each(|_| world.step());
        world.stations[0].pages = pages;
    };

    silent(&mut world, 10_000);
    world.step();
    world.talk(10);
    world.step();
    let once = std::mem::take(&mut world.stations[0].happened);
    silent(&mut world, 27_000);

    assert_eq!(once, [Event::Connected(ours), Event::Away(ours), Event::Back(ours)]);
    assert_eq!(world.stations[0].happened, [Event::Away(ours), Event::Gone(ours)]);
    assert_eq!(world.call(0).ours().count(), 0);
}

#[test]
fn who_loads_the_page_anew_and_does_not_come_is_out_after_twenty_seconds() {
    let mut world = World::new(Codecs::all());
    let ours = world.comes(0, Part::Principal, Codec::Opus);
    let (_, offer) = Page::new(3_002, Codec::Opus, world.now);
    let now = world.now;

    world.stations[0].exchange.connect((CALLS[0], ours), &offer, [9; 24], now).unwrap();
    (0..21_000 / STEP_MS).for_each(|_| world.step());

    assert_eq!(world.stations[0].happened, [Event::Connected(ours), Event::Away(ours), Event::Gone(ours)]);
}

#[test]
fn of_ten_packets_in_a_hundred_that_are_lost_the_other_ninety_arrive_and_the_loss_is_told() {
    let mut world = World::new(Codecs::all());
    let [ours, theirs] = [0, 1].map(|at| world.comes(at, Part::Principal, Codec::Opus));
    world.put_through();
    world.path = |crossed| crossed / 2 % 10 != 3;

    world.talk(200);

    let (said, heard) = (world.page_of(0, ours).said.len(), world.page_of(1, theirs).heard.len());
    assert_eq!((said, heard), (200, 180));
    assert_eq!((world.call(1).reports()[0].arrived.expected, world.call(1).reports()[0].arrived.received), (200, 180));
}

#[test]
fn a_side_that_knows_the_call_by_another_number_is_heard_again_in_the_same_track() {
    let mut world = World::new(Codecs::all());
    let [ours, theirs] = [0, 1].map(|at| world.comes(at, Part::Principal, Codec::Opus));
    world.put_through();
    world.talk(20);
    world.page_of(1, theirs).heard.clear();

    // Station 0 has begun anew: its numbers begin at 0 again, and it knows the call by another number.
    let mut anew = Call::new(Party::Inviter, Codecs::all(), Codecs::all(), CALLS[1], 0).unwrap();
    anew.let_in(Part::Principal, false, 0).unwrap();
    anew.connected(ours, 0).unwrap();
    anew.put_through(Party::Inviter);
    anew.told(&world.call(1).state(CALLS[1]), 0).unwrap();
    let state = State { number: 33, ..anew.state(33) };
    *world.call(0) = anew;
    let now = world.now;
    world.stations[1].exchange.told(CALLS[1], &state, now).unwrap().unwrap();
    world.talk(20);

    assert_eq!(in_track(world.page_of(1, theirs), 3), world.page_of(0, ours).said[20..]);
    assert_eq!(world.call(1).reports()[0].arrived.expected, 20);
}

#[test]
fn a_call_that_a_side_has_ended_is_over_at_both_and_carries_nothing() {
    let mut world = World::new(Codecs::all());
    let [ours, theirs] = [0, 1].map(|at| world.comes(at, Part::Principal, Codec::Opus));
    world.put_through();

    world.call(1).end(EndReason::Done);
    world.signal();
    world.talk(10);

    let over = Some((Party::Joiner, EndReason::Done));
    assert_eq!([world.call(0).over(), world.call(1).over()], [over; 2]);
    assert_eq!([world.page_of(0, ours).heard.len(), world.page_of(1, theirs).heard.len()], [0, 0]);
}

#[test]
fn where_one_side_has_g711_alone_everyone_speaks_it() {
    let mut world = World::new([Codec::Pcmu].into_iter().collect());
    let [ours, theirs] = [0, 1].map(|at| world.comes(at, Part::Principal, Codec::Pcmu));
    world.put_through();

    world.talk(30);

    assert_eq!(in_track(world.page_of(1, theirs), 3), world.page_of(0, ours).said);
}

#[test]
fn a_browser_without_the_calls_codec_is_refused_before_it_is_joined() {
    let mut world = World::new(Codecs::all());
    let now = world.now;
    let number = world.call(0).let_in(Part::Principal, false, 0).unwrap();
    let (_, offer) = Page::new(3_000, Codec::Pcmu, now);

    let refused = world.stations[0].exchange.connect((CALLS[0], number), &offer, [1; 24], now);

    assert_eq!(refused, Err(Refusal::Offer(OfferFault::NoSharedCodec)));
}

#[test]
fn datagrams_of_strangers_change_nothing() {
    let mut world = World::new(Codecs::all());
    let [ours, theirs] = [0, 1].map(|at| world.comes(at, Part::Principal, Codec::Opus));
    world.put_through();
    let (to, now) = (world.stations[0].address, world.now);
    let page = world.page_of(0, ours).address;
    let mut chance = 88_172_645_463_325_252_u64;

    for length in 0..2_000_usize {
        let mut byte = || {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            chance as u8
        };
        let bytes: Vec<u8> = (0..length % 300).map(|_| byte()).collect();
        // From anywhere, and as if from the browser.
        for from in [SocketAddr::from(([127, 0, 0, 9], 9)), page] {
            world.stations[0].exchange.from_browser(from, to, &bytes, now);
        }
    }
    world.talk(20);

    assert_eq!(in_track(world.page_of(1, theirs), 3), world.page_of(0, ours).said);
}

#[test]
fn an_offer_that_is_changed_anywhere_is_answered_or_refused_and_stops_nothing() {
    let now = Instant::now();
    let (_, offer) = Page::new(3_001, Codec::Opus, now);
    let address = [SocketAddr::from(([127, 0, 0, 1], 1_000))];
    let provider = Provider::new();
    let mut chance = 0x1234_5678_9abc_def1_u64; // xorshift64
    let mut next = |below: usize| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        (chance % below as u64) as usize
    };
    let (mut answered, mut refused) = (0, 0);

    for _ in 0..OFFERS {
        let mut lines: Vec<String> = offer.lines().map(String::from).collect();
        for _ in 0..=next(3) {
            let (at, other) = (next(lines.len()), next(lines.len()));
            match next(4) {
                0 => drop(lines.remove(at)),
                1 => lines.insert(at, lines[other].clone()),
                2 => lines.swap(at, other),
                _ => {
                    let mut bytes = lines[at].clone().into_bytes();
                    let place = next(bytes.len().max(1));
                    bytes.splice(place..(place + next(3)).min(bytes.len()).max(place), [b"09:- /"[next(6)]]);
                    lines[at] = String::from_utf8_lossy(&bytes).into_owned();
                }
            }
        }
        let terms = Terms { codec: Codec::Opus, addresses: &address, secret: [7; 24], provider: &provider };
        match Leg::answer(&(lines.join("\r\n") + "\r\n"), &terms, now) {
            Ok(_) => answered += 1,
            Err(_) => refused += 1,
        }
    }

    assert!(answered > OFFERS / 20 && refused > OFFERS / 20, "{answered} answered, {refused} refused");
}
