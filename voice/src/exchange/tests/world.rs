//! Two stations with browsers at both, in told time: WebRTC for real, with its own other end in the place of a browser.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use counterpart_core::ids::Party;
use counterpart_core::record::codes::Part;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{DatagramRecv, Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Input, Rtc};

use super::super::{Event, Exchange, Output};
use crate::call::Call;
use crate::codec::{Codec, Codecs};
use crate::leg::Provider;
use crate::seat::{Number, SLOTS};
use crate::state::State;

/// How far time is told on at once, in milliseconds.
pub const STEP_MS: u64 = 20;

/// The other end of a leg, as a browser is one.
pub struct Page {
    pub rtc: Rtc,
    pub address: SocketAddr,
    pub microphone: Mid,
    pub ears: Vec<Mid>,
    pub pending: Option<SdpPendingOffer>,
    pub sequence: u64,
    /// Datagrams for the station.
    pub outbox: Vec<(SocketAddr, Vec<u8>)>,
    pub said: Vec<Arc<[u8]>>,
    /// What was heard, and in which track.
    pub heard: Vec<(usize, Arc<[u8]>)>,
}

impl Page {
    pub fn new(port: u16, codec: Codec, now: Instant) -> (Page, String) {
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

    pub fn answered(&mut self, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        self.rtc.sdp_api().accept_answer(self.pending.take().unwrap(), answer).unwrap();
    }

    /// Speaks one packet, which is like no other.
    pub fn speak(&mut self, payload: &[u8], now: Instant) {
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

    pub fn tick(&mut self, now: Instant) {
        drop(self.rtc.handle_input(Input::Timeout(now)));
        self.drain();
    }

    pub fn receive(&mut self, from: SocketAddr, bytes: &[u8], now: Instant) {
        let contents = DatagramRecv::try_from(bytes).unwrap();
        let receive = Receive { proto: Protocol::Udp, source: from, destination: self.address, contents };
        drop(self.rtc.handle_input(Input::Receive(now, receive)));
        self.drain();
    }

    /// After each input all that comes of it is taken, or it is lost.
    pub fn drain(&mut self) {
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
pub struct Station {
    pub exchange: Exchange,
    pub address: SocketAddr,
    pub pages: Vec<(Number, Page)>,
    pub happened: Vec<Event>,
    /// What it sent to the peer.
    pub sent: Vec<Vec<u8>>,
}

/// Both stations have one call, by these numbers.
pub const CALLS: [u32; 2] = [11, 22];

/// Both, and what is between them.
pub struct World {
    pub now: Instant,
    pub stations: [Station; 2],
    pub ports: u16,
    /// What becomes of a packet on the link, by its place among all.
    pub path: fn(usize) -> bool,
    pub crossed: usize,
}

impl World {
    pub fn new(codecs: Codecs) -> World {
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
    pub fn signal(&mut self) {
        for at in 0..2 {
            let said = self.call(at).state(CALLS[at]).encode();
            let state = State::decode(&said).unwrap();
            let now = self.now;
            assert_eq!(self.stations[1 - at].exchange.told(CALLS[1 - at], &state, now), Some(Ok(())));
        }
    }

    pub fn call(&mut self, at: usize) -> &mut Call {
        self.stations[at].exchange.call(CALLS[at]).unwrap()
    }

    pub fn put_through(&mut self) {
        for at in 0..2 {
            let now_ms = self.stations[at].exchange.ms(self.now);
            self.call(at).put_through(Party::BOTH[at], now_ms);
        }
        self.signal();
        // What follows from it is told in turn.
        self.signal();
    }

    /// Somebody comes, with a page that is connected.
    pub fn comes(&mut self, at: usize, part: Part, codec: Codec) -> Number {
        let now_ms = self.stations[at].exchange.ms(self.now);
        let number = self.call(at).let_in(part, false, now_ms).unwrap();
        self.page(at, number, codec);
        number
    }

    /// They load their page, the first time or anew.
    pub fn page(&mut self, at: usize, number: Number, codec: Codec) {
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

    /// Time goes on.
    pub fn pass(&mut self, ms: u64) {
        (0..ms / STEP_MS).for_each(|_| self.step());
    }

    /// Time goes on by a step, and everything that is under way arrives.
    pub fn step(&mut self) {
        self.now += Duration::from_millis(STEP_MS);
        let now = self.now;
        for station in &mut self.stations {
            station.exchange.tick(now);
            station.pages.iter_mut().for_each(|(_, page)| page.tick(now));
        }
        while self.carry() {}
    }

    /// Carries what waits; whether there was anything.
    pub fn carry(&mut self) -> bool {
        let (now, mut any) = (self.now, false);
        let mut crossing = VecDeque::new();
        for (at, station) in self.stations.iter_mut().enumerate() {
            for (_, page) in &mut station.pages {
                for (to, bytes) in std::mem::take(&mut page.outbox) {
                    station.exchange.from_browser(page.address, to, &bytes, now);
                    any = true;
                }
            }
            while let Some(output) = station.exchange.poll(now) {
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
    pub fn talk(&mut self, packets: u8) {
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

    pub fn page_of(&mut self, at: usize, number: Number) -> &mut Page {
        &mut self.stations[at].pages.iter_mut().find(|(taken, _)| *taken == number).unwrap().1
    }
}

/// What was heard in a track.
pub fn in_track(page: &Page, slot: usize) -> Vec<Arc<[u8]>> {
    page.heard.iter().filter(|(at, _)| *at == slot).map(|(_, payload)| payload.clone()).collect()
}
