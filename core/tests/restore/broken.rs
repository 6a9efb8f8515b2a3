//! What an ended epoch broke off is told at both ends, until a person there has taken note of it.

use counterpart_core::act::{Act, Target};
use counterpart_core::fault::Refusal;
use counterpart_core::ids::{EntryRef, Epoch};
use counterpart_core::line::broken::Left;
use counterpart_core::line::restore::Word;
use counterpart_core::line::turn::{Arrived, Input};
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::{Code, LineState, OnSilence};
use counterpart_core::record::entry::Head;
use counterpart_core::record::kind::Kind;
use counterpart_core::record::opening::Opening;
use counterpart_core::record::what::{Offered, What};
use counterpart_core::time::{Timestamp, Window};

use crate::asks::ask;
use crate::meeting::World;
use crate::rig::{NORTH, SOUTH, START, Station, post};

const HOUR: u64 = 3_600_000;
/// The charter by which North opens an epoch.
const OPENING: EntryRef = EntryRef { party: NORTH, index: 0 };

/// What broke off and nobody there has noted, and how it was left.
fn unnoted(station: &Station) -> Vec<(EntryRef, Left)> {
    station.line.broken_off_unnoted().iter().map(|broken| (broken.at, broken.left)).collect()
}

/// The requests among that.
fn requests(station: &Station) -> Vec<(EntryRef, Left)> {
    let requests = station.line.broken_off_unnoted().iter().filter(|broken| broken.is_request());
    requests.map(|broken| (broken.at, broken.left)).collect()
}

/// Somebody there takes note of all that is told at the charter that opened the epoch.
fn takes_note(station: &mut Station) -> Vec<(Epoch, EntryRef)> {
    let (at, tally) = (station.line.opened_by().unwrap(), station.line.tally());
    station.line.note_broken_off(at, tally).unwrap()
}

fn rings(station: &Station) -> Vec<(EntryRef, Kind, Precedence, Mark)> {
    station.line.rings().iter().map(|ring| (ring.at, ring.kind, ring.precedence, ring.mark)).collect()
}

/// A station offers an hour from `after` on.
fn offers(station: &mut Station, ask: EntryRef, after: u64) -> (EntryRef, Window) {
    let begin = Timestamp(station.now + after);
    let window = Window::new(begin, begin.plus(HOUR)).unwrap();
    let windows = vec![Offered { window, zone: "UTC".into() }];
    let on = Target::Entry(ask);
    let offer = Act::Offer { on, windows, answer_by: begin, on_silence: OnSilence::Stands, code: None };
    (station.act(offer).unwrap(), window)
}

/// North asks, South names an hour from `after` on, North takes it: the ask, the offer and the hour.
fn agrees(world: &mut World, after: u64) -> (EntryRef, EntryRef, Window) {
    let ask = world.north.asks();
    world.meet();
    let (offer, window) = offers(&mut world.south, ask, after);
    world.meet();
    world.north.act(Act::Accept { offer, window: Some(window) }).unwrap();
    world.meet();
    (ask, offer, window)
}

