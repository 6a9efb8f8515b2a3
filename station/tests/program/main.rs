//! The program as people start it: processes of its own, their output and how they end.

#[path = "../denied/mod.rs"]
mod denied;
#[path = "../pairs/mod.rs"]
mod pairs;
#[path = "../processes/mod.rs"]
mod processes;
#[path = "../scratch/mod.rs"]
mod scratch;
mod socket;

mod bad_input;
mod changed;
mod commands;
mod conduct;
mod demo;
mod evidence;
mod moved_clock;
mod namespaces;
mod restore;
mod stories;
mod terms;
mod udp_blocked;
mod usage;
