//! Times as people and programs write them. The API takes RFC 3339; a command also takes times of the station's zone. A local
//! time that the clocks skip or show twice is never guessed: the answer names both readings.

use counterpart_core::limits;
use counterpart_core::record::what::Offered;
use counterpart_core::time::{Timestamp, Window};
use jiff::Zoned;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::fault::{Code, Fault};
use crate::spans;
use crate::words::clocks;

const SECOND_MS: u64 = 1_000;
/// The longest window whose end a person writes as a time of day that is earlier than its start.
const NEXT_DAY_MAX_MS: u64 = 12 * 3_600 * SECOND_MS;

/// How times are read: in which zone, and whether a person writes them.
#[derive(Clone, Debug)]
pub struct Times {
    zone: TimeZone,
    zone_name: String,
    /// `None`: only RFC 3339.
    now: Option<Timestamp>,
}

impl Times {
    /// Only RFC 3339. The zone is that of a window that names none; as everywhere, an empty or unknown one is UTC.
    pub fn exact(zone_name: &str) -> Times {
        let known = clocks::zone(zone_name).map(|zone| (zone, zone_name));
        let (zone, zone_name) = known.unwrap_or((TimeZone::UTC, "UTC"));
        Times { zone, zone_name: zone_name.into(), now: None }
    }

    /// As a person writes them: also `HH:MM`, `tomorrow HH:MM`, `2026-11-24 12:00`, `+90m`, each with `@Zone` if another zone than
    /// the station's is meant.
    pub fn spoken(zone_name: &str, now: Timestamp) -> Times {
        Times { now: Some(now), ..Times::exact(zone_name) }
    }

    /// One time.
    ///
    /// # Errors
    /// A [`Fault`] that says what was read; for a local time that is none or two, both readings.
    pub fn time(&self, said: &str) -> Result<Timestamp, Fault> {
        if let Ok(at) = said.parse::<jiff::Timestamp>() {
            return timestamp(at, said);
        }
        let (text, here) = self.in_zone(said)?;
        if let (Some(_), Some(at)) = (here.now, with_offset(text)) {
            return timestamp(at, said);
        }
        let Some(now) = here.now else { return Err(unreadable(said)) };
        if let Some(ms) = ahead(text) {
            return Timestamp::new(now.0.saturating_add(ms)).ok_or_else(|| out_of_range(said));
        }
        let local = here.local(text, now).ok_or_else(|| unreadable(said))?;
        here.instant(local, said)
    }

    /// An end that is meant: as [`Times::time`], or a day for a person, which is then meant whole.
    ///
    /// # Errors
    /// A [`Fault`] that says what was read.
    pub fn end_at(&self, said: &str) -> Result<Timestamp, Fault> {
        let (text, here) = self.in_zone(said)?;
        // A day and nothing more: what reads dates would take one with a time too.
        let is_day = text.trim().bytes().all(|b| b.is_ascii_digit() || b == b'-');
        match (here.now, text.trim().parse::<Date>()) {
            (Some(_), Ok(day)) if is_day => {
                let next = day.tomorrow().map_err(|_| out_of_range(said))?;
                // A zone may have no midnight on that day: its first moment is meant.
                let begin = next.to_zoned(here.zone.clone()).map_err(|_| out_of_range(said))?;
                timestamp(begin.timestamp(), said)
            }
            _ => self.time(said),
        }
    }

    /// The day that is so many days after today, as a person writes it.
    pub fn day_ahead(&self, days: i64) -> String {
        let today = self.zoned(self.now.unwrap_or(Timestamp(0))).date();
        today.saturating_add(jiff::Span::new().days(days)).to_string()
    }

    /// A window: `START/END`, with `@Zone` for the zone in which its author thinks of it. For a person END may be `+30m` from START, or
    /// `HH:MM` on the day of START; if that is not later than START, it is of the next day, unless the window then lasts more
    /// than twelve hours: that is more likely a slip.
    ///
    /// # Errors
    /// A [`Fault`] that says what was read.
    pub fn window(&self, said: &str) -> Result<Offered, Fault> {
        let (text, here) = self.in_zone(said)?;
        let Some((start, end)) = text.split_once('/') else {
            return Err(Fault::new(Code::WindowUnreadable).with("said", said));
        };
        let start = here.time(start)?;
        let end = here.end(start, end)?;
        let window = Window::new(start, end).ok_or_else(|| Fault::new(Code::WindowBackwards).with("said", said))?;
        if end.since(start) > limits::WINDOW_LENGTH_MAX_MS {
            let days = limits::WINDOW_LENGTH_MAX_MS / (86_400 * SECOND_MS);
            return Err(Fault::new(Code::WindowTooLong).with("said", said).with("days", days));
        }
        Ok(Offered { window, zone: here.zone_name })
    }