#[test]
fn what_was_open_rings_at_both_ends_at_the_charter_that_ended_it_until_noted_also_after_a_start() {
    let mut world = World::new();
    let asked = world.north.act(ask(Precedence::Flash)).unwrap();
    world.meet();
    let closed = world.south.asks();
    world.meet();
    let declined = world.north.declines(closed);
    world.meet();
    assert!(world.south.line.note(declined) && unnoted(&world.south).is_empty());

    world.north.opens(4, Word::Dark).unwrap();
    world.meet();

    for station in [&mut world.north, &mut world.south] {
        let (told, rung) = ([(asked, Left::Open)], [(OPENING, Kind::Charter, Precedence::Flash, Mark::Exercise)]);
        assert_eq!(station.line.opened_by(), Some(OPENING));
        for _ in 0..2 {
            assert_eq!((unnoted(station), rings(station)), (told.to_vec(), rung.to_vec()));
            station.killed();
            station.line.broken_off_noted_before(Epoch::FIRST, [declined]);
        }
        let (elsewhere, tally) = (EntryRef { party: SOUTH, index: 0 }, station.line.tally());
        assert_eq!(station.line.note_broken_off(elsewhere, tally), Ok(vec![]), "nothing rings there");
        assert_eq!(takes_note(station), [(Epoch::FIRST, asked)]);
        assert!(rings(station).is_empty() && takes_note(station).is_empty());
        station.killed();
        station.line.broken_off_noted_before(Epoch::FIRST, [asked, declined]);
        assert!(rings(station).is_empty());
        assert!(station.line.is_broken_off(Epoch::FIRST, asked), "it is still what broke off");
        assert!(!station.line.is_broken_off(Epoch::FIRST, closed));
        assert!(!station.line.is_broken_off(station.line.epoch(), asked), "that is another request");
    }
}

#[test]
fn a_talk_that_was_still_to_come_broke_off_and_one_that_is_past_or_cancelled_did_not() {
    let mut world = World::new();
    let (kept, told, window) = agrees(&mut world, 10 * HOUR);
    let (cancelled, ..) = agrees(&mut world, 10 * HOUR);
    let (past, ..) = agrees(&mut world, HOUR);
    world.south.act(Act::Cancel { request: cancelled, code: Code::Engaged }).unwrap();
    world.meet();
    for station in [&mut world.north, &mut world.south] {
        station.now += 3 * HOUR;
    }

    world.north.opens(4, Word::Dark).unwrap();
    world.meet();

    for station in [&world.north, &world.south] {
        assert_eq!(requests(station), [(told, Left::Agreed(window))]);
        let broken = |ask| station.line.is_broken_off(Epoch::FIRST, ask);
        assert_eq!([kept, cancelled, past].map(broken), [true, false, false]);
        assert_eq!(station.outcome(Epoch::FIRST, past), "AGREED");
    }
}

#[test]
fn who_opens_an_epoch_with_a_clock_far_ahead_hides_no_talk_from_the_other_side() {
    let mut world = World::new();
    let (_, told, window) = agrees(&mut world, HOUR);
    world.north.now += 1_000 * HOUR;

    world.north.opens(4, Word::Dark).unwrap();
    assert!(unnoted(&world.north).is_empty(), "by its own clock it is past");
    world.meet();

    for station in [&world.north, &world.south] {
        assert_eq!(unnoted(station), [(told, Left::Agreed(window))], "and what agreed on it is told with it");
    }
}

#[test]
fn who_opens_an_epoch_with_a_clock_far_behind_makes_no_talk_that_is_past_one_to_come() {
    let mut world = World::new();
    agrees(&mut world, HOUR);
    for station in [&mut world.north, &mut world.south] {
        station.now += 3 * HOUR;
        station.writes().unwrap();
    }
    world.meet();
    world.north.now = START;

    world.north.opens(4, Word::Dark).unwrap();
    world.meet();

    for station in [&world.north, &world.south] {
        assert_eq!(requests(station), []);
    }
}

