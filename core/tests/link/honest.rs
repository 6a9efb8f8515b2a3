//! Two stations that keep the protocol, over a link that does not always hold.

use core::slice::from_ref;

use counterpart_core::fault::Misconduct;
use counterpart_core::ids::{Epoch, Party};
use counterpart_core::link::output::{Output, Range, Reason};
use counterpart_core::link::rate::Rate;
use counterpart_core::link::session::Session;
use counterpart_core::record::sign1::{Sign, Strict};

use crate::rig::*;

fn slowed(said: &[Output]) -> usize {
    said.iter().filter(|o| matches!(o, Output::ReadSlower { .. })).count()
}

#[test]
fn entries_that_the_peer_lacks_are_sent_after_its_hello() {
    let mut world = World::new();
    for n in 0..150 {
        world.memo(0, &format!("before {n}"));
    }
    world.memo(1, "theirs");

    world.connect();
    world.run(1_000);

    assert!(world.agrees());
    assert_eq!(world.stations[1].copied.len(), 150);
}

#[test]
fn an_entry_is_pushed_when_it_is_committed() {
    let mut world = World::new();
    world.connect();
    world.run(1_000);

    world.memo(0, "one");
    world.memo(1, "two");
    world.run(0);

    assert!(world.agrees());
    assert_eq!(world.stations[0].copied.len(), 1);
    assert_eq!(world.stations[0].copied[0].1.as_deref(), Some(&b"two"[..]));
}

#[test]
fn a_lost_session_resumes_with_a_new_hello_and_nothing_is_lost_or_twice() {
    for frames in 0..40 {
        let mut world = World::new();
        for n in 0..10 {
            world.memo(0, &format!("a {n}"));
            world.memo(1, &format!("b {n}"));
        }
        world.connect();
        world.frames_left = frames;
        world.run(500);
        world.memo(0, "while it broke");

        world.frames_left = usize::MAX;
        world.connect();
        world.run(500);

        assert!(world.agrees(), "cut after {frames} frames");
        assert_eq!([0, 1].map(|me| world.stations[me].again), [0, 0]);
    }
}

#[test]
fn a_station_pushes_no_faster_than_its_peer_reads_and_its_pings_are_answered_in_time() {
    let mut world = World::new();
    world.stations[1].rate = Rate { per_second: 20, burst: 5 };
    for n in 0..1_000 {
        world.memo(0, &format!("{n}"));
    }

    world.connect();
    world.run(49_000);
    let part = world.stations[1].copied.len();
    world.run(3_000);

    assert!((900..1_000).contains(&part), "{part} came in 49 s");
    assert!(world.agrees());
    assert!(slowed(&world.stations[1].said) < 20);
    assert!(world.stations.iter().all(|s| s.session.is_some()));
}

