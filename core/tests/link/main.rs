//! The link between two stations: honest ones, stepped against each other, and one that meets a liar.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop")]

mod calls;
mod chains;
mod honest;
mod liar;
mod rig;