#[test]
fn what_nobody_has_read_or_was_told_rings_at_the_opening_and_what_was_read_or_noted_does_not() {
    let mut world = World::new();
    let (from, to, precedence, mark) = (post(), post(), Precedence::Flash, Mark::Exercise);
    let text = Act::Text { from, to, precedence, mark };
    let [unread, read] = [world.south.act(text.clone()).unwrap(), world.south.act(text).unwrap()];
    let [declined, noted, open] = [world.north.asks(), world.north.asks(), world.north.asks()];
    world.meet();
    world.north.act(Act::Read { text: read }).unwrap();
    let [decline, told] = [world.south.declines(declined), world.south.declines(noted)];
    let defer = Act::Defer { on: Target::Entry(open), code: Code::Engaged, until: None };
    let defer = world.south.act(defer).unwrap();
    world.meet();
    assert!(world.north.line.note(told));

    // It need not wait until any of it has rung.
    world.south.opens(4, Word::Dark).unwrap();
    world.meet();

    let left = [(open, Left::Open), (unread, Left::Unread), (decline, Left::Untold), (defer, Left::Untold)];
    let opening = EntryRef { party: SOUTH, index: 0 };
    for _ in 0..2 {
        assert_eq!(unnoted(&world.north), left);
        assert_eq!(rings(&world.north), [(opening, Kind::Charter, Precedence::Flash, Mark::Exercise)]);
        world.north.killed();
        world.north.line.broken_off_noted_before(Epoch::FIRST, [told]);
    }
    assert_eq!(unnoted(&world.south), [(open, Left::Open)], "its own texts and acts are known to it");
    assert_eq!(takes_note(&mut world.north).len(), left.len());
    assert!(rings(&world.north).is_empty());
}

#[test]
fn taking_note_is_of_what_was_told_and_of_nothing_that_came_meanwhile() {
    let mut world = World::new();
    world.north.asks();
    world.meet();
    world.south.asks();
    world.north.opens(4, Word::Dark).unwrap();
    let told = world.north.line.tally();

    world.meet();

    for tally in [told, None] {
        assert_eq!(world.north.line.note_broken_off(OPENING, tally), Err(Refusal::MoreBrokeOff));
    }
    assert_eq!((rings(&world.north).len(), unnoted(&world.north).len()), (1, 2));
    assert_eq!(takes_note(&mut world.north).len(), 2);
}

#[test]
fn what_comes_late_of_an_ended_epoch_rings_though_the_rest_was_noted_and_what_closes_it_rings_no_more() {
    let mut world = World::new();
    let [first, second] = [world.north.asks(), world.north.asks()];
    world.meet();
    let [decline, late] = [world.south.declines(first), world.south.asks()];
    world.north.opens(4, Word::Dark).unwrap();
    assert_eq!(unnoted(&world.north), [(first, Left::Open), (second, Left::Open)]);
    assert_eq!(takes_note(&mut world.north).len(), 2);
    assert!(rings(&world.north).is_empty());

    world.meet();

    assert_eq!(unnoted(&world.north), [(decline, Left::Untold), (late, Left::Open)]);
    assert_eq!(rings(&world.north).len(), 1);
    assert_eq!(unnoted(&world.south), [(second, Left::Open), (late, Left::Open)]);
    // Only what came was looked at; a start looks at all of it, and finds the same.
    let found = world.north.line.broken_off_unnoted().to_vec();
    world.north.killed();
    world.north.line.broken_off_noted_before(Epoch::FIRST, [first, second]);
    assert_eq!((world.north.line.broken_off_unnoted(), found.len()), (found.as_slice(), 2));
}

#[test]
fn a_talk_that_turns_out_to_be_agreed_is_told_though_the_request_was_noted_as_open() {
    let mut world = World::new();
    let ask = world.south.asks();
    world.meet();
    let (offer, window) = offers(&mut world.north, ask, 10 * HOUR);
    world.meet();
    world.north.opens(4, Word::Dark).unwrap();
    assert_eq!(takes_note(&mut world.north), [(Epoch::FIRST, ask)]);

    // It does not know yet that the epoch has ended.
    world.south.act(Act::Accept { offer, window: Some(window) }).unwrap();
    world.meet();

    for _ in 0..2 {
        assert_eq!(unnoted(&world.north), [(offer, Left::Agreed(window))]);
        assert_eq!(rings(&world.north).len(), 1);
        world.north.killed();
        world.north.line.broken_off_noted_before(Epoch::FIRST, [ask]);
    }
    assert_eq!(takes_note(&mut world.north), [(Epoch::FIRST, offer)]);
    assert!(rings(&world.north).is_empty() && world.north.line.is_broken_off(Epoch::FIRST, ask));
}

