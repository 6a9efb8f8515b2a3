//! Readers of what comes of calls: packets of voice, what a peer tells of one, and a browser's offer.

use counterpart_voice::Packet;
use counterpart_voice::offer::tracks;
use counterpart_voice::state::State;

use crate::decoders::{Outcome, judged};

/// One of Opus with two frames, one of Opus with padding, one of G.711.
pub(crate) fn packets() -> Vec<Vec<u8>> {
    let head = |flags: u8| [&[1, flags, 2][..], &[7; 12]].concat();
    let payloads: [(u8, &[u8]); 3] =
        [(0x80, &[0x99, 1, 2, 3, 4]), (0, &[0x9b, 0xc2, 1, 2, 9, 9, 9, 9, 0]), (0x82, &[0xff; 160])];
    payloads.map(|(flags, payload)| [head(flags), payload.to_vec()].concat()).to_vec()
}

pub(crate) fn packet(input: &[u8]) -> Outcome {
    judged(Packet::decode(input), input, |packet| packet.encode())
}

/// `[7, [0, 2], true, 0, [[1, 1, false, true, true, false]], [[0, 499, 500, 450, 16000]]]`, and one without anybody.
pub(crate) fn states() -> Vec<Vec<u8>> {
    let full = b"\x86\x07\x82\x00\x02\xf5\x00\x81\x86\x01\x01\xf4\xf5\xf5\xf4\x81\x85\x00\x19\x01\xf3\x19\x01\xf4\x19\x01\xc2\x19\x3e\x80";
    vec![full.to_vec(), b"\x86\x07\x81\x00\xf4\xf6\x80\x80".to_vec()]
}

pub(crate) fn state(input: &[u8]) -> Outcome {
    judged(State::decode(input), input, |state| state.encode())
}

/// As far as it is looked at before it is given to WebRTC.
pub(crate) fn offers() -> Vec<Vec<u8>> {
    let track = |mid: u8, way: &str| {
        format!("m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8\r\na=mid:{mid}\r\na={way}\r\na=rtpmap:111 opus/48000/2\r\n")
    };
    vec![format!("v=0\r\ns=-\r\nt=0 0\r\n{}{}", track(0, "sendonly"), track(1, "recvonly")).into()]
}

pub(crate) fn offer(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Outcome::Refused("no text".into()) };
    match tracks(text) {
        Ok(_) => Outcome::Read,
        Err(why) => Outcome::Refused(format!("{why:?}")),
    }
}
