//! What the charters that close an epoch name of it: what is made up, what is kept back, what is older than is remembered.

use counterpart_core::ids::{EntryRef, Epoch, Party};
use counterpart_core::line::closing::Awaited;
use counterpart_core::line::epoch::Ended;
use counterpart_core::line::restore::Word;
use counterpart_core::line::turn::{Arrived, Input};
use counterpart_core::record::entry::Head;
use counterpart_core::record::opening::{EpochHeads, Opening};
use counterpart_core::record::what::What;

use crate::meeting::World;
use crate::rig::{NORTH, SOUTH, Station, Verdict};

const MADE_UP: [u8; 32] = [99; 32];

/// What South, which lies, signs to join an epoch: these heads of the first, North's and its own.
fn joins(south: &Station, epoch: Epoch, heads: [Head; 2]) -> Input {
    let nothing = Head::empty();
    let heads = vec![EpochHeads { epoch: Epoch::FIRST, heads }];
    let what = What::Charter(Opening::Joined { heads, restored: false }.write());
    let entry = south.signed(1, (epoch, nothing), 1, what);
    Input::Arrived(Arrived { entry, body: None, verified_under: None }.into())
}

/// North asked and opened an epoch; South has not learnt of it.
fn opened() -> (World, EntryRef, Epoch) {
    let mut world = World::new();
    let ask = world.north.asks();
    world.meet();
    let epoch = world.north.opens(4, Word::Dark).unwrap();
    (world, ask, epoch)
}

fn heads(station: &Station) -> [Head; 2] {
    station.line.span(Epoch::FIRST).unwrap().heads().heads
}

/// What became of North's ask, whether the first epoch is settled, and what keeps it from that; the same after a start.
fn reads(station: &Station, ask: EntryRef) -> (&'static str, Option<Ended>, Vec<Awaited>) {
    let of = |station: &Station| {
        let ended = station.line.look(Epoch::FIRST).unwrap().ended();
        (station.outcome(Epoch::FIRST, ask), ended, station.line.awaited())
    };
    let mut started = station.clone();
    started.killed();
    assert_eq!(of(station), of(&started));
    of(station)
}

fn awaits(of: Party, by: Party, from: u64, to: u64) -> Vec<Awaited> {
    vec![Awaited { epoch: Epoch::FIRST, of, by, from, to }]
}

#[test]
fn a_peer_that_makes_up_a_head_of_its_own_ended_log_accepts_nothing_there_any_more() {
    let (mut world, ask, epoch) = opened();
    let [ours, theirs] = heads(&world.north);
    let made_up = Head { size: 1 << 50, root: MADE_UP };
    let joining = joins(&world.south, epoch, [ours, made_up]);
    world.north.takes_input(joining);
    let awaited = awaits(SOUTH, SOUTH, theirs.size, made_up.size);
    assert_eq!(reads(&world.north, ask), ("BROKEN OFF", Some(Ended::Unsettled), awaited));

    world.south.declines(ask);
    let late = world.south.sends(Epoch::FIRST, SOUTH, theirs.size as usize);
    world.north.takes_input(late);

    let awaited = awaits(SOUTH, SOUTH, theirs.size + 1, made_up.size);
    assert_eq!(reads(&world.north, ask), ("BROKEN OFF", Some(Ended::Unsettled), awaited));
}

#[test]
fn a_made_up_head_that_the_log_grows_past_is_not_of_it_and_settles_the_epoch_where_the_other_side_names_it() {
    let (mut world, ask, epoch) = opened();
    let [ours, theirs] = heads(&world.north);
    let made_up = Head { size: theirs.size + 2, root: MADE_UP };
    let joining = joins(&world.south, epoch, [ours, made_up]);
    world.north.takes_input(joining);
    world.south.declines(ask);
    world.south.writes().unwrap();

    for more in 0..2 {
        let late = world.south.sends(Epoch::FIRST, SOUTH, theirs.size as usize + more);
        world.north.takes_input(late);
    }

    assert_eq!(reads(&world.north, ask), ("BROKEN OFF", Some(Ended::Settled), vec![]));
}

