//! The ceremony of pairing, over the machines as they ship: every run of two stations and a thief, and the facts that one
//! station must keep.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

mod pairing_facts;
mod pairing_frames;
mod pairing_search;
mod pairing_text;
mod staged;
