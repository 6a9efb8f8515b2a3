//! The parts of a station, each with what it really stands on: files, SQLite, sockets on loopback. No process is started but
//! where the store is killed.

#[path = "../addresses/mod.rs"]
mod addresses;
#[path = "../denied/mod.rs"]
mod denied;
#[path = "../pairs/mod.rs"]
mod pairs;
#[path = "../scratch/mod.rs"]
mod scratch;

mod ceremony;
mod config;
mod hostile;
mod keeper;
mod line;
mod restart;
mod store;
mod transport;
