//! Times for people: in both sides' local time, each with its place, 24 hours, the day when it is not today.

use counterpart_core::line::Line;
use counterpart_core::time::{Timestamp, Window};
use jiff::Zoned;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{Arg, Words};
use crate::spans;
use crate::view::Side;

/// The name of no place.
const UTC: &str = "UTC";

/// A zone of the IANA database. The zones are built in, nothing is read: every station of one version knows the same.
pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// A side's place on the clock. A whereabouts is a zone, given only by choice.
#[derive(Clone, Debug)]
pub struct Place {
    /// What stands beside its time: the call sign, or "UTC" where no zone is known.
    pub name: String,
    /// The IANA name, as it was given; empty if none was.
    pub zone_name: String,
    zone: TimeZone,
}

impl Place {
    /// The place of the side with this call sign, in the zone of this IANA name. Without one, or if the zones that are built
    /// in have none of this name, its times are shown in UTC and called UTC (§5.3).
    pub fn new(call_sign: &str, zone_name: &str) -> Place {
        let zone = Some(zone_name).filter(|name| !name.is_empty()).and_then(zone);
        let name = if zone.is_some() { call_sign } else { UTC };
        Place { name: name.into(), zone_name: zone_name.into(), zone: zone.unwrap_or(TimeZone::UTC) }
    }

    /// Whether its times are those of a zone that it has named.
    pub fn is_named(&self) -> bool {
        self.name != UTC
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

/// A clock as it stands beside a fact.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hand {
    /// The day; empty if it is today there.
    pub day: String,
    /// "13:02:04".
    pub time: String,
}

/// What it takes to tell of something: a language and two clocks.
#[derive(Clone, Copy)]
pub struct Telling<'a> {
    /// The sentences.
    pub words: &'a Words,
    /// The clocks.
    pub clocks: &'a Clocks,
}

impl Clocks {
    /// For a line: ours in `zone`, the configuration's, where the people sit who look; theirs as the charter says.
    pub fn of(line: &Line, zone: &str, now: Timestamp) -> Clocks {
        let [me, peer] = [line.me(), line.me().peer()].map(|party| line.charter().party(party));
        Clocks { ours: Place::new(&me.call_sign, zone), theirs: Place::new(&peer.call_sign, &peer.zone), now }
    }
}

impl Clocks {
    /// The same as the other side reads them: its own first.
    pub fn turned(&self) -> Clocks {
        Clocks { ours: self.theirs.clone(), theirs: self.ours.clone(), now: self.now }
    }
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

    /// Both local times to the second: ours with the day, theirs with its day when that is another.
    pub fn both_exact(&self, time: Timestamp) -> String {
        let [ours, theirs] = [&self.clocks.ours, &self.clocks.theirs].map(|place| zoned(place, time));
        let there = match theirs.date() == ours.date() {
            true => theirs.strftime("%H:%M:%S").to_string(),
            false => self.there_exact(time),
        };
        self.pair([self.here_exact(time), there], &ours, &theirs)
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
        let [ours, theirs] = [&self.clocks.ours, &self.clocks.theirs].map(|place| zoned(place, window.start()));
        let told = [
            self.span(&self.clocks.ours, window, self.today(&self.clocks.ours)),
            self.span(&self.clocks.theirs, window, ours.date()),
        ];
        self.pair(told, &ours, &theirs)
    }

    /// The same of a window that was offered in the zone of this name: beside both sides' times those of that zone, if it is
    /// neither side's nor UTC. A name that is not known here is told as it was written.
    pub fn offered(&self, window: Window, named: &str) -> String {
        let told = self.window(window);
        let of_a_side = [&self.clocks.ours, &self.clocks.theirs].iter().any(|place| place.zone_name == named);
        if named.is_empty() || named == UTC || of_a_side {
            return told;
        }
        let args = [("window", told.into()), ("zone", named.into())];
        if zone(named).is_none() {
            return self.say("time-window-unknown", &args);
        }
        let day = zoned(&self.clocks.ours, window.start()).date();
        let span = self.span(&Place::new(named, named), window, day);
        let [window, zone] = args;
        self.say("time-window-zone", &[window, ("span", span.into()), zone])
    }

    /// A window on one clock, for a reader who has this day in mind.
    fn span(&self, place: &Place, window: Window, day: Date) -> String {
        let [start, end] = [window.start(), window.end()].map(|time| zoned(place, time));
        format!("{}–{}", self.shown(&start, day), self.shown(&end, start.date()))
    }

    /// One side's clock as it stands beside a fact: the day when it is not today there, and the time to the second.
    pub fn hand(&self, side: Side, time: Timestamp) -> Hand {
        let place = self.place(side);
        let at = zoned(place, time);
        let today = self.today(place);
        let day = if at.date() == today { String::new() } else { self.date(&at, at.year() != today.year()) };
        Hand { day, time: at.strftime("%H:%M:%S").to_string() }
    }

