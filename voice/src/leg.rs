//! One browser's leg: WebRTC with the station as the end that answers and is reached (ICE-lite, RFC 8445 §2.5). Encoded packets
//! come out of it and go into it; nothing is decoded. Sans-I/O: datagrams and times in, datagrams and sounds out.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::change::SdpOffer;
use str0m::config::CryptoProvider;
use str0m::format;
use str0m::media::{Mid, Pt};
use str0m::net::{DatagramRecv, Protocol, Receive};
use str0m::rtp::{Extension, RtpPacket, RtpWrite};
use str0m::{Candidate, Event, IceCreds, Input, Output as RtcOutput, Rtc};

use crate::call::Sound;
use crate::codec::Codec;
use crate::numbering::Numbering;
use crate::offer::{self, OfferFault};
use crate::packet::Packet;
use crate::seat::SLOTS;

/// Reports to the browser, so often.
const REPORTS_EVERY: Duration = Duration::from_secs(1);
/// Numbers of what goes out begin here: room for late ones, and below 65,536, where a receiver counts from (RFC 3711 §3.3.1).
const FIRST_NUMBER: u64 = 1_000;
/// What a leg has to hand out at once; what is more is let go, oldest first, and comes again or is late anyway.
const OUTPUTS_MAX: usize = 512;

/// Cryptography for legs. One for all of a station.
#[derive(Clone)]
pub struct Provider(Arc<CryptoProvider>);

impl Provider {
    /// The one that the link has, too.
    pub fn new() -> Provider {
        Provider(Arc::new(str0m::crypto::from_feature_flags()))
    }
}

impl Default for Provider {
    fn default() -> Provider {
        Provider::new()
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Provider")
    }
}

/// With what a browser is answered.
#[derive(Clone, Debug)]
pub struct Terms<'a> {
    /// The call's codec; no other is answered.
    pub codec: Codec,
    /// Where the browser reaches this station, as it is told; the socket behind each is the station's matter.
    pub addresses: &'a [SocketAddr],
    /// Drawn by chance for this leg alone: by these 24 bytes its browser proves that it is the one that was answered.
    pub secret: [u8; 24],
    /// Cryptography.
    pub provider: &'a Provider,
}

/// What a leg hands out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// A datagram to the browser.
    Send {
        /// From which of our addresses.
        from: SocketAddr,
        /// Where to.
        to: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// What the browser's microphone gave.
    Sound(Sound),
    /// The browser has proved its key: sound can go both ways.
    Connected,
    /// It has hung up, or what it sent cannot be gone on with. The leg is over.
    Closed,
}

/// A leg.
pub struct Leg {
    rtc: Rtc,
    codec: Codec,
    pt: Pt,
    /// The tracks in which the browser plays what others say.
    ears: Vec<Ear>,
    /// By what the microphone's packets are known; until it is, any may be.
    ssrc: Option<u32>,
    outputs: VecDeque<Output>,
    wake: Instant,
    heard_at: Instant,
    is_over: bool,
}

struct Ear {
    mid: Mid,
    numbering: Numbering,
}

impl fmt::Debug for Leg {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "a leg with {} ears", self.ears.len())
    }
}