    fn end(&self, start: Timestamp, said: &str) -> Result<Timestamp, Fault> {
        match (self.now, ahead(said)) {
            (Some(_), Some(ms)) => Timestamp::new(start.0.saturating_add(ms)).ok_or_else(|| out_of_range(said)),
            (Some(_), None) => match time_of_day(said) {
                Some(time) => {
                    let day = self.zoned(start).date();
                    let same = self.instant(day.to_datetime(time), said)?;
                    let next = || self.instant(day.tomorrow().unwrap_or(day).to_datetime(time), said);
                    if same > start { Ok(same) } else { next().map(|next| nearest(start, same, next)) }
                }
                None => match with_offset(&format!("{} {said}", self.zoned(start).date())) {
                    Some(same) => {
                        let same = timestamp(same, said)?;
                        let next = same.plus(86_400 * SECOND_MS);
                        Ok(if same > start { same } else { nearest(start, same, next) })
                    }
                    None => self.time(said),
                },
            },
            (None, _) => self.time(said),
        }
    }

    /// Takes `@Zone` off the end.
    fn in_zone<'a>(&self, said: &'a str) -> Result<(&'a str, Times), Fault> {
        let Some((text, name)) = said.rsplit_once('@') else { return Ok((said, self.clone())) };
        let zone = clocks::zone(name).ok_or_else(|| Fault::new(Code::ZoneUnknown).with("said", name))?;
        Ok((text, Times { zone, zone_name: name.into(), now: self.now }))
    }

    fn local(&self, text: &str, now: Timestamp) -> Option<DateTime> {
        let text = text.trim();
        if let Some(time) = clock(text) {
            return Some(self.zoned(now).date().to_datetime(time));
        }
        let (day, time) = text.split_once([' ', 'T'])?;
        let today = || self.zoned(now).date();
        let date = match day {
            "today" => Some(today()),
            "tomorrow" => today().tomorrow().ok(),
            "yesterday" => today().yesterday().ok(),
            written => written.parse::<Date>().ok(),
        };
        Some(date?.to_datetime(time_of_day(time)?))
    }

    fn instant(&self, local: DateTime, said: &str) -> Result<Timestamp, Fault> {
        let reading = self.zone.to_ambiguous_zoned(local);
        let code = match reading.offset() {
            AmbiguousOffset::Unambiguous { .. } => None,
            AmbiguousOffset::Gap { .. } => Some(Code::TimeSkipped),
            AmbiguousOffset::Fold { .. } => Some(Code::TimeTwice),
        };
        let read = |z: Result<Zoned, jiff::Error>| z.map_err(|_| out_of_range(said));
        let Some(code) = code else { return timestamp(read(reading.unambiguous())?.timestamp(), said) };
        let (first, second) = (read(reading.clone().earlier())?, read(reading.later())?);
        let mut both = [first, second];
        both.sort();
        let [first, second] = both.map(|z| z.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string());
        let fault = Fault::new(code).with("said", said).with("zone", &self.zone_name);
        Err(fault.with("first", first).with("second", second))
    }

    fn zoned(&self, at: Timestamp) -> Zoned {
        jiff_time(at).to_zoned(self.zone.clone())
    }
}

/// A time as the API writes it: RFC 3339 in UTC.
pub fn write(at: Timestamp) -> String {
    jiff_time(at).to_string()
}

/// A window as the API writes it.
pub fn write_window(offered: &Offered) -> String {
    format!("{}/{}@{}", write(offered.window.start()), write(offered.window.end()), offered.zone)
}

fn jiff_time(at: Timestamp) -> jiff::Timestamp {
    let ms = i64::try_from(at.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX)
}

fn timestamp(at: jiff::Timestamp, said: &str) -> Result<Timestamp, Fault> {
    let ms = u64::try_from(at.as_millisecond()).ok();
    ms.and_then(Timestamp::new).ok_or_else(|| out_of_range(said))
}

fn unreadable(said: &str) -> Fault {
    Fault::new(Code::TimeUnreadable).with("said", said)
}

fn out_of_range(said: &str) -> Fault {
    Fault::new(Code::TimeOutOfRange).with("said", said)
}

/// The end of a window, of the next day where that of the same day is none.
fn nearest(start: Timestamp, same: Timestamp, next: Timestamp) -> Timestamp {
    if same < start && next.since(start) <= NEXT_DAY_MAX_MS { next } else { same }
}

