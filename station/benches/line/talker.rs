//! The other end of a leg in the place of a browser: WebRTC for real, over a socket of its own. What it says is the time at which it
//! says it, so that whoever hears it knows how long it was on the way.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use counterpart::clock::Moment;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{DatagramRecv, Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Input, Rtc};

/// Tracks in which one hears the others.
const EARS: usize = 7;
/// Bytes of a packet's payload: those of speech at 32 kbit/s, 20 ms each.
pub const PAYLOAD: usize = 80;
/// Ticks of Opus' clock in 20 ms.
const TICKS: u32 = 960;

/// A packet's payload that says when it was sent. Its first byte says one frame of 20 ms (RFC 6716 §3.1).
pub fn said(at_us: u64) -> Vec<u8> {
    let mut payload = vec![0x78; PAYLOAD];
    payload[1..9].copy_from_slice(&at_us.to_be_bytes());
    payload
}

/// When that was.
pub fn sent_at(payload: &[u8]) -> u64 {
    payload.get(1..9).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes)
}

pub struct Talker {
    /// The request in whose call it is.
    pub of: String,
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    microphone: Mid,
    sequence: u64,
    pending: Option<SdpPendingOffer>,
    /// How long each packet was on the way to this one, in microseconds.
    pub heard: Vec<u64>,
}

impl Talker {
    /// With what it offers.
    pub fn new(of: &str, now: Moment) -> (Talker, String) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        let config = Rtc::builder().set_crypto_provider(Arc::new(str0m::crypto::from_feature_flags()));
        let mut rtc = config.set_rtp_mode(true).clear_codecs().enable_opus(true, false).build(now.instant());
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        let mut changes = rtc.sdp_api();
        let mut add = |direction| changes.add_media(MediaKind::Audio, direction, None, None, None);
        let microphone = add(Direction::SendOnly);
        for _ in 0..EARS {
            add(Direction::RecvOnly);
        }
        let (offer, pending) = changes.apply().unwrap();
        let (sequence, pending, heard) = (0, Some(pending), Vec::new());
        let offer = offer.to_sdp_string();
        (Talker { of: of.into(), rtc, socket, address, microphone, sequence, pending, heard }, offer)
    }

    pub fn answered(&mut self, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        self.rtc.sdp_api().accept_answer(self.pending.take().unwrap(), answer).unwrap();
    }

    pub fn is_connected(&self) -> bool {
        self.rtc.is_connected()
    }

    /// Says one packet.
    pub fn speak(&mut self, now: Moment, begun: Moment) {
        let pt = self.rtc.codec_config().params()[0].pt();
        self.sequence += 1;
        let time = (self.sequence as u32).wrapping_mul(TICKS);
        let payload: Arc<[u8]> = said(now.us_since(begun)).into();
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_tx_by_mid(self.microphone, None).unwrap();
        stream.write_rtp(RtpWrite::new(pt, self.sequence.into(), time, now.instant(), payload));
        self.tick(now, begun);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Moment, begun: Moment) {
        drop(self.rtc.handle_input(Input::Timeout(now.instant())));
        self.drain(now, begun);
    }

    /// Takes what has come.
    pub fn receive(&mut self, now: Moment, begun: Moment) {
        let mut bytes = [0; 2_048];
        while let Ok((length, source)) = self.socket.recv_from(&mut bytes) {
            let Ok(contents) = DatagramRecv::try_from(&bytes[..length]) else { continue };
            let receive = Receive { proto: Protocol::Udp, source, destination: self.address, contents };
            drop(self.rtc.handle_input(Input::Receive(now.instant(), receive)));
            self.drain(now, begun);
        }
    }

    /// After each input all that comes of it is taken, or it is lost.
    fn drain(&mut self, now: Moment, begun: Moment) {
        loop {
            match self.rtc.poll_output() {
                Ok(str0m::Output::Transmit(sent)) => drop(self.socket.send_to(&sent.contents, sent.destination)),
                Ok(str0m::Output::Event(str0m::Event::RtpPacket(packet))) => {
                    self.heard.push(now.us_since(begun).saturating_sub(sent_at(&packet.payload)));
                }
                Ok(str0m::Output::Event(_)) => {}
                Ok(str0m::Output::Timeout(_)) | Err(_) => return,
            }
        }
    }
}
