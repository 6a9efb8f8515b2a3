//! Times, windows and the protocol's own words, as they stand in JSON.

use std::borrow::Cow;

use counterpart_core::line::ladder::Rung;
use counterpart_core::line::talk::{TalkState, Word};
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::{
    Channel, CheckBy, Clause, Code, Deadline, EndReason, Instrument, LineState, Mode, OnSilence, Part,
};
use counterpart_core::time::{self, Timestamp};
use jiff::SignedDuration;
use jiff::civil::{DateTime, date};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::words::clocks::Telling;

/// A claimed time: RFC 3339 in UTC with milliseconds, "2013-02-12T18:02:04.000Z".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Moment(pub Timestamp);

impl Moment {
    fn parse(text: &str) -> Option<Moment> {
        let at: DateTime = text.strip_suffix('Z')?.parse().ok()?;
        let ms = at.duration_since(epoch()).as_millis();
        Timestamp::new(u64::try_from(ms).ok()?).map(Moment)
    }
}

fn epoch() -> DateTime {
    date(1970, 1, 1).at(0, 0, 0, 0)
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The civil calendar reaches exactly as far as `Timestamp::MAX`; a zoned one does not.
        let ms = i64::try_from(self.0.0).unwrap_or(i64::MAX);
        let at = epoch().checked_add(SignedDuration::from_millis(ms)).unwrap_or(DateTime::MAX);
        write!(f, "{}Z", at.strftime("%Y-%m-%dT%H:%M:%S%.3f"))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

impl<T> JsonSchema for ByWord<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Word".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Moment, D::Error> {
        let text = String::deserialize(from)?;
        Moment::parse(&text).ok_or_else(|| D::Error::custom("not a time in RFC 3339 and UTC"))
    }
}

/// An interval, and the zone in which its author thought of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Window {
    /// Its first moment.
    pub start: Moment,
    /// The first moment after it.
    pub end: Moment,
    /// An IANA name, as its author wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl Window {
    /// Of an interval alone.
    pub fn of(window: time::Window) -> Window {
        Window { start: Moment(window.start()), end: Moment(window.end()), zone: None }
    }

    /// On both sides' clocks, and in the zone of its author's where that is another; empty if it is no interval.
    pub fn told(&self, telling: &Telling<'_>) -> String {
        let zone = self.zone.as_deref().unwrap_or_default();
        self.window().map(|window| telling.offered(window, zone)).unwrap_or_default()
    }

    /// The interval; `None` if it came from outside and ends before it starts.
    pub fn window(&self) -> Option<time::Window> {
        time::Window::new(self.start.0, self.end.0)
    }
}

/// A member of one of the protocol's closed lists, written as its word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ByWord<T>(pub T);

/// What has a word of the protocol.
pub trait Worded: Copy {
    /// The word.
    fn word(self) -> &'static str;
    /// Reads the word.
    fn parse(word: &str) -> Option<Self>;
}

impl<T: Worded> Serialize for ByWord<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.word())
    }
}

impl<'de, T: Worded> Deserialize<'de> for ByWord<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<ByWord<T>, D::Error> {
        let word = String::deserialize(from)?;
        T::parse(&word).map(ByWord).ok_or_else(|| D::Error::custom(format!("unknown word {word:?}")))
    }
}

/// For the lists that read their own words.
macro_rules! worded {
    ($($list:ty),+ $(,)?) => {$(
        impl Worded for $list {
            fn word(self) -> &'static str {
                <$list>::word(self)
            }
            fn parse(word: &str) -> Option<Self> {
                <$list>::parse(word)
            }
        }
    )+};
}
worded!(
    Code, Mode, Channel, OnSilence, Clause, Deadline, LineState, Instrument, CheckBy, Precedence, Mark, Part,
    EndReason,
);

impl Worded for Rung {
    fn word(self) -> &'static str {
        Rung::word(self)
    }
    fn parse(word: &str) -> Option<Rung> {
        Rung::ALL.into_iter().find(|rung| rung.word() == word)
    }
}

impl Worded for TalkState {
    fn word(self) -> &'static str {
        TalkState::word(self)
    }
    fn parse(word: &str) -> Option<TalkState> {
        use TalkState as T;
        let all = [T::None, T::Planned, T::Joined, T::Cancelled, T::Missed, T::Stated, T::Talked, T::Crossed];
        all.into_iter().find(|state| state.word() == word)
    }
}

impl Worded for Word {
    fn word(self) -> &'static str {
        match self {
            Word::None => "none",
            Word::Joined => "joined",
            Word::Missed => "missed",
            Word::Cancelled => "cancelled",
            Word::Talked => "talked",
        }
    }
    fn parse(word: &str) -> Option<Word> {
        use Word as W;
        [W::None, W::Joined, W::Missed, W::Cancelled, W::Talked].into_iter().find(|w| Worded::word(*w) == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_back_from_json_to_the_millisecond_from_the_first_to_the_last() {
        for ms in [0, 1, 1_360_742_861_007, Timestamp::MAX.0] {
            let moment = Moment(Timestamp(ms));
            let json = serde_json::to_string(&moment).unwrap();
            assert_eq!(serde_json::from_str::<Moment>(&json).unwrap(), moment, "{json}");
        }
        assert_eq!(Moment(Timestamp(1_360_742_861_007)).to_string(), "2013-02-13T08:07:41.007Z");
        assert_eq!(Moment(Timestamp::MAX).to_string(), "9999-12-31T23:59:59.999Z");
        assert!(serde_json::from_str::<Moment>("\"1969-12-31T00:00:00Z\"").is_err());
    }

    #[test]
    fn a_word_comes_back_from_json_and_another_is_an_error() {
        let json = serde_json::to_string(&[ByWord(Code::Travelling), ByWord(Code::Unstated)]).unwrap();
        assert_eq!(json, "[\"TRAVELLING\",\"UNSTATED\"]");
        assert_eq!(serde_json::from_str::<Vec<ByWord<Code>>>(&json).unwrap().len(), 2);
        assert!(serde_json::from_str::<ByWord<Rung>>("\"HEARD\"").is_err());
    }
}