impl Leg {
    /// Takes a browser's offer: its microphone, if it has one, and up to seven tracks in which it plays the others. The answer is
    /// for the browser.
    ///
    /// # Errors
    /// [`OfferFault`].
    pub fn answer(offer: &str, terms: &Terms<'_>, now: Instant) -> Result<(Leg, String), OfferFault> {
        let tracks = offer::tracks(offer)?;
        if !offer::codecs(&tracks).has(terms.codec) {
            return Err(OfferFault::NoSharedCodec);
        }
        let read = SdpOffer::from_sdp_string(offer).map_err(|error| OfferFault::Unreadable(error.to_string()))?;
        let (ufrag, pass) = terms.secret.split_at(4);
        let credentials = IceCreds { ufrag: hexadecimal(ufrag), pass: hexadecimal(pass) };
        let config = Rtc::builder()
            .set_crypto_provider(terms.provider.0.clone())
            .set_local_ice_credentials(credentials)
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_rtcp_report_interval_audio(REPORTS_EVERY)
            // What is said beside a packet is not encrypted: how loud it is stays in it. Nor is it counted for an estimate of what the
            // path bears, which the browser would be told twenty times a second: a voice takes what it takes.
            .clear_extension_map()
            .set_extension(4, Extension::RtpMid)
            .clear_codecs();
        let config = match terms.codec {
            Codec::Opus => config.enable_opus(true, false),
            Codec::Pcma => config.enable_pcma(true, false),
            Codec::Pcmu => config.enable_pcmu(true, false),
        };
        let mut rtc = config.build(now);
        for address in terms.addresses {
            let candidate = Candidate::host(*address, "udp");
            rtc.add_local_candidate(candidate.map_err(|error| OfferFault::Unreadable(error.to_string()))?);
        }
        let answer = rtc.sdp_api().accept_offer(read).map_err(|error| OfferFault::Unreadable(error.to_string()))?;
        let wanted = match terms.codec {
            Codec::Opus => format::Codec::Opus,
            Codec::Pcma => format::Codec::PCMA,
            Codec::Pcmu => format::Codec::PCMU,
        };
        let params =
            rtc.codec_config().find(|params| params.spec().codec == wanted).ok_or(OfferFault::NoSharedCodec)?;
        let ear = |mid: &str| Ear { mid: Mid::from(mid), numbering: Numbering::from(FIRST_NUMBER) };
        // One track may carry both ways; the first that does is the microphone's, and is no ear.
        let ears = tracks.iter().filter(|track| track.plays && !track.sends).take(SLOTS).map(|track| ear(&track.mid));
        let mut leg = Leg {
            pt: params.pt(),
            rtc,
            codec: terms.codec,
            ears: ears.collect(),
            ssrc: tracks.iter().find(|track| track.sends).and_then(|track| track.ssrc),
            outputs: VecDeque::new(),
            wake: now,
            heard_at: now,
            is_over: false,
        };
        leg.tick(now);
        Ok((leg, answer.to_sdp_string()))
    }

