//! Times for people: in both sides' local time, each with its place, 24 hours, the day when it is not today.

use counterpart_core::time::{Timestamp, Window};
use jiff::Zoned;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{Arg, Words};

/// A side's place on the clock. A whereabouts is a zone, given only by choice.
#[derive(Clone, Debug)]
pub struct Place {
    /// What stands beside its time: the call sign.
    pub name: String,
    /// Its zone.
    pub zone: TimeZone,
}

impl Place {
    /// A place in the zone of this IANA name; `None` if there is no such zone. The zones are built in: nothing is read.
    pub fn new(name: &str, zone: &str) -> Option<Place> {
        let zone = TimeZoneDatabase::bundled().get(zone).ok()?;
        Some(Place { name: name.into(), zone })
    }

    /// A place whose zone is not known: its time is shown in UTC.
    pub fn in_utc(name: &str) -> Place {
        Place { name: name.into(), zone: TimeZone::UTC }
    }
}

/// Both sides' clocks, and the moment at which somebody looks.
#[derive(Clone, Debug)]
pub struct Clocks {
    /// Ours.
    pub ours: Place,
    /// The peer's.
    pub theirs: Place,
    /// Decides which times need no day; never what is read.
    pub now: Timestamp,
}

/// What it takes to tell of something: a language and two clocks.
#[derive(Clone, Copy)]
pub struct Telling<'a> {
    /// The sentences.
    pub words: &'a Words,
    /// The clocks.
    pub clocks: &'a Clocks,
}

impl Telling<'_> {
    /// [`Words::say`].
    pub fn say(&self, id: &str, args: &[(&'static str, Arg<'_>)]) -> String {
        self.words.say(id, args)
    }

    /// Our local time: "09:02", "Tue 3 Mar 09:02".
    pub fn here(&self, time: Timestamp) -> String {
        self.shown(&zoned(&self.clocks.ours, time), self.today(&self.clocks.ours))
    }

    /// Our local time to the second, always with the day.
    pub fn here_exact(&self, time: Timestamp) -> String {
        self.exact(&self.clocks.ours, time)
    }

    /// Their local time to the second, always with the day.
    pub fn there_exact(&self, time: Timestamp) -> String {
        self.exact(&self.clocks.theirs, time)
    }

    /// Both local times with their places: "13:00 Northland, 22:00 Sundmark". The day stands beside ours when it is not today,
    /// and beside theirs when it is another than beside ours. One time with its zone where both read alike.
    pub fn both(&self, time: Timestamp) -> String {
        let [ours, theirs] = [&self.clocks.ours, &self.clocks.theirs].map(|place| zoned(place, time));
        let told = [self.shown(&ours, self.today(&self.clocks.ours)), self.shown(&theirs, ours.date())];
        self.pair(told, &ours, &theirs)
    }

    /// A window in both local times, days as in [`Telling::both`].
    pub fn window(&self, window: Window) -> String {
        let of = |place: &Place| [window.start(), window.end()].map(|time| zoned(place, time));
        let ([ours, our_end], [theirs, their_end]) = (of(&self.clocks.ours), of(&self.clocks.theirs));
        let span =
            |start: &Zoned, end: &Zoned, day| format!("{}–{}", self.shown(start, day), self.shown(end, start.date()));
        let told = [span(&ours, &our_end, self.today(&self.clocks.ours)), span(&theirs, &their_end, ours.date())];
        self.pair(told, &ours, &theirs)
    }

    fn pair(&self, told: [String; 2], here: &Zoned, there: &Zoned) -> String {
        let [ours, theirs] = told;
        if here.datetime() == there.datetime() {
            let zone = here.strftime("%Z").to_string();
            return self.say("time-one", &[("time", ours.into()), ("zone", zone.into())]);
        }
        let [here, there] = [&self.clocks.ours, &self.clocks.theirs].map(|place| Arg::from(&place.name));
        self.say("time-both", &[("ours", ours.into()), ("here", here), ("theirs", theirs.into()), ("there", there)])
    }

    fn today(&self, place: &Place) -> Date {
        zoned(place, self.clocks.now).date()
    }

    /// The clock, and the day unless it is the one that the reader already has in mind.
    fn shown(&self, at: &Zoned, day: Date) -> String {
        let clock = at.strftime("%H:%M").to_string();
        if at.date() == day {
            return clock;
        }
        self.say("time-on-day", &[("date", self.date(at, at.year() != day.year()).into()), ("time", clock.into())])
    }

    fn exact(&self, place: &Place, time: Timestamp) -> String {
        let at = zoned(place, time);
        let date = self.date(&at, at.year() != self.today(place).year());
        let clock = at.strftime("%H:%M:%S").to_string();
        self.say("time-on-day", &[("date", date.into()), ("time", clock.into())])
    }

    fn date(&self, at: &Zoned, with_year: bool) -> String {
        let [weekday, day, month] = [at.weekday().to_monday_one_offset(), at.day(), at.month()].map(number);
        let weekday = self.say("weekday", &[("day", weekday.into())]);
        let month = self.say("month", &[("month", month.into())]);
        let (weekday, day, month) = (weekday.into(), day.into(), month.into());
        if !with_year {
            return self.say("date", &[("weekday", weekday), ("day", day), ("month", month)]);
        }
        let year = at.year().to_string().into();
        self.say("date-year", &[("weekday", weekday), ("day", day), ("month", month), ("year", year)])
    }
}

