//! `GET /api/v1/calendar.ics`: agreed windows as an iCalendar feed (RFC 5545). A calendar is copied to telephones and other people's
//! machines: what a request is about does not stand in it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use counterpart_core::ids::EntryRef;
use counterpart_core::line::crossing::{Outcome, Say};
use counterpart_core::line::facts::Fact;
use counterpart_core::line::talk::TalkState;
use counterpart_core::time::{Timestamp, Window};
use icalendar::{Calendar, Class, Component, Event, EventStatus};
use sha2::{Digest, Sha256};

use super::Api;
use super::door::From;
use super::fault::Told;
use super::places::Place;
use super::sight::hexadecimal;
use crate::view::{Moment, Side, Sight};

/// Windows that ended longer ago are left out, in milliseconds.
const KEPT_MS: u64 = 90 * 24 * 3_600_000;
/// Windows of one line; the latest are kept.
const EVENTS_MAX: usize = 1_000;

/// `GET /api/v1/calendar/{secret}`: the same, for a program that can send no header. The secret is in the address and opens nothing else.
pub(super) async fn feed(
    State(api): State<Api>,
    Path(said): Path<String>,
    from: Option<Extension<From>>,
    place: Option<Extension<Place>>,
) -> Result<impl IntoResponse, Told> {
    // On the command socket nobody comes from anywhere.
    let from = from.map_or(IpAddr::from([127, 0, 0, 1]), |Extension(From(from))| from);
    api.opens_calendar(said.strip_suffix(".ics").unwrap_or(&said), from).await?;
    if let Some(Extension(place)) = place {
        place.is_known();
    }
    calendar(State(api)).await
}

/// The handler.
pub(super) async fn calendar(State(api): State<Api>) -> Result<impl IntoResponse, Told> {
    let _turn = api.page_turn().await?;
    let mut calendar = begun();
    for id in api.ids().await? {
        for event in api.see(id, events).await? {
            calendar.push(event);
        }
    }
    Ok(([(CONTENT_TYPE, "text/calendar; charset=utf-8")], calendar.to_string()))
}

/// A calendar that says what made it (RFC 5545 §3.7.3).
fn begun() -> Calendar {
    let made_by = format!("-//Counterpart//{}//EN", env!("CARGO_PKG_VERSION"));
    Calendar::empty()
        .append_property(("VERSION", "2.0"))
        .append_property(("PRODID", made_by.as_str()))
        .append_property(("CALSCALE", "GREGORIAN"))
        .done()
}

/// The agreed windows of one line, of all its epochs. What broke off with an epoch stays in the calendar, as cancelled: else it would go
/// from one subscribed to without a word, or stay as it was in one that keeps what it once had.
fn events(sight: &Sight<'_>) -> Vec<Event> {
    let epochs = sight.line.spans().map(|span| span.epoch());
    let mut all: Vec<Event> = epochs.flat_map(|epoch| events_of(&Sight { epoch, ..*sight })).collect();
    let last = all.len().saturating_sub(EVENTS_MAX);
    all.split_off(last)
}

/// Those of one epoch, by their begin.
fn events_of(sight: &Sight<'_>) -> Vec<Event> {
    let view = sight.view();
    let since = Timestamp(sight.telling.clocks.now.0.saturating_sub(KEPT_MS));
    let asks = [Side::Ours, Side::Theirs].into_iter().flat_map(|side| view.asks(sight.party(side)));
    // Two asks that are decided by one act have one talk.
    let mut acts = BTreeSet::new();
    let agreed = asks.filter_map(|ask| {
        let decision = view.decision(ask);
        match decision.outcome {
            Outcome::Said(Say::Agreed(window)) if window.end() > since => {
                acts.insert(decision.deciding).then_some((window, ask))
            }
            _ => None,
        }
    });
    let mut agreed: Vec<(Window, &Fact)> = agreed.collect();
    agreed.sort_by_key(|(window, ask)| (window.start(), ask.at));
    agreed.into_iter().map(|(window, ask)| event(sight, ask, window)).collect()
}

/// One window. It has the same name each time it is asked for, and a number that rises as more is said of its talk.
fn event(sight: &Sight<'_>, ask: &Fact, window: Window) -> Event {
    let view = sight.view();
    let decision = view.decision(ask);
    let settled = view.settled_for(sight.me(), &decision);
    let talk = view.talk(ask);
    let words = sight.telling.words;
    let [peer, name] = [sight.call_sign(Side::Theirs), sight.named(ask.at).name];
    let args = [("peer", peer.into()), ("name", name.into())];
    let summary = words.say("calendar-summary", &args);
    let mark = ask.mark.unwrap_or(counterpart_core::precedence::Mark::Operation);
    let said = talk.acts.iter().chain(&decision.deciding).filter_map(|at| view.fact(*at)).map(|fact| fact.time).max();
    let broke_off = sight.is_broken_off(ask).then(|| sight.line.opened_by()).flatten();
    let ended = broke_off.and_then(|at| Some(sight.line.facts().all().fact(at)?.time));
    let status = match talk.state {
        TalkState::Cancelled => EventStatus::Cancelled,
        _ if broke_off.is_some() => EventStatus::Cancelled,
        _ if settled => EventStatus::Confirmed,
        _ => EventStatus::Tentative,
    };
    let act = decision.deciding.first().copied().unwrap_or(ask.at);
    // Whether it was settled when the calendar was last asked for is not known: two more is later than both. The end of its epoch can
    // leave it unsettled again.
    let has_ended = usize::from(view.ended().is_some());
    let number = talk.acts.len() + usize::from(settled) + 2 * (has_ended + usize::from(broke_off.is_some()));
    let shown = match broke_off {
        Some(_) => words.say("calendar-broken-off", &[("epoch", sight.epoch.number.to_string().into())]),
        None => words.shown(decision.outcome, view.covered_for(sight.me(), &decision)).said,
    };
    let mut event = Event::new();
    event
        .uid(&uid(sight, act))
        .add_property("DTSTAMP", stamp(said.max(ended).unwrap_or(ask.time)))
        .add_property("DTSTART", stamp(window.start()))
        .add_property("DTEND", stamp(window.end()))
        .add_property("SEQUENCE", number.to_string())
        .summary(&words.marked(mark, summary))
        .description(&shown)
        .status(status)
        .class(Class::Private);
    event.done()
}

