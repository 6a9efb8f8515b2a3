//! What a browser offers (SDP, RFC 8866, 8829), as far as the station looks at it before it is given to WebRTC: how many tracks,
//! in which direction, and with which codecs.

use crate::codec::{Codec, Codecs};
use crate::seat::SLOTS;

/// A longer offer is not read. A browser's with eight tracks has about 9,000 bytes.
pub const OFFER_BYTES_MAX: usize = 16_384;
/// The microphone, and one track for each other person.
pub const TRACKS_MAX: usize = 1 + SLOTS;

/// Why a browser cannot be let in as it offers; a fault of our own page, or of what is used in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OfferFault {
    /// More than [`OFFER_BYTES_MAX`].
    TooLong,
    /// It is no offer; what was wrong.
    Unreadable(String),
    /// More than [`TRACKS_MAX`] tracks, or none.
    Tracks(usize),
    /// A track is no audio. Nothing else is carried.
    NotAudio,
    /// It has not got the call's codec.
    NoSharedCodec,
    /// It comes within half a second of the last for the same place.
    TooSoon,
}

/// One track of an offer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Track {
    /// Its name in the offer.
    pub mid: String,
    /// The browser sends in it.
    pub sends: bool,
    /// The browser plays what comes in it.
    pub plays: bool,
    /// What it can be encoded with.
    pub codecs: Codecs,
    /// By what its packets are known (RFC 5576), if the offer says it.
    pub ssrc: Option<u32>,
}

/// The tracks of an offer, in its order.
///
/// # Errors
/// [`OfferFault`].
pub fn tracks(offer: &str) -> Result<Vec<Track>, OfferFault> {
    if offer.len() > OFFER_BYTES_MAX {
        return Err(OfferFault::TooLong);
    }
    let mut tracks: Vec<Track> = Vec::new();
    for line in offer.lines() {
        if let Some(media) = line.strip_prefix("m=") {
            let mut words = media.split(' ');
            if words.next() != Some("audio") {
                return Err(OfferFault::NotAudio);
            }
            let types: Vec<&str> = words.skip(2).collect();
            // Those two have numbers of their own, with or without a line that says so (RFC 3551 §6).
            let fixed = [("0", Codec::Pcmu), ("8", Codec::Pcma)];
            let codecs = fixed.into_iter().filter(|(number, _)| types.contains(number)).map(|(_, codec)| codec);
            tracks.push(Track { mid: String::new(), sends: true, plays: true, codecs: codecs.collect(), ssrc: None });
        } else if let (Some(track), Some(attribute)) = (tracks.last_mut(), line.strip_prefix("a=")) {
            track.read(attribute);
        }
    }
    if tracks.is_empty() || tracks.len() > TRACKS_MAX {
        return Err(OfferFault::Tracks(tracks.len()));
    }
    Ok(tracks)
}

/// The codecs that all tracks of an offer can be encoded with.
pub fn codecs(tracks: &[Track]) -> Codecs {
    Codec::ALL.into_iter().filter(|codec| tracks.iter().all(|track| track.codecs.has(*codec))).collect()
}

impl Track {
    fn read(&mut self, attribute: &str) {
        match attribute.split_once(':').unwrap_or((attribute, "")) {
            ("mid", mid) => self.mid = mid.into(),
            ("sendonly", _) => (self.sends, self.plays) = (true, false),
            ("recvonly", _) => (self.sends, self.plays) = (false, true),
            ("inactive", _) => (self.sends, self.plays) = (false, false),
            ("rtpmap", map) => {
                let name = map.split([' ', '/']).nth(1).unwrap_or_default().to_uppercase();
                let known = Codec::ALL.into_iter().filter(|codec| self.codecs.has(*codec) || codec.word() == name);
                self.codecs = known.collect();
            }
            ("ssrc", said) if self.ssrc.is_none() => {
                self.ssrc = said.split(' ').next().and_then(|number| number.parse().ok());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICROPHONE: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=mid:0\r\na=sendonly\r\na=rtpmap:111 opus/48000/2\r\na=ssrc:4000000000 cname:x\r\na=ssrc:7 cname:x\r\n";
    const EAR: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111 8\r\na=mid:1\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:8 PCMA/8000\r\n";

    #[test]
    fn tracks_their_directions_and_their_codecs_are_read() {
        let read = tracks(&format!("v=0\r\na=mid:session\r\n{MICROPHONE}{EAR}"));

        let track = |mid: &str, sends, codecs: &[Codec]| Track {
            mid: mid.into(),
            sends,
            plays: !sends,
            codecs: codecs.iter().copied().collect(),
            ssrc: sends.then_some(4_000_000_000),
        };
        let [opus, pcma, pcmu] = Codec::ALL;
        let expected = vec![track("0", true, &[opus, pcmu]), track("1", false, &[opus, pcma])];
        assert_eq!(codecs(&expected), [opus].into_iter().collect());
        assert_eq!(read, Ok(expected));
    }

    #[test]
    fn what_is_no_offer_of_audio_alone_is_refused() {
        assert_eq!(tracks(""), Err(OfferFault::Tracks(0)));
        assert_eq!(tracks(&EAR.repeat(9)), Err(OfferFault::Tracks(9)));
        assert_eq!(tracks(&format!("{MICROPHONE}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n")), Err(OfferFault::NotAudio));
        assert_eq!(tracks(&" ".repeat(OFFER_BYTES_MAX + 1)), Err(OfferFault::TooLong));
    }
}