impl Words {
    /// How long: its two largest units.
    pub fn lasts(&self, ms: u64) -> String {
        const SECOND: u64 = 1_000;
        const MINUTE: u64 = 60 * SECOND;
        const HOUR: u64 = 60 * MINUTE;
        const DAY: u64 = 24 * HOUR;
        let two = |n: u64| Arg::from(format!("{n:02}"));
        if ms >= DAY {
            self.say("duration-days", &[("days", (ms / DAY).into()), ("hours", (ms % DAY / HOUR).into())])
        } else if ms >= HOUR {
            self.say("duration-hours", &[("hours", (ms / HOUR).into()), ("minutes", two(ms % HOUR / MINUTE))])
        } else if ms >= MINUTE {
            self.say("duration-minutes", &[("minutes", (ms / MINUTE).into()), ("seconds", two(ms % MINUTE / SECOND))])
        } else {
            self.say("duration-seconds", &[("seconds", format!("{}.{}", ms / SECOND, ms % SECOND / 100).into())])
        }
    }
}

fn number(n: i8) -> u64 {
    u64::from(n.unsigned_abs())
}

/// A peer may claim times of the last day of the year 9999, which lie beyond the calendar's end in some zone.
fn zoned(place: &Place, time: Timestamp) -> Zoned {
    let ms = i64::try_from(time.0).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
    at.to_zoned(place.zone.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2013-02-13T08:07:41Z.
    const NOW: Timestamp = Timestamp(1_360_742_861_000);
    const HOUR: u64 = 3_600_000;

    fn clocks(ours: &str, theirs: &str) -> Clocks {
        let (ours, theirs) = (Place::new("Northland", ours).unwrap(), Place::new("Sundmark", theirs).unwrap());
        Clocks { ours, theirs, now: NOW }
    }

    #[test]
    fn a_time_is_told_on_both_clocks_with_the_day_where_it_is_not_today() {
        let (words, clocks) = (Words::english(), clocks("America/New_York", "Asia/Seoul"));
        let telling = Telling { words: &words, clocks: &clocks };

        assert_eq!(telling.both(NOW), "03:07 Northland, 17:07 Sundmark");
        assert_eq!(telling.both(NOW.plus(8 * HOUR)), "11:07 Northland, Thu 14 Feb 01:07 Sundmark");
        assert_eq!(telling.here(NOW.plus(365 * 24 * HOUR)), "Thu 13 Feb 2014 03:07");
        assert_eq!(telling.here_exact(NOW), "Wed 13 Feb 03:07:41");
        let window = Window::new(NOW.plus(HOUR), NOW.plus(2 * HOUR)).unwrap();
        assert_eq!(telling.window(window), "04:07–05:07 Northland, 18:07–19:07 Sundmark");
    }

    #[test]
    fn two_sides_of_one_zone_are_told_one_time_with_its_zone() {
        let (words, clocks) = (Words::english(), clocks("Europe/Paris", "Europe/Berlin"));
        let telling = Telling { words: &words, clocks: &clocks };

        assert_eq!(telling.both(NOW), "09:07 CET");
    }

    #[test]
    fn the_last_time_that_an_entry_can_claim_is_told_and_stops_nothing() {
        let (words, clocks) = (Words::english(), clocks("Pacific/Kiritimati", "Asia/Seoul"));
        let telling = Telling { words: &words, clocks: &clocks };

        assert!(telling.both(Timestamp::MAX).contains("9999"));
        assert_eq!(Place::new("X", "Nowhere/Land").map(|p| p.name), None);
    }

    #[test]
    fn a_duration_is_told_in_its_two_largest_units() {
        let words = Words::english();

        let told = [2_640, 248_000, 35_520_000, 3 * 24 * HOUR + 4 * HOUR].map(|ms| words.lasts(ms));
        assert_eq!(told, ["2.6 s", "4 min 08 s", "9 h 52 min", "3 d 4 h"]);
    }
}
