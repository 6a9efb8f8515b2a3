//! Until when something is put off: a time of day on both clocks, and a day. Chosen, not typed: a key that is meant for a field would press
//! the first key of the form. All of it lies ahead, whatever is chosen together.

use counterpart_core::time::Timestamp;

use super::fields::Fields;
use super::keys::Codes;
use crate::api::fault::Fault;
use crate::api::times::Times;
use crate::view::Side;
use crate::words::clocks::Telling;

/// The step of the times that are offered.
const STEP_MS: u64 = 30 * MINUTE_MS;
const MINUTE_MS: u64 = 60_000;
/// So many steps are a day.
const STEPS: u64 = 48;
/// For so long the difference of both clocks must stay for a time of day to be said on both: the days that can be chosen.
const AHEAD_MS: u64 = 15 * 24 * 60 * MINUTE_MS;
/// A time without a day: the next of its kind.
const NEXT: &str = "next ";

/// What can be chosen.
#[derive(Default)]
pub(super) struct PutOff {
    /// Days from tomorrow on, with how they are said; before them, with an empty value, today or tomorrow, whichever the time makes it.
    pub days: Vec<(String, String)>,
    /// Times of the day, from the next on, with what they are on both clocks.
    pub times: Vec<(String, String)>,
}

impl PutOff {
    /// The same, where one of these keys puts something off; nothing where none does.
    pub fn for_codes(keys: &[Codes], telling: &Telling<'_>, days: &[(String, String)]) -> PutOff {
        let puts_off = keys.iter().any(|codes| codes.act == "defer" && codes.why.is_none());
        if puts_off { PutOff::of(telling, days) } else { PutOff::default() }
    }

    /// What can be chosen at this moment, with the days from today on.
    pub fn of(telling: &Telling<'_>, days: &[(String, String)]) -> PutOff {
        let first = (String::new(), telling.say("defer-next", &[]));
        let days = std::iter::once(first).chain(days.iter().skip(1).cloned()).collect();
        let now = telling.clocks.now;
        // Half hours are those of the clock here, which may be a quarter of an hour off those of UTC.
        let off = u64::try_from(telling.minutes_ahead(Side::Ours, now).rem_euclid(30)).unwrap_or(0) * MINUTE_MS;
        let begun = (now.0 + off) / STEP_MS * STEP_MS - off;
        let mut times: Vec<(String, String)> = Vec::new();
        for step in 1..=STEPS {
            let at = Timestamp(begun + step * STEP_MS);
            let time = hour(telling, Side::Ours, at);
            // Where the clocks go back a time comes twice, and is offered once.
            if times.iter().all(|(known, _)| *known != time) {
                times.push((time, both(telling, at)));
            }
        }
        PutOff { days, times }
    }
}

fn hour(telling: &Telling<'_>, side: Side, at: Timestamp) -> String {
    telling.hand(side, at).time.chars().take(5).collect()
}

/// A time of day on both clocks; on ours alone where one of them is about to change, for then it depends on the day.
fn both(telling: &Telling<'_>, at: Timestamp) -> String {
    let ahead = |side, at| telling.minutes_ahead(side, at);
    let stays = |side| ahead(side, at) == ahead(side, at.plus(AHEAD_MS));
    let [ours, theirs] = [Side::Ours, Side::Theirs].map(|side| hour(telling, side, at));
    let here = telling.clocks.ours.name.as_str();
    if ours == theirs || !stays(Side::Ours) || !stays(Side::Theirs) {
        return telling.say("time-one", &[("time", ours.into()), ("zone", here.into())]);
    }
    let there = telling.clocks.theirs.name.as_str();
    let args = [("ours", ours.into()), ("here", here.into()), ("theirs", theirs.into()), ("there", there.into())];
    let told = telling.say("time-both", &args);
    let is_same = telling.day(Side::Ours, at) == telling.day(Side::Theirs, at);
    match (is_same, ahead(Side::Theirs, at) > ahead(Side::Ours, at)) {
        (true, _) => told,
        (false, true) => telling.say("defer-day-after", &[("times", told.into())]),
        (false, false) => telling.say("defer-day-before", &[("times", told.into())]),
    }
}