/// `HH:MM` or `H:MM`.
fn clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    let number = |digits: &str, least: usize| {
        let plain = (least..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse::<i8>().ok()).flatten()
    };
    Time::new(number(hour, 1)?, number(minute, 2)?, 0, 0).ok()
}

/// The same, and `HHMM`, where no year can be meant.
fn time_of_day(text: &str) -> Option<Time> {
    let text = text.trim();
    let (hour, minute) = text.split_at_checked(2).filter(|_| text.len() == 4 && !text.contains(':')).unzip();
    clock(text).or_else(|| clock(&format!("{}:{}", hour?, minute?)))
}

/// `2026-10-25 02:30+02:00`: one of the two readings of a time that comes twice.
fn with_offset(text: &str) -> Option<jiff::Timestamp> {
    let (day, rest) = text.trim().split_once([' ', 'T'])?;
    let at = rest.rfind(['+', '-'])?;
    let (time, offset) = rest.split_at(at);
    let (date, time) = (day.parse::<Date>().ok()?, clock(time)?);
    format!("{}{offset}", date.to_datetime(time).strftime("%Y-%m-%dT%H:%M:%S")).parse().ok()
}

/// `+90m`, `+1h30m`, `+3d`, in milliseconds. A day is 24 hours here.
fn ahead(text: &str) -> Option<u64> {
    Some(spans::seconds(text.strip_prefix('+')?)?.saturating_mul(SECOND_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-28T09:00:00Z, a Saturday: the clocks of Europe go forward in the night that follows.
    const NOW: Timestamp = Timestamp(1_774_688_400_000);
    const MINUTE: u64 = 60_000;

    fn oslo(now: Timestamp) -> Times {
        Times::spoken("Europe/Oslo", now)
    }

    fn at(text: &str) -> Timestamp {
        Times::exact("UTC").time(text).unwrap()
    }

    #[test]
    fn an_end_that_is_a_day_is_the_whole_of_it_for_a_person_and_nothing_for_a_program() {
        let times = oslo(NOW);

        assert_eq!(times.end_at("2026-03-28").unwrap(), at("2026-03-28T23:00:00Z"));
        assert_eq!(times.end_at("2026-03-29").unwrap(), at("2026-03-29T22:00:00Z"), "a day of 23 hours");
        assert_eq!(times.end_at("2026-03-29 18:00").unwrap(), at("2026-03-29T16:00:00Z"));
        assert_eq!(times.end_at("2026-03-28@Asia/Tokyo").unwrap(), at("2026-03-28T15:00:00Z"));
        assert!(times.end_at("soon").is_err() && Times::exact("Europe/Oslo").end_at("2026-03-28").is_err());
        assert_eq!(times.day_ahead(90), "2026-06-26");
    }

    #[test]
    fn a_person_writes_local_times_and_times_ahead() {
        let times = oslo(NOW);

        assert_eq!(times.time("12:30").unwrap(), at("2026-03-28T11:30:00Z"));
        assert_eq!(times.time("9:05").unwrap(), at("2026-03-28T08:05:00Z"));
        assert_eq!(times.time("tomorrow 12:30").unwrap(), at("2026-03-29T10:30:00Z"));
        assert_eq!(times.time("yesterday 12:30").unwrap(), at("2026-03-27T11:30:00Z"));
        assert_eq!(times.time("2026-04-01 08:00").unwrap(), at("2026-04-01T06:00:00Z"));
        assert_eq!(times.time("2026-04-01T08:00").unwrap(), at("2026-04-01T06:00:00Z"));
        assert_eq!(times.time("12:30@Asia/Seoul").unwrap(), at("2026-03-28T03:30:00Z"));
        assert_eq!(times.time("+90m").unwrap(), NOW.plus(90 * MINUTE));
        assert_eq!(times.time("+1d2h3m4s").unwrap(), NOW.plus((26 * 60 + 3) * MINUTE + 4_000));
        assert_eq!(times.time("2026-11-24T12:00:00+01:00").unwrap(), at("2026-11-24T11:00:00Z"));
    }

    #[test]
    fn a_time_that_the_clocks_skip_names_both_readings() {
        let fault = oslo(NOW).time("tomorrow 02:30").unwrap_err();

        assert_eq!(fault.code(), Code::TimeSkipped);
        let said = format!("{fault:?}");
        assert!(said.contains("2026-03-29T01:30:00+01:00") && said.contains("2026-03-29T03:30:00+02:00"), "{said}");
    }

    #[test]
    fn a_time_that_the_clocks_show_twice_names_both() {
        let autumn = at("2026-10-25T00:00:00Z");
        let fault = oslo(autumn).time("02:30").unwrap_err();

        assert_eq!(fault.code(), Code::TimeTwice);
        let said = format!("{fault:?}");
        assert!(said.contains("2026-10-25T02:30:00+02:00") && said.contains("2026-10-25T02:30:00+01:00"), "{said}");
        for said in ["2026-10-25T02:30:00+01:00", "2026-10-25 02:30+01:00"] {
            assert_eq!(oslo(autumn).time(said).unwrap(), at("2026-10-25T01:30:00Z"));
        }
        let window = oslo(autumn).window("2026-10-25 02:30+02:00/02:30+01:00").unwrap().window;
        assert_eq!((window.start(), window.end()), (at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z")));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for said in [
            "",
            "noon",
            "25:00",
            "9:0",
            "12:60",
            "+",
            "+m",
            "+5",
            "+5w",
            "1430",
            "tomorrow 143",
            "tomorrow 1460",
            "+9999999999m",
            "2026-02-30 08:00",
        ] {
            assert_eq!(oslo(NOW).time(said).map_err(|f| f.code()), Err(Code::TimeUnreadable), "{said}");
        }
        assert_eq!(oslo(NOW).time("1969-12-31T23:59:59Z").map_err(|f| f.code()), Err(Code::TimeOutOfRange));
        assert_eq!(oslo(NOW).time("12:00@Mars/Base").map_err(|f| f.code()), Err(Code::ZoneUnknown));
    }

    #[test]
    fn a_program_writes_rfc_3339_and_nothing_else() {
        let times = Times::exact("Europe/Oslo");

        assert!(times.time("2026-11-24T12:00:00Z").is_ok());
        for said in ["12:00", "tomorrow 12:00", "+90m", "2026-11-24T12:00"] {
            assert_eq!(times.time(said).map_err(|f| f.code()), Err(Code::TimeUnreadable), "{said}");
        }
    }

    #[test]
    fn a_window_keeps_the_zone_in_which_it_was_thought_of() {
        let day = "2026-11-24T15:00:00Z/2026-11-24T16:00:00Z";
        let expected = Window::new(at("2026-11-24T15:00:00Z"), at("2026-11-24T16:00:00Z")).unwrap();
        let exact = Times::exact("Europe/Oslo");

        let named = exact.window(&format!("{day}@Asia/Seoul")).unwrap();
        assert_eq!((named.window, named.zone.as_str()), (expected, "Asia/Seoul"));
        assert_eq!(exact.window(&write_window(&named)).unwrap(), named);
        assert_eq!(exact.window(day).unwrap().zone, "Europe/Oslo");
        assert_eq!(Times::exact("").window(day).unwrap().zone, "UTC");
        let spoken = oslo(NOW);
        assert_eq!(spoken.window("2026-11-24 16:00/17:00").unwrap().window, expected);
        assert_eq!(spoken.window("2026-11-24 16:00/+1h").unwrap().window, expected);
        assert_eq!(spoken.window("2026-11-24 1600/1700").unwrap().window, expected);
        assert_eq!(spoken.window("2026-11-25 00:00/01:00@Asia/Seoul").unwrap().window, expected);
    }

    #[test]
    fn a_window_over_midnight_ends_on_the_next_day() {
        let ends = |said: &str| oslo(NOW).window(said).map(|offered| offered.window.end());

        assert_eq!(ends("2026-11-24 23:30/00:30").unwrap(), at("2026-11-24T23:30:00Z"));
        assert_eq!(ends("2026-11-24 20:00/8:00").unwrap(), at("2026-11-25T07:00:00Z"));
        assert_eq!(ends("2026-11-24 20:00/08:01").map_err(|f| f.code()), Err(Code::WindowBackwards), "a slip");
    }

    #[test]
    fn a_window_that_is_none_says_why() {
        let code = |said: &str| oslo(NOW).window(said).map_err(|f| f.code());

        assert_eq!(code("16:00"), Err(Code::WindowUnreadable));
        assert_eq!(code("16:00/15:00"), Err(Code::WindowBackwards));
        assert_eq!(code("16:00/16:00"), Err(Code::WindowBackwards));
        assert_eq!(code("16:00/+8d"), Err(Code::WindowTooLong));
        assert_eq!(code("16:00/tomorrow 02:30"), Err(Code::TimeSkipped));
    }
}
