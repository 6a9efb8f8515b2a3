//! Entries, bodies and logs: everything that a third party needs to check (`docs/protocol.md` §2–§4).

pub mod args;
pub mod base64;
pub mod body;
pub mod cbor;
pub mod charter;
pub mod checkpoint;
pub mod codes;
pub mod entry;
pub mod kind;
pub mod log;
pub mod merkle;
pub mod note;
pub mod opening;
pub mod proof;
mod shape;
pub mod sign1;
pub mod what;