#[test]
fn what_a_charter_names_of_its_authors_log_counts_when_the_last_of_it_has_come_and_nothing_before() {
    let (mut world, ask, epoch) = opened();
    let [ours, theirs] = heads(&world.north);
    world.south.declines(ask);
    world.south.writes().unwrap();
    let [_, kept_back] = heads(&world.south);
    let joining = joins(&world.south, epoch, [ours, kept_back]);
    world.north.takes_input(joining);

    let [first, last] = [0, 1].map(|more| world.south.sends(Epoch::FIRST, SOUTH, theirs.size as usize + more));
    world.north.takes_input(first);
    let awaited = awaits(SOUTH, SOUTH, theirs.size + 1, kept_back.size);
    assert_eq!(reads(&world.north, ask), ("BROKEN OFF", Some(Ended::Unsettled), awaited));
    world.north.takes_input(last);

    assert_eq!(reads(&world.north, ask), ("DECLINED", Some(Ended::Settled), vec![]));
    world.south.writes().unwrap();
    let beyond = world.south.sends(Epoch::FIRST, SOUTH, kept_back.size as usize);
    world.north.takes_input(beyond);
    assert_eq!(reads(&world.north, ask), ("DECLINED", Some(Ended::Settled), vec![]));
}

#[test]
fn a_peer_that_makes_up_a_head_of_our_log_takes_nothing_out_of_it() {
    for size in [1, 1 << 50] {
        let (mut world, ask, epoch) = opened();
        world.south.declines(ask);
        let late = world.south.sends(Epoch::FIRST, SOUTH, heads(&world.north)[1].size as usize);
        world.north.takes_input(late);
        let [ours, theirs] = heads(&world.north);

        let joining = joins(&world.south, epoch, [Head { size, root: MADE_UP }, theirs]);
        world.north.takes_input(joining);

        // North held the declining before South joined; its own charter was written before that.
        let awaited = awaits(NORTH, SOUTH, ours.size, size);
        assert_eq!(reads(&world.north, ask), ("DECLINED", Some(Ended::Unsettled), awaited));
    }
}

#[test]
fn a_made_up_head_that_is_older_than_what_is_remembered_is_looked_up_in_the_store() {
    // North lost all that it wrote in sight of South's entries, and its charter names none of these.
    let mut world = World::new();
    let ask = world.north.asks();
    world.meet();
    let backup = world.north.clone();
    world.south.declines(ask);
    world.south.writes().unwrap();
    world.meet();
    world.north.writes().unwrap();
    world.meet();
    let lost = world.north.clone();
    world.north.restored(&backup, true);
    let epoch = world.north.opens(4, Word::Dark).unwrap();
    let [ours, theirs] = heads(&world.north);
    // Everything of South's comes, with a charter that names of its log what never was, and of North's no more than North does.
    let made_up = Head { size: theirs.size + 1, root: MADE_UP };
    let joining = joins(&world.south, epoch, [ours, made_up]);
    for index in theirs.size..heads(&world.south)[1].size {
        let late = world.south.sends(Epoch::FIRST, SOUTH, index as usize);
        world.north.takes_input(late);
    }
    world.north.takes_input(joining);
    let before = reads(&world.north, ask);
    assert_eq!(before, ("BROKEN OFF", Some(Ended::Settled), vec![]));

    // A person takes back what North had written, which names South's log beyond that head.
    let shown: Vec<_> = lost.store.logs[&(Epoch::FIRST, NORTH)].iter().skip(ours.size as usize).collect();
    let shown: Vec<_> =
        shown.iter().map(|(bytes, _)| counterpart_core::record::log::Entry::read(bytes).unwrap()).collect();
    world.north.is_shown(&shown);
    assert!(world.north.judges(&[1, 4], Verdict::Take) > 0);

    let span = world.north.line.span(Epoch::FIRST).unwrap();
    assert!(span.peer().from() > made_up.size, "it is not remembered any more");
    assert_eq!(reads(&world.north, ask), before);
}
