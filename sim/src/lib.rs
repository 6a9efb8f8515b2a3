//! The seeded simulator: any number of stations on one thread, in a world where everything goes wrong that may.
//!
//! What runs is `core`'s own turn ([`counterpart_core::line::Line::turn`]) and link session
//! ([`counterpart_core::link::session::Session`]), the very ones that the station runs. The world around them is simulated: disks, clocks,
//! connections, people, and stations that lie. All chance comes from the seed, so that a seed that fails can be told as a
//! story and kept as a test.
//!
//! One seed in twenty is signed with Ed25519; the others with a cheap keyed hash ([`keys::Signing`]), so that two thousand
//! of them take minutes. Charters are signed with Ed25519 in every seed.

pub mod backups;
pub mod bells;
pub mod breaches;
pub mod chance;
pub mod counts;
pub mod ends;
pub mod fault;
pub mod forks;
pub mod journal;
pub mod keeping;
pub mod keys;
pub mod leaving;
pub mod lies;
pub mod meeting;
pub mod pairing;
pub mod people;
pub mod plan;
pub mod promises;
pub mod pump;
pub mod root;
pub mod runs;
pub mod starting;
pub mod station;
pub mod status;
pub mod story;
pub mod twins;
pub mod watched;
pub mod wire;
pub mod world;
