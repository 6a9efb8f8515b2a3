//! What every page begins and ends with: whose station, what time, who is signed in, and the four answers.

use std::fmt::Display;
use std::sync::Arc;

use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::time::Timestamp;

pub(super) use super::four::Four;
use super::session::Signed;
use super::unsigned::UnsignedView;
use super::{Desk, files};
use crate::api::fault::Told;
use crate::api::sight::hexadecimal;
use crate::entropy;
use crate::view::lines::ObservedState;
use crate::view::owed::{Owed, OwedView};
use crate::view::{Moment, Side};
use crate::words::clocks::{Clocks, Place, Telling};
use crate::words::coded::{Coded, Listed};
use crate::words::{Arg, Words};

/// The value of `dir`, and of the setting, for pages from right to left.
pub(super) const RIGHT_TO_LEFT: &str = "rtl";

/// What a page needs that nobody need be signed in for.
pub(super) struct Door {
    words: Arc<Words>,
    place: Place,
    /// "ltr" or "rtl".
    pub direction: &'static str,
    /// The line of classification; may be empty.
    pub banner: String,
    pub organisation: String,
    pub call_sign: String,
    /// "13:02:04" here.
    pub clock: String,
    /// The date here.
    pub date: String,
    /// For scripts: the number of that day since 1970, its date and those of the two after it, with a bar between.
    pub days: String,
    /// "12:02" UTC.
    pub utc: String,
    /// The station's time, for scripts.
    pub now: Moment,
    /// A story tells it: it stands until the story moves it.
    pub is_told: bool,
    /// How far the clock here is ahead of UTC, in minutes.
    pub ahead: i32,
    /// What everything at this station is for.
    pub station_mark: Mark,
}

impl Door {
    /// The direction is that of the language, unless the person has set another.
    pub fn new(desk: &Desk, direction: &str) -> Door {
        let organisation = &desk.api.parts.config.organisation;
        let now = desk.api.now();
        let ours = Place::new(&organisation.call_sign, &organisation.zone);
        let clocks = Clocks { ours: ours.clone(), theirs: Place::new("", ""), now };
        let telling = Telling { words: &desk.api.words, clocks: &clocks };
        let [here, utc] = [Side::Ours, Side::Theirs].map(|side| telling.hand(side, now).time);
        Door {
            direction: if direction == RIGHT_TO_LEFT { RIGHT_TO_LEFT } else { desk.api.words.direction() },
            banner: desk.api.banner(),
            organisation: organisation.name.clone(),
            call_sign: organisation.call_sign.clone(),
            clock: here,
            date: telling.day(Side::Ours, now),
            days: telling.days(Side::Ours, now),
            utc: utc.chars().take(5).collect(),
            now: Moment(now),
            is_told: desk.api.parts.clock.is_told(),
            ahead: telling.minutes_ahead(Side::Ours, now),
            station_mark: desk.api.parts.mark,
            words: desk.api.words.clone(),
            place: ours,
        }
    }

    /// Classes of a page that is about nothing yet but its station.
    pub fn station_class(&self) -> &'static str {
        class_of(self.station_mark)
    }

    /// The class of its mark's word.
    pub fn station_mark_class(&self) -> &'static str {
        mark_class(self.station_mark)
    }

    /// What stands beside the banner on every sheet of paper.
    pub fn paper_mark(&self) -> String {
        not_meant(&self.words, self.station_mark)
    }

    /// The date of a time here.
    pub fn day(&self, time: Timestamp) -> String {
        let clocks = Clocks { ours: self.place.clone(), theirs: Place::new("", ""), now: self.now.0 };
        Telling { words: &self.words, clocks: &clocks }.day(Side::Ours, time)
    }

    /// A time of today here, to the second.
    pub fn clock_at(&self, time: Timestamp) -> String {
        let clocks = Clocks { ours: self.place.clone(), theirs: Place::new("", ""), now: self.now.0 };
        Telling { words: &self.words, clocks: &clocks }.hand(Side::Ours, time).time
    }

    /// A time here to the second, with its day.
    pub fn day_and_clock(&self, time: Timestamp) -> String {
        let clocks = Clocks { ours: self.place.clone(), theirs: Place::new("", ""), now: self.now.0 };
        Telling { words: &self.words, clocks: &clocks }.here_exact(time)
    }

    /// A sentence of the catalogue.
    pub fn say(&self, id: &str) -> String {
        self.words.say(id, &[])
    }

    /// A sentence with one thing put in.
    pub fn with(&self, id: &str, name: &'static str, value: impl Display) -> String {
        self.words.say(id, &[(name, value.to_string().into())])
    }

    /// A sentence that counts.
    pub fn count(&self, id: &str, count: impl std::borrow::Borrow<usize>) -> String {
        self.words.say(id, &[("count", (*count.borrow()).into())])
    }

    /// A word of the protocol, with the one that was signed.
    pub fn coded<L: Listed>(&self, code: &L) -> Coded {
        self.words.coded(*code)
    }

    /// The word of a type of entry.
    pub fn kind(&self, kind: &str) -> Coded {
        self.words.coded_kind(kind)
    }

    pub fn words(&self) -> &Words {
        &self.words
    }

    pub fn language(&self) -> &'static str {
        self.words.language()
    }

    /// The address of a file of the desk.
    pub fn file(&self, name: &str) -> String {
        format!("/static/{}/{name}", files::version())
    }
}

