//! The heart of Counterpart: record, rules, turn and link session, without clock, chance or I/O.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod record;