#[test]
fn that_somebody_took_note_of_an_accept_does_not_hide_that_its_talk_broke_off() {
    let mut world = World::new();
    let ask = world.north.asks();
    world.meet();
    let (offer, window) = offers(&mut world.south, ask, 10 * HOUR);
    world.meet();
    let accept = world.north.act(Act::Accept { offer, window: Some(window) }).unwrap();
    world.meet();
    assert!(world.south.line.note(accept));

    world.north.opens(4, Word::Dark).unwrap();
    world.meet();

    for _ in 0..2 {
        assert_eq!(unnoted(&world.south), [(offer, Left::Agreed(window))]);
        world.south.killed();
        world.south.line.broken_off_noted_before(Epoch::FIRST, [accept]);
    }
}

#[test]
fn of_257_urgent_texts_the_latest_256_are_told_and_the_other_when_there_is_room_the_same_after_a_start() {
    let mut world = World::new();
    let text = Act::Text { from: post(), to: post(), precedence: Precedence::Flash, mark: Mark::Operation };
    let mut last = None;
    for _ in 0..257 {
        last = Some(world.south.act(text.clone()).unwrap());
    }
    world.meet();
    world.north.opens(4, Word::Dark).unwrap();
    let told = unnoted(&world.north);
    assert_eq!((told.len(), told[0]), (256, (EntryRef { party: SOUTH, index: 2 }, Left::Unread)));
    let retract = world.south.act(Act::Retract { text: last.unwrap() }).unwrap();

    world.north.turn(vec![world.south.sends(Epoch::FIRST, SOUTH, retract.index as usize)]);

    let told = unnoted(&world.north);
    assert_eq!((told.len(), told[0]), (256, (EntryRef { party: SOUTH, index: 1 }, Left::Unread)));
    world.north.killed();
    assert_eq!(unnoted(&world.north), told);
}

#[test]
fn what_is_meant_is_not_told_as_an_exercise_and_a_quiet_station_is_told_nothing() {
    let mut world = World::new();
    world.north.act(ask(Precedence::Flash)).unwrap();
    let Act::Ask { from, to, mode, .. } = ask(Precedence::Routine) else { panic!("an ask") };
    let (precedence, mark) = (Precedence::Priority, Mark::Operation);
    let meant = Act::Ask { from, to, precedence, mark, mode, private: false, valid_until: None, again: None };
    world.north.act(meant).unwrap();
    world.meet();
    world.north.opens(4, Word::Dark).unwrap();
    world.meet();

    let of = |station: &Station| rings(station).first().map(|ring| (ring.2, ring.3));
    assert_eq!(of(&world.south), Some((Precedence::Priority, Mark::Operation)));
    world.south.act(Act::State { state: LineState::Suspended, until: None }).unwrap();
    assert_eq!((rings(&world.south).len(), unnoted(&world.south).len()), (0, 2));
}

#[test]
fn who_opens_an_epoch_and_closes_the_line_in_it_silences_nothing_that_broke_off() {
    let mut world = World::new();
    let text = Act::Text { from: post(), to: post(), precedence: Precedence::Flash, mark: Mark::Operation };
    let unread = world.south.act(text).unwrap();
    let declined = world.north.asks();
    world.meet();
    let decline = world.south.declines(declined);
    world.south.opens(4, Word::Dark).unwrap();

    let closing = world.south.act(Act::State { state: LineState::Closed, until: None }).unwrap();
    world.meet();

    let opening = EntryRef { party: SOUTH, index: 0 };
    let told = (opening, Kind::Charter, Precedence::Flash, Mark::Operation);
    let closed = (closing, Kind::State, Precedence::Priority, Mark::Operation);
    assert_eq!(rings(&world.north), [told, closed]);
    assert_eq!(unnoted(&world.north), [(unread, Left::Unread), (decline, Left::Untold)]);
    assert_eq!(takes_note(&mut world.north).len(), 2);
    assert_eq!(rings(&world.north), [closed]);
    assert!(world.north.line.note(closing) && rings(&world.north).is_empty());
}

