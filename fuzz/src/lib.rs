//! Readers of what comes from outside, and a hunt for inputs that stop them, that cost them more memory than their length warrants,
//! or that are read in two forms. Guided by the readers' own answers, seeded, the same each time.

mod calls;
pub mod chance;
pub mod decoders;
pub mod hunt;
pub mod mutation;
