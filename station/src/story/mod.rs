//! Stories: what two stations would have recorded if a course of events had gone over a line (DESIGN.md §12). A story is a text
//! file (`docs/stories.md`); it is played on two real stations with one told clock, and what is printed is read back from the
//! stores of both.

mod account;
mod expect;
mod fault;
mod play;
mod script;
mod shelf;
mod stage;
mod tokens;

use std::fs::File;
use std::io::Read;
use std::path::Path;

pub use account::{Account, Row, Section, figures, told};
pub use fault::{Place, StoryFault, Wrong};
pub use play::{Play, Progress, play};
pub use script::{Expectation, FILE_BYTES_MAX, Script, Step};

/// The stories that come with the program.
pub const SHIPPED: [(&str, &str); 3] = [
    ("february-2013", include_str!("february-2013.story")),
    ("offer-lapses", include_str!("offer-lapses.story")),
    ("crossed", include_str!("crossed.story")),
];

/// The text of a story: one that ships, by its name, or a file. A file is read no further than one byte beyond what a story may
/// have, so that [`Script::read`] says that it is too long.
///
/// # Errors
/// What the operating system says of the file.
pub fn text(said: &str) -> std::io::Result<Vec<u8>> {
    if let Some((_, text)) = SHIPPED.iter().find(|(name, _)| *name == said) {
        return Ok(text.as_bytes().to_vec());
    }
    let mut bytes = Vec::new();
    File::open(Path::new(said))?.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