/// What a page of a person who is signed in needs.
pub(super) struct Frame {
    door: Door,
    pub user: String,
    pub role: &'static str,
    /// Whether they may act at all.
    pub acts: bool,
    /// The token of the forms.
    pub form: String,
    /// One drawing of this page: what is sent from it twice stands once.
    pub once: String,
    /// What the page is about: an EXERCISE looks different.
    pub mark: Mark,
    /// The tab that is open.
    pub tab: &'static str,
    /// The line that the page is about, or the only one; empty if neither.
    pub line: String,
    /// Up to where the page shows the record: the live stream goes on from there.
    pub position: String,
    pub four: Option<Four>,
    /// Where a person goes on whose page is the answer to a form and has no address that can be opened; empty for any other page.
    pub page: String,
    /// What can still be taken back.
    pub unsigned: Vec<UnsignedView>,
    /// Since when nothing can be written here, because another program holds the database.
    pub held: Option<String>,
}

impl std::ops::Deref for Frame {
    type Target = Door;

    fn deref(&self) -> &Door {
        &self.door
    }
}

impl Frame {
    /// `position` must be taken before anything that the page shows.
    pub fn new(desk: &Desk, who: &Signed, tab: &'static str, position: String) -> Result<Frame, Told> {
        let door = Door::new(desk, &who.settings.direction);
        Ok(Frame {
            unsigned: desk.waiting(who, |due| door.clock_at(due)),
            held: desk.api.parts.keeper.published().borrow().held_since.map(|since| door.day_and_clock(since)),
            door,
            user: who.user.clone(),
            role: who.role.word(),
            acts: who.role.acts(),
            form: who.form(),
            once: hexadecimal(&entropy::bytes::<16>().map_err(|e| desk.api.failed(&e))?),
            mark: desk.api.parts.mark,
            tab,
            line: only_line(desk),
            position,
            four: None,
            page: String::new(),
        })
    }

    /// Classes of the page.
    pub fn class(&self) -> &'static str {
        class_of(self.mark)
    }

    /// What stands beside the banner on every sheet of paper, as on the page.
    pub fn paper_mark(&self) -> String {
        not_meant(&self.door.words, self.mark)
    }

    pub fn is_tab(&self, tab: &str) -> bool {
        self.tab == tab || (tab == "settings" && matches!(self.tab, "users" | "tokens" | "pairing"))
    }
}

/// The line, if there is one alone.
fn only_line(desk: &Desk) -> String {
    let published = desk.api.parts.keeper.published();
    let published = published.borrow();
    let mut lines = published.lines.keys();
    match (lines.next(), lines.next()) {
        (Some(line), None) => line.to_string(),
        _ => String::new(),
    }
}

/// The word of a mark that is not meant; of OPERATION none.
fn not_meant(words: &Words, mark: Mark) -> String {
    if mark == Mark::Operation { String::new() } else { words.coded(mark).both() }
}

/// The class of a page under this mark.
pub(super) fn class_of(mark: Mark) -> &'static str {
    match mark {
        Mark::Operation => "",
        Mark::Exercise => "ex",
        Mark::Test => "tst",
    }
}

/// The class of a mark's word.
pub(super) fn mark_class(mark: Mark) -> &'static str {
    match mark {
        Mark::Operation => "mark",
        Mark::Exercise => "mark ex",
        Mark::Test => "mark test",
    }
}

/// Four bars, of which so many are filled.
pub(super) fn bars(precedence: Precedence) -> [bool; 4] {
    Precedence::ALL.map(|step| step <= precedence)
}

/// The class of an observed state.
pub(super) fn state_class(state: ObservedState) -> &'static str {
    match state {
        ObservedState::Open => "open",
        ObservedState::Degraded => "degraded",
        ObservedState::Silent => "silent",
        ObservedState::Down | ObservedState::Unserved => "down",
    }
}

/// The word of an observed state.
pub(super) fn word(words: &Words, state: ObservedState) -> String {
    let id = match state {
        ObservedState::Open => "observed-open",
        ObservedState::Degraded => "observed-degraded",
        ObservedState::Silent => "observed-silent",
        ObservedState::Down => "observed-down",
        ObservedState::Unserved => "observed-unserved",
    };
    words.say(id, &[])
}

/// A time until which something runs, as a page shows it.
pub(super) struct Due {
    /// For scripts.
    pub until: Moment,
    /// On both clocks.
    pub by: String,
    /// How long from now, or that it is over.
    pub left: String,
}

impl Due {
    /// Of what is owed, if it has a time: a talk has one from which it runs, anything else one until which it is owed.
    pub fn of(telling: &Telling<'_>, owed: &OwedView) -> Option<Due> {
        let time = owed.by?.0;
        let due = Due::new(telling, time);
        let from = || telling.say("desk-from", &[("time", telling.both(time).into())]);
        Some(if owed.what == Owed::Come { Due { by: from(), ..due } } else { due })
    }

    pub fn new(telling: &Telling<'_>, until: Timestamp) -> Due {
        let now = telling.clocks.now;
        let left = if until >= now {
            telling.words.lasts(until.since(now))
        } else {
            telling.say("desk-past", &[("lasted", Arg::from(telling.words.lasts(now.since(until))))])
        };
        Due { until: Moment(until), by: telling.say("desk-by", &[("time", telling.both(until).into())]), left }
    }
}
