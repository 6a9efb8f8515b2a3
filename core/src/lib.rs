//! The heart of Counterpart: everything that is decided, without clock, chance or I/O.
//!
//! [`record`] turns entries into bytes and back and keeps two append-only logs a line. [`line`] folds entries into what
//! people see: requests, offers, talks, and the ladder of facts; both stations and any third party compute the same.
//! [`pairing`] is how a line begins: the invitation and the ceremony up to index 0 of both logs.
//! [`link`] is the conversation between two stations as a state machine: bytes in, bytes and inputs out.
//!
//! `now` may write an entry and never read one: no function that computes a status takes a time.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod act;
pub mod fault;
pub mod ids;
pub mod limits;
pub mod line;
pub mod link;
pub mod pairing;
pub mod precedence;
pub mod record;
pub mod shown;
pub mod time;
