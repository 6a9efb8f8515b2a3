//! A station of one organisation, as a library: what the program `counterpart` is made of.

pub mod view;
pub mod words;