    /// Both clocks beside a fact, ours first; theirs also tells its day when it is another than ours.
    pub fn hands(&self, time: Timestamp) -> [Hand; 2] {
        let [ours, mut theirs] = [Side::Ours, Side::Theirs].map(|side| self.hand(side, time));
        let [here, there] = [&self.clocks.ours, &self.clocks.theirs].map(|place| zoned(place, time));
        if theirs.day.is_empty() && there.date() != here.date() {
            theirs.day = self.date(&there, false);
        }
        [ours, theirs]
    }

    /// The date on one side's clock, always with the year.
    pub fn day(&self, side: Side, time: Timestamp) -> String {
        self.date(&zoned(self.place(side), time), true)
    }

    /// What a clock that goes on needs to tell the date: the number of the day on that side's clock since 1970-01-01, its date, and the
    /// dates of the two days after it, with a bar between them.
    pub fn days(&self, side: Side, time: Timestamp) -> String {
        let today = zoned(self.place(side), time);
        let first =
            i64::from(today.offset().seconds()).saturating_add(today.timestamp().as_second()).div_euclid(86_400);
        let after = (0..3).filter_map(|days| today.checked_add(jiff::Span::new().days(days)).ok());
        let dates = after.map(|day| self.date(&day, true));
        std::iter::once(first.to_string()).chain(dates).collect::<Vec<_>>().join("|")
    }

    /// How far one side's clock is ahead of UTC at that time, in minutes.
    pub fn minutes_ahead(&self, side: Side, time: Timestamp) -> i32 {
        zoned(self.place(side), time).offset().seconds() / 60
    }

    fn place(&self, side: Side) -> &Place {
        match side {
            Side::Ours => &self.clocks.ours,
            Side::Theirs => &self.clocks.theirs,
        }
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
    /// A span that was agreed on, in seconds, exactly: "1 day 12 hours".
    pub fn span(&self, seconds: u64) -> String {
        let units = ["span-days", "span-hours", "span-minutes", "span-seconds"];
        let said = |id, count: u64| self.say(id, &[("count", count.into())]);
        let parts = units.into_iter().zip(spans::parts(seconds)).filter(|(_, count)| *count > 0);
        let parts: Vec<String> = parts.map(|(id, count)| said(id, count)).collect();
        if parts.is_empty() { said("span-seconds", 0) } else { parts.join(" ") }
    }

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
            let tenths = (ms % SECOND / 100).into();
            self.say("duration-seconds", &[("seconds", (ms / SECOND).into()), ("tenths", tenths)])
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
        let (ours, theirs) = (Place::new("Northland", ours), Place::new("Sundmark", theirs));
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
    }

    #[test]
    fn a_side_that_names_no_zone_or_one_that_is_not_known_here_is_told_in_utc_and_called_so() {
        let words = Words::english();

        for zone in ["", "Nowhere/Land", "\u{1b}[31m"] {
            let clocks = clocks("Asia/Seoul", zone);
            let telling = Telling { words: &words, clocks: &clocks };
            assert_eq!(telling.both(NOW), "17:07 Northland, 08:07 UTC");
            assert_eq!((clocks.theirs.is_named(), clocks.theirs.zone_name.as_str()), (false, zone));
        }
        let nobody = clocks("", "");
        assert_eq!(Telling { words: &words, clocks: &nobody }.both(NOW), "08:07 UTC");
    }

    #[test]
    fn a_time_to_the_second_names_both_places() {
        let (words, clocks) = (Words::english(), clocks("America/New_York", "Asia/Seoul"));
        let telling = Telling { words: &words, clocks: &clocks };

        assert_eq!(telling.both_exact(NOW), "Wed 13 Feb 03:07:41 Northland, 17:07:41 Sundmark");
        let evening = NOW.plus(8 * HOUR);
        assert_eq!(telling.both_exact(evening), "Wed 13 Feb 11:07:41 Northland, Thu 14 Feb 01:07:41 Sundmark");
    }

    #[test]
    fn the_days_that_a_page_goes_on_to_are_those_of_its_own_clock_also_where_one_has_25_hours() {
        let (words, clocks) = (Words::english(), clocks("Asia/Seoul", "America/New_York"));
        let telling = Telling { words: &words, clocks: &clocks };

        assert_eq!(telling.days(Side::Ours, NOW), "15749|Wed 13 Feb 2013|Thu 14 Feb 2013|Fri 15 Feb 2013");
        // 2013-11-03T04:30:00Z: half past midnight in New York, on the day on which its clocks go back.
        let long = Timestamp(1_383_453_000_000);
        assert_eq!(telling.days(Side::Theirs, long), "16012|Sun 3 Nov 2013|Mon 4 Nov 2013|Tue 5 Nov 2013");
    }

    #[test]
    fn a_duration_is_told_in_its_two_largest_units() {
        let words = Words::english();

        let told = [2_640, 248_000, 35_520_000, 3 * 24 * HOUR + 4 * HOUR].map(|ms| words.lasts(ms));
        assert_eq!(told, ["2.6 s", "4 min 08 s", "9 h 52 min", "3 d 4 h"]);
    }
}