#[test]
fn the_records_are_even_when_each_is_known_to_hold_all_and_not_before() {
    let mut world = World::new();
    world.memo(0, "before");
    world.connect();
    assert_eq!(world.even(), [false, false]);
    world.run(0);
    assert_eq!(world.even(), [true, true]);

    world.memo(0, "after");
    assert_eq!(world.even(), [false, true]);
    world.run(0);
    assert_eq!(world.even(), [false, true]); // they hold it, and have not said so

    world.memo(1, "their next entry names it");
    world.run(0);
    assert_eq!(world.even(), [true, false]);

    world.run(15_000); // the next ping says the rest
    assert_eq!(world.even(), [true, true]);
    let told = world.stations[0].said.iter().filter_map(|o| match o {
        Output::Even(even) => Some(*even),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn a_ping_tells_the_round_trip() {
    let mut world = World::new();

    world.connect();
    world.run(40_000);

    let paths = world.stations[0].said.iter();
    let paths = paths.filter(|o| matches!(o, Output::Path(path) if path.offset_ms == 0));
    assert_eq!(paths.count(), 3); // after the hellos, at 15 s, at 30 s
}

#[test]
fn a_path_that_carries_nothing_more_is_closed_as_silent() {
    let mut world = World::new();
    world.connect();
    world.run(1_000);

    world.frames_left = 0;
    world.run(43_999);
    assert!(world.stations[0].session.is_some());
    world.run(1);

    for station in &world.stations {
        assert_eq!(closed(&station.said), Some(Reason::Silent));
    }
}

#[test]
fn a_peer_that_says_no_hello_is_closed_as_silent() {
    let held = held(Epoch::FIRST, nothing(), nothing(), first_key(Party::Inviter));
    let (mut session, _) = Session::new(setup(Party::Joiner, vec![held], Rate::default(), 0));

    assert_eq!(session.next_tick(0), Some(30_000));
    assert!(session.tick(now(29_999)).is_empty());
    assert_eq!(closed(&session.tick(now(30_000))), Some(Reason::Silent));
    assert_eq!(session.next_tick(30_000), None);
    assert!(session.tick(now(90_000)).is_empty());
}

#[test]
fn a_key_entry_changes_the_key_that_signs_what_follows() {
    let mut world = World::new();
    world.memo(0, "under the first key");
    world.connect();
    world.run(0);

    world.stations[0].own.change_key(77, root_seed(Party::Inviter));
    world.commit(0);
    world.memo(0, "under the second");
    world.run(0);

    assert!(world.agrees());
    assert_eq!(world.stations[1].copy.key(), key(77).public());
    assert_eq!(named(&world.stations[1].said), None);
}

#[test]
fn what_is_lacking_of_an_earlier_epoch_is_sent_first_and_each_entry_once() {
    let mut author = Author::new(Party::Inviter, Epoch::FIRST, 11);
    author.memo("one");
    author.memo("two");
    let epochs = [Epoch::FIRST, SECOND].map(|epoch| {
        let head = author.log.head();
        held(epoch, head, nothing(), first_key(Party::Joiner))
    });
    let (mut session, _) = Session::new(setup(Party::Inviter, epochs.to_vec(), Rate::default(), 0));
    let first = heads(nothing(), nothing());

    assert_eq!(session.wants(0), None);
    session.frame(&hello(vec![first]), now(0), &Strict); // it does not know the second epoch

    let range = |epoch, from| Range { epoch, party: Party::Inviter, from, to: 2 };
    assert_eq!(session.wants(0), Some(range(Epoch::FIRST, 0)));
    let [one, two] = author.stored.try_into().unwrap();
    assert_eq!(session.supply(range(Epoch::FIRST, 0), &[one], 0).len(), 1);
    assert_eq!(session.wants(0), Some(range(Epoch::FIRST, 1)));
    assert!(session.supply(range(Epoch::FIRST, 0), from_ref(&two), 0).is_empty());
    assert_eq!(session.supply(range(Epoch::FIRST, 1), &[two], 0).len(), 1);
    assert_eq!(session.wants(0), Some(range(SECOND, 0)));
}

#[test]
fn two_stations_without_a_common_version_both_say_so() {
    let sessions = [(Party::Inviter, vec![1, 2]), (Party::Joiner, vec![3])];
    let [(mut a, hello_a), (mut b, hello_b)] = sessions.map(|(me, versions)| {
        let held = held(Epoch::FIRST, nothing(), nothing(), first_key(me.peer()));
        let mut setup = setup(me, vec![held], Rate::default(), 0);
        setup.versions = versions;
        Session::new(setup)
    });

    for out in [a.frame(&hello_b, now(0), &Strict), b.frame(&hello_a, now(0), &Strict)] {
        assert_eq!(named(&out), Some(Misconduct::NoCommonVersion));
        assert_eq!(fault_sent(&out), Some(Misconduct::NoCommonVersion.number()));
        let reason = Reason::Misconduct(Misconduct::NoCommonVersion);
        assert_eq!(closed(&out), Some(reason));
    }
}

#[test]
fn of_several_common_versions_the_highest_is_spoken() {
    let held = held(Epoch::FIRST, nothing(), nothing(), first_key(Party::Inviter));
    let mut ours = setup(Party::Joiner, vec![held], Rate::default(), 0);
    ours.versions = vec![3, 2, 1];
    let mut theirs = setup(Party::Inviter, vec![held], Rate::default(), 0);
    theirs.versions = vec![1, 2, 4];

    let (_, hello) = Session::new(theirs);
    let out = Session::new(ours).0.frame(&hello, now(0), &Strict);

    assert!(matches!(out.first(), Some(Output::PeerHello { version: 2, .. })));
}

#[test]
fn a_station_is_not_even_while_anything_of_its_peer_is_not_committed_here() {
    let mut author = Author::new(Party::Inviter, Epoch::FIRST, 11);
    let bytes = author.memo("one");
    let (mut session, _) = joiner_meets(author.log.head());
    assert!(!session.even()); // told of, and not come

    let out = session.frame(&entry(&bytes, None), now(0), &Strict);
    assert_eq!(taken(&out).len(), 1);
    assert!(!session.even()); // come, and not committed

    let held = held(Epoch::FIRST, author.log.head(), nothing(), first_key(Party::Inviter));
    let out = session.committed(held, now(1));
    assert!(session.even());
    assert!(matches!(out.last(), Some(Output::Even(true))));
}

#[test]
fn a_path_on_which_anything_comes_is_not_silent_though_the_pong_is_late() {
    let mut author = Author::new(Party::Inviter, Epoch::FIRST, 11);
    let (mut session, _) = joiner_meets(nothing()); // pings at once

    session.frame(&entry(&author.memo("long"), None), now(29_000), &Strict);

    assert_eq!(closed(&session.tick(now(58_999))), None);
    assert_eq!(closed(&session.tick(now(59_000))), Some(Reason::Silent));
}
