//! How voice is encoded. A call has one codec for everyone in it, agreed before anyone is joined: nothing is transcoded.

use crate::opus;

/// An encoding that every browser has (RFC 7874 §3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Codec {
    /// Opus (RFC 6716), preferred.
    Opus,
    /// G.711, A-law.
    Pcma,
    /// G.711, µ-law.
    Pcmu,
}

/// The longest G.711 packet that is taken, in bytes: 100 ms.
const COMPANDED_BYTES_MAX: usize = 800;

/// Why a payload is none of its codec.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PayloadFault {
    /// There is nothing in it.
    Empty,
    /// It lasts longer than a packet of its codec may: 120 ms of Opus, 100 ms of G.711.
    TooLong,
    /// Its frames do not fit into it (RFC 6716 §3.4).
    Unframed,
}

impl Codec {
    /// All, the preferred first. Both sides have the same order, so that they agree without a further word.
    pub const ALL: [Codec; 3] = [Codec::Opus, Codec::Pcma, Codec::Pcmu];

    /// Its number in a packet and in signalling.
    pub fn number(self) -> u8 {
        match self {
            Codec::Opus => 0,
            Codec::Pcma => 1,
            Codec::Pcmu => 2,
        }
    }

    /// The codec of a number.
    pub fn from_number(number: u8) -> Option<Codec> {
        Codec::ALL.into_iter().find(|codec| codec.number() == number)
    }

    /// Ticks of its timestamps in a second.
    pub fn clock_hz(self) -> u32 {
        match self {
            Codec::Opus => 48_000,
            Codec::Pcma | Codec::Pcmu => 8_000,
        }
    }

    /// Its name in SDP, in capital letters.
    pub fn word(self) -> &'static str {
        match self {
            Codec::Opus => "OPUS",
            Codec::Pcma => "PCMA",
            Codec::Pcmu => "PCMU",
        }
    }

    /// Looks at how a payload is framed, never at what is said in it. Its length in ticks of the codec's clock.
    ///
    /// # Errors
    /// [`PayloadFault`], so that what a decoder would choke on goes to no browser.
    pub fn ticks(self, payload: &[u8]) -> Result<u32, PayloadFault> {
        match self {
            Codec::Opus => opus::ticks(payload),
            Codec::Pcma | Codec::Pcmu if payload.is_empty() => Err(PayloadFault::Empty),
            Codec::Pcma | Codec::Pcmu if payload.len() > COMPANDED_BYTES_MAX => Err(PayloadFault::TooLong),
            Codec::Pcma | Codec::Pcmu => Ok(payload.len() as u32),
        }
    }
}

/// Some codecs: what a browser offers, or what all legs of a side can take.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Codecs(u8);

impl Codecs {
    /// None.
    pub const NONE: Codecs = Codecs(0);

    /// Every one.
    pub fn all() -> Codecs {
        Codec::ALL.into_iter().collect()
    }

    /// Whether one is among them.
    pub fn has(self, codec: Codec) -> bool {
        self.0 & 1 << codec.number() != 0
    }

    /// The best that both have; the same at both ends. `None`: there is no call.
    pub fn agreed(self, other: Codecs) -> Option<Codec> {
        Codec::ALL.into_iter().find(|codec| self.has(*codec) && other.has(*codec))
    }
}

impl FromIterator<Codec> for Codecs {
    fn from_iter<I: IntoIterator<Item = Codec>>(codecs: I) -> Codecs {
        Codecs(codecs.into_iter().fold(0, |all, codec| all | 1 << codec.number()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_agree_on_the_same_codec_whoever_asks() {
        let sets: Vec<Codecs> = (0..8).map(Codecs).collect();

        for (one, other) in sets.iter().flat_map(|one| sets.iter().map(move |other| (*one, *other))) {
            assert_eq!(one.agreed(other), other.agreed(one));
            assert_eq!(one.agreed(other).is_none(), one.0 & other.0 == 0);
        }
        assert_eq!(Codecs::all().agreed(Codecs::all()), Some(Codec::Opus));
        assert_eq!(Codecs::all().agreed([Codec::Pcmu].into_iter().collect()), Some(Codec::Pcmu));
    }

    #[test]
    fn g711_lasts_as_many_ticks_as_it_has_bytes_and_at_most_a_tenth_of_a_second() {
        assert_eq!(Codec::Pcma.ticks(&[0xd5; 160]), Ok(160));
        assert_eq!(Codec::Pcmu.ticks(&[]), Err(PayloadFault::Empty));
        assert_eq!(Codec::Pcmu.ticks(&[0xff; 801]), Err(PayloadFault::TooLong));
    }
}
