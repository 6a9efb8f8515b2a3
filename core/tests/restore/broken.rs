//! What an ended epoch broke off is told at both ends, until a person there has taken note of it.

use counterpart_core::act::{Act, Target};
use counterpart_core::ids::{EntryRef, Epoch};
use counterpart_core::line::restore::Word;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::{Code, LineState, OnSilence};
use counterpart_core::record::kind::Kind;
use counterpart_core::record::what::Offered;
use counterpart_core::time::{Timestamp, Window};

use crate::asks::ask;
use crate::meeting::World;
use crate::rig::{NORTH, SOUTH, Station};

const HOUR: u64 = 3_600_000;
/// The charter by which North opens an epoch.
const OPENING: EntryRef = EntryRef { party: NORTH, index: 0 };

/// What broke off and nobody there has noted: the ask, and the time that was agreed.
fn unnoted(station: &Station) -> Vec<(EntryRef, Option<Window>)> {
    station.line.broken_off_unnoted().map(|broken| (broken.ask, broken.agreed)).collect()
}

fn rings(station: &Station) -> Vec<(EntryRef, Kind, Precedence, Mark)> {
    station.line.rings().iter().map(|ring| (ring.at, ring.kind, ring.precedence, ring.mark)).collect()
}

/// North asks, South names an hour from `after` on, North takes it.
fn agrees(world: &mut World, after: u64) -> (EntryRef, Window) {
    let ask = world.north.asks();
    world.meet();
    let begin = Timestamp(world.south.now + after);
    let window = Window::new(begin, begin.plus(HOUR)).unwrap();
    let windows = vec![Offered { window, zone: "UTC".into() }];
    let answer_by = begin;
    let on = Target::Entry(ask);
    let offer = Act::Offer { on, windows, answer_by, on_silence: OnSilence::Stands, code: None };
    let offer = world.south.act(offer).unwrap();
    world.meet();
    world.north.act(Act::Accept { offer, window: Some(window) }).unwrap();
    world.meet();
    (ask, window)
}

#[test]
fn what_was_open_rings_at_both_ends_at_the_charter_that_ended_it_until_noted_also_after_a_start() {
    let mut world = World::new();
    let asked = world.north.act(ask(Precedence::Flash)).unwrap();
    world.meet();
    let closed = world.south.asks();
    world.meet();
    world.north.declines(closed);
    world.meet();
    assert!(unnoted(&world.south).is_empty());

    world.north.opens(4, Word::Dark).unwrap();
    world.meet();

    for station in [&mut world.north, &mut world.south] {
        let (told, rung) = ([(asked, None)], [(OPENING, Kind::Charter, Precedence::Flash, Mark::Exercise)]);
        assert_eq!(station.line.opened_by(), Some(OPENING));
        for _ in 0..2 {
            assert_eq!((unnoted(station), rings(station)), (told.to_vec(), rung.to_vec()));
            station.killed();
        }
        assert!(station.line.note_broken_off(EntryRef { party: SOUTH, index: 0 }).is_empty(), "nothing rings there");
        assert_eq!(station.line.note_broken_off(OPENING), [(Epoch::FIRST, asked)]);
        assert!(rings(station).is_empty() && station.line.note_broken_off(OPENING).is_empty());
        station.killed();
        station.line.broken_off_noted_before(Epoch::FIRST, asked);
        assert!(rings(station).is_empty());
        assert_eq!(station.line.broken_off().count(), 1, "it is still what broke off");
    }
}

#[test]
fn a_talk_that_was_still_to_come_broke_off_and_one_that_is_past_or_cancelled_did_not() {
    let mut world = World::new();
    let (kept, window) = agrees(&mut world, 10 * HOUR);
    let (cancelled, _) = agrees(&mut world, 10 * HOUR);
    let (past, _) = agrees(&mut world, HOUR);
    world.south.act(Act::Cancel { request: cancelled, code: Code::Engaged }).unwrap();
    world.meet();
    for station in [&mut world.north, &mut world.south] {
        station.now += 3 * HOUR;
    }

    world.north.opens(4, Word::Dark).unwrap();
    world.meet();

    for station in [&world.north, &world.south] {
        assert_eq!(unnoted(station), [(kept, Some(window))]);
        assert_eq!(station.outcome(Epoch::FIRST, past), "AGREED");
    }
}

#[test]
fn who_opens_an_epoch_with_a_clock_far_ahead_hides_no_talk_from_the_other_side() {
    let mut world = World::new();
    let (asked, window) = agrees(&mut world, HOUR);
    world.north.now += 1_000 * HOUR;

    world.north.opens(4, Word::Dark).unwrap();
    assert!(unnoted(&world.north).is_empty(), "by its own clock it is past");
    world.meet();

    for station in [&world.north, &world.south] {
        assert_eq!(unnoted(station), [(asked, Some(window))]);
    }
}

#[test]
fn what_comes_late_of_an_ended_epoch_rings_though_the_rest_was_noted_and_what_closes_it_rings_no_more() {
    let mut world = World::new();
    let [first, second] = [world.north.asks(), world.north.asks()];
    world.meet();
    world.south.declines(first);
    let late = world.south.asks();
    world.north.opens(4, Word::Dark).unwrap();
    assert_eq!(unnoted(&world.north), [(first, None), (second, None)]);
    assert_eq!(world.north.line.note_broken_off(OPENING).len(), 2);
    assert!(rings(&world.north).is_empty());

    world.meet();

    assert_eq!(unnoted(&world.north), [(late, None)]);
    assert_eq!(rings(&world.north).len(), 1);
    assert_eq!(unnoted(&world.south), [(second, None), (late, None)]);
    // Only what came was looked at; a start looks at all of it, and finds the same.
    let found: Vec<_> = world.north.line.broken_off().copied().collect();
    world.north.killed();
    assert!(found.iter().eq(world.north.line.broken_off()) && found.len() == 2);
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
