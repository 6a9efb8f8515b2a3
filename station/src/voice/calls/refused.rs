//! Why one of our own has not what they want, as the voice crate says it.

use counterpart_voice::{call, exchange, offer::OfferFault};

use super::super::Refusal;

/// Of the calls that this station holds, and their browsers.
pub(super) fn refused(refusal: exchange::Refusal) -> Refusal {
    match refusal {
        exchange::Refusal::NoCall | exchange::Refusal::NobodyThere(_) => Refusal::NoPlace,
        exchange::Refusal::NoRoom => Refusal::Full,
        exchange::Refusal::Offer(OfferFault::NoSharedCodec) => Refusal::Offer("codec"),
        exchange::Refusal::Offer(OfferFault::TooSoon) => Refusal::Offer("soon"),
        // What a library says of it shows addresses of our memory.
        exchange::Refusal::Offer(_) => Refusal::Offer("unreadable"),
    }
}

/// Of one call.
pub(super) fn barred(why: call::Refusal) -> Refusal {
    match why {
        call::Refusal::NotThrough => Refusal::NotThrough,
        call::Refusal::NobodyThere(_) => Refusal::NoPlace,
        call::Refusal::SideFull => Refusal::Full,
        call::Refusal::NoSharedCodec => Refusal::NoSharedCodec,
    }
}
