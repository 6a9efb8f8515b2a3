//! The program as people start it: processes of its own, their output and how they end.

#[path = "../pairs/mod.rs"]
mod pairs;
#[path = "../processes/mod.rs"]
mod processes;
#[path = "../scratch/mod.rs"]
mod scratch;
mod socket;

mod commands;
mod demo;
mod stories;
mod udp_blocked;
mod usage;
