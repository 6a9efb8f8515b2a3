//! The program `counterpart`: a station of one organisation.
fn main() {}
