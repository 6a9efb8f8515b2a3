//! Stations that were restored from a backup, or whose log was forked: what they wait for, what a person does about it, and that a
//! start forgets nothing of it (`docs/protocol.md` §4.6).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

#[path = "../asks/mod.rs"]
mod asks;
mod beside;
mod broken;
mod chance;
mod closing;
mod ended_key;
mod going_on;
mod heard;
mod judging;
mod meeting;
mod openings;
mod passed;
mod rig;
mod thief;