/// Acts with an until that is chosen so: the form of the others has the same fields, and other keys.
const ACTS: [&str; 2] = ["defer", "state"];

/// Until when it is put off, or what is declared holds, as it was chosen.
pub(super) fn chosen(fields: &Fields) -> Option<String> {
    let time =
        fields.text("until-time").filter(|_| fields.text("act").is_some_and(|act| ACTS.contains(&act.as_str())))?;
    Some(match fields.text("until-day") {
        Some(day) => format!("{day} {time}"),
        None => format!("{NEXT}{time}"),
    })
}

/// That time.
///
/// # Errors
/// It is none, or comes twice.
pub(super) fn read(times: &Times, said: &str, now: Timestamp) -> Result<Timestamp, Fault> {
    let Some(time) = said.strip_prefix(NEXT) else { return times.time(said) };
    let today = times.time(&format!("today {time}"))?;
    if today > now { Ok(today) } else { times.time(&format!("tomorrow {time}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Words;
    use crate::words::clocks::{Clocks, Place};

    /// 2013-02-13T08:07:41Z.
    const NOW: Timestamp = Timestamp(1_360_742_861_000);

    fn times(ours: &str, theirs: &str, now: Timestamp) -> Vec<(String, String)> {
        let clocks = Clocks { ours: Place::new("Northland", ours), theirs: Place::new("Sundmark", theirs), now };
        PutOff::of(&Telling { words: &Words::english(), clocks: &clocks }, &[]).times
    }

    #[test]
    fn a_day_of_half_hours_is_offered_from_the_next_on_with_both_clocks() {
        let offered = times("America/New_York", "Asia/Seoul", NOW);

        assert_eq!(offered.len(), 48);
        assert_eq!(offered[0], ("03:30".into(), "03:30 Northland, 17:30 Sundmark".into()));
        assert_eq!(offered[13], ("10:00".into(), "10:00 Northland, 00:00 Sundmark (the day after)".into()));
        assert_eq!(offered[47].0, "03:00");
        let back = times("Asia/Seoul", "America/New_York", NOW);
        assert_eq!(back[14], ("00:30".into(), "00:30 Northland, 10:30 Sundmark (the day before)".into()));
        assert_eq!(times("Asia/Kathmandu", "Asia/Seoul", NOW)[0].0, "14:00", "a zone that is a quarter off");
    }

    #[test]
    fn where_a_clock_is_about_to_change_and_where_both_read_alike_one_is_said() {
        // 2013-03-05: the clocks of New York go forward on the 10th.
        let changing = times("America/New_York", "Asia/Seoul", NOW.plus(20 * 24 * 60 * MINUTE_MS));

        assert_eq!(changing[0].1, "03:30 Northland");
        assert_eq!(times("Europe/Paris", "Europe/Berlin", NOW)[0].1, "09:30 Northland");
    }

    #[test]
    fn a_time_that_was_chosen_goes_with_a_deferral_and_with_no_other_key_and_without_a_day_it_is_the_next() {
        let of = |pairs: &[(&str, &str)]| chosen(&Fields::of(pairs));
        let zone = Times::spoken("Asia/Seoul", NOW);
        let read = |said: &str| read(&zone, said, NOW).unwrap().0;

        assert_eq!(
            of(&[("act", "defer"), ("until-day", "2013-02-15"), ("until-time", "20:30")]).unwrap(),
            "2013-02-15 20:30"
        );
        assert_eq!(of(&[("act", "defer"), ("until-day", ""), ("until-time", "20:30")]).unwrap(), "next 20:30");
        assert_eq!(of(&[("act", "defer"), ("until-day", "2013-02-15"), ("until-time", "")]), None);
        assert!(of(&[("act", "state"), ("until-day", ""), ("until-time", "20:30")]).is_some());
        assert_eq!(of(&[("act", "seen"), ("until-day", "2013-02-15"), ("until-time", "20:30")]), None);
        // It is 17:07 there.
        assert_eq!(read("next 17:30"), NOW.0 + 1_339_000);
        assert_eq!(read("next 17:00"), NOW.0 + 24 * 60 * MINUTE_MS - 461_000);
    }
}
