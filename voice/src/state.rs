//! What one side tells the other of a call (§8.8 of `docs/protocol.md`), beside the record and never in it: its whole present state, each time anew, so that
//! one that is lost or comes twice changes nothing.

use counterpart_core::record::cbor::Value;
use counterpart_core::record::codes::{EndReason, Part};

use crate::call::{Named, Report};
use crate::codec::{Codec, Codecs};
use crate::quality::Arrived;
use crate::seat::{Number, SIDE_PEOPLE_MAX};

/// A side's state of one call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// By this number the side reads packets of the call.
    pub number: u32,
    /// What all its legs can take; one at least.
    pub codecs: Codecs,
    /// Its watch has put through.
    pub through: bool,
    /// It has ended the call, and why.
    pub over: Option<EndReason>,
    /// Its people, by number.
    pub people: Vec<(Number, Named)>,
    /// How the other's voices arrive at it, by number.
    pub reports: Vec<Report>,
}

/// Bytes that are no state: the sender's fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StateFault;

impl State {
    /// `[number, [* codec], through, end-reason or null, [* person], [* report]]` in deterministic CBOR. A person is `[number, part,
    /// listens, muted, on-line, here]`, a report `[number, newest, expected, received, jitter in µs]`; lists ascend.
    pub fn encode(&self) -> Vec<u8> {
        let codecs = Codec::ALL.into_iter().filter(|codec| self.codecs.has(*codec));
        let codecs = codecs.map(|codec| Value::Uint(u64::from(codec.number()))).collect();
        let over = self.over.map_or(Value::Null, |reason| Value::Uint(reason.number()));
        let people = self.people.iter().map(|(number, named)| write_person(*number, named)).collect();
        let reports = self.reports.iter().map(write_report).collect();
        let number = Value::Uint(u64::from(self.number));
        let lists = [Value::Array(people), Value::Array(reports)];
        let [people, reports] = lists;
        Value::Array(vec![number, Value::Array(codecs), Value::Bool(self.through), over, people, reports]).encode()
    }

    /// Reads one, strictly: what is read is written as the same bytes.
    ///
    /// # Errors
    /// [`StateFault`].
    pub fn decode(bytes: &[u8]) -> Result<State, StateFault> {
        Value::decode(bytes).ok().as_ref().and_then(read).ok_or(StateFault)
    }
}

fn write_person(number: Number, named: &Named) -> Value {
    let said = [named.listens, named.muted, named.on_line, named.here].map(Value::Bool);
    let head = [Value::Uint(number.index() as u64), Value::Uint(named.part.number())];
    Value::Array(head.into_iter().chain(said).collect())
}

fn write_report(report: &Report) -> Value {
    let Report { person, newest, arrived } = report;
    let numbers = [person.index() as u64, u64::from(*newest), arrived.expected, arrived.received, arrived.jitter_us];
    Value::Array(numbers.into_iter().map(Value::Uint).collect())
}

fn read(value: &Value) -> Option<State> {
    let [number, codecs, through, over, people, reports] = value.as_array()? else { return None };
    let codecs = codecs.as_array()?.iter().map(|codec| Codec::from_number(u8::try_from(codec.as_uint()?).ok()?));
    let codecs: Vec<Codec> = codecs.collect::<Option<_>>()?;
    let over = match over {
        Value::Null => None,
        reason => Some(EndReason::from_number(reason.as_uint()?)?),
    };
    let people: Vec<_> = people.as_array()?.iter().map(read_person).collect::<Option<_>>()?;
    let reports: Vec<_> = reports.as_array()?.iter().map(read_report).collect::<Option<_>>()?;
    let in_order = codecs.is_sorted_by(|a, b| a < b)
        && people.is_sorted_by(|(a, _), (b, _)| a < b)
        && reports.is_sorted_by(|a, b| a.person < b.person);
    let bounded = !codecs.is_empty() && people.len() <= SIDE_PEOPLE_MAX && reports.len() <= SIDE_PEOPLE_MAX;
    (in_order && bounded).then_some(())?;
    let number = u32::try_from(number.as_uint()?).ok()?;
    let codecs = codecs.into_iter().collect();
    Some(State { number, codecs, through: through.as_bool()?, over, people, reports })
}

fn read_number(value: &Value) -> Option<Number> {
    Number::new(u8::try_from(value.as_uint()?).ok()?)
}

fn read_person(value: &Value) -> Option<(Number, Named)> {
    let [number, part, listens, muted, on_line, here] = value.as_array()? else { return None };
    let named = Named {
        part: Part::from_number(part.as_uint()?)?,
        listens: listens.as_bool()?,
        muted: muted.as_bool()?,
        on_line: on_line.as_bool()?,
        here: here.as_bool()?,
    };
    Some((read_number(number)?, named))
}

fn read_report(value: &Value) -> Option<Report> {
    let [person, newest, expected, received, jitter] = value.as_array()? else { return None };
    let [expected, received, jitter_us] = [expected.as_uint()?, received.as_uint()?, jitter.as_uint()?];
    let arrived = (received <= expected).then_some(Arrived { expected, received, jitter_us })?;
    Some(Report { person: read_number(person)?, newest: u32::try_from(newest.as_uint()?).ok()?, arrived })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    fn state() -> State {
        let named = Named { part: Part::Interpreter, listens: false, muted: true, on_line: true, here: false };
        let [one, two] = [1, 2].map(|number| Number::new(number).unwrap());
        let arrived = Arrived { expected: 500, received: 450, jitter_us: 16_000 };
        State {
            number: u32::MAX,
            codecs: [Codec::Opus, Codec::Pcmu].into_iter().collect(),
            through: true,
            over: Some(EndReason::Done),
            people: vec![(one, named), (two, Named { part: Part::Watch, ..named })],
            reports: vec![Report { person: two, newest: 499, arrived }],
        }
    }

    #[test]
    fn a_state_is_read_back_as_it_was() {
        let bare = State { over: None, people: vec![], reports: vec![], ..state() };

        for state in [state(), bare] {
            assert_eq!(State::decode(&state.encode()), Ok(state));
        }
    }

    #[test]
    fn a_state_that_is_unordered_empty_too_long_or_impossible_is_refused() {
        let refused = |change: fn(&mut State)| {
            let mut state = state();
            change(&mut state);
            assert_eq!(State::decode(&state.encode()), Err(StateFault));
        };

        refused(|state| state.codecs = Codecs::NONE);
        refused(|state| state.people.reverse());
        refused(|state| state.people.push(state.people[1]));
        refused(|state| state.reports.push(state.reports[0]));
        refused(|state| state.reports[0].arrived.received = 501);
        assert_eq!(State::decode(&[]), Err(StateFault));
        assert_eq!(State::decode(&[&state().encode()[..], &[0]].concat()), Err(StateFault));
    }
}
