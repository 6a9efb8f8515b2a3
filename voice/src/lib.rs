//! Voice between two stations: browsers over WebRTC on each side, and their packets, as they were encoded, on the link between.
//!
//! A [`Leg`] is one browser. A [`Call`] says who is in it and who hears whom; it forwards and never mixes. A [`Packet`] is what
//! crosses the link. Nothing here reads a clock, draws chance, opens a socket or touches the record, and nothing is kept: no
//! sound is held longer than it takes to send it on.

pub mod call;
pub mod codec;
pub mod exchange;
mod flood;
pub mod leg;
mod numbering;
pub mod offer;
mod opus;
pub mod packet;
pub mod quality;
pub mod seat;
pub mod state;
mod voice;

pub use call::Call;
pub use exchange::Exchange;
pub use leg::Leg;
pub use packet::Packet;
