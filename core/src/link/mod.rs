//! The conversation between two stations of one line: frames, the session that speaks them, and what may be said of the
//! line from what was seen of it (`docs/protocol.md` §8).
//!
//! Nothing here reads a clock or moves a byte: the station, and the simulator, hand in frames and times and carry out
//! the outputs.

pub mod chain;
pub mod frame;
pub mod health;
pub mod output;
mod pulse;
pub mod rate;
pub mod session;
mod track;

/// The versions of the link's protocol that this software speaks: the second carries calls as well (§8.8).
pub const VERSIONS: [u64; 2] = [1, CALLS_SINCE];
/// From this version on a session carries calls.
pub(crate) const CALLS_SINCE: u64 = 2;

pub use frame::Frame;
pub use output::{Held, Now, Output, Path, Range, Reason, Received, Setup};
pub use rate::Rate;
pub use session::Session;