    /// Whether a datagram that came on `to` is this browser's. Says no to what is none.
    pub fn accepts(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8], now: Instant) -> bool {
        received(from, to, bytes, now).is_some_and(|input| self.rtc.accepts(&input))
    }

    /// Takes a datagram of this browser.
    pub fn receive(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8], now: Instant) {
        // WebRTC takes a number that it does not know for the microphone's before it looks whether the packet is the browser's.
        if self.ssrc.is_some_and(|ssrc| ssrc_of(bytes).is_some_and(|other| other != ssrc)) {
            return;
        }
        let Some(input) = received(from, to, bytes, now) else { return };
        // Anybody can send as if from there: what cannot be read ends nothing.
        self.step(|rtc| rtc.handle_input(input).is_ok() || rtc.is_alive());
    }

    /// The browser has named itself by its secret.
    pub fn heard(&mut self, now: Instant) {
        self.heard_at = now;
    }

    /// Something is due.
    pub fn tick(&mut self, now: Instant) {
        self.step(|rtc| rtc.handle_input(Input::Timeout(now)).is_ok());
    }

    /// When something is due next.
    pub fn next_tick(&self) -> Instant {
        self.wake
    }

    /// When the browser was last heard of, by what nobody else can send: it asks every few seconds whether it may go on (RFC 7675).
    pub fn heard_at(&self) -> Instant {
        self.heard_at
    }

    /// Plays a packet in a track; it is handed out after the next [`Leg::tick`]. What it carries twice, what is too late to be placed,
    /// and a track that the browser did not offer, are let go.
    pub fn play(&mut self, slot: usize, packet: &Packet, now: Instant) {
        let is_played = packet.codec == self.codec && !self.is_over;
        let Some(ear) = self.ears.get_mut(slot).filter(|_| is_played) else { return };
        let Some(numbered) = ear.numbering.number(packet.sequence, packet.begins) else { return };
        let mid = ear.mid;
        let (pt, sequence, timestamp) = (self.pt, numbered.number.into(), packet.timestamp);
        let write = RtpWrite::new(pt, sequence, timestamp, now, packet.payload.clone()).marker(numbered.begins);
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            stream.write_rtp(write);
        }
    }

    /// In this track somebody else will be heard, or the same person numbered anew.
    pub fn pause(&mut self, slot: usize) {
        if let Some(ear) = self.ears.get_mut(slot) {
            ear.numbering.pause();
        }
    }

    /// What has to be done.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The datagrams of what has to be done; the rest waits.
    pub fn sendings(&mut self) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
        let mut sendings = Vec::new();
        self.outputs.retain_mut(|output| match output {
            Output::Send { from, to, bytes } => {
                sendings.push((*from, *to, std::mem::take(bytes)));
                false
            }
            _ => true,
        });
        sendings
    }

    /// Hangs up.
    pub fn close(&mut self) {
        self.step(|rtc| rtc.close().is_ok());
    }

    /// Does one thing and takes what comes of it.
    fn step(&mut self, act: impl FnOnce(&mut Rtc) -> bool) {
        if self.is_over {
            return;
        }
        let mut goes_on = act(&mut self.rtc);
        while goes_on {
            match self.rtc.poll_output() {
                Ok(RtcOutput::Timeout(at)) => {
                    self.wake = at;
                    break;
                }
                Ok(RtcOutput::Transmit(sent)) => {
                    let (from, to) = (sent.source, sent.destination);
                    self.put(Output::Send { from, to, bytes: sent.contents.to_vec() });
                }
                Ok(RtcOutput::Event(event)) => self.event(event),
                Err(_) => goes_on = false,
            }
        }
        if !goes_on || !self.rtc.is_alive() {
            self.is_over = true;
            self.rtc.disconnect();
            self.put(Output::Closed);
        }
    }

    fn put(&mut self, output: Output) {
        if self.outputs.len() >= OUTPUTS_MAX {
            self.outputs.pop_front();
        }
        self.outputs.push_back(output);
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected => self.put(Output::Connected),
            Event::RtpPacket(packet) => self.sound(packet),
            _ => {}
        }
    }

    fn sound(&mut self, packet: RtpPacket) {
        // It was encrypted with the browser's key.
        self.heard_at = packet.timestamp;
        self.ssrc.get_or_insert(*packet.header.ssrc);
        // What is encoded otherwise than was answered is nobody's: tones of keys, comfort noise.
        if packet.header.payload_type == self.pt {
            let sequence = *packet.seq_no as u32;
            self.put(Output::Sound(Sound { sequence, timestamp: packet.header.timestamp, payload: packet.payload }));
        }
    }
}

/// A datagram as WebRTC takes it; `None` if it is none of its kinds.
fn received(from: SocketAddr, to: SocketAddr, bytes: &[u8], now: Instant) -> Option<Input<'_>> {
    let contents = DatagramRecv::try_from(bytes).ok()?;
    Some(Input::Receive(now, Receive { proto: Protocol::Udp, source: from, destination: to, contents }))
}

/// The number by which a packet of sound is known (RFC 3550 §5.1); `None` of what is none (RFC 7983, RFC 5761 §4).
fn ssrc_of(bytes: &[u8]) -> Option<u32> {
    let [first, second, _, _, _, _, _, _, ssrc @ ..] = bytes else { return None };
    let is_sound = (128..192).contains(first) && !(64..96).contains(&(second & 0x7f));
    is_sound.then(|| ssrc.first_chunk().map(|ssrc| u32::from_be_bytes(*ssrc)))?
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
