//! The station: everything that touches the world. What is decided is decided in `counterpart-core`.

pub mod api;
pub mod certificates;
pub mod cli;
pub mod clock;
pub mod config;
pub mod entropy;
pub mod hooks;
pub mod keys;
pub mod link;
pub mod pairing;
pub mod people;
pub mod record;
pub mod serving;
pub mod spans;
pub mod station;
pub mod store;
pub mod story;
pub mod view;
pub mod voice;
pub mod web;
pub mod words;

#[cfg(test)]
#[path = "../tests/scratch/mod.rs"]
mod scratch;
