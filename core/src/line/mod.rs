//! A line: two logs folded into what people see (`docs/protocol.md` §6, §7).
//!
//! The rules are in the order of the specification: [`judge`] says what counts (rule 1), [`crossing`] which acts decide
//! (rules 2–5), [`talk`] what became of the conversation, [`ladder`] how far an attempt has come. All of them are functions
//! of a [`facts::View`]: the counted entries of a cut. None of them has a clock.

pub mod crossing;
pub mod facts;
pub mod judge;
pub mod ladder;
mod switch;
pub mod talk;
pub mod terms;

#[cfg(test)]
mod model;