/// The name of a window: the same each time, and no way back to the line's id, which a calendar's address must not tell.
fn uid(sight: &Sight<'_>, act: EntryRef) -> String {
    let hash = Sha256::digest(format!("{}-{}-{act}", sight.line.id(), sight.epoch));
    format!("{}@counterpart", hexadecimal(hash.get(..16).unwrap_or(&hash)))
}

/// A time in UTC, as RFC 5545 §3.3.5 writes it: to the second.
fn stamp(at: Timestamp) -> String {
    let text = Moment(at).to_string();
    let plain: String = text.split('.').next().unwrap_or_default().chars().filter(|c| *c != '-' && *c != ':').collect();
    format!("{plain}Z")
}

#[cfg(test)]
mod tests {
    use counterpart_core::act::Act;
    use counterpart_core::ids::Party::{Inviter, Joiner};

    use super::*;
    use crate::view::trial::Trial;

    #[test]
    fn a_window_is_in_the_calendar_once_it_is_agreed_and_confirmed_once_both_hold_that() {
        let mut trial = Trial::new();
        let ask = trial.ask(Inviter);
        trial.carry();
        let offer = trial.offer(Joiner, ask);
        trial.carry();
        assert!(trial.look(Inviter, events).is_empty());

        trial.act(Inviter, Act::Accept { offer, window: Some(trial.window(20)) });
        let before = trial.look(Inviter, events);
        trial.carry();
        let after = trial.look(Inviter, events);

        let text = |events: &[Event]| events.iter().map(|event| event.to_string()).collect::<String>();
        let (before, after) = (text(&before), text(&after));
        assert!(before.contains("STATUS:TENTATIVE") && after.contains("STATUS:CONFIRMED"), "{before}{after}");
        assert!(after.contains(&format!("DTSTART:{}", stamp(trial.window(20).start()))), "{after}");
        assert!(!after.contains("tanker adrift"), "what it is about stays here");
        let uid = |text: &str| text.lines().find(|line| line.starts_with("UID:")).unwrap().to_owned();
        assert_eq!(uid(&before), uid(&after));
    }

    #[test]
    fn a_talk_that_broke_off_with_its_epoch_stays_in_the_calendar_as_cancelled_and_later_than_it_was() {
        let mut trial = Trial::new();
        let ask = trial.ask(Inviter);
        trial.carry();
        let offer = trial.offer(Joiner, ask);
        trial.carry();
        trial.act(Inviter, Act::Accept { offer, window: Some(trial.window(20)) });
        trial.carry();
        let text = |trial: &Trial| trial.look(Inviter, events).iter().map(|e| e.to_string()).collect::<String>();
        let before = text(&trial);

        trial.wait_ms(60_000);
        trial.open_epoch(Inviter);

        let after = text(&trial);
        let of = |text: &str, field: &str| {
            let found = text.lines().find(|line| line.starts_with(field)).unwrap();
            found.split_once(':').unwrap().1.to_owned()
        };
        assert_eq!([of(&before, "STATUS"), of(&after, "STATUS")], ["CONFIRMED", "CANCELLED"]);
        assert_eq!(of(&before, "UID"), of(&after, "UID"));
        assert!(of(&before, "SEQUENCE").parse::<u8>().unwrap() < of(&after, "SEQUENCE").parse().unwrap());
        assert_eq!(of(&after, "DTSTAMP"), stamp(trial.now));
        assert!(of(&after, "DESCRIPTION").starts_with("Broken off"), "{after}");
    }

    #[test]
    fn a_calendar_says_once_that_this_program_made_it() {
        let text = begun().to_string();

        let made: Vec<&str> = text.lines().filter(|line| line.starts_with("PRODID")).collect();
        assert_eq!(made, [format!("PRODID:-//Counterpart//{}//EN", env!("CARGO_PKG_VERSION"))]);
    }

    #[test]
    fn a_time_is_written_as_calendars_read_it() {
        assert_eq!(stamp(Timestamp(0)), "19700101T000000Z");
        assert_eq!(stamp(Timestamp(1_360_700_000_999)), "20130212T201320Z");
    }
}
