//! The formats of the record: signatures, the tree over a log and its proofs, notes and checkpoints.

pub mod base64;
pub mod checkpoint;
pub mod merkle;
pub mod note;
pub mod proof;
pub mod sign1;