#[test]
fn a_late_word_of_the_other_side_silences_no_talk_that_broke_off_and_a_cancel_is_told_in_its_place() {
    let mut world = World::new();
    let (ask, offer, window) = agrees(&mut world, 10 * HOUR);
    world.meet();
    let late = |act: Act| {
        let (mut north, mut south) = (world.north.clone(), world.south.clone());
        north.opens(4, Word::Dark).unwrap();
        assert_eq!(requests(&north), [(offer, Left::Agreed(window))]);
        // By its own clock the talk has begun.
        south.now += 10 * HOUR + 1_000;
        let at = south.act(act).unwrap();
        north.turn(vec![south.sends(Epoch::FIRST, SOUTH, at.index as usize)]);
        let told = unnoted(&north);
        let rang = rings(&north).len();
        takes_note(&mut north);
        assert_eq!((rang, rings(&north)), (1, vec![]));
        (at, told)
    };

    let (cancel, told) = late(Act::Cancel { request: ask, code: Code::Engaged });
    assert_eq!(told, [(cancel, Left::Untold)]);
    let (_, told) = late(Act::Missed { request: ask });
    assert_eq!(told, [(offer, Left::Agreed(window))]);
}

#[test]
fn what_the_other_side_cancelled_and_nobody_noted_before_the_epoch_ended_is_told_after_it() {
    let mut world = World::new();
    let (request, ..) = agrees(&mut world, 10 * HOUR);
    let cancel = world.south.act(Act::Cancel { request, code: Code::Engaged }).unwrap();
    world.meet();

    world.south.opens(20, Word::Heard).unwrap();
    world.meet();

    assert_eq!((unnoted(&world.north), requests(&world.south)), (vec![(cancel, Left::Untold)], vec![]));
}

/// What North reads of a request of its ended first epoch: its outcome, and whether that is settled for North.
fn reads(north: &Station, request: EntryRef) -> (&'static str, bool) {
    let view = north.line.look(Epoch::FIRST).unwrap();
    let decision = view.decision(view.fact(request).unwrap());
    (decision.outcome.word(), view.settled_for(NORTH, &decision))
}

#[test]
fn no_outcome_is_settled_in_an_ended_epoch_that_is_not() {
    let mut world = World::new();
    let request = world.south.asks();
    world.meet();
    let (offer, window) = offers(&mut world.north, request, 10 * HOUR);
    world.meet();
    let mut south = world.south.clone();
    let north = &mut world.north;
    let one = north.opens(4, Word::Dark).unwrap();
    let two = north.opens(7, Word::Dark).unwrap();
    let named = [Epoch::FIRST, one].map(|epoch| north.line.span(epoch).unwrap().heads());
    // South's joining of an epoch, which names these.
    let joins = |south: &Station, epoch, heads: &[_]| {
        let opening = Opening::Joined { heads: heads.to_vec(), restored: false };
        let entry = south.signed(1, (epoch, Head::empty()), 1, What::Charter(opening.write()));
        Input::Arrived(Arrived { entry, body: None, verified_under: None }.into())
    };

    let accept = south.act(Act::Accept { offer, window: Some(window) }).unwrap();
    north.turn(vec![south.sends(Epoch::FIRST, SOUTH, accept.index as usize)]);
    let first = south.line.span(Epoch::FIRST).unwrap().heads();
    north.turn(vec![joins(&south, one, &[first])]);
    assert_eq!(reads(north, request), ("AGREED", false));

    north.turn(vec![joins(&south, two, &named)]);
    assert_eq!(reads(north, request), ("BROKEN OFF", true));
}
