//! The record, kept by one plain thread: decide, commit, publish (DESIGN.md §9).
//!
//! [`thread`] is the loop. Everybody else holds a [`Keeper`]: they put inputs into a bounded inbox and learn what became of them
//! after the commit; what followers may see is [`published`].

mod calls;
mod inbox;
mod lines;
mod load;
mod noted;
mod published;
mod restore;
mod shut;
mod steady;
mod thread;

pub use inbox::{ActFault, Begin, Called, Done, Keeper, Taken};
pub use lines::{Kept, LineStatus, Lines, Unread, entry_key, epoch, is_line, log_key};
pub use load::{load, load_judged};
pub use published::{LinePublished, Published, Pushed};
pub use restore::{RestoreFault, Said, Settled, Unsigned, Wanted};
pub use thread::{Started, start};
