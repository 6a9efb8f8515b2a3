//! Plots as the server draws them, each with a sentence that says the same.

use counterpart_core::time::Timestamp;

use crate::words::Words;

/// Hours that a plot of checks shows.
pub(super) const HOURS: u64 = 24;
const HOUR_MS: u64 = 3_600_000;
/// The longest time that the scale of times to SEEN has, in milliseconds.
const LONGEST_MS: f64 = 24.0 * 3_600_000.0;
/// The scale begins at a second, with room for a point on either side.
const SCALE: (f64, f64) = (6.0, 288.0);
/// Ticks of that scale, in seconds.
const TICKS_S: [u64; 6] = [1, 10, 60, 900, 3_600, 28_800];

/// A test of the line that one watch wrote and the other answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tested {
    /// When it was written.
    pub written: Timestamp,
    /// When a person answered.
    pub answered: Option<Timestamp>,
    /// Within what time the charter asks for an answer, in milliseconds.
    pub within_ms: u64,
}

/// What became of the tests of one hour.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Fate {
    /// None was written.
    None,
    /// Each was answered in time.
    Answered,
    /// One still has time.
    Waits,
    /// One was answered late.
    Late,
    /// One was not answered, and its time is over.
    Unanswered,
}

/// A bar of a plot of tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Bar {
    /// Tenths of a unit from the left.
    pub x: u64,
    pub fate: Fate,
}

/// Tests of a day, by the hour.
pub(super) struct Tests {
    pub bars: Vec<Bar>,
    /// The same in words.
    pub told: String,
}

/// A request on the scale of times to SEEN.
pub(super) struct Point {
    pub x: String,
    /// It took longer than the charter gives for its precedence.
    pub is_late: bool,
}

/// Times to SEEN of a day's requests.
pub(super) struct Times {
    pub points: Vec<Point>,
    /// The times that the charter gives for the precedences asked.
    pub limits: Vec<String>,
    pub told: String,
}

impl Tested {
    fn fate(&self, now: Timestamp) -> Fate {
        match self.answered {
            Some(at) if at.since(self.written) <= self.within_ms => Fate::Answered,
            Some(_) => Fate::Late,
            None if now.since(self.written) <= self.within_ms => Fate::Waits,
            None => Fate::Unanswered,
        }
    }
}

impl Bar {
    /// In units.
    pub fn left(&self) -> String {
        format!("{}.{}", self.x / 10, self.x % 10)
    }

    pub fn is_full(&self) -> bool {
        self.fate == Fate::Answered
    }

    pub fn is_late(&self) -> bool {
        self.fate == Fate::Late
    }

    pub fn is_none(&self) -> bool {
        self.fate == Fate::None
    }

    pub fn waits(&self) -> bool {
        self.fate == Fate::Waits
    }
}

/// The tests of the hours before `now`, of each hour the worst; all of them have the mark of this word.
pub(super) fn tests(tested: &[Tested], now: Timestamp, mark: &str, words: &Words) -> Tests {
    let fates = |hour: u64| {
        let (from, until) = ((HOURS - hour) * HOUR_MS, (HOURS - hour - 1) * HOUR_MS);
        let in_hour = tested.iter().filter(move |test| {
            let ago = now.since(test.written);
            ago < from && ago >= until && test.written <= now
        });
        in_hour.map(|test| test.fate(now)).max().unwrap_or(Fate::None)
    };
    let bars = (0..HOURS).map(|hour| Bar { x: 45 + hour * 123, fate: fates(hour) }).collect();
    let count = |fate: Fate| tested.iter().filter(|test| test.fate(now) == fate).count();
    let args = [
        ("count", tested.len().into()),
        ("answered", count(Fate::Answered).into()),
        ("late", count(Fate::Late).into()),
        ("waits", count(Fate::Waits).into()),
        ("unanswered", count(Fate::Unanswered).into()),
        ("mark", mark.into()),
    ];
    Tests { bars, told: words.say("morning-tests", &args) }
}

/// Where a time stands on the scale, which grows by factors.
fn x(ms: u64) -> String {
    let seconds = (ms as f64 / 1_000.0).clamp(1.0, LONGEST_MS / 1_000.0);
    let (begin, width) = SCALE;
    format!("{:.1}", begin + width * seconds.ln() / (LONGEST_MS / 1_000.0).ln())
}

/// Ticks of the scale with what stands at them.
pub(super) fn ticks(words: &Words) -> Vec<(String, String)> {
    let tick = |seconds: u64| {
        let (id, count) = match seconds {
            0..60 => ("morning-seconds", seconds),
            60..3_600 => ("morning-minutes", seconds / 60),
            _ => ("morning-hours", seconds / 3_600),
        };
        (x(seconds * 1_000), words.say(id, &[("count", count.into())]))
    };
    TICKS_S.map(tick).into()
}

