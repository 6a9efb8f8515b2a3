//! What is shown of a line: plain values computed from a [`Line`], the same for commands, API and pages.
//!
//! Nothing here reads or writes anything, and no clock decides what is read: `now` in [`Sight`] only chooses how a time is
//! written and which acts could be written at this moment. Field names are stable; times are RFC 3339 in UTC with
//! milliseconds ([`Moment`]); closed lists are the protocol's own words ([`ByWord`]). Text that came from outside is as it came:
//! [`text`] and [`crate::words`] make it harmless before a terminal sees it.

pub mod attempts;
pub mod awaited;
pub mod broken;
pub mod course;
pub mod figures;
mod headline;
pub mod ladder;
pub mod lines;
pub mod matters;
pub mod may;
pub mod names;
pub mod order;
pub mod owed;
mod plain;
pub mod record;
pub mod request;
pub mod restore;
pub mod ring;
pub mod scalar;
pub mod sheet;
pub mod stopped;
pub mod talk;
pub mod terms;
pub mod text;
#[cfg(test)]
pub(crate) mod trial;

use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::line::Line;
use counterpart_core::line::facts::View;
use counterpart_core::record::body::Body;
use counterpart_core::record::entry::{Head, Header};
use counterpart_core::shown::is_unshown;
use serde::{Deserialize, Serialize};

pub use scalar::{ByWord, Moment, Window};

use names::Book;

use crate::words::clocks::Telling;

/// What is kept as the words of an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kept {
    /// What was signed with it.
    Signed(Body),
    /// Something else: it was changed where it is kept, and is shown to nobody as the author's words.
    Changed,
}

impl Kept {
    /// Holds what is kept against what the entry attests (§3.5). `None`: it was signed, and this version cannot read it.
    pub fn of(header: &Header, body: &[u8]) -> Option<Kept> {
        if header.attests(body) { Body::decode(body).map(Kept::Signed) } else { Some(Kept::Changed) }
    }
}

/// Finds the words of an entry of an epoch; `None` if it has none or they are not held.
pub type Bodies<'a> = &'a dyn Fn(Epoch, EntryRef) -> Option<Kept>;

/// A line as its station sees it, and what it takes to tell of it.
#[derive(Clone, Copy)]
pub struct Sight<'a> {
    /// The line.
    pub line: &'a Line,
    /// Its words.
    pub bodies: Bodies<'a>,
    /// The language and the clocks.
    pub telling: Telling<'a>,
    /// The epoch that is looked at: the one that serves, or an earlier one, in which what is open reads "broken off".
    pub epoch: Epoch,
}

/// Whose: this station's, or the peer's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// This station's.
    Ours,
    /// The peer's.
    Theirs,
}

impl Side {
    /// "ours" or "theirs", as sentences choose by it.
    pub fn word(self) -> &'static str {
        match self {
            Side::Ours => "ours",
            Side::Theirs => "theirs",
        }
    }

    /// The other one.
    pub fn other(self) -> Side {
        match self {
            Side::Ours => Side::Theirs,
            Side::Theirs => Side::Ours,
        }
    }
}

/// An entry by its place and by the name that is said aloud.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Named {
    /// "0:12": party and index.
    pub at: String,
    /// "Northland 112" for what was opened, "Northland #4071" for any other.
    pub name: String,
}

/// Words that go with an entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Said {
    /// BCP 47.
    pub language: String,
    /// The text, as it was signed; if `changed`, a sentence that says so.
    pub text: String,
    /// The words that are kept here are not those that were signed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changed: bool,
}

/// Characters of one entry's words where many stand one above the other; the whole stands on the page of the entry.
const LISTED_MAX: usize = 2_000;

impl Said {
    /// The words as a page shows them: lines stay lines; what shows nothing, or would turn the writing of what stands around it,
    /// is U+FFFD, as a terminal shows it.
    pub fn on_page(&self) -> String {
        let shown = |c: char| if is_unshown(c) && !matches!(c, '\n' | '\t') { char::REPLACEMENT_CHARACTER } else { c };
        self.text.replace("\r\n", "\n").chars().map(shown).collect()
    }

    /// The same, for a list: its beginning, if it is long.
    pub fn listed(&self) -> String {
        let whole = self.on_page();
        match whole.char_indices().nth(LISTED_MAX) {
            Some((end, _)) => format!("{}…", whole.get(..end).unwrap_or_default()),
            None => whole,
        }
    }

    /// Whether a list shows its beginning alone.
    pub fn is_long(&self) -> bool {
        self.text.chars().nth(LISTED_MAX).is_some()
    }
}

impl<'a> Sight<'a> {
    /// Everything that is held.
    pub fn view(&self) -> View<'a> {
        self.book().view()
    }

    /// The line in the epoch that is looked at.
    pub fn book(&self) -> Book<'a> {
        Book { line: self.line, epoch: self.epoch }
    }

    /// The head of a log of the epoch that is looked at.
    pub fn head(&self, party: Party) -> Head {
        let nothing = Head::empty();
        self.line.span(self.epoch).map_or(nothing, |span| span.log(party).head())
    }

    /// Our party.
    pub fn me(&self) -> Party {
        self.line.me()
    }

    /// Which side a party is.
    pub fn side(&self, party: Party) -> Side {
        if party == self.me() { Side::Ours } else { Side::Theirs }
    }

    /// Which party a side is.
    pub fn party(&self, side: Side) -> Party {
        match side {
            Side::Ours => self.me(),
            Side::Theirs => self.me().peer(),
        }
    }

    /// An entry with its name.
    pub fn named(&self, at: EntryRef) -> Named {
        Named { at: at.to_string(), name: names::name_in(self.book(), at) }
    }

    /// The words of an entry, if they are text and held; in the place of words that were changed here, that they were.
    pub fn said(&self, at: EntryRef) -> Option<Said> {
        let words = self.telling.words;
        match (self.bodies)(self.epoch, at)? {
            Kept::Signed(body) => {
                let text = body.text()?.to_owned();
                Some(Said { language: body.language, text, changed: false })
            }
            Kept::Changed => {
                Some(Said { language: words.language().into(), text: words.say("words-changed", &[]), changed: true })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Said {
        Said { language: "en".into(), text: text.into(), changed: false }
    }

    #[test]
    fn words_on_a_page_turn_nothing_around_them_and_keep_their_lines() {
        assert_eq!(said("\u{2069}\u{202e}North\u{200b}Sea").on_page(), "\u{fffd}\u{fffd}North\u{fffd}Sea");
        assert_eq!(said("One.\r\nTwo.\tThree\r").on_page(), "One.\nTwo.\tThree\u{fffd}");
        assert_eq!(
            said("می\u{200c}خواهم").on_page(),
            "می\u{200c}خواهم",
            "without joiners some languages cannot be written"
        );
    }

    #[test]
    fn a_list_shows_the_beginning_of_long_words() {
        let long = said(&"ä".repeat(LISTED_MAX + 1));

        assert_eq!((long.is_long(), long.listed().chars().count()), (true, LISTED_MAX + 1));
        assert!(long.listed().ends_with('…') && long.on_page().chars().count() == LISTED_MAX + 1);
        let short = said(&"ä".repeat(LISTED_MAX));
        assert_eq!((short.is_long(), short.listed()), (false, short.text.clone()));
    }
}