/// Requests of which the time to SEEN (`None`: not seen) and what the charter gives are known, in milliseconds; all of them have the
/// mark of this word.
pub(super) fn times(asked: &[(Option<u64>, u64)], mark: &str, words: &Words) -> Times {
    let seen: Vec<(u64, u64)> = asked.iter().filter_map(|(took, within)| took.map(|took| (took, *within))).collect();
    let points = seen.iter().map(|(took, within)| Point { x: x(*took), is_late: took > within });
    let mut limits: Vec<u64> = asked.iter().map(|(_, within)| *within).collect();
    limits.sort_unstable();
    limits.dedup();
    let ends = (seen.iter().map(|(took, _)| *took).min(), seen.iter().map(|(took, _)| *took).max());
    let late = seen.iter().filter(|(took, within)| took > within).count();
    let told = match ends {
        (Some(least), Some(most)) => {
            let args = [
                ("count", asked.len().into()),
                ("seen", seen.len().into()),
                ("least", words.lasts(least).into()),
                ("most", words.lasts(most).into()),
                ("late", late.into()),
                ("spread", if words.lasts(least) == words.lasts(most) { "same" } else { "some" }.into()),
            ];
            words.say("morning-seen", &args)
        }
        _ => words.say("morning-none-seen", &[("count", asked.len().into()), ("mark", mark.into())]),
    };
    Times { points: points.collect(), limits: limits.into_iter().map(x).collect(), told }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(100 * HOUR_MS);

    fn test(hours_ago: u64, answered_after_ms: Option<u64>) -> Tested {
        let written = Timestamp(NOW.0 - hours_ago * HOUR_MS + 1);
        let answered = answered_after_ms.map(|ms| written.plus(ms));
        Tested { written, answered, within_ms: 900_000 }
    }

    #[test]
    fn each_hour_shows_the_worst_of_its_tests_and_the_sentence_counts_them_all() {
        let late = test(24, Some(900_001));
        let tested =
            [late, test(2, Some(900_000)), test(2, None), test(1, Some(1)), Tested { written: NOW, ..test(0, None) }];

        let plot = tests(&tested, NOW, "OPERATION", &Words::english());

        let fates: Vec<Fate> = plot.bars.iter().map(|bar| bar.fate).collect();
        assert_eq!((fates[0], fates[22], fates[23]), (Fate::Late, Fate::Unanswered, Fate::Waits));
        assert!(fates[1..22].iter().all(|fate| *fate == Fate::None) && fates.len() == 24);
        assert_eq!(plot.told, "5 checks: 2 answered in time, 1 late, 1 not answered, 1 still in time.");
        let none = tests(&[], NOW, "OPERATION", &Words::english()).told;
        assert_eq!(none, "None marked OPERATION was written.");
    }

    #[test]
    fn a_time_stands_where_the_scale_has_it_and_beyond_its_ends_at_them() {
        assert_eq!(
            (x(0), x(1_000), x(86_400_000), x(u64::MAX)),
            ("6.0".into(), "6.0".into(), "294.0".into(), "294.0".into())
        );
        let [ten, minute] = [10_000, 60_000].map(|ms| x(ms).parse::<f64>().unwrap());
        assert!(ten > 6.0 && minute > ten && minute < 150.0);
        assert_eq!(ticks(&Words::english()).len(), TICKS_S.len());
    }

    #[test]
    fn what_took_longer_than_the_charter_gives_is_late_and_the_sentence_says_how_many() {
        let words = Words::english();
        let plot = times(&[(Some(41_000), 900_000), (Some(901_000), 900_000), (None, 300_000)], "TEST", &words);

        assert_eq!(plot.points.iter().map(|p| p.is_late).collect::<Vec<_>>(), [false, true]);
        assert_eq!(plot.limits.len(), 2);
        assert_eq!(plot.told, "2 of 3 requests seen, after 41.0 s to 15 min 01 s; 1 later than the charter gives.");
        let alike = times(&[(Some(180_000), 900_000), (Some(180_000), 900_000)], "TEST", &words);
        assert_eq!(alike.told, "2 of 2 requests seen, after 3 min 00 s; none later than the charter gives.");
        assert_eq!(times(&[], "TEST", &words).told, "None marked TEST.");
        assert_eq!(times(&[(None, 1)], "TEST", &words).told, "1 request, not seen.");
    }
}
